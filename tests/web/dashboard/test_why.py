"""Why a time is not free: the rules, and the calendar that an event was read from."""

from __future__ import annotations

from datetime import timedelta

from kalends.calendars.models import BusySpan, RemoteEvent
from kalends.companies.services import raise_schedule_revision
from kalends.core.clock import utc_now
from kalends.core.span import Span
from kalends.core.zones import zone
from tests.web.people import House, next_monday


def ask(house: House, client=None, **given: str):
    at = next_monday().astimezone(zone(house.company.timezone))
    data = {
        "staff": house.staff.pk, "service": house.service.pk, "date": at.date().isoformat(),
        "time": f"{at:%H:%M}", **given,
    }  # fmt: skip
    return (client or house.owner).get("/dashboard/why", data)


def in_the_way(page) -> list:
    return [item for rule in page.context["answer"].rules for item in rule.blockers]


def test_free_time_is_called_free(house: House):
    answer = ask(house).context["answer"]
    assert (answer.offered, [rule.ok for rule in answer.rules if not rule.ok]) == (True, [])


def test_outside_event_names_its_calendar_its_times_and_how_it_is_read(house: House):
    calendar = house.connect().calendars.get(name="Family")
    house.staff.remote_calendars.update(fresh_as_of=utc_now())
    start = next_monday() - timedelta(minutes=15)
    event = RemoteEvent.objects.create(
        calendar=calendar, remote_id="e", start=start, end=start + timedelta(hours=1), busy="busy"
    )
    BusySpan.objects.create(
        company=house.company, staff=house.staff, calendar=calendar, event=event, start=event.start, end=event.end
    )
    raise_schedule_revision([house.staff.pk])
    page = ask(house)
    (item,) = in_the_way(page)
    assert not page.context["answer"].offered
    assert (item.calendar, item.origin, item.event) == ("Family", calendar.connection, Span(event.start, event.end))
    assert item.url == f"/dashboard/connections/{calendar.connection_id}"
    assert item.signal.startswith("Within")


def test_appointment_in_the_way_is_linked(house: House):
    appointment = house.book()
    (item,) = in_the_way(ask(house))
    assert item.url == f"/dashboard/appointments/{appointment.pk}"


def test_company_of_a_stranger_is_not_asked(house: House):
    page = ask(house, house.stranger)
    assert (page.status_code, page.context["answer"]) == (200, None)
    assert set(page.context["form"].errors) == {"staff", "service"}


def test_nonsense_is_refused_at_its_field(house: House):
    page = ask(house, date="tomorrow", time="99")
    assert (page.status_code, set(page.context["form"].errors)) == (200, {"date", "time"})
