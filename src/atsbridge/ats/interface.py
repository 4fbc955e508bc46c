"""`Ats`: what an adapter for an applicant tracking system offers."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs
from attrs import evolve, field, frozen

from ..errors import ConfigurationError, Refused
from ..model import Action, Application, Intent, Kind, Reason, Ref, Stage, State, Tombstone
from ..wire.auth import Scheme, Token
from ..wire.effects import Flow
from ..wire.operations import Call, Operation, Routine
from ..wire.streams import Stream
from ..wire.vendor import StatusWrite, Vendor


@frozen
class Catalogue:
    """The stages, statuses and reasons that hold for one job (or the whole account), as a snapshot."""

    job: Ref | None
    stages: tuple[Stage, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def stage(self, stage_id: str | None) -> Stage | None:
        return next((s for s in self.stages if s.ref.id == stage_id), None)

    def leads(self, here: str | None, there: str | None) -> bool:
        """Whether there is such a stage, and in the pipeline of the one here, where that is known."""
        known, origin = self.stage(there), self.stage(here)
        return known is not None and (origin is None or origin.pipeline == known.pipeline)

    def reason(self, reason_id: str | None) -> Reason | None:
        return next((r for r in self.reasons if r.ref.id == reason_id), None)

    @property
    def digest(self) -> str:
        parts = sorted((r.ref.kind.value, r.ref.id, r.digest) for r in (*self.stages, *self.reasons))
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


@frozen
class PlannedWrite:
    """One write of a chain: what it does, from which state to which."""

    action: Action
    expected: State
    target: State


class Unplannable(Refused):
    """The vendor offers no way from here to there.

    The message names the rule; it ends as a REFUSED receipt.
    """


@frozen(kw_only=True)
class Gone:
    """A fresh read that found no application any more."""

    tombstone: Tombstone


@frozen(kw_only=True)
class Fresh:
    """A fresh read of one application.

    ``read_at`` is when the (first) request was sent. ``signals`` holds, per
    declared write, what the protocol compares around it; where a write's
    signal is COUNT it is the number of history entries. What was not read, or
    not whole, is left out: a history that is there without its count tells of
    itself alone.
    """

    application: Application
    signals: Mapping[str, str] = field(factory=dict)

    @property
    def state(self) -> State:
        return self.application.state


class Proof(StrEnum):
    """How far a permission could be shown without writing."""

    PROVED = "proved"
    MISSING = "missing"
    UNPROVEN = "unproven"


@frozen(kw_only=True)
class Finding:
    """One answer of a preflight.

    Args:
        what: the permission or fact, in words.
        proof: PROVED, MISSING or UNPROVEN.
        tried: what was asked of the ATS.
        ask: what to ask the customer's ATS administrator for; empty when proved.
        needed_for: ``reach``, ``read`` or ``write``.
        void: why nothing else that was tried counts, as where the credential is refused; empty where it does.
    """

    what: str
    proof: Proof
    tried: str
    ask: str = ""
    needed_for: str = "read"
    void: str = ""


@frozen(kw_only=True)
class HookHint:
    """What a web hook says may have changed; always read again.

    ``answer`` is the status that this vendor takes for "received"; ``delivery_id`` is empty
    where nothing tells one delivery from the next, and each has to be followed.
    """

    delivery_id: str
    refs: tuple[Ref, ...]
    occurred_at: datetime | None = None
    answer: int = 200


@frozen(kw_only=True)
class HookReply:
    """A delivery that wants an answer of its own and says nothing else: a handshake, a test."""

    answer: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def _usual(setting: Any) -> object:
    usual = setting.default
    return usual.factory() if isinstance(usual, attrs.Factory) else usual  # type: ignore[arg-type]


def _as_json(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value) if isinstance(value, Mapping) else attrs.asdict(value)


class Ats(ABC):
    """An adapter: frozen configuration, pure functions, and operations as values.

    Subclasses are frozen attrs classes whose fields are the connection's
    configuration. ``connection`` is the globally unique id of the link.
    """

    VENDOR: ClassVar[Vendor]
    STAGE_DECIDES: ClassVar[bool] = False
    """What a stage is for says how an application in it stands.

    Such an adapter reads a stage whose meaning nobody gave as UNMAPPED, and an application's status as
    UNKNOWN, or as what the ATS makes of the stage by itself: that holds where the stage does not tell.
    """
    REVISION: ClassVar[str] = "1"
    """Of the readers: another revision makes every stored digest stale."""
    READS_BY: ClassVar[tuple[str, ...]] = ()
    """Settings that decide what records are made of the same answer, or which of them are asked for.

    Not those that `Stage` and `Reason` records tell of by themselves.
    """
    LOGINS: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The kinds of credentials of which it takes one: all the settings of each, the usual kind first.

    Settings that are required in any case stand in none. Empty where there is one kind alone.
    """

    connection: str

    STAGES_IN: ClassVar[str] = ""
    """The setting that lists the customer's stages, where no request does: without it there are none."""

    @property
    def reader(self) -> str:
        """The revision of the readers, with the settings that they read by where these are not the usual."""
        settings: Any = type(self)
        usual = {f.name: _usual(f) for f in attrs.fields(settings) if f.name in self.READS_BY}
        own = {name: getattr(self, name) for name in usual if getattr(self, name) != usual[name]}
        if not own:
            return self.REVISION
        text = json.dumps(own, sort_keys=True, default=_as_json)
        return f"{self.REVISION}+{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"

    # -- how it is reached --

    @property
    @abstractmethod
    def host(self) -> str:
        """Which of the vendor's hosts, as an origin with base path."""

    @abstractmethod
    def auth(self) -> Scheme:
        """The auth scheme of this connection."""

    def login(self) -> Mapping[str, Any]:
        """The one of `LOGINS` that this connection has: its settings by name.

        Raises:
            ConfigurationError: it has none of them whole, or more than one.
        """
        values = [{name: getattr(self, name) for name in login} for login in self.LOGINS]
        whole = [login for login in values if all(login.values())]
        if len(whole) != 1:
            kinds = "; or ".join(", ".join(login) for login in self.LOGINS)
            raise ConfigurationError(f"{self.VENDOR.title} needs one whole kind of credentials: {kinds}")
        return whole[0]

    # -- reading --

    @abstractmethod
    def streams(self) -> tuple[Stream, ...]:
        """What can be listed, parents before children."""

    @abstractmethod
    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        """Read one application afresh, with its token and its signals."""

    @abstractmethod
    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        """The stages and reasons that hold for a job."""

    @abstractmethod
    def check_access(self) -> Operation[tuple[Finding, ...]]:
        """Reach, credential, scopes and permissions, as far as reading can show."""

    def with_grant(self, findings: Sequence[Finding], token: Token | None) -> tuple[Finding, ...]:
        """Findings of `check_access` with what the access token claims to grant, where it does. Pure."""
        return tuple(findings)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """The chain of single writes from one state to another. Pure.

        A part's target may leave the stage open (None) where the vendor decides
        it. Never empty: where nothing is to be done, one part whose target is
        its expected state, which reading then finds ALREADY there.

        Raises:
            Unplannable: the vendor offers no way.
        """
        raise Unplannable("this adapter writes nothing", vendor=self.VENDOR.name)

    def declared(self, intent: Intent) -> StatusWrite:
        """Which declared write carries an intent. Pure."""
        raise Unplannable("this adapter writes nothing", vendor=self.VENDOR.name)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        """The one request of an intent; parses to the record where the answer carries it. Pure."""
        raise Unplannable("this adapter writes nothing", vendor=self.VENDOR.name)

    def imagine(self, current: Application, intent: Intent) -> Application:
        """What the application will look like after a write, for a dry run. Pure."""
        stage_id = intent.target.stage
        stage = evolve(current.ref, kind=Kind.STAGE, id=stage_id) if stage_id else current.stage
        reason_id = intent.target.reason
        # What has ended and is merely moved keeps its reason.
        kept = current.reason if intent.action is Action.MOVE else None
        reason = evolve(current.ref, kind=Kind.REASON, id=reason_id) if reason_id else kept
        return evolve(current, stage=stage, status=intent.target.status, reason=reason)

    def sweeps(self) -> tuple[Stream, ...]:
        """What a sweep for deletions lists; streams whose pages may show ids alone."""
        return tuple(s for s in self.streams() if s.sweeps)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        """Whether a record that a sweep did not show is really gone; None if it is there."""
        return Routine(lambda: self._confirm_application(ref))

    def _confirm_application(self, ref: Ref) -> Flow[Tombstone | None]:
        if ref.kind is not Kind.APPLICATION:
            return None
        found = yield from self.get_application(ref).flow()
        return found.tombstone if isinstance(found, Gone) else None

    @property
    def default_acting_user(self) -> str | None:
        """The ATS user in whose name writes are made, where neither mapping nor change names one."""
        return None

    @property
    def reads_confidential(self) -> bool:
        """False where this connection's settings leave confidential records out of what is read."""
        return True

    def settings(self) -> Mapping[str, str]:
        """The connection's settings that matter to a reader of `check`, without secrets."""
        return {}

    @property
    def lacks_stages(self) -> bool:
        """Whether no stage is known, since the setting that has to list them is empty."""
        return bool(self.STAGES_IN) and not getattr(self, self.STAGES_IN)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        """A web hook's delivery, verified and read to a hint; None if it is not to be trusted. Pure.

        Args:
            headers: names in lower case.
            body: as it arrived, before any decoding: what a signature is over.
        """
        return None
