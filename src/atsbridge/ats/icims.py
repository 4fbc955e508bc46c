"""iCIMS Talent Cloud, the iCIMS API (no version in its paths).

https://developer-community.icims.com/applications/applicant-tracking, read 2026-11-23.

Nothing can be listed: a search gives ids, and each record is a request of its
own, out of 10,000 a day that all integrations of the customer share. One
field, ``status``, is stage, end and reason at once, and no request lists the
statuses: the customer gives the table. What the user may not see is left out
of an answer without a word.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Self

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
    Named,
    Phone,
    Ref,
    SideEffect,
    Source,
    Stage,
    StageKind,
    State,
    TeamMember,
    TeamRole,
    Tombstone,
    TombstoneKind,
)
from ..wire.answers import Complaint, Complaints, safe_time
from ..wire.auth import Basic, ClientCredentials, Scheme, TokenEndpoint
from ..wire.budgets import RateLimit
from ..wire.effects import Flow, Json, Purpose, Request, Response, all_of, request
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Span
from ..wire.payload import Raw, object_in, read_json
from ..wire.reading import need_id, objects, opt_id, opt_int, opt_object, opt_text, record
from ..wire.secrets import Secret, optional_seal, optional_secret
from ..wire.settings import between, meanings, rows, typed
from ..wire.streams import Item, Page, Stream
from ..wire.vendor import Read, Rows, Signal, Slot, SlotName, StatusWrite, Vendor
from .chain import ENDS, StageChain
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
)
from .preflight import ask, find, proof_of_read, reach, unproven_write

_ID = r"[1-9][0-9]{0,17}"
_NODE = r"[CD][0-9]{1,18}"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{1,2}:[0-9]{2} [AP]M"
_APPLICATION = Slot(SlotName.APPLICATION, _ID)
_STAGE = Slot(SlotName.TARGET_STAGE, _NODE)


class Hidden(NotFound):
    """The record is there, and this user may not see it."""


def _errors(answer: Response) -> list[Mapping[str, Any]] | None:
    found = (object_in(answer.body) or {}).get("errors")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None


def _complaint(asked: Request, answer: Response) -> Complaint | None:
    """The first error by its code, or the warning under which a write was not made.

    https://developer.icims.com/icims-platform/error-handling
    """
    if answer.status >= 300:
        first = next(iter(_errors(answer) or ()), None)
        if first is None:
            return None
        code = first.get("errorCode")
        return Complaint(
            _CODES.get(code, "") if type(code) is int else "", opt_text(first, "errorMessage") or ""
        )
    if asked.purpose is not Purpose.WRITE:
        return None
    head = answer.headers.get("x-warning", "")
    if head or b'"warnings"' in answer.body:
        return Complaint("WARNED", head.partition(":")[2])
    return None


_CODES = {1: "FIELD_REQUIRED", 2: "RESOURCE_NOT_FOUND", 3: "RESOURCE_ACCESS_DENIED", 6: "BAD_CREDENTIALS"}
_MEANINGS: Mapping[str, type[VendorError]] = {
    # A field that was not sent may be required too: forum, patch-api-clarification.
    "FIELD_REQUIRED": Refused,
    "RESOURCE_NOT_FOUND": NotFound,
    # Answered 404 as well: the code alone tells it from what is gone.
    "RESOURCE_ACCESS_DENIED": Hidden,
    "BAD_CREDENTIALS": Unauthorized,
    "WARNED": Doubtful,
}
_FILTER: Rows = {
    "name": (
        r"(?:job|person|applicantworkflow)\.id|(?:job|applicantworkflow)\.updateddate"
        r"|applicantworkflow\.(?:createddate|person\.updateddate)"
    ),
    "value": rf"[0-9]{{1,18}}|{_MOMENT}",
    "operator": ">",
}


def _get(table: str) -> Read:
    return Read(
        name=f"get_{table}", path=f"/{table}/{{id}}", segments={"id": _ID}, query=frozenset({"fields"})
    )


def _search(table: str) -> Read:
    """A search asks with comparisons that all hold, and groups of which one does; it gives ids."""
    return Read(
        name=f"search_{table}",
        method="POST",
        path=f"/search/{table}",
        query=frozenset({"staleness"}),
        body=frozenset({"filters", "operator", "children"}),
        values={"operator": "&"},
        rows={"filters": _FILTER, "children": {"filters": _FILTER, "operator": r"\|"}},
    )


def _write(name: str, note: str, *effects: SideEffect) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="PATCH",
        path="/applicantworkflows/{application}",
        slots=(_APPLICATION, _STAGE),
        body={"status": {"id": _STAGE}},
        media="application/json;charset=UTF-8",
        signal=Signal.NONE,
        visible_within_seconds=5.0,
        side_effects=frozenset({SideEffect.MAIL, SideEffect.AUTOMATION, *effects}),
        note=note,
    )


VENDOR = Vendor(
    name="icims",
    title="iCIMS Talent Cloud",
    api_version="unversioned",
    docs="https://developer-community.icims.com/",
    docs_read=date(2026, 11, 23),
    # Customers hosted in the EU have to use their own.
    hosts={"api": "https://{api_host}/customers/{customer_id}"},
    host_slots={"api_host": r"api(?:-[a-z]{2,3})?\.icims\.com", "customer_id": r"[0-9]{1,12}"},
    headers=(("Accept", "application/json"),),
    reads=(
        *(_search(table) for table in ("jobs", "people", "applicantworkflows")),
        Read(name="filters", path="/search/filtersSchema"),
        Read(name="status_schema", path="/profiledefinitions/v1/submittal/status/schema"),
        Read(name="person_schema", path="/profiledefinitions/v1/person/schema"),
        _get("jobs"),
        _get("people"),
        _get("applicantworkflows"),
    ),
    writes=(
        _write("move", "to another status of the customer's one list"),
        _write("end", "reject or withdraw: the reason is part of the status"),
        _write("reopen", "from a status that ends to one that does not", SideEffect.REOPEN),
        _write("hire", "starts the customer's onboarding and exports", SideEffect.OPENING_FILL),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            urls=tuple(f"https://login.icims.{end}/oauth/token" for end in ("com", "eu", "ca")),
            form=frozenset({"grant_type", "client_id", "client_secret", "audience"}),
        ),
    ),
    rates=(
        # Shared with the customer's other integrations; starts anew at 00:00 UTC, and the header counts
        # the seconds till then.
        RateLimit(
            name="day", requests=10_000, per_seconds=86_400, window=True, reserve=0.1, reset_in_seconds=True
        ),
    ),
    concurrent=4,
    complaints=Complaints(
        read=_complaint,
        meanings=_MEANINGS,
        terms=frozenset({"profile", "login", "group", "workflow", "applicant", "person", "lowercase"}),
    ),
    unconfirmed={
        "api_host": "whether there is a host for Canada; default api.icims.com",
        "audience": "the audience of regions other than the first; default https://<api_host>/v1/",
        "staleness_minutes": "whether a search takes staleness=0; default 0",
        "person_filter": "whether workflows can be sought by their person's updateddate; default yes",
        "visible_within_seconds": "how long a write may take to show in a read; default 5",
    },
)

_REGIONS = {"api-eu.icims.com": "eu", "api-ca.icims.com": "ca"}
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REACTIVATE: "reopen",
    Action.HIRE: "hire",
    Action.REJECT: "end",
    Action.WITHDRAW: "end",
}
_OPEN_FOLDER = "D31001"
_OBJECTS = {"jobs": "job", "people": "person", "applicantworkflows": "applicantworkflow"}
"""What the names of a table's filters begin with."""
_SEARCHED = 1000
_WIDE = 4
_FIRST_PAGE, _PAGE = 24, 96
"""So many requests a page makes, beside its searches."""
_HOOK_BYTES = 1 << 20
_DAY_PARTS = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d{1,2}):(\d\d) ([AP])M")


