from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kalends.jobs.bell import Bell

RING = "import sys; from kalends.jobs.bell import Bell; Bell(sys.argv[1]).ring()"


def test_bell_is_heard_by_another_process(tmp_path: Path):
    bell = Bell(f"{tmp_path}/bell")
    assert bell.wait(0) is False
    with subprocess.Popen([sys.executable, "-c", RING, f"{tmp_path}/bell"]) as other:
        assert bell.wait(60) is True
    assert other.returncode == 0


def test_one_answer_leaves_further_rings_to_others(tmp_path: Path):
    ours, theirs = Bell(f"{tmp_path}/bell"), Bell(f"{tmp_path}/bell")
    ours.ring()
    ours.ring()
    ours.answer()
    assert theirs.wait(0) is True
    theirs.answer()
    assert (ours.wait(0), theirs.wait(0)) == (False, False)
    ours.answer()


def test_nobody_who_rings_waits_for_a_listener(tmp_path: Path):
    bell = Bell(f"{tmp_path}/bell")
    for _ in range(70_000):
        bell.ring()
    assert bell.wait(0) is True
