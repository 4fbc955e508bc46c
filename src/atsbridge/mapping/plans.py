"""What a mapping comes to, job by job, once it is held against an ATS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from ..ats.interface import Catalogue
from ..model import ApplicationStatus, Job, JobStatus, Reason, Stage
from .faults import KeyPath
from .schema import Jobs, MappingConfig

_CLOSED = frozenset({JobStatus.DRAFT, JobStatus.CLOSED, JobStatus.FILLED, JobStatus.ARCHIVED})


def is_open(job: Job) -> bool:
    """Not known to be closed: on hold, or of unknown status, is open."""
    return job.status not in _CLOSED


@frozen(kw_only=True)
class JobPlan:
    """What a mapping comes to for one job.

    Args:
        catalogue: the job's own, with the mapping's kinds.
        stages: by id. order: each stage's place in the pipeline.
        steps: stage id to CRM step. writes: CRM step to stage id.
        blocked: why a step cannot be written here.
        reason_words, reason_writes, reason_blocked: the same for reasons.
        meanings: how an application ended, by reason id; ``said`` those the mapping says itself.
        classified: stages whose kind the mapping gave.
        pipelines: where the job has several, what it comes to in each; this plan writes to the first.
    """

    job_id: str | None = None
    catalogue: Catalogue = field(factory=lambda: Catalogue(None))
    stages: Mapping[str, Stage] = field(factory=dict)
    order: Mapping[str, int] = field(factory=dict)
    classified: frozenset[str] = frozenset()
    steps: Mapping[str, str] = field(factory=dict)
    writes: Mapping[str, str] = field(factory=dict)
    blocked: Mapping[str, str] = field(factory=dict)
    reasons: Mapping[str, Reason] = field(factory=dict)
    reason_words: Mapping[str, str] = field(factory=dict)
    reason_writes: Mapping[str, str] = field(factory=dict)
    reason_blocked: Mapping[str, str] = field(factory=dict)
    meanings: Mapping[str, ApplicationStatus] = field(factory=dict)
    said: Mapping[str, ApplicationStatus] = field(factory=dict)
    pipelines: Mapping[str, JobPlan] = field(factory=dict)

    def along(self, stage_id: str | None) -> JobPlan:
        """The plan of the pipeline that a stage belongs to: an application stays in its own."""
        stage = self.stages.get(stage_id or "")
        return self.pipelines.get(stage.pipeline or "", self) if stage else self


@frozen
class Resolution:
    """Every job's plan; ``account`` is for jobs that have no catalogue of their own."""

    plans: Mapping[str, JobPlan]
    account: JobPlan
    used: frozenset[KeyPath]


def alive(record: Stage | Reason) -> bool:
    return record.active is not False and record.deleted is None


def by_pipeline(stages: Sequence[Stage], *, usual: Sequence[str] = ()) -> dict[str, tuple[Stage, ...]]:
    """A job's stages apart by pipeline, the usual ones first; stages of none come first in all of them."""
    found = {stage.pipeline for stage in stages if stage.pipeline is not None}
    shared = tuple(stage for stage in stages if stage.pipeline is None)
    return {
        id: (*shared, *(stage for stage in stages if stage.pipeline == id))
        for id in dict.fromkeys([*(id for id in usual if id in found), *sorted(found)])
    }


def in_scope_job(config: MappingConfig, job: Job) -> str | None:
    """The rule of the scope that leaves a job out, in words; None where it is in."""
    scope = config.scope
    if isinstance(scope.jobs, tuple) and job.ref.id not in scope.jobs:
        return "scope.jobs does not name this job"
    if scope.jobs is Jobs.OPEN and not is_open(job):
        return f"scope.jobs takes open jobs only, and this one is {job.status}"
    if scope.departments and not any(d.name in scope.departments for d in job.departments):
        return "scope.departments names none of this job's departments"
    if job.confidential and not scope.confidential:
        return "scope.confidential is false, and this job is confidential"
    return None
