"""The one HTTP client: every request is bounded in time and size and reaches public addresses only.

* total, connect and read time-outs always; a peer that trickles bytes is cut off at the total
* the answer is counted while it is decompressed, and dropped at the limit
* redirects are followed by hand, for reading only; each hop is judged anew, and credentials stay with the origin
* plain http, like a private address, only for a "host:port" that the operator named
* connections are kept open and shared by the whole process; no cookie is ever kept
* proxies of the environment are not used: a proxy would connect where the guard cannot look
"""

from __future__ import annotations

import json
import os
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore2
import httpx2

from kalends import __version__
from kalends.net.errors import BadRedirect, MaybeSent, NetError, NotSent, Refused, Timeout, TooLarge
from kalends.net.guard import Attempt, GuardedBackend, allowed, current
from kalends.net.retry import RetryBudget

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})
IDEMPOTENT_METHODS = SAFE_METHODS | {"PUT", "DELETE"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ORIGIN_BOUND = frozenset({"authorization", "cookie", "proxy-authorization"})
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a client allows. Times in seconds; `allow_hosts` holds lower-case "host:port" ("[::1]:80" for IPv6)."""

    allow_hosts: frozenset[str] = frozenset()
    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    total_timeout: float = 40.0
    max_bytes: int = 16 * 1024 * 1024
    max_redirects: int = 5
    # Whether an answer that is too large is cut, for who needs its status and no more, or is an error.
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. `url` is where it came from after redirects; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


class HttpClient:
    """Thread-safe. Get one by `client(policy)`, which shares connections across the process."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._transport = _Transport(policy)
        self._budget = RetryBudget()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        max_bytes: int | None = None,
    ) -> Response:
        """Ask and read the whole answer; any status is an answer. Raises NetError only.

        `timeout` and `max_bytes` tighten the policy for this request, redirects and a retry included.
        """
        deadline = time.monotonic() + min(timeout or self.policy.total_timeout, self.policy.total_timeout)
        limit = min(max_bytes or self.policy.max_bytes, self.policy.max_bytes)
        target, kept = parse_url(url), dict(headers or {})
        for _ in range(self.policy.max_redirects + 1):
            response = self._with_retry(method, target, kept, body, deadline, limit)
            if response.status not in _REDIRECTS:
                return response
            target, kept = _next_hop(method, target, kept, response)
            if response.status == 303 and method not in ("GET", "HEAD"):
                method, body = "GET", b""
        raise BadRedirect(f"more than {self.policy.max_redirects} redirects")

    def _with_retry(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes, deadline: float, limit: int
    ) -> Response:
        try:
            response = self._once(method, url, headers, body, deadline, limit)
        except NetError as error:
            if not (_may_retry(method, error) and time.monotonic() < deadline and self._budget.spend(url.host)):
                raise
            response = self._once(method, url, headers, body, deadline, limit)
        self._budget.earn(url.host)
        return response

    def _once(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes, deadline: float, limit: int
    ) -> Response:
        _check_scheme(url, self.policy.allow_hosts)
        attempt = current.attempt = Attempt(deadline)
        try:
            return self._exchange(method, url, headers, body, limit)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpcore2.ConnectionNotAvailable) as error:
            raise _typed(error, attempt) from error
        finally:
            current.attempt = None

    def _exchange(self, method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes, limit: int) -> Response:
        request = httpx2.Request(
            method,
            url,
            headers={"User-Agent": f"Kalends/{__version__}", "Accept-Encoding": "gzip", **headers},
            content=body or None,
            extensions={
                "timeout": {
                    "connect": self.policy.connect_timeout,
                    "read": self.policy.read_timeout,
                    "write": self.policy.read_timeout,
                    "pool": self.policy.connect_timeout,
                }
            },
        )
        response = self._transport.handle_request(request)
        try:
            response.request = request
            content = b"".join(_bounded(response, limit, cut=self.policy.cut))
        finally:
            response.close()
        return Response(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            url=str(url),
        )

    def close(self) -> None:
        self._transport.close()


