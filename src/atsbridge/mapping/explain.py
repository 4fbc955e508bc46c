"""In words, which rule of a mapping gave a value: for whoever is asked "why is she not in Phone Screen?"."""

from __future__ import annotations

from datetime import datetime

from ..model import Application, Job, State, StatusUpdate
from .engine import Engine
from .faults import KeyPath, quoted, written
from .plans import JobPlan
from .schema import WriteMode
from .targets import Refusal


def explain_mapping(engine: Engine, application: Application) -> list[str]:
    """How an application came to its step, status and reason in the CRM."""
    out = engine.in_scope(application)
    said = [f"left out: {out}"] if out else ["in scope"]
    meant = engine.reinterpret(application)
    plan = engine.plan(meant.job.id if meant.job else None)
    said.append(_step(engine, meant, plan=plan))
    if meant.status is not application.status:
        said.append(f"the mapping reads {application.status} as {meant.status} ({_why_meant(meant, plan)})")
    word = engine.status(meant)
    if word is None:
        said.append(f"no status: no word is mapped to {meant.status}")
    else:
        said.append(f"status {quoted(word)}: {_where(engine, ('statuses', word))} is {meant.status}")
    if meant.reason is not None:
        said.append(_reason(engine, meant, plan=plan))
    return said


def _where(engine: Engine, path: KeyPath) -> str:
    """A key path, and its line where the mapping was text."""
    line = engine.config.lines.get(path)
    return f"{written(path)} (line {line})" if line else written(path)


def _step(engine: Engine, application: Application, *, plan: JobPlan) -> str:
    if application.stage is None:
        return "no step: the ATS names no stage"
    stage_id = application.stage.id
    known = plan.stages.get(stage_id)
    called = quoted((known.name if known else None) or application.stage_name or stage_id)
    step = engine.step(application)
    if step is None:
        why = "no step lists it" if known else "it is not in the catalogue of this job"
        return f"no step: stage {called} (id {stage_id}) is unmapped, {why}"
    own = plan.job_id is not None and plan.job_id in engine.config.steps[step].jobs
    path: KeyPath = ("steps", step, "jobs", plan.job_id) if own and plan.job_id else ("steps", step)
    return f"step {quoted(step)}: {_where(engine, path)} lists stage {called} (id {stage_id})"


def _reason(engine: Engine, application: Application, *, plan: JobPlan) -> str:
    word = engine.reason(application)
    reason_id = application.reason.id if application.reason else ""
    known = plan.reasons.get(reason_id)
    called = quoted((known.name if known else None) or reason_id)
    if word is None:
        return f"no reason: {called} (id {reason_id}) is unmapped"
    return f"reason {quoted(word)}: {_where(engine, ('reasons', word))} lists {called} (id {reason_id})"


def _why_meant(application: Application, plan: JobPlan) -> str:
    if application.reason is not None and application.reason.id in plan.said:
        return written(("reasons", plan.reason_words[application.reason.id], "status"))
    return "kinds"


def explain_update(
    engine: Engine,
    update: StatusUpdate,
    *,
    expected: State,
    job_id: str | None,
    job: Job | None = None,
    now: datetime | None = None,
) -> list[str]:
    """What a recruiter's change comes to, and which rule lets it leave or keeps it.

    Args:
        now: when given, scope, mode and rules are told too.
    """
    plan = engine.plan(job_id)
    target = engine.target(update, expected=expected, job_id=job_id)
    if isinstance(target, Refusal):
        return [f"refused by {target}"]
    said = [f"asks for {_state(target, plan)}", f"expects {_state(expected, plan)}"]
    if target == expected:
        said.append("nothing would change")
    if now is None:
        return said
    owner = job or engine.jobs.get(job_id or "")
    refusal = engine.allows(update, expected=expected, target=target, job=owner, now=now)
    if refusal is not None:
        return [*said, f"refused by {refusal}"]
    sent = ", and not sent" if engine.mode is WriteMode.SHADOW else ""
    return [*said, f"allowed{sent}: write.mode is {engine.mode}"]


def _state(state: State, plan: JobPlan) -> str:
    """A state in the ATS's own names."""
    stage = plan.stages.get(state.stage or "")
    reason = plan.reasons.get(state.reason or "")
    parts = [
        f"stage {quoted((stage.name if stage else None) or state.stage or 'none')}",
        f"status {state.status}",
    ]
    if state.reason is not None:
        parts.append(f"reason {quoted((reason.name if reason else None) or state.reason)}")
    return ", ".join(parts)
