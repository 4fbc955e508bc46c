"""One true page on where a connection stands, and the hand on its brake."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import START, World, lost_answer, lost_request, rules, world
from tiny_ats import CONNECTION, EPOCH

from atsbridge.errors import LeaseLost, LedgerBusy, Unauthorized, Unavailable
from atsbridge.sync.ledger import Control, Lease, Run
from atsbridge.sync.runs import recorded
from atsbridge.sync.status import StatusReport, set_paused, status
from atsbridge.sync.verify import verify
from atsbridge.wire.effects import perform
from atsbridge.wire.vendor import Resend


def page(w: World) -> StatusReport:
    return w.run(status(w.ctx))  # type: ignore[no-any-return]


def test_before_anything_was_done() -> None:
    w = world(pulled=False)
    assert page(w) == StatusReport(
        connection=CONNECTION,
        paused=None,
        stopped="",
        held_back="",
        unapproved=False,
        failing=(),
        write_mode="on",
        surface_approved=True,
        known=dict.fromkeys(("user", "reason", "job", "stage", "candidate", "application"), 0),
        streams={},
        intents={"pending": 0, "leased": 0, "in_flight": 0, "settling": 0},
        results={},
        review=(),
        quarantined=0,
        waiting=0,
        undelivered=0,
        working=(),
        runs=(),
    )


def test_what_is_known_and_how_far_it_was_read() -> None:
    w = world("1", "2", settings={"per_job": True})
    w.put(evolve(w.known("2"), deleted="deleted"))
    told = page(w)
    assert told.known == {
        "user": 0,
        "reason": 2,
        "job": 2,
        "stage": 4,
        "candidate": 2,
        "application": 1,
    }
    assert set(told.streams) == {
        "reasons",
        "jobs",
        "stages",
        "candidates",
        "applications",
        "applications/j1",
        "applications/j2",
    }
    assert told.streams["jobs"] == {"finished_at": EPOCH + START, "unfinished": False}


def test_what_became_of_changes_and_what_waits_for_a_person() -> None:
    w = world("1", "2", "3", "4", resend=Resend.NEVER)
    w.wants("1", step="B")
    w.wants("2", step="Z")
    w.wants("3", step="B")
    w.wants("4", step="B")
    w.writes = [None, lost_request, lost_answer]
    w.push()
    w.account.move("4", "C")
    assert page(w).intents == {"pending": 0, "leased": 0, "in_flight": 0, "settling": 2}
    w.clock.value += 39
    w.push()
    told = page(w)
    assert told.results == {"applied": 1, "refused": 1, "review": 2}
    assert (told.review, told.undelivered) == (("e3", "e4"), 0)
    w.put(evolve(w.update("e1"), delivered=0, result="dead"))
    assert (page(w).review, page(w).undelivered) == (("e1", "e3", "e4"), 1)


def test_quarantine_waiting_and_who_is_working() -> None:
    w = world("1", pulled=False)
    w.account.broken = [{"id": "9"}]
    w.account.people.clear()
    w.pull()
    told = page(w)
    assert (told.quarantined, told.waiting, told.working) == (1, 1, ("inbound",))
    w.clock.value += 60
    assert page(w).working == ()
    w.put(Lease(connection=CONNECTION, lane="x", fence=1, worker="w", until=9e9, boot="boot-9"))
    assert page(w).working == ()


def test_mode_and_approval() -> None:
    w = world("1", mapping=rules(mode='mode = "shadow"'))
    w.ctx.approved = "other"
    told = page(w)
    assert (told.write_mode, told.surface_approved) == ("shadow", False)
    assert told.as_dict()["write_mode"] == "shadow"


def test_pausing_says_why_and_resuming_clears_a_stop() -> None:
    w = world("1")
    w.run(set_paused(w.ctx, True, why="holidays"))
    assert page(w).paused == "holidays"
    w.run(set_paused(w.ctx, True))
    assert page(w).paused == "paused"
    w.put(evolve(w.row(Control), stopped="401"))
    w.run(set_paused(w.ctx, True))
    assert page(w).stopped == "401"
    w.run(set_paused(w.ctx, False, why="ignored"))
    assert (page(w).paused, page(w).stopped, w.row(Control).paused_why) == (None, "", "")


def test_what_holds_pending_writes_back() -> None:
    w = world("1", "2", mapping=rules(mode='mode = "on"\ncap_per_hour = 1'))
    w.wants("1", step="B")
    w.push()
    assert page(w).held_back == ""
    w.wants("2", step="B")
    w.push()
    assert page(w).held_back.startswith("over the cap: 1 of 1 writes in the last hour, next at ")
    w.run(set_paused(w.ctx, True, why="holidays"))
    w.put(evolve(w.row(Control), stopped="401"))
    assert page(w).held_back == "paused: holidays; stopped: 401"


def test_a_way_is_failing_where_its_last_run_failed() -> None:
    w = world("1")

    def run(verb: str, error: Exception | None = None) -> None:
        if error is None:
            w.run(recorded(w.ctx, verb, verify(w.ctx)))
            return
        with pytest.raises(type(error)):
            w.run(recorded(w.ctx, verb, failed(error)))

    def failing() -> list[tuple[str, bool]]:
        return [(one["verb"], one["retryable"]) for one in page(w).failing]

    run("push", Unauthorized("no"))
    w.clock.value += 10
    run("pull")
    assert failing() == [("push", False)]  # that a pull is answered says nothing of the other way
    (one,) = page(w).failing
    assert one["at"] == w.now().timestamp() - 10 and one["error"].startswith("Unauthorized")
    run("verify", Unavailable("away"))
    run("sync", LedgerBusy("another worker"))
    run("push", LeaseLost("another worker"))
    assert failing() == [("push", False)]
    run("sweep", Unavailable("away"))
    run("sync", Unavailable("away"))
    assert failing() == [("sweep", True), ("sync", True)]
    run("push")
    assert failing() == [("sweep", True), ("sync", True)]  # of the pull in it
    run("sync")
    run("sweep")
    assert failing() == []


def failed(error: Exception) -> Any:
    """A flow that ends so, in the library's own code."""
    yield from perform(lambda: None)
    raise error


def test_what_waits_for_an_approval_is_said() -> None:
    w = world("1")
    w.ctx.approved = "other"
    assert not page(w).unapproved
    w.wants("1", step="B")
    w.push()
    assert page(w).unapproved


def test_the_last_five_runs_newest_first() -> None:
    w = world("1")
    for number in range(6):
        w.run(recorded(w.ctx, f"verb {number}", verify(w.ctx)))
    told = page(w).runs
    assert [r["number"] for r in told] == [6, 5, 4, 3, 2]
    assert told[0]["summary"]["compared"] == 1


def test_another_connection_is_not_on_the_page() -> None:
    w = world("1")
    rows: list[Any] = [
        evolve(w.known(), connection="globex"),
        Run(connection="globex", number=1, verb="pull", started_at=0.0),
        Control(connection="globex", paused=1, stopped="x"),
    ]
    before = page(w)
    w.put(*rows)
    assert page(w) == before
