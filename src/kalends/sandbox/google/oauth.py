"""OAuth 2 as Google does it: consent page, codes with PKCE, tokens, refresh, revocation, who is signed in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from kalends.sandbox.google import consent, errors, scopes
from kalends.sandbox.google.faults import Faults
from kalends.sandbox.google.store import Account, Code, Store, new_secret
from kalends.sandbox.oauth import Client, Grant, Token, back, credentials, forget_expired, matches, same
from kalends.sandbox.web import Request, Response, Route, json_response, route

CODE_SECONDS = 600


class OAuthError(Exception):
    """An error of the token endpoint, in RFC 6749's shape."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def response(self) -> Response:
        return json_response({"error": self.error, "error_description": self.description}, self.status)


class OAuth:
    """The pages and endpoints, for one registered client."""

    def __init__(self, store: Store, client: Client, faults: Faults) -> None:
        self.client = client
        self._store = store
        self._faults = faults
        self.base_url = ""

    def routes(self) -> list[Route]:
        userinfo = [("GET", path) for path in ("/oauth2/v2/userinfo", "/userinfo/v2/me")]
        return [
            route("GET", "/o/oauth2/v2/auth", "", self.ask),
            route("POST", "/o/oauth2/v2/auth", "", self.decide),
            route("POST", "/token", "", self.token),
            route("POST", "/revoke", "", self.revoke),
            *(route(method, path, "oauth2.userinfo.get", self.userinfo) for method, path in userinfo),
            *(route("GET", path, "", self.openid_userinfo) for path in ("/v1/userinfo", "/oauth2/v3/userinfo")),
            *(route(method, "/oauth2/v2/tokeninfo", "oauth2.tokeninfo", self.tokeninfo) for method in ("GET", "POST")),
        ]

    # -- consent -----------------------------------------------------------------------------------------------

    def ask(self, request: Request) -> Response:
        """The consent page, or an error page where it would not be safe to send the browser back."""
        wanted = {name: values[0] for name, values in request.query.items()}
        problem = self._problem(wanted)
        if problem:
            return consent.error_page(*problem)
        if wanted.get("prompt") == "none":
            return back(wanted, {"error": "interaction_required"})
        with self._store.writing():
            accounts = self._store.accounts.values()
        return consent.page(wanted, self.client.name, accounts)

    def decide(self, request: Request) -> Response:
        """The answer that was given on the consent page."""
        given = request.form_all()
        wanted = {name: values[0] for name, values in given.items() if name != "grant"}
        problem = self._problem(wanted)
        if problem:
            return consent.error_page(*problem)
        account = self._store.accounts.get(wanted.get("account", ""))
        if wanted.get("decision") != "allow":
            return back(wanted, {"error": "access_denied"})
        if account is None:
            return consent.error_page(400, "invalid_request", "Choose an account.")
        asked = wanted["scope"].split()
        ticked = given.get("grant", [])
        granted = [scope for scope in asked if scope in scopes.IDENTITY or scope in ticked]
        with self._store.writing():
            code = self._issue_code(account, granted, wanted)
        return back(wanted, {"code": code.code, "scope": " ".join(granted), "authuser": "0", "prompt": "consent"})

    def _problem(self, wanted: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Status, code and text of what is wrong with an authorization request."""
        if wanted.get("client_id") != self.client.id:
            return 401, "invalid_client", "The OAuth client was not found."
        if not self.client.may_redirect(wanted.get("redirect_uri", "")):
            return 400, "redirect_uri_mismatch", f"redirect_uri: {wanted.get('redirect_uri', 'missing')}"
        if wanted.get("response_type") != "code":
            return 400, "unsupported_response_type", "response_type must be code."
        unknown = [scope for scope in wanted.get("scope", "").split() if scope not in scopes.KNOWN]
        if unknown or not wanted.get("scope"):
            return 400, "invalid_scope", f"Some requested scopes were invalid: {' '.join(unknown) or 'none given'}"
        method = wanted.get("code_challenge_method", "plain")
        if "code_challenge" in wanted and method not in ("S256", "plain"):
            return 400, "invalid_request", "Unsupported code_challenge_method."
        return None

    def _issue_code(self, account: Account, granted: list[str], wanted: Mapping[str, str]) -> Code:
        """A code for a grant. A refresh token comes with the first consent, or where consent was asked for."""
        living = [row for row in self._store.grants.values() if row.account == account.email and not row.revoked]
        grant = living[0] if living else Grant(secrets.token_hex(8), account.email, self.client.id, [])
        if wanted.get("include_granted_scopes") == "true":
            granted = [*granted, *(scope for scope in grant.scopes if scope not in granted)]
        grant.scopes = granted
        self._store.grants.put(grant.id, grant)
        offline = wanted.get("access_type") == "offline" and (not living or "consent" in wanted.get("prompt", ""))
        code = Code(
            code=new_secret("4/0A"),
            grant=grant.id,
            redirect_uri=wanted["redirect_uri"],
            challenge=wanted.get("code_challenge", ""),
            challenge_method=wanted.get("code_challenge_method", "plain"),
            offline=offline,
            issued_at=self._time(),
            nonce=wanted.get("nonce", ""),
        )
        self._store.codes.put(code.code, code)
        return code

    def _time(self) -> float:
        return self._store.now().timestamp()

    # -- tokens ------------------------------------------------------------------------------------------------

    def token(self, request: Request) -> Response:
        """The token endpoint: authorization_code and refresh_token."""
        form = request.form()
        try:
            with self._store.writing():
                self._authenticate(request, form)
                if form.get("grant_type") == "authorization_code":
                    payload = self._redeem(form)
                elif form.get("grant_type") == "refresh_token":
                    payload = self._refresh(form)
                else:
                    raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type')}")
        except OAuthError as error:
            return error.response()
        return json_response(payload, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _authenticate(self, request: Request, form: Mapping[str, str]) -> None:
        client_id, secret = credentials(request, form)
        if client_id != self.client.id:
            raise OAuthError("invalid_client", "The OAuth client was not found.", 401)
        if not self.client.has_secret(secret):
            raise OAuthError("invalid_client", "The provided client secret is invalid.", 401)

    def _redeem(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = self._store.codes.get(form.get("code", ""))
        if code is None:
            raise OAuthError("invalid_grant", "Malformed auth code.")
        if code.used or self._time() - code.issued_at > CODE_SECONDS:
            raise OAuthError("invalid_grant", "Bad Request")
        if code.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("redirect_uri_mismatch", "Bad Request")
        if not _verifies(code, form.get("code_verifier", "")):
            raise OAuthError("invalid_grant", "Invalid code verifier.")
        code.used = True
        self._store.codes.put(code.code, code)
        grant = self._store.grants[code.grant]
        payload = self._access(grant, grant.scopes, code.nonce)
        if code.offline:
            token = Token(new_secret("1//0"), "refresh", grant.id, list(grant.scopes))
            self._store.tokens.put(token.value, token)
            payload["refresh_token"] = token.value
        return payload

    def _refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        token = self._store.tokens.get(form.get("refresh_token", ""))
        if token is None or token.kind != "refresh" or self._store.grants[token.grant].revoked:
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        return self._access(self._store.grants[token.grant], token.scopes, "")

    def _access(self, grant: Grant, granted: list[str], nonce: str) -> dict[str, Any]:
        if grant.revoked:
            raise OAuthError("invalid_grant", "Token has been expired or revoked.")
        seconds = self._faults.access_seconds
        token = Token(new_secret("ya29."), "access", grant.id, list(granted), self._time() + seconds)
        forget_expired(self._store.tokens, self._time())
        self._store.tokens.put(token.value, token)
        payload = {
            "access_token": token.value,
            "expires_in": seconds,
            "scope": " ".join(granted),
            "token_type": "Bearer",
        }
        if "openid" in granted:
            payload["id_token"] = self._id_token(self._store.accounts[grant.account], granted, nonce)
        return payload

    def _id_token(self, account: Account, granted: list[str], nonce: str) -> str:
        now = int(self._time())
        claims = {
            "iss": self.base_url,
            "aud": self.client.id,
            "azp": self.client.id,
            "iat": now,
            "exp": now + 3600,
            **self._person(account, granted),
            **({"nonce": nonce} if nonce else {}),
        }
        return self.client.signed({"alg": "HS256", "typ": "JWT"}, claims)

    def revoke(self, request: Request) -> Response:
        """Take back everything that the account allowed this client, by any of its tokens."""
        value = request.form().get("token") or request.first("token")
        with self._store.writing():
            token = self._store.tokens.get(value)
            if token is None or self._store.grants[token.grant].revoked:
                return OAuthError("invalid_token", "Token expired or revoked").response()
            grant = self._store.grants[token.grant]
        self._faults.revoke_grants(grant.account)
        return json_response({})

    # -- who is signed in --------------------------------------------------------------------------------------

    def bearer(self, request: Request) -> tuple[Token, Account]:
        """The living access token of a request. Raises ApiError 401."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        value = value.strip() if scheme.lower() == "bearer" else request.first("access_token")
        token = self._store.tokens.get(value)
        if token is None or token.kind != "access" or token.expires_at <= self._time():
            raise errors.bad_credentials()
        grant = self._store.grants[token.grant]
        if grant.revoked:
            raise errors.bad_credentials()
        return token, self._store.accounts[grant.account]

    def _person(self, account: Account, granted: list[str]) -> dict[str, Any]:
        """Claims about the account, as far as the scopes go."""
        claims: dict[str, Any] = {"sub": account.sub}
        if any(scope.endswith("email") for scope in granted):
            claims |= {"email": account.email, "email_verified": True}
        if any(scope.endswith("profile") for scope in granted):
            claims["name"] = account.name
        return claims

    def openid_userinfo(self, request: Request) -> Response:
        with self._store.writing():
            token, account = self.bearer(request)
            return json_response(self._person(account, token.scopes))

    def userinfo(self, request: Request) -> Response:
        with self._store.writing():
            token, account = self.bearer(request)
            return json_response(_v2(self._person(account, token.scopes), "id"))

    def tokeninfo(self, request: Request) -> Response:
        with self._store.writing():
            token = self._store.tokens.get(request.first("access_token"))
            if token is None or token.expires_at <= self._time() or self._store.grants[token.grant].revoked:
                raise errors.ApiError(400, "invalid_token", "Invalid Value")
            account = self._store.accounts[self._store.grants[token.grant].account]
            person = _v2(self._person(account, token.scopes), "user_id")
            person.pop("name", None)
            left = int(token.expires_at - self._time())
            about = {"issued_to": self.client.id, "audience": self.client.id, "expires_in": left}
            return json_response({**about, **person, "scope": " ".join(token.scopes)})


def _v2(claims: dict[str, Any], subject: str) -> dict[str, Any]:
    names = {"sub": subject, "email": "email", "email_verified": "verified_email", "name": "name"}
    return {names[key]: value for key, value in claims.items()}


def _verifies(code: Code, verifier: str) -> bool:
    """PKCE (RFC 7636): a code that was asked for with a challenge needs the verifier."""
    if not code.challenge:
        return True
    if code.challenge_method == "S256":
        return matches(code.challenge, verifier)
    return same(code.challenge, verifier)
