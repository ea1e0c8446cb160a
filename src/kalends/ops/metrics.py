"""What /metrics says. The truth is in rows, so every process answers the same: gauges are read from them when asked;
counts are those that all processes have added to `jobs.counters`. Nothing is kept in this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from kalends import __version__
from kalends.calendars import figures as calendars
from kalends.calendars.models import Provider
from kalends.core.clock import utc_now
from kalends.jobs import counters
from kalends.jobs.models import SweepRun
from kalends.jobs.queue import huey
from kalends.messages import figures as messages

_PROVIDER = ("provider",)
# name (without _total): what it counts, labels
COUNTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kalends_sync_runs": ("Looks at connections, by how they ended", ("provider", "outcome")),
    "kalends_sync_errors": ("Failures of a whole run, by the port's name for them", ("provider", "error")),
    "kalends_sync_writes": ("Events created, changed or removed outside", _PROVIDER),
    "kalends_sync_echoes": ("Our own writes that came back and were recognised", _PROVIDER),
    "kalends_sync_conflicts": ("Changes on both sides, settled by the conflict rule", _PROVIDER),
    "kalends_sync_moves": ("Appointments moved by a calendar", _PROVIDER),
    "kalends_sync_cancels": ("Appointments cancelled by a calendar", _PROVIDER),
    "kalends_sync_freezes": ("Connections frozen because too much was deleted outside", _PROVIDER),
    "kalends_sync_throttles": ("Times a calendar system asked us to slow down", _PROVIDER),
    "kalends_sync_lease_losses": ("Runs that another worker took over", _PROVIDER),
    "kalends_mails": ("Mails that left, or were given up", ("outcome",)),
    "kalends_webhook_deliveries": ("Webhook deliveries that were taken, or given up", ("outcome",)),
}
# They begin at 0 and not with their first count, which Prometheus's increase() would take for no increase at all.
_FROM_ZERO: dict[str, list[tuple[str, ...]]] = {
    **{name: [(kind,) for kind in Provider.values] for name, (_text, labels) in COUNTS.items() if labels == _PROVIDER},
    "kalends_sync_runs": [(kind, outcome) for kind in Provider.values for outcome in ("ok", "error")],
    "kalends_mails": [("sent",), ("failed",)],
    "kalends_webhook_deliveries": [("delivered",), ("failed",)],
}


class _Rows:
    """Collects anew at each scrape."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield _gauge("kalends_info", "The version that answers", ("version",), [((__version__,), 1)])
        yield from self._connections()
        yield from self._mails()
        yield from self._webhooks()
        yield from self._work()
        yield from _counts()

    def _connections(self) -> Iterator[Metric]:
        states = [((provider, state), n) for provider, state, n in calendars.connections_by_state()]
        yield _gauge("kalends_connections", "Connected accounts, by state", ("provider", "state"), states)
        held = calendars.held_since_restore()
        yield _gauge("kalends_connections_held", "Held since a restore, until a person releases them", (), [((), held)])
        fresh = calendars.freshness(self._now)
        for name, text, values in (
            ("kalends_sync_lag_seconds", "Age of the oldest mirror of a calendar", [f.lag_seconds for f in fresh]),
            ("kalends_calendars", "Calendars that are read", [f.calendars for f in fresh]),
            ("kalends_calendars_unread", "Calendars whose first read is not done", [f.unread for f in fresh]),
            ("kalends_calendars_stale", "Calendars too old for their staff to be offered", [f.stale for f in fresh]),
        ):
            yield _gauge(
                name, text, _PROVIDER, [((f.provider,), value) for f, value in zip(fresh, values, strict=True)]
            )
        due = calendars.backlog(self._now)
        yield _gauge(
            "kalends_connections_due",
            "Connections that wait for a worker",
            _PROVIDER,
            [((b.provider,), b.due) for b in due],
        )
        oldest = [((b.provider,), b.oldest_seconds) for b in due]
        yield _gauge("kalends_connections_due_seconds", "How long the longest of them has waited", _PROVIDER, oldest)
        trouble = [((status,), n) for status, n in calendars.links_in_trouble().items()]
        yield _gauge("kalends_links_in_trouble", "Appointments whose event needs a person", ("status",), trouble)

    def _mails(self) -> Iterator[Metric]:
        waiting = [((state,), n) for state, n in messages.messages_by_state().items()]
        yield _gauge("kalends_outbox_messages", "Mails that have not left", ("state",), waiting)
        oldest = messages.oldest_queued_seconds(self._now)
        yield _gauge("kalends_outbox_oldest_seconds", "Age of the oldest mail that is to leave", (), [((), oldest)])

    def _webhooks(self) -> Iterator[Metric]:
        states = [((state,), n) for state, n in messages.webhooks_by_state().items()]
        yield _gauge("kalends_webhooks", "Addresses of companies' programs, by state", ("state",), states)
        waiting = messages.waiting_deliveries()
        yield _gauge("kalends_webhooks_waiting", "Deliveries that are to leave", (), [((), waiting)])
        oldest = messages.oldest_untried_seconds(self._now)
        yield _gauge("kalends_webhooks_oldest_seconds", "Wait of the oldest that was not tried yet", (), [((), oldest)])

    def _work(self) -> Iterator[Metric]:
        yield _gauge("kalends_queue_tasks", "Wake-ups in the queue", (), [((), huey.pending_count())])
        ended = SweepRun.objects.order_by("name").values_list("name", "ended_at")
        ages = [((name,), (self._now - at).total_seconds()) for name, at in ended]
        yield _gauge("kalends_sweep_age_seconds", "Since a sweep last ended well, on any host", ("sweep",), ages)


def _gauge(name: str, text: str, labels: Iterable[str], values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for given, value in values:
        family.add_metric(list(given), value)
    return family


def _counts() -> Iterator[Metric]:
    families = {name: CounterMetricFamily(name, text, labels=labels) for name, (text, labels) in COUNTS.items()}
    counted = {name: dict.fromkeys(_FROM_ZERO.get(name, []), 0) for name in COUNTS}
    for name, labels, value in counters.totals():
        if name in counted:
            counted[name][tuple(labels.get(label, "") for label in COUNTS[name][1])] = value
    for name, values in counted.items():
        for given, value in values.items():
            families[name].add_metric(list(given), value)
    yield from families.values()


def exposition(now: datetime | None = None) -> bytes:
    """The text for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Rows(now or utc_now()))
    return generate_latest(registry)
