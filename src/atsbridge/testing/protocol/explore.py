"""Every order of what can happen, breadth first: the shortest way to a fault comes first."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import attrs
from attrs import define, frozen

from ...ats.interface import Fresh, Gone
from ...sync.ledger import Control, IntentRow, Known, Lease, Row, Update
from ...sync.protocol import Armed, Claim
from ...wire.effects import Done, Failed
from .environment import Worker, World
from .machine import Machine
from .scenarios import Scenario
from .verdicts import Violation

_TELLING = attrgetter(
    "intent_id",
    "state",
    "target_stage",
    "target_status",
    "expected_stage",
    "expected_status",
    "returns",
    "attempts",
    "open_attempts",
    "accepted",
    "sent",
    "signal",
    "after_state",
    "result",
    "gap",
    "overwritten",
)
"""What of an intent decides how it goes on, its times left out."""


@frozen
class Explored:
    """How much was looked at: states, steps between them, and the histories they make up."""

    scenario: Scenario
    states: int
    steps: int
    histories: int


@define
class _Node:
    parent: int
    label: str
    after: list[int] = attrs.field(factory=list)


def explore(scenario: Scenario, *, limit: int = 10_000_000) -> Explored:
    """Look at every state that a scenario can come to.

    Raises:
        Violation: with the shortest schedule that leads to it.
    """
    machine = Machine(scenario)
    first = machine.start()
    nodes = [_Node(-1, "")]
    seen = {key(first): 0}
    frontier = [(0, first)]
    steps = 0
    while frontier:
        following: list[tuple[int, World]] = []
        for number, world in frontier:
            try:
                found = list(machine.steps(world))
                if not any(free and key(after) != key(world) for _, after, free in found):
                    machine.check_rest(world)
            except Violation as violation:
                violation.schedule = (*_way(nodes, number), machine.doing)
                violation.states = len(nodes)
                raise
            for label, after, _ in found:
                mark = key(after)
                place = seen.get(mark)
                if place == number:
                    continue
                if place is None:
                    place = seen[mark] = len(nodes)
                    nodes.append(_Node(number, label))
                    following.append((place, after))
                nodes[number].after.append(place)
                steps += 1
            if len(nodes) > limit:
                raise RuntimeError(f"{scenario} has more than {limit} states")
        frontier = following
    return Explored(scenario, len(nodes), steps, _histories(nodes))


def _way(nodes: list[_Node], number: int) -> list[str]:
    labels: list[str] = []
    while number > 0:
        labels.append(nodes[number].label)
        number = nodes[number].parent
    return labels[::-1]


def _histories(nodes: list[_Node]) -> int:
    """The number of ways from the start to a rest.

    Raises:
        Violation: a way leads back to where it was: it may never come to rest.
    """
    pending = [0] * len(nodes)
    for node in nodes:
        for place in node.after:
            pending[place] += 1
    ways = [1, *[0] * (len(nodes) - 1)]
    ready, total, done = [0], 0, 0
    while ready:
        number = ready.pop()
        done += 1
        after = nodes[number].after
        if not after:
            total += ways[number]
        for place in after:
            ways[place] += ways[number]
            pending[place] -= 1
            if not pending[place]:
                ready.append(place)
    if done < len(nodes):
        stuck = next(n for n, left in enumerate(pending) if left)
        violation = Violation("I10", "work goes round in a circle")
        violation.schedule, violation.states = tuple(_way(nodes, stuck)), len(nodes)
        raise violation
    return total


# --- when two worlds are the same ----------------------------------------------------------------


def key(world: World) -> int:
    """Equal for worlds that nothing later can tell apart: times count from now, wall times not at all."""
    now = world.now
    ledger_now, boot = now - world.booted_at, f"boot-{world.boot}"

    def ahead(time: float | None) -> float:
        return max(0.0, (time or 0.0) - ledger_now)

    def row(value: Row) -> Any:
        match value:
            case IntentRow():
                times = (
                    (ahead(value.not_before), ahead(value.settles_at)) if value.boot == boot else value.boot
                )
                return (*_TELLING(value), times)
            case Update():
                return (value.event_id, value.open, value.waits_for, value.result)
            case Lease():
                return (value.worker, ahead(value.until), value.boot == boot)
            case Known():
                return (value.stage, value.status, value.delivery, value.deleted)
            case Control():
                return (value.paused, bool(value.stopped), value.next_delivery)
        return None

    def answer(value: Any) -> Any:
        match value:
            case None | bool():
                return value
            case Fresh():
                app = value.application
                return (app.state, len(app.history), app.token, now - app.read_at.timestamp())
            case Gone():
                return value.tombstone.kind
            case Claim():
                return (row(value.intent), _holds(world, value.lease))
            case Armed():
                return (row(value.intent), value.send_by - now)
            case list():
                return tuple(answer(item) for item in value)
            case Done():
                return answer(value.value)
            case Failed():
                return type(value.error)
        return type(value)

    def worker(value: Worker) -> Any:
        if value.effect is None:
            return value.name
        sleeps = None if value.asleep_until is None else value.asleep_until - now
        answers = tuple((answer(a.value), a.at - now) for a in value.answers)
        return (value.name, value.effect, value.frozen, value.shown, sleeps, answers)

    tables = tuple(
        tuple(row(r) for r in world.tables[t].values()) for t in (IntentRow, Update, Lease, Known, Control)
    )
    entries = tuple((e.state, e.by, e.moved, max(0.0, e.visible_at - now)) for e in world.account.entries)
    flights = tuple((f.intent_id, f.asked, f.shown, now - f.sent_at) for f in world.flights)
    budgets = (world.faults, world.moves, world.pauses, world.boot)
    return hash((tables, entries, world.account.gone, flights, tuple(map(worker, world.workers)), world.feed,
                 world.taken, world.log, budgets))  # fmt: skip


def _holds(world: World, lease: Lease) -> bool:
    held = world.tables[Lease].get(lease.key)
    return isinstance(held, Lease) and (held.fence, held.worker) == (lease.fence, lease.worker)
