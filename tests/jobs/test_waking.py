from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from kalends.jobs.queue import _make, huey
from kalends.jobs.waking import Waker


def test_wake_ups_leave_in_order_and_each_once_while_they_wait():
    sent, first, go = [], threading.Event(), threading.Event()

    def send(batch):
        sent.append(list(batch))
        first.set()
        go.wait(10)

    waker = Waker(send)
    waker.add((print, ("a",)))
    first.wait(10)
    for name in ("b", "c", "b"):
        waker.add((print, (name,)))
    go.set()
    waker.finish()
    assert sent == [[(print, ("a",))], [(print, ("b",)), (print, ("c",))]]


def test_wake_ups_that_the_queue_does_not_take_are_only_noted(caplog):
    calls = []

    def send(batch):
        calls.append(batch)
        if len(calls) == 1:
            raise ConnectionError("secret")

    waker = Waker(send)
    waker.add((print, ("a",)))
    waker.finish()
    waker.add((print, ("b",)))
    waker.finish()
    assert [wakes[0][1] for wakes in calls] == [("a",), ("b",)]
    assert [record.getMessage() for record in caplog.records] == [
        "wake-ups were not taken by the queue (ConnectionError): the sweep finds the rows"
    ]


BOOKING = """
import django
django.setup()
from django.db import transaction
from kalends.calendars.tasks import sync_connection
from kalends.jobs.queue import wake_on_commit
with transaction.atomic():
    wake_on_commit(sync_connection, "one")
    wake_on_commit(sync_connection, "two")
try:
    with transaction.atomic():
        wake_on_commit(sync_connection, "never")
        raise KeyError
except KeyError:
    pass
"""


def test_program_that_ends_at_once_has_woken_whom_it_committed_for(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/queue.db"
    environment = {"KALENDS_QUEUE_URL": url, "KALENDS_DATABASE_URL": f"sqlite:///{tmp_path}/kalends.db"}
    process = subprocess.run([sys.executable, "-c", BOOKING], env={**os.environ, **environment}, check=False)
    assert process.returncode == 0
    queue = _make(url)
    found = [huey.deserialize_task(queue.storage.dequeue()).args for _ in range(queue.storage.queue_size())]
    assert found == [("one",), ("two",)]
    queue.storage.close()