class _Transport(httpx2.HTTPTransport):
    """httpx2's transport on a pool whose sockets are guarded. Threads bound the number of connections."""

    def __init__(self, policy: Policy) -> None:
        context = httpx2.create_ssl_context()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=64,
            keepalive_expiry=15.0,
            network_backend=GuardedBackend(policy.allow_hosts),
        )


_clients: dict[Policy, HttpClient] = {}
_clients_guard = threading.Lock()


def client(policy: Policy) -> HttpClient:
    """The process's client for this policy: equal policies share their connections, and a process has few of them."""
    with _clients_guard:
        if policy not in _clients:
            _clients[policy] = HttpClient(policy)
        return _clients[policy]


def _forget_clients() -> None:
    """A forked child must not talk on its parent's connections, nor wait for a lock that a parent's thread held."""
    global _clients_guard  # noqa: PLW0603 - the child has one thread and this is its first act
    _clients_guard = threading.Lock()
    _clients.clear()


os.register_at_fork(after_in_child=_forget_clients)


def parse_url(url: str) -> httpx2.URL:
    """Raises Refused for what no request could be made of: another scheme, no host or none that can be, a user name."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise Refused("URL", "cannot be read") from error
    if parsed.scheme not in _DEFAULT_PORTS or not _HOST.fullmatch(parsed.raw_host.decode("ascii")):
        raise Refused("URL", "must begin with https:// and name a host")
    if parsed.userinfo:
        raise Refused("URL", "must not contain a user name or password")
    return parsed


def _port(url: httpx2.URL) -> int:
    return url.port or _DEFAULT_PORTS[url.scheme]


def _check_scheme(url: httpx2.URL, allow_hosts: frozenset[str]) -> None:
    if url.scheme != "https" and not allowed(url.host, _port(url), allow_hosts):
        raise Refused("URL", "plain http is not used; the address must begin with https://")


def _next_hop(
    method: str, url: httpx2.URL, headers: dict[str, str], response: Response
) -> tuple[httpx2.URL, dict[str, str]]:
    """Where a redirect leads and which headers may go along. Raises BadRedirect and Refused."""
    if method not in SAFE_METHODS:
        raise BadRedirect(f"a {method} was redirected ({response.status})")
    location = response.headers.get("location", "")
    if not location:
        raise BadRedirect("a redirect without an address")
    try:
        target = parse_url(str(url.join(location)))
    except httpx2.InvalidURL as error:
        raise BadRedirect("a redirect to an address that cannot be read") from error
    if url.scheme == "https" and target.scheme != "https":
        raise BadRedirect("a redirect from https to http")
    if (url.scheme, url.host, _port(url)) != (target.scheme, target.host, _port(target)):
        headers = {name: value for name, value in headers.items() if name.lower() not in _ORIGIN_BOUND}
    return target, headers


def _bounded(response: httpx2.Response, limit: int, *, cut: bool) -> Iterator[bytes]:
    """The decoded body, piece by piece. httpx2 inflates at most 1 MiB at a time, so a bomb ends at the limit."""
    left = limit
    for piece in response.iter_bytes():
        if len(piece) > left and not cut:
            raise TooLarge(f"the answer is larger than {limit} bytes")
        yield piece[:left]
        left -= len(piece)
        if left < 0:
            return


def _may_retry(method: str, error: NetError) -> bool:
    if isinstance(error, Refused | Timeout | TooLarge):
        return False
    return method in (SAFE_METHODS if error.sent else IDEMPOTENT_METHODS)


def _typed(error: Exception, attempt: Attempt) -> NetError:
    """A library error as one of ours. What was never written was surely not sent."""
    if not attempt.sent:
        return NotSent(_reason(error))
    if isinstance(error, httpx2.TimeoutException):
        return Timeout("no complete answer in time")
    return MaybeSent(type(error).__name__)


def _reason(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not accepted: {cause.verify_message}"
        cause = cause.__cause__
    return str(error) or type(error).__name__
