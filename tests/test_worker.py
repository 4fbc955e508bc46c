"""`Worker`: what is due runs, the longest waiting of all connections first, whatever became of the last."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, field

from atsbridge.errors import LedgerError, LedgerUnavailable, Unauthorized
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.sync.ledger import Turn, Where
from atsbridge.worker import Ran, Schedule, Worker


class Clock:
    boot = "b"
    value = 100.0

    def now(self) -> float:
        return self.value


@define(eq=False)
class Connection:
    """A bridge of which the worker sees no more than this."""

    connection: str
    ledger: MemoryLedger
    took: list[str] = field(factory=list)
    fails: Exception | None = None
    bounds: list[dict[str, float]] = field(factory=list)
    unfinished: bool = False
    seconds: float = 0.0

    def __getattr__(self, verb: str) -> Any:
        def run(**how: float) -> Any:
            self.took.append(verb)
            self.ledger.clock.value += self.seconds  # type: ignore[attr-defined]
            self.bounds.append(how)
            if self.fails:
                raise self.fails
            return SimpleNamespace(unfinished=True) if self.unfinished else verb

        return run


def made(*names: str, **settings: Any) -> tuple[Worker, list[Ran], Clock]:
    clock, said = Clock(), list[Ran]()
    ledger = MemoryLedger(clock=clock)
    bridges: Any = [Connection(name, ledger) for name in names]
    return Worker(bridges, tell=said.append, **settings), said, clock


def turns(said: list[Ran]) -> list[tuple[str, str]]:
    told = [(ran.connection, ran.verb) for ran in said]
    said.clear()
    return told


def test_connections_take_turns() -> None:
    worker, said, clock = made("acme", "globex", schedule=Schedule(push=10.0, pull=30.0))
    worker.once()
    assert sorted(turns(said)) == [("acme", "pull"), ("acme", "push"), ("globex", "pull"), ("globex", "push")]
    clock.value += 10.0
    worker.once()
    assert turns(said) == [("acme", "push"), ("globex", "push")]
    assert worker.step().wait_seconds == 10.0
    clock.value += 25.0
    worker.once()
    # Push has been due for 15 seconds, pull for five.
    assert turns(said)[:2] == [("acme", "push"), ("globex", "push")]


def test_a_connection_with_much_to_do_keeps_nobody_waiting() -> None:
    worker, said, _ = made("acme", "globex", schedule=Schedule(push=10.0, pull=None), most_seconds=7.0)
    worker.bridges[0].unfinished, worker.bridges[0].seconds = True, 7.0  # type: ignore[attr-defined]
    for _ in range(4):
        _ = worker.step()
    # At first there is nobody else who waits: it goes on, and on.
    assert turns(said) == [("acme", "push"), ("globex", "push"), ("acme", "push"), ("acme", "push")]
    for _ in range(4):
        _ = worker.step()
    assert turns(said)[:2] == [("globex", "push"), ("acme", "push")]
    assert worker.bridges[0].bounds == [{"most_seconds": 7.0}] * 5  # type: ignore[attr-defined]


def test_once_goes_on_until_all_is_done() -> None:
    worker, said, _ = made("acme", "globex", schedule=Schedule(push=10.0, pull=None))
    slow: Any = worker.bridges[0]
    slow.unfinished, slow.seconds = True, 7.0

    def tell(ran: Ran) -> None:
        said.append(ran)
        slow.unfinished = len(slow.took) < 2

    worker.tell = tell
    worker.once()
    assert turns(said) == [("acme", "push"), ("globex", "push"), ("acme", "push"), ("acme", "push")]


def test_two_workers_share_the_turns() -> None:
    one, said, _ = made("acme")
    other = Worker(one.bridges, tell=said.append)
    for worker in (one, other):
        worker.once()
    assert sorted(turns(said)) == [("acme", "pull"), ("acme", "push")]


def test_an_error_is_told_and_the_next_turn_comes() -> None:
    worker, said, clock = made("acme", "globex", schedule=Schedule(pull=None))
    worker.bridges[0].fails = Unauthorized(vendor="v")  # type: ignore[attr-defined]
    worker.once()
    assert [(type(ran.error), ran.report) for ran in said] == [(Unauthorized, None), (type(None), "push")]
    assert turns(said) == [("acme", "push"), ("globex", "push")]
    clock.value += 10.0
    worker.once()
    assert turns(said) == [("acme", "push"), ("globex", "push")]


def test_a_ledger_that_is_down_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, said, _ = made("acme", schedule=Schedule(pull=None))
    broken: Any = Connection("globex", MemoryLedger())

    @contextmanager
    def down(**_: Any) -> Any:
        raise LedgerUnavailable
        yield

    broken.ledger.transaction = down
    both = Worker([broken, *worker.bridges], tell=said.append, schedule=Schedule(pull=None))
    for _ in range(3):
        both.step()
    assert turns(said) == [("globex", "worker"), ("acme", "push")]  # told once, then left alone for a while


@pytest.mark.parametrize("error", [LedgerUnavailable, LedgerError])
def test_a_ledger_that_fails_again_and_again_is_looked_at_less_and_less(
    error: type[LedgerError], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look may take half a minute, in which nobody else's turn comes."""
    now, broken = [0.0], Connection("globex", MemoryLedger())
    monkeypatch.setattr("atsbridge.worker.time.monotonic", lambda: now[0])

    @contextmanager
    def down(**_: Any) -> Any:
        raise error
        yield

    monkeypatch.setattr(broken.ledger, "transaction", down)
    said: list[Ran] = []
    worker = Worker([broken], tell=said.append)  # type: ignore[list-item]
    looked = []
    while now[0] < 300:
        worker.step()
        if said:
            looked.append(now[0])
            said.clear()
        now[0] += 1.0
    assert looked == [0.0, 5.0, 15.0, 35.0, 75.0, 135.0, 195.0, 255.0]
    for _ in range(1100):  # and so for the better part of a day
        now[0] += 60.0
        worker.step()
    assert len(said) == 1100


