"""`LedgerContract`: what every ledger has to do with rows, as tests that a plugin inherits.

::

    from atsbridge.testing import LedgerContract

    class TestPostgresLedger(LedgerContract):
        def make(self, folder):
            return PostgresLedger(DSN, schema=folder.name)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ...ledgers.memory import MemoryLedger
from ...sync.ledger import Control, Known, Ledger, Turn, Where

PREFIX = ("acme", "application")


def known(id: str, *, read_at: float = 1.0, connection: str = "acme", **changes: Any) -> Known:
    row = Known(connection=connection, kind="application", id=id, digest=b"\x00\xff", read_at=read_at)
    return evolve(row, **changes)


_row = st.builds(
    known,
    st.sampled_from("abcdef"),
    read_at=st.sampled_from([1.0, 2.0, 3.0]),
    stage=st.sampled_from([None, "s1", "s2"]),
    seen=st.integers(0, 3),
)
_rows = st.lists(_row, max_size=8)
_more = st.lists(_row, max_size=8, unique_by=lambda row: row.id)
_wheres = st.builds(
    Where,
    equal=st.sampled_from([{}, {"stage": None}, {"stage": "s1"}]),
    among=st.sampled_from([{}, {"stage": ["s1", "s2"]}, {"id": ["a", "b"]}]),
    at_most=st.sampled_from([{}, {"read_at": 2.0}, {"stage": "s1"}]),
    at_least=st.sampled_from([{}, {"seen": 1}, {"stage": "s2"}]),
    above=st.sampled_from([{}, {"seen": 1}]),
)
_orders = st.sampled_from([("id",), ("stage", "id"), ("-stage", "id"), ("-seen", "-id")])


class LedgerContract:
    """See the module.

    Attributes:
        shared: whether what one opening of a place commits, another one sees; a memory's is its own.
    """

    shared: ClassVar[bool] = True

    def make(self, folder: Path) -> Ledger:
        """Open the ledger of this place; made where it is not there."""
        raise NotImplementedError

    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        made = self.make(tmp_path)
        yield made
        made.close()

    # -- rows --

    def test_a_row_comes_back_as_it_was(self, ledger: Ledger) -> None:
        row = known("1", stage="s", content="{}", delivery=7)
        ledger.do(lambda txn: txn.put([row]))
        assert ledger.look(lambda txn: txn.get(Known, *PREFIX, "1")) == row
        assert ledger.look(lambda txn: txn.get(Known, *PREFIX, "2")) is None

    @pytest.mark.parametrize(
        "text", ["", "é", "\U0001f600", "a'b\"c\\", "a\nb", "%_", "a\0b\x1a0\x1a", "x" * 100_000]
    )
    def test_text_of_any_kind_comes_back(self, ledger: Ledger, text: str) -> None:
        row = known(text or "-", stage=text, content=text)
        ledger.do(lambda txn: txn.put([row]))
        assert ledger.look(lambda txn: txn.find(Known, Where(equal={"stage": text}))) == [row]

    @pytest.mark.parametrize("value", [0.0, 1.5, 1_764_000_000.123456, -1.0])
    def test_times_come_back_to_the_last_digit(self, ledger: Ledger, value: float) -> None:
        ledger.do(lambda txn: txn.put([known("1", read_at=value)]))
        assert ledger.look(lambda txn: txn.get(Known, *PREFIX, "1")) == known("1", read_at=value)

    def test_the_same_id_of_another_connection_is_another_row(self, ledger: Ledger) -> None:
        other = known("1", connection="other", stage="x")
        ledger.do(lambda txn: txn.put([known("1"), other]))
        ledger.do(lambda txn: txn.set(Known, Where(equal={"connection": "acme"}), stage="y"))
        assert ledger.look(lambda txn: txn.get(Known, "other", "application", "1")) == other

    @pytest.mark.parametrize("there, new, kept", [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (1.0, 1.0, 1.0)])
    def test_the_newest_stays_and_what_it_beats_is_told(
        self, ledger: Ledger, there: float, new: float, kept: float
    ) -> None:
        row, other = known("1", read_at=new, stage="new"), known("2", read_at=0.5)
        held = evolve(row, read_at=there, stage="there")
        assert ledger.do(lambda txn: txn.put_unless_newer([held], "read_at")) == []
        beaten = ledger.do(lambda txn: txn.put_unless_newer([row, other], "read_at"))
        assert beaten == ([row] if there > new else [])
        assert ledger.look(lambda txn: txn.get(Known, *PREFIX, "2")) == other
        left = ledger.look(lambda txn: txn.get(Known, *PREFIX, "1"))
        assert left is not None and left.read_at == kept
        assert left.stage == ("there" if there > new else "new")

    def test_many_are_found_by_their_keys(self, ledger: Ledger) -> None:
        ledger.do(lambda txn: txn.put([known(str(n)) for n in range(1200)]))
        ids = [str(n) for n in range(0, 2400, 2)]
        found = ledger.look(lambda txn: txn.get_many(Known, PREFIX, ids))
        assert sorted(found, key=int) == [str(n) for n in range(0, 1200, 2)]
        assert ledger.look(lambda txn: txn.count(Known, Where(equal={"connection": "acme"}))) == 1200

    def test_some_columns_of_many_are_what_the_whole_rows_hold(self, ledger: Ledger) -> None:
        rows = [known(str(n), read_at=float(n), deleted="gone" if n % 3 == 0 else None) for n in range(1203)]
        ledger.do(lambda txn: txn.put([*rows, known("5", connection="other", digest=None)]))
        ids = [str(n) for n in range(1, 1300, 2)]

        def look(*columns: str) -> dict[str, tuple[object, ...]]:
            return ledger.look(lambda txn: txn.get_columns(Known, columns, PREFIX, ids))

        whole = ledger.look(lambda txn: txn.get_many(Known, PREFIX, ids))
        assert look("digest", "deleted") == {id: (row.digest, row.deleted) for id, row in whole.items()}
        assert look("read_at")["7"] == (7.0,) and len(whole) == 601
        assert ledger.look(lambda txn: txn.get_columns(Known, ("digest",), PREFIX, [])) == {}

    def test_a_limit_counts_in_the_asked_order(self, ledger: Ledger) -> None:
        stages = {"b": "s1", "a": None, "c": "s2", "d": None}
        ledger.do(lambda txn: txn.put([known(id, stage=stage) for id, stage in stages.items()]))

        def first(count: int, *order: str) -> list[str]:
            found = ledger.look(lambda txn: txn.find(Known, Where(), order=order, limit=count))
            return [row.id for row in found]

        assert first(2, "id") == ["a", "b"] and first(1, "-id") == ["d"]
        assert first(3, "stage", "id") == ["a", "d", "b"] and first(3, "-stage", "id") == ["c", "b", "a"]

    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
        deadline=None,
    )
    @given(rows=_rows, more=_more, where=_wheres, order=_orders, limit=st.sampled_from([None, 1, 3]))
    def test_it_answers_as_the_simplest_ledger_does(
        self,
        ledger: Ledger,
        rows: list[Known],
        more: list[Known],
        where: Where,
        order: tuple[str, ...],
        limit: int | None,
    ) -> None:
        """Put, set, delete, find and count, against dictionaries in memory."""
        answers = []
        for one in (ledger, MemoryLedger()):
            with one.transaction() as txn:
                txn.delete(Known, Where())
                txn.put(rows)
            with one.transaction() as txn:
                beaten = txn.put_unless_newer(more, "read_at")
                found = txn.find(Known, where, order=order, limit=limit)
                counted = txn.count(Known, where)
                txn.set(Known, where, seen=9)
                changed = txn.find(Known, Where(), order=("id",))
                txn.delete(Known, where)
                left = txn.find(Known, Where(), order=("id",))
            answers.append((sorted(r.id for r in beaten), found, counted, changed, left))
        assert answers[0] == answers[1]

    # -- transactions --

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_a_transaction_is_kept_whole_or_not_at_all(
        self, ledger: Ledger, error: type[BaseException]
    ) -> None:
        ledger.do(lambda txn: txn.put([known("1", stage="before")]))
        with pytest.raises(error), ledger.transaction() as txn:
            txn.put([known("1", stage="after"), known("2")])
            txn.delete(Known, Where(equal={"id": "1"}))
            raise error
        rows = ledger.look(lambda txn: txn.find(Known, Where()))
        assert [(r.id, r.stage) for r in rows] == [("1", "before")]

    def test_a_transaction_sees_what_it_has_done(self, ledger: Ledger) -> None:
        with ledger.transaction() as txn:
            txn.put([known("1")])
            txn.set(Known, Where(), stage="s")
            assert txn.get(Known, *PREFIX, "1") == known("1", stage="s")
            txn.delete(Known, Where(equal={"stage": "s"}))
            assert txn.count(Known, Where()) == 0

    def test_changes_of_several_threads_come_one_after_another(self, ledger: Ledger) -> None:
        def count() -> None:
            for _ in range(25):
                with ledger.transaction(durable=False) as txn:
                    row = txn.get(Control, "acme") or Control(connection="acme")
                    txn.put([evolve(row, next_delivery=row.next_delivery + 1)])

        first = Control(connection="acme").next_delivery
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(count) for _ in range(4)]:
                done.result()
        row = ledger.look(lambda txn: txn.get(Control, "acme"))
        assert row is not None and row.next_delivery == first + 100

    def test_nobody_claims_what_another_has(self, ledger: Ledger) -> None:
        turns = [Turn(connection="acme", verb=f"v{n}", due_at=0.0, boot="b") for n in range(40)]
        ledger.do(lambda txn: txn.put(turns))
        due = Where(at_most={"due_at": 1.0})

        def claim_all() -> list[str]:
            mine: list[str] = []
            for _ in range(500):
                with ledger.transaction(durable=False) as txn:
                    found = txn.claim(Turn, due, order=("due_at", "verb"), limit=1)
                    txn.put([evolve(turn, due_at=2.0) for turn in found])
                mine += [turn.verb for turn in found]
                if not found and not ledger.look(lambda txn: txn.count(Turn, due)):
                    break
            return mine

        with ThreadPoolExecutor(4) as pool:
            claimed = [done.result() for done in [pool.submit(claim_all) for _ in range(4)]]
        assert sorted(verb for mine in claimed for verb in mine) == sorted(turn.verb for turn in turns)

    def test_a_snapshot_shows_one_moment(self, ledger: Ledger) -> None:
        ledger.do(lambda txn: txn.put([known("1"), known("2")]))
        begun, ended = threading.Event(), threading.Event()

        def change() -> None:
            begun.wait(10)
            ledger.do(lambda txn: txn.set(Known, Where(), stage="later"), durable=False)
            ended.set()

        changing = threading.Thread(target=change)
        changing.start()
        with ledger.snapshot() as txn:
            before = txn.get(Known, *PREFIX, "1")
            begun.set()
            ended.wait(0.3)  # a ledger may make it wait; what is seen must not change
            assert txn.get(Known, *PREFIX, "2") == known("2") and before == known("1")
        changing.join()
        rows = ledger.look(lambda txn: txn.find(Known, Where()))
        assert {row.stage for row in rows} == {"later"}

    def test_its_clock_only_grows_within_one_boot(self, ledger: Ledger) -> None:
        times = [ledger.clock.now() for _ in range(100)]
        assert times == sorted(times)
        assert ledger.clock.boot and isinstance(ledger.clock.boot, str)

    # -- several openings of one place --

    @pytest.mark.parametrize("durable", [True, False])
    def test_what_was_committed_is_there_when_it_is_opened_again(self, tmp_path: Path, durable: bool) -> None:
        self._needs_shared()
        one = self.make(tmp_path)
        one.do(lambda txn: txn.put([known("1", stage="s")]), durable=durable)
        one.close()
        again = self.make(tmp_path)
        assert again.look(lambda txn: txn.get(Known, *PREFIX, "1")) == known("1", stage="s")
        again.close()

    def test_what_one_opening_commits_another_sees(self, tmp_path: Path) -> None:
        self._needs_shared()
        one, other = self.make(tmp_path), self.make(tmp_path)
        for paused in (1, 0):
            row = Control(connection="acme", paused=paused)
            one.do(lambda txn, row=row: txn.put([row]))  # type: ignore[misc]
            assert other.look(lambda txn: txn.get(Control, "acme")) == row
        assert one.clock.boot == other.clock.boot
        one.close()
        other.close()

    def test_several_that_open_a_new_place_at_once_make_one(self, tmp_path: Path) -> None:
        self._needs_shared()

        def begin(number: int) -> None:
            ledger = self.make(tmp_path)
            ledger.do(lambda txn: txn.put([Control(connection=f"c{number}")]))
            ledger.close()

        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(begin, number) for number in range(8)]:
                done.result()
        ledger = self.make(tmp_path)
        assert ledger.look(lambda txn: txn.count(Control, Where())) == 8
        ledger.close()

    def _needs_shared(self) -> None:
        if not self.shared:
            pytest.skip("this ledger forgets everything at its end")
