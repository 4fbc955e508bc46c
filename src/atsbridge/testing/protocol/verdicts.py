"""The invariants, read from the ATS's own log and the receipts; never from what the ledger believes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from ...ledgers.memory import Tables
from ...model import Action, CompareAndSet, Gap, Receipt, Result, State
from ...sync.ledger import IntentRow, Update
from ...sync.policy import target_of
from ...sync.receipts import parse_receipt
from ...wire.vendor import Signal
from .environment import Flight, Log, World
from .scenarios import Change, Scenario

_WRITTEN = {Result.APPLIED, Result.APPLIED_OVER_CHANGE}
_NOTHING_WRITTEN = {Result.SUPERSEDED, Result.REFUSED, Result.DEAD, Result.ALREADY, Result.CONFLICT}


class Violation(AssertionError):
    """An invariant does not hold. ``schedule`` is how it came to that."""

    def __init__(self, invariant: str, words: str) -> None:
        super().__init__(f"{invariant}: {words}")
        self.invariant = invariant
        self.schedule: tuple[str, ...] = ()
        self.states = 0


def accepted(world: World, flight: Flight, after: State, scenario: Scenario) -> Log:
    """What the ATS's log says after it has accepted a write.

    Raises:
        Violation: I1, I2 or I5 does not hold, or the intent's result was final.
    """
    log, account = world.log, world.account
    if log.count(flight.intent_id):
        raise Violation("I1", f"two writes of {flight.intent_id} were accepted")
    shown, before = account.entries[flight.shown - 1].state, account.state
    _check_expected(world, flight, shown, scenario)
    cas = scenario.kind.cas
    if cas is CompareAndSet.VERSION and flight.shown != len(account.entries):
        raise Violation("I2", "a write with version compare-and-set was accepted over a newer state")
    if cas is CompareAndSet.STAGE and shown.stage != before.stage and flight.asked.from_stage is not None:
        raise Violation("I2", "a write with stage compare-and-set was accepted over another stage")
    if not scenario.beyond or cas is CompareAndSet.VERSION:
        if any(sequence > flight.sequence for _, sequence in log.accepted):
            raise Violation("I5", "an older change was accepted after a newer one")
        _check_still_open(world.tables, flight)
    over = log.over | {flight.intent_id} if _overwrites(flight, shown, before, after) else log.over
    return evolve(log, accepted=(*log.accepted, (flight.intent_id, flight.sequence)), over=over)


def _check_expected(world: World, flight: Flight, shown: State, scenario: Scenario) -> None:
    """The read before the send showed what the recruiter knew, or what our own writes made of that."""
    change = _change_of(scenario, flight.sequence)
    if change.on_receipt:
        return
    own = {i for i, _ in world.log.accepted}
    allowed = [scenario.start, *(e.state for e in world.account.entries if e.by in own)]
    asked = [s for c in scenario.changes if c.sequence < change.sequence for s in c.asks]
    part = int(flight.intent_id.rpartition("/")[2])
    asked += change.asks[:part]
    if not any(shown.same(s) for s in allowed) and not any(shown.meets(s) for s in asked):
        raise Violation("I2", f"{flight.intent_id} was sent although the read before showed {shown}")


def _check_still_open(tables: Tables, flight: Flight) -> None:
    row = tables[IntentRow].get(("model", flight.intent_id))
    if isinstance(row, IntentRow) and row.state == "closed":
        raise Violation("I4", f"{flight.intent_id} was accepted after it had ended as {row.result}")


def _overwrites(flight: Flight, shown: State, before: State, after: State) -> bool:
    """Whether a state that the last read did not show was lost by this write."""
    if before.same(after):
        return False
    if flight.asked.action is Action.MOVE:
        return before.stage != shown.stage and before.stage != after.stage
    return not before.same(shown)


def _change_of(scenario: Scenario, sequence: int) -> Change:
    return next(c for c in scenario.changes if c.sequence == sequence and c.actor is None)


# --- after each commit ---------------------------------------------------------------------------


def committed(before: Tables, world: World, scenario: Scenario) -> None:
    """Look at what a transaction has changed.

    Raises:
        Violation: a result that was final has changed, or a new one says what is not so.
    """
    for key, held in before[IntentRow].items():
        now = world.tables[IntentRow].get(key)
        assert isinstance(held, IntentRow)  # noqa: S101 - what the table holds
        if held.state == "closed" and (not isinstance(now, IntentRow) or now.result != held.result):
            raise Violation("I4", f"the final result of {held.intent_id} changed from {held.result}")
    for key, row in world.tables[Update].items():
        held_row = before[Update].get(key)
        assert isinstance(row, Update)  # noqa: S101 - what the table holds
        if isinstance(held_row, Update) and held_row.receipt is not None:
            if held_row.receipt != row.receipt:
                raise Violation("I4", f"the receipt of {row.event_id} was written a second time")
        elif row.receipt is not None:
            _check_receipt(parse_receipt(row.receipt), world, scenario)


def _check_receipt(receipt: Receipt, world: World, scenario: Scenario) -> None:
    log = world.log
    intents = list(_intents(world.tables, receipt.event_id))
    if any(row.state != "closed" for row in intents):
        raise Violation("I4", f"{receipt.event_id} has a receipt while a part of it is still open")
    if scenario.moves_ended is False:
        for row in intents:
            _check_intent(row, log, world, scenario)
    if receipt.result is Result.CONFLICT and not log.foreign:
        raise Violation("C", f"{receipt.event_id} ended as CONFLICT, and nobody has touched the application")
    if receipt.result in _WRITTEN and not log.accepted and not log.foreign:
        raise Violation("I4", f"{receipt.event_id} is {receipt.result}, and no write was accepted")


def _intents(tables: Tables, event_id: str) -> Iterator[IntentRow]:
    for row in tables[IntentRow].values():
        if isinstance(row, IntentRow) and row.event_id == event_id:
            yield row


def _check_intent(row: IntentRow, log: Log, world: World, scenario: Scenario) -> None:
    result = Result(row.result or "")
    written = log.count(row.intent_id)
    if result in _NOTHING_WRITTEN and written:
        raise Violation("I4", f"{row.intent_id} ended as {result}, and a write of it was accepted")
    if result in _WRITTEN and not written and not _somebody_did(row, world):
        raise Violation("I4", f"{row.intent_id} is {result}, and no write of it was accepted")
    # That every overwrite is reported is claimed within the timing assumption alone.
    if row.intent_id not in log.over or result is Result.REVIEW or scenario.beyond:
        return
    counted = scenario.kind.signal is Signal.COUNT and row.action == Action.MOVE
    if counted and result is not Result.APPLIED_OVER_CHANGE:
        raise Violation("I3", f"{row.intent_id} overwrote a change and ended as {result}")
    if not counted and result in _WRITTEN and row.gap != Gap.UNAUDITED:
        raise Violation("I3", f"{row.intent_id} overwrote a change, and its gap is said to be {row.gap}")


def _somebody_did(row: IntentRow, world: World) -> bool:
    target = target_of(row)
    return any(e.by == "person" and e.state.meets(target) for e in world.account.entries)


# --- at rest -------------------------------------------------------------------------------------


def at_rest(world: World, scenario: Scenario, told: Iterable[Receipt]) -> None:
    """Nothing can happen any more but faults and people.

    Raises:
        Violation: a change vanished, did not end, or its receipt did not reach the CRM.
    """
    updates = {r.event_id: r for r in world.tables[Update].values() if isinstance(r, Update)}
    for place, change in enumerate(scenario.changes):
        row = updates.get(change.event_id)
        if row is None:
            if place not in world.feed:
                raise Violation("I4", f"{change.event_id} vanished: acknowledged, and not in the ledger")
            if not change.on_receipt:
                raise Violation("I10", f"{change.event_id} was never taken in")
        elif row.open:
            raise Violation("I10", f"{change.event_id} has not come to rest")
    open_rows = [
        r for r in world.tables[IntentRow].values() if isinstance(r, IntentRow) and r.state != "closed"
    ]
    if open_rows:
        raise Violation("I10", f"{open_rows[0].intent_id} stays {open_rows[0].state}")
    delivered = [r.event_id for r in told]
    if sorted(delivered) != sorted(updates):
        raise Violation("I4", f"receipts were told of {delivered}, and the changes are {sorted(updates)}")
    _check_last_word(world, scenario, updates)


def _check_last_word(world: World, scenario: Scenario, updates: dict[str, Update]) -> None:
    """Where nobody interfered, the newest change is what stands, or says why not."""
    newest = max(
        (c for c in scenario.changes if c.actor is None and c.event_id in updates), key=lambda c: c.sequence
    )
    result = Result(updates[newest.event_id].result or "")
    if result is Result.SUPERSEDED:
        raise Violation("I5", f"the newest change, {newest.event_id}, was superseded")
    settled = result in _WRITTEN or result is Result.ALREADY
    if settled and not world.log.foreign and not world.account.state.meets(newest.asks[-1]):
        raise Violation("I5", f"{newest.event_id} is {result}, and the ATS stands at {world.account.state}")
