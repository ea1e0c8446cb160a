"""What a test or a person may do to the sandbox Microsoft that no client of the API could do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kalends.core.errors import InvalidInput
from kalends.sandbox.microsoft import scopes
from kalends.sandbox.microsoft.oauth import OAuth
from kalends.sandbox.microsoft.push import LIFECYCLE, Sender
from kalends.sandbox.microsoft.settings import Settings
from kalends.sandbox.microsoft.store import Calendar, Store

USUAL = ("openid", "profile", "email", "offline_access", "User.Read", "Calendars.ReadWrite")


class Acts:
    def __init__(self, store: Store, oauth: OAuth, settings: Settings, sender: Sender) -> None:
        self._store = store
        self._oauth = oauth
        self._settings = settings
        self._sender = sender

    def grant(self, account: str, granted: Sequence[str] = USUAL) -> dict[str, Any]:
        """Consent without the browser's part: what the token endpoint would answer."""
        if unknown := scopes.unknown(" ".join(granted)):
            raise InvalidInput(f"there is no scope {unknown}", field="granted")
        with self._store.writing():
            wanted = scopes.short(" ".join(granted))
            return self._oauth.issue(self._oauth.grant(self._store.accounts[account], wanted), wanted)

    def revoke(self, account: str) -> None:
        """The person takes back what they allowed: no refresh any more, and the subscriptions end."""
        with self._store.writing():
            for grant in self._store.grants.values():
                if grant.account == account:
                    grant.revoked = True
                    self._store.grants.put(grant.id, grant)
            for row in self._store.subscriptions.values():
                if row.account == account:
                    self._sender.lifecycle(row, "subscriptionRemoved")

    def lifecycle(self, event: str, *, subscription: str = "", account: str = "") -> None:
        """Make "reauthorizationRequired", "subscriptionRemoved" or "missed" happen to subscriptions."""
        if event not in LIFECYCLE:
            raise InvalidInput(f"there is no lifecycle event {event}", field="event")
        with self._store.writing():
            for row in self._store.subscriptions.values():
                if subscription in ("", row.id) and account in ("", row.account):
                    self._sender.lifecycle(row, event)

    def pushes(self, *, lose: int = 0, repeat: int = 0, hold: float = 0.0) -> None:
        """The next `lose` notices vanish, the next `repeat` requests come twice, each waits `hold` seconds."""
        self._sender.lose, self._sender.repeat, self._sender.hold = lose, repeat, hold

    def set_account(self, account: str, **changed: bool) -> None:
        """Set `admin_consent`, `mfa` or `mailbox` of an account."""
        with self._store.writing():
            row = self._store.accounts[account]
            for name, value in changed.items():
                if name not in ("admin_consent", "mfa", "mailbox"):
                    raise InvalidInput(f"{name} of an account cannot be set", field=name)
                setattr(row, name, bool(value))
            self._store.accounts.put(account, row)

    def set_calendar(self, calendar: str, *, can_edit: bool | None = None, deleted: bool | None = None) -> None:
        """Make a calendar read-only or writable, or take it away."""
        with self._store.writing():
            row: Calendar = self._store.calendars[calendar]
            row.can_edit = row.can_edit if can_edit is None else can_edit
            row.deleted = row.deleted if deleted is None else deleted
            self._store.touch(row)

    def expire_delta(self, calendar: str = "") -> None:
        """Every delta token given out so far, of one calendar or of all, is answered with 410 from now on."""
        with self._store.writing():
            for row in self._store.calendars.values():
                if calendar in ("", row.id):
                    row.generation += 1
                    self._store.calendars.put(row.id, row)

    def expire_access(self, account: str = "") -> None:
        """Access tokens end now; refresh tokens go on."""
        with self._store.writing():
            for token in self._store.tokens.values():
                if token.kind == "access" and account in ("", self._store.grants[token.grant].account):
                    token.expires_at = 0.0
                    self._store.tokens.put(token.value, token)

    def set(self, **changed: Any) -> None:
        """Change settings by name; `access_seconds` is the life of new access tokens."""
        if "access_seconds" in changed:
            self._oauth.access_seconds = int(changed.pop("access_seconds"))
        for name, value in changed.items():
            if not hasattr(self._settings, name):
                raise InvalidInput(f"there is no setting {name}", field=name)
            setattr(self._settings, name, value)
