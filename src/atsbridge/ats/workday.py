"""Workday Recruiting, Workday Web Services v40.0 (SOAP), and one report that the customer builds.

https://community.workday.com/sites/default/files/file-hosting/productionapi/Recruiting/v40.0/Recruiting.html,
read 2026-11-25.

Applications are no resource of their own: they are read with their candidate, requisition by requisition,
since no criterion tells what has changed. What is read is a stage and a step, what is written a *workflow
step*, and no request lists the steps: a table in the connection's settings does. That somebody was hired,
only the report says.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    Forbidden,
    GuardError,
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
    EmploymentType,
    Intent,
    Job,
    JobStatus,
    Kind,
    Link,
    Location,
    Named,
    Phone,
    Reason,
    ReasonBy,
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
)
from ..wire.answers import Complaint, Complaints
from ..wire.auth import RefreshToken, Scheme, TokenEndpoint, UsernameToken
from ..wire.effects import Flow, Json, Request, Response, request
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Headway
from ..wire.payload import Raw, read_list
from ..wire.reading import from_iso, link_type, need_id, objects, opt_text, record
from ..wire.secrets import Secret, optional_secret
from ..wire.settings import between, rows, typed
from ..wire.streams import Item, Page, Stream, StreamScope, sort_out
from ..wire.vendor import Read, Signal, Slot, SlotName, StatusWrite, Vendor
from ..wire.xml import Element, as_data, every, first, local, soap_body, text_of
from .interface import Ats, Catalogue, Finding, Fresh, Gone, PlannedWrite, Proof, Unplannable
from .preflight import ask, must_show, proof_of_read, reach, unproven_write

NS = "{urn:com.workday/bsvc}"
WRITTEN_IN = "v40.0"
"""The version of every write; reads may be of a newer one."""

_WID = r"[0-9a-f]{32}"
_KEY = re.compile(rf"({_WID}):({_WID})")
_VERSION = r"v[0-9]{2}\.[0-9]"
_NAME = r"[A-Za-z][A-Za-z0-9_]{0,99}"
# A WID would be sent under the type of another id.
_STEP = r"(?![0-9a-f]{32}\Z)[A-Za-z][A-Za-z0-9_-]{0,119}"
_REPORTS = "https://{service_host}/ccx/service/customreport2/{tenant}"
# https://errdex.pages.dev: the sentences are parted by any white space, and = may be missing.
_UNKNOWN_ID = re.compile(r"Invalid ID value\.\s+'.+?' is not a valid ID value for type", re.DOTALL)
_TEXTS: Mapping[str, str] = {
    "not authorized": "not_authorized",
    "web service or version is invalid": "invalid_version",
    "next step or disposition chosen is invalid": "not_a_next_step",
    "must be in progress": "not_in_progress",
}


def _el(name: str, *children: Element, text: Any = None, **attributes: str) -> Element:
    """An element in Workday's namespace, as its attributes are."""
    named = tuple((f"{NS}{key}", value) for key, value in attributes.items())
    return Element(f"{NS}{name}", children, text=text, attributes=named)


def _ref(name: str, type: str, id: Any) -> Element:
    return _el(name, _el("ID", text=id, type=type))


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """The fault, which comes with 500 whatever is wrong; the text says more than the code."""
    if answer.status < 400 or b"Fault" not in answer.body:
        return None
    try:
        fault = soap_body(answer.body)
    except BadPayload:
        return None
    if local(fault.tag) != "Fault":
        return None
    data = as_data(fault)
    text, code = text_of(data, "faultstring") or "", (text_of(data, "faultcode") or "").rpartition(":")[2]
    if _UNKNOWN_ID.search(text):
        return Complaint("invalid_id", text)
    known = next((code for words, code in _TEXTS.items() if words in text), None)
    return Complaint(known or code.rpartition(".")[2], text)


_MEANINGS: Mapping[str, type[VendorError]] = {
    "authenticationError": Unauthorized,
    "not_authorized": Forbidden,
    "invalid_id": NotFound,
    "invalid_version": Refused,
    "not_a_next_step": Refused,
    "not_in_progress": Refused,
    "validationError": Refused,
}


def _read(operation: str, *, root: str = "") -> Read:
    """A read by SOAP: all go to one address, and the element in the body says which it is."""
    return Read(
        name=operation,
        method="POST",
        path="/Recruiting/{version}",
        segments={"version": _VERSION},
        root=NS + (root or f"{operation}_Request"),
    )


def _move(name: str, step: Element, slot: Slot, note: str, *effects: SideEffect) -> StatusWrite:
    # The second half of an application's id is its own WID; the first is the candidate's, to read it by.
    application = Slot(SlotName.APPLICATION, _WID, part=1, alone=True)
    return StatusWrite(
        name=name,
        method="POST",
        path=f"/Recruiting/{WRITTEN_IN}",
        slots=(application, slot),
        # Without the first of the two the answer is a success, and nothing moves.
        body=_el(
            "Move_Candidate_Request",
            _el("Dynamic_Business_Process_Parameters", step),
            _el("Move_Candidate_Data", _ref("Job_Application_Reference", "WID", application)),
            version=WRITTEN_IN,
        ),
        signal=Signal.CHANGE,
        visible_within_seconds=60.0,
        side_effects=frozenset(effects),
        note=note,
    )


_TO = Slot(SlotName.TARGET_STAGE, _STEP)
_OUT = Slot(SlotName.REASON, _STEP, part=1)

VENDOR = Vendor(
    name="workday",
    title="Workday Recruiting",
    api_version=WRITTEN_IN,
    docs="https://community.workday.com/sites/default/files/file-hosting/productionapi/operations/index.html",
    docs_read=date(2026, 11, 25),
    hosts={"tenant": "https://{service_host}/ccx/service/{tenant}"},
    host_slots={
        "service_host": r"(?:[a-z0-9][a-z0-9-]{0,39}\.){1,2}(?:my)?workday\.com",
        "tenant": r"[A-Za-z0-9_]{1,60}",
    },
    # The cheapest way to the names of stages and states.
    block=_el("Workday_Common_Header", _el("Include_Reference_Descriptors_In_Response", text="1")),
    reads=(
        _read("Get_Server_Timestamp", root="Server_Timestamp_Get"),
        _read("Get_Job_Requisitions"),
        _read("Get_Evergreen_Requisitions"),
        _read("Get_Candidates"),
        Read(
            name="report",
            path="/{owner}/{report}",
            segments={"owner": _NAME, "report": _NAME},
            query=frozenset({"format", "Job_Requisition"}),
            below=_REPORTS,
        ),
    ),
    writes=(
        _move(
            "move", _ref("Next_Step_Reference", "Workflow_Step_ID", _TO), _TO,
            "to a step that the process allows next", SideEffect.AUTOMATION,
        ),
        _move(
            "dispose", _ref("Disposition_Step_Reference", "Workflow_Step_ID", _OUT), _OUT,
            "reject or withdraw: the disposition's own step is the reason", SideEffect.AUTOMATION,
        ),
    ),
    tokens=(
        TokenEndpoint(
            name="token",
            urls=("https://{service_host}/ccx/oauth2/{tenant}/token",),
            form=frozenset({"grant_type", "refresh_token"}),
        ),
    ),
    concurrent=5,
    complaints=Complaints(
        read=_complaint,
        meanings=_MEANINGS,
        decides=frozenset({500}),
        terms=frozenset({"task", "web", "precisely", "event", "moment", "comment"}),
    ),
    unconfirmed={
        "visible_within_seconds": "how long a move may take to show in a read; default 60",
        "version": "how long Workday keeps an old version callable; default v40.0",
        "exclude_attachments": "from which version on résumés can be left out; default yes",
        "job_states": "the states of requisitions beside open, frozen, filled and closed",
        "evergreen": "how evergreen requisitions are listed, and sought by",
    },
)  # fmt: skip

