"""How a bridge is put together."""

from __future__ import annotations

from typing import Any

import pytest

from atsbridge import AsyncBridge, Bridge, Tuning
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.simulators.interface import SimRequest
from atsbridge.sync.ledger import Lease, Where
from atsbridge.testing import Account


@pytest.mark.parametrize("make", [Bridge, AsyncBridge])
def test_no_more_connections_than_the_width(make: Any) -> None:
    ats = Lever(connection="acme", api_key="k")  # type: ignore[arg-type]
    crm = SqlCrm(":memory:")
    bridge = make(ats=ats, crm=crm, mapping={"version": 1}, tuning=Tuning(width=3))
    assert bridge._driver._wire.connections == 3


def test_a_verb_beside_another_leaves_its_leases_alone() -> None:
    """A service may ask for the status while a pull runs: nobody else may pull meanwhile for all that."""
    account = Account.open("lever", applications=12, seed=1)
    held: list[list[str]] = []

    def beside(_request: SimRequest) -> None:
        if len(held) < 6:
            account.bridge.status()
            now = account.ledger.clock.now()
            leases = account.ledger.look(lambda txn: txn.find(Lease, Where(equal={"connection": "acme"})))
            held.append([lease.lane for lease in leases if lease.until > now])

    account.driver.before = beside
    account.bridge.pull()
    assert held[-1] == ["inbound"]
