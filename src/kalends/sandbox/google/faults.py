"""Trouble on order: what a test or a person may do to the sandbox, and a journal of what it was asked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kalends.core.errors import InvalidInput
from kalends.sandbox.google import errors
from kalends.sandbox.google.store import ROLES, Store
from kalends.sandbox.google.watch import Sender
from kalends.sandbox.web import DropConnection, Request, Response, json_response

KINDS = ("error", "error_after", "drop", "drop_after", "truncate", "delay")
_QUOTA = ("userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "calendarUsageLimits")


@dataclass
class Fault:
    """What happens to the next `times` requests that match.

    kind         error: answer `status`/`reason` without effect; error_after: the same after it took effect;
                 drop, drop_after: close the connection without an answer, before or after the effect;
                 truncate: half of the answer, then close; delay: wait `seconds`, then serve
    method, path "" matches any; `path` matches as a part of the request's path
    """

    kind: str
    times: int = 1
    method: str = ""
    path: str = ""
    status: int = 503
    reason: str = "backendError"
    seconds: float = 0.0
    retry_after: int = 0

    def matches(self, request: Request) -> bool:
        return self.times > 0 and self.method in ("", request.method) and self.path in request.path

    def answer(self) -> Response:
        """The error in Google's shape, or in OAuth's for `invalid_...` reasons."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        if self.reason.startswith("invalid_"):
            return json_response({"error": self.reason, "error_description": self.reason}, self.status, headers)
        domain = "usageLimits" if self.reason in _QUOTA else "global"
        error = errors.ApiError(self.status, self.reason, self.reason, domain=domain)
        return json_response(error.payload(), self.status, headers)


class Faults:
    """The faults on order, settings, and the acts that no client of the API could do."""

    def __init__(self, store: Store, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self._lock = threading.Lock()
        self._orders: list[Fault] = []
        self.page_cap = 0
        self.access_seconds = 3599

    def add(self, kind: str, **options: Any) -> Fault:
        """Order a fault. Raises InvalidInput for one that does not exist."""
        if kind not in KINDS:
            raise InvalidInput(f"there is no fault {kind}; there are: {', '.join(KINDS)}", field="kind")
        try:
            fault = Fault(kind, **options)
        except TypeError as error:
            raise InvalidInput(str(error)) from error
        with self._lock:
            self._orders.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._orders.clear()
        self.page_cap = 0
        self._sender.lose = self._sender.repeat = 0
        self._sender.hold = 0.0

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._orders]

    def serve(
        self, request: Request, handler: Callable[[], Response], answer: Callable[[Fault], Response] = Fault.answer
    ) -> Response:
        """The handler's answer, with the first matching fault done to it; `answer` gives the error its shape."""
        fault = self._take(request)
        if fault is None:
            return handler()
        if fault.kind == "delay":
            time.sleep(fault.seconds)
            return handler()
        if fault.kind == "error":
            return answer(fault)
        if fault.kind == "drop":
            raise DropConnection
        response = handler()
        if fault.kind == "error_after":
            return answer(fault)
        raise DropConnection(response.body[: len(response.body) // 2] if fault.kind == "truncate" else b"")

    def _take(self, request: Request) -> Fault | None:
        with self._lock:
            fault = next((fault for fault in self._orders if fault.matches(request)), None)
            if fault is not None:
                fault.times -= 1
                self._orders = [order for order in self._orders if order.times > 0]
            return fault

    # -- acts ------------------------------------------------------------------------------------------------------

    def expire_sync_tokens(self, calendar: str = "") -> None:
        """Every sync token given out so far, of one calendar or of all, is answered with 410 from now on."""
        with self._store.writing():
            for row in self._store.calendars.values():
                if calendar in ("", row.id):
                    row.generation += 1
                    self._store.calendars.put(row.id, row)

    def expire_access_tokens(self, account: str = "") -> None:
        """Access tokens end now; refresh tokens go on."""
        with self._store.writing():
            for token in self._store.tokens.values():
                if token.kind == "access" and account in ("", self._store.grants[token.grant].account):
                    token.expires_at = 0.0
                    self._store.tokens.put(token.value, token)

    def revoke_grants(self, account: str) -> None:
        """The person takes back what they allowed: refreshes are answered with invalid_grant."""
        with self._store.writing():
            for grant in self._store.grants.values():
                if grant.account == account:
                    grant.revoked = True
                    self._store.grants.put(grant.id, grant)

    def set_role(self, calendar: str, account: str, role: str) -> None:
        """Make a calendar read-only, hidden or writable for an account."""
        if role not in ROLES:
            raise InvalidInput(f"there is no role {role}", field="role")
        with self._store.writing():
            if calendar not in self._store.calendars:
                raise InvalidInput("there is no such calendar", field="calendar")
            self._store.set_role(calendar, account, role)

    def set_timezone(self, calendar: str, timezone: str) -> None:
        with self._store.writing():
            row = self._store.calendars[calendar]
            row.timezone = timezone
            self._store.touch(row)

    def purge_tombstones(self, calendar: str = "") -> None:
        """Deleted events vanish for good, except the exceptions of living series."""
        with self._store.writing():
            for row in self._store.calendars.values():
                for event in self._store.events(row.id) if calendar in ("", row.id) else ():
                    master = self._store.event(row.id, event.master_id) if event.master_id else None
                    if event.cancelled and (master is None or master.cancelled):
                        self._store.purge(event)

    def pushes(self, *, lose: int = 0, repeat: int = 0, hold: float = 0.0) -> None:
        """The next `lose` notifications vanish, the next `repeat` come twice, each waits `hold` seconds."""
        self._sender.lose, self._sender.repeat, self._sender.hold = lose, repeat, hold


class Journal:
    """The last requests and pushes, numbered, for the page and for tests that count."""

    def __init__(self, size: int = 5000) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._number = 0

    def add(self, kind: str, details: Mapping[str, Any]) -> None:
        with self._lock:
            self._number += 1
            self._entries.append({"number": self._number, "kind": kind, "at": time.time(), **details})

    def since(self, number: int = 0) -> list[dict[str, Any]]:
        with self._lock:
            return [entry for entry in self._entries if entry["number"] > number]
