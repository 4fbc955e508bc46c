"""Holds a mapping against the ATS as it is now: faults, gaps, and what has drifted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from attrs import frozen

from ..ats.interface import Catalogue
from ..model import ApplicationStatus, Job, Reason, Stage
from .engine import Engine, bind
from .faults import Faults, KeyPath, listed, quoted, written
from .plans import JobPlan, alive, in_scope_job, is_open
from .schema import MappingConfig, WriteMode


class Severity(StrEnum):
    FAULT = "fault"
    """the mapping is refused"""
    WARNING = "warning"
    """something will be unmapped or refused"""
    INFO = "info"


@frozen(kw_only=True)
class MappingFinding:
    """One thing a reviewer should know: how bad, what, where in the mapping, how to mend it."""

    severity: Severity
    what: str
    where: str
    mend: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """Where in the mapping, with the line where the mapping was text."""
        return f"{self.where} (line {self.line})" if self.line else self.where

    def __str__(self) -> str:
        return f"{self.severity.upper()} {self.place}: {self.what}" + (f"; {self.mend}" if self.mend else "")


@frozen
class MappingReport:
    """What `check_mapping` found, faults first."""

    findings: tuple[MappingFinding, ...]

    @property
    def ok(self) -> bool:
        """No fault: the mapping compiles."""
        return not any(f.severity is Severity.FAULT for f in self.findings)

    def of(self, severity: Severity) -> tuple[MappingFinding, ...]:
        return tuple(f for f in self.findings if f.severity is severity)


def check_mapping(
    config: MappingConfig, *, jobs: Sequence[Job], catalogues: Mapping[str | None, Catalogue]
) -> MappingReport:
    """Every fault that `compile_mapping` would raise, and every gap it would let pass."""
    faults = Faults(config.lines)
    engine = bind(config, faults, jobs=jobs, catalogues=catalogues)
    findings = [
        MappingFinding(severity=Severity.FAULT, what=f.what, where=f.path, mend=f.mend, line=f.line)
        for f in faults.found
    ]
    plans = _live_plans(engine)
    for found in (
        _stages_covered(plans),
        _steps_writable(config, plans),
        _reasons_covered(plans),
        _statuses_covered(config),
        _left_over(config, jobs),
    ):
        findings.extend(found)
    order = list(Severity)
    return MappingReport(tuple(sorted(findings, key=lambda f: order.index(f.severity))))


def _live_plans(engine: Engine) -> list[tuple[str, JobPlan]]:
    """Open jobs in scope, by the name that people know and the id that a mapping takes; else the account."""
    live = [j for j in engine.jobs.values() if is_open(j) and in_scope_job(engine.config, j) is None]
    if not live:
        return [("the account", engine.plan(None))]
    return [
        (f"{job.title}, id {job.ref.id}" if job.title else job.ref.id, engine.plan(job.ref.id))
        for job in live
    ]


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Each thing that is amiss, with the jobs in which it is."""
    groups: dict[str, list[str]] = {}
    for what, job in pairs:
        groups.setdefault(what, []).append(job)
    return groups


def _warn(what: str, where: KeyPath, mend: str) -> MappingFinding:
    return MappingFinding(severity=Severity.WARNING, what=what, where=written(where), mend=mend)


def _info(what: str, where: KeyPath, mend: str = "") -> MappingFinding:
    return MappingFinding(severity=Severity.INFO, what=what, where=written(where), mend=mend)


def _stages_covered(plans: Sequence[tuple[str, JobPlan]]) -> Iterator[MappingFinding]:
    missing = _grouped(
        (stage.name or stage.ref.id, job)
        for job, plan in plans
        for stage in plan.stages.values()
        if alive(stage) and stage.ref.id not in plan.steps
    )
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, jobs in missing.items():
        alike.setdefault(tuple(jobs), []).append(name)
    for where, names in alike.items():
        called = f"stage {quoted(names[0])} is" if len(names) == 1 else f"stages {listed(names, most=20)} are"
        what = f"{called} in no step ({listed(where)}): applications there show no step"
        yield _warn(what, ("steps",), f"add {'it' if len(names) == 1 else 'each'} to the stages of a step")


def _steps_writable(config: MappingConfig, plans: Sequence[tuple[str, JobPlan]]) -> Iterator[MappingFinding]:
    for word, step in config.steps.items():
        path: KeyPath = ("steps", word)
        if step.places.write is False:
            yield _info("read only: it cannot be asked for", path)
            continue
        blocked = _grouped((p.blocked[word], job) for job, p in plans if word in p.blocked)
        for why, jobs in blocked.items():
            yield _warn(
                f"cannot be written in {listed(jobs, most=20)}: {why}",
                path,
                "give these jobs a stage of their own",
            )


