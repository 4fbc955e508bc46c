"""Verify names every difference, and repair does what it proposes."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, MAPPING, World, application_ref, lost_answer, says, world
from tiny_ats import CONNECTION, EPOCH

from atsbridge.errors import CrmError
from atsbridge.mapping import load_mapping
from atsbridge.model import Base, Kind, Ref, Result, Tombstone, TombstoneKind
from atsbridge.sync.hands import RealHands
from atsbridge.sync.inbound import pull
from atsbridge.sync.ledger import Known, Lease, Quarantined, Waiting, Where
from atsbridge.sync.outbound import push
from atsbridge.sync.runs import recorded
from atsbridge.sync.verify import Difference, RepairReport, VerifyReport, Why, repair, verify


def verified(w: World) -> VerifyReport:
    return w.run(verify(w.ctx))  # type: ignore[no-any-return]


def repaired(w: World) -> RepairReport:
    return w.run(repair(w.ctx))  # type: ignore[no-any-return]


def only(w: World) -> Difference:
    (found,) = verified(w).differences
    return found


def crm_shows(w: World, id: str = "1", **changes: Any) -> None:
    """The CRM holds something else than it was given."""
    ref = application_ref(id)
    one = w.crm.held[ref]
    w.crm.held[ref] = evolve(one, record=evolve(one.record, **changes))


def there(stage: str) -> Ref:
    return Ref(CONNECTION, Kind.STAGE, stage)


def test_two_sides_that_agree() -> None:
    w = world("1", "2", "3")
    report = verified(w)
    assert (report.compared, report.equal, report.differences, report.exit_code) == (3, 3, [], 0)
    assert report.counts == {} and report.requests == 2
    assert not [t for t in w.crm.told if t[0] == "write"]


def test_a_difference_that_nothing_explains_is_a_fault() -> None:
    w = world("1", "2")
    crm_shows(w, stage=there("C"))
    report = verified(w)
    assert report.differences == [
        Difference(application="1", why=Why.FAULT, ats="A, active", crm="C, active", propose="pull")
    ]
    assert (report.faults, report.exit_code, report.counts, report.equal) == (1, 1, {"fault": 1}, 1)
    assert report.as_dict()["counts"] == {"fault": 1} and report.as_dict()["exit_code"] == 1


def test_newer_than_the_last_read_is_for_the_next_pull() -> None:
    w = world("1")
    w.account.move("1", "B")
    assert (only(w).why, only(w).propose, verified(w).exit_code) == (Why.NEWER, "pull", 0)
    w.account.apply("2")
    w.put(evolve(w.known(), read_at=EPOCH + w.clock.value, stage="A"))
    assert verified(w).counts == {"fault": 1, "newer": 1}  # read since, and still another


def test_one_that_the_crm_never_got_is_newer_or_a_fault() -> None:
    w = world("1", "2")
    del w.crm.held[application_ref("1")]
    one = only(w)
    assert (one.why, one.crm, one.propose) == (Why.FAULT, "nothing", "pull")
    w.account.apply("3")
    assert verified(w).counts == {"fault": 1, "newer": 1}


@pytest.mark.parametrize("seconds, why", [(-1.0, Why.FAULT), (0.0, Why.FAULT), (1.0, Why.NEWER)])
@pytest.mark.parametrize("verb", ["pull", "sync"])
def test_one_that_nobody_knows_was_missed_if_it_was_there_when_the_last_pull_began(
    seconds: float, why: Why, verb: str
) -> None:
    w = world("1")
    began = w.clock.value
    w.run(recorded(w.ctx, verb, pull(w.ctx)))
    w.clock.value += 100
    w.crm.fails["changes"] = CrmError()
    with pytest.raises(CrmError):
        w.run(recorded(w.ctx, "sync", push(w.ctx, RealHands(w.ctx))))  # it came to no end
    w.run(recorded(w.ctx, "verify", verify(w.ctx)))
    app = w.account.apply("2")
    app.updated, app.created = None, began + seconds
    assert (only(w).application, only(w).why, only(w).propose) == ("2", why, "pull")
    app.updated = began + 50
    assert only(w).why is Why.NEWER


def test_one_of_no_known_time_is_for_the_next_pull() -> None:
    w = world("1")
    w.run(recorded(w.ctx, "pull", pull(w.ctx)))
    w.account.apply("2").updated = None
    assert only(w).why is Why.NEWER


def test_a_change_that_ended_and_was_told_explains_nothing_more() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.push()
    crm_shows(w, stage=there("C"))
    assert (only(w).why, only(w).propose) == (Why.FAULT, "pull")


@pytest.mark.parametrize(
    "row, why",
    [
        (
            Quarantined(connection=CONNECTION, kind="application", id="1", path="p", why="w"),
            Why.QUARANTINED,
        ),
        (
            Waiting(
                connection=CONNECTION,
                kind="application",
                id="1",
                parent_kind="job",
                parent_id="j",
                since=0.0,
            ),
            Why.WAITING,
        ),
    ],
)
def test_what_the_ledger_knows_explains(row: Any, why: Why) -> None:
    w = world("1")
    crm_shows(w, stage=there("C"))
    w.put(row)
    assert (only(w).why, only(w).propose) == (why, "")


def test_a_change_on_its_way_explains() -> None:
    w = world("1")
    w.wants("1", step="B")
    assert (only(w).why, only(w).propose) == (Why.PENDING, "")  # asked for, and not taken in
    w.writes = [lost_answer]
    w.push()
    w.crm.requests.clear()
    assert (only(w).ats, only(w).crm, only(w).why) == ("B, active", "A, active", Why.PENDING)


def test_a_change_of_a_lost_ledger_is_a_fault_and_repair_ends_it() -> None:
    """It was acknowledged: no feed gives it again, and no ledger would ever end it."""
    w = world("1", "2")
    w.wants("1", step="B")
    lost = w.crm.requests[application_ref()]
    w.crm.offered.clear()
    w.wants("2", step="B")  # still in the feed
    report = verified(w)
    assert [(d.application, d.why, d.propose) for d in report.differences] == [
        ("1", Why.FAULT, "end"),
        ("2", Why.PENDING, ""),
    ]
    assert repaired(w).repaired == ["1"]
    (receipt,) = w.crm.receipts
    assert (receipt.event_id, receipt.result) == (lost.event_id, Result.REVIEW)
    assert verified(w).counts == {"pending": 1} and not w.account.log


def untold(w: World) -> World:
    """The push ended, and could not tell the CRM."""
    w.crm.fails["write"] = CrmError()
    with pytest.raises(CrmError):
        w.push()
    return w


def test_an_end_that_was_not_told_yet_explains() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    untold(w)
    w.crm.requests.clear()
    one = only(w)
    assert (one.ats, one.crm, one.why, one.propose) == ("B, active", "A, active", Why.PENDING, "")
    w.push()
    assert not verified(w).differences


def test_a_conflict_that_was_not_told_yet_explains() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.account.move("1", "C")
    untold(w)
    w.crm.requests.clear()
    assert (only(w).crm, only(w).why, verified(w).exit_code) == ("A, active", Why.CONFLICT, 0)
    w.push()
    assert not verified(w).differences


@pytest.mark.parametrize(
    "result, why",
    [
        ("conflict", Why.CONFLICT),
        ("review", Why.CONFLICT),
        ("dead", Why.CONFLICT),
        ("refused", Why.PENDING),
        (None, Why.PENDING),
    ],
)
def test_a_request_that_the_crm_still_shows(result: str | None, why: Why) -> None:
    w = world("1", "2")
    for id in "12":
        w.wants(id, step="B")
    w.push()
    for id in "12":
        w.account.move(id, "A")
    w.pull()
    w.wants("1", step="B", event_id="e1")
    w.put(evolve(w.update("e1"), result=result))
    assert (only(w).application, only(w).why) == ("1", why)


def test_changes_of_others_explain_nothing() -> None:
    w = world("1", "2")
    w.wants("2", step="B")
    untold(w)
    w.put(evolve(w.update(), application="1", connection="globex"))
    crm_shows(w, "1", stage=there("C"))
    assert {d.application: d.why for d in verified(w).differences} == {"1": Why.FAULT, "2": Why.PENDING}


def test_streams_of_deletions_are_not_compared() -> None:
    w = world("1")

    class Listing(type(w.ats)):  # type: ignore[misc]
        def streams(self) -> Any:
            *others, applications = super().streams()
            return (*others, applications, evolve(applications, name="gone", deletions=True))

    w.ctx.ats = Listing(account=w.account)
    assert verified(w).compared == 1 and w.log == ["GET /applications"]


def test_an_application_that_two_streams_show_is_compared_once() -> None:
    w = world("1")

    class Twice(type(w.ats)):  # type: ignore[misc]
        def streams(self) -> Any:
            *others, applications = super().streams()
            return (*others, applications, evolve(applications, name="again"))

    w.ctx.ats = Twice(account=w.account)
    assert verified(w).compared == 1 and len(w.log) == 2


def test_one_that_cannot_be_read_is_named_and_hides_no_other() -> None:
    w = world("1", "2")
    w.account.apps["1"].unreadable = True
    report = verified(w)
    assert (report.compared, report.equal) == (2, 1)
    assert report.differences == [
        Difference(application="1", why=Why.QUARANTINED, ats="unreadable", crm="held")
    ]


def test_a_stage_without_a_step_is_unmapped() -> None:
    w = world("1")
    w.ctx.mapping = load_mapping(MAPPING.replace('[steps.A]\nstages = ["A"]\n', ""))
    assert (only(w).why, only(w).propose, verified(w).exit_code) == (Why.UNMAPPED, "", 0)


def test_one_without_a_stage_is_not_unmapped() -> None:
    w = world("1")
    w.account.change("1", stage=None)
    w.pull()
    assert verified(w).equal == 1


def test_out_of_scope_and_not_held_is_said_and_held_is_left_alone() -> None:
    w = world("1", "2")
    w.ctx.mapping = load_mapping(MAPPING.replace("prospects = true", 'jobs = ["j2"]'))
    del w.crm.held[application_ref("1")]
    report = verified(w)
    assert report.counts == {"out_of_scope": 1} and report.equal == 1 and report.exit_code == 0


@pytest.mark.parametrize("held", [None, Tombstone(TombstoneKind.DELETED)])
def test_out_of_scope_and_buried_is_said(held: Tombstone | None) -> None:
    w = world("1")
    w.ctx.mapping = load_mapping(MAPPING.replace("prospects = true", 'jobs = ["j2"]'))
    crm_shows(w, deleted=held)
    assert verified(w).counts == ({"out_of_scope": 1} if held else {})


def test_the_words_are_those_that_are_shown() -> None:
    assert [w.value for w in Why] == [w.name.lower() for w in Why]


def test_buried_by_mistake_is_a_difference() -> None:
    w = world("1")
    crm_shows(w, deleted=Tombstone(TombstoneKind.DELETED))
    assert only(w).why is Why.FAULT


def test_gone_from_the_ats_is_asked_about_and_proposed_to_be_buried() -> None:
    w = world("1", "2", "3", "4", "5")
    w.account.apps["2"].gone = "deleted"
    w.account.apps["4"].gone, w.account.apps["4"].merged_into = "merged", "1"
    report = verified(w)
    assert [(d.application, d.why, d.ats, d.crm, d.propose) for d in report.differences] == [
        ("2", Why.DELETED, "deleted", "held", "bury"),
        ("4", Why.DELETED, "merged", "held", "bury"),
    ]
    assert (report.compared, report.equal, report.exit_code) == (5, 3, 0)


def test_not_shown_and_still_there_is_equal() -> None:
    w = world("1", "2", "3")

    def hiding(made: World, asked: Any) -> Any:
        app = made.account.apps.pop("3")
        try:
            return made.good(asked)
        finally:
            made.account.apps["3"] = app

    w.reads = [hiding]
    report = verified(w)
    assert (report.compared, report.equal, report.differences) == (3, 3, [])
    assert "GET /applications/3" in w.log


def test_another_connections_records_are_not_asked_about() -> None:
    w = world("1")
    other = Ref("globex", Kind.APPLICATION, "9")
    one = w.crm.held[application_ref()]
    w.crm.held[other] = evolve(one, record=evolve(one.record, ref=other))
    assert verified(w).compared == 1


def test_what_cannot_be_read_is_asked_about() -> None:
    w = world("1")
    w.account.broken = [{"id": "1"}]
    assert verified(w).equal == 1


def test_streams_of_a_job_are_read_job_by_job() -> None:
    w = world("1", settings={"per_job": True})
    w.account.apply("2", job="j2")
    w.pull()
    w.log.clear()
    assert verified(w).equal == 2 and w.log == ["GET /applications"] * 2


def test_verify_changes_nothing() -> None:
    w = world("1", "2")
    w.account.move("1", "B")
    w.account.apps["2"].gone = "deleted"
    before = {t: dict(rows) for t, rows in w.ledger.tables.items()}
    held = dict(w.crm.held)
    verified(w)
    assert w.ledger.tables == before and w.crm.held == held and not w.account.log


def test_progress_is_told() -> None:
    w = world("1", "2", "3")
    seen: list[Any] = []
    w.ctx.progress = seen.append
    verified(w)
    assert [(p.verb, p.what, p.done) for p in seen] == [
        ("verify", "applications", 2),
        ("verify", "applications", 3),
    ]


# -- repair --


def test_repair_does_what_is_proposed_and_leaves_the_rest() -> None:
    w = world("1", "2", "3", "4")
    w.account.move("1", "B")  # newer
    crm_shows(w, "2", stage=there("C"))  # a fault
    w.account.apps["3"].gone = "deleted"
    w.wants("4", step="B")  # pending
    report = repaired(w)
    assert sorted(report.repaired) == ["1", "2", "3"]
    assert [(d.application, d.why) for d in report.left] == [("4", Why.PENDING)]
    assert report.as_dict()["repaired"] == report.repaired
    assert verified(w).counts == {"pending": 1} and not w.account.log
    held = w.crm.held[application_ref("3")].record
    assert held.deleted is not None and w.known("3").deleted == "deleted"


def test_what_the_crm_alone_still_knows_is_buried() -> None:
    """A power cut has taken the ledger's page, and the ATS its application before the page was read again."""
    w = world("1", "2")
    w.ledger.do(lambda txn: txn.delete(Known, Where(equal={"id": "1"})))
    w.account.apps["1"].gone = "deleted"
    assert repaired(w).repaired == ["1"]
    assert w.crm.held[application_ref("1")].record.deleted is not None
    assert repaired(w).repaired == []


def test_what_became_unreadable_is_left_and_set_aside_and_the_rest_repaired() -> None:
    w = world("1", "2")
    w.account.move("1", "B")
    w.account.move("2", "B")
    w.reads = [None, says(200, {"id": "1"})]
    report = repaired(w)
    assert report.repaired == ["2"]
    assert [(d.application, d.why, d.propose) for d in report.left] == [("1", Why.QUARANTINED, "")]
    assert w.row(Quarantined, "application", "1").path == "status"


def test_repair_of_nothing_takes_no_lease() -> None:
    w = world("1")
    lease = w.rows(Lease)
    assert repaired(w) == RepairReport() and w.rows(Lease) == lease


def test_a_repaired_application_has_a_base_that_a_change_can_be_made_on() -> None:
    w = world("1")
    w.account.move("1", "B")
    repaired(w)
    base = w.crm.held[application_ref()].base
    assert base == Base("B", ACTIVE, w.known().delivery, "2")
    w.wants("1", step="C")
    assert w.push().results == {"applied": 1}
