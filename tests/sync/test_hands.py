"""The two pairs of hands: one writes, the other imagines what a write would leave."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from sync_world import ACTIVE, REJECTED, World, application_ref, fresh, world
from sync_world import intent as intent_row

from atsbridge.ats.interface import Fresh, Gone
from atsbridge.drivers.scheduler import Scheduler
from atsbridge.errors import LeaseLost, LedgerError
from atsbridge.model import Action, Intent, State
from atsbridge.sync.hands import ImaginedHands, RealHands
from atsbridge.sync.ledger import IntentRow
from atsbridge.wire.effects import Perform, Permit, Send
from atsbridge.wire.vendor import Signal

PERMIT = Permit(intent_id="i", write="move", digest="d", send_by=0.0, nonce="n")
REF = application_ref()


def wish(target: State, action: Action = Action.MOVE) -> Intent:
    return Intent(intent_id="i", application=REF, action=action, target=target, expected=State("A", ACTIVE))


def imagined(w: World) -> ImaginedHands:
    def imagine(seen: Fresh, intent: Intent) -> Fresh:
        return evolve(seen, application=w.ats.imagine(seen.application, intent))

    counted = frozenset(one.name for one in w.ctx.ats.VENDOR.writes if one.signal is Signal.COUNT)
    return ImaginedHands(RealHands(w.ctx), imagine, counted)


def send(w: World, hands: ImaginedHands, intent: Intent) -> Any:
    write = w.ats.declared(intent)
    call = w.ats.write_status(intent, fresh(), w.ats)  # type: ignore[arg-type]
    return w.run(hands.send(intent, write, call, PERMIT, armed=intent_row())).carried


def test_an_imagined_write_is_seen_by_the_next_read_and_reaches_nobody() -> None:
    w = world("1")
    hands = imagined(w)
    assert w.run(hands.read(REF)).state == State("A", ACTIVE)
    after = send(w, hands, wish(State("B", ACTIVE)))
    assert after == w.run(hands.read(REF)) and after.state == State("B", ACTIVE)
    assert w.log == ["GET /applications/1"] and not w.account.log


def test_the_history_of_a_counted_write_grows_by_one() -> None:
    w = world("1")
    hands = imagined(w)
    w.run(hands.read(REF))
    after = send(w, hands, wish(State("B", ACTIVE)))
    assert [t.to for t in after.application.history] == ["B"] and after.signals["move"] == "1"
    again = send(w, hands, wish(State("C", ACTIVE)))
    assert [t.to for t in again.application.history] == ["B", "C"]


def test_all_that_the_same_history_counts_grows_with_it() -> None:
    """Else the second part of a chain would seem to have come after somebody else's change."""
    w = world("1")
    hands = evolve(imagined(w), counted=frozenset({"move", "end"}))
    seen = w.run(hands.read(REF))
    hands._left[REF] = evolve(seen, signals={"move": "0", "end": "0"})
    after = send(w, hands, wish(State("B", ACTIVE)))
    assert (after.signals["move"], after.signals["end"]) == ("1", "1")


def test_a_count_that_was_not_read_is_not_imagined() -> None:
    w = world("1")
    hands = imagined(w)
    seen = w.run(hands.read(REF))
    hands._left[REF] = evolve(seen, signals={})
    assert send(w, hands, wish(State("B", ACTIVE))).signals == {}


def test_other_writes_leave_the_history_alone() -> None:
    for how, intent in (
        ({"signal": Signal.CHANGE}, wish(State("B", ACTIVE))),
        ({}, wish(State("A", REJECTED), Action.REJECT)),
    ):
        w = world("1", **how)
        hands = imagined(w)
        w.run(hands.read(REF))
        assert send(w, hands, intent).application.history == ()


def test_what_has_ended_keeps_its_reason_until_it_is_taken_back() -> None:
    w = world("1")
    hands = imagined(w)
    w.run(hands.read(REF))
    send(w, hands, wish(State("A", REJECTED, "r1"), Action.REJECT))
    assert send(w, hands, wish(State("B", REJECTED))).state == State("B", REJECTED, "r1")
    assert send(w, hands, wish(State("B", ACTIVE), Action.REACTIVATE)).state == State("B", ACTIVE)


def test_what_is_gone_stays_gone() -> None:
    w = world("1")
    w.account.apps["1"].gone = "deleted"
    hands = imagined(w)
    assert isinstance(w.run(hands.read(REF)), Gone) and isinstance(w.run(hands.read(REF)), Gone)


