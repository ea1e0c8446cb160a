from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from pytest_httpserver import HTTPServer

from kalends.accounts.models import User
from kalends.companies.models import AuditEntry, Company, Membership, Role
from kalends.companies.services import change_company
from kalends.core.clock import utc_now
from kalends.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from kalends.jobs import limits
from kalends.jobs.secrets import sealed_columns, unseal
from kalends.messages import figures, webhooks
from kalends.messages import webhook_reads as reads
from kalends.messages.models import Event, OutgoingMessage, WebhookDelivery, WebhookEndpoint
from kalends.messages.sending import send_message
from kalends.messages.services import CONTENT_FIELD
from kalends.messages.webhook_sending import (
    KEPT,
    LEASE,
    PAUSE_AFTER,
    due_endpoints,
    forget_old,
    send_webhooks,
    signature,
)
from kalends.net.errors import Timeout
from kalends.net.http import Response
from tests.factories import NOW, make_company, make_user

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Killed(BaseException):
    """Stands for a process that ends between two steps."""


@dataclass
class Receiver:
    """Takes, refuses, is silent or dies as told; `got` are delivery id and bytes."""

    status: int = 200
    silent: bool = False
    dies: bool = False
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def request(self, method, url, *, headers, body) -> Response:
        if self.silent:
            raise Timeout("no complete answer in time")
        self.got.append((headers["Kalends-Delivery"], body))
        if self.dies:
            raise Killed
        return Response(self.status, {}, b"thanks" if self.status == 200 else b"no", url)


@pytest.fixture
def company() -> Company:
    return make_company()


@pytest.fixture
def endpoint(company: Company) -> WebhookEndpoint:
    return make_endpoint(company)


def make_endpoint(company: Company, url: str = "https://shop.example/hook/s3cret", events=Event.values):
    return webhooks.create_webhook(company=company, url=url, events=events, actor="owner", now=NOW)[0]


def announce(company: Company, *, version: int = 1, subject: UUID | None = None, event=Event.CREATED, now=NOW) -> None:
    with transaction.atomic():
        webhooks.announce(
            company=company,
            event=event,
            subject_id=subject or uuid4(),
            version=version,
            data=lambda: {"appointment": {"version": version, "notes": "Détente"}},
            now=now,
        )


def send(endpoint: WebhookEndpoint, receiver: Receiver, now: datetime = NOW) -> int:
    return send_webhooks(endpoint_id=endpoint.pk, now=now, http=receiver)


def states(company: Company) -> list[str]:
    return list(WebhookDelivery.objects.filter(company=company).order_by("pk").values_list("state", flat=True))


# -- what is written down ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_event_goes_with_its_transaction():
    company = make_company()
    make_endpoint(company)
    with pytest.raises(TransactionManagementError):
        webhooks.announce(company=company, event=Event.CREATED, subject_id=uuid4(), version=1, data=dict, now=NOW)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError(announce(company))
    assert WebhookDelivery.objects.count() == 0


def test_change_is_told_once_to_each_endpoint_that_chose_it(company, endpoint):
    other = make_endpoint(company, "https://crm.example/in", [Event.CANCELLED])
    subject = uuid4()
    for _ in range(2):
        announce(company, subject=subject)
    announce(company, subject=subject, version=2, event=Event.CANCELLED)
    rows = WebhookDelivery.objects.order_by("pk").values_list("endpoint", "event", "version")
    assert set(rows) == {
        (endpoint.pk, "appointment.created", 1),
        (endpoint.pk, "appointment.cancelled", 2),
        (other.pk, "appointment.cancelled", 2),
    }
    assert len(rows) == 3


@pytest.mark.django_db(transaction=True)
def test_change_that_is_told_to_an_endpoint_just_deleted_stands():
    company = make_company()
    endpoint = make_endpoint(company)
    gone = WebhookEndpoint(pk=endpoint.pk, company=company)
    webhooks.delete_webhook(company=company, webhook_id=endpoint.pk, actor="owner", now=NOW)
    about = {"event": Event.CREATED, "subject_id": uuid4(), "version": 1, "data": {}}
    with transaction.atomic():
        webhooks._delivery_of(gone, now=NOW, **about).save(force_insert=True)
    assert due_endpoints(now=NOW, limit=9) == []
    assert (figures.waiting_deliveries(), reads.waiting_by_endpoint(company)) == (0, {})
    assert forget_old(now=NOW + KEPT + HOUR) == 1


