from __future__ import annotations

import gzip
import json
import os
import socket
import threading

import pytest

from kalends.net.errors import BadRedirect, MaybeSent, NotSent, Refused, Timeout, TooLarge
from kalends.net.http import HttpClient, Policy, client
from tests.e2e.processes import free_ports
from tests.net.servers import answer, serve


@pytest.fixture
def asking():
    """Clients of their own, closed at the end."""
    opened = []

    def ask(*hosts, **kwargs):
        opened.append(HttpClient(Policy(allow_hosts=frozenset(hosts), **kwargs)))
        return opened[-1]

    yield ask
    for http in opened:
        http.close()


def echo(connection, request):
    connection.sendall(answer(body=request))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://127.1:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f000001:{port}/",
        "https://0177.0.0.1:{port}/",
        "https://0:{port}/",
        "https://[::1]:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[::ffff:7f00:1]:{port}/",
        "https://[64:ff9b::7f00:1]:{port}/",
        "https://[2002:7f00:1::]:{port}/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://100.64.0.1/",
        "https://10.0.0.1/",
        "https://224.0.0.1/",
        "http://8.8.8.8/",
        "http://127.0.0.1:{port}/",
        "https://user:secret@example.org/",
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://127.0.0.1:6379/_INFO",
        "https://",
        "//example.org/",
        "",
        "https://exa mple.org/",
    ],
)
def test_request_F71_refuses_internal_addresses_however_written(url, asking):
    with serve(echo) as server:
        with pytest.raises(NotSent) as caught:
            asking().request("GET", url.format(port=server.port))
        assert server.connections == 0
    assert isinstance(caught.value, Refused)
    assert caught.value.sent is False


def test_request_F71_a_redirect_to_an_internal_address_is_refused(asking):
    def redirect(connection, request):
        connection.sendall(answer("302 Found", headers="Location: http://169.254.169.254/latest/\r\n"))

    with serve(redirect) as server, pytest.raises(Refused):
        asking(server.host).request("GET", server.url)


def test_request_F71_resolves_a_name_once_and_connects_to_that_address(monkeypatch, asking):
    lookups = []
    real = socket.getaddrinfo

    def rebinding(host, port, *args, **kwargs):
        if host != "rebind.test":
            return real(host, port, *args, **kwargs)
        lookups.append(host)
        address = "127.0.0.1" if len(lookups) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with serve(echo) as server:
        response = asking(f"rebind.test:{server.port}").request("GET", f"http://rebind.test:{server.port}/x")
    assert f"\r\nHost: rebind.test:{server.port}\r\n".encode() in response.body
    assert lookups == ["rebind.test"]


def test_request_allows_an_address_that_the_operator_named_under_any_name(monkeypatch, asking):
    with serve(echo) as server:
        http = asking(server.host, f"localhost:{server.port}")
        assert http.request("GET", f"http://localhost:{server.port}/").status == 200
        with pytest.raises(Refused):
            asking(server.host).request("GET", f"http://localhost:{server.port}/")


def test_request_allows_only_the_named_port(asking):
    with serve(echo) as one, serve(echo) as other, pytest.raises(Refused):
        asking(one.host).request("GET", other.url)


def test_request_returns_status_headers_body_and_keeps_the_connection(asking):
    def handler(connection, request):
        connection.sendall(answer("404 Not Found", b'{"a": 1}', "X-Thing: Yes\r\n"))

    with serve(handler) as server:
        http = asking(server.host)
        for _ in range(3):
            response = http.request("GET", f"{server.url}/a?b=c")
            assert (response.status, response.json()) == (404, {"a": 1})
            assert response.headers["x-thing"] == "Yes"
            assert response.url == f"{server.url}/a?b=c"
        assert (server.connections, len(server.requests)) == (1, 3)


def test_request_keeps_no_cookies_between_requests(asking):
    def handler(connection, request):
        connection.sendall(answer(headers="Set-Cookie: session=alice\r\n"))

    with serve(handler) as server:
        http = asking(server.host)
        http.request("GET", server.url)
        http.request("GET", server.url)
    assert b"session=alice" not in server.requests[1]


