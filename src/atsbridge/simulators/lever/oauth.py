"""The authorisation server: the code flow with consent already given.

https://hire.lever.co/developer/oauth. What the vendor leaves open is as in RFC 6749.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from attrs import define, frozen

from ..interface import SimRequest
from .access import CODE_SECONDS, REFRESH_IDLE_SECONDS, REFRESH_SECONDS, SCOPES, Code, Keyring
from .answers import Reply, dump


@frozen
class Client:
    """A partner's app as registered."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]


class Refusal(Exception):
    """An OAuth error by its word."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status

    def reply(self) -> Reply:
        return Reply(self.status, dump({"error": self.error, "error_description": self.description}))


@define
class AuthServer:
    """``/authorize`` and ``/oauth/token``.

    ``consents`` is whether the person who would be asked says yes and is a
    Super Admin, without whom no app is let in.
    """

    keyring: Keyring
    clients: dict[str, Client]
    rotate: bool
    consents: bool = True

    # -- GET /authorize --

    def authorize(self, query: Mapping[str, str], now: float) -> Reply:
        client = self.clients.get(query.get("client_id", ""))
        target = query.get("redirect_uri", "")
        if client is None or target not in client.redirect_uris:
            return Refusal("invalid_request", "unknown client or redirect_uri").reply()
        try:
            answer = {"code": self._code(query, client, now)}
        except Refusal as refusal:
            answer = {"error": refusal.error, "error_description": refusal.description}
        if "state" in query:
            answer["state"] = query["state"]
        joint = "&" if "?" in target else "?"
        return Reply(302, headers=(("Location", f"{target}{joint}{urlencode(answer)}"),))

    def _code(self, query: Mapping[str, str], client: Client, now: float) -> str:
        if query.get("response_type") != "code":
            raise Refusal("unsupported_response_type", "response_type must be code")
        if query.get("audience") != self.keyring.audience:
            raise Refusal("invalid_request", f"audience must be {self.keyring.audience}")
        scope = " ".join(query.get("scope", "").split())
        if not scope or set(scope.split()) - SCOPES - {self.keyring.confidential_scope}:
            raise Refusal("invalid_scope", "scope is missing or unknown")
        if not self.consents:
            raise Refusal("access_denied", "only a Super Admin can authorise an app")
        code = self.keyring.secret("code")
        self.keyring.codes[code] = Code(scope, client.id, query["redirect_uri"], now + CODE_SECONDS)
        return code

    # -- POST /oauth/token --

    def token(self, request: SimRequest, now: float) -> Reply:
        try:
            form = _form(request)
            client = self.clients.get(form.get("client_id", ""))
            if client is None or client.secret != form.get("client_secret"):
                raise Refusal("invalid_client", "unknown client or wrong secret", status=401)
            grant = form.get("grant_type")
            if grant == "authorization_code":
                return Reply(200, dump(self._exchange(form, client, now)))
            if grant == "refresh_token":
                return Reply(200, dump(self._refresh(form, client, now)))
            raise Refusal("unsupported_grant_type", "authorization_code and refresh_token are known")
        except Refusal as refusal:
            return refusal.reply()

    def _exchange(self, form: Mapping[str, str], client: Client, now: float) -> dict[str, object]:
        code = self.keyring.codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= now or code.client != client.id:
            raise Refusal("invalid_grant", "unknown, used or expired code")
        if code.redirect_uri != form.get("redirect_uri"):
            raise Refusal("invalid_grant", "redirect_uri is another than the code's")
        reply = self.keyring.mint(code.scope, client.id, now)
        if "offline_access" in code.scope.split():
            reply["refresh_token"] = self.keyring.add_refresh(code.scope, client.id, born=now, now=now)
        return reply

    def _refresh(self, form: Mapping[str, str], client: Client, now: float) -> dict[str, object]:
        value = form.get("refresh_token", "")
        held = self.keyring.refreshes.get(value)
        if held is None or held.client != client.id:
            raise Refusal("invalid_grant", "unknown refresh token")
        if now - held.used > REFRESH_IDLE_SECONDS or now - held.born > REFRESH_SECONDS:
            raise Refusal("invalid_grant", "the refresh token has expired")
        held.used = now
        reply = self.keyring.mint(held.scope, client.id, now)
        if self.rotate:
            del self.keyring.refreshes[value]
            reply["refresh_token"] = self.keyring.add_refresh(held.scope, client.id, born=now, now=now)
        return reply


def _form(request: SimRequest) -> dict[str, str]:
    """The body, form or JSON by its content type."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal("invalid_request", "the body is not a JSON object")
    return {k: v for k, v in value.items() if isinstance(v, str)}
