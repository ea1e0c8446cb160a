"""Configuration from the environment, or from a file of NAME=value lines named by KALENDS_CONFIG.

The environment wins over the file. A `NAME_FILE` variable names a file that holds the value (secrets).
A value that cannot be used stops the start with the variable's name.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from kalends.core.paths import sqlite_path
from kalends.core.sealing import new_encryption_key

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is configurable, typed. Secrets are not shown by repr()."""

    secret_key: str
    encryption_keys: tuple[str, ...]
    database_url: str
    queue_url: str
    base_url: str
    email_url: str
    email_from: str
    bind: str
    trusted_proxies: tuple[str, ...]
    metrics_token: str
    google_client_id: str
    google_client_secret: str
    google_accounts_url: str
    google_oauth_url: str
    google_api_url: str
    microsoft_client_id: str
    microsoft_client_secret: str
    microsoft_login_url: str
    microsoft_graph_url: str
    allow_private_hosts: tuple[str, ...]
    poll_seconds: int
    grace_seconds: int
    sweep_seconds: int
    push: bool
    signup_open: bool
    var: Path

    def __repr__(self) -> str:
        return f"<Config {self.base_url}>"

    @property
    def is_production(self) -> bool:
        return urlsplit(self.base_url).hostname not in LOOPBACK_HOSTS

    @property
    def google_configured(self) -> bool:
        return bool(self.google_client_id and self.google_client_secret)

    @property
    def microsoft_configured(self) -> bool:
        return bool(self.microsoft_client_id and self.microsoft_client_secret)