_JOB_STATES: Mapping[str, JobStatus] = {
    "open": JobStatus.OPEN,
    "frozen": JobStatus.ON_HOLD,
    "filled": JobStatus.FILLED,
    "closed": JobStatus.CLOSED,
}
_OVER = frozenset({JobStatus.FILLED, JobStatus.CLOSED, JobStatus.ARCHIVED})
_READS_AFTER_THE_END = 2
"""So often applications are read once their requisition is over: what was done until then is in them."""
_TIMES: Mapping[str, EmploymentType] = {
    "full_time": EmploymentType.FULL_TIME,
    "part_time": EmploymentType.PART_TIME,
}
_ROLES: Mapping[str, TeamRole] = {"recruiter": TeamRole.RECRUITER, "hiring manager": TeamRole.HIRING_MANAGER}
_BOOLEANS: Mapping[str, bool] = {
    "0": False,
    "1": True,
    "false": False,
    "true": True,
    "No": False,
    "Yes": True,
}
_ENDS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
}
_CRAWL_SECONDS = 150.0
"""Time-outs of large answers are common."""
_BESIDE = 50
"""Candidates among whom some application must show, where one does not: many a candidate has none."""


# --- settings ------------------------------------------------------------------------------------


@frozen(kw_only=True, field_transformer=typed)
class Step:
    """A step of a process, as the customer names it in the settings: its ``Workflow_Step_ID``."""

    id: str
    name: str
    process: str = ""
    kind: StageKind = field(default=StageKind.OTHER, converter=StageKind)


@frozen(kw_only=True, field_transformer=typed)
class Disposition:
    """A way out of a process: the disposition that is read, and the step that is written.

    Args:
        status: ``rejected`` or ``withdrawn``.
    """

    id: str
    step: str
    name: str
    process: str = ""
    status: ApplicationStatus = field(default=ApplicationStatus.REJECTED, converter=ApplicationStatus)

    @property
    def key(self) -> str:
        """The id of the reason; one that nobody gave a step for cannot be written."""
        return f"{self.id}:{self.step}" if self.step else self.id


def _steps(given: Iterable[Any]) -> tuple[Step, ...]:
    """A converter: tables to steps."""
    return rows(Step, given, of="steps")


def _dispositions(given: Iterable[Any]) -> tuple[Disposition, ...]:
    """A converter: tables to dispositions."""
    return rows(Disposition, given, of="dispositions")


def _of_form(pattern: str, form: str) -> Callable[[Any, Any, str], None]:
    def check(_adapter: object, setting: Any, value: str) -> None:
        if value and not re.fullmatch(pattern, value):
            raise ConfigurationError(f"{setting.name} is {form}")

    return check


