"""A proxy between a provider and its server that counts requests, loses answers, and may ask who is there."""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.net.servers import answer, serve

WRITES = (b"PUT", b"POST", b"PATCH", b"DELETE")
UNKNOWN = answer("401 Unauthorized", headers='WWW-Authenticate: Basic realm="calendars"\r\nConnection: close\r\n')


@dataclass
class Proxy:
    port: int
    requests: list[str] = field(default_factory=list)
    lose_next_write: bool = False

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@contextmanager
def proxy_to(target: int, users: Mapping[str, str] | None = None) -> Iterator[Proxy]:
    """Forwards to 127.0.0.1:`target`, one connection a request. The Host header stays that of the proxy.

    With `users` (passwords by name) it checks Basic authentication itself and tells the server who it is.
    """

    def handle(connection: socket.socket, request: bytes) -> None:
        known = request if users is None else _as_remote_user(request, users)
        answered = _forward(target, known) if known else UNKNOWN
        proxy.requests.append(request.split(b" HTTP/", 1)[0].decode())
        if proxy.lose_next_write and request.startswith(WRITES) and b" /token" not in request:
            proxy.lose_next_write = False
            connection.shutdown(socket.SHUT_RDWR)
            return
        connection.sendall(answered)
        connection.shutdown(socket.SHUT_RDWR)

    with serve(handle) as server:
        proxy = Proxy(server.port)
        yield proxy


def _as_remote_user(request: bytes, users: Mapping[str, str]) -> bytes:
    """The request as a server behind takes it: X-Remote-User for the password. b"" for whoever is not known."""
    head, separator, body = request.partition(b"\r\n\r\n")
    for name, password in users.items():
        token = base64.b64encode(f"{name}:{password}".encode())
        named, count = re.subn(rb"(?i)\r\nAuthorization: Basic " + re.escape(token) + rb"(?=\r\n|$)", b"", head)
        if count == 1:
            return named + f"\r\nX-Remote-User: {name}".encode() + separator + body
    return b""


def _forward(target: int, request: bytes) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    head = re.sub(rb"\r\nConnection:[^\r]*", b"", head) + b"\r\nConnection: close"
    with socket.create_connection(("127.0.0.1", target)) as upstream:
        upstream.sendall(head + b"\r\n\r\n" + body)
        answer = b""
        while piece := upstream.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return re.sub(rb"\r\nConnection:[^\r]*", b"", head) + b"\r\nConnection: close\r\n\r\n" + body
