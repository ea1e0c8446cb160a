from __future__ import annotations

import pytest
import time_machine
from django.contrib.staticfiles import finders

from tests.bookings.support import at, make_salon
from tests.factories import NOW
from tests.web.booking.support import get

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


def may_be_framed(answer) -> bool:
    everywhere = "frame-ancestors *" in answer["Content-Security-Policy"]
    assert everywhere == ("X-Frame-Options" not in answer)
    return everywhere


def test_pages_that_only_show_may_be_framed_when_asked(client):
    salon = make_salon(members=2)
    service = salon.service.pk
    for address in ("/lakeside?", f"/lakeside/s/{service}?", f"/lakeside/book?service={service}&"):
        assert not may_be_framed(client.get(address))
        framed = client.get(f"{address}embed=1")
        assert framed.status_code == 200
        assert may_be_framed(framed)
        assert "script-src 'self'" in framed["Content-Security-Policy"]


def test_pages_that_act_are_never_framed(client):
    salon = make_salon()
    token = salon.book(at(3, 10)).manage_url.rpartition("/")[2]
    details = f"/lakeside/book/details?service={salon.service.pk}&start=2026-03-03T10:00Z&"
    for address in (
        details,
        f"/a/{token}?",
        f"/a/{token}/cancel?",
        f"/a/{token}/reschedule?",
        f"/lakeside/book/done/{token}?",
        "/?",
    ):
        answer = client.get(f"{address}embed=1")
        assert answer.status_code == 200
        assert not may_be_framed(answer)


def test_links_stay_in_the_frame_until_a_time_is_chosen(client):
    make_salon(members=2)
    start = get(client, "/lakeside?embed=1")
    assert start.forms == []
    service = get(client, start.link("Consultation"))
    times = get(client, service.link("Anyone"))
    after = get(client, times.by_label("Next month"))
    assert "April 2026" in after.words
    assert all("embed=1" in href for href, _said, attrs in after.links if "data-nav" in attrs)
    href, attrs = next((href, attrs) for href, _said, attrs in after.links if attrs.get("class") == "slot")
    assert "embed" not in href
    assert attrs["target"] == "_blank"
    assert [form.method for form in after.forms] == ["get"]
    assert after.forms[0].fields["embed"] == "1"


def test_single_member_keeps_the_frame(client):
    salon = make_salon()
    answer = client.get(f"/lakeside/s/{salon.service.pk}?embed=1")
    assert answer["Location"] == f"/lakeside/book?service={salon.service.pk}&embed=1"


def test_script_is_at_its_promised_address(client):
    answer = client.get("/embed.js")
    assert (answer.status_code, answer["Location"]) == (302, "/static/kalends/embed.js")
    assert "max-age=3600" in answer["Cache-Control"]
    assert finders.find("kalends/embed.js")
