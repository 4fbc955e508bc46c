"""What a record's words depend on beside its own bytes, and what follows when that changes.

The mapping, the reader's revision, and what the ATS says its reasons and stages
mean decide how a record is delivered. A listing of what changed since does not
show a record whose meaning alone has changed: where one of these says something
else than before, the streams are read from their start once more. What is
merely new changes nothing that was read before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from ..model import MODEL_REVISION, Kind
from ..wire.streams import Stream
from .leases import control
from .ledger import Position, Txn, Where
from .reality import CONFIGURATION, Interpreter


@frozen
class Meanings:
    """Facts by name, as short texts."""

    facts: Mapping[str, str]

    @classmethod
    def of(cls, interpreter: Interpreter, *, revision: str) -> Meanings:
        """What holds now; ``revision`` is the reader's."""
        facts = {"mapping": interpreter.engine.config.digest, "reader": f"{revision}/{MODEL_REVISION}"}
        facts |= {f"reason {id}": outcome.value for id, outcome in interpreter.outcomes.items()}
        facts |= {f"stage {id}": kind.value for id, kind in interpreter.kinds().items()}
        return cls(facts)

    @classmethod
    def parse(cls, text: str) -> Meanings:
        return cls(json.loads(text) if text else {})

    def text(self) -> str:
        return json.dumps(self.facts, sort_keys=True, separators=(",", ":"))

    def outdated_by(self, now: Meanings) -> bool:
        """Whether something that was known means something else by now."""
        return any(now.facts.get(name, fact) != fact for name, fact in self.facts.items())


def settle_meanings(txn: Txn, connection: str, now: Meanings, streams: Sequence[Stream]) -> tuple[int, bool]:
    """Remember what holds now; where something means something else, have the streams read anew.

    Returns:
        The generation that digests are mixed with, and whether it has just begun.
    """
    row = control(txn, connection)
    held, text = Meanings.parse(row.meanings), now.text()
    changed = held.outdated_by(now)
    generation = row.generation + changed
    if (row.meanings, row.generation) != (text, generation):
        txn.put([evolve(row, meanings=text, generation=generation)])
    if changed:
        names = [s.name for s in streams if not s.deletions and not s.kinds <= {*CONFIGURATION, Kind.USER}]
        txn.set(
            Position, Where(equal={"connection": connection}, among={"stream": names}),
            watermark=None, cursor=None,
        )  # fmt: skip
    return generation, changed