@frozen(kw_only=True)
class _Listing:
    """What is read by search and then one by one.

    Args:
        changed: the filters that find what is new. of_people: those of them for which the person is read too.
    """

    table: str
    kinds: frozenset[Kind]
    fields: tuple[str, ...]
    changed: tuple[str, ...]
    of_people: tuple[str, ...] = ()


_JOBS = _Listing(
    table="jobs",
    kinds=frozenset({Kind.JOB}),
    fields=(
        "jobid", "jobtitle", "folder", "joblocation", "positioncategory", "numberofpositions",
        "hiringmanager", "recruiter", "overview",
    ),
    changed=("job.updateddate",),
)  # fmt: skip
_WORKFLOWS = _Listing(
    table="applicantworkflows",
    kinds=frozenset({Kind.APPLICATION, Kind.CANDIDATE}),
    fields=(
        "status", "baseprofile", "associatedprofile", "source", "sourcename", "updateddate", "createddate",
    ),
    changed=("applicantworkflow.updateddate", "applicantworkflow.createddate"),
    of_people=("applicantworkflow.createddate",),
)  # fmt: skip
_PERSON_CHANGED = "applicantworkflow.person.updateddate"
_PERSON = ("firstname", "middlename", "lastname", "email", "phones", "addresses")
_WHO = ("firstname", "lastname", "email")
"""What the login group must be given to view of people: without any of it nobody is who they were."""


@frozen(kw_only=True)
class _Place:
    """A page cursor.

    Args:
        span: the window of time. after: the last id that was sought.
        todo: ids found and not read yet. people: those of them whose person is to be read too.
        read: people read since the last search. more: there is more to find.
    """

    span: Json
    after: int = 0
    todo: Sequence[int] = ()
    people: Sequence[int] = ()
    read: Sequence[str] = ()
    more: bool = True

    def batch(self) -> Sequence[int]:
        """What one page reads: little in a first reading, so that little is done twice."""
        most = _FIRST_PAGE if Span.of(self.span).since is None else _PAGE
        people, made = set(self.people), 0
        for number, id in enumerate(self.todo):
            made += 2 if id in people else 1
            if made > most:
                return self.todo[:number]
        return self.todo

    def json(self) -> Json:
        return {
            "span": self.span, "after": self.after, "todo": list(self.todo), "people": list(self.people),
            "read": list(self.read), "more": self.more,
        }  # fmt: skip


# --- settings ------------------------------------------------------------------------------------


