"""What the states of webhooks and of their deliveries mean, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from kalends.messages.models import Event, WebhookDelivery, WebhookEndpoint
from kalends.messages.webhook_reads import webhook_state
from kalends.web.dashboard.words import StateWords

_ACTIVE = StateWords(_("Active"), "ok", "")
_FAILING = StateWords(
    _("Failing"),
    "warn",
    _("The last try failed. It is tried again and again, ever more rarely; what is not taken within three days is given up."),
)  # fmt: skip
_PAUSED = {
    "person": StateWords(_("Paused"), "", _("What happens meanwhile is kept for 30 days and leaves when you resume.")),
    "failures": StateWords(
        _("Paused: nothing was taken"),
        "bad",
        _("It took nothing for five days, so it was paused. Put the receiver right, then resume: what waits leaves then."),
    ),
    "restore": StateWords(
        _("Held since a restore"),
        "warn",
        _(
            "The data here came out of a backup. What waits may have been sent before; each delivery keeps its id, by "
            "which a receiver knows it again. Resume when it may go on."
        ),
    ),
}  # fmt: skip
_DELIVERIES = {
    "pending": (pgettext_lazy("delivery", "Waiting"), ""),
    "delivered": (pgettext_lazy("delivery", "Taken"), "ok"),
    "failed": (pgettext_lazy("delivery", "Given up"), "bad"),
}
_ERRORS = {
    "refused": _("The address leads to a place that must not be called from here."),
    "unreachable": _("No connection came about."),
    "redirect": _("The answer leads elsewhere; that is not followed."),
    "timeout": _("No answer within ten seconds."),
    "broken": _("The connection broke before the answer."),
    "sealed": _("The stored address cannot be read: an encryption key is missing."),
}


@dataclass(frozen=True, slots=True)
class WebhookView:
    row: WebhookEndpoint
    words: StateWords
    waiting: int


def webhook_view(row: WebhookEndpoint, waiting: int = 0) -> WebhookView:
    if row.paused_by:
        return WebhookView(row, _PAUSED[row.paused_by], waiting)
    return WebhookView(row, _FAILING if webhook_state(row) == "failing" else _ACTIVE, waiting)


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A line of the log."""

    row: WebhookDelivery
    event: Any
    state: Any
    kind: str
    result: str
    detail: str


def delivery_view(row: WebhookDelivery) -> DeliveryView:
    state, kind = _DELIVERIES[row.state]
    code, _colon, detail = row.error.partition(": ")
    result = str(_ERRORS.get(code, row.error))
    if row.status is not None:
        result, detail = gettext("Answered %(status)d") % {"status": row.status}, row.answer
    if row.state == WebhookDelivery.State.PENDING and row.tried_at:
        kind = "warn"
    return DeliveryView(row, event_words(row.event), state, kind, result, detail)


def event_words(event: str) -> Any:
    return Event(event).label if event in Event.values else _("A test")
