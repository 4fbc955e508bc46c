"""SAP SuccessFactors Recruiting, OData API v2.

https://help.sap.com, "SAP SuccessFactors API Reference Guide (OData V2)", and SAP's knowledge base
articles (KBA); read 2026-11-23.

Statuses belong to *applicant status sets*, one to each requisition. A status of the set is what a
recruiter picks, and it decides how the application stands: there are no reasons beside it, and to move,
to reject and to hire are one request, an upsert. It answers 200 whatever became of the record.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import (
    BadPayload,
    BadRecord,
    Doubtful,
    Forbidden,
    NotFound,
    Refused,
    Unauthorized,
    VendorError,
)
from ..model import (
    Action,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    Email,
    Intent,
    Job,
    JobStatus,
    Kind,
    Location,
    Phone,
    Record,
    Ref,
    SideEffect,
    Source,
    Stage,
    StageKind,
    StageScope,
    State,
    TeamMember,
    TeamRole,
    Tombstone,
    TombstoneKind,
    Transition,
)
from ..wire.answers import Complaint, Complaints, safe_time
from ..wire.auth import Scheme, TokenEndpoint
from ..wire.effects import Flow, Json, Purpose, Request, Response, request
from ..wire.hooks import said
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Span
from ..wire.payload import Raw, object_in, read_json, read_list
from ..wire.reading import (
    from_millis,
    need_id,
    objects,
    opt_bool,
    opt_id,
    opt_int,
    opt_object,
    opt_text,
    record,
)
from ..wire.saml import SamlBearer
from ..wire.secrets import Secret, optional_seal, secret
from ..wire.settings import one_of, typed
from ..wire.streams import Item, Page, Stream, sort_out
from ..wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
from ..wire.xml import local, read_xml
from .chain import StageChain
from .interface import (
    Ats,
    Catalogue,
    Finding,
    Fresh,
    Gone,
    HookHint,
    HookReply,
    PlannedWrite,
    Proof,
    Unplannable,
)
from .preflight import ask, find, proof_of_read, reach

_ID = r"[1-9][0-9]{0,18}"
_QUERY = frozenset({"$select", "$expand", "$filter", "$orderby", "$top", "$format"})
_ONE = frozenset({"$select", "$expand", "$format"})

_APPLICATION = Slot(SlotName.APPLICATION, _ID, frame=("JobApplication(", "L)"))
_STAGE = Slot(SlotName.TARGET_STAGE, _ID)


def _error(answer: Response) -> Mapping[str, Any] | None:
    """The OData error of an answer; None where it has none."""
    return opt_object(object_in(answer.body) or {}, "error")


def _complaint(asked: Request, answer: Response) -> Complaint | None:
    """What is wrong: in an error's body (KBA 2546923), or in the result of an upsert under 200."""
    if answer.status == 200:
        return _upserted(asked, answer) if asked.purpose is Purpose.WRITE else None
    error = _error(answer)
    if error is None:
        return None
    words = opt_text(opt_object(error, "message") or {}, "value") or ""
    number = re.match(r"\[(\w+)\]", words)
    # Which status a code comes with is not settled: KBA 2524436 and 2545055 differ.
    code = number[1] if number and number[1] in _MEANINGS else opt_text(error, "code") or ""
    return Complaint(code, words[number.end() :] if number else words)


def _upserted(asked: Request, answer: Response) -> Complaint | None:
    """What became of the one record of an upsert: 200 says only that it was looked at (KBA 2545933)."""
    body = read_json(answer.body)
    results = body.get("d") if isinstance(body, dict) else None
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise BadPayload("an upsert of one record is not answered by one result")
    result: Mapping[str, Any] = results[0]
    words, http = opt_text(result, "message") or "", opt_int(result, "httpCode")
    if result.get("status") == "ERROR":
        # KBA 3151226 has it under 500, where anything else may have gone wrong half way.
        known = (http is not None and 400 <= http < 500) or "not allowed" in words
        return Complaint("UPSERT_REFUSED" if known else "UPSERT_FAILED", words)
    if result.get("status") != "OK" or http != 200 or opt_text(result, "editStatus") not in _DONE:
        return Complaint("UPSERT_DOUBTFUL", words)
    named = re.search(r"applicationId=(\d+)", opt_text(result, "key") or "")
    wanted = _APPLICATION.text(asked.body["__metadata"]["uri"])
    return None if named and named[1] == wanted else Complaint("UPSERT_DOUBTFUL", "of another key")


# INSERTED is another record than the one meant, ACCEPTED is one that was not executed.
_DONE = frozenset({"UPSERTED", "UPDATED"})
_MEANINGS: Mapping[str, type[VendorError]] = {
    # KBA 2524436, 2872019. An endpoint that is not there is no record that is not there.
    "LGN0001": Forbidden,
    "LGN0002": Forbidden,
    "LGN0003": Unauthorized,
    "LGN0004": Forbidden,
    "LGN0005": Unauthorized,
    "LGN0006": Unauthorized,
    "LGN0007": Unauthorized,
    "LGN0008": Forbidden,
    "LGN0009": Forbidden,
    "LGN0010": Forbidden,
    "LGN0022": Unauthorized,
    "UPSERT_REFUSED": Refused,
    "UPSERT_FAILED": Doubtful,
    "UPSERT_DOUBTFUL": Doubtful,
}


def _list(entity: str) -> Read:
    return Read(name=f"list_{entity}", path=f"/{entity}", query=_QUERY)