def test_company_without_endpoints_costs_no_query_and_no_thought(company, django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(0):
        webhooks.announce(
            company=company, event=Event.CREATED, subject_id=uuid4(), version=1, data=lambda: 1 / 0, now=NOW
        )


def test_company_knows_whether_it_has_endpoints(company):
    first, second = make_endpoint(company), make_endpoint(company)
    seen = [Company.objects.get().has_webhooks]
    for row in (first, second):
        webhooks.delete_webhook(company=company, webhook_id=row.pk, actor="owner", now=NOW)
        seen.append(Company.objects.get().has_webhooks)
    assert seen == [True, True, False]
    assert company.has_webhooks is False


def test_company_that_was_read_before_does_not_lose_its_endpoints_by_a_change(company):
    stale = Company.objects.get(pk=company.pk)
    make_endpoint(company)
    change_company(company=stale, actor="owner", now=NOW, name="Other name")
    assert Company.objects.values_list("name", "has_webhooks").get() == ("Other name", True)


# -- what goes over the wire ------------------------------------------------------------------------------------------


def test_delivery_is_signed_named_and_taken_once(company, httpserver: HTTPServer, settings):
    host = f"{httpserver.host}:{httpserver.port}"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(host,))
    httpserver.expect_request("/hook").respond_with_data("x" * 5000, status=202)
    endpoint, secret = webhooks.create_webhook(
        company=company, url=httpserver.url_for("/hook"), events=[Event.CREATED], actor="owner", now=NOW
    )
    announce(company)
    assert send_webhooks(endpoint_id=endpoint.pk, now=NOW) == 1
    assert send_webhooks(endpoint_id=endpoint.pk, now=NOW) == 0
    ((request, _answer),) = httpserver.log
    row = WebhookDelivery.objects.get()
    assert json.loads(request.data) == {
        "id": str(row.pk),
        "type": "appointment.created",
        "created_at": "2026-03-02T08:00:00Z",
        "company": str(company.pk),
        "data": {"appointment": {"version": 1, "notes": "Détente"}},
    }
    stamp = int(NOW.timestamp())
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + request.data, "sha256").hexdigest()
    assert request.method == "POST"
    assert [request.headers[f"Kalends-{name}"] for name in ("Event", "Delivery", "Signature")] == [
        "appointment.created",
        str(row.pk),
        f"t={stamp},v1={mac}",
    ]
    assert request.headers["Content-Type"] == "application/json"
    assert (row.state, row.status, row.answer, row.error, row.attempts) == ("delivered", 202, "x" * 1024, "", 1)


def test_signature_follows_secret_body_and_time():
    usual = signature("a", b"{}", NOW)
    others = [signature("b", b"{}", NOW), signature("a", b"[]", NOW), signature("a", b"{}", NOW + timedelta(seconds=1))]
    assert usual not in others


def test_guide_tells_how_to_check_a_signature():
    guide = Path(__file__).parents[2] / "docs/guide/webhooks.md"
    told: dict = {}
    exec(guide.read_text().split("```python\n")[1].split("```")[0], told)
    is_genuine, at, body = told["is_genuine"], utc_now(), '{"a":"é"}'.encode()
    header = signature("whsec_1", body, at)
    assert is_genuine("whsec_1", header, body) is True
    assert is_genuine("whsec_2", header, body) is False
    assert is_genuine("whsec_1", header, body + b" ") is False
    assert is_genuine("whsec_1", signature("whsec_1", body, at - HOUR), body) is False


def test_redirect_is_not_followed_and_a_private_address_not_reached(company, httpserver: HTTPServer, settings):
    host = f"{httpserver.host}:{httpserver.port}"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=(host,))
    httpserver.expect_request("/hook").respond_with_data("", status=307, headers={"Location": "/elsewhere"})
    url = httpserver.url_for("/hook")
    endpoint = make_endpoint(company, url)
    announce(company)
    assert send_webhooks(endpoint_id=endpoint.pk, now=NOW) == 0
    assert [request.path for request, _ in httpserver.log] == ["/hook"]
    assert WebhookDelivery.objects.get().error == "redirect: a POST was redirected (307)"
    settings.KALENDS = replace(settings.KALENDS, allow_private_hosts=())
    assert send_webhooks(endpoint_id=endpoint.pk, now=NOW + HOUR) == 0
    assert len(httpserver.log) == 1
    row = WebhookDelivery.objects.get()
    assert (row.state, row.status) == ("pending", None)
    assert row.error.startswith("refused: URL: plain http is not used")