@frozen(kw_only=True, field_transformer=typed)
class Status:
    """A status of the customer's one list, as the customer names it in the settings.

    Args:
        id: of its node, such as ``D10100``. bin: the column it stands in.
        kind: what it is for; ``unmapped`` may end an application, and is not written.
        trigger: entering it starts something that must not be started from outside; never written.
    """

    id: str
    name: str
    bin: str = ""
    kind: StageKind = field(default=StageKind.UNMAPPED, converter=StageKind)
    trigger: bool = False


def _statuses(given: Iterable[Any]) -> tuple[Status, ...]:
    """A converter: tables to statuses."""
    return rows(Status, given, of="statuses")


def _job_states(given: Mapping[str, Any]) -> Mapping[str, JobStatus]:
    """A converter: what the folders of jobs mean; the shipped one is known."""
    states = meanings(JobStatus, given, of="job_states")
    return {_OPEN_FOLDER: JobStatus.OPEN, **states} if isinstance(states, dict) else states


@frozen(kw_only=True, field_transformer=typed)
class Icims(Ats):
    """One iCIMS customer.

    Args:
        connection: the link's globally unique id.
        customer_id: the integer that iCIMS gives.
        client_id, client_secret: of the OAuth client.
        user, password: of an integration user, in place of them.
        api_host: ``api-eu.icims.com`` for customers hosted in the EU.
        audience: that tokens are asked for; empty for the API host's own.
        statuses: the customer's, a table each: ``id``, ``name``, ``bin``, ``kind`` and ``trigger``.
            No request lists them; one that is not in it has no known meaning, and is never written.
        job_states: what the folders of jobs mean, by the node's id: ``open``, ``closed``, ``on_hold`` ...
        hook_user, hook_secret: of the event notifications, signed or with Basic.
        hook_path: of the address that they are sent to: it is part of what is signed.
        person_filter: seek workflows by their person's changes too.
        staleness_minutes: how old the result of a search may be.
        overlap_minutes: how far a window reaches back; not less than the 15 of the search's own cache.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    STAGE_DECIDES: ClassVar[bool] = True
    READS_BY: ClassVar[tuple[str, ...]] = ("job_states",)
    LOGINS: ClassVar[tuple[tuple[str, ...], ...]] = (("client_id", "client_secret"), ("user", "password"))
    STAGES_IN: ClassVar[str] = "statuses"

    connection: str
    customer_id: str = field(converter=str)
    client_id: Secret | None = field(default=None, converter=optional_secret)
    client_secret: Secret | None = field(default=None, converter=optional_secret)
    user: str = ""
    password: Secret | None = field(default=None, converter=optional_secret)
    api_host: str = "api.icims.com"
    audience: str = ""
    statuses: tuple[Status, ...] = field(factory=tuple, converter=_statuses)
    job_states: Mapping[str, JobStatus] = field(factory=dict, converter=_job_states)
    hook_user: str = ""
    hook_secret: Secret | None = field(default=None, converter=optional_seal)
    hook_path: str = "/hooks/icims"
    person_filter: bool = True
    staleness_minutes: int = 0
    overlap_minutes: float = field(default=16.0, validator=between(15))
    visible_within_seconds: float = 5.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["api"].format(api_host=self.api_host, customer_id=self.customer_id)

    def auth(self) -> Scheme:
        login = self.login()
        if "user" in login:
            return Basic(**login)
        return ClientCredentials(
            token_endpoint=VENDOR.tokens[0],
            url=f"https://login.icims.{_REGIONS.get(self.api_host, 'com')}/oauth/token",
            basic=False,
            extra=(("audience", self.audience or f"https://{self.api_host}/v1/"),),
            **login,
        )

    def settings(self) -> Mapping[str, str]:
        return {
            "api_host": self.api_host,
            "customer_id": self.customer_id,
            "statuses": f"{len(self.statuses)} in the table",
            "person_filter": str(self.person_filter).lower(),
            "staleness_minutes": str(self.staleness_minutes),
            "overlap_minutes": f"{self.overlap_minutes:g}",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        return (
            Stream(
                name="statuses",
                kinds=frozenset({Kind.STAGE}),
                incremental=False,
                start=lambda _watermark, _job: {},
                page=lambda _cursor: Routine(self._statuses_page),
            ),
            self._stream(_JOBS),
            self._stream(self._workflows),
        )

    @property
    def _workflows(self) -> _Listing:
        if not self.person_filter:
            return _WORKFLOWS
        return evolve(
            _WORKFLOWS,
            changed=(*_WORKFLOWS.changed, _PERSON_CHANGED),
            of_people=(*_WORKFLOWS.of_people, _PERSON_CHANGED),
        )

    def sweeps(self) -> tuple[Stream, ...]:
        """Ids alone, a thousand a request."""
        return tuple(
            Stream(
                name=f"sweep_{table}",
                kinds=frozenset({kind}),
                incremental=False,
                sweeps=True,
                start=lambda _watermark, _job: {"after": 0},
                page=partial(self._shown, table, kind),
            )
            for kind, table in ((Kind.CANDIDATE, "people"), (Kind.APPLICATION, "applicantworkflows"))
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._candidate_gone(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _statuses_page(self) -> Flow[Page]:
        """The table. That the user may see the field at all is looked at first.

        Without that permission every answer lacks it, and every application would stand nowhere:
        https://developer-community.icims.com, schema-api.
        """
        answer = yield from self._schema()
        read = partial(read_stage, self.connection, answer.sent_at)
        rows = [(status.id, _row(status, order)) for order, status in enumerate(self.statuses)]
        return Page(items=[Item(((Kind.STAGE, id),), Raw.of(row), read) for id, row in rows], watermark={})

    def _schema(self) -> Flow[Response]:
        answer = yield from ask(_STATUS_SCHEMA)
        if isinstance(answer, NotFound) or (isinstance(answer, Response) and not _has_id(answer)):
            raise Forbidden(
                "the user may not see the status of applicant workflows",
                vendor=VENDOR.name,
                operation=_STATUS_SCHEMA.operation,
                advice="ask the customer for a login group that may view and edit the field Status",
            )
        if isinstance(answer, VendorError):
            raise answer
        return answer

    def _stream(self, listing: _Listing) -> Stream:
        return Stream(
            name=listing.table,
            kinds=listing.kinds,
            incremental=True,
            start=lambda watermark, _job: _Place(span=Span.first(watermark, again=True)).json(),
            page=lambda cursor: Routine(lambda: self._page(listing, _Place(**cursor))),
        )

    def _page(self, listing: _Listing, place: _Place) -> Flow[Page]:
        """Some of the records that were found; where none is left, the next thousand is sought."""
        rejected: Sequence[tuple[str, str]] = ()
        if not place.todo:
            place, rejected = yield from self._seek(listing, place)
        batch = place.batch()
        place = evolve(place, todo=place.todo[len(batch) :])
        if listing.table == "jobs":
            items = yield from self._jobs(batch)
        else:
            items, read = yield from self._applications(batch, place)
            place = evolve(place, read=(*place.read, *read))
        if place.todo or place.more:
            return Page(items=items, rejected=rejected, next=place.json())
        following, watermark = Span.of(place.span).after(
            None, overlap=timedelta(minutes=self.overlap_minutes)
        )
        following = None if following is None else _Place(span=following).json()
        return Page(items=items, rejected=rejected, next=following, watermark=watermark)

    def _seek(self, listing: _Listing, place: _Place) -> Flow[tuple[_Place, Sequence[tuple[str, str]]]]:
        """The next ids of a window. Where there are any, it is asked whose person is to be read with them."""
        span = Span.of(place.span)
        answer, found = yield from self._search(listing.table, place.after, listing.changed, span.since)
        people = found
        if span.since is not None:
            people = _Found()
            if found.ids and listing.of_people:
                _, people = yield from self._search(listing.table, place.after, listing.of_people, span.since)
        # As far as both reach: a search ends at its thousandth.
        cut = min((one.ids[-1] for one in (found, people) if one.full), default=None)
        todo = [id for id in found.ids if cut is None or id <= cut]
        place = _Place(
            span=span.seen(safe_time(answer)).json(),
            after=place.after if cut is None else cut,
            todo=todo,
            people=sorted({*people.ids} & {*todo}),
            more=cut is not None,
        )
        return place, found.rejected

    def _search(
        self, table: str, after: int, names: Sequence[str] = (), since: float | None = None
    ) -> Flow[tuple[Response, _Found]]:
        answer = yield from request(self._sought(table, after, names, since))
        return answer, _Found.in_(answer)

    def _sought(
        self, table: str, after: int, names: Sequence[str] = (), since: float | None = None
    ) -> Request:
        """A search for what comes after an id, by one of these filters after a moment.

        A result from the cache is at most so old.
        """
        body: dict[str, Json] = {"filters": [_filter(f"{_OBJECTS[table]}.id", str(after))], "operator": "&"}
        if since is not None:
            filters = [_filter(name, _moment(since)) for name in names]
            body["children"] = [{"filters": filters, "operator": "|"}]
        return Request(
            operation=f"search_{table}",
            method="POST",
            url=f"/search/{table}",
            query=(("staleness", str(self.staleness_minutes)),),
            body=body,
        )

    def _jobs(self, ids: Sequence[int]) -> Flow[list[Item]]:
        items: list[Item] = []
        for id, answer in (yield from _each("jobs", map(str, ids), _JOBS.fields)):
            read = partial(read_job, self.connection, answer.sent_at, id, states=self.job_states)
            items.append(Item(((Kind.JOB, id),), Raw(answer.body), read))
        return items

    def _applications(self, ids: Sequence[int], place: _Place) -> Flow[tuple[list[Item], list[str]]]:
        """Applications, and their people where those are new or have changed."""
        items, somebody = list[Item](), list[Item]()
        wanted, people, called = dict[str, None](), set(place.people), set[str]()
        for id, answer in (yield from _each("applicantworkflows", map(str, ids), _WORKFLOWS.fields)):
            raw = Raw(answer.body)
            person = _person(_inner(raw, "associatedprofile"))
            read = partial(read_application, self.connection, answer.sent_at, id)
            # Without a person in sight it is put aside by its reader, which says so.
            named = ((Kind.CANDIDATE, person),) if person else ()
            items.append(Item(((Kind.APPLICATION, id), *named), raw, read))
            if person and int(id) in people and person not in place.read:
                wanted[person] = None
            if person and (opt_text(_inner(raw, "associatedprofile"), "value") or "").strip():
                called.add(person)
        people_read = yield from _each("people", wanted, _PERSON)
        nameless = {id for id, answer in people_read if _is_nameless(read_json(answer.body))}
        # Whom an application still calls by a name has not lost it: it is merely not shown.
        shown = (yield from _shown_of_people()) if nameless - called else frozenset[str]()
        for id, answer in people_read:
            known = frozenset[str]() if id in called else shown
            read_person = partial(read_candidate, self.connection, answer.sent_at, id, shown=known)
            somebody.append(Item(((Kind.CANDIDATE, id),), Raw(answer.body), read_person))
        # First the people: an application waits for its own.
        return [*somebody, *items], list(wanted)

    def _shown(self, table: str, kind: Kind, cursor: Any) -> Operation[Page]:
        def page() -> Flow[Page]:
            _, found = yield from self._search(table, cursor["after"])
            return Page(
                shown=[(kind, str(id)) for id in found.ids],
                rejected=found.rejected,
                next={"after": found.ids[-1]} if found.full else None,
                watermark=None if found.full else {},
            )

        return Routine(page)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        wanted = _one("applicantworkflows", ref.id, _WORKFLOWS.fields)
        answer = yield from find(wanted, beside=self._sought("applicantworkflows", 0), rows=_ids)
        if isinstance(answer, NotFound):
            return Gone(tombstone=_tombstone(answer))
        if isinstance(answer, VendorError):
            raise answer
        _check_profile(answer)
        raw = Raw(answer.body)
        if raw.peek("status") is None:
            # It has none, or nobody may see any more that it has one.
            _ = yield from self._schema()
        (application,) = read_application(self.connection, answer.sent_at, ref.id, raw.data)
        return Fresh(application=application)

    @routine
    def _candidate_gone(self, ref: Ref) -> Flow[Tombstone | None]:
        wanted = _one("people", ref.id, ("firstname",))
        answer = yield from find(wanted, beside=self._sought("people", 0), rows=_ids)
        if isinstance(answer, NotFound):
            return _tombstone(answer)
        if isinstance(answer, VendorError):
            raise answer
        return None

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        answer = yield from self._schema()
        rows = (_row(status, order) for order, status in enumerate(self.statuses))
        stages = (read_stage(self.connection, answer.sent_at, row)[0] for row in rows)
        return Catalogue(job=job, stages=tuple(stages))

    # -- access --

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        search = self._sought("applicantworkflows", 0)
        found = yield from ask(search)
        group = "membership of the group Integration User, for this user or client"
        findings = [proof_of_read("search", search, found, grant=group)]
        answers, workflow = [found], _first(found)
        fields = ("status", "baseprofile", "associatedprofile")
        person: str | None = None
        if workflow is not None:
            wanted = _one("applicantworkflows", workflow, fields)
            answer = yield from ask(wanted)
            answers.append(answer)
            findings += _fields_shown(wanted, answer, fields)
            person = _person_of(answer)
        jobs = yield from ask(self._sought("jobs", 0))
        for what, table, id, names in (
            ("jobs", "jobs", _first(jobs), ("jobtitle", "folder")),
            ("people", "people", person, ("firstname", "lastname", "email")),
        ):
            if id is not None:
                wanted = _one(table, id, names)
                answer = yield from ask(wanted)
                answers.append(answer)
                grant = f"permission to view {what}, for the user's login group"
                findings.append(proof_of_read(f"read {what}", wanted, answer, grant=grant))
        filters, schema = (yield from ask(_FILTERS)), (yield from ask(_STATUS_SCHEMA))
        findings += [self._filter_finding(filters), _schema_finding(schema)]
        grant = "permission to edit the field Status, and no other required field, for its login group"
        write = unproven_write("write the status of applications", grant=grant)
        return (reach(answers, host=self.host), *findings, write)

    def _filter_finding(self, answer: Response | VendorError) -> Finding:
        """Whether what has changed can be sought: the names of filters depend on the customer."""
        what, tried = "the filters that find changes", f"GET {_FILTERS.url}"
        body = read_json(answer.body) if isinstance(answer, Response) else None
        if not isinstance(body, dict):
            return Finding(
                what=what, proof=Proof.UNPROVEN, tried=tried, ask="permission to read filtersSchema"
            )
        known = opt_object(body, "properties") or {}
        lacking = [name for name in (*_JOBS.changed, *self._workflows.changed) if name not in known]
        if not lacking:
            return Finding(what=what, proof=Proof.PROVED, tried=tried)
        return Finding(
            what=what, proof=Proof.MISSING, tried=tried, ask=f"the search filters {', '.join(lacking)}"
        )

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Stage and status are one field here: an end is a status that means it."""
        return StageChain(
            vendor=VENDOR,
            current=current,
            target=target,
            catalogue=catalogue,
            word="status",
            pipeline="the customer's table",
        ).writes()

    def declared(self, intent: Intent) -> StatusWrite:
        return evolve(
            VENDOR.write(_WRITES[intent.action]), visible_within_seconds=self.visible_within_seconds
        )

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        return Call(self.declared(intent).render(values), lambda _response: None)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        """An event notification: gzipped, with a signature over method and path, or with Basic.

        https://developer-community.icims.com/applications/icims-applicant-tracking/event-notification-best-practices
        """
        content = _inflated(body)
        if self.hook_secret is None or content is None:
            return None
        if not _is_ours(headers, (body, content), self.hook_user, self.hook_secret, self.hook_path):
            return None
        event = said(content)
        # One address may serve several customers.
        if event is None or opt_id(event, "customerId") != self.customer_id:
            return None
        named = ((Kind.APPLICATION, "systemId"), (Kind.CANDIDATE, "personId"), (Kind.JOB, "jobId"))
        # Of other events no page says what systemId is.
        known = named if event.get("eventType") == "WorkFlowStatusChangeEvent" else named[1:]
        found = ((kind, opt_id(event, key)) for kind, key in known)
        refs = tuple(self.ref(kind, id) for kind, id in found if id and re.fullmatch(_ID, id))
        # The same action may send identical events: the digest makes them one.
        return HookHint(delivery_id=hashlib.sha256(content).hexdigest(), refs=refs) if refs else HookReply()


