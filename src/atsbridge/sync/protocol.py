"""The transactions of the write-back protocol: claim, arm, settle, close.

Each is a function on a `Txn` that checks the fence of the application's lease
and leaves the ledger in one of the protocol's durable states. What to do is
decided in `policy`; when to do it, in `outbound`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from attrs import evolve, frozen

from ..ats.interface import Fresh
from ..errors import LedgerBusy
from ..model import Result
from ..wire.vendor import StatusWrite
from .budgets import place_for_lane
from .context import Context
from .intake import newer_exists
from .leases import check, control, give_back, is_held, lane_of, take
from .ledger import OPEN, Attempt, IntentRow, Lease, Txn, Update, Where
from .outbox import Expand, close_intent
from .policy import Close
from .receipts import state_text

HOUR = 3600.0
DUE_AT_ONCE = 1000
"""How many applications are looked for at a time."""


@frozen
class Claim:
    """An intent that this worker may work on, the lease it holds, and how long its first request waits.

    ``wait_seconds`` is None where no place in a rate budget was taken with it.
    """

    intent: IntentRow
    lease: Lease
    wait_seconds: float | None = None


@frozen
class Armed:
    """An attempt on record: the intent as stored, and the local time after which it must not leave."""

    intent: IntentRow
    send_by: float


@frozen
class NotArmed:
    """Nothing may leave now: the intent has ended, or it has to wait."""

    ended: bool


def due(
    txn: Txn, ctx: Context, now: float, *, without: Collection[str] = (), limit: int = DUE_AT_ONCE
) -> list[str]:
    """Applications with an intent that can be worked on now, by the ledger's clock, oldest first.

    Args:
        without: those that have had their turn.
    """
    open_states = Where(equal={"connection": ctx.connection}, among={"state": OPEN})
    boot = ctx.ledger.clock.boot
    found: list[str] = []
    seen: set[str] = set()
    for intent in txn.find(IntentRow, open_states, order=("number", "part")):
        if intent.application in seen or intent.application in without:
            continue  # it waits for the older one, or has been tried
        seen.add(intent.application)
        if intent.not_before <= now or intent.boot != boot:
            found.append(intent.application)
        if len(found) >= limit:
            break
    return found


def next_look(txn: Txn, ctx: Context, looked: float) -> float | None:
    """The ledger's time at which the earliest intent that must wait may be looked at; None where none waits.

    One in flight waits too: whoever sent it may have died.

    Args:
        looked: when it was last asked what is `due`.
    """
    mine = {"connection": ctx.connection, "boot": ctx.ledger.clock.boot}
    # What could have been looked at by then was, and is left to the next push.
    waiting = Where(
        equal=mine, among={"state": ["settling", "in_flight", "pending"]}, above={"not_before": looked}
    )
    rows = txn.find(IntentRow, waiting, order=("not_before",), limit=1)
    return rows[0].not_before if rows else None


def claim(txn: Txn, ctx: Context, application: str, *, expand: Expand, wall: float) -> Claim | None:
    """The oldest open intent of an application, under a lease; None where there is nothing to do now."""
    state = control(txn, ctx.connection)
    if state.paused or state.stopped:
        return None
    intent = _oldest_open(txn, ctx, application)
    if intent is None:
        return None
    try:
        lease = take(txn, ctx, lane_of(application))
    except LedgerBusy:
        return None
    now, boot = ctx.ledger.clock.now(), ctx.ledger.clock.boot
    if intent.boot != boot:
        intent = _on_this_boot(intent, ctx, now, boot)
    if intent.not_before > now:
        txn.put([evolve(intent, state="settling" if intent.open_attempts else "pending")])
        give_back(txn, lease)
        return None
    if not intent.sent and _ends_unsent(txn, intent, expand=expand, wall=wall):
        give_back(txn, lease)
        return None
    if intent.returns >= ctx.tuning.returns:
        # An attempt in doubt is never given up in silence.
        result = Result.REVIEW if intent.open_attempts else Result.DEAD
        why = f"gave up after it went back {intent.returns} times: {intent.why}"
        close_intent(txn, intent, result=result, why=why, wall=wall, expand=expand)
        give_back(txn, lease)
        return None
    leased = evolve(intent, state="settling" if intent.open_attempts else "leased")
    txn.put([leased])
    return Claim(leased, lease, place_for_lane(txn, ctx))


def _oldest_open(txn: Txn, ctx: Context, application: str) -> IntentRow | None:
    where = Where(
        equal={"connection": ctx.connection, "application": application},
        among={"state": OPEN},
    )
    rows = txn.find(IntentRow, where, order=("number", "part"), limit=1)
    return rows[0] if rows else None


def _on_this_boot(intent: IntentRow, ctx: Context, now: float, boot: str) -> IntentRow:
    """The times of another boot mean nothing here: an open window starts anew, other waits are over."""
    if not intent.open_attempts:
        return evolve(intent, boot=boot, not_before=0.0)
    window = (intent.settles_at or 0.0) - (intent.send_by or 0.0)
    settles_at = now + ctx.tuning.send_limit_seconds + max(window, ctx.tuning.deadline_seconds)
    return evolve(intent, boot=boot, settles_at=settles_at, not_before=settles_at)


def _ends_unsent(txn: Txn, intent: IntentRow, *, expand: Expand, wall: float) -> bool:
    """Close an intent that nothing was sent for, where a newer change or its expiry says so."""
    update = txn.get(Update, intent.connection, intent.event_id)
    if update is not None and newer_exists(txn, update):
        why = "the recruiter changed it again"
        close_intent(txn, intent, result=Result.SUPERSEDED, why=why, wall=wall, expand=expand)
        return True
    if intent.not_after is not None and wall > intent.not_after:
        why = "expired: the change is older than the mapping lets leave"
        close_intent(txn, intent, result=Result.REFUSED, why=why, wall=wall, expand=expand)
        return True
    return False


def over_cap(txn: Txn, ctx: Context, cap: int | None, *, wall: float) -> bool:
    """Whether the writes of the last hour have used up the mapping's cap."""
    if cap is None:
        return False
    return txn.count(Attempt, last_hour(ctx, wall)) >= cap


