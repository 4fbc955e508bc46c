"""Turns: when each verb of a connection is due, shared by all workers on a ledger."""

from __future__ import annotations

import pytest
from sync_world import World, world
from tiny_ats import CONNECTION

from atsbridge.sync.ledger import Turn
from atsbridge.sync.turns import arrange, overdue, take_turn

EVERY = {"push": 10.0, "pull": 60.0, "sweep": 1000.0}


@pytest.fixture
def w() -> World:
    made = world(pulled=False)
    arranged(made)
    return made


def arranged(w: World, **changes: float) -> None:
    w.ledger.do(lambda txn: arrange(txn, w.clock, CONNECTION, {**EVERY, **changes}, later={"sweep"}))


def due(w: World, *verbs: str) -> tuple[float, str]:
    return w.ledger.look(lambda txn: overdue(txn, w.clock, CONNECTION, verbs or tuple(EVERY)))


def taken(w: World, verb: str) -> bool:
    every = EVERY[verb]
    return w.ledger.do(lambda txn: take_turn(txn, w.clock, CONNECTION, verb, every_seconds=every))


def test_at_first_all_is_due_but_what_is_for_later(w: World) -> None:
    assert due(w) == (0.0, "pull") and due(w, "push") == (0.0, "push")
    assert due(w, "sweep") == (-1000.0, "sweep")
    assert [taken(w, verb) for verb in EVERY] == [True, True, False]


def test_a_turn_is_taken_once_and_due_again_after_its_interval(w: World) -> None:
    assert taken(w, "push") and not taken(w, "push")
    w.clock.value += 9.9
    assert not taken(w, "push")
    w.clock.value += 0.1
    assert taken(w, "push")


def test_what_has_waited_longest_is_first(w: World) -> None:
    for verb in ("pull", "push"):
        taken(w, verb)
        w.clock.value += 1.0
    w.clock.value += 70.0
    assert due(w) == (61.0, "push")
    taken(w, "push")
    assert due(w) == (12.0, "pull")


def test_a_worker_that_begins_leaves_the_turns_as_they_are(w: World) -> None:
    taken(w, "push")
    w.clock.value += 4.0
    arranged(w)
    assert due(w, "push") == (-6.0, "push")


def test_a_shorter_interval_holds_at_once(w: World) -> None:
    taken(w, "pull")
    arranged(w, pull=5.0)
    assert due(w, "pull") == (-5.0, "pull")


def test_after_another_boot_the_turns_begin_anew(w: World) -> None:
    taken(w, "pull")
    w.clock.boot, w.clock.value = "boot-1", 5.0
    arranged(w)
    assert due(w, "pull") == (0.0, "pull") and due(w, "sweep") == (-1000.0, "sweep")
    assert w.row(Turn, "pull").boot == "boot-1"
