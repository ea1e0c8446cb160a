"""The SQLite backend: whatever ends a transaction ends the turn, and single writes queue as well."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db.utils import ConnectionHandler

from kalends.config.settings import _database

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handler(tmp_path: Path):
    """Two aliases of one file, and a third of another one."""
    made = ConnectionHandler(
        {
            "default": _database(f"sqlite:///{tmp_path}/a.db"),
            "again": _database(f"sqlite:///{tmp_path}/a.db"),
            "other": _database(f"sqlite:///{tmp_path}/b.db"),
        }
    )
    for alias in ("default", "other"):
        with made[alias].cursor() as cursor:
            cursor.execute("CREATE TABLE t (x INTEGER UNIQUE)")
    yield made
    for alias in made:
        made[alias].close()


@pytest.fixture
def connection(handler, monkeypatch):
    # `transaction.atomic` finds connections by their alias.
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: handler[using or "default"])
    return handler["default"]


def write(connection, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (%s)", [number])


def rows(connection) -> list[int]:
    with connection.cursor() as cursor:
        return [row[0] for row in cursor.execute("SELECT x FROM t ORDER BY x")]


def test_transaction_has_the_turn_until_it_commits(connection):
    with transaction.atomic():
        assert connection.turn.held
        with transaction.atomic():
            write(connection, 1)
        assert connection.turn.held
    assert not connection.turn.held
    assert rows(connection) == [1]


def test_transaction_gives_the_turn_back_when_it_rolls_back(connection):
    with transaction.atomic():
        write(connection, 1)
        transaction.set_rollback(True)
    assert not connection.turn.held
    assert rows(connection) == []


def test_closing_inside_a_transaction_gives_the_turn_back(connection):
    with transaction.atomic():
        turn = connection.turn
        connection.close()
        assert not turn.held
    write(connection, 2)
    assert rows(connection) == [2]


def test_single_write_queues_and_a_read_does_not(connection, handler):
    with handler["default"].cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        mine = handler["default"]
        mine.ensure_connection()
        mine.turn.take()
        holding.set()
        done.wait(60)
        mine.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(60)
    assert rows(connection) == []
    connection.turn._timeout = 0
    with pytest.raises(OperationalError, match="another writer"):
        write(connection, 3)
    done.set()
    thread.join()
    write(connection, 3)
    assert not connection.turn.held
    assert rows(connection) == [3]


def test_refused_write_gives_the_turn_back(connection):
    write(connection, 1)
    with pytest.raises(DatabaseError):
        write(connection, 1)
    assert not connection.turn.held


def test_second_connection_of_one_thread_is_refused_at_once_instead_of_waiting_for_itself(connection, handler):
    with transaction.atomic():
        with pytest.raises(OperationalError, match="this thread"):
            write(handler["again"], 1)
        with transaction.atomic(using="other"):
            write(handler["other"], 1)
    write(handler["again"], 1)
    assert rows(connection) == rows(handler["other"]) == [1]


def test_database_in_memory_has_no_turns():
    made = ConnectionHandler({"default": {"ENGINE": "kalends.jobs.sqlite", "NAME": ":memory:"}})["default"]
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE t (x INTEGER)")
    write(made, 1)
    assert made.turn is None
    assert rows(made) == [1]
    made.connection.close()


@pytest.fixture
def confirmed(monkeypatch):
    """Each time the disk was waited for: the log, and whether somebody else could have written meanwhile."""
    seen: list[str] = []
    fdatasync = os.fdatasync

    def noted(descriptor: int) -> None:
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", noted)
    return seen


def test_what_was_committed_is_on_the_disk_before_anybody_hears_of_it(connection, confirmed, tmp_path):
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        # The log is not waited for at the commit, but after it (and by SQLite before it overwrites any of the file).
        assert cursor.execute("PRAGMA synchronous").fetchone() == (1,)
    told: list[list[str]] = []
    with transaction.atomic():
        write(connection, 1)
        with transaction.atomic():
            write(connection, 2)
        transaction.on_commit(lambda: told.append(list(confirmed)))
        assert confirmed == []
    log = str(tmp_path.resolve() / "a.db-wal")
    assert (told, confirmed) == ([[log]], [log])
    write(connection, 3)
    assert confirmed == [log, log]


def test_disk_is_not_waited_for_where_nothing_was_written(connection, confirmed):
    rows(connection)
    with transaction.atomic():
        rows(connection)
    with transaction.atomic():
        write(connection, 1)
        transaction.set_rollback(True)
    assert confirmed == []


def test_next_writer_has_its_turn_while_the_disk_is_waited_for(connection, handler, monkeypatch):
    turns: list[list[int]] = []
    fdatasync = os.fdatasync

    def slow(descriptor: int) -> None:
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        other = threading.Thread(target=lambda: (write(handler["again"], 2), handler["again"].close()))
        other.start()
        other.join(60)
        turns.append(rows(connection))
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    with transaction.atomic():
        write(connection, 1)
    assert turns == [[1, 2]]


def test_write_that_the_disk_does_not_confirm_fails(connection, monkeypatch):
    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    told: list[str] = []
    monkeypatch.setattr(os, "fdatasync", broken)

    @transaction.atomic
    def write_and_tell() -> None:
        transaction.on_commit(lambda: told.append("told"))
        write(connection, 1)

    with pytest.raises(OperationalError, match="the disk does not confirm"):
        write_and_tell()
    with pytest.raises(OperationalError, match="the disk does not confirm"):
        write(connection, 2)
    monkeypatch.undo()
    assert (told, connection.turn.held) == ([], False)
