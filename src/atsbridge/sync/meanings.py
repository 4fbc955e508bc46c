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

from ..model import MODEL_REVISION, ApplicationStatus, StageKind
from .leases import control
from .ledger import Position, Txn, Where

_FITTED = "fitted"
"""The one fact that no record's words depend on."""


@frozen
class Meanings:
    """Facts by name, as short texts."""

    facts: Mapping[str, str]

    @classmethod
    def of(
        cls,
        *,
        mapping: str,
        fitted: str,
        revision: str,
        outcomes: Mapping[str, ApplicationStatus],
        kinds: Mapping[str, StageKind],
    ) -> Meanings:
        """What holds now.

        Args:
            mapping: the digest of what it says of reading. fitted: of all that it says.
            revision: the reader's.
            outcomes: by reason. kinds: by stage, where a stage decides a status.
        """
        facts = {"mapping": mapping, _FITTED: fitted, "reader": f"{revision}/{MODEL_REVISION}"}
        facts |= {f"reason {id}": outcome.value for id, outcome in outcomes.items()}
        facts |= {f"stage {id}": kind.value for id, kind in kinds.items()}
        return cls(facts)

    @property
    def fitted(self) -> str:
        """The digest of the mapping that was compiled last; empty where none was."""
        return self.facts.get(_FITTED, self.facts.get("mapping", ""))

    @classmethod
    def parse(cls, text: str) -> Meanings:
        return cls(json.loads(text) if text else {})

    def text(self) -> str:
        return json.dumps(self.facts, sort_keys=True, separators=(",", ":"))

    def outdated_by(self, now: Meanings) -> bool:
        """Whether something that was known means something else by now."""
        return any(now.facts.get(name, fact) != fact for name, fact in self.facts.items() if name != _FITTED)


def settle_meanings(txn: Txn, connection: str, now: Meanings, streams: Sequence[str]) -> tuple[int, bool]:
    """Remember what holds now; where something means something else, have these streams read anew.

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
        where = Where(equal={"connection": connection}, among={"stream": list(streams)})
        txn.set(Position, where, watermark=None, cursor=None)
    return generation, changed