def test_request_stops_reading_at_the_size_limit(asking):
    def endless(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with serve(endless) as server, pytest.raises(TooLarge):
        asking(server.host, max_bytes=100_000).request("GET", server.url)


def test_request_bounds_a_decompression_bomb(asking):
    bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000))

    def handler(connection, request):
        connection.sendall(answer(body=bomb, headers="Content-Encoding: gzip, gzip\r\n"))

    with serve(handler) as server, pytest.raises(TooLarge):
        asking(server.host, max_bytes=1_000_000).request("GET", server.url)


def test_request_reads_a_compressed_answer(asking):
    def handler(connection, request):
        connection.sendall(answer(body=gzip.compress(b"calendar"), headers="Content-Encoding: gzip\r\n"))

    with serve(handler) as server:
        assert asking(server.host).request("GET", server.url).body == b"calendar"


def test_request_ends_a_trickle_at_the_total_time(asking):
    stop = threading.Event()

    def trickle(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"x")

    with serve(trickle) as server:
        with pytest.raises(Timeout) as caught:
            asking(server.host, total_timeout=2, read_timeout=30).request("GET", server.url)
        stop.set()
    assert caught.value.sent is True
    assert len(server.requests) == 1


def test_request_ends_a_silent_server_at_the_read_time(asking):
    stop = threading.Event()

    def silent(connection, request):
        stop.wait(60)

    with serve(silent) as server:
        with pytest.raises(Timeout):
            asking(server.host, read_timeout=0.2).request("PUT", server.url, body=b"x")
        stop.set()


def test_request_that_cannot_connect_was_not_sent(asking):
    [port] = free_ports(1)
    with pytest.raises(NotSent):
        asking(f"127.0.0.1:{port}").request("POST", f"http://127.0.0.1:{port}/", body=b"x")


def test_request_to_an_unknown_name_was_not_sent(asking):
    with pytest.raises(NotSent):
        asking().request("GET", "https://no-such-host.invalid/")


def test_request_F02_a_write_whose_answer_is_lost_is_maybe_sent_and_not_repeated(asking):
    def drop(connection, request):
        connection.shutdown(socket.SHUT_RDWR)

    with serve(drop) as server:
        with pytest.raises(MaybeSent) as caught:
            asking(server.host).request("PUT", server.url, body=b"x")
        assert len(server.requests) == 1
    assert not isinstance(caught.value, Timeout)


def test_request_a_read_whose_answer_is_lost_is_repeated_once(asking):
    def drop_first(connection, request):
        if len(server.requests) == 1:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            echo(connection, request)

    with serve(drop_first) as server:
        assert asking(server.host).request("GET", server.url).status == 200
        assert len(server.requests) == 2


def test_request_the_retry_budget_of_a_host_runs_out(asking):
    def drop(connection, request):
        connection.shutdown(socket.SHUT_RDWR)

    with serve(drop) as server:
        http = asking(server.host)
        for _ in range(30):
            with pytest.raises(MaybeSent):
                http.request("GET", server.url)
        assert len(server.requests) == 40


def test_request_a_truncated_body_is_an_error_not_an_answer(asking):
    def cut(connection, request):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")
        connection.shutdown(socket.SHUT_RDWR)

    with serve(cut) as server, pytest.raises(MaybeSent):
        asking(server.host).request("REPORT", server.url)


def test_request_follows_a_redirect_and_drops_credentials_on_another_origin(asking):
    with serve(echo) as target:

        def redirect(connection, request):
            there = b"same" if b"GET /start" in request else None
            location = f"{server.url}/second" if there else f"{target.url}/third"
            connection.sendall(answer("302 Found", headers=f"Location: {location}\r\n"))

        with serve(redirect) as server:
            headers = {"Authorization": "Basic c2VjcmV0", "X-Kept": "1"}
            http = asking(server.host, target.host)
            response = http.request("GET", f"{server.url}/start", headers=headers)
    assert response.url == f"{target.url}/third"
    assert b"Authorization" in server.requests[1]
    assert b"Authorization" not in response.body
    assert b"X-Kept: 1" in response.body


