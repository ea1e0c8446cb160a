"""A day of many connections' schedule in virtual time, by the scheduler's own rules: `sync.push` says when to read again.

`python -m tests.bench.day_of_polls`. Minute by minute: requests to providers, the longest wait of a connection that is
due, and the busy workers. A look takes `TAKES` of one worker's thread, most of it the provider's; a worker has 8 threads.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kalends.sync import push
from kalends.sync.push import Channel, ChannelState

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)
POLL = timedelta(seconds=120)
THREADS = 8
TAKES = 0.25
CHANGES_A_DAY = 10
WORKING_SECONDS = (8 * 3600, 18 * 3600)


@dataclass
class Day:
    """`told` is the share of connections behind proven push; `stands` the seconds in which no worker runs."""

    connections: int
    told: float
    workers: int
    seconds: int = 86_400
    stands: tuple[int, int] = (0, 0)
    requests: list[int] = field(default_factory=list)
    longest_wait: int = 0
    most_waiting: int = 0
    clear_again: int = 0

    def run(self) -> None:
        dice = random.Random(7)
        self.due_at = [0] * self.connections
        self.channels = [self._channel(number, dice) for number in range(self.connections)]
        self.calendar: list[list[int]] = [[] for _ in range(self.seconds + 1)]
        for number, channel in enumerate(self.channels):
            self._plan(number, dice.randrange(1800 if channel else 120))
        self._make_changes(dice)
        self.requests = [0] * (self.seconds // 60 + 1)
        waiting: deque[int] = deque()
        room = 0.0
        for second in range(self.seconds):
            # A row has one due time: what was planned before it changed is passed over.
            waiting.extend(n for n in dict.fromkeys(self.calendar[second]) if self.due_at[n] == second)
            self.calendar[second] = []
            stands = self.stands[0] <= second < self.stands[1]
            room = 0.0 if stands else min(room, 1.0) + self.workers * THREADS / TAKES
            while waiting and room >= 1:
                room -= 1
                self._look(waiting.popleft(), second)
            self._note(waiting, second)

    def _channel(self, number: int, dice: random.Random) -> Channel | None:
        if number >= self.told * self.connections:
            return None
        opened = BEGUN - dice.random() * push.LIFE * 0.7
        expires = opened + push.LIFE
        renew = push.renewal_at(opened, expires, dice.random())
        return Channel(UUID(int=number), ChannelState.OPEN, opened, expires, renew, verified_at=opened)

    def _make_changes(self, dice: random.Random) -> None:
        """Notifications, in working hours: each makes its connection due at once."""
        self.news: dict[int, list[int]] = {}
        low, high = WORKING_SECONDS
        for number in range(self.connections):
            if self.channels[number]:
                for _ in range(CHANGES_A_DAY):
                    self.news.setdefault(dice.randrange(low, high), []).append(number)

    def _plan(self, number: int, second: int) -> None:
        self.due_at[number] = second
        if second < self.seconds:
            self.calendar[second].append(number)

    def _look(self, number: int, second: int) -> None:
        now = BEGUN + timedelta(seconds=second)
        self.longest_wait = max(self.longest_wait, second - self.due_at[number])
        self.requests[second // 60] += 1
        channel = self.channels[number]
        if channel and now >= channel.renew_at:
            self.requests[second // 60] += 1
            renew = push.renewal_at(now, now + push.LIFE, (number % 101) / 100)
            channel = replace(channel, opened_at=now, expires_at=now + push.LIFE, renew_at=renew)
            self.channels[number] = channel
        at = push.next_poll([channel] if channel else [], POLL, now)
        self._plan(number, second + int((at - now).total_seconds()))

    def _note(self, waiting: deque[int], second: int) -> None:
        for number in self.news.pop(second, ()):
            if self.due_at[number] > second + 1:
                self._plan(number, second + 1)
        self.most_waiting = max(self.most_waiting, len(waiting))
        if self.stands[1] and len(waiting) > self.workers * THREADS / TAKES:
            self.clear_again = second


def days() -> Iterator[tuple[str, Day]]:
    yield "all push, 3 workers, a day", Day(100_000, 1.0, 3)
    yield "all push, 10 minutes without workers", Day(100_000, 1.0, 3, seconds=6_000, stands=(3_600, 4_200))
    yield "no push, 27 workers, 20 minutes", Day(100_000, 0.0, 27, seconds=1_200)
    yield "no push, 20 workers, 20 minutes", Day(100_000, 0.0, 20, seconds=1_200)


def main() -> None:
    for name, day in days():
        day.run()
        minutes = sorted(day.requests[: day.seconds // 60])
        line = f"{name:40} | requests a minute: median {minutes[len(minutes) // 2]:,}, most {minutes[-1]:,}"
        line += f" | most waiting {day.most_waiting:,}, longest {day.longest_wait} s"
        after = f" | clear {day.clear_again - day.stands[1]} s after" if day.stands[1] else ""
        print(line + after, flush=True)


if __name__ == "__main__":
    main()
