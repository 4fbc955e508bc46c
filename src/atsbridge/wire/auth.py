"""Auth schemes: pure values that say how a request is signed and how a token is asked for."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from attrs import evolve, field, frozen

from ..errors import BadPayload, ConfigurationError, Unauthorized
from .effects import Purpose, Request, Response
from .payload import read_json
from .secrets import Secret, secret
from .xml import SOAP, Element

Headers = tuple[tuple[str, str], ...]

_WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_WSSE = f"{_WSS}-wssecurity-secext-1.0.xsd"
_SECURITY = f"{{{_WSSE}}}Security"
_AS_TEXT = f"{_WSS}-username-token-profile-1.0#PasswordText"
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@frozen(kw_only=True)
class TokenEndpoint:
    """Where a scheme asks for tokens: a closed declaration, held by the guard.

    Args:
        urls: the only addresses, by the name of the data host they go with.
        form: the only form keys. headers: the only headers it may add, lower case.
    """

    name: str
    urls: tuple[str, ...]
    form: frozenset[str]
    headers: frozenset[str] = frozenset({"authorization"})


@frozen(kw_only=True)
class Token:
    """An access token, until when it holds, and what it grants where the vendor says so.

    ``scopes`` and ``subject`` are what the answer or an unverified JWT payload
    claims: to be shown to people, never to decide what may be done.
    """

    access: Secret
    expires_at: datetime | None = None
    refresh: Secret | None = None
    scopes: frozenset[str] | None = None
    subject: str | None = field(default=None, repr=False)

    def valid(self, now: datetime, *, margin_seconds: float = 60.0) -> bool:
        return self.expires_at is None or now + timedelta(seconds=margin_seconds) < self.expires_at


class TokenStore(Protocol):
    """Keeps tokens between runs. A rotating refresh token is saved here before its first use."""

    def load(self, connection: str) -> Token | None: ...

    def save(self, connection: str, token: Token) -> None: ...


class TokenTurn(Protocol):
    """Lets one process at a time ask for a connection's token.

    Two that ask at once would log each other out: the second refresh token, or
    the second token of one client, makes the first one worthless.
    """

    def take(self) -> bool:
        """Whether it is this process's turn; it stays so until given back, or until its time has run out."""
        ...

    def give_back(self) -> None: ...


class MemoryTokens:
    """Tokens of this process alone."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def load(self, connection: str) -> Token | None:
        return self._tokens.get(connection)

    def save(self, connection: str, token: Token) -> None:
        self._tokens[connection] = token


class Scheme:
    """How requests are signed.

    ``adds`` names the headers it may add, in lower case, ``block`` the one element
    that it may put into the header of a SOAP message.
    """

    adds: frozenset[str] = frozenset({"authorization"})
    block: str | None = None
    rotates: bool = False
    tells_time: bool = False
    """A token request tells the time, and is refused where our clock is not the vendor's."""

    @property
    def endpoint(self) -> TokenEndpoint | None:
        """Where tokens are asked for; None where the credential itself signs."""
        return None

    def headers(self, token: Token | None) -> Headers:
        """What signs any request."""
        return ()

    def sign(self, request: Request, *, token: Token | None, url: str, now: datetime) -> Request:
        """A request with its signature.

        Args:
            url: the absolute address, query included, exactly as it will be sent.
        """
        return evolve(request, signature=(*request.signature, *self.headers(token)))

    def token_request(self, previous: Token | None) -> Request | None:
        """How to get a token; None where the credential itself signs."""
        return None

    def token_request_at(self, previous: Token | None, now: datetime) -> Request | None:
        """The same where what is sent tells the time, as a signed assertion does; ``now`` is UTC."""
        return self.token_request(previous)

    def read_token(self, response: Response, previous: Token | None) -> Token:
        raise NotImplementedError


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


@frozen(kw_only=True)
class Basic(Scheme):
    """HTTP Basic with a fixed credential."""

    user: Secret = field(converter=secret)
    password: Secret = field(converter=secret, default=Secret(""))

    def headers(self, token: Token | None) -> Headers:
        return (("Authorization", _basic(self.user.reveal(), self.password.reveal())),)


