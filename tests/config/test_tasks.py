from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kalends

SOURCE = Path(kalends.__file__).parent


def test_worker_knows_every_task_from_its_start():
    """Huey throws away a task whose module was not imported; the rows would wait for the next sweep."""
    modules = sorted(
        ".".join(("kalends", *path.relative_to(SOURCE).with_suffix("").parts)) for path in SOURCE.rglob("tasks.py")
    )
    code = "import sys, django; django.setup(); print(*sorted(set(sys.argv[1:]) - set(sys.modules)))"
    missing = subprocess.run([sys.executable, "-c", code, *modules], check=True, capture_output=True, text=True).stdout
    assert len(modules) > 1
    assert missing.split() == []