# --- requests ------------------------------------------------------------------------------------

_FILTERS = Request(operation="filters", method="GET", url="/search/filtersSchema")
_STATUS_SCHEMA = Request(
    operation="status_schema", method="GET", url="/profiledefinitions/v1/submittal/status/schema"
)


_PERSON_SCHEMA = Request(operation="person_schema", method="GET", url="/profiledefinitions/v1/person/schema")


def _shown_of_people() -> Flow[frozenset[str]]:
    """The fields of people that the user may see, set or not: an answer leaves out what is unset too."""
    answer = yield from ask(_PERSON_SCHEMA)
    if isinstance(answer, (NotFound, Forbidden)):
        return frozenset()
    if isinstance(answer, VendorError):
        raise answer
    body = read_json(answer.body)
    return frozenset((opt_object(body, "properties") if isinstance(body, dict) else None) or ())


def _is_nameless(person: Json) -> bool:
    return isinstance(person, dict) and not any(opt_text(person, name) for name in _WHO)


def _one(table: str, id: str, fields: Iterable[str]) -> Request:
    """One profile. Without fields only a part comes back."""
    query = (("fields", ",".join(fields)),)
    return Request(operation=f"get_{table}", method="GET", url=f"/{table}/{id}", query=query)


def _each(table: str, ids: Iterable[str], fields: Sequence[str]) -> Flow[list[tuple[str, Response]]]:
    """Profiles, a request each; one that is gone since it was found is left to the sweep."""
    wanted = list(ids)
    answers = yield from all_of([ask(_one(table, id, fields)) for id in wanted], _WIDE)
    found: list[tuple[str, Response]] = []
    for id, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, VendorError) and not isinstance(answer, NotFound):
            raise answer
        if isinstance(answer, Response):
            _check_profile(answer)
            found.append((id, answer))
    return found


