"""Checking a mapping against the live ATS, drift, suggestions, and guesses by name."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import (
    JOBS,
    ONE_PIPELINE,
    PER_JOB,
    PLAIN,
    REASONS,
    TWO_PIPELINES,
    application,
    job,
    reason,
    stage,
)

from atsbridge.ats.interface import Catalogue
from atsbridge.mapping import (
    CROSSWALK,
    Drift,
    Severity,
    WriteMode,
    check_mapping,
    compile_mapping,
    crosswalk,
    drift,
    guess_kind,
    load_mapping,
    suggest_mapping,
)
from atsbridge.mapping.schema import Rules, Scope
from atsbridge.model import Answer, ApplicationStatus, StageKind


def findings(mapping: Any, *, per_job: bool = True) -> dict[Severity, list[str]]:
    catalogues = PER_JOB if per_job else ONE_PIPELINE
    report = check_mapping(load_mapping(mapping), jobs=JOBS, catalogues=catalogues)
    return {severity: [str(f) for f in report.of(severity)] for severity in Severity}


def test_faults_come_first_and_are_those_of_compiling() -> None:
    mapping = load_mapping({"version": 1, "steps": {"A": {"stages": ["Limbo"]}, "B": {"stages": ["Gone"]}}})
    report = check_mapping(mapping, jobs=JOBS, catalogues=PER_JOB)
    assert not report.ok
    assert {f.where for f in report.of(Severity.FAULT)} == {"steps.A", "steps.B.stages[0]"}
    assert [f.severity for f in report.findings] == sorted(
        (f.severity for f in report.findings), key=list(Severity).index
    )


def test_stages_and_reasons_that_nothing_covers() -> None:
    found = findings({"version": 1, "steps": {"Phone": {"stages": ["Phone Screen"]}}})
    text = "\n".join(found[Severity.WARNING])
    assert not found[Severity.FAULT]
    assert '"Application Review"' in text and text.count('in no step ("Job 1, id 1", "Job 2, id 2")') == 1
    assert "Old Test" not in text
    assert 'cannot be written in "Job 2, id 2"' in text
    assert '"Withdrew"' in text
    assert "status rejected has no word" in text


def test_a_whole_mapping_has_nothing_to_warn_of() -> None:
    whole = PLAIN + (
        '[steps.New]\nstages = ["New lead", "New applicant"]\nwrite = "New applicant"\n'
        '[statuses.Held]\nis = "on_hold"\n[reasons.They]\nreasons = ["They said no"]\n'
    )
    found = findings(whole, per_job=False)
    assert found[Severity.FAULT] == found[Severity.WARNING] == []
    assert found[Severity.INFO] == ["INFO statuses.Hired: hires are read, and cannot be asked for"]


def test_entries_without_effect() -> None:
    tables = {"scope": {"jobs": ["1"], "departments": ["Nowhere"]}, "rules": {"jobs": ["2"]}}
    text = "\n".join(findings({"version": 1, **tables})[Severity.WARNING])
    assert 'no job is in department "Nowhere"' in text
    assert 'job "2" is out of scope' in text
    narrowed = findings({"version": 1, "scope": {"fields": ["candidate.tags"]}})
    assert any("matching needs the e-mail" in line for line in narrowed[Severity.WARNING])


def test_drift_is_found_by_id() -> None:
    old = {"1": Catalogue(None, (stage("a", "A"), stage("b", "B"), stage("c", "C"), stage("e", "E")))}
    new = {
        "1": Catalogue(
            None,
            (
                stage("a", "Alpha"),
                stage("b", "B", active=False),
                stage("d", "D"),
                stage("e", "E", kind=StageKind.OFFER),
            ),
        )
    }
    found = {(f.id, f.drift) for f in drift(old, new)}
    assert found == {
        ("a", Drift.RENAMED),
        ("b", Drift.DEACTIVATED),
        ("c", Drift.REMOVED),
        ("d", Drift.ADDED),
        ("e", Drift.RETYPED),
    }
    assert drift(old, old) == []
    assert drift({}, new) == []
    assert 'stage a renamed "A" to "Alpha" (job 1)' in {str(f) for f in drift(old, new)}


# --- suggestions ---------------------------------------------------------------------------------


def test_a_suggestion_keeps_what_the_ats_calls_a_withdrawal() -> None:
    """The name says nothing of it: another job."""
    withdrew = reason("r-job", "Took another job", outcome=ApplicationStatus.WITHDRAWN)
    catalogues = {None: attrs.evolve(ONE_PIPELINE[None], reasons=(*REASONS, withdrew))}
    bound = compile_mapping(
        load_mapping(suggest_mapping(JOBS, catalogues, vendor="smartrecruiters")),
        jobs=JOBS,
        catalogues=catalogues,
    )
    ended = application(status=ApplicationStatus.WITHDRAWN, reason="r-job")
    assert bound.status(bound.reinterpret(ended)) == "Withdrawn"
    assert bound.config.reasons["Took another job"].status is ApplicationStatus.WITHDRAWN


def test_a_suggestion_for_one_pipeline() -> None:
    text = suggest_mapping(JOBS, ONE_PIPELINE, vendor="lever")
    bound = compile_mapping(load_mapping(text), jobs=JOBS, catalogues=ONE_PIPELINE)
    assert bound.mode is WriteMode.OFF
    assert bound.step(application(stage="s-hm")) == "HM Screen"
    assert bound.plan(None).stages["s-screen"].kind is StageKind.SCREEN
    assert bound.in_scope(application(stage="lead-new", job="1")) is None
    ended = application(status=ApplicationStatus.REJECTED, reason="r-left")
    assert bound.status(bound.reinterpret(ended)) == "Withdrawn"
    report = check_mapping(bound.config, jobs=JOBS, catalogues=ONE_PIPELINE)
    assert report.ok
    assert not report.of(Severity.WARNING)


def test_a_suggestion_for_stages_per_job() -> None:
    text = suggest_mapping(JOBS, PER_JOB, vendor="greenhouse")
    bound = compile_mapping(load_mapping(text), jobs=JOBS, catalogues=PER_JOB)
    assert bound.plan("1").writes["Application Review"] == "11"
    assert bound.plan("2").writes["Application Review"] == "21"
    assert (bound.plan("2").writes["Twin"], bound.plan("2").writes["Twin (2)"]) == ("26", "27")
    assert not {"Hired", "Limbo", "Old Test"} & {*bound.plan("1").writes, *bound.plan("2").writes}
    assert bound.plan("1").steps["19"] == "Hired"


def test_a_suggestion_for_a_job_with_two_pipelines() -> None:
    owner = (job("1", pipelines=("p", "q")),)
    text = suggest_mapping(owner, TWO_PIPELINES, vendor="acme")
    bound = compile_mapping(load_mapping(text), jobs=owner, catalogues=TWO_PIPELINES)
    assert bound.plan("1").along("p1").writes == {"Review": "p1", "Screen": "p2"}
    assert bound.plan("1").along("q1").writes == {"Review": "q1", "Role play": "q3"}
    assert "leads" not in text


@pytest.mark.parametrize("catalogues", [ONE_PIPELINE, PER_JOB], ids=["one pipeline", "per job"])
def test_a_suggestion_takes_in_and_lets_out_no_more_than_the_defaults(catalogues: Any) -> None:
    config = load_mapping(suggest_mapping(JOBS, catalogues, vendor="lever"))
    assert config.scope == Scope()
    assert config.rules == attrs.evolve(Rules(), reason_required=config.rules.reason_required)
    assert config.writing.mode is WriteMode.OFF


NAMES = (
    st.sampled_from(["A", "A ", "Hired", "Rejected", "New lead", "Withdrew", "Offer declined", "A (2)"])
    | st.text(max_size=6)
    | st.none()
)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[list[Any], dict[str | None, Catalogue]]:
    count = iter(range(1000))

    def stages(owner: str | None) -> tuple[Any, ...]:
        return tuple(
            stage(
                draw(st.sampled_from(["s", '"', "\x7f", "é.", "\\"])) + str(next(count)),
                draw(NAMES),
                job=owner,
                pipeline=draw(st.sampled_from([None, None, "p", "q"])),
                kind=draw(st.sampled_from(StageKind)),
                active=draw(st.sampled_from([None, True, False])),
                writable=draw(st.sampled_from(Answer)),
            )
            for _ in range(draw(st.integers(0, 4)))
        )

    reasons = tuple(
        reason(
            f"r{next(count)}",
            draw(NAMES),
            active=draw(st.sampled_from([True, False])),
            outcome=draw(st.sampled_from([None, ApplicationStatus.HIRED, ApplicationStatus.REJECTED])),
        )
        for _ in range(draw(st.integers(0, 4)))
    )
    if draw(st.booleans()):
        return [job("1"), job("2")], {None: Catalogue(None, stages(None), reasons)}
    jobs = [job("1"), job("2")]
    return jobs, {j.ref.id: Catalogue(j.ref, stages(j.ref.id), reasons) for j in jobs}


@settings(max_examples=300, deadline=None)
@given(accounts())
def test_every_suggestion_compiles_where_it_was_made_and_hires_nobody(account: Any) -> None:
    jobs, catalogues = account
    config = load_mapping(suggest_mapping(jobs, catalogues, vendor='a"\nb'))
    bound = compile_mapping(config, jobs=jobs, catalogues=catalogues)
    assert bound.mode is WriteMode.OFF
    assert not bound.config.rules.hire
    for catalogue in catalogues.values():
        for one in catalogue.stages:
            where = application(stage=one.ref.id, job=one.job.id if one.job else None)
            assert bound.step(where) is not None


# --- names ---------------------------------------------------------------------------------------

TABLE = {
    "new, submitted, created, applied": (StageKind.APPLIED, ApplicationStatus.ACTIVE),
    "reviewing, short list, review": (StageKind.REVIEW, ApplicationStatus.ACTIVE),
    "screening, screen": (StageKind.SCREEN, ApplicationStatus.ACTIVE),
    "first interview, second interview, third interview": (StageKind.INTERVIEW, ApplicationStatus.ACTIVE),
    "assessment": (StageKind.ASSESSMENT, ApplicationStatus.ACTIVE),
    "reference check": (StageKind.REFERENCE, ApplicationStatus.ACTIVE),
    "background check": (StageKind.BACKGROUND, ApplicationStatus.ACTIVE),
    "offered, offer, approved": (StageKind.OFFER, ApplicationStatus.ACTIVE),
    "accepted, onboarding": (StageKind.PRE_HIRE, ApplicationStatus.ACTIVE),
    "hired": (StageKind.HIRED, ApplicationStatus.HIRED),
    "rejected, not hired": (StageKind.REJECTED, ApplicationStatus.REJECTED),
    "declined by candidate, withdrawn": (StageKind.WITHDRAWN, ApplicationStatus.WITHDRAWN),
    "declined": (StageKind.UNMAPPED, ApplicationStatus.UNKNOWN),
    "anything new": (StageKind.UNMAPPED, ApplicationStatus.UNKNOWN),
}


@pytest.mark.parametrize(("words", "meaning"), TABLE.items())
def test_the_crosswalk_is_total(words: str, meaning: Any) -> None:
    for word in words.split(", "):
        assert crosswalk(word) == crosswalk(word.upper().replace(" ", "_")) == meaning
        assert word == "anything new" or guess_kind(word) is meaning[0]


@given(st.text(max_size=30))
def test_an_unknown_word_is_never_a_default(word: str) -> None:
    kind, status = crosswalk(word)
    assert (kind, status) in CROSSWALK.values() or (kind, status) == (
        StageKind.UNMAPPED,
        ApplicationStatus.UNKNOWN,
    )
    assert guess_kind(word) in StageKind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("New lead", StageKind.LEAD),
        ("Reached out", StageKind.LEAD),
        ("New applicant", StageKind.APPLIED),
        ("HM Review", StageKind.REVIEW),
        ("Application Review", StageKind.REVIEW),
        ("Recruiter screen", StageKind.SCREEN),
        ("On-site interview", StageKind.INTERVIEW),
        ("Face to Face", StageKind.INTERVIEW),
        ("Take Home Test", StageKind.ASSESSMENT),
        ("Reference check", StageKind.REFERENCE),
        ("Background Check", StageKind.BACKGROUND),
        ("Offer", StageKind.OFFER),
        ("Offer declined", StageKind.UNMAPPED),
        ("Interview - Rejected", StageKind.REJECTED),
        ("Hiring manager", StageKind.UNMAPPED),
    ],
)
def test_guesses_by_name(name: str, kind: StageKind) -> None:
    assert guess_kind(name) is kind


def test_a_stage_that_vanished_is_a_fault_before_the_next_write() -> None:
    gone = attrs.evolve(ONE_PIPELINE[None], stages=ONE_PIPELINE[None].stages[:-1])
    report = check_mapping(load_mapping(PLAIN), jobs=JOBS, catalogues={None: gone})
    assert [f.where for f in report.of(Severity.FAULT)] == ["steps.Offer.stages[0]"]
