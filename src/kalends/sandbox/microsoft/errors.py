"""Errors in the shape of Microsoft Graph."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from kalends.core.clock import utc_now
from kalends.sandbox.web import Response, json_response


class GraphError(Exception):
    """`code` is what a client should decide by."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def payload(self) -> dict[str, Any]:
        request = str(uuid.uuid4())
        stamp = f"{utc_now():%Y-%m-%dT%H:%M:%S}"
        inner = {"date": stamp, "request-id": request, "client-request-id": request}
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}

    def response(self) -> Response:
        return json_response(self.payload(), self.status, self.headers)


def invalid(message: str, code: str = "ErrorInvalidRequest") -> GraphError:
    return GraphError(400, code, message)


def invalid_property(message: str) -> GraphError:
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def invalid_query(message: str) -> GraphError:
    return GraphError(400, "ErrorInvalidUrlQuery", message)


def invalid_filter() -> GraphError:
    return GraphError(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")


def unknown_zone(name: str) -> GraphError:
    message = f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'."
    return GraphError(400, "TimeZoneNotSupportedException", message)


def malformed_id() -> GraphError:
    return GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.")


def item_not_found() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def calendar_not_found() -> GraphError:
    return GraphError(404, "ErrorFolderNotFound", "The specified folder could not be found in the store.")


def access_denied() -> GraphError:
    return GraphError(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def stale_change_key() -> GraphError:
    message = "The send or update operation could not be performed because the change key passed in the request does "
    message += "not match the current change key for the item."
    return GraphError(412, "ErrorIrresolvableConflict", message)


def bad_token(message: str) -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": 'Bearer realm=""'})


def no_mailbox() -> GraphError:
    message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise."
    return GraphError(404, "MailboxNotEnabledForRESTAPI", message)


def sync_state_not_found() -> GraphError:
    message = "The sync state generation is not found; continuing a change tracking on it is not possible."
    return GraphError(410, "syncStateNotFound", message)


def too_many(code: str, message: str, retry_after: int) -> GraphError:
    return GraphError(429, code, message, {"Retry-After": str(retry_after)})
