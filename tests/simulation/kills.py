"""Numbered points at which a process may be killed: before and after each commit, provider call, mail and webhook handed over.

A killed process does nothing any more: what it had not committed is gone, and every later step of it dies as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connection

from kalends.calendars.models import CalendarConnection
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_message
from kalends.messages.webhook_sending import due_endpoints, send_webhooks
from kalends.net.http import Response
from tests.calendars.world import START, Killed, World

_WRITING = ("INSERT", "UPDATE", "DELETE")


@dataclass
class Points:
    """Counts the points of a process and kills it at the one numbered `fatal`, counted from 1; 0 lets it live."""

    fatal: int = 0
    names: list[str] = field(default_factory=list)
    dead: bool = False
    counting: bool = False

    def reach(self, name: str) -> None:
        if not self.counting:
            return
        self.check_alive()
        self.names.append(name)
        if len(self.names) == self.fatal:
            self.dead = True
            raise Killed(name)

    def check_alive(self) -> None:
        if self.dead and self.counting:
            raise Killed("dead already")

    def around(self, name: str, act: Callable[[], Any]) -> Any:
        self.reach(f"before {name}")
        done = act()
        self.reach(f"after {name}")
        return done

    def live(self, process: Callable[[], object]) -> bool:
        """True if the process came to its end."""
        self.counting = True
        try:
            process()
        except Killed:
            self.counting = False
            _abandon()
            return False
        finally:
            self.counting = False
        return True


def _abandon() -> None:
    """What a database does when the process at the other end is gone, and what a new one begins with."""
    connection.connection.rollback()
    connection.in_atomic_block = connection.needs_rollback = False
    connection.savepoint_ids, connection.atomic_blocks, connection.run_on_commit = [], [], []
    connection.commit_on_exit = connection.autocommit = True
    # A worker that died is missed when its lease has run out.
    CalendarConnection.objects.exclude(lease_holder="").update(lease_until=START)


class NumberedProvider:
    """Any provider, each call of it between two points; a pull has two for each page."""

    def __init__(self, inner: Any, points: Points) -> None:
        self._inner, self._points = inner, points

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)
        if not callable(call) or name == "close":
            return call
        if name == "pull":
            return lambda *given: self._pages(call(*given))
        return lambda *given: self._points.around(name, lambda: call(*given))

    def _pages(self, pages: Iterator[Any]) -> Iterator[Any]:
        while (page := self._points.around("pull", lambda: next(pages, None))) is not None:
            yield page
            if page.last:
                return


@dataclass
class MailServer:
    """Takes every mail; `taken` are name and bytes."""

    points: Points
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def send(self, *, name: str, sender: str, recipient: str, mail: bytes) -> None:
        self.points.around("mail", lambda: self.taken.append((name, mail)))

    def check(self) -> str:
        return "here"

    def deliver(self, world: World) -> None:
        due = OutgoingMessage.objects.filter(state="queued", due_at__lte=world.now).order_by("due_at", "pk")
        for message_id in list(due.values_list("pk", flat=True)):
            send_message(message_id=message_id, now=world.now, transport=self)


@dataclass
class Receiver:
    """A program of the company that takes every webhook while it is `well`; `taken` are delivery id and bytes."""

    points: Points
    well: bool = True
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> Response:
        if not self.well:
            return self.points.around("refused webhook", lambda: Response(500, {}, b"", url))
        self.points.around("webhook", lambda: self.taken.append((headers["Kalends-Delivery"], body)))
        return Response(200, {}, b"", url)

    def hear(self, world: World) -> None:
        for endpoint_id in due_endpoints(now=world.now, limit=10):
            send_webhooks(endpoint_id=endpoint_id, now=world.now, http=self)


@contextmanager
def own_database() -> Iterator[sqlite3.Connection]:
    """A copy of the migrated test database in memory, outside of any transaction, so that commits are commits."""
    connection.ensure_connection()
    template = connection.connection
    copy = connection.get_new_connection(connection.get_connection_params() | {"database": ":memory:"})
    copy.isolation_level = None
    template.backup(copy)
    connection.connection = copy
    try:
        yield copy
    finally:
        connection.connection = template
        copy.close()


@contextmanager
def numbered_commits(points: Points) -> Iterator[None]:
    commit = connection._commit

    def commit_between() -> None:
        try:
            points.reach("before commit")
        except Killed:
            connection.connection.rollback()
            raise
        commit()
        points.reach("after commit")

    def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        points.check_alive()
        if connection.in_atomic_block or not sql.startswith(_WRITING):
            return run(sql, params, many, context)
        return points.around("statement", lambda: run(sql, params, many, context))

    with mock.patch.object(connection, "_commit", commit_between), connection.execute_wrapper(execute):
        yield


@dataclass
class Snapshot:
    """Everything as it was: rows, calendars, the clock."""

    world: World
    rows: sqlite3.Connection = field(default_factory=lambda: sqlite3.connect(":memory:"))

    def __post_init__(self) -> None:
        connection.connection.backup(self.rows)
        self._now, self._customers = self.world.now, self.world.customers
        self._servers = deepcopy(self.world.servers)

    def restore(self) -> None:
        self.rows.backup(connection.connection)
        self.world.now, self.world.customers = self._now, self._customers
        self.world.servers = deepcopy(self._servers)
