"""`kalends sync`: what the engine would do, or does, for one connection or all."""

from __future__ import annotations

import argparse
import sys

from kalends.ops.commands.base import Command, set_up


def _arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--connection", metavar="ID", help="one connection")
    which.add_argument("--all", action="store_true", help="every connection that is read")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")


def _run(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.syncing import sync_connections  # noqa: PLC0415 - app ready

    failed = 0
    for report in sync_connections(ident=options.connection, dry_run=options.dry_run):
        print(report.text, file=sys.stderr if report.failed else sys.stdout)
        failed += report.failed
    return 1 if failed else 0


SYNC = Command(
    "sync",
    "Look at connected calendars now; --dry-run prints the plan.",
    "kalends sync --all --dry-run",
    _run,
    _arguments,
)
