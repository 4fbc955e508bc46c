"""What `atsbridge new-adapter` writes: a package that can be installed and passes its contract as it is."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from atsbridge.errors import ConfigurationError
from atsbridge.skeleton import write_adapter

SRC = Path(__file__).parents[1] / "src"


def test_it_is_named_after_the_vendor(tmp_path: Path) -> None:
    written = write_adapter("big_ats", tmp_path / "new", title="Big ATS")
    assert {path.relative_to(tmp_path / "new").as_posix() for path in written} == {
        "pyproject.toml", "README.md", "SHEET.md", "src/atsbridge_big_ats/__init__.py",
        "src/atsbridge_big_ats/adapter.py", "src/atsbridge_big_ats/simulator.py",
        "src/atsbridge_big_ats/py.typed", "tests/conftest.py", "tests/test_big_ats.py",
    }  # fmt: skip
    everything = "".join(path.read_text("utf-8") for path in written)
    assert "newvendor" not in everything.lower() and "new vendor" not in everything.lower()
    assert 'title="Big ATS"' in everything and "https://big-ats.example/api" in everything
    for path in written:
        if path.suffix == ".py":
            ast.parse(path.read_text("utf-8"))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"README\.md is there already; nothing was written"):
        write_adapter("acme", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("name", ["", "Acme", "acme-ats", "1acme", "a" * 41, "class", "../acme", "acme\n"])
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no registry name"):
        write_adapter(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_title_that_would_break_out_of_its_quotes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no name for people"):
        write_adapter("acme", tmp_path / "new", title='Acme", evil="')


def test_it_passes_its_contract_as_it_is(tmp_path: Path) -> None:
    """As installed: its folder on the path, and its entry points as its own pyproject tells them."""
    folder, site = tmp_path / "new", tmp_path / "site"
    write_adapter("big_ats", folder)
    told = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / "atsbridge_big_ats-0.1.0.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n"
    (info / "METADATA").write_text(head)
    groups = told["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in groups]
    (info / "entry_points.txt").write_text("".join(lines))
    path = os.pathsep.join(map(str, (SRC, folder / "src", site)))
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        asked, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"^[5-9]\d passed", done.stdout, re.M), done.stdout[-4000:]
