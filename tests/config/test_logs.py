from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from structlog.contextvars import bound_contextvars

from kalends.config.logs import HideSecrets, Lines, hide


@pytest.mark.parametrize(
    ("message", "args", "shown"),
    [
        ("%s: %s", ("Not Found", "/a/s3cret"), "Not Found: /a/…"),
        ("%s: %s", ("Forbidden", "/a/s3cret/cancel"), "Forbidden: /a/…/cancel"),
        ("Not Found: /feeds/s3cret.ics", (), "Not Found: /feeds/…"),
        ("Gone: /connect/s3cret?x=1", (), "Gone: /connect/…?x=1"),
        (
            "GET /oauth/google/callback?state=abc&code=def HTTP/1.1",
            (),
            "GET /oauth/google/callback?state=…&code=… HTTP/1.1",
        ),
        ("Not Found: /connect/question/s3cret", (), "Not Found: /connect/question/…"),
        ("Not Found: /q/s3cret", (), "Not Found: /q/…"),
        ("Not Found: /lakeside/book/done/s3cret", (), "Not Found: /lakeside/book/done/…"),
        ("Not Found: /account/password/reset/key/1-s3cret/", (), "Not Found: /account/password/reset/key/…/"),
        ("Not Found: /api/v1/staff", (), "Not Found: /api/v1/staff"),
    ],
)
def test_secret_part_of_an_address_reaches_no_log_line(message: str, args: tuple, shown: str):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, args, None)
    assert HideSecrets().filter(record) is True
    assert record.getMessage() == shown


def test_trace_says_kinds_and_places_and_no_text():
    try:
        try:
            raise KeyError("ada@example.org")
        except KeyError as error:
            raise ValueError("no answer for /a/s3cret") from error
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    assert HideSecrets().filter(record) is True
    shown = Lines().format(record)
    trace = json.loads(shown)["trace"]
    assert [line for line in trace if not line.startswith("  ")] == ["ValueError", "KeyError"]
    assert trace[1].endswith("test_trace_says_kinds_and_places_and_no_text")
    assert ("s3cret" in shown, "ada@" in shown) == (False, False)


def test_line_is_json_and_names_connection_and_run():
    record = logging.LogRecord("kalends.x", logging.INFO, "", 0, "sent to %s", ("ada@example.org",), None)
    HideSecrets().filter(record)
    with bound_contextvars(connection="c-1", run=7):
        line = json.loads(Lines().format(record))
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "info", "logger": "kalends.x", "event": "sent to …@…", "connection": "c-1", "run": 7}


def _routes(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        yield from _routes(pattern.url_patterns, here) if isinstance(pattern, URLResolver) else [here]


def test_every_address_with_a_token_in_it_is_known():
    """A new page behind a secret must be named in `kalends.config.logs`."""
    named = [
        route
        for route in _routes(get_resolver().url_patterns)
        if re.search(r"<(?:str:)?(?:token|secret|reference|key)>", route)
    ]
    assert len(named) >= 9
    for route in named:
        address = "/" + re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "s3cret", route).replace("^", "").replace("$", "")
        assert "s3cret" not in hide(address).removeprefix("/s3cret/"), route


def test_every_handler_hides_secrets():
    assert [handler["filters"] for handler in settings.LOGGING["handlers"].values()] == [["secrets"]]
