"""A push whose worker dies or falls asleep around a commit or a send of it: others bring it to its end."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import attrs
import pytest
from test_at_most_once import STILL, Scene
from witness import Witness, judge
from workers import Workers, falls_asleep
from world import QUICK, VENDORS, WRITERS, World, some, world

from atsbridge.model import Result

# Asleep is asleep: these few tests wait in earnest, with windows in the order that the protocol needs.
SHORT = attrs.evolve(
    QUICK,
    lease_seconds=2.0,
    send_limit_seconds=1.0,
    margin_seconds=0.2,
    deadline_seconds=1.0,
    patience_seconds=8.0,
    width=1,
)
# Where nothing but the clock stands in the way of a worker that wakes up.
UNGUARDED: dict[str, dict[str, Any]] = {
    "greenhouse": {"new_token_revokes": False, "second_reject_refused": False},
    "lever": {},
}
COMMITS = 40
"""As many as such a push makes, or more."""
AROUND = ["before", "after"]


@contextmanager
def outbox(
    vendor: str, folder: Path, *, count: int, seed: int, tuning: Any = STILL, **settings: Any
) -> Iterator[Scene]:
    """Changes of so many applications, one of them of two parts, that nobody has pushed yet."""
    witness = Witness()
    parts: dict[str, Any] = {
        "applications": 40,
        "seed": seed,
        "tuning": tuning,
        "intercept": witness,
        **settings,
    }
    with world(vendor, folder, **parts) as w:
        witness.world = w
        w.bridge.pull()
        (folder / "mapping.toml").write_text(w.mapping, "utf-8")
        rng = random.Random(seed)
        for place, id in enumerate(w.movable(count, rng)):
            w.ask(id, w.other_stage(id, rng), status="Rejected" if place == 1 else None)
        yield Scene(w, witness, rng, [])


def workers_of(w: World, folder: Path, **parts: Any) -> Workers:
    return Workers(w.vendor, w.simulator, w.server.url, folder, attrs.evolve(w.tuning, width=1), **parts)


def converges(s: Scene, *, deaths: int = 1) -> None:
    """Another worker brings all to its end: each change is applied, by one write to each part.

    Where nothing is ever sent again, a person may have to look at the two that were under way at each death.
    """
    s.end()
    results = Counter(s.w.result(event) for event in s.w.asked)
    in_review = 0 if s.w.dialect.resends else results.pop(Result.REVIEW, 0)
    assert in_review <= 2 * deaths and set(results) == {Result.APPLIED}
    writes = Counter(write.application for write in s.witness.writes)
    parts = _parts(s.w)
    assert max(writes.values()) <= parts
    assert len(s.w.asked) + parts - 1 - 2 * in_review <= sum(writes.values()) <= len(s.w.asked) + parts - 1


def _parts(w: World) -> int:
    """How many writes a move comes to that ends an application at the same time."""
    return 1 if w.ats.STAGE_DECIDES else 2


# -- killed ---------------------------------------------------------------------------------------


def killed_at_commit(vendor: str, commit: int, *, after: bool, folder: Path, ledger: Any = None) -> bool:
    """Whether there was such a commit."""
    with outbox(vendor, folder, count=3, seed=commit, ledger=ledger) as s:
        fate = {"commit": commit, "after": after, "signal": signal.SIGKILL}
        workers = workers_of(s.w, folder, ledger=ledger)
        died = workers.was_killed(workers.start("push", **fate))
        converges(s)
        return died


@pytest.mark.parametrize(
    ("vendor", "around", "commit"), some(itertools.product(WRITERS, AROUND, range(4, 25)), 12)
)
def test_a_push_killed_around_a_commit_converges(
    vendor: str, around: str, commit: int, tmp_path: Path
) -> None:
    assert killed_at_commit(vendor, commit, after=around == "after", folder=tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("around", AROUND)
def test_a_push_killed_around_every_commit_converges(vendor: str, around: str, tmp_path: Path) -> None:
    for commit in range(1, COMMITS + 1):
        folder = tmp_path / str(commit)
        folder.mkdir()
        if not killed_at_commit(vendor, commit, after=around == "after", folder=folder):
            break
    assert 20 < commit < COMMITS


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize(("around", "write"), [("before", 1), ("before", 3), ("after", 2), ("after", 4)])
def test_a_push_killed_around_a_write_converges(vendor: str, around: str, write: int, tmp_path: Path) -> None:
    with outbox(vendor, tmp_path, count=3, seed=write) as s:
        write = min(write, 3 + _parts(s.w) - 1)  # as many as there are

        def kill(number: int, _id: str) -> None:
            if number == write:
                worker.kill()
                wait([worker.sentinel])  # and leaves its end to be read by whoever joins it

        if around == "before":
            s.witness.in_gap = kill
        else:
            s.witness.answered = kill
        workers = workers_of(s.w, tmp_path)
        worker = workers.start("push")
        assert workers.was_killed(worker)
        converges(s)


# -- asleep ---------------------------------------------------------------------------------------


def asleep_at_commit(
    vendor: str, commit: int, folder: Path, *, attempts: bool = False, ledger: Any = None
) -> bool:
    """A worker sleeps from a commit on until another has done its work; whether there was such a commit."""
    with outbox(vendor, folder, count=2, seed=commit, tuning=SHORT, ledger=ledger, **UNGUARDED[vendor]) as s:
        fate = {"commit": commit, "after": True, "signal": signal.SIGSTOP, "attempts": attempts}
        workers = workers_of(s.w, folder, ledger=ledger)
        worker = workers.start("push", **fate)
        slept = falls_asleep(worker)
        try:
            # As long as a lease, and so beyond the time by which anything must have left.
            time.sleep(SHORT.lease_seconds if slept else 0.0)
            s.w.bridge.push()
        finally:
            if slept:
                os.kill(worker.pid or 0, signal.SIGCONT)
        workers.finish(worker)
        s.w.settle()
        judge(s.witness)
        assert {s.w.result(event) for event in s.w.asked} == {Result.APPLIED}
        return slept


@pytest.mark.parametrize(("vendor", "attempt"), [("lever", 1), ("lever", 3), ("greenhouse", 3)])
def test_a_worker_that_sleeps_before_it_sends_sends_nothing(
    vendor: str, attempt: int, tmp_path: Path
) -> None:
    """Its attempt is on record, its bytes have not left: the worst moment there is."""
    assert asleep_at_commit(vendor, attempt, tmp_path, attempts=True)


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_worker_that_sleeps_at_any_commit_sends_nothing_late(vendor: str, tmp_path: Path) -> None:
    for commit in range(1, COMMITS + 1):
        folder = tmp_path / str(commit)
        folder.mkdir()
        if not asleep_at_commit(vendor, commit, folder):
            break
    assert 10 < commit < COMMITS
