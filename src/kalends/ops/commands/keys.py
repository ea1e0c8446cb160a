"""`kalends keys`: new encryption keys, and re-sealing what older ones sealed."""

from __future__ import annotations

import argparse

from kalends.core.sealing import new_encryption_key
from kalends.jobs import secrets
from kalends.ops.commands.base import Command, set_up


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("new", "rotate"), help="new: print a key; rotate: re-seal with the first key"
    )


def _run(options: argparse.Namespace) -> int:
    if options.action == "new":
        print(new_encryption_key())
        return 0
    set_up()
    total = secrets.rotate(lambda column, done: print(f"{column}: {done} sealed again"))
    print(f"{total} values now use the first key of KALENDS_ENCRYPTION_KEYS; older keys may be removed from the list")
    return 0


KEYS = Command("keys", "Make and rotate the keys that seal credentials.", "kalends keys rotate", _run, _arguments)
