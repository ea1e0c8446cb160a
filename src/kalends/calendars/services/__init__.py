"""Everything that changes the state of calendars; the doors that other rooms knock on."""

from __future__ import annotations

from kalends.calendars.services.attending import try_link_again
from kalends.calendars.services.connections import (
    disconnect,
    pause,
    resume,
    revoke_calendar_sync,
    set_mode,
    set_provider_switch,
    sync_now,
    unfreeze,
)
from kalends.calendars.services.engine import (
    PlannedAction,
    plan_connection,
    remind_of_connections,
    run_connection,
    tell_of_stale_calendars,
    wake_due_connections,
)
from kalends.calendars.services.external import (
    add_external_calendar,
    delete_external_calendar,
    external_calendar,
    read_external_calendar,
    replace_external_calendars,
)
from kalends.calendars.services.invitations import create_invitation, invitation_url, revoke_invitation
from kalends.calendars.services.joining import choose_calendars, refresh_calendars
from kalends.calendars.services.live import CheckResult, live_check
from kalends.calendars.services.oauth import connect_caldav, finish_oauth, start_oauth
from kalends.calendars.services.push import receive_notifications, receive_push, renew_channels_elsewhere
from kalends.calendars.services.questions import answer_for_staff, answer_question
from kalends.calendars.services.restoring import hold_restored
from kalends.calendars.services.wanted import want_event, want_no_event

__all__ = [
    "CheckResult",
    "PlannedAction",
    "add_external_calendar",
    "answer_for_staff",
    "answer_question",
    "choose_calendars",
    "connect_caldav",
    "create_invitation",
    "delete_external_calendar",
    "disconnect",
    "external_calendar",
    "finish_oauth",
    "hold_restored",
    "invitation_url",
    "live_check",
    "pause",
    "plan_connection",
    "read_external_calendar",
    "receive_notifications",
    "receive_push",
    "refresh_calendars",
    "remind_of_connections",
    "renew_channels_elsewhere",
    "replace_external_calendars",
    "resume",
    "revoke_calendar_sync",
    "revoke_invitation",
    "run_connection",
    "set_mode",
    "set_provider_switch",
    "start_oauth",
    "sync_now",
    "tell_of_stale_calendars",
    "try_link_again",
    "unfreeze",
    "wake_due_connections",
    "want_event",
    "want_no_event",
]
