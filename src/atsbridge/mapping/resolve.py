"""Holds a mapping against an ATS's jobs, stages and reasons: which id each name stands for, job by job.

Names are looked up within one job's own stages and never beyond, so whatever a
mapping says, nothing comes out that is not in that job's catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import attrs
from attrs import define, field

from ..ats.interface import Catalogue
from ..model import Answer, ApplicationStatus, Job, Reason, ReasonBy, Stage, StageKind
from .faults import Faults, KeyPath, listed, quoted
from .plans import JobPlan, Resolution, alive, by_pipeline, in_scope_job, is_open
from .schema import MappingConfig, Pick, Places

R = TypeVar("R", Stage, Reason)


@define
class _Trouble:
    """One thing wrong with one entry, in one or many jobs."""

    what: str
    mend: str
    spared: bool
    jobs: list[str | None] = field(factory=list)


def resolve(
    config: MappingConfig, faults: Faults, *, jobs: Sequence[Job], catalogues: Mapping[str | None, Catalogue]
) -> Resolution:
    return _Resolver(config, faults, jobs=jobs, catalogues=catalogues).run()


class _Resolver:
    def __init__(
        self,
        config: MappingConfig,
        faults: Faults,
        *,
        jobs: Sequence[Job],
        catalogues: Mapping[str | None, Catalogue],
    ) -> None:
        self.config = config
        self.faults = faults
        self.jobs = {job.ref.id: job for job in jobs}
        self.catalogues = catalogues
        self.used: set[KeyPath] = set()
        self.troubles: dict[tuple[KeyPath, str], _Trouble] = {}
        self.written: set[KeyPath] = set()
        self.counts = True

    def run(self) -> Resolution:
        self._check_job_ids()
        account = self._plan(None)
        own = {k for k in self.catalogues if k is not None}
        own.update(job_id for step in self.config.steps.values() for job_id in step.jobs)
        whole = self.catalogues.get(None)
        if whole and any(stage.job is not None for stage in whole.stages):
            own.update(self.jobs)
        plans = {job_id: self._plan(job_id) for job_id in sorted(own)}
        self._report_troubles()
        self._report_unused([account, *plans.values()])
        return Resolution(plans, account, frozenset(self.used))

    # -- one job --

    def _plan(self, job_id: str | None) -> JobPlan:
        job = self.jobs.get(job_id) if job_id is not None else None
        self.counts = job is None or (is_open(job) and in_scope_job(self.config, job) is None)
        catalogue, classified = self._own_catalogue(job_id)
        parts = by_pipeline(catalogue.stages, usual=job.pipelines if job else ())
        if len(parts) < 2:
            return self._filled(job_id, catalogue, classified)
        plans = {
            id: self._filled(job_id, attrs.evolve(catalogue, stages=stages), classified)
            for id, stages in parts.items()
        }
        first, *others = plans.values()
        return attrs.evolve(
            first,
            catalogue=catalogue,
            stages={stage.ref.id: stage for stage in catalogue.stages},
            order={**first.order, **{id: n for plan in others for id, n in plan.order.items()}},
            classified=classified,
            steps={**first.steps, **{id: word for plan in others for id, word in plan.steps.items()}},
            pipelines=plans,
        )

    def _filled(self, job_id: str | None, catalogue: Catalogue, classified: frozenset[str]) -> JobPlan:
        stages = {stage.ref.id: stage for stage in catalogue.stages}
        plan = JobPlan(
            job_id=job_id,
            catalogue=catalogue,
            stages=stages,
            order=_order(catalogue.stages),
            classified=classified & stages.keys(),
            reasons={reason.ref.id: reason for reason in catalogue.reasons},
        )
        return self._reasons(self._steps(plan))

    def _own_catalogue(self, job_id: str | None) -> tuple[Catalogue, frozenset[str]]:
        """The job's stages and the account's, none of another job, with the mapping's kinds."""
        own, whole = self.catalogues.get(job_id), self.catalogues.get(None)
        stages: dict[str, Stage] = {}
        reasons: dict[str, Reason] = {}
        for source in (own, whole):
            for stage in source.stages if source else ():
                if stage.job is None or stage.job.id == job_id:
                    _ = stages.setdefault(stage.ref.id, stage)
            for reason in source.reasons if source else ():
                _ = reasons.setdefault(reason.ref.id, reason)
        kinds = {sid: self._kind(stage) for sid, stage in stages.items()}
        classified = frozenset(sid for sid, kind in kinds.items() if kind is not stages[sid].kind)
        kinded = tuple(attrs.evolve(s, kind=kinds[i]) if i in classified else s for i, s in stages.items())
        job_ref = own.job if own else None
        return Catalogue(job_ref, kinded, tuple(reasons.values())), classified

    def _kind(self, stage: Stage) -> StageKind:
        """The vendor's own word, else the mapping's: a mapping cannot call a hiring stage a screen."""
        key = stage.ref.id if stage.ref.id in self.config.kinds else stage.name or ""
        kind = self.config.kinds.get(key)
        if kind is None:
            return stage.kind
        self.used.add(("kinds", key))
        if stage.kind in (StageKind.OTHER, StageKind.UNMAPPED):
            return kind
        if kind is not stage.kind:
            self.faults.add(
                ("kinds", key),
                f"the ATS itself says that this stage is {stage.kind}",
                "leave it out of kinds",
            )
        return stage.kind

    def _steps(self, plan: JobPlan) -> JobPlan:
        steps: dict[str, str] = {}
        writes: dict[str, str] = {}
        blocked: dict[str, str] = {}
        names = _by_name(plan.stages.values())
        for word, step in self.config.steps.items():
            path: KeyPath = ("steps", word)
            places, stages_path = step.places, path
            own = step.jobs.get(plan.job_id) if plan.job_id is not None else None
            if own is not None:
                path = (*path, "jobs", str(plan.job_id))
                stages_path = path if own.stages is not None else stages_path
                places = _merged(places, own)
            found = self._found(places.stages or (), plan.stages, names=names, path=(*stages_path, "stages"))
            self._claim(found, steps, word=word, path=path, plan=plan)
            target = self._target(places.write, found, known=plan.stages, names=names, path=path, plan=plan)
            why = (
                target if isinstance(target, str) else self._not_writable(target, word, path=path, plan=plan)
            )
            if isinstance(target, Stage) and not why:
                writes[word] = target.ref.id
                self._note_written(path, plan)
            else:
                blocked[word] = why
        return attrs.evolve(plan, steps=steps, writes=writes, blocked=blocked)

    def _reasons(self, plan: JobPlan) -> JobPlan:
        words: dict[str, str] = {}
        writes: dict[str, str] = {}
        blocked: dict[str, str] = {}
        said: dict[str, ApplicationStatus] = {}
        names = _by_name(plan.reasons.values())
        for word, entry in self.config.reasons.items():
            path: KeyPath = ("reasons", word)
            found = self._found(entry.reasons, plan.reasons, names=names, path=(*path, "reasons"))
            self._claim(found, words, word=word, path=path, plan=plan)
            if entry.status is not None:
                said.update(dict.fromkeys(found, entry.status))
                self._check_meaning(found, entry.status, path=path, plan=plan)
            target = self._target(entry.write, found, known=plan.reasons, names=names, path=path, plan=plan)
            why = target if isinstance(target, str) else self._dead(target, path=path, plan=plan)
            if isinstance(target, Reason) and not why:
                writes[word] = target.ref.id
                self._note_written(path, plan)
            else:
                blocked[word] = why
        theirs = {i: m for i, r in plan.reasons.items() if (m := _meaning(r)) is not None}
        return attrs.evolve(
            plan,
            reason_words=words,
            reason_writes=writes,
            reason_blocked=blocked,
            said=said,
            meanings={**theirs, **said},
        )

    # -- one entry --

    def _found(
        self, picks: Sequence[Pick], known: Mapping[str, R], *, names: Mapping[str, list[R]], path: KeyPath
    ) -> tuple[str, ...]:
        """The ids that an entry's names and ids stand for in one job."""
        found: list[str] = []
        for n, pick in enumerate(picks):
            records = _picked(pick, known, names=names)
            if records:
                self.used.add((*path, n))
                found.extend(record.ref.id for record in records)
        return tuple(dict.fromkeys(found))

    def _claim(
        self, found: Iterable[str], claimed: dict[str, str], *, word: str, path: KeyPath, plan: JobPlan
    ) -> None:
        what = "stage" if path[0] == "steps" else "reason"
        known: Mapping[str, Stage | Reason] = plan.stages if what == "stage" else plan.reasons
        for record_id in found:
            other = claimed.setdefault(record_id, word)
            if other != word:
                self._trouble(
                    path,
                    f"the {what} {_called(known[record_id])} already belongs to {quoted(other)}",
                    "keep it in one of the two: inward it can show as one word only",
                    plan=plan,
                )

    def _target(
        self,
        write: Pick | bool | None,
        found: Sequence[str],
        *,
        known: Mapping[str, R],
        names: Mapping[str, list[R]],
        path: KeyPath,
        plan: JobPlan,
    ) -> R | str:
        """The one record that a word writes to, or in words why there is none."""
        if write is False:
            return "the mapping says write = false"
        if isinstance(write, Pick):
            path = (*path, "write")
            options = _picked(write, known, names=names)
            if options:
                self.used.add(path)
            outside = [record for record in options if record.ref.id not in found]
            if outside:
                self._trouble(
                    path,
                    f"{_called(outside[0])} is written to, and is not in the list beside it",
                    "add it to the list, so that it reads back as the same word",
                    plan=plan,
                )
                return "what it writes to would read back as another word"
        else:
            options = [known[record_id] for record_id in found]
        living = [record for record in options if alive(record)]
        if len(living) > 1:
            self._trouble(path, *_ambiguous(living), plan=plan)
            return "the mapping does not say to which of several"
        if living:
            return living[0]
        if options:
            _ = self._dead(options[0], path=path, plan=plan)
            return f"{_called(options[0])} is no longer active in the ATS"
        return "nothing of this job is mapped to it"

    def _dead(self, record: Stage | Reason, *, path: KeyPath, plan: JobPlan) -> str:
        if alive(record):
            return ""
        what = f"{_called(record)} is no longer active in the ATS"
        self._trouble(path, what, "write to an active one, or write = false", plan=plan, spared=True)
        return what

    def _not_writable(self, stage: Stage, word: str, *, path: KeyPath, plan: JobPlan) -> str:
        """Why a living stage may not be written to; empty where it may."""
        called = _called(stage)
        if stage.kind in (StageKind.UNMAPPED, StageKind.ARCHIVED):
            what = f"{called} may end an application, and nobody has said how ({stage.kind})"
            self._trouble(path, what, "say in [kinds] what it is for, or write = false", plan=plan)
            return what
        if stage.kind is StageKind.HIRED and word not in self.config.rules.hire:
            what = f"{called} hires, and {quoted(word)} is not named in rules.hire"
            self._trouble(path, what, f"add {quoted(word)} to rules.hire, or write = false", plan=plan)
            return what
        if stage.writable is Answer.NO:
            what = f"the ATS lets nothing be moved to {called}"
            self._trouble(path, what, "write to another stage, or write = false", plan=plan, spared=True)
            return what
        return ""

    def _check_meaning(
        self, found: Iterable[str], said: ApplicationStatus, *, path: KeyPath, plan: JobPlan
    ) -> None:
        """A mapping may tell a withdrawal from a rejection; what is a hire, the ATS alone says."""
        for record_id in found:
            theirs = plan.reasons[record_id].outcome
            if theirs is not None and (theirs is ApplicationStatus.HIRED) != (
                said is ApplicationStatus.HIRED
            ):
                self._trouble(
                    (*path, "status"),
                    f"the ATS says that {_called(plan.reasons[record_id])} means {theirs}",
                    "leave status out, or take that reason out",
                    plan=plan,
                )

    # -- faults over all jobs --

    def _trouble(self, path: KeyPath, what: str, mend: str, *, plan: JobPlan, spared: bool = False) -> None:
        """Note a fault for this job. ``spared``: it is none where the word can be written in another job."""
        if not self.counts:
            return
        code = what if len(self.troubles) < 1000 else "more"
        trouble = self.troubles.setdefault((path, code), _Trouble(what, mend, spared))
        trouble.jobs.append(plan.job_id)

    def _note_written(self, path: KeyPath, plan: JobPlan) -> None:
        if self.counts:
            self.written.add(path)

    def _report_troubles(self) -> None:
        for (path, _), trouble in self.troubles.items():
            if trouble.spared and _entry(path) in self.written:
                continue
            ids = [job_id for job_id in dict.fromkeys(trouble.jobs) if job_id is not None]
            where = f" (job {listed(ids)})" if ids else ""
            self.faults.add(path, trouble.what + where, trouble.mend)

    def _report_unused(self, plans: Sequence[JobPlan]) -> None:
        stages = [s for p in plans for s in p.stages.values()]
        reasons = [r for p in plans for r in p.reasons.values()]
        by_id = {p.job_id: p for p in plans}
        for word, step in self.config.steps.items():
            self._unused(("steps", word), step.places.stages, step.places.write, known=stages, here=None)
            for job_id, own in step.jobs.items():
                here = by_id[job_id].stages
                self._unused(("steps", word, "jobs", job_id), own.stages, own.write, known=stages, here=here)
        for word, entry in self.config.reasons.items():
            self._unused(("reasons", word), entry.reasons, entry.write, known=reasons, here=None)
        for key in self.config.kinds:
            if ("kinds", key) not in self.used:
                self._unknown(("kinds", key), Pick(name=key), known=stages, here=None)

    def _unused(
        self,
        path: KeyPath,
        picks: Sequence[Pick] | None,
        write: Pick | bool | None,
        *,
        known: Sequence[Stage | Reason],
        here: Mapping[str, Stage] | None,
    ) -> None:
        key = "reasons" if path[0] == "reasons" else "stages"
        entries: list[tuple[KeyPath, Pick]] = [((*path, key, n), pick) for n, pick in enumerate(picks or ())]
        if isinstance(write, Pick):
            entries.append(((*path, "write"), write))
        for entry_path, pick in entries:
            # A step that every job overrides is never looked up itself: then it only has to exist somewhere.
            if entry_path in self.used or (here is None and any(_is(pick, record) for record in known)):
                continue
            self._unknown(entry_path, pick, known=known, here=here)

    def _unknown(
        self, path: KeyPath, pick: Pick, *, known: Sequence[Stage | Reason], here: Mapping[str, Stage] | None
    ) -> None:
        what = "reason" if path[0] == "reasons" else "stage"
        elsewhere = [r for r in known if _is(pick, r)]
        if elsewhere:
            job = next((r.job.id for r in elsewhere if isinstance(r, Stage) and r.job), None)
            owner = f" of job {quoted(job)}" if job else " of another job"
            self.faults.add(
                path, f"{what} {pick} is a stage{owner}, not of this one", "name one of this job's stages"
            )
            return
        records = here.values() if here is not None else known
        names = {r.ref.id if pick.id is not None else r.name or "" for r in records}
        word = pick.id if pick.id is not None else pick.name or ""
        advice = f"the ATS has {listed(sorted(names))}" if names else f"the ATS has no {what}s here"
        self.faults.add(path, f"no {what} {pick} in the ATS", self.faults.near(word, names, otherwise=advice))

    def _check_job_ids(self) -> None:
        config = self.config
        scope = config.scope.jobs if isinstance(config.scope.jobs, tuple) else ()
        lists: list[tuple[KeyPath, Iterable[str]]] = [
            (("scope", "jobs"), scope),
            (("rules", "jobs"), config.rules.jobs),
            (("write", "pilot_jobs"), config.writing.pilot_jobs),
        ]
        lists += [
            (("steps", word, "jobs", job), (job,)) for word, step in config.steps.items() for job in step.jobs
        ]
        for path, ids in lists:
            for job_id in ids:
                if job_id not in self.jobs and job_id not in self.catalogues:
                    mend = self.faults.near(job_id, self.jobs, otherwise="use a job's id as the ATS gives it")
                    self.faults.add(path, f"no job {quoted(job_id)} in the ATS", mend)


