"""Inbound, whole: a real account over loopback, and nothing between the bridge and the simulator."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from world import VENDORS, World, random_change, seeds, world

from atsbridge.errors import MappingError
from atsbridge.model import Kind
from atsbridge.simulators.interface import SimRequest, SimResponse

SIZES: Mapping[str, int] = {"greenhouse": 560, "lever": 240}
"""Accounts whose listings take more than one page."""

TIMES = ("updated_at", "last_activity_at", "application_stages")
MOVING = [frozenset(s) for n in (1, 2, 3) for s in itertools.combinations(TIMES, n)]
"""Which times of Greenhouse's may move with a change: any, but at least one."""


def times_moved(what: str, moving: frozenset[str]) -> dict[str, bool]:
    """Switches of the Greenhouse simulator: what a change of stage (or status) moves."""
    names = {t: f"bumps_{t}" for t in TIMES} | {"application_stages": "touches_application_stages"}
    return {f"{what}_{name}": time in moving for time, name in names.items()}


def _greenhouse(seed: int, rng: random.Random) -> dict[str, Any]:
    move, status = list(itertools.product(MOVING, MOVING))[seed % len(MOVING) ** 2]
    others = (
        "sees_confidential",
        "has_job_interview_stage_id",
        "has_rejection_reason_id",
        "security_concern",
        "hire_closes_job",
    )
    return (
        times_moved("move", move)
        | times_moved("status", status)
        | {switch: rng.random() < 0.5 for switch in others}
    )


def _lever(seed: int, rng: random.Random) -> dict[str, Any]:
    switches = ("same_stage_row", "renew_archived_at", "archive_advances", "followers_in_lists")
    return {switch: rng.random() < 0.5 for switch in switches}


SWITCHES: Mapping[str, Callable[[int, random.Random], dict[str, Any]]] = {
    "greenhouse": _greenhouse,
    "lever": _lever,
}
"""What no page confirms about a vendor, for one history: each reading is somebody's."""


@contextmanager
def stirred(w: World, rng: random.Random) -> Iterator[None]:
    """People change something each time that a page has been asked for."""
    respond = w.server.respond

    def stir(request: SimRequest, answer: Callable[[SimRequest], SimResponse]) -> SimResponse:
        response = respond(request)
        for _ in range(3):
            w.people(random_change, w, rng)
        return response

    w.server._intercept = stir
    yield
    w.server._intercept = None


# -- nothing is missed ----------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_full_pull_mirrors_the_account(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path, applications=150) as w:
        report = w.bridge.pull()
        assert w.differences() == {}
        assert (report.quarantined, report.waiting) == (0, 0)
        assert w.bridge.verify().differences == []


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("after", ["a full pull", "changes"])
def test_a_sync_without_news_asks_once_per_stream_and_writes_nothing(
    vendor: str, after: str, tmp_path: Path
) -> None:
    with world(vendor, tmp_path, applications=150) as w:
        w.bridge.sync()
        if after == "changes":
            rng = random.Random(3)
            for _ in range(20):
                random_change(w, rng)
            w.bridge.sync()
        before = len(w.server.requests)
        report = w.bridge.sync()
        asked = list(w.server.requests)[before:]
        assert {r.method for r in asked} <= {"GET"}
        incremental = {s.name for s in w.ats.streams() if s.incremental}
        assert {name: n for name, n in report.pull.pages.items() if name in incremental} == dict.fromkeys(
            incremental, 1
        )
        assert len(asked) == sum(report.pull.pages.values())
        assert (report.pull.read, report.pull.created, report.pull.updated) == (0, 0, 0)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", seeds(4))
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
    switches = SWITCHES[vendor](seed, rng)
    with world(vendor, folder, applications=SIZES[vendor], seed=seed, **switches) as w:
        w.bridge.pull()
        for number in range(500):
            while random_change(w, rng) is None:
                pass
            # Some changes follow each other at once, some after minutes.
            w.ahead.seconds += rng.choice([0.0, 0.0, 0.0, rng.uniform(0.0, 900.0)])
            if seed % 2 and number == 250:
                w.bridge.sync()
        w.bridge.sync()
        gone, traceless = w.simulator.deleted(), without_a_trace(w, switches)
        left = {id: d for id, d in w.differences().items() if id not in gone}
        assert left.keys() <= traceless, (left, switches)
        if left:
            w.bridge.repair()
        transitions(w, rng)
        alive = w.real().keys()
        with stirred(w, rng):
            swept = w.bridge.sweep(limit=1.0)
        # Whoever moved, or went, while the pages were read: who is there was not buried.
        assert alive & w.real().keys() <= w.views().keys()
        w.bridge.sync()
        w.bridge.sweep(limit=1.0)
        if traceless:
            w.bridge.repair()
        assert w.differences() == {}, switches
        assert w.bridge.verify().differences == []
        assert swept.quarantined == 0


