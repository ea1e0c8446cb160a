"""What other rooms read of bookings."""

from __future__ import annotations

from kalends.bookings.selectors.appointments import (
    FeedEntry,
    FeedRow,
    appointment_by_manage_token,
    appointment_of,
    appointments_for_feed,
    appointments_of,
    attendee_by_manage_token,
    customer_of,
    customers_of,
    feed_index,
    history_of,
    manage_url,
    names_for_feeds,
)
from kalends.bookings.selectors.availability import alternatives, explain, month_overview, slots

__all__ = [
    "FeedEntry",
    "FeedRow",
    "alternatives",
    "appointment_by_manage_token",
    "appointment_of",
    "appointments_for_feed",
    "appointments_of",
    "attendee_by_manage_token",
    "customer_of",
    "customers_of",
    "explain",
    "feed_index",
    "history_of",
    "manage_url",
    "month_overview",
    "names_for_feeds",
    "slots",
]
