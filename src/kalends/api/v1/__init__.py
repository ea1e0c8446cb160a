"""REST, version 1: what the pages can do, a program can do."""

from __future__ import annotations
