"""Who is told what: the customer by mail with an invitation, staff without a connected calendar by a plain notice.

What the customer was last told decides, not what happened: a change that nets out to nothing sends none, however many
steps it took, and whatever has not left the outbox yet is taken back first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from kalends.bookings.models import Attendee, Status
from kalends.bookings.scene import Scene
from kalends.bookings.selectors.appointments import manage_url
from kalends.calendars.models import RemoteCalendar
from kalends.companies.models import Staff
from kalends.core.span import Span
from kalends.ics.itip import Guest, Invitation, Method, Person, write_itip
from kalends.jobs.prepared import Prepared
from kalends.jobs.saved import save
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import sender_address
from kalends.messages.services import draft, enqueue, supersede_unsent
from kalends.sync.connection import State

SUBJECT_KIND = "attendee"
STAFF_SUBJECT_KIND = "appointment"


def first_mails(scene: Scene, *, now: datetime) -> list[OutgoingMessage]:
    """What an appointment that is just being made says to its customer and its staff: not promised yet, since nothing
    of it is stored. Notes in the attendees what they are told.
    """
    mails = []
    for attendee in scene.attendees:
        attendee.told = _state(attendee, scene)
        mails.append(draft(**_mail(attendee, scene, kind="appointment_confirmed", told=None, now=now)))
    mails += [draft(**_notice(scene, "new", member, now=now)) for member in _unconnected(scene.staff)]
    # Staff of one team may share an address.
    return list({(mail.kind, mail.recipient): mail for mail in reversed(mails)}.values())[::-1]


def tell_attendee(attendee: Attendee, scene: Scene, *, now: datetime, reason: str = "") -> bool:
    """Promises the mail that this customer needs now, if any. Saves what they were told and their SEQUENCE."""
    back = supersede_unsent(subject_kind=SUBJECT_KIND, subject_id=attendee.pk, recipient=attendee.email, now=now)
    told = back.told_before if back.count else attendee.told
    state = _state(attendee, scene)
    kind = _kind(told, state)
    if kind:
        attendee.sequence += bool(attendee.told or back.count)
        enqueue(**_mail(attendee, scene, kind=kind, told=told, reason=reason, now=now))
    attendee.told = state if kind else told
    save(attendee, ["told", "sequence"])
    return bool(kind)


def tell_attendees(scene: Scene, *, now: datetime, reason: str = "") -> None:
    for attendee in scene.attendees:
        tell_attendee(attendee, scene, now=now, reason=reason)


def _state(attendee: Attendee, scene: Scene) -> dict[str, Any]:
    appointment = scene.appointment
    both_stand = appointment.stands and attendee.status == Status.CONFIRMED
    return {
        "version": appointment.version,
        "start": appointment.start.isoformat(),
        "end": appointment.end.isoformat(),
        "staff": [str(member.pk) for member in scene.staff],
        "status": Status.CONFIRMED if both_stand else Status.CANCELLED,
    }


def _kind(told: dict[str, Any] | None, state: dict[str, Any]) -> str:
    """Which mail leads from what was told to what holds now; "" if they say the same."""
    knows_of_it = told is not None and told["status"] == Status.CONFIRMED
    if state["status"] == Status.CANCELLED:
        return "appointment_cancelled" if knows_of_it else ""
    if told is None or not knows_of_it:
        return "appointment_confirmed"
    same = all(told[name] == state[name] for name in ("start", "end", "staff"))
    return "" if same else "appointment_moved"


def _mail(
    attendee: Attendee, scene: Scene, *, kind: str, told: dict[str, Any] | None, now: datetime, reason: str = ""
) -> dict[str, Any]:
    appointment = scene.appointment
    method = Method.CANCEL if kind == "appointment_cancelled" else Method.REQUEST
    # Who cancels is told of the time they knew, which may not be the last one.
    times = told if told and method is Method.CANCEL else _state(attendee, scene)
    context = {
        **_common(scene, times["start"], times["end"]),
        "timezone": attendee.timezone,
        "customer_name": attendee.name,
        "staff_names": ", ".join(member.name for member in scene.staff),
        "manage_url": manage_url(attendee),
        "reason": reason,
        "old_start": told["start"] if told else "",
        "old_end": told["end"] if told else "",
    }
    return {
        "company": appointment.company,
        "subject_kind": SUBJECT_KIND,
        "subject_id": attendee.pk,
        "version": appointment.version,
        "kind": kind,
        "recipient": attendee.email,
        "locale": attendee.locale,
        "context": context,
        "ics": write_itip(method, _invitation(attendee, scene, context, now)),
        "ics_method": method.value,
        "reply_to": appointment.company.email,
        "told_before": told,
        "now": now,
    }


def _common(scene: Scene, start: str, end: str) -> dict[str, Any]:
    return {"service": scene.appointment.service.name, "start": start, "end": end, "location": scene.location}


def _invitation(attendee: Attendee, scene: Scene, context: dict[str, Any], now: datetime) -> Invitation:
    company = scene.appointment.company
    return Invitation(
        uid=attendee.uid,
        sequence=attendee.sequence,
        organizer=Person(company.name, sender_address()),
        guests=(Guest(Person(attendee.name, attendee.email), rsvp=False),),
        span=Span(datetime.fromisoformat(context["start"]), datetime.fromisoformat(context["end"])),
        timezone=attendee.timezone,
        summary=f"{context['service']} – {company.name}",
        dtstamp=now,
        location=scene.location,
        description=context["manage_url"],
        url=context["manage_url"],
    )


# -- staff ------------------------------------------------------------------------------------------------------------


def notify_staff(
    scene: Scene, kind: str, *, staff: Iterable[Staff], now: datetime, old: Span | None = None, reason: str = ""
) -> None:
    """A plain notice to those who have an address and no connected calendar: the others see it in their calendar.

    `kind` is new, moved or cancelled. Nobody gets an invitation file: beside a calendar that is connected later it
    would be a second event.
    """
    for member in _unconnected(staff):
        _notify(scene, kind, member, now=now, old=old, reason=reason)


def _unconnected(staff: Iterable[Staff]) -> list[Staff]:
    reachable = [member for member in staff if member.email]
    connected = _connected(reachable) if reachable else set()
    return [member for member in reachable if member.pk not in connected]


_CONNECTED = Prepared(
    lambda staff: RemoteCalendar.objects.filter(
        staff__in=staff, receives=True, connection__state__in=(State.ACTIVE, State.THROTTLED)
    ).values_list("staff_id"),
    staff=[UUID],
)


def _connected(staff: Iterable[Staff]) -> set[UUID]:
    """Those whose calendar is being written to now; one that is paused or broken tells its owner nothing."""
    return {staff_id for (staff_id,) in _CONNECTED.rows(staff=[member.pk for member in staff])}


def _notify(scene: Scene, kind: str, member: Staff, *, now: datetime, old: Span | None, reason: str) -> None:
    back = supersede_unsent(
        subject_kind=STAFF_SUBJECT_KIND, subject_id=scene.appointment.pk, recipient=member.email, now=now
    )
    knows_of_it = back.told_before is not None if back.count else kind != "new"
    if kind == "cancelled" and not knows_of_it:
        return
    if kind == "moved" and not knows_of_it:
        kind = "new"
    enqueue(**_notice(scene, kind, member, now=now, old=old, reason=reason, knows_of_it=knows_of_it))


def _notice(
    scene: Scene,
    kind: str,
    member: Staff,
    *,
    now: datetime,
    old: Span | None = None,
    reason: str = "",
    knows_of_it: bool = False,
) -> dict[str, Any]:
    appointment, people = scene.appointment, scene.attendees
    before = old or appointment.span
    context = {
        **_common(scene, appointment.start.isoformat(), appointment.end.isoformat()),
        "timezone": member.timezone,
        "staff_name": member.name,
        "customer_name": ", ".join(person.name for person in people),
        "customer_email": ", ".join(person.email for person in people),
        "customer_phone": ", ".join(person.phone for person in people if person.phone),
        "notes": appointment.notes,
        "dashboard_url": scene.url,
        "old_start": before.start.isoformat(),
        "old_end": before.end.isoformat(),
        "reason": reason,
    }
    return {
        "company": appointment.company,
        "subject_kind": STAFF_SUBJECT_KIND,
        "subject_id": appointment.pk,
        "version": appointment.version,
        "kind": f"staff_appointment_{kind}",
        "recipient": member.email,
        "locale": member.locale,
        "context": context,
        "reply_to": people[0].email if len(people) == 1 else "",
        "told_before": {"kind": kind} if knows_of_it else None,
        "now": now,
    }


def tell_put_back(scene: Scene, member: Staff, *, tried: Span, reason: str, now: datetime, number: int) -> None:
    """The staff member learns that their move was undone, and why. `number` tells this occasion from the last one."""
    appointment = scene.appointment
    if not member.email:
        return
    enqueue(
        company=appointment.company,
        subject_kind="put_back",
        subject_id=appointment.pk,
        version=number,
        kind="move_put_back",
        recipient=member.email,
        locale=member.locale,
        context={
            **_common(scene, appointment.start.isoformat(), appointment.end.isoformat()),
            "timezone": member.timezone,
            "staff_name": member.name,
            "title": scene.title,
            "tried_start": tried.start.isoformat(),
            "tried_end": tried.end.isoformat(),
            "reason": reason,
            "dashboard_url": scene.url,
        },
        now=now,
    )
