"""A ledger that was put back from a copy writes nothing a second time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from attrs import evolve

from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import Limits
from atsbridge.testing.account import Account, adapter_for
from atsbridge.testing.direct import VirtualTime


@pytest.mark.parametrize("vendor", ["ashby", "greenhouse", "lever", "successfactors", "workday"])
def test_a_change_that_ended_after_the_copy_was_made(vendor: str, tmp_path: Path) -> None:
    with copied_while_a_change_waits(vendor, tmp_path) as (account, restore):
        again = restore()
        assert again.bridge.push().results == {"review": 1}
        assert len(account.simulator.accepted) == 1


@pytest.mark.parametrize("vendor", ["greenhouse", "lever"])
def test_a_change_that_another_has_replaced_since_the_copy_was_made(vendor: str, tmp_path: Path) -> None:
    with copied_while_a_change_waits(vendor, tmp_path) as (account, restore):
        account.bridge.pause("the machine is lost while the second change waits")
        id, _ = ask(account)
        assert account.bridge.push().taken == 1  # the CRM will not tell it again
        again = restore()
        assert again.bridge.push().results == {"superseded": 1}
        assert again.bridge.repair().repaired == [id]
        assert len(account.simulator.accepted) == 1


@contextmanager
def copied_while_a_change_waits(vendor: str, folder: Path) -> Iterator[tuple[Account, Callable[[], Account]]]:
    """An account whose change was applied, and taken back, after its ledger was copied; restores it."""
    time = VirtualTime()
    simulator = load(Group.SIMULATOR, vendor).generate(8, seed=2, limits=Limits(None), clock=time.vendor)
    ledger = SqliteLedger(folder / "ledger", clock=time)
    account = Account.of(simulator, lambda s: adapter_for(vendor, s), ledger=ledger, time=time)
    account.bridge.pull()
    account.bridge.pause("the copy is made while a change waits")
    id, was = ask(account)
    account.bridge.push()
    with (
        closing(sqlite3.connect(folder / "ledger")) as there,
        closing(sqlite3.connect(folder / "copy")) as copy,
    ):
        there.backup(copy)
    account.bridge.resume()
    assert account.bridge.push().results == {"applied": 1}
    time.sleep(3600)
    account.simulator.move(id, was)  # the hiring manager takes it back
    account.bridge.pull()

    def restore() -> Account:
        ledger.close()
        again = evolve(account, ledger=restored).restarted()
        again.bridge.resume()
        return again

    with closing(SqliteLedger(folder / "copy", clock=time)) as restored:
        yield account, restore


def ask(account: Account) -> tuple[str, str | None]:
    """A recruiter moves somebody: the application, and the stage that it was in."""
    for id, truth in account.truth().items():
        for stage in account.simulator.stages_for(id) if truth.status == "active" else ():
            if stage != truth.stage and not account.ends(truth.job, stage):
                try:
                    account.ask(id, stage=stage)
                except ValueError:  # no step of the CRM writes this stage
                    continue
                return id, truth.stage
    raise AssertionError("nobody can be moved")
