"""What the histories check of webhooks can fail: a fault is planted for each check, and the check is named."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from kalends.bookings import outside_moves
from kalends.bookings.models import Appointment
from kalends.bookings.services import booking, changing
from kalends.calendars import life
from kalends.calendars.models import Journal, Link, RemoteCalendar
from kalends.messages import webhook_sending
from kalends.messages.models import Event, OutgoingMessage, WebhookDelivery, WebhookEndpoint
from tests.simulation import guarantees, simulate
from tests.simulation.history import History
from tests.simulation.setting import Setting
from tests.simulation.test_checks import ALONE, MIRRORED, acting, outcome  # noqa: F401 - the fixture
from tests.simulation.webhooks import DAYS_OF_FAILURE, MINDS

BOOKED_AND_CHANGED = ["book", *["work"] * 3, "book", "reschedule", *["work"] * 5, "cancel", *["work"] * 4]
OFTEN = ["book", "work", "work"] * 8
MOVED_OUTSIDE = ["book", "work", "move_first", *["work"] * 4]
pytestmark = pytest.mark.usefixtures("db", "acting")


def listening(*, fails_for_days: bool) -> Setting:
    """With the first receiver that does, or does not, take nothing for days in the end."""
    ends = (random.Random(f"webhooks {seed} at the end").random() < DAYS_OF_FAILURE for seed in range(1, 99))
    return replace(ALONE, webhook=1 + next(n for n, end in enumerate(ends) if end is fails_for_days))


LISTENING = listening(fails_for_days=False)


@pytest.mark.parametrize("names", [BOOKED_AND_CHANGED, MOVED_OUTSIDE, [*BOOKED_AND_CHANGED, "revoke", "work"]])
@pytest.mark.parametrize("seed", range(5, 9))
def test_histories_of_these_tests_hold_where_nothing_is_planted(names, seed):
    assert outcome(replace(ALONE, webhook=seed), names) == ""


def test_webhook_changes_nothing_else_in_a_history(monkeypatch):
    ends = []

    def end(_: History) -> None:
        rows = [list(model.objects.order_by("pk").values()) for model in (Appointment, Journal, Link, RemoteCalendar)]
        mails = OutgoingMessage.objects.order_by("pk").values_list("pk", "kind", "version", "recipient", "due_at")
        ends.append([*rows, list(mails)])

    monkeypatch.setattr(simulate, "check", end)
    for setting in (MIRRORED, replace(MIRRORED, webhook=LISTENING.webhook)):
        for seed in (21, 22):
            assert simulate.attempt(seed, setting, simulate.steps_of(seed)[1])[0] == ""
    assert ends[:2] == ends[2:]


def test_what_webhooks_tell_replays_exactly(monkeypatch):
    heard = []
    monkeypatch.setattr(guarantees, "check_webhooks", lambda _, hooks: heard.append(hooks.got))
    for _ in range(2):
        assert outcome(LISTENING, BOOKED_AND_CHANGED) == ""
    assert heard[0] == heard[1]
    assert len(heard[0]) >= 4


@pytest.mark.parametrize(
    ("room", "names"), [(booking, ["book"]), (changing, BOOKED_AND_CHANGED), (outside_moves, MOVED_OUTSIDE)]
)
def test_change_that_is_not_written_down_is_seen(monkeypatch, room, names):
    monkeypatch.setattr(room, "announce_change", lambda *_, **__: None)
    assert outcome(LISTENING, names) == "webhooks: a change was not told"


def test_refusal_that_counts_as_an_answer_is_seen(monkeypatch):
    monkeypatch.setitem(MINDS, "odd", ("500",))
    assert outcome(LISTENING, OFTEN) == ""
    monkeypatch.setattr(webhook_sending.Outcome, "taken", True)
    assert outcome(LISTENING, OFTEN) == "webhooks: a change was not told"


def test_delivery_that_is_lost_with_its_worker_is_seen(monkeypatch):
    """As if it were noted as delivered before it is sent."""
    claimed = webhook_sending._claim

    def claim(endpoint_id, now):
        delivery = claimed(endpoint_id, now)
        if delivery is not None:
            WebhookDelivery.objects.filter(pk=delivery.pk).update(state="delivered")
        return delivery

    monkeypatch.setitem(MINDS, "odd", ("die before",))
    assert outcome(LISTENING, OFTEN) == ""
    monkeypatch.setattr(webhook_sending, "_claim", claim)
    assert outcome(LISTENING, OFTEN) == "webhooks: a change was not told"


def test_change_that_was_not_made_is_seen(monkeypatch):
    announced = booking.announce_change

    def early(event, scene, *, now):
        announced(event, scene, now=now)
        scene.appointment.version += 1
        announced(Event.MOVED, scene, now=now)
        scene.appointment.version -= 1

    monkeypatch.setattr(booking, "announce_change", early)
    assert outcome(LISTENING, ["book"]) == "webhooks: told what did not happen"


def test_change_that_is_told_as_two_is_seen(monkeypatch):
    announced = booking.announce_change

    def twice(event, scene, *, now):
        announced(event, scene, now=now)
        announced(Event.CHANGED, scene, now=now)

    monkeypatch.setattr(booking, "announce_change", twice)
    assert outcome(LISTENING, ["book"]) == "webhooks: one change under two ids"


def test_body_of_before_the_change_is_seen(monkeypatch):
    announced = changing.announce_change

    def stale(event, scene, *, now):
        status, scene.appointment.status = scene.appointment.status, "confirmed"
        announced(event, scene, now=now)
        scene.appointment.status = status

    monkeypatch.setattr(changing, "announce_change", stale)
    names = ["book", "work", "cancel"]
    assert outcome(LISTENING, names) == "webhooks: told as another event than it was"


def test_time_of_before_the_change_is_seen(monkeypatch):
    announced, first = {booking: booking.announce_change, changing: changing.announce_change}, []

    def booked(event, scene, *, now):
        first.append(scene.appointment.start)
        announced[booking](event, scene, now=now)

    def stale(event, scene, *, now):
        start, scene.appointment.start = scene.appointment.start, first[0]
        announced[changing](event, scene, now=now)
        scene.appointment.start = start

    monkeypatch.setattr(booking, "announce_change", booked)
    monkeypatch.setattr(changing, "announce_change", stale)
    assert outcome(LISTENING, ["book", "work", "reschedule"]) == "webhooks: told last what does not hold"


def test_body_that_is_written_anew_for_each_try_is_seen(monkeypatch):
    tried = webhook_sending._try

    def anew(delivery, now, http):
        delivery.body = delivery.body.replace('"data"', f'"try":{delivery.attempts},"data"')
        return tried(delivery, now, http)

    monkeypatch.setattr(webhook_sending, "_try", anew)
    assert outcome(LISTENING, OFTEN) == "webhooks: other bytes under the same id"


def test_delivery_that_is_sent_again_although_it_was_taken_is_seen(monkeypatch):
    settled = webhook_sending._settle

    def settle(delivery, outcome, now):
        taken = settled(delivery, outcome, now)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(state="pending")
        return taken

    monkeypatch.setattr(webhook_sending, "_settle", settle)
    assert outcome(LISTENING, BOOKED_AND_CHANGED) == "webhooks: sent again although it was taken"


def test_delivery_to_a_paused_webhook_is_seen(monkeypatch):
    monkeypatch.setattr(webhook_sending, "_ready", lambda _: WebhookEndpoint.objects.all())
    assert outcome(LISTENING, OFTEN) == "webhooks: sent to one that is paused"


def test_pause_that_nobody_is_told_of_is_seen(monkeypatch):
    setting = listening(fails_for_days=True)
    assert outcome(setting, ["book"]) == ""
    monkeypatch.setattr(webhook_sending, "_on_paused", [])
    assert outcome(setting, ["book"]) == "webhooks: not paused, or its owner was not told once"


def test_standstill_that_is_not_told_is_seen(monkeypatch):
    monkeypatch.setattr(life, "_announce", lambda *_: None)
    names = ["book", "revoke", *["work"] * 4]
    assert outcome(LISTENING, names) == "webhooks: a standstill was told that was not, or was not told"
