"""A dry run writes nothing anywhere, and what it predicts is what happens."""

from __future__ import annotations

import random
import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from surface import surface_of
from world import WRITERS, World, random_change, seeds, world

from atsbridge.model import Receipt
from atsbridge.testing.chaos.dialects import DIALECTS
from atsbridge.wire.auth import MemoryTokens

# Whatever can be written may be written, hires too; not every vendor's mapping has each of these.
OPEN = {
    'hire = "off"': 'hire = ["Hired"]',
    'is = "hired"\nwrite = false': 'is = "hired"',
    "change_ended = false": "change_ended = true",
}
COMPARED = ("result", "before", "after", "strength", "why", "gap", "progress", "side_effects", "overwritten")


READABLE = [v for v in WRITERS if DIALECTS[v].anywhere]
"""Which steps a Workday process allows next is in no declared read: there, a refusal cannot be foreseen."""


def settings(vendor: str, seed: int) -> dict[str, Any]:
    """Another reading of what is not confirmed for each seed."""
    if vendor == "lever":
        return {"same_stage_row": seed % 2 == 0, "archive_advances": seed % 4 < 2}
    if vendor == "successfactors":
        return {"closed_writes": True}  # whether those are refused, only trying shows
    if vendor != "greenhouse":
        return {}
    space, newer = ["job_interview_stage_id", "stage_id"][seed % 2], seed % 4 < 2
    return {
        "adapter": {"from_stage_id_is": space},
        "from_stage_id_is": space,
        "has_job_interview_stage_id": newer,
        "has_rejection_reason_id": newer,
        # Which openings are open is in no declared read: that such a hire is refused, only trying shows.
        "hire_requires_opening": False,
    }


def recruiters(w: World, rng: random.Random, changes: int = 25) -> None:
    """Moves, endings, both, reactivations, hires, unknown steps; some overtaken in the ATS."""
    mapping = tomllib.loads(w.mapping)
    steps, reasons = [*mapping["steps"], "No such step"], list(mapping.get("reasons", []))
    for id in rng.sample(sorted(w.views()), changes):
        kind = rng.randrange(9)
        if kind < 3:
            w.change(id, step=rng.choice(steps))
        elif kind < 5:
            step = rng.choice(steps) if rng.random() < 0.3 or not reasons else None
            reason = rng.choice(reasons) if reasons else None
            w.change(id, step=step, status=rng.choice(["Rejected", "Withdrawn"]), reason=reason)
        elif kind == 5:
            w.change(id, status="Active", step=rng.choice([None, *steps]))
        elif kind == 6:
            w.change(id, status="Hired", reason="Hired" if "Hired" in reasons else None)
        else:
            w.change(id, step=rng.choice(steps))
            w.change(id, step=rng.choice(steps))
    for _ in range(10):
        random_change(w, rng)


def essence(receipt: Receipt) -> tuple[Any, ...]:
    return (receipt.event_id, *(getattr(receipt, name) for name in COMPARED))


@pytest.mark.parametrize("vendor", READABLE)
@pytest.mark.parametrize("seed", seeds(4))
def test_a_plan_writes_nothing_and_predicts_the_push(vendor: str, seed: int, tmp_path: Path) -> None:
    assert predicts(vendor, seed, tmp_path) > 0


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", READABLE)
@pytest.mark.parametrize("seed", seeds(100, start=1000))
def test_a_plan_always_predicts_the_push(vendor: str, seed: int, tmp_path: Path) -> None:
    _ = predicts(vendor, seed, tmp_path)  # by chance nothing that a vendor lets be written was asked for


def predicts(vendor: str, seed: int, folder: Path) -> int:
    """Plan, then push, and compare; how many writes there were."""
    rng = random.Random(seed)
    with world(vendor, folder, applications=80, seed=seed, rules=OPEN, **settings(vendor, seed)) as w:
        w.bridge.pull()
        recruiters(w, rng)
        before = held(folder)
        asked, really = len(w.server.requests), w.real()
        planned = w.bridge.plan()
        assert surface_of(vendor).foreign(list(w.server.requests)[asked:], reads_alone=True) == []
        assert held(folder) == before
        assert w.simulator.accepted == [] and w.real() == really
        pushed = w.bridge.push()
        assert list(map(essence, planned.receipts)) == list(map(essence, pushed.receipts))
        assert planned.writes == pushed.writes
        assert {r.event_id for r in pushed.receipts} == changes_in(folder)
        assert pushed.settling + pushed.pending == planned.waiting == 0
        return pushed.writes


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("at_hand", [True, False])
def test_a_plan_asks_for_a_token_only_where_none_is_at_hand(
    vendor: str, at_hand: bool, tmp_path: Path
) -> None:
    with world(vendor, tmp_path) as w:
        w.bridge.pull()
        recruiters(w, random.Random(1))
        asked = len(w.server.requests)
        with w.reopen(tokens=w.tokens if at_hand else MemoryTokens()) as bridge:
            bridge.plan()
        surface, since = surface_of(vendor), list(w.server.requests)[asked:]
        tokens = [r for r in since if surface.is_token_request(r)]
        assert len(tokens) == (1 if w.dialect.asks_for_tokens and not at_hand else 0)
        assert surface.foreign(since, reads_alone=True) == []


def held(folder: Path) -> list[Any]:
    """All that ledger and CRM hold, and the ledger's files to the last byte."""
    files = sorted(folder.glob("ledger.sqlite*"))
    dumps = []
    for name in ("ledger.sqlite", "crm.sqlite"):
        with closing(sqlite3.connect(folder / name)) as database:
            dumps.append(list(database.iterdump()))
    return [*dumps, [(f.name, f.read_bytes()) for f in files if not f.name.endswith("-shm")]]


def changes_in(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "crm.sqlite")) as database:
        return {event for (event,) in database.execute("SELECT event_id FROM outbox")}
