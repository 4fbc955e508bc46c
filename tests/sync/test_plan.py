"""The dry run: what it says is what a push then does, and it changes nothing anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import MAPPING, World, application_ref, lost_answer, not_sent, rules, world

from atsbridge.crm.interface import Delivery
from atsbridge.errors import MappingError
from atsbridge.mapping import load_mapping
from atsbridge.model import Receipt, Result
from atsbridge.sync.plan import MappingChange, PlanReport, SilentCrm, compare_mapping, plan, receipt_dict
from atsbridge.sync.status import set_paused
from atsbridge.wire.vendor import Signal


def planned(w: World) -> PlanReport:
    return w.run(plan(w.ctx))  # type: ignore[no-any-return]


def everything(w: World) -> Any:
    return (
        {row_type: dict(rows) for row_type, rows in w.ledger.tables.items()},
        dict(w.crm.held),
        list(w.crm.receipts),
        list(w.account.log),
    )


def essence(receipt: Receipt) -> Any:
    """What a prediction is about: all but ids of deliveries, times and the vendor's evidence."""
    return (
        receipt.event_id,
        receipt.result,
        receipt.why,
        receipt.before,
        receipt.after,
        receipt.progress,
        receipt.strength,
        receipt.attempts,
        receipt.words,
    )


def busy(**how: Any) -> World:
    """Changes of every sort: applied, a chain, a conflict, already, refused, superseded."""
    w = world("1", "2", "3", "4", "5", "6", reasoned=True, **how)
    w.wants("1", step="B")
    w.wants("2", step="B", status="Rejected", reason="Unfit")
    w.wants("3", step="B")
    w.account.move("3", "C")
    w.wants("4", step="B")
    w.account.move("4", "B")
    w.wants("5", step="Z")
    w.wants("6", step="B")
    w.wants("6", step="C")
    return w


@pytest.mark.parametrize("signal", list(Signal))
def test_what_it_says_is_what_happens(signal: Signal) -> None:
    w = busy(signal=signal)
    said = planned(w)
    report = w.push()
    assert sorted(map(essence, said.receipts)) == sorted(map(essence, report.receipts))
    assert (said.writes, said.held_back, said.waiting) == (report.writes, "", 0)
    assert {r.result for r in said.receipts} == {
        Result.APPLIED,
        Result.CONFLICT,
        Result.ALREADY,
        Result.REFUSED,
        Result.SUPERSEDED,
    }


def test_it_writes_nothing_anywhere() -> None:
    w = busy()
    before = everything(w)
    planned(w)
    assert everything(w) == before
    assert all(line.startswith("GET ") for line in w.log)
    assert {t[0] for t in w.crm.told} == {"changes"}


def test_it_says_the_same_twice() -> None:
    w = busy()
    assert planned(w) == planned(w)


def test_it_says_what_holds_writes_back() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.run(set_paused(w.ctx, True, why="holidays"))
    said = planned(w)
    assert (said.held_back, said.writes, said.waiting) == ("paused: holidays", 0, 1)
    w.run(set_paused(w.ctx, False))
    w.ctx.approved = None
    assert "not the one approved" in planned(w).held_back
    assert "atsbridge vendors approve" in planned(w).held_back


def test_it_says_that_the_ats_could_not_be_asked_as_the_push_does() -> None:
    w = world("1", "2")
    w.wants("1", step="B")
    w.push()
    w.wants("2", step="B")
    w.reads = [not_sent] * 12
    said = planned(w)
    assert (said.writes, said.waiting, said.unavailable) == (0, 1, True)
    assert said.held_back == "the ATS could not be read: NoAnswer: no connection could be opened"
    report = w.push()
    assert (report.held_back, report.unavailable) == (said.held_back, True)
    assert planned(w).held_back == "" and planned(w).writes == 1


def test_it_does_not_touch_what_is_in_doubt() -> None:
    w = world("1")
    w.wants("1", step="B")
    w.writes = [lost_answer]
    w.push()
    before = everything(w)
    said = planned(w)
    assert (said.waiting, said.receipts) == (1, ()) and everything(w) == before


def test_in_shadow_it_says_what_would_have_gone() -> None:
    w = world("1", mapping=rules(mode='mode = "shadow"'))
    w.wants("1", step="B")
    (receipt,) = planned(w).receipts
    assert receipt.why == "write.mode: shadow; this would have gone: move to B, active"


