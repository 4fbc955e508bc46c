"""A mapping at work: what a record is to the CRM, and what a recruiter's change is to the ATS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import attrs
from attrs import field, frozen

from ..ats.interface import Catalogue
from ..model import Application, ApplicationStatus, Job, Record, StageKind, State, StatusUpdate
from . import scope
from .faults import Fault, Faults
from .kinds import ENDS
from .plans import JobPlan, Resolution
from .resolve import resolve
from .rules import check_rules
from .schema import MappingConfig, WriteMode, stable_digest
from .shaping import Shape, compile_shape
from .targets import Refusal, find_target

_DECIDED_BY_REASON = frozenset(
    {ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN, ApplicationStatus.UNKNOWN}
)
_UNDECIDED = frozenset({ApplicationStatus.ACTIVE, ApplicationStatus.UNKNOWN})


@frozen(kw_only=True, eq=False)
class Engine:
    """A mapping that fits its ATS. Made by `compile_mapping`; pure, and safe to share between threads."""

    config: MappingConfig
    resolution: Resolution = field(repr=False)
    jobs: Mapping[str, Job] = field(repr=False)
    drift: tuple[Fault, ...] = ()
    """Where the mapping no longer fits what the ATS has by now, though it once did."""
    _shape: Shape = field(repr=False, alias="shape")
    _words: Mapping[tuple[ApplicationStatus, str | None], str] = field(repr=False, alias="words")

    @cached_property
    def digest(self) -> str:
        """Of the mapping and of all that its names stand for: another one may map records otherwise."""
        plans = [("", self.resolution.account), *sorted(self.resolution.plans.items())]
        return stable_digest([self.config.digest, [(job_id, _facts(plan)) for job_id, plan in plans]])

    def plan(self, job_id: str | None) -> JobPlan:
        """What the mapping comes to for one job; for an unknown job, what holds account-wide."""
        if job_id is None:
            return self.resolution.account
        return self.resolution.plans.get(job_id, self.resolution.account)

    def catalogue(self, job_id: str | None) -> Catalogue:
        """A job's catalogue, with the kinds that the mapping gives to stages nobody typed."""
        return self.plan(job_id).catalogue

    # -- inward --

    def in_scope(self, record: Record, *, job: Job | None = None) -> str | None:
        """None if a record concerns the CRM, else the rule that leaves it out, in words.

        A tombstone is always in scope: what the CRM holds has to go.

        Args:
            job: the record's job; looked up among the jobs of the compilation where it is not given.
        """
        lead = isinstance(record, Application) and self._stage_kind(record) is StageKind.LEAD
        return scope.leaves_out(self.config, record, job=job, jobs=self.jobs, lead=lead)

    def _stage_kind(self, application: Application) -> StageKind | None:
        job, stage = application.job, application.stage
        known = self.plan(job.id if job else None).stages.get(stage.id) if stage else None
        return known.kind if known else None

    def step(self, application: Application) -> str | None:
        """The CRM's word for the confirmed stage; None if no step is mapped to it."""
        stage = application.stage
        if stage is None:
            return None
        job = application.job
        return self.plan(job.id if job is not None else None).steps.get(stage.id)

    def status(self, application: Application) -> str | None:
        """The CRM's word for the confirmed status: that of its step, where the mapping tells them apart."""
        words, status = self._words, application.status
        word = words.get((status, None))
        if self._paired:
            return words.get((status, self.step(application)), word)
        return word

    def reason(self, application: Application) -> str | None:
        """The CRM's word for the confirmed reason."""
        reason = application.reason
        if reason is None:
            return None
        job = application.job
        return self.plan(job.id if job is not None else None).reason_words.get(reason.id)

    @cached_property
    def _paired(self) -> bool:
        return any(step is not None for _, step in self._words)

    def shape(self, record: Record, *, raw: Mapping[str, Any] | None = None) -> Record:
        """The record without the fields that the allow-list leaves out, with the mapping's custom fields.

        Args:
            raw: the vendor's own record, as parsed; without it no custom field is read.
        """
        return self._shape.apply(record, raw)

    def reinterpret(self, application: Application) -> Application:
        """The status as the mapping's classification of reasons and stages has it; idempotent.

        A reason tells a withdrawal from a rejection. A stage that nobody but the
        mapping typed says how an application in it ended.
        """
        status = application.status
        plan = self.plan(application.job.id if application.job is not None else None)
        stage, reason = application.stage, application.reason
        if stage is not None and stage.id in plan.classified and status in _UNDECIDED:
            status = ENDS.get(plan.stages[stage.id].kind, status)
        if reason is not None and status in _DECIDED_BY_REASON:
            status = plan.said.get(reason.id, status)
        return application if status is application.status else restated(application, status)

    # -- outward --

    def target(self, update: StatusUpdate, *, expected: State, job_id: str | None) -> State | Refusal:
        """The whole state that a recruiter's change asks for, or why the mapping has no word for it."""
        plan = self.plan(job_id).along(expected.stage)
        return find_target(self.config, update, expected=expected, plan=plan)

    def allows(
        self, update: StatusUpdate, *, expected: State, target: State, job: Job | None, now: datetime
    ) -> Refusal | None:
        """None if a change may leave, else the rule that forbids it. What `shadow` means, see `mode`."""
        late = self.not_after(update)
        return check_rules(
            self.config,
            self.plan(job.ref.id if job is not None else None),
            expected=expected,
            target=target,
            job=job,
            expired=late is not None and now > late,
        )

    @property
    def mode(self) -> WriteMode:
        return self.config.writing.mode

    @property
    def cap_per_hour(self) -> int | None:
        return self.config.writing.cap_per_hour

    def not_after(self, update: StatusUpdate) -> datetime | None:
        """When a change becomes too old to be sent; None where the rules or the CRM name no time."""
        days = self.config.rules.not_after_days
        if days is None or update.occurred_at is None:
            return None
        try:
            return update.occurred_at + timedelta(days=days)
        except OverflowError:  # a CRM that writes the year 9999 for "no time"
            return None

    def acting_user(self, update: StatusUpdate) -> str | None:
        """The ATS user who is shown as the author of a change."""
        acting = self.config.acting_user
        return acting.by_actor.get(update.actor or "", acting.id)


