"""The PostgreSQL backend: kept connections that are gone are noticed before they are used, without asking each time."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.db.utils import ConnectionHandler
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from kalends.config.settings import _database
from kalends.jobs.postgresql.base import KeepingQuery, _read

only_postgres = pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "kalends.jobs.postgresql", reason="on PostgreSQL only"
)


@pytest.fixture
def kept():
    """A connection of its own, as a request left it."""
    made = ConnectionHandler({"default": {**settings.DATABASES["default"], "CONN_HEALTH_CHECKS": True}})["default"]
    made.settings_dict["NAME"] = connection.settings_dict["NAME"]
    made.ensure_connection()
    yield made
    made.close()


def backend_of(kept) -> int:
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@only_postgres
@pytest.mark.django_db(transaction=True)
def test_connection_that_the_server_ended_is_replaced_before_the_next_request(kept):
    first = backend_of(kept)
    kept.close_if_unusable_or_obsolete()
    assert backend_of(kept) == first
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [first])
        assert cursor.fetchone() == (True,)
    kept.close_if_unusable_or_obsolete()
    assert backend_of(kept) != first


@only_postgres
@pytest.mark.django_db(transaction=True)
def test_connection_that_was_closed_on_our_side_is_replaced_too(kept):
    first = backend_of(kept)
    kept.connection.close()
    kept.close_if_unusable_or_obsolete()
    assert backend_of(kept) != first


@only_postgres
@pytest.mark.django_db(transaction=True)
def test_connection_that_is_quiet_is_not_asked(kept):
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}, autocommit=True) as watcher:
        pid = backend_of(kept)
        look = "SELECT query_start FROM pg_stat_activity WHERE pid = %s"
        before = watcher.execute(look, [pid]).fetchone()
        assert kept.is_usable()
        assert watcher.execute(look, [pid]).fetchone() == before


@pytest.mark.parametrize(
    ("url", "host", "port", "more"),
    [
        ("postgresql://u:p%40@db.example:5433/name", "db.example", "5433", {}),
        ("postgresql:///name?host=/run/postgresql", "/run/postgresql", "", {}),
        ("postgresql://u@db.example/name?sslmode=verify-full", "db.example", "", {"sslmode": "verify-full"}),
        ("postgresql://u@db.example/name?sslcert=/a+b%20c", "db.example", "", {"sslcert": "/a+b c"}),
    ],
)
def test_address_is_read_as_libpq_reads_it(url, host, port, more):
    made = _database(url)
    assert (made["NAME"], made["HOST"], made["PORT"]) == ("name", host, port)
    assert {name: value for name, value in made["OPTIONS"].items() if name.startswith("ssl")} == more


@only_postgres
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT %s, '100 %%', %s", ["a", 2]),
        ("SELECT %(b)s, %(a)s, %(b)s", {"a": 1, "b": "x"}),
        (f"SELECT {', '.join(['%s'] * 900)}", list(range(900))),
        ("SELECT 1", []),
        ("SELECT '100 %'", None),
        (b"SELECT %s", (b"bytes",)),
    ],
)
def test_places_of_values_that_are_kept_are_those_that_psycopg_finds(query, values):
    connection.ensure_connection()
    ours, theirs = (kind(Transformer(connection.connection)) for kind in (KeepingQuery, PostgresQuery))
    for made in (ours, theirs, ours):
        made.convert(query, values)
    assert (ours.query, ours.params) == (theirs.query, theirs.params)
    assert (ours.types, ours.formats) == (theirs.types, theirs.formats)


@only_postgres
@pytest.mark.django_db
def test_places_in_a_long_query_are_looked_for_once():
    text = f"SELECT {' + '.join(['%s::int'] * 256)} {' ' * 4096}"
    before = _read.cache_info()
    with connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute(text, list(range(256)))
            assert cursor.fetchone() == (32_640,)
    after = _read.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' + '.join(['%s::int'] * 257)}", list(range(257)))
        assert cursor.fetchone() == (32_896,)
    assert _read.cache_info() == after
