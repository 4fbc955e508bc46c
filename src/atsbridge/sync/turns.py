"""Whose turn it is: when each verb of a connection is due next, for all workers on one ledger.

A turn that is taken is put off at once, before its verb runs: it is nobody
else's meanwhile, and a worker that dies costs it one interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from .ledger import Clock, Turn, Txn, Where


def arrange(txn: Txn, clock: Clock, connection: str, every: Mapping[str, float], *, later: set[str]) -> None:
    """See to it that each verb has a turn, none further off than its interval.

    Args:
        every: seconds between two turns, by verb.
        later: verbs whose first turn is after an interval; the others' is now.
    """
    there = {turn.verb for turn in txn.find(Turn, Where(equal={"connection": connection}))}
    now, boot = clock.now(), clock.boot
    for verb, seconds in every.items():
        first = now + seconds if verb in later else now
        if verb not in there:
            txn.put([Turn(connection=connection, verb=verb, due_at=first, boot=boot)])
        for turn in _free(txn, connection, verb):
            if turn.boot != boot:  # its time means nothing here
                txn.put([evolve(turn, due_at=first, boot=boot)])
            elif turn.due_at > now + seconds:
                txn.put([evolve(turn, due_at=now + seconds)])


def overdue(txn: Txn, clock: Clock, connection: str, verbs: Sequence[str]) -> tuple[float, str] | None:
    """Which of these verbs has waited longest, and how many seconds; below zero where none is due.

    None where none of them has a turn.
    """
    where = Where(equal={"connection": connection}, among={"verb": verbs})
    first = txn.find(Turn, where, order=("due_at", "verb"), limit=1)
    return (clock.now() - first[0].due_at, first[0].verb) if first else None


def take_turn(txn: Txn, clock: Clock, connection: str, verb: str, *, every_seconds: float) -> bool:
    """Take a turn that is due; False where another worker has it, or had it just now."""
    for turn in _free(txn, connection, verb):
        now = clock.now()
        if turn.due_at <= now:
            txn.put([evolve(turn, due_at=now + every_seconds)])
            return True
    return False


def hurry(txn: Txn, clock: Clock, connection: str, verb: str) -> None:
    """Have a verb's next turn now, unless another worker has it."""
    for turn in _free(txn, connection, verb):
        txn.put([evolve(turn, due_at=min(turn.due_at, clock.now()))])


def _free(txn: Txn, connection: str, verb: str) -> list[Turn]:
    return txn.claim(Turn, Where(equal={"connection": connection, "verb": verb}))