def last_hour(ctx: Context, wall: float) -> Where:
    """The attempts that a cap counts: those that may have written something.

    What a clock that was ahead has dated later than now is not of the last hour.
    """
    return Where(
        equal={"connection": ctx.connection},
        among={"outcome": ["open", "accepted", "no answer", "doubtful"]},
        at_least={"at": wall - HOUR},
        at_most={"at": wall},
    )


def arm(
    txn: Txn,
    ctx: Context,
    held: Claim,
    *,
    write: StatusWrite,
    fresh: Fresh,
    digest: str,
    hidden_seconds: float,
    cap: int | None,
    expand: Expand,
    wall: float,
) -> Armed | NotArmed:
    """Put an attempt on record before it leaves, unless it must not leave any more.

    Raises:
        LeaseLost: another worker has taken over; nothing may be sent.
    """
    # The local clock is read before the ledger's: the window can only come out shorter.
    local = ctx.client.clock()
    intent = _still_open(txn, held)
    if intent is None or (not intent.sent and _ends_unsent(txn, intent, expand=expand, wall=wall)):
        return NotArmed(ended=True)
    state = control(txn, ctx.connection)
    now, tuning = ctx.ledger.clock.now(), ctx.tuning
    window = min(held.lease.until - now, tuning.send_limit_seconds) - tuning.margin_seconds
    if window <= 0 or state.paused or state.stopped or over_cap(txn, ctx, cap, wall=wall):
        return NotArmed(ended=False)
    send_by = now + window
    settles_at = send_by + tuning.deadline_seconds + hidden_seconds
    number = intent.attempts + 1
    armed = evolve(
        intent,
        state="in_flight",
        attempts=number,
        open_attempts=intent.open_attempts + 1,
        sent=1,
        write=write.name,
        signal=fresh.signals.get(write.name) if not intent.open_attempts else intent.signal,
        request_digest=digest,
        send_by=send_by,
        settles_at=settles_at,
        not_before=settles_at,
        before=intent.before or state_text(fresh.state),
    )
    attempt = Attempt(
        connection=intent.connection,
        intent_id=intent.intent_id,
        number=number,
        at=wall,
        write=write.name,
        digest=digest,
    )
    txn.put([armed])
    txn.put([attempt])
    return Armed(armed, local + window)


