"""What is configured in the ATS: kept without people, and put together per job."""

from __future__ import annotations

from attrs import evolve
from sync_world import MAPPING, START, reason, stage, world
from tiny_ats import CONNECTION, TinyAts, moment, read_application, read_candidate, read_job

from atsbridge.mapping import load_mapping
from atsbridge.model import (
    ApplicationStatus,
    CustomValue,
    Job,
    Kind,
    Posting,
    Record,
    Ref,
    Stage,
    StageKind,
    TeamMember,
    Tombstone,
    TombstoneKind,
)
from atsbridge.sync.ledger import Known
from atsbridge.sync.reality import Interpreter, Reality, application_from, pack, unpack

AT = moment(START)
JOB = read_job({"id": "j1", "title": "Job"}, AT)
GONE = Tombstone(TombstoneKind.DELETED)


def of_job(id: str, job: str) -> Record:
    return evolve(stage(id), job=Ref(CONNECTION, Kind.JOB, job))


def row(record: Record, content: str | None) -> Known:
    kind = record.ref.kind.value
    return Known(
        connection=CONNECTION, kind=kind, id=record.ref.id, digest=None, read_at=0.0, content=content
    )


def test_configuration_comes_back_without_people_and_long_texts() -> None:
    full = evolve(
        JOB,
        hiring_team=(TeamMember("u", name="Somebody"),),
        postings=(Posting("p"),),
        description_html="long",
        custom={"x": CustomValue("text", "v")},
    )
    text = pack(full) or ""
    assert "Somebody" not in text and "long" not in text
    assert unpack(row(full, text)) == JOB
    for record in (stage("A", active=True), reason("r1", outcome=ApplicationStatus.HIRED)):
        assert unpack(row(record, pack(record))) == record


def test_people_are_not_kept() -> None:
    assert pack(read_candidate({"id": "p1", "name": "N"}, AT)) is None
    assert pack(read_application({"id": "1", "status": "active"}, AT)) is None


def test_the_later_record_counts_and_what_is_gone_is_not_there() -> None:
    found = Reality.of([JOB, stage("A"), reason("r1"), evolve(stage("A"), name="New")])
    assert (found.jobs, found.stages["A"].name, set(found.reasons)) == ({"j1": JOB}, "New", {"r1"})
    again = found.with_records([evolve(stage("A"), deleted=GONE), evolve(stage("X"), deleted=GONE)])
    assert again.stages == {} and again.jobs == found.jobs
    people = Reality.of([read_candidate({"id": "p1", "name": "N"}, AT)])
    assert people == Reality()


def test_it_is_loaded_from_the_ledger_of_this_connection() -> None:
    w = world("1")
    w.put(evolve(w.row(Known, "stage", "B"), deleted="deleted"))
    w.put(evolve(w.row(Known, "stage", "C"), content=None))
    w.put(evolve(w.row(Known, "stage", "H"), connection="globex", id="Z"))
    found = w.ledger.look(lambda txn: Reality.load(txn, CONNECTION))
    assert set(found.stages) == {"A", "H"} and set(found.jobs) == {"j1", "j2"}
    assert found.bindings.stages[""]["B"] == "B"


def test_a_job_has_its_own_stages_and_those_of_all() -> None:
    found = Reality.of([JOB, stage("G"), of_job("A", "j1"), of_job("B", "j9"), reason("r1")]).catalogues()
    ids = {job: [s.ref.id for s in c.stages] for job, c in found.items()}
    assert ids == {None: ["G"], "j1": ["G", "A"], "j9": ["G", "B"]}
    assert found["j1"].job == JOB.ref and found["j9"].job == Ref(CONNECTION, Kind.JOB, "j9")
    assert all([r.ref.id for r in c.reasons] == ["r1"] for c in found.values())


