"""Whole HTTP requests: slots, bookings, feeds. The client shares the machine's cores with the server."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from tests.bench.server import Load, Server, _request, drive, serving


def main(database_url: str = "", name: str = "SQLite") -> list[str]:
    with serving("tests.bench.seed", database_url) as server:
        rows = [_slots(server, one=True), _slots(server, one=False), _bookings(server), *_feed(server)]
    return [f"{row}   [{name}]" for row in rows]


def _auth(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.seeded['key']}"}


def _line(job: str, load: Load) -> str:
    middle, late = load.percentile(0.5) * 1000, load.percentile(0.99) * 1000
    worst = max(load.latencies) * 1000
    return f"{job:44} {load.per_second:8.0f}/s   p50 {middle:6.1f} ms  p99 {late:6.1f} ms  max {worst:6.0f} ms  {load.statuses}"


def _slots(server: Server, *, one: bool) -> str:
    seeded = server.seeded
    query = f"/api/v1/slots?service={seeded['service']}&from={seeded['from']}&to={seeded['to']}"
    request = _request("GET", query + (f"&staff={seeded['staff']}" if one else ""), b"", _auth(server))
    drive(server.port, lambda *_: request, clients=4, each=20)
    load = drive(server.port, lambda *_: request, clients=8, each=250 if one else 60)
    return _line(f"GET /slots, 30 days, {'one member' if one else 'any of 20'}", load)


def _bookings(server: Server) -> str:
    """8 clients, each at a member of its own times: every request books."""
    seeded, begin = server.seeded, datetime.fromisoformat(server.seeded["begin"])

    def request(client: int, number: int) -> bytes:
        body = {
            "service": seeded["quick"],
            "staff": seeded["free"][client],
            "start": (begin + timedelta(minutes=5 * number)).isoformat(),
            "customer": {"name": f"Customer {client}", "email": f"c{client}-{number}@example.org"},
        }
        return _request("POST", "/api/v1/appointments", json.dumps(body).encode(), _auth(server))

    return _line("POST /appointments, 8 clients", drive(server.port, request, clients=8, each=100))


def _feed(server: Server) -> list[str]:
    path = "/" + server.seeded["feed"]
    fresh = _request("GET", path, b"", {})
    etag = _etag(server, fresh)
    unchanged = _request("GET", path, b"", {"If-None-Match": etag})
    bare = _request("GET", "/healthz", b"", {})
    return [
        _line("GET feed, 304", drive(server.port, lambda *_: unchanged, clients=8, each=400)),
        _line("GET feed, 200 (kept)", drive(server.port, lambda *_: fresh, clients=8, each=200)),
        _line("GET /healthz (the bare framework)", drive(server.port, lambda *_: bare, clients=8, each=400)),
    ]


def _etag(server: Server, request: bytes) -> str:
    import socket

    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(request)
        head = link.recv(65536).split(b"\r\n\r\n")[0].decode()
    return next(line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith("etag:"))


if __name__ == "__main__":
    print("\n".join(main()))
