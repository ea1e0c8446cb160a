"""The CALENDAR SYNC block of a staff member's page."""

from __future__ import annotations

from typing import Any

from kalends.calendars.models import ExternalCalendar
from kalends.calendars.selectors import external_calendars_of, external_url
from kalends.companies.models import Staff
from kalends.web.dashboard import reads
from kalends.web.dashboard.access import MemberRequest
from kalends.web.dashboard.forms.sync import ExternalCalendarForm, InvitationForm


def shown_address(rows: list[ExternalCalendar]) -> str:
    """What stands in the field after its fixed https://; nothing where there are several (made through the API)."""
    return external_url(rows[0]).removeprefix("https://") if len(rows) == 1 else ""


def sync_block(request: MemberRequest, staff: Staff) -> dict[str, Any]:
    external = external_calendars_of(company=request.company, staff=staff)
    return {
        "connections": reads.connections_of(staff),
        "external": external,
        "external_address": shown_address(external) if request.membership.may_write else "",
        "external_form": ExternalCalendarForm(),
        "providers": reads.offered_providers(request.company),
        "invite_form": InvitationForm.of(staff, request.company),
    }