def _get(entity: str) -> Read:
    return Read(name=f"get_{entity}", path=f"/{entity}({{id}}L)", segments={"id": _ID}, query=_ONE)


def _metadata(entity: str) -> Read:
    return Read(name=f"metadata_{entity}", path=f"/{entity}/$metadata")


def _write(name: str, note: str, *effects: SideEffect) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="POST",
        path="/upsert",
        slots=(_APPLICATION, _STAGE),
        body={
            "__metadata": {"uri": _APPLICATION, "type": "SFOData.JobApplication"},
            "appStatusSetItemId": _STAGE,
        },
        signal=Signal.COUNT,
        visible_within_seconds=5.0,
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset(effects),
        note=note,
    )


_ENTITIES = ("JobApplicationStatus", "JobRequisition", "Candidate", "JobApplicationStatusAuditTrail")
_MOVED = (SideEffect.MAIL, SideEffect.AUTOMATION)

VENDOR = Vendor(
    name="successfactors",
    title="SAP SuccessFactors Recruiting",
    api_version="OData v2",
    docs="https://help.sap.com/docs/SAP_SUCCESSFACTORS_PLATFORM",
    docs_read=date(2026, 11, 23),
    # The data centre decides the host: KBA 2215682.
    hosts={"suite": "https://{api_host}/odata/v2"},
    host_slots={"api_host": r"api[a-z0-9-]{0,40}\.(?:successfactors|sapsf)\.(?:com|eu)"},
    # Without it answers are Atom.
    headers=(("Accept", "application/json"),),
    reads=(
        *(_list(entity) for entity in (*_ENTITIES, "JobApplication")),
        *(_get(entity) for entity in ("JobRequisition", "Candidate", "JobApplication")),
        *(_metadata(entity) for entity in (*_ENTITIES, "JobApplication")),
    ),
    writes=(
        _write("move", "to another status of the requisition's set", *_MOVED),
        _write("end", "reject or withdraw: a status of the set that ends so; its rules may mail", *_MOVED),
        _write("reopen", "from a status that ends to one that does not", SideEffect.REOPEN, *_MOVED),
        _write("hire", "the set's hired status; may begin onboarding", SideEffect.OPENING_FILL, *_MOVED),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            urls=("https://{api_host}/oauth/token",),
            form=frozenset({"company_id", "client_id", "grant_type", "assertion", "new_token"}),
            headers=frozenset({"authorization"}),
        ),
    ),
    concurrent=5,
    complaints=Complaints(
        read=_complaint,
        meanings=_MEANINGS,
        terms=frozenset({"requisition", "index", "upsertable", "upsert", "names", "oauth", "fields"}),
    ),
    unconfirmed={
        "audit_trail": "the trail shows every change of status and grows by one with each; default true",
        "visible_within_seconds": "how long a write may take to show in a read; default 5",
        "overlap_minutes": "how late a change may show in a list by time; default 10",
        "deleted_reads": "what the flag of a deleted requisition reads; default Deleted",
    },
)

_STATUSES: Mapping[str, ApplicationStatus] = {
    # KBA 2541688
    "Open": ApplicationStatus.ACTIVE,
    "Non Applied": ApplicationStatus.ACTIVE,
    "Disqualified": ApplicationStatus.REJECTED,
    "Closed": ApplicationStatus.REJECTED,
    "Withdraw": ApplicationStatus.WITHDRAWN,
}
_NOT_SUBMITTED = frozenset({"Saved", "Draft Application"})
# KBA 2918571: drafts and saved jobs are listed unless left out. Filters take the number of a status.
_SUBMITTED = "status ne 4 and status ne 6"
_SYSTEM: Mapping[str, StageKind] = {
    # KBA 2528046, 3151226: every set has them, and none can be written.
    "Forwarded": StageKind.LEAD,
    "Invited To Apply": StageKind.LEAD,
    "Default": StageKind.APPLIED,
    "New Application": StageKind.APPLIED,
    "Auto Disqualified": StageKind.REJECTED,
    "Withdrawn By Candidate": StageKind.WITHDRAWN,
    "Declined DPCS": StageKind.WITHDRAWN,
    "Deleted On Demand By Candidate": StageKind.WITHDRAWN,
    "Requisition Closed": StageKind.ARCHIVED,
    "Hired On Other Requisition": StageKind.ARCHIVED,
    "Deleted On Demand By Admin": StageKind.ARCHIVED,
}
_SET = "the requisition's status set"
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REJECT: "end",
    Action.WITHDRAW: "end",
    Action.REACTIVATE: "reopen",
    Action.HIRE: "hire",
}
_JOB_STATES: Mapping[str, JobStatus] = {
    # KBA 2827811: the number, or its text.
    "0": JobStatus.DRAFT,
    "1": JobStatus.OPEN,
    "2": JobStatus.CLOSED,
    "Pre-Approved": JobStatus.DRAFT,
    "Approved": JobStatus.OPEN,
    "Open": JobStatus.OPEN,
    "Closed": JobStatus.CLOSED,
}
_OPERATORS: Mapping[str, TeamRole] = {
    "recruiter": TeamRole.RECRUITER,
    "hiringManager": TeamRole.HIRING_MANAGER,
    "coordinator": TeamRole.COORDINATOR,
    "sourcer": TeamRole.SOURCER,
}
_ANONYMISED = frozenset({"Y", "y", "true", "True", "1"})
_NAME_IDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    # KBA 2668018
    "user_id": (),
    "username": (("use_username", "true"),),
    "email": (("use_email", "true"),),
}
_PAGE = 500
_NOT_LISTED = "answers with no record: {} is missing for the API user's role, or there is none yet"

