"""The life of a connection: flags, the state derived from them, and the transitions with their reasons.

    connecting -> active <-> throttled | frozen | paused -> needs_attention -> active, and disconnected

Flags are kept apart so that ending one condition uncovers the other: a connection that was frozen and then lost its
grant is frozen again after it is mended. Of several, the state is the first of: disconnected, paused,
needs_attention, frozen, connecting, throttled, active. (`invited` is an invitation without a connection yet.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    INVITED = "invited"
    CONNECTING = "connecting"  # granted; its calendars are not chosen yet
    ACTIVE = "active"
    THROTTLED = "throttled"
    FROZEN = "frozen"
    PAUSED = "paused"
    NEEDS_ATTENTION = "needs_attention"
    DISCONNECTED = "disconnected"

    @property
    def reads(self) -> bool:
        """A frozen connection goes on reading, so that its mirror blocks and its plan can be shown."""
        return self in (State.ACTIVE, State.THROTTLED, State.FROZEN)

    @property
    def writes(self) -> bool:
        return self in (State.ACTIVE, State.THROTTLED)


class PausedBy(StrEnum):
    NOBODY = ""
    PERSON = "person"
    SWITCH = "switch"  # the company switched the provider off


# When the staff member is mailed after the connection came to need attention.
REMINDERS = (timedelta(0), timedelta(days=1), timedelta(days=3), timedelta(days=7))
# A grant is called dead only when that very answer came this often in a row.
AUTH_STRIKES = 2


@dataclass(frozen=True, slots=True)
class Life:
    chosen_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: PausedBy = PausedBy.NOBODY
    frozen_at: datetime | None = None
    released_at: datetime | None = None
    throttled_until: datetime | None = None
    needs_attention_since: datetime | None = None
    reminders_sent: int = 0
    auth_strikes: int = 0
    disconnected_at: datetime | None = None

    @property
    def state(self) -> State:
        if self.disconnected_at is not None:
            return State.DISCONNECTED
        if self.paused_at is not None:
            return State.PAUSED
        if self.needs_attention_since is not None:
            return State.NEEDS_ATTENTION
        if self.frozen_at is not None:
            return State.FROZEN
        if self.chosen_at is None:
            return State.CONNECTING
        return State.THROTTLED if self.throttled_until is not None else State.ACTIVE

    # -- what people do --------------------------------------------------------------------------------------

    def chosen(self, now: datetime) -> Life:
        """Calendars were chosen; a lack that the choice may have mended is over."""
        return replace(self.mended(), chosen_at=self.chosen_at or now)

    def paused(self, now: datetime, by: PausedBy) -> Life:
        """A person's pause outlasts the provider switch; the switch never replaces it."""
        if self.paused_by is PausedBy.PERSON:
            return self
        return replace(self, paused_at=self.paused_at or now, paused_by=by)

    def resumed(self, by: PausedBy) -> Life:
        """Switching the provider on again resumes only what the switch paused; a person resumes either."""
        if by is PausedBy.SWITCH and self.paused_by is not PausedBy.SWITCH:
            return self
        return replace(self, paused_at=None, paused_by=PausedBy.NOBODY)

    def released(self, now: datetime) -> Life:
        """A person has seen the plan of a frozen connection and lets it act."""
        return self if self.frozen_at is None else replace(self, frozen_at=None, released_at=now)

    def disconnected(self, now: datetime) -> Life:
        """Whatever comes back later chooses its calendars anew."""
        ended = self.disconnected_at or now
        return replace(self.mended(), disconnected_at=ended, chosen_at=None)

    def reconnected(self) -> Life:
        """The same account granted again: whatever the old grant lacked is over; a freeze is not."""
        return replace(self.mended(), disconnected_at=None)

    # -- what runs meet --------------------------------------------------------------------------------------

    def frozen(self, now: datetime) -> Life:
        return self if self.frozen_at is not None else replace(self, frozen_at=now)

    def throttled(self, until: datetime) -> Life:
        """Told to wait; of two who were told, the later time holds."""
        return replace(self, throttled_until=max(until, self.throttled_until or until), auth_strikes=0)

    def worked(self, began: datetime) -> Life:
        """A run got through: doubts about the grant are over, and so is a wait that had ended when the run began.

        A longer one was told to somebody else meanwhile.
        """
        over = self.throttled_until is None or self.throttled_until <= began
        return replace(self, throttled_until=None if over else self.throttled_until, auth_strikes=0)

    def auth_refused(self, now: datetime) -> Life:
        """A typed "this grant is dead". Believed the second time in a row."""
        strikes = self.auth_strikes + 1
        struck = replace(self, auth_strikes=strikes)
        return struck.lacking(now) if strikes >= AUTH_STRIKES else struck

    def lacking(self, now: datetime) -> Life:
        """The calendar is gone, rights are lost, or the grant is dead: a person has to mend it."""
        if self.needs_attention_since is not None:
            return self
        return replace(self, needs_attention_since=now, reminders_sent=0)

    def mended(self) -> Life:
        return replace(self, needs_attention_since=None, reminders_sent=0, auth_strikes=0)

    def reminded(self) -> Life:
        return replace(self, reminders_sent=self.reminders_sent + 1)

    def reminder_due_at(self) -> datetime | None:
        """When the next mail about it leaves; None: not lacking, or all have left."""
        if self.state is not State.NEEDS_ATTENTION or self.reminders_sent >= len(REMINDERS):
            return None
        assert self.needs_attention_since is not None
        return self.needs_attention_since + REMINDERS[self.reminders_sent]
