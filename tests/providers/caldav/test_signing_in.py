"""Where the password goes, and in which form."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from kalends.providers.caldav.connect import discover
from kalends.providers.caldav.failures import OtherServer
from kalends.providers.caldav.provider import CalDavProvider
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import AuthRevoked, Permanent
from tests.net.servers import answer, serve
from tests.providers.caldav.dav_server import PATH, Account
from tests.providers.caldav.test_connect import CALENDAR, HOME, PRINCIPAL, href, multistatus

BASIC = base64.b64encode(b"ada:secret")


def answered(head, method, password="secret"):
    """Whether a request answers the challenge with nonce "1" (RFC 7616, with MD5)."""

    def digest(*parts):
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    found = re.search(r"Authorization: Digest (.*)", head)
    if found is None:
        return False
    fields = {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', found[1])}
    first, second = digest("ada", "dav", password), digest(method, fields["uri"])
    return fields["response"] == digest(first, "1", fields["nc"], fields["cnonce"], "auth", second)


def digest_server(seen, good):
    def handle(connection, request):
        head = request.decode().partition("\r\n\r\n")[0]
        method = head.partition(" ")[0]
        known = answered(head, method)
        seen.append((method, known))
        challenge = 'WWW-Authenticate: Digest realm="dav", nonce="1", qop="auth"\r\n'
        connection.sendall(good if known else answer("401 Unauthorized", headers=challenge))

    return serve(handle)


def account(running, password="secret"):
    secret = {"url": f"{running.url}{PATH}", "username": "ada", "password": password}
    return CalDavProvider(Account(secret), ProviderSettings(allow_hosts=(running.host,))), secret["url"]


def test_digest_is_answered_from_its_first_challenge_on():
    seen = []
    with digest_server(seen, answer("404 Not Found")) as running:
        provider, calendar = account(running)
        for _ in range(3):
            assert provider.get(calendar, [f"{PATH}1.ics"]) == {f"{PATH}1.ics": None}
    assert seen == [("GET", False), ("GET", True), ("GET", True), ("GET", True)]


def test_digest_F80_a_wrong_password_is_a_verdict_after_two_refusals():
    seen = []
    with digest_server(seen, answer("404 Not Found")) as running:
        provider, calendar = account(running, "wrong")
        with pytest.raises(AuthRevoked):
            provider.get(calendar, [f"{PATH}1.ics"])
    assert seen == [("GET", False)] * 3


def test_digest_account_is_discovered():
    seen = []
    with digest_server(seen, multistatus("/cal/ada/", CALENDAR)) as running:
        settings = ProviderSettings(allow_hosts=(running.host,))
        found = discover(settings, address=f"{running.url}{PATH}", username="ada", password="secret")
    assert found["url"] == f"{running.url}{PATH}"
    assert seen == [("PROPFIND", False), ("PROPFIND", True)]


@pytest.mark.parametrize("offered", ["Negotiate", 'Digest realm="x", nonce="1", algorithm=UNKNOWN'])
def test_a_way_of_signing_in_that_we_do_not_have_is_named(offered):
    refusal = answer("401 Unauthorized", headers=f"WWW-Authenticate: {offered}\r\n")
    with serve(lambda connection, request: connection.sendall(refusal)) as running:
        provider, calendar = account(running)
        with pytest.raises(Permanent) as caught:
            provider.get(calendar, [f"{PATH}1.ics"])
    assert caught.value.detail == "no_basic_authentication"


# -- hrefs that lead elsewhere ----------------------------------------------------------------------------------------


def discovered_with(pages, elsewhere_pages=None):
    """Two servers on other ports, so of other sites: (result or the address we are sent to, what the second one saw)."""
    seen = []

    def second(connection, request):
        seen.append(request)
        path = request.split(b" ")[1].decode()
        connection.sendall((elsewhere_pages or {}).get(path, answer("404 Not Found")))

    with serve(second) as elsewhere:

        def first(connection, request):
            path = request.split(b" ")[1].decode()
            page = pages.get(path)
            connection.sendall(page(elsewhere.url) if page else answer("404 Not Found"))

        with serve(first) as server:
            settings = ProviderSettings(allow_hosts=(server.host, elsewhere.host))
            try:
                found = discover(settings, address=server.url, username="ada", password="secret")
            except OtherServer as error:
                return error.address.replace(elsewhere.url, "ELSEWHERE"), seen
            return {name: found[name].replace(server.url, "HERE") for name in ("url", "principal")}, seen


def home_at(url):
    return f"<c:calendar-home-set><d:href>{url}</d:href></c:calendar-home-set>"


def test_discover_a_home_on_another_site_is_named_and_gets_no_password():
    pages = {
        "/": lambda _: multistatus("/", PRINCIPAL),
        "/principals/ada/": lambda other: multistatus("/principals/ada/", home_at(f"{other}/home/ada/")),
    }
    assert discovered_with(pages) == ("ELSEWHERE/home/ada/", [])


def test_discover_a_principal_on_another_site_is_named_and_gets_no_password():
    pages = {"/": lambda other: multistatus("/", href("d:current-user-principal", f"{other}/principals/ada/"))}
    assert discovered_with(pages) == ("ELSEWHERE/principals/ada/", [])


def test_discover_needs_no_other_site_where_the_calendars_are_here():
    pages = {
        "/": lambda other: multistatus(
            "/", href("d:current-user-principal", f"{other}/principals/ada/") + HOME.replace("/home/ada", "/cal/")
        )
    }
    found, seen = discovered_with(pages)
    assert (found["url"], seen) == ("HERE/cal/", [])


def test_calendars_on_another_site_are_left_out():
    seen = []

    def second(connection, request):
        seen.append(request)
        connection.sendall(answer("404 Not Found"))

    with serve(second) as elsewhere:
        rows = [multistatus_row(url) for url in ("/cal/ada/work/", f"{elsewhere.url}/cal/ada/theirs/")]
        page = answer("207 Multi-Status", f"<d:multistatus {NAMES}>{''.join(rows)}</d:multistatus>".encode())

        def first(connection, request):
            connection.sendall(page if request.startswith(b"PROPFIND") else answer("404 Not Found"))

        with serve(first) as running:
            provider, _ = account(running)
            names = [info.id.replace(running.url, "HERE") for info in provider.calendars()]
            with pytest.raises(OtherServer):
                provider.get(f"{elsewhere.url}/cal/ada/theirs/", ["/cal/ada/theirs/1.ics"])
    assert names == ["HERE/cal/ada/work/"]
    assert seen == []


NAMES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'


def multistatus_row(url):
    return (
        f"<d:response><d:href>{url}</d:href><d:propstat><d:prop>{CALENDAR}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
