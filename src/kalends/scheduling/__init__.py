"""Availability: opening hours and busy time in, bookable starts out. Pure."""
