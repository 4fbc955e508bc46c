"""Which flow runs next: the part of a driver that needs neither clock nor socket.

A `Scheduler` moves flows from effect to effect. It answers `Together` and
`Once` by itself and hands out every other effect as a `Job`; whoever does the
job gives its outcome to `resume` and gets the jobs that follow. The sync
driver, the async driver and a simulated one differ only in how they do jobs.

Nothing here depends on time, threads or hashes: the same outcomes in the same
order give the same jobs in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias

from attrs import define, field, frozen

from ..wire.effects import Await, Done, Failed, Flow, Once, Perform, Request, Send, Sleep, Together

Leaf: TypeAlias = "Request | Send | Sleep | Perform[Any] | Await[Any]"
"""An effect that somebody outside must make happen."""

Result: TypeAlias = "Done[Any] | Failed"

_LEAVES = (Request, Send, Sleep, Perform, Await)


@define(eq=False)
class Run:
    """One flow given to `Scheduler.start`, and what became of it.

    Args:
        context: whatever the driver wants to find again at each job of this run.
        outcome: None while it runs.
    """

    context: Any = None
    outcome: Result | None = None


@frozen(eq=False)
class Job:
    """One effect to make happen; its outcome goes to `Scheduler.resume` under ``ticket``.

    ``run`` is the run on whose behalf it happens; ``in_once``, inside a
    `Once`, that of the first asker.
    """

    ticket: int
    effect: Leaf
    run: Run
    in_once: bool = False


@define(eq=False)
class _Flight:
    """A running `Once`: it belongs to no run, so that no asker's end is its end."""

    key: Hashable
    run: Run
    askers: list[_Node] = field(factory=list)


@define(eq=False)
class _Group:
    """A running `Together`."""

    parent: _Node
    flows: Sequence[Flow[Any]]
    outcomes: list[Result | None]
    started: int = 0
    left: int = 0


@define(eq=False)
class _Node:
    """A started flow. ``owner`` is the run or flight in whose tree it stands."""

    flow: Flow[Any]
    parent: _Group | _Flight | Run
    owner: Run | _Flight
    index: int = 0
    ticket: int | None = None