def _check_profile(answer: Response) -> None:
    """Raises `BadPayload` where the answer is no profile at all; what is odd in one its reader says."""
    found = read_json(answer.body)
    if not isinstance(found, dict) or not found:
        raise BadPayload("the answer is not a profile")


def _filter(name: str, value: str) -> Json:
    return {"name": name, "value": [value], "operator": ">"}


def _moment(seconds: float) -> str:
    """A minute of UTC before which nothing is missed: what happened within it is not after it."""
    at = datetime.fromtimestamp(seconds, UTC) - timedelta(minutes=1)
    half = "AM" if at.hour < 12 else "PM"
    return f"{at:%Y-%m-%d} {at.hour % 12 or 12}:{at:%M} {half}"


@frozen(kw_only=True)
class _Found:
    """The results of a search.

    Args:
        ids: ascending. rejected: results that have none, as ``(path, why)``.
        full: it ended because it had shown all that a search may show.
    """

    ids: Sequence[int] = ()
    rejected: Sequence[tuple[str, str]] = ()
    full: bool = False

    @classmethod
    def in_(cls, answer: Response) -> Self:
        """Raises `BadPayload` where nothing tells how to go on; an empty result may have no list at all."""
        body = read_json(answer.body)
        if not isinstance(body, dict):
            raise BadPayload("the answer to a search is not an object")
        rows = body.get("searchResults", [])
        if not isinstance(rows, list):
            raise BadPayload("the results of a search are not a list")
        ids = [row.get("id") if isinstance(row, dict) else None for row in rows]
        fit = {at: id for at, id in enumerate(ids) if type(id) is int and re.fullmatch(_ID, str(id))}
        good = list(fit.values())
        full = len(rows) >= _SEARCHED
        # One may be odd; where several are and none else is there, it is the answer that is.
        unnamed = not good and len(rows) > 1
        if good != sorted(set(good)) or len(rows) > _SEARCHED or unnamed:
            raise BadPayload("the results of a search are not up to 1,000 ids in ascending order")
        odd = [(f"[{at}].id", "expected a whole number") for at in range(len(ids)) if at not in fit]
        return cls(ids=good, rejected=odd, full=full)


