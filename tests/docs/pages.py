"""The README and the documentation as text, and the code blocks in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted(p for p in DOCS.rglob("*.rst") if "_build" not in p.parts)

_RST = re.compile(r"^( *)\.\. code-block:: (\w+)\n((?:\1   :\w+:.*\n)*)\n((?:\1   .*\n|[ ]*\n)+)", re.M)
_MARKDOWN = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


@frozen
class Block:
    """One code block: its language, the classes it was given, its text and its line."""

    language: str
    classes: tuple[str, ...]
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = _of_markdown(text) if page.suffix == ".md" else _of_rst(text)
    return list(found)


def _of_rst(text: str) -> Iterator[Block]:
    for match in _RST.finditer(text):
        classes = tuple(re.sub(r".*:class: ", "", match[3]).split()) if ":class:" in match[3] else ()
        body = textwrap.dedent(match[4]).strip("\n") + "\n"
        yield Block(match[2], classes, body, text.count("\n", 0, match.start(4)) + 1)


def _of_markdown(text: str) -> Iterator[Block]:
    for match in _MARKDOWN.finditer(text):
        yield Block(match[1], (), match[2], text.count("\n", 0, match.start(2)) + 1)


def commands(page: Path) -> list[tuple[int, str]]:
    """Every command line that a page shows, with its line: after ``$`` in the docs, as it is in Markdown."""
    found = []
    for block in blocks(page):
        if block.language != "console":
            continue
        for n, line in enumerate(block.text.splitlines()):
            if page.suffix == ".md" and line:
                found.append((block.line + n, line))
            elif line.startswith("$ "):
                found.append((block.line + n, line.removeprefix("$ ")))
    return found


def name(page: Path) -> str:
    """How a test names a page."""
    return page.relative_to(ROOT).as_posix()
