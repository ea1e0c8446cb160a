"""What several rooms' tests share: leaving out, or refusing to leave out, what this machine cannot run."""

from __future__ import annotations

import os
import shutil

import pytest


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
