"""One installation whose processes die or are exchanged under load, and what must hold when everything has settled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.e2e.crowd import Crowd
from tests.e2e.hosts import Hosts, Post
from tests.e2e.processes import Running, until
from tests.e2e.world import Company, Google, Microsoft, Outside, Radicale

FACTS = """
import json
from kalends.bookings.models import Attendee, Claim
from kalends.calendars.models import CalendarConnection
from kalends.messages.models import OutgoingMessage
print(json.dumps({
    "appointments": [
        {"id": str(row.appointment_id), "name": row.name, "email": row.email, "status": row.appointment.status,
         "start": row.appointment.start.isoformat(), "end": row.appointment.end.isoformat(),
         "staff": [str(one.staff_id) for one in row.appointment.assigned.all()]}
        for row in Attendee.objects.select_related("appointment").prefetch_related("appointment__assigned")
    ],
    "claims": sorted([str(row.staff_id), row.start.isoformat(), row.end.isoformat()]
                     for row in Claim.objects.filter(blocks=True, appointment__isnull=False)),
    "connections": sorted(row.state for row in CalendarConnection.objects.all()),
    "unsent": OutgoingMessage.objects.exclude(state__in=["sent", "superseded"]).count(),
}))
"""
# What the clock would do by itself in three minutes, for connections, and in five, for mails.
LEASES_RUN_OUT = "UPDATE calendars_calendarconnection SET lease_until = '2000-01-01' WHERE lease_until IS NOT NULL"
PAUSES_RUN_OUT = (
    "UPDATE outbox_outgoingmessage SET lease_until = NULL, due_at = '2000-01-01' WHERE state = 'queued'",
    "UPDATE calendars_calendarconnection SET due_at = '2000-01-01' WHERE due_at IS NOT NULL",
)


@dataclass
class Site:
    """One installation, with what can break about it besides its processes."""

    here: Running
    hosts: Hosts
    post: Post
    execute: Callable[[str], None]
    trouble: list[Callable[[], None]]

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.here.shell(FACTS))
        return found


def connect(here: Running, company: Company) -> dict[str, Outside]:
    """A staff member for each kind of calendar system, connected; calendars by the member's id."""
    made: dict[str, Outside] = {
        "Emma Morris": Google(here, "emma@sandbox.example"),
        "Taylor Carpenter": Microsoft(here, "office365", "taylor.carpenter@lakeside.example"),
        "John Smith": Radicale(here),
    }
    members = {company.add_staff(name): outside for name, outside in made.items()}
    for staff, outside in members.items():
        outside.connect(company, staff)
    return members


def wait_for_rest(site: Site, crowd: Crowd) -> None:
    deadline = time.monotonic() + 240
    while found := problems(site, crowd):
        assert time.monotonic() < deadline, "\n".join(found[:20])
        time.sleep(2)


def second_sync_writes_nothing(site: Site, company: Company, calendars: dict[str, Outside]) -> None:
    def read_at() -> list[Any]:
        return [company.api.get(f"/staff/{staff}/connections")["items"][0]["fresh_as_of"] for staff in calendars]

    before = {staff: outside.state() for staff, outside in calendars.items()}
    copies = len(site.post.copies)
    for _ in range(2):
        then = read_at()
        until(lambda then=then: all(map(str.__ne__, then, read_at())), "another turn of each connection")
    site.here.kalends("sync", "--all")
    assert {staff: outside.state() for staff, outside in calendars.items()} == before
    assert len(site.post.copies) == copies


# -- what must hold -------------------------------------------------------------------------------------------------


def problems(site: Site, crowd: Crowd) -> list[str]:
    facts = site.facts()
    found = _kept_promises(facts, crowd) + _overlaps(facts) + _calendars(facts, crowd)
    return found + _mails(facts, site.post) + _state(facts)


def _state(facts: dict[str, Any]) -> list[str]:
    found = [f"a connection is {state}" for state in facts["connections"] if state != "active"]
    return [*found, f"{facts['unsent']} mails have not left"] if facts["unsent"] else found


def _kept_promises(facts: dict[str, Any], crowd: Crowd) -> list[str]:
    """Every acknowledged booking once, nothing besides; cancelled only by somebody's act, and by every deletion."""
    rows = facts["appointments"]
    found = []
    if sorted(row["id"] for row in rows) != sorted(crowd.promised.values()):
        found.append(f"{len(rows)} appointments for {len(crowd.promised)} acknowledged bookings")
    cancelled = {row["name"] for row in rows if row["status"] == "cancelled"}
    found += [f"{name} was cancelled by nobody" for name in cancelled - crowd.cancelled - crowd.deleted]
    return found + [f"{name} was cancelled by the manager and stands" for name in crowd.cancelled - cancelled]


def _overlaps(facts: dict[str, Any]) -> list[str]:
    pairs = zip(facts["claims"], facts["claims"][1:], strict=False)
    return [f"{one} overlaps {two}" for one, two in pairs if one[0] == two[0] and one[2] > two[1]]


def _calendars(facts: dict[str, Any], crowd: Crowd) -> list[str]:
    """Each confirmed appointment has one live event with our times, none has another."""
    found = []
    for staff, outside in crowd.calendars.items():
        wanted = sorted(
            (row["name"], datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"]))
            for row in facts["appointments"]
            if row["status"] == "confirmed" and row["staff"] == [staff]
        )
        shown = sorted((crowd.name_in(event), event.start, event.end) for event in outside.ours())
        kind = type(outside).__name__
        found += [f"{kind} lacks {one}" for one in wanted if one not in shown]
        found += [f"{kind} shows {one}" for one in shown if one not in wanted]
        found += [f"{kind} shows {one} twice" for one in set(shown) if shown.count(one) > 1]
    return found


def _mails(facts: dict[str, Any], post: Post) -> list[str]:
    """One mail a change, or the same bytes again; whoever is confirmed was last told the time that holds."""
    found = []
    for row in facts["appointments"]:
        copies = [copy for copy in post.copies if copy.recipient == row["email"]]
        by_change: dict[Any, set[bytes]] = {}
        for copy in copies:
            by_change.setdefault(copy.change, set()).add(copy.content)
        doubled = {change: len(texts) for change, texts in by_change.items() if len(texts) > 1}
        found += [f"{row['name']}: {count} mails of {change}" for change, count in doubled.items()]
        last = max(copies, key=lambda copy: copy.change[2], default=None)
        told = (last.change[0], last.start) if last else ("", None)
        wanted = ("REQUEST", datetime.fromisoformat(row["start"]))
        if row["status"] == "confirmed" and told != wanted:
            found.append(f"{row['name']} was last told {told}, not {wanted}")
        if row["status"] == "cancelled" and told[0] == "REQUEST":
            found.append(f"{row['name']} was not told of the cancellation")
    return found
