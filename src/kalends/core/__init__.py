"""Values that every room shares: spans, zones, ids, the clock, errors. No Django, no network."""
