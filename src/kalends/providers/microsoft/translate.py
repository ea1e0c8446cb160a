"""Graph's events as values of the port, and what we own as the body of a request. Pure.

An event of ours carries its operation twice: as `transactionId`, which deltas show too, and as an extended property,
which can be searched for and which a copy made by hand carries as well; so neither identifies an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from json import dumps, loads
from typing import Any
from zoneinfo import ZoneInfo

from kalends.core.span import Span
from kalends.core.zones import iana_to_windows, resolve_tzid, windows_to_iana
from kalends.providers.notes import read_notes, write_notes
from kalends.sync.port import AllDay, BusyState, Content, Intent, RemoteEvent, Timed, When

# A name in a property set of our own, as MAPI names are: the GUID is ours and never changes.
PROPERTY = "String {6b8f2f0a-52c3-4d4f-9b0e-3f2f6d1d7a51} Name KalendsKey"
EXPAND = f"singleValueExtendedProperties($filter=id eq '{PROPERTY}')"
# What is read where nothing needs the texts of an event.
SELECT = (
    "id,changeKey,transactionId,type,seriesMasterId,originalStart,start,end,originalStartTimeZone,isAllDay,isCancelled,"
    "isOrganizer,showAs,responseStatus,lastModifiedDateTime"
)
# Microsoft expands a series itself: the line says only that there is one.
RECURS = ("X-GRAPH-RECURRENCE",)
_OP_KEY = re.compile(r"[0-9a-f]{36}")
_END_OF_BODY = re.compile(r"\s*</body>", re.IGNORECASE)
_BUSY = {
    "free": BusyState.FREE,
    "tentative": BusyState.TENTATIVE,
    "oof": BusyState.OUT_OF_OFFICE,
    "workingElsewhere": BusyState.ELSEWHERE,
}

Json = Mapping[str, Any]


def is_master(event: Json) -> bool:
    return event.get("type") == "seriesMaster"


def is_abridged(event: Json) -> bool:
    """A delta may show of an occurrence only its id, its series and its times; the rest is the series'."""
    return bool(event.get("seriesMasterId")) and "showAs" not in event


def completed(occurrence: Json, master: Json) -> Json:
    """An abridged occurrence with what it has of its series."""
    kept = ("showAs", "isAllDay", "isCancelled", "isOrganizer", "responseStatus", "originalStartTimeZone")
    return {**{name: master[name] for name in kept if name in master}, **occurrence}


def to_event(event: Json) -> RemoteEvent:
    """One event as it was read by itself. Raises KeyError, TypeError, ValueError, AttributeError."""
    cancelled = bool(event.get("isCancelled"))
    when = _when(event)
    marker = op_key_of(event)
    ours = bool(marker) and not cancelled
    updated, original = event.get("lastModifiedDateTime"), event.get("originalStart")
    return RemoteEvent(
        id=_text(event["id"]),
        tag=tag_of(event),
        when=when,
        cancelled=cancelled,
        busy=_BUSY.get(event.get("showAs") or "", BusyState.BUSY),
        declined=(event.get("responseStatus") or {}).get("response") == "declined",
        recurrence=RECURS if is_master(event) or event.get("recurrence") else (),
        series_id=event.get("seriesMasterId") or "",
        original_start=_instant({"dateTime": original}) if original else None,
        op_key=marker,
        content=_content(event, when) if ours and "body" in event else None,
        updated=_instant({"dateTime": updated}) if updated else None,
        foreign_organizer=event.get("isOrganizer") is False,
        raw=dumps(event) if ours and "body" in event else "",
    )


def to_master(event: Json) -> RemoteEvent:
    """The master of a series in a list that shows the occurrences too: they block, it does not."""
    return replace(to_event(event), busy=BusyState.FREE)


def op_key_of(event: Json) -> str:
    """Our marker, "" for a foreign event. Other programs set a transactionId too, of another form."""
    for found in event.get("singleValueExtendedProperties") or ():
        if found.get("id", "").lower() == PROPERTY.lower():
            return str(found.get("value") or "")
    key = event.get("transactionId") or ""
    return key if _OP_KEY.fullmatch(key) else ""


def tag_of(event: Json) -> str:
    """The ETag, which is the changeKey in another dress."""
    key = event.get("changeKey")
    return f'W/"{key}"' if key else str(event.get("@odata.etag", ""))


# -- times ------------------------------------------------------------------------------------------------------


def _when(event: Json) -> When:
    start, end = event["start"], event["end"]
    author = resolve_tzid(event.get("originalStartTimeZone") or "")
    if event.get("isAllDay"):
        first, last = _day(start, author, up=False), _day(end, author, up=True)
        return AllDay(first, max(last, first + timedelta(days=1)))
    return Timed(Span(_instant(start), _instant(end)), author.key if author else "UTC")


