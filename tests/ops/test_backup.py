"""What was written comes back as it was; what cannot come back whole does not come back at all."""

from __future__ import annotations

import dataclasses
import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from kalends.bookings.models import Appointment, Attendee
from kalends.companies.models import Company, Staff
from kalends.companies.services import create_group
from kalends.core.errors import Conflict, InvalidInput
from kalends.core.sealing import new_encryption_key
from kalends.messages.models import OutgoingMessage
from kalends.messages.sending import send_due
from kalends.messages.webhook_sending import due_endpoints
from kalends.messages.webhooks import create_webhook
from kalends.ops.backup import releasing
from kalends.ops.backup.file import lines
from kalends.ops.backup.restoring import check_backup, restore_backup
from kalends.ops.backup.writing import write_backup
from tests.bookings.support import at, make_salon
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def quiet(table: str, done: int, total: int) -> None:
    """Nobody reads the progress here."""


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    table, columns = "", []
    for line in lines(path):
        if isinstance(line, dict):
            table, columns = line.get("table", ""), line.get("columns", [])
        else:
            found.setdefault(table, []).append(dict(zip(columns, line, strict=True)))
    return found


def rewritten(path: Path, change) -> Path:
    """The same backup with its text changed and nothing else."""
    other = path.with_name("other")
    other.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))
    return other


def empty() -> None:
    call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    salon = make_salon(2)
    create_group(company=salon.company, name="Everybody", staff=salon.staff, actor="test", now=NOW)
    create_webhook(
        company=salon.company, url="https://shop.example/", events=["appointment.created"], actor="test", now=NOW
    )
    salon.book(at(3, 10))
    salon.book(at(4, 10), staff=salon.staff[1])
    path = tmp_path / "backup"
    write_backup(path, now=NOW, progress=quiet)
    return path


# What a restore is to change.
CHANGED = {
    "companies.Staff": {"schedule_revision"},
    "companies.StaffGroup": {"revision"},
    "companies.Feed": {"revision"},
    "bookings.Attendee": {"sequence"},
    "outbox.OutgoingMessage": {"state"},
    "outbox.WebhookEndpoint": {"paused_by"},
}


def test_restored_rows_are_what_they_were(backup: Path, tmp_path: Path):
    empty()
    report = restore_backup(backup, now=NOW, progress=quiet)
    write_backup(tmp_path / "again", now=NOW, progress=quiet)
    before, after = rows_of(backup), rows_of(tmp_path / "again")
    assert before.keys() == after.keys()
    for table, rows in before.items():
        unchanged = [{k: v for k, v in row.items() if k not in CHANGED.get(table, set())} for row in rows]
        restored = [{k: v for k, v in row.items() if k not in CHANGED.get(table, set())} for row in after[table]]
        assert restored == unchanged, table
    assert report.rows == sum(len(rows) for rows in before.values())
    assert (report.messages, report.attendees, report.connections) == (OutgoingMessage.objects.count(), 2, 0)
    assert report.webhooks == 1


def test_restored_installation_goes_on(backup: Path):
    """New rows find their numbers free; feeds give no tag again that they once gave."""
    empty()
    restore_backup(backup, now=NOW, progress=quiet)
    company = Company.objects.get()
    staff = list(Staff.objects.all())
    assert min(member.schedule_revision for member in staff) > 1_000_000
    create_group(company=company, name="Both", staff=staff, actor="test", now=NOW)
    assert set(Attendee.objects.values_list("sequence", flat=True)) == {1_000}


def test_over_appointments_keep_their_sequence(tmp_path: Path):
    salon = make_salon()
    salon.book(at(3, 10))
    write_backup(tmp_path / "backup", now=NOW + timedelta(days=30), progress=quiet)
    empty()
    restore_backup(tmp_path / "backup", now=NOW + timedelta(days=31), progress=quiet)
    assert set(Attendee.objects.values_list("sequence", flat=True)) == {0}


def test_webhooks_wait_after_a_restore_until_a_person_lets_them(backup: Path):
    empty()
    restore_backup(backup, now=NOW, progress=quiet)
    assert due_endpoints(now=NOW, limit=9) == []
    assert [row.host for row in releasing.held_webhooks()] == ["shop.example"]
    assert releasing.release_webhooks(now=NOW) == 1
    assert list(releasing.held_webhooks()) == []
    assert len(due_endpoints(now=NOW, limit=9)) == 1


def test_held_mails_leave_or_are_given_up_by_a_person(backup: Path):
    empty()
    restore_backup(backup, now=NOW, progress=quiet)
    waiting = releasing.held_messages().count()
    assert (waiting > 0, send_due(now=NOW + timedelta(hours=1))) == (True, 0)
    first = releasing.held_messages()[0]
    OutgoingMessage.objects.exclude(pk=first.pk).update(state="superseded")
    assert releasing.send_held(now=NOW + timedelta(hours=1)) == 1
    assert send_due(now=NOW + timedelta(hours=2)) == 1
    OutgoingMessage.objects.update(state="held")
    assert releasing.discard_held(now=NOW) == waiting
    assert set(OutgoingMessage.objects.values_list("state", flat=True)) == {"superseded"}


