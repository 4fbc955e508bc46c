"""A sweep: what no page showed is asked about, and only what the ATS says is gone is buried."""

from __future__ import annotations

from typing import Any

import pytest
from sync_world import Happening, World, application_ref, says, world
from tiny_ats import CONNECTION, EPOCH

from atsbridge.crm.interface import WriteResult, Written
from atsbridge.errors import TooManyGone, Unavailable
from atsbridge.model import Kind, Ref
from atsbridge.sync.inbound import PullReport
from atsbridge.sync.ledger import Control, Known, Waiting
from atsbridge.sync.sweep import sweep
from atsbridge.wire.effects import Request, Response


def swept(w: World, **how: Any) -> PullReport:
    return w.run(sweep(w.ctx, **how))  # type: ignore[no-any-return]


def buried(w: World) -> set[str]:
    return {r.id for r, d in w.crm.held.items() if d.record.deleted is not None}


def asked(w: World) -> list[str]:
    """Reads of one record."""
    return [line for line in w.log if line.count("/") == 2]


def many(count: int) -> World:
    return world(*[str(n) for n in range(1, count + 1)])


def test_what_is_gone_is_found_confirmed_and_buried() -> None:
    w = many(5)
    w.account.people["p9"] = {"id": "p9", "name": "Nobody's"}
    w.pull()
    w.account.apps["2"].gone = "deleted"
    del w.account.people["p9"]
    report = swept(w)
    assert (report.suspects, report.deleted) == (2, 2)
    assert sorted(asked(w)) == ["GET /applications/2", "GET /candidates/p9"]
    assert buried(w) == {"2", "p9"} and w.known("2").deleted == "deleted"
    report = swept(w)
    assert (report.suspects, report.deleted) == (0, 0)


def test_what_was_merged_says_into_what() -> None:
    w = many(3)
    w.account.apps["2"].gone, w.account.apps["2"].merged_into = "merged", "1"
    swept(w)
    record = w.crm.held[application_ref("2")].record
    assert record.deleted is not None and record.deleted.into == application_ref("1")


def hiding(id: str) -> Happening:
    """A page whose listing shifted under its reader: this application is not on it."""

    def happen(made: World, asked: Any) -> Any:
        app = made.account.apps.pop(id)
        try:
            return made.good(asked)
        finally:
            made.account.apps[id] = app

    return happen


def test_what_no_page_showed_and_is_there_is_no_deletion() -> None:
    w = many(3)
    w.reads = [None] * 2 + [hiding("3")]  # candidates, then applications
    report = swept(w)
    assert (report.suspects, report.deleted, buried(w)) == (1, 0, set())
    assert asked(w) == ["GET /applications/3"]


def test_what_the_crm_holds_a_later_read_of_waits_since_now() -> None:
    w = many(3)
    del w.account.apps["2"]
    w.crm.refuses["2"] = Written(ref=application_ref("2"), result=WriteResult.STALE)
    swept(w)
    (row,) = w.rows(Waiting)
    assert (row.id, row.since) == ("2", EPOCH + w.clock.value)


def test_only_streams_that_show_everything_are_swept() -> None:
    w = many(2)
    swept(w)
    assert {line for line in w.log if line.count("/") == 1} == {"GET /candidates", "GET /applications"}
    assert {r.kind for r in w.rows(Known) if r.seen} == {"candidate", "application"}


def test_a_vendor_that_lists_its_deletions_is_only_pulled() -> None:
    w = world("1", "2", settings={"sweeping": False})
    w.account.apps["1"].gone = "deleted"
    w.account.deleted = ["1"]
    report = swept(w)
    assert (report.suspects, report.deleted, buried(w)) == (0, 1, {"1"})
    assert w.row(Control).next_number == 1


def test_every_sweep_has_a_number_of_its_own() -> None:
    w = many(2)
    swept(w)
    first = w.known().seen
    swept(w)
    assert (first, w.known().seen) == (1, 2)


def vanished(w: World, count: int) -> World:
    for n in range(1, count + 1):
        w.account.apps[str(n)].gone = "deleted"
    return w


def test_too_many_gone_is_for_a_person_before_anything_is_asked() -> None:
    w = vanished(many(30), 21)
    with pytest.raises(TooManyGone, match=r"did not show 21 of 60 known records"):
        swept(w)
    assert not asked(w) and not buried(w)
    report = swept(w, limit=0.5)
    assert report.deleted == 21


def test_twenty_or_the_share_that_is_allowed_may_go() -> None:
    assert swept(vanished(many(30), 20)).deleted == 20
    assert swept(vanished(many(30), 24), limit=0.4).deleted == 24
    with pytest.raises(TooManyGone):
        swept(vanished(many(30), 25), limit=0.4)


def test_what_was_buried_before_is_neither_suspect_nor_counted() -> None:
    w = vanished(many(30), 15)
    swept(w)
    for n in range(16, 30):
        w.account.apps[str(n)].gone = "deleted"
    assert swept(w).suspects == 14


def test_where_nothing_shows_at_all_a_person_is_asked_however_few_they_are() -> None:
    w = vanished(many(3), 3)
    with pytest.raises(TooManyGone, match="none of the 3 known records"):
        swept(w)
    assert not buried(w)


def test_one_that_cannot_be_asked_about_stops_the_sweep_and_buries_nothing() -> None:
    w = many(3)
    w.account.apps["2"].gone = "deleted"
    w.reads = [None] * 3 + [says(500)] * 9
    with pytest.raises(Unavailable):
        swept(w)
    assert not buried(w) and w.known("2").deleted is None


def test_one_that_cannot_be_asked_about_keeps_no_other_from_being_confirmed() -> None:
    w = many(4)
    w.pull()
    for id in ("1", "2", "3"):
        w.account.apps[id].gone = "deleted"

    def fails(made: World, asked: Request) -> Response:
        return says(500)(made, asked) if asked.url == "/applications/2" else made.good(asked)

    w.reads = [fails] * 60
    swept(w)
    assert buried(w) == {"1", "3"}
    w.reads.clear()
    swept(w)
    assert buried(w) == {"1", "2", "3"}


def test_what_is_shown_and_cannot_be_read_is_there() -> None:
    w = many(3)
    w.account.apps["2"].unreadable = True
    w.account.apps["3"].gone = "deleted"
    report = swept(w)
    assert (report.suspects, report.deleted, report.quarantined) == (1, 1, 1)
    assert w.known("2").deleted is None and w.known("2").seen == 1


def test_a_suspect_that_cannot_be_read_is_there() -> None:
    w = many(3)
    w.reads = [None] * 2 + [hiding("3"), says(200, {"id": "3"})]
    report = swept(w)
    assert (report.suspects, report.deleted) == (1, 0)


def test_more_than_a_chunk_is_confirmed_piece_by_piece() -> None:
    w = vanished(many(205), 203)
    assert swept(w, limit=1.0).deleted == 203
    assert len(buried(w)) == 203
    assert [len(t[1]) for t in w.crm.told if t[0] == "write"] == [200, 3]


def test_records_of_another_connection_are_not_suspected() -> None:
    w = many(1)
    w.put(Known(connection="globex", kind="application", id="x", digest=None, read_at=0.0))
    assert swept(w).suspects == 0
    assert Ref(CONNECTION, Kind.APPLICATION, "x") not in w.crm.held
