"""The canonical records: what adapters read into and CRM connectors receive.

Frozen values. Every field but identity is optional, ids are strings whatever
the vendor sends, times are aware UTC. Fields that hold personal data carry
``metadata["personal"]`` and never show in a repr.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, TypeVar

import attrs
from attrs import field, frozen

MODEL_REVISION = "1"
"""Part of every record digest: another revision makes every record changed."""

T = TypeVar("T")
_WORD = re.compile(r"\w{3,}")


def _hidden(value: object) -> str:
    return "None" if value is None else "<hidden>"


def personal(default: Any = None) -> Any:
    """An attrs field that holds personal data: hidden in reprs, found by `personal_fields`."""
    return field(default=default, repr=_hidden, metadata={"personal": True})


def personal_fields(record_type: type) -> tuple[str, ...]:
    """The names of a record type's personal fields, in declaration order."""
    return tuple(f.name for f in attrs.fields(record_type) if f.metadata.get("personal"))


def personal_words(record: object) -> frozenset[str]:
    """The words, three letters or longer and casefolded, of a record's personal and custom fields."""
    return frozenset(word for text in _texts(record, False) for word in _WORD.findall(text.casefold()))


def _texts(value: Any, inside: bool) -> Iterator[str]:
    if isinstance(value, (str, int, float)):
        if inside:
            yield str(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one, inside)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _texts(one, inside)
    elif attrs.has(type(value)):
        for f in attrs.fields(type(value)):
            yield from _texts(getattr(value, f.name), inside or bool(f.metadata.get("personal")))


class Kind(StrEnum):
    """What a record is."""

    USER = "user"
    REASON = "reason"
    JOB = "job"
    STAGE = "stage"
    CANDIDATE = "candidate"
    APPLICATION = "application"


@frozen(order=True)
class Ref:
    """Identity of an ATS record: unique per connection and kind only."""

    connection: str
    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.connection}/{self.kind}/{self.id}"


