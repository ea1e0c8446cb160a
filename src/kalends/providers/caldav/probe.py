"""What a server can do, found out by asking it; nothing is derived from its name or version.

A probe reads only, and an answer that is an error says nothing bad: the habit that needs the least is presumed, and
every later answer is judged by itself all the same (a missing tag, a listing cut short, a resource left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kalends.core.span import Span
from kalends.providers.caldav.client import DavClient
from kalends.providers.caldav.collection import ctag, has_sync, sync_token
from kalends.providers.caldav.multistatus import Resource
from kalends.providers.caldav.resources import Resources
from kalends.providers.errors import AnswerTooLarge
from kalends.sync.port import AuthRevoked, AuthTransient, Capabilities, ProviderError, Throttled

_NO_FINDING = (AuthRevoked, AuthTransient, Throttled)
_NEAR = timedelta(days=14)
# No server has given this one out; it is a URI, as RFC 6578 wants tokens to be.
_NO_TOKEN = "data:,kalends-was-never-here"  # noqa: S105 - a sync token


@dataclass(slots=True)
class Probe:
    """Asks each thing once. `now` is the middle of the listing that is looked at for tags."""

    client: DavClient
    resources: Resources
    now: datetime

    def capabilities(self, state: Resource, *, schedules: bool) -> Capabilities:
        delta = self.has_delta(state)
        return Capabilities(
            push=False,
            tags=self.has_tags(),
            own_ids=True,
            guards=True,
            delta=delta,
            schedules_by_itself=schedules,
            change_tag=delta or ctag(state) != "",
        )

    def has_delta(self, state: Resource) -> bool:
        """Changes by a sync token, from a server that takes the token it gives out and refuses one which is no good.

        One that refuses its own would be read in full at each poll (F28), one that answers any with a listing of
        everything would never say what was deleted. There the collection's tag, or all tags, tell that something
        changed, and a complete listing what.
        """
        return has_sync(state) and self._takes(sync_token(state)) and not self._takes(_NO_TOKEN)

    def _takes(self, token: str) -> bool:
        try:
            self.resources.changes(token)
        except _NO_FINDING:
            raise
        except AnswerTooLarge:
            return True
        except ProviderError:
            return False
        return True

    def has_tags(self) -> bool:
        """Whether the resources of these weeks have tags; presumed where there are none."""
        try:
            tags = self.resources.tags_within(Span(self.now - _NEAR, self.now + _NEAR))
        except _NO_FINDING:
            raise
        except ProviderError:
            return True
        return all(tags.values())


def schedules_by_itself(client: DavClient, url: str) -> bool:
    """Whether the server says that it mails attendees (RFC 6638, 2). Presumed where it does not say."""
    try:
        offered = client.send("OPTIONS", url).headers.get("dav", "")
    except _NO_FINDING:
        raise
    except ProviderError:
        return True
    return "calendar-auto-schedule" in [token.strip().lower() for token in offered.split(",")]
