"""The driver for asyncio: requests are awaited, Performs have one thread of their own."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from attrs import frozen

from ..errors import CrmError
from ..wire.effects import Await, Done, Failed, Flow, Perform, Permit, Request, Response, Send, Sleep
from .interrupts import Keeping
from .scheduler import Job, Leaf, Result, Run, Scheduler
from .sync import broken_off, perform
from .tracebacks import without_locals

T = TypeVar("T")


@frozen
class _Doing:
    """A job under way; ``cancel`` is None where it must be awaited."""

    future: asyncio.Future[Result]
    cancel: Callable[[], object] | None


class Exchanges(Protocol):
    """What the driver needs of a wire; `drivers._httpx.AsyncWire` is one."""

    async def exchange(self, request: Request, permit: Permit | None = None) -> Response: ...

    async def aclose(self) -> None: ...


class AsyncDriver:
    """Runs flows on one event loop.

    Generators move on the loop. Performs run in order on a single thread of
    the driver's own, each in the context of the task that called `run`, so a
    ledger whose connection belongs to one thread is at home there. Flows that
    run at the same time share their `Once`s.

    Args:
        wire: sends the requests; closed with the driver.
    """

    def __init__(self, wire: Exchanges) -> None:
        self._wire = wire
        self._scheduler = Scheduler()
        self._keeping = Keeping()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="atsbridge-perform")
        self._doing: dict[int, _Doing] = {}
        self._results: dict[Run, asyncio.Future[Any]] = {}

    async def run(self, flow: Flow[T]) -> T:
        """The flow's value, or its error.

        On cancellation the requests already on the wire are awaited up to
        their deadline, then the flow is closed. What a `Once` is doing goes on
        for others. While a token is asked for, signals that end the program are
        held back until it is saved (`Keeping`).
        """
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        try:
            run, jobs = self._scheduler.start(flow, contextvars.copy_context())
        except BaseException as error:
            self._break_off(error)
            raise
        self._results[run] = result
        self._launch(jobs)
        try:
            return await result
        except asyncio.CancelledError:
            await self._abandon(run)
            raise
        finally:
            self._results.pop(run, None)

    async def perform(self, action: Perform[T]) -> T:
        """One action on the thread of the Performs, in its turn: to open and close a ledger there.

        A cancellation is raised once the action is done.
        """
        turn = self._thread.submit(contextvars.copy_context().run, perform, action)
        doing = asyncio.wrap_future(turn)
        if await self._settle([_Doing(doing, None)]):
            raise asyncio.CancelledError
        outcome = doing.result()
        if isinstance(outcome, Failed):
            raise without_locals(outcome.error)
        return outcome.value  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Await what is on the wire, close every flow, then the wire and the thread.

        As in `SyncDriver.run`, what a `Once` is doing gets its answer and may keep it.
        """
        doing = dict(self._doing)
        self._doing.clear()
        kept = [_Doing(job.future, None) if ticket in self._keeping else job for ticket, job in doing.items()]
        _ = await self._settle(kept)
        try:
            for ticket in self._scheduler.detach_all():
                await self._see_through(ticket, doing[ticket].future if ticket in doing else None)
        finally:
            self._scheduler.close()
        for result in self._results.values():
            result.cancel()
        try:
            await self._wire.aclose()
        finally:
            self._thread.shutdown(wait=True)
            self._keeping.end()

    # -- doing jobs --

    def _launch(self, jobs: Sequence[Job], *, after: int | None = None) -> None:
        self._keeping.follow(jobs, after=after)
        for job in jobs:
            doing = self._doing[job.ticket] = self._begin(job.effect, job.run.context)
            doing.future.add_done_callback(partial(self._arrived, job.ticket))
        for run, result in self._results.items():
            if run.outcome is not None and not result.done():
                _deliver(run.outcome, result)
        if self._scheduler.stalled:
            self._break_off(RuntimeError("flows wait for each other; a Once asks for its own key"))
        self._keeping.let_through()

    def _begin(self, effect: Leaf, context: contextvars.Context) -> _Doing:
        mine = context.copy()  # a context can be entered by one task or thread at a time
        if isinstance(effect, Perform):
            turn = self._thread.submit(mine.run, perform, effect)
            return _Doing(asyncio.wrap_future(turn), turn.cancel)  # in vain once it has begun
        task = asyncio.get_running_loop().create_task(self._do(effect), context=mine)
        return _Doing(task, None if isinstance(effect, (Request, Send)) else task.cancel)

    def _do(self, effect: Leaf) -> Coroutine[Any, Any, Result]:
        match effect:
            case Send(request, permit):
                return _outcome(self._wire.exchange(request, permit))
            case Sleep(seconds):
                return _outcome(asyncio.sleep(max(0.0, seconds)))
            case Await(action):
                return _outcome(_call(action))
            case Request():
                return _outcome(self._wire.exchange(effect))
            case _:
                raise AssertionError(effect)

    def _arrived(self, ticket: int, doing: asyncio.Future[Result]) -> None:
        if self._doing.pop(ticket, None) is None:
            return  # its run was cancelled
        if doing.cancelled():
            outcome: Result = Failed(CrmError("the coroutine was cancelled from within"))
        else:
            error = doing.exception()
            if error is not None:  # only what is no Exception comes this way
                self._break_off(error)
                return
            outcome = doing.result()
        try:
            jobs = self._scheduler.resume(ticket, outcome)
        except BaseException as broken:
            self._break_off(broken)
        else:
            self._launch(jobs, after=ticket)

    # -- endings --

    async def _abandon(self, run: Run) -> None:
        tickets = self._scheduler.detach(run)
        try:
            _ = await self._settle([self._doing.pop(ticket) for ticket in tickets if ticket in self._doing])
        finally:
            self._scheduler.close(run)

    async def _settle(self, jobs: Sequence[_Doing]) -> bool:
        """Cancel what can be; await requests on the wire and the Perform under way, come what may.

        Whether a cancellation came meanwhile.
        """
        cancelled = False
        for job in jobs:
            if job.cancel is not None:
                job.cancel()
        while pending := [job.future for job in jobs if not job.future.done()]:
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError:
                cancelled = True  # the wire keeps the deadline; the first one is raised at the end
        return cancelled

    async def _see_through(self, ticket: int, answer: asyncio.Future[Result] | None) -> None:
        """Let a flow go on by Performs alone; whatever else it wants is broken off."""
        if answer is None or answer.cancelled() or answer.exception() is not None:
            outcome: Result = broken_off()
        else:
            outcome = answer.result()
        for job in self._scheduler.resume(ticket, outcome):
            kept: asyncio.Future[Result] | None = None
            if isinstance(job.effect, Perform):
                kept = self._begin(job.effect, job.run.context).future
                _ = await self._settle([_Doing(kept, None)])
            await self._see_through(job.ticket, kept)

    def _break_off(self, error: BaseException) -> None:
        """Something that is no Exception came up, or nothing can move: every run ends with it."""
        for job in self._doing.values():
            job.future.cancel()
        self._doing.clear()
        for result in self._results.values():
            if not result.done():
                result.set_exception(error)
        self._scheduler.close()
        self._keeping.end()


async def _call(action: Any) -> Any:
    return await action()


async def _outcome(work: Coroutine[Any, Any, Any]) -> Result:
    try:
        return Done(await work)
    except Exception as error:
        return Failed(error)


def _deliver(outcome: Result, result: asyncio.Future[Any]) -> None:
    if isinstance(outcome, Failed):
        result.set_exception(without_locals(outcome.error))
    else:
        result.set_result(outcome.value)
