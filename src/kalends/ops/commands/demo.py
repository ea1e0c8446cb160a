"""`kalends demo`."""

from __future__ import annotations

import argparse

from kalends.ops.commands.base import Command, set_up


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", action="store_true", help="also start stand-in calendars, web and worker around it")
    parser.add_argument("--port", type=int, default=8000, help="where --run serves (default: 8000)")


def _run(options: argparse.Namespace) -> int:
    if options.run:
        from kalends.ops.demo.run import run_demo  # noqa: PLC0415 - app ready: it sets the environment first

        return run_demo(web_port=options.port)
    set_up()
    from kalends.ops.demo.rows import make_demo, sign_in  # noqa: PLC0415 - app ready

    make_demo()
    email, password = sign_in()
    print(f"Lakeside Clinic is there; sign in with {email} and {password}")
    return 0


DEMO = Command(
    "demo", "Make the demo company; with --run, everything around it.", "kalends demo --run", _run, _arguments
)