def _reasons_covered(plans: Sequence[tuple[str, JobPlan]]) -> Iterator[MappingFinding]:
    missing = _grouped(
        (reason.name or reason.ref.id, job)
        for job, plan in plans
        for reason in plan.reasons.values()
        if alive(reason) and reason.ref.id not in plan.reason_words
    )
    if missing:
        what = f"reasons without a word of the CRM: {listed(missing, most=20)}"
        yield _warn(what, ("reasons",), "add them to the reasons of a CRM reason")


def _statuses_covered(config: MappingConfig) -> Iterator[MappingFinding]:
    shown = {means for status in config.statuses.values() if status.inward for means in status.means}
    for status in ApplicationStatus:
        if status not in shown and status not in (ApplicationStatus.UNKNOWN, ApplicationStatus.CONVERTED):
            yield _warn(
                f"status {status} has no word of the CRM", ("statuses",), "add one, or it shows as none"
            )
    for word, entry in config.statuses.items():
        if ApplicationStatus.HIRED in entry.means and word not in config.rules.hire:
            yield _info("hires are read, and cannot be asked for", ("statuses", word))


def _left_over(config: MappingConfig, jobs: Sequence[Job]) -> Iterator[MappingFinding]:
    """Entries that have no effect."""
    departments = {d.name for job in jobs for d in job.departments}
    for name in config.scope.departments:
        if name not in departments:
            yield _warn(f"no job is in department {quoted(name)}", ("scope", "departments"), "check the name")
    by_id = {job.ref.id: job for job in jobs}
    pilot = config.writing.pilot_jobs if config.writing.mode is WriteMode.PILOT else ()
    named: list[tuple[KeyPath, str]] = [(("write", "pilot_jobs"), job_id) for job_id in pilot]
    named += [(("rules", "jobs"), job_id) for job_id in config.rules.jobs]
    named += [(("steps", word, "jobs"), j) for word, step in config.steps.items() for j in step.jobs]
    for path, job_id in named:
        why = in_scope_job(config, by_id[job_id]) if job_id in by_id else None
        if why:
            yield _warn(
                f"job {quoted(job_id)} is out of scope: {why}", path, "widen the scope, or leave it out"
            )
    if config.match_email and config.scope.fields is not None and _hides_email(config.scope.fields):
        yield _warn("matching needs the e-mail, and scope.fields leaves it out", ("match", "email"), "add it")


def _hides_email(fields: Sequence[str]) -> bool:
    return any(f.startswith("candidate.") for f in fields) and "candidate.emails" not in fields


# --- drift ---------------------------------------------------------------------------------------


class Drift(StrEnum):
    ADDED = "added"
    RENAMED = "renamed"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    RETYPED = "retyped"
    REMOVED = "removed"


@frozen(kw_only=True)
class DriftFinding:
    """One change of a stage or reason since the last look, by id."""

    drift: Drift
    job: str | None
    kind: str
    id: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        names = " to ".join(quoted(n) for n in (self.before, self.after) if n is not None)
        return f"{self.kind} {self.id} {self.drift} {names}".strip() + (
            f" (job {self.job})" if self.job else ""
        )


def drift(old: Mapping[str | None, Catalogue], new: Mapping[str | None, Catalogue]) -> list[DriftFinding]:
    """What changed between two looks at an ATS's configuration. A job that came or went is no drift."""
    found: list[DriftFinding] = []
    for job in sorted(old.keys() & new.keys(), key=lambda key: key or ""):
        found.extend(_drift(job, old[job].stages, new[job].stages))
        found.extend(_drift(job, old[job].reasons, new[job].reasons))
    return found


def _drift(
    job: str | None, old: Sequence[Stage] | Sequence[Reason], new: Sequence[Stage] | Sequence[Reason]
) -> Iterator[DriftFinding]:
    before = {record.ref.id: record for record in old}
    after = {record.ref.id: record for record in new}
    for record_id in dict.fromkeys([*before, *after]):
        was, now = before.get(record_id), after.get(record_id)
        kind = str((was or now or old[0]).ref.kind)
        for change in _changes(was, now):
            yield DriftFinding(
                drift=change,
                job=job,
                kind=kind,
                id=record_id,
                before=was.name if was else None,
                after=now.name if now else None,
            )


def _changes(was: Stage | Reason | None, now: Stage | Reason | None) -> Iterator[Drift]:
    if was is None or now is None:
        yield Drift.ADDED if was is None else Drift.REMOVED
        return
    if was.name != now.name:
        yield Drift.RENAMED
    if alive(was) != alive(now):
        yield Drift.REACTIVATED if alive(now) else Drift.DEACTIVATED
    if _means(was) != _means(now):
        yield Drift.RETYPED


def _means(record: Stage | Reason) -> tuple[object, ...]:
    if isinstance(record, Stage):
        return (record.kind, record.writable)
    return (record.outcome, record.by)
