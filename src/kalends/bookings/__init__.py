"""Appointments, attendees, customers, holds: the promise."""
