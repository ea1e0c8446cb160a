"""The state of a connection: read from its row, changed through `kalends.sync.connection`, told to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from kalends.calendars.joining import make_invitation
from kalends.calendars.models import CalendarConnection, LastErrorCode, Provider
from kalends.jobs.locks import require_transaction
from kalends.jobs.prepared import Prepared
from kalends.jobs.saved import save
from kalends.messages.models import Event, OutgoingMessage
from kalends.messages.services import enqueue
from kalends.messages.webhooks import announce
from kalends.sync.connection import Life, PausedBy, State

_FLAGS = (
    "chosen_at",
    "paused_at",
    "paused_by",
    "frozen_at",
    "released_at",
    "throttled_until",
    "needs_attention_since",
    "reminders_sent",
    "auth_strikes",
    "disconnected_at",
)
_STORED = Prepared(lambda pk: CalendarConnection.objects.filter(pk=pk).values_list(*_FLAGS, "state"), pk=UUID)
_WHAT = {
    LastErrorCode.AUTH_REVOKED: "revoked",
    LastErrorCode.CALENDAR_GONE: "calendar_gone",
    LastErrorCode.RIGHTS_LOST: "rights_lost",
}
_INVITATION_LASTS = timedelta(days=14)


def life_of(row: CalendarConnection) -> Life:
    values = {flag: getattr(row, flag) for flag in _FLAGS}
    return Life(**{**values, "paused_by": PausedBy(row.paused_by)})


def set_life(row: CalendarConnection, life: Life) -> None:
    """On the instance; the caller saves."""
    for flag in _FLAGS:
        setattr(row, flag, getattr(life, flag))
    row.state = life.state


def change_life(row: CalendarConnection, change: Callable[[Life], Life]) -> State:
    """Reads the row's flags, applies one transition, saves; returns the new state. Inside a transaction."""
    require_transaction()
    (stored,) = _STORED.rows(pk=row.pk)
    for flag, value in zip((*_FLAGS, "state"), stored, strict=True):
        setattr(row, flag, value)
    before = life_of(row)
    after = change(before)
    if (before, row.state) != (after, after.state):
        set_life(row, after)
        save(row, [*_FLAGS, "state"])
    return State(row.state)


def remind(row: CalendarConnection, *, now: datetime) -> bool:
    """Mails the staff member about a connection that needs attention, at once and on day 1, 3 and 7. True if mailed.

    Nobody is mailed about what came out of a backup until a person has released it.
    """
    require_transaction()
    due = life_of(row).reminder_due_at()
    if due is None or due > now or row.restored_at is not None:
        return False
    number, since = row.reminders_sent, row.needs_attention_since or now
    change_life(row, Life.reminded)
    # One mail for each day of each lack, however often a sweep comes by.
    version = _version(since, number)
    if number == 0:
        _announce(row, _WHAT.get(LastErrorCode(row.last_error), "stale"), version, now)
    _mail_staff(row, _WHAT.get(LastErrorCode(row.last_error), "stale"), version, days=(now - since).days, now=now)
    return True


def tell_stale(row: CalendarConnection, *, fresh_as_of: datetime, now: datetime) -> bool:
    """Once a standstill: the last mirror is too old, and no times of the staff member are offered (G9). True if news."""
    require_transaction()
    version = _version(fresh_as_of, _STALE)
    if row.restored_at is not None:
        return False
    if OutgoingMessage.objects.filter(subject_kind="connection", subject_id=row.pk, version=version).exists():
        return False
    _announce(row, "stale", version, now)
    _mail_staff(row, "stale", version, days=0, now=now)
    return True


def tell_frozen(row: CalendarConnection, *, now: datetime) -> None:
    """A person of the company has to look before anything more is done (G11)."""
    require_transaction()
    version = _version(now, _FROZEN)
    _announce(row, "deletions", version, now)
    recipient = row.company.email or (row.staff.email if row.staff else "")
    if recipient:
        mend_url = f"{settings.KALENDS.base_url}/dashboard/connections/{row.pk}"
        _mail(row, "deletions", version, recipient=recipient, mend_url=mend_url, days=0, now=now)


# What is told besides the reminders, which have the numbers from 0 on.
_FROZEN, _STALE = 8, 9


def _version(moment: datetime, number: int) -> int:
    """Which standstill a mail is about, so that it is told once; by the minute, for seconds outgrow an integer in 2038."""
    return int(moment.timestamp()) // 60 * 10 + number


def _announce(row: CalendarConnection, what: str, version: int, now: datetime) -> None:
    """Tells the company's webhooks once each time that a connection comes to need somebody."""
    shown = {
        "id": str(row.pk),
        "staff": str(row.staff_id) if row.staff_id else None,
        "provider": row.provider,
        "account": row.label,
        "state": row.state,
        "mode": row.mode,
        "reason": what,
    }
    announce(
        company=row.company,
        event=Event.NEEDS_ATTENTION,
        subject_id=row.pk,
        version=version,
        data=lambda: {"connection": shown},
        now=now,
    )


def _mail_staff(row: CalendarConnection, what: str, version: int, *, days: int, now: datetime) -> None:
    """With a link that mends it: a fresh invitation to connect the account again."""
    staff = row.staff
    recipient = (staff.email if staff else "") or row.company.email
    if not recipient:
        return
    mend_url = f"{settings.KALENDS.base_url}/dashboard/connections/{row.pk}"
    if row.provider == Provider.ICS:
        # An address is mended where it was entered, by whoever may.
        recipient = row.company.email or recipient
        place = f"staff/{staff.pk}#external" if staff else "closings#external"
        mend_url = f"{settings.KALENDS.base_url}/dashboard/settings/{place}"
        what = "feed"
    elif staff is not None:
        expires = now + _INVITATION_LASTS
        _, token = make_invitation(staff, email=recipient, by="kalends", expires_at=expires, now=now)
        mend_url = f"{settings.KALENDS.base_url}/connect/{token}"
    _mail(row, what, version, recipient=recipient, mend_url=mend_url, days=days, now=now)


def _mail(
    row: CalendarConnection, what: str, version: int, *, recipient: str, mend_url: str, days: int, now: datetime
) -> None:
    staff, company = row.staff, row.company
    enqueue(
        company=company,
        subject_kind="connection",
        subject_id=row.pk,
        version=version,
        kind="connection_needs_attention",
        recipient=recipient,
        locale=staff.locale if staff else company.locale,
        context={
            "staff_name": staff.name if staff else company.name,
            "provider": row.get_provider_display(),
            "account": row.label,
            "what": what,
            "mend_url": mend_url,
            "day": days,
        },
        now=now,
    )
