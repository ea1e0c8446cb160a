"""The program from outside: exit statuses, and that errors go where errors go."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[1] / "scheduling/availability-cases.json"


def kalends(*arguments: str, var: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KALENDS_")}
    return subprocess.run(
        [sys.executable, "-m", "kalends", *arguments],
        env={**clean, "KALENDS_VAR": str(var), **env},
        capture_output=True,
        text=True,
        check=False,
    )


COMMANDS = (
    "serve",
    "web",
    "worker",
    "migrate",
    "doctor",
    "company",
    "sync",
    "slots",
    "keys",
    "backup",
    "restore",
    "release",
    "demo",
    "sandbox",
)


def test_help_names_every_command_of_the_interface(tmp_path: Path):
    result = kalends("--help", var=tmp_path)
    assert result.returncode == 0
    for name in (*COMMANDS, "manage"):
        assert f"    {name} " in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(tmp_path: Path, name: str):
    result = kalends(name, "--help", var=tmp_path)
    assert (result.returncode, "example: kalends" in result.stdout) == (0, True)


def test_bad_usage_exits_2(tmp_path: Path):
    assert kalends("dance", var=tmp_path).returncode == 2
    assert kalends("slots", var=tmp_path).returncode == 2


def test_wrong_configuration_exits_1_and_names_the_variable(tmp_path: Path):
    result = kalends("doctor", var=tmp_path, KALENDS_POLL_SECONDS="soon")
    assert (result.returncode, result.stdout) == (1, "")
    assert "KALENDS_POLL_SECONDS" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_slots_replays_the_cases_and_fails_on_a_wrong_one(tmp_path: Path):
    good = kalends("slots", "--cases", str(CASES), var=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    data = json.loads(CASES.read_text(encoding="utf-8"))
    data["cases"] = [{**data["cases"][0], "expect": {}}]
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(data), encoding="utf-8")
    bad = kalends("slots", "--cases", str(wrong), var=tmp_path)
    assert (bad.returncode, bad.stdout.splitlines()[0].split()[:2]) == (1, ["A01", "fail:"])
    missing = kalends("slots", "--cases", str(tmp_path / "none.json"), var=tmp_path)
    assert (missing.returncode, missing.stdout) == (1, "")


def test_company_is_made_migrated_and_found_healthy(tmp_path: Path):
    assert kalends("migrate", var=tmp_path).returncode == 0
    made = kalends(
        "company", "create", "--name", "Lakeside Clinic", "--slug", "lakeside", "--timezone", "Europe/Paris",
        "--owner-email", "owner@lakeside.example", "--api-key", var=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    lines = [line.split() for line in made.stdout.splitlines()]
    assert [line[0] for line in lines] == ["company", "owner", "api"]
    assert lines[2][2].startswith("kal_")
    again = kalends(
        "company", "create", "--name", "X", "--slug", "lakeside", "--timezone", "UTC", "--owner-email", "o@x.example",
        var=tmp_path,
    )  # fmt: skip
    assert (again.returncode, again.stderr) == (1, "kalends: Another company has this address.\n")
    doctor = kalends("doctor", var=tmp_path)
    assert (doctor.returncode, "WRONG" in doctor.stdout) == (0, False)
    sync = kalends("sync", "--all", "--dry-run", var=tmp_path)
    assert (sync.returncode, sync.stdout) == (0, "")


def test_doctor_says_what_is_wrong_and_exits_1(tmp_path: Path):
    unmigrated = kalends("doctor", var=tmp_path)
    assert unmigrated.returncode == 1
    assert "run `kalends migrate`" in unmigrated.stdout
    half = kalends("doctor", var=tmp_path, KALENDS_GOOGLE_CLIENT_ID="only the id")
    assert "set both KALENDS_GOOGLE_CLIENT_ID and KALENDS_GOOGLE_CLIENT_SECRET" in half.stdout
    half = kalends("doctor", var=tmp_path, KALENDS_MICROSOFT_CLIENT_ID="only the id")
    assert "KALENDS_MICROSOFT_CLIENT_SECRET is not set." in half.stdout


def test_keys_rotate_moves_everything_to_the_first_key(tmp_path: Path):
    kalends("migrate", var=tmp_path)
    kalends(
        "company", "create", "--name", "L", "--slug", "l", "--timezone", "UTC", "--owner-email", "o@l.example",
        var=tmp_path,
    )  # fmt: skip
    old = (tmp_path / "encryption-key").read_text(encoding="ascii")
    new = kalends("keys", "new", var=tmp_path).stdout.strip()
    rotated = kalends("keys", "rotate", var=tmp_path, KALENDS_ENCRYPTION_KEYS=f"{new},{old}")
    assert rotated.returncode == 0, rotated.stderr
    assert "companies.Feed.secret_sealed: 1 sealed again" in rotated.stdout
    doctor = kalends("doctor", var=tmp_path, KALENDS_ENCRYPTION_KEYS=new)
    assert "1 in the ring" in doctor.stdout


def test_backup_of_a_running_installation_is_restored_into_another(tmp_path: Path):
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "kalends.backup"
    kalends("migrate", var=old)
    kalends(
        "company", "create", "--name", "L", "--slug", "l", "--timezone", "UTC", "--owner-email", "o@l.example", var=old
    )
    key = (old / "encryption-key").read_text(encoding="ascii")
    # Somebody is writing at the very moment: a backup waits for nobody, and nobody for it.
    with sqlite3.connect(old / "kalends.db", isolation_level=None) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE companies_company SET name = 'Half written'")
        made = kalends("backup", str(file), var=old)
        writer.execute("ROLLBACK")
    writer.close()
    assert made.returncode == 0, made.stderr
    assert f"the encryption keys {key.partition(':')[0]}" in made.stdout
    assert "companies.Company: 1 of 1" in made.stderr
    without_key = kalends("restore", str(file), var=new)
    assert (without_key.returncode, "KALENDS_ENCRYPTION_KEYS lacks" in without_key.stderr) == (1, True)
    checked = kalends("restore", "--check", str(file), var=new, KALENDS_ENCRYPTION_KEYS=key)
    assert (checked.returncode, checked.stdout[:12]) == (0, "whole, made ")
    restored = kalends("restore", str(file), var=new, KALENDS_ENCRYPTION_KEYS=key)
    assert restored.returncode == 0, restored.stderr
    assert "held: 0 calendar connections" in restored.stdout
    with sqlite3.connect(new / "kalends.db") as reader:
        assert reader.execute("SELECT slug, name FROM companies_company").fetchall() == [("l", "L")]
    reader.close()
    again = kalends("restore", str(file), var=new, KALENDS_ENCRYPTION_KEYS=key)
    assert (again.returncode, "The database is not empty" in again.stderr) == (1, True)
    assert (
        kalends("release", "--connections", var=new, KALENDS_ENCRYPTION_KEYS=key).stdout == "0 connections released\n"
    )
