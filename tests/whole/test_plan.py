"""A dry run writes nothing anywhere, and what it predicts is what happens."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest
from world import VENDORS, World, random_change, seeds, world

from atsbridge.model import Receipt


def recruiters(w: World, rng: random.Random, changes: int = 25) -> None:
    """Moves, endings, reactivations, unknown steps, second thoughts; some overtaken in the ATS."""
    mapping = tomllib.loads(w.mapping)
    steps, reasons = [*mapping["steps"], "No such step"], list(mapping["reasons"])
    for id in rng.sample(sorted(w.views()), changes):
        kind = rng.randrange(6)
        if kind < 3:
            w.change(id, step=rng.choice(steps))
        elif kind == 3:
            w.change(id, status="Rejected", reason=rng.choice(reasons))
        elif kind == 4:
            w.change(id, status="Active")
        else:
            w.change(id, step=rng.choice(steps))
            w.change(id, step=rng.choice(steps))
    for _ in range(10):
        random_change(w, rng)


def essence(receipt: Receipt) -> tuple[Any, ...]:
    return (receipt.event_id, receipt.result, receipt.before, receipt.after, receipt.strength, receipt.why)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", seeds(4))
def test_a_plan_writes_nothing_and_predicts_the_push(vendor: str, seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    with world(vendor, tmp_path, applications=60, seed=seed) as w:
        w.bridge.pull()
        recruiters(w, rng)
        before = (tmp_path / "ledger.sqlite").read_bytes(), dump(tmp_path / "crm.sqlite")
        asked = len(w.server.requests)
        planned = w.bridge.plan()
        assert {r.method for r in list(w.server.requests)[asked:]} <= {"GET"}
        assert ((tmp_path / "ledger.sqlite").read_bytes(), dump(tmp_path / "crm.sqlite")) == before
        assert w.simulator.accepted == []
        pushed = w.bridge.push()
        assert sorted(map(essence, planned.receipts)) == sorted(map(essence, pushed.receipts))
        assert planned.writes == pushed.writes > 0


def dump(path: Path) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())
