"""WebDAV's multistatus answers (RFC 4918, 13), read by status.

A property counts only from a propstat that succeeded: a 404 inside a propstat says that a property is missing, never
that the resource is (F18, F75). A resource is gone only where its own response says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree.ElementTree import Element

from kalends.net.xml import BadXml, parse_xml

DAV, CAL, CS = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}", "{http://calendarserver.org/ns/}"
_STATUS = re.compile(r"HTTP/\d(?:\.\d)?\s+(\d{3})")
_SAFE = "/~!$&'()*+,;=:@-._"


@dataclass(frozen=True, slots=True)
class Resource:
    """One response: `status` of the resource itself (200 where it gives properties), and what it has."""

    href: str
    status: int
    props: Mapping[str, Element] = field(repr=False)

    def text(self, name: str) -> str:
        found = self.props.get(name)
        return (found.text or "").strip() if found is not None else ""

    def hrefs(self, name: str) -> list[str]:
        found = self.props.get(name)
        return [] if found is None else [(href.text or "").strip() for href in found.iter(f"{DAV}href")]

    def holds(self, name: str, inner: str) -> bool:
        """Whether a property has an element of that name anywhere inside."""
        found = self.props.get(name)
        return found is not None and next(found.iter(inner), None) is not None


@dataclass(frozen=True, slots=True)
class Multistatus:
    resources: tuple[Resource, ...]
    sync_token: str


def read_multistatus(body: bytes, url: str) -> Multistatus:
    """The answer to a request for `url`; hrefs come out in one spelling. Raises BadXml."""
    root = parse_xml(body)
    if root.tag != f"{DAV}multistatus":
        raise BadXml("not a multistatus")
    resources = tuple(_resource(response, url) for response in root.iter(f"{DAV}response"))
    return Multistatus(resources, (root.findtext(f"{DAV}sync-token") or "").strip())


def names_condition(body: bytes, condition: str) -> bool:
    """Whether an error answer names this precondition (RFC 4918, 16)."""
    try:
        return next(parse_xml(body).iter(condition), None) is not None
    except BadXml:
        return False


def _resource(response: Element, url: str) -> Resource:
    href = canonical((response.findtext(f"{DAV}href") or "").strip(), url)
    own = _code(response.findtext(f"{DAV}status"))
    props: dict[str, Element] = {}
    for propstat in response.findall(f"{DAV}propstat"):
        if 200 <= _code(propstat.findtext(f"{DAV}status")) < 300:
            props.update((prop.tag, prop) for part in propstat.findall(f"{DAV}prop") for prop in part)
    return Resource(href, own or 200, props)


def _code(status: str | None) -> int:
    match = _STATUS.match((status or "").strip())
    return int(match[1]) if match else 0


def canonical(href: str, base: str) -> str:
    """An href in one spelling: the path alone on the base's own server, else the whole URL. Raises BadXml for none."""
    try:
        whole, home = urlsplit(urljoin(base, href)), urlsplit(base)
        whole.port  # noqa: B018 - raises for a port that is none
    except ValueError as error:
        raise BadXml("an href that is no address") from error
    path = quote(unquote(whole.path), safe=_SAFE) or "/"
    if (whole.scheme, whole.netloc) == (home.scheme, home.netloc):
        return path
    return f"{whole.scheme}://{whole.netloc}{path}"


def absolute(href: str, base: str) -> str:
    """The URL of an href, in one spelling. Raises BadXml."""
    return urljoin(base, canonical(href, base))
