from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, models
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st

from kalends.bookings.models import Appointment, Status
from kalends.jobs.stored import Stored

ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))])
INSTANTS = st.datetimes(datetime(1980, 1, 1), datetime(2199, 1, 1), timezones=ZONES)
VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2**31 - 1), st.text(max_size=9), st.uuids(), INSTANTS)
FIELDS = [
    models.CharField(max_length=9),
    models.SlugField(),
    models.TextField(),
    models.BooleanField(),
    models.PositiveSmallIntegerField(),
    models.BigIntegerField(),
    models.UUIDField(),
    models.DateTimeField(),
    models.JSONField(),
    Appointment._meta.get_field("company"),
]


def said(call):
    try:
        found = call()
    except Exception as error:
        return type(error)
    # JSON is wrapped in an object of its own.
    return getattr(found, "obj", found), type(found)


@given(st.sampled_from(FIELDS), VALUES)
def test_value_is_stored_as_its_field_says(field, value):
    expected = said(lambda: field.get_db_prep_save(value, connection))
    assert said(lambda: Stored(field).value(value, connection)) == expected


def test_value_that_is_not_plain_is_left_to_its_field():
    text = Stored(FIELDS[0])
    assert type(text.value(lazystr("later"), connection)) is str
    paris = ZoneInfo("Europe/Paris")
    twice = [datetime(2026, 10, 25, 2, 30, tzinfo=paris, fold=fold) for fold in (0, 1)]
    at = Stored(FIELDS[7])
    assert [str(at.value(wall, connection))[:13] for wall in twice] == [
        str(FIELDS[7].get_db_prep_save(wall, connection))[:13] for wall in twice
    ]
    assert text.value(Status.CONFIRMED, connection) == "confirmed"
    with pytest.warns(RuntimeWarning, match="naive"):
        Stored(models.DateTimeField(name="at")).value(datetime(2026, 3, 2), connection)
    assert Stored(models.UUIDField()).value(UUID(int=5), connection) in (UUID(int=5).hex, UUID(int=5))
