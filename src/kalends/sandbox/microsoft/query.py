"""OData in the part that Outlook's events take: $filter, $select, $orderby, $expand, $top, $skip."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kalends.sandbox.microsoft import errors
from kalends.sandbox.microsoft.events import tag_id
from kalends.sandbox.microsoft.store import Event
from kalends.sandbox.microsoft.zones import read_instant

Params = Mapping[str, list[str]]
Test = Callable[[Event, Mapping[str, Any]], bool]

_TEXT = r"'((?:[^']|'')*)'"
_TAG = re.compile(
    rf"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id eq {_TEXT} and \1/value eq {_TEXT}\s*\)", re.IGNORECASE
)
_COMPARED = re.compile(rf"([A-Za-z/]+) (eq|ne|gt|ge|lt|le) (?:{_TEXT}|([^\s()]+))")
_STARTS = re.compile(rf"startswith\(\s*(\w+)\s*,\s*{_TEXT}\s*\)")
_EXPAND = re.compile(r"(\w+)(?:\((.*)\))?$", re.DOTALL)
_TAG_IDS = re.compile(rf"id eq {_TEXT}")
_MOMENTS = ("start/dateTime", "end/dateTime", "createdDateTime", "lastModifiedDateTime")
_NAMES = ("subject", "type", "showAs", "isAllDay", "isCancelled", "iCalUId", "seriesMasterId", "importance", *_MOMENTS)
_EXPANDED = ("singleValueExtendedProperties", "multiValueExtendedProperties", "calendar", "attachments", "extensions")
_ORDER = {"eq": (0,), "ne": (-1, 1), "gt": (1,), "ge": (0, 1), "lt": (-1,), "le": (-1, 0)}
MAX_TOP = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """`tags` are the ids of the extended properties to show, None for none; `expand` the other things."""

    tests: tuple[Test, ...]
    select: frozenset[str]
    order: tuple[str, bool]
    tags: frozenset[str] | None
    expand: frozenset[str]
    top: int
    skip: int
    count: bool

    def accepts(self, event: Event, shown: Mapping[str, Any]) -> bool:
        return all(test(event, shown) for test in self.tests)


def read(params: Params, known: frozenset[str], *, page: int = 10) -> Query:
    """The query options of a request. `known` are the properties that can be selected. Raises GraphError 400."""
    names = _list(params, "$select")
    if unknown := [name for name in names if name not in known]:
        raise errors.invalid(f"Could not find a property named '{unknown[0]}' on type 'microsoft.graph.event'.",
                             "RequestBroker--ParseUri")  # fmt: skip
    tags, expand = _expand(_first(params, "$expand"))
    return Query(
        tests=tuple(_tests(_first(params, "$filter"))),
        select=frozenset(names),
        order=_order(_first(params, "$orderby")),
        tags=tags,
        expand=expand,
        top=_number(params, "$top", page, 1),
        skip=_number(params, "$skip", 0, 0),
        count=_first(params, "$count") == "true",
    )


def _first(params: Params, name: str) -> str:
    return params.get(name, [""])[0]


def _list(params: Params, name: str) -> list[str]:
    return [part.strip() for part in _first(params, name).split(",") if part.strip()]


def _number(params: Params, name: str, standard: int, least: int) -> int:
    text = _first(params, name)
    if not text:
        return standard
    if not text.isdigit() or int(text) < least or (name == "$top" and int(text) > MAX_TOP):
        raise errors.invalid_query(f"Invalid value '{text}' for {name} query option found.")
    return int(text)


def _order(text: str) -> tuple[str, bool]:
    name, _, way = text.partition(" ")
    if (name and name not in _NAMES) or way not in ("", "asc", "desc"):
        raise errors.invalid_query(f"The query option $orderby={text} cannot be used.")
    return name, way == "desc"


# -- $expand ----------------------------------------------------------------------------------------------------


def _expand(text: str) -> tuple[frozenset[str] | None, frozenset[str]]:
    tags: frozenset[str] | None = None
    others = set()
    for part in _split(text):
        match = _EXPAND.match(part)
        if not match or match.group(1) not in _EXPANDED:
            raise errors.invalid_query(f"The query option $expand={part} cannot be used.")
        if match.group(1) != "singleValueExtendedProperties":
            others.add(match.group(1))
            continue
        found = [tag_id(value.replace("''", "'")) for value in _TAG_IDS.findall(match.group(2) or "")]
        if not found:
            raise errors.invalid_query("Extended properties need a $filter by id in $expand.")
        tags = frozenset(found)
    return tags, frozenset(others)


def _split(text: str) -> list[str]:
    """The parts between commas that are in no parenthesis."""
    parts, depth, held = [], 0, ""
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(held)
            held = ""
        else:
            held += letter
    return [part.strip() for part in [*parts, held] if part.strip()]


# -- $filter ----------------------------------------------------------------------------------------------------


def _tests(text: str) -> list[Test]:
    """A filter of terms joined with `and`. Raises GraphError 400 for any other."""
    tests: list[Test] = []
    rest = text.strip()
    while rest:
        for pattern, make in ((_TAG, _tag_test), (_STARTS, _starts_test), (_COMPARED, _compared_test)):
            match = pattern.match(rest)
            if match:
                tests.append(make(match))
                break
        else:
            raise errors.invalid_filter()
        rest = rest[match.end() :].strip()
        if rest and not rest.startswith("and "):
            raise errors.invalid_filter()
        rest = rest[4:].strip()
    return tests


def _plain(text: str) -> str:
    return text.replace("''", "'")


def _tag_test(match: re.Match[str]) -> Test:
    name, value = tag_id(_plain(match.group(2))), _plain(match.group(3))
    return lambda event, shown: event.tags.get(name) == value


def _starts_test(match: re.Match[str]) -> Test:
    name, value = match.group(1), _plain(match.group(2))
    if name not in _NAMES:
        raise errors.invalid_filter()
    return lambda event, shown: str(shown[name] or "").lower().startswith(value.lower())


def _compared_test(match: re.Match[str]) -> Test:
    name, sign, quoted, bare = match.groups()
    if name not in _NAMES:
        raise errors.invalid_filter()
    if name in _MOMENTS:
        wanted = read_instant(_plain(quoted) if quoted is not None else bare)
        return lambda event, shown: _compare(_moment(event, shown, name), wanted) in _ORDER[sign]
    value = _plain(quoted) if quoted is not None else {"true": True, "false": False, "null": None}.get(bare, bare)
    if sign not in ("eq", "ne"):
        raise errors.invalid_filter()
    return lambda event, shown: (shown[name] == value) == (sign == "eq")


def _moment(event: Event, shown: Mapping[str, Any], name: str) -> datetime:
    """Compared in UTC, whatever zone the reply is in."""
    return read_instant(event.body[name.partition("/")[0]] if "/" in name else str(shown[name]))


def _compare(left: datetime, right: datetime) -> int:
    return (left > right) - (left < right)


def sort_key(name: str) -> Callable[[tuple[Event, Mapping[str, Any]]], Any]:
    """Order of (event, shown) pairs by a property of $orderby, or by creation without one."""

    def key(pair: tuple[Event, Mapping[str, Any]]) -> Any:
        event, shown = pair
        if not name:
            return (event.made, event.day)
        return (_moment(event, shown, name) if name in _MOMENTS else str(shown[name]).lower(), event.id)

    return key
