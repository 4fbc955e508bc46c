"""The two pairs of hands: one writes, the other imagines what a write would leave."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sync_world import ACTIVE, REJECTED, World, application_ref, fresh, world

from atsbridge.ats.interface import Fresh, Gone
from atsbridge.model import Action, Intent, State
from atsbridge.sync.hands import ImaginedHands, RealHands
from atsbridge.wire.effects import Permit
from atsbridge.wire.vendor import Signal

PERMIT = Permit(intent_id="i", write="move", digest="d", send_by=0.0, nonce="n")
REF = application_ref()


def wish(target: State, action: Action = Action.MOVE) -> Intent:
    return Intent(intent_id="i", application=REF, action=action, target=target, expected=State("A", ACTIVE))


def imagined(w: World) -> ImaginedHands:
    def imagine(seen: Fresh, intent: Intent) -> Fresh:
        return evolve(seen, application=w.ats.imagine(seen.application, intent))

    return ImaginedHands(RealHands(w.ctx), imagine)


def send(w: World, hands: ImaginedHands, intent: Intent) -> Any:
    write = w.ats.declared(intent)
    return w.run(hands.send(intent, write, w.ats.write_status(intent, fresh(), w.ats), PERMIT))  # type: ignore[arg-type]


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
