"""From what a person types (an address of a server, of a calendar, or a mail address) to where their calendars are.

RFC 6764 and RFC 5397: the well-known address, the principal, its calendar home. DNS service records are not asked:
Python has no resolver for them, and the well-known address of the domain stands for them. Where a domain has records
only, the person enters the address of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from kalends.core.clock import utc_now
from kalends.net.xml import BadXml
from kalends.providers.caldav.client import DavClient
from kalends.providers.caldav.collection import CALENDAR_PROPS, is_calendar
from kalends.providers.caldav.failures import OtherServer
from kalends.providers.caldav.multistatus import CAL, DAV, Resource, absolute
from kalends.providers.settings import ProviderSettings
from kalends.sync.port import Forbidden, NotFound, Permanent, ProviderError, Temporary

_HOME, _PRINCIPAL, _ADDRESSES = (
    f"{CAL}calendar-home-set",
    f"{DAV}current-user-principal",
    f"{CAL}calendar-user-address-set",
)
_START_PROPS = (
    "d:current-user-principal",
    "c:calendar-home-set",
    "d:resourcetype",
    "c:supported-calendar-component-set",
)
_PRINCIPAL_PROPS = ("c:calendar-home-set", "c:calendar-user-address-set")
_LONGEST = 45.0


def discover(
    settings: ProviderSettings,
    *,
    address: str,
    username: str,
    password: str,
    clock: Callable[[], datetime] = utc_now,
) -> dict[str, str]:
    """The credentials to store: "url" (the calendars' home), "principal", "addresses", "username", "password".

    Raises AuthRevoked (or AuthTransient) for a user name or password that is not accepted, NotFound where no calendars are found,
    caldav.failures.OtherServer (a Permanent) if the server sends us to another site, else the server's failure.
    """
    starts = list(_starts(address.strip()))
    client = DavClient(settings.http(), starts[0], username, password, clock)
    client.until(_LONGEST)
    first: ProviderError | None = None
    for url in starts:
        try:
            found = _from(client, url)
        except (NotFound, Permanent, Temporary, Forbidden) as error:
            first = error if first is None or isinstance(first, NotFound) else first
            continue
        if found:
            return {**found, "username": username, "password": password}
    raise NotFound("no_calendars") if first is None or isinstance(first, NotFound) else first


def _starts(address: str) -> Iterator[str]:
    """Where to begin, the most exact first."""
    if "://" not in address:
        address = f"https://{address.rpartition('@')[2]}"
    parts = urlsplit(address)
    root = f"{parts.scheme}://{parts.netloc}"
    if parts.path.strip("/"):
        yield f"{root}{parts.path}"
    yield f"{root}/.well-known/caldav"
    yield f"{root}/"


def _from(client: DavClient, url: str) -> dict[str, str] | None:
    """What one address leads to, None if it leads to no calendars."""
    answer, url = client.propfind(url, _START_PROPS)
    if not answer.resources:
        return None
    start = answer.resources[0]
    principal = next((_named(href, url) for href in start.hrefs(_PRINCIPAL) if href), "")
    owner, owner_url = _principal(client, principal) if client.trusts(principal) else (None, url)
    homes = [
        _named(resource.hrefs(_HOME)[0], base)
        for resource, base in ((owner, owner_url), (start, url))
        if resource is not None and resource.hrefs(_HOME)
    ]
    home = next(filter(client.trusts, homes), "")
    if home:
        return _found(home, principal, owner)
    if is_calendar(start) or _lists_calendars(client, url):
        return _found(url, principal, owner)
    elsewhere = next((there for there in (*homes, principal) if there and not client.trusts(there)), "")
    if elsewhere:
        raise OtherServer(elsewhere)
    return None


def _named(href: str, base: str) -> str:
    try:
        return absolute(href, base)
    except BadXml as error:
        raise Temporary(f"unreadable answer: {error}") from error


def _principal(client: DavClient, url: str) -> tuple[Resource | None, str]:
    answer, url = client.propfind(url, _PRINCIPAL_PROPS)
    return (answer.resources[0] if answer.resources else None), url


def _lists_calendars(client: DavClient, url: str) -> bool:
    answer, _ = client.propfind(url, CALENDAR_PROPS, depth=1)
    return any(is_calendar(resource) for resource in answer.resources)


def _found(home: str, principal: str, owner: Resource | None) -> dict[str, str]:
    addresses = owner.hrefs(_ADDRESSES) if owner else []
    mail = [href.lower().removeprefix("mailto:") for href in addresses if href.lower().startswith("mailto:")]
    return {
        "url": urljoin(home, urlsplit(home).path.rstrip("/") + "/"),
        "principal": principal,
        "addresses": " ".join(mail),
    }
