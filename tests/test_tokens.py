from __future__ import annotations

from datetime import UTC, datetime

import keyring
import keyring.backend
import pytest

from atsbridge.tokens import KeyringTokens
from atsbridge.wire.auth import Token
from atsbridge.wire.secrets import Secret


class InMemory(keyring.backend.KeyringBackend):
    priority = 1.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def backend() -> InMemory:
    backend = InMemory()
    keyring.set_keyring(backend)
    return backend


def test_a_token_comes_back_whole(backend: InMemory) -> None:
    token = Token(
        access=Secret("a"),
        refresh=Secret("r"),
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        scopes=frozenset({"x", "y"}),
        subject="7",
    )
    store = KeyringTokens("svc")
    assert store.load("acme") is None
    store.save("acme", token)
    assert store.load("acme") == token
    assert list(backend.kept) == [("svc", "acme")]


def test_a_token_of_another_connection_is_not_found(backend: InMemory) -> None:
    store = KeyringTokens()
    store.save("acme", Token(access=Secret("a")))
    assert store.load("other") is None
