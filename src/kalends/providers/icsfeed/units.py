"""Calendar text cut into units: an event, or a series with its exceptions; each under a digest of what it decides.

The digest is over the lines that decide busy time, and over the zones of the text in whose light they are read; not
over the UID, stamps or texts. So a feed that makes new UIDs and stamps at each request is the same feed (F07), one
without UIDs has its identities (F08), and of a feed in which one event changed only that one is read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import blake2b

DIGEST_BYTES = 10
_TOKEN = re.compile(
    r"\n(?i:(BEGIN|END):VEVENT(?=[ \t]*\n)|(UID|DTSTART|DTEND|DURATION|RECURRENCE-ID|RRULE|RDATE|EXDATE|EXRULE|STATUS"
    r"|TRANSP|X-MICROSOFT-CDO-BUSYSTATUS)(?=[;:])([^\n]*))"
)
_ZONES = re.compile(r"\n(?i:BEGIN:VTIMEZONE[ \t]*\n.*?\nEND:VTIMEZONE(?=[ \t]*\n))", re.DOTALL)
_ZONE_END = re.compile(r"\nEND:VTIMEZONE(?=[ \t]*\n)", re.IGNORECASE)
_STATED_ZONE = re.compile(r"\nX-WR-TIMEZONE[;:][^\n]*", re.IGNORECASE)
_CLOSING = re.compile(r"\nEND:VCALENDAR\s*\Z", re.IGNORECASE)


@dataclass(slots=True)
class _Block:
    """One VEVENT: where it begins and ends in the text, where its lines stand, and those that decide."""

    begin: int
    start: int
    end: int = 0
    after: int = 0
    uid: str = ""
    exception: bool = False
    lines: list[str] = field(default_factory=list)

    def close(self, end: int, after: int) -> _Block:
        self.end, self.after = end, after
        return self


@dataclass(frozen=True, slots=True)
class Cut:
    """A text cut up. `units` maps each digest (20 hexadecimal digits) to the places of its events."""

    text: str = field(repr=False)
    outside: str = field(repr=False)
    units: dict[str, list[tuple[int, int]]] = field(repr=False)

    def only(self, wanted: Collection[str]) -> str:
        """A calendar of these units alone, in the zones of the whole; the UID of each event is its unit's digest."""
        head = _CLOSING.sub("", self.outside)
        events = [
            f"\nBEGIN:VEVENT\nUID:{digest}{self.text[start:end]}\nEND:VEVENT"
            for digest in self.units
            if digest in wanted
            for start, end in self.units[digest]
        ]
        return f"{head.lstrip()}{''.join(events)}\nEND:VCALENDAR\n"


def cut(text: str, *, floating: str) -> Cut:
    """`text` is a whole calendar as decoded; `floating` the IANA zone in which times without one will be read."""
    plain = "\n" + text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    plain = plain.replace("\n ", "").replace("\n\t", "").rstrip() + "\n"
    blocks = _blocks(plain)
    outside = _outside(plain, blocks)
    light = blake2b("\n".join([floating, *sorted(_zones(outside))]).encode(), digest_size=16).digest()
    units: dict[str, list[tuple[int, int]]] = {}
    for members in _together(blocks):
        said = "\n\n".join(sorted("\n".join(sorted(block.lines)) for block in members))
        digest = blake2b(said.encode(), digest_size=DIGEST_BYTES, key=light).hexdigest()
        units.setdefault(digest, [(block.start, block.end) for block in members])
    return Cut(plain, outside, units)


def _zones(outside: str) -> list[str]:
    """No zone is looked for beyond the last end of one: where many begin and none ends, each would be sought in vain."""
    ends = [match.end() for match in _ZONE_END.finditer(outside)]
    last = outside.find("\n", ends[-1]) + 1 if ends else 0
    return [*_ZONES.findall(outside[:last]), *_STATED_ZONE.findall(outside)]


def _blocks(plain: str) -> list[_Block]:
    found: list[_Block] = []
    block: _Block | None = None
    for token in _TOKEN.finditer(plain):
        edge, name, rest = token.groups()
        if edge is None:
            if block is not None:
                _note(block, name.upper(), rest)
            continue
        begins = edge.upper() == "BEGIN"
        if block is not None:
            # An event that was not closed ends where the next one begins: its time may well be readable.
            found.append(block.close(token.start(), token.start() if begins else token.end()))
        block = _Block(token.start(), token.end()) if begins else None
    if block is not None:
        closing = _CLOSING.search(plain)
        end = closing.start() if closing else len(plain)
        found.append(block.close(end, end))
    return found


def _note(block: _Block, name: str, rest: str) -> None:
    if name == "UID":
        block.uid = block.uid or rest[1:].strip()
        return
    block.exception = block.exception or name == "RECURRENCE-ID"
    block.lines.append(f"{name}{rest.rstrip()}")


def _outside(plain: str, blocks: list[_Block]) -> str:
    """The text without its events."""
    pieces, at = [], 0
    for block in blocks:
        pieces.append(plain[at : block.begin])
        at = block.after
    return "".join([*pieces, plain[at:]])


def _together(blocks: list[_Block]) -> list[list[_Block]]:
    """Events of one UID belong together if one of them is an exception; else each stands by itself."""
    with_exceptions = {block.uid for block in blocks if block.exception and block.uid}
    groups: dict[str, list[_Block]] = {}
    alone: list[list[_Block]] = []
    for block in blocks:
        if block.uid in with_exceptions:
            groups.setdefault(block.uid, []).append(block)
        else:
            alone.append([block])
    return [*alone, *groups.values()]
