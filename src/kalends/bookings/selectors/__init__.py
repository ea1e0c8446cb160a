"""What other rooms read of bookings."""

from __future__ import annotations

from kalends.bookings.selectors.appointments import (
    FeedRow,
    appointment_by_manage_token,
    appointment_of,
    appointments_for_feed,
    appointments_of,
    attendee_by_manage_token,
    customer_of,
    customers_of,
    history_of,
    manage_url,
)
from kalends.bookings.selectors.availability import alternatives, explain, month_overview, slots

__all__ = [
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
    "history_of",
    "manage_url",
    "month_overview",
    "slots",
]