Reader = Callable[[str, datetime, Any], tuple[Record, ...]]


@frozen(kw_only=True)
class _Listing:
    """How an entity is asked for.

    Args:
        fields: what is selected; a tenant's templates may lack some, but not ``key`` and ``needed``.
        where: a filter that always holds.
        inner: other entities whose fields are asked for, and what stands before those.
    """

    entity: str
    key: str
    fields: tuple[str, ...]
    needed: frozenset[str] = frozenset()
    expand: tuple[str, ...] = ()
    where: str = ""
    inner: Mapping[str, str] = field(factory=dict, eq=False)

    def query(self, *filters: str, top: int) -> tuple[tuple[str, str], ...]:
        return self._pairs(
            ("$filter", " and ".join(part for part in (self.where, *filters) if part)),
            ("$orderby", self.key),
            ("$top", str(top)),
        )

    def one(self) -> tuple[tuple[str, str], ...]:
        return self._pairs()

    def _pairs(self, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        shape = (("$select", ",".join(self.fields)), ("$expand", ",".join(self.expand)))
        return tuple((name, value) for name, value in (*shape, *more, ("$format", "json")) if value)

    def narrowed(self, has: Any) -> _Listing:
        """Without what this tenant has been found not to have; all of it where nobody has looked."""
        if has is None:
            return self
        return evolve(self, fields=tuple(has["fields"]), expand=tuple(has["expand"]))

    def has(self) -> Json:
        return {"fields": list(self.fields), "expand": list(self.expand)}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_STATUSES_LISTED = _Listing(
    entity="JobApplicationStatus",
    key="appStatusId",
    fields=("appStatusId", "appStatusSetId", "appStatusName"),
    needed=frozenset({"appStatusSetId"}),
)
_REQUISITIONS = _Listing(
    entity="JobRequisition",
    key="jobReqId",
    fields=_words(
        "jobReqId internalStatus statusSetId deleted isDraft createdDateTime lastModifiedDateTime"
        " closedDateTime jobCode defaultLanguage"
    ),
    needed=frozenset({"statusSetId", "lastModifiedDateTime"}),
    expand=("jobReqLocale", *_OPERATORS),
)
_APPLICATIONS = _Listing(
    entity="JobApplication",
    key="applicationId",
    fields=_words(
        "applicationId candidateId jobReqId appStatusSetItemId status applicationDate lastModifiedDateTime"
        " hiredOn source anonymizedFlag"
    ),
    needed=frozenset(
        {"candidateId", "jobReqId", "appStatusSetItemId", "status", "lastModifiedDateTime", "jobAppStatus"}
    ),
    expand=("jobAppStatus",),
    where=_SUBMITTED,
)
_CANDIDATES = _Listing(
    entity="Candidate",
    key="candidateId",
    # Named one by one: the metadata has a password too.
    fields=_words(
        "candidateId primaryEmail contactEmail firstName middleName lastName cellPhone homePhone city zip"
        " country currentCompany currentTitle creationDateTime lastModifiedDateTime anonymized"
        " anonymizedDateTime"
    ),
    needed=frozenset({"lastModifiedDateTime"}),
)
_INNER = tuple(f"jobApplication/{name}" for name in _APPLICATIONS.fields)
_TRAIL = _Listing(
    entity="JobApplicationStatusAuditTrail",
    key="revNumber",
    fields=(
        "revNumber", *_INNER, *(f"jobApplication/jobAppStatus/{n}" for n in _STATUSES_LISTED.fields),
    ),
    needed=frozenset({"jobApplication/applicationId"}),
    expand=("jobApplication", "jobApplication/jobAppStatus"),
    where="jobApplication/status ne 4 and jobApplication/status ne 6",
    inner={"JobApplication": "jobApplication/", "JobApplicationStatus": "jobApplication/jobAppStatus/"},
)  # fmt: skip
_HISTORY = "jobApplicationStatusAuditTrail"
_WITH_HISTORY = evolve(
    _APPLICATIONS,
    expand=(*_APPLICATIONS.expand, _HISTORY, f"{_HISTORY}/jobAppStatus"),
    needed=_APPLICATIONS.needed | {_HISTORY},
    inner={"JobApplicationStatusAuditTrail": f"{_HISTORY}/"},
)


@frozen(kw_only=True, field_transformer=typed)
class SuccessFactors(Ats):
    """One SuccessFactors tenant.

    Args:
        connection: the link's globally unique id.
        api_host: of the tenant's data centre, such as ``api4.successfactors.com``.
        company_id: the tenant's; production and preview have different ones.
        user_id: of the API user.
        api_key: of the registered OAuth client.
        private_key: of the certificate registered with it; PEM, or its base64 in one line.
        issuer: of the assertion; the API key where it is None.
        name_id_is: what user_id holds: a user_id, username or email.
        hook_user, hook_password: how the customer's Integration Center logs in to us, where it does.
        deleted_reads: what the flag of a deleted requisition reads.
        audit_trail: read the trail of statuses too, and tell by it what a write has done.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    STAGE_DECIDES: ClassVar[bool] = True
    READS_BY: ClassVar[tuple[str, ...]] = ("deleted_reads",)

    connection: str
    api_host: str
    company_id: str
    user_id: str = field(repr=False)
    api_key: Secret = field(converter=secret)
    private_key: Secret = field(converter=secret)
    issuer: str | None = None
    name_id_is: str = field(default="user_id", validator=one_of(*_NAME_IDS))
    hook_user: str = "atsbridge"
    hook_password: Secret | None = field(default=None, converter=optional_seal)
    deleted_reads: str = "Deleted"
    audit_trail: bool = True
    overlap_minutes: float = 10.0
    visible_within_seconds: float = 5.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return f"https://{self.api_host}/odata/v2"

    def auth(self) -> Scheme:
        url, key = f"https://{self.api_host}/oauth/token", self.api_key.reveal()
        return SamlBearer(
            token_endpoint=VENDOR.tokens[0],
            url=url,
            client_id=self.api_key,
            private_key=self.private_key,
            issuer=self.issuer or key,
            subject=self.user_id,
            audience="www.successfactors.com",
            recipient=url,
            attributes=(("api_key", key), *_NAME_IDS[self.name_id_is]),
            # Else a token that was refused is given out once more: KBA 2872019.
            again=(("new_token", "true"),),
            extra=(("company_id", self.company_id),),
        )

    def settings(self) -> Mapping[str, str]:
        return {
            "api_host": self.api_host,
            "company_id": self.company_id,
            "user_id": self.user_id,
            "audit_trail": str(self.audit_trail).lower(),
            "overlap_minutes": f"{self.overlap_minutes:g}",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        """Parents first.

        Whether every change of status moves an application's time, SAP does not say; the
        trail shows them all. It is asked from now on before the applications are first read
        whole, so that nothing falls in between.
        """
        trail = self._stream(_TRAIL, Kind.APPLICATION, self._trail_item, since="createdDateTime", now=True)
        return (
            self._statuses(),
            self._stream(_REQUISITIONS, Kind.JOB, partial(self._item, Kind.JOB, self._read_job, "jobReqId")),
            self._stream(
                _CANDIDATES,
                Kind.CANDIDATE,
                partial(self._item, Kind.CANDIDATE, read_candidate, "candidateId"),
            ),
            *([trail] if self.audit_trail else []),
            self._stream(_APPLICATIONS, Kind.APPLICATION, self._application_item),
        )

    def sweeps(self) -> tuple[Stream, ...]:
        """Ids alone: what is deleted for good is listed nowhere."""
        return tuple(
            Stream(
                name=f"sweep_{listing.entity}",
                kinds=frozenset({kind}),
                incremental=False,
                sweeps=True,
                start=lambda _watermark, _job: {"after": None},
                page=partial(_shown, listing, kind),
            )
            for kind, listing in ((Kind.CANDIDATE, _CANDIDATES), (Kind.APPLICATION, _APPLICATIONS))
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._candidate_gone(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _statuses(self) -> Stream:
        """Few, and without a time: read whole."""

        def page(cursor: Any) -> Flow[Page]:
            listing = _STATUSES_LISTED.narrowed(cursor["has"])
            response, raws, more, has = yield from _rows(listing, _after(cursor))
            items, rejected = sort_out(raws, lambda raw: _stage_item(self.connection, raw, response))
            following = _last(raws, _STATUSES_LISTED.key) if more else None
            return Page(
                items=items,
                rejected=rejected,
                next=None if following is None else {"after": following, "has": has},
                watermark={} if following is None else None,
            )

        return Stream(
            name=_STATUSES_LISTED.entity,
            kinds=frozenset({Kind.STAGE}),
            incremental=False,
            start=lambda _watermark, _job: {"after": None, "has": None},
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _stream(
        self,
        listing: _Listing,
        kind: Kind,
        item: Callable[[Raw, Response], Item],
        *,
        since: str = "lastModifiedDateTime",
        now: bool = False,
    ) -> Stream:
        """A list by time, in the order of its keys.

        $skip loses rows while data change, and a snapshot lives in a session and dies with it
        (KBA 2925125, 3308165). A page that begins after the last key needs neither.

        Args:
            now: the first time nothing is read but where to begin.
        """

        def page(cursor: Any) -> Flow[Page]:
            span, own = Span.of(cursor["span"]), listing.narrowed(cursor["has"])
            if now and span.since is None:
                response, _, _, has = yield from _rows(own, top=1)
                raws, more = list[Raw](), False
            else:
                keyed = _keyed(own, span.token, again=now)
                response, raws, more, has = yield from _rows(own, _since(since, span), keyed)
            items, rejected = sort_out(raws, lambda raw: item(raw, response))
            following, watermark = span.seen(safe_time(response)).after(
                _last(raws, listing.key) if more else None, overlap=timedelta(minutes=self.overlap_minutes)
            )
            following = None if following is None else {"span": following, "has": has}
            return Page(items=items, rejected=rejected, next=following, watermark=watermark)

        return Stream(
            name=listing.entity,
            kinds=frozenset({kind}),
            incremental=True,
            start=lambda watermark, _job: {
                "span": Span.first(watermark, again=not now),
                "has": None,
            },
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _item(self, kind: Kind, read: Reader, key: str, raw: Raw, response: Response) -> Item:
        return Item(((kind, _id(raw, key)),), raw, partial(read, self.connection, response.sent_at))

    def _application_item(self, raw: Raw, response: Response) -> Item:
        ids = ((Kind.APPLICATION, _id(raw, "applicationId")), (Kind.CANDIDATE, _id(raw, "candidateId")))
        return Item(ids, raw, partial(read_application, self.connection, response.sent_at))

    def _trail_item(self, raw: Raw, response: Response) -> Item:
        """The application that a row of the trail is of, as it is by now."""
        inner = record(raw.data).get("jobApplication")
        if not isinstance(inner, dict):
            raise BadRecord("jobApplication", "expected an object")
        return self._application_item(Raw.of(inner), response)

    def _read_job(self, connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
        return read_job(connection, read_at, data, deleted_reads=self.deleted_reads)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        answer = yield from _one(_WITH_HISTORY if self.audit_trail else _APPLICATIONS, ref.id)
        if isinstance(answer, NotFound):
            return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
        if isinstance(answer, VendorError):
            raise answer
        data = record(_single(answer))
        (application,) = read_application(self.connection, answer.sent_at, data)
        if not self.audit_trail:
            return Fresh(application=application)
        trail = opt_object(data, _HISTORY) or {}
        if not isinstance(trail.get("results"), list):
            raise BadRecord(_HISTORY, "expected a list")
        # Who skips a status leaves a row for it too.
        skipped = sum(bool(opt_int(row, "skippedStatus")) for row in objects(trail, "results"))
        history = tuple(_history(trail))
        entered = history[-1].at if history else None
        application = evolve(application, history=history, stage_entered_at=entered)
        if skipped + len(history) != len(trail["results"]):
            # One that tells no status may hide a change: nothing can be counted.
            return Fresh(application=application)
        counted = str(len(history))
        return Fresh(application=application, signals={write.name: counted for write in VENDOR.writes})

    @routine
    def _candidate_gone(self, ref: Ref) -> Flow[Tombstone | None]:
        answer = yield from _one(_CANDIDATES, ref.id)
        if isinstance(answer, NotFound):
            return Tombstone(TombstoneKind.DELETED)
        if isinstance(answer, VendorError):
            raise answer
        return None

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        """The statuses of the requisition's own set; like-named ones of other sets are others."""
        if job is None:
            return Catalogue(job=None)
        answer = yield from _one(_REQUISITIONS, job.id)
        if isinstance(answer, VendorError):
            raise answer
        own = _status_set(answer, job)
        response, raws, more, _ = yield from _rows(_STATUSES_LISTED, f"appStatusSetId eq {own}")
        if more:
            raise BadPayload("a status set has more statuses than a page")
        stages = [s for raw in raws for s in read_stage(self.connection, response.sent_at, raw.data)]
        return Catalogue(job=job, stages=tuple(stages))

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        grants = {
            _REQUISITIONS: "OData API Job Requisition Export",
            _APPLICATIONS: "OData API Application Export",
            _CANDIDATES: "OData API Candidate Export",
            _STATUSES_LISTED: "",
        }
        if self.audit_trail:
            grants[_TRAIL] = "OData API Application Export"
        answers: list[Response | VendorError] = []
        findings: list[Finding] = []
        for listing, grant in grants.items():
            wanted = _asked(_bare(listing), top=1)
            answer = yield from ask(wanted)
            answers.append(answer)
            findings.append(_read_finding(listing, wanted, answer, grant))
        pairs = yield from ask(_asked(evolve(_APPLICATIONS, fields=_PAIRED), top=100))
        metadata = yield from ask(_metadata_of("JobApplication"))
        return (
            reach(answers, host=self.host), *findings, _pair_finding(pairs), _write_finding(metadata),
        )  # fmt: skip

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Stage and status are one thing here: an end is a status of the set that means it."""
        return StageChain(
            vendor=VENDOR,
            current=current,
            target=target,
            catalogue=catalogue,
            word="status",
            pipeline=_SET,
        ).writes()

    def declared(self, intent: Intent) -> StatusWrite:
        write = evolve(
            VENDOR.write(_WRITES[intent.action]), visible_within_seconds=self.visible_within_seconds
        )
        # Without the trail nothing proves that a write did not happen.
        return write if self.audit_trail else evolve(write, signal=Signal.NONE, resend=Resend.NEVER)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        target = intent.target.stage
        # A status of another set would be taken, and the application be in no pipeline: KBA 2883239.
        if not catalogue.leads(current.state.stage, target):
            raise Unplannable(
                f"{VENDOR.title} moves within {_SET}, and that status is not in it", vendor=VENDOR.name
            )
        values = {SlotName.APPLICATION: intent.application.id}
        if target is not None:
            values[SlotName.TARGET_STAGE] = target
        return Call(self.declared(intent).render(values), lambda _response: None)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        """A trigger of Integration Center, whose body is the customer's design: nothing signs it."""
        if self.hook_password is None or self.hook_password.is_blank():
            return None
        credential = f"{self.hook_user}:{self.hook_password.reveal()}".encode()
        given = headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, b"Basic " + b64encode(credential)):
            return None
        delivery = said(body)
        data = opt_object(delivery, "job_application") if delivery is not None else None
        if delivery is None or data is None:
            return None
        named = ((Kind.APPLICATION, "application_id"), (Kind.CANDIDATE, "candidate_id"))
        found = ((kind, opt_id(data, key)) for kind, key in named)
        refs = tuple(self.ref(kind, id) for kind, id in found if id and re.fullmatch(_ID, id))
        if not refs:
            return HookReply()
        # Nothing in it names the delivery: the same change made again sends the very same body.
        return HookHint(delivery_id="", refs=refs)


