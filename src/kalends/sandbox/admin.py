"""Addresses for tests and for the page's trouble buttons: order faults, do acts, read the journal. Loopback only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kalends.core.errors import InvalidInput
from kalends.sandbox.google.call import read_body
from kalends.sandbox.google.faults import Faults, Journal
from kalends.sandbox.google.store import Store
from kalends.sandbox.microsoft.site import Microsoft
from kalends.sandbox.web import Request, Response, Route, json_response, route


class Admin:
    def __init__(self, store: Store, faults: Faults, journal: Journal, microsoft: Microsoft) -> None:
        self._store = store
        self._microsoft = microsoft
        self._faults = faults
        self._journal = journal
        self._acts: dict[str, Callable[..., Any]] = {
            "expire-sync-tokens": faults.expire_sync_tokens,
            "expire-access-tokens": faults.expire_access_tokens,
            "revoke-grants": faults.revoke_grants,
            "set-role": faults.set_role,
            "set-timezone": faults.set_timezone,
            "purge-tombstones": faults.purge_tombstones,
            "pushes": faults.pushes,
            "settings": self._settings,
            "microsoft-revoke": microsoft.acts.revoke,
            "microsoft-set-account": microsoft.acts.set_account,
            "microsoft-set-calendar": microsoft.acts.set_calendar,
            "microsoft-expire-delta": microsoft.acts.expire_delta,
            "microsoft-expire-access": microsoft.acts.expire_access,
            "microsoft-lifecycle": microsoft.acts.lifecycle,
            "microsoft-pushes": microsoft.acts.pushes,
            "microsoft-settings": microsoft.acts.set,
        }

    def routes(self) -> list[Route]:
        return [
            route("GET", "/_admin/faults", "", self.list_faults),
            route("POST", "/_admin/faults", "", self.add_fault),
            route("DELETE", "/_admin/faults", "", self.clear_faults),
            route("GET", "/_admin/journal", "", self.read_journal),
            route("GET", "/_admin/channels", "", self.list_channels),
            route("GET", "/_admin/subscriptions", "", self.list_subscriptions),
            route("POST", "/_admin/{act}", "", self.do),
        ]

    def list_faults(self, request: Request) -> Response:
        return json_response({"items": self._faults.listed()})

    def add_fault(self, request: Request) -> Response:
        body = read_body(request)
        self._faults.add(str(body.pop("kind", "")), **body)
        return self.list_faults(request)

    def clear_faults(self, request: Request) -> Response:
        self._faults.clear()
        return self.list_faults(request)

    def read_journal(self, request: Request) -> Response:
        since = request.first("since", "0")
        return json_response({"items": self._journal.since(int(since) if since.isdigit() else 0)})

    def list_channels(self, request: Request) -> Response:
        with self._store.writing():
            rows = self._store.channels.values()
        names = ("id", "calendar", "account", "address", "expires_ms", "number")
        return json_response({"items": [{name: getattr(row, name) for name in names} for row in rows]})

    def list_subscriptions(self, request: Request) -> Response:
        store = self._microsoft.store
        with store.writing():
            rows = store.subscriptions.values()
        names = ("id", "account", "resource", "address", "lifecycle", "change_types", "expires_at", "paused")
        return json_response({"items": [{name: getattr(row, name) for name in names} for row in rows]})

    def do(self, request: Request, act: str) -> Response:
        """Do an act with the JSON body as its arguments."""
        if act not in self._acts:
            raise InvalidInput(f"there is no act {act}; there are: {', '.join(self._acts)}")
        try:
            self._acts[act](**read_body(request))
        except (TypeError, LookupError) as error:
            raise InvalidInput(str(error)) from error
        return json_response({"done": act})

    def _settings(self, *, page_cap: int | None = None, access_seconds: int | None = None) -> None:
        """`page_cap`: at most so many items a page (0: as asked); `access_seconds`: life of new access tokens."""
        if page_cap is not None:
            self._faults.page_cap = page_cap
        if access_seconds is not None:
            self._faults.access_seconds = access_seconds
