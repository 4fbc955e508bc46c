"""Lever (LeverTRM), Data API v1.

https://hire.lever.co/developer/documentation, read 2026-11-23.

An *opportunity* is one candidacy: it is read as an application and, by its
contact, as a candidate. A *posting* is the job. There is no status field: an
opportunity that is archived has ended, and the archive reason says how.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

from attrs import evolve, field, frozen

from ..errors import BadPayload, BadRecord, CursorLost, Forbidden, NotFound, VendorError
from ..model import (
    Action,
    ActorKind,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    Email,
    EmailType,
    EmploymentType,
    Intent,
    Job,
    JobStatus,
    Kind,
    Link,
    Location,
    Named,
    Phone,
    Posting,
    Reason,
    ReasonBy,
    Record,
    Ref,
    SideEffect,
    Source,
    SourceType,
    Stage,
    StageKind,
    StageScope,
    State,
    TeamMember,
    TeamRole,
    Tombstone,
    TombstoneKind,
    Transition,
    User,
    Workplace,
)
from ..wire.answers import AnswerRule, Complaint, Complaints, safe_time
from ..wire.auth import Basic, RefreshToken, Scheme, Token, TokenEndpoint
from ..wire.budgets import RateLimit
from ..wire.effects import Flow, Json, Request, Response, all_of, request
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Headway, Span, next_token
from ..wire.payload import Raw, object_in, read_json, read_list
from ..wire.reading import (
    from_millis,
    link_type,
    need_id,
    objects,
    opt_bool,
    opt_id,
    opt_int,
    opt_object,
    opt_text,
    record,
    texts,
    to_millis,
)
from ..wire.secrets import Secret, optional_seal, optional_secret
from ..wire.settings import one_of, typed, words
from ..wire.streams import Item, Page, Stream, sort_out
from ..wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
from .interface import Ats, Catalogue, Finding, Fresh, Gone, HookHint, PlannedWrite, Proof, Unplannable
from .preflight import ask, find, proof_of_read, try_listings, unproven_write, with_scopes

_ID = r"[A-Za-z0-9-]{1,64}"
_PAGE = frozenset({"limit", "offset"})

_APPLICATION = Slot(SlotName.APPLICATION, _ID)
_STAGE = Slot(SlotName.TARGET_STAGE, _ID)
_REASON = Slot(SlotName.REASON, _ID)
# https://hire.lever.co/developer/documentation: a query parameter, on PUT too.
_PERFORM_AS = ("perform_as", Slot(SlotName.ACTING_USER, _ID))


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """What is wrong: ``{"code": ..., "message": ...}``, https://hire.lever.co/developer/documentation."""
    if answer.status < 400:
        return None
    body = object_in(answer.body) or {}
    code, words = body.get("code"), body.get("message")
    return Complaint(code, words) if isinstance(code, str) and isinstance(words, str) else None


def _archive(name: str, note: str, *effects: SideEffect) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="PUT",
        path="/opportunities/{application}/archived",
        slots=(_APPLICATION, _REASON, _PERFORM_AS[1]),
        query=(_PERFORM_AS,),
        body={"reason": _REASON},
        signal=Signal.CHANGE,
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset({SideEffect.AUTOMATION, *effects}),
        note=note,
    )


