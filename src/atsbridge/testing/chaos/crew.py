"""Workers of a bridge, moved one effect at a time, in whatever order the dice say.

Each is a process as far as the bridge can tell: a bridge of its own on the same
ledger and CRM. An effect is one step, a request two: it leaves and arrives, and
its answer comes back later, so that anything may happen before, between and after.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ...bridge import Bridge
from ...drivers.scheduler import Job, Result, Run, Scheduler
from ...drivers.sync import broken_off, perform
from ...errors import AtsBridgeError, NoAnswer, TooLate
from ...simulators.interface import SimRequest, SimResponse
from ...sync.context import Context
from ...sync.hands import RealHands
from ...sync.inbound import pull
from ...sync.outbound import push
from ...sync.runs import recorded
from ...sync.status import set_paused, status
from ...sync.sweep import sweep
from ...sync.verify import repair
from ...wire.effects import Done, Failed, Flow, Perform, Permit, Purpose, Request, Send, Sleep
from ...wire.guard import Guard
from ..direct import VirtualTime, as_received, as_response
from ..protocol import Violation

VERBS: Mapping[str, Callable[[Context], Flow[Any]]] = {
    "push": lambda ctx: recorded(ctx, "push", push(ctx, RealHands(ctx))),
    "pull": lambda ctx: recorded(ctx, "pull", pull(ctx)),
    "full pull": lambda ctx: recorded(ctx, "pull", pull(ctx, full=True)),
    # Whoever is asked about so many deletions knows of them.
    "sweep": lambda ctx: recorded(ctx, "sweep", sweep(ctx, limit=1.0)),
    "repair": lambda ctx: recorded(ctx, "repair", repair(ctx)),
    "status": status,
    "resume": lambda ctx: set_paused(ctx, False),
}


@frozen(kw_only=True)
class Sent:
    """A request that has left a worker."""

    worker: Worker
    request: Request
    permit: Permit | None
    asked: SimRequest


Network = Callable[[Sent], "SimResponse | None"]
"""What becomes of a request: the answer, or None where none comes."""


@define(eq=False)
class Worker:
    """One process, and the verb that it is at.

    Args:
        make: the bridge, of what is to run its flows.
        network: where its requests go.
        got: told of each answer that reaches it.
    """

    name: str
    make: Callable[[Callable[[Guard], Any]], Bridge]
    network: Network
    got: Callable[[Worker, SimResponse], None]
    time: VirtualTime
    bridge: Bridge = field(init=False)
    guard: Guard = field(init=False)
    verb: str = field(default="", init=False)
    asleep_until: float | None = field(default=None, init=False)
    dead: bool = field(default=False, init=False)
    token_at_stake: bool = field(default=False, init=False)
    """A token was asked for, and nothing that it has signed has left yet: it may not have been saved."""
    steps_left: int | None = field(default=None, init=False)
    """How many steps it lives from now on, or from its next token on; None: as many as it needs."""
    counting: bool = field(default=True, init=False)
    error: Exception | None = field(default=None, init=False)
    report: Any = field(default=None, init=False)
    _ctx: Context | None = field(default=None, init=False)
    _scheduler: Scheduler = field(factory=Scheduler, init=False)
    _run: Run | None = field(default=None, init=False)
    _ready: list[Job] = field(factory=list, init=False)
    _answers: list[tuple[int, Request, SimResponse, Any]] = field(factory=list, init=False)
    _waiting: list[tuple[float, int, Result]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.bridge = self.make(self._driven)

    def _driven(self, guard: Guard) -> Worker:
        self.guard = guard
        return self

    def close(self) -> None:
        """Nothing to give back."""

    def start(self, verb: str) -> None:
        """Begin a verb; see `step`."""
        self.verb, self.error, self.report = verb, None, None
        self._ctx = self.bridge._begin()
        self._scheduler = Scheduler()
        self._run, self._ready = self._scheduler.start(VERBS[verb](self._ctx))
        self._look()

    @property
    def busy(self) -> bool:
        return self._run is not None

    def choices(self) -> int:
        """How many steps this worker could make now, each another."""
        if self.asleep_until is not None or self._run is None:
            return 0
        while self._waiting and self._waiting[0][0] <= self.time.seconds:
            _, ticket, outcome = heapq.heappop(self._waiting)
            self._resume(ticket, outcome)
        return len(self._ready) + len(self._answers) if self._run is not None else 0

    def next_time(self) -> float | None:
        """When it can go on by itself, where it can do nothing now."""
        if self.asleep_until is not None:
            return None
        return self._waiting[0][0] if self._run is not None and self._waiting else None

    def step(self, choice: int, dice: random.Random) -> str:
        """Make one of its steps; what it was, in words."""
        if choice >= len(self._ready):
            ticket, request, answer, sent_at = self._answers.pop(choice - len(self._ready))
            self.got(self, answer)
            self.counting = self.counting or request.purpose is Purpose.TOKEN
            self._resume(ticket, Done(as_response(answer, sent_at)))
            return f"{request.operation} is answered {answer.status}"
        job = self._ready.pop(choice)
        effect: Any = job.effect
        if isinstance(effect, Perform):
            outcome = perform(effect)
            # What is passed on is mostly a function made on the spot: where it was made tells more.
            words = effect.action.__qualname__.replace(".<locals>", "").removesuffix(".<lambda>")
            if isinstance(outcome, Failed):
                words = f"{words} raises {type(outcome.error).__name__}"
            self._resume(job.ticket, outcome)
            return words
        if isinstance(effect, Sleep):
            self._wait(self.time.seconds + effect.seconds, job.ticket, Done(None))
            return f"sleeps {effect.seconds:.1f} s"
        permit = effect.permit if isinstance(effect, Send) else None
        request = effect.request if isinstance(effect, Send) else effect
        return self._leave(job.ticket, request, permit, dice)

    def _leave(self, ticket: int, request: Request, permit: Permit | None, dice: random.Random) -> str:
        words = f"{request.operation} leaves"
        try:
            url = self.guard.admit(request, permit)
            if permit is not None and self.time.now() > permit.send_by:
                raise TooLate()
        except Exception as error:
            self._resume(ticket, Failed(error))
            return f"{words} not: {type(error).__name__}"
        sent_at = self.time.wall()
        asked = as_received(request, url)
        self.time.sleep(dice.choice((0.01, 0.05, 0.2)))
        answer = self.network(Sent(worker=self, request=request, permit=permit, asked=asked))
        if not self.busy:
            return words
        if answer is None:
            lost = Failed(NoAnswer(operation=request.operation))
            self._wait(self.time.seconds + request.deadline_seconds, ticket, lost)
            return f"{words}, and no answer will come"
        self._answers.append((ticket, request, answer, sent_at))
        return words

    def _wait(self, until: float, ticket: int, outcome: Result) -> None:
        heapq.heappush(self._waiting, (until, ticket, outcome))

    def _resume(self, ticket: int, outcome: Result) -> None:
        self._ready.extend(self._scheduler.resume(ticket, outcome))
        self._look()

    def _look(self) -> None:
        """Whether the verb has come to its end."""
        run = self._run
        if run is None or run.outcome is None:
            if run is not None and self._scheduler.stalled:
                raise Violation("I10", "flows wait for each other; a Once asks for its own key")
            return
        if isinstance(run.outcome, Failed):
            self.error = run.outcome.error
            if not isinstance(self.error, AtsBridgeError):
                raise self.error
        else:
            self.report = run.outcome.value
        self._end()

    def _end(self) -> None:
        assert self._ctx is not None
        self.bridge._end(self._ctx)
        self._clear()

    def _clear(self) -> None:
        self._run, self._ctx = None, None
        self._ready, self._answers, self._waiting = [], [], []

    # -- what may happen to a process --

    def die(self) -> None:
        """End at once, as by a SIGKILL: nothing is given back, nothing more is kept."""
        if self._ctx is not None:
            self._ctx.held.clear()
        self._scheduler.close()
        self._clear()
        self.dead, self.asleep_until = True, None

    def cancel(self) -> None:
        """A Ctrl-C: what is on the wire is awaited, each `Once` keeps what it got, the flows are closed."""
        if self._run is None:
            return
        answers: dict[int, Result] = {}
        for ticket, _request, answer, sent_at in self._answers:
            self.got(self, answer)
            answers[ticket] = Done(as_response(answer, sent_at))
        try:
            for ticket in self._scheduler.detach_all():
                self._see_through(ticket, answers.get(ticket, broken_off()))
        finally:
            self._scheduler.close()
        self._end()

    def _see_through(self, ticket: int, outcome: Result) -> None:
        for job in self._scheduler.resume(ticket, outcome):
            done = perform(job.effect) if isinstance(job.effect, Perform) else broken_off()
            self._see_through(job.ticket, done)
