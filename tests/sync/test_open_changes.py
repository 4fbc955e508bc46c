"""Before its first write a change is looked up in the CRM: it may have ended under another ledger."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import World, application_ref, rules, unfolding, world
from tiny_ats import moment

from atsbridge.errors import CrmError
from atsbridge.mapping import load_mapping
from atsbridge.model import Result
from atsbridge.sync.ledger import Known, Update, Where
from atsbridge.sync.open_changes import end_closed, end_forbidden
from atsbridge.sync.outbox import Plan
from atsbridge.sync.plan import plan
from atsbridge.sync.status import set_paused

APP = application_ref("1")


def taken_in(**wanted: Any) -> World:
    """A change of application 1 that waits, since the connection was paused."""
    w = world("1")
    w.wants("1", **wanted)
    w.run(set_paused(w.ctx, True))
    w.push()
    w.run(set_paused(w.ctx, False))
    return w


@pytest.mark.parametrize(
    "line, why",
    [
        ({"mode": 'mode = "off"'}, "write.mode"),
        ({"mode": 'mode = "shadow"'}, "write.mode: shadow; this would have gone"),
        ({"prospects": 'jobs = ["j2"]'}, "scope"),
    ],
)
@pytest.mark.parametrize("wanted", [{"step": "B"}, {"step": "B", "status": "Rejected"}], ids=["one", "chain"])
def test_what_the_mapping_lets_leave_no_more_ends_as_it_would_at_intake(
    line: dict[str, str], why: str, wanted: dict[str, str]
) -> None:
    w = taken_in(**wanted)
    w.ctx.mapping = load_mapping(rules(**line))
    foretold = {r.event_id: (r.result, r.why) for r in w.run(plan(w.ctx)).receipts}
    w.push()
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.attempts) == (Result.REFUSED, 0) and why in receipt.why
    assert foretold == {"e1": (receipt.result, receipt.why)} and not w.account.log


def test_what_may_have_been_written_is_not_judged_anew() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.intent(), attempts=1, sent=1))
    w.ctx.mapping = load_mapping(rules(mode='mode = "off"'))
    w.push()
    assert w.receipt("e1").result is Result.APPLIED


@pytest.mark.parametrize("wanted", [{"step": "B"}, {"step": "B", "status": "Rejected"}], ids=["one", "chain"])
def test_what_has_ended_in_the_crm_is_not_written_again(wanted: dict[str, str]) -> None:
    w = taken_in(**wanted)
    del w.crm.requests[APP]  # it has had its receipt, from the ledger that this one is a copy of
    w.push()
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.attempts) == (Result.REVIEW, 0) and "ledger newer" in receipt.why
    assert not w.account.log


def test_where_the_crm_holds_a_later_change_the_earlier_one_does_not_leave() -> None:
    w = taken_in(step="B")
    w.crm.requests[APP] = evolve(w.crm.requests[APP], event_id="e2", step="C", sequence=9)
    w.push()
    receipt = w.receipt("e1")
    assert (receipt.result, receipt.attempts) == (Result.SUPERSEDED, 0) and "a later change" in receipt.why
    assert not w.account.log


def test_where_the_other_one_is_open_here_too_their_order_decides() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.update("e1"), event_id="e0", waits_for="e1", number=0))
    w.crm.requests[APP] = evolve(w.crm.requests[APP], event_id="e0")
    w.push()
    assert w.receipt("e1").result is Result.APPLIED


def test_a_crm_that_does_not_know_the_application_says_nothing_of_its_changes() -> None:
    w = taken_in(step="B")
    del w.crm.held[APP]
    w.push()
    assert w.receipt("e1").result is Result.APPLIED


def test_one_that_has_ended_here_is_not_waited_for() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.update("e1"), event_id="e0", number=0, open=0, delivered=1))
    w.crm.requests[APP] = evolve(w.crm.requests[APP], event_id="e0")
    w.push()
    assert w.receipt("e1").result is Result.SUPERSEDED and not w.account.log


@pytest.mark.parametrize("ahead", [0.0, 60.0])
def test_of_two_changes_without_a_sequence_one_is_written(ahead: float) -> None:
    """Their times say the other way round than the CRM: not both may end for the other's sake."""
    w = world("1")
    for id, step, later in (("u2", "B", ahead), ("u1", "C", 0.0)):
        w.wants("1", event_id=id, step=step, sequence=None, occurred_at=moment(w.clock.value + later))
    w.push()
    assert (w.receipt("u1").result, w.receipt("u2").result) == (Result.SUPERSEDED, Result.APPLIED)
    assert len(w.account.log) == 1


def refused(w: World) -> Update:
    """The change after what the mapping forbids has ended, by an engine that forbids all."""
    w.run(end_forbidden(w.ctx, expand=lambda *_: Plan(refused="forbidden")))
    return w.update("e1")


def test_of_an_application_that_is_not_known_no_job_is_asked() -> None:
    w = taken_in(step="B")
    w.ledger.do(lambda txn: txn.delete(Known, Where(equal={"id": "1"})))
    assert refused(w).result == "refused"


def test_what_another_connection_has_open_is_not_refused_here() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.update("e1"), connection="globex"), evolve(w.intent(), connection="globex"))
    assert refused(w).result == "refused"
    (theirs,) = w.rows(Update, connection="globex")
    assert theirs.open


def test_what_another_connection_has_tried_is_not_tried_here() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.intent(), connection="globex", attempts=1))
    w.crm.requests.clear()
    assert not looked_up(w, "1")


def test_what_was_tried_is_not_asked_about() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.intent(), attempts=1))
    w.crm.requests.clear()
    w.push()
    assert w.receipt("e1").result is Result.APPLIED


def looked_up(w: World, *names: str) -> bool:
    """Whether the change is still open after its applications were looked up."""
    w.run(end_closed(w.ctx, names, expand=unfolding))
    return bool(w.update("e1").open)


def test_only_what_is_due_is_looked_up() -> None:
    w = taken_in(step="B")
    w.crm.requests.clear()
    assert looked_up(w, "2")
    w.crm.fails["statuses"] = CrmError("not to be asked")
    assert looked_up(w, "2")
    w.crm.fails.clear()
    assert not looked_up(w, "1")


def test_of_what_has_ended_here_nothing_is_asked() -> None:
    w = world("1")
    w.wants("1", step="no such step")
    w.push()
    assert w.receipt("e1").result is Result.REFUSED
    w.crm.fails["statuses"] = CrmError("not to be asked")
    assert not looked_up(w, "1")


def test_another_connections_changes_are_its_own() -> None:
    w = taken_in(step="B")
    w.put(evolve(w.update("e1"), connection="globex"), evolve(w.update("e1"), open=0))
    w.crm.fails["statuses"] = CrmError("not to be asked")
    assert not looked_up(w, "1")
