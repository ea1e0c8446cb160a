"""Moving, cancelling and annotating an appointment. Each service is one transaction, after the live check if one is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.bookings.claims import claim_for_appointment, release_claims
from kalends.bookings.diary import Member, members_for, rules_of
from kalends.bookings.history import add_entry, time_change
from kalends.bookings.models import ActorKind, Appointment, AppointmentStaff, Claim, Flag, Status
from kalends.bookings.refusing import first_reason, refusal, refused_because
from kalends.bookings.scene import Scene, scene_of
from kalends.bookings.selectors.appointments import appointment_of
from kalends.bookings.selectors.availability import alternatives, slot_query
from kalends.bookings.services.steps import changed, check_version, lock_with_staff, show_in_calendars
from kalends.bookings.shown import announce_change
from kalends.bookings.telling import notify_staff, tell_attendee, tell_attendees
from kalends.bookings.values import Actor, SlotTaken
from kalends.calendars.services import live_check, want_no_event
from kalends.companies.models import Company, Staff
from kalends.companies.services import raise_schedule_revision
from kalends.core.errors import Conflict, InvalidInput, NotAllowed
from kalends.core.span import Span, as_utc
from kalends.messages.models import Event
from kalends.scheduling.slots import SlotQuery, check_slot

_SELF_SERVICE = (ActorKind.CUSTOMER, ActorKind.API)


def move_appointment(
    *,
    appointment_id: UUID,
    company: Company,
    by: Actor,
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    staff: Staff | None = None,
    expected_version: int | None = None,
) -> Appointment:
    """Another start, another staff member, or both; without an `end` the length stays. Managers may choose a start off the grid.

    Raises SlotTaken or NotOffered with alternatives, Conflict (version_changed, cancelled), NotAllowed (a customer after the start,
    or where others share the time), NotFound, InvalidInput. Moving it to where it is changes nothing.
    """
    seen = appointment_of(company, appointment_id)
    check_version(seen, expected_version)
    _check_may_change(seen, by, now)
    span = _moved_span(seen, start, end)
    staff_ids = _moved_staff(seen, staff)
    if span == seen.span and staff_ids == {member.pk for member in seen.staff.all()}:
        return seen
    try:
        _ask_calendars(staff_ids, span, now)
        with transaction.atomic():
            return _move(seen, span=span, staff_ids=staff_ids, by=by, expected_version=expected_version, now=now)
    except SlotTaken as error:
        error.alternatives = alternatives(
            company=company,
            service=seen.service,
            staff=staff or (seen.staff.all()[0] if len(staff_ids) == 1 else None),
            wanted=span.start,
            now=now,
            reschedule_of=seen.pk,
        )
        raise


def _check_may_change(appointment: Appointment, by: Actor, now: datetime) -> None:
    if not appointment.stands:
        raise Conflict(_("The appointment is cancelled."), code="cancelled")
    if by.kind == ActorKind.CUSTOMER and appointment.start <= now:
        raise NotAllowed(_("The appointment has begun and cannot be changed here any more."), code="begun")


def _moved_span(appointment: Appointment, start: datetime | None, end: datetime | None) -> Span:
    if start is None:
        return appointment.span
    begins = as_utc(start)
    return Span(begins, as_utc(end) if end is not None else begins + (appointment.end - appointment.start))


def _moved_staff(appointment: Appointment, staff: Staff | None) -> set[UUID]:
    present = {member.pk for member in appointment.staff.all()}
    if staff is None or present == {staff.pk}:
        return present
    if len(present) > 1:
        raise InvalidInput(_("Several staff members share this appointment; it cannot be given to one."), field="staff")
    return {staff.pk}


def _ask_calendars(staff_ids: set[UUID], span: Span, now: datetime) -> None:
    for result in live_check(staff_ids=staff_ids, span=span, now=now).values():
        if not result.ok:
            raise refusal("calendar" if result.reason == "calendar_unreachable" else "taken")


def _move(
    seen: Appointment, *, span: Span, staff_ids: set[UUID], by: Actor, expected_version: int | None, now: datetime
) -> Appointment:
    appointment = lock_with_staff(appointment_id=seen.pk, company=seen.company, also=staff_ids)
    check_version(appointment, expected_version if expected_version is not None else seen.version)
    _check_may_change(appointment, by, now)
    _check_free(appointment, span=span, staff_ids=staff_ids, by=by, now=now)
    before, old = scene_of(appointment), appointment.span
    if by.kind == ActorKind.CUSTOMER and len(before.coming) > 1:
        raise NotAllowed(_("Others share this time. Cancel your place and book another."), code="shared")
    release_claims([appointment.pk])
    if span != old:
        appointment.start, appointment.end = span.start, span.end
        appointment.time_set_at, appointment.time_set_by = now, by.kind
        appointment.flag = Flag.NONE
    changed(appointment, now=now)
    appointment.save()
    claim_for_appointment(appointment, staff_ids=staff_ids, now=now, seats=max(1, len(before.coming)))
    scene = _given_to(before, staff_ids)
    if span != old:
        add_entry(appointment, "moved", by=by, at=now, detail=_times(old, span))
    if scene.staff != before.staff:
        names = ", ".join(member.name for member in scene.staff)
        add_entry(appointment, "staff_changed", by=by, at=now, detail={"staff": names})
    _tell_of_move(before, scene, old=old, now=now)
    return appointment


def _times(old: Span, new: Span) -> dict[str, str]:
    return time_change((old.start, old.end), (new.start, new.end))


def _check_free(appointment: Appointment, *, span: Span, staff_ids: set[UUID], by: Actor, now: datetime) -> None:
    """On fresh rows, under the locks. Nobody is in their own way."""
    service = appointment.service
    length = (span.end - span.start) // timedelta(minutes=1)
    rules = replace(rules_of(service), duration=length, interval=service.interval or service.duration, capacity=1)
    own_choice = by.kind not in _SELF_SERVICE
    members = members_for(service=service, staff_ids=staff_ids)

    def query(asked: Sequence[Member]) -> SlotQuery:
        return slot_query(
            company=appointment.company,
            service=service,
            members=asked,
            window=span,
            now=now,
            ignore=[str(appointment.pk)],
            rules=replace(rules, notice=0) if own_choice else rules,
            together=len(asked) > 1,
        )

    slot = check_slot(query(members), span.start, any_minute=own_choice)
    if slot is None or {UUID(ident) for ident in slot.staff} != staff_ids:
        reasons = [refused_because(query([member]), span.start, now, any_minute=own_choice) for member in members]
        raise refusal(first_reason(reasons or ["staff"], together=True))


def _given_to(before: Scene, staff_ids: set[UUID]) -> Scene:
    present = {member.pk for member in before.staff}
    if present == staff_ids:
        return before
    appointment = before.appointment
    AppointmentStaff.objects.filter(appointment=appointment, staff_id__in=present - staff_ids).delete()
    AppointmentStaff.objects.bulk_create(
        AppointmentStaff(appointment=appointment, staff_id=ident) for ident in sorted(staff_ids - present)
    )
    return scene_of(appointment)


def _tell_of_move(before: Scene, scene: Scene, *, old: Span, now: datetime) -> None:
    gone = [member for member in before.staff if member not in scene.staff]
    raise_schedule_revision(member.pk for member in gone)
    for member in gone:
        want_no_event(appointment_id=scene.appointment.pk, staff_id=member.pk)
    show_in_calendars(scene)
    tell_attendees(scene, now=now)
    notify_staff(scene, "cancelled", staff=gone, now=now)
    notify_staff(scene, "new", staff=[member for member in scene.staff if member not in before.staff], now=now)
    if old != scene.appointment.span:
        stayed = [member for member in scene.staff if member in before.staff]
        notify_staff(scene, "moved", staff=stayed, now=now, old=old)
    announce_change(Event.MOVED, scene, now=now)


# -- cancelling -------------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel_appointment(
    *,
    appointment_id: UUID,
    company: Company,
    by: Actor,
    now: datetime,
    reason: str = "",
    expected_version: int | None = None,
    attendee_id: UUID | None = None,
) -> Appointment:
    """Frees the time and tells everybody. Cancelling what is cancelled changes nothing.

    `attendee_id`: only this customer leaves; the appointment goes when the last one has left. Raises Conflict
    (version_changed), NotAllowed (a customer after the start), NotFound.
    """
    appointment = lock_with_staff(appointment_id=appointment_id, company=company)
    check_version(appointment, expected_version)
    if not appointment.stands:
        return appointment
    _check_may_change(appointment, by, now)
    scene = scene_of(appointment)
    others = [attendee for attendee in scene.coming if attendee.pk != attendee_id]
    if attendee_id is not None and others:
        _leave(scene, attendee_id, by=by, reason=reason, now=now)
    else:
        cancel_locked(scene, by=by, reason=reason, now=now)
    return appointment


def cancel_locked(
    scene: Scene, *, by: Actor, reason: str, now: datetime, kind: str = "cancelled", source: str = ""
) -> None:
    """The whole appointment; the caller holds the locks of its staff and of itself. `source`: the provider it came from."""
    appointment = scene.appointment
    appointment.status, appointment.cancel_reason, appointment.flag = Status.CANCELLED, reason[:400], Flag.NONE
    changed(appointment, now=now)
    appointment.save()
    release_claims([appointment.pk])
    add_entry(
        appointment,
        kind,
        by=by,
        at=now,
        detail={name: value for name, value in (("reason", reason), ("source", source)) if value},
    )
    raise_schedule_revision(member.pk for member in scene.staff)
    want_no_event(appointment_id=appointment.pk)
    tell_attendees(scene, now=now, reason=reason)
    notify_staff(scene, "cancelled", staff=scene.staff, now=now, reason=reason)
    announce_change(Event.CANCELLED, scene, now=now)


def _leave(scene: Scene, attendee_id: UUID, *, by: Actor, reason: str, now: datetime) -> None:
    leaving = next((attendee for attendee in scene.coming if attendee.pk == attendee_id), None)
    if leaving is None:
        return
    appointment = scene.appointment
    leaving.status = Status.CANCELLED
    leaving.save(update_fields=["status"])
    Claim.objects.filter(appointment=appointment).update(seats=len(scene.coming))
    changed(appointment, now=now)
    appointment.save()
    add_entry(appointment, "left", by=by, at=now, detail={"name": leaving.name})
    show_in_calendars(scene)
    tell_attendee(leaving, scene, now=now, reason=reason)
    announce_change(Event.CHANGED, scene, now=now)


# -- the rest ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def set_notes(
    *,
    appointment_id: UUID,
    company: Company,
    notes: str,
    by: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Appointment:
    """Notes are for the staff: they go into the calendar, and nobody is mailed."""
    if len(notes) > 4000:
        raise InvalidInput(_("Notes may have 4,000 characters at the most."), field="notes")
    appointment = lock_with_staff(appointment_id=appointment_id, company=company)
    check_version(appointment, expected_version)
    if appointment.notes == notes:
        return appointment
    appointment.notes = notes
    changed(appointment, now=now)
    appointment.save()
    add_entry(appointment, "notes_changed", by=by, at=now)
    scene = scene_of(appointment)
    if appointment.stands:
        show_in_calendars(scene)
    announce_change(Event.CHANGED, scene, now=now)
    return appointment


@transaction.atomic
def clear_flag(*, appointment_id: UUID, company: Company, by: Actor, now: datetime) -> Appointment:
    """A person has looked at it. Nothing that anybody else sees changes, so the version stays."""
    appointment = lock_with_staff(appointment_id=appointment_id, company=company)
    if appointment.flag:
        appointment.flag = Flag.NONE
        appointment.save(update_fields=["flag"])
        add_entry(appointment, "flag_cleared", by=by, at=now)
    return appointment
