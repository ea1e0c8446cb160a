"""Moves made in outside calendars, applied as one set, so that two appointments may trade places.

The company's rule decides about time that is outside working hours or busy; another appointment of ours and the past
are always put back. What is put back keeps its old place, which may be where another one wanted to go: so the set
shrinks until the rest fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kalends.bookings.claims import claim_for_appointment, drop_holds_within, release_claims
from kalends.bookings.diary import members_for, rules_of
from kalends.bookings.history import add_entry, time_change
from kalends.bookings.models import ActorKind, Appointment, AppointmentStaff, Claim, Flag, HistoryEntry
from kalends.bookings.scene import Scene, locked_appointment, scene_of
from kalends.bookings.selectors.availability import slot_query
from kalends.bookings.services.steps import changed, show_in_calendars
from kalends.bookings.shown import announce_change
from kalends.bookings.telling import tell_attendees, tell_put_back
from kalends.bookings.values import Actor
from kalends.calendars.handlers import MoveOutcome, MoveResult, OutsideMove
from kalends.companies.models import OutsideMoveRule, Staff
from kalends.core.span import Span
from kalends.jobs.locks import lock_rows
from kalends.messages.models import Event
from kalends.scheduling.busy import HOLD
from kalends.scheduling.explain import Explanation, explain_slot


@dataclass(slots=True)
class Case:
    """One move with its appointment, and what is to become of it."""

    move: OutsideMove
    scene: Scene
    outcome: MoveOutcome | None = None
    flag: str = Flag.NONE

    @property
    def appointment(self) -> Appointment:
        return self.scene.appointment

    @property
    def wanted(self) -> Span:
        return Span(self.move.start, self.move.end)

    @property
    def staff_ids(self) -> set[UUID]:
        return {member.pk for member in self.scene.staff}

    @property
    def member(self) -> Staff:
        return next(member for member in self.scene.staff if member.pk == self.move.staff_id)

    @property
    def unchanged(self) -> bool:
        return self.wanted == self.appointment.span

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.OUTSIDE, str(self.member.pk), self.member.name)


def move_set(moves: Sequence[OutsideMove], *, rule: str, now: datetime) -> list[MoveResult]:
    """One result a move, in order. Inside the caller's transaction, with the staff locked."""
    cases = _cases(moves)
    for case in cases.values():
        case.outcome = _plain(case, now)
    open_cases = [case for case in cases.values() if case.outcome is None]
    _judge_overlaps(open_cases)
    _judge_by_rule([case for case in open_cases if case.outcome is None], rule, now)
    # Once more: what the rule puts back keeps a place that another one may have wanted.
    _judge_overlaps([case for case in open_cases if case.outcome is not None and case.outcome.moved])
    release_claims(case.appointment.pk for case in open_cases if case.outcome and case.outcome.moved)
    for case in cases.values():
        if not case.unchanged:
            _carry_out(case, now)
    return [_result(cases.get(index)) for index in range(len(moves))]


def _cases(moves: Sequence[OutsideMove]) -> dict[int, Case]:
    """By the move's place in the set; moves of appointments that are not there (any more) are left out."""
    # Of two moves of one appointment (in two people's calendars) the later one counts.
    latest = {move.appointment_id: index for index, move in sorted(enumerate(moves), key=lambda pair: pair[1].at)}
    ids = latest.keys()
    assigned = AppointmentStaff.objects.filter(appointment_id__in=ids).values_list("staff_id", flat=True)
    lock_rows(Staff.objects.all(), assigned)
    locked = {ident: locked_appointment(ident) for ident in sorted(ids)}
    scenes = {ident: scene_of(row) for ident, row in locked.items() if row is not None and row.stands}
    return {
        index: Case(move, scenes[move.appointment_id])
        for index, move in enumerate(moves)
        if latest[move.appointment_id] == index
        and move.appointment_id in scenes
        and move.staff_id in {m.pk for m in scenes[move.appointment_id].staff}
    }


def _plain(case: Case, now: datetime) -> MoveOutcome | None:
    if case.appointment.time_set_at > case.move.at:
        return MoveOutcome.STALE
    if case.unchanged:
        return MoveOutcome.ACCEPTED
    return MoveOutcome.PUT_BACK_PAST if case.wanted.start <= now else None


def _judge_by_rule(cases: Sequence[Case], rule: str, now: datetime) -> None:
    """Working hours and busy time, with none of the set's own appointments in the way."""
    ignore = {str(case.appointment.pk) for case in cases}
    for case in cases:
        case.flag = _unusual(case, ignore, now)
        if not case.flag or rule == OutsideMoveRule.ACCEPT:
            case.outcome, case.flag = MoveOutcome.ACCEPTED, Flag.NONE
        elif rule == OutsideMoveRule.PUT_BACK:
            case.outcome = MoveOutcome.PUT_BACK_RULE
        else:
            case.outcome = MoveOutcome.FLAGGED


