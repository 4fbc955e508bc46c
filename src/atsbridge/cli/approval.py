"""Writes an approval into a connection file and leaves every other byte of it as it was."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from tempfile import NamedTemporaryFile

from ..errors import ConfigurationError

_HEADER = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
_SURFACE = re.compile(r"^\s*surface\s*=")


def write_approval(path: Path, digest: str) -> None:
    """Set ``approved.surface``; comments and order stay.

    Raises:
        ConfigurationError: the file is written in a way that cannot be edited safely.
    """
    with path.open(encoding="utf-8", newline="") as file:
        old = file.read()
    new = with_approval(old, digest)
    before, after = tomllib.loads(old), _tables(new)
    if after != {**before, "approved": {**before.get("approved", {}), "surface": digest}}:
        raise ConfigurationError(
            f"{path} cannot be edited safely", advice=f'write it by hand: [approved] surface = "{digest}"'
        )
    _replace(path, new)


def with_approval(text: str, digest: str) -> str:
    """The text with the digest in its ``[approved]`` table, which is added where it is missing."""
    wanted = f'surface = "{digest}"'
    lines = text.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if _table(line) == "approved"), None)
    if start is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}\n[approved]\n{wanted}\n"
    end = next((i for i in range(start + 1, len(lines)) if _table(lines[i])), len(lines))
    for i in range(start + 1, end):
        if _SURFACE.match(lines[i]):
            lines[i] = wanted + _ending(lines[i])
            return "".join(lines)
    lines[start] = lines[start].rstrip("\r\n") + (_ending(lines[start]) or "\n")
    lines.insert(start + 1, wanted + (_ending(lines[start]) or "\n"))
    return "".join(lines)


def _table(line: str) -> str:
    match = _HEADER.match(line)
    return match.group(1) if match else ""


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _tables(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _replace(path: Path, text: str) -> None:
    """All or nothing, with the file's rights."""
    target = path.resolve()
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=".atsbridge-", delete=False
        ) as file:
            file.write(text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    temporary = Path(file.name)
    temporary.chmod(target.stat().st_mode & 0o777)
    temporary.replace(target)
