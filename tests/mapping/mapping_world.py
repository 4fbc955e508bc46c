"""Small accounts for mapping tests: one pipeline for all jobs, or one per job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from atsbridge.ats.interface import Catalogue
from atsbridge.mapping import Engine, compile_mapping, load_mapping
from atsbridge.model import (
    Application,
    ApplicationStatus,
    Job,
    JobStatus,
    Kind,
    Reason,
    ReasonBy,
    Ref,
    Stage,
    StageKind,
    State,
    StatusUpdate,
)

NOW = datetime(2026, 7, 2, 12, tzinfo=UTC)
ACTIVE, REJECTED = ApplicationStatus.ACTIVE, ApplicationStatus.REJECTED
WITHDRAWN, HIRED = ApplicationStatus.WITHDRAWN, ApplicationStatus.HIRED


def ref(kind: Kind, id: str) -> Ref:
    return Ref("acme", kind, id)


def stage(id: str, name: str | None, *, job: str | None = None, **more: Any) -> Stage:
    owner = ref(Kind.JOB, job) if job else None
    return Stage(ref=ref(Kind.STAGE, id), read_at=NOW, name=name, job=owner, **more)


def reason(id: str, name: str | None, **more: Any) -> Reason:
    return Reason(ref=ref(Kind.REASON, id), read_at=NOW, name=name, **more)


def job(id: str, **more: Any) -> Job:
    return Job(ref=ref(Kind.JOB, id), read_at=NOW, **{"status": JobStatus.OPEN, "title": f"Job {id}", **more})


def application(
    *, stage: str | None = None, job: str | None = None, reason: str | None = None, **more: Any
) -> Application:
    return Application(
        ref=ref(Kind.APPLICATION, "a1"),
        read_at=NOW,
        stage=ref(Kind.STAGE, stage) if stage else None,
        job=ref(Kind.JOB, job) if job else None,
        reason=ref(Kind.REASON, reason) if reason else None,
        **{"status": ACTIVE, **more},
    )


def update(**more: Any) -> StatusUpdate:
    return StatusUpdate(event_id="e1", application=ref(Kind.APPLICATION, "a1"), **more)


REASONS = (
    reason("r-under", "Under-qualified", outcome=REJECTED),
    reason("r-left", "Withdrew", outcome=REJECTED),
    reason("r-old", "No response", outcome=REJECTED, active=False),
    reason("r-hired", "Hired", outcome=HIRED),
    reason("r-they", "They said no", by=ReasonBy.CANDIDATE),
)

ONE_PIPELINE = {
    None: Catalogue(
        None,
        (
            stage("lead-new", "New lead"),
            stage("applicant-new", "New applicant"),
            stage("s-screen", "Recruiter screen"),
            stage("s-hm", "HM Screen"),
            stage("s-onsite", "On-site interview"),
            stage("offer", "Offer"),
        ),
        REASONS,
    )
}

PER_JOB = {
    "1": Catalogue(
        ref(Kind.JOB, "1"),
        (
            stage("10", "New Lead", job="1", order=-1, kind=StageKind.LEAD),
            stage("11", "Application Review", job="1", order=0),
            stage("12", "Phone Screen", job="1", order=1),
            stage("13", "Face to Face", job="1", order=2),
            stage("14", "Old Test", job="1", order=3, active=False),
            stage("19", "Hired", job="1", order=9, kind=StageKind.HIRED),
        ),
        REASONS,
    ),
    "2": Catalogue(
        ref(Kind.JOB, "2"),
        (
            stage("21", "Application Review", job="2", order=0),
            stage("22", "Telephone", job="2", order=1),
            stage("25", "Limbo", job="2", order=2, kind=StageKind.UNMAPPED),
            stage("26", "Twin", job="2", order=3),
            stage("27", "Twin", job="2", order=4),
        ),
        REASONS,
    ),
}
JOBS = (job("1"), job("2"))

TWO_PIPELINES = {
    "1": Catalogue(
        ref(Kind.JOB, "1"),
        (
            stage("p1", "Review", pipeline="p", order=0),
            stage("p2", "Screen", pipeline="p", order=2),
            stage("q1", "Review", pipeline="q", order=0),
            stage("q3", "Role play", pipeline="q", order=2),
        ),
        REASONS,
    )
}
"""A job whose applications go through either of two pipelines; which is the usual one, the job says."""


def engine(mapping: Any, *, per_job: bool = False) -> Engine:
    config = load_mapping(mapping)
    return compile_mapping(config, jobs=JOBS, catalogues=PER_JOB if per_job else ONE_PIPELINE)


def at(stage: str | None, status: ApplicationStatus = ACTIVE, reason: str | None = None) -> State:
    return State(stage=stage, status=status, reason=reason)


PLAIN = """
version = 1
[steps.Screen]
stages = ["Recruiter screen", "HM Screen"]
write = "Recruiter screen"
[steps.Onsite]
stages = ["On-site interview"]
[steps.Offer]
stages = [{id = "offer"}]
[statuses.Active]
is = "active"
[statuses.Rejected]
is = "rejected"
[statuses.Withdrawn]
is = "withdrawn"
reason = "Candidate left"
[statuses.Hired]
is = "hired"
[reasons."Not qualified"]
reasons = ["Under-qualified", "No response"]
[reasons."Candidate left"]
reasons = ["Withdrew"]
status = "withdrawn"
[reasons.Joined]
reasons = ["Hired"]
[write]
mode = "on"
[rules]
reason_required = ["rejected"]
"""