def test_imagined_hands_wait_for_nothing() -> None:
    w = world("1", visible_within_seconds=5.0)
    hands, write = imagined(w), w.ats.VENDOR.write("move")
    assert (hands.hidden_seconds(write), RealHands(w.ctx).hidden_seconds(write)) == (0.0, 5.0)
    assert w.run(hands.ready()) is None and not w.log


def test_both_read_the_catalogue() -> None:
    w = world("1")
    assert w.run(imagined(w).catalogue()) == w.run(RealHands(w.ctx).catalogue())


# -- on the disk before it leaves --


def armed(*ids: str) -> World:
    """A world with an attempt of each of these intents on record."""
    w = world("1")
    w.put(*(attempt_of(id) for id in ids))
    return w


def attempt_of(id: str, **changes: Any) -> IntentRow:
    row: dict[str, Any] = {"intent_id": id, "state": "in_flight", "attempts": 1, "send_by": 10.0}
    return intent_row(**{**row, **changes})


def writer(w: World, hands: RealHands, id: str = "i") -> Any:
    """A flow that sends one write, as a lane does once its attempt is committed."""
    intent = evolve(wish(State("B", ACTIVE)), intent_id=id)
    call = w.ats.write_status(intent, fresh(), w.ats)  # type: ignore[arg-type]
    return hands.send(intent, w.ats.declared(intent), call, PERMIT, armed=attempt_of(id))


def flushes(w: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes every durable transaction, and every one that is not."""
    seen: list[str] = []
    real = w.ledger.transaction

    def noted(*, durable: bool = True) -> Any:
        seen.append("durable" if durable else "not durable")
        return real(durable=durable)

    monkeypatch.setattr(w.ledger, "transaction", noted)
    return seen


def test_writes_that_wait_together_share_one_fsync_and_leave_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    w = armed("i", "j", "k")
    hands, seen, scheduler = RealHands(w.ctx), flushes(w, monkeypatch), Scheduler()
    jobs = [job for id in "ijk" for job in scheduler.start(writer(w, hands, id))[1]]
    assert [type(job.effect) for job in jobs] == [Perform] and not seen
    after = scheduler.resume(jobs[0].ticket, w.do(jobs[0].effect))
    assert seen == ["durable"] and [type(job.effect) for job in after] == [Send] * 3


def test_an_fsync_that_had_begun_is_not_the_one_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    w = armed("i", "j")
    hands, scheduler = RealHands(w.ctx), Scheduler()
    real, seen = w.ledger.transaction, []

    def under_way(*, durable: bool = True) -> Any:
        seen.append(durable)
        if len(seen) == 1:
            assert scheduler.start(writer(w, hands, "j"))[1] == []
        return real(durable=durable)

    monkeypatch.setattr(w.ledger, "transaction", under_way)
    _, (first,) = scheduler.start(writer(w, hands))
    after = scheduler.resume(first.ticket, w.do(first.effect))
    assert sorted(type(job.effect).__name__ for job in after) == ["Perform", "Send"]
    (again,) = (job for job in after if isinstance(job.effect, Perform))
    (sent,) = scheduler.resume(again.ticket, w.do(again.effect))
    assert isinstance(sent.effect, Send) and seen == [True, True]


@pytest.mark.parametrize(
    "kept",
    [
        {"state": "leased", "attempts": 0, "send_by": None},
        {"attempts": 2},
        {"state": "closed"},
        {"state": "settling"},
        {"send_by": 11.0},
    ],
    ids=["lost", "another", "ended", "taken over", "of another worker since it was lost"],
)
def test_an_attempt_that_the_ledger_has_not_kept_does_not_leave(kept: dict[str, Any]) -> None:
    """A server that was restarted since has lost what it had not on its disk."""
    w = world("1")
    flow = writer(w, RealHands(w.ctx))
    w.put(attempt_of("i", **kept))
    with pytest.raises(LeaseLost, match="not on record any more"):
        w.run(flow)
    assert not w.log


def test_nothing_leaves_where_the_disk_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    w = armed("i")

    def broken(**_: Any) -> Any:
        raise LedgerError("the disk is full")

    monkeypatch.setattr(w.ledger, "transaction", broken)
    with pytest.raises(LedgerError):
        w.run(writer(w, RealHands(w.ctx)))
    assert not w.log
