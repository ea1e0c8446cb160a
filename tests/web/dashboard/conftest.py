from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.web.people import House, make_house


@pytest.fixture
def house(db) -> House:
    cache.clear()
    return make_house()
