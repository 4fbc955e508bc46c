"""What outbound work does to the ATS: for real, or imagined in a dry run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, evolve, field, frozen

from ..ats.interface import Catalogue, Fresh, Gone
from ..errors import LeaseLost
from ..model import Intent, Ref, Transition
from ..wire.effects import Flow, Permit, once, perform
from ..wire.operations import Call
from ..wire.vendor import Signal, StatusWrite
from .context import Context
from .leases import flush
from .ledger import IntentRow


@frozen(kw_only=True)
class Accepted:
    """What came back for a write that the ATS said yes to.

    Args:
        answer: the HTTP status; None where nothing was sent.
        request_id: the vendor's id of the request, where it gives one.
        carried: the record, where the answer carries it.
    """

    answer: int | None = None
    request_id: str = ""
    carried: Fresh | None = None


class Hands(Protocol):
    """Reads an application, and sends one status write."""

    def read(self, ref: Ref) -> Flow[Fresh | Gone]: ...

    def catalogue(self) -> Flow[Catalogue]: ...

    def ready(self) -> Flow[None]:
        """Whatever may take time before a send."""
        ...

    def send(
        self,
        intent: Intent,
        write: StatusWrite,
        call: Call[Fresh | None],
        permit: Permit,
        *,
        armed: IntentRow,
    ) -> Flow[Accepted]:
        """Once; ``armed`` is the intent as it was committed with this attempt."""
        ...

    def hidden_seconds(self, write: StatusWrite) -> float:
        """How long an accepted write may not show."""
        ...


@define
class RealHands:
    """Asks the ATS itself.

    An attempt is on record in the ledger before its write leaves, but perhaps
    not yet on the disk. Writes that wait for that side by side wait for one
    fsync together: on most disks it takes longer than all the rest of a write.
    What a ledger's server has lost by then, since it was restarted, is not sent.
    """

    ctx: Context
    _waiting: set[str] = field(factory=set, init=False)
    _on_record: dict[str, IntentRow] = field(factory=dict, init=False)
    _asked: int = field(default=0, init=False)
    _kept: int = field(default=0, init=False)

    def read(self, ref: Ref) -> Flow[Fresh | Gone]:
        return (yield from self.ctx.read_application(ref))

    def catalogue(self) -> Flow[Catalogue]:
        return (yield from self.ctx.client.run(self.ctx.ats.catalogue(None)))

    def ready(self) -> Flow[None]:
        yield from self.ctx.client.ready()

    def send(
        self,
        intent: Intent,
        write: StatusWrite,
        call: Call[Fresh | None],
        permit: Permit,
        *,
        armed: IntentRow,
    ) -> Flow[Accepted]:
        yield from self._on_disk(armed)
        response = yield from self.ctx.client.send(call.request, permit)
        carried = call.parse(response)
        # Of another record it says nothing of this one, which is then read.
        if carried is not None and carried.application.ref != intent.application:
            carried = None
        return Accepted(answer=response.status, request_id=response.request_id, carried=carried)

    def _on_disk(self, armed: IntentRow) -> Flow[None]:
        """Return when the attempt survives a power cut.

        Raises:
            LeaseLost: the ledger has no such attempt any more; nothing may be sent.
        """
        self._waiting.add(armed.intent_id)
        self._asked += 1
        mine = self._asked
        while self._kept < mine:  # an fsync that had begun before may not be the one
            yield from once(("on disk", id(self)), lambda: perform(self._flush))
        # Where it was lost, another worker may have made one of the same number, with other times.
        if self._on_record.pop(armed.intent_id, None) != armed:
            raise LeaseLost(
                "the attempt is not on record any more: another worker has taken over, or the ledger lost it"
            )

    def _flush(self) -> None:
        asked = self._asked
        waiting = list(self._waiting)
        rows = flush(self.ctx, lambda txn: txn.get_many(IntentRow, (self.ctx.connection,), waiting))
        self._waiting.difference_update(waiting)
        self._on_record.update(rows)
        self._kept = asked

    def hidden_seconds(self, write: StatusWrite) -> float:
        return write.visible_within_seconds


@define
class ImaginedHands:
    """Reads for real, and imagines what a write would leave behind."""

    real: Hands
    imagine: Callable[[Fresh, Intent], Fresh]
    counted: frozenset[str]
    """The names of the vendor's writes that its history counts, whose signals grow together."""
    _left: dict[Ref, Fresh] = field(factory=dict, init=False)

    def read(self, ref: Ref) -> Flow[Fresh | Gone]:
        if ref in self._left:
            return self._left[ref]
        fresh = yield from self.real.read(ref)
        if isinstance(fresh, Fresh):
            self._left[ref] = fresh
        return fresh

    def catalogue(self) -> Flow[Catalogue]:
        return (yield from self.real.catalogue())

    def ready(self) -> Flow[None]:
        return
        yield

    def send(
        self,
        intent: Intent,
        write: StatusWrite,
        call: Call[Fresh | None],
        permit: Permit,
        *,
        armed: IntentRow,
    ) -> Flow[Accepted]:
        fresh = self.imagine(self._left[intent.application], intent)
        if write.signal is Signal.COUNT:
            fresh = _one_more(fresh, intent, self.counted)
        self._left[intent.application] = fresh
        return Accepted(carried=fresh)
        yield

    def hidden_seconds(self, write: StatusWrite) -> float:
        return 0.0


def _one_more(fresh: Fresh, intent: Intent, counted: frozenset[str]) -> Fresh:
    """The history after a write that adds one entry to it: one for all writes whose count was read."""
    if intent.target.stage is None:
        return fresh
    entry = Transition(None, intent.target.stage, intent.expected.stage)
    history = (*fresh.application.history, entry)
    application = evolve(fresh.application, history=history)
    signals = {**fresh.signals, **dict.fromkeys(counted & fresh.signals.keys(), str(len(history)))}
    return evolve(fresh, application=application, signals=signals)
