from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalends.net.xml import BadXml
from kalends.providers.caldav.multistatus import DAV, absolute, canonical, names_condition, read_multistatus

BASE = "https://dav.example/cal/ada/"


def multistatus(inner):
    return f'<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:x">{inner}</d:multistatus>'.encode()


def test_F75_a_property_counts_only_from_a_propstat_that_succeeded():
    answer = read_multistatus(
        multistatus(
            "<d:response><d:href>/cal/ada/1.ics</d:href>"
            "<d:propstat><d:prop><d:getetag>wrong</d:getetag><d:displayname/></d:prop>"
            "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
            '<d:propstat><d:prop><d:getetag>"1"</d:getetag></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>'
            "<d:propstat><d:prop/><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
            "</d:response>"
        ),
        BASE,
    )
    (resource,) = answer.resources
    assert (resource.status, resource.text(f"{DAV}getetag"), set(resource.props)) == (200, '"1"', {f"{DAV}getetag"})


def test_F18_a_404_inside_a_propstat_is_no_deletion():
    answer = read_multistatus(
        multistatus(
            "<d:response><d:href>1.ics</d:href><d:propstat><d:prop><d:getetag/></d:prop>"
            "<d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>"
            "<d:response><d:href>2.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
        ),
        BASE,
    )
    assert [(resource.href, resource.status) for resource in answer.resources] == [
        ("/cal/ada/1.ics", 200),
        ("/cal/ada/2.ics", 404),
    ]


@pytest.mark.parametrize("status", ["HTTP/1.1 200 OK", "HTTP/2 200", " HTTP/1.1 200 ", "HTTP/1.0  200"])
def test_a_status_line_is_read_in_every_spelling(status):
    inner = f"<d:response><d:href>x</d:href><d:propstat><d:prop><d:getetag>1</d:getetag></d:prop><d:status>{status}</d:status></d:propstat></d:response>"
    (resource,) = read_multistatus(multistatus(inner), BASE).resources
    assert resource.text(f"{DAV}getetag") == "1"


@pytest.mark.parametrize("body", [b"", b"<html/>", b"<d:multistatus xmlns:d='DAV:'>", b"not xml"])
def test_what_is_no_multistatus_is_refused(body):
    with pytest.raises(BadXml):
        read_multistatus(body, BASE)


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/cal/ada/1.ics", "/cal/ada/1.ics"),
        ("1.ics", "/cal/ada/1.ics"),
        ("https://dav.example/cal/ada/1.ics", "/cal/ada/1.ics"),
        ("/cal/ada/a%20b%40c.ics", "/cal/ada/a%20b@c.ics"),
        ("/cal/ada/a b@c.ics", "/cal/ada/a%20b@c.ics"),
        ("/cal/ada/%c3%a9.ics", "/cal/ada/%C3%A9.ics"),
        ("https://p34.example/cal/", "https://p34.example/cal/"),
        ("https://dav.example", "/"),
    ],
)
def test_canonical_has_one_spelling(href, path):
    assert canonical(href, BASE) == path
    assert canonical(absolute(href, BASE), BASE) == path


@pytest.mark.parametrize("href", ["http://[", "https://dav.example:door/", "https://dav.example:99999/"])
def test_href_that_is_no_address_is_an_unreadable_answer(href):
    for reads in (canonical, absolute):
        with pytest.raises(BadXml):
            reads(href, BASE)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="?#/\\"), min_size=1))
def test_canonical_is_stable(name):
    once = canonical(f"/x/{name}", BASE)
    assert canonical(once, BASE) == once


def test_names_condition_reads_an_error_body():
    body = b'<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'
    assert names_condition(body, f"{DAV}valid-sync-token") is True
    assert names_condition(body, f"{DAV}need-privileges") is False
    assert names_condition(b"Forbidden", f"{DAV}valid-sync-token") is False
