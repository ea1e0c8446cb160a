"""The same text read by other people's programs: what each of them understood, as plain values.

Where a program is not installed its tests are skipped and say what is missing. KALENDS_NODE_MODULES names another
node_modules folder than the repository's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import icalendar
import pytest
from khal.icalendar import cal_from_ics

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, order=True)
class Read:
    """An event as a reader gives it back; instants in UTC."""

    uid: str
    start: datetime
    end: datetime
    summary: str
    location: str = ""
    description: str = ""


def node_modules() -> Path:
    return Path(os.environ.get("KALENDS_NODE_MODULES") or HERE.parents[1] / "node_modules")


def _values(output: bytes) -> list[Read]:
    answer = json.loads(output)
    assert answer["errors"] == []
    assert answer["valid"]
    return [
        Read(
            item["uid"],
            datetime.fromtimestamp(item["start"], UTC),
            datetime.fromtimestamp(item["end"], UTC),
            item["summary"],
            item["location"],
            item["description"],
        )
        for item in answer["events"]
    ]


def libical(text: bytes) -> list[Read]:
    check = [SYSTEM_PYTHON, "-c", "import gi; gi.require_version('ICalGLib', '3.0')"]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(check, capture_output=True, check=False).returncode:
        pytest.skip("libical's bindings are missing: apt install gir1.2-ical-3.0 python3-gi")
    script = [SYSTEM_PYTHON, "-I", str(HERE / "libical_check.py")]
    return _values(subprocess.run(script, input=text, capture_output=True, check=True).stdout)


def _node(text: bytes, package: str) -> list[Read]:
    if not shutil.which("node") or not (node_modules() / package).is_dir():
        pytest.skip(f"npm package {package} is missing: npm ci")
    script = ["node", str(HERE / "read_ics.cjs"), str(node_modules()), package]
    # Its own zone must not matter to what it reads
    environment = {**os.environ, "TZ": "Pacific/Auckland"}
    return _values(subprocess.run(script, input=text, capture_output=True, check=True, env=environment).stdout)


def ical_js(text: bytes) -> list[Read]:
    return _node(text, "ical.js")


def node_ical(text: bytes) -> list[Read]:
    return _node(text, "node-ical")


def _from_icalendar(calendar) -> list[Read]:
    return [
        Read(
            str(item["UID"]),
            item.start.astimezone(UTC),
            item.end.astimezone(UTC),
            str(item["SUMMARY"]),
            str(item.get("LOCATION", "")),
            str(item.get("DESCRIPTION", "")),
        )
        for item in calendar.walk("VEVENT")
    ]


def by_icalendar(text: bytes) -> list[Read]:
    return _from_icalendar(icalendar.Calendar.from_ical(text))


def khal(text: bytes) -> list[Read]:
    return _from_icalendar(cal_from_ics(text.decode()))


READERS: dict[str, Callable[[bytes], list[Read]]] = {
    "libical": libical,
    "ical.js": ical_js,
    "node-ical": node_ical,
    "icalendar": by_icalendar,
    "khal": khal,
}
