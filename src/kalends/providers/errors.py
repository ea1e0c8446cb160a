"""What the providers share when a request fails: network errors as errors of the port, and Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from kalends.net.errors import BadRedirect, NetError, Refused, TooLarge
from kalends.sync.port import Ambiguous, Permanent, ProviderError, Temporary

_LONGEST = timedelta(hours=24)


class AnswerTooLarge(Permanent):
    """The answer is larger than we take; asking for less at a time may help."""


def from_net(error: NetError, *, write: bool) -> ProviderError:
    """A write that may have reached the provider is Ambiguous; nothing here is ever evidence about an event."""
    if isinstance(error, Refused):
        return Permanent("address_refused")
    if isinstance(error, BadRedirect):
        return Permanent("redirected")
    if write and error.sent:
        return Ambiguous(type(error).__name__)
    if isinstance(error, TooLarge):
        return AnswerTooLarge("answer_too_large")
    return Temporary(type(error).__name__)


def retry_at(header: str, now: datetime) -> datetime | None:
    """The instant that a Retry-After means (seconds or a date), at most a day ahead; None if there is none."""
    try:
        moment = now + timedelta(seconds=max(0.0, float(header)))
    except (ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return min(max(moment, now), now + _LONGEST)
