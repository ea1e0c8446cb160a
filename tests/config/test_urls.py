"""A company's slug never hides an address of the product."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, get_resolver

from kalends.core.reserved import RESERVED_SLUGS


def first_segments(patterns, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for entry in patterns:
        route = prefix + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            found |= first_segments(entry.url_patterns, route)
        elif isinstance(entry, URLPattern) and route:
            found.add(route.split("/", maxsplit=1)[0].rstrip("$"))
    return found


def test_reserved_slugs_cover_every_first_segment_of_the_url_map():
    fixed = {segment for segment in first_segments(get_resolver().url_patterns) if segment and "<" not in segment}
    assert fixed - RESERVED_SLUGS == set()
