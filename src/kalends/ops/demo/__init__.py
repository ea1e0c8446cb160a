"""`make run`: a company to look at, with stand-in calendars beside it."""

from __future__ import annotations
