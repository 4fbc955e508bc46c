"""Every single change of the guard and of the outbox protocol is noticed by their tests."""

from __future__ import annotations

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


@pytest.mark.campaign
@pytest.mark.parametrize("target", ["guard", "outbox"])
def test_every_mutant_is_killed(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = runner().run(target)
    told = capsys.readouterr().out
    assert code == 0, told
    assert " 0 survive," in told
