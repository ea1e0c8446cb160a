"""`kalends sandbox`: the local stand-ins of the calendar providers, alone."""

from __future__ import annotations

import argparse
import subprocess
import sys

from kalends.ops.commands.base import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8001, help="default: 8001, on loopback")
    parser.add_argument("--data", default="var/sandbox", metavar="DIR", help="where calendars are kept")
    parser.add_argument("--mail", default="var/mail", metavar="DIR", help="the folder whose mails are shown")


def _run(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "kalends.sandbox", "--port", str(options.port)]
    return subprocess.call([*command, "--data", options.data, "--mail", options.mail])


SANDBOX = Command(
    "sandbox", "Run the stand-in calendars alone, with their page.", "kalends sandbox --port 8001", _run, _arguments
)
