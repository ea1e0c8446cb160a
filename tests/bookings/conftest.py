from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from django.db import connection


@pytest.fixture
def real_database(transactional_db, tmp_path) -> Iterator[None]:
    """A database that threads share as processes do: PostgreSQL as it is, SQLite as a file instead of in memory.

    Tests that use it are marked `django_db(transaction=True)`.
    """
    if connection.vendor != "sqlite" or not connection.is_in_memory_db():
        yield
        return
    connection.ensure_connection()
    memory, name = connection.connection, connection.settings_dict["NAME"]
    path = tmp_path / "kalends.db"
    with closing(sqlite3.connect(path)) as copy:
        memory.backup(copy)
    connection.connection, connection.settings_dict["NAME"] = None, str(path)
    try:
        yield
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"], connection.turn = memory, name, None


@pytest.fixture
def race(real_database) -> Callable[..., list[Any]]:
    """Runs calls at the same moment, one thread and one connection each; results, or the errors raised, in order."""

    def run(*calls: Callable[[], Any]) -> list[Any]:
        results: list[Any] = [None] * len(calls)
        start = threading.Barrier(len(calls))

        def work(number: int, call: Callable[[], Any]) -> None:
            try:
                start.wait()
                results[number] = call()
            except Exception as error:
                results[number] = error
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=pair) for pair in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    return run
