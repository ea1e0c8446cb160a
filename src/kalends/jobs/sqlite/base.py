"""Named by ENGINE in the settings; Django looks for `DatabaseWrapper` here. What django-stubs leaves out is not typed.

Writers take turns (see kalends.jobs.turns), and none keeps the next one waiting for the disk: a commit only writes to
the log (`synchronous=NORMAL`), the turn goes on, and then whoever committed waits until the log is on the disk. Nothing
is answered, sent or woken before. What others read meanwhile is older in the log than whatever they commit themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from kalends.jobs.turns import Turn, TurnTimeout

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP")
_READS = ("SELECT", "SAVEPOINT", "RELEASE", "PRAGMA")


class DatabaseWrapper(base.DatabaseWrapper):
    """A transaction queues for its turn before it begins, and so does a single write outside of one.

    Both return when what they wrote is on the disk. OperationalError where the disk does not confirm it.
    """

    # None for a database in memory: it belongs to one process, whose threads share one connection.
    turn: Turn | None = None
    # Whether something was written that the disk has not confirmed.
    unconfirmed = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # Each time anew: what the name leads to may have changed since the last connection.
        path, timeout = str(self.settings_dict["NAME"]), float(conn_params.get("timeout", 5))
        self.turn = None if self.is_in_memory_db() else Turn(path, timeout)
        self.log = os.path.realpath(path) + "-wal"
        return super().get_new_connection(conn_params)

    def _start_transaction_under_autocommit(self) -> None:
        if self.turn is None:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
            return
        _take(self.turn)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self.turn.give_back()
            raise
        self.unconfirmed = False

    def _commit(self) -> None:
        # Where this raises, Django rolls back, and the turn ends there.
        super()._commit()  # type: ignore[misc]
        if self.turn:
            self.turn.give_back()
            self.confirm()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self.unconfirmed = False
            if self.turn:
                self.turn.give_back()

    def confirm(self) -> None:
        """Returns when what was committed is on the disk. The log is there for as long as this connection is."""
        if not self.unconfirmed:
            return
        self.unconfirmed = False
        try:
            log = os.open(self.log, os.O_RDWR | os.O_CLOEXEC)
            try:
                os.fdatasync(log)
            finally:
                os.close(log)
        except OSError as error:
            raise OperationalError(f"the disk does not confirm what was written: {error}") from error

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            if self.turn:
                self.turn.close()

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.database = self
        return cursor


class Cursor(base.SQLiteCursorWrapper):
    database: DatabaseWrapper

    def execute(self, query: str, params: Any = None) -> Any:
        if self._needs_turn(query):
            with self._turn():
                return super().execute(query, params)
        return super().execute(query, params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        if self._needs_turn(query):
            with self._turn():
                return super().executemany(query, param_list)
        return super().executemany(query, param_list)

    def convert_query(self, query: str, *, param_names: Any = None) -> Any:
        if param_names is None:
            return _with_question_marks(query)
        return super().convert_query(query, param_names=param_names)

    def _needs_turn(self, query: str) -> bool:
        """Inside a transaction it is had already, and the commit confirms."""
        turn = self.database.turn
        if turn is None or query.startswith(_READS):
            return False
        self.database.unconfirmed = True
        return not turn.held and query.startswith(_WRITES)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        turn = self.database.turn
        assert turn is not None
        _take(turn)
        try:
            yield
        finally:
            turn.give_back()
        self.database.confirm()


@lru_cache(maxsize=1024)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


def _take(turn: Turn) -> None:
    try:
        turn.take()
    except TurnTimeout as error:
        raise OperationalError(f"database is locked: {error}") from error
