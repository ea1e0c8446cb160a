"""What is started together is stopped together."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

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
