from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kalends.jobs.turns import Turn, TurnTimeout

# Each thread of each process takes turns and notes, in a file that grows by a byte a turn, how many others went first.
WORKER = """
import sys, threading, time
from kalends.jobs.turns import Turn
path, turns, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
log, overtaken = path + ".log", []
def size():
    with open(log, "ab") as file:
        return file.seek(0, 2)
def work():
    turn = Turn(path, 60)
    for _ in range(turns):
        asked = size()
        turn.take()
        before = size()
        overtaken.append(before - asked)
        with open(log, "ab") as file:
            file.write(b".")
        time.sleep(0.001)
        assert size() == before + 1, "somebody else was let in"
        turn.give_back()
    turn.close()
running = [threading.Thread(target=work) for _ in range(threads)]
[thread.start() for thread in running]
[thread.join() for thread in running]
print(len(overtaken), max(overtaken))
"""
HOLDER = """
import sys, time
from kalends.jobs.turns import Turn
turn = Turn(sys.argv[1], 60)
turn.take()
print("taken", flush=True)
time.sleep(600)
"""


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def in_thread(job) -> list[BaseException]:
    """Runs it to its end in another thread; what it raised."""
    raised: list[BaseException] = []

    def guarded() -> None:
        try:
            job()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    return raised


def test_turns_let_one_in_and_starve_nobody_among_threads_and_processes(tmp_path: Path):
    processes = [run(WORKER, tmp_path / "db", 40, 3) for _ in range(3)]
    told = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert [int(count) for count, _worst in told] == [120, 120, 120]
    # 9 wait at a time and 360 turns are taken; being passed by 100 would be a queue in name only.
    assert max(int(worst) for _count, worst in told) < 100


def test_turn_of_a_killed_process_is_given_back(tmp_path: Path):
    holder = run(HOLDER, tmp_path / "db")
    assert holder.stdout is not None
    assert holder.stdout.readline() == "taken\n"
    turn = Turn(str(tmp_path / "db"), 0.05)
    with pytest.raises(TurnTimeout, match="another writer"):
        turn.take()
    holder.kill()
    holder.communicate()
    turn.take()
    assert turn.held
    turn.close()


def test_turn_that_times_out_leaves_the_queue_to_others(tmp_path: Path):
    first, second = Turn(str(tmp_path / "db"), 1), Turn(str(tmp_path / "db"), 0)
    first.take()
    assert [type(error) for error in in_thread(second.take)] == [TurnTimeout]
    first.give_back()
    assert in_thread(second.take) == []
    assert second.held
    second.close()
    first.close()


def test_turn_refuses_a_second_one_of_the_same_thread_at_once(tmp_path: Path):
    first, second = Turn(str(tmp_path / "db"), 600), Turn(str(tmp_path / "db"), 600)
    first.take()
    with pytest.raises(TurnTimeout, match="this thread"):
        second.take()
    other = Turn(str(tmp_path / "other"), 600)
    other.take()
    assert other.held
    first.close()
    second.take()
    assert second.held
    second.close()
    other.close()


def test_turn_closed_by_another_thread_is_over_for_the_one_that_took_it(tmp_path: Path):
    first, second = Turn(str(tmp_path / "db"), 1), Turn(str(tmp_path / "db"), 1)
    first.take()
    assert in_thread(first.close) == []
    second.take()
    assert second.held
    second.close()
