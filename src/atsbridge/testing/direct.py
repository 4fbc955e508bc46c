"""A bridge and a simulator in one thread: no socket, and time that moves only when somebody sleeps.

`DirectDriver` runs a bridge's flows and answers its requests from a simulator,
behind the same guard as the real wire. What happens in which order depends on
nothing but the flows themselves, so a run can be repeated, stopped before any
request, and have any fault put in at any of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from attrs import define, field

from ..drivers.scheduler import Job, Result, Scheduler
from ..drivers.sync import perform
from ..drivers.tracebacks import without_locals
from ..errors import NoAnswer, TooLate, UnsupportedPair
from ..simulators.interface import SimRequest, SimResponse, Simulator
from ..wire.effects import Await, Done, Failed, Flow, Perform, Permit, Purpose, Request, Response, Send, Sleep
from ..wire.guard import Guard

T = TypeVar("T")

Respond: TypeAlias = Callable[[SimRequest], SimResponse]
Meddle: TypeAlias = Callable[[SimRequest, Respond, Purpose], "SimResponse | None"]
"""Stands between the bridge and the simulator: gives the answer, None where none comes, or raises.

It is told whether the request is a read, a token request or a status write.
"""

START = 1_790_000_000.0


@define
class VirtualTime:
    """Every clock of a test.

    ``skew_seconds`` is how far the vendor's clock is ahead of ours, and
    ``wall_ahead`` how far our own wall clock is from the truth: people and time servers set it.
    """

    seconds: float = START
    skew_seconds: float = 0.0
    wall_ahead: float = 0.0
    boot: str = "one"

    def now(self) -> float:
        """What a ledger's clock shows, and the client's: seconds that only grow."""
        return self.seconds

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.seconds + self.wall_ahead, UTC)

    def vendor(self) -> float:
        """What the simulator's clock shows, in unix seconds."""
        return self.seconds + self.skew_seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


class Stopped(BaseException):
    """The test has stopped the bridge here, as a crash would."""


@define(eq=False)
class DirectDriver:
    """Runs flows against a simulator; given to `Bridge` as ``driver``.

    Args:
        request_seconds: how long each request takes of the virtual time.
        meddle: see `Meddle`; may be changed at any time.
        before: called with each request before it leaves; may raise `Stopped`.
    """

    guard: Guard
    simulator: Simulator
    time: VirtualTime
    request_seconds: float = 0.05
    meddle: Meddle | None = None
    before: Callable[[SimRequest], None] | None = None
    requests: list[tuple[SimRequest, int]] = field(factory=list, init=False)
    """Every request, and the status it was answered with; 0 where no answer came."""

    def run(self, flow: Flow[T]) -> T:
        """The flow's value, or its error."""
        scheduler = Scheduler()
        sleeping: list[tuple[float, int]] = []
        run, ready = scheduler.start(flow)
        try:
            while run.outcome is None:
                if not ready:
                    if scheduler.stalled or not sleeping:
                        raise RuntimeError("flows wait for each other; a Once asks for its own key")
                    until, ticket = heapq.heappop(sleeping)
                    self.time.sleep(until - self.time.seconds)
                    ready.extend(scheduler.resume(ticket, Done(None)))
                    continue
                job = ready.pop(0)
                if isinstance(job.effect, Sleep):
                    heapq.heappush(sleeping, (self.time.seconds + job.effect.seconds, job.ticket))
                else:
                    ready.extend(scheduler.resume(job.ticket, self._do(job)))
        except BaseException:
            scheduler.close()
            raise
        if isinstance(run.outcome, Failed):
            raise without_locals(run.outcome.error)
        value: T = run.outcome.value
        return value

    def close(self) -> None:
        """Nothing to give back."""

    def _do(self, job: Job) -> Result:
        effect: Any = job.effect
        if isinstance(effect, Perform):
            return perform(effect)
        if isinstance(effect, Await):
            return Failed(UnsupportedPair("coroutines need the async bridge"))
        try:
            if isinstance(effect, Send):
                return Done(self.exchange(effect.request, effect.permit))
            return Done(self.exchange(effect))
        except Exception as error:
            return Failed(error)

    def exchange(self, request: Request, permit: Permit | None = None) -> Response:
        """One request, admitted by the guard and answered by the simulator.

        Raises:
            GuardError: it is not admitted; nothing reached the simulator.
            NoAnswer: it left, and no answer came.
        """
        url = self.guard.admit(request, permit)
        if permit is not None and self.time.now() > permit.send_by:
            raise TooLate()
        asked, sent_at = as_received(request, url), self.time.wall()
        if self.before is not None:
            self.before(asked)
        self.time.sleep(self.request_seconds)
        respond = self.simulator.respond
        answer = self.meddle(asked, respond, request.purpose) if self.meddle else respond(asked)
        self.requests.append((asked, answer.status if answer is not None else 0))
        if answer is None:
            self.time.sleep(request.deadline_seconds)
            raise NoAnswer(operation=request.operation)
        return as_response(answer, sent_at)


def as_received(request: Request, url: str) -> SimRequest:
    """A request as a simulator would get it from a port."""
    content, media = request.content()
    parts = urlsplit(url)
    target = url[len(f"{parts.scheme}://{parts.netloc}") :] or "/"
    headers = {name.lower(): value for name, value in (*request.headers, *request.signature)}
    headers |= {"host": parts.netloc, "content-length": str(len(content)), "x-forwarded-proto": "https"}
    if media is not None:
        headers["content-type"] = media
    return SimRequest(request.method, target, headers, content, "127.0.0.1")


def as_response(answer: SimResponse, sent_at: datetime) -> Response:
    """A simulator's answer as the wire would give it."""
    joined: dict[str, str] = {}
    for name, value in answer.headers:
        key = name.lower()
        if key != "set-cookie":
            joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return Response(status=answer.status, headers=joined, body=answer.body, sent_at=sent_at)
