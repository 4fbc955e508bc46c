"""The driver for ordinary code: a flow runs on the thread that asks for it."""

from __future__ import annotations

import heapq
import inspect
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from attrs import define, field

from ..errors import NoAnswer, UnsupportedPair
from ..wire.effects import Await, Done, Failed, Flow, Perform, Permit, Purpose, Request, Response, Send, Sleep
from .interrupts import Keeping
from .scheduler import Job, Result, Run, Scheduler
from .tracebacks import without_locals

T = TypeVar("T")


class Exchanges(Protocol):
    """What the driver needs of a wire; `drivers._httpx.SyncWire` is one."""

    def exchange(self, request: Request, permit: Permit | None = None) -> Response: ...

    def close(self) -> None: ...


def perform(effect: Perform[object]) -> Result:
    """Do a Perform. What it gives must be the value itself, never something to await."""
    try:
        value = effect.action()
    except Exception as error:
        return Failed(error)
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        refusal = "a Perform gave an awaitable: coroutines need the async bridge and Await"
        return Failed(UnsupportedPair(refusal))
    return Done(value)


def broken_off() -> Failed:
    """What a flow is told that may still keep what it has, and ask for nothing more."""
    return Failed(NoAnswer("the run was ended before this was asked", sent=False))


class SyncDriver:
    """Runs flows; every generator and every Perform stays on the calling thread.

    Only requests use threads of their own, at most ``width`` at a time; a read
    that is alone is sent from the calling thread, for the price of a function
    call. Several threads may run flows on one driver; each has its own `Once`s.

    Args:
        wire: sends the requests; closed with the driver.
    """

    def __init__(self, wire: Exchanges, *, width: int = 16) -> None:
        self._wire = wire
        self.pool = ThreadPoolExecutor(width, thread_name_prefix="atsbridge")  # makes threads when needed

    def run(self, flow: Flow[T]) -> T:
        """The flow's value, or its error.

        On KeyboardInterrupt the requests already on the wire are awaited up to
        their deadline, then every flow is closed. What a `Once` is doing gets its
        answer and may keep it before. While a token is asked for the interrupt,
        and any after it, is held back until the token is saved (`Keeping`).
        """
        session = _Session(self)
        try:
            run = session.finish(flow)
        except BaseException:
            session.abandon()
            raise
        outcome = run.outcome
        if isinstance(outcome, Failed):
            raise without_locals(outcome.error)
        assert outcome is not None  # noqa: S101 - `finish` returns when it is there
        return outcome.value  # type: ignore[no-any-return]

    def exchange(self, effect: Request | Send) -> Result:
        try:
            if isinstance(effect, Send):
                return Done(self._wire.exchange(effect.request, effect.permit))
            return Done(self._wire.exchange(effect))
        except Exception as error:
            return Failed(error)

    def close(self) -> None:
        self.pool.shutdown(wait=True)
        self._wire.close()


@define(eq=False)
class _Session:
    """One call of `SyncDriver.run`: the jobs that wait for their turn, an answer or a time."""

    driver: SyncDriver
    scheduler: Scheduler = field(factory=Scheduler)
    keeping: Keeping = field(factory=Keeping)
    ready: deque[Job] = field(factory=deque)
    arrived: SimpleQueue[tuple[int, Result | BaseException]] = field(factory=SimpleQueue)
    flying: int = 0
    sleeping: list[tuple[float, int]] = field(factory=list)
    gate: threading.Condition = field(factory=threading.Condition)
    on_wire: int = 0
    abandoned: bool = False

    def finish(self, flow: Flow[T]) -> Run:
        run, jobs = self.scheduler.start(flow)
        self.keeping.follow(jobs)
        self.ready.extend(jobs)
        while run.outcome is None:
            if self.ready:
                # Whoever's answer is there gets its turn first: an fsync that they share comes after all.
                while not self.arrived.empty():
                    self.wait()
                self.do(self.ready.popleft())
            elif self.scheduler.stalled:
                raise RuntimeError("flows wait for each other; a Once asks for its own key")
            else:
                self.wait()
        return run

    def do(self, job: Job) -> None:
        effect = job.effect
        if isinstance(effect, Perform):
            self.resume(job.ticket, perform(effect))
        elif isinstance(effect, Sleep):
            heapq.heappush(self.sleeping, (time.monotonic() + effect.seconds, job.ticket))
        elif isinstance(effect, Await):
            refusal = "coroutines need the async bridge: this one runs without an event loop"
            self.resume(job.ticket, Failed(UnsupportedPair(refusal)))
        elif self.is_alone(effect):
            self.resume(job.ticket, self.driver.exchange(effect))
        else:
            self.submit(job.ticket, effect)

    def is_alone(self, effect: Request | Send) -> bool:
        """Whether nothing else could be done meanwhile.

        Writes and token requests never go this way: they must not be cut off by a Ctrl-C.
        """
        if isinstance(effect, Send) or effect.purpose is not Purpose.READ:
            return False
        return not (self.ready or self.flying or self.sleeping)

    def submit(self, ticket: int, effect: Request | Send) -> None:
        self.flying += 1
        self.driver.pool.submit(self.fly, ticket, effect)

    def fly(self, ticket: int, effect: Request | Send) -> None:
        """On a thread of the pool: send, unless the run has been given up by then."""
        with self.gate:
            if self.abandoned:
                return
            self.on_wire += 1
        outcome: Result | BaseException
        try:
            outcome = self.driver.exchange(effect)
        except BaseException as error:
            outcome = error
        with self.gate:
            self.on_wire -= 1
            self.gate.notify_all()
        self.arrived.put((ticket, outcome))

    def wait(self) -> None:
        """Until the next answer or the next sleeper's time."""
        timeout = max(0.0, self.sleeping[0][0] - time.monotonic()) if self.sleeping else None
        try:
            ticket, outcome = self.arrived.get(timeout=timeout)
        except Empty:
            _, ticket = heapq.heappop(self.sleeping)
            self.resume(ticket, Done(None))
        else:
            self.flying -= 1
            if isinstance(outcome, BaseException):
                raise outcome
            self.resume(ticket, outcome)

    def resume(self, ticket: int, outcome: Result) -> None:
        jobs = self.scheduler.resume(ticket, outcome)
        self.keeping.follow(jobs, after=ticket)
        self.ready.extend(jobs)
        self.keeping.let_through()

    def abandon(self) -> None:
        """Send nothing more, await what was sent, let each `Once` keep what it got, close the flows."""
        # What is on the wire is counted by the threads that send: a KeyboardInterrupt may come
        # between handing a request over and noting that here.
        try:
            with self.gate:
                self.abandoned = True
                self.gate.wait_for(lambda: not self.on_wire)
            answers = dict(self.arrived.get() for _ in range(self.arrived.qsize()))
            for ticket in self.scheduler.detach_all():
                self.see_through(ticket, answers.get(ticket))
        finally:
            try:
                self.scheduler.close()
            finally:
                self.keeping.end()

    def see_through(self, ticket: int, outcome: Result | BaseException | None) -> None:
        """Let a flow go on by Performs alone; whatever else it wants is broken off."""
        if not isinstance(outcome, (Done, Failed)):
            outcome = broken_off()
        for job in self.scheduler.resume(ticket, outcome):
            self.see_through(job.ticket, perform(job.effect) if isinstance(job.effect, Perform) else None)
