"""Named by ENGINE in the settings; Django looks for `DatabaseWrapper` here. What django-stubs leaves out is not typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

from kalends.jobs.turns import Turn, TurnTimeout

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class DatabaseWrapper(base.DatabaseWrapper):
    """A transaction queues for its turn before it begins, and so does a single write outside of one."""

    # None for a database in memory: it belongs to one process, whose threads share one connection.
    turn: Turn | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # Each time anew: what the name leads to may have changed since the last connection.
        path, timeout = str(self.settings_dict["NAME"]), float(conn_params.get("timeout", 5))
        self.turn = None if self.is_in_memory_db() else Turn(path, timeout)
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

    def _commit(self) -> None:
        # Where this raises, Django rolls back, and the turn ends there.
        super()._commit()  # type: ignore[misc]
        if self.turn:
            self.turn.give_back()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            if self.turn:
                self.turn.give_back()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            if self.turn:
                self.turn.close()

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        cursor.turn = self.turn
        return cursor


class Cursor(base.SQLiteCursorWrapper):
    turn: Turn | None = None

    def execute(self, query: str, params: Any = None) -> Any:
        if self._needs_turn(query):
            with _taken(self.turn):
                return super().execute(query, params)
        return super().execute(query, params)

    def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
        if self._needs_turn(query):
            with _taken(self.turn):
                return super().executemany(query, param_list)
        return super().executemany(query, param_list)

    def convert_query(self, query: str, *, param_names: Any = None) -> Any:
        if param_names is None:
            return _with_question_marks(query)
        return super().convert_query(query, param_names=param_names)

    def _needs_turn(self, query: str) -> bool:
        return self.turn is not None and not self.turn.held and query.startswith(_WRITES)


@lru_cache(maxsize=1024)
def _with_question_marks(query: str) -> str:
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


@contextmanager
def _taken(turn: Turn | None) -> Iterator[None]:
    assert turn is not None
    _take(turn)
    try:
        yield
    finally:
        turn.give_back()


def _take(turn: Turn) -> None:
    try:
        turn.take()
    except TurnTimeout as error:
        raise OperationalError(f"database is locked: {error}") from error
