"""A push that is killed around any of its writes: the next one converges, and nothing is written twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from world import VENDORS, seeds, start_child, world

from atsbridge.model import Result
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing.network import is_write

HASTY = {
    "send_limit_seconds": 0.6,
    "margin_seconds": 0.1,
    "deadline_seconds": 0.5,
    "patience_seconds": 5.0,
    "width": 3,
}
"""Windows short enough for a test, in the order the protocol needs them."""


class Killer:
    """Kills the pushing process at its n-th write, before or after the ATS has taken it."""

    def __init__(self, write: int, *, after: bool) -> None:
        self.write, self.after = write, after
        self.child: subprocess.Popen[str] | None = None
        self.seen = 0

    def __call__(self, request: SimRequest, respond: Any) -> SimResponse | None:
        if not is_write(request) or self.child is None:
            return respond(request)  # type: ignore[no-any-return]
        self.seen += 1
        if self.seen != self.write:
            return respond(request)  # type: ignore[no-any-return]
        if self.after:
            respond(request)
        os.kill(self.child.pid, signal.SIGKILL)
        return None


def killed(vendor: str, write: int, after: bool, seed: int, folder: Path) -> Counter[Result]:
    killer = Killer(write, after=after)
    rng = random.Random(seed)
    with world(vendor, folder, applications=40, seed=seed, intercept=killer) as w:
        w.bridge.pull()
        (folder / "mapping.toml").write_text(w.mapping, "utf-8")
        active = sorted(id for id, t in w.truth().items() if t.status == "active" and id in w.views())
        active = [id for id in active if len(w.simulator.stages_for(id)) > 1]
        events: dict[str, str] = {}
        for id in rng.sample(active, 8):
            stages = [s for s in w.simulator.stages_for(id) if s != w.truth()[id].stage]
            events[w.change(id, step=w.simulator.stage_name(rng.choice(stages)))] = id

        def start() -> subprocess.Popen[str]:
            return start_child(folder, vendor, w.simulator, w.server.url, "push", **HASTY)

        killer.child = first = start()
        _, errors = first.communicate()
        assert first.returncode == -signal.SIGKILL, errors
        second = start()
        out, errors = second.communicate()
        assert second.returncode == 0, errors
        accepted = Counter(a.application for a in w.simulator.accepted)
        assert max(accepted.values()) == 1, accepted
        receipts = {r.event_id: r.result for id in events.values() for r in w.crm.receipts_for(w.ref(id))}
        assert receipts.keys() == events.keys(), out
        w.bridge.pull()
        assert w.mirror() == w.real()
        return Counter(receipts.values())


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 4, 8])
def test_a_push_killed_around_a_write(vendor: str, write: int, after: bool, tmp_path: Path) -> None:
    results = killed(vendor, write, after, write, tmp_path)
    assert results == Counter({Result.APPLIED: 8})


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
@pytest.mark.parametrize("seed", seeds(6, start=50))
def test_a_push_killed_around_every_write(
    vendor: str, write: int, after: bool, seed: int, tmp_path: Path
) -> None:
    killed(vendor, write, after, seed, tmp_path)