def _instant(moment: Json) -> datetime:
    """Graph's zone stands beside the time; without one it is UTC. Raises ValueError for a zone that is not known."""
    at = datetime.fromisoformat(moment["dateTime"])
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    zone = resolve_tzid(moment.get("timeZone") or "UTC")
    if zone is None:
        raise ValueError("unknown zone")
    return at.replace(tzinfo=zone).astimezone(UTC)


def _day(moment: Json, author: ZoneInfo | None, *, up: bool) -> date:
    """A day is midnight in whatever zone it is shown. Some programs write one that is midnight in theirs only."""
    at = datetime.fromisoformat(moment["dateTime"])
    if at.time() != time() and author is not None:
        at = _instant(moment).astimezone(author)
    return at.date() + timedelta(days=1) if up and at.time() != time() else at.date()


def stamp(at: datetime, zone_name: str) -> dict[str, str]:
    """An instant as Graph takes it: on the clock of the zone under its Windows name, where that tells it exactly.

    It is UTC in the hour that a clock shows twice, in a zone that Windows has no name for, and where the zone that the
    name stands for shows another time.
    """
    zone, windows = resolve_tzid(zone_name), iana_to_windows(zone_name)
    named = ZoneInfo(windows_to_iana(windows) or "UTC") if windows else None
    if zone is not None and named is not None:
        local = at.astimezone(zone).replace(tzinfo=None)
        if all(local.replace(tzinfo=named, fold=fold).astimezone(UTC) == at for fold in (0, 1)):
            return {"dateTime": _iso(local), "timeZone": windows or "UTC"}
    return {"dateTime": _iso(at.astimezone(UTC)), "timeZone": "UTC"}


def _iso(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


# -- texts ------------------------------------------------------------------------------------------------------


def _content(event: Json, when: When) -> Content:
    """Of an event of ours that was made all-day, the span is its days in UTC: only its texts are compared then."""
    if isinstance(when, AllDay):
        span = Span(datetime.combine(when.start, time(), UTC), datetime.combine(when.end, time(), UTC))
        zone = "UTC"
    else:
        span, zone = when.span, when.timezone
    text, as_html = _body(event)
    return Content(
        span=span,
        timezone=zone,
        title=event.get("subject") or "",
        location=(event.get("location") or {}).get("displayName") or "",
        notes=read_notes(text, as_html=as_html),
    )


def _body(event: Json) -> tuple[str, bool]:
    """The text, with one kind of line end, and whether it is HTML, which Exchange makes of every text."""
    body = event.get("body") or {}
    text = (body.get("content") or "").replace("\r\n", "\n")
    return text, str(body.get("contentType") or "html").lower() == "html"


def _body_with(event: Json, notes: str) -> dict[str, str]:
    text, as_html = _body(event)
    if not as_html:
        return {"contentType": "text", "content": write_notes(text, notes, as_html=False)}
    ends = list(_END_OF_BODY.finditer(text))
    cut = ends[-1].start() if ends else len(text)
    return {"contentType": "html", "content": write_notes(text[:cut], notes, as_html=True) + text[cut:]}


# -- requests ---------------------------------------------------------------------------------------------------


def new_body(intent: Intent) -> dict[str, Any]:
    """The body that creates our event. It has no attendees, so nobody is mailed."""
    marker = [{"id": PROPERTY, "value": intent.op_key}]
    return {
        "transactionId": intent.op_key,
        "showAs": "busy",
        **_owned(intent, {}),
        "singleValueExtendedProperties": marker,
    }


def changed_body(intent: Intent, raw: str) -> dict[str, Any]:
    """The body of a PATCH: what we own and nothing else. `raw` is the event as it was read, from RemoteEvent.raw."""
    before: Json = loads(raw)
    body = _owned(intent, before)
    if before.get("isAllDay"):
        body["isAllDay"] = False
    if before.get("recurrence"):
        body["recurrence"] = None
    return body


def in_utc(intent: Intent) -> dict[str, Any]:
    """The times alone, in the one zone that every calendar reads alike."""
    span = intent.content.span
    return {"start": stamp(span.start, "UTC"), "end": stamp(span.end, "UTC")}


def _owned(intent: Intent, before: Json) -> dict[str, Any]:
    content = intent.content
    return {
        "subject": content.title,
        "location": {"displayName": content.location},
        "body": _body_with(before, content.notes),
        "start": stamp(content.span.start, content.timezone),
        "end": stamp(content.span.end, content.timezone),
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no id")
    return value
