from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kalends.net.errors import BadRedirect, MaybeSent, NotSent, Refused, Timeout, TooLarge
from kalends.providers.errors import AnswerTooLarge, from_net, retry_at
from kalends.sync.port import Ambiguous, Permanent, Temporary

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (NotSent("x"), Temporary, Temporary),
        (MaybeSent("x"), Temporary, Ambiguous),
        (Timeout("x"), Temporary, Ambiguous),
        (TooLarge("x"), AnswerTooLarge, Ambiguous),
        (Refused("10.0.0.1", "private"), Permanent, Permanent),
        (BadRedirect("x"), Permanent, Permanent),
    ],
)
def test_from_net_F02_only_what_may_have_left_is_ambiguous(error, read, write):
    assert type(from_net(error, write=False)) is read
    assert type(from_net(error, write=True)) is write
    assert "10.0.0.1" not in str(from_net(error, write=True))


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        ("", None),
        ("soon", None),
        ("30", NOW + timedelta(seconds=30)),
        ("1.5", NOW + timedelta(seconds=1.5)),
        ("-5", NOW),
        ("inf", None),
        ("9999999", NOW + timedelta(hours=24)),
        ("Sun, 22 Nov 2026 12:05:00 GMT", NOW + timedelta(minutes=5)),
        ("Sat, 21 Nov 2026 12:05:00 GMT", NOW),
    ],
)
def test_retry_at_reads_seconds_and_dates(header, moment):
    assert retry_at(header, NOW) == moment
