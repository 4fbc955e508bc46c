"""A tiny ATS: one application, three stages, two statuses, a history; and the adapter for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from attrs import evolve, frozen

from ...ats.interface import Ats, Catalogue, Finding, Fresh, Gone, PlannedWrite
from ...model import (
    Action,
    Application,
    ApplicationStatus,
    CompareAndSet,
    Intent,
    Kind,
    Reason,
    Ref,
    Stage,
    StageKind,
    State,
    Tombstone,
    TombstoneKind,
    Transition,
)
from ...wire.auth import Basic, Scheme
from ...wire.operations import Call, Operation
from ...wire.streams import Stream
from ...wire.vendor import Resend, Shape, Signal, Slot, SlotName, StatusWrite, Vendor

ACTIVE, REJECTED = ApplicationStatus.ACTIVE, ApplicationStatus.REJECTED
CONNECTION = "model"
ID = "application"
APPLICATION = Ref(CONNECTION, Kind.APPLICATION, ID)
START = State("A", ACTIVE)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@frozen(kw_only=True)
class WriteClass:
    """What the model vendor promises of its writes."""

    cas: CompareAndSet = CompareAndSet.NONE
    signal: Signal = Signal.COUNT
    visible: float = 0.0
    resend: Resend = Resend.AFTER_SETTLE

    def __str__(self) -> str:
        return f"{self.cas}/{self.signal}/{self.visible:g}s/{self.resend}"


# --- the ATS -------------------------------------------------------------------------------------


@frozen
class Entry:
    """One state of the application: who made it, if it entered a stage, and when it shows."""

    state: State
    by: str
    moved: bool
    visible_at: float = 0.0


@frozen(kw_only=True)
class Account:
    """All states of the one application, oldest first; or how it went."""

    entries: tuple[Entry, ...] = (Entry(START, "start", False),)
    gone: TombstoneKind | None = None

    @property
    def state(self) -> State:
        return self.entries[-1].state

    def shown(self, now: float) -> int:
        """How many of the states a read shows: a copy that lags shows a beginning of them."""
        for place, entry in enumerate(self.entries):
            if entry.visible_at > now:
                return place
        return len(self.entries)

    def changed(self, state: State, by: str, *, moved: bool, visible_at: float = 0.0) -> Account:
        return evolve(self, entries=(*self.entries, Entry(state, by, moved, visible_at)))


@frozen
class Asked:
    """The values that a status write carries."""

    action: Action
    stage: str | None
    reason: str | None
    from_stage: str | None
    version: int | None


def after_write(account: Account, asked: Asked, *, clears_stage: bool, moves_ended: bool) -> State | str:
    """The state that a write brings about, or the vendor's words of refusal; pure."""
    here = account.state
    if asked.version is not None and asked.version != len(account.entries):
        return "changed"
    if asked.from_stage is not None and asked.from_stage != here.stage:
        return "changed"
    if asked.action is Action.REACTIVATE:
        return State(_last_stage(account), ACTIVE) if here.status is REJECTED else "it has not ended"
    if here.status is REJECTED and not (asked.action is Action.MOVE and moves_ended):
        return "it has ended"
    if asked.action is Action.REJECT:
        return State(None if clears_stage else here.stage, REJECTED, asked.reason)
    return evolve(here, stage=asked.stage)


def _last_stage(account: Account) -> str | None:
    return next(e.state.stage for e in reversed(account.entries) if e.state.stage is not None)


# --- its adapter ---------------------------------------------------------------------------------

_WORD = "[A-Za-z]+"
_SLOTS = {
    SlotName.APPLICATION: Slot(SlotName.APPLICATION, _WORD),
    SlotName.TARGET_STAGE: Slot(SlotName.TARGET_STAGE, _WORD),
    SlotName.EXPECTED_STAGE: Slot(SlotName.EXPECTED_STAGE, _WORD),
    SlotName.REASON: Slot(SlotName.REASON, _WORD),
    SlotName.TOKEN: Slot(SlotName.TOKEN, "[0-9]+"),
}
_WRITES = {Action.MOVE: "move", Action.REJECT: "reject", Action.REACTIVATE: "reactivate"}
ACTIONS = {name: action for action, name in _WRITES.items()}


def _write(action: Action, kind: WriteClass, *keys: tuple[str, SlotName]) -> StatusWrite:
    guard = {
        CompareAndSet.VERSION: [("version", SlotName.TOKEN)],
        CompareAndSet.STAGE: [("from", SlotName.EXPECTED_STAGE)],
        CompareAndSet.NONE: [],
    }[kind.cas]
    body: dict[str, Shape] = {key: _SLOTS[name] for key, name in (*keys, *guard)}
    # Only moves leave a trace in a stage history.
    signal = Signal.CHANGE if kind.signal is Signal.COUNT and action is not Action.MOVE else kind.signal
    return StatusWrite(
        name=_WRITES[action],
        method="PUT",
        path=f"/applications/{{application}}/{_WRITES[action]}",
        slots=tuple(_SLOTS.values()),
        body=body,
        cas=kind.cas,
        signal=signal,
        visible_within_seconds=kind.visible,
        resend=kind.resend,
    )


