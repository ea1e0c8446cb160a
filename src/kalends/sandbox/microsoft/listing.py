"""Collections of events: lists and calendar views, filtered, ordered, and cut into pages by $skip."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from kalends.sandbox.microsoft import errors, events, query
from kalends.sandbox.microsoft.call import Call
from kalends.sandbox.microsoft.store import Event
from kalends.sandbox.microsoft.zones import read_instant

Body = dict[str, Any]
_LONGEST = timedelta(days=1825)


def list_events(call: Call, known: frozenset[str]) -> Body:
    """Series masters and single events of a calendar; of the default one where the path names none."""
    calendar = call.calendar()
    found = [row for row in call.store.events(calendar.id) if not row.deleted and not row.master]
    return _collection(call, found, known)


def calendar_view(call: Call, known: frozenset[str]) -> Body:
    """Single events, occurrences and exceptions that overlap the window."""
    calendar = call.calendar()
    low, high = read_window(call)
    return _collection(call, events.in_window(call.store, call.account, calendar, low, high), known)


def list_instances(call: Call, known: frozenset[str]) -> Body:
    """The occurrences of one series in the window."""
    master = call.event()
    low, high = read_window(call)
    if not master.body["recurrence"]:
        raise errors.invalid("Your request can't be completed. The event is not a series.", "ErrorInvalidRequest")
    return _collection(call, list(events.expand(call.store, call.account, master, low, high)), known)


def read_window(call: Call) -> tuple[datetime, datetime]:
    """The window in the query: startDateTime and endDateTime. Raises GraphError 400."""
    given = {name.lower(): values[0] for name, values in call.request.query.items()}
    if "startdatetime" not in given or "enddatetime" not in given:
        message = "This request requires a time window specified by the query string parameters StartDateTime and "
        raise errors.invalid(f"{message}EndDateTime.", "ErrorInvalidParameter")
    low, high = read_instant(given["startdatetime"]), read_instant(given["enddatetime"])
    if low > high or high - low > _LONGEST:
        message = "The time window of the request is not valid: it ends before it begins, or is over 1825 days."
        raise errors.invalid(message, "ErrorInvalidParameter")
    return low, high


def _collection(call: Call, found: list[Event], known: frozenset[str]) -> Body:
    wanted = query.read(call.request.query, known, page=call.page_size() or 10)
    view = call.view()
    pairs = [(row, call.shown(row, view)) for row in found]
    pairs = [pair for pair in pairs if wanted.accepts(*pair)]
    name, backwards = wanted.order
    pairs.sort(key=query.sort_key(name), reverse=backwards)
    top = min(wanted.top, call.settings.page_cap or wanted.top)
    page = pairs[wanted.skip : wanted.skip + top]
    body: Body = {"@odata.context": f"{call.base_url}/v1.0/$metadata#users('{quote(call.account.id)}')/events"}
    if wanted.count:
        body["@odata.count"] = len(pairs)
    if len(pairs) > wanted.skip + top:
        body["@odata.nextLink"] = link(call, {"$skip": str(wanted.skip + top)})
    body["value"] = [call.shown(row, view, wanted) for row, _ in page]
    return body


def link(call: Call, changed: dict[str, str], *, only: bool = False) -> str:
    """The request's own address with other parameters; `only` keeps none of its own."""
    kept = {} if only else {name: values[0] for name, values in call.request.query.items()}
    return f"{call.base_url}{call.request.path}?{urlencode({**kept, **changed}, safe='$')}"
