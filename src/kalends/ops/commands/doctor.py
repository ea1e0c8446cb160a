"""`kalends doctor`."""

from __future__ import annotations

import argparse

from kalends.ops.commands.base import Command, set_up

_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def _run(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.doctor import examine  # noqa: PLC0415 - app ready

    findings = examine()
    for finding in findings:
        print(f"{_MARKS[finding.level]}  {finding.subject}: {finding.text}")
    return 1 if any(finding.level == "wrong" for finding in findings) else 0


DOCTOR = Command(
    "doctor", "Check database, queue, keys, mail, address and providers; say what to do.", "kalends doctor", _run
)
