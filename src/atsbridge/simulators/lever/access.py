"""Who may do what: API keys, OAuth tokens and how often they may ask.

Keys come as the user name of HTTP Basic, tokens as Bearer; see
https://hire.lever.co/developer/documentation and /developer/oauth.
"""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Iterable, Mapping

from attrs import define, field, frozen

from .. import people
from ..interface import Limits
from .answers import Problem

RESOURCES = (
    "opportunities",
    "applications",
    "postings",
    "requisitions",
    "stages",
    "archive_reasons",
    "users",
    "contacts",
    "offers",
    "webhooks",
    "sources",
    "tags",
)
SCOPES = frozenset(f"{r}:{v}:admin" for r in RESOURCES for v in ("read", "write")) | {"offline_access"}
"""All but the one for confidential records, whose name is not confirmed."""
TOKEN_SECONDS = 3600
CODE_SECONDS = 600
REFRESH_IDLE_SECONDS = 90 * 86_400
REFRESH_SECONDS = 365 * 86_400

AUDIENCES = {
    "global": "https://api.lever.co/v1/",
    "eu": "https://api.eu.lever.co/v1/",
    "sandbox": "https://api.sandbox.lever.co/v1/",
}


@frozen
class Access:
    """What one credential opens; ``grants`` are of the form ``stages:read``."""

    identity: str
    grants: frozenset[str]
    confidential: bool

    def allows(self, resource: str, verb: str) -> bool:
        """Write includes read."""
        return f"{resource}:{verb}" in self.grants or f"{resource}:write" in self.grants


EVERYTHING = frozenset(f"{r}:write" for r in RESOURCES)


@define
class Bucket:
    rate: float
    burst: float
    level: float
    at: float

    def take(self, now: float) -> bool:
        self.level = min(self.burst, self.level + max(0.0, now - self.at) * self.rate)
        self.at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


@define
class Meter:
    """10 requests a second and bursts of 20 for each credential; 2 a second for what creates applications."""

    _buckets: dict[tuple[str, bool], Bucket] = field(factory=dict)

    def count(self, access: Access, limits: Limits, now: float, *, creates: bool) -> None:
        if limits.factor is None:
            return
        for creating in {False, creates}:
            rate, burst = (2.0, 2.0) if creating else (10.0, 20.0)
            rate, burst = rate * limits.factor, max(1.0, burst * limits.factor)
            key = (access.identity, creating)
            bucket = self._buckets.setdefault(key, Bucket(rate, burst, burst, now))
            bucket.rate, bucket.burst = rate, burst
            if not bucket.take(now):
                raise Problem(429, "too many requests")


@define
class Token:
    access: Access
    scope: str
    expires: float
    client: str


@define
class Refresh:
    scope: str
    client: str
    born: float
    used: float


@define
class Code:
    scope: str
    client: str
    redirect_uri: str
    expires: float


@define
class Keyring:
    """Every credential of the account.

    A key or token of another region is told that its signing key is unknown.
    """

    region: str
    random: random.Random
    confidential_scope: str
    audience: str
    keys: dict[str, Access] = field(factory=dict)
    tokens: dict[str, Token] = field(factory=dict)
    refreshes: dict[str, Refresh] = field(factory=dict)
    codes: dict[str, Code] = field(factory=dict)

    def secret(self, word: str) -> str:
        return f"{word}-{self.region}-{people.marks.secret}{self.random.getrandbits(128):032x}"

    def add_key(self, grants: Iterable[str], *, confidential: bool) -> str:
        key = f"{people.marks.secret}{self.random.getrandbits(160):040x}"
        self.keys[key] = Access(key, frozenset(grants), confidential)
        return key

    def access(self, headers: Mapping[str, str], now: float) -> Access:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return self._of_key(value)
        if scheme.lower() == "bearer":
            return self._of_token(value.strip(), now)
        raise Problem(401, "no credential given")

    def _of_key(self, value: str) -> Access:
        try:
            name, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise Problem(401, "malformed credential") from None
        if name not in self.keys or password:
            raise Problem(401, "unknown API key")
        return self.keys[name]

    def _of_token(self, value: str, now: float) -> Access:
        token = self.tokens.get(value)
        if token is None and value.startswith("access-") and not value.startswith(f"access-{self.region}-"):
            raise Problem(401, "unable to find a signing key that matches this token")
        if token is None or token.expires <= now:
            raise Problem(401, "unknown or expired token")
        return token.access

    # -- tokens --

    def mint(self, scope: str, client: str, now: float) -> dict[str, object]:
        """A token reply, without a refresh token."""
        words = scope.split()
        grants = frozenset(w.removesuffix(":admin") for w in words if w.count(":") == 2)
        value = self.secret("access")
        access = Access(value, grants, self.confidential_scope in words)
        self.tokens[value] = Token(access, scope, now + TOKEN_SECONDS, client)
        return {"access_token": value, "expires_in": TOKEN_SECONDS, "scope": scope, "token_type": "Bearer"}

    def add_refresh(self, scope: str, client: str, *, born: float, now: float) -> str:
        value = self.secret("refresh")
        self.refreshes[value] = Refresh(scope, client, born, now)
        return value
