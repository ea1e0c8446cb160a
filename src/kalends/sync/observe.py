"""What a page of changes says about an event of ours. A page is a hint: it starts the grace time, it never acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kalends.sync.link import LinkState, Mode, Pending, PendingKind, Policy, Shape, hold


@dataclass(frozen=True, slots=True)
class Observed:
    """`pending` is what to remember now; `look_at` is when to read the event directly, None for never."""

    pending: Pending | None
    look_at: datetime | None


def observe(link: LinkState, shape: Shape | None, tag: str, policy: Policy, now: datetime) -> Observed:
    """`shape` None: the page says the event was deleted."""
    if link.wanted is None:
        return Observed(None, now)
    if shape is None:
        pending = hold(link.pending, PendingKind.DELETED, None, grace=policy.grace, now=now)
        return Observed(pending, pending.act_after)
    if link.echo is None or link.sent is not None:
        # A write of ours is under way or its answer was lost; only a direct read tells.
        return Observed(link.pending, now)
    if shape == link.echo or (tag and tag == link.tag):
        # As agreed. Something pending was undone, which a direct read confirms.
        return Observed(link.pending, now if link.pending or link.verdict or link.question else None)
    moved = not shape.same_time(link.echo) and shape.span != link.wanted.content.span
    if moved and policy.mode is Mode.TWO_WAY:
        pending = hold(link.pending, PendingKind.CHANGED, shape, grace=policy.grace, now=now)
        return Observed(pending, pending.act_after)
    return Observed(link.pending, now)
