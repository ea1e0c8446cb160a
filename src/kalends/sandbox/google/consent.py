"""The consent page: which account, which scopes, allow or refuse; and the page for requests that cannot be served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlsplit

from kalends.sandbox.google import scopes
from kalends.sandbox.google.store import Account
from kalends.sandbox.web import Response

_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/static/sandbox.css"></head>
<body class="consent"><main class="card">{body}</main></body></html>"""

_FORM = """<p class="badge">Sandbox &middot; not the real Google</p>
<h1>Sign in</h1>
<p>to continue to <strong>{client}</strong></p>
<form method="post" action="/o/oauth2/v2/auth">
{hidden}
<fieldset><legend>Choose an account</legend>{accounts}</fieldset>
<fieldset><legend>{client} wants to</legend>{scopes}</fieldset>
<p class="hint">Untick what you do not want to allow.</p>
<div class="buttons"><button name="decision" value="refuse" class="plain">Refuse</button>
<button name="decision" value="allow" class="primary">Allow</button></div>
</form>"""


def page(wanted: Mapping[str, str], client: str, accounts: Iterable[Account]) -> Response:
    """The consent page for an authorization request that was found sound."""
    hidden = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in wanted.items())
    rows = [_account(account, wanted.get("login_hint", "")) for account in accounts]
    if rows and not any(" checked" in row for row in rows):
        rows[0] = rows[0].replace('type="radio"', 'type="radio" checked', 1)
    body = _FORM.format(
        client=escape(client),
        hidden=hidden,
        accounts="".join(rows),
        scopes="".join(_scope(scope) for scope in dict.fromkeys(wanted["scope"].split())),
    )
    return document("Sign in - sandbox", body, 200, wanted["redirect_uri"])


def _account(account: Account, hint: str) -> str:
    checked = " checked" if hint in (account.email, account.sub) else ""
    return (
        f'<label class="choice"><input type="radio" name="account" value="{escape(account.email)}"{checked}>'
        f'<span class="avatar" aria-hidden="true">{escape(account.name[:1])}</span>'
        f"<span><b>{escape(account.name)}</b><small>{escape(account.email)}</small></span></label>"
    )


def _scope(scope: str) -> str:
    text = escape(scopes.KNOWN[scope])
    if scope in scopes.IDENTITY:
        return f'<p class="given">{text}</p>'
    return (
        f'<label class="choice"><input type="checkbox" name="grant" value="{escape(scope)}" checked>'
        f"<span>{text}<small>{escape(scope.rsplit('/', 1)[-1])}</small></span></label>"
    )


def error_page(status: int, code: str, text: str) -> Response:
    """Shown instead of a redirect, which would hand the error to an address nobody vouched for."""
    body = f"<h1>Access blocked</h1><p>{escape(text)}</p><p class='hint'>Error {status}: {escape(code)}</p>"
    return document("Error - sandbox", body, status, "")


def document(title: str, body: str, status: int, redirect_uri: str) -> Response:
    """A page of the sign-in. `form-action` must name where the answer leads: browsers check it after the redirect too."""
    parts = urlsplit(redirect_uri)
    target = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
    policy = (
        f"default-src 'none'; style-src 'self'; form-action 'self'{target}; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return Response(status, _SHELL.format(title=escape(title), body=body).encode(), headers)
