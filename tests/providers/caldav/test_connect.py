from __future__ import annotations

import base64

import pytest

from kalends.providers.caldav.connect import discover
from kalends.providers.caldav.failures import OtherServer
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import AuthRevoked, NotFound, Permanent, Temporary
from tests.net.servers import answer, serve

PASSWORD = base64.b64encode(b"ada:secret")


def multistatus(href, props):
    names = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
    found = f"<d:propstat><d:prop>{props}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    body = f"<d:multistatus {names}><d:response><d:href>{href}</d:href>{found}</d:response></d:multistatus>"
    return answer("207 Multi-Status", body.encode())


def href(name, value):
    return f"<{name}><d:href>{value}</d:href></{name}>"


CALENDAR = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>"
PRINCIPAL = href("d:current-user-principal", "/principals/ada/")
HOME = (
    "<c:calendar-home-set><d:href>/home/ada</d:href></c:calendar-home-set>"
    "<c:calendar-user-address-set><d:href>mailto:Ada@Example.org</d:href><d:href>/principals/ada/</d:href>"
    "</c:calendar-user-address-set>"
)


@pytest.fixture
def finding():
    """Ask a server that answers by path; what is not listed is a 404. Returns (result, paths asked)."""

    def find(paths, address="{url}/", **more):
        def handle(connection, request):
            path = request.split(b" ")[1].decode()
            asked.append(path)
            if PASSWORD not in request:
                connection.sendall(answer("401 Unauthorized", headers='WWW-Authenticate: Basic realm="x"\r\n'))
                return
            connection.sendall(paths.get(path, answer("404 Not Found")))

        asked = []
        with serve(handle) as server:
            settings = ProviderSettings(allow_hosts=(server.host, f"localhost:{server.port}"))
            given = {"username": "ada", "password": "secret", **more}
            found = discover(settings, address=address.format(url=server.url, port=server.port), **given)
            return {key: value.replace(server.url, "URL") for key, value in found.items()}, asked

    return find


FOUND = {
    "url": "URL/home/ada/",
    "principal": "URL/principals/ada/",
    "addresses": "ada@example.org",
    "username": "ada",
    "password": "secret",
}


def test_discover_by_the_well_known_address(finding):
    paths = {
        "/.well-known/caldav": answer("301 Moved", headers="Location: /dav/\r\n"),
        "/dav/": multistatus("/dav/", PRINCIPAL),
        "/principals/ada/": multistatus("/principals/ada/", HOME),
    }
    assert finding(paths) == (FOUND, ["/.well-known/caldav", "/dav/", "/principals/ada/"])


def test_discover_by_the_root_where_nothing_is_well_known(finding):
    paths = {"/": multistatus("/", PRINCIPAL), "/principals/ada/": multistatus("/principals/ada/", HOME)}
    assert finding(paths) == (FOUND, ["/.well-known/caldav", "/", "/principals/ada/"])


def test_discover_by_the_address_of_a_principal(finding):
    paths = {"/principals/ada/": multistatus("/principals/ada/", HOME)}
    found, _ = finding(paths, "{url}/principals/ada/")
    assert (found["url"], found["principal"]) == ("URL/home/ada/", "")


def test_discover_by_the_address_of_a_calendar_alone(finding):
    found, _ = finding({"/cal/1": multistatus("/cal/1", CALENDAR)}, "{url}/cal/1")
    assert found["url"] == "URL/cal/1/"


def test_discover_by_the_address_of_a_home_without_a_principal(finding):
    listing = multistatus("/home/ada/work/", CALENDAR)
    found, _ = finding({"/home/ada/": listing}, "{url}/home/ada/")
    assert found["url"] == "URL/home/ada/"


def test_discover_falls_back_from_a_page_that_is_no_calendar(finding):
    paths = {
        "/login": answer(body=b"<html>"),
        "/.well-known/caldav": multistatus("/", PRINCIPAL),
        "/principals/ada/": multistatus("/principals/ada/", HOME),
    }
    assert finding(paths, "{url}/login")[0] == FOUND


def test_discover_with_a_wrong_password_says_so_at_once(finding):
    with pytest.raises(AuthRevoked):
        finding({}, password="wrong")


def test_discover_of_a_server_without_calendars(finding):
    with pytest.raises(NotFound):
        finding({})


def test_discover_of_a_server_that_names_no_address_takes_it_for_trouble(finding):
    with pytest.raises(Temporary):
        finding({"/.well-known/caldav": multistatus("/", href("d:current-user-principal", "http://["))})


def test_discover_of_a_server_in_trouble_is_not_a_server_without_calendars(finding):
    broken = {"/.well-known/caldav": answer("503 Busy"), "/": answer("503 Busy")}
    with pytest.raises(Temporary):
        finding(broken)


@pytest.mark.parametrize(
    "address", ["ada@127.0.0.1", "127.0.0.1", "https://127.0.0.1/dav/", "http://dav.example/", "x y"]
)
def test_discover_F71_refuses_private_and_plain_addresses(address):
    with pytest.raises(Permanent) as caught:
        discover(ProviderSettings(), address=address, username="ada", password="secret")
    assert caught.value.detail == "address_refused"


def test_discover_gives_the_password_to_no_other_site(finding):
    seen = []

    def other(connection, request):
        seen.append(request)
        connection.sendall(answer("401 Unauthorized"))

    with serve(other) as elsewhere:
        redirect = answer("302 Found", headers=f"Location: {elsewhere.url}/dav/\r\n")

        def handle(connection, request):
            connection.sendall(redirect)

        with serve(handle) as server:
            settings = ProviderSettings(allow_hosts=(server.host, elsewhere.host))
            with pytest.raises(OtherServer) as caught:
                discover(settings, address=server.url, username="ada", password="secret")
    assert caught.value.address == f"{elsewhere.url}/dav/"
    assert seen
    assert all(PASSWORD not in request for request in seen)