class Answer(StrEnum):
    """A yes-or-no fact that may be unknown."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class TombstoneKind(StrEnum):
    DELETED = "deleted"
    ANONYMISED = "anonymised"
    MERGED = "merged"
    LOST_ACCESS = "lost_access"


@frozen
class Tombstone:
    """Why a record is no longer there. ``into`` names the survivor of a merge."""

    kind: TombstoneKind
    at: datetime | None = None
    into: Ref | None = None


@frozen
class CustomValue:
    """A field that the mapping names and the canonical model does not have."""

    type: str
    value: Any = field(repr=_hidden, metadata={"personal": True})
    label: str = ""


_NO_CUSTOM: Mapping[str, CustomValue] = {}


@frozen(kw_only=True)
class Record:
    """The envelope of every record.

    ``read_at`` is when the request that brought it was sent; neither CRM nor
    ledger takes an older record than it holds.
    """

    ref: Ref
    read_at: datetime
    updated_at: datetime | None = None
    created_at: datetime | None = None
    deleted: Tombstone | None = None
    url: str | None = None
    custom: Mapping[str, CustomValue] = _NO_CUSTOM

    @cached_property
    def digest(self) -> str:
        """Hash of the fields of this model revision, ``read_at`` left out."""
        values = attrs.asdict(self, filter=lambda a, _: a.name != "read_at", value_serializer=_plain)
        text = json.dumps([MODEL_REVISION, values], sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _plain(_owner: type | None, _field: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


# --- users and reasons ---------------------------------------------------------------------------


@frozen(kw_only=True)
class User(Record):
    """A user of the ATS."""

    name: str | None = personal()
    email: str | None = personal()
    active: bool | None = None


class ReasonBy(StrEnum):
    """Whose decision a reason records."""

    ORGANISATION = "organisation"
    CANDIDATE = "candidate"
    OTHER = "other"
    UNKNOWN = "unknown"


class ReasonScope(StrEnum):
    GLOBAL = "global"
    JOB = "job"


@frozen(kw_only=True)
class Reason(Record):
    """A rejection or withdrawal reason. ``outcome`` is the status it leads to, where the ATS says so."""

    name: str | None = None
    by: ReasonBy = ReasonBy.UNKNOWN
    scope: ReasonScope = ReasonScope.GLOBAL
    active: bool | None = None
    outcome: ApplicationStatus | None = None


# --- jobs and stages -----------------------------------------------------------------------------


class JobStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    ON_HOLD = "on_hold"
    CLOSED = "closed"
    FILLED = "filled"
    ARCHIVED = "archived"
    UNKNOWN = "unknown"


class EmploymentType(StrEnum):
    FULL_TIME = "full_time"
    PART_TIME = "part_time"
    CONTRACT = "contract"
    TEMPORARY = "temporary"
    INTERN = "intern"
    OTHER = "other"


class Workplace(StrEnum):
    ON_SITE = "on_site"
    HYBRID = "hybrid"
    REMOTE = "remote"
    UNKNOWN = "unknown"


class TeamRole(StrEnum):
    HIRING_MANAGER = "hiring_manager"
    RECRUITER = "recruiter"
    COORDINATOR = "coordinator"
    SOURCER = "sourcer"
    OTHER = "other"


@frozen
class Named:
    """A department or a location: its id where the ATS has one, and its name."""

    name: str
    id: str | None = None


@frozen
class TeamMember:
    user_id: str
    role: TeamRole = TeamRole.OTHER
    name: str | None = personal()
    email: str | None = personal()


@frozen
class Posting:
    """A public advertisement of a job."""

    id: str
    title: str | None = None
    status: str | None = None
    url: str | None = None
    description_html: str | None = None


@frozen(kw_only=True)
class Job(Record):
    """A requisition: what one can apply for.

    ``pipelines`` are the ids of the pipelines that its applications go through, the usual one
    first, where the ATS keeps pipelines apart from jobs.
    """

    title: str | None = None
    code: str | None = None
    requisition_id: str | None = None
    status: JobStatus = JobStatus.UNKNOWN
    vendor_status: str | None = None
    confidential: bool | None = None
    employment_type: EmploymentType | None = None
    workplace: Workplace = Workplace.UNKNOWN
    departments: tuple[Named, ...] = ()
    locations: tuple[Named, ...] = ()
    hiring_team: tuple[TeamMember, ...] = ()
    pipelines: tuple[str, ...] = ()
    postings: tuple[Posting, ...] = ()
    description_html: str | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None


class StageScope(StrEnum):
    GLOBAL = "global"
    PIPELINE = "pipeline"
    JOB = "job"


class StageKind(StrEnum):
    """What a stage is for. UNMAPPED may end an application in an unknown way: never written."""

    LEAD = "lead"
    APPLIED = "applied"
    REVIEW = "review"
    SCREEN = "screen"
    ASSESSMENT = "assessment"
    INTERVIEW = "interview"
    REFERENCE = "reference"
    BACKGROUND = "background"
    OFFER = "offer"
    PRE_HIRE = "pre_hire"
    HIRED = "hired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ARCHIVED = "archived"
    OTHER = "other"
    UNMAPPED = "unmapped"


class Need(StrEnum):
    """What a stage asks for when something is moved into it."""

    REASON = "reason"
    ACTING_USER = "acting_user"
    OTHER = "other"


class SideEffect(StrEnum):
    """What else a write may cause in the ATS."""

    MAIL = "mail"
    AUTOMATION = "automation"
    OPENING_FILL = "opening_fill"
    REOPEN = "reopen"
    UNKNOWN = "unknown"


@frozen(kw_only=True)
class Stage(Record):
    """A stage of the ATS. Per job at many vendors: ``job`` says which.

    ``pipeline`` names the pipeline it belongs to, where several jobs may share one: see `Job.pipelines`.
    """

    name: str | None = None
    job: Ref | None = None
    pipeline: str | None = None
    scope: StageScope = StageScope.GLOBAL
    order: int | None = None
    group: str | None = None
    active: bool | None = None
    kind: StageKind = StageKind.OTHER
    terminal: bool | None = None
    writable: Answer = Answer.UNKNOWN
    needs: frozenset[Need] = frozenset()
    side_effects: frozenset[SideEffect] = frozenset()


# --- candidates ----------------------------------------------------------------------------------


class EmailType(StrEnum):
    PERSONAL = "personal"
    WORK = "work"
    OTHER = "other"


@frozen
class Email:
    value: str = field(repr=_hidden, metadata={"personal": True})
    type: EmailType = EmailType.OTHER
    primary: bool = False


@frozen
class Phone:
    value: str = field(repr=_hidden, metadata={"personal": True})
    type: str | None = None


class LinkType(StrEnum):
    LINKEDIN = "linkedin"
    GITHUB = "github"
    PORTFOLIO = "portfolio"
    OTHER = "other"


@frozen
class Link:
    url: str = field(repr=_hidden, metadata={"personal": True})
    type: LinkType = LinkType.OTHER


@frozen
class Location:
    raw: str | None = personal()
    city: str | None = personal()
    region: str | None = personal()
    postcode: str | None = personal()
    country: str | None = personal()


class SourceType(StrEnum):
    AGENCY = "agency"
    APPLIED = "applied"
    INTERNAL = "internal"
    REFERRED = "referred"
    SOURCED = "sourced"
    UNIVERSITY = "university"
    UNKNOWN = "unknown"


@frozen
class Source:
    name: str | None = None
    type: SourceType = SourceType.UNKNOWN


@frozen(kw_only=True)
class Candidate(Record):
    """A person, as the ATS knows them."""

    given_name: str | None = personal()
    family_name: str | None = personal()
    display_name: str | None = personal()
    emails: tuple[Email, ...] = personal(())
    phones: tuple[Phone, ...] = personal(())
    links: tuple[Link, ...] = personal(())
    locations: tuple[Location, ...] = personal(())
    company: str | None = personal()
    title: str | None = personal()
    tags: tuple[str, ...] = ()
    source: Source | None = None
    confidential: bool | None = None
    contactable: Answer = Answer.UNKNOWN


# --- applications --------------------------------------------------------------------------------


class ApplicationStatus(StrEnum):
    """How an application ended, or that it has not."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    HIRED = "hired"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CONVERTED = "converted"
    UNKNOWN = "unknown"


