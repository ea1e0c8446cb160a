"""What `kalends doctor` looks at. Each check answers with findings that say what to do."""

from __future__ import annotations

import os
import smtplib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.db import connection

from kalends.core.ids import new_id
from kalends.jobs.secrets import seal, unseal
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


def _keys() -> Iterable[Finding]:
    row = new_id()
    sealed = seal("probe", row=row, field="doctor")
    if unseal(sealed, row=row, field="doctor") != "probe":
        yield Finding("wrong", "keys", "a sealed text does not open again. Check KALENDS_ENCRYPTION_KEYS.")
        return
    count = len(settings.KALENDS.encryption_keys)
    more = "; run `kalends keys rotate`, then remove the older ones" if count > 1 else ""
    yield Finding("ok", "keys", f"{count} in the ring{more}")


def _mail() -> Iterable[Finding]:
    parts = urlsplit(settings.KALENDS.email_url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.netloc + parts.path))
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            yield Finding("wrong", "mail", f"{folder} cannot be written to. Check KALENDS_EMAIL_URL.")
        else:
            yield Finding("note", "mail", f"mails are written to {folder} and not sent; set KALENDS_EMAIL_URL to send")
        return
    if parts.scheme not in ("smtp", "smtps"):
        yield Finding("wrong", "mail", f"KALENDS_EMAIL_URL: {parts.scheme!r} is neither file nor smtp")
        return
    yield _smtp(parts.hostname or "", parts.port or 587, parse_qs(parts.query).get("tls", [""])[0])


def _smtp(host: str, port: int, tls: str) -> Finding:
    try:
        opener = smtplib.SMTP_SSL if tls == "ssl" else smtplib.SMTP
        with opener(host, port, timeout=10) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        return Finding("wrong", "mail", f"{host}:{port} does not answer ({error}). Check KALENDS_EMAIL_URL.")
    return Finding("ok", "mail", f"{host}:{port} answers")


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
    if not config.push:
        yield Finding("note", "push", "provider notifications need a public https base URL; polling serves instead")


def _google() -> Iterable[Finding]:
    config = settings.KALENDS
    if config.google_configured:
        yield Finding("ok", "Google", f"client configured; redirect URI {config.base_url}/oauth/google/callback")
    elif config.google_client_id or config.google_client_secret:
        yield Finding("wrong", "Google", "set both KALENDS_GOOGLE_CLIENT_ID and KALENDS_GOOGLE_CLIENT_SECRET")
    else:
        yield Finding("note", "Google", "not configured; docs/operations.md, Google Calendar, says how")


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (_database, _queue, _keys, _mail, _base_url, _google)


def examine() -> list[Finding]:
    return [finding for check in CHECKS for finding in check()]