def _status_set(answer: Response, job: Ref) -> str:
    """A requisition's own; whoever works on it is in the answer too, and goes no further."""
    owner = record(_single(answer))
    if _need(owner, "jobReqId") != job.id:
        raise BadPayload("the answer is about another requisition")
    return _need(owner, "statusSetId")


# --- requests ------------------------------------------------------------------------------------


def _asked(listing: _Listing, *filters: str, top: int) -> Request:
    query = listing.query(*filters, top=top)
    return Request(operation=f"list_{listing.entity}", method="GET", url=f"/{listing.entity}", query=query)


def _metadata_of(entity: str) -> Request:
    return Request(operation=f"metadata_{entity}", method="GET", url=f"/{entity}/$metadata")


def _rows(listing: _Listing, *filters: str, top: int = _PAGE) -> Flow[tuple[Response, list[Raw], bool, Json]]:
    """One page: the answer, its rows, whether more follow, and what this tenant has of the listing."""
    answer = yield from ask(_asked(listing, *filters, top=top))
    if isinstance(answer, Refused):
        listing = yield from _present(listing, answer)
        answer = yield from ask(_asked(listing, *filters, top=top))
    if isinstance(answer, VendorError):
        raise answer
    envelope, raws = read_list(_inner(answer.body), "results")
    return answer, raws, len(raws) >= top or envelope.get("__next") is not None, listing.has()


