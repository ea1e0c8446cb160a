"""External iCalendar URLs, of a staff member and, as closings, of the company."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema, Status

from kalends.api.auth import CompanyRequest, actor_of
from kalends.api.idempotency import answer
from kalends.api.v1.calendar_schemas import ExternalCalendarIn, ExternalCalendarOut, ReplaceExternalIn
from kalends.api.v1.routing import answers, router
from kalends.calendars import selectors as calendars
from kalends.calendars import services
from kalends.companies import selectors
from kalends.companies.models import Staff
from kalends.core.clock import utc_now

routes = router("external calendars")


class ExternalList(Schema):
    items: list[ExternalCalendarOut]
    next: str | None


def _json(facts: calendars.ExternalFacts) -> dict[str, Any]:
    return {
        "id": str(facts.row.pk),
        "url": calendars.external_url(facts.row),
        "name": facts.name,
        "state": facts.state,
        "read_at": facts.read_at,
        "next_read_at": facts.next_read_at,
        "error": facts.wrong,
        "events": facts.events,
        "set_aside": [{"count": number, "reason": reason} for number, reason in facts.set_aside],
    }


def _list(request: CompanyRequest, staff: Staff | None) -> dict[str, Any]:
    rows = calendars.external_calendars_of(company=request.company, staff=staff)
    return {"items": [_json(row) for row in rows], "next": None}


def _add(request: CompanyRequest, staff: Staff | None, url: str) -> Any:
    def work(_key: object) -> tuple[int, Any]:
        row = services.add_external_calendar(
            company=request.company, staff=staff, url=url, by=actor_of(request), now=utc_now()
        )
        return 201, _json(calendars.external_facts(row))

    # The address is fetched and checked first, so no transaction stands around it; adding one twice is refused.
    return answer(request, work, atomic=False)


def _delete(request: CompanyRequest, staff: Staff | None, ident: UUID) -> Any:
    services.delete_external_calendar(
        company=request.company, staff=staff, calendar_id=ident, by=actor_of(request), now=utc_now()
    )
    return Status(204, None)


def _replace(request: CompanyRequest, staff: Staff | None, url: str) -> Any:
    services.replace_external_calendars(
        company=request.company, staff=staff, url=url, by=actor_of(request), now=utc_now()
    )
    return _list(request, staff)


@routes.get("/staff/{staff_id}/external-calendars", response=answers(ok=ExternalList), summary="A member's URLs")
def list_staff(request: CompanyRequest, staff_id: str) -> Any:
    return _list(request, selectors.staff_member(request.company, staff_id))


@routes.post("/staff/{staff_id}/external-calendars", response=answers(created=ExternalCalendarOut), summary="Add a URL")
def add_staff(request: CompanyRequest, staff_id: str, payload: ExternalCalendarIn) -> Any:
    return _add(request, selectors.staff_member(request.company, staff_id), payload.url)


@routes.delete("/staff/{staff_id}/external-calendars/{eid}", response=answers(none=None), summary="Remove a URL")
def delete_staff(request: CompanyRequest, staff_id: str, eid: UUID) -> Any:
    return _delete(request, selectors.staff_member(request.company, staff_id), eid)


@routes.put("/staff/{staff_id}/external-calendar", response=answers(ok=ExternalList), summary="Replace all by one")
def replace_staff(request: CompanyRequest, staff_id: str, payload: ReplaceExternalIn) -> Any:
    """An empty URL leaves none."""
    return _replace(request, selectors.staff_member(request.company, staff_id), payload.url)


@routes.get("/company/external-calendars", response=answers(ok=ExternalList), summary="The company's URLs")
def list_company(request: CompanyRequest) -> Any:
    return _list(request, None)


@routes.post("/company/external-calendars", response=answers(created=ExternalCalendarOut), summary="Add a company URL")
def add_company(request: CompanyRequest, payload: ExternalCalendarIn) -> Any:
    return _add(request, None, payload.url)


@routes.delete("/company/external-calendars/{eid}", response=answers(none=None), summary="Remove a company URL")
def delete_company(request: CompanyRequest, eid: UUID) -> Any:
    return _delete(request, None, eid)


@routes.put("/company/external-calendar", response=answers(ok=ExternalList), summary="Replace all company URLs by one")
def replace_company(request: CompanyRequest, payload: ReplaceExternalIn) -> Any:
    """An empty URL leaves none."""
    return _replace(request, None, payload.url)
