from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huey.storage import BaseSqlStorage

from kalends.jobs import queue as jobs_queue
from kalends.jobs.queue import _make
from tests.e2e.processes import fresh_database

# Each thread of each process puts messages into one queue.
WORKER = """
import sys, threading
import django
django.setup()
from kalends.jobs.queue import _make
queue = _make(f"sqlite:///{sys.argv[1]}")
def work():
    for number in range(int(sys.argv[2])):
        queue.storage.enqueue(b"%d" % number)
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_queue_in_sqlite_loses_no_message_of_many_threads_and_processes(tmp_path: Path):
    path = tmp_path / "queue.db"
    queue = _make(f"sqlite:///{path}")
    processes = [subprocess.Popen([sys.executable, "-c", WORKER, str(path), "40"]) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert queue.storage.queue_size() == 3 * 3 * 40
    assert queue.storage.dequeue() == b"0"
    assert queue.storage.queue_size() == 3 * 3 * 40 - 1
    queue.storage.close()


def test_queue_in_sqlite_gives_its_turn_back_where_a_write_fails(tmp_path: Path):
    queue = _make(f"sqlite:///{tmp_path}/queue.db")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        queue.storage.sql("insert into nowhere values (1)", commit=True)
    queue.storage.enqueue(b"after")
    assert queue.storage.dequeue() == b"after"
    queue.storage.close()


def test_message_in_sqlite_reaches_who_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs_queue, "_WAIT_SECONDS", 60)
    queue = _make(f"sqlite:///{tmp_path}/queue.db")
    found: list[bytes] = []
    waiting = [threading.Thread(target=lambda: found.append(queue.storage.dequeue())) for _ in range(3)]
    for thread in waiting:
        thread.start()
    other = _make(f"sqlite:///{tmp_path}/queue.db")
    for text in (b"one", b"two", b"three"):
        other.storage.enqueue(text)
    for thread in waiting:
        thread.join()
    assert sorted(found) == [b"one", b"three", b"two"]
    queue.storage.close()
    other.storage.close()


def test_who_waits_in_vain_is_given_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs_queue, "_WAIT_SECONDS", 0.01)
    queue = _make(f"sqlite:///{tmp_path}/queue.db")
    assert queue.storage.dequeue() is None
    queue.storage._bell.ring()
    assert queue.storage.dequeue() is None, "a ring without a message"
    queue.storage.close()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database of its own: whoever runs beside this test must not take its messages, nor put theirs there."""
    url = os.environ.get("KALENDS_TEST_DATABASE_URL", "")
    if not url.startswith("postgres"):
        pytest.skip("needs PostgreSQL: tools/with_postgres.py")
    with fresh_database(url) as made:
        yield made


def test_message_in_postgresql_reaches_who_waits_for_it_and_one_thread_listens(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs_queue, "_WAIT_SECONDS", 60)
    queue, other = _make(postgres_url), _make(postgres_url)
    found: list[bytes] = []

    def wait() -> None:
        found.append(queue.storage.dequeue())
        # A thread's own connection; the one that listens is everybody's.
        BaseSqlStorage.close(queue.storage)

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    for text in (b"one", b"two", b"three"):
        other.storage.enqueue(text)
    for thread in waiting:
        thread.join()
    assert sorted(found) == [b"one", b"three", b"two"]
    # In this database: others on the same server have workers of their own.
    listening = (
        "select count(*) from pg_stat_activity where datname = current_database()"
        f" and query = 'listen \"{queue.storage.channel}\"'"
    )
    assert queue.storage.sql(listening, results=True) == [(1,)]
    assert queue.storage.queue_size() == 0
    queue.storage.close()
    other.storage.close()


def test_who_waits_in_vain_in_postgresql_is_given_nothing(postgres_url: str):
    queue = _make(postgres_url)
    queue.storage.read_timeout = 0.01
    assert queue.storage.dequeue() is None
    queue.storage.close()


# A task that says when it runs, once the worker listens to signals, and ends when it is told to.
LONG_TASK = """
import signal, sys, time
import django
django.setup()
from kalends.jobs.queue import task
from kalends.ops.worker import run_worker
@task
def long():
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        time.sleep(0.01)
    print("begun", flush=True)
    print("told", sys.stdin.readline().strip(), flush=True)
long()
sys.exit(run_worker(threads=1))
"""


def test_worker_that_is_asked_to_stop_finishes_what_runs(tmp_path: Path):
    environment = {**os.environ, "KALENDS_VAR": str(tmp_path), "KALENDS_QUEUE_URL": f"sqlite:///{tmp_path}/queue.db"}
    environment["KALENDS_DATABASE_URL"] = f"sqlite:///{tmp_path}/kalends.db"
    command = [sys.executable, "-c", LONG_TASK]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as worker:
        assert worker.stdout.readline() == "begun\n"
        worker.send_signal(signal.SIGTERM)
        said, _ = worker.communicate("to end\n", timeout=60)
    assert (said, worker.returncode) == ("told to end\n", 0)
