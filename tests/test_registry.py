"""Plugins are found by name, imported when asked for, and none can break another."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from atsbridge import registry
from atsbridge.errors import UnknownPlugin
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.registry import Group, Plugin, load, names, plugins


class Point(EntryPoint):
    """An entry point of a package of this name."""

    @property
    def dist(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(name=f"{self.name}-package", requires=None) if self.name != "orphan" else None


def installed(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    """These plugins are installed, in this order, in every group."""
    made = [Point(name, value, Group.ATS) for name, value in points]
    monkeypatch.setattr(registry, "entry_points", lambda group: made)


def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    (tmp_path / "broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "broken_plugin", raising=False)
    return "broken_plugin:Adapter"


def test_ours_come_through_the_same_door() -> None:
    ours = {
        "ashby",
        "greenhouse",
        "icims",
        "lever",
        "oracle_recruiting",
        "recruitee",
        "smartrecruiters",
        "successfactors",
        "workday",
    }
    assert ours <= set(names(Group.ATS))
    assert {"memory", "sqlite"} <= set(names(Group.LEDGER)) and "sql" in names(Group.CRM)
    assert load(Group.LEDGER, "memory") is MemoryLedger
    for group in Group:
        assert all(not p.broken for p in plugins(group) if p.package == "atsbridge")


def test_names_are_sorted_and_each_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("zeta", "z:Z"), ("alpha", "a:A"), ("zeta", "z:Z"))
    assert names(Group.ATS) == ["alpha", "zeta"]


STARTS = {
    "import atsbridge": "import atsbridge",
    "names": "from atsbridge.registry import Group, names; names(Group.ATS)",
    "vendors list": "from atsbridge.cli.app import run; run(['vendors', 'list'])",
}


def imported(code: str) -> set[str]:
    """Which of our adapters, simulators and test kit a program imports, in a process of its own."""
    code += "; import sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    optional = re.compile(
        r"atsbridge\.(?:ats\.(?!interface$|preflight$)|simulators|testing|webhooks|engines)"
    )
    return {module for module in run.stdout.splitlines()[-1].split() if optional.match(module)}


@pytest.mark.parametrize("start", list(STARTS))
def test_nothing_is_imported_before_it_is_asked_for(start: str) -> None:
    assert imported(STARTS[start]) == set()


def test_what_is_asked_for_is_imported_alone() -> None:
    code = "from atsbridge.registry import Group, load; load(Group.ATS, 'lever')"
    assert imported(code) == {"atsbridge.ats.lever"}


def test_a_near_name_and_what_to_do_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("lever", "l:L"), ("greenhouse", "g:G"))
    with pytest.raises(UnknownPlugin) as caught:
        load(Group.ATS, "levr")
    assert caught.value.message == (
        "no ATS adapter 'levr' is installed; did you mean lever? (there are: greenhouse, lever)"
    )
    assert "install the package" in caught.value.advice


def test_without_a_near_name_the_list_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(UnknownPlugin, match=r"no CRM connector 'x' is installed \(there are: none\)$"):
        load(Group.CRM, "x")


def test_where_a_package_is_missing_the_extra_that_brings_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requires = [
        "attrs>=24",
        "no-such-module>=0.7; extra == 'all'",
        "other; extra == 'all'",
        "no-such-module>=0.7; extra == 'xml'",
    ]
    dist = SimpleNamespace(name="acme-bridge", requires=requires)
    monkeypatch.setattr(Point, "dist", dist)
    installed(monkeypatch, ("acme", broken(tmp_path, monkeypatch, "import no_such_module.part")))
    with pytest.raises(UnknownPlugin) as caught:
        load(Group.ATS, "acme")
    assert caught.value.advice == "pip install 'acme-bridge[xml]'"


def test_a_plugin_whose_library_says_what_is_missing_is_not_to_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As psycopg does where the system has no libpq."""
    text = "raise ImportError('no pq wrapper available. libpq library not found')"
    installed(monkeypatch, ("acme", broken(tmp_path, monkeypatch, text)))
    with pytest.raises(UnknownPlugin, match="libpq library not found") as caught:
        load(Group.ATS, "acme")
    assert caught.value.advice.startswith("see to what the error names")


BROKEN = {
    "it cannot be imported": ("raise RuntimeError('half installed')", "RuntimeError: half installed"),
    "it needs what is not there": ("import no_such_module", "ModuleNotFoundError: No module named"),
    "it has no such class": ("x = 1", "AttributeError: "),
    "it is no Python": ("def (", "SyntaxError: "),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_broken_plugin_breaks_nobody_else(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, words = BROKEN[how]
    value = broken(tmp_path, monkeypatch, text)
    installed(
        monkeypatch,
        ("sound", "atsbridge.ledgers.memory:MemoryLedger"),
        ("bad", value),
        ("also", "atsbridge.ledgers.sqlite:SqliteLedger"),
    )
    assert load(Group.ATS, "sound") is MemoryLedger
    found = {p.name: p for p in plugins(Group.ATS)}
    assert list(found) == ["also", "bad", "sound"]
    assert found["sound"] == Plugin(
        "sound", Group.ATS, "atsbridge.ledgers.memory:MemoryLedger", "sound-package"
    )
    assert found["bad"].broken.startswith(words) and not found["also"].broken
    with pytest.raises(UnknownPlugin) as caught:
        load(Group.ATS, "bad")
    assert caught.value.message.startswith(f"'bad' of bad-package cannot be imported: {words}")
    assert caught.value.__cause__ is not None


def test_a_plugin_of_no_known_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("orphan", broken(tmp_path, monkeypatch, "raise OSError")))
    with pytest.raises(UnknownPlugin, match="'orphan' of an unknown package cannot be imported"):
        load(Group.ATS, "orphan")
    assert [p.package for p in plugins(Group.ATS)] == ["an unknown package"]


def test_two_packages_may_not_claim_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ("lever", "b:L"), ("lever", "a:L"))
    with pytest.raises(UnknownPlugin, match=r"two packages register 'lever' in atsbridge.ats: a:L, b:L"):
        load(Group.ATS, "lever")


def test_the_same_plugin_installed_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "atsbridge.ledgers.memory:MemoryLedger"
    installed(monkeypatch, ("memory", value), ("memory", value))
    assert load(Group.LEDGER, "memory") is MemoryLedger
