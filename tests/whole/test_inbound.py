"""Inbound, whole: a real account over loopback, and nothing between the bridge and the simulator."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from world import VENDORS, World, random_change, seeds, world

from atsbridge.errors import MappingError
from atsbridge.model import Kind


def differences(world: World) -> dict[str, tuple[object, object]]:
    mirror, real = world.mirror(), world.real()
    ids = mirror.keys() | real.keys()
    return {id: (real.get(id), mirror.get(id)) for id in ids if mirror.get(id) != real.get(id)}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_full_pull_mirrors_the_account(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path, applications=150) as w:
        report = w.bridge.pull()
        assert differences(w) == {}
        assert (report.quarantined, report.waiting) == (0, 0)
        assert w.bridge.verify().differences == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_second_sync_asks_once_per_stream_and_writes_nothing(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path, applications=150) as w:
        w.bridge.sync()
        before = len(w.server.requests)
        report = w.bridge.sync()
        asked = list(w.server.requests)[before:]
        assert {r.method for r in asked} <= {"GET"}
        incremental = {s.name for s in w.ats.streams() if s.incremental}
        assert all(report.pull.pages[name] <= 1 for name in incremental)
        assert (report.pull.read, report.pull.created, report.pull.updated) == (0, 0, 0)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", seeds(6))
def test_nothing_is_missed(vendor: str, seed: int, tmp_path: Path) -> None:
    never_missed(vendor, seed, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", seeds(200, start=1000))
def test_nothing_is_missed_in_two_hundred_histories(vendor: str, seed: int, tmp_path: Path) -> None:
    never_missed(vendor, seed, tmp_path)


def never_missed(vendor: str, seed: int, folder: Path) -> None:
    """After a full pull, 500 changes; one incremental sync and a sweep later both sides are equal."""
    rng = random.Random(seed)
    with world(vendor, folder, applications=120, seed=seed) as w:
        w.bridge.pull()
        # A vendor's clock moves on between the pull and what people do after it.
        for _ in range(500):
            random_change(w, rng)
        w.bridge.sync()
        gone = w.simulator.deleted()
        left = {id: d for id, d in differences(w).items() if id not in gone}
        assert left == {}, f"seed {seed}"
        w.bridge.sweep()
        assert differences(w) == {}, f"seed {seed}"
        histories(w)


def histories(w: World) -> None:
    """Every transition arrived, where the vendor gives history in the same read."""
    views, compared = w.views(), 0
    for id, truth in w.truth().items():
        if views[id].history:
            assert tuple(t.to for t in views[id].history) == truth.history
            compared += 1
    assert compared > 50 or w.ats.VENDOR.name != "lever"


def test_a_bad_mapping_is_refused_before_anything_is_read_into_the_crm(tmp_path: Path) -> None:
    with world("lever", tmp_path) as w:
        broken = w.mapping + '\n[steps."Nowhere"]\nstages = ["No such stage"]\nwrite = "No such stage"\n'
        with w.reopen(mapping=broken) as bridge, pytest.raises(MappingError, match="No such stage"):
            bridge.pull()
        assert w.crm.count(Kind.APPLICATION) == 0 and w.crm.count(Kind.STAGE) == 0


def test_deletions_while_records_move_between_pages_are_no_false_deletions(tmp_path: Path) -> None:
    rng = random.Random(5)

    with world("lever", tmp_path, applications=400) as w:
        w.bridge.pull()
        served = {"n": 0}
        respond = w.server.respond

        def stir(request: object, answer: object) -> object:
            served["n"] += 1
            if served["n"] % 2:
                random_change(w, rng)
            return respond(request)  # type: ignore[arg-type]

        w.server._intercept = stir  # type: ignore[assignment]
        w.bridge.pull(full=True)
        w.server._intercept = None
        w.bridge.pull()
        assert differences(w) == {}


def test_a_stage_that_is_renamed_in_the_ats_keeps_its_step(tmp_path: Path) -> None:
    with world("lever", tmp_path) as w:
        w.bridge.pull()
        id = next(id for id, t in sorted(w.truth().items()) if t.status == "active")
        stage = w.truth()[id].stage
        assert stage is not None
        old = w.simulator.stage_name(stage)
        w.simulator.rename_stage(stage, "Coffee with the team")
        w.bridge.pull()
        assert w.views()[id].confirmed_step == old
        found = w.bridge.check().mapping
        assert any(f.severity == "fault" and old in f.what for f in found), found
        other = next(s for s in w.simulator.stages_for(id) if s != stage)
        w.bridge.sync()
        w.change(id, step=w.simulator.stage_name(other))
        assert [r.result.value for r in w.bridge.push().receipts] == ["applied"]
        w.change(id, step=old)
        assert [r.result.value for r in w.bridge.push().receipts] == ["applied"]
        assert w.truth()[id].stage == stage
