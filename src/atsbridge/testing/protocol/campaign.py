"""Many scenarios on several processes, and what each came to."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context

from attrs import evolve, frozen

from .explore import explore
from .scenarios import SCENARIOS, WIRE, Scenario, configurations
from .verdicts import Violation


@frozen
class Looked:
    """What one scenario came to; ``violation`` is empty where the promises held."""

    scenario: str
    states: int = 0
    steps: int = 0
    histories: int = 0
    seconds: float = 0.0
    violation: str = ""


_OF_CLASSES = ("one change", "superseded", "pair")


def chosen(
    names: Sequence[str] | None, faults: int, *, moves: int = 1, classes: bool = False
) -> Iterator[Scenario]:
    """Faults of any kind for one change; of the wire for all else, and for every class of write.

    Args:
        names: of scenarios; all of them, and the classes of writes, where there are none.
        moves: how often people may act beside faults of the wire, where a scenario lets them.
        classes: these scenarios, or three of them, for every class of write, and nothing else.
    """
    if classes:
        for kind in configurations():
            for name in names or _OF_CLASSES:
                yield evolve(of_the_wire(name, faults, moves), kind=kind)
        return
    for name in names or SCENARIOS:
        whole = name == "one change"
        yield evolve(SCENARIOS[name], faults=faults) if whole else of_the_wire(name, faults, moves)
    for kind in () if names else configurations():
        for name in _OF_CLASSES:
            yield evolve(of_the_wire(name, min(faults, 3), moves), kind=kind)


def of_the_wire(name: str, faults: int, moves: int = 1) -> Scenario:
    """A scenario with so many faults of the wire and crashes, and so many things that people do."""
    scenario = SCENARIOS[name]
    kinds = (*WIRE, "pause") if scenario.workers > 1 else WIRE
    return evolve(scenario, faults=faults, moves=moves if scenario.moves else 0).only(*kinds)


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
        try:
            yield from pool.map(_look, scenarios)
        except BaseException:
            # Who has had enough does not wait for what is being looked at.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
