"""A mapping at work, both ways."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_world import (
    ACTIVE,
    HIRED,
    JOBS,
    NOW,
    ONE_PIPELINE,
    PER_JOB,
    PLAIN,
    REASONS,
    REJECTED,
    WITHDRAWN,
    application,
    at,
    engine,
    job,
    ref,
    stage,
    update,
)
from mapping_world import (
    reason as a_reason,
)

from atsbridge.ats.interface import Catalogue
from atsbridge.errors import MappingError
from atsbridge.mapping import (
    Refusal,
    WriteMode,
    compile_mapping,
    explain_mapping,
    explain_update,
    load_mapping,
)
from atsbridge.model import (
    ApplicationStatus,
    Candidate,
    CustomValue,
    Email,
    JobStatus,
    Kind,
    Named,
    Need,
    Stage,
    StageKind,
    State,
    Tombstone,
    TombstoneKind,
)

CANDIDATE = Candidate(
    ref=ref(Kind.CANDIDATE, "c1"),
    read_at=NOW,
    given_name="Ines",
    emails=(Email("ines@example.com"),),
    tags=("x",),
)


def why(answer: State | Refusal | None) -> str:
    assert isinstance(answer, Refusal), answer
    return answer.rule


# --- inward --------------------------------------------------------------------------------------


def test_many_stages_are_one_step() -> None:
    plain = engine(PLAIN)
    assert [
        plain.step(application(stage=s)) for s in ("s-screen", "s-hm", "offer", "lead-new", "nowhere", None)
    ] == [
        "Screen",
        "Screen",
        "Offer",
        None,
        None,
        None,
    ]


def test_a_name_is_looked_up_in_each_job_and_an_override_holds_in_its_own() -> None:
    review = {"stages": ["Application Review"], "jobs": {"2": {"stages": ["Telephone"]}}}
    bound = engine({"version": 1, "steps": {"Review": review}}, per_job=True)
    assert bound.step(application(stage="11", job="1")) == "Review"
    assert bound.step(application(stage="22", job="2")) == "Review"
    assert bound.step(application(stage="21", job="2")) is None
    assert bound.plan("2").writes == {"Review": "22"}


def test_an_override_in_one_pipeline_for_all() -> None:
    screen = {"stages": ["Recruiter screen"], "jobs": {"2": {"stages": ["HM Screen"]}}}
    bound = engine({"version": 1, "steps": {"Screen": screen}})
    assert bound.step(application(stage="s-hm", job="2")) == "Screen"
    assert bound.step(application(stage="s-hm", job="1")) is None
    assert bound.step(application(stage="s-screen")) == "Screen"


def test_statuses_and_reasons_have_the_crms_words() -> None:
    plain = engine(PLAIN)
    ended = application(stage="offer", status=REJECTED, reason="r-old")
    assert (plain.status(ended), plain.reason(ended)) == ("Rejected", "Not qualified")
    assert plain.status(application(status=ApplicationStatus.CONVERTED)) is None
    assert plain.reason(application()) is None


def test_a_status_may_have_another_word_in_a_step() -> None:
    statuses = {"Turned down": {"is": "rejected"}, "Screened out": {"is": "rejected", "step": "Screen"}}
    steps = {"Screen": {"stages": ["HM Screen"]}, "Offer": {"stages": ["Offer"]}}
    bound = engine({"version": 1, "steps": steps, "statuses": statuses})
    assert bound.status(application(stage="s-hm", status=REJECTED)) == "Screened out"
    assert bound.status(application(stage="offer", status=REJECTED)) == "Turned down"


def test_a_reason_tells_a_withdrawal_from_a_rejection() -> None:
    plain = engine(PLAIN)
    ended = application(status=REJECTED, reason="r-left", rejected_at=NOW)
    meant = plain.reinterpret(ended)
    assert (meant.status, meant.withdrawn_at, meant.rejected_at) == (WITHDRAWN, NOW, None)
    assert plain.reinterpret(meant) is meant
    kept = application(status=REJECTED, reason="r-under")
    assert plain.reinterpret(kept) is kept
    active = application(status=ACTIVE, reason="r-left")
    assert plain.reinterpret(active) is active


@given(
    status=st.sampled_from(ApplicationStatus),
    reason=st.sampled_from([None, "r1", "r2", "r3"]),
    stage_id=st.sampled_from([None, "x", "y"]),
    said=st.sampled_from(["rejected", "withdrawn", "hired"]),
    kind=st.sampled_from(["screen", "rejected", "withdrawn", "hired"]),
)
def test_reinterpreting_twice_changes_nothing(
    status: Any, reason: Any, stage_id: Any, said: str, kind: str
) -> None:
    catalogue = Catalogue(
        None, (stage("x", "X"), stage("y", "Y")), tuple(a_reason(r, r) for r in ("r1", "r2"))
    )
    mapping = {"version": 1, "kinds": {"X": kind}, "reasons": {"R": {"reasons": ["r1"], "status": said}}}
    bound = compile_mapping(load_mapping(mapping), jobs=(), catalogues={None: catalogue})
    once = bound.reinterpret(application(stage=stage_id, status=status, reason=reason))
    assert bound.reinterpret(once) is once


def test_a_stage_that_the_mapping_alone_typed_ends_an_application() -> None:
    bound = engine({"version": 1, "kinds": {"Offer": "rejected"}})
    assert bound.reinterpret(application(stage="offer")).status is REJECTED
    assert bound.catalogue(None).stage("offer") is not None
    assert bound.plan(None).stages["offer"].kind is StageKind.REJECTED


# --- scope ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "record", "owner", "rule"),
    [
        ({}, application(job="1"), None, None),
        ({}, application(), None, "scope.prospects"),
        ({"prospects": True}, application(), None, None),
        ({}, application(job="1", stage="10"), None, None),
        ({"leads": False}, application(job="1", stage="10"), None, "scope.leads"),
        ({"leads": False}, application(job="1", stage="10", status=REJECTED), None, None),
        ({"leads": False}, application(job="1", stage="11"), None, None),
        ({"leads": False}, application(job="1", stage="unheard"), None, None),
        ({"leads": False}, application(job="1"), None, None),
        ({"terminal": False}, application(job="1", status=HIRED), None, "scope.terminal"),
        ({"applied_since": date(2026, 1, 1)}, application(job="1", applied_at=NOW), None, None),
        (
            {"applied_since": date(2026, 8, 1)},
            application(job="1", applied_at=NOW),
            None,
            "scope.applied_since",
        ),
        ({"jobs": ["1"]}, application(job="2"), None, "scope.jobs"),
        ({"jobs": ["1"]}, application(job="unheard"), None, "scope.jobs"),
        ({"jobs": "open"}, application(job="1"), job("1", status=JobStatus.CLOSED), "scope.jobs"),
        ({"jobs": "open"}, application(job="1"), job("1", status=JobStatus.ON_HOLD), None),
        ({}, job("1", confidential=True), None, "scope.confidential"),
        ({"confidential": True}, job("1", confidential=True), None, None),
        ({}, application(job="1"), job("1", confidential=True), "scope.confidential"),
        ({"departments": ["R&D"]}, job("1", departments=(Named("Sales"),)), None, "scope.departments"),
        ({"departments": ["R&D"]}, job("1", departments=(Named("R&D"),)), None, None),
        ({}, attrs.evolve(CANDIDATE, confidential=True), None, "scope.confidential"),
        ({"kinds": ["job"]}, CANDIDATE, None, "scope.kinds"),
        ({"jobs": ["1"]}, stage("21", "X", job="2"), None, "scope.jobs"),
        ({}, application(deleted=Tombstone(TombstoneKind.DELETED)), None, None),
    ],
)
def test_what_the_scope_leaves_out(scope: Any, record: Any, owner: Any, rule: str | None) -> None:
    out = engine({"version": 1, "scope": scope}, per_job=True).in_scope(record, job=owner)
    assert out is None if rule is None else (out or "").startswith(rule)


# --- fields --------------------------------------------------------------------------------------


def test_the_default_shape_is_the_same_object() -> None:
    assert engine(PLAIN).shape(CANDIDATE) is CANDIDATE


def test_an_allow_list_keeps_only_its_fields_of_the_kinds_it_names() -> None:
    bound = engine({"version": 1, "scope": {"fields": ["candidate.emails"]}})
    shaped = bound.shape(CANDIDATE)
    assert isinstance(shaped, Candidate)
    assert (shaped.emails, shaped.given_name, shaped.tags) == (CANDIDATE.emails, None, ())
    assert bound.shape(shaped) is shaped
    role = job("1", description_html="<p>")
    assert bound.shape(role) is role


@pytest.mark.parametrize(
    ("path", "transforms", "value"),
    [
        ("notice", ["strip", "int"], CustomValue("int", 30, "N")),
        ("deep.list.1", ["upper"], CustomValue("text", "B", "N")),
        (["dotted.key"], [], CustomValue("bool", True, "N")),
        ("deep.list", ["join"], CustomValue("text", "a, b", "N")),
        ("deep.list", ["first"], CustomValue("text", "a", "N")),
        ("day", ["date"], CustomValue("date", "2026-07-02", "N")),
        ("answer", ["lower", "bool"], CustomValue("bool", True, "N")),
        ("nothing.here", [], None),
        ("deep", [], None),
        ("notice", ["date"], None),
        ("answer", ["int"], None),
        ("empty", ["first"], None),
    ],
)
def test_custom_fields_are_read_and_never_fail(
    path: Any, transforms: list[str], value: CustomValue | None
) -> None:
    raw = {
        "notice": " 30 ",
        "deep": {"list": ["a", "b"]},
        "dotted.key": True,
        "day": "2026-07-02T10:00:00Z",
        "answer": "Yes",
        "empty": [],
    }
    fields = {"n": {"of": "candidate", "path": path, "transforms": transforms, "label": "N"}}
    shaped = engine({"version": 1, "fields": fields}).shape(CANDIDATE, raw=raw)
    assert dict(shaped.custom) == ({} if value is None else {"n": value})
    assert value is not None or shaped is CANDIDATE


# --- outward -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected", "target"),
    [
        ({"step": "Offer"}, at("s-hm"), at("offer")),
        ({"step": "Screen"}, at("offer"), at("s-screen")),
        ({"step": "Screen"}, at("s-hm"), at("s-hm")),
        ({"status": "Active"}, at("offer"), at("offer")),
        ({"status": "Rejected", "reason": "Not qualified"}, at("offer"), at("offer", REJECTED, "r-under")),
        (
            {"step": "Offer", "status": "Rejected", "reason": "Not qualified"},
            at("s-hm"),
            at("offer", REJECTED, "r-under"),
        ),
        ({"status": "Withdrawn"}, at("offer"), at("offer", WITHDRAWN, "r-left")),
        ({"status": "Withdrawn"}, at("offer", WITHDRAWN, "r-they"), at("offer", WITHDRAWN, "r-they")),
        ({"status": "Active"}, at("offer", REJECTED, "r-under"), at("offer")),
        ({"step": "Onsite", "status": "Active"}, at("offer", REJECTED, "r-under"), at("s-onsite")),
        ({"step": "Onsite"}, at("offer", REJECTED, "r-under"), at("s-onsite", REJECTED, "r-under")),
        ({"status": "Rejected"}, at("offer", REJECTED, "r-under"), at("offer", REJECTED, "r-under")),
        ({"step": "Offer", "reason": "Not qualified"}, at("s-hm"), at("offer")),
    ],
)
def test_the_whole_state_that_a_change_asks_for(
    asked: dict[str, str], expected: State, target: State
) -> None:
    assert engine(PLAIN).target(update(**asked), expected=expected, job_id=None) == target


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        ({}, "steps"),
        ({"step": "Nowhere"}, "steps"),
        ({"status": "Nowhere"}, "statuses"),
        ({"status": "Rejected"}, "rules.reason_required"),
        ({"status": "Rejected", "reason": "Nowhere"}, "reasons"),
        ({"status": "Rejected", "reason": "Candidate left"}, "reasons"),
        ({"status": "Rejected", "reason": "Joined"}, "reasons"),
        ({"status": "Withdrawn", "reason": "Not qualified"}, "reasons"),
        ({"status": "Hired", "reason": "Joined"}, "rules.hire"),
    ],
)
def test_what_has_no_word_in_the_ats_is_refused(asked: dict[str, str], rule: str) -> None:
    assert why(engine(PLAIN).target(update(**asked), expected=at("offer"), job_id=None)) == rule


def test_a_hire_leaves_only_when_named() -> None:
    named = engine(PLAIN.replace("[rules]", '[rules]\nhire = ["Hired"]'))
    asked = update(status="Hired", reason="Joined")
    assert named.target(asked, expected=at("offer"), job_id=None) == at("offer", HIRED, "r-hired")
    steps = {"Joined": {"stages": ["Hired"]}}
    by_step = engine({"version": 1, "steps": steps, "rules": {"hire": ["Joined"]}}, per_job=True)
    assert by_step.target(update(step="Joined"), expected=at("13"), job_id="1") == at("19", HIRED)


def test_a_reason_that_hires_cannot_be_used_to_reject() -> None:
    sly = PLAIN.replace('reasons = ["Hired"]', 'reasons = ["Hired"]\nwrite = "Hired"')
    answer = engine(sly).target(update(status="Rejected", reason="Joined"), expected=at("offer"), job_id=None)
    assert why(answer) == "reasons"


def test_one_word_for_two_ends_is_decided_by_the_reason() -> None:
    mapping = {
        "version": 1,
        "statuses": {"Closed": {"is": ["rejected", "withdrawn"]}},
        "reasons": {
            "Left": {"reasons": ["Withdrew"], "status": "withdrawn"},
            "Unfit": {"reasons": ["Under-qualified"]},
        },
    }
    bound = engine(mapping)
    asked = [update(status="Closed", reason=word) for word in ("Left", "Unfit", None)]
    found = [bound.target(u, expected=at("offer"), job_id=None) for u in asked]
    assert found == [
        at("offer", WITHDRAWN, "r-left"),
        at("offer", REJECTED, "r-under"),
        at("offer", REJECTED),
    ]


def test_a_pair_names_its_step() -> None:
    statuses = {"Screened out": {"is": "rejected", "step": "Screen"}, "Out": {"is": "rejected"}}
    steps = {"Screen": {"stages": ["HM Screen"]}, "Offer": {"stages": ["Offer"]}}
    bound = engine({"version": 1, "steps": steps, "statuses": statuses})
    asked = update(status="Screened out")
    assert bound.target(asked, expected=at("s-hm"), job_id=None) == at("s-hm", REJECTED)
    assert bound.target(asked, expected=at("offer"), job_id=None) == at("s-hm", REJECTED)
    clash = update(status="Screened out", step="Offer")
    assert why(bound.target(clash, expected=at("s-hm"), job_id=None)) == "statuses"


def test_stages_that_end_an_application_carry_its_status() -> None:
    needy = frozenset({Need.REASON})
    stages: tuple[Stage, ...] = (
        stage("in", "In"),
        stage("no", "No", kind=StageKind.REJECTED, needs=needy),
        stage("bye", "Bye", kind=StageKind.WITHDRAWN),
    )
    mapping = {
        "version": 1,
        "steps": {"In": {"stages": ["In"]}, "No": {"stages": ["No"]}, "Bye": {"stages": ["Bye"]}},
        "statuses": {"Active": {"is": "active"}},
        "reasons": {"Unfit": {"reasons": ["Under-qualified"]}},
    }
    bound = compile_mapping(
        load_mapping(mapping), jobs=(), catalogues={None: Catalogue(None, stages, REASONS)}
    )
    find = bound.target
    assert find(update(step="Bye"), expected=at("in"), job_id=None) == at("bye", WITHDRAWN)
    assert find(update(step="No", reason="Unfit"), expected=at("in"), job_id=None) == at(
        "no", REJECTED, "r-under"
    )
    assert why(find(update(step="No"), expected=at("in"), job_id=None)) == "rules.reason_required"
    assert why(find(update(step="No", status="Active"), expected=at("in"), job_id=None)) == "statuses"
    assert find(update(step="In"), expected=at("bye", WITHDRAWN), job_id=None) == at("in")


def test_a_step_that_another_job_has_is_refused_here() -> None:
    bound = engine({"version": 1, "steps": {"Phone": {"stages": ["Phone Screen"]}}}, per_job=True)
    assert bound.target(update(step="Phone"), expected=at("11"), job_id="1") == at("12")
    assert why(bound.target(update(step="Phone"), expected=at("21"), job_id="2")) == "steps"
    assert why(bound.target(update(step="Phone"), expected=at("21"), job_id="unheard")) == "steps"


# --- rules ---------------------------------------------------------------------------------------


def allowed(tables: dict[str, Any], *, expected: State, target: State, **more: Any) -> str | None:
    bound = engine({"version": 1, "write": {"mode": "on"}, **tables}, per_job=True)
    owner = more.pop("owner", JOBS[0])
    now = more.pop("now", NOW)
    refusal = bound.allows(update(step="x", **more), expected=expected, target=target, job=owner, now=now)
    return refusal.rule if refusal else None


MOVE = {"expected": at("12"), "target": at("13")}


@pytest.mark.parametrize(
    ("tables", "case", "rule"),
    [
        ({}, MOVE, None),
        ({"write": {}}, MOVE, "write.mode"),
        ({"write": {"mode": "shadow"}}, MOVE, None),
        ({"write": {"mode": "pilot", "pilot_jobs": ["1"]}}, MOVE, None),
        ({"write": {"mode": "pilot", "pilot_jobs": ["2"]}}, MOVE, "write.mode"),
        ({"write": {"mode": "pilot", "pilot_jobs": ["1"]}}, {**MOVE, "owner": None}, "write.mode"),
        ({}, {**MOVE, "owner": None}, "scope"),
        ({"scope": {"prospects": True}}, {**MOVE, "owner": None}, None),
        ({"scope": {"jobs": ["2"]}}, MOVE, "scope"),
        ({"scope": {"kinds": ["job"]}}, MOVE, "scope"),
        ({}, {**MOVE, "owner": job("1", confidential=True)}, "scope"),
        ({"rules": {"jobs": ["2"]}}, MOVE, "rules.jobs"),
        ({"rules": {"jobs": ["1"]}}, MOVE, None),
        ({"rules": {"not_after_days": 3}}, {**MOVE, "occurred_at": NOW - timedelta(days=2)}, None),
        (
            {"rules": {"not_after_days": 3}},
            {**MOVE, "occurred_at": NOW - timedelta(days=4)},
            "rules.not_after_days",
        ),
        ({"rules": {"not_after_days": 3}}, MOVE, None),
        ({"rules": {"forward_only": True}}, MOVE, None),
        ({"rules": {"forward_only": True}}, {"expected": at("13"), "target": at("12")}, "rules.forward_only"),
        (
            {"rules": {"forward_only": True}},
            {"expected": at("gone"), "target": at("12")},
            "rules.forward_only",
        ),
        ({"rules": {"forward_only": True}}, {"expected": at("12"), "target": at("12", REJECTED)}, None),
        ({}, {"expected": at("12", REJECTED), "target": at("12")}, "rules.reactivate"),
        ({"rules": {"reactivate": True}}, {"expected": at("12", REJECTED), "target": at("12")}, None),
        ({"rules": {"reactivate": True}}, {"expected": at("12", HIRED), "target": at("12")}, "rules.ended"),
        ({}, {"expected": at("12", REJECTED), "target": at("13", REJECTED)}, "rules.change_ended"),
        (
            {"rules": {"change_ended": True}},
            {"expected": at("12", REJECTED), "target": at("13", REJECTED)},
            None,
        ),
        ({}, {"expected": at("12", REJECTED, "a"), "target": at("12", REJECTED, "b")}, "rules.change_ended"),
        ({}, {"expected": at("12", REJECTED, "a"), "target": at("12", REJECTED)}, None),
        ({}, {"expected": at("12", HIRED), "target": at("12", HIRED)}, None),
        (
            {"rules": {"reactivate": True, "change_ended": True}},
            {"expected": at("12", ApplicationStatus.UNKNOWN), "target": at("13", ApplicationStatus.UNKNOWN)},
            "rules.ended",
        ),
    ],
)
def test_which_changes_may_leave(tables: dict[str, Any], case: dict[str, Any], rule: str | None) -> None:
    assert allowed(tables, **case) == rule


def test_mode_cap_expiry_and_acting_user() -> None:
    bound = engine(
        {
            "version": 1,
            "write": {"mode": "shadow", "cap_per_hour": 7},
            "rules": {"not_after_days": 2},
            "acting_user": {"id": "u0", "by_actor": {"jane": "u1"}},
        }
    )
    assert (bound.mode, bound.cap_per_hour) == (WriteMode.SHADOW, 7)
    assert bound.not_after(update(step="x", occurred_at=NOW)) == NOW + timedelta(days=2)
    assert bound.not_after(update(step="x")) is None
    assert bound.not_after(update(step="x", occurred_at=datetime.max.replace(tzinfo=UTC))) is None
    assert bound.acting_user(update(step="x", actor="jane")) == "u1"
    assert bound.acting_user(update(step="x", actor="joe")) == "u0"
    assert engine({"version": 1}).acting_user(update(step="x", actor="joe")) is None


# --- what no mapping can do ----------------------------------------------------------------------

IDS = [s.ref.id for c in (*PER_JOB.values(), *ONE_PIPELINE.values()) for s in c.stages] + ["../x", "99"]
NAMES = [
    *sorted({s.name or "" for c in (*PER_JOB.values(), *ONE_PIPELINE.values()) for s in c.stages}),
    "Twin",
]
PICKS = st.sampled_from(NAMES) | st.sampled_from(IDS).map(lambda i: {"id": i})
PLACES = st.fixed_dictionaries(
    {"stages": st.lists(PICKS, min_size=1, max_size=2)}, optional={"write": PICKS | st.just(False)}
)
STEPS = st.fixed_dictionaries(
    {"stages": st.lists(PICKS, min_size=1, max_size=2)},
    optional={"write": PICKS | st.just(False), "jobs": st.dictionaries(st.sampled_from(["1", "2"]), PLACES)},
)
REASON_PICKS = st.sampled_from([r.name for r in REASONS]) | st.sampled_from(REASONS).map(
    lambda r: {"id": r.ref.id}
)
MAPPINGS = st.fixed_dictionaries(
    {"version": st.just(1), "statuses": st.just({"No": {"is": "rejected"}, "Yes": {"is": "hired"}})},
    optional={
        "steps": st.dictionaries(st.sampled_from("AB"), STEPS, max_size=2),
        "reasons": st.dictionaries(
            st.sampled_from("RS"),
            st.fixed_dictionaries({"reasons": st.lists(REASON_PICKS, min_size=1, max_size=2)}),
        ),
        "kinds": st.dictionaries(
            st.sampled_from([*NAMES, *IDS]), st.sampled_from(["screen", "hired", "rejected"]), max_size=2
        ),
        "rules": st.just({"hire": ["Yes"]}),
    },
)


@settings(max_examples=400, deadline=None)
@given(
    mapping=MAPPINGS,
    per_job=st.booleans(),
    asked=st.fixed_dictionaries(
        {},
        optional={
            "step": st.sampled_from("ABC"),
            "status": st.sampled_from(["No", "Yes", "?"]),
            "reason": st.sampled_from("RST"),
        },
    ),
    job_id=st.sampled_from(["1", "2", None, "unheard"]),
    stage_id=st.sampled_from(IDS),
    status=st.sampled_from(ApplicationStatus),
)
def test_a_mapping_only_picks_from_the_jobs_own_catalogue(
    mapping: Any, per_job: bool, asked: Any, job_id: str | None, stage_id: str, status: ApplicationStatus
) -> None:
    catalogues = PER_JOB if per_job else ONE_PIPELINE
    try:
        bound = compile_mapping(load_mapping(mapping), jobs=JOBS, catalogues=catalogues)
    except MappingError:
        return
    expected = at(stage_id, status)
    target = bound.target(update(**asked), expected=expected, job_id=job_id)
    words = explain_update(bound, update(**asked), expected=expected, job_id=job_id, now=NOW)
    assert ("refused" in words[-1]) or not isinstance(target, Refusal)
    if isinstance(target, Refusal):
        return
    own = catalogues.get(job_id) or catalogues.get(None)
    assert target.stage == expected.stage or (own is not None and own.stage(target.stage) is not None)
    assert target.reason is None or (own is not None and own.reason(target.reason) is not None)
    if target.stage != expected.stage and own is not None:
        theirs = own.stage(target.stage)
        assert theirs is not None
        assert theirs.kind is not StageKind.UNMAPPED or target.stage in bound.plan(job_id).classified
        assert theirs.kind is not StageKind.HIRED
        assert theirs.active is not False


# --- explaining ----------------------------------------------------------------------------------


@given(
    stage_id=st.sampled_from([*IDS, None]),
    status=st.sampled_from(ApplicationStatus),
    reason=st.sampled_from([None, "r-left", "r-they", "gone"]),
)
def test_explain_says_what_the_engine_does(
    stage_id: str | None, status: ApplicationStatus, reason: str | None
) -> None:
    bound = engine(PLAIN)
    one = application(stage=stage_id, status=status, reason=reason)
    said = explain_mapping(bound, one)
    meant = bound.reinterpret(one)
    for word, value in (("step", bound.step(meant)), ("status", bound.status(meant))):
        assert any(line.startswith(f'{word} "{value}"' if value else f"no {word}") for line in said)
    assert (reason is None) == (not any(line.startswith(("reason", "no reason")) for line in said))
    assert any("as withdrawn" in line for line in said) == (meant.status is not status)


def test_explain_names_the_line_of_the_rule() -> None:
    said = explain_mapping(engine(PLAIN), application(stage="s-hm", status=REJECTED, reason="r-left"))
    assert said == [
        "left out: scope.prospects is false, and this application has no job",
        'step "Screen": steps.Screen (line 3) lists stage "HM Screen" (id s-hm)',
        'the mapping reads rejected as withdrawn (reasons."Candidate left".status)',
        'status "Withdrawn": statuses.Withdrawn (line 14) is withdrawn',
        'reason "Candidate left": reasons."Candidate left" (line 21) lists "Withdrew" (id r-left)',
    ]


def test_explain_a_change() -> None:
    bound = engine({"version": 1, "steps": {"Phone": {"stages": ["Phone Screen"]}}}, per_job=True)
    said = explain_update(bound, update(step="Phone"), expected=at("11"), job_id="1", now=NOW)
    assert said == [
        'asks for stage "Phone Screen", status active',
        'expects stage "Application Review", status active',
        "refused by write.mode: writing is off",
    ]
