"""Token stores: where access and rotating refresh tokens live between runs.

In memory by default (`atsbridge.wire.auth.MemoryTokens`); in the system's
keyring, or in a file that only its owner can read, both of which several
processes share. Any object with ``load`` and ``save`` will do: a service keeps
them where it keeps its other secrets.
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .errors import ConfigurationError
from .wire.auth import Token
from .wire.secrets import Secret


class KeyringTokens:
    """Tokens in the system's keyring, one entry a connection.

    Args:
        service: the keyring's service name.

    Raises:
        ConfigurationError: the ``keyring`` extra is not installed.
    """

    def __init__(self, service: str = "atsbridge") -> None:
        self.service = service
        self._keyring = _keyring()

    def load(self, connection: str) -> Token | None:
        text = self._keyring.get_password(self.service, connection)
        return None if text is None else _read(json.loads(text))

    def save(self, connection: str, token: Token) -> None:
        self._keyring.set_password(self.service, connection, json.dumps(_plain(token)))


class FileTokens:
    """Tokens in files of their own, in a folder that only its owner can open: for servers without a keyring.

    Args:
        folder: made where it is missing.

    Raises:
        ConfigurationError: others than its owner can open the folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            raise ConfigurationError(
                f"others than its owner can open {folder}, and tokens are kept there",
                advice=f"chmod 700 {folder}",
            )
        self.folder = folder

    def _file(self, connection: str) -> Path:
        return self.folder / f"{quote(connection, safe='')}.json"

    def load(self, connection: str) -> Token | None:
        try:
            return _read(json.loads(self._file(connection).read_text("utf-8")))
        except FileNotFoundError:
            return None

    def save(self, connection: str, token: Token) -> None:
        # Written whole beside it, on the disk, and then put in its place: a crash leaves one or the other.
        file = self._file(connection)
        handle, name = tempfile.mkstemp(dir=self.folder)
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            json.dump(_plain(token), new)
            new.flush()
            os.fsync(new.fileno())
        Path(name).replace(file)


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise ConfigurationError(
            "tokens in a keyring need the extra: pip install 'atsbridge[keyring]'"
        ) from None
    return keyring


def _plain(token: Token) -> dict[str, Any]:
    return {
        "access": token.access.reveal(),
        "refresh": token.refresh.reveal() if token.refresh else None,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "scopes": sorted(token.scopes) if token.scopes is not None else None,
        "subject": token.subject,
    }


def _read(data: dict[str, Any]) -> Token:
    return Token(
        access=Secret(data["access"]),
        refresh=Secret(data["refresh"]) if data["refresh"] else None,
        expires_at=datetime.fromisoformat(data["expires_at"]) if data["expires_at"] else None,
        scopes=frozenset(data["scopes"]) if data["scopes"] is not None else None,
        subject=data["subject"],
    )