def _unusual(case: Case, ignore: set[str], now: datetime) -> str:
    service, span = case.appointment.service, case.wanted
    members = members_for(service=service, staff_ids=[case.move.staff_id])
    if not members:
        return Flag.OUTSIDE_HOURS
    minutes = max(1, -(-(span.end - span.start) // timedelta(minutes=1)))
    rules = replace(rules_of(service), duration=minutes, interval=None, notice=0, horizon=None, capacity=1)
    query = slot_query(
        company=case.appointment.company,
        service=service,
        members=members,
        window=span,
        now=now,
        # Rows without an id are outside moves in their grace time, this one among them.
        ignore=ignore | {""},
        rules=rules,
    )
    return _flag_of(explain_slot(query, span.start))


def _flag_of(explanation: Explanation) -> str:
    failed = {result.rule: result for result in explanation.rules if result.ok is False}
    if failed.keys() & {"hours", "restriction"}:
        return Flag.OUTSIDE_HOURS
    # A visitor's hold gives way to what a staff member did.
    in_the_way = [blocker for blocker in failed["busy"].blockers if blocker.kind != HOLD] if "busy" in failed else []
    return Flag.BUSY if in_the_way else Flag.NONE


def _judge_overlaps(cases: list[Case]) -> None:
    """Puts back whatever would stand on another appointment of ours, until the rest of the set fits."""
    moving = sorted(cases, key=lambda case: (case.move.at, case.appointment.pk))
    while True:
        taken = _claims_of_others(moving)
        clash = next((case for case in reversed(moving) if _clashes(case, moving, taken)), None)
        if clash is None:
            return
        clash.outcome = MoveOutcome.PUT_BACK_OVERLAP
        moving.remove(clash)


def _claims_of_others(moving: Sequence[Case]) -> list[tuple[UUID, Span]]:
    """Time of appointments that are not being moved; holds give way to staff."""
    if not moving:
        return []
    low, high = min(case.wanted.start for case in moving), max(case.wanted.end for case in moving)
    staff_ids = {ident for case in moving for ident in case.staff_ids}
    rows = Claim.objects.filter(
        staff_id__in=staff_ids, blocks=True, appointment__isnull=False, start__lt=high, end__gt=low
    ).exclude(appointment_id__in=[case.appointment.pk for case in moving])
    return [(staff_id, Span(start, end)) for staff_id, start, end in rows.values_list("staff_id", "start", "end")]


def _clashes(case: Case, moving: Iterable[Case], taken: Iterable[tuple[UUID, Span]]) -> bool:
    others = [(ident, other.wanted) for other in moving if other is not case for ident in other.staff_ids]
    return any(ident in case.staff_ids and span.overlaps(case.wanted) for ident, span in (*taken, *others))


# -- carrying out -----------------------------------------------------------------------------------------------------


def _carry_out(case: Case, now: datetime) -> None:
    assert case.outcome is not None
    if case.outcome.moved:
        _accept(case, now)
        return
    kind = "move_stale" if case.outcome is MoveOutcome.STALE else "move_put_back"
    add_entry(case.appointment, kind, by=case.actor, at=now, detail=_detail(case, case.appointment.span))
    if case.outcome.put_back:
        number = HistoryEntry.objects.filter(appointment=case.appointment, kind="move_put_back").count()
        reason = {MoveOutcome.PUT_BACK_OVERLAP: "overlap", MoveOutcome.PUT_BACK_PAST: "past"}.get(case.outcome, "rule")
        tell_put_back(case.scene, case.member, tried=case.wanted, reason=reason, now=now, number=number)


def _accept(case: Case, now: datetime) -> None:
    appointment, old = case.appointment, case.appointment.span
    for ident in case.staff_ids:
        drop_holds_within(staff_id=ident, span=case.wanted)
    appointment.start, appointment.end = case.wanted.start, case.wanted.end
    appointment.time_set_at, appointment.time_set_by = case.move.at, ActorKind.OUTSIDE
    appointment.flag = case.flag
    changed(appointment, now=now)
    appointment.save()
    claim_for_appointment(appointment, staff_ids=case.staff_ids, now=now, seats=max(1, len(case.scene.coming)))
    add_entry(appointment, "moved_outside", by=case.actor, at=now, detail=_detail(case, old))
    if case.flag:
        add_entry(appointment, "move_flagged", by=case.actor, at=now, detail=_detail(case, old) | {"flag": case.flag})
    show_in_calendars(case.scene)
    tell_attendees(case.scene, now=now)
    announce_change(Event.MOVED, case.scene, now=now)


def _detail(case: Case, old: Span) -> dict[str, str]:
    times = time_change((old.start, old.end), (case.wanted.start, case.wanted.end))
    return {**times, "source": case.move.source}


def _result(case: Case | None) -> MoveResult:
    if case is None or case.outcome is None:
        return MoveResult(MoveOutcome.STALE, "not there any more")
    return MoveResult(case.outcome, case.flag, case.appointment.version)
