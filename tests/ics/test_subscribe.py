from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from kalends.ics.subscribe import subscribe_links

FEED = "https://host.example/feeds/x.ics?startPeriod=30&endPeriod=365"


def test_subscribe_links_are_those_of_the_programs():
    assert subscribe_links("https://host/feeds/x.ics", "Zoé & Co") == {
        "apple": "webcal://host/feeds/x.ics",
        "google": "https://calendar.google.com/calendar/r?cid=webcal%3A%2F%2Fhost%2Ffeeds%2Fx.ics",
        "outlook": "https://outlook.live.com/calendar/0/addfromweb?url=https%3A%2F%2Fhost%2Ffeeds%2Fx.ics&name=Zo%C3%A9%20%26%20Co",
        "office365": "https://outlook.office.com/calendar/0/addfromweb?url=https%3A%2F%2Fhost%2Ffeeds%2Fx.ics&name=Zo%C3%A9%20%26%20Co",
    }


def test_subscribe_links_keep_an_address_with_parameters_whole():
    links = subscribe_links(FEED, "a=b&c")
    assert links["apple"] == FEED.replace("https:", "webcal:")
    assert parse_qs(urlsplit(links["google"]).query) == {"cid": [links["apple"]]}
    assert parse_qs(urlsplit(links["outlook"]).query) == {"url": [FEED], "name": ["a=b&c"]}


def test_subscribe_links_of_an_http_feed_keep_its_port():
    assert subscribe_links("http://localhost:8000/feeds/x.ics", "n")["apple"] == "webcal://localhost:8000/feeds/x.ics"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "/feeds/x.ics", "ftp://host/x.ics", ""])
def test_subscribe_links_refuse_other_addresses(address):
    with pytest.raises(ValueError, match="http"):
        subscribe_links(address, "n")
