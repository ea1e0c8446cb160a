"""Every kind of mail: to whom it goes, what its template needs, and whether a newer one makes an unsent one pointless.

The values of a context are JSON: instants as ISO 8601 with an offset. Any context may carry `timezone` (IANA), the
reader's zone. For each pair `<prefix>start`, `<prefix>end` the templates get `<prefix>when` in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kalends.core.errors import InvalidInput

_TIME = frozenset({"start", "end", "timezone"})
_CUSTOMER = _TIME | {"service", "staff_names", "customer_name", "location", "manage_url"}
_STAFF = _TIME | {
    "service",
    "staff_name",
    "customer_name",
    "customer_email",
    "customer_phone",
    "notes",
    "dashboard_url",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """`needs` are the keys a context must have; `supersedes`: older unsent mails of the same subject go."""

    name: str
    needs: frozenset[str]
    supersedes: bool = True


_ALL = (
    Kind("appointment_confirmed", _CUSTOMER),
    Kind("appointment_moved", _CUSTOMER | {"old_start", "old_end"}),
    Kind("appointment_cancelled", _CUSTOMER | {"reason"}),
    Kind("staff_appointment_new", _STAFF),
    Kind("staff_appointment_moved", _STAFF | {"old_start", "old_end"}),
    Kind("staff_appointment_cancelled", _STAFF | {"reason"}),
    # `reason`: overlap | rule | past; `start` where the appointment stands, `tried_start` where it was dragged to.
    Kind(
        "move_put_back", _TIME | {"staff_name", "title", "tried_start", "tried_end", "reason", "dashboard_url"}, False
    ),
    # `what`: revoked | calendar_gone | rights_lost | stale | deletions; `day` counts from the first notice (0, 1, 3, 7).
    Kind("connection_needs_attention", frozenset({"staff_name", "provider", "account", "what", "mend_url", "day"})),
    # `question`: deleted_outside; `deadline` an instant.
    Kind("staff_question", _TIME | {"staff_name", "title", "question", "answer_url", "deadline"}, False),
    # `subject` and `html` are the manager's own words; `link` and `expires` are put into them.
    Kind("calendar_invitation", frozenset({"subject", "html", "link", "expires", "staff_name", "timezone"})),
    # To sign in for a company; `role`: owner | manager | viewer.
    Kind("member_invitation", frozenset({"invited_by", "role", "link", "expires", "timezone"})),
    # To the owners: a webhook was paused, for it took nothing for days.
    Kind("webhook_paused", frozenset({"host", "mend_url", "timezone"})),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}


def checked_kind(name: str, context: Mapping[str, Any]) -> Kind:
    """The kind, once `context` has all it needs: a mail that cannot be written is refused before it is promised."""
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInput(f"There is no mail of the kind {name!r}", field="kind")
    missing = sorted(kind.needs - context.keys())
    if missing:
        raise InvalidInput(f"The mail {name} lacks {', '.join(missing)}", field="context")
    return kind
