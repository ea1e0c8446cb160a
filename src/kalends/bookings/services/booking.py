"""Booking a time and holding one.

First, without locks: who could take it, and what their calendars say right now. Then one transaction: lock the staff,
look again on fresh rows, write. If somebody else was faster, the next member who is free is tried; when none is left,
SlotTaken carries the nearest free starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from kalends.bookings.assigning import ranked_staff
from kalends.bookings.claims import claim_for_appointment, claim_for_hold, drop_expired_holds
from kalends.bookings.diary import Member, members_for, rules_of
from kalends.bookings.history import add_entry
from kalends.bookings.models import ActorKind, Appointment, AppointmentStaff, Attendee, Claim, Hold, Status
from kalends.bookings.scene import locked_appointment, scene_of
from kalends.bookings.selectors.appointments import MANAGE_FIELD, appointment_of, manage_url
from kalends.bookings.selectors.availability import alternatives, slot_query
from kalends.bookings.services.customers import CheckedCustomer, checked_customer, customer_row
from kalends.bookings.services.steps import changed, show_in_calendars
from kalends.bookings.telling import notify_staff, tell_attendee
from kalends.bookings.values import Actor, Booked, CustomerInput, Held, SlotTaken
from kalends.calendars.selectors import stale_staff
from kalends.calendars.services import live_check
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.companies.services import raise_schedule_revision
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.ids import new_id, new_token, token_digest
from kalends.core.span import Span, as_utc
from kalends.core.zones import zone
from kalends.jobs.locks import lock_rows
from kalends.jobs.secrets import seal
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.slots import SlotQuery, check_slot

_ACTORS = {"web": ActorKind.CUSTOMER, "api": ActorKind.API, "dashboard": ActorKind.MANAGER, "demo": ActorKind.SYSTEM}
HOLD_FOR = timedelta(minutes=10)
# The first choice and one substitute: a visitor waits for two calendars at the most.
_LIVE_CHECKS = 2

Team = tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A wish, checked for form. `team`: these all together, not any of them."""

    company: Company
    service: Service
    start: datetime
    now: datetime
    rules: ServiceRules
    any_minute: bool = False
    staff: Staff | None = None
    group: StaffGroup | None = None
    team: tuple[Staff, ...] = ()
    hold: Hold | None = None

    @property
    def span(self) -> Span:
        return Span(self.start, self.start + timedelta(minutes=self.rules.duration))

    def members(self) -> list[Member]:
        wanted = [member.pk for member in self.team]
        found = members_for(service=self.service, staff=self.staff, group=self.group, staff_ids=wanted)
        if len(found) < len(wanted):
            raise NotFound("Not all of the staff asked for give this service.")
        return found

    def query(self, members: Sequence[Member]) -> SlotQuery:
        return slot_query(
            company=self.company,
            service=self.service,
            members=members,
            window=self.span,
            now=self.now,
            ignore=[str(self.hold.pk)] if self.hold else (),
            rules=self.rules,
            together=bool(self.team),
        )

    def teams_free(self, members: Sequence[Member]) -> list[Team]:
        if not members or (self.team and len(members) < len(self.team)):
            return []
        slot = check_slot(self.query(members), self.start, any_minute=self.any_minute)
        return [tuple(UUID(ident) for ident in team) for team in slot.teams] if slot else []

    def refusal(self, message: str) -> SlotTaken:
        near = alternatives(
            company=self.company,
            service=self.service,
            staff=self.staff,
            group=self.group,
            wanted=self.start,
            now=self.now,
        )
        return SlotTaken(message, [] if self.team else near)


def book_appointment(
    *,
    company: Company,
    service: Service,
    start: datetime,
    customer: CustomerInput,
    timezone: str,
    source: str,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
    team: Sequence[Staff] = (),
    notes: str = "",
    hold_token: str = "",
    by: Actor | None = None,
    attendee_id: UUID | None = None,
) -> Booked:
    """A confirmed appointment with this customer: of `staff`, of one of `group`, of all of `team`, or of anybody.

    `source`: web, api, dashboard or demo; from the dashboard a start off the grid and within the notice will do. A
    time that is shared (capacity) and has places left is joined. Raises SlotTaken with the nearest alternatives,
    InvalidInput (naming the field) and NotFound.

    `attendee_id`: an id that the caller chose and kept, so that the same request made again finds what the first made.
    """
    if attendee_id and (booked := _made_before(company, attendee_id)):
        return booked
    if source not in _ACTORS:
        raise InvalidInput("There is no such source.", field="source")
    zone(timezone)
    person = checked_customer(customer, company=company, timezone=timezone)
    if len(notes) > 4000:
        raise InvalidInput("Notes may have 4,000 characters at the most.", field="notes")
    request = _request(
        company=company, service=service, start=start, now=now, staff=staff, group=group, team=team,
        hold_token=hold_token, own_choice=source == "dashboard",
    )  # fmt: skip
    actor = by or Actor(_ACTORS[source], label=person.name if source == "web" else "")
    refused: set[Team] = set()
    asked: dict[UUID, bool] = {}
    while chosen := _choose(request, refused, asked):
        try:
            with transaction.atomic():
                return _book(
                    request, chosen, person, ident=attendee_id or new_id(), actor=actor, timezone=timezone, source=source,
                    notes=notes,
                )  # fmt: skip
        except SlotTaken:
            refused.add(chosen)
    raise request.refusal("This time is not free any more.")