@frozen(kw_only=True, field_transformer=typed)
class Workday(Ats):
    """One Workday tenant.

    Args:
        connection: the link's globally unique id.
        service_host: of the address at the foot of the WSDL, such as ``wd5-services1.myworkday.com``.
        tenant: the customer's name there.
        user: the integration system user, in whose name all is done; without the tenant.
        password: of that user.
        client_id, client_secret, refresh_token: of an API client for integrations, in place of a password.
        version: of the reads.
        report: ``owner/name`` of the report that tells of hires; empty where there is none.
        steps: of the customer's processes, a table each: ``id``, ``name``, ``process`` and ``kind``.
            Without any, those are taken that the report or the applications show.
        dispositions: of the customer's processes, a table each: ``id``, ``step``, ``name``, ``process``
            and ``status``. Without any, no application can be ended.
        organisations: the process of each supervisory organisation that does not have the first one.
        job_states: what the tenant's states of requisitions mean, by label or id.
        evergreen: read evergreen requisitions too.
        exclude_attachments: ask for no résumés; version 26.1 does not know how to.
        page_size: candidates a page.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    READS_BY: ClassVar[tuple[str, ...]] = (
        "report",
        "steps",
        "dispositions",
        "organisations",
        "job_states",
        "evergreen",
        "exclude_attachments",
    )

    LOGINS: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("password",),
        ("client_id", "client_secret", "refresh_token"),
    )

    connection: str
    service_host: str = field(
        validator=_of_form(VENDOR.host_slots["service_host"], "a host of myworkday.com or workday.com"),
        metadata={"example": "wd5-services1.myworkday.com"},
    )
    tenant: str = field(validator=_of_form(VENDOR.host_slots["tenant"], "letters, digits and _"))
    user: str = field(repr=False)
    password: Secret | None = field(default=None, converter=optional_secret)
    client_id: Secret | None = field(default=None, converter=optional_secret)
    client_secret: Secret | None = field(default=None, converter=optional_secret)
    refresh_token: Secret | None = field(default=None, converter=optional_secret)
    version: str = field(default=WRITTEN_IN, validator=_of_form(_VERSION, "such as v40.0"))
    report: str = field(default="", validator=_of_form(f"{_NAME}/{_NAME}", "owner/name, blanks as _"))
    steps: tuple[Step, ...] = field(factory=tuple, converter=_steps)
    dispositions: tuple[Disposition, ...] = field(factory=tuple, converter=_dispositions)
    organisations: Mapping[str, str] = field(factory=dict)
    job_states: Mapping[str, str] = field(factory=dict)
    evergreen: bool = True
    exclude_attachments: bool = True
    page_size: int = field(default=100, validator=between(1, 999))
    overlap_minutes: float = 10.0
    visible_within_seconds: float = 60.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["tenant"].format(service_host=self.service_host, tenant=self.tenant)

    def auth(self) -> Scheme:
        login = self.login()
        if "password" in login:
            # The tenant belongs to the name; what others call a wrong password is often its absence.
            user = self.user if "@" in self.user else f"{self.user}@{self.tenant}"
            return UsernameToken(user=user, password=login["password"])
        endpoint = VENDOR.tokens[0]
        return RefreshToken(
            token_endpoint=endpoint,
            url=endpoint.urls[0].format(service_host=self.service_host, tenant=self.tenant),
            client_id=login["client_id"],
            client_secret=login["client_secret"],
            first=login["refresh_token"],
            rotates=False,
        )

    def settings(self) -> Mapping[str, str]:
        return {
            "tenant": self.tenant,
            "version": self.version,
            "report": self.report or "none: hires are not told",
            "steps": f"{len(self.steps)} in the table" if self.steps else "as applications stand in them",
            "dispositions": f"{len(self.dispositions)} in the table",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        evergreen = (self._listed("evergreen_requisitions", self._evergreens_page, Kind.JOB),)
        return (
            self._listed("processes", self._processes_page, Kind.STAGE, Kind.REASON),
            Stream(
                name="requisitions",
                kinds=frozenset({Kind.JOB}),
                incremental=True,
                start=lambda watermark, _job: _first(watermark),
                page=lambda cursor: Routine(lambda: self._requisitions_page(cursor)),
            ),
            *(evergreen if self.evergreen else ()),
            Stream(
                name="applications",
                kinds=frozenset({Kind.CANDIDATE, Kind.APPLICATION}),
                scope=StreamScope.JOB,
                incremental=False,
                sweeps=True,
                start=lambda watermark, job: _first_of(job, watermark),
                page=lambda cursor: Routine(lambda: self._applications_page(cursor)),
                due=_due,
            ),
        )

    def _listed(self, name: str, page: Callable[[Any], Flow[Page]], *kinds: Kind) -> Stream:
        """A short listing that can only be read whole."""
        return Stream(
            name=name,
            kinds=frozenset(kinds),
            incremental=False,
            start=lambda _watermark, _job: {"page": 1},
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._candidate_gone(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    # -- requisitions --

    def _requisitions_page(self, cursor: Any) -> Flow[Page]:
        """Those that changed, up to the vendor's own now; all of them on the first run.

        The vendor's clock is asked for: a range that ends a second ahead of it is refused, and a page
        that is not of the same moment as the one before may leave somebody out.
        """
        at, asked = cursor["at"], cursor["asked"]
        if at is None:
            at, asked = yield from self._now()
        parts: list[Element] = []
        if cursor["since"] is not None:
            span = _el(
                "Transaction_Date_Range_Data",
                _el("Updated_From", text=_before(cursor["since"], self._overlap)),
                _el("Updated_Through", text=at),
            )
            parts.append(_el("Request_Criteria", _el("Transaction_Log_Criteria_Data", span)))
        wanted = self._requisitions(*parts, self._filter(cursor["page"], at=at), _JOB_GROUP)
        found = _Listing.read((yield from request(wanted)), "Job_Requisition", page=cursor["page"])
        items, rejected = self._jobs(found, _moment(asked))
        following = {**cursor, "at": at, "asked": asked, "page": cursor["page"] + 1}
        return Page(
            items=items,
            rejected=rejected,
            next=following if found.more else None,
            watermark=None if found.more else {"since": at},
        )

    def _evergreens_page(self, cursor: Any) -> Flow[Page]:
        """Evergreen requisitions are objects of another kind, with no log of their changes."""
        wanted = self._soap("Get_Evergreen_Requisitions", self._filter(cursor["page"]))
        response = yield from request(wanted)
        found = _Listing.read(response, "Evergreen_Requisition", page=cursor["page"])
        items, rejected = self._jobs(found, response.sent_at)
        following = {"page": cursor["page"] + 1} if found.more else None
        return Page(items=items, rejected=rejected, next=following, watermark=None if found.more else {})

    def _jobs(self, found: _Listing, read_at: datetime) -> tuple[list[Item], list[tuple[str, str]]]:
        read = partial(self._read_job, read_at)
        return sort_out(found.records, lambda raw: Item(((Kind.JOB, _job_id(raw.data)),), raw, read))

    def _read_job(self, read_at: datetime, data: Any) -> tuple[Job]:
        job = read_job(self.connection, read_at, data, states=self.job_states)
        process = self._process_of(data)
        return (evolve(job, pipelines=(process,) if self.steps else ()),)

    def _process_of(self, data: Any) -> str:
        """By the supervisory organisation; whoever is not in the table has the first process."""
        ids, name = _reference(_job_data(data), "Supervisory_Organization_Reference")
        found = (self.organisations.get(one) for one in (*ids.values(), name or ""))
        usual = self.steps[0].process if self.steps else ""
        return next((process for process in found if process is not None), usual)

    # -- applications --

    def _applications_page(self, cursor: Any) -> Flow[Page]:
        """Some candidates of one requisition, each with their application on it."""
        if cursor["over"] is None:
            cursor = yield from self._look_at_job(cursor)
            if cursor is None:
                # Deleted, or hidden from this user: a sweep asks about what is known of it.
                return Page(watermark={"over": 0})
        response, found, cursor = yield from self._crawl(cursor)
        read_at = response.sent_at if cursor["asked"] is None else _moment(cursor["asked"])
        hired = yield from self._hired(cursor["job"])
        raws = _on(cursor["job"], found.records, hired)
        items, rejected = sort_out(raws, lambda raw: self._item(raw, read_at))
        if raws and not any(map(_is_named, found.records)) and not (yield from self._names_show()):
            items = [part for item in items for part in self._without_names(item, read_at)]
        following = {**cursor, "page": cursor["page"] + 1}
        return Page(
            items=items,
            rejected=rejected,
            next=following if found.more else None,
            watermark=None if found.more else {"over": cursor["over"]},
        )

    def _look_at_job(self, cursor: Any) -> Flow[Any]:
        """The cursor with what the requisition is like now; None where it does not show."""
        shown, evergreen = yield from self._job(cursor["job"])
        if shown is None:
            return None
        over = self._is_over(shown)
        return {**cursor, "over": cursor["before"] + 1 if over else 0, "all": False, "evergreen": evergreen}

    def _is_over(self, job: Raw) -> bool:
        return read_job(self.connection, _EPOCH, job.data, states=self.job_states).status in _OVER

    def _job(self, id: str) -> Flow[tuple[Raw | None, bool]]:
        """A requisition by its WID, and whether it is an evergreen one; None where it does not show."""
        kinds = [("Get_Job_Requisitions", "Job_Requisition")]
        if self.evergreen:
            kinds.append(("Get_Evergreen_Requisitions", "Evergreen_Requisition"))
        for operation, name in kinds:
            named = _named(f"{name}_Reference", id)
            response = yield from request(self._soap(operation, named, self._filter(1)))
            found = _Listing.read(response, name, page=1)
            for shown in found.records:
                if _reference(shown.data, f"{name}_Reference")[0].get("WID") != id:
                    raise BadPayload("the answer is about another requisition than the one asked for")
                return shown, name != "Job_Requisition"
        return None, False

    def _crawl(self, cursor: Any) -> Flow[tuple[Response, _Listing, Any]]:
        """One page. The first is of now; where there are more, all are of one moment, or they would shift."""
        try:
            response = yield from request(self._candidates(cursor))
        except NotFound:
            if not cursor["evergreen"]:
                raise
            # Nobody says whether candidates can be sought by such a requisition: everybody is looked at.
            cursor = {**cursor, "all": True}
            response = yield from request(self._candidates(cursor))
        found = _Listing.read(response, "Candidate", page=cursor["page"])
        if found.more and cursor["at"] is None:
            at, asked = yield from self._now()
            return (yield from self._crawl({**cursor, "at": at, "asked": asked}))
        return response, found, cursor

    def _candidates(self, cursor: Any) -> Request:
        criteria = _el("Request_Criteria", _ref("Job_Requisition_Reference", "WID", cursor["job"]))
        filter = self._filter(cursor["page"], at=cursor["at"])
        # An empty Request_Criteria finds nobody.
        parts = (filter,) if cursor["all"] else (criteria, filter)
        return self._soap("Get_Candidates", *parts, self._candidate_group)

    @property
    def _candidate_group(self) -> Element:
        without = (_el("Exclude_All_Attachments", text="true"),) if self.exclude_attachments else ()
        return _el("Response_Group", _el("Include_Reference", text="true"), *without)

    def _item(self, raw: Raw, read_at: datetime) -> Item:
        data = record(raw.data)
        candidate = _wid(data["candidate"], "Candidate_Reference")
        own = _wid(data["application"], "Job_Application_Reference")
        _ = _wid(data["application"], "Job_Requisition_Reference")
        ids = ((Kind.APPLICATION, f"{candidate}:{own}"), (Kind.CANDIDATE, candidate))
        return Item(ids, raw, partial(self._read, read_at))

    def _read(self, read_at: datetime, data: Any) -> tuple[Record, ...]:
        return read_candidate(self.connection, read_at, data), self._application(read_at, data)

    def _application(self, read_at: datetime, data: Any) -> Application:
        return read_application(
            self.connection, read_at, data, steps=self.steps, dispositions=self.dispositions
        )

    def _names_show(self) -> Flow[bool]:
        """Whether some candidate has a name; asked where nobody on a page has."""
        return any(map(_is_named, _candidates((yield from request(self._beside)))))

    def _without_names(self, item: Item, read_at: datetime) -> tuple[Item, Item]:
        """Where nobody has a name a permission is lost: the person is set aside, and stays as known.

        Fields without a permission are missing, and no error says so (trap 6).
        """
        return (
            Item(item.ids[1:], item.raw, _hidden_name),
            Item(item.ids, item.raw, lambda data: (self._application(read_at, data),)),
        )

    def _hired(self, job: str) -> Flow[_Hires | None]:
        """What the report says of each application of a requisition; None where there is no report."""
        if not self.report:
            return None
        return _Hires.read((yield from request(self._report(job))))

    def _report(self, job: str | None) -> Request:
        address = _REPORTS.format(service_host=self.service_host, tenant=self.tenant)
        prompt = (("Job_Requisition", job),) if job else ()
        return Request(
            operation="report",
            method="GET",
            url=f"{address}/{self.report}",
            query=(("format", "json"), *prompt),
            deadline_seconds=_CRAWL_SECONDS,
        )

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        key = _KEY.fullmatch(ref.id)
        if key is None:
            raise GuardError("an application of Workday is named by two WIDs")
        response, shown = yield from self._candidate(key[1])
        own = None if shown is None else _own(shown, key[2])
        if own is None:
            yield from self._others_show(_with_applications)
            return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
        hired = yield from self._hired(_job_of(own))
        return self._fresh(_told_of(own, hired), response)

    def _fresh(self, raw: Raw, response: Response) -> Fresh:
        application = self._application(response.sent_at, raw.data)
        moment = application.token
        signals = {} if moment is None else {write.name: moment for write in VENDOR.writes}
        return Fresh(application=application, signals=signals)

    def _candidate(self, wid: str) -> Flow[tuple[Response, Raw | None]]:
        """A candidate by WID; None where there is none, or none that shows."""
        named = _named("Candidate_Reference", wid)
        wanted = self._soap("Get_Candidates", named, self._filter(1), self._candidate_group)
        response = yield from request(wanted)
        found = _Listing.read(response, "Candidate", page=1)
        for shown in found.records:
            if _reference(shown.data, "Candidate_Reference")[0].get("WID") != wid:
                raise BadPayload("the answer is about another candidate than the one asked for")
            return response, shown
        return response, None

    @routine
    def _candidate_gone(self, ref: Ref) -> Flow[Tombstone | None]:
        _, shown = yield from self._candidate(ref.id)
        if shown is not None:
            return None
        yield from self._others_show(_candidates)
        return Tombstone(TombstoneKind.DELETED)

    def _others_show(self, rows: Callable[[Response], Sequence[object]]) -> Flow[None]:
        """What a security group may not see is left out without a word (Candidate Data: Job Application)."""
        beside = self._beside
        yield from must_show(beside, rows=rows, vendor=VENDOR.name, operation=beside.operation)

    @property
    def _beside(self) -> Request:
        """Some candidates, whoever they are."""
        return self._soap("Get_Candidates", self._filter(1, count=_BESIDE), self._candidate_group)

    # -- steps and dispositions --

    def _processes_page(self, _cursor: Any) -> Flow[Page]:
        read_at, words = yield from self._processes(None)
        stage = partial(read_stage, self.connection, read_at)
        reason = partial(read_reason, self.connection, read_at)
        stages = [Item(((Kind.STAGE, row["id"]),), Raw.of(row), stage) for row in words.stages()]
        reasons = [Item(((Kind.REASON, row["id"]),), Raw.of(row), reason) for row in words.reasons()]
        return Page(items=[*stages, *reasons], watermark={})

    def _processes(self, job: str | None) -> Flow[tuple[datetime, _Words]]:
        """The tables; where there is none of steps, what the report, or the applications, show."""
        _, asked = yield from self._now()
        if self.steps:
            return _moment(asked), _Words(self.steps, self.dispositions)
        if self.report:
            return _moment(asked), _reported((yield from request(self._report(job))))
        words = _Words()
        cursor: Any = {
            "job": job, "page": 1, "at": None, "asked": None, "all": job is None, "evergreen": True
        }  # fmt: skip
        headway = Headway("candidates")
        while cursor is not None:
            headway.turn_to(cursor)
            _, found, cursor = yield from self._crawl(cursor)
            headway.saw(raw.digest for raw in found.records)
            words = words.and_those(_stood_in(found.records))
            cursor = {**cursor, "page": cursor["page"] + 1} if found.more else None
        return _moment(asked), words

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        process: str | None = None
        if job is not None and self.steps:
            shown, _ = yield from self._job(job.id)
            if shown is None:
                raise NotFound("the requisition does not show", vendor=VENDOR.name)
            process = self._process_of(shown.data)
        read_at, words = yield from self._processes(job.id if job else None)
        stages = [read_stage(self.connection, read_at, row)[0] for row in words.stages()]
        return Catalogue(
            job=job,
            stages=tuple(s for s in stages if process in (None, s.pipeline)),
            reasons=tuple(read_reason(self.connection, read_at, row)[0] for row in words.reasons()),
        )

    # -- access --

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        one = self._filter(1, count=1)
        domains = {
            "requisitions": (
                self._requisitions(one),
                "Job Requisition Data and Job Requisitions for Recruiting",
            ),
            "candidates and applications": (
                self._soap("Get_Candidates", self._filter(1, count=10), self._candidate_group),
                "Candidate Data: Job Application (and the initiating action Get_Candidates (Web Service) "
                "of the business process Job Application)",
            ),
        }
        if self.evergreen:
            wanted = self._soap("Get_Evergreen_Requisitions", one)
            domains["evergreen requisitions"] = (wanted, "Manage: Evergreen Requisitions")
        stamp = self._soap("Server_Timestamp_Get")
        answers: list[Response | VendorError] = [(yield from ask(stamp))]
        findings: list[Finding] = []
        for name, (wanted, domain) in domains.items():
            answer = yield from ask(wanted)
            answers.append(answer)
            grant = f"Get on {domain}, and Activate Pending Security Policy Changes"
            findings.append(proof_of_read(f"read {name}", wanted, answer, grant=grant))
        findings += [_contacts_shown(answers[2]), _NOTHING_HIDDEN]
        findings.append((yield from self._check_report(answers[1])))
        domains_of_move = (
            "Move Candidate, Candidate Data: Edit Job Application and Candidate Data: Job Application"
        )
        move = f"Get and Put on {domains_of_move}, and the initiating action Move Candidate"
        return (
            reach(answers, host=self.host),
            *findings,
            unproven_write("move and dispose applications", grant=move),
        )

    def _check_report(self, requisitions: Response | VendorError) -> Flow[Finding]:
        what, grant = (
            "see who was hired",
            "the report of the docs page, as a web service, shared with the user",
        )
        if not self.report:
            tried = "nothing: there is no report in the settings, and SOAP does not tell"
            return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant)
        shown = [] if isinstance(requisitions, VendorError) else _shown(requisitions, "Job_Requisition")
        if not shown:
            tried = "nothing: no requisition shows to ask the report about"
            return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant)
        wanted = self._report(_job_id(shown[0].data))
        answer = yield from ask(wanted)
        finding = proof_of_read(what, wanted, answer, grant=grant)
        if isinstance(answer, Response):
            rows = _report_rows(answer)
            columns = {name for row in rows for name in row}  # names, and no values
            lacking = {"Application_ID", "Hired"} - columns if rows else set()
            if lacking:
                tried = f"{finding.tried}: it has no column {', '.join(sorted(lacking))}"
                return evolve(finding, proof=Proof.MISSING, tried=tried, ask=grant)
        return finding

    # -- requests --

    def _soap(self, operation: str, *children: Element) -> Request:
        root = operation if operation == "Server_Timestamp_Get" else f"{operation}_Request"
        name = "Get_Server_Timestamp" if operation == "Server_Timestamp_Get" else operation
        return Request(
            operation=name,
            method="POST",
            url=f"/Recruiting/{self.version}",
            body=_el(root, *children, version=self.version),
            deadline_seconds=_CRAWL_SECONDS if name == "Get_Candidates" else 60.0,
        )

    def _requisitions(self, *children: Element) -> Request:
        return self._soap("Get_Job_Requisitions", *children)

    def _filter(self, page: int, *, at: str | None = None, count: int | None = None) -> Element:
        moment = (_el("As_Of_Entry_DateTime", text=at),) if at else ()
        figures = (_el("Page", text=str(page)), _el("Count", text=str(count or self.page_size)))
        return _el("Response_Filter", *moment, *figures)

    def _now(self) -> Flow[tuple[str, str]]:
        """The vendor's clock, in its own words, and our own when it was asked."""
        response = yield from request(self._soap("Server_Timestamp_Get"))
        at = text_of(_answer(response), "Server_Timestamp_Data") or text_of(
            _answer(response), "Server_Timestamp_Data", "Server_Timestamp"
        )
        if at is None or from_iso(at) is None:
            raise BadPayload("the answer gives no time of the server")
        return at, response.sent_at.isoformat()

    @property
    def _overlap(self) -> timedelta:
        return timedelta(minutes=self.overlap_minutes)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Steps on; out by a disposition of the application's own process; never back in."""
        target = self._of_its_process(current, target)
        if current.meets(target):
            return [PlannedWrite(Action.MOVE, current, current)]
        if current.status is not ApplicationStatus.ACTIVE:
            raise _no("offers no service that takes an ended application back")
        if target.status is ApplicationStatus.HIRED:
            raise _no("hires in a process of its own; move it to the step before that instead")
        here, chain = current, list[PlannedWrite]()
        if target.stage not in (None, current.stage):
            there = evolve(current, stage=target.stage)
            chain.append(PlannedWrite(Action.MOVE, here, there))
            here = there
        if target.status is ApplicationStatus.ACTIVE:
            return chain
        if target.status not in _ENDS:
            raise _no(f"has no way to make an application {target.status}")
        if target.reason is None or ":" not in target.reason:
            raise _no("ends an application by a disposition step; the settings or the mapping name none")
        # The step and its stage stay the last ones.
        end = State(here.stage, target.status, target.reason)
        return [*chain, PlannedWrite(_ENDS[target.status], here, end)]

    def _of_its_process(self, current: State, target: State) -> State:
        """The same disposition as the application's own process has it: each process has steps of its own."""
        wanted = (target.reason or "").partition(":")[0]
        process = next((s.process for s in self.steps if s.id == current.stage), None)
        own = [d for d in self.dispositions if d.id == wanted and d.process == process]
        return evolve(target, reason=own[0].key) if own else target

    def declared(self, intent: Intent) -> StatusWrite:
        write = VENDOR.write("move" if intent.action is Action.MOVE else "dispose")
        return evolve(write, visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        # The answer names an event and no step: only reading tells.
        return Call(self.declared(intent).render(values), lambda _response: None)


def _no(why: str) -> Unplannable:
    return Unplannable(f"Workday {why}", vendor=VENDOR.name)


# --- cursors and answers -------------------------------------------------------------------------

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_JOB_GROUP = _el(
    "Response_Group",
    *(
        _el(f"Include_{part}", text="true")
        for part in ("Reference", "Job_Requisition_Definition_Data", "Organizations", "Roles")
    ),
)


def _first(watermark: Any) -> Json:
    return {"since": watermark["since"] if watermark else None, "at": None, "asked": None, "page": 1}


def _first_of(job: str | None, watermark: Any) -> Json:
    before = watermark["over"] if watermark else 0
    return {"job": job, "before": before, "over": None, "at": None, "asked": None, "page": 1}


def _due(job: Job, watermark: Any) -> bool:
    """Nobody tells which applications have changed: those of all requisitions not long over are read."""
    return job.status not in _OVER or not watermark or watermark["over"] < _READS_AFTER_THE_END


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _before(at: str, overlap: timedelta) -> str:
    return (datetime.fromisoformat(at) - overlap).isoformat(timespec="milliseconds")


def _named(name: str, wid: str) -> Element:
    """References by WID; one that is not there is left out of the answer, and fails nothing."""
    return _el("Request_References", _ref(name, "WID", wid), Skip_Non_Existing_Instances="true")


def _answer(response: Response) -> Any:
    """The element in the body, as plain data."""
    element: ElementTree.Element = soap_body(response.body)
    if not local(element.tag).endswith(("_Response", "Server_Timestamp")):
        raise BadPayload("the SOAP message holds no answer")
    data = as_data(element)
    return data if isinstance(data, Mapping) else {}


@frozen
class _Listing:
    """One page of a listing: its records as plain data, and whether there are more."""

    records: list[Raw]
    more: bool

    @classmethod
    def read(cls, response: Response, name: str, *, page: int) -> _Listing:
        """Raises `BadPayload` where the figures do not fit what is there: nothing may be missing silently."""
        data = _answer(response)
        names = ("Total_Results", "Total_Pages", "Page_Results", "Page")
        total, pages, shown, this = [_number(data, name) for name in names]
        records = [Raw.of(one) for one in every(data, "Response_Data", name)]
        if this != page or len(records) != shown or (page == 1 and shown == 0 < total):
            raise BadPayload("the figures of the listing do not fit what is in it")
        return cls(records, page < pages)


def _number(data: Any, name: str) -> int:
    """A figure of the page: it may come as 1.0."""
    text = text_of(data, "Response_Results", name)
    try:
        number = float(text or "")
        if number == int(number) >= 0:
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise BadPayload(f"the listing's {name} is no number")


def _shown(response: Response, name: str) -> list[Raw]:
    try:
        return _Listing.read(response, name, page=1).records
    except BadPayload:
        return []


def _applications(candidate: Any) -> Iterator[Any]:
    return every(candidate, "Candidate_Data", "Job_Application_Data", "Job_Applied_To_Data")


def _on(job: str, candidates: Iterable[Raw], hired: _Hires | None) -> list[Raw]:
    """A record for each application on a requisition; a candidate comes with those on others too.

    One that names no requisition by a WID may be on this one: its own reader sets it aside.
    """

    def may_be(applied: Any) -> bool:
        wid = _reference(applied, "Job_Requisition_Reference")[0].get("WID", "")
        return wid == job or not re.fullmatch(_WID, wid)

    return [
        Raw.of(_kept(candidate.data, applied, hired))
        for candidate in candidates
        for applied in _applications(candidate.data)
        if may_be(applied)
    ]


def _candidates(answer: Response) -> Sequence[Raw]:
    return _Listing.read(answer, "Candidate", page=1).records


def _with_applications(answer: Response) -> Sequence[Raw]:
    return [shown for shown in _candidates(answer) if list(_applications(shown.data))]


def _own(candidate: Raw, wid: str) -> Raw | None:
    """A candidate with one application, by its WID; None where there is no such.

    Raises:
        BadRecord: one of theirs that shows has no WID that could be read: it may be that one.
    """
    data = first(candidate.data, "Candidate_Data")
    parts = every(data, "Job_Application_Data")
    if not isinstance(data, Mapping) or not all(isinstance(part, Mapping) or part == "" for part in parts):
        raise BadPayload("the candidate is shown without the data that would have the applications")
    for applied in _applications(candidate.data):
        if _reference(applied, "Job_Application_Reference")[0].get("WID") == wid:
            return Raw.of(_kept(candidate.data, applied, None))
    for applied in _applications(candidate.data):
        _ = _wid(applied, "Job_Application_Reference")
    return None


def _job_of(application: Raw) -> str:
    return _wid(application.data["application"], "Job_Requisition_Reference")


def _told_of(application: Raw, hired: _Hires | None) -> Raw:
    """The same with what the report says."""
    own = _wid(application.data["application"], "Job_Application_Reference")
    return Raw.of({**application.data, "hired": None if hired is None else hired.of(own)})


def _report_rows(response: Response) -> list[Mapping[str, Any]]:
    """Raises `BadPayload` where a row cannot be read: of whom it tells, nobody would know."""
    _, raws = read_list(response.body, "Report_Entry")
    try:
        return [record(raw.data) for raw in raws]
    except BadRecord as error:
        wrong = error.why
    raise BadPayload(f"the report holds a row that cannot be read: {wrong}")


@frozen
class _Hires:
    """What a report says of a requisition's applications: whether each led to a hire.

    Args:
        flags: by the application's WID, as told.
        whole: whether each row says of whom it tells.
    """

    flags: Mapping[str, str]
    whole: bool

    @classmethod
    def read(cls, response: Response) -> _Hires:
        """Of a report's answer. Empty columns are left out."""
        _, raws = read_list(response.body, "Report_Entry")
        flags, whole = {}, True
        for raw in raws:
            try:
                row = record(raw.data)
                flags[need_id(row, "Application_ID")] = _flag(row.get("Hired"))
            except BadRecord:
                whole = False
        return cls(flags, whole)

    def of(self, wid: str) -> str:
        """Nobody knows of one that is not in the report, unless the row that is odd may be its own."""
        return self.flags.get(wid, "?" if self.whole else _ODD)


_ODD = "!"
"""In the place of a flag that is there and cannot be read."""


def _flag(column: Any) -> str:
    """A column that is left out says no."""
    if column is None:
        return "0"
    return column or "0" if isinstance(column, str) else _ODD


@frozen
class _Words:
    """What processes consist of."""

    steps: tuple[Step, ...] = ()
    dispositions: tuple[Disposition, ...] = ()

    @classmethod
    def named(cls, steps: Iterable[tuple[str, str]], dispositions: Iterable[tuple[str, str]]) -> _Words:
        """By pairs of id and name, of which each id counts once."""
        return cls(
            tuple(Step(id=id, name=name) for id, name in sorted(dict(steps).items())),
            tuple(Disposition(id=id, step="", name=name) for id, name in sorted(dict(dispositions).items())),
        )

    def and_those(self, others: _Words) -> _Words:
        both = (*self.steps, *others.steps), (*self.dispositions, *others.dispositions)
        return _Words.named(*(((one.id, one.name) for one in part) for part in both))

    def stages(self) -> list[dict[str, Any]]:
        return [
            {"id": s.id, "name": s.name, "process": s.process, "kind": s.kind.value, "order": place}
            for place, s in enumerate(self.steps)
        ]

    def reasons(self) -> list[dict[str, Any]]:
        """With its process in the name of a disposition that another process has too."""
        rows: list[dict[str, Any]] = []
        taken: set[str] = set()
        for one in self.dispositions:
            name = f"{one.name} ({one.process or one.id})" if one.name in taken else one.name
            taken.add(one.name)
            rows.append({"id": one.key, "name": name, "status": one.status.value})
        return rows


def _reported(response: Response) -> _Words:
    """The steps that a report names: where applications stand, and where they may go."""
    rows = _report_rows(response)
    steps = [(opt_text(row, "Current_Step_ID"), opt_text(row, "Current_Step")) for row in rows]
    steps += [pair for row in rows for pair in _cells(row, "Next_Steps", "Workflow_Step_ID")]
    ends = [pair for row in rows for pair in _cells(row, "Disposition_Steps", "Recruiting_Disposition_ID")]
    return _Words.named(_with_id(steps), _with_id(ends))


def _cells(row: Mapping[str, Any], column: str, id: str) -> list[tuple[str | None, str | None]]:
    return [(opt_text(one, id), opt_text(one, "Step")) for one in objects(row, column)]


def _stood_in(candidates: Iterable[Raw]) -> _Words:
    """The steps that applications stand in, and the dispositions that they ended by."""
    applied = [one for candidate in candidates for one in _applications(candidate.data)]

    def named(reference: str, kind: str) -> Iterable[tuple[str, str]]:
        found = [_reference(one, reference) for one in applied]
        return _with_id([(ids.get(kind), name) for ids, name in found])

    return _Words.named(
        named("Workflow_Step_Reference", "Workflow_Step_ID"),
        named("Disposition_Reference", "Recruiting_Disposition_ID"),
    )


def _with_id(pairs: Iterable[tuple[str | None, str | None]]) -> list[tuple[str, str]]:
    return [(id, name or id) for id, name in pairs if id]


_KEPT = ("Name_Data", "Contact_Data", "Social_Media_Account_Data")


def _kept(candidate: Any, applied: Any, hired: _Hires | None) -> dict[str, Any]:
    """What is read of a candidate and one application.

    Résumés, and what a user with too many domains is shown besides, such as birth dates, go no further.
    """
    data = first(candidate, "Candidate_Data")
    own = _reference(applied, "Job_Application_Reference")[0].get("WID", "")
    return {
        "candidate": {
            "Candidate_Reference": first(candidate, "Candidate_Reference"),
            **{name: list(every(data, name)) for name in _KEPT},
            "Withdrawn": text_of(data, "Status_Data", "Withdrawn"),
        },
        "application": applied,
        # An application that the report does not show: nobody knows.
        "hired": None if hired is None else hired.of(own),
    }


def _reference(data: Any, *path: str) -> tuple[dict[str, str], str | None]:
    """The ids of a reference by their types, and its display name."""
    found = first(data, *path)
    ids = {
        str(one["@type"]): one["#"]
        for one in every(found, "ID")
        if isinstance(one, Mapping) and isinstance(one.get("@type"), str) and one.get("#")
    }
    name = found.get("@Descriptor") if isinstance(found, Mapping) else None
    return ids, name if isinstance(name, str) and name else None


def _wid(data: Any, name: str) -> str:
    """A mandatory WID: 32 hexadecimal digits, unique in the whole tenant."""
    found = _reference(data, name)[0].get("WID", "")
    if not re.fullmatch(_WID, found):
        raise BadRecord(name, "expected a WID")
    return found


def _job_id(data: Any) -> str:
    evergreen = isinstance(data, Mapping) and "Evergreen_Requisition_Reference" in data
    return _wid(data, "Evergreen_Requisition_Reference" if evergreen else "Job_Requisition_Reference")


def _job_data(data: Any) -> Any:
    return first(data, "Job_Requisition_Data") or first(data, "Evergreen_Requisition_Data")


# --- what the preflight says ---------------------------------------------------------------------

_NOTHING_HIDDEN = Finding(
    what="see every requisition and every candidate",
    proof=Proof.UNPROVEN,
    tried="nothing: a constrained group, and confidential requisitions, are left out without a word",
    ask="an Integration System Security Group (Unconstrained); compare the number of requisitions in scope",
)


def _contacts_shown(candidates: Response | VendorError) -> Finding:
    """Fields without a permission are missing, and no error says so."""
    what = "read names and contact data"
    ask = "Get on Candidate Data: Personal Information, and Activate Pending Security Policy Changes"
    shown = [] if isinstance(candidates, VendorError) else _shown(candidates, "Candidate")
    if not shown:
        tried = "nothing: no candidate shows"
        return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=ask)
    tried = f"{len(shown)} candidates"
    if any(map(_is_named, shown)):
        return Finding(what=what, proof=Proof.PROVED, tried=tried)
    return Finding(what=what, proof=Proof.MISSING, tried=f"{tried}: none shows a name", ask=ask)