def without_a_trace(w: World, switches: Mapping[str, Any]) -> set[str]:
    """Greenhouse's prospects stand in no stage: where only stage rows move, nothing tells of their end."""
    if switches.get("status_bumps_updated_at", True) or switches["status_bumps_last_activity_at"]:
        return set()
    return {id for id, truth in w.truth().items() if truth.job is None}


def transitions(w: World, rng: random.Random) -> None:
    """Every transition arrived where a listing gives them, and each fresh read has them all."""
    views, truth = w.views(), w.truth()
    if w.dialect.lists_history:
        for id, real in truth.items():
            assert tuple(t.to for t in views[id].history) == real.history
    else:
        assert not any(v.history for v in views.values())
    for id in rng.sample(sorted(truth), 10):
        assert tuple(t.to for t in w.fresh(id).application.history) == truth[id].history


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_changes_while_a_pull_reads_is_in_the_next(vendor: str, tmp_path: Path) -> None:
    rng = random.Random(5)
    with world(vendor, tmp_path, applications=SIZES[vendor]) as w:
        w.bridge.pull()
        with stirred(w, rng):
            w.bridge.pull(full=True)
        w.bridge.pull()
        w.bridge.sweep(limit=1.0)
        assert w.differences() == {}


@pytest.mark.parametrize("what", ["move", "status"])
def test_a_change_that_moves_no_time_is_found_by_verify_and_repaired(what: str, tmp_path: Path) -> None:
    switches: dict[str, Any] = times_moved(what, frozenset())
    with world("greenhouse", tmp_path, applications=80, **switches) as w:
        w.bridge.pull()
        (id,) = w.movable(1, random.Random(1))
        if what == "move":
            w.simulator.move(id, w.simulator.stages_for(id)[-1])
        else:
            w.simulator.reject(id, w.simulator.reasons("rejected")[0])
        w.bridge.pull()
        assert w.differences().keys() == {id}
        assert [d.application for d in w.bridge.verify().differences] == [id]
        w.bridge.repair()
        assert w.differences() == {}


# -- the mapping ----------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_bad_mapping_is_refused_before_anything_is_read_into_the_crm(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path) as w:
        broken = w.mapping + '\n[steps."Nowhere"]\nstages = ["No such stage"]\nwrite = "No such stage"\n'
        with w.reopen(mapping=broken) as bridge, pytest.raises(MappingError, match="No such stage"):
            bridge.pull()
        assert w.crm.count(Kind.APPLICATION) == 0 and w.crm.count(Kind.STAGE) == 0


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_stage_that_is_renamed_in_the_ats_keeps_its_step(vendor: str, tmp_path: Path) -> None:
    with world(vendor, tmp_path) as w:
        w.bridge.pull()
        (id,) = w.movable(1, random.Random(1))
        stage = w.truth()[id].stage
        assert stage is not None
        old = w.simulator.stage_name(stage)
        w.simulator.rename_stage(stage, "Coffee with the team")
        w.bridge.pull()
        assert w.views()[id].confirmed_step == old
        found = w.bridge.check().mapping
        # Greenhouse's other jobs may still have a stage of the old name.
        assert any(f.severity == "fault" and old in f.what for f in found) or vendor == "greenhouse", found
        other = next(s for s in w.simulator.stages_for(id) if s != stage)
        w.bridge.sync()
        w.change(id, step=w.simulator.stage_name(other))
        assert [r.result.value for r in w.bridge.push().receipts] == ["applied"]
        w.change(id, step=old)
        assert [r.result.value for r in w.bridge.push().receipts] == ["applied"]
        assert w.truth()[id].stage == stage
