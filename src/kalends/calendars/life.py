"""The state of a connection: read from its row, changed through `kalends.sync.connection`, told to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings

from kalends.calendars.joining import make_invitation
from kalends.calendars.models import CalendarConnection, LastErrorCode
from kalends.jobs.locks import require_transaction
from kalends.messages.services import enqueue
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
    row.refresh_from_db(fields=[*_FLAGS, "state"])
    set_life(row, change(life_of(row)))
    row.save(update_fields=[*_FLAGS, "state"])
    return State(row.state)


def remind(row: CalendarConnection, *, now: datetime) -> bool:
    """Mails the staff member about a connection that needs attention, at once and on day 1, 3 and 7. True if mailed."""
    require_transaction()
    due = life_of(row).reminder_due_at()
    if due is None or due > now:
        return False
    number = row.reminders_sent
    change_life(row, Life.reminded)
    _mail(row, number, now)
    return True


def _mail(row: CalendarConnection, number: int, now: datetime) -> None:
    staff, company = row.staff, row.company
    recipient = (staff.email if staff else "") or company.email
    if not recipient:
        return
    since = row.needs_attention_since or now
    mend_url = f"{settings.KALENDS.base_url}/dashboard"
    if staff is not None:
        expires = now + _INVITATION_LASTS
        _, token = make_invitation(staff, email=recipient, by="kalends", expires_at=expires, now=now)
        mend_url = f"{settings.KALENDS.base_url}/connect/{token}"
    enqueue(
        company=company,
        subject_kind="connection",
        subject_id=row.pk,
        # One mail for each day of each lack, however often a sweep comes by.
        version=int(since.timestamp()) // 60 * 10 + number,
        kind="connection_needs_attention",
        recipient=recipient,
        locale=staff.locale if staff else company.locale,
        context={
            "staff_name": staff.name if staff else company.name,
            "provider": row.get_provider_display(),
            "account": row.label,
            "what": _WHAT.get(LastErrorCode(row.last_error), "stale"),
            "mend_url": mend_url,
            "day": (now - since).days,
        },
        now=now,
    )
