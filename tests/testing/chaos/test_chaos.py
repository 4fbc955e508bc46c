"""The chaos: a slice of its seeds, and that it repeats itself, tells a fault, and leaves none out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from atsbridge.model import Candidate, Record
from atsbridge.sync.ledger import Known
from atsbridge.sync.pages import Sorter
from atsbridge.testing.chaos.__main__ import main
from atsbridge.testing.chaos.campaign import Tally, campaign, vendors
from atsbridge.testing.chaos.kinds import ELSEWHERE, KINDS, OF_ACCOUNTS
from atsbridge.testing.chaos.plants import PLANTS
from atsbridge.testing.chaos.play import history, play, shrunk
from atsbridge.testing.chaos.script import smaller

ROOT = Path(__file__).parents[3]
CAUGHT = "sent again on a timeout"


@pytest.mark.parametrize("vendor", vendors())
def test_a_slice_of_the_seeds(vendor: str) -> None:
    tally = campaign([vendor], range(15), jobs=1)
    assert tally.failures == []
    assert tally.seeds[vendor] == 15 and tally.writes > 0


@pytest.mark.campaign
def test_many_seeds_of_all_vendors_and_every_kind_of_fault_comes_about() -> None:
    tally = campaign(vendors(), range(10_000, 10_500), jobs=2)
    assert tally.failures == []
    assert tally.never_hit() == []


def test_the_same_seed_is_the_same_history_in_another_process_too() -> None:
    code = (
        "from atsbridge.testing.chaos.play import history, play;"
        "print(*(play(history(v, s)).trace_hash for v in ('ashby', 'lever') for s in range(4)))"
    )

    def told(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        found = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        return found.stdout

    here = [play(history(v, s)).trace_hash for v in ("ashby", "lever") for s in range(4)]
    assert told("1").split() == told("2").split() == here
    assert len(set(here)) == len(here)


def test_a_ledger_that_keeps_an_address_of_somebody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Sorter._known

    def telling(sorter: Sorter, record: Record, *rest: Any) -> Known:
        row = known(sorter, record, *rest)
        if isinstance(record, Candidate) and record.emails:
            return evolve(row, reason=record.emails[0].value)
        return row

    monkeypatch.setattr(Sorter, "_known", telling)
    found = [play(history("lever", seed)).violation for seed in range(5)]
    assert any(one is not None and one.invariant == "I9" for one in found)


def test_a_failing_seed_is_told_made_smaller_and_played_again_by_one_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with PLANTS[CAUGHT].planted():
        seed = next(s for s in range(50) if play(history("lever", s)).violation is not None)
        assert main(["--vendor", "lever", "--seeds", f"{seed}:{seed + 1}", "--jobs", "1"]) == 1
        printed = capsys.readouterr().out
        assert f"replay: python -m atsbridge.testing.chaos --vendor lever --seed {seed}" in printed
        assert main(["--vendor", "lever", "--seed", str(seed)]) == 1
        assert play(history("lever", seed)).trace_hash in capsys.readouterr().out
        small = shrunk(history("lever", seed))
    assert small.violation is not None
    whole = history("lever", seed)
    assert _size(small.script) <= _size(whole)
    # Nothing more can be taken from it.
    with PLANTS[CAUGHT].planted():
        outcomes = [play(script).violation for script in smaller(small.script)]
    assert all(o is None or o.invariant != small.violation.invariant for o in outcomes)


def _size(script: object) -> int:
    return len(str(script))


def test_the_summary_names_count_seeds_commit_and_what_came_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--vendor", "icims", "--seeds", "3:5", "--jobs", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["histories"] == {"icims": 2} and told["seeds"] == [3, 5] and told["commit"]
    assert told["hits"].keys() == KINDS.keys() and told["broken"] == []


def test_a_tally_is_the_same_however_many_processes_there_are() -> None:
    one, two = (campaign(["icims"], range(6), jobs=jobs) for jobs in (1, 2))
    assert _told(one) == _told(two)


def _told(tally: Tally) -> tuple[object, ...]:
    return tally.seeds, tally.hits, tally.writes, tally.changes, tally.steps, tally.requests, tally.failures


# -- the catalogue --

CATALOGUE = {f"F{number:02}" for number in (*range(1, 38), *range(41, 48))}


def test_every_fault_of_the_catalogue_is_put_in_here_or_tested_elsewhere() -> None:
    here = {fault for kind in KINDS.values() for fault in kind.faults} | set(OF_ACCOUNTS.values())
    assert here | ELSEWHERE.keys() >= CATALOGUE
    assert here & ELSEWHERE.keys() == set()


@pytest.mark.parametrize("fault", ELSEWHERE)
def test_the_tests_of_what_does_not_come_about_here_are_there(fault: str) -> None:
    file, _, name = ELSEWHERE[fault].partition("::")
    assert re.search(rf"def {name}\b", (ROOT / file).read_text("utf-8")), ELSEWHERE[fault]