def test_request_keeps_the_method_of_a_propfind_over_a_redirect(asking):
    def redirect(connection, request):
        if b"/.well-known/caldav" in request:
            connection.sendall(answer("301 Moved Permanently", headers="Location: /dav/\r\n"))
        else:
            echo(connection, request)

    with serve(redirect) as server:
        response = asking(server.host).request("PROPFIND", f"{server.url}/.well-known/caldav", body=b"<x/>")
    assert response.body.startswith(b"PROPFIND /dav/ HTTP/1.1")
    assert response.body.endswith(b"<x/>")


@pytest.mark.parametrize("location", ["", "Location: http://exa mple/\r\n", "Location: file:///etc/passwd\r\n"])
def test_request_refuses_a_redirect_that_leads_nowhere(location, asking):
    def redirect(connection, request):
        connection.sendall(answer("302 Found", headers=location))

    with serve(redirect) as server, pytest.raises((BadRedirect, Refused)):
        asking(server.host).request("GET", server.url)


def test_request_stops_after_five_redirects(asking):
    def loop(connection, request):
        connection.sendall(answer("302 Found", headers="Location: /again\r\n"))

    with serve(loop) as server:
        with pytest.raises(BadRedirect):
            asking(server.host).request("GET", server.url)
        assert len(server.requests) == 6


def test_request_never_follows_a_redirected_write(asking):
    def redirect(connection, request):
        connection.sendall(answer("307 Temporary Redirect", headers="Location: /elsewhere\r\n"))

    with serve(redirect) as server:
        with pytest.raises(BadRedirect) as caught:
            asking(server.host).request("PUT", server.url, body=b"x")
        assert len(server.requests) == 1
    assert caught.value.sent is False


def test_request_https_checks_the_certificate_against_the_name(tls, monkeypatch, asking):
    monkeypatch.setenv("SSL_CERT_FILE", tls.authority)
    with serve(echo, tls.context) as server:
        http = asking(f"localhost:{server.port}", server.host)
        assert http.request("GET", f"https://localhost:{server.port}/").status == 200
        with pytest.raises(NotSent, match="certificate"):
            http.request("GET", f"https://127.0.0.1:{server.port}/")
        assert len(server.requests) == 1


def test_request_never_leaves_https_by_a_redirect(tls, monkeypatch, asking):
    monkeypatch.setenv("SSL_CERT_FILE", tls.authority)
    with serve(echo) as plain:

        def redirect(connection, request):
            connection.sendall(answer("302 Found", headers=f"Location: {plain.url}/\r\n"))

        with serve(redirect, tls.context) as server:
            http = asking(f"localhost:{server.port}", plain.host)
            with pytest.raises(BadRedirect):
                http.request("GET", f"https://localhost:{server.port}/")


def test_request_from_many_threads_at_once_gets_each_its_own_answer(asking):
    answers = {}

    def ask(http, url, number):
        answers[number] = http.request("GET", f"{url}/{number}").body.split()[1]

    with serve(echo) as server:
        http = asking(server.host)
        threads = [threading.Thread(target=ask, args=(http, server.url, n)) for n in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == {n: f"/{n}".encode() for n in range(24)}


def test_client_is_shared_by_equal_policies_and_not_by_a_forked_child():
    policy = Policy(allow_hosts=frozenset({"fork.test:1"}))
    shared = client(policy)
    assert client(Policy(allow_hosts=frozenset({"fork.test:1"}))) is shared
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, json.dumps(client(policy) is shared).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as said:
        assert json.load(said) is False


def test_F73_F74_account_that_is_throttled_slows_no_other_of_its_host(asking):
    """500 accounts of one host, every tenth of them over its limit: each gets its own answer, at one request each."""

    def limited(connection, request):
        over = b"\r\nauthorization: account-0\r\n" in request.lower()
        refused = answer("429 Too Many Requests", headers="Retry-After: 3600\r\n")
        connection.sendall(refused if over else answer(body=b"yes"))

    with serve(limited) as server:
        http = asking(server.host)
        found = [
            http.request("GET", server.url, headers={"Authorization": f"account-{number % 10}"}).status
            for number in range(500)
        ]
        assert [found.count(429), found.count(200), len(server.requests)] == [50, 450, 500]
