"""Backup and restore, the same file for both databases.

tables    what is kept, and how values are written as JSON
file      the file: lines of JSON, compressed, closed by counts and a digest
writing   rows of one snapshot -> file
restoring file -> an empty database, which then stands still until a person releases it
releasing what a restore holds, and letting it go
"""

from __future__ import annotations
