"""Companies, staff, groups of staff, services, hours, roles, feeds, API keys, audit."""
