"""The zone in which a visitor reads times: asked for, remembered from the browser, or the company's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from kalends.core.zones import is_zone, zone_names

COOKIE = "kalends_tz"


@dataclass(frozen=True, slots=True)
class VisitorZone:
    """`asked`: named in the address, so links keep it. `unknown`: what was named and is no zone."""

    name: str
    asked: bool = False
    unknown: str = ""


def visitor_zone(request: HttpRequest, default: str) -> VisitorZone:
    asked = request.POST.get("tz") or request.GET.get("tz", "")
    if is_zone(asked):
        return VisitorZone(asked, asked=True)
    remembered = request.COOKIES.get(COOKIE, "")
    name = remembered if is_zone(remembered) and not asked else default
    return VisitorZone(name, unknown=asked[:64])


@lru_cache(maxsize=1)
def _all_options() -> SafeString:
    # Without closing tags, which HTML allows: a third less to send.
    return format_html_join("", "<option>{}", ((name,) for name in zone_names()))


def zone_options(chosen: str, company_zone: str) -> SafeString:
    """The options of the zone's select: the chosen one and the company's first, then all."""
    first = dict.fromkeys([chosen, company_zone])
    head = format_html_join(
        "", "<option{}>{}", (((SafeString(" selected") if name == chosen else ""), name) for name in first)
    )
    return format_html("{}<hr>{}", head, _all_options())
