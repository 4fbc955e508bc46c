"""Fifty connections, and a vendor that has had enough: how often they ask it, and that all end."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from attrs import define, evolve, field

from atsbridge import Bridge, Tuning
from atsbridge.crm.sql import SqlCrm
from atsbridge.errors import Unavailable
from atsbridge.ledgers.memory import MemoryLedger
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.sync.inbound import pull
from atsbridge.testing import Account, VirtualTime
from atsbridge.testing.direct import Respond
from atsbridge.wire import client as wire_client
from atsbridge.wire.effects import Failed, Flow, Purpose, perform, sleep, together
from atsbridge.wire.retry import Retry

CONNECTIONS = 50
STORM_SECONDS = 600.0
LONG_SECONDS = 1800
AGAIN_SECONDS = 60.0
"""After which a worker takes up what was put off."""
RETRY = Retry()


def told(*headers: tuple[str, str]) -> SimResponse:
    return SimResponse(429, (("Content-Type", "application/json"), *headers), b"{}")


def _in_twenty_seconds(time: VirtualTime) -> SimResponse:
    return told(("Retry-After", format_datetime(time.wall() + timedelta(seconds=20), usegmt=True)))


REFUSALS: dict[str, Callable[[VirtualTime], SimResponse]] = {
    "in seconds": lambda _time: told(("Retry-After", "20")),
    "as a date": _in_twenty_seconds,
    "without a word": lambda _time: told(),
    "for half an hour": lambda _time: told(("Retry-After", str(LONG_SECONDS))),
}


@define
class Crowd:
    """Fifty bridges on one vendor and one clock, each with a ledger and a CRM of its own."""

    account: Account
    bridges: list[Bridge]
    done: dict[str, float] = field(factory=dict)
    runs: dict[str, int] = field(factory=dict)

    @property
    def time(self) -> VirtualTime:
        return self.account.time

    def work(self) -> None:
        """Each pulls, and again later, until it has come to its end."""
        flow = together([self._keep_on(bridge) for bridge in self.bridges], CONNECTIONS)
        for outcome in self.account.driver.run(flow):
            if isinstance(outcome, Failed):
                raise outcome.error

    def _keep_on(self, bridge: Bridge) -> Flow[None]:
        began, name = self.time.seconds, bridge.connection
        while name not in self.done:
            ctx = bridge._begin()
            (outcome,) = yield from together([pull(ctx)], 1)
            yield from perform(lambda: bridge._end(ctx))
            self.runs[name] = self.runs.get(name, 0) + 1
            if not isinstance(outcome, Failed):
                self.done[name] = self.time.seconds - began
            elif isinstance(outcome.error, Unavailable):
                yield from sleep(AGAIN_SECONDS)
            else:
                raise outcome.error

    def requests(self) -> dict[str, int]:
        return {bridge.connection: bridge.client.requests for bridge in self.bridges}


@pytest.fixture
def storm() -> Iterator[Crowd]:
    with gathered(CONNECTIONS) as crowd:
        yield crowd


@pytest.fixture
def usual() -> int:
    """The requests that one of them makes where nothing is in its way."""
    with gathered(1) as alone:
        alone.work()
    (usual,) = alone.requests().values()
    return usual


@contextmanager
def gathered(count: int) -> Iterator[Crowd]:
    with ExitStack() as stack:
        yield _gathered(count, stack)


def _gathered(count: int, stack: ExitStack) -> Crowd:
    account = Account.open("lever", applications=12)
    bridges: list[Bridge] = []
    for number in range(count):
        ats: Any = account.ats
        crm = stack.enter_context(SqlCrm(":memory:"))
        made = Bridge(
            ats=evolve(ats, connection=f"c{number}"), crm=crm, ledger=MemoryLedger(clock=account.time),
            mapping=account.mapping, tuning=Tuning(), driver=lambda _guard: account.driver,
            now=account.time.wall, clock=account.time.now,
        )  # fmt: skip
        made.client.random = made.client._retries.random = random.Random(number).random
        bridges.append(made)
    return Crowd(account, bridges)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long anybody waited for the vendor's sake."""
    noted: list[float] = []

    def noting(seconds: float) -> Flow[None]:
        noted.append(seconds)
        yield from sleep(seconds)

    monkeypatch.setattr(wire_client, "sleep", noting)
    return noted


