"""From a recruiter's words to the state they ask of the ATS: step, status and reason, job by job."""

from __future__ import annotations

from attrs import frozen

from ..model import ApplicationStatus, Need, State, StatusUpdate
from .faults import quoted
from .kinds import ENDS
from .plans import JobPlan
from .schema import MappingConfig, Status

WRITABLE = frozenset({ApplicationStatus.ACTIVE, *ENDS.values()})
"""The statuses an ATS can be asked for."""


@frozen
class Refusal:
    """Why a change does not leave: the rule's key in the mapping, and the reason in words."""

    rule: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


class _Refused(Exception):
    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.refusal = Refusal(rule, why)


def find_target(
    config: MappingConfig, update: StatusUpdate, *, expected: State, plan: JobPlan
) -> State | Refusal:
    """The whole state asked for. What the change does not name stays as expected."""
    try:
        return _Finder(config, update, expected, plan).find()
    except _Refused as refused:
        return refused.refusal


@frozen
class _Finder:
    config: MappingConfig
    update: StatusUpdate
    expected: State
    plan: JobPlan

    def find(self) -> State:
        if self.update.step is None and self.update.status is None:
            raise _Refused("steps", "the change names neither a step nor a status")
        entry = self._entry()
        stage = self._stage(entry)
        reason, meaning = self._named_reason(entry, stage)
        status = self._status(entry, stage=stage, meaning=meaning)
        self._check_hire(status)
        reason = self._reason(reason, meaning, stage=stage, status=status)
        return State(stage=stage, status=status, reason=reason)

    def _entry(self) -> Status | None:
        word = self.update.status
        if word is None:
            return None
        entry = self.config.statuses.get(word)
        if entry is None:
            raise _Refused("statuses", f"no status {quoted(word)} is mapped")
        if entry.write is False:
            raise _Refused("statuses", f"{quoted(word)} is read only: the mapping says write = false")
        if entry.steps and self.update.step is not None and self.update.step not in entry.steps:
            raise _Refused("statuses", f"{quoted(word)} does not go with step {quoted(self.update.step)}")
        return entry

    # -- stage --

    def _stage(self, entry: Status | None) -> str | None:
        word = self.update.step
        current = self.plan.steps.get(self.expected.stage or "")
        if word is None and entry is not None and entry.steps and current not in entry.steps:
            # The status is that of a step the application is not in: it asks for the step too.
            if len(entry.steps) != 1:
                raise _Refused("statuses", "this status goes with several steps, and the change names none")
            word = entry.steps[0]
        if word is None:
            return self.expected.stage
        if word not in self.config.steps:
            raise _Refused("steps", f"no step {quoted(word)} is mapped")
        if current == word:
            return self.expected.stage  # of several stages in one step, the one it stands in will do
        stage = self.plan.writes.get(word)
        if stage is None:
            why = self.plan.blocked.get(word, "no stage of this job is mapped to it")
            raise _Refused("steps", f"step {quoted(word)} cannot be written here: {why}")
        return stage

    def _implied(self, stage: str | None) -> ApplicationStatus | None:
        """How an application ended that stands there; None if standing there ends nothing."""
        known = self.plan.stages.get(stage or "")
        return ENDS.get(known.kind) if known else None

    # -- status --

    def _status(
        self, entry: Status | None, *, stage: str | None, meaning: ApplicationStatus | None
    ) -> ApplicationStatus:
        implied = self._implied(stage)
        if entry is None:
            status = implied or self._unnamed(stage)
        else:
            status = next((s for s in entry.means if s in (implied, meaning)), entry.means[0])
            if implied is not None and status is not implied:
                raise _Refused("statuses", f"the stage means {implied}, and the status {status}")
        if status is not self.expected.status and status not in WRITABLE:
            raise _Refused("statuses", f"an ATS cannot be asked for {status}")
        return status

    def _unnamed(self, stage: str | None) -> ApplicationStatus:
        """A step alone keeps the status, unless leaving the stage is what takes the end back."""
        if stage != self.expected.stage and self._implied(self.expected.stage) is not None:
            return ApplicationStatus.ACTIVE
        return self.expected.status

    def _check_hire(self, status: ApplicationStatus) -> None:
        if status is not ApplicationStatus.HIRED or self.expected.status is ApplicationStatus.HIRED:
            return
        words = [word for word in (self.update.status, self.update.step) if word is not None]
        if not any(word in self.config.rules.hire for word in words):
            named = " or ".join(map(quoted, words))
            raise _Refused("rules.hire", f"it would hire, and rules.hire does not name {named}")

    # -- reason --

    def _named_reason(
        self, entry: Status | None, stage: str | None
    ) -> tuple[str | None, ApplicationStatus | None]:
        """The reason's id and what it means; the status's own where the recruiter gave none."""
        ends = self._implied(stage) is not None or (entry is not None and entry.means[0] in ENDS.values())
        word = self.update.reason
        if word is None and entry is not None and self.expected.status not in entry.means:
            word = entry.reason
        if word is None or not ends:
            return None, None
        if word not in self.config.reasons:
            raise _Refused("reasons", f"no reason {quoted(word)} is mapped")
        reason = self.plan.reason_writes.get(word)
        if reason is None:
            why = self.plan.reason_blocked.get(word, "no reason")
            raise _Refused("reasons", f"reason {quoted(word)} cannot be written here: {why}")
        return reason, self.plan.meanings.get(reason)

    def _reason(
        self,
        reason: str | None,
        meaning: ApplicationStatus | None,
        *,
        stage: str | None,
        status: ApplicationStatus,
    ) -> str | None:
        if reason is not None:
            if meaning is not None and meaning is not status:
                raise _Refused("reasons", f"the reason means {meaning}, and the change asks for {status}")
            return reason
        if status is self.expected.status:
            return self.expected.reason
        entered = self.plan.stages.get(stage or "") if stage != self.expected.stage else None
        needed = entered is not None and Need.REASON in entered.needs
        if needed or status in self.config.rules.reason_required:
            raise _Refused("rules.reason_required", f"a reason is required for {status}, and none was given")
        return None