def _ids(answer: Response) -> Sequence[int]:
    return _Found.in_(answer).ids


def _first(answer: Response | VendorError) -> str | None:
    ids = _ids(answer) if isinstance(answer, Response) else ()
    return str(ids[0]) if ids else None


def _person(profile: Mapping[str, Any]) -> str | None:
    """Whom a request can ask for; None where the profile names no such one."""
    id = opt_id(profile, "id")
    return id if id and re.fullmatch(_ID, id) else None


def _inner(raw: Raw, name: str) -> Mapping[str, Any]:
    value = raw.peek(name)
    return value if isinstance(value, dict) else {}


def _has_id(answer: Response) -> bool:
    """Whether a schema tells of a field that has an id."""
    body = read_json(answer.body)
    properties = (opt_object(body, "properties") if isinstance(body, dict) else None) or {}
    return "id" in properties or "status" in properties


def _tombstone(error: NotFound) -> Tombstone:
    gone = TombstoneKind.LOST_ACCESS if isinstance(error, Hidden) else TombstoneKind.DELETED
    return Tombstone(gone)


def _row(status: Status, order: int) -> dict[str, Any]:
    return {
        "id": status.id, "name": status.name, "bin": status.bin, "kind": status.kind.value,
        "trigger": status.trigger, "order": order,
    }  # fmt: skip


