"""/dashboard and everything under it."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView

from kalends.web.dashboard.views import (
    appointments,
    attention,
    calendar_sync,
    catalogue,
    company,
    connections,
    customers,
    external,
    home,
    invitations,
    people,
    staff,
    webhooks,
    why,
)

app_name = "dashboard"
_STAFF = "settings/staff/<uuid:staff_id>"
_CLOSINGS_FROM = "settings/closings/external-calendars"
_CONNECTION = "connections/<uuid:connection_id>"
_WEBHOOK = "settings/webhooks/<uuid:webhook_id>"

_pages = [
    path("", RedirectView.as_view(pattern_name="dashboard:home"), name="home_slash"),
    path("company", company.switch_company, name="switch_company"),
    path("appointments", appointments.appointment_list, name="appointments"),
    path("appointments/new", appointments.new_appointment, name="new_appointment"),
    path("appointments/<uuid:appointment_id>", appointments.appointment_page, name="appointment"),
    path("appointments/<uuid:appointment_id>/move", appointments.move, name="move_appointment"),
    path("appointments/<uuid:appointment_id>/cancel", appointments.cancel, name="cancel_appointment"),
    path("appointments/<uuid:appointment_id>/notes", appointments.notes, name="appointment_notes"),
    path("appointments/<uuid:appointment_id>/seen", appointments.seen, name="appointment_seen"),
    path("appointments/<uuid:appointment_id>/undo", appointments.undo, name="undo_appointment"),
    path("attention", attention.attention_page, name="attention"),
    path("attention/messages", attention.held_messages, name="held_messages"),
    path("attention/events/<uuid:link_id>/again", attention.try_again, name="try_event_again"),
    path("attention/questions/<uuid:question_id>", attention.answer, name="answer_question"),
    path("attention/feeds/<uuid:external_id>/release", attention.release_feed, name="release_feed"),
    path("why", why.why, name="why"),
    path("customers", customers.customer_list, name="customers"),
    path("customers/<uuid:customer_id>", customers.customer_page, name="customer"),
    path("settings/company", company.company_settings, name="company"),
    path("settings/closings", company.closings, name="closings"),
    path("settings/closings/external-calendar", external.add, name="company_external_calendar"),
    path(f"{_CLOSINGS_FROM}/<uuid:external_id>", external.preview, name="company_external_preview"),
    path(f"{_CLOSINGS_FROM}/<uuid:external_id>/act", external.act, name="company_external_act"),
    path("settings/closings/<uuid:closing_id>/delete", company.delete_closing, name="delete_closing"),
    path("settings/api", company.api_keys, name="api_keys"),
    path("settings/api/<uuid:key_id>/revoke", company.revoke_api_key, name="revoke_api_key"),
    path("settings/webhooks", webhooks.webhook_list, name="webhooks"),
    path(_WEBHOOK, webhooks.webhook_page, name="webhook"),
    path(f"{_WEBHOOK}/act", webhooks.act, name="webhook_act"),
    path(f"{_WEBHOOK}/deliveries/<uuid:delivery_id>/again", webhooks.send_again, name="webhook_again"),
    path("settings/people", people.people, name="people"),
    path("settings/people/<uuid:membership_id>/role", people.change_role, name="change_role"),
    path("settings/people/<uuid:membership_id>/remove", people.remove_member, name="remove_member"),
    path(
        "settings/people/invitations/<uuid:invitation_id>/revoke",
        people.revoke_member_invitation,
        name="revoke_member_invitation",
    ),
    path("settings/groups", catalogue.group_list, name="groups"),
    path("settings/groups/new", catalogue.new_group, name="new_group"),
    path("settings/groups/<uuid:group_id>", catalogue.group_page, name="group"),
    path("settings/groups/<uuid:group_id>/delete", catalogue.delete_group, name="delete_group"),
    path("settings/services", catalogue.service_list, name="services"),
    path("settings/services/new", catalogue.new_service, name="new_service"),
    path("settings/services/<uuid:service_id>", catalogue.service_page, name="service"),
    path("settings/places", catalogue.locations, name="locations"),
    path("settings/places/<uuid:location_id>", catalogue.location_page, name="location"),
    path("settings/places/<uuid:location_id>/delete", catalogue.delete_location, name="delete_location"),
    path("settings/calendar-sync", calendar_sync.calendar_sync, name="calendar_sync"),
    path("settings/calendar-sync/feeds/<uuid:feed_id>", calendar_sync.feed_privacy, name="feed"),
    path("settings/calendar-sync/feeds/<uuid:feed_id>/rotate", calendar_sync.rotate_feed, name="rotate_feed"),
    path("settings/staff", staff.staff_list, name="staff_list"),
    path(_STAFF, staff.staff_page, name="staff"),
    path(f"{_STAFF}/hours", staff.staff_hours, name="staff_hours"),
    path(f"{_STAFF}/days", staff.staff_override, name="staff_override"),
    path(f"{_STAFF}/time-off", staff.staff_time_off, name="staff_time_off"),
    path(f"{_STAFF}/time-off/<uuid:time_off_id>/delete", staff.delete_time_off, name="delete_time_off"),
    path(f"{_STAFF}/services", staff.staff_services, name="staff_services"),
    path(f"{_STAFF}/invite", invitations.invite, name="invite"),
    path(f"{_STAFF}/invitations/<uuid:invitation_id>/revoke", invitations.revoke_invitation, name="revoke_invitation"),
    path(f"{_STAFF}/external-calendar", external.add, name="external_calendar"),
    path(f"{_STAFF}/external-calendars/<uuid:external_id>", external.preview, name="external_preview"),
    path(f"{_STAFF}/external-calendars/<uuid:external_id>/act", external.act, name="external_act"),
    path(f"{_STAFF}/connect", connections.connect_staff, name="connect_staff"),
    path(f"{_STAFF}/connect/caldav", connections.connect_staff_caldav, name="connect_staff_caldav"),
    path(_CONNECTION, connections.connection_page, name="connection"),
    path(f"{_CONNECTION}/act", connections.act, name="connection_act"),
    path(f"{_CONNECTION}/plan", connections.plan, name="connection_plan"),
    path(f"{_CONNECTION}/calendars", connections.calendars, name="connection_calendars"),
    path(f"{_CONNECTION}/disconnect", connections.disconnect, name="disconnect"),
]

urlpatterns = [path("", home.home, name="home"), path("/", include(_pages))]
