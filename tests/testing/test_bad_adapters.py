"""The never-miss histories catch the six mistakes that adapters are known to make; the contract, others.

Each bad adapter is the example plugin's with one mistake in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from atsbridge_kestrel.adapter import _OVERLAP as OVERLAP
from atsbridge_kestrel.adapter import Kestrel
from atsbridge_kestrel.simulator import KestrelSimulator
from attrs import evolve, frozen

from atsbridge.ats.interface import Catalogue, PlannedWrite, Unplannable
from atsbridge.model import ApplicationStatus, Ref, State, Tombstone, TombstoneKind
from atsbridge.simulators.interface import Limits
from atsbridge.testing import Account, AtsContract, VirtualTime
from atsbridge.testing.histories import Outcome, never_miss
from atsbridge.wire.effects import Flow
from atsbridge.wire.operations import Operation, Routine
from atsbridge.wire.streams import Page, Stream

HISTORIES = 100


def altered(stream: Stream, change: Callable[[Any, Page], Page]) -> Stream:
    """A stream whose pages are changed on their way, by the cursor and what came."""

    def page(cursor: Any) -> Operation[Page]:
        def flow() -> Flow[Page]:
            return change(cursor, (yield from stream.page(cursor).flow()))

        return Routine(flow)

    return evolve(stream, page=page)


@frozen(kw_only=True)
class PagesByCreation(Kestrel):
    """Follows what is new, and takes that for what has changed."""

    def _cards(self, name: str, since_key: str) -> Stream:
        return super()._cards(name, "born_from")


@frozen(kw_only=True)
class ExclusiveBound(Kestrel):
    """Asks for what is later than the last it has seen, and the vendor tells whole seconds."""

    def _cards(self, name: str, since_key: str) -> Stream:
        column = since_key.partition("_")[0]

        def change(cursor: Any, page: Page) -> Page:
            times = [item.raw.data[column] for item in page.items]
            seen = [time + 1 for time in times if time is not None]
            last = max([cursor["began"] or cursor["since"] or 0, *seen])
            if page.next is not None:
                return evolve(page, next={**page.next, "began": last})
            return evolve(page, watermark={"since": last})

        return altered(super()._cards(name, since_key), change)


@frozen(kw_only=True)
class TrustsNullTimes(Kestrel):
    """Takes a record that was never touched for one that needs no reading."""

    def streams(self) -> tuple[Stream, ...]:
        def start(watermark: Any, _job: str | None) -> Any:
            return {"since": watermark["since"] if watermark else 0, "began": None, "after": None}

        named = {stream.name: stream for stream in super().streams() if stream.name != "new_cards"}
        return tuple(evolve(s, start=start) if name == "cards" else s for name, s in named.items())


@frozen(kw_only=True)
class WatermarkOfTheLastPage(Kestrel):
    """Moves the watermark with every page, as if what was read before stood still meanwhile."""

    def _cards(self, name: str, since_key: str) -> Stream:
        overlap = int(OVERLAP.total_seconds())

        def change(_cursor: Any, page: Page) -> Page:
            if page.next is not None:
                return evolve(page, next={**page.next, "began": None})
            return evolve(page, watermark={"since": page.watermark["since"] + overlap})

        return altered(super()._cards(name, since_key), change)


@frozen(kw_only=True)
class StopsAtAnEmptyPage(Kestrel):
    """Takes a page without rows for the last one."""

    def _cards(self, name: str, since_key: str) -> Stream:
        def change(_cursor: Any, page: Page) -> Page:
            if page.items or page.next is None:
                return page
            return evolve(page, next=None, watermark={"since": page.next["began"]})

        return altered(super()._cards(name, since_key), change)


@frozen(kw_only=True)
class BelievesAbsence(Kestrel):
    """Takes what a sweep did not show for deleted, and does not ask."""

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        def flow() -> Flow[Tombstone | None]:
            return Tombstone(TombstoneKind.DELETED)
            yield

        return Routine(flow)


BAD = (
    PagesByCreation,
    ExclusiveBound,
    TrustsNullTimes,
    WatermarkOfTheLastPage,
    StopsAtAnEmptyPage,
    BelievesAbsence,
)


def opened(adapter: type[Kestrel], seed: int) -> Account:
    time = VirtualTime()
    # Lists of many pages, some of them without a row that fits.
    simulator = KestrelSimulator.generate(
        60, seed=seed, limits=Limits(None), clock=time.vendor, looked_through=7
    )
    return Account.of(
        simulator,
        lambda sim: adapter(connection="acme", **sim.settings_for(adapter)),
        time=time,
    )


def played(adapter: type[Kestrel], seed: int) -> Outcome:
    return never_miss(lambda seed: opened(adapter, seed), seed=seed)


@pytest.mark.parametrize("adapter", BAD, ids=lambda a: a.__name__)
def test_each_mistake_is_caught_within_a_hundred_histories(adapter: type[Kestrel]) -> None:
    for seed in range(HISTORIES):
        outcome = played(adapter, seed)
        if not outcome.flawless:
            print(f"{adapter.__name__}: caught by history {seed}")
            assert not outcome.error, outcome.error
            return
    pytest.fail(f"{HISTORIES} histories did not catch it")


def test_without_a_mistake_nothing_is_caught() -> None:
    assert [seed for seed in range(5) if not played(Kestrel, seed).flawless] == []


@frozen(kw_only=True)
class NeverTakesBack(Kestrel):
    """Declares how an ended card is opened again, and plans it never."""

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        if current.status is not ApplicationStatus.ACTIVE:
            raise Unplannable("an ended card stays ended")
        return super().plan_writes(current, target, catalogue)


def test_a_declared_write_that_nothing_plans_is_caught() -> None:
    contract = AtsContract()
    account = opened(NeverTakesBack, seed=1)
    _ = account.bridge.pull()
    with pytest.raises(AssertionError, match="reopen"):
        contract.test_every_declared_write_is_planned_for_some_change(account)
    account = opened(Kestrel, seed=1)
    _ = account.bridge.pull()
    contract.test_every_declared_write_is_planned_for_some_change(account)
