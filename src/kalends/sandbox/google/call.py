"""One API call after authentication: who asks, with which scopes, about which calendar, with which body."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kalends.sandbox.google import errors, scopes
from kalends.sandbox.google.events import Writer
from kalends.sandbox.google.store import ROLES, Account, Calendar, Event, Store
from kalends.sandbox.web import Request


@dataclass(frozen=True, slots=True)
class Call:
    """`path` holds the decoded path parameters, `client` the name of the calling application."""

    store: Store
    method: str
    request: Request
    path: dict[str, str]
    account: Account
    granted: list[str]
    client: str

    @property
    def writer(self) -> Writer:
        return Writer(self.account.email, self.client)

    def body(self) -> dict[str, Any]:
        """The JSON body. Raises ApiError 400."""
        return read_body(self.request)

    def calendar(self, role: str = "reader", name: str | None = None) -> Calendar:
        """The calendar of the path, "primary" resolved. Raises 404 without access, 403 under `role`."""
        key = name if name is not None else self.path["calendarId"]
        calendar = self.store.calendars.get(self.account.email if key == "primary" else key)
        held = calendar.roles.get(self.account.email, "none") if calendar else "none"
        if calendar is None or calendar.deleted or held == "none":
            raise errors.not_found()
        if scopes.owned_only(self.granted, self.method) and held != "owner":
            raise errors.insufficient_scopes()
        if ROLES.index(held) < ROLES.index(role):
            raise errors.writer_required()
        return calendar

    def check_tag(self, event: Event) -> None:
        """If-Match (a list of tags, or *) against the event. Raises 412."""
        wanted = self.request.headers.get("if-match", "").strip()
        tags = [tag.strip() for tag in wanted.split(",")]
        if wanted and "*" not in tags and event.etag not in tags:
            raise errors.stale_etag()


def read_body(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object. Raises ApiError 400."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise errors.bad_request("Parse Error", reason="parseError") from error
    if not isinstance(body, dict):
        raise errors.bad_request("Parse Error", reason="parseError")
    return body
