"""Our ledgers keep the contract, and what each has besides."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread, Timer
from typing import Any

import pytest

from atsbridge._sqlite import use_wal
from atsbridge.errors import LedgerError
from atsbridge.ledgers import sqlite
from atsbridge.ledgers._sql import migrations
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.ledgers.sqlite import SqliteLedger, SqliteTxn
from atsbridge.sync.ledger import ROWS, IntentRow, Known, Ledger, Quarantined, Update, Where
from atsbridge.sync.overlay import OverlayLedger
from atsbridge.testing import LedgerContract
from atsbridge.testing.contract.ledger import known


class TestMemoryLedger(LedgerContract):
    shared = False

    def make(self, folder: Path) -> Ledger:
        return MemoryLedger()


class TestSqliteLedger(LedgerContract):
    def make(self, folder: Path) -> Ledger:
        return SqliteLedger(folder / "ledger.sqlite")


class TestOverlayOnMemory(LedgerContract):
    shared = False

    def make(self, folder: Path) -> Ledger:
        return OverlayLedger(MemoryLedger())


class TestOverlayOnSqlite(LedgerContract):
    """What it holds itself, another does not see; and it writes nothing below."""

    shared = False

    def make(self, folder: Path) -> Ledger:
        return OverlayLedger(SqliteLedger(folder / "ledger.sqlite"))


def test_threads_on_one_ledger_wait_for_one_another_and_not_for_sqlite(tmp_path: Path) -> None:
    """Where SQLite itself waits for nobody, no thread is told that the database is locked."""

    def impatient(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, **{**kwargs, "timeout": 0.0})

    ledger, start = SqliteLedger(tmp_path / "l.sqlite", connect=impatient), Barrier(4)
    failures: list[Exception] = []

    def write(own: int) -> None:
        ledger.look(lambda txn: txn.count(Known, Where()))  # opens the thread's own connection
        _ = start.wait()
        try:
            for number in range(50):
                ledger.do(lambda txn, n=number: txn.put([known(f"{own}-{n}")]), durable=bool(number % 2))  # type: ignore[misc]
        except LedgerError as error:
            failures.append(error)

    threads = [Thread(target=write, args=(own,)) for own in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and ledger.look(lambda txn: txn.count(Known, Where())) == 200
    ledger.close()


def test_a_text_that_is_none_is_said_without_it(tmp_path: Path) -> None:
    with closing(SqliteLedger(tmp_path / "l.sqlite")) as ledger:
        with pytest.raises(LedgerError, match="none in Unicode") as caught:
            ledger.do(lambda txn: txn.put([known("\ud800 Jo")]))
        assert "Jo" not in f"{caught.value!r}{caught.value.__context__!r}{caught.value.__cause__!r}"
        with pytest.raises(LedgerError, match="none in Unicode"):
            ledger.look(lambda txn: txn.find(Known, Where(equal={"id": "\ud800"})))


def test_a_transaction_in_a_transaction_fails_and_hangs_nobody(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.sqlite")
    with pytest.raises(LedgerError, match="within a transaction"):
        ledger.do(lambda _txn: ledger.do(lambda txn: txn.put([known("1")])))
    ledger.do(lambda txn: txn.put([known("2")]))
    ledger.close()


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


@pytest.mark.parametrize("number", [n for n, _ in migrations("sqlite")])
def test_a_database_of_every_earlier_schema_is_brought_up(number: int, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as database:
        for step, text in migrations("sqlite"):
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
        assert database.execute("PRAGMA user_version").fetchone() == (migrations("sqlite")[-1][0],)


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


@pytest.mark.parametrize("id", ["1", "2"])
def test_a_row_that_cannot_be_read_is_an_error_of_ours_and_not_repeated(id: str, tmp_path: Path) -> None:
    """Python tells of bytes that are no text by repeating them."""
    ledger = SqliteLedger(tmp_path / "l.sqlite")
    ledger.do(lambda txn: txn.put([known("1"), known("2")]))
    with closing(sqlite3.connect(tmp_path / "l.sqlite")) as database:
        database.execute("UPDATE known SET stage = CAST(x'68756e746572ff' AS TEXT) WHERE id = ?", [id])
        database.commit()
    for run in (ledger.look, ledger.do):
        with pytest.raises(LedgerError, match="SQLite says: OperationalError") as caught:
            run(lambda txn: txn.find(Known, Where()))
        assert "hunter" not in f"{caught.value} {caught.value.__context__}"
    ledger.close()


def test_an_emptied_ledger_is_not_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a wrong mount: the changes that were taken in would be lost in silence."""
    monkeypatch.setattr(sqlite, "_BEING_MADE_SECONDS", 0.1)
    file = tmp_path / "ledger.sqlite"
    SqliteLedger(file).close()
    file.write_bytes(b"")
    with pytest.raises(LedgerError, match="is an empty file") as told:
        SqliteLedger(file)
    assert "backup" in told.value.advice and not file.stat().st_size


def test_one_that_another_process_is_making_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    file.touch()
    made = Timer(0.2, _make, (file,))
    made.start()
    SqliteLedger(file).close()
    made.join()


def _make(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        use_wal(database, 1.0)
