"""What the engine remembers of one appointment in one calendar, as frozen values.

wanted   what we want to stand there, None for nothing
base     what both sides last agreed on, in our words
echo     our event as the calendar gave it back: the remote side is compared with it, never with what was sent
sent     the content of a write whose answer was lost: the calendar may or may not show it
pending  an outside change that waits for its grace time
verdict  an outside value that was judged: it is to be put back
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from kalends.core.span import Span
from kalends.sync.port import AllDay, BusyState, Content, RemoteEvent, Texts

# A change that goes on and on is acted on after this many grace times, settled or not.
LONGEST_GRACE = 10


class Mode(StrEnum):
    ONE_WAY = "one_way"
    TWO_WAY = "two_way"


class DeleteRule(StrEnum):
    CANCEL = "cancel"
    ASK = "ask"
    PUT_BACK = "put_back"


class Answer(StrEnum):
    NONE = ""
    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Policy:
    """The connection's mode and the company's rules. `answer_within` bounds a question to the staff member."""

    mode: Mode
    on_outside_delete: DeleteRule
    grace: timedelta
    answer_within: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Shape:
    """An event of ours as a calendar shows it: just what is compared.

    One of `span` and `days` is set. `texts` is None when a program has dropped our marker and so nobody can say which
    words are ours.
    """

    span: Span | None
    texts: Texts | None
    busy: BusyState = BusyState.BUSY
    days: tuple[date, date] | None = None
    recurring: bool = False

    @property
    def is_single(self) -> bool:
        """One timed occurrence: the only form an appointment has."""
        return self.span is not None and not self.recurring

    def same_time(self, other: Shape) -> bool:
        return (self.span, self.days, self.recurring) == (other.span, other.days, other.recurring)


def shape_of(event: RemoteEvent) -> Shape:
    """What is compared of an event that is not cancelled."""
    texts = None if event.content is None else texts_of(event.content)
    when = event.when
    if isinstance(when, AllDay):
        return Shape(None, texts, event.busy, (when.start, when.end), bool(event.recurrence))
    return Shape(when.span if when else None, texts, event.busy, None, bool(event.recurrence))


def texts_of(content: Content) -> Texts:
    return Texts(content.title, content.location, content.notes)


def shape_sent(content: Content) -> Shape:
    """What a calendar would show that stores just what it is sent."""
    return Shape(content.span, texts_of(content))


@dataclass(frozen=True, slots=True)
class Wanted:
    """`time_set_at` is when a human last set the time here: the conflict rule compares it."""

    content: Content
    time_set_at: datetime


class PendingKind(StrEnum):
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Pending:
    kind: PendingKind
    shape: Shape | None
    first_seen: datetime
    act_after: datetime

    def shows(self, kind: PendingKind, shape: Shape | None) -> bool:
        if self.kind is not kind:
            return False
        if self.shape is None or shape is None:
            return self.shape is shape
        return self.shape.same_time(shape)


def hold(
    pending: Pending | None, kind: PendingKind, shape: Shape | None, *, grace: timedelta, now: datetime
) -> Pending:
    """The pending evidence after seeing `shape`: seen again, it keeps its time; another value starts anew."""
    if pending is not None and pending.shows(kind, shape):
        return pending
    first = now if pending is None else pending.first_seen
    return Pending(kind, shape, first, min(now + grace, first + LONGEST_GRACE * grace))


@dataclass(frozen=True, slots=True)
class Verdict:
    """`shape` None: the deletion was judged."""

    shape: Shape | None


@dataclass(frozen=True, slots=True)
class Question:
    deadline: datetime
    answer: Answer = Answer.NONE


@dataclass(frozen=True, slots=True)
class LinkState:
    wanted: Wanted | None
    generation: int = 1
    remote_id: str = ""
    tag: str = ""
    base: Content | None = None
    echo: Shape | None = None
    sent: Content | None = None
    pending: Pending | None = None
    verdict: Verdict | None = None
    question: Question | None = None
