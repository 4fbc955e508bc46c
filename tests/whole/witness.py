"""Who stands at the port: does harm to writes, lets things happen in the gap, and judges by what was seen.

The judge reads the simulator's own log of accepted writes, what the port
showed, and the receipts that reached the CRM; never the bridge's ledger.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import Any

from attrs import define, field, frozen
from dialects import Dialect, Pair, Shown
from surface import surface_of
from world import Asked, World

from atsbridge.model import WORST_FIRST, Result
from atsbridge.simulators.interface import Accepted, SimRequest, SimResponse
from atsbridge.simulators.serve import Cut
from atsbridge.testing.network import Arrival, Fault, Faults


@frozen
class Write:
    """An accepted write, the request that it was, and what the last read before its send had shown."""

    application: str
    kinds: frozenset[str]
    target: str | None
    request: SimRequest
    accepted: Accepted
    shown: Shown | None

    @property
    def before(self) -> Pair:
        assert self.accepted.before is not None
        return (self.accepted.before.stage, self.accepted.before.status == "active")

    @property
    def after(self) -> Pair:
        assert self.accepted.after is not None
        return (self.accepted.after.stage, self.accepted.after.status == "active")

    @property
    def over_change(self) -> bool:
        """Whether something had changed between the read and the write, and not just to what is written."""
        assert self.accepted.before is not None and self.shown is not None
        if self.before == self.after:
            return False
        entered = len(self.accepted.before.history)
        return self.before != self.shown.pair or self.shown.entered not in (None, entered)


@define(eq=False)
class Witness:
    """An interceptor for one world's port.

    Args:
        plan: what goes wrong with which request; see `atsbridge.testing.network`.
    """

    plan: Callable[[Arrival], Fault | None] = lambda _arrival: None
    in_gap: Callable[[int, str], object] = lambda _number, _application: None
    """Called with its number and application when a write has arrived, before the ATS sees it."""
    answered: Callable[[int, str], object] = lambda _number, _application: None
    """The same once the ATS has acted, before its answer leaves."""
    world: World | None = None
    faults: Faults = field(init=False)
    writes: list[Write] = field(factory=list, init=False)
    arrived: int = field(default=0, init=False)
    last: dict[str, Shown] = field(factory=dict, init=False)
    ever: defaultdict[str, set[Pair]] = field(factory=lambda: defaultdict(set), init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.faults = Faults(lambda arrival: self.plan(arrival), writes=self._is_write)

    def stop(self) -> None:
        self.faults.stop()

    @property
    def dialect(self) -> Dialect:
        assert self.world is not None
        return self.world.dialect

    def _is_write(self, request: SimRequest) -> bool:
        return self.world is not None and self.dialect.is_write(request)

    def __call__(self, request: SimRequest, respond: Callable[[SimRequest], SimResponse]) -> Any:
        if not self._is_write(request):
            response = self.faults(request, respond)
            self._note(response)
            return response
        id = self.dialect.application(request)
        shown = self.last.get(id)
        with self._lock:
            self.arrived += 1
            number = self.arrived
        self.in_gap(number, id)
        response = self.faults(request, partial(self._accept, id, shown, respond, number))
        self._note(response)
        return response

    def _accept(
        self,
        id: str,
        shown: Shown | None,
        respond: Callable[[SimRequest], SimResponse],
        number: int,
        request: SimRequest,
    ) -> SimResponse:
        assert self.world is not None
        log = self.world.simulator.accepted
        with self._lock:
            before = len(log)
            response = respond(request)
            self.writes += [self._write(id, request, one, shown) for one in log[before:]]
        self.answered(number, id)
        return response

    def _write(self, id: str, request: SimRequest, accepted: Accepted, shown: Shown | None) -> Write:
        kinds = self.dialect.kinds(request, accepted)
        target = self.dialect.target(request) if "move" in kinds else None
        return Write(id, kinds, target, request, accepted, shown)

    def _note(self, response: SimResponse | Cut | None) -> None:
        """What the one who asked can see of single applications."""
        if self.world is None or not isinstance(response, SimResponse) or response.status != 200:
            return
        for id, shown in self.dialect.shown(response) if response.body else ():
            self._see(id, shown)

    def _see(self, id: str, shown: Shown) -> None:
        self.last[id] = shown
        self.ever[id].add(shown.pair)


_NOTHING_WRITTEN = (Result.SUPERSEDED, Result.CONFLICT, Result.REFUSED, Result.ALREADY, Result.DEAD)
_DONE = (Result.APPLIED, Result.APPLIED_OVER_CHANGE)


def judge(witness: Witness) -> None:
    """I1 to I6 of the whole of what was asked, once all has come to rest."""
    w = witness.world
    assert w is not None
    surface = surface_of(w.vendor)
    assert surface.foreign(w.server.requests) == []
    assert all(surface.allows(write.request) for write in witness.writes)
    assert len(witness.writes) == len(w.simulator.accepted)
    by_application: defaultdict[str, list[Asked]] = defaultdict(list)
    for asked in sorted(w.asked.values(), key=lambda a: a.sequence):
        by_application[asked.application].append(asked)
    assert {write.application for write in witness.writes} <= by_application.keys()
    for id, asked_for in by_application.items():
        _Judge(w, witness, id, asked_for).judge()


@define
class _Judge:
    """Of one application.

    A write does not say which change it is of. It is right if there is one way
    to give each write to a part of a change, at most one to each part and none
    of an older change after a newer one's, with which all else holds.
    """

    w: World
    witness: Witness
    id: str
    asked: list[Asked]
    results: dict[str, Result] = field(factory=dict, init=False)
    against: list[str] = field(factory=list, init=False)

    def judge(self) -> None:
        for asked in self.asked:
            result = self.w.result(asked.event)
            assert result is not None, f"{self.id}: a change has no receipt"
            self.results[asked.event] = result
        slots = [(a, kind) for a in self.asked for kind in _parts(a, self.results[a.event])]
        writes = [write for write in self.witness.writes if write.application == self.id]
        fits = any(
            self._is_right(list(zip(writes, [slots[p][0] for p in places], strict=True)))
            for places in combinations(range(len(slots)), len(writes))
            if all(_is_of(write, *slots[p]) for write, p in zip(writes, places, strict=True))
        )
        asked_for = [(a.stage, a.status, self.results[a.event].value) for a in self.asked]
        assert fits, (self.id, asked_for, [(sorted(w.kinds), w.target) for w in writes], self.against)

    def _is_right(self, given: list[tuple[Write, Asked]]) -> bool:
        for place, (write, asked) in enumerate(given):
            expected = self._expected(asked, [earlier for earlier, _ in given[:place]])
            self.against = [
                *self._against_write(write, expected),
                *self._against_gap(write, self.results[asked.event]),
            ]
            if self.against:
                return False
        for asked in self.asked:
            mine = [write for write, whose in given if whose is asked]
            self.against = list(self._against_result(asked, self.results[asked.event], mine))
            if self.against:
                return False
        return True

    def _expected(self, asked: Asked, writes: list[Write]) -> set[Pair]:
        """What the recruiter saw, or what an earlier part or change has left or has found there."""
        expected = {(asked.base[0], asked.base[1] == "active"), *(write.after for write in writes)}
        if asked.status is not None:
            expected.add((asked.stage, True))
        for older in self.asked[: self.asked.index(asked)]:
            if self.results[older.event] in (*_DONE, Result.ALREADY):
                expected |= {pair for pair in self.witness.ever[self.id] if _may_be_left_by(older, pair)}
            elif len(_parts(older, None)) > 1:
                expected.add((older.stage, True))  # its first part may have been done
        return expected

    def _against_write(self, write: Write, expected: set[Pair]) -> Iterator[str]:
        if write.shown is None or write.shown.pair not in expected:
            yield f"written over {write.shown}"
        if write.kinds <= self.w.dialect.compared and write.before[0] not in {stage for stage, _ in expected}:
            yield "the vendor compared another stage"

    def _against_gap(self, write: Write, result: Result) -> Iterator[str]:
        over = WORST_FIRST.index(Result.APPLIED_OVER_CHANGE)
        if self._is_counted(write) and write.over_change and WORST_FIRST.index(result) > over:
            yield f"an overwrite was hidden as {result}"

    def _against_result(self, asked: Asked, result: Result, writes: list[Write]) -> Iterator[str]:
        seen = any(stage == asked.stage for stage, _ in self.witness.ever[self.id])
        if result in _DONE and not writes and not (seen or asked.stage is None):
            yield "said to be done, and nothing was"
        if result is Result.ALREADY and asked.stage is not None and asked.status is None and not seen:
            yield "said to be there, and never was"
        unaudited = result is Result.APPLIED and not all(map(self._is_counted, writes))
        if unaudited and "cannot show whether" not in self.w.told(asked.event):
            yield "the gap was not audited, and nobody says so"

    def _is_counted(self, write: Write) -> bool:
        return write.kinds <= self.w.dialect.counted


def _may_be_left_by(asked: Asked, pair: Pair) -> bool:
    """Whether a change that is done, or was so before, may have left an application so."""
    stage, active = pair
    if asked.status is not None and active is not (asked.status == "Active"):
        return False
    return asked.stage in (None, stage) or not active


def _parts(asked: Asked, result: Result | None) -> list[str]:
    """The single writes that a change may have come to."""
    parts = ["reactivate"] if asked.status == "Active" else []
    parts += ["move"] if asked.stage is not None else []
    parts += ["end"] if asked.status not in (None, "Active") else []
    # A chain may have gone half its way before it failed.
    return [] if len(parts) == 1 and result in _NOTHING_WRITTEN else parts


def _is_of(write: Write, asked: Asked, kind: str) -> bool:
    if kind not in write.kinds:
        return False
    if kind == "move":
        return write.target == asked.stage
    assert write.accepted.after is not None
    return kind == "reactivate" or write.accepted.after.status == (asked.status or "").lower()
