"""What several rooms' tests share: leaving out what this machine cannot run, or refusing to; a server that listens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_httpserver import HTTPServer


def skip(reason: str) -> None:
    """Skips the test with the reason; with KALENDS_TEST_SKIP=refuse nothing is left out, so it fails instead."""
    if os.environ.get("KALENDS_TEST_SKIP") == "refuse":
        pytest.fail(f"{reason}, and KALENDS_TEST_SKIP=refuse lets no test be left out")
    pytest.skip(reason)


def require(program: str, reason: str) -> str:
    """The program's path; without it the test is skipped, saying what it is needed for."""
    found = shutil.which(program)
    if found is None:
        skip(f"{reason}: {program} is not installed")
    return str(found)


@contextmanager
def listening() -> Iterator[HTTPServer]:
    """A server of its own on loopback, for a test that needs more than the one of the fixture, or a newer port."""
    server = HTTPServer()
    server.start()
    try:
        yield server
    finally:
        server.clear()
        server.stop()
