"""The judge: I1 to I5 of all that recruiters asked for, once everything has come to rest.

It reads the ATS's log of accepted writes, what the witness saw, and the
receipts that reached the CRM; never the bridge's ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

from attrs import define, field, frozen

from ...model import WORST_FIRST, Result
from ..protocol import Violation
from .dialects import Pair
from .witness import Witness, Write


@frozen(kw_only=True)
class Asked:
    """A recruiter's change: what of which application, and the stage and status they saw.

    ``status`` is None, Active, Rejected or Withdrawn.
    """

    event: str
    application: str
    sequence: int
    stage: str | None
    status: str | None
    base: Pair


@frozen
class Told:
    """What the CRM was told of a change, and in which words."""

    result: Result
    text: str


_NOTHING_WRITTEN = (Result.SUPERSEDED, Result.CONFLICT, Result.REFUSED, Result.ALREADY, Result.DEAD)
_DONE = (Result.APPLIED, Result.APPLIED_OVER_CHANGE)


def judge(witness: Witness, changes: Iterable[Asked], told: Mapping[str, Told]) -> None:
    """Look at all of it.

    Args:
        told: by event id.

    Raises:
        Violation: an invariant does not hold.
    """
    if len(witness.writes) != len(witness.dialect.simulator.accepted):
        raise Violation("I6", "the ATS has accepted what was no status write")
    witness.look()
    by_application: defaultdict[str, list[Asked]] = defaultdict(list)
    for asked in sorted(changes, key=lambda a: a.sequence):
        by_application[asked.application].append(asked)
    for write in witness.writes:
        if write.application not in by_application:
            raise Violation("I6", f"{write.application} was written, and nobody had asked for that")
    for id, asked_for in by_application.items():
        for asked in asked_for:
            if asked.event not in told:
                raise Violation("I4", f"a change of {id} has no receipt")
        _Judge(witness, id, asked_for, told).judge()


@define
class _Judge:
    """Of one application.

    A write does not say which change it is of. It is right if there is one way
    to give each write to a part of a change, at most one to each part and none
    of an older change after a newer one's, with which all else holds.
    """

    witness: Witness
    id: str
    asked: list[Asked]
    told: Mapping[str, Told]
    against: list[tuple[str, str]] = field(factory=list, init=False)

    def judge(self) -> None:
        slots = [(a, kind) for a in self.asked for kind in self._parts(a, self._result(a))]
        writes = [write for write in self.witness.writes if write.application == self.id]
        fits = any(
            self._is_right(list(zip(writes, [slots[p][0] for p in places], strict=True)))
            for places in combinations(range(len(slots)), len(writes))
            if all(self._is_of(write, *slots[p]) for write, p in zip(writes, places, strict=True))
        )
        if fits:
            return
        changes = [(a.stage, a.status, self._result(a).value) for a in self.asked]
        written = [(sorted(write.kinds), write.target) for write in writes]
        invariant, words = self.against[0] if self.against else ("I1", "there are writes of no change")
        raise Violation(
            invariant, f"{self.id}: {words}; the changes are {changes}, the accepted writes {written}"
        )

    def _result(self, asked: Asked) -> Result:
        return self.told[asked.event].result

    def _is_right(self, given: list[tuple[Write, Asked]]) -> bool:
        for place, (write, asked) in enumerate(given):
            expected = self._expected(asked, [earlier for earlier, _ in given[:place]])
            self.against = [
                *self._against_write(write, expected),
                *self._against_gap(write, self._result(asked)),
            ]
            if self.against:
                return False
        for asked in self.asked:
            mine = [write for write, whose in given if whose is asked]
            self.against = list(self._against_result(asked, self._result(asked), mine))
            if self.against:
                return False
        return True

    def _expected(self, asked: Asked, writes: list[Write]) -> set[Pair]:
        """What the recruiter saw, or what an earlier part or change has left or has found there."""
        expected = {asked.base, *(write.after for write in writes)}
        if asked.status is not None:
            # Somebody may have moved it there before, or it is moved as it is.
            expected |= {(asked.stage, True), (asked.stage, asked.base[1])}
        if (way := self._ways.get(asked.base[0] or "")) is not None:
            expected.add((way, True))  # somebody may have been there before
        if "reactivate" in self._parts(asked, None):
            expected.add((asked.base[0], True))  # somebody may have taken the end back before
        for older in self.asked[: self.asked.index(asked)]:
            if self._result(older) in (*_DONE, Result.ALREADY):
                expected |= {pair for pair in self.witness.ever[self.id] if _may_be_left_by(older, pair)}
            elif len(self._parts(older, None)) > 1:
                # Its first part may have been done.
                expected |= {(older.stage, True), (self._ways.get(older.base[0] or ""), True)}
        return expected

    def _against_write(self, write: Write, expected: set[Pair]) -> Iterator[tuple[str, str]]:
        if write.shown is None or not any(shown.pair in expected for shown in write.all_shown):
            yield "I2", f"written over {write.shown}"
        compared = write.kinds <= self.witness.dialect.compared
        if compared and write.before[0] not in {stage for stage, _ in expected}:
            yield "I2", "the vendor compared another stage"

    def _against_gap(self, write: Write, result: Result) -> Iterator[tuple[str, str]]:
        over = WORST_FIRST.index(Result.APPLIED_OVER_CHANGE)
        over_change = write.shown is not None and self._is_counted(write) and write.over_change
        if over_change and WORST_FIRST.index(result) > over:
            yield "I3", f"an overwrite was hidden as {result}"

    def _against_result(self, asked: Asked, result: Result, writes: list[Write]) -> Iterator[tuple[str, str]]:
        seen = any(stage == asked.stage for stage, _ in self.witness.ever[self.id])
        seen = seen or self._is_another_stage_by_now(asked.stage)
        # The ATS's own history tells of more than single reads have shown.
        seen = seen or asked.stage in self.witness.stood[self.id]
        if result in _DONE and not writes and not (seen or asked.stage is None):
            yield "I4", "said to be done, and nothing was"
        if result is Result.ALREADY and asked.stage is not None and asked.status is None and not seen:
            yield "I4", "said to be there, and never was"
        # What has ended may end otherwise, and what is gone is elsewhere: neither shows as a pair.
        could_show = (
            asked.base[1] and len(self.asked) == 1 and self.id in self.witness.dialect.simulator.truth()
        )
        if (
            result is Result.CONFLICT
            and could_show
            and not writes
            and self.witness.ever[self.id] <= {asked.base}
        ):
            yield "I4", "said to be a conflict, and it was never seen anywhere else"
        unaudited = result is Result.APPLIED and not all(map(self._is_counted, writes))
        if unaudited and "cannot show whether" not in self.told[asked.event].text:
            yield "I3", "the gap was not audited, and nobody says so"

    def _is_another_stage_by_now(self, stage: str | None) -> bool:
        """Whether the job has other stages than when it was asked for: the word means one of those now."""
        simulator = self.witness.dialect.simulator
        return self.id in simulator.truth() and stage not in simulator.stages_for(self.id)

    def _is_counted(self, write: Write) -> bool:
        dialect = self.witness.dialect
        anew = write.kinds == {"end"} and write.shown is not None and not write.shown.pair[1]
        return write.kinds <= dialect.counted and (dialect.counts_ending_anew or not anew)

    @property
    def _ways(self) -> Mapping[str, str]:
        return self.witness.dialect.ways

    def _parts(self, asked: Asked, result: Result | None) -> list[str]:
        """The single writes that a change may have come to."""
        parts = ["reactivate"] if asked.status == "Active" else []
        parts += ["way"] if asked.stage is not None and asked.base[0] in self._ways else []
        parts += ["move"] if asked.stage is not None else []
        anew = asked.stage is not None and asked.status != "Active" and self._may_end_anew(asked)
        parts = ["reactivate", *parts] if anew else parts
        parts += ["end"] if anew or asked.status not in (None, "Active") else []
        # A chain may have gone half its way before it failed.
        return [] if len(parts) == 1 and result in _NOTHING_WRITTEN else parts

    def _may_end_anew(self, asked: Asked) -> bool:
        older = self.asked[: self.asked.index(asked)]
        ended = not asked.base[1] or any(a.status not in (None, "Active") for a in older)
        return self.witness.dialect.ends_anew and ended

    def _is_of(self, write: Write, asked: Asked, kind: str) -> bool:
        if kind == "way":
            # Somebody may have gone it meanwhile: then it is written from where it leads to.
            return write.target is not None and write.target == self._ways.get(asked.base[0] or "")
        if kind not in write.kinds:
            return False
        if kind == "move":
            return write.target == asked.stage
        assert write.accepted.after is not None
        # An end that is made anew is the one that was there.
        return (
            kind == "reactivate"
            or asked.status is None
            or write.accepted.after.status == asked.status.lower()
        )


def _may_be_left_by(asked: Asked, pair: Pair) -> bool:
    """Whether a change that is done, or was so before, may have left an application so."""
    stage, active = pair
    if asked.status is not None and active is not (asked.status == "Active"):
        return False
    return asked.stage in (None, stage) or not active
