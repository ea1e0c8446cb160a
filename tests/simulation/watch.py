"""What must hold after each run: outside deletions do bounded harm (G11), and no connection suffers from another (G12).

Judged by what people see and what the calendars answered, not by the engine's own journal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from kalends.bookings.models import Appointment
from kalends.calendars.models import CalendarConnection, Link, LinkStatus, RemoteCalendar
from kalends.jobs.prepared import Prepared
from kalends.messages.models import OutgoingMessage
from kalends.sync.connection import State
from kalends.sync.memory import MemoryProvider
from kalends.sync.plan import ALL_OF_AT_LEAST, BUDGET_FLOOR, BUDGET_SHARE
from kalends.sync.port import Guard, Intent, ProviderError, Receipt, Throttled
from kalends.sync.push import HEARTBEAT
from tests.calendars.world import POLL, Killed, World
from tests.simulation.webhooks import Hooks

_STATES = Prepared(
    lambda: CalendarConnection.objects.order_by("pk").only(
        "subject", "state", "due_at", "throttled_until", "failures", "last_error"
    )
)
CONNECTIONS = Prepared(lambda: CalendarConnection.objects.select_related("company", "staff").order_by("pk"))
_STANDING = Prepared(lambda: Appointment.objects.filter(status="confirmed").values_list("pk"))
_LINKED = Prepared(
    lambda connection, now: (
        Link.objects.filter(calendar__connection=connection, wanted_end__gt=now)
        .exclude(remote_id="")
        .exclude(status__in=(LinkStatus.CLOSED, LinkStatus.ORPHANED))
        .values_list("appointment_id")
    ),
    connection=UUID,
    now=datetime,
)
_BLOCKING = Prepared(
    lambda: RemoteCalendar.objects.filter(blocks=True).values_list("connection_id", "fresh_as_of", "next_poll_at")
)
_ASKED = Prepared(
    lambda connection, version: OutgoingMessage.objects.filter(
        subject_id=connection, kind="connection_needs_attention", version=version
    ).values_list("pk"),
    connection=UUID,
    version=int,
)
_HOUR = timedelta(hours=1)
_TOLD_WITHOUT_A_TIME = timedelta(minutes=1)


@dataclass
class Watch:
    """`deleted` and `released` are people's acts; `waits` and `troubled` what each account's calendars answered."""

    world: World
    push: bool = False
    cancelled_here: set[UUID] = field(default_factory=set)
    deleted: dict[UUID, datetime] = field(default_factory=dict)
    released: dict[UUID, datetime] = field(default_factory=dict)
    cancelled: defaultdict[UUID, dict[UUID, datetime]] = field(default_factory=lambda: defaultdict(dict))
    waits: defaultdict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    troubled: dict[str, datetime] = field(default_factory=dict)
    hooks: Hooks | None = None

    @contextmanager
    def run_of(self, connection: CalendarConnection) -> Iterator[None]:
        """Around a run, also one whose worker is killed. Without an outside deletion there is no harm to bound."""
        if not self.deleted:
            yield
            return
        standing, linked = self._standing(), self._linked(connection)
        frozen = connection.state == State.FROZEN
        yield
        gone = standing - self._standing() - self.cancelled_here
        self.cancelled[connection.pk] |= dict.fromkeys(gone, self.world.now)
        if gone:
            self._check_budget(connection, linked | self._linked(connection))
        if not frozen:
            self._check_asked(connection)

    def wait_of(self, subject: str) -> datetime | None:
        """Until when its calendars told us last to wait."""
        told = self.waits[subject]
        return told[-1] if told else None

    def forget_unstored(self, connection: CalendarConnection, killed: Killed) -> None:
        """A worker that dies with an answer in its hands, before it can store it, leaves nobody who knows of it: whoever
        asks next is told again. The error it was about to handle is the context of its death.
        """
        if isinstance(killed.__context__, Throttled):
            self.waits[connection.subject].pop()

    def _standing(self) -> set[UUID]:
        return {pk for (pk,) in _STANDING.rows()}

    def _linked(self, connection: CalendarConnection) -> set[UUID]:
        return {pk for (pk,) in _LINKED.rows(connection=connection.pk, now=self.world.now)}

    def _check_budget(self, connection: CalendarConnection, linked: set[UUID]) -> None:
        """What was deleted before a person released the connection is not counted any more."""
        never = datetime.min.replace(tzinfo=self.world.now.tzinfo)
        released = self.released.get(connection.pk, never)
        within = {
            pk
            for pk, at in self.cancelled[connection.pk].items()
            if at > max(self.world.now - _HOUR, released) and self.deleted.get(pk, self.world.now) > released
        }
        every = linked | within
        assert len(within) <= max(BUDGET_FLOOR, BUDGET_SHARE * len(every)), "G11: more cancelled than the budget"
        assert not (len(within) >= ALL_OF_AT_LEAST and within == every), "G11: all were cancelled"

    def _check_asked(self, connection: CalendarConnection) -> None:
        (row,) = (row for row in _STATES.rows() if row.pk == connection.pk)
        if row.state == State.FROZEN:
            # By the minute; 8 is that of a freeze (calendars/life.py).
            version = int(self.world.now.timestamp()) // 60 * 10 + 8
            asked = _ASKED.rows(connection=row.pk, version=version)
            assert asked, "G11: frozen, and nobody was asked"

    def check_isolation(self) -> None:
        """Once all that was due has run: nobody waits, is blamed or is left unread for what another's calendars did."""
        rows = {row.pk: row for row in _STATES.rows()}
        for row in rows.values():
            told = self.wait_of(row.subject)
            latest = told and told + _TOLD_WITHOUT_A_TIME
            until = row.throttled_until
            assert until is None or (latest and until <= latest), "G12: waits although its calendars did not say so"
            assert not row.failures or row.subject in self.troubled, "G12: blamed for what another's calendars did"
        healthy = {pk: row for pk, row in rows.items() if self._is_healthy(row)}
        for row in healthy.values():
            assert row.due_at is None or row.due_at > self.world.now, "G12: its turn does not come"
        for connection, fresh_as_of, next_poll_at in _BLOCKING.rows():
            if connection in healthy and next_poll_at is not None:
                longest = HEARTBEAT if self.push else POLL
                assert fresh_as_of >= self.world.now - longest, "G9, G12: not read although nothing is wrong with it"

    def _is_healthy(self, row: CalendarConnection) -> bool:
        just_now = self.troubled.get(row.subject) == self.world.now
        return row.state == State.ACTIVE and not (row.failures or row.last_error or just_now)


