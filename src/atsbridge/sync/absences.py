"""When "not found" is believed of an application that one asked for by itself.

One such answer may be a passing fault of the vendor. It is believed where
something else says the same: the vendor's list of deletions, a sweep that did
not show the record either, a person who repairs, or a second answer like it
some time after the first. Until then a row among the waiting remembers the
first, and the application is read again by the pulls that follow.
"""

from __future__ import annotations

from ..model import Ref, TombstoneKind
from .ledger import Txn, Waiting, Where

APART_SECONDS = 60.0
"""Between the two answers; as the wall clock has it."""

BY_ABSENCE = frozenset({TombstoneKind.DELETED, TombstoneKind.LOST_ACCESS})
"""What nothing but an absence says; a record that was merged or anonymised tells so itself."""

_SUSPECT = "gone"
"""In place of a parent's kind: what is waited for is a second answer."""


def is_believed(txn: Txn, ref: Ref, kind: TombstoneKind, *, wall: float) -> bool:
    """Whether a fresh read that says so is enough."""
    if kind not in BY_ABSENCE:
        return True
    held = txn.get(Waiting, ref.connection, ref.kind.value, ref.id)
    return held is not None and is_suspect(held) and is_due(held, wall=wall)


def suspect(txn: Txn, ref: Ref, *, wall: float) -> None:
    """Remember the first answer; later ones do not make it younger."""
    held = txn.get(Waiting, ref.connection, ref.kind.value, ref.id)
    if held is not None and is_suspect(held) and held.since <= wall:
        return
    row = Waiting(
        connection=ref.connection,
        kind=ref.kind.value,
        id=ref.id,
        parent_kind=_SUSPECT,
        parent_id=ref.id,
        since=wall,
    )
    txn.put([row])


def clear(txn: Txn, ref: Ref) -> None:
    """Forget the first answer: it was found since."""
    mine = {"connection": ref.connection, "kind": ref.kind.value, "id": ref.id}
    txn.delete(Waiting, Where(equal={**mine, "parent_kind": _SUSPECT}))


def is_suspect(row: Waiting) -> bool:
    return row.parent_kind == _SUSPECT


def is_due(row: Waiting, *, wall: float) -> bool:
    """Whether the second answer may be asked for; also where the clock was put back since the first."""
    return abs(wall - row.since) >= APART_SECONDS
