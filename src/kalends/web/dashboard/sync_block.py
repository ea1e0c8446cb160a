"""The CALENDAR SYNC block of a staff member's page."""

from __future__ import annotations

from typing import Any

from kalends.companies.models import Staff
from kalends.core.clock import utc_now
from kalends.web.dashboard import reads
from kalends.web.dashboard.access import MemberRequest
from kalends.web.dashboard.external_block import external_block
from kalends.web.dashboard.forms.sync import InvitationForm


def sync_block(request: MemberRequest, staff: Staff) -> dict[str, Any]:
    return {
        "connections": reads.connections_of(staff),
        "invitations": reads.open_invitations(staff, utc_now()),
        **external_block(request, staff),
        "providers": reads.offered_providers(request.company),
        "invite_form": InvitationForm.of(staff, request.company),
    }
