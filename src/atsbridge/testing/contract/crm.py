"""`CrmContract`: what every CRM connector has to do, as tests that a plugin inherits.

::

    from atsbridge.testing import CrmContract

    class TestOurCrm(CrmContract):
        def make(self, folder):
            return OurCrm(folder / "crm.sqlite")

        def change(self, crm, application, step):
            return crm.drag(application, step)      # as a recruiter does; gives the event id
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ...crm.interface import Abilities, Crm, Delivery, Held, WriteResult, Written
from ...model import Base, Kind, Receipt, Ref, Result, State, StatusUpdate, TombstoneKind
from ..deliveries import ACTIVE, app_ref, application, at, candidate, gone, play

ONE, TWO = app_ref("1"), app_ref("2")
_TAKEN = (WriteResult.CREATED, WriteResult.UPDATED, WriteResult.UNCHANGED)


def receipt(event: str, result: Result = Result.APPLIED, *, stage: str = "s2", minute: float = 5) -> Receipt:
    after = State(stage, ACTIVE)
    base = Base(stage, ACTIVE, 2)
    return Receipt(event_id=event, application=ONE, result=result, after=after, read_at=at(minute), base=base)


class CrmContract:
    """See the module."""

    def make(self, folder: Path) -> Crm:
        """A new CRM, empty."""
        raise NotImplementedError

    def change(self, crm: Any, application: Ref, step: str) -> str:
        """Change an application's step as a recruiter does; gives the event id."""
        raise NotImplementedError

    def begin_change(self, crm: Any, application: Ref, step: str) -> Callable[[], str] | None:
        """Begin a recruiter's transaction and leave it open; gives what commits it.

        None where a CRM's changes are made one at a time, so that none can become visible late.
        """
        return None

    def unfit(self) -> Delivery | None:
        """A record that this CRM cannot store; None where it takes all."""
        return None

    def close(self, crm: Any) -> None:
        """Let go of it."""
        if callable(ending := getattr(crm, "close", None)):
            ending()

    @pytest.fixture
    def crm(self, tmp_path: Path) -> Iterator[Crm]:
        made = self.make(tmp_path)
        yield made
        self.close(made)

    # -- what comes in --

    def test_what_is_delivered_again_changes_nothing(self, crm: Crm) -> None:
        batch = [candidate("1"), application("1", minute=1)]
        assert {one.result for one in _write(crm, batch)} <= set(_TAKEN)
        before = _held(crm, ONE)
        for _ in range(2):
            assert {one.result for one in _write(crm, batch)} <= {WriteResult.UNCHANGED, WriteResult.UPDATED}
        assert _held(crm, ONE) == before
        assert _refs(crm, Kind.APPLICATION) == [ONE]

    def test_one_result_for_each_in_the_order_of_the_batch(self, crm: Crm) -> None:
        batch = [application("2"), candidate("9"), application("1"), candidate("1")]
        assert [one.ref for one in _write(crm, batch)] == [one.record.ref for one in batch]

    def test_nothing_older_than_what_is_held_is_taken(self, crm: Crm) -> None:
        _ = _write(crm, [application("1", "s2", minute=2)])
        (late,) = _write(crm, [application("1", "s1", minute=1)])
        assert late.result is WriteResult.STALE
        assert _held(crm, ONE).confirmed == State("s2", ACTIVE)

    def test_in_whatever_order_reads_arrive_the_latest_is_held(self, crm: Crm) -> None:
        for minute in (3, 1, 4, 2, 4, 0):
            _ = _write(crm, [application("1", f"s{minute}", minute=minute)])
        assert _held(crm, ONE).confirmed == State("s4", ACTIVE)

    def test_an_application_may_come_before_its_candidate(self, crm: Crm) -> None:
        results = [one.result for one in _write(crm, [application("1"), candidate("1")])]
        assert WriteResult.FAILED not in results and _held(crm, ONE).confirmed == State("s1", ACTIVE)

    def test_the_same_id_of_another_connection_is_another_record(self, crm: Crm) -> None:
        other = app_ref("1", "other")
        _ = _write(crm, [application("1", "s1"), application("1", "s9", connection="other")])
        held = play(crm.statuses([ONE, other]))
        assert {ref: one.confirmed for ref, one in held.items()} == {
            ONE: State("s1", ACTIVE), other: State("s9", ACTIVE)
        }  # fmt: skip

    def test_what_cannot_be_stored_is_refused_alone(self, crm: Crm) -> None:
        unfit = self.unfit()
        if unfit is None:
            pytest.skip("this CRM says of no record that it cannot be stored")
        batch = [application("1"), unfit, application("2")]
        results = [one.result for one in _write(crm, batch)]
        assert results[1] is WriteResult.FAILED
        assert set(play(crm.statuses([ONE, TWO]))) == {ONE, TWO}

    def test_what_is_gone_is_listed_no_more_and_an_older_read_does_not_bring_it_back(self, crm: Crm) -> None:
        live = application("1", minute=1)
        _ = _write(crm, [live, application("2")])
        _ = _write(crm, [gone(live, TombstoneKind.DELETED, minute=2)])
        assert _refs(crm, Kind.APPLICATION) == [TWO]
        _ = _write(crm, [live])
        assert _refs(crm, Kind.APPLICATION) == [TWO] and _held(crm, ONE).deleted

    # -- what people change --

    def test_what_the_bridge_writes_is_no_change_of_anybody(self, crm: Crm) -> None:
        """An echo would go out again as if a recruiter had asked for it."""
        _ = _write(crm, [application("1", minute=1)])
        _ = _write(crm, [application("1", "s2", minute=2)])
        assert _feed(crm) == []
        event = self.change(crm, ONE, "step s3")
        play(crm.receive([receipt(event, stage="s3")]))
        assert {update.event_id for update in _feed(crm)} <= {event}

    def test_a_change_comes_again_until_it_is_acknowledged(self, crm: Crm) -> None:
        _ = _write(crm, [application("1"), application("2")])
        first, second = self.change(crm, ONE, "step s2"), self.change(crm, TWO, "step s3")
        assert [u.event_id for u in _feed(crm)] == [first, second]
        play(crm.acknowledge([first, "unknown"]))
        play(crm.acknowledge([first]))
        assert [u.event_id for u in _feed(crm)] == [second]

    def test_changes_of_one_application_come_in_their_order(self, crm: Crm) -> None:
        _ = _write(crm, [application("1")])
        events = [self.change(crm, ONE, f"step s{number}") for number in range(2, 7)]
        updates = _feed(crm)
        assert [u.event_id for u in updates] == events
        assert [u.step for u in updates] == [f"step s{number}" for number in range(2, 7)]
        if Abilities.SEQUENCE in crm.abilities:
            numbers = [u.sequence for u in updates]
            assert numbers == sorted(set(numbers), key=lambda n: n or 0)

    def test_a_change_carries_what_the_recruiter_saw(self, crm: Crm) -> None:
        if Abilities.BASE not in crm.abilities:
            pytest.skip("without a base this CRM is inbound only")
        _ = _write(crm, [application("1", delivery=4)])
        _ = self.change(crm, ONE, "step s2")
        _ = _write(crm, [application("1", "s9", minute=1, delivery=5)])
        (update,) = _feed(crm)
        assert update.base == Base("s1", ACTIVE, 4, "token 0")

    def test_a_change_that_becomes_visible_late_is_not_missed(self, crm: Crm) -> None:
        """A transaction begun before another and committed after it, with a read of the feed in between."""
        _ = _write(crm, [application("1"), application("2")])
        commit = self.begin_change(crm, ONE, "step s2")
        if commit is None:
            pytest.skip("this CRM's changes are made one at a time")
        second = self.change(crm, TWO, "step s3")
        page = play(crm.changes(None))
        assert second in {u.event_id for u in page.updates}
        play(crm.acknowledge([second]))
        first = commit()
        assert [u.event_id for u in play(crm.changes(page.position)).updates] == [first]

    # -- receipts --

    def test_a_request_is_open_until_its_own_receipt(self, crm: Crm) -> None:
        _ = _write(crm, [application("1")])
        event = self.change(crm, ONE, "step s2")
        assert _held(crm, ONE).event_id == event
        _ = _write(crm, [application("1", "s9", minute=1)])
        held = _held(crm, ONE)
        assert (held.event_id, held.confirmed) == (event, State("s9", ACTIVE))
        for _ in range(2):
            play(crm.receive([receipt(event)]))
        held = _held(crm, ONE)
        assert (held.event_id, held.confirmed) == (None, State("s2", ACTIVE))

    def test_a_receipt_leaves_a_newer_request_open(self, crm: Crm) -> None:
        _ = _write(crm, [application("1")])
        first, second = self.change(crm, ONE, "step s2"), self.change(crm, ONE, "step s3")
        play(crm.receive([receipt(first)]))
        assert _held(crm, ONE).event_id == second

    def test_a_receipt_older_than_what_is_held_confirms_nothing(self, crm: Crm) -> None:
        _ = _write(crm, [application("1", "s7", minute=9)])
        event = self.change(crm, ONE, "step s2")
        play(crm.receive([receipt(event, Result.CONFLICT, minute=5)]))
        held = _held(crm, ONE)
        assert (held.event_id, held.confirmed) == (None, State("s7", ACTIVE))

    def test_a_read_older_than_a_receipt_is_stale_after_it(self, crm: Crm) -> None:
        _ = _write(crm, [application("1")])
        event = self.change(crm, ONE, "step s2")
        play(crm.receive([receipt(event, minute=5)]))
        (late,) = _write(crm, [application("1", "s1", minute=4)])
        assert late.result is WriteResult.STALE and _held(crm, ONE).confirmed == State("s2", ACTIVE)

    def test_a_receipt_for_what_is_not_held_does_no_harm(self, crm: Crm) -> None:
        play(crm.receive([receipt("never asked")]))
        assert _refs(crm, Kind.APPLICATION) == []

    # -- what it tells --

    def test_what_is_not_held_is_left_out(self, crm: Crm) -> None:
        _ = _write(crm, [application("1")])
        assert set(play(crm.statuses([TWO, ONE]))) == {ONE}

    def test_check_finds_it_in_order(self, crm: Crm) -> None:
        assert all(finding.ok for finding in play(crm.check_access()))


def _write(crm: Crm, batch: Sequence[Delivery]) -> Sequence[Written]:
    return play(crm.write(batch))


def _held(crm: Crm, ref: Ref) -> Held:
    return play(crm.statuses([ref]))[ref]


def _refs(crm: Crm, kind: Kind) -> list[Ref]:
    """All live refs, page by page."""
    found: list[Ref] = []
    after: str | None = None
    while True:
        refs, after = play(crm.refs(kind, after))
        found.extend(refs)
        if after is None:
            return sorted(found)


def _feed(crm: Crm) -> list[StatusUpdate]:
    """Everything the feed has, from its beginning."""
    found: list[StatusUpdate] = []
    position: Any = None
    while True:
        page = play(crm.changes(position))
        found.extend(page.updates)
        if not page.more:
            return found
        position = page.position