class ActorKind(StrEnum):
    USER = "user"
    INTEGRATION = "integration"
    AUTOMATION = "automation"
    UNKNOWN = "unknown"


@frozen
class Transition:
    """One entry of an application's stage history: stage ids, oldest first."""

    at: datetime | None
    to: str
    from_: str | None = None
    actor: str | None = None
    actor_kind: ActorKind = ActorKind.UNKNOWN


@frozen(kw_only=True)
class Application(Record):
    """One candidacy of one person for at most one job.

    ``token`` is whatever the ATS offers to detect a newer state (etag, version,
    last-activity time): an opaque string that differs after any edit.
    """

    candidate: Ref | None = None
    job: Ref | None = None
    stage: Ref | None = None
    stage_name: str | None = None
    status: ApplicationStatus = ApplicationStatus.UNKNOWN
    vendor_status: str | None = None
    vendor_substatus: str | None = None
    reason: Ref | None = None
    reason_text: str | None = None
    applied_at: datetime | None = None
    hired_at: datetime | None = None
    rejected_at: datetime | None = None
    withdrawn_at: datetime | None = None
    stage_entered_at: datetime | None = None
    source: Source | None = None
    owner: str | None = None
    history: tuple[Transition, ...] = ()
    token: str | None = None

    @property
    def state(self) -> State:
        """Where it stands and how it ended: what the protocol compares."""
        return State(
            stage=self.stage.id if self.stage else None,
            status=self.status,
            reason=self.reason.id if self.reason else None,
        )


