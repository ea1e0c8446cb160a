"""One appointment as a file for a calendar program."""

from __future__ import annotations

from kalends.bookings.models import Attendee
from kalends.ics.feed import PRODID, FeedEvent, Status, render_event
from kalends.ics.vtimezone import vtimezone


def calendar_file(attendee: Attendee, *, manage_url: str) -> bytes:
    """The same UID and SEQUENCE as in the mails, so that a program which has those knows it is one appointment.

    Without a calendar's name: classic Outlook would open a named file as a second calendar.
    """
    appointment = attendee.appointment
    service = appointment.service
    event = FeedEvent(
        uid=attendee.uid,
        span=appointment.span,
        timezone=attendee.timezone,
        summary=f"{service.name} – {appointment.company.name}",
        last_modified=appointment.changed_at,
        created=appointment.created_at,
        sequence=attendee.sequence,
        location=place(attendee),
        description=manage_url,
        url=manage_url,
        status=Status.CONFIRMED if appointment.stands else Status.CANCELLED,
    )
    zone = "" if event.timezone == "UTC" else vtimezone(event.timezone, event.span)
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\n"
    return f"{head}{zone}{render_event(event)}END:VCALENDAR\r\n".encode()


def place(attendee: Attendee) -> str:
    """Where to go: the service's location, else the company's address."""
    location = attendee.appointment.service.location
    if location is not None:
        return ", ".join(part for part in (location.name, location.address) if part)
    return attendee.appointment.company.address
