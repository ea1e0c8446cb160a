"""What a failure of Graph's means, and where the client does not go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kalends.net.http import Response
from kalends.providers.microsoft.client import Unsupported, failure
from kalends.sync.port import (
    Ambiguous,
    AuthRevoked,
    AuthTransient,
    Conflict,
    CursorExpired,
    Forbidden,
    NotFound,
    Permanent,
    Temporary,
    Throttled,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRAPH = "https://graph.microsoft.com/v1.0/me/calendars"


def error(status, code="", message="", url=GRAPH, **headers):
    body = json.dumps({"error": {"code": code, "message": message}}).encode() if code else b"<html>"
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, url)


@pytest.mark.parametrize(
    ("answer", "method", "kind"),
    [
        (error(429, "ApplicationThrottled"), "GET", Throttled),
        (error(429), "POST", Throttled),
        (error(503, retry_after="7"), "GET", Throttled),
        (error(503, retry_after="7"), "POST", Ambiguous),
        (error(503, "ServiceUnavailable"), "GET", Temporary),
        (error(500, "InternalServerError"), "PATCH", Ambiguous),
        (error(501, "NotImplemented"), "GET", Unsupported),
        (error(401, "InvalidAuthenticationToken"), "GET", AuthTransient),
        (error(401, "x", www_authenticate='Bearer error="insufficient_claims", claims="e30="'), "GET", AuthRevoked),
        (error(404), "GET", Temporary),
        (error(404, "ErrorItemNotFound"), "GET", NotFound),
        (error(404, "ErrorFolderNotFound"), "GET", NotFound),
        (error(404, "MailboxNotEnabledForRESTAPI"), "GET", Permanent),
        (error(404, "ResourceNotFound"), "GET", Permanent),
        (error(404, "ResourceNotFound", url="https://graph.microsoft.com/v1.0/subscriptions/s"), "PATCH", NotFound),
        (error(410, "anything"), "GET", CursorExpired),
        (error(400, "SyncStateInvalid"), "GET", CursorExpired),
        (error(404, "syncStateNotFound"), "GET", CursorExpired),
        (error(400, "resyncRequired"), "GET", CursorExpired),
        (error(400, "ErrorInvalidIdMalformed"), "GET", Unsupported),
        (error(403, "ErrorAccessDenied"), "GET", Forbidden),
        (error(409, "ErrorIrresolvableConflict"), "PATCH", Conflict),
        (error(409, "ErrorIrresolvableConflict"), "POST", Ambiguous),
        (error(409, "ErrorDuplicateTransactionId"), "POST", Conflict),
        (error(412, "ErrorIrresolvableConflict"), "DELETE", Conflict),
        (error(413, "RequestEntityTooLarge"), "POST", Permanent),
    ],
)
def test_failure_F19_is_told_by_code_and_by_what_was_asked(answer, method, kind):
    assert type(failure(answer, method=method, now=NOW)) is kind


def test_failure_names_the_limit_of_the_mailbox_and_keeps_retry_after():
    message = "Application is over its MailboxConcurrency limit."
    found = failure(error(429, "ApplicationThrottled", message, retry_after="30"), method="GET", now=NOW)
    assert (found.detail, found.retry_at) == ("429 MailboxConcurrency", NOW + timedelta(seconds=30))


@pytest.mark.parametrize("code", ["a b", "x" * 65, "ada@example.org"])
def test_failure_shows_no_text_that_could_be_anything(code):
    assert failure(error(403, code), method="GET", now=NOW).detail == "403 unnamed"
