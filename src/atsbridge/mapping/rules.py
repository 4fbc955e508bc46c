"""Which of a recruiter's changes may leave: the rules, the scope and the write mode."""

from __future__ import annotations

from ..model import ApplicationStatus, Job, Kind, State
from .plans import JobPlan, in_scope_job
from .schema import MappingConfig, WriteMode
from .scope import TERMINAL
from .targets import Refusal

_TAKEN_BACK = frozenset({ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN})


def check_rules(
    config: MappingConfig,
    plan: JobPlan,
    *,
    expected: State,
    target: State,
    job: Job | None,
    expired: bool,
) -> Refusal | None:
    """The first rule that forbids a change, or None."""
    return (
        _mode(config, job)
        or _scope(config, job)
        or _expiry(config, expired)
        or _ended(config, expected=expected, target=target)
        or _forward(config, expected=expected, target=target, plan=plan)
    )


def _mode(config: MappingConfig, job: Job | None) -> Refusal | None:
    writing = config.writing
    if writing.mode is WriteMode.OFF:
        return Refusal("write.mode", "writing is off")
    if writing.mode is WriteMode.PILOT and (job is None or job.ref.id not in writing.pilot_jobs):
        return Refusal("write.mode", "this is a pilot, and write.pilot_jobs does not name the job")
    return None


def _scope(config: MappingConfig, job: Job | None) -> Refusal | None:
    if Kind.APPLICATION not in config.scope.kinds:
        return Refusal("scope", "scope.kinds does not name application")
    if job is None:
        if not config.scope.prospects:
            return Refusal("scope", "scope.prospects is false, and the application has no job")
    elif out := in_scope_job(config, job):
        return Refusal("scope", out)
    if config.rules.jobs and (job is None or job.ref.id not in config.rules.jobs):
        return Refusal("rules.jobs", "changes may leave for the jobs in rules.jobs only")
    return None


def _expiry(config: MappingConfig, expired: bool) -> Refusal | None:
    if not expired:
        return None
    return Refusal("rules.not_after_days", f"the change is older than {config.rules.not_after_days} days")


def _ended(config: MappingConfig, *, expected: State, target: State) -> Refusal | None:
    """What has ended stays as it ended, unless a rule says otherwise."""
    same = target.stage == expected.stage and target.status is expected.status
    if same and target.reason in (None, expected.reason):
        return None
    if expected.status is ApplicationStatus.UNKNOWN:
        return Refusal("rules.ended", "nobody knows what the ATS's word for its status means")
    if expected.status not in TERMINAL:
        return None
    if target.status is ApplicationStatus.ACTIVE and expected.status in _TAKEN_BACK:
        if config.rules.reactivate:
            return None
        return Refusal("rules.reactivate", f"the application is {expected.status}, and reactivate is false")
    if expected.status in _TAKEN_BACK and config.rules.change_ended:
        return None
    if expected.status in _TAKEN_BACK:
        return Refusal("rules.change_ended", f"it has ended as {expected.status}, and change_ended is false")
    return Refusal("rules.ended", f"it has ended as {expected.status}; only the ATS itself takes that back")


def _forward(config: MappingConfig, *, expected: State, target: State, plan: JobPlan) -> Refusal | None:
    if not config.rules.forward_only or target.stage == expected.stage:
        return None
    before, after = plan.order.get(expected.stage or ""), plan.order.get(target.stage or "")
    if before is None or after is None:
        return Refusal("rules.forward_only", "it cannot be shown that this is a move forward")
    if after < before:
        return Refusal("rules.forward_only", "it would move the application backward")
    return None
