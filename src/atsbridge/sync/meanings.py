"""What a record's words depend on beside its own bytes, and what follows when that changes.

The mapping, the reader's revision, and what the ATS says its reasons and stages
mean decide how a record is delivered. A listing of what changed since does not
show a record whose meaning alone has changed: where one of these says something
else than before, the streams are read from their start once more. What is
merely new changes nothing that was read before, unless a record already stood
in it: then it was read as one of which nobody knows what it means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from ..mapping.kinds import standing_in
from ..model import MODEL_REVISION, ApplicationStatus, Kind, StageKind
from .leases import control
from .ledger import Known, Position, Txn, Waiting, Where

_FITTED = "fitted"
"""The one fact that no record's words depend on."""
_READER = "reader"
_WORDS = ("step ", "word ")
"""Facts that list the stages and reasons of one of the mapping's words: more of them are merely new."""
_ONE_BY_ONE = 100
"""So many applications are read again by themselves; for more, the streams are read from their start."""
_AT_ONCE = 900
"""Ids that one statement asks for: some builds of SQLite take no more values than 999."""


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
        steps: Iterable[tuple[str, str]] = (),
        words: Iterable[tuple[str, str]] = (),
    ) -> Meanings:
        """What holds now.

        Args:
            mapping: the digest of what it says of reading. fitted: of all that it says.
            revision: the reader's, with the settings it reads by.
            outcomes: by reason. kinds: by stage, where a stage decides a status.
            steps: each stage with the mapping's word for it. words: the same for reasons.
        """
        facts = {"mapping": mapping, _FITTED: fitted, _READER: _reader(revision)}
        facts |= {f"reason {id}": outcome.value for id, outcome in outcomes.items()}
        facts |= {f"stage {id}": kind.value for id, kind in kinds.items()}
        for prefix, pairs in zip(_WORDS, (steps, words), strict=True):
            listed: dict[str, set[str]] = {}
            for id, word in pairs:
                listed.setdefault(word, set()).add(id)
            facts |= {prefix + word: "\n".join(sorted(ids)) for word, ids in listed.items()}
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
        return any(
            now.facts.get(name, fact) != fact
            for name, fact in self.facts.items()
            if name != _FITTED and not name.startswith(_WORDS)
        )

    def new_in(self, now: Meanings) -> tuple[set[str], set[str]]:
        """Stages and reasons that have come to mean something since; none where nothing was known at all."""
        stages, reasons = set[str](), set[str]()
        for name, fact in now.facts.items() if self.facts else ():
            what, _, id = name.partition(" ")
            into = stages if what in ("stage", "step") else reasons
            if name.startswith(_WORDS):
                into |= {*fact.split("\n")} - {*self.facts.get(name, "").split("\n")}
            elif name not in self.facts and (
                what == "reason" or (what == "stage" and standing_in(StageKind(fact)) is not None)
            ):
                into.add(id)
        return stages, reasons


def _reader(revision: str) -> str:
    return f"{revision}/{MODEL_REVISION}"


def settle_meanings(txn: Txn, connection: str, now: Meanings, streams: Sequence[str]) -> tuple[int, bool]:
    """Remember what holds now; where something means something else, have these streams read anew.

    Of what means something only now, the few applications that stand in it are read again by themselves.

    Returns:
        The generation that digests are mixed with, and whether it has just begun.
    """
    row = control(txn, connection)
    held, text = Meanings.parse(row.meanings), now.text()
    changed = held.outdated_by(now)
    if not changed:
        standing = _standing(txn, connection, *held.new_in(now))
        changed = len(standing) > _ONE_BY_ONE
        txn.put([_again(known) for known in standing if not changed])
    generation = row.generation + changed
    if (row.meanings, row.generation) != (text, generation):
        txn.put([evolve(row, meanings=text, generation=generation)])
    if changed:
        _restart(txn, connection, streams)
    return generation, changed


def settle_reader(txn: Txn, connection: str, revision: str, streams: Sequence[str]) -> tuple[int, bool]:
    """As `settle_meanings`, for what is known before anything is read: which reader it is."""
    row = control(txn, connection)
    held, reader = Meanings.parse(row.meanings), _reader(revision)
    changed = held.facts.get(_READER, reader) != reader
    if changed:
        text = Meanings({**held.facts, _READER: reader}).text()
        txn.put([evolve(row, meanings=text, generation=row.generation + 1)])
        _restart(txn, connection, streams)
    return row.generation + changed, changed


def _restart(txn: Txn, connection: str, streams: Sequence[str]) -> None:
    where = Where(equal={"connection": connection}, among={"stream": list(streams)})
    txn.set(Position, where, watermark=None, cursor=None)


def _standing(txn: Txn, connection: str, stages: set[str], reasons: set[str]) -> list[Known]:
    """Applications that were read while nobody knew what their stage or reason means, up to a limit."""
    equal = {"connection": connection, "kind": Kind.APPLICATION.value, "deleted": None}
    found: dict[str, Known] = {}
    for column, ids in (("stage", sorted(stages)), ("reason", sorted(reasons))):
        for start in range(0, len(ids), _AT_ONCE):
            if len(found) <= _ONE_BY_ONE:
                where = Where(equal=equal, among={column: ids[start : start + _AT_ONCE]})
                found |= {row.id: row for row in txn.find(Known, where, limit=_ONE_BY_ONE + 1)}
    return list(found.values())


def _again(known: Known) -> Waiting:
    """An application that waits for itself is read again at the end of a pull."""
    return Waiting(
        connection=known.connection,
        kind=known.kind,
        id=known.id,
        parent_kind=known.kind,
        parent_id=known.id,
        since=known.read_at,
    )