# -- trying again -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [Receiver(status=500), Receiver(status=302), Receiver(silent=True)])
def test_failure_is_tried_again_with_the_same_bytes(company, endpoint, failing):
    announce(company)
    assert send(endpoint, failing) == 0
    endpoint.refresh_from_db()
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, endpoint.failures, endpoint.failing_since) == (
        "pending",
        1,
        1,
        endpoint.failing_since,
    )
    assert NOW + timedelta(seconds=22) < row.due_at < NOW + timedelta(seconds=38)
    assert reads.webhook_state(endpoint) == "failing"
    assert due_endpoints(now=NOW + timedelta(seconds=1), limit=9) == []
    assert due_endpoints(now=row.due_at, limit=9) == [endpoint.pk]
    well = Receiver()
    assert send(endpoint, well, row.due_at) == 1
    assert well.got == [(str(row.pk), row.body.encode())]
    assert failing.got in ([], well.got)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.quiet_until) == (0, None, None)


def test_dead_receiver_costs_one_try_whatever_waits(company, endpoint):
    for _ in range(5):
        announce(company)
    dead = Receiver(status=503)
    send(endpoint, dead)
    assert len(dead.got) == 1
    send(endpoint, dead, NOW + timedelta(seconds=1))
    assert len(dead.got) == 1
    send(endpoint, dead, NOW + timedelta(seconds=14))
    assert len({ident for ident, _ in dead.got}) == len(dead.got) == 2


def test_delivery_is_given_up_after_three_days_and_the_endpoint_paused_after_five(company, endpoint):
    announce(company)
    receiver, now, failed_at = Receiver(status=500), NOW, None
    for _ in range(200):
        send(endpoint, receiver, now)
        if failed_at is None and states(company) == ["failed"]:
            failed_at, tries = now, len(receiver.got)
            announce(company, now=now)
        endpoint.refresh_from_db()
        if endpoint.paused_by:
            break
        now += HOUR
    assert timedelta(days=3) <= failed_at - NOW <= timedelta(days=3, hours=8)
    assert 16 <= tries <= 26
    assert PAUSE_AFTER <= now - NOW <= PAUSE_AFTER + timedelta(hours=8)
    assert (endpoint.paused_by, states(company)) == ("failures", ["failed", "pending"])
    announce(company, now=now)
    assert due_endpoints(now=now + DAY, limit=9) == []
    webhooks.change_webhook(company=company, webhook_id=endpoint.pk, paused=False, actor="owner", now=now + 9 * DAY)
    assert send(endpoint, Receiver(), now + 9 * DAY) == 2
    assert states(company) == ["failed", "delivered", "delivered"]


def fail_until_paused(company: Company, endpoint: WebhookEndpoint, now: datetime) -> datetime:
    while True:
        announce(company, now=now)
        send(endpoint, Receiver(status=500), now)
        endpoint.refresh_from_db()
        if endpoint.paused_by:
            return now
        now += 12 * HOUR


def test_owners_are_told_once_for_each_pause_in_their_language(company, endpoint):
    User.objects.update(locale="fr")
    Membership.objects.create(company=company, user=make_user("manager@lakeside.example"), role=Role.MANAGER)
    paused_at = fail_until_paused(company, endpoint, NOW)
    send(endpoint, Receiver(status=500), paused_at + DAY)
    [mail] = OutgoingMessage.objects.filter(company=company)
    assert (mail.kind, mail.recipient, mail.locale) == ("webhook_paused", "owner@lakeside.example", "fr")
    assert "s3cret" not in unseal(mail.content_sealed, row=mail.pk, field=CONTENT_FIELD)
    send_message(message_id=mail.pk, now=paused_at)
    webhooks.change_webhook(company=company, webhook_id=endpoint.pk, paused=False, actor="owner", now=paused_at + DAY)
    fail_until_paused(company, endpoint, paused_at + DAY)
    assert OutgoingMessage.objects.filter(company=company).count() == 2


