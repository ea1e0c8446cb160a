"""`kalends ...`: each command parses, calls one function, prints.

Errors go to standard error with exit 1; bad usage exits 2. Django is set up by the commands that need it, so that
`--help` answers at once and a broken configuration is reported in one line.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from kalends import __version__
from kalends.core.errors import KalendsError
from kalends.ops import commands


class CommandFailed(Exception):
    """Its text is shown; the command exits 1."""


def run(arguments: Sequence[str]) -> int:
    """The whole program. Returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalends.config.settings")
    if list(arguments[:1]) == ["manage"]:
        return commands.manage(list(arguments[1:]))
    options = _parser().parse_args(arguments)
    try:
        return int(options.handler(options) or 0)
    except KeyboardInterrupt:
        return 130
    except (KalendsError, CommandFailed, OSError, ValueError) as error:
        print(f"kalends: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        # Django's ImproperlyConfigured and database errors: one line for people, the trace on request.
        if os.environ.get("KALENDS_TRACE"):
            raise
        print(f"kalends: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kalends", description="Appointment scheduling with calendar sync.")
    parser.add_argument("--version", action="version", version=f"kalends {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in commands.ALL:
        sub = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=command.summary,
            epilog=f"example: {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(handler=command.run)
    subparsers.add_parser("manage", help="Django's own commands", epilog="example: kalends manage dbshell")
    return parser
