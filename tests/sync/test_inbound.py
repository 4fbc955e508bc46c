"""A pull: resumable at every page, poison set aside, nothing taken that is older than what is held."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from attrs import evolve
from sync_world import MAPPING, START, Happening, World, application_ref, rules, says, world
from tiny_ats import CONNECTION, EPOCH, moment

from atsbridge.crm.interface import Link, WriteResult, Written
from atsbridge.errors import (
    BadPayload,
    CrmError,
    CursorLost,
    LeaseLost,
    LedgerBusy,
    MappingError,
    NotFound,
    Unavailable,
    WatermarkLost,
)
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.mapping import load_mapping
from atsbridge.model import ApplicationStatus, Kind, Ref
from atsbridge.sync.bindings import Bindings
from atsbridge.sync.context import Progress
from atsbridge.sync.inbound import Puller, begin, pull, read_configuration
from atsbridge.sync.ledger import Control, Known, Lease, Position, Quarantined, Waiting, Where
from atsbridge.sync.sweep import sweep
from atsbridge.sync.verify import verify
from atsbridge.wire.effects import Request, Response
from atsbridge.wire.streams import Stream


def fresh_world(*applications: str, **how: Any) -> World:
    return world(*applications, pulled=False, **how)


def position(w: World, stream: str = "applications", job: str = "") -> Position:
    return w.row(Position, stream, job)  # type: ignore[no-any-return]


def listings(w: World, name: str = "applications") -> int:
    return w.log.count(f"GET /{name}")


def mirror(w: World) -> dict[str, Any]:
    held = [d for r, d in w.crm.held.items() if r.kind is Kind.APPLICATION and not d.record.deleted]
    return {d.record.ref.id: d.step for d in held}


# -- the whole --


def test_everything_comes_in_parents_first() -> None:
    w = fresh_world("1", "2", "3")
    report = w.pull()
    kinds = [r.kind for r in w.crm.held]
    assert [k for k in Kind if k in kinds] == list(dict.fromkeys(kinds))
    assert mirror(w) == {"1": "A", "2": "A", "3": "A"}
    assert report.pages == {"reasons": 1, "jobs": 1, "stages": 2, "candidates": 2, "applications": 2}
    assert (report.read, report.created, report.updated, report.unchanged) == (14, 14, 0, 0)
    assert report.requests == len(w.log) == 8


def test_a_second_pull_brings_what_changed_and_reads_nothing_unchanged() -> None:
    w = world("1", "2", "3")
    w.account.move("2", "B")
    report = w.pull()
    assert (report.read, report.updated, report.unchanged) == (1, 1, 11)
    assert mirror(w) == {"1": "A", "2": "B", "3": "A"}
    assert [t[1] for t in w.crm.told if t[0] == "write"] == [["2"]]


def test_a_full_pull_reads_from_the_start() -> None:
    w = world("1", "2", "3")
    assert w.pull().as_dict()["unchanged"] == 11
    assert w.pull(full=True).unchanged == 14


def test_another_mapping_makes_every_record_new() -> None:
    w = world("1")
    w.ctx.mapping = load_mapping(MAPPING.replace("[steps.A]", "[steps.Start]"))
    report = w.pull(full=True)
    assert (report.unchanged, mirror(w)) == (0, {"1": "Start"})


def test_the_counters_tell_of_every_record_that_was_read() -> None:
    w = world("1", "2", "3", "4")
    w.account.apps["4"].job = None
    w.account.change("4")
    w.account.move("2", "B")
    w.crm.refuses["1"] = Written(ref=application_ref("1"), result=WriteResult.UNCHANGED)
    w.crm.refuses["3"] = Written(ref=application_ref("3"), result=WriteResult.FAILED, why="no")
    w.ctx.mapping = load_mapping(MAPPING.replace("prospects = true", "prospects = false"))
    report = w.pull()
    assert (report.already_held, report.left_out, report.quarantined) == (1, 1, 1)
    assert report.read == 1 + 1 + 1 + report.created + report.updated > 4


def test_another_reader_makes_every_record_new() -> None:
    w = world("1")

    class Newer(type(w.ats)):  # type: ignore[misc]
        REVISION = "2"

    w.ctx.ats = Newer(account=w.account)
    assert w.pull(full=True).unchanged == 0


def test_chosen_streams_alone() -> None:
    w = fresh_world("1")
    w.pull(streams=[s for s in w.ats.streams() if s.name != "applications"])
    assert not mirror(w) and listings(w) == 0


def test_streams_of_a_job_are_read_once_per_job() -> None:
    w = fresh_world("1", settings={"per_job": True})
    w.account.apply("2", job="j2")
    w.pull()
    assert mirror(w) == {"1": "A", "2": "A"}
    assert position(w, job="j1").watermark is not None and position(w, job="j2").finished_at == EPOCH + START
    assert position(w).watermark is None and position(w).finished_at == EPOCH + START


def _jobs_read(w: World, *, cut_at: int = 99, **how: Any) -> list[str]:
    """The jobs whose applications a pull read, page by page; it dies before page number ``cut_at``."""
    asked: list[str] = []

    def note(world: World, request: Request) -> Response:
        if request.url != "/applications":
            return world.good(request)
        if len(asked) == cut_at:
            return says(404, {"error": "gone"})(world, request)
        asked.append(dict(request.query)["job"])
        return world.good(request)

    w.reads[:] = [note] * 50
    with pytest.raises(NotFound) if cut_at < 99 else nullcontext():
        w.pull(**how)
    w.reads.clear()
    return asked


def _two_jobs() -> tuple[World, list[str]]:
    """Both have been pulled; and what a whole round reads of them."""
    w = fresh_world("1", "2", settings={"per_job": True})
    for number in range(3, 8):
        w.account.apply(str(number), job="j2")
    w.pull()
    return w, _jobs_read(w, full=True)


def test_a_round_of_jobs_that_was_cut_short_goes_on_where_it_was() -> None:
    """What was read before that is not read again; the round after it reads every job."""
    w, whole = _two_jobs()
    assert list(dict.fromkeys(whole)) == ["j1", "j2"] and whole.count("j2") > 1
    for at in range(len(whole)):
        assert _jobs_read(w, cut_at=at) == whole[:at]
        assert _jobs_read(w) == whole[at:], at
        assert _jobs_read(w) == whole
    assert _jobs_read(w, cut_at=1) == whole[:1]
    assert _jobs_read(w, full=True) == whole


def test_what_a_round_of_jobs_had_read_long_before_it_goes_on_is_read_again_in_it() -> None:
    """Else somebody who moved on meanwhile would be missed, and the pull say that all is well."""
    w, whole = _two_jobs()
    first = whole.index("j2")
    assert _jobs_read(w, cut_at=first + 1) == whole[: first + 1]
    w.clock.value += 601
    assert _jobs_read(w) == whole[first + 1 :] + whole[:first]
    assert _jobs_read(w) == ["j1", "j2"]


@pytest.mark.parametrize("per_job", [False, True])
def test_a_pull_whose_time_is_over_goes_on_in_the_next_one(per_job: bool) -> None:
    w = fresh_world(*[str(number) for number in range(1, 9)], settings={"per_job": per_job})
    w.clock.tick = lambda: 0.01
    w.ctx.most_seconds = 0.05
    everybody = [str(number) for number in range(1, 9)]
    pulls = 0
    while sorted(mirror(w)) != everybody:
        assert w.pull().unfinished and pulls < 20
        pulls += 1
    assert pulls > 1
    # What was spared for that, the next one reads.
    w.ctx.most_seconds = 100.0
    assert [w.pull().unfinished for _ in range(3)][1:] == [False, False]


def test_progress_is_told() -> None:
    w = fresh_world("1", "2", "3")
    seen: list[Progress] = []
    w.ctx.progress = seen.append
    w.pull()
    last = seen[-1]
    assert (last.verb, last.what, last.pages, last.done) == ("pull", "applications", 2, 14)


def test_configuration_can_be_read_and_nothing_is_kept() -> None:
    w = fresh_world("1")
    w.account.stages.append({"id": "X"})  # unreadable
    found = w.run(read_configuration(w.ctx))
    assert sorted(found.stages) == ["A", "B", "C", "H"] and sorted(found.jobs) == ["j1", "j2"]
    assert not w.rows(Known) and not w.crm.told and listings(w) == 0


# -- positions --


def test_the_watermark_moves_after_the_last_page_alone() -> None:
    w = world("1", "2", "3")
    before = position(w).watermark
    for id in "123":
        w.account.move(id, "B")
    w.reads = [None] * 7 + [says(500)] * 9  # the second page of applications
    with pytest.raises(Unavailable):
        w.pull()
    w.reads.clear()
    half = position(w)
    assert half.watermark == before and json.loads(half.cursor or "")["after"] == 2
    assert half.finished_at is None and half.pages == 1
    assert mirror(w) == {"1": "B", "2": "B", "3": "A"}
    w.log.clear()
    w.pull()
    assert listings(w) == 1 and mirror(w)["3"] == "B"
    done = position(w)
    assert done.cursor is None and json.loads(done.watermark or "") == w.clock.value
    assert done.finished_at == EPOCH + w.clock.value


def test_a_full_pull_does_not_go_on_where_another_stopped() -> None:
    w = fresh_world("1", "2", "3")
    w.reads = [None] * 7 + [says(500)] * 9
    with pytest.raises(Unavailable):
        w.pull()
    w.reads.clear()
    assert position(w).cursor is not None
    w.log.clear()
    assert w.pull(full=True).unchanged == 13 and listings(w) == 2
    assert mirror(w) == {"1": "A", "2": "A", "3": "A"}


def test_what_the_crm_did_not_take_is_delivered_again() -> None:
    w = fresh_world("1")
    ref = application_ref()
    w.crm.refuses["1"] = Written(ref=ref, result=WriteResult.FAILED, retryable=True)
    with pytest.raises(CrmError, match="delivered again"):
        w.pull()
    assert (position(w).cursor, position(w).finished_at) == (None, None) and w.known() is None
    w.crm.refuses.clear()
    w.pull()
    assert mirror(w) == {"1": "A"}


def test_a_crm_that_fails_leaves_the_page_where_it_was() -> None:
    w = world("1")
    w.account.move("1", "B")
    before = position(w)
    w.crm.fails["write"] = CrmError()
    with pytest.raises(CrmError):
        w.pull()
    assert evolve(position(w), seen="") == before and w.known().stage == "A"
    w.pull()
    assert mirror(w) == {"1": "B"}


def test_a_crm_that_does_not_answer_for_every_record_is_not_believed() -> None:
    w = fresh_world("1")

    class Sloppy(type(w.crm)):  # type: ignore[misc]
        def write(self, batch: Any) -> Any:
            return ()
            yield

    w.ctx.crm = Sloppy()
    with pytest.raises(CrmError, match="every record"):
        w.pull()


def test_an_id_that_no_ledger_has_room_for_costs_its_record_alone() -> None:
    w = fresh_world("1", "2")
    w.account.apply("9" * 513)
    report = w.pull()
    assert mirror(w) == {"1": "A", "2": "A"} and report.quarantined == 2  # and its candidate
    rows = [r for r in w.ledger.look(lambda t: t.find(Quarantined, Where())) if "513" not in r.id]
    assert {r.why for r in rows} == {"an id of more than 512 characters"}


def test_what_a_crm_says_of_a_refusal_need_be_no_text() -> None:
    w = fresh_world("1")
    w.crm.refuses["1"] = Written(ref=application_ref(), result=WriteResult.FAILED, why="no \ud800 room")
    w.ledger = SqliteLedger(":memory:", clock=w.clock)
    w.ctx.ledger = w.ledger
    assert w.pull().quarantined == 1
    (row,) = w.ledger.look(lambda t: t.find(Quarantined, Where()))
    assert row.why == "the CRM refused it: no \\ud800 room"


# -- lost cursors --


def test_a_lost_cursor_restarts_its_window() -> None:
    w = world("1", "2", "3")
    for id in "123":
        w.account.move(id, "B")
    w.reads = [None] * 7 + [says(460)]
    report = w.pull()
    assert report.restarts == 1 and mirror(w) == {"1": "B", "2": "B", "3": "B"}
    assert listings(w) == 4 and report.unchanged == 11 + 2


def test_a_lost_watermark_reads_the_stream_anew_in_full() -> None:
    w = world("1", "2", "3")
    w.clock.value += 100
    w.pull()  # nothing has changed since
    w.log.clear()
    w.reads = [None] * 6 + [says(461)]
    report = w.pull()
    assert report.restarts == 1 and report.unchanged == 14
    assert listings(w) == 3  # the lost one, and both pages from the start


@pytest.mark.parametrize("answer, error", [(460, CursorLost), (461, WatermarkLost)])
def test_a_cursor_that_is_lost_again_and_again_is_an_error(answer: int, error: type[Exception]) -> None:
    w = world("1")
    w.reads = [None] * 5 + [says(answer)] * 4
    before = position(w)
    with pytest.raises(error):
        w.pull()
    assert position(w) == before


def test_three_lost_cursors_are_borne() -> None:
    w = world("1")
    w.reads = [None] * 5 + [says(460)] * 3
    assert w.pull().restarts == 3


def odd(w: World, make: Any, name: str = "applications") -> World:
    """One stream is listed by these pages."""

    class Odd(type(w.ats)):  # type: ignore[misc]
        def streams(self) -> Any:
            return tuple(make(s) if s.name == name else s for s in super().streams())

    w.ctx.ats = Odd(account=w.account)
    return w


def circling(stream: Stream) -> Stream:
    """A stream that never ends: after each page comes the same."""
    return evolve(stream, page=lambda cursor: _call(stream, cursor, lambda page: evolve(page, next=cursor)))


def test_a_cursor_given_twice_is_an_error_and_not_a_loop() -> None:
    with pytest.raises(BadPayload, match="too long, or twice"):
        odd(fresh_world("1"), circling).pull()
    with pytest.raises(BadPayload, match="too long, or twice"):
        w = odd(world("1"), circling)
        w.run(verify(w.ctx))


def test_a_listing_with_an_ever_new_cursor_comes_to_an_end() -> None:
    def endless(stream: Stream) -> Stream:
        """After each page comes the first again, under another cursor."""

        def page(cursor: Any) -> Any:
            turn = cursor.get("turn", 0)
            first = {name: value for name, value in cursor.items() if name != "turn"}
            return _call(stream, first, lambda page: evolve(page, next={**first, "turn": turn + 1}))

        return evolve(stream, page=page)

    with pytest.raises(BadPayload, match="showed nothing new"):
        odd(fresh_world("1"), endless).pull()


def test_configuration_that_never_ends_is_an_error_too() -> None:
    w = odd(fresh_world("1"), circling, "jobs")
    with pytest.raises(BadPayload, match="too long, or twice"):
        w.run(read_configuration(w.ctx))


def test_an_answer_about_another_application_is_not_brought_in() -> None:
    w = fresh_world("1", "2")
    person = w.account.people.pop("p1")
    w.pull()
    w.account.people["p1"] = person
    w.reads = [None] * 6  # up to the read of what waited for its candidate

    def another(world: World, asked: Request) -> Response:
        assert asked.url == "/applications/1"
        return world.good(evolve(asked, url="/applications/2"))

    w.reads.append(another)
    assert w.pull().waiting == 1
    assert mirror(w) == {"2": "A"} and len(w.rows(Waiting)) == 1
    w.pull()
    assert mirror(w) == {"1": "A", "2": "A"} and not w.rows(Waiting)


def test_a_cursor_that_is_too_long_is_an_error() -> None:
    with pytest.raises(BadPayload, match="too long, or twice"):
        odd(fresh_world("1"), lambda s: evolve(s, start=lambda *_: {"x": "y" * 70_000})).pull()


def test_a_page_of_too_many_records_is_an_error() -> None:
    def endless(stream: Stream) -> Stream:
        return evolve(
            stream,
            page=lambda cursor: _call(
                stream, cursor, lambda page: evolve(page, items=[page.items[0]] * 100_001)
            ),
        )

    with pytest.raises(BadPayload, match="more than 100000"):
        odd(fresh_world("1"), endless).pull()


def _call(stream: Stream, cursor: Any, change: Any) -> Any:
    call: Any = stream.page(cursor)
    return evolve(call, parse=lambda answer: change(call.parse(answer)))


# -- poison --


def test_poison_is_set_aside_and_the_rest_comes_in() -> None:
    w = fresh_world("1", "2")
    w.account.apps["1"].unreadable = True
    w.account.broken = [{"no": "id"}]
    report = w.pull()
    assert (report.quarantined, mirror(w)) == (2, {"2": "A"})
    rows = {row.id: (row.kind, row.path, row.why, row.times) for row in w.rows(Quarantined)}
    assert rows["1"] == ("application", "status", "expected text", 1)
    (other,) = set(rows) - {"1"}
    assert rows[other] == ("applications", "[0].id", "expected text", 1)
    assert position(w).finished_at is not None


def test_poison_is_counted_and_its_first_time_kept() -> None:
    w = fresh_world("1")
    w.account.apps["1"].unreadable = True
    w.pull()
    w.clock.value += 60
    w.pull(full=True)
    row = w.row(Quarantined, "application", "1")
    assert (row.times, row.first_at, row.last_at) == (2, EPOCH + START, EPOCH + START + 60)


def test_what_reads_well_again_leaves_the_quarantine() -> None:
    w = fresh_world("1", "2")
    w.account.apps["1"].unreadable = w.account.apps["2"].unreadable = True
    w.pull()
    w.account.apps["1"].unreadable = False
    w.pull(full=True)
    assert [row.id for row in w.rows(Quarantined)] == ["2"] and mirror(w) == {"1": "A"}


@pytest.mark.parametrize("result", list(WriteResult))
def test_an_answer_for_a_record_that_was_not_delivered_is_the_crms_fault(result: WriteResult) -> None:
    w = fresh_world("1", "2")
    w.crm.refuses["1"] = Written(ref=application_ref("9"), result=result)
    with pytest.raises(CrmError, match="every record of a batch"):
        w.pull()
    w.crm.refuses.clear()
    w.pull()
    assert mirror(w) == {"1": "A", "2": "A"}


def test_what_the_crm_refuses_for_good_is_set_aside_and_tried_again_when_it_changes() -> None:
    w = fresh_world("1", "2")
    w.crm.refuses["1"] = Written(ref=application_ref(), result=WriteResult.FAILED, why="no")
    report = w.pull()
    assert report.quarantined == 1 and mirror(w) == {"2": "A"} and w.known() is None
    assert w.row(Quarantined, "application", "1").why == "the CRM refused it: no"
    w.crm.refuses.clear()
    w.pull(full=True)
    assert mirror(w) == {"1": "A", "2": "A"} and not w.rows(Quarantined)


# -- parents --


def test_an_application_waits_for_a_parent_and_is_read_again_when_it_has_come() -> None:
    w = fresh_world("1")
    person = w.account.people.pop("p1")
    report = w.pull()
    assert (report.waiting, mirror(w)) == (1, {})
    row = w.row(Waiting, "application", "1")
    assert (row.parent_kind, row.parent_id) == ("candidate", "p1")
    assert w.pull().waiting in (0, 1) and not mirror(w)
    w.account.people["p1"] = person
    w.account.move("1", "B")
    w.clock.value += 1000.0  # long past the application's own stream
    w.pull()
    assert mirror(w) == {"1": "B"} and not w.rows(Waiting)


def test_one_that_waited_and_cannot_be_read_is_set_aside_and_stops_no_pull() -> None:
    w = fresh_world("1", "2")
    w.account.people.clear()
    w.pull()
    w.account.people = {f"p{n}": {"id": f"p{n}", "name": "N"} for n in (1, 2)}
    w.account.apps["1"].unreadable = True
    w.clock.value += 1000.0
    report = w.pull()
    assert (report.quarantined, mirror(w)) == (1, {"2": "A"})
    row = w.row(Quarantined, "application", "1")
    assert (row.path, row.why, row.first_at) == ("status", "expected text", EPOCH + w.clock.value)
    w.account.apps["1"].unreadable = False
    w.pull()
    assert mirror(w) == {"1": "A", "2": "A"} and not w.rows(Quarantined) and not w.rows(Waiting)


def failing(w: World, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
    """The reads of these applications alone are answered with 500, however often."""
    honest = w.account.answer

    def answer(_account: Any, asked: Request) -> tuple[int, Any]:
        return (500, {}) if asked.url in {f"/applications/{id}" for id in ids} else honest(asked)

    monkeypatch.setattr(type(w.account), "answer", answer)


def test_one_that_waits_and_fails_on_its_own_keeps_nobody_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    w = fresh_world("1", "2", "3")
    people, w.account.people = w.account.people, {}
    w.pull()
    w.account.people = people
    failing(w, monkeypatch, "1")
    w.clock.value += 1000.0
    report = w.pull()
    assert (mirror(w), report.waiting) == ({"2": "A", "3": "A"}, 1)
    assert [row.id for row in w.rows(Waiting)] == ["1"]
    monkeypatch.undo()
    w.pull()
    assert mirror(w) == {"1": "A", "2": "A", "3": "A"} and not w.rows(Waiting)


def test_where_one_after_another_fails_the_ats_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    w = fresh_world("1", "2", "3", "4")
    people, w.account.people = w.account.people, {}
    w.pull()
    w.account.people = people
    failing(w, monkeypatch, "1", "2", "3", "4")
    w.clock.value += 1000.0
    with pytest.raises(Unavailable):
        w.pull()
    assert len(w.rows(Waiting)) == 4


def test_one_that_was_gone_when_its_parent_came_waits_no_more() -> None:
    w = fresh_world("1")
    person = w.account.people.pop("p1")
    w.pull()
    w.account.people["p1"] = person
    w.account.apps["1"].gone = "deleted"
    w.pull()
    assert not w.rows(Waiting) and not mirror(w)


# -- which read is the later one --


def push_reads(w: World, stage: str) -> None:
    """What a push does beside a pull: it moves the application, and reads it after the page was asked for."""
    w.clock.value += 5
    w.account.move("1", stage)
    w.put(evolve(w.known(), read_at=EPOCH + w.clock.value, stage=stage, digest=None))
    w.clock.value += 5


def shown_before(w: World, act: Callable[[World], None]) -> Happening:
    """The page is of the moment it was asked for; what happens then, it does not show."""

    def happen(world: World, asked: Request) -> Response:
        answer = world.good(asked)
        act(world)
        return answer

    return happen


def test_what_a_push_read_later_than_the_page_stays_and_is_read_again() -> None:
    w = world("1")
    w.account.move("1", "B")
    w.reads = [*[None] * 5, shown_before(w, lambda w: push_reads(w, "C"))]
    report = w.pull()
    assert (w.known().stage, mirror(w), report.overtaken, report.waiting) == ("C", {"1": "C"}, 1, 0)
    assert w.log[-1] == "GET /applications/1" and not w.rows(Waiting)


def test_what_a_push_read_while_the_page_was_written_stays_and_is_read_again() -> None:
    w = world("1")
    w.account.move("1", "B")

    def once() -> None:
        del w.crm.before["write"]
        push_reads(w, "C")

    w.crm.before["write"] = once
    report = w.pull()
    assert (w.known().stage, mirror(w), report.overtaken) == ("C", {"1": "C"}, 1)
    assert not w.rows(Waiting)


def test_a_pull_that_could_not_read_again_leaves_that_to_the_next() -> None:
    w = world("1")
    w.account.move("1", "B")
    w.reads = [*[None] * 5, shown_before(w, lambda w: push_reads(w, "C")), *[says(500)] * 9]
    assert w.pull().waiting == 1
    w.reads.clear()
    w.pull()
    assert mirror(w) == {"1": "C"} and not w.rows(Waiting)


DAY = 86_400.0


@pytest.mark.parametrize("back", [DAY, 600.0])
def test_a_clock_that_is_put_back_loses_no_change(back: float) -> None:
    w = world("1", "2")
    w.account.move("1", "B")
    w.clock.wall_ahead = back
    w.pull()
    w.clock.wall_ahead, w.clock.value = 0.0, w.clock.value + 60
    w.account.move("1", "C")
    w.account.people["p1"]["name"] = "Renamed"
    report = w.pull()
    assert mirror(w) == {"1": "C", "2": "A"} and (report.overtaken, w.known().stage) == (0, "C")
    person = w.crm.held[Ref(CONNECTION, Kind.CANDIDATE, "p1")].record
    assert person.display_name == "Renamed"  # type: ignore[union-attr]
    w.account.apps["1"].gone = "deleted"
    w.pull()
    w.run(sweep(w.ctx))
    assert mirror(w) == {"2": "A"}


def test_what_the_crm_says_is_behind_its_own_is_read_again_until_it_is_not() -> None:
    """A CRM that was written before a crash, by a clock that has been put back since."""
    w = world("1")
    ref = application_ref("1")
    ahead = evolve(w.crm.held[ref].record, read_at=moment(w.clock.value + 600))
    w.crm.held[ref] = evolve(w.crm.held[ref], record=ahead)
    w.account.move("1", "B")
    report = w.pull()
    assert (mirror(w), report.overtaken) == ({"1": "A"}, 1) and len(w.rows(Waiting)) == 1
    w.clock.value += 900
    w.pull()
    assert mirror(w) == {"1": "B"} and not w.rows(Waiting)


# -- deleted --


def test_what_the_vendor_lists_as_deleted_is_buried_once() -> None:
    w = world("1", "2")
    w.account.apps["1"].gone = "deleted"
    w.account.deleted = ["1", "unknown"]
    report = w.pull()
    assert (report.deleted, mirror(w)) == (1, {"2": "A"})
    row = w.known()
    assert (row.deleted, row.digest, row.content) == ("deleted", None, None)
    assert w.pull().deleted == 0


def test_what_was_deleted_and_is_there_again_comes_back() -> None:
    w = world("1")
    w.account.deleted = ["1"]
    w.pull(streams=[s for s in w.ats.streams() if s.name == "applications"], full=True)
    w.account.deleted = []
    w.clock.value += 1
    w.pull(full=True)
    assert mirror(w) == {"1": "A"} and w.known().deleted is None


# -- matching --


def test_candidates_are_matched_to_leads_also_those_that_were_there() -> None:
    w = fresh_world("1", "2")
    link = Link(candidate=Ref(CONNECTION, Kind.CANDIDATE, "p1"), lead_id="l", rule="e-mail", certain=True)
    w.crm.links = [link, evolve(link, candidate=Ref(CONNECTION, Kind.CANDIDATE, "p2"), certain=False)]
    report = w.pull()
    assert (report.linked, report.to_review) == (1, 1)
    assert [t[1] for t in w.crm.told if t[0] == "match"] == [(["p1", "p2"], True)]


def test_a_mapping_may_forbid_matching_by_email() -> None:
    w = fresh_world("1", mapping=MAPPING + "\n[match]\nemail = false\n")
    w.pull()
    assert [t[1] for t in w.crm.told if t[0] == "match"] == [(["p1"], False)]


# -- the lease, the mapping --


def test_one_inbound_worker_at_a_time() -> None:
    w = fresh_world("1")
    other = w.other_worker()
    w.run(begin(other))
    with pytest.raises(LedgerBusy, match="inbound"):
        w.pull()
    assert w.ctx.held.get("inbound") is None or w.ctx.held["inbound"].worker == w.ctx.worker


def test_a_worker_that_was_overtaken_commits_nothing() -> None:
    w = world("1")
    w.account.move("1", "B")
    before = position(w)

    def overtaken(made: World, asked: Any) -> Any:
        held = made.row(Lease, "inbound")
        made.put(evolve(held, fence=held.fence + 1, worker="x", until=9e9))
        return made.good(asked)

    w.reads = [None] * 5 + [overtaken]
    with pytest.raises(LeaseLost):
        w.pull()
    assert evolve(position(w), seen="") == before and w.known().stage == "A"


def test_every_page_makes_the_lease_longer() -> None:
    w = fresh_world("1", "2", "3")

    def slow(made: World, asked: Any) -> Any:
        made.clock.value += 50.0
        return made.good(asked)

    w.reads = [slow] * 8
    w.pull()
    assert w.row(Lease, "inbound").until == w.clock.value + 60.0
    assert w.ctx.held["inbound"] == w.row(Lease, "inbound")


def test_a_mapping_that_does_not_fit_writes_nothing() -> None:
    w = fresh_world("1", mapping=MAPPING.replace('["B"]', '["Nowhere"]'))
    with pytest.raises(MappingError, match="Nowhere"):
        w.pull()
    assert not w.crm.told and not w.rows(Known) and not w.rows(Position)


def test_a_stage_that_was_renamed_keeps_its_step() -> None:
    w = world("1")
    assert Bindings.parse(w.row(Control).mapping).stages == {"": {"A": "A", "B": "B", "C": "C", "H": "H"}}
    w.account.stages[0]["name"] = "Intake"
    w.account.change("1")
    w.pull()
    assert mirror(w) == {"1": "A"}


def test_runs_of_delivery_numbers_do_not_meet() -> None:
    w = world("1")
    first = w.known().delivery
    w.account.move("1", "B")
    w.pull()
    assert w.known().delivery > first
    assert w.row(Control).next_delivery == 1 + 2 * (1 << 20)


def test_a_status_nobody_knows_is_kept_as_unknown() -> None:
    w = fresh_world("1")
    w.account.change("1", status="unknown")
    w.pull()
    held = w.crm.held[application_ref()]
    assert held.status is None and held.base is not None
    assert held.base.status is ApplicationStatus.UNKNOWN


# -- one application asked for --


def puller(w: World) -> Puller:
    made: Puller = w.run(begin(w.ctx))
    made.compile(())
    return made


def test_a_refresh_brings_one_application_in() -> None:
    w = world("1")
    w.account.move("1", "C")
    made = puller(w)
    assert w.run(made.refresh(application_ref())) is True
    assert mirror(w) == {"1": "C"}
    assert (w.known().stage, w.known().digest) == ("C", None)
    assert w.pull().read == 1  # what a listing shows is other bytes


def test_a_refresh_of_what_is_gone_buries_it_once() -> None:
    w = world("1")
    w.account.apps["1"].gone, w.account.apps["1"].merged_into = "merged", "9"
    made = puller(w)
    w.run(made.refresh(application_ref()))
    record = w.crm.held[application_ref()].record
    assert record.deleted is not None and record.deleted.into == application_ref("9")
    w.run(made.refresh(application_ref()))
    assert made.report.deleted == 1


def test_not_found_is_believed_where_no_listing_shows_it_either_or_the_second_time() -> None:
    w = world("1", "2")
    w.account.apps["1"].gone = w.account.apps["2"].gone = "deleted"
    made = puller(w)
    w.run(made.refresh(application_ref("1"), missed=True))
    w.run(made.refresh(application_ref("2")))
    w.run(made.refresh(application_ref("2")))
    assert (w.known("1").deleted, w.known("2").deleted) == ("deleted", None)
    w.clock.value += 61
    w.run(made.refresh(application_ref("2")))
    assert w.known("2").deleted == "deleted"


def test_a_refresh_of_what_was_never_known_buries_nothing() -> None:
    w = world("1")
    w.account.apply("9").gone = "deleted"
    made = puller(w)
    w.run(made.refresh(application_ref("9")))
    assert made.report.deleted == 0 and application_ref("9") not in w.crm.held


def test_nothing_is_delivered_where_nothing_is_new() -> None:
    w = world("1")
    w.pull()
    assert not [t for t in w.crm.told if t[0] in ("write", "match")]


def test_entries_that_a_listing_merely_shows_count_for_a_sweep() -> None:
    def showing(stream: Stream) -> Stream:
        shown = [(Kind.APPLICATION, "1"), (Kind.APPLICATION, "unknown")]
        return evolve(
            stream, page=lambda cursor: _call(stream, cursor, lambda p: evolve(p, items=[], shown=shown))
        )

    w = odd(world("1"), showing)
    w.run(pull(w.ctx, full=True, run=9))
    assert w.known().seen == 9 and w.known("unknown") is None


def test_what_was_buried_and_is_merely_shown_again_is_read_and_comes_back() -> None:
    w = world("1")
    w.account.apps["1"].gone = "deleted"
    made = puller(w)
    w.run(made.refresh(application_ref(), missed=True))
    assert w.known().deleted == "deleted"
    w.account.apps["1"].gone = None
    w.clock.value += 1

    def showing(stream: Stream) -> Stream:
        shown = [(Kind.APPLICATION, "1")] if stream.name == "applications" else []
        return evolve(
            stream, page=lambda cursor: _call(stream, cursor, lambda p: evolve(p, items=[], shown=shown))
        )

    w = odd(w, showing)
    w.run(pull(w.ctx, full=True, run=9))
    assert w.known().deleted is None and mirror(w) == {"1": "A"}


def test_times_are_the_vendors() -> None:
    w = world("1")
    assert w.known().read_at == EPOCH + START == moment(START).timestamp()


def test_scope_counts_what_is_left_out() -> None:
    w = fresh_world("1", mapping=rules(prospects="prospects = false"))
    w.account.apply("2", job=None)
    assert w.pull().left_out == 1 and mirror(w) == {"1": "A"}
