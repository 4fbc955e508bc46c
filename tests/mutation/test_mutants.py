"""Every single change of the guard and of the outbox protocol is noticed by their tests."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

RUNNER = Path(__file__).with_name("mutants.py")


def runner() -> Any:
    found = importlib.util.spec_from_file_location("mutants", RUNNER)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["mutants"] = module
    found.loader.exec_module(module)
    module.prepare()
    return module


TARGETS = ["guard", "outbox"]


def test_every_target_is_run() -> None:
    assert list(runner().TARGETS) == TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_the_runner_tells_what_is_broken_from_what_is_not(target: str) -> None:
    """The code as it is passes; one mutant of each module is noticed, and one that changes nothing is not."""
    made = runner()
    bench = made.Bench.of(made.TARGETS[target])
    assert bench.killed_by(None) is None
    for module, only in bench.target.modules.items():
        every = made.mutants(module, only)
        broken = next(m for m in every if "left out" in m.change or m.change.startswith("condition"))
        assert bench.killed_by(broken) is not None, broken.key
    same = ast.parse(made.source_of(module)).body[0]
    nothing = made.Mutant(module, "", 1, "", "nothing", (("body", 0),), same)
    assert bench.killed_by(nothing) is None


@pytest.mark.campaign
@pytest.mark.parametrize("target", TARGETS)
def test_every_mutant_is_killed(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = runner().run(target)
    told = capsys.readouterr().out
    assert code == 0, told
    assert " 0 survive," in told