def test_it_tells_as_plain_data() -> None:
    w = world("1")
    w.wants("1", step="B")
    told = planned(w).as_dict()
    (receipt,) = told.pop("receipts")
    nobody = {"stopped": False, "unapproved": False, "unavailable": False}
    assert told == {"writes": 1, "held_back": "", **nobody, "waiting": 0, "held": []}
    assert receipt == {
        "event_id": "e1",
        "application": "1",
        "result": "applied",
        "why": "",
        "before": {"stage": "A", "status": "active", "reason": None},
        "after": {"stage": "B", "status": "active", "reason": None},
        "strength": "none",
        "gap": "audited",
        "overwritten": [],
        "side_effects": [],
        "progress": [1, 1],
        "attempts": 1,
    }


def test_a_receipt_without_a_write_as_plain_data() -> None:
    told = receipt_dict(Receipt(event_id="e", application=application_ref(), result=Result.REFUSED, why="no"))
    assert (told["before"], told["after"], told["strength"], told["gap"]) == (
        None,
        None,
        None,
        "not_applicable",
    )


def test_an_outbox_that_is_never_acknowledged_is_read_once() -> None:
    w = world("1", "2")
    w.crm.page = 1
    w.wants("1", step="B")
    w.wants("2", step="B")

    class Outbox(type(w.crm)):  # type: ignore[misc]
        def changes(self, after: Any) -> Any:
            feed = yield from super().changes(None)
            return feed

    w.ctx.crm = Outbox(offered=w.crm.offered, page=1)
    assert [r.event_id for r in planned(w).receipts] == ["e1"]


def test_a_silent_crm_can_be_read_and_drops_what_it_is_told() -> None:
    w = world("1")
    silent = SilentCrm(w.crm)
    ref = application_ref()
    delivery: Delivery = w.crm.held[ref]
    (written,) = w.run(silent.write([delivery]))
    w.run(silent.receive([]))
    w.run(silent.acknowledge(["e1"]))
    assert written.ref == ref and not w.crm.told
    assert w.run(silent.statuses([ref])) == w.run(w.crm.statuses([ref]))
    assert w.run(silent.refs(ref.kind, None)) == w.run(w.crm.refs(ref.kind, None))
    assert w.run(silent.check_access()) == w.run(w.crm.check_access())
    assert silent.abilities == w.crm.abilities


# -- another mapping --


def compared(w: World, mapping: str) -> MappingChange:
    return w.run(compare_mapping(w.ctx, load_mapping(mapping)))  # type: ignore[no-any-return]


def test_another_mapping_says_how_many_records_would_read_otherwise() -> None:
    w = world("1", "2", "3")
    w.account.move("2", "B")
    w.pull()
    w.log.clear()
    found = compared(w, MAPPING.replace("[steps.A]", "[steps.Start]"))
    assert (found.changed, found.total, found.write_mode) == (2, 3, "on")
    assert [e["application"] for e in found.records] == ["1", "3"]
    assert found.records[0]["before"] == ("A", "Active", None)
    assert found.records[0]["after"] == ("Start", "Active", None)
    assert not w.log and found.as_dict()["changed"] == 2


def test_another_scope_says_how_many_would_leave_and_how_many_come_in() -> None:
    w = world("1", "2", "3")
    w.account.apps["1"].job = None
    w.account.change("1")
    w.account.change("2", status="rejected")
    w.pull()
    narrow = rules(prospects="prospects = false\nterminal = false").replace("[steps.A]", "[steps.Start]")
    found = compared(w, narrow)
    assert (found.changed, found.leaving, found.joining, found.total) == (1, 2, 0, 3)
    reasons = {e["application"]: e["left_out"] for e in found.records}
    assert reasons["3"] is None and reasons["1"].startswith("scope.prospects is false")
    w.ctx.mapping = load_mapping(narrow)
    w.pull()
    found = compared(w, MAPPING)
    assert (found.changed, found.leaving, found.joining) == (1, 0, 2)
    assert compared(w, narrow).records == ()


def test_what_a_date_of_the_scope_does_is_said_to_be_unknown() -> None:
    w = world("1")
    assert compared(w, rules(prospects="prospects = true\napplied_since = 2024-01-01")).untold == (
        "scope.applied_since",
    )
    assert compared(w, MAPPING).untold == ()


def test_the_same_mapping_changes_nothing() -> None:
    assert compared(world("1", "2"), MAPPING).changed == 0


def test_every_record_is_told() -> None:
    w = world(*map(str, range(1, 26)))
    found = compared(w, MAPPING.replace("[steps.A]", "[steps.Start]"))
    assert (found.changed, len(found.records)) == (25, 25)


def test_what_was_deleted_does_not_count() -> None:
    w = world("1", "2")
    w.put(evolve(w.known("2"), deleted="deleted"))
    assert compared(w, MAPPING).total == 1


def test_a_mapping_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(MappingError):
        compared(world("1"), MAPPING.replace('["B"]', '["Nowhere"]'))
