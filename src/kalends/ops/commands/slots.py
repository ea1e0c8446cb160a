"""`kalends slots --cases FILE`: replays availability cases through the engine that the booking page uses."""

from __future__ import annotations

import argparse
from pathlib import Path

from kalends.ops.commands.base import Command
from kalends.scheduling.cases import run_cases


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", required=True, metavar="FILE", help="a JSON file of availability cases")


def _run(options: argparse.Namespace) -> int:
    results = run_cases(Path(options.cases).read_text(encoding="utf-8"))
    for result in results:
        print(f"{result.id:6} {result.outcome}" + (f": {result.detail}" if result.detail else ""))
    counts = {outcome: sum(r.outcome == outcome for r in results) for outcome in ("pass", "fail", "not supported")}
    print(f"{counts['pass']} pass, {counts['fail']} fail, {counts['not supported']} not supported")
    return 1 if counts["fail"] else 0


SLOTS = Command(
    "slots", "Check availability cases against the engine.", "kalends slots --cases cases.json", _run, _arguments
)
