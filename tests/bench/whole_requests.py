"""Whole HTTP requests: slots, bookings, feeds. The client shares the machine's cores with the server.

Peers run in the same run: `/healthz` is the bare framework with all our middleware, and `bare_booking` two bare Django
views with next to no middleware. The plan's machine answered the one with an overlap check and an insert 2,500 to 3,000
times a second, and JSON with one query 3,000 times.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.bench.server import Load, Server, _request, best_of, drive, serving, serving_bare


@dataclass
class Row:
    """A measured job; `wanted` (of us; of the bare view what it gave) and `peer` are quoted requests a second."""

    job: str
    load: Load
    wanted: int | None = None
    peer: int | None = None


def main(database_url: str = "", name: str = "SQLite") -> list[str]:
    with serving("tests.bench.seed", database_url) as server:
        booked = _bookings(server)
        bare_booked, bare_read = _bare_view(database_url, server.seeded)
        slots = [
            Row("GET /slots, 30 days, one member", _slots(server, one=True), 800, 46),
            Row("GET /slots, 30 days, any of 20", _slots(server, one=False), 200),
        ]
        feed = _feed(server)
    bare = feed[-1].load.per_second
    booking = Row("POST /appointments, 8 clients", booked, 1000 if name == "PostgreSQL" else 600, 168)
    return [
        *(_line(row, bare, name) + _by_view(row.load, bare_read) for row in slots),
        _line(Row("GET a row by a bare Django view", bare_read, 3000), bare, name),
        _line(booking, bare, name) + _by_view(booked, bare_booked),
        _line(Row("POST to a bare Django view", bare_booked, 2500), bare, name),
        *(_line(row, bare, name) for row in feed),
    ]


def _line(row: Row, bare: float, name: str) -> str:
    load = row.load
    middle, late, worst = (found * 1000 for found in (load.percentile(0.5), load.percentile(0.99), max(load.latencies)))
    compared = [f"{load.per_second / bare:4.0%} of bare"]
    compared += [f"x {load.per_second / row.wanted:.2f} of {row.wanted}"] if row.wanted else []
    compared += [f"x {load.per_second / row.peer:.1f} of {row.peer} quoted"] if row.peer else []
    figures = f"{load.per_second:6.0f}/s, p50 {middle:5.1f}, p99 {late:5.1f}, max {worst:4.0f} ms"
    return f"{row.job:34} | {figures} | {', '.join(compared)} | {load.statuses} [{name}]"


def _by_view(load: Load, view: Load) -> str:
    """As many a second, and as long the slowest hundredth waits, as a share of what the bare view gave."""
    return f", {load.per_second / view.per_second:4.0%} of the bare view, p99 {load.percentile(0.99) / view.percentile(0.99):4.0%}"


def _auth(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.seeded['key']}"}


def _slots(server: Server, *, one: bool) -> Load:
    seeded = server.seeded
    query = f"/api/v1/slots?service={seeded['service']}&from={seeded['from']}&to={seeded['to']}"
    request = _request("GET", query + (f"&staff={seeded['staff']}" if one else ""), b"", _auth(server))
    drive(server.port, lambda *_: request, clients=4, each=20)
    return _read(server.port, request, each=100 if one else 30)


def _read(port: int, request: bytes, *, each: int = 200) -> Load:
    """The best of three: which of the server's processes takes a connection is chance, and one of them may get most."""
    return best_of([drive(port, lambda *_: request, clients=16, each=each) for _ in range(3)])


def _bookings(server: Server) -> Load:
    """8 clients, each at a member of its own times: every request books."""
    return _book(server.port, "/api/v1/appointments", server.seeded, _auth(server))


def _bare_view(database_url: str, seeded: dict) -> tuple[Load, Load]:
    with serving_bare(database_url) as port:
        booked = _book(port, "/book", seeded, {})
        read = _request("GET", "/latest", b"", {})
        return booked, _read(port, read)


def _book(port: int, path: str, seeded: dict, headers: dict[str, str]) -> Load:
    """The first ones of each thread do not count."""
    begin = datetime.fromisoformat(seeded["begin"])

    def request(client: int, number: int) -> bytes:
        body = {
            "service": seeded["quick"],
            "staff": seeded["free"][client],
            "start": (begin + timedelta(minutes=5 * number)).isoformat(),
            "customer": {"name": f"Customer {client}", "email": f"c{client}-{number}@example.org"},
        }
        return _request("POST", path, json.dumps(body).encode(), headers)

    drive(port, lambda client, number: request(client, 1000 + number), clients=8, each=25)
    return drive(port, request, clients=8, each=100)


def _feed(server: Server) -> list[Row]:
    path = "/" + server.seeded["feed"]
    fresh = _request("GET", path, b"", {})
    etag = _etag(server, fresh)
    unchanged = _request("GET", path, b"", {"If-None-Match": etag})
    bare = _request("GET", "/healthz", b"", {})
    return [
        Row("GET feed, 304", _read(server.port, unchanged)),
        Row("GET feed, 200 (kept)", _read(server.port, fresh)),
        Row("GET /healthz (the bare framework)", _read(server.port, bare)),
    ]


def _etag(server: Server, request: bytes) -> str:
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(request)
        head = link.recv(65536).split(b"\r\n\r\n")[0].decode()
    return next(line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith("etag:"))


if __name__ == "__main__":
    print("\n".join(main()))