def _made_before(company: Company, attendee_id: UUID) -> Booked | None:
    attendee = Attendee.objects.filter(pk=attendee_id, appointment__company=company).first()
    if attendee is None:
        return None
    return Booked(appointment_of(company, attendee.appointment_id), attendee, manage_url(attendee))


def _request(
    *,
    company: Company,
    service: Service,
    start: datetime,
    now: datetime,
    staff: Staff | None,
    group: StaffGroup | None,
    team: Sequence[Staff] = (),
    hold_token: str = "",
    own_choice: bool = False,
) -> Request:
    if service.company_id != company.pk or not service.active:
        raise NotFound("There is no such service.")
    owners = {chosen.company_id for chosen in (staff, group, *team) if chosen is not None}
    if owners - {company.pk}:
        raise NotFound("There is nobody like that in this company.")
    rules = rules_of(service)
    return Request(
        company=company,
        service=service,
        start=as_utc(start),
        now=now,
        rules=replace(rules, notice=0) if own_choice else rules,
        # A hold was given for a time that was offered then, whatever became of the grid.
        any_minute=own_choice or bool(hold_token),
        staff=staff,
        group=group,
        team=tuple(team),
        hold=_hold(company, service, hold_token),
    )


def _hold(company: Company, service: Service, token: str) -> Hold | None:
    if not token:
        return None
    return Hold.objects.filter(company=company, service=service, token_digest=token_digest(token)).first()


def _choose(request: Request, refused: set[Team], asked: dict[UUID, bool]) -> Team | None:
    """The team that should take it: free by the rows, not stale, and free by its calendars as they are now."""
    members = request.members()
    stale = stale_staff(staff_ids=[member.id for member in members], now=request.now)
    free = [team for team in request.teams_free([m for m in members if m.id not in stale]) if team not in refused]
    for team in _in_order(request, free):
        unknown = [ident for ident in team if ident not in asked]
        if unknown and len(asked) >= _LIVE_CHECKS * max(1, len(request.team)):
            return None
        _ask_calendars(request, unknown, asked)
        if all(asked[ident] for ident in team):
            return team
    return None


def _in_order(request: Request, free: list[Team]) -> list[Team]:
    """Who should take it first first: the visitor's own hold, a shared time that has begun to fill, then the policy."""
    if len(free) < 2 or request.team:
        return free
    ids = [team[0] for team in free]
    ranked = ranked_staff(company=request.company, staff_ids=ids, start=request.start)
    began = Claim.objects.none()
    if request.hold is not None:
        began = Claim.objects.filter(hold=request.hold)
    elif request.rules.capacity > 1:
        began = Claim.objects.filter(staff_id__in=ids, service=request.service, start=request.start)
    first = set(began.values_list("staff_id", flat=True))
    return [(ident,) for ident in sorted(ranked, key=lambda ident: ident not in first)]


def _ask_calendars(request: Request, staff_ids: list[UUID], asked: dict[UUID, bool]) -> None:
    if staff_ids:
        before, after = timedelta(minutes=request.rules.buffer_before), timedelta(minutes=request.rules.buffer_after)
        answers = live_check(staff_ids=staff_ids, span=request.span.widened(before, after), now=request.now)
        asked.update({ident: answers[ident].ok for ident in staff_ids})


def _book(
    request: Request,
    team: Team,
    person: CheckedCustomer,
    *,
    ident: UUID,
    actor: Actor,
    timezone: str,
    source: str,
    notes: str,
) -> Booked:
    _lock_and_check(request, team)
    if request.hold:
        Hold.objects.filter(pk=request.hold.pk).delete()
    appointment = _to_join(request, team)
    joined = appointment is not None
    if appointment is None:
        appointment = _insert(request, team, actor=actor, timezone=timezone, source=source, notes=notes)
    attendee = _insert_attendee(appointment, person, ident=ident, now=request.now)
    scene = scene_of(appointment)
    if joined:
        Claim.objects.filter(appointment=appointment).update(seats=len(scene.coming))
        changed(appointment, now=request.now)
        appointment.save()
    detail = {"name": person.name} if joined else None
    add_entry(appointment, "joined" if joined else "created", by=actor, at=request.now, detail=detail)
    show_in_calendars(scene)
    tell_attendee(attendee, scene, now=request.now)
    notify_staff(scene, "new", staff=scene.staff, now=request.now)
    return Booked(appointment, attendee, manage_url(attendee))


