"""REST version 1 and inbound provider notifications."""
