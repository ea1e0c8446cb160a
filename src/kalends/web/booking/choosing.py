"""From what an address asks to the picker that a page draws, for booking and for moving alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils.translation import gettext as _

from kalends.bookings import selectors as bookings
from kalends.bookings.values import SlotDays
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.web.booking.picker import Links, Picker, build_picker, read_asked
from kalends.web.booking.zones import VisitorZone


@dataclass(frozen=True, slots=True)
class Question:
    """Whose free times are wanted, read in which zone, at which moment."""

    company: Company
    service: Service
    zone: VisitorZone
    now: datetime
    staff: Staff | None = None
    group: StaffGroup | None = None
    reschedule_of: UUID | None = None

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.zone.name)).date()

    @property
    def last(self) -> date:
        # The horizon counts the company's days; the visitor's may be one ahead.
        return self.today + timedelta(days=self.service.horizon + 1)

    def search(self, first: date, last: date) -> SlotDays:
        return bookings.slots(
            company=self.company,
            service=self.service,
            staff=self.staff,
            group=self.group,
            from_date=first,
            to_date=last,
            tz=self.zone.name,
            now=self.now,
            reschedule_of=self.reschedule_of,
        )


def picker_for(request: HttpRequest, question: Question, links: Links) -> Picker:
    asked = read_asked(request.GET, first=question.today, last=question.last)
    picker = build_picker(
        asked=asked,
        search=question.search,
        links=links,
        today=question.today,
        last=question.last,
        seats=question.service.capacity > 1,
    )
    picker.notices = _notices(question.zone, is_refused=asked.is_refused)
    return picker


def _notices(zone: VisitorZone, *, is_refused: bool) -> list[str]:
    notices = []
    if zone.unknown:
        text = _("“%(unknown)s” is not a time zone we know. Times are shown for %(zone)s; choose another below.")
        notices.append(text % {"unknown": zone.unknown, "zone": zone.name})
    if is_refused:
        notices.append(_("The date in the address cannot be booked. Here are those that can."))
    return notices
