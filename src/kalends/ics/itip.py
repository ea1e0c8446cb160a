"""Invitations and cancellations for mail (iTIP, RFC 5546; iMIP, RFC 6047).

A client recognises an appointment by UID, takes the message with the higher SEQUENCE, and among equal ones the later
DTSTAMP; so a change sends REQUEST again with both raised, and a cancellation sends CANCEL with a SEQUENCE raised again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from kalends.core.errors import InvalidInput
from kalends.core.span import Span
from kalends.ics.feed import PRODID, times
from kalends.ics.text import CRLF, escaped, folded, parameter, uri, utc
from kalends.ics.vtimezone import vtimezone


class Method(StrEnum):
    REQUEST = "REQUEST"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Guest:
    """An attendee. `rsvp` asks the client to offer accept and decline; without it the guest has accepted by booking."""

    person: Person
    rsvp: bool = True


@dataclass(frozen=True, slots=True)
class Invitation:
    """What one mail says about one appointment. `timezone`: the IANA zone of its times; `dtstamp`: when it was written."""

    uid: str
    sequence: int
    organizer: Person
    guests: tuple[Guest, ...]
    span: Span
    timezone: str
    summary: str
    dtstamp: datetime
    location: str = ""
    description: str = ""
    url: str = ""


def content_type(method: Method) -> str:
    """The Content-Type of the part that carries it: its method parameter must say what METHOD says (RFC 6047, 2.4)."""
    return f"text/calendar; charset=utf-8; method={method.value}"


def write_itip(method: Method, invitation: Invitation) -> bytes:
    """The calendar object of the mail. Raises InvalidInput for an address that is none, UnknownZone."""
    component = "" if invitation.timezone == "UTC" else vtimezone(invitation.timezone, invitation.span)
    lines = "".join(folded(line) + CRLF for line in _lines(method, invitation))
    return (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODID}\r\nCALSCALE:GREGORIAN\r\nMETHOD:{method.value}\r\n"
        f"{component}BEGIN:VEVENT\r\n{times(invitation.span, invitation.timezone)}{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


def _lines(method: Method, invitation: Invitation) -> Iterator[str]:
    yield f"UID:{escaped(invitation.uid)}"
    yield f"DTSTAMP:{utc(invitation.dtstamp)}"
    yield f"SEQUENCE:{invitation.sequence}"
    yield f"ORGANIZER{_named(invitation.organizer)}:{_mailto(invitation.organizer)}"
    for guest in invitation.guests:
        yield _attendee(method, guest)
    yield f"SUMMARY:{escaped(invitation.summary)}"
    if invitation.location:
        yield f"LOCATION:{escaped(invitation.location)}"
    if invitation.description:
        yield f"DESCRIPTION:{escaped(invitation.description)}"
    if invitation.url:
        yield f"URL:{uri(invitation.url)}"
    yield f"STATUS:{'CANCELLED' if method is Method.CANCEL else 'CONFIRMED'}"
    yield f"TRANSP:{'TRANSPARENT' if method is Method.CANCEL else 'OPAQUE'}"


def _attendee(method: Method, guest: Guest) -> str:
    answer = ";PARTSTAT=NEEDS-ACTION;RSVP=TRUE" if guest.rsvp else ";PARTSTAT=ACCEPTED;RSVP=FALSE"
    if method is Method.CANCEL:
        answer = ""  # nothing is asked any more
    return f"ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT{answer}{_named(guest.person)}:{_mailto(guest.person)}"


def _named(person: Person) -> str:
    return f";CN={parameter(person.name)}" if person.name else ""


def _mailto(person: Person) -> str:
    local, at, domain = person.email.rpartition("@")
    if not (local and at and domain) or any(char.isspace() or not char.isprintable() for char in person.email):
        raise InvalidInput(f"Not a mail address: {person.email[:80]!r}", field="email")
    # RFC 6068, 2: what could end the address or begin a query is percent-encoded.
    return f"mailto:{quote(local, safe=_PLAIN_IN_ADDRESS)}@{quote(domain, safe=_PLAIN_IN_ADDRESS)}"


_PLAIN_IN_ADDRESS = "!$'*+-._~"