@pytest.mark.parametrize("call", ["transaction", "snapshot"])
def test_what_goes_wrong_with_one_ledger_ends_no_other_connections_turns(call: str) -> None:
    """Such as a right that was taken away: at the look, at taking the turn, at putting it off."""
    worker, said, _ = made("acme", schedule=Schedule(pull=None))
    broken: Any = Connection("globex", MemoryLedger(clock=Clock()), unfinished=True)
    both = Worker([broken, *worker.bridges], tell=said.append, schedule=Schedule(pull=None))

    @contextmanager
    def refused(**_: Any) -> Any:
        raise LedgerError("permission denied")
        yield

    both.step()
    assert turns(said) == [("globex", "push")]
    setattr(broken.ledger, call, refused)
    for _ in range(3):
        both.step()
    assert sorted(turns(said)) == [("acme", "push"), ("globex", "worker")]


def test_turns_that_somebody_has_taken_out_are_put_in_again() -> None:
    worker, said, clock = made("acme", schedule=Schedule(pull=None))
    worker.once()
    worker.bridges[0].ledger.do(lambda txn: txn.delete(Turn, Where()))
    clock.value += 10.0
    worker.step()
    worker.once()
    assert turns(said) == [("acme", "push"), ("acme", "push")]


def test_a_fault_that_nobody_had_foreseen_is_told_and_ends_nobody_else() -> None:
    worker, said, _ = made("acme", "globex", schedule=Schedule(pull=None))

    worker.bridges[0].fails = ValueError("Jo Doe's number is none")  # type: ignore[attr-defined]
    worker.once()
    (failed, fine) = said
    assert "ValueError" in str(failed.error) and "Jo Doe" not in str(failed.error)
    assert (fine.connection, fine.report) == ("globex", "push")


def test_nothing_of_what_never_runs() -> None:
    worker, said, _ = made("acme", schedule=Schedule(push=None, pull=None, sweep=None, verify=None))
    worker.once()
    assert said == [] and worker.step().wait_seconds > 0


def test_it_works_until_it_is_stopped() -> None:
    worker, said, _ = made("acme")
    stop = threading.Event()
    running = threading.Thread(target=worker.run, args=(stop,))
    running.start()
    until = time.monotonic() + 20
    while len(said) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    stop.set()
    running.join(20)
    assert not running.is_alive() and sorted(turns(said)) == [("acme", "pull"), ("acme", "push")]
