"""Why recruiters' changes that could leave have not left: told from the ledger alone."""

from __future__ import annotations

from datetime import UTC, datetime

from ..errors import SurfaceNotApproved
from ..mapping import WriteMode
from .context import Context
from .leases import control
from .ledger import Attempt, IntentRow, Txn, Where
from .protocol import HOUR, last_hour, over_cap


def held_back(txn: Txn, ctx: Context, *, application: str | None = None) -> str:
    """What holds back the writes that are pending, in words; empty where nothing does.

    Args:
        application: only what concerns the writes of this one.
    """
    switched_off = _switched_off(txn, ctx)
    if switched_off:
        return "; ".join(switched_off)
    mine = {"connection": ctx.connection, "state": "pending"}
    if application is not None:
        mine["application"] = application
    pending = txn.find(IntentRow, Where(equal=mine), order=("number", "part"))
    if not pending:
        return ""
    return _over_cap(txn, ctx) or next((_put_off(i, ctx) for i in pending if i.why), "")


def awaits_approval(ctx: Context) -> bool:
    """Whether writes could leave, were the adapter's write surface approved."""
    return not ctx.surface_approved and ctx.mapping.writing.mode in (WriteMode.PILOT, WriteMode.ON)


def _switched_off(txn: Txn, ctx: Context) -> list[str]:
    row, reasons = control(txn, ctx.connection), list[str]()
    if row.paused:
        reasons.append(f"paused: {row.paused_why}" if row.paused_why else "paused")
    if row.stopped:
        reasons.append(f"stopped: {row.stopped}")
    if awaits_approval(ctx):
        error = SurfaceNotApproved()
        reasons.append(f"{error.message.removesuffix('.')}: {error.advice}")
    return reasons


def _over_cap(txn: Txn, ctx: Context) -> str:
    cap, wall = ctx.mapping.writing.cap_per_hour, ctx.now().timestamp()
    if cap is None or not over_cap(txn, ctx, cap, wall=wall):
        return ""
    sent = txn.find(Attempt, last_hour(ctx, wall), order=("at",))
    when = f", next at {_clock_time(sent[len(sent) - cap].at + HOUR)}" if cap else ""
    return f"over the cap: {len(sent)} of {cap} writes in the last hour{when}"


def _put_off(intent: IntentRow, ctx: Context) -> str:
    """Why the last try of an intent came to nothing, and when the next may be."""
    left = intent.not_before - ctx.ledger.clock.now() if intent.boot == ctx.ledger.clock.boot else 0.0
    when = f"; next try at {_clock_time(ctx.now().timestamp() + left)}" if left > 0 else ""
    return f"{intent.why}{when}"


def _clock_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")
