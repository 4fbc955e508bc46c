from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import keyring
import keyring.backend
import pytest

from atsbridge.errors import ConfigurationError
from atsbridge.tokens import FileTokens, KeyringTokens
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


def test_tokens_in_a_folder_of_the_owners_alone(tmp_path: Path) -> None:
    kept = FileTokens(tmp_path / "tokens")
    assert kept.load("acme/../x") is None
    token = Token(access=Secret("a"), refresh=Secret("r"), expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    kept.save("acme/../x", token)
    assert FileTokens(tmp_path / "tokens").load("acme/../x") == token
    (file,) = (tmp_path / "tokens").iterdir()
    assert file.stat().st_mode & 0o077 == 0 and file.parent == tmp_path / "tokens"


def test_a_folder_that_others_can_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="others"):
        FileTokens(tmp_path / "open")
