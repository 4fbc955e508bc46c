"""Workers killed at any moment, again and again, while they push and pull, alone and side by side.

Fresh workers then bring all to its end: nothing is lost, and nothing is written twice.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from postgres_server import PostgresServer
from test_at_most_once import STILL, Scene
from test_killed_push import UNGUARDED, converges, outbox, workers_of
from workers import Workers
from world import VENDORS

from atsbridge.sync.leases import INBOUND, lane_of
from atsbridge.sync.ledger import IntentRow, Lease, Where

LEDGERS = ["sqlite", "postgres"]
COUNTS = [1, 2, 3]
KILLS = 84
"""Of each of six: 504 in all."""
WAVES = 9
ELSEWHERE = attrs.evolve(STILL, lease_seconds=600.0)
"""No lease of a machine that has died ends by itself while a round lasts, however slow this machine is."""
# Commits of a worker that has two or three changes to push, or as much to pull; seconds of its work.
COMMITS = {"push": 20, "pull": 8}
SECONDS = (0.0, 0.15)


@attrs.define
class Storm:
    """Waves of workers that are killed, over one account."""

    s: Scene
    workers: Workers
    rng: random.Random
    untouched: list[str]
    ends: Counter[str] = attrs.field(factory=Counter)

    def wave(self, count: int) -> None:
        """People are at work on both sides; then so many workers, each of which is to die."""
        self._people()
        delays = {}
        processes = []
        for place in range(count):
            verb = "pull" if place == 1 or (count == 1 and self.rng.random() < 0.3) else "push"
            if self.rng.random() < 0.5:
                processes.append(self.workers.start(verb))
                delays[processes[-1]] = self.rng.uniform(*SECONDS)
            else:
                fate = {"commit": self.rng.randint(1, COMMITS[verb]), "after": self.rng.random() < 0.5}
                processes.append(self.workers.start(verb, signal=signal.SIGKILL, **fate))
        self.workers.kill_at_work(delays)
        self.ends.update(map(self.workers.end, processes))

    def _people(self) -> None:
        """Two applications change in the CRM, two others in the ATS."""
        for _ in range(2):
            id, other = self.untouched.pop(), self.untouched.pop()
            self.s.w.ask(id, self.s.w.other_stage(id, self.rng))
            self.s.w.people(self.s.w.simulator.move, other, self.s.w.other_stage(other, self.rng))

    def held(self) -> dict[str, int]:
        """Lanes that the one elsewhere has in hand, and their fences: with an open change, or of reading."""
        w = self.s.w

        def look(txn: Any) -> dict[str, int]:
            every = txn.find(Lease, Where(equal={"connection": "acme"}))
            intents = txn.find(IntentRow, Where(equal={"connection": "acme"}))
            open_lanes = {lane_of(i.application) for i in intents if i.result is None} | {INBOUND}
            now = w.ledger.clock.now()
            live = [row for row in every if row.until > now and row.worker.startswith("elsewhere|")]
            return {row.lane: row.fence for row in live if row.lane in open_lanes}

        return w.ledger.look(look)

    def end(self) -> None:
        """One worker more is killed, on a machine that is then out of sight; others bring all to its end.

        Nobody can look whether its process lives: what it had in hand is left alone until the lease ends,
        and taken by the first who looks after that.
        """
        # Here it can be seen that the others are dead: no lease of theirs is waited for, the token's neither.
        self.workers.finish(self.workers.start("pull"))
        self.workers = attrs.evolve(self.workers, host="elsewhere")
        self.wave(1)
        w, held = self.s.w, self.held()
        w.later(w.tuning.lease_seconds - 60.0)
        with w.reopen() as fresh:
            fresh.push()
        assert held.items() <= self.held().items()
        w.later(60.0)
        with w.reopen() as fresh:
            fresh.push()
            fresh.pull()
        fences = w.ledger.look(
            lambda txn: {lane: row.fence for lane in held if (row := txn.get(Lease, "acme", lane))}
        )
        assert all(fences[lane] > fence for lane, fence in held.items())
        converges(self.s, deaths=self.ends["killed"])


def storm(vendor: str, folder: Path, *, count: int, seed: int, ledger: Any, waves: int) -> Counter[str]:
    """How the workers ended that were to die in so many waves."""
    told: dict[str, Any] = {"tuning": ELSEWHERE, "applications": 200, **UNGUARDED[vendor]}
    with outbox(vendor, folder, count=3, seed=seed, ledger=ledger, **told) as s:
        asked = {asked.application for asked in s.w.asked.values()}
        rng = random.Random(f"{vendor} {count} {seed}")
        untouched = [id for id in s.w.movable(1000, rng) if id not in asked]
        at_work = Storm(s, workers_of(s.w, folder, ledger=ledger), rng, untouched)
        for _ in range(waves - 1):
            at_work.wave(count)
        at_work.end()
        return at_work.ends


def storms(
    request: pytest.FixtureRequest, plugin: str, count: int, *, kills: int, waves: int
) -> Counter[str]:
    """Storm after storm until so many workers have been killed at work; how all of them ended."""
    ends: Counter[str] = Counter()
    folder: Path = request.getfixturevalue("tmp_path")
    server: PostgresServer | None = request.getfixturevalue("postgres") if plugin == "postgres" else None
    for seed in range(1, kills + 1):
        if ends["killed"] >= kills:
            break
        made = folder / str(seed)
        made.mkdir()
        ledger = {"plugin": plugin, "dsn": server.dsn, "schema": server.schema()} if server else None
        ends += storm(VENDORS[(seed + count) % 2], made, count=count, seed=seed, ledger=ledger, waves=waves)
    print(f"workers, {count} at a time on {plugin}: {dict(ends)}")
    # A worker that reads keeps a second one from reading; nothing else may go wrong.
    assert ends.keys() <= {"killed", "killed early", "done", "LedgerBusy"}
    assert ends["killed"] >= kills
    return ends


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("plugin", LEDGERS)
def test_workers_that_are_killed_lose_and_double_nothing(
    plugin: str, count: int, request: pytest.FixtureRequest
) -> None:
    _ = storms(request, plugin, count, kills=count, waves=3)


@pytest.mark.campaign
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("plugin", LEDGERS)
def test_five_hundred_workers_that_are_killed_lose_and_double_nothing(
    plugin: str, count: int, request: pytest.FixtureRequest
) -> None:
    ends = storms(request, plugin, count, kills=KILLS, waves=WAVES)
    assert ends["killed"] > ends.total() / 2, "most of those that were to die came to their end before"
