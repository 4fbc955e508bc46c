"""OAuth as Greenhouse speaks it: client credentials, authorization codes, refresh tokens, introspection.

https://harvestdocs.greenhouse.io/docs/authentication and
https://harvestdocs.greenhouse.io/docs/harvest-partner-oauth
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode

from attrs import define, evolve, frozen

from .. import people
from ..interface import SimRequest
from . import times
from .refusals import Refused
from .settings import Settings

CODE_SECONDS = 60.0
PARTNER_TOKEN_SECONDS = 3600.0
REFRESH_SECONDS = 24 * 3600.0
FORM = "application/x-www-form-urlencoded"


@define(kw_only=True)
class Client:
    """A credential.

    Args:
        user: who acts when no ``sub`` is given: the service user of a custom
            integration, the person who authorised a partner's.
        partner: issued to a partner: authorization codes and no client credentials.
    """

    id: str
    secret: str
    user: int
    scopes: frozenset[str]
    partner: bool = False
    redirect_uris: tuple[str, ...] = ()


@frozen(kw_only=True)
class Grant:
    """What an access token, a code or a refresh token stands for."""

    client: str
    user: int
    scopes: frozenset[str]
    expires: float
    redirect_uri: str = ""


class OAuthRefused(Exception):
    """A refusal in OAuth's own words."""

    def __init__(self, error: str, says: str) -> None:
        super().__init__(says)
        self.error = error
        self.status = 401 if error == "invalid_client" else 400


@frozen
class Redirect:
    """Where /authorize sends the browser."""

    location: str


