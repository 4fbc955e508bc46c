"""Who stands between bridge and ATS: sees what was shown and which writes were accepted, and keeps both.

It reads the simulator's own log and the traffic; never the bridge's ledger.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from attrs import define, field, frozen

from ...simulators.interface import Accepted, SimRequest, SimResponse
from .dialects import Dialect, Pair, Shown


@frozen
class Write:
    """An accepted write, the request that it was, and what the last read before its send had shown.

    ``all_shown`` is that alone; of a vendor whose reads show a whole person, all that its sender had been
    shown: the last may have been a read of another application of theirs.
    """

    application: str
    kinds: frozenset[str]
    target: str | None
    request: SimRequest
    accepted: Accepted
    shown: Shown | None
    all_shown: tuple[Shown, ...] = ()

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
    """Of one account.

    Attributes:
        writes: every accepted write, in order.
        to: what was shown of an application to whom, the last one last.
        ever: every stage, with whether it was active, that any answer has ever shown of an application.
        stood: every stage that each application has ever been in, also of those that are gone.
    """

    dialect: Dialect
    writes: list[Write] = field(factory=list, init=False)
    to: defaultdict[tuple[str, str], list[Shown]] = field(factory=lambda: defaultdict(list), init=False)
    ever: defaultdict[str, set[Pair]] = field(factory=lambda: defaultdict(set), init=False)
    stood: defaultdict[str, set[str | None]] = field(factory=lambda: defaultdict(set), init=False)

    def look(self) -> None:
        """Remember where each application stands now, and where the ATS says that it was."""
        for id, truth in self.dialect.simulator.truth().items():
            self.stood[id].update((truth.stage, *truth.history))

    def shown(self, request: SimRequest, *, to: str = "") -> Shown | None:
        """What whoever sends a write has last seen of its application."""
        told = self.to[to, self.dialect.application(request)]
        return told[-1] if told else None

    def accept(
        self,
        request: SimRequest,
        shown: Shown | None,
        respond: Callable[[SimRequest], SimResponse],
        *,
        who: str = "",
    ) -> SimResponse:
        """A write arrives; ``shown`` is what its sender had seen when it left."""
        log = self.dialect.simulator.accepted
        before = len(log)
        response = respond(request)
        self.writes += [self._write(request, one, shown, who) for one in log[before:]]
        return response

    def _write(self, request: SimRequest, accepted: Accepted, shown: Shown | None, who: str) -> Write:
        kinds = self.dialect.kinds(request, accepted)
        target = self.dialect.target(request) if "move" in kinds else None
        application = self.dialect.application(request)
        others = self.to[who, application] if self.dialect.reads_show_a_person else []
        seen = (*others, shown) if shown is not None else ()
        return Write(application, kinds, target, request, accepted, shown, seen)

    def see(self, response: SimResponse, *, who: str = "") -> None:
        """What an answer shows of single applications to the one who gets it."""
        if response.status != 200 or not response.body:
            return
        for id, shown in self.dialect.shown(response):
            self.to[who, id].append(shown)
            self.ever[id].add(shown.pair)
        for id, pair in self.dialect.told_beside(response):
            self.ever[id].add(pair)
