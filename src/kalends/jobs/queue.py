"""Huey: wakes workers and runs functions. Nothing that matters is kept in it: a lost message costs one sweep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from huey import Huey, MemoryHuey, PostgresHuey, RedisHuey, SqliteHuey

from kalends.core.paths import sqlite_path


def _make(url: str) -> Huey:
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryHuey("kalends", results=False)
    if scheme == "sqlite":
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A wake-up that a crash loses costs one sweep: no need to wait for the disk.
        return SqliteHuey("kalends", filename=str(path), results=False, fsync=False)
    if scheme in ("postgres", "postgresql"):
        return PostgresHuey("kalends", dsn=url, results=False)
    return RedisHuey("kalends", url=url, results=False)


huey = _make(settings.KALENDS.queue_url)


def task(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a worker runs. It takes ids, never data; it does not retry: rows carry the next time."""
    return huey.task(retries=0)(function)


def wake_on_commit(wake: Callable[..., Any], *ids: object) -> None:
    """Enqueues after the surrounding transaction has committed; a queue that is down costs one sweep, no more."""
    transaction.on_commit(partial(wake, *(str(item) for item in ids)), robust=True)
