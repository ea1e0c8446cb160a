"""Availability: hours and busy time in, bookable starts out. Pure: no database, no network, no clock.

    rules = ServiceRules(duration=30, buffer_after=10, notice=120, service="haircut")
    anna = StaffDays("anna", Schedule("Europe/Paris", weekly_hours({"mo": [("09:00", "17:00")]})), busy)
    query = SlotQuery(rules, any_of([anna, ben]), now=now, zone="Europe/Paris")

    find_slots(query, window)             every bookable start in a span, with the staff free for it
    check_slot(query, start)              the same for one start, for the booking under its lock: a Slot or None
    explain_slot(query, start)            each rule with its result and what blocks, for one staff member
    nearest_free(query, wanted, within)   the three nearest starts that are free instead
    data_span(rules, window, now, zone)   which busy rows an answer needs
    near_span(rules, start)               which of them without buffers a check of one start needs
    dates_span(first, last, tz)           a visitor's dates as a window; Slots.by_date(tz) groups the answer again
    choose_staff(candidates, policy=...)  who takes an appointment that any of several could take
    validate_weekly(rows)                 weekly hours as sent by a form or the API, or an error that names the field
    run_cases(text)                       replays a file of availability cases

Busy time is a sequence of Busy tuples in epoch seconds; lengths in rules are minutes; spans are half-open. Hours are
wall times with an IANA zone, and each end of a range becomes an instant on its own. Days of horizon and limits are the
company's (`SlotQuery.zone`). Neither the visitor's zone nor the window asked for changes which instants are offered.
The rules come from design/scheduling.md.
"""

from __future__ import annotations

from kalends.scheduling.answer import Slot, Slots, Team
from kalends.scheduling.assign import Candidate, choose_staff, rank_staff
from kalends.scheduling.busy import Busy, StaffDays, busy_from_span
from kalends.scheduling.cases import CaseResult, run_cases
from kalends.scheduling.explain import Blocker, Explanation, RuleResult, explain_slot
from kalends.scheduling.hours import (
    DateOverride,
    Schedule,
    TimeRange,
    Travel,
    always_open,
    validate_ranges,
    validate_weekly,
    weekly_hours,
)
from kalends.scheduling.rules import Horizon, Limits, ServiceRules
from kalends.scheduling.slots import (
    SlotQuery,
    all_of,
    any_of,
    check_slot,
    data_span,
    find_slots,
    near_span,
    nearest_free,
)
from kalends.scheduling.zones import dates_span, period_bounds

__all__ = [
    "Blocker",
    "Busy",
    "Candidate",
    "CaseResult",
    "DateOverride",
    "Explanation",
    "Horizon",
    "Limits",
    "RuleResult",
    "Schedule",
    "ServiceRules",
    "Slot",
    "SlotQuery",
    "Slots",
    "StaffDays",
    "Team",
    "TimeRange",
    "Travel",
    "all_of",
    "always_open",
    "any_of",
    "busy_from_span",
    "check_slot",
    "choose_staff",
    "data_span",
    "dates_span",
    "explain_slot",
    "find_slots",
    "near_span",
    "nearest_free",
    "period_bounds",
    "rank_staff",
    "run_cases",
    "validate_ranges",
    "validate_weekly",
    "weekly_hours",
]
