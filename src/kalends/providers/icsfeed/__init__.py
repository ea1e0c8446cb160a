"""A calendar at an address: read only, no account, no push (External iCalendar URLs).

fetch      the address as it is now: one conditional request, bounded, its answer judged and decoded
units      the text cut into what changes together: an event, or a series with its exceptions, under a digest
translate  a unit's events as the port knows them
pace       when to ask again
cursor     what is remembered from one read to the next
provider   the port
"""

from __future__ import annotations