def _lock_and_check(request: Request, team: Team) -> None:
    """Raises SlotTaken unless the team is free on the rows as they are under the locks."""
    lock_rows(Staff.objects.filter(company=request.company), team)
    drop_expired_holds(staff_ids=team, now=request.now)
    members = members_for(service=request.service, staff_ids=team)
    if set(team) not in map(set, request.teams_free(members)):
        raise SlotTaken("This time was taken a moment ago.")


def _to_join(request: Request, team: Team) -> Appointment | None:
    """The shared appointment of this service that begins then, if there is one; the check has found a place in it."""
    if request.rules.capacity == 1:
        return None
    standing = Claim.objects.filter(
        staff_id__in=team, service=request.service, start=request.start, appointment__status=Status.CONFIRMED
    )
    ident = standing.values_list("appointment_id", flat=True).first()
    return locked_appointment(ident) if ident else None


def _insert(request: Request, team: Team, *, actor: Actor, timezone: str, source: str, notes: str) -> Appointment:
    now = request.now
    appointment = Appointment(
        company=request.company,
        service=request.service,
        start=request.span.start,
        end=request.span.end,
        timezone=timezone,
        time_set_at=now,
        time_set_by=actor.kind,
        notes=notes.strip(),
        source=source,
        created_at=now,
        changed_at=now,
    )
    appointment.save(force_insert=True)
    AppointmentStaff.objects.bulk_create(AppointmentStaff(appointment=appointment, staff_id=ident) for ident in team)
    claim_for_appointment(appointment, staff_ids=team)
    return appointment


def _insert_attendee(appointment: Appointment, person: CheckedCustomer, *, ident: UUID, now: datetime) -> Attendee:
    token = new_token()
    attendee = Attendee(
        id=ident,
        appointment=appointment,
        customer=customer_row(person, company=appointment.company, now=now),
        name=person.name,
        email=person.email,
        phone=person.phone,
        locale=person.locale,
        timezone=person.timezone,
        uid=f"{ident}@kalends",
        manage_sealed=seal(token, row=ident, field=MANAGE_FIELD),
        manage_digest=token_digest(token),
    )
    attendee.save(force_insert=True)
    return attendee


# -- holds ------------------------------------------------------------------------------------------------------------


def hold_slot(
    *,
    company: Company,
    service: Service,
    start: datetime,
    now: datetime,
    staff: Staff | None = None,
    group: StaffGroup | None = None,
) -> Held:
    """Keeps a time while a visitor fills in the form. No calendar is asked. Raises SlotTaken, InvalidInput, NotFound."""
    if service.capacity > 1:
        raise InvalidInput("A time that is shared cannot be held; book it at once.", field="service")
    request = _request(company=company, service=service, start=start, now=now, staff=staff, group=group)
    members = request.members()
    stale = stale_staff(staff_ids=[member.id for member in members], now=now)
    for team in request.teams_free([member for member in members if member.id not in stale]):
        try:
            with transaction.atomic():
                return _hold_for(request, team)
        except SlotTaken:
            continue
    raise request.refusal("This time is not free any more.")


def _hold_for(request: Request, team: Team) -> Held:
    _lock_and_check(request, team)
    token = new_token()
    hold = Hold.objects.create(
        company=request.company,
        service=request.service,
        token_digest=token_digest(token),
        expires_at=request.now + HOLD_FOR,
    )
    claim_for_hold(hold, staff_ids=team, span=request.span)
    raise_schedule_revision(team)
    return Held(token, hold.expires_at)


@transaction.atomic
def release_hold(*, company: Company, token: str) -> None:
    """The visitor turned back. A token that is unknown or over is no error."""
    hold = Hold.objects.filter(company=company, token_digest=token_digest(token)).first()
    if hold is not None:
        staff_ids = list(Claim.objects.filter(hold=hold).values_list("staff_id", flat=True))
        lock_rows(Staff.objects.filter(company=company), staff_ids)
        hold.delete()
        raise_schedule_revision(staff_ids)


def drop_old_holds(*, now: datetime) -> int:
    """Sweep: holds that are over take nobody's time, but their rows would gather."""
    return Hold.objects.filter(expires_at__lte=now).delete()[0]
