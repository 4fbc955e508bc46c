"""`Crm`: what a recruiting CRM offers the bridge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum

from attrs import field, frozen

from ..model import Base, Kind, Receipt, Record, Ref, State, StatusUpdate
from ..wire.effects import Flow, Json


class WriteResult(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    """it holds a record read later; not an error"""
    FAILED = "failed"


@frozen(kw_only=True)
class Delivery:
    """One record on its way into the CRM.

    For an application, ``step`` and ``status`` are the CRM's words for its
    confirmed stage and status (None: no word mapped), ``reason`` for its
    reason, and ``base`` is what a recruiter's change must carry back.
    """

    record: Record
    step: str | None = None
    status: str | None = None
    reason: str | None = None
    base: Base | None = None


@frozen(kw_only=True)
class Written:
    """What became of one delivery, in the order of the batch."""

    ref: Ref
    result: WriteResult
    why: str = ""
    retryable: bool = False


@frozen(kw_only=True)
class Feed:
    """Changes made by people, and the feed position after them."""

    updates: Sequence[StatusUpdate]
    position: Json
    more: bool = False


@frozen(kw_only=True)
class Held:
    """What the CRM holds of one application, for verification."""

    ref: Ref
    confirmed: State | None
    requested_step: str | None = None
    requested_status: str | None = None
    requested_reason: str | None = None
    event_id: str | None = None
    base: Base | None = None
    deleted: bool = False


@frozen(kw_only=True)
class Link:
    """How an arriving applicant was linked to a lead, or why not: ``certain`` or a review item."""

    candidate: Ref
    lead_id: str | None
    rule: str
    certain: bool
    options: tuple[str, ...] = ()


class Abilities(StrEnum):
    """What a CRM can do beyond the least; each switches contract tests on."""

    BASE = "base"
    """it stores the base of a request; without it the CRM is inbound only"""
    SEQUENCE = "sequence"
    MATCH = "match"


@frozen(kw_only=True)
class CrmFinding:
    what: str
    ok: bool
    why: str = ""
    abilities: frozenset[Abilities] = field(factory=frozenset)


class Crm(ABC):
    """A CRM, as flows. A CRM in the user's own process subclasses `LocalCrm` instead."""

    abilities: frozenset[Abilities] = frozenset({Abilities.BASE, Abilities.SEQUENCE})

    @abstractmethod
    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        """Upsert by ATS ref, tombstones included; idempotent; one result each, in order.

        Sets the confirmed part alone, never a request, and takes no record
        whose ``read_at`` is older than what it holds.
        """

    @abstractmethod
    def changes(self, after: Json) -> Flow[Feed]:
        """What people changed since a feed position, at least once, in order within an application."""

    @abstractmethod
    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        """Intake has committed these events."""

    @abstractmethod
    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        """Take receipts, idempotently.

        The confirmed part becomes the receipt's ``after`` unless a newer
        ``read_at`` is held; the request is cleared only if its event id is the
        receipt's.
        """

    @abstractmethod
    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        """What is held of these applications; unknown refs are left out.

        Asked before a change is first written, too: ``event_id`` names the one
        that is open, None says that all have ended.
        """

    @abstractmethod
    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        """The refs held of a kind, live ones, a page at a time: the refs and where to go on, or None."""

    @abstractmethod
    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        """Whether the CRM can be reached and written."""

    def match(self, candidates: Sequence[Ref], *, by_email: bool) -> Flow[Sequence[Link]]:
        """Link applicants to leads, idempotently; a CRM without leads links none.

        Called for every live candidate that was written, new or not.

        Args:
            by_email: the mapping lets a unique normalised e-mail link; the ATS ref always does.
        """
        return ()
        yield
