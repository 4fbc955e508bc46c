"""What is on its way into the CRM, noted before it goes: a worker may die before it can note that it went.

Such a record is in the CRM as it was read, and in the ledger as it was before,
or not at all. So when it shows again, its bytes prove nothing; and where it
does not show again, it must be asked for as if the ledger had always known it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from attrs import evolve

from .ledger import Known, Position, Txn, Where

Key = tuple[str, str]
"""A record's kind and id."""


def give(txn: Txn, connection: str, stream: str, job: str, keys: Iterable[Key]) -> None:
    """Note what a page gives to the CRM; committing that page takes the note away."""
    held = txn.get(Position, connection, stream, job) or Position(
        connection=connection, stream=stream, job=job
    )
    txn.put([evolve(held, seen=json.dumps(sorted(keys)))])


def doubt_given(txn: Txn, connection: str) -> None:
    """Doubt what pages that were never committed gave to the CRM."""
    for row in txn.find(Position, Where(equal={"connection": connection}, above={"seen": ""})):
        doubt(txn, connection, [(kind, id) for kind, id in json.loads(row.seen)])
        txn.put([evolve(row, seen="")])


def doubt(txn: Txn, connection: str, keys: Iterable[Key]) -> None:
    """Have these read and given again whenever they show, and looked for by sweeps where they do not."""
    by_kind: dict[str, list[str]] = {}
    for kind, id in keys:
        by_kind.setdefault(kind, []).append(id)
    for kind, ids in by_kind.items():
        known = txn.get_many(Known, (connection, kind), ids)
        told = (known.get(id) or _in_crm(connection, kind, id) for id in ids)
        txn.put([evolve(row, digest=None) for row in told])


def _in_crm(connection: str, kind: str, id: str) -> Known:
    """Of a record that the CRM may hold: nothing but that, so any read of it is newer."""
    return Known(connection=connection, kind=kind, id=id, digest=None, read_at=0.0, delivery=1)
