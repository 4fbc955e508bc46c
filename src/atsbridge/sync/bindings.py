"""Names of stages and reasons, bound to ids once the mapping was compiled.

A mapping may name a stage. When somebody renames that stage in the ATS, the
name still means what it was bound to; `check` reports the rename, and nothing
stops meanwhile. A name never falls over to another stage that takes it up
while the bound one lives under a name that the mapping does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from attrs import evolve, field, frozen

from ..mapping import MappingConfig
from ..model import Reason, Stage

S = TypeVar("S", Stage, Reason)
Names = Mapping[str, Mapping[str, str]]
"""Per job or pipeline id (or "" for the whole account): name to id."""


@frozen
class Bindings:
    """What each name of the mapping was bound to when it last fitted the ATS."""

    stages: Names = field(factory=dict)
    reasons: Names = field(factory=dict)

    @classmethod
    def parse(cls, text: str) -> Bindings:
        if not text:
            return cls()
        data = json.loads(text)
        return cls(data["stages"], data["reasons"])

    @classmethod
    def of(cls, config: MappingConfig, stages: Iterable[Stage], reasons: Iterable[Reason]) -> Bindings:
        """The bindings of names that the mapping uses, as the ATS has them now."""
        return cls(
            _names([s for s in stages if s.name in stage_names(config)]),
            _names([r for r in reasons if r.name in reason_names(config)]),
        )

    def text(self) -> str:
        return json.dumps({"stages": self.stages, "reasons": self.reasons}, sort_keys=True)

    def under_old_names(
        self, config: MappingConfig, stages: Sequence[Stage], reasons: Sequence[Reason]
    ) -> tuple[list[Stage], list[Reason]]:
        """Stages and reasons, each renamed one under the name that the mapping knows it by."""
        return (
            _restore(stages, self.stages, stage_names(config)),
            _restore(reasons, self.reasons, reason_names(config)),
        )


def _place(record: Stage | Reason) -> str:
    """Where its name is the only one."""
    if not isinstance(record, Stage):
        return ""
    return record.job.id if record.job else record.pipeline or ""


def _names(records: Sequence[Stage] | Sequence[Reason]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for record in records:
        if record.name:
            found.setdefault(_place(record), {})[record.name] = record.ref.id
    return found


def _restore(records: Sequence[S], bound: Names, used: frozenset[str]) -> list[S]:
    taken = {(_place(r), r.name) for r in records}
    old = {(job, id): name for job, names in bound.items() for name, id in names.items()}

    def restored(record: S) -> S:
        name = old.get((_place(record), record.ref.id))
        if name is None or record.name in used or (_place(record), name) in taken:
            return record
        return evolve(record, name=name)

    return [restored(record) for record in records]


def stage_names(config: MappingConfig) -> frozenset[str]:
    """Every stage name that the mapping uses."""
    places = [p for step in config.steps.values() for p in (step.places, *step.jobs.values())]
    picks = [pick for p in places for pick in (*(p.stages or ()), p.write)]
    return frozenset([_name(pick) for pick in picks] + list(config.kinds)) - {""}


def reason_names(config: MappingConfig) -> frozenset[str]:
    """Every reason name that the mapping uses."""
    picks = [pick for word in config.reasons.values() for pick in (*word.reasons, word.write)]
    return frozenset(_name(pick) for pick in picks) - {""}


def _name(pick: object) -> str:
    return getattr(pick, "name", None) or ""
