"""web, worker, serve, migrate."""

from __future__ import annotations

import argparse

from kalends.ops import processes
from kalends.ops.commands.base import Command, set_up


def _bind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bind", metavar="HOST:PORT", help="where web listens (default: KALENDS_BIND)")
    parser.add_argument("--web-processes", type=int, default=2, metavar="N", help="web processes (default: 2)")


def _threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=int, default=4, metavar="N", help="tasks at once (default: 4)")


def _serve_arguments(parser: argparse.ArgumentParser) -> None:
    _bind(parser)
    _threads(parser)


def _web(options: argparse.Namespace) -> int:
    return processes.run_web(bind=options.bind, web_processes=options.web_processes)


def _worker(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.worker import run_worker  # noqa: PLC0415 - app ready

    return run_worker(threads=options.threads)


def _serve(options: argparse.Namespace) -> int:
    return processes.run_serve(bind=options.bind, web_processes=options.web_processes, threads=options.threads)


def _migrate(options: argparse.Namespace) -> int:
    set_up()
    from django.core.management import call_command  # noqa: PLC0415 - app ready

    call_command("migrate", interactive=False, verbosity=1)
    return 0


WEB = Command("web", "Serve the pages and the API.", "kalends web --bind 0.0.0.0:8000", _web, _bind)
WORKER = Command(
    "worker", "Run background work and sweeps; any number, on any host.", "kalends worker", _worker, _threads
)
SERVE = Command(
    "serve", "Web, worker and sweeps in one command, for one machine.", "kalends serve", _serve, _serve_arguments
)
MIGRATE = Command("migrate", "Bring the database to this version's tables.", "kalends migrate", _migrate)
