from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from kalends.core.clock import utc_now
from kalends.messages import webhooks as services
from kalends.messages.models import Event, WebhookDelivery, WebhookEndpoint
from kalends.messages.webhook_reads import webhook_secret
from kalends.messages.webhook_sending import send_webhooks
from kalends.net.errors import Timeout
from kalends.net.http import Response
from tests.web.people import House

LIST = "/dashboard/settings/webhooks"
GIVEN = {"url": "https://shop.example/hook/s3cret", "events": ["appointment.created", "appointment.moved"]}


class Receiver:
    def __init__(self, answer: str | None) -> None:
        self.answer = answer

    def request(self, method, url, *, headers, body) -> Response:
        if self.answer is None:
            raise Timeout("no complete answer in time")
        return Response(500, {}, self.answer.encode(), url)


@pytest.fixture
def hook(house: House) -> WebhookEndpoint:
    return services.create_webhook(company=house.company, actor="t", now=utc_now(), **GIVEN)[0]


def page(hook: WebhookEndpoint, name: str = "webhook", *more) -> str:
    return reverse(f"dashboard:{name}", args=[hook.pk, *more])


def text_of(answer) -> str:
    return answer.content.decode()


def test_owner_adds_changes_pauses_resumes_and_removes(house: House):
    made = house.owner.post(LIST, GIVEN)
    hook = WebhookEndpoint.objects.get()
    assert (made.status_code, made["Location"]) == (302, page(hook))
    assert hook.events == GIVEN["events"]
    house.owner.post(page(hook), {**GIVEN, "url": "https://crm.example/", "events": ["appointment.cancelled"]})
    states = []
    for act in ("pause", "resume"):
        house.owner.post(page(hook, "webhook_act"), {"do": act})
        hook.refresh_from_db()
        states.append((hook.host, hook.events, hook.paused_by))
    assert states == [("crm.example", ["appointment.cancelled"], by) for by in ("person", "")]
    assert house.owner.post(page(hook, "webhook_act"), {"do": "delete"})["Location"] == LIST
    assert WebhookEndpoint.objects.count() == 0


def test_refused_address_is_shown_at_its_field(house: House):
    answer = house.owner.post(LIST, {**GIVEN, "url": "https://10.0.0.1/"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["url"])
    answer = house.owner.post(LIST, {"url": GIVEN["url"]})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["events"])


@pytest.mark.parametrize(
    ("answer", "words"), [("<b>boom</b>", "Answered 500"), (None, "No answer within ten seconds.")]
)
def test_log_shows_the_answer_and_sends_again(house: House, hook: WebhookEndpoint, answer, words):
    house.owner.post(page(hook, "webhook_act"), {"do": "test"})
    send_webhooks(endpoint_id=hook.pk, now=utc_now(), http=Receiver(answer))
    shown = text_of(house.owner.get(page(hook)))
    assert words in shown
    assert ("&lt;b&gt;boom&lt;/b&gt;" in shown) == (answer is not None)
    row = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="failed")
    house.owner.post(page(hook, "webhook_again", row.pk))
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("pending", 0)


def test_viewer_and_stranger_see_no_address_secret_or_answer(house: House, hook: WebhookEndpoint):
    house.owner.post(page(hook, "webhook_act"), {"do": "test"})
    send_webhooks(endpoint_id=hook.pk, now=utc_now(), http=Receiver("private answer"))
    secrets = [webhook_secret(hook), "s3cret", "private answer"]
    owner, viewer = (text_of(client.get(page(hook))) for client in (house.owner, house.viewer))
    assert [secret in owner for secret in secrets] == [True] * 3
    assert [secret in viewer for secret in secrets] == [False] * 3
    assert "s3cret" not in text_of(house.owner.get(LIST))


def test_webhook_that_needs_somebody_is_on_the_list_until_it_is_resumed(house: House, hook: WebhookEndpoint):
    attention = "/dashboard/attention"
    rows, seen = WebhookEndpoint.objects, []
    for state in (
        {"failing_since": utc_now() - timedelta(hours=23)},
        {"failing_since": utc_now() - timedelta(hours=25)},
        {"paused_by": "failures"},
        {"paused_by": "restore"},
        {"paused_by": "person"},
    ):
        rows.update(**{"failing_since": None, "paused_by": "", **state})
        answer = house.owner.get(attention)
        seen.append((page(hook) in text_of(answer), answer.wsgi_request.attention))
    assert seen == [(False, 0), (True, 1), (True, 1), (True, 1), (False, 0)]
    rows.update(paused_by="failures")
    house.owner.post(page(hook, "webhook_act"), {"do": "resume"})
    assert page(hook) not in text_of(house.owner.get(attention))


def test_full_list_offers_no_form(house: House, hook: WebhookEndpoint):
    for _ in range(services.MOST - 1):
        services.create_webhook(
            company=house.company, url="https://a.example/", events=[Event.MOVED], actor="t", now=utc_now()
        )
    assert house.owner.get(LIST).context["full"] is True
    assert "New webhook" not in text_of(house.owner.get(LIST))