def _one(listing: _Listing, id: str) -> Flow[Response | VendorError]:
    """One record by its key."""

    def wanted(listing: _Listing) -> Request:
        url = f"/{listing.entity}({id}L)"
        return Request(operation=f"get_{listing.entity}", method="GET", url=url, query=listing.one())

    beside = _asked(_bare(listing), top=1)

    def rows(shown: Response) -> list[Raw]:
        return read_list(_inner(shown.body), "results")[1]

    answer = yield from find(wanted(listing), beside=beside, rows=rows)
    if isinstance(answer, Refused):
        answer = yield from find(wanted((yield from _present(listing, answer))), beside=beside, rows=rows)
    return answer


def _bare(listing: _Listing) -> _Listing:
    """A listing of the keys alone."""
    return evolve(listing, fields=(listing.key,), expand=(), where="")


def _present(listing: _Listing, refusal: Refused) -> Flow[_Listing]:
    """What this tenant's templates have of a listing: one name that is missing fails a whole query.

    Raises:
        Refused: none is missing, or one that nothing can be done without.
    """
    known: set[str] = set()
    for entity, before in {listing.entity: "", **listing.inner}.items():
        response = yield from request(_metadata_of(entity))
        known |= {before + name for name in _properties(response, entity)}
    fields = tuple(name for name in listing.fields if name in known)
    expand = tuple(path for path in listing.expand if path in known)
    narrow = evolve(listing, fields=fields, expand=expand)
    if narrow == listing or not {listing.key, *listing.needed} <= {*fields, *expand}:
        raise refusal
    return narrow