VENDOR = Vendor(
    name="lever",
    title="Lever",
    api_version="v1",
    docs="https://hire.lever.co/developer/documentation",
    docs_read=date(2026, 11, 23),
    hosts={
        "global": "https://api.lever.co/v1",
        "eu": "https://api.eu.lever.co/v1",
        "sandbox": "https://api.sandbox.lever.co/v1",
    },
    reads=(
        Read(
            name="list_opportunities",
            path="/opportunities",
            query=_PAGE | {"expand", "updated_at_start", "confidentiality", "contact_id"},
        ),
        Read(
            name="get_opportunity",
            path="/opportunities/{id}",
            segments={"id": _ID},
            query=frozenset({"expand"}),
        ),
        Read(
            name="list_deleted_opportunities",
            path="/opportunities/deleted",
            query=_PAGE | {"deleted_at_start", "confidentiality"},
        ),
        Read(
            name="list_deleted_postings",
            path="/postings/deleted",
            query=_PAGE | {"deleted_at_start", "confidentiality"},
        ),
        Read(name="list_postings", path="/postings", query=_PAGE | {"updated_at_start", "confidentiality"}),
        Read(name="list_requisitions", path="/requisitions", query=_PAGE | {"confidentiality"}),
        Read(name="list_stages", path="/stages", query=_PAGE),
        Read(name="get_contact", path="/contacts/{id}", segments={"id": _ID}),
        Read(name="list_archive_reasons", path="/archive_reasons", query=_PAGE),
        Read(name="list_users", path="/users", query=_PAGE | {"includeDeactivated"}),
        Read(name="get_user", path="/users/{id}", segments={"id": _ID}),
    ),
    writes=(
        StatusWrite(
            name="move",
            method="PUT",
            path="/opportunities/{application}/stage",
            slots=(_APPLICATION, _STAGE, _PERFORM_AS[1]),
            query=(_PERFORM_AS,),
            body={"stage": _STAGE},
            signal=Signal.COUNT,
            resend=Resend.AFTER_SETTLE,
            side_effects=frozenset({SideEffect.AUTOMATION}),
            note="stageChanges grows by one",
        ),
        _archive("archive", "reject, withdraw, or change of reason, by the archive reason"),
        _archive(
            "hire", "archive with a reason of type hired; no requisition is named", SideEffect.OPENING_FILL
        ),
        StatusWrite(
            name="unarchive",
            method="PUT",
            path="/opportunities/{application}/archived",
            slots=(_APPLICATION, _PERFORM_AS[1]),
            query=(_PERFORM_AS,),
            body={"reason": None},
            signal=Signal.CHANGE,
            resend=Resend.AFTER_SETTLE,
            side_effects=frozenset({SideEffect.REOPEN, SideEffect.AUTOMATION}),
            note="reactivate; the stage is kept",
        ),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            urls=("https://auth.lever.co/oauth/token", "https://sandbox-lever.auth0.com/oauth/token"),
            form=frozenset({"grant_type", "client_id", "client_secret", "refresh_token"}),
        ),
    ),
    # https://hire.lever.co/developer/documentation: 10 a second, bursts to 20, not guaranteed.
    rates=(RateLimit(requests=10, per_seconds=1, burst=20),),
    answers=(
        # An offset that is no longer good is answered 400 (code name unconfirmed); the listing starts anew.
        AnswerRule(
            meaning=CursorLost,
            status=400,
            when=lambda asked, _: any(key == "offset" for key, _value in asked.query),
        ),
    ),
    # The status is the meaning: the codes of some are not confirmed.
    complaints=Complaints(read=_complaint),
    unconfirmed={
        "withdrawn_reasons": "a withdrawal is only a customer-named archive reason; these ids mean withdrawn",
        "overlap_minutes": "how late a record may become visible to updated_at_start; default 5",
        "confidential": "whether the credential has confidential access; default false",
        "visible_within_seconds": "how long a write may take to show in a read; default 0",
        "hidden_is_404": "a confidential record is answered 404 where it may not be seen; default 403",
        "hook_signed": "what a web hook's signature is over: token_and_time, in the body (the default), or"
        " body, in the header Lever-Signature",
        "region": "with OAuth, which issuer serves the EU: auth.lever.co as for global",
    },
)

_STATES: Mapping[str, JobStatus] = {
    "published": JobStatus.OPEN,
    "internal": JobStatus.OPEN,
    "closed": JobStatus.CLOSED,
    "draft": JobStatus.DRAFT,
    "pending": JobStatus.DRAFT,
    "rejected": JobStatus.ARCHIVED,
}
_WORKPLACES: Mapping[str, Workplace] = {
    "onsite": Workplace.ON_SITE,
    "remote": Workplace.REMOTE,
    "hybrid": Workplace.HYBRID,
}
_COMMITMENTS: Mapping[str, EmploymentType] = {
    "full-time": EmploymentType.FULL_TIME,
    "part-time": EmploymentType.PART_TIME,
    "contract": EmploymentType.CONTRACT,
    "contractor": EmploymentType.CONTRACT,
    "temporary": EmploymentType.TEMPORARY,
    "intern": EmploymentType.INTERN,
    "internship": EmploymentType.INTERN,
}
_ORIGINS: Mapping[str, SourceType] = {
    "agency": SourceType.AGENCY,
    "applied": SourceType.APPLIED,
    "internal": SourceType.INTERNAL,
    "referred": SourceType.REFERRED,
    "sourced": SourceType.SOURCED,
    "university": SourceType.UNIVERSITY,
}
# The built-in stages have words for ids: https://hire.lever.co/developer/documentation
_BUILT_IN: Mapping[str, StageKind] = {
    "lead-new": StageKind.LEAD,
    "lead-reached-out": StageKind.LEAD,
    "lead-responded": StageKind.LEAD,
    "applicant-new": StageKind.APPLIED,
    "offer": StageKind.OFFER,
}
_REQUISITION_STATES: Mapping[str, JobStatus] = {
    "open": JobStatus.OPEN,
    "onHold": JobStatus.ON_HOLD,
    "closed": JobStatus.CLOSED,
    "draft": JobStatus.DRAFT,
    # Recorded, though the page lists only the four above as a filter.
    "pending": JobStatus.DRAFT,
    "rejected": JobStatus.ARCHIVED,
}
_TEAM = (("owner", TeamRole.RECRUITER), ("hiringManager", TeamRole.HIRING_MANAGER))
_ENDINGS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
    ApplicationStatus.HIRED: Action.HIRE,
}
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REJECT: "archive",
    Action.WITHDRAW: "archive",
    Action.HIRE: "hire",
    Action.REACTIVATE: "unarchive",
}
_PLACE = " place"
"""Where a stage stood in its listing: the list's order is the pipeline's, and nothing else tells it."""
_ANONYMISED = re.compile(rb'"isAnonymized"\s*:\s*true')
_NOT_ANONYMISED = b'"isAnonymized":false'
_LISTINGS = ("users", "stages", "archive_reasons", "postings", "requisitions", "opportunities")
_WRITING = "write the stage and archive state of opportunities"
_SEEING = "see confidential records"
_SCOPES: Mapping[str, str] = {_WRITING: "opportunities:write:admin"}
Reader = Callable[[str, datetime, Any], tuple[Record, ...]]


