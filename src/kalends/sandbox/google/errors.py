"""Errors in the shape of Google's JSON API."""

from __future__ import annotations

from typing import Any

_STATUS_NAMES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}


class ApiError(Exception):
    """`reason` is what a client should decide by; `location` names the parameter or header at fault."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        domain: str = "global",
        location: str = "",
        location_type: str = "parameter",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.domain = domain
        self.location = location
        self.location_type = location_type
        self.headers = headers or {}

    def payload(self) -> dict[str, Any]:
        item = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location:
            item |= {"locationType": self.location_type, "location": self.location}
        error: dict[str, Any] = {"errors": [item], "code": self.status, "message": self.message}
        if self.status in _STATUS_NAMES and self.domain == "global":
            error["status"] = _STATUS_NAMES[self.status]
        return {"error": error}


def bad_request(message: str, *, reason: str = "badRequest", location: str = "") -> ApiError:
    return ApiError(400, reason, message, location=location)


def invalid(message: str, *, location: str = "", location_type: str = "parameter") -> ApiError:
    return ApiError(400, "invalid", message, location=location, location_type=location_type)


def not_found() -> ApiError:
    return ApiError(404, "notFound", "Not Found")


def already_deleted() -> ApiError:
    return ApiError(410, "deleted", "Resource has been deleted")


def duplicate() -> ApiError:
    return ApiError(409, "duplicate", "The requested identifier already exists.")


def stale_etag() -> ApiError:
    return ApiError(412, "conditionNotMet", "Precondition Failed", location="If-Match", location_type="header")


def full_sync_required() -> ApiError:
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "fullSyncRequired", message, domain="calendar", location="syncToken")


def writer_required() -> ApiError:
    message = "You need to have writer access to this calendar."
    return ApiError(403, "requiredAccessLevel", message, domain="calendar")


def bad_credentials() -> ApiError:
    message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
    where = {"location": "Authorization", "location_type": "header"}
    return ApiError(401, "authError", message, headers=challenge, **where)


def insufficient_scopes() -> ApiError:
    challenge = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'}
    message = "Request had insufficient authentication scopes."
    return ApiError(403, "insufficientPermissions", message, headers=challenge)