def _is_named(candidate: Raw) -> bool:
    """Whether a name shows, blank or not."""
    return first(candidate.data, "Candidate_Data", "Name_Data") is not None


# --- readers -------------------------------------------------------------------------------------


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    """A step; it belongs to a process where the table says so."""
    kind = StageKind(data["kind"])
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, data["id"]),
            read_at=read_at,
            name=data["name"],
            pipeline=data["process"] or None,
            scope=StageScope.PIPELINE if data["process"] else StageScope.GLOBAL,
            order=data["order"],
            active=True,
            kind=kind,
            terminal=kind is StageKind.HIRED,
            writable=Answer.YES,
            side_effects=frozenset({SideEffect.AUTOMATION}),
        ),
    )


def read_reason(connection: str, read_at: datetime, data: Any) -> tuple[Reason]:
    status = ApplicationStatus(data["status"])
    withdrew, tabled = status is ApplicationStatus.WITHDRAWN, ":" in data["id"]
    return (
        Reason(
            ref=Ref(connection, Kind.REASON, data["id"]),
            read_at=read_at,
            name=data["name"],
            by=ReasonBy.CANDIDATE if withdrew else ReasonBy.ORGANISATION if tabled else ReasonBy.UNKNOWN,
            active=True,
            outcome=status,
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any, *, states: Mapping[str, str]) -> Job:
    """A requisition of either kind. All is optional, and no time of a change is told."""
    own = _job_data(data)
    detail, hiring = first(own, "Job_Requisition_Detail_Data"), first(own, "Hiring_Requirement_Data")
    reference = "Job_Requisition_Reference"
    if isinstance(data, Mapping) and "Evergreen_Requisition_Reference" in data:
        reference = "Evergreen_Requisition_Reference"
    ids, name = _reference(data, reference)
    code = next((value for kind, value in ids.items() if kind != "WID"), None)
    state, label = _reference(own, "Job_Requisition_Status_Reference")
    words = (label, state.get("Job_Requisition_Status_ID"))
    time = _reference(hiring, "Time_Type_Reference")[0].get("Position_Time_Type_ID")
    return Job(
        ref=Ref(connection, Kind.JOB, _job_id(data)),
        read_at=read_at,
        title=text_of(detail, "Job_Posting_Title") or name,
        code=code,
        requisition_id=code,
        status=_job_state(words, states),
        vendor_status=words[0] or words[1],
        employment_type=_TIMES.get(time.lower(), EmploymentType.OTHER) if time else None,
        departments=_places(own, "Supervisory_Organization_Reference"),
        locations=_places(hiring, "Primary_Location_Reference"),
        hiring_team=tuple(_team(own)),
        description_html=text_of(detail, "Job_Description"),
        opened_at=_day(text_of(hiring, "Recruiting_Start_Date")),
    )


def _job_state(words: Iterable[str | None], states: Mapping[str, str]) -> JobStatus:
    """Ids are the tenant's to rename, so its own table comes first, then the label, then the id."""
    given = [word for word in words if word]
    told = next((states[word] for word in given if word in states), None)
    if told is not None:
        return JobStatus(told)
    found = (_JOB_STATES.get(word.casefold()) for word in given)
    return next((state for state in found if state is not None), JobStatus.UNKNOWN)


def _places(data: Any, name: str) -> tuple[Named, ...]:
    ids, label = _reference(data, name)
    shown = label or next((value for kind, value in ids.items() if kind != "WID"), None)
    return (Named(shown, ids.get("WID")),) if shown else ()


def _team(data: Any) -> Iterator[TeamMember]:
    for assignment in every(data, "Role_Assignment_Data"):
        role = _reference(assignment, "Role_Reference")[1] or ""
        for worker in every(assignment, "Role_Assignee_Reference"):
            ids, name = _reference({"worker": worker}, "worker")
            if wid := ids.get("WID"):
                yield TeamMember(wid, _ROLES.get(role.casefold(), TeamRole.OTHER), name)


def _day(text: str | None) -> datetime | None:
    """A date; some tenants add an offset."""
    return from_iso(text[:10]) if text else None


def read_candidate(connection: str, read_at: datetime, data: Any) -> Candidate:
    candidate = data["candidate"]
    ref = Ref(connection, Kind.CANDIDATE, _wid(candidate, "Candidate_Reference"))
    names = _names(candidate)
    contact = first(candidate, "Contact_Data")
    email, phone = text_of(contact, "Email_Address"), text_of(contact, "Phone_Number")
    # Purged, and not merely without a permission: the name is there, and blank.
    if names is not None and not any(names) and not email and not phone:
        return Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED))
    given, family = names or (None, None)
    urls = [
        text_of(one, "Social_Network_Account_URL") for one in every(candidate, "Social_Media_Account_Data")
    ]
    urls += [text_of(one, "URL_Address") for one in every(contact, "Website_Data")]
    return Candidate(
        ref=ref,
        read_at=read_at,
        given_name=given,
        family_name=family,
        display_name=" ".join(filter(None, (given, family))) or None,
        emails=(Email(email, primary=True),) if email else (),
        phones=(Phone(phone),) if phone else (),
        links=tuple(Link(url, link_type(url)) for url in urls if url),
        locations=tuple(_locations(contact)),
    )


