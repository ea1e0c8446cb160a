"""What is to be done, as values: a dry run, a log line, the journal and a test read the same list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kalends.core.span import Span
from kalends.sync.link import Pending, Shape
from kalends.sync.port import Content, Guard


@dataclass(frozen=True, slots=True)
class Nothing:
    """Both sides are as agreed."""


@dataclass(frozen=True, slots=True)
class Read:
    """A hint: read the event directly, and its calendar if it seems gone."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Remember what was seen; it is acted on at `pending.act_after` if it still stands then."""

    pending: Pending


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be done before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Adopt:
    """Remember what stands there as agreed: `base` in our words, `echo` as the calendar shows it. No write."""

    base: Content
    echo: Shape
    tag: str
    remote_id: str


@dataclass(frozen=True, slots=True)
class Create:
    """`generation` is a new one when the event stood there before: a deleted event keeps its id for ever."""

    content: Content
    generation: int


@dataclass(frozen=True, slots=True)
class Update:
    """`own` is a lost write of ours that the read has found to stand there: remembered before the next one is sent."""

    content: Content
    guard: Guard
    puts_back: bool = False  # undoes what somebody did outside
    own: Content | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    guard: Guard


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing stands there and nothing should: the link is done."""


@dataclass(frozen=True, slots=True)
class MoveAppointment:
    """Through the handler of `bookings`, which has the last word. `at` is when it was moved, as far as is known."""

    span: Span
    at: datetime
    shape: Shape


@dataclass(frozen=True, slots=True)
class CancelAppointment:
    at: datetime


@dataclass(frozen=True, slots=True)
class AskStaff:
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not ours to change; shown to a person."""

    reason: str


Action = (
    Nothing
    | Read
    | Hold
    | Wait
    | Adopt
    | Create
    | Update
    | Delete
    | Close
    | MoveAppointment
    | CancelAppointment
    | AskStaff
    | Refuse
)

# What changes something that a person outside the engine sees.
EFFECTS = (Create, Update, Delete, MoveAppointment, CancelAppointment, AskStaff)
CUSTOMER_EFFECTS = (MoveAppointment, CancelAppointment)


@dataclass(frozen=True, slots=True)
class Decision:
    """One action and the rule it follows from. `flag` names the line in the appointment's history about it, "" for none."""

    rule: str
    action: Action
    flag: str = ""
