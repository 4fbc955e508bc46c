"""Both drivers: the same adapter behind `Bridge` and `AsyncBridge`, over a loopback port, to the same end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ...bridge import AsyncBridge, Bridge
from ...crm.sql import SqlCrm
from ...ledgers.memory import MemoryLedger
from ...simulators.serve import serve
from ...sync.context import Tuning
from ..account import Account, Standing
from .subject import Subject, active, elsewhere, first_of


class BothDrivers(Subject):
    """One history, played twice."""

    @pytest.mark.loopback
    def test_both_bridges_come_to_the_same(self) -> None:
        assert self._played(use_async=False) == self._played(use_async=True)

    def _played(self, *, use_async: bool) -> tuple[dict[str, Standing], list[str], int]:
        account = self.open()
        id = first_of(active(account), "application that can be moved")
        there = elsewhere(account, id)[0]
        crm = SqlCrm(":memory:")
        # What the ATS tells by a clock is told by the account's; the wire's is the machine's.
        parts: dict[str, Any] = {
            "ats": account.ats, "crm": crm, "ledger": MemoryLedger(), "mapping": account.mapping,
            "approved": account.ats.VENDOR.surface_digest,
            "tuning": Tuning(rate_factor=None, patience_seconds=200.0),
        }  # fmt: skip
        other = Account(
            simulator=account.simulator, ats=account.ats, crm=crm, ledger=parts["ledger"], time=account.time,
            mapping=account.mapping, tuning=account.tuning, bridge=account.bridge, driver=account.driver,
        )  # fmt: skip
        with serve(account.simulator) as server:
            parts["at"] = server.url
            run = _asynchronously if use_async else _synchronously
            results = run(parts, lambda: other.ask(id, stage=there))
            assert server.failures == []
        return other.mirror(), results, len(account.simulator.accepted)


def _synchronously(parts: dict[str, Any], change: Any) -> list[str]:
    with Bridge(**parts) as bridge:
        _ = bridge.pull()
        _ = change()
        receipts = bridge.push().receipts
        _ = bridge.sync()
        return [receipt.result.value for receipt in receipts]


def _asynchronously(parts: dict[str, Any], change: Any) -> list[str]:
    async def run() -> list[str]:
        async with AsyncBridge(**parts) as bridge:
            _ = await bridge.pull()
            _ = change()
            receipts = (await bridge.push()).receipts
            _ = await bridge.sync()
            return [receipt.result.value for receipt in receipts]

    return asyncio.run(run())