@frozen(kw_only=True)
class ModelAts(Ats):
    """The adapter of the model ATS. It only plans and renders: the model answers reads itself."""

    VENDOR: ClassVar[Vendor] = Vendor(
        name="model",
        title="A model of an ATS",
        api_version="1",
        docs="https://example.com/model",
        docs_read=date(2026, 11, 24),
        hosts={"only": "https://model.example"},
        reads=(),
        writes=(),
    )
    connection: str = CONNECTION
    clears_stage: bool = False

    @property
    def host(self) -> str:
        return "https://model.example"

    def auth(self) -> Scheme:
        return Basic(user="model")

    def streams(self) -> tuple[Stream, ...]:
        return ()

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        raise NotImplementedError("the model answers reads itself")

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        raise NotImplementedError("the model answers reads itself")

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        raise NotImplementedError("the model answers reads itself")

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        chain: list[PlannedWrite] = []
        here = current
        if here.status is REJECTED and target.status is ACTIVE:
            there = State(None if self.clears_stage else here.stage, ACTIVE)
            chain.append(PlannedWrite(Action.REACTIVATE, here, there))
            here = there
        if target.stage is not None and target.stage != here.stage:
            chain.append(PlannedWrite(Action.MOVE, here, evolve(here, stage=target.stage)))
            here = evolve(here, stage=target.stage)
        if target.status is REJECTED and not here.meets(target):
            there = State(None if self.clears_stage else here.stage, REJECTED, target.reason)
            chain.append(PlannedWrite(Action.REJECT, here, there))
        return chain or [PlannedWrite(Action.MOVE, current, current)]

    def declared(self, intent: Intent) -> StatusWrite:
        return self.VENDOR.write(_WRITES[intent.action])

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        given = {
            SlotName.APPLICATION: intent.application.id,
            SlotName.TARGET_STAGE: intent.target.stage,
            SlotName.EXPECTED_STAGE: intent.expected.stage,
            SlotName.REASON: intent.target.reason,
            SlotName.TOKEN: current.application.token,
        }
        values = {name: value for name, value in given.items() if value is not None}
        return Call(self.declared(intent).render(values), lambda _: None)


def model_ats(kind: WriteClass, *, clears_stage: bool = False) -> ModelAts:
    """The adapter whose writes promise what ``kind`` says."""
    writes = (
        _write(Action.MOVE, kind, ("to", SlotName.TARGET_STAGE)),
        _write(Action.REJECT, kind, ("reason", SlotName.REASON)),
        _write(Action.REACTIVATE, kind),
    )

    class Configured(ModelAts):
        VENDOR: ClassVar[Vendor] = evolve(ModelAts.VENDOR, writes=writes)

    return Configured(clears_stage=clears_stage)


def asked_of(operation: str, body: Mapping[str, Any]) -> Asked:
    """What the model ATS understands of a request."""
    version = int(body["version"]) if "version" in body else None
    return Asked(ACTIONS[operation], body.get("to"), body.get("reason"), body.get("from"), version)


def fresh_read(account: Account, shown: int, *, kind: WriteClass, now: float) -> Fresh | Gone:
    """What a read shows."""
    if account.gone is not None:
        return Gone(tombstone=Tombstone(account.gone))
    entries = account.entries[:shown]
    state = entries[-1].state
    history = tuple(Transition(None, e.state.stage or "") for e in entries if e.moved)
    application = Application(
        ref=APPLICATION,
        read_at=datetime.fromtimestamp(EPOCH + now, UTC),
        stage=Ref(CONNECTION, Kind.STAGE, state.stage) if state.stage else None,
        status=state.status,
        reason=Ref(CONNECTION, Kind.REASON, state.reason) if state.reason else None,
        history=history,
        token=str(shown),
    )
    change = str(shown)
    signals = {} if kind.signal is Signal.NONE else dict.fromkeys(ACTIONS, change)
    if kind.signal is Signal.COUNT:
        signals["move"] = str(len(history))
    return Fresh(application=application, signals=signals)


def configuration() -> tuple[Stage | Reason, ...]:
    """The stages A, B, C and H (where people move it), and one rejection reason."""
    read_at = datetime.fromtimestamp(EPOCH, UTC)
    stages = tuple(
        Stage(ref=Ref(CONNECTION, Kind.STAGE, name), read_at=read_at, name=name, kind=StageKind.OTHER)
        for name in "ABCH"
    )
    reason = Reason(
        ref=Ref(CONNECTION, Kind.REASON, "R"), read_at=read_at, name="R", active=True, outcome=REJECTED
    )
    return (*stages, reason)
