from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalends.providers.caldav.site import origin, same_site


@pytest.mark.parametrize(
    ("named", "other"),
    [
        ("https://cloud.example.org/", "https://cloud.example.org/remote.php/dav"),
        ("https://cloud.example.org", "https://CLOUD.example.org.:443/dav/"),
        ("https://cloud.example.org:8443/", "https://cloud.example.org:8443/dav/"),
        ("http://127.0.0.1:5232/", "http://127.0.0.1:5232/ada/"),
        ("http://intranet/", "http://intranet/dav/"),
        ("https://caldav.icloud.com/", "https://p01-caldav.icloud.com:443/1/calendars/"),
        ("https://example.org/", "https://dav.example.org/"),
        ("https://www.example.org/", "https://dav.example.org/"),
        ("https://dav.example.org/", "https://example.org/"),
        ("https://a.dav.example.co.uk/", "https://b.example.co.uk/"),
        ("https://a.example.asso.fr/", "https://b.example.asso.fr/"),
        ("https://example.de/", "https://dav.example.de/"),
    ],
)
def test_same_site_may_have_the_password(named, other):
    assert same_site(named, other) is True


@pytest.mark.parametrize(
    ("named", "other"),
    [
        ("https://example.org/", "https://example.net/"),
        ("https://example.org/", "https://notexample.org/"),
        ("https://example.org/", "http://example.org/"),
        ("https://example.org/", "http://dav.example.org/"),
        ("https://example.org/", "https://dav.example.org:8443/"),
        ("https://example.org:8443/", "https://example.org:9443/"),
        ("https://alice.co.uk/", "https://mallory.co.uk/"),
        ("https://alice.com.au/", "https://mallory.com.au/"),
        ("https://alice.gouv.fr/", "https://mallory.gouv.fr/"),
        ("https://co.uk/", "https://org.uk/"),
        ("https://com/", "https://org/"),
        ("http://127.0.0.1:5232/", "http://127.0.0.1:5233/"),
        ("https://192.0.2.1/", "https://192.0.2.2/"),
        ("https://192.0.2.1/", "https://7.192.0.2.1/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::2]/"),
        ("http://intranet/", "http://other/"),
        ("https://example.org/", ""),
        ("https://example.org/", "mailto:ada@example.org"),
    ],
)
def test_same_site_another_one_may_not(named, other):
    assert same_site(named, other) is False


LABEL = st.text("abz09-", min_size=1, max_size=4)
HOST = st.lists(LABEL, min_size=1, max_size=4).map(".".join)


@given(HOST, HOST)
def test_same_site_never_crosses_the_last_label(first, second):
    if first.rpartition(".")[2] != second.rpartition(".")[2]:
        assert same_site(f"https://{first}/", f"https://{second}/") is False


@given(HOST)
def test_same_site_holds_of_itself(host):
    assert same_site(f"https://{host}/a", f"https://{host}:443/b") is True


def test_origin_fills_in_the_port():
    assert origin("https://Example.org./x") == ("https", "example.org", 443)
