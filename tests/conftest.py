"""What every test starts from. Settings come from the environment, so it is set before Django is imported."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

_var = tempfile.mkdtemp(prefix="kalends-test-")
for name in [name for name in os.environ if name.startswith("KALENDS_") and not name.startswith("KALENDS_TEST_")]:
    if name != "KALENDS_NODE_MODULES":
        del os.environ[name]
os.environ.update(
    {
        "KALENDS_VAR": _var,
        "KALENDS_DATABASE_URL": os.environ.get("KALENDS_TEST_DATABASE_URL", f"sqlite:///{_var}/kalends.db"),
        "KALENDS_QUEUE_URL": "memory://",
        "KALENDS_SECRET_KEY": "tests-only",
    }
)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kalends.config.settings")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # playwright's sync API runs a loop in the test's thread

import django  # noqa: E402 - the environment above must stand first
import pytest  # noqa: E402
from django.conf import settings  # noqa: E402
from django.utils import translation  # noqa: E402

# A slow hash protects people, not tests.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if settings.DATABASES["default"]["ENGINE"].endswith("sqlite"):
    # pytest-django knows SQLite's in-memory databases by Django's own engine name only.
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = ":memory:"
django.setup()

from hypothesis import HealthCheck  # noqa: E402
from hypothesis import settings as hypothesis_settings  # noqa: E402

from kalends.net import http  # noqa: E402

# Machines are shared: how long an example took, or its drawing, says nothing about the law. A change is judged by the
# same examples as the last one; KALENDS_TEST_EXAMPLES=5000 draws new ones, and so many.
_examples = os.environ.get("KALENDS_TEST_EXAMPLES")
hypothesis_settings.register_profile(
    "kalends",
    deadline=None,
    max_examples=int(_examples or "100"),
    derandomize=not _examples,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("kalends")


def pytest_terminal_summary(terminalreporter) -> None:
    """Figures that tests measured and wrote down with `record_property("figure", ...)`; no test depends on one."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, [])]
    properties = [item for report in reports if report.when == "call" for item in report.user_properties]
    if figures := [value for name, value in properties if name == "figure"]:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(str(line))


@pytest.fixture(autouse=True)
def english() -> None:
    """A page that was read in French leaves its language to the thread, and so to the next test."""
    translation.activate("en")


@pytest.fixture(autouse=True)
def connections_closed() -> Iterator[None]:
    """Each test's servers have ports of their own: what the process keeps open to them would pile up to its limit."""
    yield
    while http._clients:
        http._clients.popitem()[1].close()
