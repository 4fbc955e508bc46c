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
from collections.abc import Iterator
from contextlib import contextmanager
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
        """Raises `ConfigurationError` where the entry is damaged."""
        text = self._keyring.get_password(self.service, connection)
        return (
            None if text is None else _read(text, f"the entry {connection} of {self.service} in the keyring")
        )

    def save(self, connection: str, token: Token) -> None:
        self._keyring.set_password(self.service, connection, json.dumps(_plain(token)))


class FileTokens:
    """Tokens in files of their own, in a folder that only its owner can open: for servers without a keyring.

    Args:
        folder: made where it is missing.

    Raises:
        ConfigurationError: the folder or a file is somebody else's, or others can open it; a file is
            damaged; the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._look_at_the_folder()

    def _look_at_the_folder(self) -> None:
        _must_be_private(self.folder, self.folder.stat(), mode=0o700)

    def _file(self, connection: str) -> Path:
        return self.folder / f"{quote(connection, safe='')}.json"

    def load(self, connection: str) -> Token | None:
        file = self._file(connection)
        with _disk(self.folder):
            self._look_at_the_folder()
            try:
                with file.open("rb") as opened:
                    _must_be_private(file, os.fstat(opened.fileno()), mode=0o600)
                    text = opened.read()
            except FileNotFoundError:
                return None
        return _read(text, str(file))

    def save(self, connection: str, token: Token) -> None:
        # Written whole beside it, on the disk, and then put in its place: a crash leaves one or the other.
        with _disk(self.folder):
            self._look_at_the_folder()
            handle, name = tempfile.mkstemp(dir=self.folder)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as new:
                    json.dump(_plain(token), new)
                    new.flush()
                    os.fsync(new.fileno())
                Path(name).replace(self._file(connection))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def _must_be_private(path: Path, found: os.stat_result, *, mode: int) -> None:
    """Whoever else can open it can use the tokens, and whoever owns it can put others in their place."""
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to another user, and tokens are kept there",
            advice=f"run as its owner, or: chown {os.geteuid()} {path}",
        )
    if found.st_mode & 0o077:
        raise ConfigurationError(
            f"others than its owner can open {path}, and tokens are kept there",
            advice=f"chmod {mode:o} {path}",
        )


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
        return
    except OSError as error:
        why = error.strerror or type(error).__name__
    raise ConfigurationError(
        f"the token folder {folder} failed: {why}", advice="look at the folder, its rights and the free space"
    )


def _keyring() -> Any:
    try:
        import keyring
    except ImportError:
        raise ConfigurationError(
            "tokens in a keyring need the package keyring", advice="pip install 'atsbridge[keyring]'"
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


def _read(text: str | bytes, where: str) -> Token:
    """The token; what is damaged is named without what it holds."""
    try:
        return _token(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # raised below: these errors carry the text, the tokens in it
    raise ConfigurationError(
        f"{where} does not hold a token as it was saved",
        advice="remove it; where a refresh token was in it, have the connection authorised anew",
    )


def _token(data: dict[str, Any]) -> Token:
    return Token(
        access=Secret(data["access"]),
        refresh=Secret(data["refresh"]) if data["refresh"] else None,
        expires_at=datetime.fromisoformat(data["expires_at"]) if data["expires_at"] else None,
        scopes=frozenset(data["scopes"]) if data["scopes"] is not None else None,
        subject=data["subject"],
    )
