"""What is started together is stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from kalends.ops.processes import own
from tests.e2e.processes import free_ports, until

PROGRAM = r"""
import sys
from kalends.ops.processes import Part, Stage, supervise

child = "import os, time; os.write(1, b'%d\\n' % os.getpid()); time.sleep(60)"
parts = [Part(name, [sys.executable, "-c", child]) for name in ("one", "two", "three")]
raise SystemExit(supervise([Stage(parts)]))
"""


def test_signals_that_come_several_times_leave_no_part_behind():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        seen = [running.stdout.readline()]
        while running.poll() is None:
            running.send_signal(signal.SIGTERM)
            running.send_signal(signal.SIGINT)
        # The parts hold the pipe: it ends when the last of them has.
        seen += running.stdout.readlines()
    assert [line for line in seen if Path(f"/proc/{int(line)}").exists()] == []


def test_web_that_is_told_to_end_while_it_starts_ends(tmp_path: Path):
    """Its processes inherit a handler that only notes the signal, until they have one of their own."""
    [port] = free_ports(1)
    place = {"KALENDS_VAR": str(tmp_path), "KALENDS_BASE_URL": f"http://127.0.0.1:{port}"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KALENDS_")} | place
    with subprocess.Popen(own("web", "--bind", f"127.0.0.1:{port}"), env=environment) as web:
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children")
        until(lambda: len(children.read_text().split()) == 2, "both of its processes")
        started = children.read_text().split()
        web.terminate()
        assert web.wait(60) == 0
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
