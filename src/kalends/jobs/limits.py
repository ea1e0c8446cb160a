"""How often something was done lately, counted in the database: one count for all processes, exact under their haste.

Not in the cache: Django's database cache counts up by reading and writing, which loses counts, and each time begins
the entry's life anew, so that who tries steadily would never be let in again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import F

from kalends.core.clock import utc_now
from kalends.jobs import sweeps
from kalends.jobs.models import ActCount


def count_act(what: str, *, window: timedelta, now: datetime) -> int:
    """Counts one act and returns how many there were in its window, which begins with the first."""
    key = sha256(what.encode()).hexdigest()
    row = ActCount.objects.filter(pk=key)
    with transaction.atomic():
        ActCount.objects.bulk_create([ActCount(key=key, count=0, ends_at=now)], ignore_conflicts=True)
        # The first of these two locks the row until the end.
        row.filter(ends_at__lte=now).update(count=0, ends_at=now + window)
        row.update(count=F("count") + 1)
        return row.values_list("count", flat=True).get()


def _forget_old() -> None:
    ActCount.objects.filter(ends_at__lt=utc_now() - timedelta(hours=1)).delete()


sweeps.register("act counts", lambda: 3600.0, _forget_old)
