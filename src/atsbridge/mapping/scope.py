"""Which records concern the CRM: the scope of a mapping."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Application, ApplicationStatus, Candidate, Job, Record, Stage
from .plans import in_scope_job
from .schema import MappingConfig

TERMINAL = frozenset(
    {
        ApplicationStatus.HIRED,
        ApplicationStatus.REJECTED,
        ApplicationStatus.WITHDRAWN,
        ApplicationStatus.CONVERTED,
    }
)
"""The statuses of an application that has ended."""


def leaves_out(
    config: MappingConfig, record: Record, *, job: Job | None, jobs: Mapping[str, Job], lead: bool = False
) -> str | None:
    """The rule that leaves a record out, in words; None where it is in scope.

    Args:
        lead: it is an application that stands in a stage of leads.
    """
    if record.ref.kind not in config.scope.kinds:
        return f"scope.kinds does not name {record.ref.kind}"
    if record.deleted is not None:
        return None
    if isinstance(record, Application):
        if lead and record.status is ApplicationStatus.ACTIVE and not config.scope.leads:
            return "scope.leads is false, and nobody has applied here yet"
        return _application(config, record, job=job, jobs=jobs)
    if isinstance(record, Job):
        return in_scope_job(config, record)
    if isinstance(record, Candidate) and record.confidential and not config.scope.confidential:
        return "scope.confidential is false, and this candidate is confidential"
    if isinstance(record, Stage) and record.job is not None:
        owner = job or jobs.get(record.job.id)
        return in_scope_job(config, owner) if owner else None
    return None


def _application(
    config: MappingConfig, application: Application, *, job: Job | None, jobs: Mapping[str, Job]
) -> str | None:
    scope = config.scope
    if application.job is None and not scope.prospects:
        return "scope.prospects is false, and this application has no job"
    if application.status in TERMINAL and not scope.terminal:
        return f"scope.terminal is false, and this application is {application.status}"
    began = application.applied_at or application.created_at
    if scope.applied_since and began and began.date() < scope.applied_since:
        return f"scope.applied_since is {scope.applied_since}, and this application is older"
    if application.job is None:
        return None
    owner = job or jobs.get(application.job.id)
    if owner is not None:
        return in_scope_job(config, owner)
    if isinstance(scope.jobs, tuple) and application.job.id not in scope.jobs:
        return "scope.jobs does not name this application's job"
    return None