def is_bounded(storm: Crowd, usual: int) -> None:
    """For each: a tenth more than usual, the retries in reserve, and one try for each run that began."""
    for name, made in storm.requests().items():
        assert made <= 1.1 * usual + RETRY.reserve + storm.runs[name], name
    for bridge in storm.bridges:
        views = bridge.crm.applications()  # type: ignore[attr-defined]
        assert {v.ref.id: v.confirmed.stage for v in views} == {
            id: now.stage for id, now in storm.account.truth().items()
        }


@pytest.mark.parametrize("how", REFUSALS)
def test_minutes_of_429_are_not_fed_and_all_come_to_an_end(
    how: str, storm: Crowd, usual: int, sleeps: list[float]
) -> None:
    over = storm.time.seconds + STORM_SECONDS

    def refuse(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        return REFUSALS[how](storm.time) if storm.time.seconds < over else respond(asked)

    storm.account.driver.meddle = refuse
    storm.work()
    assert len(storm.done) == CONNECTIONS
    # A wait that the vendor asks for is kept, with a moment more.
    assert max(sleeps, default=0.0) <= RETRY.cap_seconds + RETRY.base_seconds
    is_bounded(storm, usual)
    last = STORM_SECONDS + (LONG_SECONDS if how == "for half an hour" else 0)
    assert max(storm.done.values()) <= last + 2 * AGAIN_SECONDS + RETRY.cap_seconds


def test_a_vendor_that_serves_a_few_a_second_starves_nobody(
    storm: Crowd, usual: int, sleeps: list[float]
) -> None:
    """Ten a second among fifty: whoever comes when they are used up is told to come again."""
    served: deque[float] = deque(maxlen=10)

    def ration(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        now = storm.time.seconds
        if len(served) == served.maxlen and now - served[0] < 1.0:
            return told(("Retry-After", "1"))
        served.append(now)
        return respond(asked)

    storm.account.driver.request_seconds = 0.01
    storm.account.driver.meddle = ration
    storm.work()
    assert len(storm.done) == CONNECTIONS
    assert 0 < max(sleeps) <= RETRY.cap_seconds + RETRY.base_seconds
    is_bounded(storm, usual)
    # Whoever is told to come again gets its turn: nobody has to begin over and over.
    assert max(storm.runs.values()) <= CONNECTIONS // 2


def test_processes_on_one_ledger_keep_the_limit_together() -> None:
    """Lever's ten a second and twenty at once are the account's, and not each process's."""
    with ExitStack() as stack:
        account = Account.open("lever", applications=12)
        ledger, left = MemoryLedger(clock=account.time), list[float]()
        refs = [account.ref(id) for id in account.truth()]

        def note(asked: SimRequest, respond: Respond, _purpose: Purpose) -> Any:
            left.append(account.time.seconds)
            return respond(asked)

        account.driver.meddle, account.driver.request_seconds = note, 0.0
        flows: list[Flow[None]] = []
        for _ in range(3):
            bridge = Bridge(
                ats=account.ats, crm=stack.enter_context(SqlCrm(":memory:")), ledger=ledger,
                mapping=account.mapping, tuning=Tuning(), driver=lambda _guard: account.driver,
                now=account.time.wall, clock=account.time.now,
            )  # fmt: skip
            flows += [_read(bridge, ref) for ref in refs]
        outcomes = account.driver.run(together(flows, len(flows)))
    assert not any(isinstance(outcome, Failed) for outcome in outcomes) and len(left) >= 36
    for at, begun in enumerate(left):
        for number, ended in enumerate(left[at:], 1):
            assert number <= 20 + 10 * (ended - begun) + 1 + 1e-6


def _read(bridge: Bridge, ref: Any) -> Flow[None]:
    _ = yield from bridge._begin().read_application(ref)
