"""One call of Graph after authentication: who asks, what is preferred, about which calendar and event."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kalends.sandbox.google.call import read_body
from kalends.sandbox.google.errors import ApiError
from kalends.sandbox.microsoft import bodies, errors, events, ids
from kalends.sandbox.microsoft.bodies import View
from kalends.sandbox.microsoft.events import Writer
from kalends.sandbox.microsoft.query import Query
from kalends.sandbox.microsoft.settings import Settings
from kalends.sandbox.microsoft.store import Account, Calendar, Event, Store
from kalends.sandbox.web import Request

_PREFERENCE = re.compile(r"([\w.-]+)\s*(?:=\s*(?:\"([^\"]*)\"|([^,;\s]+)))?")
_KNOWN = ("outlook.timezone", "outlook.body-content-type", "odata.maxpagesize", "idtype")


@dataclass(frozen=True)
class Call:
    """`path` holds the decoded path parameters, `client_id` the calling application."""

    store: Store
    settings: Settings
    request: Request
    path: dict[str, str]
    account: Account
    client_id: str
    base_url: str
    applied: dict[str, str] = field(default_factory=dict)

    @property
    def writer(self) -> Writer:
        return Writer(self.account, self.client_id)

    def body(self) -> dict[str, Any]:
        """The JSON body. Raises GraphError 400."""
        try:
            return read_body(self.request)
        except ApiError as error:
            raise errors.invalid("Unable to read JSON request payload.", "BadRequest") from error

    @cached_property
    def preferences(self) -> dict[str, str]:
        """The Prefer header by name in lower case."""
        found = _PREFERENCE.findall(self.request.headers.get("prefer", ""))
        return {name.lower(): quoted or bare for name, quoted, bare in found if name.lower() in _KNOWN}

    @property
    def immutable(self) -> bool:
        return self.preferences.get("idtype", "").lower() == "immutableid"

    def view(self) -> View:
        """How events are to be shown. Raises GraphError 400 for an unknown zone."""
        zone = self.preferences.get("outlook.timezone") or "UTC"
        plain = self.preferences.get("outlook.body-content-type", "").lower() == "text"
        if "outlook.timezone" in self.preferences:
            self.applied["outlook.timezone"] = f'"{zone}"'
        return View(self.account, self.base_url, zone=zone, plain=plain)

    def page_size(self) -> int | None:
        """odata.maxpagesize, if it is preferred. Raises GraphError 400."""
        text = self.preferences.get("odata.maxpagesize")
        if text is None:
            return None
        if not text.isdigit() or not 1 <= int(text) <= 1000:
            raise errors.invalid_query(f"Invalid value '{text}' for odata.maxpagesize.")
        self.applied["odata.maxpagesize"] = text
        return int(text)

    # -- what the path names -----------------------------------------------------------------------------------

    def calendar(self) -> Calendar:
        """The calendar of the path, the default one where it names none. Raises GraphError 404."""
        name = self.path.get("calendar")
        if name is None:
            return self.store.default_calendar(self.account.email)
        if not name.startswith("AA"):
            raise errors.malformed_id()
        calendar = self.store.calendars.get(name)
        if calendar is None or calendar.deleted or calendar.account != self.account.email:
            raise errors.calendar_not_found()
        return calendar

    def event(self) -> Event:
        """The event of the path. Raises GraphError 400 or 404."""
        calendar = self.calendar() if "calendar" in self.path else None
        return events.find_event(self.store, self.account, self.path["event"], calendar)

    def check_tag(self, event: Event) -> None:
        """If-Match against the event. Raises GraphError 412."""
        wanted = self.request.headers.get("if-match", "").strip()
        if wanted and wanted != "*" and wanted.removeprefix("W/").strip('"') != event.change_key:
            raise errors.stale_change_key()

    # -- replies -----------------------------------------------------------------------------------------------

    def shown(self, event: Event, view: View, query: Query | None = None) -> dict[str, Any]:
        """The event as the reply holds it."""
        shown_id = ids.shown(event, immutable=self.immutable)
        master_id = ids.of(event.master, event.calendar, immutable=self.immutable)
        kind = events.kind_of(event, self.store)
        full = bodies.shown(event, view, shown_id, self.client_id, master_id=master_id, kind=kind)
        return self._chosen(event, full, query) if query is not None else full

    def _chosen(self, event: Event, full: dict[str, Any], query: Query) -> dict[str, Any]:
        chosen = {key: value for key, value in full.items() if _selected(key, query)}
        if query.tags is not None:
            held = [{"id": name, "value": value} for name, value in event.tags.items() if name in query.tags]
            if held:
                chosen["singleValueExtendedProperties"] = held
        if "calendar" in query.expand:
            chosen["calendar"] = calendar_of(self.store.calendars[event.calendar], self.account)
        for name in query.expand & {"attachments", "extensions"}:
            chosen[name] = []
        return chosen


def _selected(key: str, query: Query) -> bool:
    return not query.select or key in query.select or key in ("id", "@odata.etag")


def calendar_of(calendar: Calendar, account: Account) -> dict[str, Any]:
    """The calendar resource."""
    own = calendar.owner == account.email
    work = account.kind == "work"
    return {
        "id": calendar.id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": calendar.hex,
        "isDefaultCalendar": calendar.default,
        "changeKey": f"{calendar.change:x}",
        "canShare": own,
        "canViewPrivateItems": own,
        "canEdit": calendar.can_edit,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"] if work else [],
        "defaultOnlineMeetingProvider": "teamsForBusiness" if work else "unknown",
        "isTallyingResponses": calendar.default,
        "isRemovable": own and not calendar.default,
        "owner": {"name": calendar.owner_name, "address": calendar.owner},
    }
