"""An address as it is now: one conditional request, bounded in time and size, its answer judged and decoded.

Whatever is no whole calendar raises, with a code in `detail` that says why: a failed read never looks like an empty
calendar (F21). The codes are for people: pages have a sentence for each.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from kalends.ics.verdict import Verdict, looks_like_calendar
from kalends.net.errors import NetError, NotSent, Refused, Timeout
from kalends.net.http import HttpClient, Response
from kalends.providers.errors import from_net, retry_at
from kalends.sync.port import Forbidden, NotFound, Permanent, ProviderError, Temporary, Throttled

MAX_BYTES = 10 * 1024 * 1024
TIMEOUT_SECONDS = 20.0
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)
_FOLD = re.compile(rb"\r?\n[ \t]")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole calendar as text, the digest of its bytes, and what makes the next request conditional."""

    text: str = field(repr=False)
    digest: str
    etag: str = field(default="", repr=False)
    modified: str = ""


def fetch(
    http: HttpClient,
    url: str,
    *,
    etag: str = "",
    modified: str = "",
    known: str = "",
    timeout: float = TIMEOUT_SECONDS,
    now: datetime,
) -> Fetched | None:
    """What stands at `url`; None if the server says that it is what `etag` and `modified` came with.

    Bytes whose digest is `known` were a whole calendar when they were last read: they are not read again, and `text` is "".

    `timeout` in seconds bounds everything, redirects included. Raises ProviderError.
    """
    headers = {"Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1"}
    headers |= {"If-None-Match": etag} if etag else {}
    headers |= {"If-Modified-Since": modified} if modified else {}
    try:
        response = http.request("GET", url, headers=headers, timeout=timeout, max_bytes=MAX_BYTES)
    except NetError as error:
        raise _from_net(error) from error
    if response.status == 304 and (etag or modified):
        return None
    if response.status != 200:
        raise _refused(response, now)
    digest = blake2b(response.body, digest_size=16).hexdigest()
    if digest == known:
        return Fetched("", digest, _kept(response, "etag"), _kept(response, "last-modified"))
    text = decode(response.body, response.headers.get("content-type", ""))
    if "\n" not in text:
        text = text.replace("\r", "\n")
    verdict = looks_like_calendar(text.encode() if response.body else b"")
    if verdict is Verdict.NOT_CALENDAR:
        verdict = looks_like_calendar(response.body)  # an archive, which no decoding made a text
    if verdict is not Verdict.CALENDAR:
        raise Temporary(verdict.value)
    return Fetched(text, digest, _kept(response, "etag"), _kept(response, "last-modified"))


def decode(body: bytes, content_type: str) -> str:
    """The text, whatever it was declared to be: what its first bytes say, UTF-8, what was declared, Windows-1252.

    Everything that decides busy time is ASCII, so that a wrong guess spoils names only.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if b"\0" in body[:8]:
        return body.decode("utf-16-be" if body.startswith(b"\0") else "utf-16-le", "replace")
    # A line may be folded inside a character (RFC 5545, 3.1).
    for raw in (body, _FOLD.sub(b"", body)):
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            continue
    declared = _CHARSET.search(content_type)
    try:
        return body.decode(declared[1] if declared else "cp1252")
    except (LookupError, UnicodeDecodeError):
        return body.decode("latin-1")


def _kept(response: Response, name: str) -> str:
    """A validator to send back; an overlong one is not worth keeping."""
    value = response.headers.get(name, "")
    return value if len(value) <= 512 else ""


def _refused(response: Response, now: datetime) -> ProviderError:
    status = response.status
    later = response.headers.get("retry-after", "")
    if status == 429 or (status == 503 and later):
        return Throttled(f"status_{status}", retry_at(later, now))
    if status in (401, 403):
        return Forbidden(f"status_{status}")
    if status in (404, 410):
        return NotFound(f"status_{status}")
    return Temporary(f"status_{status}") if status >= 500 else Permanent(f"status_{status}")


def _from_net(error: NetError) -> ProviderError:
    if isinstance(error, Timeout):
        return Temporary("timeout")
    if isinstance(error, NotSent) and not isinstance(error, Refused):
        return Temporary("certificate" if "certificate" in str(error) else "unreachable")
    return from_net(error, write=False)
