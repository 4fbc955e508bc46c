"""Both drivers: the same adapter behind `Bridge` and `AsyncBridge`, over a loopback port, to the same end."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any

import pytest
from attrs import define, field

from ...bridge import AsyncBridge, Bridge
from ...crm.sql import SqlCrm
from ...drivers.body import Caps
from ...ledgers.memory import MemoryLedger
from ...model import Receipt
from ...simulators.interface import SimRequest, SimResponse
from ...simulators.serve import Cut, Respond, serve
from ...sync.context import Tuning
from ..account import Account, Standing
from ..direct import VirtualTime
from .subject import Subject, active, elsewhere, first_of, requests_of_a_pull


@cache
def _bomb() -> bytes:
    """Small on the wire, and more than any answer may be once it is inflated."""
    return gzip.compress(b" " * (Caps().inflated_bytes + 1))


def _too_large(answer: SimResponse) -> SimResponse:
    return SimResponse(200, (*answer.headers, ("Content-Encoding", "gzip")), _bomb())


STILL = Tuning(rate_factor=None, patience_seconds=0.0)
"""A push does not wait for what takes time: the test lets it pass."""
PUSHES = 4
PASSING_SECONDS = 60.0

FAULTS: Mapping[str, Callable[[SimResponse], SimResponse | Cut]] = {
    "cut short": lambda answer: Cut(answer, len(answer.body) // 2),
    "too large": _too_large,
}


@define
class _Breaking:
    """Stands at the port, and breaks the answer to the request of this number."""

    fault: Callable[[SimResponse], SimResponse | Cut]
    number: int
    has_broken: bool = False
    _arrived: Iterator[int] = field(factory=lambda: count(1))

    def __call__(self, request: SimRequest, respond: Respond) -> SimResponse | Cut:
        answer, number = respond(request), next(self._arrived)
        if number != self.number:
            return answer
        self.has_broken = True
        return self.fault(answer)


class BothDrivers(Subject):
    """One history, played twice."""

    @pytest.mark.loopback
    def test_both_bridges_come_to_the_same(self) -> None:
        assert self._played(use_async=False) == self._played(use_async=True)

    @pytest.mark.loopback
    @pytest.mark.parametrize("fault", sorted(FAULTS))
    def test_a_body_that_is_cut_short_or_too_large_is_asked_for_again(self, fault: str) -> None:
        last = requests_of_a_pull(self.open(applications=6))
        for pull, number in ((_pull, 1), (_pull_async, last)):
            account = self.open(applications=6)
            account.simulator.clock = (
                time.time
            )  # as the wire's: what is signed for a time would not hold else
            breaking = _Breaking(FAULTS[fault], number)
            with serve(account.simulator, intercept=breaking) as server:
                pull(ats=account.ats, crm=account.crm, mapping=account.mapping, at=server.url, tuning=STILL)
            assert breaking.has_broken, "nothing was broken"
            assert account.differences() == {}

    def _today(self, **more: Any) -> Account:
        """As the wire's clock is the machine's: what is signed for a time would not hold else."""
        account = self.open(**more)
        account.time.seconds = time.time()
        return account

    def _played(self, *, use_async: bool) -> tuple[dict[str, Standing], list[str], int]:
        account = self._today()
        id = first_of(active(account), "application that can be moved")
        there = elsewhere(account, id)[0]
        crm = SqlCrm(":memory:")
        parts: dict[str, Any] = {
            "ats": account.ats, "crm": crm, "ledger": MemoryLedger(clock=account.time),
            "mapping": account.mapping, "approved": account.ats.VENDOR.surface_digest,
            "tuning": STILL, "now": account.time.wall,
        }  # fmt: skip
        other = Account(
            simulator=account.simulator, ats=account.ats, crm=crm, ledger=parts["ledger"], time=account.time,
            mapping=account.mapping, tuning=account.tuning, bridge=account.bridge, driver=account.driver,
        )  # fmt: skip
        with serve(account.simulator) as server:
            parts["at"] = server.url
            run = _asynchronously if use_async else _synchronously
            results = run(parts, lambda: other.ask(id, stage=there), account.time)
            assert server.failures == [] and len(results) == 1
        return other.mirror(), results, len(account.simulator.accepted)


def _pull(**parts: Any) -> None:
    with Bridge(**parts) as bridge:
        _ = bridge.pull()


def _pull_async(**parts: Any) -> None:
    async def run() -> None:
        async with AsyncBridge(**parts) as bridge:
            _ = await bridge.pull()

    asyncio.run(run())


def _synchronously(parts: dict[str, Any], change: Any, passing: VirtualTime) -> list[str]:
    receipts: list[Receipt] = []
    with Bridge(**parts) as bridge:
        _ = bridge.pull()
        _ = change()
        for _ in range(PUSHES):
            receipts += bridge.push().receipts
            passing.sleep(PASSING_SECONDS)
        _ = bridge.sync()
    return [receipt.result.value for receipt in receipts]


def _asynchronously(parts: dict[str, Any], change: Any, passing: VirtualTime) -> list[str]:
    receipts: list[Receipt] = []

    async def run() -> None:
        async with AsyncBridge(**parts) as bridge:
            _ = await bridge.pull()
            _ = change()
            for _ in range(PUSHES):
                receipts.extend((await bridge.push()).receipts)
                passing.sleep(PASSING_SECONDS)
            _ = await bridge.sync()

    asyncio.run(run())
    return [receipt.result.value for receipt in receipts]
