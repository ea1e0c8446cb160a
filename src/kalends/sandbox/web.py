"""A small HTTP/1.1 server with keep-alive: requests in, responses out, one thread for each connection."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MAX_BODY = 4 * 1024 * 1024


class DropConnection(Exception):
    """The client shall get no answer, or `partial` bytes of one, and the connection closes."""

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__("the connection is dropped on purpose")
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is still percent-encoded, so that a slash inside an id stays inside it; header names are lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def form(self) -> dict[str, str]:
        """The body as application/x-www-form-urlencoded, first values."""
        values = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {key: items[0] for key, items in values.items()}

    def form_all(self) -> dict[str, list[str]]:
        """The body as application/x-www-form-urlencoded, all values."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def json_response(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, body, {"Content-Type": "application/json; charset=UTF-8", **(headers or {})})


App = Callable[[Request], Response]
Handler = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    name: str
    handler: Handler


def route(method: str, template: str, name: str, handler: Handler) -> Route:
    """`template` is a path with `{parameter}` parts, each matching one percent-encoded segment."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
    return Route(method, re.compile(f"^{pattern}$"), name, handler)


def find_route(routes: list[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request and its decoded path parameters."""
    for candidate in routes:
        match = candidate.pattern.match(path)
        if match and candidate.method == method:
            return candidate, {key: unquote(value) for key, value in match.groupdict().items()}
    return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def _serve(self) -> None:
        request = self._read_request()
        if request is None:
            return
        try:
            response = self.server.app(request)
        except DropConnection as drop:
            self._hang_up(drop.partial)
            return
        except Exception:
            # The server must outlive a mistake of its own; a test sees it by the 500 and by `failures`.
            self.server.failures.append(traceback.format_exc())
            response = json_response({"error": {"code": 500, "message": "the sandbox failed"}}, 500)
        self._write(response)

    def _read_request(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            self._write(Response(413, b"", {"Connection": "close"}))
            self.close_connection = True
            return None
        body = self.rfile.read(int(length))
        target = urlsplit(self.path)
        query = parse_qs(target.query, keep_blank_values=True)
        headers = {name.lower(): value for name, value in self.headers.items()}
        method = headers.get("x-http-method-override", self.command) if self.command == "POST" else self.command
        if method != self.command and headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            query = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
            body = b""
        return Request(method, target.path, query, headers, body)

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status != 204:
            self.wfile.write(response.body)
        self.wfile.flush()

    def _hang_up(self, partial: bytes) -> None:
        self.close_connection = True
        if partial:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(partial) * 2}\r\n\r\n"
            self.connection.sendall(head.encode() + partial)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names are the base class's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing: what was asked stands in the request log of the sandbox."""


class Server(ThreadingHTTPServer):
    """Serves `app`; `failures` holds the tracebacks of what went wrong inside it."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], app: App) -> None:
        self.app = app
        self.failures: list[str] = []
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no failure of the server."""

    def stop(self) -> None:
        """Stop accepting and close every connection that was kept alive."""
        self.shutdown()
        self.server_close()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