class Reader:
    """Looks names up in the environment, then in the file; knows what production refuses."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values: dict[str, str] = {}
        if path := environ.get("KALENDS_CONFIG"):
            self._values.update(_read_file(Path(path)))
        self._values.update(environ)

    def text(self, name: str, default: str = "") -> str:
        if file := self._values.get(f"{name}_FILE"):
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ImproperlyConfigured(f"{name}_FILE: {error.strerror}: {file}") from error
        return self._values.get(name, "") or default

    def number(self, name: str, default: int) -> int:
        raw = self.text(name, str(default))
        if not raw.isdigit() or int(raw) < 1:
            raise ImproperlyConfigured(f"{name} must be a whole number of seconds, 1 or more; it is {raw!r}")
        return int(raw)

    def items(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def switch(self, name: str, *, default: bool) -> bool:
        raw = self.text(name).lower()
        if raw in ("", "auto"):
            return default
        if raw in ("on", "1", "true", "yes"):
            return True
        if raw in ("off", "0", "false", "no"):
            return False
        raise ImproperlyConfigured(f"{name} must be on or off; it is {raw!r}")

    def choice(self, name: str, yes: str, no: str, *, default: bool) -> bool:
        raw = self.text(name).lower()
        if raw not in ("", yes, no):
            raise ImproperlyConfigured(f"{name} must be {yes} or {no}; it is {raw!r}")
        return raw == yes if raw else default

    def address(self, name: str, default: str) -> str:
        raw = self.text(name, default).rstrip("/")
        parts = urlsplit(raw)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ImproperlyConfigured(f"{name} must be an http or https address; it is {raw!r}")
        return raw


def _read_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ImproperlyConfigured(f"KALENDS_CONFIG: {error.strerror}: {path}") from error
    values = {}
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        name, sign, value = stripped.partition("=")
        if not sign:
            raise ImproperlyConfigured(f"KALENDS_CONFIG: line {number} of {path} is not NAME=value")
        values[name.strip()] = value.strip().strip("\"'")
    return values


def _development_secret(var: Path, name: str, make: Callable[[], str]) -> str:
    """A secret made once and kept under var/, readable by its owner only."""
    path = var / name
    if not path.exists():
        var.mkdir(parents=True, exist_ok=True)
        # O_EXCL: of two processes that start together one writes, the other reads.
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(make())
    return path.read_text(encoding="ascii").strip()


def _check_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    seen = set()
    for key in keys:
        ident, _, encoded = key.partition(":")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raw = b""
        if not ident or len(raw) != 32 or ident in seen:
            raise ImproperlyConfigured(
                "KALENDS_ENCRYPTION_KEYS must be a comma separated list of id:base64, 32 bytes each, ids all different; "
                "`kalends keys new` makes one"
            )
        seen.add(ident)
    return keys


def load(environ: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process. Raises ImproperlyConfigured with the variable's name."""
    read = Reader(os.environ if environ is None else environ)
    var = Path(read.text("KALENDS_VAR", "var")).absolute()
    base_url = read.address("KALENDS_BASE_URL", "http://127.0.0.1:8000")
    base = urlsplit(base_url)
    production = base.hostname not in LOOPBACK_HOSTS
    defaults = {} if production else _development_defaults(var)

    def required(name: str) -> str:
        value = read.text(name) or defaults.get(name, "")
        if not value:
            raise ImproperlyConfigured(f"{name} must be set when KALENDS_BASE_URL is not loopback")
        return value

    database_url = read.text("KALENDS_DATABASE_URL", f"sqlite:///{var / 'kalends.db'}")
    keys = read.items("KALENDS_ENCRYPTION_KEYS") or (required("KALENDS_ENCRYPTION_KEYS"),)
    return Config(
        secret_key=required("KALENDS_SECRET_KEY"),
        encryption_keys=_check_keys(keys),
        database_url=database_url,
        queue_url=read.text("KALENDS_QUEUE_URL", _queue_beside(database_url)),
        base_url=base_url,
        email_url=required("KALENDS_EMAIL_URL"),
        email_from=required("KALENDS_EMAIL_FROM"),
        bind=read.text("KALENDS_BIND", "127.0.0.1:8000"),
        trusted_proxies=read.items("KALENDS_TRUSTED_PROXIES"),
        metrics_token=read.text("KALENDS_METRICS_TOKEN"),
        google_client_id=read.text("KALENDS_GOOGLE_CLIENT_ID"),
        google_client_secret=read.text("KALENDS_GOOGLE_CLIENT_SECRET"),
        google_accounts_url=read.address("KALENDS_GOOGLE_ACCOUNTS_URL", "https://accounts.google.com"),
        google_oauth_url=read.address("KALENDS_GOOGLE_OAUTH_URL", "https://oauth2.googleapis.com"),
        google_api_url=read.address("KALENDS_GOOGLE_API_URL", "https://www.googleapis.com"),
        microsoft_client_id=read.text("KALENDS_MICROSOFT_CLIENT_ID"),
        microsoft_client_secret=read.text("KALENDS_MICROSOFT_CLIENT_SECRET"),
        microsoft_login_url=read.address("KALENDS_MICROSOFT_LOGIN_URL", "https://login.microsoftonline.com"),
        microsoft_graph_url=read.address("KALENDS_MICROSOFT_GRAPH_URL", "https://graph.microsoft.com"),
        allow_private_hosts=read.items("KALENDS_ALLOW_PRIVATE_HOSTS"),
        poll_seconds=read.number("KALENDS_POLL_SECONDS", 120),
        grace_seconds=read.number("KALENDS_GRACE_SECONDS", 90),
        sweep_seconds=read.number("KALENDS_SWEEP_SECONDS", 30),
        push=read.switch("KALENDS_PUSH", default=base.scheme == "https" and production),
        signup_open=read.choice("KALENDS_SIGNUP", "open", "closed", default=not production),
        var=var,
    )


def _development_defaults(var: Path) -> dict[str, str]:
    return {
        "KALENDS_SECRET_KEY": _development_secret(var, "secret-key", lambda: secrets.token_urlsafe(50)),
        "KALENDS_ENCRYPTION_KEYS": _development_secret(var, "encryption-key", new_encryption_key),
        "KALENDS_EMAIL_URL": f"file://{var}/mail",
        "KALENDS_EMAIL_FROM": "Kalends <kalends@localhost>",
    }


def _queue_beside(database_url: str) -> str:
    if urlsplit(database_url).scheme != "sqlite":
        return database_url
    return f"sqlite:///{sqlite_path(database_url).parent / 'queue.db'}"
