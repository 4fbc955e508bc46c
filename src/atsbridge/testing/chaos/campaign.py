"""Many seeds on several processes, and what they came to."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from attrs import define, field, frozen

from .dialects import DIALECTS
from .kinds import KINDS
from .play import Outcome, history, play

BATCH = 25
_COLLECT_EVERY = 20


def vendors() -> list[str]:
    """Every vendor of which somebody has told what its writes look like."""
    return sorted(DIALECTS)


@frozen
class Failure:
    """A seed with which something did not hold."""

    vendor: str
    seed: int
    invariant: str
    words: str


@define(kw_only=True)
class Tally:
    """What many histories came to.

    Args:
        hits: how often each kind of fault came about.
        hashes: of all traces, in the order of vendors and seeds.
    """

    seeds: Counter[str] = field(factory=Counter)
    hits: Counter[str] = field(factory=Counter)
    seconds: Counter[str] = field(factory=Counter)
    writes: int = 0
    changes: int = 0
    steps: int = 0
    requests: int = 0
    failures: list[Failure] = field(factory=list)

    def add(self, outcome: Outcome, seconds: float, seed: int) -> None:
        vendor = outcome.script.vendor
        self.seeds[vendor] += 1
        self.seconds[vendor] += seconds  # type: ignore[assignment]
        self.hits.update(outcome.hits)
        self.writes += outcome.writes
        self.changes += outcome.changes
        self.steps += outcome.steps
        self.requests += outcome.requests
        if outcome.violation is not None:
            told = outcome.violation
            self.failures.append(Failure(vendor, seed, told.invariant, str(told)))

    def join(self, other: Tally) -> None:
        for name in ("seeds", "hits", "seconds"):
            getattr(self, name).update(getattr(other, name))
        for name in ("writes", "changes", "steps", "requests"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures.extend(other.failures)

    def never_hit(self) -> list[str]:
        """Kinds of faults that did not come about at all."""
        return [name for name in KINDS if not self.hits[name]]


def run(vendor: str, seeds: range) -> Tally:
    """Play some seeds of a vendor in this process."""
    tally = Tally()
    for place, seed in enumerate(seeds):
        begun = time.process_time()
        outcome = play(history(vendor, seed))
        tally.add(outcome, time.process_time() - begun, seed)
        if place % _COLLECT_EVERY == 0:
            _ = gc.collect()
    return tally


def batches(chosen: Sequence[str], seeds: range) -> Iterator[tuple[str, range]]:
    """Every vendor's seeds in pieces, the vendors by turns."""
    for start in range(seeds.start, seeds.stop, BATCH):
        for vendor in chosen:
            yield vendor, range(start, min(start + BATCH, seeds.stop))


def campaign(
    chosen: Sequence[str], seeds: range, *, jobs: int, tell: Callable[[Tally], object] = lambda _tally: None
) -> Tally:
    """Play these seeds of each of these vendors.

    Args:
        tell: called with what there is so far, after each piece.
    """
    tally = Tally()
    pieces = list(batches(chosen, seeds))
    if jobs == 1:
        _prepare()
        for vendor, piece in pieces:
            tally.join(run(vendor, piece))
            _ = tell(tally)
        return tally
    with ProcessPoolExecutor(jobs, mp_context=get_context("forkserver"), initializer=_prepare) as pool:
        for found in pool.map(run, *zip(*pieces, strict=True)):
            tally.join(found)
            _ = tell(tally)
    return tally


def _prepare() -> None:
    """Each history leaves cycles behind; to look for them all the time takes a fifth of it."""
    gc.freeze()
    gc.disable()
