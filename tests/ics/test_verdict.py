from __future__ import annotations

import gzip

import pytest

from kalends.ics.verdict import Verdict, looks_like_calendar

CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (CALENDAR, Verdict.CALENDAR),
        (b"\xef\xbb\xbf" + CALENDAR, Verdict.CALENDAR),
        (b"\r\n\n" + CALENDAR + b"\n\n", Verdict.CALENDAR),
        (CALENDAR.replace(b"\r\n", b"\n").lower(), Verdict.CALENDAR),
        (CALENDAR + CALENDAR, Verdict.CALENDAR),
        (b"", Verdict.EMPTY),
        (b" \r\n\t", Verdict.EMPTY),
        (b"\xef\xbb\xbf", Verdict.EMPTY),
        (b"<!DOCTYPE html><title>Calendar</title>", Verdict.WEB_PAGE),
        (b"\n<!-- x --><HTML><body>BEGIN:VCALENDAR</body>", Verdict.WEB_PAGE),
        (b"<html><form><input name=p type='password'></form>", Verdict.LOGIN_PAGE),
        (b"<!doctype html><script>location='https://login.microsoftonline.com/x'</script>", Verdict.LOGIN_PAGE),
        (b'{"error": "not found"}', Verdict.NOT_CALENDAR),
        (b"<?xml version='1.0'?><rss/>", Verdict.NOT_CALENDAR),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", Verdict.NOT_CALENDAR),
        (CALENDAR[:-5], Verdict.TRUNCATED),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:END:VCALENDAR", Verdict.TRUNCATED),
        (gzip.compress(CALENDAR, mtime=0), Verdict.COMPRESSED),
        (b"PK\x03\x04", Verdict.COMPRESSED),
        (bytes(range(256)), Verdict.NOT_CALENDAR),
    ],
)
def test_looks_like_calendar_tells_what_came_F21(body, verdict):
    assert looks_like_calendar(body) is verdict