def _hidden_name(_data: Any) -> tuple[Record, ...]:
    raise BadRecord("Name_Data", "no candidate shows a name: Candidate Data: Personal Information is missing")


def _names(candidate: Any) -> tuple[str | None, str | None] | None:
    """Given and family name, flat as up to v33 or nested; None where no name shows at all."""
    shown = first(candidate, "Name_Data")
    if shown is None:
        return None
    nested = first(shown, "Legal_Name", "Name_Detail_Data")
    if not isinstance(shown, Mapping) or (nested is None and "Last_Name" not in shown):
        raise BadRecord("Name_Data", "expected a name")
    return text_of(nested or shown, "First_Name"), text_of(nested or shown, "Last_Name")


def _locations(contact: Any) -> Iterator[Location]:
    for place in every(contact, "Location_Data"):
        city, code = text_of(place, "City"), text_of(place, "Postal_Code")
        region, country = (
            _reference(place, f"{name}_Reference")[1] for name in ("Country_Region", "Country")
        )
        if city or code or region or country:
            yield Location(city=city, postcode=code, region=region, country=country)


def read_application(
    connection: str,
    read_at: datetime,
    data: Any,
    *,
    steps: Sequence[Step],
    dispositions: Sequence[Disposition],
) -> Application:
    applied, person = data["application"], data["candidate"]
    candidate = _wid(person, "Candidate_Reference")
    step, name = _reference(applied, "Workflow_Step_Reference")
    stage = step.get("Workflow_Step_ID")
    known = next((s for s in steps if s.id == stage), None)
    status, reason = _standing(data, known, dispositions)
    moment = text_of(applied, "Status_Timestamp")
    since, ended = from_iso(moment), first(applied, "Disposition_Reference")
    label = _reference(applied, "Stage_Reference")[1]
    source = _reference(applied, "Source_Reference")[1]
    return Application(
        ref=Ref(connection, Kind.APPLICATION, f"{candidate}:{_wid(applied, 'Job_Application_Reference')}"),
        read_at=read_at,
        updated_at=since,
        created_at=from_iso(text_of(applied, "Job_Application_Date")),
        candidate=Ref(connection, Kind.CANDIDATE, candidate),
        job=Ref(connection, Kind.JOB, _wid(applied, "Job_Requisition_Reference")),
        stage=Ref(connection, Kind.STAGE, stage) if stage else None,
        stage_name=name or label,
        status=status,
        vendor_status=label,
        reason=Ref(connection, Kind.REASON, reason) if reason else None,
        reason_text=_reference(applied, "Disposition_Reference")[1],
        applied_at=from_iso(text_of(applied, "Job_Application_Date")),
        hired_at=since if status is ApplicationStatus.HIRED else None,
        rejected_at=since if ended is not None and status is ApplicationStatus.REJECTED else None,
        withdrawn_at=since if ended is not None and status is ApplicationStatus.WITHDRAWN else None,
        stage_entered_at=since if status is ApplicationStatus.ACTIVE else None,
        source=Source(source) if source else None,
        token=moment,
    )


