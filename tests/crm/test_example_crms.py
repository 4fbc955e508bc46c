"""The embedded CRM and the examples' own keep the contract of every CRM."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from atsbridge.crm.interface import Crm, Delivery
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import Ref, Result
from atsbridge.testing import CrmContract
from atsbridge.testing.contract.crm import ONE, receipt
from atsbridge.testing.deliveries import application, candidate, play

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestSqlCrm(CrmContract):
    def make(self, folder: Path) -> Crm:
        return SqlCrm(folder / "crm.db")

    def change(self, crm: Any, application: Ref, step: str) -> str:
        return str(crm.change_step(application, step=step, actor="recruiter"))

    def unfit(self) -> Delivery:
        return candidate("2", display_name="half a pair: \ud800")


class TestLocalExample(CrmContract):
    def make(self, folder: Path) -> Crm:
        made: Crm = load("local_crm").BoardCrm(folder / "board.db")
        return made

    def change(self, crm: Any, application: Ref, step: str) -> str:
        key = sys.modules[type(crm).__module__].key(application)  # type: ignore[attr-defined]
        (card,) = crm.db.execute("SELECT candidacy_id FROM candidacy WHERE ats_key = ?", (key,)).fetchone()
        return str(crm.drag(card, column=step, actor="recruiter"))

    def close(self, crm: Any) -> None:
        crm.db.close()

    def test_a_refused_change_goes_back_on_the_board(self, crm: Any) -> None:
        play(crm.write([application("1", "s7", minute=9)]))
        event = self.change(crm, ONE, "step s2")
        assert crm.board()[0][1] == "step s2"
        play(crm.receive([receipt(event, Result.CONFLICT)]))
        assert crm.board()[0][1] == "step s7"


class TestAsyncExample(CrmContract):
    def make(self, folder: Path) -> Crm:
        made: Crm = load("async_local_crm").MemoryCrm()
        return made

    def change(self, crm: Any, application: Ref, step: str) -> str:
        return str(asyncio.run(crm.drag(application, step=step, actor="recruiter")))

    def test_a_refused_change_is_shown_as_it_was(self, crm: Any) -> None:
        play(crm.write([application("1", "s7", minute=9)]))
        event = self.change(crm, ONE, "step s2")
        assert crm.cards[ONE].shown == "step s2"
        play(crm.receive([receipt(event, Result.CONFLICT)]))
        assert crm.cards[ONE].shown == "step s7"


@pytest.mark.loopback
@pytest.mark.shows_people
@pytest.mark.parametrize("name", ["local_crm", "async_local_crm"])
def test_the_examples_run_as_they_stand(name: str, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    ended = load(name).main()
    if asyncio.iscoroutine(ended):
        asyncio.run(ended)
    assert "Phone Screen" in capsys.readouterr().out
