"""Companies of the running product, the mails it sent, and the calendars outside as their owners see them."""

from __future__ import annotations

import email
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

from defusedxml import ElementTree

from kalends.core.clock import utc_now
from tests.e2e.processes import ZONE, Running, until
from tests.e2e.visitor import Api, Shown, Visitor, new_client

CLOCK = ZoneInfo(ZONE)
PASSWORD = "correct-horse-battery"
_numbers = itertools.count(1)


# Read once: a story that goes on after midnight must not take "in three days" for another day than before.
_TODAY = utc_now().astimezone(CLOCK).date()


def at(days: int, hour: int, minute: int = 0) -> datetime:
    """A time some days from today by the company's clock; tomorrow is not far enough where midnight may come between."""
    day = _TODAY + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=CLOCK)


# -- companies ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Company:
    running: Running
    slug: str
    owner: str
    api: Api

    @property
    def url(self) -> str:
        return f"{self.running.place.base_url}/{self.slug}"

    def add_staff(self, name: str, **more: Any) -> str:
        """Works every day of the week, 8 to 20."""
        ident = self.api.post("/staff", {"name": name, "email": f"{_address(name)}@{self.slug}.example", **more})["id"]
        weekly = [{"day": day, "from": "08:00", "to": "20:00"} for day in ("mo", "tu", "we", "th", "fr", "sa", "su")]
        self.api.put(f"/staff/{ident}/hours", {"timezone": ZONE, "weekly": weekly})
        return str(ident)

    def add_service(self, name: str, minutes: int, staff: list[str], **more: Any) -> str:
        return str(self.api.post("/services", {"name": name, "duration": minutes, "staff": staff, **more})["id"])

    def booking(self, service: str, start: datetime, customer: str, staff: str | None = None) -> dict[str, Any]:
        person = {"name": customer, "email": f"{_address(customer)}@{self.slug}.example", "locale": "en"}
        body = {"service": service, "start": start.isoformat(), "customer": person}
        return {**body, "staff": staff} if staff else body

    def book(self, service: str, start: datetime, customer: str, staff: str | None = None) -> dict[str, Any]:
        made: dict[str, Any] = self.api.post("/appointments", self.booking(service, start, customer, staff))
        return made

    def appointment(self, ident: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/appointments/{ident}")
        return found

    def starts(self, service: str, staff: str, day: date) -> set[datetime]:
        found = self.api.get(f"/slots?service={service}&staff={staff}&from={day}&to={day}&tz={ZONE}")
        return {datetime.fromisoformat(slot["start"]) for one in found["days"] for slot in one["slots"]}

    def mails_to(self, customer: str) -> list[Mail]:
        return mails_to(self.running, f"{_address(customer)}@{self.slug}.example")


def _address(name: str) -> str:
    return re.sub("[^a-z]+", ".", name.lower()).strip(".")


def make_company(running: Running, **switches: Any) -> Company:
    """A company of its own for a test; calendar sync on as `switches` say."""
    slug = f"practice-{next(_numbers)}"
    owner = f"owner@{slug}.example"
    printed = running.kalends(
        "company", "create", "--name", f"Practice {slug[9:]}", "--slug", slug, "--timezone", ZONE,
        "--owner-email", owner, "--owner-password", PASSWORD, "--api-key",
    ).stdout  # fmt: skip
    key = re.search(r"api key\s+(\S+)", printed)
    assert key is not None
    company = Company(running, slug, owner, Api(running.place.base_url, key[1]))
    kinds = ("google", "caldav", "office365", "outlook")
    company.api.patch("/calendar-sync", {**{f"{kind}_enabled": True for kind in kinds}, **switches})
    return company


# -- mails ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mail:
    subject: str
    text: str
    html: str
    method: str
    uid: str
    sequence: int

    def link(self, part: str) -> str:
        found = re.search(rf"https?://\S*{re.escape(part)}[^\s>)\"]*", self.text)
        assert found is not None, f"no link with {part} in: {self.text}"
        return found[0]


def mails_to(running: Running, address: str) -> list[Mail]:
    """In the order in which they were sent."""
    paths = sorted(running.place.mail.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    read = [email.message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    return [_mail(message) for message in read if address in str(message["to"])]


def _mail(message: EmailMessage) -> Mail:
    body, rich = message.get_body(("plain",)), message.get_body(("html",))
    calendar = next((part for part in message.walk() if part.get_content_type() == "text/calendar"), None)
    ics = re.sub(r"\r?\n[ \t]", "", calendar.get_content()) if calendar else ""
    found = {name: re.search(rf"(?m)^{name}:(.*?)\r?$", ics) for name in ("METHOD", "UID", "SEQUENCE")}
    values = {name: match[1] if match else "" for name, match in found.items()}
    return Mail(
        subject=str(message["subject"]),
        text=body.get_content() if body else "",
        html=rich.get_content() if rich else "",
        method=values["METHOD"],
        uid=values["UID"],
        sequence=int(values["SEQUENCE"] or -1),
    )


# -- calendars outside ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """An event in a calendar outside, instants in UTC. `ours` if the product made it."""

    id: str
    start: datetime
    end: datetime
    title: str
    ours: bool


class Outside(ABC):
    """A person's calendar, and that person's hand in it."""

    def __init__(self, running: Running) -> None:
        self.running = running

    @abstractmethod
    def connect(self, company: Company, staff: str) -> str:
        """Connects it as the staff member's, receiving and blocking; returns the connection's id."""

    @abstractmethod
    def events(self) -> list[Event]: ...

    @abstractmethod
    def move(self, event: Event, start: datetime) -> None: ...

    @abstractmethod
    def delete(self, event: Event) -> None: ...

    @abstractmethod
    def add(self, title: str, start: datetime, end: datetime) -> None: ...

    @abstractmethod
    def state(self) -> Any:
        """Changes with every write that anybody makes, and only then."""

    def ours(self) -> list[Event]:
        return [event for event in self.events() if event.ours]

    def ours_at(self, start: datetime) -> list[Event]:
        return [event for event in self.ours() if event.start == start]


class Radicale(Outside):
    """Through the protocol, as any CalDAV program would."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._client = new_client(auth=("john", running.place.caldav_password))
        self._url = f"{running.place.caldav_url}calendar/"
        self._host = f"http://127.0.0.1:{running.place.caldav_port}"

    def account(self, **changes: str) -> dict[str, str]:
        place = self.running.place
        return {"url": place.caldav_url, "username": "john", "password": place.caldav_password, **changes}

    def connect(self, company: Company, staff: str) -> str:
        connection = company.api.post(f"/staff/{staff}/connections/caldav", self.account())["id"]
        [calendar] = company.api.get(f"/connections/{connection}/calendars")["items"]
        choice = [{"id": calendar["id"], "receives": True, "blocks": True}]
        company.api.patch(f"/connections/{connection}/calendars", choice)
        return str(connection)

    def _propfind(self, properties: str) -> Any:
        body = f'<d:propfind xmlns:d="DAV:" xmlns:s="http://calendarserver.org/ns/"><d:prop>{properties}</d:prop></d:propfind>'
        headers = {"Depth": "1", "Content-Type": "application/xml"}
        # Radicale fails where an event goes while it lists them.
        response = until(lambda: self._listed(body, headers), "a list of the calendar")
        return ElementTree.fromstring(response.content)

    def _listed(self, body: str, headers: dict[str, str]) -> Any:
        response = self._client.request("PROPFIND", self._url, content=body, headers=headers)
        return response if response.is_success else None

    def state(self) -> dict[str, tuple[str, str]]:
        entries = self._propfind("<d:getetag/><s:getctag/>").iter("{DAV:}response")
        return {
            str(entry.findtext("{DAV:}href")): (
                entry.findtext(".//{DAV:}getetag") or "",
                entry.findtext(".//{http://calendarserver.org/ns/}getctag") or "",
            )
            for entry in entries
        }

    def _texts(self) -> Iterator[tuple[str, str]]:
        for href in self.state():
            if href.endswith(".ics"):
                response = self._client.get(self._host + href)
                if response.status_code == 200:
                    yield href, re.sub(r"\r?\n[ \t]", "", response.text)

    def events(self) -> list[Event]:
        return [_event(href, text) for href, text in self._texts()]

    def move(self, event: Event, start: datetime) -> None:
        response = self._client.get(self._host + event.id)
        # The zone that stands before the event has DTSTART lines of its own.
        zones, mark, text = response.text.partition("BEGIN:VEVENT")
        for name, moment in {"DTSTART": start, "DTEND": start + (event.end - event.start)}.items():
            line = f"{name};TZID={ZONE}:{moment.astimezone(CLOCK):%Y%m%dT%H%M%S}"
            text = re.sub(rf"(?m)^{name}[;:][^\r\n]*", line, text)
        headers = {"If-Match": response.headers["ETag"], "Content-Type": "text/calendar; charset=utf-8"}
        self._client.put(self._host + event.id, content=zones + mark + text, headers=headers).raise_for_status()

    def delete(self, event: Event) -> None:
        self._client.delete(self._host + event.id).raise_for_status()

    def add(self, title: str, start: datetime, end: datetime) -> None:
        uid = f"own-{next(_numbers)}"
        lines = [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Test//EN", "BEGIN:VEVENT", f"UID:{uid}",
            f"DTSTAMP:{_utc(utc_now())}", f"DTSTART:{_utc(start)}", f"DTEND:{_utc(end)}", f"SUMMARY:{title}",
            "END:VEVENT", "END:VCALENDAR", "",
        ]  # fmt: skip
        headers = {"If-None-Match": "*", "Content-Type": "text/calendar; charset=utf-8"}
        self._client.put(f"{self._url}{uid}.ics", content="\r\n".join(lines), headers=headers).raise_for_status()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _event(href: str, text: str) -> Event:
    start, end = _moment(text, "DTSTART"), _moment(text, "DTEND")
    title = re.search(r"(?m)^SUMMARY:(.*?)\r?$", text)
    return Event(href, start, end, title[1] if title else "", "X-KALENDS-KEY" in text)


def _moment(text: str, name: str) -> datetime:
    found = re.search(
        rf"(?m)^{name}(?:;TZID=([^:;\r\n]+))?:(\d{{8}}T\d{{6}})(Z?)\r?$", text.partition("BEGIN:VEVENT")[2]
    )
    assert found is not None, text
    clock = UTC if found[3] else ZoneInfo(found[1])
    return datetime.strptime(found[2], "%Y%m%dT%H%M%S").replace(tzinfo=clock).astimezone(UTC)


class Google(Outside):
    """The sandbox: the consent page as a person goes through it, the calendar through the sandbox's own page."""

    kind, yes, no = "google", "allow", "refuse"

    def __init__(self, running: Running, account: str) -> None:
        super().__init__(running)
        self.account = account
        self._client = new_client(base_url=running.place.sandbox_url)

    def connect(self, company: Company, staff: str) -> str:
        invitation = company.api.post(f"/staff/{staff}/send-calendar-sync-invitation", want=200)
        with Visitor() as person:
            page = self.allow(person, consent_page(person, invitation["connect_url"], self.kind))
            assert page.status == 200, page.words
            page = choose_first(person, page)
            until(lambda: "Connected" in person.get(page.url).words, "the first sync on the progress page")
        [connection] = company.api.get(f"/staff/{staff}/connections")["items"]
        return str(connection["id"])

    def allow(self, person: Visitor, page: Shown) -> Shown:
        return person.send(page, page.form(field="decision"), account=self.account, decision=self.yes)

    def refuse(self, person: Visitor, page: Shown) -> Shown:
        return person.send(page, page.form(field="decision"), account=self.account, decision=self.no)

    def events(self) -> list[Event]:
        first = at(-1, 0).date()
        query = {"account": self.account, "from": first.isoformat(), "days": "42"}
        answer = self._client.get("/_page/events", params=query).raise_for_status().json()
        clock = ZoneInfo(answer["timezone"])
        return [
            Event(
                f"{item['calendar']}/{item['id']}",
                datetime.fromisoformat(item["start"]).replace(tzinfo=clock).astimezone(UTC),
                datetime.fromisoformat(item["end"]).replace(tzinfo=clock).astimezone(UTC),
                item["title"],
                bool(item["by"]),
            )
            for item in answer["events"]
            if not item["all_day"]
        ]

    def _act(self, method: str, path: str, **body: str) -> None:
        self._client.request(method, path, json={"account": self.account, **body}).raise_for_status()

    def move(self, event: Event, start: datetime) -> None:
        self._act(
            "PATCH", f"/_page/events/{event.id}", start=_wall(start), end=_wall(start + (event.end - event.start))
        )

    def delete(self, event: Event) -> None:
        self._act("DELETE", f"/_page/events/{event.id}")

    def add(self, title: str, start: datetime, end: datetime) -> None:
        self._act("POST", "/_page/events", calendar=self.calendar(), title=title, start=_wall(start), end=_wall(end))

    def calendar(self) -> str:
        """The main calendar's id."""
        return self.account

    def state(self) -> list[int]:
        """Numbers of the requests that wrote."""
        items = self._client.get("/_admin/journal").raise_for_status().json()["items"]
        return [item["number"] for item in items if item["kind"] == "request" and self.writes(item)]

    def writes(self, item: dict[str, Any]) -> bool:
        return str(item["name"]).startswith("calendar.events.") and item["method"] != "GET"


class Microsoft(Google):
    """The same with an account of Microsoft 365 ("office365") or Outlook.com ("outlook")."""

    yes, no = "accept", "cancel"

    def __init__(self, running: Running, kind: str, account: str) -> None:
        super().__init__(running, account)
        self.kind = kind

    def calendar(self) -> str:
        accounts = self._client.get("/_page/accounts").raise_for_status().json()["accounts"]
        [mine] = [account for account in accounts if account["key"] == self.account]
        return str(mine["calendars"][0]["id"])

    def writes(self, item: dict[str, Any]) -> bool:
        return "/events" in str(item["name"]) and item["method"] != "GET"


def _wall(moment: datetime) -> str:
    return f"{moment.astimezone(CLOCK):%Y-%m-%dT%H:%M}"


# -- the way through the pages --------------------------------------------------------------------------------------


def consent_page(person: Visitor, connect_url: str, kind: str = "google") -> Shown:
    """From the invitation's link to the provider's consent page."""
    page = person.get(connect_url)
    page = person.send(page, page.form(field="provider"), provider=kind)
    assert page.refresh, f"no way on from {page.url}: {page.words[:300]}"
    return person.get(page.refresh.replace("&amp;", "&"))


def choose_first(person: Visitor, page: Shown) -> Shown:
    """Takes what the page proposes: the main calendar receives."""
    return person.send(page, page.form(field="receives"))
