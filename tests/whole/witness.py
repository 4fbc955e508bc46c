"""The witness at a port: does harm to writes, lets things happen in the gap, and judges by what was seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from attrs import define, field
from surface import surface_of
from world import World

from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.serve import Cut
from atsbridge.testing.chaos import judging
from atsbridge.testing.chaos.dialects import Shown
from atsbridge.testing.chaos.judging import Told
from atsbridge.testing.chaos.witness import Write
from atsbridge.testing.network import Arrival, Fault, Faults


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
    faults: Faults = field(init=False)
    arrived: int = field(default=0, init=False)
    _world: World | None = field(default=None, init=False)
    _seen: judging.Witness | None = field(default=None, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def __attrs_post_init__(self) -> None:
        self.faults = Faults(lambda arrival: self.plan(arrival), writes=self._is_write)

    def stop(self) -> None:
        self.faults.stop()

    @property
    def world(self) -> World:
        assert self._world is not None
        return self._world

    @world.setter
    def world(self, world: World) -> None:
        self._world, self._seen = world, judging.Witness(world.dialect)

    @property
    def seen(self) -> judging.Witness:
        assert self._seen is not None
        return self._seen

    @property
    def writes(self) -> list[Write]:
        return self.seen.writes

    def _is_write(self, request: SimRequest) -> bool:
        return self._seen is not None and self._seen.dialect.is_write(request)

    def __call__(self, request: SimRequest, respond: Callable[[SimRequest], SimResponse]) -> Any:
        if not self._is_write(request):
            response = self.faults(request, respond)
            self._note(response)
            return response
        id, shown = self.seen.dialect.application(request), self.seen.shown(request)
        with self._lock:
            self.arrived += 1
            number = self.arrived
        self.in_gap(number, id)
        response = self.faults(request, lambda arrived: self._accept(number, id, shown, respond, arrived))
        self._note(response)
        return response

    def _accept(
        self,
        number: int,
        id: str,
        shown: Shown | None,
        respond: Callable[[SimRequest], SimResponse],
        request: SimRequest,
    ) -> SimResponse:
        with self._lock:
            response = self.seen.accept(request, shown, respond)
        self.answered(number, id)
        return response

    def _note(self, response: SimResponse | Cut | None) -> None:
        if self._seen is not None and isinstance(response, SimResponse):
            self._seen.see(response)


def judge(witness: Witness) -> None:
    """I1 to I6 of the whole of what was asked, once all has come to rest."""
    w = witness.world
    surface = surface_of(w.vendor)
    assert surface.foreign(w.server.requests) == []
    assert all(surface.allows(write.request) for write in witness.writes)
    told: dict[str, Told] = {}
    for asked in w.asked.values():
        result = w.result(asked.event)
        if result is not None:
            told[asked.event] = Told(result, w.told(asked.event))
    judging.judge(witness.seen, w.asked.values(), told)
