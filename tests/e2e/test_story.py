"""The whole story by real processes: book, see it outside, move it there, be told, read the feed, delete it there.

Once against Radicale, a real CalDAV server, and once against each kind of account of the sandbox: Google, Microsoft 365,
Outlook.com, connected through the invitation.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx2
import pytest

from tests.e2e.processes import Running, until
from tests.e2e.visitor import Visitor
from tests.e2e.world import Company, Event, Google, Microsoft, Outside, Radicale, at, mails_to, make_company

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

Note = Callable[[str, float], None]


@pytest.fixture(params=["radicale", "google", "office365", "outlook"])
def outside(request, product) -> Outside:
    makers = {
        "radicale": lambda: Radicale(product),
        "google": lambda: Google(product, "emma@sandbox.example"),
        "office365": lambda: Microsoft(product, "office365", "taylor.carpenter@lakeside.example"),
        "outlook": lambda: Microsoft(product, "outlook", "emma.morris@outlook.example"),
    }
    return makers[request.param]()


class Story:
    """One member with one service, connected both ways."""

    def __init__(self, product: Running, outside: Outside) -> None:
        self.product, self.outside = product, outside
        self.company: Company = make_company(product, bidirectional=True)
        self.staff = self.company.add_staff("Emma Morris")
        self.service = self.company.add_service("Consultation", 60, [self.staff])
        self.connection = outside.connect(self.company, self.staff)
        until(lambda: self.facts()["fresh_as_of"], "the first read")

    def facts(self) -> dict:
        [facts] = self.company.api.get(f"/staff/{self.staff}/connections")["items"]
        return facts

    def book(self, start: datetime, customer: str) -> tuple[dict, Event]:
        made = self.company.book(self.service, start, customer, self.staff)
        [event] = until(lambda: self.outside.ours_at(start), f"the event of {customer}")
        self.wait_until_in_sync(made["id"])
        return made, event

    def wait_until_in_sync(self, appointment: str) -> None:
        def states() -> list[str]:
            return [item["state"] for item in self.company.appointment(appointment)["sync"]]

        until(lambda: states() == ["ok"], "the appointment's sync state")

    def turns(self, count: int = 2) -> None:
        """Waits until the connection was read so often again: what was going to happen by itself has happened.

        Asked for, since a calendar that tells of its changes is read every half hour only.
        """
        for _ in range(count):
            before = self.facts()["fresh_as_of"]
            self.company.api.post(f"/connections/{self.connection}/sync", want=200)
            until(lambda before=before: self.facts()["fresh_as_of"] != before, "another turn of sync")

    def deletion_means(self, rule: str) -> None:
        self.company.api.patch("/calendar-sync", {"on_outside_delete": rule})

    def status(self, appointment: str) -> str:
        return str(self.company.appointment(appointment)["status"])

    def end(self) -> None:
        self.company.api.ask("DELETE", f"/connections/{self.connection}?events=remove", want=204)
        until(lambda: not self.outside.ours(), "the calendar without our events")


@pytest.fixture
def story(product, outside):
    told = Story(product, outside)
    yield told
    told.end()
    for event in outside.events():
        outside.delete(event)


def test_story_from_booking_to_the_second_sync_that_writes_nothing(story, note):
    begun, moved_to = at(3, 10), at(4, 14)
    made = _booked_and_outside(story, begun, note)
    _moved_outside_reaches_the_customer(story, made, begun, moved_to, note)
    _foreign_event_hides_its_slots(story, at(5, 9), note)
    _second_sync_writes_nothing(story)


def _booked_and_outside(story: Story, begun: datetime, note: Note) -> dict:
    made = story.company.book(story.service, begun, "Amelie Laurent", story.staff)
    committed = time.monotonic()
    [event] = until(story.outside.ours, "the event outside")
    note("booked -> event outside", time.monotonic() - committed)
    assert (event.start, event.end) == (begun, begun + timedelta(hours=1))
    assert "Amelie Laurent" in event.title
    [mail] = until(lambda: story.company.mails_to("Amelie Laurent"), "the confirmation")
    note("booked -> mail", time.monotonic() - committed)
    assert (mail.method, mail.uid, mail.sequence) == ("REQUEST", made["uid"], 0)
    story.wait_until_in_sync(made["id"])
    return made


def _moved_outside_reaches_the_customer(
    story: Story, made: dict, begun: datetime, moved_to: datetime, note: Note
) -> None:
    feed = _feed_of(story)
    before = httpx2.get(feed)
    assert _starts_in(before.text) == [begun]
    [event] = story.outside.ours()
    story.outside.move(event, moved_to)
    acted = time.monotonic()
    until(lambda: datetime.fromisoformat(story.company.appointment(made["id"])["start"]) == moved_to, "the move here")
    note("moved outside -> moved here (grace time of 1 s, poll of 1 s included)", time.monotonic() - acted)
    until(lambda: len(story.company.mails_to("Amelie Laurent")) > 1, "the mail about the move")
    note("moved outside -> customer told", time.monotonic() - acted)
    story.turns()
    appointment = story.company.appointment(made["id"])
    assert (appointment["version"], appointment["sequence"]) == (made["version"] + 1, 1)
    assert appointment["uid"] == made["uid"]
    first, second = story.company.mails_to("Amelie Laurent")
    assert (second.method, second.uid, second.sequence) == ("REQUEST", first.uid, first.sequence + 1)
    [event] = story.outside.ours()
    assert (event.start, event.end) == (moved_to, moved_to + timedelta(hours=1))
    after = httpx2.get(feed, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]
    assert _starts_in(after.text) == [moved_to]
    assert httpx2.get(feed, headers={"If-None-Match": after.headers["ETag"]}).status_code == 304


def _feed_of(story: Story) -> str:
    feeds = story.company.api.get("/feeds")["items"]
    return next(str(feed["url"]) for feed in feeds if feed["kind"] == "staff")


def _starts_in(text: str) -> list[datetime]:
    events = re.sub(r"\r?\n[ \t]", "", text).split("BEGIN:VEVENT")[1:]
    found = [re.search(r"(?m)^DTSTART;TZID=([^:]+):(\w+)\r?$", event) for event in events]
    return [datetime.strptime(one[2], "%Y%m%dT%H%M%S").replace(tzinfo=ZoneInfo(one[1])) for one in found]


def _foreign_event_hides_its_slots(story: Story, start: datetime, note: Note) -> None:
    offered = story.company.starts(story.service, story.staff, start.date())
    assert start in offered
    story.outside.add("Dentist", start, start + timedelta(minutes=90))
    acted = time.monotonic()
    until(lambda: start not in story.company.starts(story.service, story.staff, start.date()), "the slot to go")
    note("foreign event outside -> slot not offered", time.monotonic() - acted)
    hidden = {start, start + timedelta(hours=1)}
    assert story.company.starts(story.service, story.staff, start.date()) == offered - hidden
    refused = story.company.api.post(
        "/appointments", story.company.booking(story.service, start, "Too Late", story.staff), want=409
    )
    assert refused["code"] == "slot_taken"
    assert len(refused["alternatives"]) == 3


def _second_sync_writes_nothing(story: Story) -> None:
    story.turns()
    before = story.outside.state()
    reports = [_sync_by_hand(story) for _ in range(2)]
    assert ["0 writes, 0 moves, 0 cancellations" in report for report in reports] == [True, True], reports
    story.turns()
    assert story.outside.state() == before
    plan = story.product.kalends("sync", "--connection", story.connection, "--dry-run").stdout
    assert "nothing to do" in plan


def _sync_by_hand(story: Story) -> str:
    def report() -> str:
        text = story.product.kalends("sync", "--connection", story.connection).stdout
        return "" if "another worker is at it" in text else text

    return str(until(report, "a turn of `kalends sync`"))


def test_deletion_outside_cancels_asks_or_is_put_back_by_the_company_rule(story, note):
    """Others stand beside them, so that these few deletions are no mass deletion, which would freeze the connection."""
    for day in range(10, 18):
        story.book(at(day, 9), "Regular Guest")
    _cancelled_by_rule(story, at(3, 10), note)
    _asked_and_cancelled(story, at(3, 12))
    _asked_and_kept(story, at(3, 14))
    _put_back(story, at(3, 16), note)
    assert story.facts()["state"] == "active"


def _cancelled_by_rule(story: Story, start: datetime, note: Note) -> None:
    story.deletion_means("cancel")
    made, event = story.book(start, "Ana Cancel")
    story.outside.delete(event)
    acted = time.monotonic()
    until(lambda: story.status(made["id"]) == "cancelled", "the cancellation")
    note("deleted outside -> cancelled here (grace time of 1 s included)", time.monotonic() - acted)
    until(lambda: len(story.company.mails_to("Ana Cancel")) > 1, "the mail about it")
    story.turns()
    first, second = story.company.mails_to("Ana Cancel")
    assert (first.method, second.method) == ("REQUEST", "CANCEL")
    assert (second.uid, second.sequence) == (first.uid, first.sequence + 1)
    assert story.outside.ours_at(start) == []
    assert start in story.company.starts(story.service, story.staff, start.date())


def _question(story: Story, before: int) -> str:
    address = f"emma.morris@{story.company.slug}.example"

    def questions() -> list[str]:
        mails = mails_to(story.product, address)
        return [mail.link("/connect/question/") for mail in mails if "/connect/question/" in mail.text]

    return str(until(lambda: len(questions()) > before and questions()[-1], "the question"))


def _ask(story: Story, start: datetime, customer: str, questions_before: int, answer: str) -> dict:
    story.deletion_means("ask")
    made, event = story.book(start, customer)
    story.outside.delete(event)
    link = re.sub("/(keep|cancel)$", f"/{answer}", _question(story, questions_before))
    assert story.status(made["id"]) == "confirmed"
    with Visitor() as person:
        page = person.get(link)
        assert page.status == 200
        assert customer in page.words
        person.get(link)  # what a mail scanner does changes nothing
        assert story.status(made["id"]) == "confirmed"
        answered = person.send(page, page.form(field="csrfmiddlewaretoken"))
        assert answered.status == 200, answered.words
        until(lambda: person.get(link).status == 404, "the question to be settled")
    return made


def _asked_and_cancelled(story: Story, start: datetime) -> None:
    made = _ask(story, start, "Bea Asked", 0, "cancel")
    until(lambda: story.status(made["id"]) == "cancelled", "the cancellation")
    until(lambda: len(story.company.mails_to("Bea Asked")) > 1, "the mail about it")
    story.turns()
    assert [mail.method for mail in story.company.mails_to("Bea Asked")] == ["REQUEST", "CANCEL"]
    assert story.outside.ours_at(start) == []


def _asked_and_kept(story: Story, start: datetime) -> None:
    made = _ask(story, start, "Cleo Kept", 1, "keep")
    until(lambda: story.outside.ours_at(start), "the event written again")
    _stands_and_nobody_was_told(story, made, start, "Cleo Kept")


def _put_back(story: Story, start: datetime, note: Note) -> None:
    story.deletion_means("put_back")
    made, event = story.book(start, "Dora Back")
    story.outside.delete(event)
    acted = time.monotonic()
    until(lambda: story.outside.ours_at(start), "the event put back")
    note("deleted outside -> put back", time.monotonic() - acted)
    _stands_and_nobody_was_told(story, made, start, "Dora Back")


def _stands_and_nobody_was_told(story: Story, made: dict, start: datetime, customer: str) -> None:
    story.turns()
    assert len(story.outside.ours_at(start)) == 1
    appointment = story.company.appointment(made["id"])
    assert (appointment["status"], appointment["version"]) == ("confirmed", made["version"])
    assert [mail.method for mail in story.company.mails_to(customer)] == ["REQUEST"]
