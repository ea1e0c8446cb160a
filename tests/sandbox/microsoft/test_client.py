"""Microsoft's own client for Node drives the stand-in: what it understands is not only what we understand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kalends.sandbox.app import Running
from tests.sandbox.microsoft.conftest import Graph

HERE = Path(__file__).parent
MODULES = Path(os.environ.get("KALENDS_NODE_MODULES") or HERE.parents[2] / "node_modules")


def test_microsofts_own_client_reads_and_writes(graph: Graph, sandbox: Running) -> None:
    if not shutil.which("node") or not (MODULES / "@microsoft/microsoft-graph-client").is_dir():
        pytest.skip("npm package @microsoft/microsoft-graph-client is missing: npm ci")
    script = ["node", str(HERE / "drive.cjs"), str(MODULES), sandbox.base_url, graph.token]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "calendars": [["Calendar", True], ["Projects", True], ["Meeting room", False]],
        "view": ["At 9", "At 11", "At 13"],
        "round": 3,
        "moved": {"dateTime": "2026-11-25T08:00:00.0000000", "timeZone": "UTC"},
        "stale": {"status": 412, "code": "ErrorIrresolvableConflict"},
        "gone": {"status": 404, "code": "ErrorItemNotFound"},
        "next": ["At 9", "removed"],
        "tagged": [["At 13", "13"]],
    }
