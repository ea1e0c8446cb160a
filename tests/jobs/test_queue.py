from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kalends.jobs.queue import _make

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
