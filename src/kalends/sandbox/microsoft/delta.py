"""calendarView/delta: rounds over a fixed window, with opaque links, as Outlook's behaves.

What is known of it and is so here: a series comes as its master, in full, even where the master's own start lies
outside the window, with bare occurrences (id, type, seriesMasterId, start, end) and full exceptions, all on one page;
an occurrence that was deleted gives no sign but its series' coming again; an event that changed outside the window
comes as removed, whether or not it was ever inside.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from kalends.sandbox.microsoft import errors, events, ids, listing
from kalends.sandbox.microsoft.bodies import View
from kalends.sandbox.microsoft.call import Call
from kalends.sandbox.microsoft.store import Calendar, Event

Body = dict[str, Any]
_REFUSED = ("$orderby", "$filter", "$select", "$expand", "$search", "$top")
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Round:
    """What a link says: changes after `since` up to `upto`, of which those until `after` were given already.

    `upto` 0 begins a round; `blank` is how many empty pages were given in it.
    """

    calendar: str
    generation: int
    low: str
    high: str
    since: int
    upto: int = 0
    after: int = 0
    blank: int = 0


def answer(call: Call) -> Body:
    """One page of a round. Raises GraphError 400, or 410 for a token that died."""
    calendar = call.calendar()
    if call.settings.delta_default_only and not calendar.default:
        message = "Change tracking is not supported against 'microsoft.graph.event' of this calendar."
        raise errors.invalid(message, "ErrorInvalidRequest")
    now = _read(call, calendar)
    size = call.page_size() or _PAGE
    size = min(size, call.settings.page_cap or size)
    if now.after == 0 and now.blank < call.settings.empty_pages:
        return _page(call, [], _with(now, upto=now.upto or call.store.change, blank=now.blank + 1), more=True)
    return _fill(call, calendar, _with(now, upto=now.upto or call.store.change), size)


def _fill(call: Call, calendar: Calendar, now: Round, size: int) -> Body:
    changed = sorted(
        (row for row in call.store.events(calendar.id) if not row.master and _since(call, row, now)),
        key=lambda row: row.made,
    )
    due = [row for row in changed if row.made > now.after]
    if call.settings.replay and now.after == 0 and now.since:
        due = [*due, *due[-1:]]
    view, last = call.view(), now.after
    items: list[Body] = []
    for count, row in enumerate(due):
        # A series is never split between pages.
        if count >= size or (items and len(items) >= size):
            return _page(call, items, _with(now, after=last), more=True)
        items += _told(call, row, now, view)
        last = row.made
    return _page(call, items, _with(now, since=now.upto, upto=0, after=0, blank=0), more=False)


def _since(call: Call, row: Event, now: Round) -> bool:
    """Whether a row, or an exception of it, changed after the round's beginning."""
    return row.change > now.since and row.told and (now.since > 0 or not row.deleted)


def _told(call: Call, row: Event, now: Round, view: View) -> list[Body]:
    low, high = datetime.fromisoformat(now.low), datetime.fromisoformat(now.high)
    if row.deleted:
        return [_removed(call, row.id, row.calendar)]
    if not row.body["recurrence"]:
        if events.overlaps(row, call.account, low, high):
            return [{"@odata.type": "#microsoft.graph.event", **call.shown(row, view)}]
        return [_removed(call, row.id, row.calendar)] if now.since else []
    found = list(events.expand(call.store, call.account, row, low, high))
    gone = _lost_days(call, row) if now.since and call.settings.tell_removed_days else []
    if not found:
        return [_removed(call, row.id, row.calendar), *gone] if now.since else []
    shown = [{"@odata.type": "#microsoft.graph.event", **call.shown(item, view)} for item in (row, *found)]
    return [_bare(item) if item["type"] == "occurrence" else item for item in shown] + gone


def _lost_days(call: Call, row: Event) -> list[Body]:
    return [_removed(call, ids.of_occurrence(row.id, day), row.calendar) for day in row.cancelled]


def _bare(item: Body) -> Body:
    kept = ("@odata.type", "@odata.etag", "seriesMasterId", "type", "id", "start", "end")
    return {name: item[name] for name in kept}


def _removed(call: Call, event_id: str, calendar: str) -> Body:
    shown_id = ids.of(event_id, calendar, immutable=call.immutable)
    return {"@odata.type": "#microsoft.graph.event", "id": shown_id, "@removed": {"reason": "deleted"}}


# -- links ------------------------------------------------------------------------------------------------------


def _read(call: Call, calendar: Calendar) -> Round:
    query = call.request.query
    token = call.request.first("$skiptoken") or call.request.first("$deltatoken")
    if refused := [name for name in query if name in _REFUSED]:
        message = "The following parameters are not supported with change tracking over the 'CalendarView' resource: "
        raise errors.invalid_query(f"{message}'{', '.join(refused)}'.")
    if not token:
        low, high = listing.read_window(call)
        return Round(calendar.id, calendar.generation, low.isoformat(), high.isoformat(), 0)
    try:
        found = Round(**json.loads(base64.urlsafe_b64decode(token)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise errors.invalid("Badly formed token.", "SyncStateInvalid") from error
    if found.calendar != calendar.id:
        raise errors.invalid("The token is of another collection.", "SyncStateInvalid")
    if found.generation != calendar.generation:
        raise _expired(call, found)
    return found


def _expired(call: Call, found: Round) -> errors.GraphError:
    """410 with the way to begin anew, as the delta overview tells it."""
    error = (
        errors.sync_state_not_found()
        if call.settings.expired_code == "syncStateNotFound"
        else errors.GraphError(
            410, call.settings.expired_code, "Resync required. Replace any local items with the server's version."
        )
    )
    window = {"startDateTime": found.low, "endDateTime": found.high, "$deltatoken": ""}
    error.headers["Location"] = listing.link(call, window, only=True)
    return error


def _with(now: Round, **changed: Any) -> Round:
    return Round(**{**asdict(now), **changed})


def _page(call: Call, items: list[Body], then: Round, *, more: bool) -> Body:
    token = base64.urlsafe_b64encode(json.dumps(asdict(then)).encode()).decode()
    name, parameter = ("@odata.nextLink", "$skiptoken") if more else ("@odata.deltaLink", "$deltatoken")
    return {
        "@odata.context": f"{call.base_url}/v1.0/$metadata#Collection(event)",
        name: listing.link(call, {parameter: token}, only=True),
        "value": items,
    }
