"""Health addresses."""

from __future__ import annotations

import hmac
import ipaddress

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from kalends.core.clock import utc_now
from kalends.jobs.sweeps import late_sweeps
from kalends.ops import health
from kalends.ops.metrics import exposition


def healthz(request: HttpRequest) -> HttpResponse:
    """The process is alive."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Database and queue answer and the tables are this version's; 503 with what is not so.

    Whether workers get through their sweeps is said beside it: without one this process still answers its visitors.
    """
    broken = health.failures()
    late = [] if "database" in broken or "migrations" in broken else late_sweeps(utc_now())
    body = {"ready": not broken, "failing": broken, "late": sorted(late)}
    return JsonResponse(body, status=503 if broken else 200)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus; for loopback, or for whoever holds KALENDS_METRICS_TOKEN."""
    token = settings.KALENDS.metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    allowed = hmac.compare_digest(given.encode(), token.encode()) if token else _is_loopback(request)
    if not allowed:
        raise Http404
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def _is_loopback(request: HttpRequest) -> bool:
    """A request that a proxy on this machine passes on has the proxy's address, and is not this machine's."""
    if request.META.get("KALENDS_FORWARDED"):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
