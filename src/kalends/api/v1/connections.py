"""Connections, their calendars and journal; invitations to connect."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from ninja import Query, Schema, Status

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.paging import PageQuery, page_of
from kalends.api.v1.calendar_schemas import (
    CaldavIn,
    ConnectionOut,
    ConnectionPatch,
    InvitationIn,
    InvitationOut,
    JournalOut,
    RemoteCalendarOut,
    RemoteCalendarPatch,
    RevokeIn,
)
from kalends.api.v1.routing import answers, router
from kalends.calendars import selectors as calendars
from kalends.calendars import services
from kalends.calendars.announcing import updates_of
from kalends.calendars.models import CalendarConnection, Journal, RemoteCalendar
from kalends.companies import selectors
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput
from kalends.messages.wording import default_invitation

routes = router("connections")


class ConnectionList(Schema):
    items: list[ConnectionOut]
    next: str | None


class CalendarList(Schema):
    items: list[RemoteCalendarOut]
    next: str | None


class JournalPage(Schema):
    items: list[JournalOut]
    next: str | None


class RevokeOut(Schema):
    disconnected: int


# -- invitations ----------------------------------------------------------------------------------------------------


@routes.post(
    "/staff/{staff_id}/send-calendar-sync-invitation",
    response=answers(ok=InvitationOut),
    summary="Mail an invitation to connect a calendar",
)
def send_invitation(request: CompanyRequest, staff_id: str, payload: InvitationIn | None = None) -> Any:
    """Address, subject and text default to the member's address and the product's own words; HTML is sanitised."""
    staff = selectors.staff_member(request.company, staff_id)
    subject, html = default_invitation(staff.locale)
    given = payload or InvitationIn(email=None, subject=None, html=None)

    def work(_key: object) -> tuple[int, Any]:
        invitation, token = services.create_invitation(
            staff=staff,
            email=given.email or staff.email,
            subject=given.subject or subject,
            html=given.html or html,
            by=actor_of(request),
            now=utc_now(),
        )
        body = {
            "id": str(invitation.pk),
            "connect_url": services.invitation_url(token),
            "email": invitation.email,
            "expires_at": invitation.expires_at.isoformat(),
        }
        return 200, body

    return answer(request, work)


@routes.post(
    "/staff/{staff_id}/revoke-calendar-sync", response=answers(ok=RevokeOut), summary="Disconnect calendars of a member"
)
def revoke_calendar_sync(request: CompanyRequest, staff_id: str, payload: RevokeIn | None = None) -> Any:
    """All connections, or those of the named providers. Our events in the calendars stay."""
    staff = selectors.staff_member(request.company, staff_id)
    providers = payload.providers if payload else None

    def work(_key: object) -> tuple[int, Any]:
        count = services.revoke_calendar_sync(
            staff=staff, providers=list(providers) if providers else None, now=utc_now()
        )
        return 200, {"disconnected": count}

    return answer(request, work, atomic=False)


# -- connections ----------------------------------------------------------------------------------------------------


def connection_json(facts: calendars.ConnectionFacts) -> dict[str, Any]:
    updates = updates_of(facts.id, now=utc_now())
    return {
        "id": str(facts.id),
        "provider": facts.provider,
        "account": facts.account,
        "state": facts.state,
        "mode": facts.mode,
        "fresh_as_of": facts.fresh_as_of.isoformat() if facts.fresh_as_of else None,
        "last_error": facts.last_error,
        "counts": facts.counts,
        "updates": asdict(updates) if updates else None,
    }


def _connection(request: CompanyRequest, connection_id: str) -> CalendarConnection:
    return calendars.connection_of(request.company, connection_id)


def _read(request: CompanyRequest, connection_id: UUID | str) -> dict[str, Any]:
    return connection_json(calendars.connection_facts(calendars.connection_of(request.company, connection_id)))


@routes.get("/staff/{staff_id}/connections", response=answers(ok=ConnectionList), summary="A member's connections")
def list_connections(request: CompanyRequest, staff_id: str) -> Any:
    staff = selectors.staff_member(request.company, staff_id)
    return {"items": [connection_json(facts) for facts in calendars.connections_for_staff(staff=staff)], "next": None}


@routes.post(
    "/staff/{staff_id}/connections/caldav", response=answers(created=ConnectionOut), summary="Connect a CalDAV account"
)
def connect_caldav(request: CompanyRequest, staff_id: str, payload: CaldavIn) -> Any:
    """Looks the account's calendars up; choose among them with PATCH /connections/{id}/calendars."""
    staff = selectors.staff_member(request.company, staff_id)

    def work(_key: object) -> tuple[int, Any]:
        connection = services.connect_caldav(
            staff=staff, url=payload.url, username=payload.username, password=payload.password, now=utc_now()
        )
        return 201, _read(request, connection.pk)

    # Connecting the same account again takes up the same connection: idempotent without a transaction around it.
    return answer(request, work, atomic=False)


