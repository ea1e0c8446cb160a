"""Django's SQLite backend with fair turns at writing (see kalends.jobs.turns)."""
