"""iCalendar text as nested blocks of content lines: everything that is not understood is kept as it was.

Calendar servers and clients store much in an event that is not ours. An edit replaces single lines and leaves the
others alone, down to their order and parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kalends.ics.text import CRLF, folded

_NAME = re.compile(r"[A-Za-z0-9-]+(?=[;:])")
_VALUE = r'(?:"[^"]*"|[^";:,]*)'
_PARAMS = re.compile(rf"(?:;[A-Za-z0-9-]+={_VALUE}(?:,{_VALUE})*)*")
_PARAM = re.compile(rf";([A-Za-z0-9-]+)=({_VALUE}(?:,{_VALUE})*)")
_FOLD = re.compile(r"(?:\r\n|\n|\r)[ \t]")
_LINE_END = re.compile(r"\r\n|\n|\r")
# Exchange writes TZID=tzone://Microsoft/Utc and TZID=(UTC+01:00) ... without quotation marks; no time holds a colon.
_BARE_TZID = re.compile(
    r'((?:DTSTART|DTEND|RECURRENCE-ID|RDATE|EXDATE)\b.*?;TZID=)([^";]*:[^";]*)(?=[:;])', re.IGNORECASE
)


class BadText(ValueError):
    """Not iCalendar text, or a value in it that cannot be read; the message says which part, never its content."""


@dataclass(frozen=True, slots=True)
class Line:
    """One property: its name in upper case, parameters (names in upper case) and its value as it is written."""

    name: str
    params: dict[str, str]
    value: str


@dataclass(slots=True)
class Block:
    """One component: its lines as text and its inner components, in their order."""

    name: str
    body: list[str | Block] = field(default_factory=list)

    def blocks(self, name: str) -> list[Block]:
        return [part for part in self.body if isinstance(part, Block) and part.name == name]

    def texts(self, *names: str) -> list[str]:
        """The unfolded lines of these properties, as they are."""
        return [part for part in self.body if isinstance(part, str) and _name(part) in names]

    def lines(self, name: str) -> list[Line]:
        return [read_line(text) for text in self.texts(name)]

    def first(self, name: str) -> Line | None:
        found = self.texts(name)
        return read_line(found[0]) if found else None

    def value(self, name: str) -> str:
        """The value of the first such property as it is written, "" if there is none."""
        line = self.first(name)
        return line.value if line else ""

    def words(self, name: str) -> str:
        """The value of a TEXT property, unescaped."""
        return unescaped(self.value(name))

    def put(self, name: str, *lines: str) -> None:
        """Replace all such properties by `lines`, at the place of the first."""
        places = [i for i, part in enumerate(self.body) if isinstance(part, str) and _name(part) == name]
        inner = (i for i, part in enumerate(self.body) if isinstance(part, Block))
        place = places[0] if places else next(inner, len(self.body))
        kept_before = [part for i, part in enumerate(self.body[:place]) if i not in places]
        kept_after = [part for i, part in enumerate(self.body[place:], place) if i not in places]
        self.body = [*kept_before, *lines, *kept_after]

    def drop(self, *names: str) -> None:
        self.body = [part for part in self.body if not (isinstance(part, str) and _name(part) in names)]


def parse(text: str) -> Block:
    """The VCALENDAR of a calendar resource. Raises BadText."""
    stack = [Block("")]
    for line in _LINE_END.split(_FOLD.sub("", text.lstrip("\ufeff"))):
        if not line.strip():
            continue
        name = _name(line)
        if name == "BEGIN":
            stack.append(Block(line[6:].strip().upper()))
        elif name == "END":
            if len(stack) < 2 or stack[-1].name != line[4:].strip().upper():
                raise BadText("END")
            done = stack.pop()
            stack[-1].body.append(done)
        else:
            stack[-1].body.append(line)
    calendars = stack[0].blocks("VCALENDAR")
    if len(stack) != 1 or not calendars:
        raise BadText("VCALENDAR")
    return calendars[0]


def render(block: Block) -> str:
    """Folded text with CRLF line ends."""
    return "".join(_rendered(block))


def _rendered(block: Block) -> Iterator[str]:
    yield f"BEGIN:{block.name}{CRLF}"
    for part in block.body:
        if isinstance(part, Block):
            yield from _rendered(part)
        else:
            yield folded(part) + CRLF
    yield f"END:{block.name}{CRLF}"


def read_line(text: str) -> Line:
    """Raises BadText."""
    text = with_quoted_zone(text)
    name = _name(text)
    params = _PARAMS.match(text, len(name))
    if not name or params is None or text[params.end() : params.end() + 1] != ":":
        raise BadText(name or "line")
    found = {key.upper(): value.replace('"', "") for key, value in _PARAM.findall(params[0])}
    return Line(name, found, text[params.end() + 1 :])


def with_quoted_zone(text: str) -> str:
    """The line with its TZID in quotation marks, where it lacks them although it holds a colon."""
    match = _BARE_TZID.match(text)
    return f'{match[1]}"{match[2]}"{text[match.end() :]}' if match else text


def _name(text: str) -> str:
    match = _NAME.match(text)
    return match[0].upper() if match else ""


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value)
