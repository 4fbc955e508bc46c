"""The chain of writes from one state to another, where the stage decides how an application stands.

At such an ATS (`Ats.STAGE_DECIDES`) move, end and hire are one thing: a change
to a stage that means it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from ..model import Action, Answer, ApplicationStatus, Stage, StageKind, State
from ..wire.vendor import Vendor
from .interface import Catalogue, PlannedWrite, Unplannable

ENDS: Mapping[StageKind, ApplicationStatus] = {
    StageKind.HIRED: ApplicationStatus.HIRED,
    StageKind.REJECTED: ApplicationStatus.REJECTED,
    StageKind.WITHDRAWN: ApplicationStatus.WITHDRAWN,
}
"""Which end a stage of a kind means."""
UNREADABLE = frozenset({StageKind.UNMAPPED, StageKind.ARCHIVED})
"""Kinds of stages that may end an application, and do not tell how."""
_ACTIONS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.HIRED: Action.HIRE,
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
}


@frozen(kw_only=True)
class StageChain:
    """The chain from one state to another, within the pipeline.

    Args:
        vendor: whose title a refusal begins with.
        word: what the vendor calls a stage. pipeline: what it calls a pipeline, in words.
        within_reach: whether an end that the change does not name may be this stage, from that state.
    """

    vendor: Vendor
    current: State
    target: State
    catalogue: Catalogue
    word: str
    pipeline: str
    within_reach: Callable[[State, Stage], bool] = lambda _here, _stage: True

    def writes(self) -> Sequence[PlannedWrite]:
        """The writes in order; one that changes nothing where the target is met.

        Raises:
            Unplannable: there is no way, or the change does not say which.
        """
        current, target = self.current, self.target
        if current.meets(target):
            return [PlannedWrite(Action.MOVE, current, current)]
        if target.status is ApplicationStatus.ACTIVE:
            if target.stage is None:
                raise self._no(f"takes an end back by a move to a {self.word}; the change names none")
            return [self._to(current, target.stage, ApplicationStatus.ACTIVE)]
        if target.status not in _ACTIONS:
            raise self._no(f"has no way to make an application {target.status}")
        named = target.stage if target.stage != current.stage else None
        if named is not None and self._meaning(named) is target.status:
            return [self._to(current, named, target.status)]
        if current.status is target.status and named is None:
            raise self._no(f"ends an application by a {self.word}, and it is in one that ends so")
        chain: list[PlannedWrite] = []
        if named is not None:
            if current.status is not ApplicationStatus.ACTIVE:
                raise self._no(f"keeps an application that has ended in the {self.word} of its end")
            chain.append(self._to(current, named, ApplicationStatus.ACTIVE))
        here = chain[-1].target if chain else current
        return [*chain, self._to(here, self._end(here, target.status), target.status)]

    def _to(self, here: State, stage: str, status: ApplicationStatus) -> PlannedWrite:
        known = self.catalogue.stage(stage)
        if known is None or not self.catalogue.leads(here.stage, stage):
            raise self._no(f"moves within {self.pipeline}, and that {self.word} is not in it")
        meaning = self._meaning(stage)
        if meaning is None:
            raise self._no(
                f"may end an application in that {self.word}; the mapping has to say what it is for"
            )
        if meaning is not status:
            raise self._no(f"decides by the {self.word} how an application stands; that one means another")
        if known.writable is Answer.NO:
            raise self._no(f"lets nothing be moved to that {self.word} from outside")
        if status in _ACTIONS:
            action = _ACTIONS[status]
        else:
            action = Action.MOVE if here.status is status else Action.REACTIVATE
        return PlannedWrite(action, here, State(stage, status))

    def _meaning(self, stage: str) -> ApplicationStatus | None:
        known = self.catalogue.stage(stage)
        if known is None or known.kind in UNREADABLE:
            return None
        return ENDS.get(known.kind, ApplicationStatus.ACTIVE)

    def _end(self, here: State, status: ApplicationStatus) -> str:
        """The only stage within reach that ends so and may be written."""
        found = [
            stage.ref.id
            for stage in self.catalogue.stages
            if ENDS.get(stage.kind) is status
            and stage.writable is not Answer.NO
            and self.within_reach(here, stage)
        ]
        if len(found) != 1:
            raise self._no(
                f"has not one {self.word} that ends so but {len(found)}: the change has to name the step"
            )
        return found[0]

    def _no(self, why: str) -> Unplannable:
        return Unplannable(f"{self.vendor.title} {why}", vendor=self.vendor.name)
