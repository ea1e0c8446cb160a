from __future__ import annotations

import pytest
import time_machine
from django.test import RequestFactory

from kalends.web.limits import within_limit
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def acts(address: str, times: int, scope: str = "test") -> list[bool]:
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    return [within_limit(request, scope=scope, limit=2, seconds=60) for _ in range(times)]


def test_limit_counts_each_address_and_each_scope_apart():
    assert acts("192.0.2.1", 3) == [True, True, False]
    assert acts("192.0.2.2", 1) == [True]
    assert acts("192.0.2.1", 1, scope="other") == [True]


def test_limit_takes_a_household_of_ipv6_as_one():
    assert acts("2001:db8:1:2::1", 2) == [True, True]
    assert acts("2001:db8:1:2:ffff::9", 1) == [False]
    assert acts("2001:db8:1:3::1", 1) == [True]


def test_unreadable_addresses_share_one_count():
    assert acts("", 2) == [True, True]
    assert acts("not an address", 1) == [False]


def test_trying_on_does_not_keep_the_door_shut():
    """The window begins with the first act: whoever waits until it is over is let in, however they knocked meanwhile."""
    with time_machine.travel(NOW, tick=False) as clock:
        assert acts("192.0.2.9", 3) == [True, True, False]
        clock.shift(59)
        assert acts("192.0.2.9", 1) == [False]
        clock.shift(1)
        assert acts("192.0.2.9", 3) == [True, True, False]
