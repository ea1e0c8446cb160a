"""Configuration: what production refuses, and what a wrong value says."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from kalends.config.env import load
from kalends.core.sealing import new_encryption_key


def production(**values: str) -> dict[str, str]:
    base = {
        "KALENDS_BASE_URL": "https://book.example.org",
        "KALENDS_SECRET_KEY": "s",
        "KALENDS_ENCRYPTION_KEYS": new_encryption_key(),
        "KALENDS_EMAIL_URL": "smtp://mail.example.org:587/?tls=starttls",
        "KALENDS_EMAIL_FROM": "Clinic <book@example.org>",
    }
    return {name: value for name, value in {**base, **values}.items() if value}


@pytest.mark.parametrize(
    "name", ["KALENDS_SECRET_KEY", "KALENDS_ENCRYPTION_KEYS", "KALENDS_EMAIL_URL", "KALENDS_EMAIL_FROM"]
)
def test_production_refuses_development_defaults_by_name(name: str):
    with pytest.raises(ImproperlyConfigured, match=name):
        load(production(**{name: ""}))


def test_production_turns_push_on_for_https():
    config = load(production())
    assert (config.is_production, config.push) == (True, True)


def test_development_makes_secrets_once_and_keeps_them(tmp_path: Path):
    first = load({"KALENDS_VAR": str(tmp_path)})
    second = load({"KALENDS_VAR": str(tmp_path)})
    assert first.secret_key == second.secret_key
    assert first.encryption_keys == second.encryption_keys
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


def test_queue_stands_beside_the_database(tmp_path: Path):
    config = load({"KALENDS_VAR": str(tmp_path), "KALENDS_DATABASE_URL": f"sqlite:///{tmp_path}/x/k.db"})
    assert config.queue_url == f"sqlite:///{tmp_path}/x/queue.db"


def test_file_named_by_config_is_read_and_the_environment_wins(tmp_path: Path):
    file = tmp_path / "kalends.conf"
    file.write_text("# comment\nKALENDS_POLL_SECONDS=7\nKALENDS_GRACE_SECONDS=8\n", encoding="utf-8")
    config = load({"KALENDS_VAR": str(tmp_path), "KALENDS_CONFIG": str(file), "KALENDS_GRACE_SECONDS": "9"})
    assert (config.poll_seconds, config.grace_seconds) == (7, 9)


def test_secret_may_come_from_a_file(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("from a file\n", encoding="utf-8")
    config = load({"KALENDS_VAR": str(tmp_path), "KALENDS_GOOGLE_CLIENT_SECRET_FILE": str(secret)})
    assert config.google_client_secret == "from a file"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KALENDS_POLL_SECONDS", "soon"),
        ("KALENDS_POLL_SECONDS", "0"),
        ("KALENDS_PUSH", "perhaps"),
        ("KALENDS_SIGNUP", "on"),
        ("KALENDS_BASE_URL", "book.example.org"),
        ("KALENDS_ENCRYPTION_KEYS", "short:AAAA"),
        ("KALENDS_CONFIG", "/nowhere/kalends.conf"),
    ],
)
def test_wrong_value_stops_the_start_with_its_name(tmp_path: Path, name: str, value: str):
    with pytest.raises(ImproperlyConfigured, match=name):
        load({"KALENDS_VAR": str(tmp_path), name: value})


PRODUCTION = {
    "KALENDS_BASE_URL": "https://book.example.org",
    "KALENDS_SECRET_KEY": "x",
    "KALENDS_EMAIL_URL": "smtp://mail.example.org",
    "KALENDS_EMAIL_FROM": "book@example.org",
}


@pytest.mark.parametrize(
    ("environ", "is_open"),
    [
        ({}, True),
        ({"KALENDS_SIGNUP": "closed"}, False),
        (PRODUCTION, False),
        (PRODUCTION | {"KALENDS_SIGNUP": "Open"}, True),
    ],
)
def test_sign_up_is_closed_in_production_unless_opened(tmp_path: Path, environ: dict[str, str], is_open: bool):
    key = {"KALENDS_ENCRYPTION_KEYS": new_encryption_key(), "KALENDS_VAR": str(tmp_path)}
    assert load(key | environ).signup_open is is_open


def test_representation_shows_no_secret(tmp_path: Path):
    assert repr(load({"KALENDS_VAR": str(tmp_path)})) == "<Config http://127.0.0.1:8000>"
