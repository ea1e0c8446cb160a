"""Radicale, a real CalDAV server, with one person's calendar in it."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from kalends.ops.demo.place import Place
from kalends.ops.processes import Part

USER = "john"


def prepare_caldav(place: Place, *, now: datetime, timezone: str) -> Part:
    """Writes configuration and calendar on first start; returns the server as a part to run."""
    home = place.var / "radicale"
    calendar = home / "collections/collection-root" / USER / "calendar"
    if not calendar.exists():
        calendar.mkdir(parents=True)
        properties = {
            "tag": "VCALENDAR",
            "D:displayname": "John’s calendar",
            "C:supported-calendar-component-set": "VEVENT",
        }
        (calendar / ".Radicale.props").write_text(json.dumps(properties), encoding="utf-8")
        _write_events(calendar, now=now, timezone=timezone)
    (home / "users").write_text(f"{USER}:{place.caldav_password}\n", encoding="utf-8")
    (home / "config").write_text(_config(place, home), encoding="utf-8")
    (home / "users").chmod(0o600)
    command = [sys.executable, "-m", "radicale", "--config", str(home / "config")]
    return Part("CalDAV server", command, log=home / "log")


def _config(place: Place, home: Path) -> str:
    return (
        f"[server]\nhosts = 127.0.0.1:{place.caldav_port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {home}/users\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[storage]\nfilesystem_folder = {home}/collections\n"
        "[rights]\ntype = owner_only\n[logging]\nlevel = error\n"
    )


def _write_events(calendar: Path, *, now: datetime, timezone: str) -> None:
    """Things of John's own: a weekly meeting and a lunch, so that busy time outside can be seen to block."""
    clock = ZoneInfo(timezone)
    monday = now.astimezone(clock).replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= timedelta(days=monday.weekday())
    events = (
        ("team-meeting", "Team meeting", monday.replace(hour=9), 60, "RRULE:FREQ=WEEKLY\r\n"),
        ("lunch", "Lunch with Ana", (monday + timedelta(days=9)).replace(hour=12), 90, ""),
    )
    for uid, summary, start, minutes, more in events:
        end = start + timedelta(minutes=minutes)
        text = (
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Kalends//Demo//EN\r\nBEGIN:VEVENT\r\n"
            f"UID:{uid}\r\nDTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}\r\nDTSTART;TZID={timezone}:{start:%Y%m%dT%H%M%S}\r\n"
            f"DTEND;TZID={timezone}:{end:%Y%m%dT%H%M%S}\r\n{more}SUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        (calendar / f"{uid}.ics").write_text(text, encoding="utf-8", newline="")