def _properties(response: Response, entity: str) -> dict[str, Mapping[str, str]]:
    """The properties and navigations of an entity, each with its attributes, by a metadata document."""
    found: dict[str, Mapping[str, str]] = {}
    for kind in read_xml(response.body).iter():
        if local(str(kind.tag)) == "EntityType" and kind.get("Name") == entity:
            for part in kind:
                if local(str(part.tag)) in ("Property", "NavigationProperty"):
                    found[part.get("Name", "")] = {local(name): value for name, value in part.attrib.items()}
    return found


_WRAPPED = re.compile(rb'\s*\{\s*"d"\s*:')


def _inner(body: bytes) -> bytes:
    """What is wrapped in ``{"d": ...}``, as bytes: each row is known by its own."""
    found, end = _WRAPPED.match(body), body.rstrip()
    if found is None or not end.endswith(b"}"):
        raise BadPayload('the answer is not wrapped in "d"')
    return end[found.end() : -1]


def _single(answer: Response) -> Any:
    body = read_json(answer.body)
    return body.get("d") if isinstance(body, dict) else None


def _since(name: str, span: Span) -> str:
    if span.since is None:
        return ""
    moment = datetime.fromtimestamp(int(span.since), UTC)
    return f"{name} ge datetimeoffset'{moment:%Y-%m-%dT%H:%M:%SZ}'"


def _keyed(listing: _Listing, token: str | None, *, again: bool) -> str:
    """After the last key; from it, where several rows may have the same."""
    return "" if token is None else f"{listing.key} {'ge' if again else 'gt'} {token}L"


def _after(cursor: Any) -> str:
    return "" if cursor["after"] is None else f"appStatusId gt {cursor['after']}L"


def _last(raws: Sequence[Raw], key: str) -> str:
    """The key that the next page begins after: that of the last row which tells one.

    What comes after it is listed again.

    Raises:
        BadPayload: the page says there is more, and no row of it tells a key.
    """
    keys, _ = sort_out(raws, lambda raw: _id(raw, key))
    if keys:
        return keys[-1]
    raise BadPayload("the listing says there is more, and no row of it tells a key")