class Authority:
    """Gives out tokens and knows which are good."""

    def __init__(
        self, clock: Callable[[], float], settings: Settings, *, active_user: Callable[[int], bool]
    ) -> None:
        self.clients: dict[str, Client] = {}
        self._clock = clock
        self._settings = settings
        self._active_user = active_user
        self._access: dict[str, Grant] = {}
        self._codes: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._made = 0

    def check(self, authorization: str | None) -> Grant:
        """The grant of a bearer token; 401 if there is none or it is no good any more."""
        scheme, _, token = (authorization or "").partition(" ")
        grant = self._access.get(token.strip()) if scheme.lower() == "bearer" else None
        if grant is None or grant.expires <= self._clock():
            raise Refused(401, "Invalid or expired access token.")
        return grant

    def revoke(self) -> None:
        """Make every access token useless."""
        self._access.clear()

    def narrow(self, *scopes: str) -> None:
        """Take scopes away from every client, and at once from the tokens that are out."""
        for client in self.clients.values():
            client.scopes -= set(scopes)
        self._access = {t: evolve(g, scopes=g.scopes - set(scopes)) for t, g in self._access.items()}

    # -- POST /token --

    def token(self, request: SimRequest) -> Mapping[str, Any]:
        client = self.client(request)
        form = read_form(request)
        grants: Mapping[str, Callable[[Client, Mapping[str, str]], Mapping[str, Any]]] = {
            "client_credentials": self._by_credentials,
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh,
        }
        if "grant_type" not in form:
            raise OAuthRefused("invalid_request", "grant_type is missing")
        if form["grant_type"] not in grants:
            raise OAuthRefused("unsupported_grant_type", "unknown grant_type")
        if client.partner is (form["grant_type"] == "client_credentials"):
            raise OAuthRefused("unauthorized_client", "not for this kind of credential")
        return grants[form["grant_type"]](client, form)

    def client(self, request: SimRequest) -> Client:
        """The client of a Basic header."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        try:
            id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            id = secret = ""
        client = self.clients.get(id)
        same = client is not None and hmac.compare_digest(client.secret.encode(), secret.encode())
        if scheme.lower() != "basic" or client is None or not same:
            raise OAuthRefused("invalid_client", "unknown client or wrong secret")
        return client

    def _by_credentials(self, client: Client, form: Mapping[str, str]) -> Mapping[str, Any]:
        sub = form.get("sub") or str(client.user)
        if not sub.isdecimal() or len(sub) > 18 or not self._active_user(int(sub)):
            raise OAuthRefused("invalid_grant", "sub is not an active user")
        scopes = self._asked(client, form)
        return self._mint(client, int(sub), scopes, lifetime=self._settings.token_lifetime)

    def _asked(self, client: Client, form: Mapping[str, str]) -> frozenset[str]:
        if not form.get("scope"):
            return client.scopes
        scopes = frozenset(form["scope"].split())
        if not scopes <= client.scopes:
            raise OAuthRefused("invalid_scope", "scope was not granted")
        return scopes

    def _by_code(self, client: Client, form: Mapping[str, str]) -> Mapping[str, Any]:
        grant = self._good(self._codes.pop(form.get("code", ""), None), client)
        if form.get("redirect_uri") != grant.redirect_uri:
            raise OAuthRefused("invalid_grant", "redirect_uri is not that of the code")
        return self._pair(client, grant)

    def _by_refresh(self, client: Client, form: Mapping[str, str]) -> Mapping[str, Any]:
        # Rotated: a refresh token works once, and the answer holds the next one.
        return self._pair(client, self._good(self._refresh.pop(form.get("refresh_token", ""), None), client))

    def _good(self, grant: Grant | None, client: Client) -> Grant:
        if grant is None or grant.client != client.id or grant.expires <= self._clock():
            raise OAuthRefused("invalid_grant", "unknown, used or expired")
        return grant

    def _pair(self, client: Client, grant: Grant) -> Mapping[str, Any]:
        refresh = self._random("refresh")
        self._refresh[refresh] = evolve(grant, expires=self._clock() + REFRESH_SECONDS)
        scopes = grant.scopes & client.scopes
        access = self._mint(client, grant.user, scopes, lifetime=PARTNER_TOKEN_SECONDS)
        return {**access, "refresh_token": refresh}

    def _mint(
        self, client: Client, user: int, scopes: frozenset[str], *, lifetime: float
    ) -> Mapping[str, Any]:
        if self._settings.new_token_revokes:
            self._access = {t: g for t, g in self._access.items() if g.client != client.id}
        expires = self._clock() + lifetime
        token = self._jwt(client, user, scopes, expires)
        self._access[token] = Grant(client=client.id, user=user, scopes=scopes, expires=expires)
        # Not expires_in: https://harvestdocs.greenhouse.io/docs/authentication
        return {"token_type": "Bearer", "access_token": token, "expires_at": times.stamp(expires)}

    def _jwt(self, client: Client, user: int, scopes: frozenset[str], expires: float) -> str:
        claims: dict[str, Any] = {
            "iss": "https://auth.greenhouse.io",
            "sub": str(user),
            "client_id": client.id,
            "iat": int(self._clock()),
            "exp": int(expires),
            "jti": self._random("token"),
        }
        listed = sorted(scopes)
        claims[self._settings.scope_claim] = (
            listed if self._settings.scope_claim == "scopes" else " ".join(listed)
        )
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        mark = hmac.new(client.secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"

    def _random(self, kind: str) -> str:
        self._made += 1
        word = hashlib.sha256(f"{kind} {self._made} {self._clock()}".encode()).hexdigest()[:40]
        return f"{people.marks.secret}{word}"

    # -- GET /authorize --

    def authorize(self, query: str) -> Redirect:
        """A person says yes; the browser goes back with a code that is good for a minute."""
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        client = self.clients.get(given.get("client_id", ""))
        if client is None or given.get("redirect_uri") not in client.redirect_uris:
            raise OAuthRefused("invalid_client", "unknown client or redirect_uri")
        back, state = given["redirect_uri"], {k: v for k, v in given.items() if k == "state"}
        error = self._fault(client, given)
        if error:
            return Redirect(f"{back}?{urlencode({'error': error, **state})}")
        code = self._random("code")
        self._codes[code] = Grant(
            client=client.id,
            user=client.user,
            scopes=frozenset(given.get("scope", "").split()) or client.scopes,
            expires=self._clock() + CODE_SECONDS,
            redirect_uri=back,
        )
        return Redirect(f"{back}?{urlencode({'code': code, **state})}")

    def _fault(
        self, client: Client, given: Mapping[str, str]
    ) -> Literal["", "unauthorized_client", "unsupported_response_type", "invalid_scope"]:
        if not client.partner:
            return "unauthorized_client"
        if given.get("response_type") != "code":
            return "unsupported_response_type"
        return "" if frozenset(given.get("scope", "").split()) <= client.scopes else "invalid_scope"

    # -- introspection, as RFC 7662 has it --

    def introspect(self, request: SimRequest) -> Mapping[str, Any]:
        client = self.client(request)
        grant = self._access.get(read_form(request).get("token", ""))
        if grant is None or grant.client != client.id or grant.expires <= self._clock():
            return {"active": False}
        return {
            "active": True,
            "client_id": grant.client,
            "sub": str(grant.user),
            "scope": " ".join(sorted(grant.scopes)),
            "exp": int(grant.expires),
            "token_type": "Bearer",
        }


def read_form(request: SimRequest) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthRefused("invalid_request", f"the body must be {FORM}")
    return {name: values[-1] for name, values in parse_qs(request.body.decode("latin-1")).items()}


def _part(claims: Mapping[str, Any]) -> str:
    text = json.dumps(claims, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")
