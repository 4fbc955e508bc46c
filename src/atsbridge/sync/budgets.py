"""A vendor's rate budgets as rows of the ledger: all processes that work on a connection share them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from ..wire.budgets import Act, Budget, RateLimit, take_place
from .context import Context
from .ledger import BudgetRow, Clock, Txn

T = TypeVar("T")


class LedgerBudgets:
    """Keeps a connection's budgets, in transactions of their own; see `BudgetStore`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def act(self, limits: Sequence[RateLimit], action: Act[T]) -> T:
        return self._ctx.ledger.do(lambda txn: _act(txn, self._ctx, limits, action), durable=False)


def place_for_lane(txn: Txn, ctx: Context) -> float | None:
    """Take the place of a lane's first request with its claim; the seconds to wait for it.

    None where there is no limit, or none that is shared, or where the place would be too far off: then
    whoever asks for one is told so.
    """
    client = ctx.client
    if client.budgets is None or not client.limits:
        return None
    most = client.retry.cap_seconds
    # What belongs to a write may use what other reads leave over for it.
    wait = _act(txn, ctx, client.limits, partial(take_place, most_seconds=most, writes=True))
    return wait if wait <= most else None


def _act(txn: Txn, ctx: Context, limits: Sequence[RateLimit], action: Act[T]) -> T:
    rows = [txn.get(BudgetRow, ctx.connection, limit.name) for limit in limits]
    clock = ctx.ledger.clock
    now = clock.now()  # after the rows are held, which may have been waited for
    budgets = [_budget(limit, row, now, clock) for limit, row in zip(limits, rows, strict=True)]
    outcome = action(budgets, now)
    txn.put([_row(ctx.connection, budget, clock) for budget in budgets])
    return outcome


def _budget(limit: RateLimit, row: BudgetRow | None, now: float, clock: Clock) -> Budget:
    """As it was left, unless the limit itself is another by now."""
    if row is None or row.stated != limit.size:
        return Budget(limit)
    if row.boot != clock.boot:
        # Its times mean nothing here: what is left of it, it still has, and a window begins with this boot.
        return Budget(limit, size=row.size, level=row.level, at=now, reset_at=now + limit.per_seconds)
    return Budget(
        limit,
        size=row.size,
        level=row.level,
        at=row.at,
        reset_at=row.reset_at,
        blocked_until=row.blocked_until,
    )


def _row(connection: str, budget: Budget, clock: Clock) -> BudgetRow:
    return BudgetRow(
        connection=connection,
        name=budget.limit.name,
        stated=budget.limit.size,
        size=budget.size,
        level=budget.level,
        at=budget.at,
        reset_at=budget.reset_at,
        blocked_until=budget.blocked_until,
        boot=clock.boot,
    )
