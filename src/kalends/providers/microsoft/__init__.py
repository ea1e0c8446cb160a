"""Microsoft Graph v1.0: Microsoft 365 and Exchange Online ("office365"), Outlook.com and its kin ("outlook")."""

from __future__ import annotations
