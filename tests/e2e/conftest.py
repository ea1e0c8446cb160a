"""One running product for all tests of this folder, and the figures that they measured."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.processes import Running, fresh_database, running
from tests.e2e.visitor import close_clients


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("product")
    server_url = os.environ.get("KALENDS_TEST_DATABASE_URL", "")
    # With proven push a calendar is read every half hour only, and the stories wait for the next reading.
    with fresh_database(server_url) as database_url, running(folder, database_url, KALENDS_PUSH="off") as here:
        yield here
        close_clients()


@pytest.fixture
def note(
    record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> Callable[[str, float], None]:
    """Writes a measured figure, in seconds, to the summary. Nothing depends on it."""
    return lambda name, seconds: record_property("figure", f"{request.node.name}: {name}: {seconds:.3f} s")
