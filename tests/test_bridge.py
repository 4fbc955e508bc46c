"""How a bridge is put together."""

from __future__ import annotations

from typing import Any

import pytest

from atsbridge import AsyncBridge, Bridge, Tuning
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import LedgerUnavailable
from atsbridge.model import Result
from atsbridge.simulators.interface import SimRequest
from atsbridge.sync.ledger import Lease, Where
from atsbridge.testing import Account
from atsbridge.testing.contract.subject import active, elsewhere


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


def test_two_runs_of_one_bridge_are_two_workers() -> None:
    """As with `asyncio.gather`, or threads: neither takes over what the other is at."""
    account = Account.open("lever", applications=12, seed=1)
    account.bridge.pull()
    ids = active(account)[:3]
    events = [account.ask(id, stage=elsewhere(account, id)[0]) for id in ids]
    nested: list[bool] = []

    def once_more(asked: SimRequest) -> None:
        if "/opportunities/" in asked.target and not any(nested):
            nested.append(True)
            account.bridge.push()
            nested[-1] = False

    account.driver.before = once_more
    account.bridge.push()
    account.driver.before = None
    receipts = [r for id in ids for r in account.crm.receipts_for(account.ref(id))]
    assert [(r.event_id, r.result) for r in receipts] == [(event, Result.APPLIED) for event in events]
    assert len(account.simulator.accepted) == 3
    leases = account.ledger.look(lambda txn: txn.find(Lease, Where(equal={"connection": "acme"})))
    assert len(nested) > 3
    assert sorted(lease.fence for lease in leases if lease.lane.startswith("application/")) == [1, 1, 1]


def test_nobody_waits_for_a_lease_that_a_run_of_this_process_could_not_give_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = Account.open("lever", applications=12, seed=1)

    def fails(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the server is away")

    with monkeypatch.context() as patch:
        patch.setattr("atsbridge.bridge._give_all_back", fails)
        with pytest.raises(LedgerUnavailable):
            account.bridge.pull()
    account.bridge.pull()
