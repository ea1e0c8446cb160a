"""The files under deploy/ speak of programs, variables and metrics that exist."""

from __future__ import annotations

import configparser
import json
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from kalends.calendars.models import CalendarConnection, Link
from kalends.core.clock import utc_now
from kalends.jobs import counters, sweeps
from kalends.jobs.models import Counter
from kalends.messages.models import OutgoingMessage
from kalends.ops import cli
from kalends.ops.metrics import COUNTS, exposition
from tests.calendars.conftest import new_world  # noqa: F401 - the fixture
from tests.calendars.world import at

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def read_yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def known_variables() -> set[str]:
    return set(re.findall(r'"(KALENDS_[A-Z_]+)"', (ROOT / "src/kalends/config/env.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [p for p in sorted(DEPLOY.rglob("*")) if p.is_file()], ids=lambda p: p.name)
def test_every_variable_named_is_one_that_is_read(path: Path):
    named = set(re.findall(r"KALENDS_[A-Z]+(?:_[A-Z]+)*", path.read_text(encoding="utf-8")))
    assert named - known_variables() == set()


def test_example_environment_has_what_production_requires():
    lines = (DEPLOY / "kalends.env.example").read_text(encoding="utf-8").splitlines()
    assert all(line == "" or line.startswith("#") or "=" in line for line in lines)
    named = {line.lstrip("#").partition("=")[0] for line in lines if "=" in line}
    required = {"BASE_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "EMAIL_URL", "EMAIL_FROM"}
    assert {f"KALENDS_{name}" for name in required} <= named


def test_compose_runs_web_and_worker_after_the_migration():
    compose = read_yaml("compose.yaml")
    services = compose["services"]
    assert set(services) == {"postgres", "valkey", "migrate", "web", "worker"}
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert not {"container_name", "ports"} & set(services[name]), "it could not be scaled"
    for name in ("migrate", "worker"):
        parse_command(services[name]["command"])
    assert set(compose["volumes"]) == {"postgres"}


def parse_command(words: list[str]) -> None:
    """Exits with status 2 if the program does not know the command or an option."""
    assert words[0].rpartition("/")[2] == "kalends", words
    if words[1] != "manage":
        cli._parser().parse_args(words[1:])


def unit(path: Path) -> configparser.ConfigParser:
    # Keys keep their case; a unit has no two keys of one name that matter here.
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_units_run_commands_that_exist(path: Path):
    service = unit(path)["Service"]
    assert service["EnvironmentFile"] == "/etc/kalends/kalends.env"
    words = shlex.split(service["ExecStart"])
    if words[0] == "/bin/sh":
        words = shlex.split(words[2].removeprefix("exec "))
    parse_command(words)
    assert set(unit(path).sections()) <= {"Unit", "Service", "Install"}


def test_timer_starts_the_backup():
    timer = unit(DEPLOY / "systemd/kalends-backup.timer")
    assert (timer["Timer"]["Persistent"], (DEPLOY / "systemd/kalends-backup.service").exists()) == ("true", True)


# -- metrics ----------------------------------------------------------------------------------------------------------


def samples(now=None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = exposition(now or utc_now()).decode()
    families = list(text_string_to_metric_families(text))
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def offered() -> dict[str, set[str]]:
    """Every metric by the name that a query uses, with its labels."""
    text = exposition().decode()
    names = {line.split()[2]: set() for line in text.splitlines() if line.startswith("# TYPE")}
    names.update({f"{name}_total": set(labels) for name, (_text, labels) in COUNTS.items()})
    for name, labels in samples():
        names.setdefault(name, set()).update(label for label, _ in labels)
    return names


def queries() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana/kalends.json").read_text(encoding="utf-8"))
    drawn = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = [rule for group in read_yaml("prometheus/alerts.yaml")["groups"] for rule in group["rules"]]
    return drawn + [rule["expr"] for rule in rules]


@pytest.mark.django_db
def test_every_metric_of_dashboard_and_alerts_is_there():
    named = {name for query in queries() for name in re.findall(r"\bkalends_[a-z_]+", query)}
    assert len(named) > 15
    assert named - set(offered()) == set()
    watched = {name.removesuffix("_total") for name in named}
    assert {name for name in offered() if name.removesuffix("_total") not in watched} <= {
        "kalends_info",
        "kalends_calendars",
    }, "a figure that nobody looks at"


def test_every_alert_has_its_paragraph():
    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rules = [rule for group in read_yaml("prometheus/alerts.yaml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
        assert f"\n#### {rule['alert']}\n" in document, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_scrape_asks_for_metrics_with_the_token():
    scrape = read_yaml("prometheus/scrape.yaml")["scrape_configs"][0]
    assert (scrape["metrics_path"], scrape["authorization"]["type"]) == ("/metrics", "Bearer")


def test_metrics_tell_what_the_rows_say(new_world):  # noqa: F811
    world = new_world()
    world.book_synced(at(3, 10))
    now = world.now + timedelta(seconds=100)
    found = samples(now)
    google = (("provider", "google"),)
    assert found["kalends_connections", (*google, ("state", "active"))] == 1
    assert found["kalends_calendars", google] == 2
    assert found["kalends_calendars_stale", google] == 0
    assert found["kalends_sync_lag_seconds", google] >= 100
    CalendarConnection.objects.update(due_at=now - timedelta(seconds=30))
    Link.objects.update(status="refused")
    OutgoingMessage.objects.update(state="queued", created_at=now - timedelta(seconds=60))
    found = samples(now)
    assert (found["kalends_connections_due", google], found["kalends_connections_due_seconds", google]) == (1, 30)
    assert found["kalends_links_in_trouble", (("status", "refused"),)] == 1
    assert found["kalends_outbox_oldest_seconds", ()] == 60
    later = samples(now + timedelta(days=2))
    assert later["kalends_calendars_stale", google] == 2


@pytest.mark.django_db
def test_counts_begin_at_nought_so_that_the_first_one_is_an_increase():
    Counter.objects.all().delete()
    found = samples()
    alerted = re.findall(r"increase\((kalends_\w+)", (DEPLOY / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    for name in alerted:
        assert {value for (sample, _labels), value in found.items() if sample == name} == {0.0}, name
    assert found["kalends_mails_total", (("outcome", "failed"),)] == 0


def test_counts_of_all_processes_add_up(new_world):  # noqa: F811
    counters.flush()
    google = (("provider", "google"),)
    before = samples().get(("kalends_sync_writes_total", google), 0)
    world = new_world()
    world.book_synced(at(3, 10))
    world.settle(2)
    assert samples().get(("kalends_sync_writes_total", google), 0) == before, "still in this process"
    counters.flush()
    counters.count("kalends_sync_writes", 5, provider="google")  # another process's share
    counters.flush()
    found = samples()
    assert found["kalends_sync_writes_total", google] == before + 6
    assert found["kalends_sync_echoes_total", google] >= 1
    assert found["kalends_sync_runs_total", (("outcome", "ok"), *google)] >= 3


@pytest.mark.django_db(transaction=True)
def test_sweeps_tell_their_age():
    sweeps._noted.clear()
    sweeps.run_all()
    ages = {labels[0][1]: value for (name, labels), value in samples().items() if name == "kalends_sweep_age_seconds"}
    assert {"calendars: due connections", "messages.send_due", "counters"} <= set(ages)
    query = next(query for query in queries() if "kalends_sweep_age_seconds{" in query)
    assert all(name in query for name in ("calendars: due connections", "messages.send_due"))