def compile_mapping(
    config: MappingConfig,
    *,
    jobs: Sequence[Job],
    catalogues: Mapping[str | None, Catalogue],
    fitted: bool = False,
) -> Engine:
    """Bind a mapping to what the ATS has now.

    Args:
        catalogues: by job id; None is the account-wide one, which holds for every job.
        fitted: this very mapping has fitted this ATS before. What does not fit by now is the
            ATS's doing: it is kept as drift, blocks the words it concerns, and stops nothing else.

    Raises:
        MappingError: with every fault at once.
    """
    faults = Faults(config.lines)
    engine = bind(config, faults, jobs=jobs, catalogues=catalogues)
    if fitted:
        return attrs.evolve(engine, drift=faults.found)
    faults.raise_any()
    return engine


def bind(
    config: MappingConfig, faults: Faults, *, jobs: Sequence[Job], catalogues: Mapping[str | None, Catalogue]
) -> Engine:
    """`compile_mapping` for those who want to go on in spite of faults: a preflight, a suggestion."""
    return Engine(
        config=config,
        resolution=resolve(config, faults, jobs=jobs, catalogues=catalogues),
        jobs={job.ref.id: job for job in jobs},
        shape=compile_shape(config),
        words={
            (means, step): word
            for word, status in config.statuses.items()
            if status.inward
            for means in status.means
            for step in status.steps or (None,)
        },
    )


def restated(application: Application, status: ApplicationStatus) -> Application:
    """Another status, and the time of the end moved along with it."""
    ended_at = application.rejected_at or application.withdrawn_at or application.hired_at
    times = dict(_NO_END)
    if status in ENDS.values():
        times[f"{status.value}_at"] = ended_at
    return attrs.evolve(application, status=status, **times)  # type: ignore[arg-type]


_NO_END: Mapping[str, datetime | None] = {f"{status.value}_at": None for status in ENDS.values()}


def _facts(plan: JobPlan) -> list[object]:
    kinds = {stage_id: plan.stages[stage_id].kind.value for stage_id in plan.classified}
    own = [plan.steps, plan.writes, plan.reason_words, plan.reason_writes, plan.said, kinds]
    return [*own, *([id, _facts(part)] for id, part in sorted(plan.pipelines.items()))]
