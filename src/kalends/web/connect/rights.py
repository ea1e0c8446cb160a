"""Who may finish a connection: the browser that made it, for a day, and whoever may write in its company."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from kalends.calendars.models import CalendarConnection
from kalends.companies.models import Membership
from kalends.core.clock import utc_now
from kalends.core.errors import NotFound
from kalends.core.ids import new_token

_BINDING = "oauth_binding"
_MADE = "connections_made"
_LASTS = timedelta(hours=24)


def session_binding(request: HttpRequest) -> str:
    """What ties a trip to a consent page to this browser; made at the first trip."""
    if _BINDING not in request.session:
        request.session[_BINDING] = new_token()
    return request.session[_BINDING]


def known_binding(request: HttpRequest) -> str:
    """The binding this browser came with; "" if it never set out."""
    return request.session.get(_BINDING, "")


def remember_made(request: HttpRequest, connection: CalendarConnection) -> None:
    made = dict(request.session.get(_MADE, {}))
    made[str(connection.pk)] = utc_now().isoformat()
    request.session[_MADE] = made


def connection_to_finish(request: HttpRequest, connection_id: UUID) -> CalendarConnection:
    """Raises NotFound for anybody who did not make it and may not write in its company."""
    rows = CalendarConnection.objects.select_related("company", "staff")
    row = rows.filter(pk=connection_id, disconnected_at=None, staff__isnull=False).first()
    if row is None or not (_made_here(request, connection_id, utc_now()) or _may_write(request, row)):
        raise NotFound("There is no such connection.")
    return row


def is_writer(request: HttpRequest, connection: CalendarConnection) -> bool:
    return _may_write(request, connection)


def _made_here(request: HttpRequest, connection_id: UUID, now: datetime) -> bool:
    at = parse_datetime(request.session.get(_MADE, {}).get(str(connection_id), ""))
    return at is not None and now - at < _LASTS


def _may_write(request: HttpRequest, connection: CalendarConnection) -> bool:
    if not request.user.is_authenticated:
        return False
    membership = Membership.objects.filter(user=request.user, company_id=connection.company_id).first()
    return membership is not None and membership.may_write
