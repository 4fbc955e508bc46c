from __future__ import annotations

import json
import os
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


def test_a_folder_or_file_of_anybody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = FileTokens(tmp_path / "tokens")
    kept.save("acme", Token(access=Secret("a")))
    (file,) = kept.folder.iterdir()
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others") as told:
        kept.load("acme")
    assert told.value.advice == f"chmod 600 {file}"
    file.chmod(0o600)
    kept.folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others"):
        kept.save("acme", Token(access=Secret("b")))
    kept.folder.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    with pytest.raises(ConfigurationError, match="another user"):
        kept.load("acme")


BAD_TIME = {"access": "a", "refresh": None, "expires_at": "SECRET", "scopes": None, "subject": None}
DAMAGED = [
    "",
    "{",
    '{"access": "SECRET"',
    '{"access": "SECRET"}',
    '["SECRET"]',
    '"SECRET"',
    '{"access": 7, "refresh": "SECRET"}',
    json.dumps(BAD_TIME),
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_token_is_told_without_what_it_holds(text: str, tmp_path: Path, backend: InMemory) -> None:
    kept = FileTokens(tmp_path / "tokens")
    kept.save("acme", Token(access=Secret("a")))
    (file,) = kept.folder.iterdir()
    file.write_text(text)
    backend.kept["atsbridge", "acme"] = text
    for store in (kept, KeyringTokens()):
        with pytest.raises(ConfigurationError, match="does not hold a token") as told:
            store.load("acme")
        error = told.value
        assert "SECRET" not in f"{error} {error.advice} {vars(error)}"
        assert error.__context__ is None and error.__cause__ is None


def test_a_full_disk_leaves_the_old_token_and_no_half_of_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = FileTokens(tmp_path / "tokens")
    kept.save("acme", Token(access=Secret("a")))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        kept.save("acme", Token(access=Secret("b")))
    assert len(list(kept.folder.iterdir())) == 1 and kept.load("acme") == Token(access=Secret("a"))
