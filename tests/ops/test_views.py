from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.db.migrations.recorder import MigrationRecorder

from kalends.core.clock import utc_now
from kalends.jobs import sweeps
from kalends.jobs.models import SweepRun
from kalends.ops import health

pytestmark = pytest.mark.django_db
# A sweep gives its connection back, and with it a test's own transaction.
sweeping = pytest.mark.django_db(transaction=True)


def test_healthz_answers_without_asking_anything(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok\n"


@sweeping
def test_readyz_tells_what_does_not_answer(client, monkeypatch):
    before = client.get("/readyz").json()
    assert (before["ready"], before["failing"]) == (True, {})
    assert "calendars: due connections" in before["late"], "no worker yet"
    sweeps._noted.clear()
    sweeps.run_all()
    assert client.get("/readyz").json() == {"ready": True, "failing": {}, "late": []}

    def broken() -> None:
        raise ConnectionError("secret host name")

    monkeypatch.setitem(health.CHECKS, "queue", broken)
    response = client.get("/readyz")
    assert (response.status_code, response.json()) == (
        503,
        {"ready": False, "failing": {"queue": "ConnectionError"}, "late": []},
    )


@sweeping
def test_readyz_says_when_workers_stopped_or_tables_lack(client, monkeypatch):
    sweeps._noted.clear()
    sweeps.run_all()
    SweepRun.objects.filter(name="calendars: due connections").update(ended_at=utc_now() - timedelta(minutes=10))
    assert client.get("/readyz").json() == {"ready": True, "failing": {}, "late": ["calendars: due connections"]}
    SweepRun.objects.update(ended_at=utc_now())
    monkeypatch.setitem(health.CHECKS, "migrations", health._Migrated())
    applied = MigrationRecorder.Migration.objects.filter(app="bookings", name="0002_no_overlap")
    rows = list(applied)
    applied.delete()
    try:
        assert client.get("/readyz").json()["failing"] == {"migrations": "NotMigrated"}
    finally:
        # Emptying the tables after a test leaves this one alone, and so what is missing in it.
        MigrationRecorder.Migration.objects.bulk_create(rows)


@sweeping
def test_rare_sweeps_are_not_called_late(client):
    sweeps._noted.clear()
    sweeps.run_all()
    SweepRun.objects.filter(name="act counts").delete()
    assert client.get("/readyz").json()["late"] == []


def test_metrics_answer_loopback_only_unless_there_is_a_token(client, settings):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert client.get("/metrics", REMOTE_ADDR="").status_code == 404
    through_a_proxy = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert through_a_proxy.status_code == 404, "although the proxy itself comes from loopback"
    settings.KALENDS = dataclasses.replace(settings.KALENDS, metrics_token="t0ken")
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    right = client.get("/metrics", REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer t0ken"})
    assert right.status_code == 200