def _entry(path: KeyPath) -> KeyPath:
    """The step, the step's override of one job, or the reason that a path lies in."""
    return path[:4] if path[2:3] == ("jobs",) else path[:2]


def _picked(pick: Pick, known: Mapping[str, R], *, names: Mapping[str, list[R]]) -> list[R]:
    if pick.id is not None:
        return [known[pick.id]] if pick.id in known else []
    return list(names.get(pick.name or "", ()))


def _is(pick: Pick, record: Stage | Reason) -> bool:
    return record.ref.id == pick.id if pick.id is not None else record.name == pick.name


def _by_name(records: Iterable[R]) -> dict[str, list[R]]:
    names: dict[str, list[R]] = {}
    for record in records:
        if record.name:
            names.setdefault(record.name, []).append(record)
    return names


def _merged(places: Places, own: Places) -> Places:
    if own.stages is None:
        return Places(stages=places.stages, write=places.write if own.write is None else own.write)
    return own


def _ambiguous(living: Sequence[Stage | Reason]) -> tuple[str, str]:
    if len({record.name for record in living}) == 1:
        what = f"{_called(living[0])} occurs {len(living)} times"
    else:
        what = "several could be written to: " + listed(record.name or record.ref.id for record in living)
    return what, f'say which: write = {{id = "{living[0].ref.id}"}}, or write = false'


def _called(record: Stage | Reason) -> str:
    return quoted(record.name or record.ref.id)


def _meaning(reason: Reason) -> ApplicationStatus | None:
    """How the ATS itself says that an application ended."""
    if reason.outcome is not None:
        return reason.outcome
    return {
        ReasonBy.CANDIDATE: ApplicationStatus.WITHDRAWN,
        ReasonBy.ORGANISATION: ApplicationStatus.REJECTED,
    }.get(reason.by)


def _order(stages: Sequence[Stage]) -> dict[str, int]:
    """Each stage's place: the ATS's numbers where all have one, else the order of the catalogue."""
    numbers = [stage.order for stage in stages]
    places = range(len(stages)) if None in numbers else [n for n in numbers if n is not None]
    return {stage.ref.id: place for stage, place in zip(stages, places, strict=True)}
