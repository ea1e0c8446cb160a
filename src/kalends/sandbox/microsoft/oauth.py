"""Sign-in as Entra does it: consent page, codes with PKCE, tokens, refresh with rotation, for both kinds of account."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from kalends.sandbox.microsoft import consent, errors, scopes
from kalends.sandbox.microsoft.entra import EntraError, EntraProblem
from kalends.sandbox.microsoft.store import CONSUMERS, PERSONAL, WORK, Account, Code, Store, new_secret
from kalends.sandbox.oauth import Client, Grant, Token, back, credentials, forget_expired, matches
from kalends.sandbox.web import Request, Response, Route, json_response, route

CODE_SECONDS = 600
REFRESH_SECONDS = 90 * 86_400
CLIENT = Client(id="5f1a0c52-5b1e-4a5c-9c0e-6b616c656e64")


class OAuth:
    """The pages and endpoints, for one registered client. `base_url` is set when the server knows its port."""

    def __init__(self, store: Store, client: Client) -> None:
        self.client = client
        self.access_seconds = 3599
        self.base_url = ""
        self._store = store

    def routes(self) -> list[Route]:
        return [
            route("GET", "/{tenant}/oauth2/v2.0/authorize", "", self.ask),
            route("POST", "/{tenant}/oauth2/v2.0/authorize", "", self.decide),
            route("POST", "/{tenant}/oauth2/v2.0/token", "", self.token),
            route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", "", self.configuration),
        ]

    # -- consent -----------------------------------------------------------------------------------------------

    def ask(self, request: Request, tenant: str) -> Response:
        """The consent page, or an error page where it would not be safe to send the browser back."""
        wanted = {name: values[0] for name, values in request.query.items()}
        try:
            self._check_address(wanted, tenant)
        except EntraProblem as problem:
            return consent.error_page(problem)
        try:
            _check_request(wanted)
        except EntraError as error:
            return back(wanted, error.answer())
        if wanted.get("prompt") == "none":
            text = "Session information is not sufficient for single-sign-on."
            return back(wanted, EntraError("login_required", 50058, text).answer())
        with self._store.writing():
            accounts = self._store.accounts.values()
        return consent.page(tenant, wanted, self.client.name, accounts)

    def decide(self, request: Request, tenant: str) -> Response:
        """The answer that was given on the consent page."""
        wanted = request.form()
        try:
            self._check_address(wanted, tenant)
            _check_request(wanted)
            if wanted.get("decision") != "accept":
                text = "User declined to consent to access the app."
                return back(wanted, EntraError("access_denied", 65004, text).answer() | {"error_subcode": "cancel"})
            account = self._store.accounts.get(wanted.get("account", ""))
            if account is None:
                raise EntraProblem(50034, "The user account does not exist.")
            _check_kind(account, tenant)
        except EntraProblem as problem:
            return consent.error_page(problem, _again(tenant, wanted))
        except EntraError as error:
            return back(wanted, error.answer())
        if account.admin_consent:
            text = "An administrator of the organisation has set a policy that prevents you from granting "
            text += f"{self.client.name} the permissions it is requesting. Admin consent is required."
            return back(wanted, EntraError("consent_required", 90094, text).answer())
        with self._store.writing():
            code = self._issue_code(account, wanted)
        return back(wanted, {"code": code.code, "session_state": secrets.token_hex(8)})

    def _check_address(self, wanted: Mapping[str, str], tenant: str) -> None:
        self._check_tenant(tenant)
        if wanted.get("client_id") != self.client.id:
            name = wanted.get("client_id", "")
            raise EntraProblem(700016, f"Application with identifier '{name}' was not found in the directory.")
        if not self.client.may_redirect(wanted.get("redirect_uri", "")):
            text = f"The redirect URI '{wanted.get('redirect_uri', '')}' specified in the request does not match the "
            raise EntraProblem(50011, f"{text}redirect URIs configured for the application '{self.client.id}'.")

    def _check_tenant(self, tenant: str) -> None:
        known = {account.tid for account in self._store.accounts.values()}
        if tenant not in ("common", "organizations", "consumers", CONSUMERS) and tenant not in known:
            raise EntraProblem(90002, f"Tenant '{tenant}' not found.")

    def _issue_code(self, account: Account, wanted: Mapping[str, str]) -> Code:
        granted = scopes.short(wanted["scope"])
        grant = self.grant(account, granted)
        code = Code(new_secret("0.A" if account.kind == WORK else "M.C5"), grant.id, granted, wanted["redirect_uri"],
                    wanted["code_challenge"], self._time(), wanted.get("nonce", ""))  # fmt: skip
        self._store.codes.put(code.code, code)
        return code

    def grant(self, account: Account, granted: list[str]) -> Grant:
        """The living grant of an account to the client, widened by `granted`, or a new one."""
        living = [row for row in self._store.grants.values() if row.account == account.email and not row.revoked]
        grant = living[0] if living else Grant(secrets.token_hex(8), account.email, self.client.id, [])
        grant.scopes = list(dict.fromkeys([*grant.scopes, *granted]))
        self._store.grants.put(grant.id, grant)
        return grant

    def _time(self) -> float:
        return self._store.now().timestamp()

    # -- tokens ------------------------------------------------------------------------------------------------

    def token(self, request: Request, tenant: str) -> Response:
        """The token endpoint: authorization_code and refresh_token."""
        form = request.form()
        try:
            with self._store.writing():
                self._check_tenant(tenant)
                self._authenticate(request, form)
                if form.get("grant_type") == "authorization_code":
                    payload = self._redeem(form, tenant)
                elif form.get("grant_type") == "refresh_token":
                    payload = self._refresh(form, tenant)
                else:
                    text = f"The app requested an unsupported grant type '{form.get('grant_type', '')}'."
                    raise EntraError("unsupported_grant_type", 70003, text)
        except EntraProblem as problem:
            return EntraError("invalid_request", problem.number, str(problem)).response(self._store.now())
        except EntraError as error:
            return error.response(self._store.now())
        return json_response(payload, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> None:
        client_id, secret = credentials(request, form)
        if client_id != self.client.id:
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise EntraError("unauthorized_client", 700016, text)
        if not self.client.has_secret(secret):
            text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
            raise EntraError("invalid_client", 7000215, f"{text}value, not the client secret ID.", 401)

    def _redeem(self, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        code = self._store.codes.get(form.get("code", ""))
        if code is None:
            raise EntraError("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        if code.used:
            raise EntraError("invalid_grant", 54005, "OAuth2 Authorization code was already redeemed.")
        if self._time() - code.issued_at > CODE_SECONDS:
            raise EntraError("invalid_grant", 70008, "The provided authorization code has expired.")
        if code.redirect_uri != form.get("redirect_uri"):
            text = "The reply address does not match the reply address provided when requesting the authorization code."
            raise EntraError("invalid_grant", 500112, text)
        if not matches(code.challenge, form.get("code_verifier", "")):
            text = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
            raise EntraError("invalid_grant", 501481, text)
        grant = self._store.grants[code.grant]
        _check_kind(self._store.accounts[grant.account], tenant)
        code.used = True
        self._store.codes.put(code.code, code)
        return self.issue(grant, code.scopes, code.nonce)

    def _refresh(self, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        """A new pair of tokens. The old refresh token stays good, as documented."""
        token = self._store.tokens.get(form.get("refresh_token", ""))
        if token is None or token.kind != "refresh":
            raise EntraError("invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")
        grant = self._store.grants[token.grant]
        account = self._store.accounts[grant.account]
        _check_kind(account, tenant)
        if token.expires_at <= self._time():
            raise EntraError("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
        if account.mfa:
            text = "Due to a configuration change made by your administrator, or because you moved to a new location, "
            raise EntraError("invalid_grant", 50076, f"{text}you must use multi-factor authentication.",
                             suberror="basic_action")  # fmt: skip
        return self.issue(grant, scopes.short(form.get("scope", "")) or token.scopes, "")

    def issue(self, grant: Grant, granted: list[str], nonce: str = "") -> dict[str, Any]:
        """The token endpoint's answer for a grant. Raises EntraError where it was revoked."""
        if grant.revoked:
            text = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            raise EntraError("invalid_grant", 50173, text)
        if missing := [name for name in granted if name not in grant.scopes]:
            text = f"The user or administrator has not consented to use the application for {' '.join(missing)}."
            raise EntraError("invalid_grant", 65001, text, suberror="consent_required")
        account = self._store.accounts[grant.account]
        prefix = "eyJ0" if account.kind == WORK else "EwB"
        access = Token(new_secret(prefix), "access", grant.id, granted, self._time() + self.access_seconds)
        forget_expired(self._store.tokens, self._time())
        self._store.tokens.put(access.value, access)
        payload = {
            "token_type": "Bearer",
            "scope": " ".join(name for name in granted if name != "offline_access"),
            "expires_in": self.access_seconds,
            "ext_expires_in": self.access_seconds,
            "access_token": access.value,
        }
        if "offline_access" in granted:
            prefix = "1.A" if account.kind == WORK else "M.C5"
            refresh = Token(new_secret(prefix), "refresh", grant.id, granted, self._time() + REFRESH_SECONDS)
            self._store.tokens.put(refresh.value, refresh)
            payload["refresh_token"] = refresh.value
        if "openid" in granted:
            payload["id_token"] = self._id_token(account, granted, nonce)
        return payload

    def _id_token(self, account: Account, granted: list[str], nonce: str) -> str:
        now = int(self._time())
        claims: dict[str, Any] = {
            "aud": self.client.id,
            "iss": f"{self.base_url}/{account.tid}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "oid": account.oid,
            "sub": account.sub,
            "tid": account.tid,
            "ver": "2.0",
        }
        if "profile" in granted:
            claims |= {"name": account.name, "preferred_username": account.email}
        if "email" in granted:
            claims["email"] = account.email
        if nonce:
            claims["nonce"] = nonce
        return self.client.signed({"typ": "JWT", "alg": "HS256"}, claims)

    def configuration(self, request: Request, tenant: str) -> Response:
        """OpenID Connect discovery."""
        root = f"{self.base_url}/{tenant}"
        issuer = {"consumers": CONSUMERS, "common": "{tenantid}", "organizations": "{tenantid}"}.get(tenant, tenant)
        return json_response(
            {
                "issuer": f"{self.base_url}/{issuer}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["HS256"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    # -- who asks ----------------------------------------------------------------------------------------------

    def bearer(self, request: Request) -> tuple[Token, Account, Grant]:
        """The living access token of a request to Graph. Raises GraphError 401."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not value.strip():
            raise errors.bad_token("Access token is empty.")
        token = self._store.tokens.get(value.strip())
        if token is None or token.kind != "access":
            raise errors.bad_token("CompactToken parsing failed with error code: 80049217")
        grant = self._store.grants[token.grant]
        if token.expires_at <= self._time() or grant.revoked:
            raise errors.bad_token("Lifetime validation failed, the token is expired.")
        return token, self._store.accounts[grant.account], grant


def _check_request(wanted: Mapping[str, str]) -> None:
    if wanted.get("response_type") != "code":
        raise EntraError("unsupported_response_type", 700054, "response_type must be 'code' for the application.")
    if wanted.get("response_mode", "query") != "query":
        raise EntraError("invalid_request", 70007, "The response_mode is not supported by the sandbox.")
    if not wanted.get("scope"):
        raise EntraError("invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
    if unknown := scopes.unknown(wanted["scope"]):
        text = f"The application asked for scope '{unknown}' that doesn't exist on the resource."
        raise EntraError("invalid_client", 650053, text)
    if not wanted.get("code_challenge") or wanted.get("code_challenge_method") != "S256":
        text = "Proof Key for Code Exchange is required: code_challenge with the method S256."
        raise EntraError("invalid_request", 9002325, text)


def _check_kind(account: Account, tenant: str) -> None:
    """Whether the account may sign in at this address. Raises EntraProblem, which is shown and not sent back."""
    if account.kind == PERSONAL and tenant not in ("common", "consumers", CONSUMERS):
        text = f"User account '{account.email}' is a personal Microsoft account. Personal Microsoft accounts are not "
        raise EntraProblem(
            500200, f"{text}supported for this application unless explicitly invited to an organization."
        )
    if account.kind == WORK and tenant in ("consumers", CONSUMERS):
        text = f"User account '{account.email}' from a work or school does not exist in tenant 'Microsoft Accounts'. "
        raise EntraProblem(50020, f"{text}Use a personal account instead.")
    if account.kind == WORK and tenant not in ("common", "organizations", account.tid):
        raise EntraProblem(50020, f"User account '{account.email}' does not exist in tenant '{tenant}'.")


def _again(tenant: str, wanted: Mapping[str, str]) -> str:
    """The address of the same question, to choose another account."""
    kept = {name: value for name, value in wanted.items() if name not in ("account", "decision")}
    return f"/{tenant}/oauth2/v2.0/authorize?{urlencode(kept)}"