# --- what a preflight found ----------------------------------------------------------------------


def _person_of(workflow: Response | VendorError) -> str | None:
    """The id of the person whose application it is; their name, beside it, goes no further."""
    data = read_json(workflow.body) if isinstance(workflow, Response) else {}
    return _person(opt_object(record(data), "associatedprofile") or {})


def _fields_shown(
    wanted: Request, answer: Response | VendorError, fields: Iterable[str]
) -> Iterable[Finding]:
    """A field that the user may not see is a key that is not there, under 200."""
    grant = "permission to view {} of applicant workflows, for the user's login group"
    if isinstance(answer, VendorError):
        yield proof_of_read("read applications", wanted, answer, grant=grant.format("the fields"))
        return
    data = record(read_json(answer.body))
    for name in fields:
        there = name in data
        yield Finding(
            what=f"read the {name} of applications",
            proof=Proof.PROVED if there else Proof.UNPROVEN if name == "status" else Proof.MISSING,
            tried=f"{wanted.method} {wanted.url}" + ("" if there else " does not show it"),
            ask="" if there else grant.format(name),
        )


def _schema_finding(answer: Response | VendorError) -> Finding:
    grant = "permission to view the field Status, for the user's login group"
    found = proof_of_read("see the field status", _STATUS_SCHEMA, answer, grant=grant)
    if isinstance(answer, Response) and not _has_id(answer):
        return evolve(found, proof=Proof.MISSING, ask=grant)
    return found


# --- hooks ---------------------------------------------------------------------------------------

_SIGNED = re.compile(
    r"x-icims-v1-hmac-sha256 user=([^,]*), ?signedheaders=([a-z0-9;-]+), ?signature=([0-9a-f]{64})"
)


