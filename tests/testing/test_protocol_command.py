"""The model check by one command: what it prints, and that it fails where a promise does not hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from atsbridge.testing.protocol import SCENARIOS, __main__
from atsbridge.testing.protocol.campaign import chosen, look_at
from atsbridge.testing.protocol.scenarios import WIRE


def test_one_scenario_is_looked_at_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["--faults", "1", "--scenario", "pair", "--jobs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["broken"] == 0 and told["histories"] == told["scenarios"][0]["histories"] > 100
    assert err.startswith("pair [")


def test_what_does_not_hold_is_an_exit_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    beyond = evolve(SCENARIOS["one change"], faults=2, beyond=True).only("late request")
    (looked,) = look_at([beyond], jobs=1)
    assert "I1" in looked.violation and looked.histories == 0

    def broken(*_: object, **__: object) -> Any:
        return [looked]

    monkeypatch.setattr(__main__, "look_at", broken)
    assert __main__.main(["--scenario", "pair"]) == 1
    out, err = capsys.readouterr()
    assert "BROKEN" in err and "1 broken" in out


def test_who_has_had_enough_does_not_wait_for_the_rest() -> None:
    endless = evolve(SCENARIOS["superseded"], faults=9, moves=9)
    looked = look_at([evolve(SCENARIOS["pair"], faults=0), endless], jobs=1)
    assert next(looked).histories > 0
    looked.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [["--faults", "-1"], ["--moves", "x"], ["--jobs", "0"]])
def test_what_is_no_number_of_them_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        __main__.main(words)
    assert ended.value.code == 2


def test_without_a_name_every_scenario_and_every_class_of_write_is_looked_at() -> None:
    every = list(chosen(None, 5))
    assert {scenario.name for scenario in every} == set(SCENARIOS)
    assert len({str(scenario.kind) for scenario in every}) == 36
    (alone,) = chosen(["one change"], 5)
    assert alone.faults == 5 and alone.possible == SCENARIOS["one change"].possible
    assert all(set(s.possible) <= {*WIRE, "pause"} for s in every if s.name != "one change")