def _standing(
    data: Any, step: Step | None, dispositions: Sequence[Disposition]
) -> tuple[ApplicationStatus, str | None]:
    """How it stands, and why it ended. A disposition comes first: the stage beside it is the last one before.

    A disposition that is not in the table, or a flag that cannot be read, is UNKNOWN and never a default.
    """
    ended, hired = first(data["application"], "Disposition_Reference"), data["hired"]
    if ended is not None:
        id = _reference(data["application"], "Disposition_Reference")[0].get("Recruiting_Disposition_ID")
        alike = [d for d in dispositions if d.id == id]
        own = [d for d in alike if step is not None and d.process == step.process] or alike
        return (own[0].status, own[0].key) if own else (ApplicationStatus.UNKNOWN, id)
    if hired == _ODD:
        raise BadRecord("Hired", "the report's row cannot be read")
    flags = (hired, data["candidate"]["Withdrawn"])
    told = [None if flag is None else _BOOLEANS.get(flag) for flag in flags]
    if told[0] or (step is not None and step.kind is StageKind.HIRED):
        return ApplicationStatus.HIRED, None
    if any(flag is not None and said is None for flag, said in zip(flags, told, strict=True)):
        return ApplicationStatus.UNKNOWN, None
    return (ApplicationStatus.WITHDRAWN if told[1] else ApplicationStatus.ACTIVE), None
