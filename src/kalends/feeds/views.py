"""GET /feeds/{secret}.ics"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe

from kalends.companies.selectors import feed_by_secret
from kalends.companies.services import note_feed_fetch
from kalends.core.clock import utc_now
from kalends.core.errors import InvalidInput, NotFound
from kalends.core.zones import zone
from kalends.feeds import rendering
from kalends.ics.feed import CONTENT_TYPE

_KEPT_BYTES = 64 * 1024 * 1024


class KeptBodies:
    """Rendered feeds by tag, least recently used out first, bounded in bytes. A tag names its bytes, so nothing ages."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, etag: str) -> bytes | None:
        with self._lock:
            if etag in self._bodies:
                self._bodies.move_to_end(etag)
            return self._bodies.get(etag)

    def put(self, etag: str, body: bytes) -> None:
        with self._lock:
            if etag in self._bodies or len(body) > self._most:
                return
            self._bodies[etag] = body
            self._held += len(body)
            while self._held > self._most:
                self._held -= len(self._bodies.popitem(last=False)[1])


_kept = KeptBodies(_KEPT_BYTES)


@require_safe
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The subscription feed; 304 without reading an appointment where the caller's tag still holds."""
    now = utc_now()
    try:
        found = feed_by_secret(secret)
        period = rendering.parse_period(request.GET.get("startPeriod", ""), request.GET.get("endPeriod", ""))
    except NotFound as error:
        raise Http404 from error
    except InvalidInput as error:
        return HttpResponse(f"{error.message}\n", status=400, content_type="text/plain; charset=utf-8")
    note_feed_fetch(feed=found, client=_client(request), now=now)
    members = rendering.members_of(found)
    today = now.astimezone(zone(found.company.timezone)).date()
    etag = rendering.etag_of(found, members, period, today)
    if etag in _tags(request.headers.get("If-None-Match", "")):
        return _labelled(HttpResponseNotModified(), etag)
    body = _kept.get(etag)
    if body is None:
        body = rendering.render(found, members, period, today)
        _kept.put(etag, body)
    response = HttpResponse(body, content_type=CONTENT_TYPE)
    response["Content-Disposition"] = 'inline; filename="calendar.ics"'
    return _labelled(response, etag)


def _labelled(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    # The address is a secret: only the reader's own cache may keep the answer, and asks each time.
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _tags(header: str) -> set[str]:
    """Weak and strong tags compare alike for a GET (RFC 9110, 13.1.2)."""
    return {part.strip().removeprefix("W/") for part in header.split(",")}


def _client(request: HttpRequest) -> str:
    """The program's name without what tells one machine from another."""
    return request.headers.get("User-Agent", "").split(" (", maxsplit=1)[0][:120]
