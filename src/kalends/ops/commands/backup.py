"""backup, restore, release."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from uuid import UUID

from kalends.core.clock import utc_now
from kalends.ops.commands.base import Command, set_up


def _progress(table: str, done: int, total: int) -> None:
    if total:
        print(f"{table}: {done} of {total}", file=sys.stderr, flush=True)


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")


def _backup(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.backup.writing import write_backup  # noqa: PLC0415 - app ready

    written = write_backup(options.file, now=utc_now(), progress=_progress)
    print(f"{written.rows} rows, {options.file.stat().st_size} bytes in {options.file}")
    if written.key_ids:
        print(f"keep with it, elsewhere, the encryption keys {', '.join(sorted(written.key_ids))}")
    return 0


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _file(parser)
    parser.add_argument("--check", action="store_true", help="only say whether the file could be restored here")


def _restore(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.backup.restoring import check_backup, restore_backup  # noqa: PLC0415 - app ready

    if options.check:
        manifest = check_backup(options.file)
        print(f"whole, made {manifest.made_at:%Y-%m-%d %H:%M} UTC by version {manifest.version}; its keys are here")
        return 0
    restored = restore_backup(options.file, now=utc_now(), progress=_progress)
    print(f"{restored.rows} rows of {restored.made_at:%Y-%m-%d %H:%M} UTC are back")
    print(f"held: {restored.connections} calendar connections (they read, they write nothing)")
    print(f"held: {restored.messages} mails that had not left when the backup was made")
    print(f"held: {restored.webhooks} webhooks (what happens is kept for them)")
    print("API keys, members and invitations that were revoked since then are valid again: look through them")
    print("next: start web and worker; see `kalends sync --all --dry-run` and `kalends release`")
    return 0


def _release_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--connection", type=UUID, metavar="ID", help="let one connection write and act again")
    what.add_argument("--connections", action="store_true", help="let all of them")
    what.add_argument("--messages", choices=("send", "discard"), help="send the held mails after all, or give them up")
    what.add_argument("--webhooks", action="store_true", help="let all webhooks go on")


def _release(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.backup import releasing  # noqa: PLC0415 - app ready

    now = utc_now()
    if options.connection or options.connections:
        print(f"{releasing.release_connections(ident=options.connection, now=now)} connections released")
    elif options.messages == "send":
        print(f"{releasing.send_held(now=now)} mails leave")
    elif options.messages == "discard":
        print(f"{releasing.discard_held(now=now)} mails given up")
    elif options.webhooks:
        print(f"{releasing.release_webhooks(now=now)} webhooks released")
    else:
        _show_held()
    return 0


def _show_held() -> None:
    from kalends.ops.backup import releasing  # noqa: PLC0415 - app ready

    for held in releasing.held_connections():
        read = "read since the restore" if held.read_since else "not read yet: its plan is not whole"
        more = f"; {held.unlinked} events with our mark belong to no appointment and stay" if held.unlinked else ""
        print(f"connection  {held.id}  {held.provider}  {held.state}  {read}{more}")
    for message in releasing.held_messages():
        print(f"mail        {message.pk}  {message.kind}  {message.recipient}  {message.created_at:%Y-%m-%d %H:%M} UTC")
    for webhook in releasing.held_webhooks():
        print(f"webhook     {webhook.pk}  {webhook.host}")


BACKUP = Command(
    "backup", "Write all data into one file, while everything runs.", "kalends backup FILE", _backup, _file
)
RESTORE = Command(
    "restore",
    "Read a backup into an empty database; nothing is written or mailed until it is released.",
    "kalends restore FILE",
    _restore,
    _restore_arguments,
)
RELEASE = Command(
    "release",
    "Show what a restore holds, and let it go.",
    "kalends release --connections",
    _release,
    _release_arguments,
)
