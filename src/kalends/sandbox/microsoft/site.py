"""The sandbox Microsoft as a whole: sign-in and Graph behind one door, with limits, faults and the check of replies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kalends.core.clock import utc_now
from kalends.sandbox.google.faults import Fault, Faults, Journal
from kalends.sandbox.ledger import Clock
from kalends.sandbox.microsoft.acts import Acts
from kalends.sandbox.microsoft.api import ROOT, Api
from kalends.sandbox.microsoft.entra import EntraError
from kalends.sandbox.microsoft.errors import GraphError
from kalends.sandbox.microsoft.oauth import OAuth
from kalends.sandbox.microsoft.push import Sender
from kalends.sandbox.microsoft.settings import Settings
from kalends.sandbox.microsoft.store import Account, Store
from kalends.sandbox.microsoft.subscriptions import Subscriptions
from kalends.sandbox.microsoft.throttle import Throttle
from kalends.sandbox.microsoft.validate import OpenApi
from kalends.sandbox.oauth import Client
from kalends.sandbox.web import Request, Response, Route, find_route

Found = tuple[Route, dict[str, str]] | None


class Microsoft:
    """`acts` is what no client of the API could do; `settings` what may be set; `problems` what was not valid."""

    def __init__(
        self,
        clock: Clock,
        path: Path | None,
        client: Client,
        journal: Journal,
        document: Mapping[str, Any] | None,
        retries: tuple[float, ...],
    ) -> None:
        self.store = Store(clock, path)
        self.client = client
        self.settings = Settings()
        self.problems: list[str] = []
        self.oauth = OAuth(self.store, client)
        self.api = Api(self.store, self.oauth, self.settings)
        self.sender = Sender(self.store, journal.add, retries)
        self.acts = Acts(self.store, self.oauth, self.settings, self.sender)
        self.throttle = Throttle(self.settings)
        self._journal = journal
        self._openapi = OpenApi(document) if document else None
        subscriptions = Subscriptions(self.store, self.api, self.sender)
        self._routes: list[Route] = [*self.oauth.routes(), *self.api.routes(), *subscriptions.routes()]

    def start(self) -> None:
        self.sender.start()

    def stop(self) -> None:
        """Stop telling, and close the state after the request that is being served."""
        self.sender.stop()
        with self.store.writing():
            pass
        self.store.disk.close()

    def set_base_url(self, base_url: str) -> None:
        self.api.base_url = self.oauth.base_url = base_url

    def add_accounts(self, accounts: Sequence[Account]) -> list[Account]:
        """Make accounts that are not there yet, and give those."""
        with self.store.writing():
            known = self.store.accounts
            return [self.store.add_account(replace(one)) for one in accounts if one.email not in known]

    def knows(self, request: Request) -> Found:
        return find_route(self._routes, request.method, request.path)

    def serves(self, path: str) -> bool:
        """Whether an address is one of Microsoft's."""
        return path.startswith(f"{ROOT}/") or "/oauth2/v2.0/" in path or "/v2.0/.well-known/" in path

    def serve(self, request: Request, faults: Faults) -> Response:
        """Limits first, so that a delayed request counts as one in flight; then faults, then the route."""
        found = self.knows(request)
        name = found[0].name if found else ""
        entry = {"method": request.method, "path": request.path, "name": name, "status": "dropped"}
        try:
            response = self._limited(request, found, faults)
            entry["status"] = str(response.status)
            self._check(name, request, response)
        finally:
            self._journal.add("request", entry)
        return response

    def _limited(self, request: Request, found: Found, faults: Faults) -> Response:
        def work() -> Response:
            return faults.serve(request, lambda: _answer(request, found), _fault_answer)

        if not request.path.startswith(f"{ROOT}/me"):
            return work()
        try:
            with self.store.writing():
                mailbox = self.oauth.bearer(request)[1].email
                now = self.store.now().timestamp()
        except GraphError:
            return work()
        try:
            with self.throttle.serving(mailbox, now):
                return work()
        except GraphError as error:
            return error.response()

    def _check(self, name: str, request: Request, response: Response) -> None:
        if self._openapi is not None and self._openapi.knows(name):
            found = self._openapi.problems(name, request, response)
            self.problems += [f"{name}: {problem}" for problem in found]


def _answer(request: Request, found: Found) -> Response:
    try:
        if found is None:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{request.path}'.")
        return found[0].handler(request, **found[1])
    except GraphError as error:
        return error.response()


def _fault_answer(fault: Fault) -> Response:
    """The error in Graph's shape, or in Entra's for `invalid_...` reasons."""
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
    reason = _CODES.get(fault.status, "UnknownError") if fault.reason == Fault.reason else fault.reason
    if reason.startswith(("invalid_", "interaction_", "temporarily_")):
        return EntraError(reason, 90033, "A fault on order.", fault.status).response(utc_now())
    return GraphError(fault.status, reason, reason, headers).response()


_CODES = {429: "ApplicationThrottled", 503: "ServiceUnavailable", 504: "GatewayTimeout", 500: "InternalServerError",
          409: "ErrorIrresolvableConflict", 401: "InvalidAuthenticationToken", 403: "ErrorAccessDenied"}  # fmt: skip
