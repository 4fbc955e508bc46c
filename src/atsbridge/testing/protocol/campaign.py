"""Many scenarios on several processes, and what each came to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from attrs import evolve, frozen

from .explore import explore
from .scenarios import SCENARIOS, Scenario, configurations
from .verdicts import Violation

WIRE = ("lost request", "late request", "lost answer", "crash")
"""What goes wrong where each class of write is looked at, with a chain and with a change that supersedes."""


@frozen
class Looked:
    """What one scenario came to; ``violation`` is empty where the promises held."""

    scenario: str
    states: int = 0
    steps: int = 0
    histories: int = 0
    seconds: float = 0.0
    violation: str = ""


def chosen(names: Sequence[str] | None, faults: int) -> Iterator[Scenario]:
    """Faults of any kind for one change; of the wire for all else, and for every class of write.

    Args:
        names: of scenarios; all of them, and the classes of writes, where there are none.
    """
    for name in names or SCENARIOS:
        scenario = evolve(SCENARIOS[name], faults=faults)
        if name == "one change":
            yield scenario
        else:
            kinds = (*WIRE, "pause") if scenario.workers > 1 else WIRE
            yield evolve(scenario, moves=min(1, scenario.moves)).only(*kinds)
    for kind in () if names else configurations():
        for name in ("one change", "superseded", "pair"):
            yield evolve(SCENARIOS[name], kind=kind, faults=min(faults, 3), moves=1).only(*WIRE)


def _look(scenario: Scenario) -> Looked:
    begun = time.monotonic()
    try:
        found = explore(scenario)
    except Violation as violation:
        return Looked(str(scenario), seconds=time.monotonic() - begun, violation=str(violation))
    seconds = time.monotonic() - begun
    return Looked(str(scenario), found.states, found.steps, found.histories, round(seconds, 1))


def look_at(scenarios: Iterable[Scenario], *, jobs: int) -> Iterator[Looked]:
    """In their order, as each is done."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_look, scenarios)