def _shown(listing: _Listing, kind: Kind, cursor: Any) -> Operation[Page]:
    """A page of ids."""

    def page() -> Flow[Page]:
        bare = evolve(listing, fields=(listing.key,), expand=())
        keyed = _keyed(listing, cursor["after"], again=False)
        response = yield from request(_asked(bare, keyed, top=1000))
        envelope, raws = read_list(_inner(response.body), "results")
        more = len(raws) >= 1000 or envelope.get("__next") is not None
        shown, rejected = sort_out(raws, lambda raw: (kind, _id(raw, listing.key)))
        following = {"after": _last(raws, listing.key)} if more else None
        return Page(shown=shown, rejected=rejected, next=following, watermark=None if more else {})

    return Routine(page)


def _id(raw: Raw, key: str) -> str:
    return _need({key: raw.peek(key)}, key)


def _need(data: Mapping[str, Any], key: str) -> str:
    """A whole number, as every id but a user's is: only such a one can be asked for again."""
    return need_id(data, key, form=_ID)


# --- what a preflight found ----------------------------------------------------------------------

_PAIRED = ("applicationId", "appStatusSetItemId", "jobReqId")


def _read_finding(listing: _Listing, wanted: Request, answer: Response | VendorError, grant: str) -> Finding:
    """An empty list is no proof: without the Export permission nothing is said, and less is shown."""
    what = f"read {listing.entity}"
    found = proof_of_read(what, wanted, answer, grant=f"the permission {grant}" if grant else "API access")
    if isinstance(answer, VendorError) or _listed(answer):
        return found
    tried = f"{found.tried} {_NOT_LISTED.format(grant or 'access')}"
    return evolve(found, proof=Proof.UNPROVEN, tried=tried, ask=f"the permission {grant or 'to read it'}")


def _listed(answer: Response) -> list[Mapping[str, Any]]:
    try:
        rows = read_list(_inner(answer.body), "results")[1]
        return [row.data for row in rows if isinstance(row.data, dict)]
    except (BadPayload, BadRecord):
        return []


def _pair_finding(answer: Response | VendorError) -> Finding:
    """No page of SAP's says that the id of a status is what is written; data can show it."""
    what, tried = "the id of a status is what is written", "applications, each with the status it is in"
    pairs = [] if isinstance(answer, VendorError) else [_pair(row) for row in _listed(answer)]
    known = [pair for pair in pairs if pair is not None]
    if known and all(item == status for item, status in known):
        return Finding(what=what, proof=Proof.PROVED, tried=f"{len(known)} {tried}", needed_for="write")
    return Finding(
        what=what,
        proof=Proof.MISSING if known else Proof.UNPROVEN,
        tried=tried,
        ask="a look at the status sets: appStatusSetItemId and appStatusId have to be the same",
        needed_for="write",
    )


def _pair(row: Mapping[str, Any]) -> tuple[str, str] | None:
    item, status = opt_id(row, "appStatusSetItemId"), opt_object(row, "jobAppStatus") or {}
    id = opt_id(status, "appStatusId")
    return (item, id) if item and id else None


def _write_finding(answer: Response | VendorError) -> Finding:
    what, tried = "write the status of applications", "GET /JobApplication/$metadata"
    grant = "the permission OData API Application Update"
    if isinstance(answer, VendorError):
        return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant, needed_for="write")
    about = _properties(answer, "JobApplication").get("appStatusSetItemId", {})
    if about.get("upsertable") != "true":
        ask_for = "a template whose appStatusSetItemId can be upserted, and a refresh of the metadata"
        return Finding(what=what, proof=Proof.MISSING, tried=tried, ask=ask_for, needed_for="write")
    tried = f"{tried}: it can be upserted; a write permission shows only in a write"
    return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant, needed_for="write")


# --- readers -------------------------------------------------------------------------------------


def _moment(value: Any) -> datetime | None:
    """``/Date(ms)/`` or ``/Date(ms+0000)/`` to a time; None for anything else."""
    found = (
        re.fullmatch(r"/Date\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)/", value) if isinstance(value, str) else None
    )
    return from_millis(int(found[1])) if found else None


def _rows_of(data: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """The rows of an expanded navigation to many."""
    return objects(opt_object(data, name) or {}, "results")


def _stage_item(connection: str, raw: Raw, response: Response) -> Item:
    ids = ((Kind.STAGE, _id(raw, "appStatusId")),)
    return Item(ids, raw, partial(read_stage, connection, response.sent_at))


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    """A status of a set. What the customer's own are for, only the mapping can say."""
    status = record(data)
    name = opt_text(status, "appStatusName")
    kind = _SYSTEM.get(name or "")
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, _need(status, "appStatusId")),
            read_at=read_at,
            name=name,
            pipeline=_need(status, "appStatusSetId"),
            scope=StageScope.PIPELINE,
            active=True,
            kind=StageKind.UNMAPPED if kind is None else kind,
            writable=Answer.UNKNOWN if kind is None else Answer.NO,
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any, *, deleted_reads: str = "Deleted") -> tuple[Job]:
    job = record(data)
    ref = Ref(connection, Kind.JOB, _need(job, "jobReqId"))
    if opt_text(job, "deleted") == deleted_reads:
        return (Job(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.DELETED)),)
    state, own = opt_id(job, "internalStatus"), _locale(job)
    draft, code = opt_bool(job, "isDraft"), opt_text(job, "jobCode")
    return (
        Job(
            ref=ref,
            read_at=read_at,
            updated_at=_moment(job.get("lastModifiedDateTime")),
            created_at=_moment(job.get("createdDateTime")),
            title=opt_text(own, "externalTitle") or opt_text(own, "jobTitle"),
            code=code,
            requisition_id=ref.id,
            status=JobStatus.DRAFT if draft else _JOB_STATES.get(state or "", JobStatus.UNKNOWN),
            vendor_status=state,
            hiring_team=tuple(
                TeamMember(id, role, _name(person), opt_text(person, "email"))
                for key, role in _OPERATORS.items()
                for person in _rows_of(job, key)
                if (id := opt_id(person, "usersSysId"))
            ),
            pipelines=(_need(job, "statusSetId"),),
            description_html=opt_text(own, "externalJobDescription"),
            closed_at=_moment(job.get("closedDateTime")),
        ),
    )


