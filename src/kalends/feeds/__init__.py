"""ICS out, rendering only: staff, group, company."""
