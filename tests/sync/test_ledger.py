"""What the ledger's words mean, whoever keeps the rows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from sync_world import world

from atsbridge.sync.ledger import ROWS, Attempt, Control, Known, MonotonicClock, Where, surely_another_boot
from atsbridge.sync.overlay import OverlayLedger, ordered


def known(id: str = "1", **more: Any) -> Known:
    return Known(connection="acme", kind="application", id=id, digest=None, **{"read_at": 2.0, **more})


def test_a_key_is_the_first_columns() -> None:
    assert known().key == ("acme", "application", "1")
    assert Control(connection="acme").key == ("acme",)
    assert Attempt(connection="a", intent_id="i", number=1, at=0.0, write="w", digest="d").key == (
        "a",
        "i",
        1,
    )
    assert known().columns()[:3] == ("connection", "kind", "id")


def test_every_table_has_a_name_of_its_own_and_begins_with_the_connection() -> None:
    assert len({row.TABLE for row in ROWS}) == len(ROWS)
    assert all(row.columns()[0] == "connection" for row in ROWS)


@pytest.mark.parametrize(
    "where, holds",
    [
        (Where(), True),
        (Where(equal={"id": "1"}), True),
        (Where(equal={"id": "2"}), False),
        (Where(equal={"stage": None}), True),
        (Where(equal={"id": "1", "kind": "job"}), False),
        (Where(among={"id": ["1", "2"]}), True),
        (Where(among={"id": []}), False),
        (Where(at_most={"read_at": 2.0}), True),
        (Where(at_most={"read_at": 1.9}), False),
        (Where(at_least={"read_at": 2.0}), True),
        (Where(at_least={"read_at": 2.1}), False),
        (Where(above={"read_at": 1.9}), True),
        (Where(above={"read_at": 2.0}), False),
        (Where(at_most={"stage": "z"}), False),
        (Where(at_least={"stage": ""}), False),
        (Where(above={"stage": ""}), False),
    ],
)
def test_which_rows(where: Where, holds: bool) -> None:
    assert where.holds(known()) is holds


def test_order_and_limit() -> None:
    rows = [known("1", seen=1), known("2", stage="b"), known("3", stage="a")]
    assert [r.id for r in ordered(list(rows), ("stage",), None)] == ["1", "3", "2"]
    assert [r.id for r in ordered(list(rows), ("-stage", "id"), 2)] == ["2", "3"]
    assert [r.id for r in ordered(list(rows), ("-seen", "-id"), None)] == ["1", "3", "2"]


def test_the_clock_of_this_boot_only_grows() -> None:
    clock = MonotonicClock()
    first = clock.now()
    assert math.isfinite(first) and clock.now() >= first
    assert clock.boot and clock.boot == MonotonicClock().boot


def test_without_a_boot_id_the_moment_of_boot_is_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    here = MonotonicClock().boot

    def none(_path: Path, *_more: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", none)
    monkeypatch.setattr("atsbridge.sync.ledger.time.time", lambda: 1e9)
    guess = MonotonicClock().boot
    monkeypatch.setattr("atsbridge.sync.ledger.time.time", lambda: 1e9 + 86_400)
    other = MonotonicClock().boot
    assert guess != other and not surely_another_boot(guess, other)
    assert not surely_another_boot(guess, here) and not surely_another_boot(here, here)
    assert surely_another_boot(here, here + "x")


def test_an_overlay_forgets_what_it_was_told() -> None:
    w = world("1")
    above = OverlayLedger(w.ledger)
    above.do(lambda txn: txn.put([known("9")]))
    assert above.clock is w.ledger.clock
    assert above.look(lambda txn: txn.count(Known, Where(equal={"id": "9"}))) == 1
    above.close()
    assert above.look(lambda txn: txn.count(Known, Where(equal={"id": "9"}))) == 0


def test_an_overlay_takes_back_what_a_failed_transaction_did() -> None:
    above = OverlayLedger(world("1").ledger)
    above.do(lambda txn: txn.put([known("9", stage="a")]))

    def failing(txn: Any) -> None:
        txn.put([known("9", stage="b"), known("8")])
        txn.delete(Known, Where(equal={"id": "1"}))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        above.do(failing)
    rows = above.look(lambda txn: txn.find(Known, Where(equal={"kind": "application"}), order=("id",)))
    assert [(r.id, r.stage) for r in rows] == [("1", "A"), ("9", "a")]
