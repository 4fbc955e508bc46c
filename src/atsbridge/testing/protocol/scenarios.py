"""What is tried: a recruiter's changes, what people do in the ATS, what may go wrong, how often."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from attrs import evolve, field, frozen

from ...model import BRIDGE_ACTOR, CompareAndSet, State
from ...sync.context import Tuning
from ...wire.vendor import Resend, Signal
from .model_ats import ACTIVE, REJECTED, START, WriteClass

DAY = 86_400


@frozen(kw_only=True)
class Change:
    """A recruiter's change. ``asks`` are the states along its way, for the verdicts.

    Args:
        on_receipt: made on the base of the first receipt, once that has come; else on the start's.
        after: places of the changes that are in the feed before it.
    """

    sequence: int
    step: str | None = None
    status: str | None = None
    asks: tuple[State, ...]
    actor: str | None = None
    on_receipt: bool = False

    @property
    def event_id(self) -> str:
        return f"e{self.sequence}{'-echo' if self.actor else ''}"


def to(stage: str, sequence: int = 1, **more: object) -> Change:
    return Change(sequence=sequence, step=stage, asks=(State(stage, ACTIVE),), **more)  # type: ignore[arg-type]


def pair(stage: str, sequence: int = 1) -> Change:
    """A step and a status in one change: a move, then a rejection."""
    asks = (State(stage, ACTIVE), State(stage, REJECTED), State(None, REJECTED))
    return Change(sequence=sequence, step=stage, status="Rejected", asks=asks)


FAULTS = frozenset(
    {
        "lost request",
        "late request",
        "lost answer",
        "not sent",
        "accepted, no record",
        "crash",
        "pause",
        "401",
        "429",
        "422",
        "read fails",
        "read 401",
        "again",
        "disorder",
        "reboot",
    }
)
"""Everything that can go wrong; each costs one of a scenario's faults."""


@frozen(kw_only=True)
class Scenario:
    """One configuration to be explored whole.

    Args:
        kind: what the vendor's writes promise.
        changes: the recruiter's, in the order of the feed.
        people: what people may do in the ATS: stages to move to, ``reject``, ``delete``, ``merge``.
        moves: how often they may.
        faults: how many may happen, of those in ``possible``.
        workers: how many work side by side.
        beyond: requests may arrive at any time: beyond the timing assumption.
        keeps_send_by: the driver refuses to send after ``send_by``, as it must.
    """

    name: str
    kind: WriteClass = field(factory=WriteClass)
    changes: tuple[Change, ...] = (to("B"),)
    people: tuple[str, ...] = ("A", "B", "H")
    moves: int = 2
    faults: int = 2
    possible: frozenset[str] = FAULTS
    workers: int = 1
    start: State = START
    clears_stage: bool = False
    moves_ended: bool = False
    not_after_days: int | None = None
    pauses: int = 0
    beyond: bool = False
    keeps_send_by: bool = True
    tuning: Tuning = field(factory=lambda: Tuning(lease_seconds=20.0, returns=3))

    def without(self, *faults: str) -> Scenario:
        return evolve(self, possible=self.possible - set(faults))

    def only(self, *faults: str) -> Scenario:
        return evolve(self, possible=frozenset(faults))

    def __str__(self) -> str:
        return f"{self.name} [{self.kind}; {self.faults} faults, {self.moves} moves, {self.workers} workers]"


def configurations() -> Iterator[WriteClass]:
    """Every class of write: 36."""
    for cas, signal, visible, resend in product(CompareAndSet, Signal, (0.0, 60.0), Resend):
        yield WriteClass(cas=cas, signal=signal, visible=visible, resend=resend)


WIRE = ("lost request", "late request", "lost answer", "crash")
"""What goes wrong between the bridge and the ATS."""

SCENARIOS: dict[str, Scenario] = {
    s.name: s
    for s in (
        Scenario(name="one change"),
        Scenario(name="two workers", workers=2).only("pause", "crash", "late request", "lost answer"),
        Scenario(name="superseded", changes=(to("B"), to("C", 2)), moves=1),
        Scenario(name="there and back", changes=(to("B"), to("A", 2)), moves=1),
        Scenario(name="three changes", changes=(to("B"), to("C", 2), to("A", 3)), moves=0),
        Scenario(name="on the receipt", changes=(to("B"), to("C", 2, on_receipt=True)), moves=1),
        Scenario(name="pair", changes=(pair("B"),), people=("H", "reject"), moves=1),
        Scenario(name="pair, then another", changes=(pair("B"), to("C", 2)), people=("H",), moves=1),
        Scenario(
            name="pair, stage cleared",
            changes=(pair("B"),),
            people=("H", "reject"),
            moves=1,
            clears_stage=True,
        ),
        Scenario(
            name="taken back",
            start=State("A", REJECTED, "R"),
            changes=(
                Change(sequence=1, step="B", status="Active", asks=(State(None, ACTIVE), State("B", ACTIVE))),
            ),
            people=("B", "reactivate"),
            moves=1,
            clears_stage=True,
        ),
        Scenario(name="gone", people=("H", "delete", "merge"), moves=2),
        Scenario(name="rejected meanwhile", people=("H", "reject"), moves=2, moves_ended=True),
        Scenario(
            name="echo",
            changes=(to("B"), to("B", 2, actor=BRIDGE_ACTOR), to("C", 3)),
            moves=0,
        ),
        Scenario(name="expiry", not_after_days=1, moves=1).only(*WIRE, "pause", "429", "not sent"),
        Scenario(name="paused", pauses=1, moves=1).only(*WIRE, "read 401", "pause"),
    )
}