def test_worker_killed_after_the_receiver_took_it_repeats_the_same_delivery(company, endpoint):
    announce(company)
    receiver = Receiver(dies=True)
    with pytest.raises(Killed):
        send(endpoint, receiver)
    receiver.dies = False
    assert send(endpoint, receiver, NOW + LEASE - timedelta(seconds=1)) == 0
    assert send(endpoint, receiver, NOW + LEASE) == 1
    assert receiver.got[0] == receiver.got[1]
    assert states(company) == ["delivered"]


def test_worker_that_lost_its_lease_settles_nothing(company, endpoint):
    announce(company)

    class Slow(Receiver):
        def request(self, method, url, *, headers, body):
            WebhookEndpoint.objects.update(lease_until=NOW + 2 * LEASE)
            return super().request(method, url, headers=headers, body=body)

    assert send(endpoint, Slow()) == 0
    assert states(company) == ["pending"]
    assert WebhookEndpoint.objects.get().lease_until == NOW + 2 * LEASE


def test_two_workers_do_not_send_to_one_endpoint_at_once(company, endpoint):
    announce(company)
    announce(company)
    beside = Receiver()

    class Busy(Receiver):
        def request(self, method, url, *, headers, body):
            assert send(endpoint, beside) == 0
            return super().request(method, url, headers=headers, body=body)

    assert send(endpoint, Busy()) == 2
    assert beside.got == []


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_delivery_is_sent_again_with_the_same_id_and_bytes(company, endpoint):
    announce(company)
    receiver = Receiver()
    send(endpoint, receiver)
    row = WebhookDelivery.objects.get()
    webhooks.resend_delivery(company=company, webhook_id=endpoint.pk, delivery_id=str(row.pk), now=NOW + DAY)
    assert send(endpoint, receiver, NOW + DAY) == 1
    assert receiver.got == [(str(row.pk), row.body.encode())] * 2


def test_ping_goes_at_once_even_to_an_endpoint_that_fails(company, endpoint):
    announce(company)
    send(endpoint, Receiver(status=500))
    webhooks.send_test(company=company, webhook_id=endpoint.pk, now=NOW)
    receiver = Receiver()
    assert send(endpoint, receiver) == 1
    assert json.loads(receiver.got[0][1])["type"] == "ping"
    assert json.loads(receiver.got[0][1])["data"] == {"webhook": str(endpoint.pk)}


def test_what_happens_while_paused_waits_for_the_way_on(company, endpoint):
    webhooks.change_webhook(company=company, webhook_id=endpoint.pk, paused=True, actor="owner", now=NOW)
    announce(company)
    receiver = Receiver()
    assert send(endpoint, receiver) == 0
    for act in (webhooks.send_test, webhooks.resend_delivery):
        more = {"delivery_id": WebhookDelivery.objects.get().pk} if act is webhooks.resend_delivery else {}
        with pytest.raises(Conflict) as refused:
            act(company=company, webhook_id=endpoint.pk, now=NOW, **more)
        assert refused.value.code == "paused"
    webhooks.change_webhook(company=company, webhook_id=endpoint.pk, paused=False, actor="owner", now=NOW + DAY)
    assert send(endpoint, receiver, NOW + DAY) == 1


def test_nobody_sends_by_hand_without_end(company, endpoint, monkeypatch):
    monkeypatch.setattr(webhooks, "_BY_HAND", 2)
    for _ in range(2):
        webhooks.send_test(company=company, webhook_id=endpoint.pk, now=NOW)
    with pytest.raises(Unavailable):
        webhooks.send_test(company=company, webhook_id=endpoint.pk, now=NOW)
    webhooks.send_test(company=company, webhook_id=endpoint.pk, now=NOW + HOUR)
    assert limits.ActCount.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://shop.example/hook", "not_https"),
        ("https://user:pass@shop.example/hook", "invalid"),
        ("https://127.0.0.1/hook", "private_address"),
        ("https://[::1]/hook", "private_address"),
        ("https://localhost/hook", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("shop.example/hook", "invalid"),
        ("https://shop.example:x/", "invalid"),
        ("", "invalid"),
        ("https://shop.example/" + "x" * 2000, "invalid"),
    ],
)
def test_address_that_cannot_be_called_is_refused(company, url, code):
    with pytest.raises(InvalidInput) as refused:
        make_endpoint(company, url)
    assert (refused.value.field, refused.value.code) == ("url", code)
    assert (WebhookEndpoint.objects.count(), Company.objects.get().has_webhooks) == (0, False)


