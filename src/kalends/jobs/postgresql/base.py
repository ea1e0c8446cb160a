"""Named by ENGINE in the settings; Django looks for `DatabaseWrapper` here. What django-stubs leaves out is not typed."""

from __future__ import annotations

import select
from functools import lru_cache
from typing import Any

from django.db.backends.postgresql import base
from psycopg._queries import PostgresQuery, _query2pg_nocache

_MOST_KEPT = 256  # values; what is kept of a text grows with them


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        if connection.cursor_factory is base.ServerBindingCursor:
            connection.cursor_factory = KeepingCursor
        return connection

    def is_usable(self) -> bool:
        """Asked before the first query of each request. A server that has ended the connection, or is about to, has said
        so: as long as nothing has come there is nothing to ask. A question that fails would be lost; a server that went
        without a word is found by TCP's keepalive, with or without it.
        """
        if self.connection is None or self.connection.closed:
            return False
        if not _has_come(self.connection.fileno()):
            return True
        usable: bool = super().is_usable()
        return usable


class KeepingQuery(PostgresQuery):
    """psycopg keeps where the values of a query go, but not of a long one: those of a booking, whose rows are written by
    one statement, were looked for anew each time, which took a tenth of all that a booking costs.
    """

    def convert(self, query: Any, values: Any) -> None:
        if type(query) is str and values is not None and len(values) <= _MOST_KEPT:
            self.query, self._want_formats, self._order, self._parts = _read(query, self._tx.encoding)
            self.dump(values)
        else:
            super().convert(query, values)


@lru_cache(maxsize=512)
def _read(query: str, encoding: str) -> Any:
    return _query2pg_nocache(query.encode(encoding), encoding)


class KeepingCursor(base.ServerBindingCursor):
    _query_cls = KeepingQuery


def _has_come(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