@frozen
class State:
    """Where an application stands (stage id) and how it ended (status, reason id)."""

    stage: str | None
    status: ApplicationStatus
    reason: str | None = None

    def same(self, other: State) -> bool:
        """Stage and status are equal; a reason is only ever compared with a target's."""
        return self.stage == other.stage and self.status == other.status

    def meets(self, target: State) -> bool:
        """This is what the target asks for; a stage or reason it leaves open may be any."""
        return (
            self.status == target.status
            and target.stage in (None, self.stage)
            and target.reason in (None, self.reason)
        )


@frozen
class Base:
    """The ATS state last delivered to the CRM, with the ledger's number of that delivery."""

    stage: str | None
    status: ApplicationStatus
    delivery: int
    token: str | None = None

    @property
    def state(self) -> State:
        return State(stage=self.stage, status=self.status)


# --- what may leave towards the ATS --------------------------------------------------------------

BRIDGE_ACTOR = "atsbridge"
"""The actor a CRM names where its feed cannot leave out the bridge's own writes."""


@frozen(kw_only=True)
class StatusUpdate:
    """What a recruiter did in the CRM: at least one of ``step`` and ``status`` is named.

    Args:
        event_id: the CRM's own id of the change; the dedupe key.
        step, status: the CRM's words, as the mapping names them; at least one.
        reason: the CRM's word for a reason, or None.
        base: copied from the application in the moment the recruiter acted.
        sequence: grows with each change of one application, if the CRM has one.
    """

    event_id: str
    application: Ref
    step: str | None = None
    status: str | None = None
    reason: str | None = None
    base: Base | None = None
    actor: str | None = field(default=None, repr=_hidden)
    sequence: int | None = None
    occurred_at: datetime | None = None


class Action(StrEnum):
    """What one ATS write does."""

    MOVE = "move"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    REACTIVATE = "reactivate"
    HIRE = "hire"


@frozen(kw_only=True)
class Intent:
    """Exactly one planned ATS write, after mapping and policy.

    ``target`` is the whole state the write is to bring about: a MOVE's target
    keeps the expected status, a REJECT's keeps the expected stage unless the
    vendor clears it.
    """

    intent_id: str
    application: Ref
    action: Action
    target: State
    expected: State
    acting_user: str | None = None
    after: str | None = None
    not_after: datetime | None = None


class Result(StrEnum):
    """What became of a StatusUpdate. Every one is final."""

    DEAD = "dead"
    REVIEW = "review"
    CONFLICT = "conflict"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    APPLIED_OVER_CHANGE = "applied_over_change"
    APPLIED = "applied"
    ALREADY = "already"


WORST_FIRST: tuple[Result, ...] = tuple(Result)
"""For a chain, a receipt carries the worst result of its parts, in this order."""


class CompareAndSet(StrEnum):
    """The strength of a write: what the vendor itself refuses."""

    VERSION = "version"
    STAGE = "stage"
    NONE = "none"


class Gap(StrEnum):
    """Whether a change inside the read-write gap would have been seen."""

    AUDITED = "audited"
    UNAUDITED = "unaudited"
    NOT_APPLICABLE = "not_applicable"


@frozen
class Words:
    """A state in the CRM's own words, as the mapping has them; None where it has none."""

    step: str | None = None
    status: str | None = None
    reason: str | None = None


@frozen(kw_only=True)
class Receipt:
    """What became of one StatusUpdate. Delivered at least once.

    Args:
        before, after: as read before the first write, and as re-read.
        words: ``after`` in the CRM's words.
        progress: how many parts of its chain were done, of how many.
        base: what the next change of this application must carry.
    """

    event_id: str
    application: Ref
    result: Result
    why: str = ""
    intent_ids: tuple[str, ...] = ()
    before: State | None = None
    after: State | None = None
    overwritten: tuple[str, ...] = ()
    progress: tuple[int, int] = (0, 0)
    strength: CompareAndSet | None = None
    gap: Gap = Gap.NOT_APPLICABLE
    side_effects: tuple[SideEffect, ...] = ()
    evidence: Mapping[str, Any] = field(factory=dict)
    attempts: int = 0
    at: datetime | None = None
    read_at: datetime | None = None
    base: Base | None = None
    words: Words | None = None