def _inflated(body: bytes) -> bytes | None:
    """The JSON of a delivery; None where it is broken or too large."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(body, _HOOK_BYTES)
    except zlib.error:
        return None
    return content if inflater.eof else None


def _is_ours(
    headers: Mapping[str, str], bodies: Sequence[bytes], user: str, secret: Secret, path: str
) -> bool:
    given = headers.get("authorization", "")
    if given.startswith("Basic "):
        right = b64encode(f"{user}:{secret.reveal()}".encode())
        return not secret.is_blank() and hmac.compare_digest(given.encode("utf-8", "replace")[6:], right)
    found = _SIGNED.fullmatch(given)
    if found is None or found[1] != user:
        return False
    names = found[2].split(";")
    digest = headers.get("x-icims-content-sha256", "")
    # Whether the hash is of the zipped or of the plain bytes no page says.
    whole = digest in {hashlib.sha256(body).hexdigest() for body in bodies}
    if not whole or not {"x-icims-date", "x-icims-content-sha256"} <= set(names):
        return False
    where, _, query = path.partition("?")
    lines = sorted(f"{name}: {headers.get(name, '')}" for name in names)
    canonical = "\n".join(["POST", where, query, *lines, "", found[2]])
    hashed = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    text = f"x-icims-v1-hmac-sha256\n{headers.get('x-icims-date', '')}\n{hashed}"
    return sealed_by([secret], text.encode("utf-8", "replace"), found[3])


# --- readers -------------------------------------------------------------------------------------


def _about(data: Mapping[str, Any], table: str, id: str) -> None:
    """Raises `BadRecord` where the answer is about another record: its own id is in a link alone."""
    for link in objects(data, "links"):
        path = (opt_text(link, "url") or "").partition("?")[0].rstrip("/")
        own, _, number = path.rpartition("/")
        if own.endswith(f"/{table}") and number != id:
            raise BadRecord("links", "the answer is about another record")


def _time(value: Any) -> datetime | None:
    """``2026-11-22 4:00 AM``, UTC; None for anything else."""
    found = _DAY_PARTS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[n]) for n in range(1, 6))
    try:
        return datetime(year, month, day, hour % 12 + 12 * (found[6] == "P"), minute, tzinfo=UTC)
    except ValueError:
        return None


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    status = record(data)
    kind = StageKind(opt_text(status, "kind") or StageKind.UNMAPPED)
    trigger = status.get("trigger") is True
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, need_id(status, "id")),
            read_at=read_at,
            name=opt_text(status, "name"),
            order=opt_int(status, "order"),
            group=opt_text(status, "bin"),
            active=True,
            kind=kind,
            terminal=None if kind is StageKind.UNMAPPED else kind in ENDS,
            # What starts a background check is not started from outside.
            writable=Answer.NO if trigger else Answer.YES,
            side_effects=frozenset({SideEffect.AUTOMATION} if trigger else ()),
        ),
    )


def read_job(
    connection: str, read_at: datetime, id: str, data: Any, *, states: Mapping[str, JobStatus]
) -> tuple[Job]:
    job = record(data)
    _about(job, "jobs", id)
    folder = opt_object(job, "folder") or {}
    place = opt_object(job, "joblocation") or {}
    where = (opt_text(place, "value") or "").strip()
    category = opt_object(job, "positioncategory") or {}
    code = opt_text(job, "jobid")
    roles = ((TeamRole.HIRING_MANAGER, "hiringmanager"), (TeamRole.RECRUITER, "recruiter"))
    team = [(role, opt_object(job, name) or {}) for role, name in roles]
    return (
        Job(
            ref=Ref(connection, Kind.JOB, id),
            read_at=read_at,
            title=opt_text(job, "jobtitle"),
            code=code,
            requisition_id=code,
            status=states.get(opt_text(folder, "id") or "", JobStatus.UNKNOWN),
            vendor_status=opt_text(folder, "value"),
            departments=(Named(name, opt_id(category, "id")),)
            if (name := opt_text(category, "value"))
            else (),
            locations=(Named(where, opt_id(place, "companyid")),) if where else (),
            hiring_team=tuple(
                TeamMember(person, role, opt_text(row, "value"), None)
                for role, row in team
                if (person := opt_id(row, "id"))
            ),
            description_html=opt_text(job, "overview"),
        ),
    )


def read_candidate(
    connection: str, read_at: datetime, id: str, data: Any, *, shown: Set[str] = frozenset()
) -> tuple[Candidate]:
    """A person; ``shown`` are the fields known to be in sight, though this one may not have them.

    Raises:
        BadRecord: neither name nor e-mail is there, and nothing says that they could be seen.
    """
    person = record(data)
    _about(person, "people", id)
    given, family = opt_text(person, "firstname"), opt_text(person, "lastname")
    email = opt_text(person, "email")
    phones = tuple(
        Phone(number, opt_text(opt_object(row, "phonetype") or {}, "value"))
        for row in objects(person, "phones")
        if (number := opt_text(row, "phonenumber"))
    )
    ref = Ref(connection, Kind.CANDIDATE, id)
    hidden = [name for name in _WHO if name not in person and name not in shown]
    if hidden and _is_nameless(data):
        raise BadRecord(hidden[0], "not shown: the login group may not view the names and e-mails of people")
    if not (given or family or email or phones):
        return (Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED)),)
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            given_name=given,
            family_name=family,
            display_name=" ".join(filter(None, (given, opt_text(person, "middlename"), family))) or None,
            emails=(Email(email, primary=True),) if email else (),
            phones=phones,
            locations=tuple(filter(None, map(_location, objects(person, "addresses")))),
        ),
    )


def _location(address: Mapping[str, Any]) -> Location | None:
    state, country = opt_object(address, "addressstate") or {}, opt_object(address, "addresscountry") or {}
    found = Location(
        city=opt_text(address, "addresscity"),
        region=opt_text(state, "value"),
        postcode=opt_text(address, "addresszip"),
        country=opt_text(country, "abbrev") or opt_text(country, "value"),
    )
    return found if found != Location() else None


def read_application(connection: str, read_at: datetime, id: str, data: Any) -> tuple[Application]:
    workflow = record(data)
    _about(workflow, "applicantworkflows", id)
    # What the user may not see is not there: without these two nothing can be done with it.
    job = need_id(opt_object(workflow, "baseprofile") or {}, "id", form=_ID)
    person = need_id(opt_object(workflow, "associatedprofile") or {}, "id", form=_ID)
    status = opt_object(workflow, "status") or {}
    node, source = opt_text(status, "id"), opt_text(workflow, "source")
    return (
        Application(
            ref=Ref(connection, Kind.APPLICATION, id),
            read_at=read_at,
            updated_at=_time(workflow.get("updateddate")),
            created_at=_time(workflow.get("createddate")),
            candidate=Ref(connection, Kind.CANDIDATE, person),
            job=Ref(connection, Kind.JOB, job),
            stage=Ref(connection, Kind.STAGE, node) if node else None,
            stage_name=opt_text(status, "value"),
            # Its status alone tells, and what that means is in the customer's table.
            status=ApplicationStatus.UNKNOWN,
            vendor_status=node,
            vendor_substatus=opt_text(status, "value"),
            applied_at=_time(workflow.get("createddate")),
            source=Source(source) if source else None,
        ),
    )