def nothing_came(backup: Path, match: str, error: type[Exception] = InvalidInput) -> None:
    with pytest.raises(error, match=match):
        restore_backup(backup, now=NOW, progress=quiet)
    assert Company.objects.count() == 0


def test_cut_off_file_is_refused(backup: Path):
    empty()
    whole = backup.read_bytes()
    backup.write_bytes(whole[: len(whole) // 2])
    nothing_came(backup, "is broken or no backup")
    nothing_came(rewritten_lines(backup, whole, drop_last=True), "is broken or no backup")


def rewritten_lines(backup: Path, whole: bytes, *, drop_last: bool) -> Path:
    backup.write_bytes(whole)
    return rewritten(backup, lambda text: b"".join(text.splitlines(keepends=True)[: -1 if drop_last else None]))


def test_altered_file_is_refused(backup: Path):
    empty()
    nothing_came(rewritten(backup, lambda text: text.replace(b"ada@example.org", b"eve@example.org")), "is broken")


def test_file_that_is_something_else_is_refused(tmp_path: Path):
    other = tmp_path / "notes.txt"
    other.write_text("buy milk")
    nothing_came(other, "is broken or no backup")
    other.write_bytes(gzip.compress(b"[]\n"))
    nothing_came(other, "is broken or no backup")
    nothing_came(tmp_path / "nowhere", "No such file", OSError)


def other_manifest(backup: Path, change) -> Path:
    """With a digest that is right: made by another version, not damaged."""

    def rewrite(text: bytes) -> bytes:
        from hashlib import sha256

        head, *rest, end = text.splitlines(keepends=True)
        manifest = json.loads(head)
        change(manifest)
        body = json.dumps(manifest).encode() + b"\n" + b"".join(rest)
        closing = json.loads(end)
        closing["end"]["sha256"] = sha256(body).hexdigest()
        return body + json.dumps(closing).encode() + b"\n"

    return rewritten(backup, rewrite)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: m["migrations"].append(["bookings", "0099_later"]), "a newer version of Kalends"),
        (lambda m: m["migrations"].remove(["jobs", "0002_act_counts"]), "an older version of Kalends"),
        (lambda m: m.update(kalends_backup=2), "unknown format"),
    ],
)
def test_backup_of_another_version_is_refused(backup: Path, change, match: str):
    empty()
    nothing_came(other_manifest(backup, change), match)


def test_missing_key_is_named(backup: Path, settings):
    empty()
    ident = settings.KALENDS.encryption_keys[0].partition(":")[0]
    settings.KALENDS = dataclasses.replace(settings.KALENDS, encryption_keys=(new_encryption_key(),))
    nothing_came(backup, f"KALENDS_ENCRYPTION_KEYS lacks {ident}")


def test_file_names_keys_and_holds_none(backup: Path, settings):
    ident, _, key = settings.KALENDS.encryption_keys[0].partition(":")
    assert check_backup(backup).key_ids == frozenset({ident})
    assert key.encode() not in gzip.decompress(backup.read_bytes())
    assert backup.stat().st_mode & 0o077 == 0


def test_database_that_holds_something_is_left_alone(backup: Path):
    with pytest.raises(Conflict, match="The database is not empty"):
        restore_backup(backup, now=NOW, progress=quiet)
    assert Appointment.objects.count() == 2


def test_failure_halfway_leaves_the_database_empty(backup: Path):
    def die(table: str, done: int, total: int) -> None:
        if table == "bookings.Appointment":
            raise KeyboardInterrupt

    empty()
    with pytest.raises(KeyboardInterrupt):
        restore_backup(backup, now=NOW, progress=die)
    assert (Company.objects.count(), Appointment.objects.count()) == (0, 0)
    restore_backup(backup, now=NOW, progress=quiet)
    assert Appointment.objects.count() == 2


def test_no_backup_is_written_over_another(backup: Path):
    was = backup.read_bytes()
    with pytest.raises(InvalidInput, match="is there already"):
        write_backup(backup, now=NOW, progress=quiet)
    assert backup.read_bytes() == was
    assert [path.name for path in backup.parent.iterdir()] == ["backup"], "no unfinished file is left"


def test_backup_is_of_one_moment(backup: Path, tmp_path: Path):
    """What is written while it runs is in all of its tables or in none."""
    if connection.vendor == "sqlite":
        pytest.skip("a database in memory has one connection; tests/ops/test_cli.py does this with a file")
    from threading import Thread

    from django.db import connections

    def book_another(table: str, done: int, total: int) -> None:
        if table == "companies.Company":
            thread = Thread(target=lambda: (make_other(), connections.close_all()))
            thread.start()
            thread.join()

    def make_other() -> None:
        from tests.factories import make_company

        make_company("other")

    write_backup(tmp_path / "moment", now=NOW, progress=book_another)
    assert Company.objects.count() == 2
    found = rows_of(tmp_path / "moment")
    assert [row["slug"] for row in found["companies.Company"]] == ["lakeside"]
    assert len(found["accounts.User"]) == 1
    assert len({row["company_id"] for row in found["companies.Feed"]}) == 1
