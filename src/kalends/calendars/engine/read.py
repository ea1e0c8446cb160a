"""Direct reads: typed evidence for the links that are due. Outside any transaction.

A missing event is Gone only if its calendar, read directly in the same round, is there and writable: losing access to
a calendar makes every event of it a 404. An event that was moved to another calendar of ours is followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kalends.calendars import codec
from kalends.calendars.engine.context import Lacking, Run, error_name
from kalends.calendars.models import Link, RemoteCalendar, StaffQuestion
from kalends.calendars.ours import op_key_of
from kalends.jobs.listed import Listed
from kalends.sync.evidence import Evidence, Gone, Present, Unknown
from kalends.sync.link import LinkState
from kalends.sync.port import Forbidden, Malformed, NotFound, Permanent, RemoteEvent

_NEVER_MADE = "never made"
_QUESTIONS = Listed(
    lambda links: StaffQuestion.objects.filter(link__in=links, closed_at__isnull=True),
    links=[UUID],
)


@dataclass(slots=True)
class Seen:
    """A link with what was read of it. `state` is what the decision is based on; `followed` where its event is now."""

    link: Link
    state: LinkState
    evidence: Evidence
    followed: RemoteCalendar | None = None


def read_links(run: Run, links: Sequence[Link]) -> list[Seen]:
    """Raises ProviderError (nothing is known of any of them) and Lacking (the calendar itself is at fault)."""
    questions = {question.link_id: question for question in _QUESTIONS.rows(links=[link.pk for link in links])}
    by_calendar: dict[RemoteCalendar, list[Link]] = {}
    for link in links:
        by_calendar.setdefault(link.calendar, []).append(link)
    seen: list[Seen] = []
    for calendar, group in by_calendar.items():
        seen += _read_calendar(run, calendar, group, questions)
    return seen


def _read_calendar(
    run: Run, calendar: RemoteCalendar, links: list[Link], questions: dict[UUID, StaffQuestion]
) -> list[Seen]:
    known = _get(run, calendar, [link.remote_id for link in links if link.remote_id])
    found: list[Seen] = []
    missing: list[Seen] = []
    for link in links:
        seen = _first_look(run, link, codec.state_of(link, questions.get(link.pk)), known)
        (missing if _stood_perhaps(seen) else found).append(seen)
    if missing:
        check_calendar_stands(run, calendar)
        run.at("calendar read")
        missing = [_follow(run, seen) for seen in missing]
    return found + missing


def _stood_perhaps(seen: Seen) -> bool:
    """Also what was made without our hearing of it may have been moved on before we looked for it (F02)."""
    return isinstance(seen.evidence, Gone) and seen.evidence.how != _NEVER_MADE


def _first_look(run: Run, link: Link, state: LinkState, known: dict[str, RemoteEvent | Unknown | None]) -> Seen:
    if state.remote_id:
        answer = known[state.remote_id]
        return Seen(link, state, answer if isinstance(answer, Unknown) else _evidence(answer))
    if not link.attempts and state.sent is None:
        return Seen(link, state, Gone(_NEVER_MADE))
    try:
        event = run.provider.find(link.calendar.remote_id, op_key_of(link))
    except (Malformed, Permanent) as error:
        return Seen(link, state, Unknown(error_name(error)))
    run.at("event looked up")
    if event is None:
        return Seen(link, state, Gone("not made"))
    if event.cancelled:
        # Made, and deleted before its answer was known: the deletion is somebody's act.
        return Seen(link, replace(state, remote_id=event.id), Gone("cancelled"))
    return Seen(link, state, Present(event))


def _evidence(event: RemoteEvent | None) -> Evidence:
    if event is None:
        return Gone("404")
    return Gone("cancelled") if event.cancelled else Present(event)


def _get(run: Run, calendar: RemoteCalendar, remote_ids: list[str]) -> dict[str, RemoteEvent | Unknown | None]:
    if not remote_ids:
        return {}
    try:
        events = run.provider.get(calendar.remote_id, remote_ids)
    except (Malformed, Permanent):
        return {remote_id: _get_one(run, calendar, remote_id) for remote_id in remote_ids}
    finally:
        run.at("events read")
    # An answer that leaves an id out says nothing about it.
    return {remote_id: events.get(remote_id, Unknown("left out")) for remote_id in remote_ids}


def _get_one(run: Run, calendar: RemoteCalendar, remote_id: str) -> RemoteEvent | Unknown | None:
    """One event that cannot be read leaves the others readable."""
    try:
        return run.provider.get(calendar.remote_id, [remote_id]).get(remote_id, Unknown("left out"))
    except (Malformed, Permanent) as error:
        return Unknown(error_name(error))


def check_calendar_stands(run: Run, calendar: RemoteCalendar) -> None:
    """The direct read of the calendar. Raises Lacking if it is gone or no longer ours to write."""
    try:
        info = run.provider.calendar(calendar.remote_id)
    except NotFound as error:
        raise Lacking("calendar_gone") from error
    except Forbidden as error:
        raise Lacking("rights_lost") from error
    if calendar.receives and not info.writable:
        raise Lacking("rights_lost")


def _follow(run: Run, seen: Seen) -> Seen:
    """Moved to another calendar that we read is not deleted: the link goes after it."""
    for calendar in run.chosen_calendars():
        if calendar.pk == seen.link.calendar_id or not calendar.writable:
            continue
        try:
            event = run.provider.find(calendar.remote_id, op_key_of(seen.link))
        except (Forbidden, NotFound, Malformed, Permanent) as error:
            # It may be there: where we cannot look, nothing is gone.
            return Seen(seen.link, seen.state, Unknown(error_name(error)))
        if event is not None and not event.cancelled:
            state = replace(seen.state, remote_id=event.id)
            return Seen(seen.link, state, Present(event), followed=calendar)
    return seen
