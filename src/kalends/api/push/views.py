"""The inbound side of push. Every answer is the same, whether a notification was believed or not.

Nothing is read from a calendar here: the answer leaves within milliseconds, and a worker reads. There is no counter of
requests: what is forged costs one look-up by key and no write, less than counting it would, and the addresses of those
who send the real ones are not known.
"""

from __future__ import annotations

import unicodedata

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from kalends.calendars import services
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput

# Google's notifications have no body; Microsoft's are some hundred bytes each, several to a request.
MOST_BYTES = 256 * 1024
_LONGEST_TOKEN = 4096


@csrf_exempt
@require_POST
def google(request: HttpRequest) -> HttpResponse:
    return _receive(request, "google")


@csrf_exempt
@require_POST
def microsoft(request: HttpRequest) -> HttpResponse:
    """Notifications and what Microsoft says of the subscription itself; also its question whether we are here."""
    if "validationToken" in request.GET:
        return _echo(request.GET["validationToken"])
    return _receive(request, "microsoft")


def _echo(token: str) -> HttpResponse:
    """The token as it was before it was put into an address, as plain text that no browser takes for a page."""
    if len(token) > _LONGEST_TOKEN or any(unicodedata.category(letter) in ("Cc", "Cs") for letter in token):
        return HttpResponse(status=400)
    answer = HttpResponse(token, content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Disposition"] = "attachment"
    return answer


def _receive(request: HttpRequest, hook: str) -> HttpResponse:
    body = _body(request)
    if body is None:
        return HttpResponse(status=413)
    try:
        services.receive_push(hook=hook, headers=request.headers, body=body, now=utc_now())
    except InvalidInput:
        return HttpResponse(status=400)
    return HttpResponse(status=202)


def _body(request: HttpRequest) -> bytes | None:
    """None if it is too long; what says how long it is is refused unread."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        return None
    try:
        body = request.body
    except RequestDataTooBig:
        return None
    return body if len(body) <= MOST_BYTES else None
