"""What every ledger must do with rows, held against the simplest one there is."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atsbridge.errors import LedgerError
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.ledgers.sqlite import SqliteLedger, SqliteTxn, migrations
from atsbridge.sync.ledger import ROWS, Control, IntentRow, Known, Ledger, Quarantined, Update, Where
from atsbridge.sync.overlay import OverlayLedger

Make = Callable[[Path], Ledger]
MAKERS: dict[str, Make] = {
    "memory": lambda _: MemoryLedger(),
    "sqlite": lambda folder: SqliteLedger(folder / "ledger.sqlite"),
    "overlay": lambda _: OverlayLedger(MemoryLedger()),
}


@pytest.fixture(params=sorted(MAKERS))
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def known(id: str, *, read_at: float = 1.0, connection: str = "acme", **changes: object) -> Known:
    row = Known(connection=connection, kind="application", id=id, digest=b"\x00\xff", read_at=read_at)
    return attrs.evolve(row, **changes)


def test_a_row_comes_back_as_it_was(ledger: Ledger) -> None:
    row = known("1", stage="s", content="{}", delivery=7)
    ledger.do(lambda txn: txn.put([row]))
    assert ledger.look(lambda txn: txn.get(Known, "acme", "application", "1")) == row
    assert ledger.look(lambda txn: txn.get(Known, "acme", "application", "2")) is None


def test_a_transaction_is_kept_whole_or_not_at_all(ledger: Ledger) -> None:
    ledger.do(lambda txn: txn.put([known("1", stage="before")]))
    with pytest.raises(RuntimeError), ledger.transaction() as txn:
        txn.put([known("1", stage="after"), known("2")])
        txn.delete(Known, Where(equal={"id": "1"}))
        raise RuntimeError
    rows = ledger.look(lambda txn: txn.find(Known, Where()))
    assert [(r.id, r.stage) for r in rows] == [("1", "before")]


def test_the_same_id_of_another_connection_is_another_row(ledger: Ledger) -> None:
    ledger.do(lambda txn: txn.put([known("1"), known("1", connection="other", stage="x")]))
    ledger.do(lambda txn: txn.set(Known, Where(equal={"connection": "acme"}), stage="y"))
    assert ledger.look(lambda txn: txn.get(Known, "other", "application", "1")).stage == "x"  # type: ignore[union-attr]


@pytest.mark.parametrize("there, new, kept", [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (1.0, 1.0, 1.0)])
def test_the_newest_stays(ledger: Ledger, there: float, new: float, kept: float) -> None:
    row, other = known("1", read_at=new, stage="new"), known("2", read_at=0.5)
    assert (
        ledger.do(lambda txn: txn.put_unless_newer([evolve(row, read_at=there, stage="there")], "read_at"))
        == []
    )
    beaten = ledger.do(lambda txn: txn.put_unless_newer([row, other], "read_at"))
    assert beaten == ([row] if there > new else [])
    assert ledger.look(lambda txn: txn.get(Known, "acme", "application", "2")) == other
    row = ledger.look(lambda txn: txn.get(Known, "acme", "application", "1"))
    assert row is not None and row.read_at == kept
    assert row.stage == ("there" if there > new else "new")


def test_a_snapshot_of_many(ledger: Ledger) -> None:
    ledger.do(lambda txn: txn.put([known(str(n)) for n in range(1200)]))
    found = ledger.look(
        lambda txn: txn.get_many(Known, ("acme", "application"), [str(n) for n in range(0, 2400, 2)])
    )
    assert sorted(found, key=int) == [str(n) for n in range(0, 1200, 2)]
    assert ledger.look(lambda txn: txn.count(Known, Where(equal={"connection": "acme"}))) == 1200


rows_of = st.lists(
    st.builds(
        known,
        st.sampled_from("abcdef"),
        read_at=st.sampled_from([1.0, 2.0, 3.0]),
        stage=st.sampled_from([None, "s1", "s2"]),
        seen=st.integers(0, 3),
    ),
    max_size=8,
)
wheres = st.builds(
    Where,
    equal=st.sampled_from([{}, {"stage": None}, {"stage": "s1"}]),
    among=st.sampled_from([{}, {"stage": ["s1", "s2"]}, {"id": ["a", "b"]}]),
    at_most=st.sampled_from([{}, {"read_at": 2.0}, {"stage": "s1"}]),
    at_least=st.sampled_from([{}, {"seen": 1}, {"stage": "s2"}]),
    above=st.sampled_from([{}, {"seen": 1}]),
)
orders = st.sampled_from([("id",), ("stage", "id"), ("-stage", "id"), ("-seen", "-id")])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=rows_of, more=rows_of, where=wheres, order=orders, limit=st.sampled_from([None, 1, 3]))
def test_every_ledger_answers_alike(
    tmp_path: Path,
    rows: list[Known],
    more: list[Known],
    where: Where,
    order: tuple[str, ...],
    limit: int | None,
) -> None:
    """Memory, SQLite and an overlay on either: put, set, delete, find, count."""
    answers = []
    database = tmp_path / "l.sqlite"
    database.unlink(missing_ok=True)
    for ledger in (MemoryLedger(), SqliteLedger(database)):
        for top in (ledger, OverlayLedger(ledger)):
            with top.transaction() as txn:
                txn.delete(Known, Where())
                txn.put(rows)
            with top.transaction() as txn:
                _ = txn.put_unless_newer(more, "read_at")
                found = txn.find(Known, where, order=order, limit=limit)
                counted = txn.count(Known, where)
                txn.set(Known, where, seen=9)
                changed = txn.find(Known, Where(), order=("id",))
                txn.delete(Known, where)
                left = txn.find(Known, Where(), order=("id",))
            answers.append((found, counted, changed, left))
        ledger.close()
    for suffix in ("", "-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    assert all(answer == answers[0] for answer in answers)


def test_an_overlay_leaves_what_is_below_alone() -> None:
    below = MemoryLedger()
    below.do(lambda txn: txn.put([known("1"), known("2")]))
    above = OverlayLedger(below)
    above.do(lambda txn: txn.put([known("3")]))
    above.do(lambda txn: txn.delete(Known, Where(equal={"id": "1"})))
    assert [r.id for r in above.look(lambda txn: txn.find(Known, Where(), order=("id",)))] == ["2", "3"]
    assert [r.id for r in below.look(lambda txn: txn.find(Known, Where(), order=("id",)))] == ["1", "2"]


# --- SQLite alone --------------------------------------------------------------------------------


def test_the_schema_has_the_columns_of_the_rows(tmp_path: Path) -> None:
    SqliteLedger(tmp_path / "l.sqlite").close()
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        for row_type in ROWS:
            found = database.execute(f"PRAGMA table_info({row_type.TABLE})").fetchall()
            assert [column[1] for column in found] == list(row_type.columns())
            keys = [c[1] for c in sorted(found, key=lambda c: c[5]) if c[5]]
            assert keys == list(row_type.columns()[: row_type.KEY])


@pytest.mark.parametrize("number", [n for n, _ in migrations()])
def test_a_database_of_every_earlier_schema_is_brought_up(number: int, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as database:
        for step, text in migrations():
            if step <= number:
                database.executescript(f"{text}\nPRAGMA user_version={step};")
        database.execute(
            "INSERT INTO quarantined (connection, kind, id, path, why, first_at, last_at, times)"
            " VALUES ('acme', 'application', '1', 'p', 'w', 1, 1, 1)"
        )
        database.commit()
    ledger = SqliteLedger(path)
    assert ledger.look(lambda txn: txn.get(Quarantined, "acme", "application", "1")) is not None
    ledger.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (migrations()[-1][0],)


def test_a_ledger_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        database.execute("PRAGMA user_version=999")
    with pytest.raises(LedgerError, match="newer"):
        SqliteLedger(tmp_path / "l.sqlite")


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "l.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError):
        SqliteLedger(tmp_path / "l.sqlite")


def test_no_step_of_a_write_walks_all_that_a_connection_ever_wrote(tmp_path: Path) -> None:
    """Without the statistics of the third migration the planner takes the connection for a good key."""
    ledger = SqliteLedger(tmp_path / "l.sqlite")
    ledger.close()
    mine = {"connection": "acme", "application": "1"}
    open_ones = ["pending", "leased", "in_flight", "settling"]
    asked: list[str] = []
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        database.set_trace_callback(asked.append)
        txn = SqliteTxn(database, tmp_path)
        txn.find(IntentRow, Where(equal={**mine, "event_id": "e"}), order=("part",))
        txn.find(IntentRow, Where(equal=mine, among={"state": open_ones}), order=("number", "part"), limit=1)
        txn.find(IntentRow, Where(equal={"connection": "acme"}, among={"state": open_ones}))
        txn.find(Update, Where(equal=mine), order=("number",))
        txn.find(Update, Where(equal={**mine, "waits_for": "e", "open": 1}), order=("number",))
        undelivered = {"connection": "acme", "delivered": 0, "open": 0}
        txn.find(Update, Where(equal=undelivered), order=("number",), limit=200)
        database.set_trace_callback(None)
        plans = [row[3] for text in asked for row in database.execute(f"EXPLAIN QUERY PLAN {text}")]
    searches = [plan for plan in plans if "TEMP B-TREE" not in plan]
    assert len(searches) == len(asked) == 6
    assert all("USING INDEX" in plan for plan in searches), searches


def test_what_one_ledger_wrote_another_reads(tmp_path: Path) -> None:
    one, other = SqliteLedger(tmp_path / "l.sqlite"), SqliteLedger(tmp_path / "l.sqlite")
    one.do(lambda txn: txn.put([Control(connection="acme", paused=1)]))
    row = other.look(lambda txn: txn.get(Control, "acme"))
    assert row is not None and row.paused == 1
    one.close()
    other.close()


def test_some_columns_of_many_are_what_the_whole_rows_hold(ledger: Ledger) -> None:
    rows = [known(str(n), read_at=float(n), deleted="deleted" if n % 3 == 0 else None) for n in range(1203)]
    ledger.do(lambda txn: txn.put(rows))
    ledger.do(lambda txn: txn.put([known("5", connection="other", digest=None)]))
    prefix, ids = ("acme", "application"), [str(n) for n in range(1, 1300, 2)]

    def look(columns: tuple[str, ...]) -> dict[str, tuple[object, ...]]:
        return ledger.look(lambda txn: txn.get_columns(Known, columns, prefix, ids))

    whole = ledger.look(lambda txn: txn.get_many(Known, prefix, ids))
    assert look(("digest", "deleted")) == {id: (row.digest, row.deleted) for id, row in whole.items()}
    assert look(("read_at",))["7"] == (7.0,) and len(whole) == 601
    assert ledger.look(lambda txn: txn.get_columns(Known, ("digest",), prefix, [])) == {}


def test_several_that_open_a_new_ledger_at_once_make_one(tmp_path: Path) -> None:
    def begin(number: int) -> int:
        ledger = SqliteLedger(tmp_path / "new.sqlite")
        ledger.do(lambda txn: txn.put([Control(connection=f"c{number}")]))
        ledger.close()
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(begin, range(8))) == list(range(8))
    ledger = SqliteLedger(tmp_path / "new.sqlite")
    assert ledger.look(lambda txn: txn.count(Control, Where())) == 8
    ledger.close()


def test_a_migration_that_fails_leaves_no_lock_behind(tmp_path: Path) -> None:
    path = tmp_path / "odd.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE lease (x)")
    with pytest.raises(LedgerError):
        SqliteLedger(path)
    with closing(sqlite3.connect(path, timeout=0.1)) as database:
        database.execute("DROP TABLE lease")
        database.commit()
    SqliteLedger(path).close()
