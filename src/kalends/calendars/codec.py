"""Links' values as JSON columns and back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from kalends.calendars.models import Link, StaffQuestion
from kalends.core.span import Span
from kalends.sync.link import (
    Answer,
    LinkState,
    Pending,
    PendingKind,
    Question,
    Shape,
    Verdict,
    Wanted,
)
from kalends.sync.port import BusyState, Content, Texts

Json = dict[str, Any]


def content_json(content: Content) -> Json:
    return {
        "start": content.span.start.isoformat(),
        "end": content.span.end.isoformat(),
        "timezone": content.timezone,
        "title": content.title,
        "location": content.location,
        "notes": content.notes,
    }


def content_of(data: Json) -> Content:
    return Content(_span(data), data["timezone"], data["title"], data["location"], data["notes"])


def shape_json(shape: Shape) -> Json:
    texts = shape.texts
    return {
        "start": shape.span.start.isoformat() if shape.span else None,
        "end": shape.span.end.isoformat() if shape.span else None,
        "days": [day.isoformat() for day in shape.days] if shape.days else None,
        "recurring": shape.recurring,
        "busy": shape.busy.value,
        "texts": [texts.title, texts.location, texts.notes] if texts else None,
    }


def shape_of_json(data: Json) -> Shape:
    days = data["days"]
    return Shape(
        span=_span(data) if data["start"] else None,
        texts=Texts(*data["texts"]) if data["texts"] is not None else None,
        busy=BusyState(data["busy"]),
        days=(date.fromisoformat(days[0]), date.fromisoformat(days[1])) if days else None,
        recurring=data["recurring"],
    )


def _span(data: Json) -> Span:
    return Span(datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"]))


def pending_json(pending: Pending) -> Json:
    return {
        "kind": pending.kind.value,
        "shape": shape_json(pending.shape) if pending.shape else None,
        "first_seen": pending.first_seen.isoformat(),
        "act_after": pending.act_after.isoformat(),
    }


def _pending_of(data: Json) -> Pending:
    return Pending(
        kind=PendingKind(data["kind"]),
        shape=shape_of_json(data["shape"]) if data["shape"] else None,
        first_seen=datetime.fromisoformat(data["first_seen"]),
        act_after=datetime.fromisoformat(data["act_after"]),
    )


def verdict_json(verdict: Verdict) -> Json:
    return {"shape": shape_json(verdict.shape) if verdict.shape else None}


def _verdict_of(data: Json) -> Verdict:
    return Verdict(shape_of_json(data["shape"]) if data["shape"] else None)


def state_of(link: Link, question: StaffQuestion | None = None) -> LinkState:
    """The pure engine's view of a row; `question` is the link's open one, if any."""
    return LinkState(
        wanted=wanted_of(link),
        generation=link.generation,
        remote_id=link.remote_id,
        tag=link.tag,
        base=content_of(link.base) if link.base else None,
        echo=shape_of_json(link.echo) if link.echo else None,
        sent=content_of(link.sent) if link.sent else None,
        pending=_pending_of(link.pending) if link.pending else None,
        verdict=_verdict_of(link.verdict) if link.verdict else None,
        question=Question(question.deadline, Answer(question.answer)) if question else None,
    )


def wanted_of(link: Link) -> Wanted | None:
    if link.wanted is None or link.time_set_at is None:
        return None
    return Wanted(content_of(link.wanted), link.time_set_at)


def set_wanted(link: Link, content: Content, *, time_set_at: datetime, version: int) -> None:
    link.wanted = content_json(content)
    link.wanted_start, link.wanted_end = content.span.start, content.span.end
    link.time_set_at = time_set_at
    link.wanted_version = version


def set_pending(link: Link, pending: Pending | None) -> None:
    """A held move blocks its new place too, until it is settled: hence the columns."""
    span = pending.shape.span if pending and pending.shape else None
    link.pending = pending_json(pending) if pending else None
    link.act_after = pending.act_after if pending else None
    link.pending_start, link.pending_end = (span.start, span.end) if span else (None, None)
