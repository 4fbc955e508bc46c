"""Auth schemes: pure values that say how a request is signed and how a token is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from attrs import evolve, field, frozen

from ..errors import BadPayload, Unauthorized
from .effects import Purpose, Request, Response
from .payload import read_json
from .secrets import Secret, secret

Headers = tuple[tuple[str, str], ...]


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
    """An access token, until when it holds, and what it grants where the vendor says so."""

    access: Secret
    expires_at: datetime | None = None
    refresh: Secret | None = None
    scopes: frozenset[str] | None = None
    subject: str | None = None

    def valid(self, now: datetime, *, margin_seconds: float = 60.0) -> bool:
        return self.expires_at is None or now + timedelta(seconds=margin_seconds) < self.expires_at


class TokenStore(Protocol):
    """Keeps tokens between runs. A rotating refresh token is saved here before its first use."""

    def load(self, connection: str) -> Token | None: ...

    def save(self, connection: str, token: Token) -> None: ...


class MemoryTokens:
    """Tokens of this process alone."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def load(self, connection: str) -> Token | None:
        return self._tokens.get(connection)

    def save(self, connection: str, token: Token) -> None:
        self._tokens[connection] = token


class Scheme(ABC):
    """How requests are signed. ``adds`` names the headers it may add, in lower case."""

    adds: frozenset[str] = frozenset({"authorization"})
    endpoint: TokenEndpoint | None = None
    rotates: bool = False

    @abstractmethod
    def headers(self, token: Token | None) -> Headers:
        """The signature of one request."""

    def token_request(self, previous: Token | None) -> Request | None:
        """How to get a token; None where the credential itself signs."""
        return None

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
class OAuthTokens(Scheme):
    """What the OAuth grants share: bearer headers, and how a token answer is read.

    Args:
        url: one of the endpoint's addresses.
        basic: the client id and secret go in a Basic header; else in the form.
    """

    endpoint: TokenEndpoint
    url: str
    client_id: Secret = field(converter=secret)
    client_secret: Secret = field(converter=secret)
    basic: bool = True

    def headers(self, token: Token | None) -> Headers:
        if token is None:
            raise Unauthorized("there is no access token")
        return (("Authorization", f"Bearer {token.access.reveal()}"),)

    def _request(self, form: tuple[tuple[str, str], ...]) -> Request:
        client = (self.client_id.reveal(), self.client_secret.reveal())
        request = Request(operation="token", method="POST", url=self.url, purpose=Purpose.TOKEN, body=form)
        if self.basic:
            return evolve(request, signature=(("Authorization", _basic(*client)),))
        return evolve(request, body=(*form, ("client_id", client[0]), ("client_secret", client[1])))

    def read_token(self, response: Response, previous: Token | None) -> Token:
        data = read_json(response.body)
        if not isinstance(data, dict) or not isinstance(data.get("access_token"), str):
            raise BadPayload("the token answer holds no access_token")
        refresh = data.get("refresh_token")
        scope = data.get("scope")
        return Token(
            access=Secret(data["access_token"]),
            expires_at=_expiry(data, response.sent_at),
            refresh=Secret(refresh) if isinstance(refresh, str) else (previous.refresh if previous else None),
            scopes=frozenset(scope.split()) if isinstance(scope, str) else None,
        )


@frozen(kw_only=True)
class ClientCredentials(OAuthTokens):
    """OAuth 2.0 client credentials; ``subject`` is the acting user, where the vendor takes one."""

    subject: str | None = None

    def token_request(self, previous: Token | None) -> Request:
        extra = (("sub", self.subject),) if self.subject else ()
        return self._request((("grant_type", "client_credentials"), *extra))


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


def _expiry(data: dict[str, Any], sent_at: datetime) -> datetime | None:
    """``expires_in`` (seconds) as the standard has it, or ``expires_at`` (ISO 8601, or unix seconds)."""
    seconds = data.get("expires_in")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        return sent_at + timedelta(seconds=seconds)
    at = data.get("expires_at")
    if isinstance(at, str):
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            raise BadPayload("the token's expires_at is not a time") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(at, int) and not isinstance(at, bool):
        return datetime.fromtimestamp(at, UTC)
    return None
