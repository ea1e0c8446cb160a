from __future__ import annotations

import email
from email import policy

import pytest

from kalends.core.errors import InvalidInput
from kalends.messages.mime import Envelope, Invitation, address, build_mail
from kalends.messages.render import Rendered
from tests.factories import NOW
from tests.messages.support import ICS

RENDERED = Rendered("Confirmé : Détente", "Bonjour\n" + "x" * 2000 + "\n", "<p>Bonjour é</p>")


def built(invitation: Invitation | None = None, **envelope):
    fields = {
        "sender": "kalends@example.org",
        "sender_name": "Café, du Lac",
        "recipient": "ada@example.org",
        "reply_to": "hello@lakeside.example",
    }
    raw = build_mail(
        RENDERED, Envelope(**(fields | envelope)), message_id="<1@example.org>", at=NOW, invitation=invitation
    )
    return raw, email.message_from_bytes(raw, policy=policy.default)


def test_plain_mail_has_two_halves_and_its_headers():
    raw, mail = built()
    assert {name: str(mail[name]) for name in ("Subject", "To", "Reply-To", "Message-ID", "Auto-Submitted")} == {
        "Subject": "Confirmé : Détente",
        "To": "ada@example.org",
        "Reply-To": "hello@lakeside.example",
        "Message-ID": "<1@example.org>",
        "Auto-Submitted": "auto-generated",
    }
    assert mail["From"].addresses[0].addr_spec == "kalends@example.org"
    assert mail["From"].addresses[0].display_name == "Café, du Lac"
    assert mail["Date"].datetime == NOW
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == RENDERED.text
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_invitation_is_a_part_of_the_alternatives_and_a_file(method):
    text = ICS.decode().replace("REQUEST", method)
    _, mail = built(Invitation(text, method))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    parts = {part.get_content_type(): part for part in mail.walk()}
    calendar, file = parts["text/calendar"], parts["application/ics"]
    assert calendar["Content-Type"].params["method"] == method
    assert calendar["Content-Type"].params["charset"].lower() == "utf-8"
    assert calendar.get_payload(decode=True) == text.encode()
    assert (file.get_filename(), file.get_content_disposition()) == ("invite.ics", "attachment")
    assert file.get_payload(decode=True) == text.encode()


def test_subject_that_just_fits_a_line_has_no_blank_before_it():
    subject = "New: Consultation with Ada Lovelace, 3 March 2026, 10:00 (Europe/Paris)"
    raw = build_mail(
        Rendered(subject, "x", "x"), Envelope("a@example.org", "A", "b@example.org"), message_id="<1@x>", at=NOW
    )
    assert f"Subject: {subject}\r\n".encode() in raw


def test_names_cannot_add_headers():
    _, mail = built(sender_name="Eve\r\nBcc: everybody@example.org")
    assert mail["Bcc"] is None
    assert mail["From"].addresses[0].addr_spec == "kalends@example.org"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kalends <kalends@localhost>", "kalends@localhost"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a.b+c@example.org", "a.b+c@example.org"),
    ],
)
def test_address_is_taken_out_of_its_name_and_ascii(text, expected):
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", "nobody", "@example.org", "a@", "a@" + "x" * 70 + ".org"])
def test_address_that_is_none_is_refused(text):
    with pytest.raises(InvalidInput):
        address(text)
