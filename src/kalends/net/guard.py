"""Sockets that keep the rules: resolve once, judge the address, connect to that very address, keep the deadline.

httpcore2 asks a "network backend" for its sockets; this one is asked instead of the usual one, so that no way of
writing a host, and no second answer of a name server, leads past the check. TLS still verifies the name (SNI and
certificate), because only the TCP address is replaced.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore2

from kalends.net.addresses import refusal
from kalends.net.errors import Refused

_RESOLVERS = threading.BoundedSemaphore(64)


@dataclass(slots=True)
class Attempt:
    """One request of one thread: when it must be over (monotonic seconds), and whether any byte of it left."""

    deadline: float
    sent: bool = False

    def left(self, wanted: float | None) -> float:
        """Seconds that an operation may take: what it wants, cut at the deadline."""
        remaining = self.deadline - time.monotonic()
        return remaining if wanted is None else min(wanted, remaining)


class _Current(threading.local):
    attempt: Attempt | None = None


current = _Current()


def _budget(wanted: float | None, late: type[Exception]) -> float | None:
    """The time an operation of the running request may take; raises `late` when there is none left."""
    if current.attempt is None:
        return wanted
    left = current.attempt.left(wanted)
    if left <= 0:
        raise late("the total time is used up")
    return left


class GuardedStream(httpcore2.NetworkStream):
    """A connection whose every read and write ends with the running request's deadline."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _budget(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        budget = _budget(timeout, httpcore2.WriteTimeout)
        if buffer and current.attempt is not None:
            current.attempt.sent = True
        self._inner.write(buffer, budget)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        budget = _budget(timeout, httpcore2.ConnectTimeout)
        return GuardedStream(self._inner.start_tls(ssl_context, server_hostname, budget))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore2.NetworkBackend):
    """Connects to public addresses, and to the "host:port" pairs of `allow_hosts` wherever they are."""

    def __init__(self, allow_hosts: frozenset[str]) -> None:
        self._allow_hosts = allow_hosts
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in self._reachable(host, port, _budget(timeout, httpcore2.ConnectTimeout)):
            try:
                budget = _budget(timeout, httpcore2.ConnectTimeout)
                stream = self._inner.connect_tcp(address, port, budget, local_address, socket_options)
                return GuardedStream(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    def _reachable(self, host: str, port: int, timeout: float | None) -> list[str]:
        addresses = resolve(host, port, timeout)
        if allowed(host, port, self._allow_hosts):
            return addresses
        judged = {address: refusal(address) for address in addresses}
        public = [
            address for address, reason in judged.items() if not reason or allowed(address, port, self._allow_hosts)
        ]
        if addresses and not public:
            address, reason = next(iter(judged.items()))
            raise Refused(address, f"{reason} address, not reached from here")
        return public


def allowed(host: str, port: int, allow_hosts: frozenset[str]) -> bool:
    """Whether the operator named this host and port as reachable although private."""
    name = f"[{host}]" if ":" in host else host
    return f"{name.lower().rstrip('.')}:{port}" in allow_hosts


def resolve(host: str, port: int, timeout: float | None) -> list[str]:
    """The addresses of a name, in the system's order, within `timeout` seconds.

    The system's resolver takes no time-out, so it is asked from a thread that is left behind when it is late.
    Raises httpcore2.ConnectTimeout and httpcore2.ConnectError.
    """
    if not _RESOLVERS.acquire(timeout=timeout):
        raise httpcore2.ConnectTimeout("too many names are being looked up")
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_ask_resolver, args=(host, port, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise httpcore2.ConnectTimeout(f"the name {host} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise httpcore2.ConnectError(f"the name {host} cannot be resolved: {answer.strerror}") from answer
    return answer


def _ask_resolver(host: str, port: int, answers: queue.SimpleQueue[list[str] | OSError]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
    except OSError as error:
        answers.put(error)
    except UnicodeError:
        answers.put(OSError(0, "not a host name"))
    finally:
        _RESOLVERS.release()