@routes.patch("/connections/{connection_id}", response=answers(ok=ConnectionOut), summary="Mode, pause, resume")
def change_connection(request: CompanyRequest, connection_id: str, payload: ConnectionPatch) -> Any:
    connection = _connection(request, connection_id)
    with transaction.atomic():
        if payload.mode is not None:
            services.set_mode(connection=connection, mode=payload.mode, now=utc_now())
        if payload.paused is not None:
            act = services.pause if payload.paused else services.resume
            act(connection=connection, now=utc_now())
    return _read(request, connection_id)


@routes.delete("/connections/{connection_id}", response=answers(none=None), summary="Disconnect")
def disconnect(request: CompanyRequest, connection_id: str, events: Literal["keep", "remove"]) -> Any:
    """`events` says what becomes of our events in its calendars; removing goes on in the background."""
    connection = _connection(request, connection_id)
    services.disconnect(connection=connection, events=events, now=utc_now())
    return Status(204, None)


@routes.post("/connections/{connection_id}/sync", response=answers(ok=ConnectionOut), summary="Read now")
def sync_now(request: CompanyRequest, connection_id: str) -> Any:
    connection = _connection(request, connection_id)

    def work(_key: object) -> tuple[int, Any]:
        services.sync_now(connection=connection, now=utc_now())
        return 200, _read(request, connection_id)

    return answer(request, work)


def _calendar_json(calendar: RemoteCalendar) -> dict[str, Any]:
    return {
        "id": str(calendar.pk),
        "name": calendar.name,
        "receives": calendar.receives,
        "blocks": calendar.blocks,
        "writable": calendar.writable,
    }


@routes.get("/connections/{connection_id}/calendars", response=answers(ok=CalendarList), summary="Its calendars")
def list_calendars(request: CompanyRequest, connection_id: str) -> Any:
    connection = _connection(request, connection_id)
    return {"items": [_calendar_json(row) for row in calendars.calendars_of(connection=connection)], "next": None}


@routes.patch(
    "/connections/{connection_id}/calendars",
    response=answers(ok=CalendarList),
    summary="Choose what receives and blocks",
)
def choose_calendars(request: CompanyRequest, connection_id: str, payload: list[RemoteCalendarPatch]) -> Any:
    """Calendars that are not named keep their use. One at most receives."""
    connection = _connection(request, connection_id)
    present = {row.pk: row for row in calendars.calendars_of(connection=connection)}
    receives = next((pk for pk, row in present.items() if row.receives), None)
    blocks = {pk for pk, row in present.items() if row.blocks}
    for item in payload:
        if item.id not in present:
            raise InvalidInput("There is no such calendar in this connection.", field="id")
        if item.receives is not None:
            receives = item.id if item.receives else (None if receives == item.id else receives)
        if item.blocks is not None:
            blocks = blocks | {item.id} if item.blocks else blocks - {item.id}
    services.choose_calendars(connection=connection, receives=receives, blocks=blocks, now=utc_now())
    return {"items": [_calendar_json(row) for row in calendars.calendars_of(connection=connection)], "next": None}


def _journal_json(entry: Journal) -> dict[str, Any]:
    return {
        "at": entry.at,
        "signal": entry.signal,
        "evidence": entry.evidence,
        "rule": entry.rule,
        "action": entry.action,
        "before": entry.before,
        "after": entry.after,
    }


@routes.get("/connections/{connection_id}/journal", response=answers(ok=JournalPage), summary="What sync did and why")
def get_journal(request: CompanyRequest, connection_id: str, page: Query[PageQuery]) -> Any:
    """Newest first."""
    connection = _connection(request, connection_id)
    return page_of(Journal.objects.filter(connection=connection), page, _journal_json, newest_first=True)
