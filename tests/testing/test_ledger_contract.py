"""Ledgers with one fault each: the contract catches every one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from atsbridge.ledgers.memory import MemoryLedger, MemoryTxn
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.sync.ledger import Ledger, Row, Txn, Where
from atsbridge.testing import LedgerContract

from .contracts import failures

R = TypeVar("R", bound=Row)


class Faulty(MemoryLedger):
    """A memory whose transactions are of another class."""

    txn: ClassVar[type[MemoryTxn]]

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        with self._lock:
            txn = self.txn(self.tables)
            try:
                yield txn
            except BaseException:
                txn.undo()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        with self._lock:
            yield self.txn(self.tables)


def faulty(name: str, **methods: Callable[..., Any]) -> type[Ledger]:
    return type(name, (Faulty,), {"txn": type(f"{name}Txn", (MemoryTxn,), methods)})


def _last_wins(self: Txn, rows: Iterable[R], column: str) -> list[R]:
    self.put(rows)
    return []


def _silent(self: Txn, rows: Iterable[R], column: str) -> list[R]:
    _ = MemoryTxn.put_unless_newer(self, rows, column)  # type: ignore[arg-type]
    return []


def _beats_equal(self: Txn, rows: Iterable[R], column: str) -> list[R]:
    beaten = []
    for row in rows:
        held = self.get(type(row), *row.key)
        if held is not None and getattr(held, column) >= getattr(row, column):
            beaten.append(row)
        else:
            self.put([row])
    return beaten


def _unordered(
    self: Any, row_type: Any, where: Where, *, order: Sequence[str] = (), limit: Any = None
) -> Any:
    return MemoryTxn.find(self, row_type, where, limit=limit)


def _limit_first(
    self: Any, row_type: Any, where: Where, *, order: Sequence[str] = (), limit: Any = None
) -> Any:
    found = MemoryTxn.find(self, row_type, where, limit=limit)
    return [row for row in MemoryTxn.find(self, row_type, where, order=order) if row in found]


def _five_hundred(self: Any, row_type: Any, prefix: Any, last: Sequence[Any]) -> Any:
    return MemoryTxn.get_many(self, row_type, prefix, last[:500])


def _all_connections(self: Any, row_type: Any, where: Where, **values: Any) -> None:
    equal = {k: v for k, v in where.equal.items() if k != "connection"}
    MemoryTxn.set(self, row_type, Where(equal=equal, among=where.among), **values)


class KeepsHalf(MemoryLedger):
    """Undoes nothing."""

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        with self._lock:
            yield MemoryTxn(self.tables)


class UndoesErrorsAlone(MemoryLedger):
    """Keeps half where somebody pressed Ctrl-C."""

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        with self._lock:
            txn = MemoryTxn(self.tables)
            try:
                yield txn
            except Exception:
                txn.undo()
                raise


class Unlocked(MemoryLedger):
    """Lets threads into each other's transactions."""

    class _Slow(MemoryTxn):
        def put(self, rows: Iterable[Row]) -> None:
            time.sleep(0.001)
            super().put(rows)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
        yield self._Slow(self.tables)

    @contextmanager
    def snapshot(self) -> Iterator[Txn]:
        yield MemoryTxn(self.tables)


BAD: dict[str, tuple[type[Ledger], str]] = {
    "a put that never yields": (faulty("LastWins", put_unless_newer=_last_wins), "the_newest_stays"),
    "a put that does not say so": (faulty("Silent", put_unless_newer=_silent), "the_newest_stays"),
    "a put that yields to its equal": (
        faulty("BeatsEqual", put_unless_newer=_beats_equal),
        "the_newest_stays",
    ),
    "rows in no order": (faulty("Unordered", find=_unordered), "as_the_simplest"),
    "a limit before the order": (faulty("LimitFirst", find=_limit_first), "a_limit_counts"),
    "five hundred keys at most": (faulty("FiveHundred", get_many=_five_hundred), "many_are_found"),
    "a set for all connections": (faulty("AllConnections", set=_all_connections), "same_id_of_another"),
    "half a transaction": (KeepsHalf, "kept_whole"),
    "half a transaction after Ctrl-C": (UndoesErrorsAlone, "kept_whole"),
    "threads side by side": (Unlocked, "one_after_another"),
}


def faults(make: Callable[[Path], Ledger], folder: Path, *, shared: bool) -> set[str]:
    return failures(LedgerContract, folder, shared=shared, make=lambda _self, place: make(place))


@pytest.mark.parametrize("name", BAD)
def test_a_ledger_with_one_fault_is_caught(name: str, tmp_path: Path) -> None:
    made, word = BAD[name]
    failed = faults(lambda _folder: made(), tmp_path, shared=False)
    assert any(word in test for test in failed), (name, failed)


def test_a_ledger_that_forgets_what_was_not_durable_is_caught(tmp_path: Path) -> None:
    class Forgets(SqliteLedger):
        @contextmanager
        def transaction(self, *, durable: bool = True) -> Iterator[Txn]:
            with super().transaction(durable=durable) as txn:
                yield txn if durable else _Lost(txn)

    class _Lost:
        def __init__(self, txn: Txn) -> None:
            self._txn = txn

        def __getattr__(self, name: str) -> Any:
            return (lambda *_: None) if name == "put" else getattr(self._txn, name)

    failed = faults(lambda folder: Forgets(folder / "l.sqlite"), tmp_path, shared=True)
    assert "test_what_was_committed_is_there_when_it_is_opened_again" in failed


def test_a_good_one_has_no_fault(tmp_path: Path) -> None:
    assert faults(lambda _folder: MemoryLedger(), tmp_path / "a", shared=False) == set()
    assert faults(lambda folder: SqliteLedger(folder / "l"), tmp_path / "b", shared=True) == set()
