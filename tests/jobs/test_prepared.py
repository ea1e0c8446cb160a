from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from kalends.companies.models import AuditEntry, Service, Staff, TimeOff
from kalends.core.ids import new_id
from kalends.jobs.prepared import Insertion, Prepared, PreparedUpdate, carry_out, insert
from tests.factories import make_company, make_service, make_staff

pytestmark = pytest.mark.django_db
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def staff():
    company = make_company()
    members = [make_staff(company, f"Member {number}") for number in range(3)]
    make_service(company, "Cut", staff=members)
    for number, member in enumerate(members):
        start = BEGIN + timedelta(days=number)
        TimeOff.objects.create(staff=member, start=start, end=start + timedelta(hours=1), label=f"off {number}")
    return members


def off(ids, begin, end):
    rows = TimeOff.objects.filter(staff_id__in=ids, start__lt=end, end__gt=begin).exclude(label=F("staff__name"))
    return rows.order_by("start").values_list("staff_id", "start", "label", "staff__company__name")


def service(ident, staff):
    rows = Service.objects.filter(Q(pk=ident) | Q(staff=staff), active=True)
    return rows.select_related("company", "location")


def test_prepared_gives_the_rows_of_its_queryset_whatever_the_values(staff):
    prepared = Prepared(off, ids=[UUID], begin=datetime, end=datetime)
    for ids in ([staff[0].pk], [member.pk for member in staff], [new_id(), staff[2].pk], [staff[1].pk]):
        for days in (0, 1, 5):
            until = BEGIN + timedelta(days=days, minutes=1)
            expected = list(off(ids, BEGIN, until))
            assert prepared.rows(ids=ids, begin=BEGIN, end=until) == expected
    assert prepared.rows(ids=[], begin=BEGIN, end=BEGIN) == []


def test_prepared_gives_instances_with_what_they_are_related_to(staff):
    prepared = Prepared(service, ident=UUID, staff=UUID)
    expected = service(new_id(), staff[0].pk).get()
    with CaptureQueriesContext(connection) as queries:
        found = prepared.first(ident=new_id(), staff=staff[0].pk)
        assert (found.company, found.location) == (expected.company, None)
    assert len(queries) == 1
    assert {f.attname: getattr(found, f.attname) for f in Service._meta.fields} == {
        f.attname: getattr(expected, f.attname) for f in Service._meta.fields
    }
    assert found.duration == expected.duration
    assert prepared.first(ident=new_id(), staff=new_id()) is None
    found.name = "Colour"
    found.save()
    assert Service.objects.get().name == "Colour"


def test_prepared_reads_what_stands_there_now(staff):
    prepared = Prepared(lambda ident: Staff.objects.filter(pk=ident).values_list("schedule_revision"), ident=UUID)
    before = prepared.first(ident=staff[0].pk)[0]
    Staff.objects.filter(pk=staff[0].pk).update(schedule_revision=F("schedule_revision") + 1)
    assert prepared.first(ident=staff[0].pk) == (before + 1,)


@pytest.mark.django_db(transaction=True)
def test_prepared_that_locks_is_refused_outside_a_transaction_each_time():
    company = make_company()
    prepared = Prepared(lambda pk: Staff.objects.select_for_update().filter(pk=pk).values_list("name"), pk=UUID)
    with transaction.atomic():
        assert prepared.rows(pk=make_staff(company, "Ann").pk) == [("Ann",)]
    with pytest.raises(TransactionManagementError):
        prepared.rows(pk=new_id())


def test_prepared_refuses_what_is_no_value_of_its_kind(staff):
    prepared = Prepared(lambda ident: Staff.objects.filter(pk=ident), ident=UUID)
    with pytest.raises(Exception, match="UUID"):
        prepared.rows(ident="' OR 1=1")


@pytest.mark.django_db(transaction=True)
def test_prepared_uses_the_connection_of_its_thread():
    member = make_staff(make_company(), "Ann")
    prepared = Prepared(lambda ident: Staff.objects.filter(pk=ident), ident=UUID)
    assert prepared.rows(ident=member.pk) == [member]
    found = []

    def other() -> None:
        found.extend(prepared.rows(ident=member.pk))
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found == [member]


def test_prepared_update_changes_the_rows_it_names_and_no_others(staff):
    raised = PreparedUpdate(lambda ids: Staff.objects.filter(pk__in=ids), {"position": F("position") + 10}, ids=[UUID])
    for ids in ([staff[0].pk], [staff[0].pk, staff[2].pk], []):
        raised.rows(ids=ids)
    found = {row.pk: row.position for row in Staff.objects.all()}
    assert found == {
        staff[0].pk: staff[0].position + 20,
        staff[1].pk: staff[1].position,
        staff[2].pk: staff[2].position + 10,
    }


def test_insert_stores_what_save_would_store(staff):
    def entry(target: str, detail: dict) -> AuditEntry:
        return AuditEntry(company=staff[0].company, at=BEGIN, actor="t", action="a", target=target, detail=detail)

    for made in (entry("Zoé", {"a": [1, None, "é"]}), entry("", {})):
        insert(made)
        found = AuditEntry.objects.get(pk=made.pk)
        assert [(f.attname, getattr(found, f.attname)) for f in AuditEntry._meta.fields] == [
            (f.attname, getattr(made, f.attname)) for f in AuditEntry._meta.fields
        ]
        made.action = "b"
        made.save()
        assert AuditEntry.objects.get(pk=made.pk).action == "b"


def test_insert_that_the_database_refuses_spoils_its_transaction_like_a_save(staff):
    made = AuditEntry(company=staff[0].company, at=BEGIN, actor="t", action="a")
    insert(made)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(made)
    assert AuditEntry.objects.filter(pk=made.pk).count() == 1


def test_carry_out_does_all_and_tells_how_many_rows_each_changed(staff):
    def entry(target: str) -> AuditEntry:
        return AuditEntry(company=staff[0].company, at=BEGIN, actor="t", action="a", target=target)

    raised = PreparedUpdate(lambda ids: Staff.objects.filter(pk__in=ids), {"position": F("position") + 10}, ids=[UUID])
    there, new, other = entry("there"), entry("new"), entry("other")
    insert(there)
    with CaptureQueriesContext(connection) as asked:
        counts = carry_out(
            [
                Insertion(new),
                Insertion(there, unless_there=True),
                raised.drafted(ids=[staff[0].pk, staff[1].pk]),
                Insertion(other, unless_there=True),
            ]
        )
    assert counts == [1, 0, 2, 1]
    assert len(asked) == (1 if connection.vendor == "postgresql" else 4)
    assert [row._state.adding for row in (new, there, other)] == [False, True, False]
    assert set(AuditEntry.objects.filter(actor="t").values_list("target", flat=True)) == {"there", "new", "other"}
    assert [Staff.objects.get(pk=row.pk).position - row.position for row in staff] == [10, 10, 0]


def test_carry_out_does_nothing_if_the_database_refuses_one(staff):
    made = AuditEntry(company=staff[0].company, at=BEGIN, actor="t", action="a")
    insert(made)
    new = AuditEntry(company=staff[0].company, at=BEGIN, actor="t", action="new")
    with pytest.raises(IntegrityError), transaction.atomic():
        carry_out([Insertion(new), Insertion(made)])
    assert AuditEntry.objects.filter(actor="t").count() == 1
