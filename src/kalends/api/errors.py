"""Errors as the API answers them: {"code", "message", "field"?, "alternatives"?} with the right status."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.log import log_response
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from kalends.bookings.values import NotOffered, SlotTaken
from kalends.core import errors

STATUS: dict[type[errors.KalendsError], int] = {
    errors.InvalidInput: 422,
    errors.NotFound: 404,
    errors.NotAllowed: 403,
    errors.Conflict: 409,
    errors.Unavailable: 503,
}


def status_of(request: HttpRequest, error: errors.KalendsError) -> int:
    # A stale If-Match is not a taken slot: HTTP has a status of its own for it.
    if error.code == "version_changed" and "If-Match" in request.headers:
        return 412
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def body_of(error: errors.KalendsError) -> dict[str, Any]:
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.field:
        body["field"] = error.field
    if isinstance(error, NotOffered):
        body["reason"] = error.reason
    if isinstance(error, SlotTaken):
        body["alternatives"] = [
            {"start": item.start.isoformat(), "staff": [str(staff_id) for staff_id in item.staff_ids]}
            for item in error.alternatives
        ]
    return body


def install(api: NinjaAPI) -> None:
    """One place turns errors into answers."""

    @api.exception_handler(errors.KalendsError)
    def _kalends(request: HttpRequest, error: errors.KalendsError) -> HttpResponse:
        return api.create_response(request, body_of(error), status=status_of(request, error))

    @api.exception_handler(ValidationError)
    def _validation(request: HttpRequest, error: ValidationError) -> HttpResponse:
        first = error.errors[0]
        # ("body", "payload", "start"): the last part that names something of the caller's.
        named = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header", "payload")]
        body = {"code": "invalid", "message": str(first["msg"]), "field": ".".join(named) or "body"}
        return api.create_response(request, body, status=422)

    @api.exception_handler(AuthenticationError)
    def _authentication(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        body = {"code": "unauthenticated", "message": "Send a live API key as: Authorization: Bearer KEY"}
        response = api.create_response(request, body, status=401)
        response["WWW-Authenticate"] = "Bearer"
        return response

    @api.exception_handler(Http404)
    def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
        return api.create_response(request, {"code": "not_found", "message": "There is no such thing."}, status=404)

    @api.exception_handler(HttpError)
    def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return api.create_response(request, {"code": "bad_request", "message": str(error)}, status=error.status_code)

    @api.exception_handler(SuspiciousOperation)
    def _suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
        if isinstance(error, RequestDataTooBig):
            return api.create_response(
                request, {"code": "too_large", "message": "This is too much at once."}, status=413
            )
        return api.create_response(request, {"code": "bad_request", "message": "This cannot be read."}, status=400)

    @api.exception_handler(Exception)
    def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
        """What Django does with an exception that nobody expected, with an answer that a program can read."""
        got_request_exception.send(sender=None, request=request)
        body = {"code": "internal", "message": "Something went wrong here, and it has been written down. Try again."}
        response = api.create_response(request, body, status=500)
        log_response(
            "%s: %s", response.reason_phrase, request.path, response=response, request=request, exception=error
        )
        return response
