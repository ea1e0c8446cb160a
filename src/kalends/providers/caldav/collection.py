"""What a calendar collection says of itself, and the reports we ask of it. Builds and reads; sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urljoin
from xml.sax.saxutils import escape

from kalends.ics.text import utc
from kalends.providers.caldav.multistatus import CAL, CS, DAV, Resource
from kalends.providers.caldav.translate import zone_of_calendar
from kalends.sync.port import CalendarInfo, Capabilities

CALENDAR_PROPS = (
    "d:resourcetype",
    "d:displayname",
    "d:current-user-privilege-set",
    "d:supported-report-set",
    "d:sync-token",
    "cs:getctag",
    "c:supported-calendar-component-set",
    "c:calendar-timezone",
)
_WRITE_PRIVILEGES = ("write", "write-content", "all")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def is_calendar(resource: Resource) -> bool:
    """A calendar collection that takes events (a server that does not say which components it takes, takes all)."""
    if not resource.holds(f"{DAV}resourcetype", f"{CAL}calendar"):
        return False
    components = resource.props.get(f"{CAL}supported-calendar-component-set")
    if components is None:
        return True
    names = [part.get("name", "").upper() for part in components.iter(f"{CAL}comp")]
    return not names or "VEVENT" in names


def has_sync(resource: Resource) -> bool:
    """Whether changes can be asked for by a sync token (RFC 6578)."""
    reports = f"{DAV}supported-report-set"
    return bool(sync_token(resource)) and resource.holds(reports, f"{DAV}sync-collection")


def sync_token(resource: Resource) -> str:
    return resource.text(f"{DAV}sync-token")


def ctag(resource: Resource) -> str:
    return resource.text(f"{CS}getctag")


def calendar_url(resource: Resource, url: str) -> str:
    """Where a listed calendar is: its id."""
    whole = urljoin(url, resource.href)
    return whole if whole.endswith("/") else whole + "/"


def calendar_info(resource: Resource, url: str, capabilities: Capabilities) -> CalendarInfo:
    """A calendar as the port shows it; `url` is its own."""
    return CalendarInfo(
        id=url,
        name=resource.text(f"{DAV}displayname") or resource.href.rstrip("/").rpartition("/")[2],
        writable=_writable(resource),
        timezone=stated_zone(resource),
        capabilities=capabilities,
    )


def stated_zone(resource: Resource) -> str:
    """The calendar's IANA zone, "" if it states none."""
    return zone_of_calendar(resource.text(f"{CAL}calendar-timezone"))


def _writable(resource: Resource) -> bool:
    """A server that does not tell the account's privileges is asked by writing."""
    privileges = f"{DAV}current-user-privilege-set"
    if privileges not in resource.props:
        return True
    return any(resource.holds(privileges, f"{DAV}{name}") for name in _WRITE_PRIVILEGES)


# -- the inner XML of reports -------------------------------------------------------------------------------------


def changes_since(token: str) -> str:
    wanted = "<d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop>"
    return f"<d:sync-token>{escape(token)}</d:sync-token>{wanted}"


def events_in(start: datetime, end: datetime | None, *, data: bool) -> str:
    """Which events touch [start, end), or [start, ever): hrefs and tags, with `data` also their text."""
    until = f' end="{utc(end)}"' if end else ""
    return _query(f'<c:time-range start="{utc(max(start, _EARLIEST))}"{until}/>', data=data)


def events_with_uid(uid: str) -> str:
    match = f'<c:text-match collation="i;octet">{escape(uid)}</c:text-match>'
    return _query(f'<c:prop-filter name="UID">{match}</c:prop-filter>', data=True)


def _query(condition: str, *, data: bool) -> str:
    events = f'<c:comp-filter name="VEVENT">{condition}</c:comp-filter>'
    return f'{_wanted(data=data)}<c:filter><c:comp-filter name="VCALENDAR">{events}</c:comp-filter></c:filter>'


def texts_of(hrefs: Sequence[str]) -> str:
    return _wanted(data=True) + "".join(f"<d:href>{escape(href)}</d:href>" for href in hrefs)


def _wanted(*, data: bool) -> str:
    return f"<d:prop><d:getetag/>{'<c:calendar-data/>' if data else ''}</d:prop>"
