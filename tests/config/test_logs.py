from __future__ import annotations

import logging

import pytest
from django.conf import settings

from kalends.config.logs import HideSecrets


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
        ("Not Found: /api/v1/staff", (), "Not Found: /api/v1/staff"),
    ],
)
def test_secret_part_of_an_address_reaches_no_log_line(message: str, args: tuple, shown: str):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, args, None)
    assert HideSecrets().filter(record) is True
    assert record.getMessage() == shown


def test_every_handler_hides_secrets():
    assert [handler["filters"] for handler in settings.LOGGING["handlers"].values()] == [["secrets"]]