def answered(txn: Txn, intent: IntentRow, *, outcome: str, evidence: Mapping[str, Any], wall: float) -> None:
    """Note on an attempt what became of it."""
    row = txn.get(Attempt, intent.connection, intent.intent_id, intent.attempts)
    if row is not None:
        answer, request_id = evidence.get("answer"), str(evidence.get("request_id", ""))
        txn.put([evolve(row, outcome=outcome, answer=answer, request_id=request_id, answered_at=wall)])


def _still_open(txn: Txn, held: Claim) -> IntentRow | None:
    """The intent as it is stored; None where intake has closed it while this worker was reading.

    Raises:
        LeaseLost: another worker has taken over.
    """
    check(txn, held.lease)
    intent = txn.get(IntentRow, held.intent.connection, held.intent.intent_id)
    return None if intent is None or intent.state == "closed" else intent


def release(txn: Txn, held: Claim) -> None:
    """Free the lane; what was only looked at is pending again."""
    if not is_held(txn, held.lease):
        return
    intent = txn.get(IntentRow, held.intent.connection, held.intent.intent_id)
    if intent is not None and intent.state == "leased":
        txn.put([evolve(intent, state="pending")])
    txn.put([evolve(held.lease, until=0.0)])


def settle(txn: Txn, held: Claim, intent: IntentRow, *, until: float, accepted: bool = False) -> None:
    """Look again later: a durable state, not a sleep."""
    check(txn, held.lease)
    settling = evolve(intent, state="settling", not_before=until, accepted=int(accepted or intent.accepted))
    txn.put([settling])


def back(txn: Txn, held: Claim, intent: IntentRow, *, why: str, unsent: bool, later: float = 0.0) -> None:
    """Nothing happened in the ATS: pending again; or settling, where an earlier attempt is still open.

    Args:
        unsent: an attempt had been armed, and proved to have no effect.
        later: the ledger time before which it is not tried again.
    """
    if _still_open(txn, held) is None:
        return
    still_open = intent.open_attempts - 1 if unsent else intent.open_attempts
    txn.put(
        [
            evolve(
                intent,
                state="settling" if still_open else "pending",
                open_attempts=still_open,
                sent=int(still_open > 0),
                returns=intent.returns + 1,
                not_before=max(intent.settles_at or 0.0, later) if still_open else later,
                why=why,
            )
        ]
    )


def close(
    txn: Txn,
    held: Claim,
    intent: IntentRow,
    step: Close,
    *,
    fresh: Fresh | None,
    evidence: Mapping[str, Any],
    expand: Expand,
    wall: float,
) -> None:
    """End it as the policy says, unless intake has ended it meanwhile."""
    if _still_open(txn, held) is None:
        return
    close_intent(
        txn,
        intent,
        result=step.result,
        why=step.why,
        wall=wall,
        expand=expand,
        fresh=fresh,
        gap=step.gap,
        overwritten=step.overwritten,
        evidence=evidence,
    )


def stop(txn: Txn, ctx: Context, why: str) -> None:
    """Stop the connection's writes: a person has to look at the credential."""
    txn.put([evolve(control(txn, ctx.connection), stopped=why)])
