from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import icalendar
import pytest

from kalends.core.errors import InvalidInput
from kalends.core.span import Span
from kalends.ics.itip import Guest, Invitation, Method, Person, content_type, write_itip

START = datetime(2026, 7, 1, 8, tzinfo=UTC)
INVITATION = Invitation(
    uid="a@kalends.example",
    sequence=1,
    organizer=Person('Zoé "Z", Inc.', "zoe@example.com"),
    guests=(Guest(Person("Bo", "bo@example.org")), Guest(Person("", "al@example.org"), rsvp=False)),
    span=Span(START, START + timedelta(hours=1)),
    timezone="UTC",
    summary="Coupe, Zoé",
    dtstamp=START,
    location="Salon",
    description="see you",
    url="https://example.com/a/t",
)
GOLDEN = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Kalends//Kalends//EN
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VEVENT
DTSTART:20260701T080000Z
DTEND:20260701T090000Z
UID:a@kalends.example
DTSTAMP:20260701T080000Z
SEQUENCE:1
ORGANIZER;CN="Zoé ^'Z^', Inc.":mailto:zoe@example.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=
 TRUE;CN=Bo:mailto:bo@example.org
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALS
 E:mailto:al@example.org
SUMMARY:Coupe\\, Zoé
LOCATION:Salon
DESCRIPTION:see you
URL:https://example.com/a/t
STATUS:CONFIRMED
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
"""


def test_itip_request_golden_text():
    assert write_itip(Method.REQUEST, INVITATION).decode() == GOLDEN.replace("\n", "\r\n")


def test_itip_cancel_has_the_same_uid_and_says_cancelled():
    cancel = write_itip(Method.CANCEL, replace(INVITATION, sequence=2))
    calendar = icalendar.Calendar.from_ical(cancel)
    (event,) = calendar.walk("VEVENT")
    found = [str(calendar["METHOD"]), str(event["UID"]), int(event["SEQUENCE"]), str(event["STATUS"])]
    assert found == ["CANCEL", "a@kalends.example", 2, "CANCELLED"]
    assert b"RSVP" not in cancel
    assert [str(attendee) for attendee in event["ATTENDEE"]] == ["mailto:bo@example.org", "mailto:al@example.org"]


def test_itip_carries_the_zone_of_its_times_F14():
    calendar = icalendar.Calendar.from_ical(write_itip(Method.REQUEST, replace(INVITATION, timezone="Europe/Paris")))
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Europe/Paris"]
    assert calendar.walk("VEVENT")[0].start.isoformat() == "2026-07-01T10:00:00+02:00"


@pytest.mark.parametrize(
    "email", ["", "bo", "@example.org", "bo@", "bo@example.org\r\nATTENDEE:x@y.z", "b o@example.org"]
)
def test_itip_refuses_what_is_no_address(email):
    with pytest.raises(InvalidInput) as caught:
        write_itip(Method.REQUEST, replace(INVITATION, organizer=Person("x", email)))
    assert caught.value.field == "email"


def test_itip_encodes_what_would_end_an_address():
    text = write_itip(Method.REQUEST, replace(INVITATION, guests=(Guest(Person("x", "a?b&c%d+e@example.org")),)))
    assert b"mailto:a%3Fb%26c%25d+e@example.org" in text.replace(b"\r\n ", b"")


def test_content_type_names_the_method_and_is_understood_by_mail():
    message = EmailMessage()
    message["Content-Type"] = content_type(Method.CANCEL)
    assert dict(message["Content-Type"].params) == {"charset": "utf-8", "method": "CANCEL"}