def test_events_must_be_ours_and_some(company):
    for events in ([], ["appointment.created", "appointment.eaten"]):
        with pytest.raises(InvalidInput) as refused:
            make_endpoint(company, events=events)
        assert refused.value.field == "events"


def test_eleventh_endpoint_is_refused(company):
    for _ in range(webhooks.MOST):
        make_endpoint(company)
    with pytest.raises(InvalidInput):
        make_endpoint(company)


def test_stranger_reaches_no_endpoint_and_no_delivery(company, endpoint):
    announce(company)
    row = WebhookDelivery.objects.get()
    stranger = make_company("stranger")
    theirs = make_endpoint(stranger)
    who = {"company": stranger, "now": NOW}
    for act in (
        lambda: reads.webhook_of(stranger, endpoint.pk),
        lambda: webhooks.change_webhook(webhook_id=endpoint.pk, paused=True, actor="s", **who),
        lambda: webhooks.delete_webhook(webhook_id=str(endpoint.pk), actor="s", **who),
        lambda: webhooks.send_test(webhook_id=endpoint.pk, **who),
        lambda: webhooks.resend_delivery(webhook_id=endpoint.pk, delivery_id=row.pk, **who),
        lambda: webhooks.resend_delivery(webhook_id=theirs.pk, delivery_id=row.pk, **who),
        lambda: webhooks.resend_delivery(webhook_id=theirs.pk, delivery_id="x", **who),
    ):
        with pytest.raises(NotFound):
            act()
    assert (states(company), WebhookEndpoint.objects.get(pk=endpoint.pk).paused_by) == (["pending"], "")


# -- at rest ----------------------------------------------------------------------------------------------------------


def test_address_and_secret_are_sealed_and_rotated_and_not_in_the_audit_log(company):
    row, secret = webhooks.create_webhook(
        company=company, url="https://shop.example/hook/s3cret", events=[Event.MOVED], actor="owner", now=NOW
    )
    assert "s3cret" not in row.url_sealed
    assert secret not in row.secret_sealed
    assert (reads.webhook_url(row), reads.webhook_secret(row)) == ("https://shop.example/hook/s3cret", secret)
    for column in ("url_sealed", "secret_sealed"):
        assert ("outbox.WebhookEndpoint", column) in sealed_columns()
    assert AuditEntry.objects.filter(action="webhook.created").values_list("actor", "target").get() == (
        "owner",
        "shop.example",
    )


def test_old_deliveries_are_forgotten(company, endpoint):
    for now in (NOW - KEPT - HOUR, NOW - KEPT + HOUR):
        announce(company, now=now)
    assert forget_old(now=NOW) == 1
    assert WebhookDelivery.objects.get().created_at == NOW - KEPT + HOUR


def test_after_a_restore_nothing_leaves_until_a_person_says_so(company, endpoint):
    paused = make_endpoint(company, "https://crm.example/in")
    webhooks.change_webhook(company=company, webhook_id=paused.pk, paused=True, actor="owner", now=NOW)
    announce(company)
    assert webhooks.hold_webhooks(now=NOW) == 1
    assert send(endpoint, Receiver()) == 0
    assert set(WebhookEndpoint.objects.values_list("pk", "paused_by")) == {
        (endpoint.pk, "restore"),
        (paused.pk, "person"),
    }


def test_waiting_deliveries_are_counted_by_endpoint(company, endpoint):
    announce(company)
    announce(company)
    assert reads.waiting_by_endpoint(company) == {endpoint.pk: 2}
    assert reads.waiting_by_endpoint(make_company("stranger")) == {}
    send(endpoint, Receiver())
    assert reads.waiting_by_endpoint(company) == {}
    assert [row.state for row in reads.deliveries_of(endpoint)] == ["delivered"] * 2


def test_figures_tell_our_delay_from_a_receivers(company, endpoint):
    failing, paused = make_endpoint(company), make_endpoint(company)
    announce(company, now=NOW - HOUR)
    send(failing, Receiver(status=500), NOW - HOUR)
    webhooks.change_webhook(company=company, webhook_id=paused.pk, paused=True, actor="owner", now=NOW)
    assert figures.webhooks_by_state() == {"active": 1, "failing": 1, "paused": 1}
    assert (figures.waiting_deliveries(), figures.oldest_untried_seconds(NOW)) == (2, 3600.0)
    send(endpoint, Receiver())
    assert (figures.waiting_deliveries(), figures.oldest_untried_seconds(NOW)) == (1, 0.0)
