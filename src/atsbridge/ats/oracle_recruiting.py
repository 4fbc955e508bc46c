"""Oracle Recruiting Cloud, REST API 11.13.18.05 of Fusion Cloud HCM, framework version 4.

https://docs.oracle.com/en/cloud/saas/human-resources/farws/, read 2026-11-25.

An application stands in a *state* of a *phase* of a selection process; a state's id means nothing without
its phase, so a stage here is the pair, ``phase:state``. To move, to reject and to take back are one action.
No supported request lists phases and states: a table in the connection's settings does, or they are
learned from the applications that stand in them. Nobody is hired by this API.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    CursorLost,
    Forbidden,
    NotFound,
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
    Named,
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
)
from ..wire.answers import AnswerRule, Complaint, Complaints, safe_time
from ..wire.auth import Basic, ClientCredentials, Scheme, TokenEndpoint
from ..wire.effects import Flow, Request, Response, request
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Span
from ..wire.payload import Raw, read_json, read_list
from ..wire.reading import from_iso, need_id, objects, opt_id, opt_object, opt_text, record, texts
from ..wire.secrets import Secret, optional_secret, secret
from ..wire.streams import Item, Page, Stream, sort_out, sort_out_ids
from ..wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
from .chain import ENDS, UNREADABLE, StageChain
from .interface import Ats, Catalogue, Finding, Fresh, Gone, PlannedWrite, Proof, Unplannable
from .preflight import ask, find, proof_of_read, reach, unproven_write

_ID = r"[1-9][0-9]{0,17}"
_NUMBER = r"[A-Za-z0-9_-]{1,60}"
_LISTED = frozenset({"limit", "offset", "onlyData", "fields", "expand", "orderBy", "q"})
_JOBS, _PEOPLE, _APPLICATIONS = (
    "recruitingJobRequisitions",
    "recruitingCandidates",
    "recruitingJobApplications",
)

_APPLICATION = Slot(SlotName.APPLICATION, _ID)
_PHASE = Slot(SlotName.TARGET_STAGE, _ID, int, part=0)
_STATE = Slot(SlotName.TARGET_STAGE, _ID, int, part=1)


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """Only a 400 says why: in JSON, or as plain text where something in front of the pod answers.

    Of the other statuses Oracle's own answers have no more than their number again.
    """
    if answer.status < 400:
        return None
    try:
        body = read_json(answer.body)
    except BadPayload:
        return Complaint("", answer.body.decode("utf-8", "replace")) if answer.status == 400 else None
    if not isinstance(body, dict) or body.get("status") != str(answer.status):
        return None
    first = next(objects(body, "o:errorDetails"), {})
    words = opt_text(first, "detail") or opt_text(body, "title") or ""
    return Complaint(opt_text(first, "o:errorCode") or "", words)


def _no_word_of_oracle(_asked: Request, answer: Response) -> bool:
    """A page of HTML, as during maintenance, says nothing about a record."""
    return "html" in answer.headers.get("content-type", "")


def _list(name: str) -> Read:
    return Read(name=f"list_{name}", path=f"/{name}", query=_LISTED)


def _write(name: str, note: str, *effects: SideEffect) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="POST",
        path=f"/{_APPLICATIONS}/{{application}}/action/move",
        slots=(_APPLICATION, _PHASE, _STATE),
        body={"phaseId": _PHASE, "stateId": _STATE},
        # Any other media type is refused, application/json too.
        media="application/vnd.oracle.adf.action+json",
        signal=Signal.CHANGE,
        resend=Resend.NEVER,
        side_effects=frozenset(effects),
        note=note,
    )


_MOVED = (SideEffect.MAIL, SideEffect.AUTOMATION)

VENDOR = Vendor(
    name="oracle_recruiting",
    title="Oracle Recruiting Cloud",
    api_version="11.13.18.05",
    docs="https://docs.oracle.com/en/cloud/saas/human-resources/farws/",
    docs_read=date(2026, 11, 25),
    hosts={"pod": "https://{pod}/hcmRestApi/resources/11.13.18.05"},
    host_slots={
        "pod": r"[a-z0-9][a-z0-9-]{0,60}\.fa\.[a-z0-9-]{1,20}\.oraclecloud\.com",
        "identity_domain": r"idcs-[a-z0-9]{1,60}\.identity\.oraclecloud\.com",
    },
    # Without a version it is 1, with another q, another shape of children and other errors:
    # https://docs.oracle.com/en/cloud/saas/human-resources/farws/Setting_the_REST_Framework_Version.html
    headers=(("Accept", "application/json"), ("REST-Framework-Version", "4")),
    reads=(
        _list(_JOBS),
        _list(_PEOPLE),
        _list(_APPLICATIONS),
        Read(
            name="get_application",
            path=f"/{_APPLICATIONS}/{{id}}",
            segments={"id": _ID},
            query=frozenset({"onlyData", "fields"}),
        ),
        Read(
            name="list_phones",
            path=f"/{_PEOPLE}/{{number}}/child/candidatePhones",
            segments={"number": _NUMBER},
            query=frozenset({"limit", "offset", "onlyData"}),
        ),
        *(
            Read(name=f"describe_{name}", path=f"/{name}/describe")
            for name in (_JOBS, _PEOPLE, _APPLICATIONS)
        ),
        Read(name="list_versions", path="/resources", below="https://{pod}/hcmRestApi"),
    ),
    writes=(
        _write("move", "to another state of the process; conditions of the phase may refuse it", *_MOVED),
        _write("end", "reject or withdraw: the phase's own state that ends so", *_MOVED),
        _write("reopen", "from a state that ends to one that does not", SideEffect.REOPEN, *_MOVED),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            urls=("https://{identity_domain}/oauth2/v1/token",),
            form=frozenset({"grant_type", "scope"}),
        ),
    ),
    concurrent=5,
    answers=tuple(
        AnswerRule(meaning=BadPayload, status=status, when=_no_word_of_oracle) for status in (400, 403)
    ),
    complaints=Complaints(
        read=_complaint, meanings={}, terms=frozenset({"phase", "condition", "met", "operator", "confirmed"})
    ),
    unconfirmed={
        "overlap_hours": "how late a change may show by LastModifiedDate of applications; default 4",
        "parents_overlap_hours": "the same of requisitions and candidates; default 48",
        "incremental": "LastModifiedDate moves with every change of phase or state; default true",
        "visible_within_seconds": "how long a move may take to show in a read; default 0",
        "hidden_is_404": "where the user has no role on a requisition, its applications are 404; default 403",
        "job_states": "what the names of the phases of requisitions mean; default Open alone",
    },
)

_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REJECT: "end",
    Action.WITHDRAW: "end",
    Action.REACTIVATE: "reopen",
}
_TIMES: Mapping[str, EmploymentType] = {
    "FULL_TIME": EmploymentType.FULL_TIME,
    "PART_TIME": EmploymentType.PART_TIME,
}
_NOT_CONFIRMED = (False, "N", "false", "False")
_CEILING = 10_000
"""After so many rows a collection says that there is no more, whether there is or not."""

Reader = Callable[[str, datetime, Any], tuple[Record, ...]]


# --- settings ------------------------------------------------------------------------------------


@frozen(kw_only=True)
class PhaseState:
    """A state of a phase, as the customer names it in the settings.

    Args:
        movable: a move may lead there; into states of offers and of the hire process none does.
    """

    process: str = field(converter=str)
    phase: str = field(converter=str)
    phase_name: str
    state: str = field(converter=str)
    name: str
    kind: StageKind = field(default=StageKind.UNMAPPED, converter=StageKind)
    movable: bool = True


def _states(rows: Iterable[Any]) -> tuple[PhaseState, ...]:
    """A converter: tables to states."""
    try:
        return tuple(PhaseState(**row) if isinstance(row, Mapping) else row for row in rows)
    except (TypeError, ValueError) as error:
        why = str(error)
    raise ConfigurationError(f"a row of the table of states: {why}")


def _job_states(words: Mapping[str, str]) -> Mapping[str, JobStatus]:
    """A converter: what the names of phases mean."""
    try:
        return {name: JobStatus(word) for name, word in words.items()}
    except ValueError as error:
        why = str(error)
    raise ConfigurationError(f"job_states: {why}")


def _is_host(_adapter: object, setting: Any, value: str) -> None:
    if value and not re.fullmatch(VENDOR.host_slots[setting.name], value):
        raise ConfigurationError(f"{setting.name} is a host such as {setting.metadata['example']}")


def _is_page_size(_adapter: object, setting: Any, value: int) -> None:
    # Each page but the first begins with the last row of the one before: of one row there would be no next.
    if not 2 <= value <= 500:
        raise ConfigurationError(f"{setting.name} is from 2 to 500")


@frozen(kw_only=True)
class _Listing:
    """How a collection is asked for.

    Args:
        changed: the attribute that tells when a row last changed; rows come in its order.
        by: other attributes by which it is asked.
        fields: what is shown; fields and expand cannot be combined.
        actions: what can be done to a row.
    """

    name: str
    kind: Kind
    key: str
    changed: str
    by: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    expand: str = ""
    actions: frozenset[str] = frozenset()

    def request(self, *conditions: str, limit: int, offset: int = 0) -> Request:
        query = {
            "q": " and ".join(c for c in conditions if c),
            # The key decides between rows of one time, which would come in any order, another one each time.
            "orderBy": f"{self.changed}:asc,{self.key}:asc",
            "fields": ",".join(self.fields),
            "expand": "" if self.fields else self.expand,
            "limit": str(limit),
            "offset": str(offset),
            "onlyData": "true",
        }
        pairs = tuple((name, value) for name, value in query.items() if value)
        return Request(operation=f"list_{self.name}", method="GET", url=f"/{self.name}", query=pairs)

    def first(self) -> Request:
        """The shortest page of it: whether anything shows at all."""
        return evolve(self, fields=(self.key,)).request(limit=1)


_REQUISITIONS = _Listing(
    name=_JOBS,
    kind=Kind.JOB,
    key="RequisitionId",
    changed="RequisitionLastModifiedDate",
    by=("RequisitionId",),
    fields=(
        "RequisitionId", "RequisitionNumber", "Title", "PhaseName", "StateName", "FullTimeOrPartTime",
        "DepartmentId", "PrimaryLocationId", "HiringManagerId", "RecruiterId",
        "CandidateSelectionProcessId", "CreationDate", "RequisitionLastModifiedDate",
        "ExternalDescriptionHTML",
    ),
)  # fmt: skip
_CANDIDATES = _Listing(
    name=_PEOPLE, kind=Kind.CANDIDATE, key="PersonId", changed="CandLastModifiedDate", by=("PersonId",),
    expand="candidatePhones",
)  # fmt: skip
_OWN = _Listing(
    name=_APPLICATIONS,
    kind=Kind.APPLICATION,
    key="JobApplicationId",
    changed="LastModifiedDate",
    actions=frozenset({"move"}),
    fields=(
        "JobApplicationId", "CandidatePersonId", "RequisitionId", "ProcessId", "PhaseId", "PhaseName",
        "StateId", "StateName", "ConfirmedFlag", "JobApplicationDate", "CreationDate", "LastModifiedDate",
    ),
)  # fmt: skip

_STOOD_IN = evolve(
    _OWN,
    kind=Kind.STAGE,
    fields=("ProcessId", "PhaseId", "PhaseName", "StateId", "StateName", _OWN.key, _OWN.changed),
)
_NOTHING = timedelta()


@frozen(kw_only=True)
class OracleRecruiting(Ats):
    """One Fusion pod.

    Args:
        connection: the link's globally unique id.
        pod: the host, such as ``acme.fa.us2.oraclecloud.com``.
        user, password: of the integration user.
        identity_domain, client_id, client_secret, scope: of a confidential application, in their place;
            the scope is copied as its page shows it.
        states: of the customer's processes, a table each: ``process``, ``phase``, ``phase_name``,
            ``state``, ``name``, ``kind`` and ``movable``. Without any, those are known in which
            applications stand.
        job_states: what the names of the phases of requisitions mean.
        incremental: read only the applications that have changed.
        hidden_is_404: a 404 may be an application on whose requisition the user has no role, so it deletes
            nothing: it says that access is lost.
        page_size: rows a page, from 2 to 500.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    STAGE_DECIDES: ClassVar[bool] = True
    READS_BY: ClassVar[tuple[str, ...]] = ("job_states",)

    connection: str
    pod: str = field(validator=_is_host, metadata={"example": "acme.fa.us2.oraclecloud.com"})
    user: str = ""
    password: Secret | None = field(default=None, converter=optional_secret)
    identity_domain: str = field(
        default="", validator=_is_host, metadata={"example": "idcs-0a1b2c3d.identity.oraclecloud.com"}
    )
    client_id: Secret | None = field(default=None, converter=optional_secret)
    client_secret: Secret | None = field(default=None, converter=optional_secret)
    scope: str = ""
    states: tuple[PhaseState, ...] = field(factory=tuple, converter=_states)
    job_states: Mapping[str, JobStatus] = field(factory=dict, converter=_job_states)
    incremental: bool = True
    hidden_is_404: bool = False
    page_size: int = field(default=500, validator=_is_page_size)
    overlap_hours: float = 4.0
    parents_overlap_hours: float = 48.0
    visible_within_seconds: float = 0.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["pod"].format(pod=self.pod)

    def auth(self) -> Scheme:
        if self.user and self.password is not None:
            return Basic(user=secret(self.user), password=self.password)
        needed = (self.identity_domain, self.client_id, self.client_secret, self.scope)
        if self.client_id is None or self.client_secret is None or not all(needed):
            raise ConfigurationError(
                "an Oracle connection has user and password, or identity_domain, client_id, client_secret"
                " and scope"
            )
        endpoint = VENDOR.tokens[0]
        return ClientCredentials(
            token_endpoint=endpoint,
            url=endpoint.urls[0].format(identity_domain=self.identity_domain),
            client_id=self.client_id,
            client_secret=self.client_secret,
            extra=(("scope", self.scope),),
        )

    def settings(self) -> Mapping[str, str]:
        return {
            "pod": self.pod,
            "user": self.user or "by client credentials",
            "states": f"{len(self.states)} in the table" if self.states else "as applications stand in them",
            "incremental": str(self.incremental).lower(),
            "hidden_is_404": str(self.hidden_is_404).lower(),
            "overlap_hours": f"{self.overlap_hours:g}",
            "parents_overlap_hours": f"{self.parents_overlap_hours:g}",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        tabled = Stream(
            name="states",
            kinds=frozenset({Kind.STAGE}),
            incremental=False,
            start=lambda _watermark, _job: {},
            page=lambda _cursor: Routine(self._states_page),
        )
        # What was entered since is learned with the applications themselves.
        learned = evolve(self._stream(_STOOD_IN, self._learned, _NOTHING), name="states")
        parents, own = timedelta(hours=self.parents_overlap_hours), timedelta(hours=self.overlap_hours)
        applications = self._stream(_OWN, self._applications, own)
        if not self.states:
            applications = evolve(applications, kinds=frozenset({Kind.STAGE, Kind.APPLICATION}))
        if not self.incremental:
            start: Callable[[Any, Any], Any] = lambda _watermark, _job: Span.first(None)  # noqa: E731
            applications = evolve(applications, incremental=False, start=start)
        return (
            self._stream(_REQUISITIONS, self._jobs, parents),
            tabled if self.states else learned,
            self._stream(_CANDIDATES, self._candidates, parents),
            applications,
        )

    def sweeps(self) -> tuple[Stream, ...]:
        """Ids alone: what is deleted is listed nowhere."""
        return tuple(
            Stream(
                name=f"sweep_{listing.name}",
                kinds=frozenset({listing.kind}),
                incremental=False,
                sweeps=True,
                start=lambda _watermark, _job: Span.first(None),
                page=partial(self._shown, evolve(listing, fields=(listing.key, listing.changed))),
            )
            for listing in (_CANDIDATES, _OWN)
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._candidate_gone(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _stream(
        self,
        listing: _Listing,
        items: Callable[[list[Raw], Response], Flow[tuple[list[Item], list[tuple[str, str]]]]],
        overlap: timedelta,
    ) -> Stream:
        def page(cursor: Any) -> Flow[Page]:
            span = Span.of(cursor)
            response, raws, token = yield from self._rows(listing, span)
            found, rejected = yield from items(raws, response)
            following, watermark = span.seen(safe_time(response)).after(token, overlap=overlap)
            return Page(items=found, rejected=rejected, next=following, watermark=watermark)

        return Stream(
            name=listing.name,
            kinds=frozenset({listing.kind}),
            incremental=True,
            start=lambda watermark, _job: Span.first(watermark, again=True),
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _rows(
        self, listing: _Listing, span: Span, *conditions: str
    ) -> Flow[tuple[Response, list[Raw], str | None]]:
        """One page, and where the next one begins; None at the end.

        The next page begins at the time of this one's last row: by offset rows would be lost, for who
        is changed meanwhile goes to the end, and after 10,000 rows there is said to be no more. Where
        a whole page is of one moment, the next is by offset after all, and shows that page's last row
        again: if it does not, something has shifted.
        """
        at, offset, last = _place(span)
        bound = "" if at is None else f"{listing.changed} >= '{_moment(at)}'"
        wanted = listing.request(bound, *conditions, limit=self.page_size, offset=offset)
        response = yield from request(wanted)
        envelope, raws = read_list(response.body, "items")
        more = envelope.get("hasMore")
        if not isinstance(more, bool):
            raise BadPayload("the collection does not say whether there is more")
        if last and (not raws or _key(raws[0], listing.key) != last):
            raise CursorLost("rows of one and the same time have shifted", vendor=VENDOR.name)
        if not more and offset + len(raws) < _CEILING:
            return response, raws, None
        if not raws:
            raise BadPayload("the collection says there is more, and shows nothing")
        return response, raws, _following(listing, raws, at, offset)

    def _jobs(self, raws: list[Raw], response: Response) -> Flow[tuple[list[Item], list[tuple[str, str]]]]:
        yield from ()
        read = partial(read_job, self.connection, response.sent_at, states=self.job_states)
        return sort_out(raws, lambda raw: Item(((Kind.JOB, _id(raw, "RequisitionId")),), raw, read))

    def _candidates(
        self, raws: list[Raw], response: Response
    ) -> Flow[tuple[list[Item], list[tuple[str, str]]]]:
        read = partial(read_candidate, self.connection, response.sent_at)
        whole: list[Raw] = []
        for raw in raws:
            # Whoever is no person yet has no applications either.
            if not _is(raw, "PersonId", None):
                whole.append((yield from self._with_phones(raw)))
        return sort_out(whole, lambda raw: Item(((Kind.CANDIDATE, _id(raw, "PersonId")),), raw, read))

    def _with_phones(self, raw: Raw) -> Flow[Raw]:
        """An expanded child stops at 25 rows: the rest is asked for by itself."""
        try:
            shown, number = raw.peek("candidatePhones"), raw.peek("CandidateNumber")
        except BadRecord:
            return raw  # its reader says what is wrong with it
        if not isinstance(shown, dict) or shown.get("hasMore") is not True:
            return raw
        if not isinstance(number, str) or not re.fullmatch(_NUMBER, number):
            return raw  # nobody can be asked for by it
        wanted = Request(
            operation="list_phones",
            method="GET",
            url=f"/{_PEOPLE}/{number}/child/candidatePhones",
            query=(("limit", "500"), ("onlyData", "true")),
        )
        answer = yield from ask(wanted)
        if isinstance(answer, NotFound):
            return raw  # gone since it was listed
        if isinstance(answer, VendorError):
            raise answer
        _, phones = read_list(answer.body, "items")
        return Raw.of({**raw.data, "candidatePhones": {"items": [phone.data for phone in phones]}})

    def _learned(self, raws: list[Raw], response: Response) -> Flow[tuple[list[Item], list[tuple[str, str]]]]:
        yield from ()
        return self._stages_of(raws, response), []

    def _stages_of(self, raws: Iterable[Raw], response: Response) -> list[Item]:
        read = partial(read_stage, self.connection, response.sent_at)
        rows = _learned(data for raw in raws for data in _readable(raw))
        return [Item(((Kind.STAGE, id),), Raw.of(row), read) for id, row in rows.items()]

    def _applications(
        self, raws: list[Raw], response: Response
    ) -> Flow[tuple[list[Item], list[tuple[str, str]]]]:
        yield from ()
        read = partial(self._read, self.connection, response.sent_at)
        confirmed = [raw for raw in raws if not _is(raw, "ConfirmedFlag", *_NOT_CONFIRMED)]
        items, rejected = sort_out(confirmed, lambda raw: _application_item(raw, read))
        learned = [] if self.states else self._stages_of(confirmed, response)
        return [*learned, *items], rejected

    def _read(self, connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
        application = read_application(connection, read_at, data)
        known = next(
            (s for s in self._tabled() if application.stage and _stage_id(s) == application.stage.id), None
        )
        kind = StageKind(known["kind"]) if known else StageKind.UNMAPPED
        if kind in UNREADABLE:
            return (application,)
        return (evolve(application, status=ENDS.get(kind, ApplicationStatus.ACTIVE)),)

    def _tabled(self) -> list[dict[str, Any]]:
        return [
            {
                "process": s.process, "phase": s.phase, "phase_name": s.phase_name, "state": s.state,
                "name": s.name, "kind": s.kind.value, "movable": s.movable, "order": place,
            }
            for place, s in enumerate(self.states)
        ]  # fmt: skip

    def _states_page(self) -> Flow[Page]:
        response = yield from request(_OWN.first())
        read = partial(read_stage, self.connection, response.sent_at)
        items = [Item(((Kind.STAGE, _stage_id(row)),), Raw.of(row), read) for row in self._tabled()]
        return Page(items=items, watermark={})

    def _shown(self, listing: _Listing, cursor: Any) -> Operation[Page]:
        """A page of ids."""

        def page() -> Flow[Page]:
            span = Span.of(cursor)
            response, raws, token = yield from self._rows(listing, span)
            following, _ = span.seen(safe_time(response)).after(token, overlap=timedelta())
            named = [raw for raw in raws if not _is(raw, listing.key, None)]
            shown, rejected = sort_out_ids(listing.kind, named, lambda raw: _id(raw, listing.key))
            end: Mapping[str, Any] | None = None if following else {}
            return Page(shown=shown, rejected=rejected, next=following, watermark=end)

        return Routine(page)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        wanted = Request(
            operation="get_application",
            method="GET",
            url=f"/{_APPLICATIONS}/{ref.id}",
            query=(("fields", ",".join(_OWN.fields)), ("onlyData", "true")),
        )
        answer = yield from find(
            wanted, beside=_OWN.first(), rows=lambda shown: read_list(shown.body, "items")[1]
        )
        if isinstance(answer, (NotFound, Forbidden)):
            hidden = self.hidden_is_404 or isinstance(answer, Forbidden)
            kind = TombstoneKind.LOST_ACCESS if hidden else TombstoneKind.DELETED
            return Gone(tombstone=Tombstone(kind))
        if isinstance(answer, VendorError):
            raise answer
        (application,) = self._read(self.connection, answer.sent_at, read_json(answer.body))
        if not isinstance(application, Application) or application.ref != ref:
            raise BadPayload("the answer is about another application than the one asked for")
        token = application.token
        signals = {} if token is None else {write.name: token for write in VENDOR.writes}
        return Fresh(application=application, signals=signals)

    @routine
    def _candidate_gone(self, ref: Ref) -> Flow[Tombstone | None]:
        """By person id no data role hides anybody."""
        bare = evolve(_CANDIDATES, fields=("PersonId",))
        response = yield from request(bare.request(f"PersonId = {ref.id}", limit=1))
        _, raws = read_list(response.body, "items")
        if any(_id(raw, "PersonId") != ref.id for raw in raws):
            raise BadPayload("the answer is about another candidate than the one asked for")
        return None if raws else Tombstone(TombstoneKind.DELETED)

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        if job is None:
            return Catalogue(job=None)
        response = yield from request(_REQUISITIONS.request(f"RequisitionId = {job.id}", limit=1))
        _, raws = read_list(response.body, "items")
        found = [
            read_job(self.connection, response.sent_at, raw.data, states=self.job_states)[0] for raw in raws
        ]
        if len(found) != 1 or found[0].ref != job:
            raise NotFound("the requisition does not show", vendor=VENDOR.name)
        rows = self._tabled() or (yield from self._learned_of(found[0].pipelines))
        stages = [read_stage(self.connection, response.sent_at, row)[0] for row in rows]
        return Catalogue(job=job, stages=tuple(s for s in stages if s.pipeline in found[0].pipelines))

    def _learned_of(self, processes: Sequence[str]) -> Flow[list[dict[str, Any]]]:
        """The states of some processes in which applications stand: whether q takes ProcessId nobody says."""
        span, rows = Span(), dict[str, dict[str, Any]]()
        while True:
            _, raws, token = yield from self._rows(_STOOD_IN, span)
            rows |= _learned(raw.data for raw in raws)
            if token is None or token == span.token:
                return [row for row in rows.values() if row["process"] in processes]
            span = evolve(span, token=token)

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        grants = {
            _REQUISITIONS: "the duty role Use REST Service - Job Requisitions Read Only",
            _CANDIDATES: "the duty role Use REST Service - Candidates Read Only",
            _OWN: "the duty role Use REST Service - Job Applications Read Only",
        }
        address = f"https://{self.pod}/hcmRestApi/resources"
        versions = yield from ask(Request(operation="list_versions", method="GET", url=address))
        answers = [versions]
        findings = [_pinned(versions)]
        for listing, grant in grants.items():
            wanted = listing.first()
            answer = yield from ask(wanted)
            answers.append(answer)
            findings.append(_read_finding(listing, wanted, answer, grant))
            about = Request(
                operation=f"describe_{listing.name}", method="GET", url=f"/{listing.name}/describe"
            )
            findings.append(_described(listing, (yield from ask(about))))
        grant = "the role that lets the user move applications: a clone of ORA_IRC_RECRUITER_JOB, say"
        write = unproven_write("move applications", grant=grant)
        return (reach(answers, host=self.host), *findings, write)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Stage and status are one thing here: an end is a state of the phase that means it."""
        if target.status is ApplicationStatus.HIRED and not current.meets(target):
            raise _no("hires nobody by this API: an accepted offer does")
        return StageChain(
            vendor=VENDOR,
            current=current,
            target=target,
            catalogue=catalogue,
            word="state",
            pipeline="the selection process",
            within_reach=_of_its_phase,
        ).writes()

    def declared(self, intent: Intent) -> StatusWrite:
        if intent.action not in _WRITES:
            raise _no("hires nobody by this API: an accepted offer does")
        write = VENDOR.write(_WRITES[intent.action])
        # Where a move leaves the time as it was, an unchanged time proves nothing.
        signal = Signal.CHANGE if self.incremental else Signal.NONE
        return evolve(write, signal=signal, visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        # The answer is an empty result, or nothing at all.
        return Call(self.declared(intent).render(values), lambda _response: None)


def _of_its_phase(here: State, stage: Stage) -> bool:
    """An end is a state of the phase that the application stands in, where the change names no other."""
    return stage.ref.id.partition(":")[0] == (here.stage or "").partition(":")[0]


def _no(why: str) -> Unplannable:
    return Unplannable(f"Oracle Recruiting {why}", vendor=VENDOR.name)


# --- places in a collection ----------------------------------------------------------------------


def _place(span: Span) -> tuple[int | None, int, str]:
    """From when on (unix milliseconds), the offset from there, and the row that has to come first."""
    if span.token is not None:
        at, offset, last = span.token.split("|")
        return (int(at) if at else None), int(offset), last
    return (None if span.since is None else int(span.since * 1000)), 0, ""


def _following(listing: _Listing, raws: Sequence[Raw], at: int | None, offset: int) -> str:
    moment = from_iso(raws[-1].peek(listing.changed))
    if moment is None:
        raise BadPayload("the collection says there is more, and its last row tells no time")
    millis = int(moment.timestamp()) * 1000 + moment.microsecond // 1000
    if at is None or millis > at:
        return f"{millis}|0|"
    if offset + len(raws) >= _CEILING:
        # To stop here as if all were read would lose what follows.
        raise BadPayload(f"more than {_CEILING} rows have one and the same {listing.changed}")
    return f"{at}|{offset + len(raws) - 1}|{_key(raws[-1], listing.key)}"


def _moment(millis: int) -> str:
    """With Z: the plus of an offset would be a blank."""
    moment = datetime.fromtimestamp(millis // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03d}Z"


def _key(raw: Raw, name: str) -> str:
    return opt_id({name: raw.peek(name)}, name) or "-"


def _is(raw: Raw, name: str, *values: object) -> bool:
    """Whether a field has one of these values; never of a record that cannot be read, which is set aside."""
    try:
        return raw.peek(name) in values
    except BadRecord:
        return False


def _id(raw: Raw, name: str) -> str:
    return _need({name: raw.peek(name)}, name)


def _need(data: Mapping[str, Any], name: str) -> str:
    """A whole number, as every id here is: only such a one can be asked for again."""
    id = need_id(data, name)
    if not re.fullmatch(_ID, id):
        raise BadRecord(name, "expected a whole number")
    return id


def _application_item(raw: Raw, read: Callable[[Any], tuple[Record, ...]]) -> Item:
    ids = ((Kind.APPLICATION, _id(raw, "JobApplicationId")), (Kind.CANDIDATE, _id(raw, "CandidatePersonId")))
    return Item(ids, raw, read)


def _readable(raw: Raw) -> Iterable[Any]:
    """What a record says, where it says it in proper JSON."""
    try:
        yield raw.data
    except BadRecord:
        return


def _learned(applications: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """The states that applications stand in: what they are for, only the mapping can say."""
    found: dict[str, dict[str, Any]] = {}
    for one in applications:
        ids = [
            opt_id(one, name) if isinstance(one, dict) else None
            for name in ("ProcessId", "PhaseId", "StateId")
        ]
        if all(ids):
            row = {
                "process": ids[0], "phase": ids[1], "phase_name": opt_text(one, "PhaseName") or ids[1],
                "state": ids[2], "name": opt_text(one, "StateName") or ids[2], "kind": "unmapped",
                "movable": None, "order": None,
            }  # fmt: skip
            found[_stage_id(row)] = row
    return found


def _stage_id(row: Mapping[str, Any]) -> str:
    return f"{row['phase']}:{row['state']}"


# --- what the preflight says ---------------------------------------------------------------------


def _read_finding(listing: _Listing, wanted: Request, answer: Response | VendorError, grant: str) -> Finding:
    """An empty collection is no proof: without data security nothing shows, and no error says so."""
    found = proof_of_read(f"read {listing.name}", wanted, answer, grant=grant)
    if isinstance(answer, VendorError) or read_list(answer.body, "items")[1]:
        return found
    tried = f"{found.tried}: no rows, which is also what a user without a data role is shown"
    missing = "a data role with a job requisition security profile, if there are records"
    return evolve(found, proof=Proof.UNPROVEN, tried=tried, ask=missing)


def _pinned(answer: Response | VendorError) -> Finding:
    """Whether the pod still knows the two versions that every request names."""
    version, framework = VENDOR.api_version, dict(VENDOR.headers)["REST-Framework-Version"]
    what = f"version {version} of the resources, and {framework} of the framework, on this pod"
    tried = "GET /hcmRestApi/resources"
    if isinstance(answer, VendorError):
        return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask="whether the pod has both")
    body = read_json(answer.body)
    rows = objects(body if isinstance(body, dict) else {}, "items")
    known = {opt_text(row, "version"): opt_object(row, "adf:extension") or {} for row in rows}
    if framework in texts(known.get(version, {}), "allowedFrameworkVersions"):
        return Finding(what=what, proof=Proof.PROVED, tried=tried)
    told = f"{tried}: it is not among those that are told"
    return Finding(what=what, proof=Proof.MISSING, tried=told, ask="Oracle's support: what has changed")


def _described(listing: _Listing, answer: Response | VendorError) -> Finding:
    """What a quarterly update may have taken away."""
    wanted = {listing.changed, *listing.by}
    what = f"ask {listing.name} by {' and '.join(sorted(wanted))}, on this pod"
    tried, grant = f"GET /{listing.name}/describe", "the same duty role as to list them"
    if isinstance(answer, VendorError):
        return Finding(what=what, proof=Proof.UNPROVEN, tried=tried, ask=grant)
    body = read_json(answer.body)
    about = opt_object(opt_object(body if isinstance(body, dict) else {}, "Resources") or {}, listing.name)
    queryable = {
        opt_text(a, "name") for a in objects(about or {}, "attributes") if a.get("queryable") is True
    }
    actions = {opt_text(a, "name") for a in objects(opt_object(about or {}, "item") or {}, "actions")}
    lost = sorted({*wanted - queryable, *listing.actions - actions})
    if not lost:
        return Finding(what=what, proof=Proof.PROVED, tried=tried)
    told = f"{tried}: nothing there to ask by, or no action: {', '.join(lost)}"
    return Finding(what=what, proof=Proof.MISSING, tried=told, ask="Oracle's support: what has changed")


# --- readers -------------------------------------------------------------------------------------


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    """A state of a phase."""
    kind = StageKind(data["kind"])
    movable = {True: Answer.YES, False: Answer.NO}.get(data["movable"], Answer.UNKNOWN)
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, _stage_id(data)),
            read_at=read_at,
            name=f"{data['phase_name']}: {data['name']}",
            pipeline=data["process"],
            scope=StageScope.PIPELINE,
            order=data["order"],
            group=data["phase"],
            active=True,
            kind=kind,
            terminal=None if kind in UNREADABLE else kind in ENDS,
            writable=movable,
            side_effects=frozenset(_MOVED),
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any, *, states: Mapping[str, JobStatus]) -> tuple[Job]:
    job = record(data)
    phase, time = opt_text(job, "PhaseName"), opt_text(job, "FullTimeOrPartTime")
    process, text = opt_id(job, "CandidateSelectionProcessId"), opt_text(job, "ExternalDescriptionHTML")
    known = {"Open": JobStatus.OPEN, **states}
    roles = (("HiringManagerId", TeamRole.HIRING_MANAGER), ("RecruiterId", TeamRole.RECRUITER))
    return (
        Job(
            ref=Ref(connection, Kind.JOB, _need(job, "RequisitionId")),
            read_at=read_at,
            updated_at=from_iso(job.get("RequisitionLastModifiedDate")),
            created_at=from_iso(job.get("CreationDate")),
            title=opt_text(job, "Title"),
            code=opt_text(job, "RequisitionNumber"),
            requisition_id=opt_text(job, "RequisitionNumber"),
            status=known.get(phase or "", JobStatus.UNKNOWN),
            vendor_status=phase,
            employment_type=_TIMES.get(time, EmploymentType.OTHER) if time else None,
            departments=_named(opt_id(job, "DepartmentId")),
            locations=_named(opt_id(job, "PrimaryLocationId")),
            hiring_team=tuple(TeamMember(id, role) for key, role in roles if (id := opt_id(job, key))),
            pipelines=(process,) if process else (),
            description_html=_decoded(text),
        ),
    )


def _decoded(text: str | None) -> str | None:
    """Long texts are base64."""
    try:
        return base64.b64decode(text, validate=True).decode() if text else None
    except (binascii.Error, ValueError):
        return None


def _named(id: str | None) -> tuple[Named, ...]:
    return (Named(id, id),) if id else ()


_WHO = ("FirstName", "LastName", "DisplayName", "Email")


def read_candidate(connection: str, read_at: datetime, data: Any) -> tuple[Candidate]:
    person = record(data)
    ref = Ref(connection, Kind.CANDIDATE, _need(person, "PersonId"))
    names = [opt_text(person, name) for name in _WHO[:3]]
    email, phones = opt_text(person, "Email"), tuple(_phones(person))
    if not any(names) and email is None:
        # What was removed is there and blank; what the user may not see any more is not there.
        for name in _WHO:
            if name not in person:
                raise BadRecord(name, "not shown: the user may not see the names and e-mails of candidates")
    # Nothing marks whose personal data were removed: there is no name and no way to reach them any more.
    if not any(names) and email is None and not phones:
        return (Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED)),)
    source = opt_text(person, "SourceName") or opt_text(person, "SourceMedium")
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            updated_at=from_iso(person.get("CandLastModifiedDate")),
            created_at=from_iso(person.get("CreationDate")),
            given_name=names[0],
            family_name=names[1],
            display_name=names[2],
            emails=(Email(email, primary=True),) if email else (),
            phones=phones,
            source=Source(source) if source else None,
        ),
    )


def _phones(person: Mapping[str, Any]) -> Iterable[Phone]:
    """A collection from framework version 3 on, before that an array."""
    child = person.get("candidatePhones")
    rows = objects(child, "items") if isinstance(child, dict) else objects(person, "candidatePhones")
    for row in rows:
        country = opt_id(row, "CountryCodeNumber")
        parts = (f"+{country}" if country else None, opt_id(row, "AreaCode"), opt_id(row, "PhoneNumber"))
        if parts[2]:
            yield Phone(" ".join(part for part in parts if part), opt_text(row, "PhoneType"))


def read_application(connection: str, read_at: datetime, data: Any) -> Application:
    """How it stands, its state decides; this alone does not tell."""
    application = record(data)
    if application.get("ConfirmedFlag") in _NOT_CONFIRMED:
        raise BadRecord("ConfirmedFlag", "never confirmed; such a record should not be listed")
    phase, state = opt_id(application, "PhaseId"), opt_id(application, "StateId")
    names = [name for key in ("PhaseName", "StateName") if (name := opt_text(application, key))]
    return Application(
        ref=Ref(connection, Kind.APPLICATION, _need(application, "JobApplicationId")),
        read_at=read_at,
        updated_at=from_iso(application.get("LastModifiedDate")),
        created_at=from_iso(application.get("CreationDate")),
        candidate=Ref(connection, Kind.CANDIDATE, _need(application, "CandidatePersonId")),
        job=Ref(connection, Kind.JOB, _need(application, "RequisitionId")),
        stage=Ref(connection, Kind.STAGE, f"{phase}:{state}") if phase and state else None,
        stage_name=": ".join(names) or None,
        vendor_status=opt_text(application, "PhaseName"),
        vendor_substatus=opt_text(application, "StateName"),
        applied_at=from_iso(application.get("JobApplicationDate")),
        token=opt_text(application, "LastModifiedDate"),
    )