@frozen(kw_only=True, field_transformer=typed)
class Lever(Ats):
    """One Lever account.

    Args:
        connection: the link's globally unique id.
        api_key: of the integration.
        client_id, client_secret, refresh_token: of an OAuth app, in its place.
        acting_user: the user in whose name writes are made (``perform_as``).
        region: ``global``, ``eu`` or ``sandbox``.
        withdrawn_reasons: ids of archive reasons that mean the candidate withdrew.
        confidential: read confidential records too; the credential must allow it.
        hidden_is_404: a 404 may be a record that is hidden, so it deletes nothing:
            only the list of deletions does.
        hook_token: the signature tokens of the web hooks, separated by blanks.
        hook_signed: ``token_and_time`` or ``body``: what their signature is over.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    READS_BY: ClassVar[tuple[str, ...]] = ("withdrawn_reasons", "confidential")
    LOGINS: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("api_key",),
        ("client_id", "client_secret", "refresh_token"),
    )

    connection: str
    api_key: Secret | None = field(default=None, converter=optional_secret)
    client_id: Secret | None = field(default=None, converter=optional_secret)
    client_secret: Secret | None = field(default=None, converter=optional_secret)
    refresh_token: Secret | None = field(default=None, converter=optional_secret)
    acting_user: str | None = None
    region: str = field(default="global", validator=one_of(*VENDOR.hosts))
    withdrawn_reasons: frozenset[str] = field(factory=frozenset, converter=words)
    confidential: bool = False
    hidden_is_404: bool = False
    hook_token: Secret | None = field(default=None, converter=optional_seal)
    hook_signed: str = field(default="token_and_time", validator=one_of("token_and_time", "body"))
    overlap_minutes: float = 5.0
    visible_within_seconds: float = 0.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts[self.region]

    def auth(self) -> Scheme:
        login = self.login()
        if "api_key" in login:
            return Basic(user=login["api_key"])
        # The sandbox has an issuer of its own: https://hire.lever.co/developer/documentation
        return RefreshToken(
            token_endpoint=VENDOR.tokens[0],
            url=VENDOR.tokens[0].urls[self.region == "sandbox"],
            client_id=login["client_id"],
            client_secret=login["client_secret"],
            first=login["refresh_token"],
            basic=False,
        )

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    @property
    def default_acting_user(self) -> str | None:
        return self.acting_user

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        return (
            self._whole("users", Kind.USER, read_user, includeDeactivated="true"),
            self._whole("archive_reasons", Kind.REASON, self._read_reason),
            self._whole("requisitions", Kind.JOB, read_requisition, **self._secrecy),
            self._since("postings", {Kind.JOB}, self._postings_page, again=True),
            self._whole("stages", Kind.STAGE, read_stage),
            self._since(
                "opportunities", {Kind.CANDIDATE, Kind.APPLICATION}, self._opportunities_page, again=True
            ),
            self._since("deleted_opportunities", {Kind.APPLICATION}, self._deleted_page, deletions=True),
            self._since("deleted_postings", {Kind.JOB}, self._deleted_page, deletions=True),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    @property
    def reads_confidential(self) -> bool:
        return self.confidential

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    @property
    def _secrecy(self) -> dict[str, str]:
        # Lists leave confidential records out, without a word, unless they are asked for:
        # https://hire.lever.co/developer/documentation
        return {"confidentiality": "all"} if self.confidential else {}

    @property
    def _overlap(self) -> timedelta:
        return timedelta(minutes=self.overlap_minutes)

    def _since(
        self,
        name: str,
        kinds: set[Kind],
        page: Callable[[str, Span], Flow[Page]],
        *,
        again: bool = False,
        deletions: bool = False,
    ) -> Stream:
        """A listing that a time narrows."""
        return Stream(
            name=name,
            kinds=frozenset(kinds),
            incremental=True,
            deletions=deletions,
            # updatedAt is null on records not touched since Lever has it: updated_at_start never returns
            # those. So all is read once, then what changed since before that read began.
            start=lambda watermark, _job: Span.first(watermark, again=again),
            page=lambda cursor: Routine(lambda: page(name, Span.of(cursor))),
        )

    def _whole(self, name: str, kind: Kind, read: Reader, **query: str) -> Stream:
        """A short listing that can only be read whole."""

        def page(cursor: Any) -> Flow[Page]:
            response, token, raws = yield from _list(f"list_{name}", f"/{name}", query, cursor["token"])
            if kind is Kind.STAGE:
                raws = [_placed(raw, place) for place, raw in enumerate(raws, start=cursor["at"])]
            items, rejected = sort_out(raws, lambda raw: self._item(((kind, _id(raw)),), raw, read, response))
            following = None if token is None else {"token": token, "at": cursor["at"] + len(raws)}
            watermark: Json = None if following else {}
            return Page(items=items, rejected=rejected, next=following, watermark=watermark)

        return Stream(
            name=name,
            kinds=frozenset({kind}),
            incremental=False,
            start=lambda _watermark, _job: {"token": None, "at": 0},
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _item(self, ids: tuple[tuple[Kind, str], ...], raw: Raw, read: Reader, response: Response) -> Item:
        return Item(ids, raw, partial(read, self.connection, response.sent_at))

    def _postings_page(self, name: str, span: Span) -> Flow[Page]:
        query = {**_updated(span), **self._secrecy}
        response, token, raws = yield from _list("list_postings", "/postings", query, span.token)
        items, rejected = sort_out(
            raws, lambda raw: self._item(((Kind.JOB, _id(raw)),), raw, read_posting, response)
        )
        following, watermark = span.seen(safe_time(response)).after(token, overlap=self._overlap)
        return Page(items=items, rejected=rejected, next=following, watermark=watermark)

    def _opportunities_page(self, name: str, span: Span) -> Flow[Page]:
        query = {"expand": "applications", **_updated(span), **self._secrecy}
        response, token, raws = yield from _list("list_opportunities", "/opportunities", query, span.token)
        blanked, untold = yield from self._anonymised_contacts(raws)
        read = partial(read_opportunity, blanked=blanked, untold=untold)

        def item(raw: Raw) -> Item:
            ids = ((Kind.APPLICATION, _id(raw)), (Kind.CANDIDATE, _id(raw, "contact")))
            return self._item(ids, raw, read, response)

        items, rejected = sort_out(raws, item)
        following, watermark = span.seen(safe_time(response)).after(token, overlap=self._overlap)
        return Page(items=items, rejected=rejected, next=following, watermark=watermark)

    def _anonymised_contacts(self, raws: Sequence[Raw]) -> Flow[tuple[frozenset[str], frozenset[str]]]:
        """Which contacts of anonymised opportunities are anonymised themselves, and of which nothing tells.

        One person may have others that are not: a contact is blank only when
        all its opportunities are, and only the contact says so.
        """
        # Nearly every record says "no" in just these bytes, which are found much sooner than a pattern.
        doubtful = [raw for raw in raws if _NOT_ANONYMISED not in raw.content]
        # A contact of another form cannot be asked for; its opportunity is then blank by itself.
        contacts, _ = sort_out([raw for raw in doubtful if _ANONYMISED.search(raw.content)], _contact)
        marked = sorted({*contacts})
        # One that gives no answer may be blank, and the page would not be read again to find out.
        told = dict(zip(marked, (yield from all_of([_is_blank(id) for id in marked], 4)), strict=True))
        # What blanks a person for good is not left to an answer that may be a fault, passing or not.
        lost = [id for id in marked if told[id] is None]
        told |= zip(lost, (yield from all_of([self._is_blank_or_lost(id) for id in lost], 4)), strict=True)
        return (
            frozenset(id for id, blank in told.items() if blank),
            frozenset(id for id, blank in told.items() if blank is None),
        )

    def _is_blank_or_lost(self, contact: str) -> Flow[bool | None]:
        """Whether a contact that was not found once is anonymised: by itself, or by its opportunities."""
        blank = yield from _is_blank(contact)
        if blank is not None:
            return blank
        query = {"contact_id": contact, **self._secrecy}
        _, token, raws = yield from _list("list_opportunities", "/opportunities", query, None)
        named, unnamed = sort_out(raws, lambda raw: (_contact(raw), raw.peek("isAnonymized") is True))
        if (contact, False) in named:
            return False
        whole = token is None and not unnamed
        return True if whole and set(named) == {(contact, True)} else None

    def _deleted_page(self, name: str, span: Span) -> Flow[Page]:
        listing = name.removeprefix("deleted_")
        kind = Kind.JOB if listing == "postings" else Kind.APPLICATION
        query = {"deleted_at_start": str(to_millis(span.since or 0.0)), **self._secrecy}
        response, token, raws = yield from _list(f"list_{name}", f"/{listing}/deleted", query, span.token)
        following, watermark = span.seen(safe_time(response)).after(token, overlap=self._overlap)
        gone, rejected = sort_out(raws, lambda raw: self.ref(kind, _id(raw)))
        return Page(deleted=gone, rejected=rejected, next=following, watermark=watermark)

    def _read_reason(self, connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
        return read_reason(connection, read_at, data, withdrawn=self.withdrawn_reasons)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        wanted = Request(
            operation="get_opportunity",
            method="GET",
            url=f"/opportunities/{quote(ref.id, safe='')}",
            query=(("expand", "applications"),),
        )
        # A 403 may be of one record, or of the endpoint: https://hire.lever.co/developer/documentation
        beside = _get("list_opportunities", "/opportunities", {"limit": "1"})
        answer = yield from find(wanted, beside=beside, rows=lambda shown: read_list(shown.body, "data")[1])
        if isinstance(answer, NotFound):
            kind = TombstoneKind.LOST_ACCESS if self.hidden_is_404 else TombstoneKind.DELETED
            return Gone(tombstone=Tombstone(kind))
        if isinstance(answer, Forbidden):
            return Gone(tombstone=Tombstone(TombstoneKind.LOST_ACCESS))
        if isinstance(answer, VendorError):
            raise answer
        return self._fresh(answer)

    def _fresh(self, response: Response) -> Fresh:
        """An application from ``{"data": opportunity}``, with what the protocol compares around a write."""
        envelope = read_json(response.body)
        data = record(envelope.get("data") if isinstance(envelope, dict) else None)
        application = read_application(self.connection, response.sent_at, data)
        signals: dict[str, str] = dict.fromkeys(("archive", "hire", "unarchive"), application.token or "")
        changes = data.get("stageChanges")
        if isinstance(changes, list) and len(changes) == len(application.history):
            # One that tells no stage may hide a change: nothing can be counted then.
            signals["move"] = str(len(changes))
        return Fresh(application=application, signals=signals)

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        stages = yield from self._all("stages", read_stage)
        reasons = yield from self._all("archive_reasons", self._read_reason)
        return Catalogue(
            job=job,
            stages=tuple(r for r in stages if isinstance(r, Stage)),
            reasons=tuple(r for r in reasons if isinstance(r, Reason)),
        )

    def _all(self, name: str, read: Reader) -> Flow[list[Record]]:
        records: list[Record] = []
        token: str | None = None
        headway = Headway(name)
        while True:
            headway.turn_to(token)
            response, token, raws = yield from _list(f"list_{name}", f"/{name}", {}, token)
            headway.saw(raw.digest for raw in raws)
            for place, raw in enumerate(raws, start=len(records)):
                records.extend(read(self.connection, response.sent_at, _placed(raw, place).data))
            if token is None:
                return records

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        listings = {name: _get(f"list_{name}", f"/{name}", {"limit": "1"}) for name in _LISTINGS}
        grant = "read access to {} for the API credential"
        answers, reads = yield from try_listings(listings, host=self.host, grant=grant)
        contacts = yield from self._check_contacts(answers[-1])
        secrecy = yield from self._check_confidential()
        writes = yield from self._check_writing()
        return (*reads, contacts, *secrecy, *writes)

    def _check_contacts(self, opportunities: Response | VendorError) -> Flow[Finding]:
        """Contacts have no list: whether one can be read shows on the contact of an opportunity."""
        what, grant = "read contacts", "read access to contacts for the API credential"
        named, _ = sort_out(_shown(opportunities), _contact)
        if not named:
            tried = "nothing: no opportunity names a contact"
            return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant)
        wanted = _get("get_contact", f"/contacts/{named[0]}", {})
        return proof_of_read(what, wanted, (yield from ask(wanted)), grant=grant)

    def _check_confidential(self) -> Flow[tuple[Finding, ...]]:
        if not self.confidential:
            return ()
        asked = {"limit": "1", "confidentiality": "confidential"}
        wanted = _get("list_opportunities", "/opportunities", asked)
        answer = yield from ask(wanted)
        grant = "confidential data for the API credential"
        finding = proof_of_read(_SEEING, wanted, answer, grant=grant)
        if isinstance(answer, Response) and not _shown(answer):
            # Where it is not granted the list is empty, too.
            tried = f"{finding.tried}: there are none, or they are hidden"
            finding = evolve(finding, proof=Proof.UNPROVEN, tried=tried, ask=grant)
        return (finding,)

    def _check_writing(self) -> Flow[tuple[Finding, ...]]:
        """Only a write shows a write permission; the acting user can be looked at."""
        scope = _SCOPES[_WRITING]
        grant = f"write access to opportunities for the API credential (scope {scope})"
        unproven = unproven_write(_WRITING, grant=grant)
        if self.acting_user is None:
            missing = Finding(
                what="the user in whose name writes are made",
                proof=Proof.MISSING,
                tried="acting_user is not set",
                ask="an active Lever user for the integration; its id goes into acting_user",
                needed_for="write",
            )
            return unproven, missing
        wanted = _get("get_user", f"/users/{quote(self.acting_user, safe='')}", {})
        answer = yield from ask(wanted)
        finding = proof_of_read(
            "the acting user exists", wanted, answer, grant="an existing user for acting_user"
        )
        if isinstance(answer, Response) and _deactivated(answer):
            finding = evolve(finding, proof=Proof.MISSING, ask="the acting user is deactivated: name another")
        return unproven, evolve(finding, needed_for="write")

    def with_grant(self, findings: Sequence[Finding], token: Token | None) -> tuple[Finding, ...]:
        return with_scopes(findings, token, _SCOPES)

    # -- web hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        """A delivery as a hint to read again.

        The signature stands in the body and covers the token and the time, not
        the data (several receivers agree; the page was not read again): so the
        ids are only a hint, and whoever calls this keeps the delivery ids, or a
        delivery could be sent again with other data.
        """
        if self.hook_token is None:
            return None
        keys = [Secret(text) for text in self.hook_token.reveal().split()]
        claimed = {k.lower(): v for k, v in headers.items()}.get("lever-signature", "")
        in_header = self.hook_signed == "body"
        if in_header and not sealed_by(keys, body, claimed):
            return None
        delivery = said(body) or {}
        token, at = opt_text(delivery, "token"), opt_int(delivery, "triggeredAt")
        if token is None or at is None:
            return None
        if not in_header:
            claimed = opt_text(delivery, "signature") or ""
            if not sealed_by(keys, f"{token}{at}".encode(), claimed):
                return None
        # Not the token: "a1" at 23 and "a" at 123 have one signature. And the connection test of
        # Lever's pages names nothing: https://hire.lever.co/developer/documentation
        return HookHint(delivery_id=claimed, refs=self._hinted(delivery), occurred_at=from_millis(at))

    def _hinted(self, delivery: Mapping[str, Any]) -> tuple[Ref, ...]:
        data = opt_object(delivery, "data") or {}
        named = ((Kind.APPLICATION, "opportunityId"), (Kind.CANDIDATE, "contactId"))
        found = ((kind, opt_id(data, name)) for kind, name in named)
        return tuple(self.ref(kind, id) for kind, id in found if id and re.fullmatch(_ID, id))

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Archive state and stage are independent here: first out of the archive, then the stage, then in."""
        chain: list[PlannedWrite] = []
        here = current
        ending = target.status is not ApplicationStatus.ACTIVE
        if not ending and here.status is not ApplicationStatus.ACTIVE:
            there = State(stage=here.stage, status=ApplicationStatus.ACTIVE)
            chain.append(PlannedWrite(Action.REACTIVATE, here, there))
            here = there
        if target.stage is not None and target.stage != here.stage:
            there = evolve(here, stage=target.stage)
            chain.append(PlannedWrite(Action.MOVE, here, there))
            here = there
        if ending and not here.meets(target):
            chain.append(self._ending(here, target))
        return chain or [PlannedWrite(Action.MOVE, current, current)]

    def _ending(self, here: State, target: State) -> PlannedWrite:
        action = _ENDINGS.get(target.status)
        if action is None:
            raise Unplannable(f"Lever has no way to make an application {target.status}", vendor=VENDOR.name)
        if target.reason is None:
            raise Unplannable("Lever archives with a reason only; the mapping names none", vendor=VENDOR.name)
        return PlannedWrite(action, here, evolve(target, stage=here.stage))

    def declared(self, intent: Intent) -> StatusWrite:
        write = VENDOR.write(_WRITES[intent.action])
        return evolve(write, visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        if intent.acting_user is None:
            raise Unplannable("Lever wants to know who acts: set acting_user", vendor=VENDOR.name)
        values = {SlotName.APPLICATION: intent.application.id, SlotName.ACTING_USER: intent.acting_user}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        return Call(self.declared(intent).render(values), partial(self._answer, current))

    def _answer(self, current: Fresh, response: Response) -> Fresh | None:
        # The write's answer shows applications as ids: what only an expanded one tells is kept.
        fresh, was = self._fresh(response), current.application
        kept = evolve(fresh.application, job=was.job, applied_at=was.applied_at)
        return evolve(fresh, application=kept)


# --- readers -------------------------------------------------------------------------------------


def _get(operation: str, path: str, query: Mapping[str, str]) -> Request:
    return Request(operation=operation, method="GET", url=path, query=tuple(query.items()))


def _list(
    operation: str, path: str, query: Mapping[str, str], token: str | None
) -> Flow[tuple[Response, str | None, list[Raw]]]:
    """One page of a listing: the answer, the next page's token, the records."""
    # Offset tokens come percent-encoded and go back as they came, encoded once more by the sender.
    paging = {"limit": "100"} if token is None else {"limit": "100", "offset": token}
    response = yield from request(_get(operation, path, {**query, **paging}))
    envelope, raws = read_list(response.body, "data")
    return response, next_token(envelope, more="hasNext", token="next"), raws  # noqa: S106 - a key's name


def _updated(span: Span) -> dict[str, str]:
    # Inclusive, in milliseconds: https://hire.lever.co/developer/documentation
    return {} if span.since is None else {"updated_at_start": str(to_millis(span.since))}


def _id(raw: Raw, name: str = "id") -> str:
    return need_id({name: raw.peek(name)}, name)


def _placed(raw: Raw, place: int) -> Raw:
    """With its place in the listing; one that cannot be read stays as it is, and its reader says so."""
    try:
        data = raw.data
    except BadRecord:
        return raw
    return Raw.of({**data, _PLACE: place}) if isinstance(data, dict) else raw


def _contact(raw: Raw) -> str:
    return need_id({"contact": raw.peek("contact")}, "contact", form=_ID)


def _is_blank(contact: str) -> Flow[bool | None]:
    """Whether a contact says that it is anonymised; None where it is not found."""
    answer = yield from ask(_get("get_contact", f"/contacts/{contact}", {}))
    if isinstance(answer, NotFound):
        return None
    if isinstance(answer, VendorError):
        raise answer
    data = (object_in(answer.body) or {}).get("data")
    if not isinstance(data, dict):
        raise BadPayload("the answer about a contact is none")
    return data.get("isAnonymized") is True


def _shown(answer: Response | VendorError) -> list[Raw]:
    """What a listing shows; nothing where it was refused, or is none."""
    try:
        return [] if isinstance(answer, VendorError) else read_list(answer.body, "data")[1]
    except BadPayload:
        return []


def _deactivated(answer: Response) -> bool:
    data = (object_in(answer.body) or {}).get("data")
    return isinstance(data, dict) and data.get("deactivatedAt") is not None


def read_user(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    user = record(data)
    return (
        User(
            ref=Ref(connection, Kind.USER, need_id(user, "id")),
            read_at=read_at,
            created_at=from_millis(user.get("createdAt")),
            name=opt_text(user, "name"),
            email=opt_text(user, "email"),
            active=user.get("deactivatedAt") is None,
        ),
    )


def read_reason(
    connection: str, read_at: datetime, data: Any, *, withdrawn: frozenset[str] = frozenset()
) -> tuple[Record, ...]:
    reason = record(data)
    id = need_id(reason, "id")
    # Only the type tells what an archived opportunity is; more than one reason may be of type hired.
    hired, by_candidate = reason.get("type") == "hired", id in withdrawn
    outcome = ApplicationStatus.REJECTED if reason.get("type") == "non-hired" else None
    return (
        Reason(
            ref=Ref(connection, Kind.REASON, id),
            read_at=read_at,
            name=opt_text(reason, "text"),
            by=ReasonBy.CANDIDATE if by_candidate else ReasonBy.UNKNOWN,
            active=None if "status" not in reason else reason["status"] == "active",
            outcome=ApplicationStatus.HIRED
            if hired
            else ApplicationStatus.WITHDRAWN
            if by_candidate
            else outcome,
        ),
    )


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    stage = record(data)
    id = need_id(stage, "id")
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, id),
            read_at=read_at,
            name=opt_text(stage, "text"),
            scope=StageScope.GLOBAL,
            order=opt_int(stage, _PLACE),
            active=True,
            kind=_BUILT_IN.get(id, StageKind.OTHER),
            terminal=False,
            writable=Answer.YES,
            side_effects=frozenset({SideEffect.AUTOMATION}),
        ),
    )


