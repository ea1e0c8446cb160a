"""What `kalends doctor` looks at. Each check answers with findings that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection

from kalends.calendars.announcing import overview
from kalends.calendars.providers import configuration_problems
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput
from kalends.core.ids import new_id
from kalends.jobs.secrets import of_missing_keys, seal, unseal
from kalends.jobs.sweeps import late_sweeps
from kalends.messages.transport import TransportError, transport_for
from kalends.ops import health


@dataclass(frozen=True, slots=True)
class Finding:
    """`level` is ok, note (works, but be told) or wrong (exit 1)."""

    level: str
    subject: str
    text: str


def _database() -> Iterable[Finding]:
    try:
        health.database_answers()
    except Exception as error:
        # Every driver has its own errors; the first line of any is what the operator needs.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        yield Finding("wrong", "database", f"{first}. Check KALENDS_DATABASE_URL and that the server runs.")
        return
    if missing := health.migrations_missing():
        yield Finding("wrong", "database", f"{len(missing)} migrations are missing: run `kalends migrate`.")
        return
    yield Finding("ok", "database", f"{connection.vendor} answers, all tables are there")


def _queue() -> Iterable[Finding]:
    try:
        health.queue_answers()
    except Exception as error:
        # As above: one line, whatever the driver raises.
        yield Finding("wrong", "queue", f"{type(error).__name__}: {error}. Check KALENDS_QUEUE_URL.")
        return
    yield Finding("ok", "queue", "answers")


def _workers() -> Iterable[Finding]:
    try:
        late = late_sweeps(utc_now())
    except DatabaseError:
        return  # said above
    if late:
        names = ", ".join(sorted(late))
        yield Finding("note", "workers", f"none has run lately ({names}): start `kalends worker` or `kalends serve`")
        return
    yield Finding("ok", "workers", "sweeps are run")


def _keys() -> Iterable[Finding]:
    row = new_id()
    sealed = seal("probe", row=row, field="doctor")
    if unseal(sealed, row=row, field="doctor") != "probe":
        yield Finding("wrong", "keys", "a sealed text does not open again. Check KALENDS_ENCRYPTION_KEYS.")
        return
    try:
        lost = of_missing_keys()
    except DatabaseError:
        lost = 0  # said above
    if lost:
        text = (
            f"{lost} stored values were sealed by a key that KALENDS_ENCRYPTION_KEYS does not list: put it back there"
        )
        yield Finding("wrong", "keys", f"{text}, behind the first one; then run `kalends keys rotate`")
        return
    count = len(settings.KALENDS.encryption_keys)
    more = "; run `kalends keys rotate`, then remove the older ones" if count > 1 else ""
    yield Finding("ok", "keys", f"{count} in the ring{more}")


def _mail() -> Iterable[Finding]:
    try:
        answer = transport_for(settings.KALENDS.email_url).check()
    except (InvalidInput, TransportError) as error:
        yield Finding("wrong", "mail", f"{error}. Check KALENDS_EMAIL_URL.")
        return
    kept = urlsplit(settings.KALENDS.email_url).scheme == "file"
    more = " and not sent; set KALENDS_EMAIL_URL to send" if kept else ""
    yield Finding("note" if kept else "ok", "mail", f"{answer}{more}")


def _base_url() -> Iterable[Finding]:
    config = settings.KALENDS
    scheme = urlsplit(config.base_url).scheme
    if config.is_production and scheme != "https":
        yield Finding("note", "base URL", f"{config.base_url} is not https: browsers and providers expect it")
    elif config.is_production:
        yield Finding("ok", "base URL", config.base_url)
    else:
        yield Finding(
            "note", "base URL", f"{config.base_url} is loopback: development; set KALENDS_BASE_URL for others"
        )


def _push() -> Iterable[Finding]:
    config = settings.KALENDS
    if not config.push:
        why = "needs a public https KALENDS_BASE_URL" if not config.is_production else "is off"
        text = f"{why}; calendars are read every {config.poll_seconds} seconds instead"
        yield Finding("note", "push", text)
        return
    hooks = f"{config.base_url}/hooks/google and /hooks/microsoft must be reached from outside"
    if urlsplit(config.base_url).scheme != "https":
        yield Finding("note", "push", "KALENDS_PUSH is on, but providers send to https addresses only")
    try:
        found = overview(now=utc_now())
    except DatabaseError:
        return  # the database's own line says so
    yield Finding("ok", "push", f"{found.telling} of {found.able} calendars tell of changes at once; {hooks}")
    if found.refused:
        text = (
            f"{found.refused} calendars were refused notifications; they are read every {config.poll_seconds} seconds"
        )
        yield Finding("note", "push", text)
    if found.ending:
        text = (
            f"the channels of {found.ending} calendars end within a day and could not be renewed; see the worker's log"
        )
        yield Finding("wrong", "push", text)


def _google() -> Iterable[Finding]:
    config = settings.KALENDS
    if config.google_configured:
        yield Finding("ok", "Google", f"client configured; redirect URI {config.base_url}/oauth/google/callback")
    elif config.google_client_id or config.google_client_secret:
        yield Finding("wrong", "Google", "set both KALENDS_GOOGLE_CLIENT_ID and KALENDS_GOOGLE_CLIENT_SECRET")
    else:
        yield Finding("note", "Google", "not configured; docs/operations.md, Google Calendar, says how")


def _microsoft() -> Iterable[Finding]:
    config = settings.KALENDS
    if not (config.microsoft_client_id or config.microsoft_client_secret):
        yield Finding("note", "Microsoft", "not configured; docs/operations.md, Microsoft Entra set-up, says how")
    elif problems := configuration_problems("office365"):
        yield Finding("wrong", "Microsoft", " ".join(problems))
    else:
        yield Finding("ok", "Microsoft", f"client configured; redirect URI {config.base_url}/oauth/microsoft/callback")


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (
    _database,
    _queue,
    _workers,
    _keys,
    _mail,
    _base_url,
    _push,
    _google,
    _microsoft,
)


def examine() -> list[Finding]:
    return [finding for check in CHECKS for finding in check()]
