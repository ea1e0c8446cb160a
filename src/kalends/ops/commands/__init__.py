"""The program's commands. Adding one: a module with a `Command`, named in `ALL`, a line in docs/operations.md."""

from __future__ import annotations

from kalends.ops.commands.backup import BACKUP, RELEASE, RESTORE
from kalends.ops.commands.base import Command, manage
from kalends.ops.commands.company import COMPANY
from kalends.ops.commands.demo import DEMO
from kalends.ops.commands.doctor import DOCTOR
from kalends.ops.commands.keys import KEYS
from kalends.ops.commands.sandbox import SANDBOX
from kalends.ops.commands.serving import MIGRATE, SERVE, WEB, WORKER
from kalends.ops.commands.slots import SLOTS
from kalends.ops.commands.sync import SYNC

ALL: tuple[Command, ...] = (
    *(SERVE, WEB, WORKER, MIGRATE, DOCTOR, COMPANY, SYNC, SLOTS, KEYS),
    *(BACKUP, RESTORE, RELEASE, DEMO, SANDBOX),
)

__all__ = ["ALL", "Command", "manage"]