def test_a_job_has_the_stages_of_its_pipelines_and_no_others() -> None:
    def of(id: str, pipeline: str) -> Stage:
        return evolve(stage(id), pipeline=pipeline)

    shared, other = evolve(JOB, pipelines=("p1",)), Ref(CONNECTION, Kind.JOB, "j2")
    both = evolve(JOB, ref=other, pipelines=("p2", "p1", "unheard"))
    found = Reality.of([shared, both, of("A", "p1"), of("B", "p2"), of("C", "p3"), stage("G")]).catalogues()
    ids = {job: [s.ref.id for s in c.stages] for job, c in found.items()}
    assert ids == {None: ["G"], "j1": ["G", "A"], "j2": ["G", "B", "A"]}
    assert (found["j1"].job, found["j2"].job) == (JOB.ref, other)


def test_only_its_reason_may_tell_how_an_application_ended() -> None:
    outcome = ApplicationStatus.WITHDRAWN
    reality = Reality.of(
        [
            JOB,
            *map(stage, "ABCH"),
            evolve(reason("r1", outcome=outcome), name="Unfit"),
            evolve(reason("r2"), name="Left"),
        ]
    )
    read = Interpreter.of(TinyAts(), reality, reality.compile(load_mapping(MAPPING))).application

    def seen(status: str, reason: str | None) -> ApplicationStatus:
        return read(read_application({"id": "1", "status": status, "reason": reason}, AT)).status

    assert seen("unknown", "r1") is outcome
    assert seen("unknown", "r2") is ApplicationStatus.UNKNOWN
    assert seen("unknown", None) is ApplicationStatus.UNKNOWN
    assert seen("rejected", "r1") is ApplicationStatus.REJECTED


class StageDecides(TinyAts):
    STAGE_DECIDES = True


def test_a_stage_may_tell_how_an_application_stands() -> None:
    kinds = {"A": StageKind.APPLIED, "B": StageKind.UNMAPPED, "C": StageKind.REJECTED, "H": StageKind.HIRED}
    reality = Reality.of([JOB, *(evolve(stage(id), kind=kind) for id, kind in kinds.items())])
    engine = reality.compile(load_mapping({"version": 1}))

    def seen(ats: TinyAts, id: str) -> ApplicationStatus:
        read = read_application({"id": "1", "status": "unknown", "stage": id}, AT)
        return Interpreter.of(ats, reality, engine).application(read).status

    assert [seen(StageDecides(), id).value for id in "ABCH"] == ["active", "unknown", "rejected", "hired"]
    assert {seen(TinyAts(), id) for id in "ABCH"} == {ApplicationStatus.UNKNOWN}


def test_what_the_ats_makes_of_a_stage_holds_where_the_stage_does_not_tell() -> None:
    """It may know no difference between a rejection and a withdrawal, or call who is hired open."""
    kinds = {"B": StageKind.UNMAPPED, "C": StageKind.WITHDRAWN, "H": StageKind.HIRED, "A": StageKind.ARCHIVED}
    reality = Reality.of([JOB, *(evolve(stage(id), kind=kind) for id, kind in kinds.items())])
    engine = reality.compile(load_mapping({"version": 1}))

    def seen(ats: TinyAts, id: str, status: str) -> str:
        read = read_application({"id": "1", "status": status, "stage": id}, AT)
        return Interpreter.of(ats, reality, engine).application(read).status.value

    ats = StageDecides()
    assert [seen(ats, id, "rejected") for id in "BCA"] == ["rejected", "withdrawn", "rejected"]
    assert [seen(ats, id, "active") for id in "BH"] == ["active", "hired"]
    assert seen(TinyAts(), "C", "rejected") == "rejected"


def test_as_much_of_an_application_as_the_ledger_remembers() -> None:
    w = world("1")
    w.put(evolve(w.known(), reason="r1"))
    app = application_from(w.known())
    assert (app.ref.id, app.read_at) == ("1", AT)
    assert app.job == Ref(CONNECTION, Kind.JOB, "j1") and app.stage == Ref(CONNECTION, Kind.STAGE, "A")
    assert app.reason == Ref(CONNECTION, Kind.REASON, "r1") and app.status is ApplicationStatus.ACTIVE
    bare = application_from(evolve(w.known(), job=None, stage=None, status=None, reason=None))
    assert (bare.job, bare.stage, bare.reason, bare.status) == (None, None, None, ApplicationStatus.UNKNOWN)


def test_a_job_is_a_job() -> None:
    assert isinstance(unpack(row(JOB, pack(JOB))), Job)
