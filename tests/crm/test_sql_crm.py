"""The embedded CRM: what the bridge writes, what recruiters do, and what is shown."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from atsbridge.crm._receipts import receipt_text
from atsbridge.crm.interface import Abilities, Delivery, WriteResult
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import CrmError
from atsbridge.model import (
    ActorKind,
    Base,
    CustomValue,
    EmploymentType,
    Gap,
    Job,
    Kind,
    Named,
    Need,
    Reason,
    Receipt,
    Ref,
    Result,
    Stage,
    State,
    TombstoneKind,
    Transition,
    User,
    Words,
)
from atsbridge.testing.deliveries import (
    ACTIVE,
    EPOCH,
    REJECTED,
    app_ref,
    application,
    at,
    candidate,
    candidate_ref,
    gone,
    play,
)

ONE = app_ref("1")


@pytest.fixture
def crm() -> Iterator[SqlCrm]:
    with SqlCrm(":memory:") as crm:
        yield crm


def results(crm: SqlCrm, *batch: Delivery) -> list[WriteResult]:
    written = play(crm.write(batch))
    assert [one.ref for one in written] == [delivery.record.ref for delivery in batch]
    return [one.result for one in written]


def receipt(
    event_id: str, result: Result = Result.APPLIED, *, minute: float = 5, **fields: object
) -> Receipt:
    fields.setdefault("after", State("s2", ACTIVE))
    fields.setdefault("base", Base("s2", ACTIVE, 2, "token r"))
    return Receipt(
        event_id=event_id,
        application=ONE,
        result=result,
        read_at=at(minute),
        **fields,  # type: ignore[arg-type]
    )


# --- write ---------------------------------------------------------------------------------------


def test_created_unchanged_updated_stale(crm: SqlCrm) -> None:
    first = application("1", minute=1)
    assert results(crm, first) == [WriteResult.CREATED]
    assert results(crm, first) == [WriteResult.UNCHANGED]
    assert results(crm, application("1", "s2", minute=2)) == [WriteResult.UPDATED]
    assert results(crm, application("1", "s3", minute=1)) == [WriteResult.STALE]
    assert crm.application(ONE).confirmed == State("s2", ACTIVE)


def test_what_is_read_later_but_says_the_same_still_makes_older_reads_stale(crm: SqlCrm) -> None:
    play(crm.write([application("1", minute=1), candidate("1", minute=1)]))
    assert results(crm, candidate("1", minute=9)) == [WriteResult.UNCHANGED]
    assert results(crm, candidate("1", minute=8, title="older")) == [WriteResult.STALE]


def test_one_ref_twice_in_a_batch_is_taken_in_order(crm: SqlCrm) -> None:
    batch = [application("1", "s1", minute=1), application("1", "s2", minute=2), application("1", minute=1)]
    assert results(crm, *batch) == [WriteResult.CREATED, WriteResult.UPDATED, WriteResult.STALE]
    assert crm.application(ONE).stage_name == "Stage s2"


def test_a_batch_may_mix_kinds_and_connections(crm: SqlCrm) -> None:
    batch = [application("1"), candidate("1"), application("1", "s9", connection="other"), candidate("2")]
    assert set(results(crm, *batch)) == {WriteResult.CREATED}
    assert crm.application(app_ref("1", "other")).confirmed.stage == "s9"
    assert crm.application(ONE).confirmed.stage == "s1"


def test_every_kind_is_kept_whole(crm: SqlCrm) -> None:
    def ref(kind: Kind) -> Ref:
        return Ref("acme", kind, "7")

    records = [
        User(ref=ref(Kind.USER), read_at=EPOCH, name="U", email="u@example.org", active=True),
        Reason(ref=ref(Kind.REASON), read_at=EPOCH, name="Too far away", outcome=REJECTED),
        Job(
            ref=ref(Kind.JOB),
            read_at=EPOCH,
            title="Engineer",
            employment_type=EmploymentType.FULL_TIME,
            departments=(Named("R&D", "d1"),),
            custom={"cost": CustomValue("text", "x")},
        ),
        Stage(ref=ref(Kind.STAGE), read_at=EPOCH, name="Offer", needs=frozenset({Need.REASON})),
    ]
    deliveries = [Delivery(record=record) for record in records]
    assert results(crm, *deliveries) == [WriteResult.CREATED] * 4
    assert results(crm, *deliveries) == [WriteResult.UNCHANGED] * 4
    assert [crm.count(kind) for kind in (Kind.USER, Kind.REASON, Kind.JOB, Kind.STAGE)] == [1] * 4


def test_a_record_that_cannot_be_stored_fails_alone(crm: SqlCrm) -> None:
    batch = [application("1"), candidate("2", display_name="half a pair: \ud800"), candidate("3")]
    written = play(crm.write(batch))
    assert [one.result for one in written] == [
        *(WriteResult.CREATED, WriteResult.FAILED, WriteResult.CREATED)
    ]
    assert "\ud800" not in written[1].why
    assert not written[1].retryable
    assert crm.count(Kind.CANDIDATE) == 1


@pytest.mark.parametrize(
    "name", ["=1+1", "a\x00b", "\u202e\U0001f600", "<b>", "o'; DROP TABLE leads", "x" * 100_000]
)
def test_strange_names_are_kept_as_they_are(crm: SqlCrm, name: str) -> None:
    play(crm.write([candidate("1", display_name=name), application("1")]))
    assert crm.application(ONE).candidate_name == name


def test_the_history_comes_back(crm: SqlCrm) -> None:
    history = (
        Transition(at(1), "s1"),
        Transition(None, "s2", "s1", actor="u7", actor_kind=ActorKind.USER),
    )
    play(crm.write([application("1", history=history)]))
    assert crm.application(ONE).history == history


def test_an_application_may_come_before_its_job_and_candidate(crm: SqlCrm) -> None:
    job = Ref("acme", Kind.JOB, "j1")
    play(crm.write([application("1", job=job)]))
    assert crm.application(ONE).job_title is None
    play(crm.write([Delivery(record=Job(ref=job, read_at=EPOCH, title="Cook"))]))
    assert crm.application(ONE).job_title == "Cook"
    assert [view.ref for view in crm.applications(job=job)] == [ONE]


# --- tombstones ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TombstoneKind.DELETED, TombstoneKind.ANONYMISED])
def test_an_erased_person_leaves_nothing_personal(tmp_path: Path, kind: TombstoneKind) -> None:
    known = candidate(
        "1", "canary@example.org", display_name="canary", company="canary", tags=("canary",),
        custom={"note": CustomValue("text", "canary")}, url="https://ats/canary",
    )  # fmt: skip
    with SqlCrm(tmp_path / "crm.db") as crm:
        assert results(crm, known) == [WriteResult.CREATED]
        assert results(crm, gone(known, kind, minute=1)) == [WriteResult.UPDATED]
        assert results(crm, gone(known, kind, minute=1)) == [WriteResult.UNCHANGED]
        assert crm.candidate(known.record.ref).deleted
        assert crm.count(Kind.CANDIDATE) == 0
    # The raw bytes, so that what SQLite left in free space counts too.
    assert [path.name for path in tmp_path.iterdir()] == ["crm.db"]
    assert b"canary" not in (tmp_path / "crm.db").read_bytes()


def test_a_merged_record_keeps_what_it_was_and_names_the_survivor(tmp_path: Path) -> None:
    loser = candidate("1", "a@example.org", display_name="kept")
    with SqlCrm(tmp_path / "crm.db") as crm:
        play(crm.write([loser]))
        play(crm.write([gone(loser, TombstoneKind.MERGED, minute=1, into=candidate_ref("2"))]))
        assert crm.candidate(loser.record.ref).name == "kept"
    db = sqlite3.connect(tmp_path / "crm.db")
    assert db.execute("SELECT deleted, merged_into FROM candidates").fetchall() == [("merged", "2")]
    db.close()


def test_a_tombstone_keeps_the_confirmed_state_and_an_open_request(crm: SqlCrm) -> None:
    first = application("1", "s2")
    play(crm.write([first]))
    event = crm.change_step(ONE, step="step s3", actor="r")
    play(crm.write([gone(first, TombstoneKind.DELETED, minute=1)]))
    view = crm.application(ONE)
    assert (view.deleted, view.confirmed.stage, view.event_id) == (True, "s2", event)
    assert crm.applications() == []
    with pytest.raises(LookupError):
        crm.change_step(ONE, step="step s4", actor="r")


def test_an_older_tombstone_is_stale_and_a_newer_record_brings_it_back(crm: SqlCrm) -> None:
    live = application("1", minute=5)
    play(crm.write([live]))
    assert results(crm, gone(live, TombstoneKind.LOST_ACCESS, minute=4)) == [WriteResult.STALE]
    assert results(crm, gone(live, TombstoneKind.LOST_ACCESS, minute=6)) == [WriteResult.UPDATED]
    assert results(crm, application("1", minute=7)) == [WriteResult.UPDATED]
    assert not crm.application(ONE).deleted


# --- a recruiter's change ------------------------------------------------------------------------


def test_a_request_is_shown_while_open_and_write_leaves_it_alone(crm: SqlCrm) -> None:
    play(crm.write([application("1", "s1")]))
    event = crm.change_step(ONE, step="step s3", reason="why", actor="r")
    play(crm.write([application("1", "s2", minute=1)]))
    view = crm.application(ONE)
    assert (view.step, view.status, view.reason, view.pending) == ("step s3", "active", "why", True)
    assert (view.confirmed_step, view.event_id) == ("step s2", event)
    held = play(crm.statuses([ONE, app_ref("none")]))
    assert held.keys() == {ONE}
    assert (held[ONE].requested_step, held[ONE].event_id) == ("step s3", event)
    assert held[ONE].confirmed == State("s2", ACTIVE)


def test_the_event_carries_the_base_of_its_moment(crm: SqlCrm) -> None:
    play(crm.write([application("1", "s1", delivery=4)]))
    crm.change_step(ONE, status="rejected", actor="r")
    play(crm.write([application("1", "s2", minute=1, delivery=5)]))
    crm.change_step(ONE, step="step s3", actor="r")
    first, second = play(crm.changes(None)).updates
    assert first.base == Base("s1", ACTIVE, 4, "token 0")
    assert second.base == Base("s2", ACTIVE, 5, "token 1")
    assert (first.sequence, second.sequence) == (1, 2)
    assert (first.step, first.status, second.step, second.status) == (None, "rejected", "step s3", None)


def test_a_change_names_something_known(crm: SqlCrm) -> None:
    with pytest.raises(ValueError, match="step"):
        crm.change_step(ONE, actor="r")
    with pytest.raises(LookupError, match="acme/application/1"):
        crm.change_step(ONE, step="x", actor="r")
    assert play(crm.changes(None)).updates == ()


def test_the_feed_pages_and_begins_again_until_acknowledged(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    events = [crm.change_step(ONE, step=f"step {n}", actor="r") for n in range(501)]
    page = play(crm.changes(None))
    assert page.more
    last = play(crm.changes(page.position))
    assert [u.event_id for u in (*page.updates, *last.updates)] == events
    assert not last.more
    play(crm.acknowledge(events[:500]))
    play(crm.acknowledge([*events[:2], "unknown"]))
    assert [u.event_id for u in play(crm.changes(last.position)).updates] == events[500:]


def test_a_crm_shared_by_two_bridges_feeds_each_its_own(tmp_path: Path) -> None:
    with SqlCrm(tmp_path / "crm.db") as crm, SqlCrm(tmp_path / "crm.db", connection="other") as other:
        play(crm.write([application("1"), application("1", connection="other")]))
        crm.change_step(ONE, step="x", actor="r")
        event = crm.change_step(app_ref("1", "other"), step="x", actor="r")
        assert [u.event_id for u in play(other.changes(None)).updates] == [event]
        assert play(other.refs(Kind.APPLICATION, None)) == ([app_ref("1", "other")], None)
        assert len(play(crm.changes(None)).updates) == 2


# --- receipts ------------------------------------------------------------------------------------


def test_a_receipt_confirms_and_clears_its_own_request(crm: SqlCrm) -> None:
    play(crm.write([application("1", "s1")]))
    event = crm.change_step(ONE, step="second", actor="r")
    play(crm.receive([attrs.evolve(receipt(event), words=Words("second", "active"))]))
    view = crm.application(ONE)
    assert (view.pending, view.step, view.confirmed) == (False, "second", State("s2", ACTIVE))
    assert view.base == Base("s2", ACTIVE, 2, "token r")
    assert view.read_at == at(5)
    assert view.receipt is not None and view.receipt.result is Result.APPLIED


def test_a_receipt_leaves_a_newer_request_open(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    first = crm.change_step(ONE, step="step s2", actor="r")
    second = crm.change_step(ONE, step="step s3", actor="r")
    play(crm.receive([receipt(first)]))
    assert crm.application(ONE).event_id == second
    assert crm.application(ONE).step == "step s3"


def test_a_receipt_is_taken_once(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    event = crm.change_step(ONE, step="step s2", actor="r")
    play(crm.receive([receipt(event), receipt(event, after=State("s8", ACTIVE), minute=9)]))
    play(crm.receive([receipt(event, after=State("s9", ACTIVE), minute=10)]))
    assert crm.application(ONE).confirmed.stage == "s2"
    assert len(crm.receipts_for(ONE)) == 1


def test_a_receipt_older_than_what_is_held_only_clears(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    event = crm.change_step(ONE, step="step s2", actor="r")
    play(crm.write([application("1", "s5", minute=6, delivery=7)]))
    play(crm.receive([receipt(event, minute=5)]))
    view = crm.application(ONE)
    assert (view.confirmed.stage, view.pending) == ("s5", False)
    assert view.base is not None and view.base.delivery == 7


def test_a_receipt_without_a_read_only_clears(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    event = crm.change_step(ONE, step="step s2", actor="r")
    refused = Receipt(event_id=event, application=ONE, result=Result.REFUSED, why="hiring is off")
    play(crm.receive([refused]))
    view = crm.application(ONE)
    assert (view.step, view.pending) == ("step s1", False)
    assert view.receipt is not None and view.receipt.text == "Not done: hiring is off."


def test_a_write_read_before_a_receipt_is_stale_after_it(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    play(crm.receive([receipt(crm.change_step(ONE, step="step s2", actor="r"), minute=5)]))
    assert results(crm, application("1", "s1", minute=4)) == [WriteResult.STALE]
    assert crm.application(ONE).confirmed.stage == "s2"


def test_a_conflict_shows_the_words_of_its_receipt(crm: SqlCrm) -> None:
    job, other_job = Ref("acme", Kind.JOB, "j1"), Ref("acme", Kind.JOB, "j2")
    play(
        crm.write(
            [
                application("1", "s1", job=job),
                application("2", "s2", job=job, words=("Interview", "running")),
                application("3", "s2", job=other_job, words=("Talk", "running")),
            ]
        )
    )
    event = crm.change_step(ONE, step="step s4", actor="r")
    told = attrs.evolve(receipt(event, Result.CONFLICT), words=Words("Interview", "running"))
    play(crm.receive([told]))
    view = crm.application(ONE)
    assert (view.step, view.status) == ("Interview", "running")


def test_a_state_without_a_word_shows_the_ats_name(crm: SqlCrm) -> None:
    play(crm.write([application("1"), application("2", "s2", words=(None, None))]))
    assert crm.application(app_ref("2")).step == "Stage s2"
    stage = Stage(ref=Ref("acme", Kind.STAGE, "s7"), read_at=EPOCH, name="Seventh")
    play(crm.write([Delivery(record=stage)]))
    event = crm.change_step(ONE, step="x", actor="r")
    play(crm.receive([receipt(event, Result.CONFLICT, after=State("s7", REJECTED))]))
    view = crm.application(ONE)
    assert (view.step, view.status, view.confirmed_step) == ("Seventh", "rejected", None)
    assert view.receipt is not None and "rejected (in Seventh)" in view.receipt.text


def test_the_receipt_shown_is_that_of_the_newest_change(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))
    first = crm.change_step(ONE, step="a", actor="r")
    second = crm.change_step(ONE, step="b", actor="r")
    late = Receipt(event_id=first, application=ONE, result=Result.SUPERSEDED)
    play(crm.receive([receipt(second), late]))
    shown = crm.application(ONE).receipt
    assert shown is not None and shown.event_id == second
    assert [one.event_id for one in crm.receipts_for(ONE)] == [first, second]


def test_a_receipt_for_what_is_not_held_is_kept(crm: SqlCrm) -> None:
    play(crm.receive([receipt("elsewhere")]))
    assert [one.event_id for one in crm.receipts_for(ONE)] == ["elsewhere"]


@pytest.mark.parametrize("result", list(Result))
def test_every_result_has_words(result: Result) -> None:
    text = receipt_text(receipt("e", result, why="the rule says no.", overwritten=("moved to s4",)), "Onsite")
    assert text.endswith(".") and ".." not in text and "{" not in text
    assert receipt_text(Receipt(event_id="e", application=ONE, result=result)).endswith(".")


def test_a_chain_and_an_unaudited_gap_are_said() -> None:
    assert "1 of 2 steps" in receipt_text(receipt("e", Result.CONFLICT, progress=(1, 2)))
    assert "cannot show" in receipt_text(receipt("e", gap=Gap.UNAUDITED))


# --- verification, access, threads, the file -----------------------------------------------------


def test_refs_page_through_the_live_records(crm: SqlCrm) -> None:
    batch = [application(f"{n:05}") for n in range(2001)]
    play(crm.write(batch))
    play(crm.write([gone(batch[5], TombstoneKind.DELETED, minute=1)]))
    seen: list[Ref] = []
    sizes, after = [], None
    while True:
        refs, after = play(crm.refs(Kind.APPLICATION, after))
        seen += refs
        sizes.append(len(refs))
        if after is None:
            break
    assert seen == [d.record.ref for n, d in enumerate(batch) if n != 5]
    assert sizes[:2] == [1000, 1000]


def test_applications_can_be_narrowed(crm: SqlCrm) -> None:
    play(crm.write([application("1"), application("2"), application("1", connection="other")]))
    crm.change_step(app_ref("2"), step="x", actor="r")
    assert len(crm.applications()) == 3
    assert [v.ref for v in crm.applications(pending=True)] == [app_ref("2")]
    assert [v.ref for v in crm.applications(connection="other")] == [app_ref("1", "other")]
    assert [v.ref for v in crm.applications(candidate=candidate_ref("1"))] == [ONE]
    assert len(crm.applications(limit=2)) == 2


def test_check_says_what_it_can(crm: SqlCrm, tmp_path: Path) -> None:
    (good,) = play(crm.check_access())
    assert good.ok and good.abilities >= {Abilities.BASE, Abilities.MATCH}
    with SqlCrm(tmp_path / "no such folder" / "crm.db") as broken:
        (bad,) = play(broken.check_access())
    assert not bad.ok and "path" in bad.why


def test_several_threads_may_use_it(crm: SqlCrm) -> None:
    play(crm.write([application("1")]))

    def recruit() -> None:
        for _ in range(20):
            crm.change_step(ONE, step="x", actor="r")

    threads = [threading.Thread(target=recruit) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    updates = play(crm.changes(None)).updates
    assert [u.sequence for u in updates] == list(range(1, 61))


def test_what_was_done_outlives_the_process(tmp_path: Path) -> None:
    with SqlCrm(tmp_path / "crm.db") as crm:
        play(crm.write([application("1")]))
        event = crm.change_step(ONE, step="x", actor="r")
    crm.close()
    with pytest.raises(CrmError, match="closed"):
        play(crm.changes(None))
    with SqlCrm(tmp_path / "crm.db") as again:
        assert [u.event_id for u in play(again.changes(None)).updates] == [event]


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "crm.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with SqlCrm(tmp_path / "crm.db") as crm, pytest.raises(CrmError, match="newer release"):
        play(crm.changes(None))


def test_a_batch_that_breaks_half_way_leaves_nothing(tmp_path: Path) -> None:
    with SqlCrm(tmp_path / "crm.db") as crm:
        play(crm.write([application("1")]))
        with sqlite3.connect(tmp_path / "crm.db") as db:
            db.execute("DROP TABLE candidate_emails")
        db.close()
        with pytest.raises(CrmError, match=r"SqlCrm\.write_batch raised OperationalError"):
            play(crm.write([application("2"), candidate("2", "a@example.org")]))
        assert crm.count(Kind.APPLICATION) == 1
        assert crm.count(Kind.CANDIDATE) == 0


def test_nothing_personal_in_a_repr(crm: SqlCrm) -> None:
    play(crm.write([candidate("1", "canary@example.org", display_name="canary"), application("1")]))
    crm.add_lead("canary", "canary@example.org")
    crm.match_candidates([candidate_ref("1")])
    shown = repr([crm, crm.applications(), crm.leads(), crm.candidate(candidate_ref("1")), crm.reviews()])
    assert "canary" not in shown
