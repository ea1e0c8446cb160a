"""Booking a time.

First, without locks: who could take it, and what their calendars say right now (`wish`). Then one transaction: lock the
staff, make sure that nothing has changed since, write. If somebody else was faster, the next member who is free is
tried; when none is left, SlotTaken (or NotOffered, which says why) carries the nearest free starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from kalends.bookings.claims import claims_of, drop_expired_holds, overlap_is_refusal
from kalends.bookings.history import add_entry, entry_of
from kalends.bookings.models import ActorKind, Appointment, AppointmentStaff, Attendee, Claim, Customer, Hold, Status
from kalends.bookings.scene import Scene, locked_appointment, scene_of
from kalends.bookings.selectors.appointments import MANAGE_FIELD, appointment_of, manage_url
from kalends.bookings.services.customers import (
    CheckedCustomer,
    checked_customer,
    customer_made_meanwhile,
    fill_in_phone,
    known_customer,
    new_customer,
    store_customer,
)
from kalends.bookings.services.steps import changed, check_on_fresh_rows, show_in_calendars
from kalends.bookings.services.wish import Choice, Chooser, Team, Wish, make_wish
from kalends.bookings.shown import announce_change
from kalends.bookings.telling import first_mails, notify_staff, tell_attendee
from kalends.bookings.values import Actor, Booked, CustomerInput, SlotTaken
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.companies.services import schedule_revision_raise
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.ids import new_id, new_token, token_digest
from kalends.core.zones import zone
from kalends.jobs.locks import require_transaction
from kalends.jobs.prepared import Change, Insertion, Prepared, carry_out
from kalends.jobs.secrets import seal
from kalends.messages.models import Event, OutgoingMessage
from kalends.messages.services import send_soon

_ACTORS = {"web": ActorKind.CUSTOMER, "api": ActorKind.API, "dashboard": ActorKind.MANAGER, "demo": ActorKind.SYSTEM}


@dataclass(frozen=True, slots=True)
class Order:
    """All that is written once a team is found. `ident` is the attendee's id."""

    wish: Wish
    person: CheckedCustomer
    actor: Actor
    timezone: str
    source: str
    notes: str
    ident: UUID


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
    gives: bool = False,
) -> Booked:
    """A confirmed appointment with this customer: of `staff`, of one of `group`, of all of `team`, or of anybody.

    `source`: web, api, dashboard or demo; from the dashboard a start off the grid and within the notice will do. A
    time that is shared (capacity) and has places left is joined. Raises SlotTaken with the nearest alternatives,
    InvalidInput (naming the field) and NotFound.

    `gives`: the caller has read `staff` as one who is active and gives the service.

    `attendee_id`: an id that the caller chose and kept, so that the same request made again finds what the first made.
    """
    if attendee_id and (booked := _made_before(company, attendee_id)):
        return booked
    if source not in _ACTORS:
        raise InvalidInput(_("There is no such source."), field="source")
    zone(timezone)
    person = checked_customer(customer, company=company, timezone=timezone)
    if len(notes) > 4000:
        raise InvalidInput(_("Notes may have 4,000 characters at the most."), field="notes")
    wish = make_wish(
        company=company, service=service, start=start, now=now, staff=staff, group=group, team=team,
        hold_token=hold_token, own_choice=source == "dashboard", gives=gives,
    )  # fmt: skip
    actor = by or Actor(_ACTORS[source], label=person.name if source == "web" else "")
    order = Order(wish, person, actor, timezone, source, notes.strip(), attendee_id or new_id())
    chooser = Chooser(wish)
    while choice := chooser.next():
        draft = _draft(order, choice.team)
        try:
            with transaction.atomic():
                return _book(order, choice, draft)
        except SlotTaken:
            # The database cannot read a clock in a constraint: a hold that is over still refuses others.
            if not drop_expired_holds(choice.team, now):
                chooser.refused.add(choice.team)
    raise wish.refusal(chooser.unreadable)


def _made_before(company: Company, attendee_id: UUID) -> Booked | None:
    attendee = Attendee.objects.filter(pk=attendee_id, appointment__company=company).first()
    if attendee is None:
        return None
    scene = scene_of(appointment_of(company, attendee.appointment_id))
    return Booked(scene.appointment, attendee, manage_url(attendee), scene.staff, scene.attendees)


def _book(order: Order, choice: Choice, draft: Draft) -> Booked:
    wish = order.wish
    as_seen = _lock_and_check(wish, choice)
    if wish.hold:
        Hold.objects.filter(pk=wish.hold.pk).delete()
    standing = _to_join(wish, choice.team)
    if standing is not None:
        return _join(order, draft, standing)
    received = draft.write(calendars=choice.received or not as_seen)
    scene, url = draft.scene, manage_url(draft.attendee)
    announce_change(Event.CREATED, scene, now=wish.now)
    return Booked(scene.appointment, draft.attendee, url, scene.staff, scene.attendees, in_calendars=received)