def _locale(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Title and description in the requisition's default language, else in its first."""
    locales = list(_rows_of(job, "jobReqLocale"))
    wanted = opt_text(job, "defaultLanguage")
    own = next((one for one in locales if opt_text(one, "locale") == wanted), None)
    return own or (locales[0] if locales else {})


def read_candidate(connection: str, read_at: datetime, data: Any) -> tuple[Candidate]:
    person = record(data)
    ref = Ref(connection, Kind.CANDIDATE, _need(person, "candidateId"))
    anonymised_at = _moment(person.get("anonymizedDateTime"))
    if anonymised_at is not None or opt_text(person, "anonymized") in _ANONYMISED:
        gone = Tombstone(TombstoneKind.ANONYMISED, anonymised_at)
        return (Candidate(ref=ref, read_at=read_at, deleted=gone),)
    primary, contact = opt_text(person, "primaryEmail"), opt_text(person, "contactEmail")
    addresses = dict.fromkeys(mail for mail in (primary, contact) if mail)
    place = Location(
        city=opt_text(person, "city"), postcode=opt_text(person, "zip"), country=opt_text(person, "country")
    )
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            updated_at=_moment(person.get("lastModifiedDateTime")),
            created_at=_moment(person.get("creationDateTime")),
            given_name=opt_text(person, "firstName"),
            family_name=opt_text(person, "lastName"),
            display_name=_name(person),
            emails=tuple(Email(mail, primary=place == 0) for place, mail in enumerate(addresses)),
            phones=tuple(
                Phone(number, type)
                for key, type in (("cellPhone", "mobile"), ("homePhone", "home"))
                if (number := opt_text(person, key))
            ),
            locations=(place,) if place != Location() else (),
            company=opt_text(person, "currentCompany"),
            title=opt_text(person, "currentTitle"),
        ),
    )


def read_application(connection: str, read_at: datetime, data: Any) -> tuple[Application]:
    application = record(data)
    word, hired_on = opt_text(application, "status"), _moment(application.get("hiredOn"))
    if word in _NOT_SUBMITTED:
        raise BadRecord("status", "never submitted; such a record should not be listed")
    stage, shown = opt_id(application, "appStatusSetItemId"), opt_object(application, "jobAppStatus")
    status_id = opt_id(shown or {}, "appStatusId")
    if stage is not None and status_id is not None and stage != status_id:
        # Nothing says that the two are the same: whatever were written would be a guess.
        raise BadRecord("appStatusSetItemId", "expected the id of the status it is in")
    status = _STATUSES.get(word or "", ApplicationStatus.UNKNOWN)
    if application.get("hiredOn") is not None:
        status = ApplicationStatus.UNKNOWN if hired_on is None else ApplicationStatus.HIRED
    return (
        Application(
            ref=Ref(connection, Kind.APPLICATION, _need(application, "applicationId")),
            read_at=read_at,
            updated_at=_moment(application.get("lastModifiedDateTime")),
            created_at=_moment(application.get("applicationDate")),
            candidate=Ref(connection, Kind.CANDIDATE, _need(application, "candidateId")),
            job=Ref(connection, Kind.JOB, _need(application, "jobReqId")),
            stage=Ref(connection, Kind.STAGE, stage) if stage else None,
            stage_name=opt_text(shown or {}, "appStatusName"),
            status=status,
            vendor_status=word,
            applied_at=_moment(application.get("applicationDate")),
            hired_at=hired_on,
            source=Source(name) if (name := opt_text(application, "source")) else None,
            token=opt_text(application, "lastModifiedDateTime"),
        ),
    )


def _revision(row: Mapping[str, Any]) -> int:
    """Where a row of the trail stands; by a wrong order an overwrite would go unseen."""
    number = opt_id(row, "revNumber") or "0"
    if not re.fullmatch(r"[0-9]{1,18}", number):
        raise BadRecord("revNumber", "expected a whole number")
    return int(number)


def _history(trail: Mapping[str, Any]) -> Iterable[Transition]:
    """Statuses entered, oldest first; those that were skipped were not."""
    previous: str | None = None
    rows = [row for row in objects(trail, "results") if not opt_int(row, "skippedStatus")]
    for row in sorted(rows, key=_revision):
        to = opt_id(opt_object(row, "jobAppStatus") or {}, "appStatusId")
        if to is not None:
            yield Transition(_moment(row.get("createdDateTime")), to, previous, opt_text(row, "createdBy"))
            previous = to


def _name(person: Mapping[str, Any]) -> str | None:
    parts = (opt_text(person, key) for key in ("firstName", "middleName", "lastName"))
    return " ".join(part for part in parts if part) or None
