"""At most once: a network that loses, delays and repeats, people who move on, workers that die.

The judge reads the simulator's own log of accepted writes and the receipts
that reached the CRM, never the bridge's ledger.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from world import QUICK, VENDORS, World, seeds, world

from atsbridge.model import ApplicationStatus, Base, Gap, Result, StatusUpdate
from atsbridge.testing.network import (
    LOSE_ANSWER,
    LOSE_REQUEST,
    PASS,
    Fault,
    Faults,
    Plan,
    answer,
    late_request,
    throttle,
)

# Windows short enough for a test, in the order the protocol needs them.
HASTY = attrs.evolve(
    QUICK, send_limit_seconds=0.6, margin_seconds=0.1, deadline_seconds=0.5, patience_seconds=4.0
)


def movable(w: World, rng: random.Random, count: int) -> list[str]:
    ids = [id for id, t in w.truth().items() if t.status == "active" and t.stage is not None]
    ids = [id for id in sorted(ids) if len(w.simulator.stages_for(id)) > 2 and id in w.views()]
    return rng.sample(ids, min(count, len(ids)))


def other_stage(w: World, id: str, rng: random.Random, *, but: str | None = None) -> str:
    here = w.truth()[id].stage
    usable = w.views()
    stages = [s for s in w.simulator.stages_for(id) if s not in (here, but)]
    assert usable
    return rng.choice(stages)


def judge(w: World, intents: dict[str, str]) -> None:
    """I1, I2, I4: at most one accepted write per intent, over the expected state, and none for nothing.

    Args:
        intents: event id to application id.
    """
    per_application = Counter(intents.values())
    writes = [a for a in w.simulator.accepted if a.application is not None]
    per_written = Counter(a.application for a in writes)
    for application, accepted in per_written.items():
        assert accepted <= per_application[application], f"{application}: {accepted} writes accepted"
    allowed = {write.method for write in w.ats.VENDOR.writes}
    assert {a.method for a in writes} <= allowed
    for event, application in intents.items():
        receipt = next((r for r in w.crm.receipts_for(w.ref(application)) if r.event_id == event), None)
        if receipt is not None and receipt.result is Result.APPLIED:
            assert any(a.application == application for a in writes)


def settle(w: World, bridge: Any) -> None:
    for _ in range(4):
        if bridge.push().settling == 0:
            return


def play(vendor: str, seed: int, folder: Path, fault: str) -> Counter[str]:
    rng = random.Random(seed)
    faults = Faults(_sometimes(FAULTS[fault], seed))
    try:
        with world(vendor, folder, applications=40, seed=seed, tuning=HASTY, intercept=faults) as w:
            w.bridge.pull()
            intents: dict[str, str] = {}
            for id in movable(w, rng, 6):
                for _ in range(rng.choice([1, 1, 2])):
                    step = w.simulator.stage_name(other_stage(w, id, rng))
                    intents[w.change(id, step=step)] = id
                if rng.random() < 0.3:
                    w.simulator.move(id, other_stage(w, id, rng))
            settle(w, w.bridge)
            faults.release()
            settle(w, w.bridge)
            judge(w, intents)
            w.bridge.sync()
            assert w.mirror() == w.real()
            results = Counter(
                r.result.value for id in set(intents.values()) for r in w.crm.receipts_for(w.ref(id))
            )
            assert sum(results.values()) == len(intents)
            assert any(told == FAULTS[fault] for _, told in faults.history)
            return results
    finally:
        faults.stop()


def _sometimes(fault: Fault, seed: int) -> Plan:
    """The fault for the first write and four in ten of the others; reads go through."""
    dice = random.Random(seed)
    return lambda a: fault if a.write == 1 or (a.write and dice.random() < 0.4) else None


FAULTS = {
    "none": PASS,
    "lost request": LOSE_REQUEST,
    "lost answer": LOSE_ANSWER,
    "late request": late_request(0.2),
    "server error": answer(500, b"{}"),
    "throttled": throttle(0),
}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", FAULTS)
def test_at_most_one_accepted_write_per_intent(vendor: str, fault: str, tmp_path: Path) -> None:
    results = play(vendor, 11, tmp_path, fault)
    assert results[Result.APPLIED] or results[Result.APPLIED_OVER_CHANGE]


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", seeds(30, start=100))
def test_at_most_once_over_many_histories(vendor: str, fault: str, seed: int, tmp_path: Path) -> None:
    play(vendor, seed, tmp_path, fault)


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_update_delivered_again_weeks_later_changes_nothing(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path) as w:
        w.bridge.pull()
        rng = random.Random(1)
        (id,) = movable(w, rng, 1)
        event = w.change(id, step=w.simulator.stage_name(other_stage(w, id, rng)))
        w.bridge.push()
        writes = len(w.simulator.accepted)
        with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as database, database:
            database.execute("UPDATE outbox SET acknowledged_at = NULL")
        again = w.bridge.push()
        assert len(w.simulator.accepted) == writes
        assert [r.event_id for r in again.receipts] == [event]


@pytest.mark.parametrize("vendor", VENDORS)
def test_our_own_echo_is_already_and_swallows_nothing(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path) as w:
        w.bridge.pull()
        rng = random.Random(2)
        (id,) = movable(w, rng, 1)
        view = w.views()[id]
        echo = StatusUpdate(
            event_id="echo-1",
            application=w.ref(id),
            step=view.step,
            base=Base(view.confirmed.stage, ApplicationStatus.ACTIVE, 1),
            actor="atsbridge",
            sequence=99,
        )
        from atsbridge.sync.intake import take_in

        w.ledger.do(lambda txn: take_in(txn, [echo], connection="acme", expand=None, wall=1.0))  # type: ignore[arg-type]
        event = w.change(id, step=w.simulator.stage_name(other_stage(w, id, rng)))
        results = {r.event_id: r.result for r in w.bridge.push().receipts}
        assert results == {"echo-1": Result.ALREADY, event: Result.APPLIED}


def test_an_unaudited_gap_is_said_so(tmp_path: Path) -> None:
    with world("lever", tmp_path) as w:
        w.bridge.pull()
        (id,) = movable(w, random.Random(3), 1)
        event = w.change(id, status="Rejected", reason=_reason(w))
        (receipt,) = w.bridge.push().receipts
        assert (receipt.event_id, receipt.result, receipt.gap) == (event, Result.APPLIED, Gap.UNAUDITED)


def _reason(w: World) -> str:
    import tomllib

    reasons = tomllib.loads(w.mapping)["reasons"]
    return next(name for name, r in reasons.items() if r.get("write") is not False and "ire" not in name)