class Scheduler:
    """Moves any number of flows, each `start`ed, until each has its outcome."""

    def __init__(self) -> None:
        self._nodes: dict[_Node, None] = {}
        self._groups: dict[_Group, None] = {}
        self._flights: dict[Hashable, _Flight] = {}
        self._waiting: dict[int, _Node] = {}
        self._detached: dict[Run, list[Flow[Any]]] = {}
        self._ready: deque[tuple[_Node, Result]] = deque()
        self._jobs: list[Job] = []
        self._last_ticket = 0

    def start(self, flow: Flow[Any], context: Any = None) -> tuple[Run, list[Job]]:
        """Begin a flow; its end is seen at ``Run.outcome``."""
        run = Run(context)
        self._add(_Node(flow, run, run))
        return run, self._advance()

    def resume(self, ticket: int, outcome: Result) -> list[Job]:
        """Give a job's outcome to the flow that waits for it.

        Raises:
            LookupError: no flow waits under this ticket.
            BaseException: whatever a flow raised that is not an `Exception`.
                The scheduler is then good for `close` alone.
        """
        node = self._waiting.pop(ticket)
        node.ticket = None
        self._ready.append((node, outcome))
        return self._advance()

    @property
    def stalled(self) -> bool:
        """Whether flows wait only for each other: a `Once` that asks for its own key."""
        return bool(self._nodes) and not self._waiting

    def detach(self, run: Run) -> list[int]:
        """Let no flow of this run move any more; gives the tickets it was waiting for.

        What a `Once` is doing goes on. `close` with the run afterwards.
        """
        nodes = [node for node in self._nodes if node.owner is run]
        groups = [group for group in self._groups if group.parent.owner is run]
        for node in nodes:
            del self._nodes[node]
        for group in groups:
            del self._groups[group]
        for flight in self._flights.values():
            flight.askers = [node for node in flight.askers if node.owner is not run]
        tickets = [node.ticket for node in nodes if node.ticket is not None]
        for ticket in tickets:
            del self._waiting[ticket]
        self._detached[run] = _generators(nodes, groups)
        return tickets

    def detach_all(self) -> list[int]:
        """Let no run move any more, only what a `Once` is doing: the tickets that it waits under."""
        for run in dict.fromkeys(node.owner for node in self._nodes if isinstance(node.owner, Run)):
            _ = self.detach(run)
        self._ready = deque((node, outcome) for node, outcome in self._ready if node in self._nodes)
        return list(self._waiting)

    def close(self, run: Run | None = None) -> None:
        """Close every generator (of one detached run), the innermost first.

        All are closed even if one of them raises; the first error is raised at the end.
        """
        if run is not None:
            _close(self._detached.pop(run, []))
            return
        flows = [flow for flows in self._detached.values() for flow in flows]
        flows += _generators(list(self._nodes), list(self._groups))
        for held in (self._detached, self._nodes, self._groups, self._flights, self._waiting, self._ready):
            held.clear()
        self._jobs = []
        _close(flows)

    # -- one step --

    def _advance(self) -> list[Job]:
        while self._ready:
            node, outcome = self._ready.popleft()
            self._step(node, outcome)
        jobs, self._jobs = self._jobs, []
        return jobs

    def _step(self, node: _Node, outcome: Result) -> None:
        try:
            if isinstance(outcome, Failed):
                effect = node.flow.throw(outcome.error)
            else:
                effect = node.flow.send(outcome.value)
        except StopIteration as stop:
            self._end(node, Done(stop.value))
        except Exception as error:
            self._end(node, Failed(error))
        else:
            self._take(node, effect)

    def _take(self, node: _Node, effect: object) -> None:
        if isinstance(effect, _LEAVES):
            self._last_ticket += 1
            node.ticket = self._last_ticket
            self._waiting[node.ticket] = node
            owner = node.owner
            if isinstance(owner, Run):
                self._jobs.append(Job(node.ticket, effect, owner))
            else:
                self._jobs.append(Job(node.ticket, effect, owner.run, in_once=True))
        elif isinstance(effect, Together):
            self._open(node, effect)
        elif isinstance(effect, Once):
            self._ask(node, effect)
        else:
            wrong = TypeError(f"a flow yielded a {type(effect).__name__}, which is no effect")
            self._ready.append((node, Failed(wrong)))

    def _add(self, node: _Node) -> None:
        self._nodes[node] = None
        self._ready.append((node, Done(None)))

    def _end(self, node: _Node, outcome: Result) -> None:
        del self._nodes[node]
        parent = node.parent
        if isinstance(parent, Run):
            parent.outcome = outcome
        elif isinstance(parent, _Flight):
            self._land(parent, outcome)
        else:
            parent.outcomes[node.index] = outcome
            parent.left -= 1
            self._fill(parent, 1)

    # -- Together --

    def _open(self, node: _Node, effect: Together[Any]) -> None:
        if effect.limit < 1:
            self._ready.append((node, Failed(ValueError("the limit of a Together is at least 1"))))
            return
        count = len(effect.flows)
        group = _Group(node, effect.flows, [None] * count, left=count)
        self._groups[group] = None
        self._fill(group, effect.limit)

    def _fill(self, group: _Group, places: int) -> None:
        """Start as many flows as there are places; tell the parent when none is left."""
        for index in range(group.started, min(group.started + places, len(group.flows))):
            group.started += 1
            self._add(_Node(group.flows[index], group, group.parent.owner, index))
        if not group.left:
            del self._groups[group]
            self._ready.append((group.parent, Done(group.outcomes)))

    # -- Once --

    def _ask(self, node: _Node, effect: Once[Any]) -> None:
        flight = self._flights.get(effect.key)
        if flight is not None:
            flight.askers.append(node)
            return
        try:
            flow = effect.flow()
        except Exception as error:
            self._ready.append((node, Failed(error)))
            return
        owner = node.owner
        flight = _Flight(effect.key, owner if isinstance(owner, Run) else owner.run, [node])
        self._flights[effect.key] = flight
        self._add(_Node(flow, flight, flight))

    def _land(self, flight: _Flight, outcome: Result) -> None:
        del self._flights[flight.key]
        self._ready.extend((node, outcome) for node in flight.askers)


def _generators(nodes: Sequence[_Node], groups: Sequence[_Group]) -> list[Flow[Any]]:
    """Their flows in the order of closing: those not started, then children before parents."""
    waiting = [flow for group in groups for flow in group.flows[group.started :]]
    return [*waiting, *(node.flow for node in reversed(nodes))]


def _close(flows: Sequence[Flow[Any]]) -> None:
    first: BaseException | None = None
    for flow in flows:
        try:
            flow.close()
        except BaseException as error:
            first = first or error
    if first is not None:
        raise first