class WatchedProvider(MemoryProvider):
    """Asks of each request, at once, what can only be seen then: were we told to wait, is it ours, may anything be
    written. Notes what its account's calendars answered."""

    def __init__(self, watch: Watch, subject: str) -> None:
        super().__init__(watch.world.servers[subject])
        self.watch, self.subject = watch, subject
        # What is told to a booking while a run is under way is known to the next run, not to this one.
        self.until = watch.wait_of(subject)

    def _begin(self, operation: str, calendar_id: str):
        now = self.watch.world.now
        assert self.until is None or self.until <= now, f"G12: {operation} before the time that was set"
        try:
            return super()._begin(operation, calendar_id)
        except ProviderError as error:
            self.watch.troubled[self.subject] = now
            if isinstance(error, Throttled):
                self.until = error.retry_at or now
                self.watch.waits[self.subject].append(self.until)
            raise

    def _read(self, operation: str, calendar_id: str, effect: Callable):
        return self._noted(lambda: super(WatchedProvider, self)._read(operation, calendar_id, effect))

    def _write(self, operation: str, calendar_id: str, effect: Callable):
        return self._noted(lambda: super(WatchedProvider, self)._write(operation, calendar_id, effect))

    def _page_request(self, *asked):
        return self._noted(lambda: super(WatchedProvider, self)._page_request(*asked))

    def _noted(self, request: Callable):
        try:
            return request()
        except ProviderError:
            self.watch.troubled[self.subject] = self.watch.world.now
            raise

    def put(self, calendar_id: str, intent: Intent, guard: Guard) -> Receipt:
        self._check_write(calendar_id, guard)
        return super().put(calendar_id, intent, guard)

    def remove(self, calendar_id: str, guard: Guard) -> None:
        self._check_write(calendar_id, guard)
        super().remove(calendar_id, guard)

    def _check_write(self, calendar_id: str, guard: Guard) -> None:
        event = self._server.calendars[calendar_id].events.get(guard.remote_id)
        foreign = event is not None and (not event.op_key or event.id.startswith("copy-") or event.foreign_organizer)
        assert not foreign, "G13: an event that we did not make"
        stopped = any(row.subject == self.subject and row.state == State.FROZEN for row in _STATES.rows())
        assert not stopped, "G11: a write although it is frozen"
