from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kalends.core.span import Span
from kalends.messages.dates import format_start, format_when, known_language

JUNE = datetime(2026, 6, 4, 7, 0, tzinfo=UTC)


def when(start: datetime, minutes: int, tz: str, locale: str) -> str:
    # Django's French puts narrow and fixed spaces where a person reads a blank.
    return format_when(Span(start, start + timedelta(minutes=minutes)), tz, locale)


@pytest.mark.parametrize(
    ("tz", "locale", "expected"),
    [
        ("Europe/Paris", "en", "Thursday 4 June 2026, 09:00 – 09:30 (Europe/Paris, UTC+2)"),
        ("Europe/Paris", "fr-CA", "jeudi 4 juin 2026, 09:00 – 09:30 (Europe/Paris, UTC+2)"),
        ("Asia/Kolkata", "xx", "Thursday 4 June 2026, 12:30 – 13:00 (Asia/Kolkata, UTC+5:30)"),
        ("America/St_Johns", "en", "Thursday 4 June 2026, 04:30 – 05:00 (America/St_Johns, UTC-2:30)"),
        ("UTC", "fr", "jeudi 4 juin 2026, 07:00 – 07:30 (UTC)"),
    ],
)
def test_time_is_written_in_the_readers_language_and_zone(tz, locale, expected):
    assert when(JUNE, 30, tz, locale) == expected


def test_both_dates_are_named_over_midnight():
    assert when(JUNE.replace(hour=21, minute=30), 60, "Europe/Paris", "fr") == (
        "jeudi 4 juin 2026, 23:30 – vendredi 5 juin 2026, 00:30 (Europe/Paris, UTC+2)"
    )


def test_hour_that_comes_twice_can_be_told_apart():
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    texts = [when(first + timedelta(hours=hours), 30, "Europe/Paris", "fr") for hours in (0, 1)]
    assert [text.rpartition("(")[2] for text in texts] == ["Europe/Paris, UTC+2)", "Europe/Paris, UTC+1)"]


def test_start_alone_names_its_zone():
    assert format_start(JUNE, "Europe/Paris", "en") == "4 June 2026, 09:00 (Europe/Paris)"


@pytest.mark.parametrize(("locale", "language"), [("fr_CA", "fr"), ("", "en"), ("EN-us", "en"), ("../../etc", "en")])
def test_language_that_django_does_not_know_is_english(locale, language):
    assert known_language(locale) == language
