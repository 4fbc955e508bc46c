"""Leases with fencing numbers: who may work on a lane, checked in the transaction of every change."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve

from ..errors import LeaseLost, LedgerBusy
from .context import Context, surely_dead, worker_name
from .ledger import Control, Lease, Txn, surely_another_boot

T = TypeVar("T")

INBOUND = "inbound"
TOKEN = "token"  # noqa: S105 - the name of a lane


def lane_of(application_id: str) -> str:
    return f"application/{application_id}"


def take(txn: Txn, ctx: Context, lane: str) -> Lease:
    """Take a lane that is free, expired, of an earlier boot, or of a process that has ended.

    Raises:
        LedgerBusy: another worker holds it.
    """
    clock, held = ctx.ledger.clock, txn.get(Lease, ctx.connection, lane)
    now = clock.now()
    if held is not None and held.worker != ctx.worker and is_live(held, ctx):
        raise LedgerBusy(f"another worker holds {lane} for {held.until - now:.0f} s more")
    lease = Lease(
        connection=ctx.connection,
        lane=lane,
        fence=(held.fence if held else 0) + 1,
        worker=ctx.worker,
        until=now + ctx.tuning.lease_seconds,
        boot=clock.boot,
    )
    txn.put([lease])
    return lease


def is_live(lease: Lease, ctx: Context) -> bool:
    """Whether somebody may still work under it."""
    boot, left = ctx.ledger.clock.boot, lease.until - ctx.ledger.clock.now()
    if lease.boot == boot:
        runs = left > 0
    else:  # one of this boot, wrongly guessed to be of another, has no more left than any
        runs = not surely_another_boot(lease.boot, boot) and 0 < left <= ctx.tuning.lease_seconds
    return runs and not surely_dead(lease.worker)


def keep(txn: Txn, ctx: Context, lease: Lease) -> Lease:
    """Check that the lease is still this worker's, and extend it.

    Raises:
        LeaseLost: another worker has taken over.
    """
    check(txn, lease)
    longer = evolve(lease, until=ctx.ledger.clock.now() + ctx.tuning.lease_seconds)
    txn.put([longer])
    return longer


def is_held(txn: Txn, lease: Lease) -> bool:
    """Whether the lane's fence is still this lease's."""
    held = txn.get(Lease, lease.connection, lease.lane)
    return held is not None and (held.fence, held.worker) == (lease.fence, lease.worker)


def check(txn: Txn, lease: Lease) -> None:
    """Raises `LeaseLost` unless the lane's fence is still this lease's."""
    if not is_held(txn, lease):
        raise LeaseLost(f"another worker has taken over {lease.lane}")


def give_back(txn: Txn, lease: Lease) -> None:
    """Free the lane, if it is still this worker's."""
    if is_held(txn, lease):
        txn.put([evolve(lease, until=0.0)])


class LeaseTurn:
    """Whose turn it is to ask for a connection's token: a lease in the ledger, which processes share.

    Each asker is a worker of its own, also among the runs of one bridge beside each other.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lease: Lease | None = None

    def take(self) -> bool:
        try:
            asker = evolve(self._ctx, worker=worker_name())
            self._lease = self._ctx.ledger.do(lambda txn: take(txn, asker, TOKEN), durable=False)
        except LedgerBusy:
            return False
        return True

    def give_back(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            self._ctx.ledger.do(lambda txn: give_back(txn, lease), durable=False)


def control(txn: Txn, connection: str) -> Control:
    return txn.get(Control, connection) or Control(connection=connection)


def flush(ctx: Context, read: Callable[[Txn], T]) -> T:
    """Make what was committed so far survive a power cut: a durable transaction takes all before it along.

    A ledger's server that was restarted a moment ago may have lost some of it. So
    what the caller goes by is read in the same transaction, and what it reads is kept.
    """

    def action(txn: Txn) -> T:
        txn.put([control(txn, ctx.connection)])
        return read(txn)

    return ctx.ledger.do(action, durable=True)


def reserve_deliveries(txn: Txn, connection: str, count: int) -> int:
    """The first of ``count`` delivery numbers that nobody else will ever use."""
    row = control(txn, connection)
    txn.put([evolve(row, next_delivery=row.next_delivery + count)])
    return row.next_delivery
