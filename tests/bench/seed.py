"""Rows for the whole-request measurements: 20 staff, a 30-minute service, 200 outside busy spans each. Prints what to ask."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import django


def main() -> dict:
    django.setup()
    from kalends.accounts.models import User
    from kalends.calendars.models import BusySpan, CalendarConnection, RemoteCalendar, RemoteEvent
    from kalends.companies import services
    from kalends.companies.selectors import feed_url
    from kalends.companies.values import Hours, WeeklyRange
    from kalends.core.clock import utc_now
    from kalends.core.ids import new_id

    now = utc_now()
    owner = User.objects.create_user("bench@example.org", "bench bench bench")
    company = services.create_company(name="Bench", slug="bench", timezone="Europe/Paris", owner=owner)
    _row, key = services.create_api_key(company=company, name="bench", may_write=True, actor="bench", now=now)
    weekly = [WeeklyRange(day, 9 * 60, 17 * 60) for day in range(7)]
    staff = []
    for number in range(20):
        member = services.create_staff(company=company, name=f"Member {number}", actor="bench", now=now)
        services.set_hours(staff=member, hours=Hours("Europe/Paris", weekly), actor="bench", now=now)
        staff.append(member)
    busy = services.create_service(company=company, name="Busy", duration=30, staff=staff, actor="bench", now=now)
    free = [services.create_staff(company=company, name=f"Free {n}", actor="bench", now=now) for n in range(8)]
    for member in free:
        hours = Hours("Europe/Paris", [WeeklyRange(day, 0, 1440) for day in range(7)])
        services.set_hours(staff=member, hours=hours, actor="bench", now=now)
    quick = services.create_service(
        company=company, name="Quick", duration=5, horizon=700, staff=free, actor="bench", now=now
    )
    clock = ZoneInfo("Europe/Paris")
    today = now.astimezone(clock).replace(hour=0, minute=0, second=0, microsecond=0)
    for member in staff:
        connection = CalendarConnection.objects.create(
            company=company, staff=member, provider="caldav", subject=str(member.pk), mode="one_way", state="active"
        )
        calendar = RemoteCalendar.objects.create(
            connection=connection, staff=member, remote_id="c", blocks=True, fresh_as_of=now + timedelta(days=1)
        )
        events, spans = [], []
        for number in range(200):
            start = today + timedelta(days=number % 30, hours=9, minutes=(number // 30) * 65)
            ident = new_id()
            span = {"start": start, "end": start + timedelta(minutes=20)}
            events.append(RemoteEvent(id=ident, calendar=calendar, remote_id=str(number), busy="busy", **span))
            spans.append(BusySpan(company=company, staff=member, calendar=calendar, event_id=ident, **span))
        RemoteEvent.objects.bulk_create(events)
        BusySpan.objects.bulk_create(spans)
    return {
        "key": key,
        "service": str(busy.pk),
        "staff": str(staff[0].pk),
        "quick": str(quick.pk),
        "free": [str(member.pk) for member in free],
        "from": (today + timedelta(days=1)).date().isoformat(),
        "to": (today + timedelta(days=30)).date().isoformat(),
        "begin": (today + timedelta(days=2)).isoformat(),
        "feed": feed_url(staff[0].feed).split("/", 3)[3],
    }


if __name__ == "__main__":
    print(json.dumps(main()))
