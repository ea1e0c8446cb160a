"""Everything that changes a company, its people and its catalogue. Each service is one transaction."""

from __future__ import annotations

from kalends.companies.services.catalogue import (
    SERVICE_FIELDS,
    change_location,
    change_service,
    create_location,
    create_service,
    delete_location,
)
from kalends.companies.services.companies import (
    CALENDAR_SYNC_FIELDS,
    COMPANY_FIELDS,
    PROVIDER_SWITCHES,
    add_member,
    change_calendar_sync,
    change_company,
    check_slug,
    create_company,
    on_provider_switches_changed,
    propose_slug,
)
from kalends.companies.services.feeds import change_feed, note_feed_fetch, rotate_feed
from kalends.companies.services.hours import add_closing, add_time_off, delete_closing, delete_time_off, set_hours
from kalends.companies.services.keys import create_api_key, revoke_api_key
from kalends.companies.services.members import (
    accept_member_invitation,
    change_member_role,
    invite_member,
    on_member_invited,
    remove_member,
    revoke_member_invitation,
)
from kalends.companies.services.restoring import outdate_feed_tags
from kalends.companies.services.shared import raise_schedule_revision, record_audit, schedule_revision_raise
from kalends.companies.services.staff import (
    STAFF_FIELDS,
    change_group,
    change_staff,
    create_group,
    create_staff,
    delete_group,
    on_staff_changed,
    set_staff_services,
)

__all__ = [
    "CALENDAR_SYNC_FIELDS",
    "COMPANY_FIELDS",
    "PROVIDER_SWITCHES",
    "SERVICE_FIELDS",
    "STAFF_FIELDS",
    "accept_member_invitation",
    "add_closing",
    "add_member",
    "add_time_off",
    "change_calendar_sync",
    "change_company",
    "change_feed",
    "change_group",
    "change_location",
    "change_member_role",
    "change_service",
    "change_staff",
    "check_slug",
    "create_api_key",
    "create_company",
    "create_group",
    "create_location",
    "create_service",
    "create_staff",
    "delete_closing",
    "delete_group",
    "delete_location",
    "delete_time_off",
    "invite_member",
    "note_feed_fetch",
    "on_member_invited",
    "on_provider_switches_changed",
    "on_staff_changed",
    "outdate_feed_tags",
    "propose_slug",
    "raise_schedule_revision",
    "record_audit",
    "remove_member",
    "revoke_api_key",
    "revoke_member_invitation",
    "rotate_feed",
    "schedule_revision_raise",
    "set_hours",
    "set_staff_services",
]
