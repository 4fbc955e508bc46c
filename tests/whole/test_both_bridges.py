"""The same adapters under `Bridge` and `AsyncBridge`: the same story, the same results."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_plan import essence, recruiters
from world import QUICK, WRITERS, World, world

from atsbridge import AsyncBridge, Bridge


class Awaited:
    """An `AsyncBridge` behind the calls of a `Bridge`, on an event loop of its own."""

    def __init__(self, **parts: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._bridge = self._loop.run_until_complete(self._open(parts))

    @staticmethod
    async def _open(parts: dict[str, Any]) -> AsyncBridge:
        return AsyncBridge(**parts)

    def __getattr__(self, verb: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._loop.run_until_complete(getattr(self._bridge, verb)(*args, **kwargs))

        return call

    def close(self) -> None:
        self._loop.run_until_complete(self._bridge.aclose())
        self._loop.close()


@pytest.fixture(params=[Bridge, Awaited], ids=["sync", "async"])
def coloured(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=WRITERS)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with world(request.param, tmp_path, applications=50, seed=4) as w:
        yield w


def open_as(coloured: Any, w: World) -> Any:
    return coloured(
        ats=w.ats,
        crm=w.crm,
        ledger=w.ledger,
        mapping=w.mapping,
        approved=w.ats.VENDOR.surface_digest,
        tuning=QUICK,
        at=w.server.url,
    )


def test_every_verb(coloured: Any, whole: World) -> None:
    bridge = open_as(coloured, whole)
    try:
        assert bridge.check().exit_code == whole.dialect.checked
        pulled = bridge.pull()
        assert whole.mirror() == whole.real()
        recruiters(whole, random.Random(9))
        planned = bridge.plan()
        bridge.pause("lunch")
        held = bridge.push()
        assert (held.held_back, held.writes) == ("paused: lunch", 0)
        bridge.resume()
        pushed = bridge.push()
        told = [*held.receipts, *pushed.receipts]
        if whole.dialect.anywhere:  # what a process allows next cannot be read
            assert sorted(map(essence, planned.receipts)) == sorted(map(essence, told))
        synced = bridge.sync()
        assert (synced.push.writes, synced.pull.quarantined) == (0, 0)
        # A vendor that lists no deletions tells of them in a sweep.
        bridge.sweep()
        assert whole.mirror() == whole.real()
        assert bridge.verify().faults == 0
        assert bridge.repair().repaired == []
        one = pushed.receipts[0].application
        assert bridge.explain(one, ask=True).updates
        status = bridge.status()
        assert status.known["application"] == len(whole.truth())
        assert pulled.created > 0 and bridge.sweep().deleted == 0
    finally:
        bridge.close()
