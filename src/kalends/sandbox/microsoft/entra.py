"""Errors of Entra's token and authorize endpoints."""

from __future__ import annotations

import uuid
from datetime import datetime

from kalends.sandbox.web import Response, json_response


class EntraProblem(Exception):
    """Shown to the person on Entra's own page: the application is not told."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class EntraError(Exception):
    """Told to the application. `number` is that of the AADSTS code."""

    def __init__(self, error: str, number: int, text: str, status: int = 400, *, suberror: str = "") -> None:
        super().__init__(text)
        self.error, self.number, self.status, self.suberror = error, number, status, suberror

    def answer(self) -> dict[str, str]:
        """As parameters of the redirect."""
        return {"error": self.error, "error_description": f"AADSTS{self.number}: {self}"}

    def response(self, now: datetime) -> Response:
        """As the JSON of the token endpoint."""
        trace, stamp = str(uuid.uuid4()), f"{now:%Y-%m-%d %H:%M:%S}Z"
        description = f"AADSTS{self.number}: {self} Trace ID: {trace} Correlation ID: {trace} Timestamp: {stamp}"
        payload = {
            "error": self.error,
            "error_description": description,
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
            **({"suberror": self.suberror} if self.suberror else {}),
        }
        return json_response(payload, self.status, {"Cache-Control": "no-store", "Pragma": "no-cache"})