@dataclass(frozen=True, slots=True)
class Draft:
    """All rows of a new appointment, written down. `known`: the customer, if the company knows them already."""

    scene: Scene
    known: Customer | None
    phone: str
    rows: tuple[Change, ...]
    mails: tuple[OutgoingMessage, ...]

    @property
    def attendee(self) -> Attendee:
        return self.scene.attendees[0]

    def write(self, *, calendars: bool) -> bool:
        """Inside a transaction, which must end if this raises SlotTaken. Whether a calendar receives it, which is looked
        for only if there may be `calendars`.
        """
        customer = [] if self.known else [Insertion(self.attendee.customer, unless_there=True)]
        with overlap_is_refusal():
            carry_out([*customer, *self.rows])
        if self.known:
            fill_in_phone(self.known, self.phone)
        elif self.attendee.customer._state.adding:
            self.attendee.customer = customer_made_meanwhile(self.attendee.customer)
            self.attendee.save(update_fields=["customer"])
        received = calendars and show_in_calendars(self.scene, first=True)
        for mail in self.mails:
            send_soon(mail)
        return received

    def stored_customer(self) -> Customer:
        if self.known is not None:
            return fill_in_phone(self.known, self.phone)
        return store_customer(self.attendee.customer)


def _draft(order: Order, team: Team) -> Draft:
    wish, now = order.wish, order.wish.now
    appointment = _new_appointment(order)
    known = known_customer(order.person.email, wish.company)
    customer = known or new_customer(order.person, company=wish.company, now=now)
    scene = Scene(appointment, _staff(wish, team), (_new_attendee(order, appointment, customer),))
    mails = first_mails(scene, now=now)
    rows = [
        appointment,
        *(AppointmentStaff(appointment=appointment, staff_id=ident) for ident in team),
        *claims_of(appointment, staff_ids=team),
        entry_of(appointment, "created", by=order.actor, at=now),
        *scene.attendees,
        *mails,
    ]
    written = (*map(Insertion, rows), schedule_revision_raise(team))
    return Draft(scene, known, order.person.phone, written, tuple(mails))


def _staff(wish: Wish, team: Team) -> tuple[Staff, ...]:
    if wish.staff is not None and team == (wish.staff.pk,):
        return (wish.staff,)
    return tuple(Staff.objects.filter(company=wish.company, pk__in=team).order_by("position", "pk"))


# As jobs.locks.lock_rows does it: in id order, whatever order they were asked in.
_TEAM_LOCKED = Prepared(
    lambda company, ids: (
        Staff.objects.select_for_update(of=("self",), no_key=True)
        .filter(company_id=company, pk__in=ids)
        .order_by("pk")
        .values_list("pk", "schedule_revision")
    ),
    company=UUID,
    ids=[UUID],
)


def _lock_and_check(wish: Wish, choice: Choice) -> bool:
    """Locks the staff. Raises SlotTaken unless they are free on the rows as they are under the locks, NotFound if the
    service was ended meanwhile. Whether they are as they were.

    Every write that changes a member's time, or the calendar that receives, raises their revision: if it stands where it
    stood when the team was found free, nothing has changed since. Places in a shared time are counted again in any case.
    """
    require_transaction()
    revisions = dict(_TEAM_LOCKED.rows(company=wish.company.pk, ids=choice.team))
    as_seen = revisions == choice.revisions
    if not as_seen and not Service.objects.filter(pk=wish.service.pk, active=True).exists():
        raise NotFound(_("There is no such service."))
    if not as_seen or wish.rules.capacity > 1:
        check_on_fresh_rows(wish, choice.team)
    return as_seen


def _to_join(wish: Wish, team: Team) -> Appointment | None:
    """The shared appointment of this service that begins then, if there is one; the check has found a place in it."""
    if wish.rules.capacity == 1:
        return None
    standing = Claim.objects.filter(
        staff_id__in=team, service=wish.service, start=wish.start, appointment__status=Status.CONFIRMED
    )
    ident = standing.values_list("appointment_id", flat=True).first()
    return locked_appointment(ident) if ident else None


def _join(order: Order, draft: Draft, appointment: Appointment) -> Booked:
    now, attendee = order.wish.now, draft.attendee
    attendee.appointment, attendee.customer, attendee.told = appointment, draft.stored_customer(), None
    attendee.save(force_insert=True)
    scene = scene_of(appointment)
    Claim.objects.filter(appointment=appointment).update(seats=len(scene.coming))
    changed(appointment, now=now)
    appointment.save()
    add_entry(appointment, "joined", by=order.actor, at=now, detail={"name": attendee.name})
    show_in_calendars(scene)
    tell_attendee(attendee, scene, now=now)
    notify_staff(scene, "moved", staff=scene.staff, now=now)
    announce_change(Event.CHANGED, scene, now=now)
    return Booked(appointment, attendee, manage_url(attendee), scene.staff, scene.attendees)


def _new_appointment(order: Order) -> Appointment:
    wish = order.wish
    return Appointment(
        company=wish.company,
        service=wish.service,
        start=wish.span.start,
        end=wish.span.end,
        timezone=order.timezone,
        time_set_at=wish.now,
        time_set_by=order.actor.kind,
        notes=order.notes,
        source=order.source,
        created_at=wish.now,
        changed_at=wish.now,
    )


def _new_attendee(order: Order, appointment: Appointment, customer: Customer) -> Attendee:
    token, person = new_token(), order.person
    return Attendee(
        id=order.ident,
        appointment=appointment,
        customer=customer,
        name=person.name,
        email=person.email,
        phone=person.phone,
        locale=person.locale,
        timezone=person.timezone,
        uid=f"{order.ident}@kalends",
        manage_sealed=seal(token, row=order.ident, field=MANAGE_FIELD),
        manage_digest=token_digest(token),
    )
