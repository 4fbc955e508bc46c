"""The login server: client credentials for a token of a day, and a block for who asks too often."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from urllib.parse import parse_qsl

from attrs import define, field

from .answers import Row

LIFE_SECONDS = 86_400
MOST, WINDOW_SECONDS = 500, 600


class TokenRefusal(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status, self.error = status, error


@define(kw_only=True)
class Tokens:
    """One client, and the tokens it was given, each with the time it ends."""

    clock: Callable[[], float]
    client_id: str
    client_secret: str
    audience: str = "https://api.icims.com/v1/"
    mark: str = ""
    granted: dict[str, float] = field(factory=dict)
    asked: deque[float] = field(factory=deque)

    def answer(self, body: bytes) -> Row:
        now = self.clock()
        while self.asked and self.asked[0] <= now - WINDOW_SECONDS:
            _ = self.asked.popleft()
        if len(self.asked) >= MOST:
            raise TokenRefusal(429, "too_many_requests")
        self.asked.append(now)
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            raise TokenRefusal(400, "unsupported_grant_type")
        right = (self.client_id, self.client_secret, self.audience)
        if (form.get("client_id"), form.get("client_secret"), form.get("audience")) != right:
            raise TokenRefusal(401, "access_denied")
        text = f"tok{self.mark}{len(self.granted) + 1:08d}"
        self.granted[text] = now + LIFE_SECONDS
        return {"access_token": text, "token_type": "Bearer", "expires_in": LIFE_SECONDS}

    def holds(self, text: str) -> bool:
        return self.granted.get(text, 0.0) > self.clock()

    def expire_all(self) -> None:
        self.granted = dict.fromkeys(self.granted, 0.0)
