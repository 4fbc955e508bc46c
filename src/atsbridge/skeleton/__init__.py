"""A skeleton of an adapter package: what ``atsbridge new-adapter`` writes.

The files stand under ``files/`` beside this one, for the invented vendor *New
Vendor*; its name is replaced by another's.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from ..errors import ConfigurationError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FILES: Mapping[str, str] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "SHEET.md": "SHEET.md",
    "__init__.py": "src/atsbridge_newvendor/__init__.py",
    "adapter.py": "src/atsbridge_newvendor/adapter.py",
    "simulator.py": "src/atsbridge_newvendor/simulator.py",
    "conftest.py": "tests/conftest.py",
    "test_newvendor.py": "tests/test_newvendor.py",
}
_EMPTY = ("src/atsbridge_newvendor/py.typed",)


def write_adapter(name: str, folder: Path, *, title: str = "") -> list[Path]:
    """Write a package with an adapter that reads, its simulator and its test.

    It can be installed as it is, and passes the contract of what it declares.

    Args:
        name: the vendor's registry name: small letters, digits and ``_``.
        folder: made where it is missing; nothing that is in it is overwritten.
        title: the vendor's name for people; made of the registry name if left out.

    Returns:
        The files written.

    Raises:
        ConfigurationError: the name is none, or a file is there already; nothing is written then.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name!r} is no registry name",
            advice="begin with a small letter; then small letters, digits and _, 40 at most",
        )
    title = title or name.replace("_", " ").title()
    if not re.fullmatch(r"[^\W_][\w .&-]{0,59}", title):
        raise ConfigurationError(
            f"{title!r} is no name for people", advice="letters, digits, blanks, and . & -: 60 at most"
        )
    words = {
        "NewVendor": "".join(part.capitalize() for part in name.split("_")),
        "New Vendor": title,
        "atsbridge-newvendor": f"atsbridge-{name.replace('_', '-')}",
        "newvendor.example": f"{name.replace('_', '-')}.example",
        "newvendor": name,
    }
    texts = {folder / _named(path, words): _named(_text(file), words) for file, path in _FILES.items()}
    texts |= {folder / _named(path, words): "" for path in _EMPTY}
    taken = next((path for path in texts if path.exists()), None)
    if taken is not None:
        raise ConfigurationError(
            f"{taken} is there already; nothing was written", advice="name another folder: --to FOLDER"
        )
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(texts)


def _text(file: str) -> str:
    return resources.files("atsbridge.skeleton").joinpath("files", f"{file}.txt").read_text("utf-8")


def _named(text: str, words: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, words)), lambda found: words[found[0]], text)
