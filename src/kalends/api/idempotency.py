"""Idempotency-Key: the same POST sent again gets the answer of the first one and has no second effect.

The row is taken before the work and finished in the work's own transaction, so that a kill between the two leaves
either both or neither; a waiting repeat takes an abandoned row over once its lease has run out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from kalends.api.auth import CompanyRequest
from kalends.api.errors import body_of, status_of
from kalends.api.models import IdempotencyKey
from kalends.core.clock import utc_now
from kalends.core.errors import Conflict, InvalidInput, KalendsError
from kalends.jobs import rows, sweeps
from kalends.jobs.secrets import seal, unseal

_LEASE = timedelta(seconds=30)
_WAIT_SECONDS = 20.0
_KEPT = timedelta(days=2)
_BODY = "api.IdempotencyKey.body"

Work = Callable[[IdempotencyKey | None], tuple[int, Any]]


def request_hash(request: HttpRequest) -> str:
    """Keyed: a body may hold a password, which could be guessed from a plain digest of it."""
    whole = b"\n".join([request.get_full_path().encode(), request.body])
    return salted_hmac("kalends.api.idempotency", whole, algorithm="sha256").hexdigest()


def answer(request: CompanyRequest, work: Work, *, atomic: bool = True) -> HttpResponse:
    """Runs `work` once for this request's Idempotency-Key and returns its answer, or repeats the one that is kept.

    `work` gets the key's row (None without the header) and returns status and body. With `atomic`, effect and kept
    answer commit together; without, `work` must itself be idempotent by the row's id (a booking asks calendars before
    its transaction, so no transaction may stand around it). An answer of the 4xx kind is kept too: the request was
    understood and refused, and saying otherwise the second time would be a surprise.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return _response(*_run(work, None, atomic=atomic))
    if len(key) > 255:
        raise InvalidInput("An Idempotency-Key has 255 characters at most.", field="Idempotency-Key")
    row = _take(request, key)
    if row.finished:
        return _response(row.status, unseal(row.body, row=row.pk, field=_BODY), replayed=True)
    try:
        return _response(*_run(work, row, atomic=atomic))
    except KalendsError as error:
        status, body = status_of(request, error), json.dumps(body_of(error))
        if status >= 500:
            _release(row)
            raise
        _finish(row, status, body)
        return _response(status, body)
    except Exception:
        _release(row)
        raise


def _run(work: Work, row: IdempotencyKey | None, *, atomic: bool) -> tuple[int, str]:
    with transaction.atomic() if atomic else nullcontext():
        status, body = work(row)
        text = json.dumps(body)
        if row is not None:
            _finish(row, status, text)
    return status, text


def _response(status: int, text: str, *, replayed: bool = False) -> HttpResponse:
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def _take(request: CompanyRequest, key: str) -> IdempotencyKey:
    """The row, ours to work on or finished. Waits while another request works on it."""
    wanted = request_hash(request)
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        now = rows.database_now()
        try:
            with transaction.atomic():
                return IdempotencyKey.objects.create(
                    company=request.company, key=key, request_hash=wanted, lease_until=now + _LEASE, created_at=now
                )
        except IntegrityError:
            row = IdempotencyKey.objects.filter(company=request.company, key=key).first()
        if row is None:
            continue
        if row.request_hash != wanted:
            raise InvalidInput(
                "This Idempotency-Key was used for another request.",
                code="idempotency_key_reused",
                field="Idempotency-Key",
            )
        if row.finished or rows.claim(IdempotencyKey.objects.filter(finished=False), pk=row.pk, now=now, lease=_LEASE):
            return row
        if time.monotonic() > deadline:
            raise Conflict("The first request with this Idempotency-Key is still at work.", code="in_progress")
        time.sleep(0.05)


def _finish(row: IdempotencyKey, status: int, text: str) -> None:
    """Sealed: an answer may hold an address that opens something, which the database keeps nowhere in the clear."""
    sealed = seal(text, row=row.pk, field=_BODY)
    IdempotencyKey.objects.filter(pk=row.pk).update(finished=True, status=status, body=sealed, lease_until=None)


def _release(row: IdempotencyKey) -> None:
    IdempotencyKey.objects.filter(pk=row.pk, finished=False).update(lease_until=None)


def _forget_old() -> None:
    IdempotencyKey.objects.filter(created_at__lt=utc_now() - _KEPT).delete()


sweeps.register("idempotency keys", lambda: 3600.0, _forget_old)
