"""A proxy between a provider and its server that counts requests and loses answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.net.servers import serve

WRITES = (b"PUT", b"POST", b"PATCH", b"DELETE")


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
def proxy_to(target: int) -> Iterator[Proxy]:
    """Forwards to 127.0.0.1:`target`, one connection a request. The Host header stays that of the proxy."""

    def handle(connection: socket.socket, request: bytes) -> None:
        answer = _forward(target, request)
        proxy.requests.append(request.split(b" HTTP/", 1)[0].decode())
        if proxy.lose_next_write and request.startswith(WRITES) and b" /token" not in request:
            proxy.lose_next_write = False
            connection.shutdown(socket.SHUT_RDWR)
            return
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_RDWR)

    with serve(handle) as server:
        proxy = Proxy(server.port)
        yield proxy


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
