"""The sign-in and consent page of the stand-in, and the page for what cannot be sent back to the application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from kalends.sandbox.google.consent import document
from kalends.sandbox.microsoft import scopes
from kalends.sandbox.microsoft.entra import EntraProblem
from kalends.sandbox.microsoft.store import WORK, Account
from kalends.sandbox.web import Response

_FORM = """<p class="badge">Sandbox &middot; not the real Microsoft</p>
<h1>Sign in</h1>
<p>to continue to <strong>{client}</strong></p>
<form method="post" action="/{tenant}/oauth2/v2.0/authorize">
{hidden}
<fieldset><legend>Pick an account</legend>{accounts}</fieldset>
<fieldset><legend>Permissions requested: {client} would like to</legend>{scopes}</fieldset>
<div class="buttons"><button name="decision" value="cancel" class="plain">Cancel</button>
<button name="decision" value="accept" class="primary">Accept</button></div>
</form>"""


def page(tenant: str, wanted: Mapping[str, str], client: str, accounts: Iterable[Account]) -> Response:
    """The consent page for an authorization request that was found sound.

    Every account can be picked: like Entra, the stand-in says only afterwards that it is of the wrong kind.
    """
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in wanted.items())
    rows = [_account(account, wanted.get("login_hint", "")) for account in accounts]
    if rows and not any(" checked" in row for row in rows):
        first = next((i for i, row in enumerate(rows) if _fits(row, tenant)), 0)
        rows[first] = rows[first].replace('type="radio"', 'type="radio" checked', 1)
    body = _FORM.format(
        client=escape(client),
        tenant=escape(tenant),
        hidden=hidden,
        accounts="".join(rows),
        scopes="".join(f'<p class="given">{escape(scopes.KNOWN[name])}</p>' for name in scopes.short(wanted["scope"])),
    )
    return document("Sign in - sandbox", body, 200, wanted["redirect_uri"])


def _fits(row: str, tenant: str) -> bool:
    return ("Work or school" in row) == (tenant != "consumers")


def _account(account: Account, hint: str) -> str:
    checked = " checked" if hint == account.email else ""
    kind = "Work or school account" if account.kind == WORK else "Personal account"
    if account.admin_consent:
        kind += ", needs an administrator's approval"
    return (
        f'<label class="choice"><input type="radio" name="account" value="{escape(account.email)}"{checked}>'
        f'<span class="avatar" aria-hidden="true">{escape(account.name[:1])}</span>'
        f"<span><b>{escape(account.name)}</b><small>{escape(account.email)}</small><small>{kind}</small></span></label>"
    )


def error_page(problem: EntraProblem, again: str = "") -> Response:
    """What Entra says on its own page; `again` leads back to the choice of an account."""
    link = f"<p><a href='{escape(again)}'>Use another account</a></p>" if again else ""
    body = (
        f"<h1>Sorry, but we're having trouble signing you in.</h1><p>AADSTS{problem.number}: {escape(str(problem))}</p>"
    )
    return document("Error - sandbox", body + link, 400, "")