@frozen(kw_only=True)
class KeyHeader(Scheme):
    """A fixed credential in a header of the vendor's own."""

    name: str
    key: Secret = field(converter=secret)

    @property
    def adds(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({self.name.lower()})

    def headers(self, token: Token | None) -> Headers:
        key = self.key.reveal()
        if not _HEADER_VALUE.fullmatch(key):
            raise ConfigurationError(
                f"the credential for the header {self.name} holds what no header can carry",
                advice="look for line breaks, blanks at its ends, and letters that are not ASCII",
            )
        return ((self.name, key),)


@frozen(kw_only=True)
class UsernameToken(Scheme):
    """WS-Security with name and password in the header of each SOAP message; HTTP Basic for all else.

    https://docs.oasis-open.org/wss/v1.1/wss-v1.1-spec-pr-UsernameTokenProfile-01.htm
    """

    user: str = field(repr=False)
    password: Secret = field(converter=secret)
    block: str | None = field(default=_SECURITY, init=False)

    def sign(self, request: Request, *, token: Token | None, url: str, now: datetime) -> Request:
        password = self.password.reveal()
        if not isinstance(request.body, Element):
            basic = ("Authorization", _basic(self.user, password))
            return evolve(request, signature=(*request.signature, basic))
        block = Element(
            _SECURITY,
            (
                Element(
                    f"{{{_WSSE}}}UsernameToken",
                    (
                        Element(f"{{{_WSSE}}}Username", text=self.user),
                        Element(f"{{{_WSSE}}}Password", text=password, attributes=(("Type", _AS_TEXT),)),
                    ),
                ),
            ),
            attributes=((f"{{{SOAP}}}mustUnderstand", "1"),),
        )
        return evolve(request, blocks=(*request.blocks, block))


@frozen(kw_only=True)
class OAuthTokens(Scheme):
    """What the OAuth grants share: bearer headers, and how a token answer is read.

    Args:
        url: one of the endpoint's addresses.
        basic: the client id and secret go in a Basic header; else in the form.
        extra: what the vendor's form has besides, such as a scope or an audience.
    """

    token_endpoint: TokenEndpoint
    url: str
    client_id: Secret = field(converter=secret)
    client_secret: Secret = field(converter=secret)
    basic: bool = True
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def endpoint(self) -> TokenEndpoint:
        return self.token_endpoint

    def headers(self, token: Token | None) -> Headers:
        if token is None:
            raise Unauthorized("there is no access token")
        return (("Authorization", f"Bearer {token.access.reveal()}"),)

    def _asked(self, form: tuple[tuple[str, str], ...]) -> Request:
        return Request(operation="token", method="POST", url=self.url, purpose=Purpose.TOKEN, body=form)

    def _request(self, form: tuple[tuple[str, str], ...]) -> Request:
        client, form = (self.client_id.reveal(), self.client_secret.reveal()), (*form, *self.extra)
        request = self._asked(form)
        if self.basic:
            return evolve(request, signature=(("Authorization", _basic(*client)),))
        return evolve(request, body=(*form, ("client_id", client[0]), ("client_secret", client[1])))

    def read_token(self, response: Response, previous: Token | None) -> Token:
        data = read_json(response.body)
        if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
            raise BadPayload("the token answer holds no access_token")
        if not _HEADER_VALUE.fullmatch(data["access_token"]):
            raise BadPayload("the token answer holds an access_token that no header can carry")
        refresh = data.get("refresh_token")
        claims = _claims(data["access_token"])
        subject = claims.get("sub")
        return Token(
            access=Secret(data["access_token"]),
            expires_at=_expiry(data, response.sent_at),
            refresh=Secret(refresh) if isinstance(refresh, str) else (previous.refresh if previous else None),
            scopes=_scopes(data) or _scopes(claims),
            subject=str(subject) if isinstance(subject, (str, int)) else None,
        )


@frozen(kw_only=True)
class ClientCredentials(OAuthTokens):
    """OAuth 2.0 client credentials."""

    def token_request(self, previous: Token | None) -> Request:
        return self._request((("grant_type", "client_credentials"),))


@frozen(kw_only=True)
class RefreshToken(OAuthTokens):
    """OAuth 2.0 with a refresh token from an earlier authorisation by a person.

    ``first`` is the refresh token of that authorisation; later ones come from the store.
    """

    first: Secret = field(converter=secret)
    rotates: bool = True

    def token_request(self, previous: Token | None) -> Request:
        current = previous.refresh if previous and previous.refresh else self.first
        return self._request((("grant_type", "refresh_token"), ("refresh_token", current.reveal())))


def _claims(token: str) -> dict[str, Any]:
    """The payload of a JWT, unverified; empty where the token is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _scopes(data: dict[str, Any]) -> frozenset[str] | None:
    """``scope`` as one text (RFC 6749, RFC 9068), or a list under ``scope`` or ``scopes``."""
    for name in ("scope", "scopes"):
        value = data.get(name)
        words = value.split() if isinstance(value, str) else value
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return frozenset(words)
    return None


def _expiry(data: dict[str, Any], sent_at: datetime) -> datetime | None:
    """``expires_in`` (seconds) as the standard has it, or ``expires_at`` (ISO 8601, or unix seconds)."""
    seconds, at = data.get("expires_in"), data.get("expires_at")
    try:
        if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
            return sent_at + timedelta(seconds=seconds)
        if isinstance(at, int) and not isinstance(at, bool):
            return datetime.fromtimestamp(at, UTC)
        if not isinstance(at, str):
            return None
        moment = datetime.fromisoformat(at)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise BadPayload("the token's expiry is not a time")
