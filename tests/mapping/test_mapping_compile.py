"""Binding a mapping to an ATS: bad ones are refused with what, where and how to mend it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from mapping_world import (
    JOBS,
    ONE_PIPELINE,
    PER_JOB,
    PLAIN,
    TWO_PIPELINES,
    application,
    at,
    engine,
    job,
    reason,
    stage,
    update,
)

from atsbridge.ats.interface import Catalogue
from atsbridge.errors import MappingError
from atsbridge.mapping import compile_mapping, load_mapping
from atsbridge.model import Answer, JobStatus, StageKind


def refused(tables: dict[str, Any], *, per_job: bool = True) -> dict[str, str]:
    with pytest.raises(MappingError) as caught:
        engine({"version": 1, **tables}, per_job=per_job)
    return {fault.path: f"{fault.what}; {fault.mend}" for fault in caught.value.faults}  # type: ignore[attr-defined]


def step(**places: Any) -> dict[str, Any]:
    return {"steps": {"A": places}}


@pytest.mark.parametrize(
    ("tables", "path", "words"),
    [
        (step(stages=["Phone Screan"]), "steps.A.stages[0]", 'did you mean "Phone Screen"?'),
        (step(stages=[{"id": "99"}]), "steps.A.stages[0]", "no stage"),
        (step(stages=["Old Test"]), "steps.A", "no longer active"),
        (step(stages=["Application Review", "Phone Screen"]), "steps.A", "say which"),
        (step(stages=["Twin"]), "steps.A", "occurs 2 times"),
        (step(stages=["Limbo"]), "steps.A", "nobody has said how"),
        (step(stages=["Hired"]), "steps.A", "rules.hire"),
        (step(stages=["Phone Screen"], write="Telephone"), "steps.A.write", "not in the list"),
        (
            step(stages=["Application Review"], jobs={"1": {"stages": [{"id": "22"}]}}),
            "steps.A.jobs.1.stages[0]",
            'a stage of job "2"',
        ),
        (
            step(stages=["Application Review"], jobs={"1": {"stages": ["Telephone"]}}),
            "steps.A.jobs.1.stages[0]",
            "not of this one",
        ),
        (
            step(stages=["Application Review"], jobs={"1": {"stages": ["Old Test"]}}),
            "steps.A.jobs.1",
            "no longer active",
        ),
        (step(stages=["Application Review"], jobs={"7": {"write": False}}), "steps.A.jobs.7", "no job"),
        ({"scope": {"jobs": ["7"]}}, "scope.jobs", "no job"),
        ({"rules": {"jobs": ["7"]}}, "rules.jobs", "no job"),
        ({"write": {"mode": "pilot", "pilot_jobs": ["7"]}}, "write.pilot_jobs", "no job"),
        ({"kinds": {"Nowhere": "screen"}}, "kinds.Nowhere", "no stage"),
        ({"kinds": {"Hired": "screen"}}, "kinds.Hired", "the ATS itself says"),
        ({"reasons": {"R": {"reasons": ["No response"]}}}, "reasons.R", "no longer active"),
        ({"reasons": {"R": {"reasons": ["Withdrew", "Under-qualified"]}}}, "reasons.R", "say which"),
        ({"reasons": {"R": {"reasons": ["Hired"], "status": "rejected"}}}, "reasons.R.status", "means hired"),
        (
            {"reasons": {"R": {"reasons": ["Withdrew"], "status": "hired"}}},
            "reasons.R.status",
            "means rejected",
        ),
        ({"reasons": {"R": {"reasons": ["Withdrow"]}}}, "reasons.R.reasons[0]", 'did you mean "Withdrew"?'),
    ],
)
def test_a_bad_mapping_is_refused(tables: dict[str, Any], path: str, words: str) -> None:
    found = refused(tables)
    assert path in found
    assert words in found[path]


def test_all_faults_come_together() -> None:
    steps = {"A": {"stages": ["Limbo"]}, "B": {"stages": ["Gone"]}, "C": {"stages": ["Twin"]}}
    assert set(refused({"steps": steps})) == {"steps.A", "steps.B.stages[0]", "steps.C"}


def test_a_stage_belongs_to_one_step() -> None:
    steps = {"A": {"stages": ["Phone Screen"]}, "B": {"stages": [{"id": "12"}]}}
    assert 'already belongs to "A"' in refused({"steps": steps})["steps.B"]


def test_faults_of_many_jobs_are_one_fault_that_names_them() -> None:
    jobs = [job(str(n)) for n in range(8)]
    catalogues = {
        j.ref.id: Catalogue(j.ref, (stage(f"{j.ref.id}x", "X", job=j.ref.id, kind=StageKind.UNMAPPED),))
        for j in jobs
    }
    with pytest.raises(MappingError) as caught:
        compile_mapping(load_mapping({"version": 1, **step(stages=["X"])}), jobs=jobs, catalogues=catalogues)
    assert len(caught.value.faults) == 1
    assert "and 5 more" in str(caught.value)


def test_a_stage_that_cannot_be_written_is_no_target() -> None:
    shut = {None: Catalogue(None, (stage("x", "X", writable=Answer.NO),))}
    with pytest.raises(MappingError, match="lets nothing be moved"):
        compile_mapping(load_mapping({"version": 1, **step(stages=["X"])}), jobs=(), catalogues=shut)
    read_only = load_mapping({"version": 1, **step(stages=["X"], write=False)})
    assert compile_mapping(read_only, jobs=(), catalogues=shut).step(application(stage="x")) == "A"


def test_a_name_alive_in_one_job_may_be_dead_in_another() -> None:
    second = attrs.evolve(PER_JOB["2"], stages=(stage("23", "Phone Screen", job="2", active=False),))
    config = load_mapping({"version": 1, **step(stages=["Phone Screen"])})
    bound = compile_mapping(config, jobs=JOBS, catalogues={**PER_JOB, "2": second})
    assert bound.plan("1").writes == {"A": "12"}
    assert bound.plan("2").writes == {}
    assert bound.plan("2").steps == {"23": "A"}


def test_jobs_that_are_closed_or_out_of_scope_give_no_fault() -> None:
    config = load_mapping({"version": 1, **step(stages=["Phone Screen", "Twin"])})
    closed = (job("1"), job("2", status=JobStatus.CLOSED))
    bound = compile_mapping(config, jobs=closed, catalogues=PER_JOB)
    assert bound.step(application(stage="26", job="2")) == "A"
    only = load_mapping({"version": 1, "scope": {"jobs": ["1"]}, **step(stages=["Phone Screen", "Twin"])})
    assert compile_mapping(only, jobs=JOBS, catalogues=PER_JOB).plan("1").writes == {"A": "12"}


def test_a_name_is_looked_up_in_each_pipeline_of_a_job() -> None:
    names = {"Review": ["Review"], "Middle": ["Screen", "Role play"]}
    config = load_mapping(
        {"version": 1, "steps": {word: {"stages": stages} for word, stages in names.items()}}
    )
    owner = (job("1", pipelines=("q", "p")),)
    plan = compile_mapping(config, jobs=owner, catalogues=TWO_PIPELINES).plan("1")
    assert plan.steps == {"p1": "Review", "p2": "Middle", "q1": "Review", "q3": "Middle"}
    assert plan.along("p2").writes == {"Review": "p1", "Middle": "p2"}
    assert plan.along("q1").writes == {"Review": "q1", "Middle": "q3"}
    assert plan.writes == plan.along("q1").writes
    assert plan.along(None) is plan.along("unheard") is plan
    assert set(plan.stages) == set(plan.order) == {"p1", "p2", "q1", "q3"}


def test_a_change_stays_in_the_pipeline_of_its_application() -> None:
    config = load_mapping({"version": 1, "steps": {"Review": {"stages": ["Review"]}}})
    bound = compile_mapping(config, jobs=(job("1", pipelines=("p", "q")),), catalogues=TWO_PIPELINES)
    for here, there in (("p2", "p1"), ("q3", "q1")):
        target = bound.target(update(step="Review"), expected=at(here), job_id="1")
        assert target == at(there)


def test_the_digest_knows_the_pipelines_apart() -> None:
    config = load_mapping({"version": 1, "steps": {"A": {"stages": ["Review", "Screen"], "write": "Review"}}})
    owner = (job("1", pipelines=("p", "q")),)
    first = compile_mapping(config, jobs=owner, catalogues=TWO_PIPELINES)
    moved = attrs.evolve(
        TWO_PIPELINES["1"],
        stages=(*TWO_PIPELINES["1"].stages[:2], stage("q9", "Review", pipeline="q", order=0)),
    )
    assert first.digest != compile_mapping(config, jobs=owner, catalogues={"1": moved}).digest


def test_a_foreign_stage_in_a_jobs_catalogue_is_not_taken() -> None:
    mixed = {"1": Catalogue(None, (*PER_JOB["1"].stages, *PER_JOB["2"].stages))}
    config = load_mapping({"version": 1, **step(stages=[{"id": "22"}])})
    with pytest.raises(MappingError):
        compile_mapping(config, jobs=JOBS, catalogues=mixed)


def test_the_digest_follows_the_mapping_and_what_its_names_stand_for() -> None:
    config = load_mapping(PLAIN)
    first = compile_mapping(config, jobs=JOBS, catalogues=ONE_PIPELINE)
    again = compile_mapping(load_mapping(PLAIN), jobs=tuple(reversed(JOBS)), catalogues=ONE_PIPELINE)
    assert again.digest == first.digest
    other = attrs.evolve(
        ONE_PIPELINE[None], stages=(stage("new-id", "Recruiter screen"), *ONE_PIPELINE[None].stages[3:])
    )
    assert compile_mapping(config, jobs=JOBS, catalogues={None: other}).digest != first.digest
    changed = load_mapping(PLAIN.replace('mode = "on"', 'mode = "off"'))
    assert compile_mapping(changed, jobs=JOBS, catalogues=ONE_PIPELINE).digest != first.digest


def test_account_wide_reasons_hold_beside_a_jobs_own_stages() -> None:
    catalogues = {**{k: attrs.evolve(c, reasons=()) for k, c in PER_JOB.items()}}
    catalogues[None] = Catalogue(None, (), (reason("7", "Timing"),))
    config = load_mapping({"version": 1, "reasons": {"R": {"reasons": ["Timing"]}}})
    bound = compile_mapping(config, jobs=JOBS, catalogues=catalogues)
    assert bound.plan("1").reason_writes == {"R": "7"}
    assert bound.plan("unheard of").reason_writes == {"R": "7"}
