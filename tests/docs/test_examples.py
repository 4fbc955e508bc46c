"""Every example in the README and the docs runs, in the order in which it stands on its page."""

from __future__ import annotations

import contextlib
import io
import tomllib
from pathlib import Path

import pytest
from pages import PAGES, README, Block, blocks, name

from atsbridge.connection import parse_connection
from atsbridge.mapping import load_mapping

EVERY = [README, *PAGES]
WITH_PYTHON = [page for page in EVERY if any(b.language == "python" for b in blocks(page))]
WITH_TOML = [page for page in EVERY if any(b.language == "toml" for b in blocks(page))]


def run_page(page: Path) -> list[tuple[Block, str]]:
    """Run a page's Python blocks in one session; what each was said to print, and what it printed."""
    session: dict[str, object] = {"__name__": f"docs_{page.stem.replace('-', '_')}"}
    printed = ""
    compared: list[tuple[Block, str]] = []
    for block in blocks(page):
        if block.language == "python":
            # Padded, so that a traceback names the line of the page.
            source = "\n" * (block.line - 1) + block.text
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(source, name(page), "exec"), session)
            printed = out.getvalue()
        elif "output" in block.classes:
            compared.append((block, printed))
    return compared


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_python_on_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    compared = run_page(page)
    for block, printed in compared:
        assert printed.rstrip() == block.text.rstrip(), f"{name(page)}, line {block.line}"


def test_the_pages_that_teach_have_examples() -> None:
    """A page whose blocks are no longer found would pass in silence."""
    counted = {name(page): sum(b.language == "python" for b in blocks(page)) for page in WITH_PYTHON}
    assert counted["README.md"] == 1
    assert counted["docs/tutorial.rst"] >= 12
    assert counted["docs/howto/service-developer.rst"] >= 7


def test_an_example_with_the_wrong_output_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.rst"
    page.write_text(
        ".. code-block:: python\n\n   print(2)\n\n.. code-block:: text\n   :class: output\n\n   3\n\n"
    )
    monkeypatch.setattr("pages.ROOT", tmp_path)
    ((block, printed),) = run_page(page)
    assert (block.text, printed) == ("3\n", "2\n")


@pytest.mark.parametrize("page", WITH_TOML, ids=name)
def test_the_toml_on_a_page_is_accepted(page: Path) -> None:
    for block in blocks(page):
        if block.language != "toml":
            continue
        if "connection" in block.classes:
            assert parse_connection(block.text, Path("acme.toml")).name
        elif "pyproject" in block.classes:
            assert tomllib.loads(block.text)["project"]
        else:
            assert load_mapping(block.text)
