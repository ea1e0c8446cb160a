"""CalDAV servers (RFC 4791), with collection synchronisation (RFC 6578) where a server has it."""

from __future__ import annotations
