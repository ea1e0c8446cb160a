"""Reads iCalendar text from standard input with libical (the library of Evolution, GNOME and KDE) and prints JSON.

Runs under the system's Python, which has the GObject bindings: apt install gir1.2-ical-3.0 python3-gi.
"""

from __future__ import annotations

import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib  # noqa: E402 - the version must be chosen first


def components(parent, kind):
    item = parent.get_first_component(kind)
    while item is not None:
        yield item
        item = parent.get_next_component(kind)


def timestamp(moment):
    return moment.as_timet_with_zone(moment.get_timezone() or ICalGLib.Timezone.get_utc_timezone())


def event(item):
    return {
        "uid": item.get_uid(),
        "start": timestamp(item.get_dtstart()),
        "end": timestamp(item.get_dtend()),
        "summary": item.get_summary(),
        "location": item.get_location() or "",
        "description": item.get_description() or "",
    }


def main():
    calendar = ICalGLib.Component.new_from_string(sys.stdin.buffer.read().decode())
    valid = bool(ICalGLib.restriction_check(calendar))
    # libical writes what it could not read, or what the restrictions of RFC 5546 forbid, into the text as properties
    calendar_errors = [line for line in calendar.as_ical_string().splitlines() if line.startswith("X-LIC-ERROR")]
    events = [event(item) for item in components(calendar, ICalGLib.ComponentKind.VEVENT_COMPONENT)]
    json.dump({"valid": valid and not calendar_errors, "errors": calendar_errors, "events": events}, sys.stdout)


main()
