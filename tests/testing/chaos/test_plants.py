"""Planted bugs: each is found, and what it is made of still stands in the engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve

from atsbridge.testing.chaos.plants import PLANTS, found_by
from atsbridge.testing.chaos.play import history, play

DOCS = Path(__file__).parents[3] / "docs" / "chaos.rst"
MOST = 10_000


def _recorded() -> dict[str, tuple[str, int, int]]:
    """Bug, and by which vendor's seed it was found, after how many histories; as the docs tell."""
    rows = re.findall(
        r"^   \* - (.+)\n     - .+\n     - (\w+)\n     - (\d+)\n     - (\d+)$", DOCS.read_text(), re.M
    )
    return {bug: (vendor, int(seed), int(count)) for bug, vendor, seed, count in rows}


FOUND = _recorded()


def test_every_bug_is_in_the_docs() -> None:
    assert FOUND.keys() == PLANTS.keys()
    assert all(count <= MOST for _, _, count in FOUND.values())


@pytest.mark.parametrize("bug", FOUND)
def test_the_seed_in_the_docs_finds_its_bug_and_nothing_without_it(bug: str) -> None:
    vendor, seed, _ = FOUND[bug]
    script = history(vendor, seed)
    assert play(script).violation is None
    with PLANTS[bug].planted():
        assert play(script).violation is not None
    assert play(script).violation is None


@pytest.mark.campaign
@pytest.mark.parametrize("bug", PLANTS)
def test_every_bug_is_found_anew(bug: str) -> None:
    assert found_by(PLANTS[bug], most=MOST) is not None


def test_a_bug_whose_place_has_changed_is_said_to_be_so() -> None:
    plant = PLANTS["sent again on a timeout"]
    (change,) = plant.changes
    gone = evolve(plant, changes=(evolve(change, swaps=(("no such text", "x"),)),))
    with pytest.raises(LookupError, match="no such text"), gone.planted():
        pass