def read_posting(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    posting = record(data)
    id = need_id(posting, "id")
    categories = opt_object(posting, "categories") or {}
    urls = opt_object(posting, "urls") or {}
    content = opt_object(posting, "content") or {}
    codes = texts(posting, "requisitionCodes")
    state, title = opt_text(posting, "state"), opt_text(posting, "text")
    html, public = opt_text(content, "descriptionHtml"), opt_text(urls, "show")
    return (
        Job(
            ref=Ref(connection, Kind.JOB, id),
            read_at=read_at,
            updated_at=from_millis(posting.get("updatedAt")),
            created_at=from_millis(posting.get("createdAt")),
            url=public,
            title=title,
            code=codes[0] if codes else opt_text(posting, "reqCode"),
            requisition_id=codes[0] if codes else None,
            status=_STATES.get(state or "", JobStatus.UNKNOWN),
            vendor_status=state,
            confidential=_confidential(posting),
            employment_type=_commitment(categories),
            workplace=_WORKPLACES.get(opt_text(posting, "workplaceType") or "", Workplace.UNKNOWN),
            departments=_named(opt_text(categories, "department"), opt_text(categories, "team")),
            locations=_named(*(texts(categories, "allLocations") or (opt_text(categories, "location"),))),
            hiring_team=_team(posting),
            postings=(Posting(id, title, state, public, html),),
            description_html=html,
        ),
    )


def read_requisition(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    """A requisition is headcount; it comes as a job of its own, which names its postings."""
    requisition = record(data)
    status = opt_text(requisition, "status")
    code = opt_text(requisition, "requisitionCode")
    return (
        Job(
            ref=Ref(connection, Kind.JOB, need_id(requisition, "id")),
            read_at=read_at,
            updated_at=from_millis(requisition.get("updatedAt")),
            created_at=from_millis(requisition.get("createdAt")),
            title=opt_text(requisition, "name"),
            code=code,
            requisition_id=code,
            status=_REQUISITION_STATES.get(status or "", JobStatus.UNKNOWN),
            vendor_status=status,
            confidential=_confidential(requisition),
            departments=_named(opt_text(requisition, "department"), opt_text(requisition, "team")),
            locations=_named(opt_text(requisition, "location")),
            hiring_team=_team(requisition),
            postings=tuple(Posting(id) for id in texts(requisition, "postings")),
            opened_at=from_millis(requisition.get("timeToFillStartAt")),
            closed_at=from_millis(requisition.get("closedAt")),
        ),
    )


def read_opportunity(
    connection: str,
    read_at: datetime,
    data: Any,
    *,
    blanked: frozenset[str] = frozenset(),
    untold: frozenset[str] = frozenset(),
) -> tuple[Record, ...]:
    """A candidate, unless this opportunity is anonymised and its contact is not, and an application.

    Args:
        blanked: contacts that are anonymised. untold: those of which nothing tells whether they are.
    """
    opportunity = record(data)
    application = read_application(connection, read_at, opportunity)
    contact = application.candidate
    assert contact is not None  # noqa: S101 - an opportunity without contact is refused above
    if opportunity.get("isAnonymized") is not True:
        return read_candidate(contact, opportunity, application), application
    if contact.id in untold:
        raise BadRecord("contact", "not found, and its opportunities do not tell whether it is anonymised")
    if contact.id not in blanked:
        return (application,)
    blank = Candidate(ref=contact, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED))
    return blank, application


def read_candidate(ref: Ref, opportunity: Mapping[str, Any], application: Application) -> Candidate:
    """The person; what their application has of it already is not read again."""
    headline, place = opt_text(opportunity, "headline"), opt_text(opportunity, "location")
    return Candidate(
        ref=ref,
        read_at=application.read_at,
        updated_at=application.updated_at,
        url=application.url,
        display_name=opt_text(opportunity, "name"),
        emails=tuple(
            [
                Email(value, EmailType.OTHER, place == 0)
                for place, value in enumerate(texts(opportunity, "emails"))
            ]
        ),
        phones=tuple(
            [
                Phone(number, opt_text(phone, "type"))
                for phone in objects(opportunity, "phones")
                if (number := opt_text(phone, "value"))
            ]
        ),
        links=tuple([Link(url, link_type(url)) for url in texts(opportunity, "links")]),
        locations=(Location(raw=place),) if place else (),
        company=headline,
        tags=texts(opportunity, "tags"),
        source=application.source,
        confidential=_confidential(opportunity),
        contactable=_contactable(opportunity, application.read_at),
    )


def read_application(connection: str, read_at: datetime, opportunity: Mapping[str, Any]) -> Application:
    # Whatever stands there but null is no opportunity under way.
    ended, archived = opportunity.get("archived") is not None, opt_object(opportunity, "archived")
    reason = opt_id(archived, "reason") if archived else None
    stage = opportunity.get("stage")
    stage_id = opt_id(stage, "id") if isinstance(stage, dict) else opt_id(opportunity, "stage")
    # A lead that was sourced has not applied: it has no application, and with it no job.
    applied = next(objects(opportunity, "applications"), None)
    posting = opt_id(applied, "posting") if applied else None
    history = tuple(_transitions(opportunity))
    ended_at = from_millis(archived.get("archivedAt")) if archived else None
    return Application(
        ref=Ref(connection, Kind.APPLICATION, need_id(opportunity, "id")),
        read_at=read_at,
        updated_at=from_millis(opportunity.get("updatedAt")),
        created_at=from_millis(opportunity.get("createdAt")),
        url=opt_text(opt_object(opportunity, "urls") or {}, "show"),
        candidate=Ref(connection, Kind.CANDIDATE, need_id(opportunity, "contact")),
        job=Ref(connection, Kind.JOB, posting) if posting else None,
        stage=Ref(connection, Kind.STAGE, stage_id) if stage_id else None,
        # An archived opportunity keeps its stage. How it ended is its reason's to say: see Reason.outcome.
        status=ApplicationStatus.UNKNOWN if ended else ApplicationStatus.ACTIVE,
        vendor_status="archived" if ended else "active",
        # A snooze lapses without any change of the record, so it is no status of its own.
        vendor_substatus=_snoozed(opportunity, read_at),
        reason=Ref(connection, Kind.REASON, reason) if reason else None,
        applied_at=from_millis(applied.get("createdAt")) if applied else None,
        rejected_at=ended_at,
        stage_entered_at=history[-1].at if history else None,
        source=_source(opportunity),
        owner=opt_id(opportunity, "owner"),
        history=history,
        token=f"{opportunity.get('updatedAt')}/{len(history)}/{reason}/{ended_at}",
    )


def _transitions(opportunity: Mapping[str, Any]) -> list[Transition]:
    previous: str | None = None
    found: list[Transition] = []
    for change in objects(opportunity, "stageChanges"):
        to = opt_id(change, "toStageId")
        if to is not None:
            actor = opt_id(change, "userId")
            kind = ActorKind.USER if actor else ActorKind.UNKNOWN
            found.append(Transition(from_millis(change.get("updatedAt")), to, previous, actor, kind))
            previous = to
    return found


def _snoozed(opportunity: Mapping[str, Any], read_at: datetime) -> str | None:
    until = from_millis(opportunity.get("snoozedUntil"))
    return "snoozed" if until is not None and until > read_at else None


def _contactable(opportunity: Mapping[str, Any], read_at: datetime) -> Answer:
    """Consent to be contacted, as long as it holds; its end changes nothing in the record."""
    consent = opt_object(opt_object(opportunity, "dataProtection") or {}, "contact") or {}
    allowed, until = opt_bool(consent, "allowed"), from_millis(consent.get("expiresAt"))
    if allowed is None:
        return Answer.UNKNOWN
    return Answer.YES if allowed and (until is None or until > read_at) else Answer.NO


def _source(opportunity: Mapping[str, Any]) -> Source | None:
    names, origin = texts(opportunity, "sources"), opt_text(opportunity, "origin")
    if not names and origin is None:
        return None
    return Source(names[0] if names else None, _ORIGINS.get(origin or "", SourceType.UNKNOWN))


def _confidential(data: Mapping[str, Any]) -> bool | None:
    secrecy = opt_text(data, "confidentiality")
    return None if secrecy is None else secrecy == "confidential"


def _commitment(categories: Mapping[str, Any]) -> EmploymentType | None:
    word = opt_text(categories, "commitment")
    return None if word is None else _COMMITMENTS.get(word.lower(), EmploymentType.OTHER)


def _named(*names: str | None) -> tuple[Named, ...]:
    return tuple(Named(name) for name in dict.fromkeys(names) if name)


def _team(data: Mapping[str, Any]) -> tuple[TeamMember, ...]:
    found = ((opt_id(data, name), role) for name, role in _TEAM)
    return tuple(TeamMember(user, role) for user, role in found if user)
