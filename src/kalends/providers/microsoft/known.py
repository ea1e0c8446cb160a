"""What was found out about abilities that Microsoft does not document fully.

filter  events can be searched for by an extended property
guards  a PATCH with a stale If-Match is refused
delta   the delta of a calendar tells of that calendar
"""

from __future__ import annotations

from kalends.providers.findings import Findings

found = Findings()
