"""What the commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import django
from django.core.management import execute_from_command_line


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    summary: str
    example: str
    run: Callable[[argparse.Namespace], int | None]
    add_arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments


def set_up() -> None:
    """Django's registry, for commands that touch rows."""
    django.setup()


def manage(arguments: list[str]) -> int:
    """Django's own commands: `kalends manage shell`."""
    execute_from_command_line(["kalends manage", *arguments])
    return 0
