"""Digest authentication (RFC 7616): answers to a server's challenges, for one user name and password."""

from __future__ import annotations

import re

import httpx2

_CHALLENGES = re.compile(r"(?:^|,)\s*(?=Digest\s)", re.IGNORECASE)
_UNUSABLE = (httpx2.HTTPError, NotImplementedError, ValueError)


class Digest:
    """Keeps the last challenge, so that later requests need no extra round. For one thread."""

    def __init__(self, username: str, password: str) -> None:
        self._given = (username, password)
        self._auth = httpx2.DigestAuth(username, password)

    def header(self, method: str, url: str) -> str:
        """The Authorization of a request, by the last challenge; "" as long as there was none."""
        return next(self._auth.auth_flow(httpx2.Request(method, url))).headers.get("authorization", "")

    def challenged(self, method: str, url: str, challenge: str) -> bool:
        """Takes the WWW-Authenticate of a 401; False if no challenge in it can be answered (another scheme or hash)."""
        return any(self._takes(method, url, part.strip()) for part in _CHALLENGES.split(challenge))

    def _takes(self, method: str, url: str, challenge: str) -> bool:
        if not challenge.lower().startswith("digest "):
            return False
        auth = httpx2.DigestAuth(*self._given)
        flow = auth.auth_flow(httpx2.Request(method, url))
        refusal = httpx2.Response(401, headers={"WWW-Authenticate": challenge}, request=next(flow))
        try:
            flow.send(refusal)
        except _UNUSABLE:
            return False
        self._auth = auth
        return True
