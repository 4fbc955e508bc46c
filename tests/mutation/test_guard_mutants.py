"""Every single change of the guard is noticed by its tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("guard_mutants.py")


@pytest.mark.campaign
def test_every_mutant_of_the_guard_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    found = importlib.util.spec_from_file_location("guard_mutants", RUNNER)
    assert found is not None
    assert found.loader is not None
    runner = importlib.util.module_from_spec(found)
    found.loader.exec_module(runner)
    assert runner.run() == 0, capsys.readouterr().out
    assert " 0 survive," in capsys.readouterr().out
