"""Short transactions of many threads share a wait for the disk, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import transaction

from kalends.companies.models import Company
from kalends.jobs.together import in_transaction
from tests.factories import make_company

# Threads of two processes, one in three of whose pieces of work fails after it has written.
WORKER = """
import sys, threading
import django
django.setup()
from django.db import connection
from django.utils import translation
from kalends.companies.models import Company
from kalends.jobs.together import in_transaction
from kalends.core.ids import new_id

mine = sys.argv[1]
failures, wrong = [], []

def work(thread):
    language = ("en", "fr")[thread % 2]
    translation.activate(language)
    for number in range(12):
        name = f"{mine}-{thread}-{number}"
        def write():
            if translation.get_language() != language:
                wrong.append(name)
            Company.objects.create(name=name, slug=name, timezone="UTC")
            if number % 3 == 0:
                raise KeyError(name)
            return name
        try:
            assert in_transaction(write) == name
        except KeyError as error:
            failures.append(error.args[0])
            assert error.args[0] == name
        else:
            assert Company.objects.filter(slug=name).exists()
    connection.close()

threads = [threading.Thread(target=work, args=(ident,)) for ident in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not wrong, wrong
assert len(failures) == 4 * 4, len(failures)
"""


# One leads and waits until three stand behind it; the second of them fails in a way of its own.
TOGETHER = """
import threading, time
import django
django.setup()
from django.db import connection, transaction
from kalends.jobs import together

def execute(sql, params=()):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()

def create(name):
    execute("INSERT INTO things (name) VALUES (%s)", [name])
    transaction.on_commit(lambda: fired.append(name))
    return name

def refused(name):
    create(name)
    raise KeyError(name)

def dangling(name):
    create(name)
    execute("INSERT INTO parts (thing) VALUES ('nothing')")

def undone(name):
    create(name)
    connection.connection.execute("ROLLBACK")
    raise KeyError(name)

def ask(work, name):
    connection.ensure_connection()
    try:
        answers[name] = together.in_transaction(lambda: work(name))
    except Exception as error:
        answers[name] = type(error).__name__
    connection.close()

def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)

execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
execute("CREATE TABLE parts (thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED)")
for bad in (refused, dangling, undone):
    fired, answers, leading = [], {}, threading.Event()

    def first(name):
        leading.set()
        wait_for(lambda: len(together._group._waiting) == 3)
        return create(name)

    threads = [threading.Thread(target=ask, args=(first, "first"))]
    threads[0].start()
    assert leading.wait(60)
    for number, work in enumerate((create, bad, create)):
        threads.append(threading.Thread(target=ask, args=(work, f"n{number}")))
        threads[-1].start()
        # With the third the leader goes on, and all three may be done before we look.
        wait_for(lambda: number == 2 or len(together._group._waiting) == number + 1)
    [thread.join() for thread in threads]
    names = sorted(name for (name,) in execute("SELECT name FROM things"))
    print(answers["n1"], *(answers[name] for name in names), sorted(fired) == names)
    execute("DELETE FROM things")
"""


def test_work_done_together_is_answered_as_it_would_be_alone(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/kalends.db"
    environment = {**os.environ, "KALENDS_DATABASE_URL": url, "KALENDS_VAR": str(tmp_path)}
    command = [sys.executable, "-c", TOGETHER]
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=180)
    done = "first n0 n2 True"
    assert found.stdout.splitlines() == [f"KeyError {done}", f"IntegrityError {done}", f"KeyError {done}"]


def test_work_of_many_threads_and_processes_is_done_once_or_not_at_all(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/kalends.db"
    environment = {**os.environ, "KALENDS_DATABASE_URL": url, "KALENDS_VAR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "kalends", "migrate"], env=environment, check=True, capture_output=True)
    processes = [subprocess.Popen([sys.executable, "-c", WORKER, name], env=environment) for name in "ab"]
    assert [process.wait(180) for process in processes] == [0, 0]
    count = "import django; django.setup(); from kalends.companies.models import Company as C; print(C.objects.count())"
    found = subprocess.run([sys.executable, "-c", count], env=environment, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == str(2 * 4 * 8)


@pytest.mark.django_db
def test_work_within_a_transaction_is_part_of_it():
    def work() -> None:
        in_transaction(make_company)
        raise KeyError

    with pytest.raises(KeyError), transaction.atomic():
        work()
    assert Company.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_work_that_fails_leaves_nothing():
    def work() -> None:
        make_company()
        raise KeyError

    with pytest.raises(KeyError):
        in_transaction(work)
    assert Company.objects.count() == 0
