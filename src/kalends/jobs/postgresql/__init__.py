"""Django's PostgreSQL backend, which finds out without a question whether a kept connection is still there."""
