"""Greenhouse Recruiting, Harvest API v3.

https://harvestdocs.greenhouse.io, read 2026-11-24.

Stages belong to jobs. An application that has ended stands in no stage, and
its rejection reason says whether the company or the candidate ended it. There
is no read by id and no list of deletions: one record is a listing with
``ids=``, and what is gone is found by a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import BadPayload, BadRecord, CursorLost, Refused, VendorError
from ..model import (
    Action,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    CompareAndSet,
    Email,
    EmailType,
    Intent,
    Job,
    JobStatus,
    Kind,
    Link,
    LinkType,
    Location,
    Named,
    Phone,
    Posting,
    Reason,
    ReasonBy,
    Record,
    Ref,
    SideEffect,
    Stage,
    StageScope,
    State,
    TeamMember,
    TeamRole,
    Tombstone,
    TombstoneKind,
    Transition,
    User,
)
from ..wire.answers import AnswerRule, Complaint, Complaints, safe_time
from ..wire.auth import ClientCredentials, RefreshToken, Scheme, Token, TokenEndpoint
from ..wire.budgets import RateLimit
from ..wire.effects import Failed, Flow, Json, Purpose, Request, Response, request, together
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Headway, Marks, Span, mark_of, next_link
from ..wire.payload import Raw, read_json, read_list
from ..wire.reading import (
    from_iso,
    need_id,
    objects,
    opt_bool,
    opt_id,
    opt_int,
    opt_object,
    opt_text,
    record,
    texts,
)
from ..wire.secrets import Secret, optional_seal, optional_secret, secret
from ..wire.settings import one_of, typed
from ..wire.streams import Item, Page, Stream, sort_out
from ..wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
from .interface import Ats, Catalogue, Finding, Fresh, Gone, HookHint, PlannedWrite, Proof, Unplannable
from .preflight import ask, must_show, proof_of_read, try_listings, unproven_write, with_scopes

_ID = r"[1-9][0-9]{0,18}"
_APPLICATION = Slot(SlotName.APPLICATION, _ID)
_STAGE = Slot(SlotName.TARGET_STAGE, _ID, int)
_FROM = Slot(SlotName.EXPECTED_STAGE, _ID, int)
_ROW = Slot(SlotName.TOKEN, _ID, int)
_REASON = Slot(SlotName.REASON, _ID, int)
_SETTLES_SECONDS = 5.0


def _read(name: str, *keys: str) -> Read:
    common = {"cursor", "per_page", "ids", "updated_at", "fields"}
    return Read(name=f"list_{name}", path=f"/{name}", query=frozenset({*common, *keys}))


def _write(
    name: str, action: str, body: Mapping[str, Any], *slots: Slot, effects: set[SideEffect], note: str
) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="POST",
        path=f"/applications/{{application}}/{action}",
        slots=(_APPLICATION, *slots),
        body=body,
        cas=CompareAndSet.STAGE if action == "move" else CompareAndSet.NONE,
        signal=Signal.CHANGE,
        visible_within_seconds=_SETTLES_SECONDS,
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset(effects),
        note=note,
    )


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """``{"errors": [...]}`` as documented; leniently, what gateways in front say, but not of absence."""
    if answer.status < 400:
        return None
    try:
        data = read_json(answer.body)
    except BadPayload:
        return None
    names = ("errors",) if answer.status in (404, 410) else ("errors", "message", "error")
    found = next((data[name] for name in names if name in data), None) if isinstance(data, dict) else None
    said = [text for text in (found if isinstance(found, list) else [found]) if isinstance(text, str)]
    return Complaint("", " ".join(said)) if said else None


_MOVED = {SideEffect.MAIL, SideEffect.AUTOMATION}

VENDOR = Vendor(
    name="greenhouse",
    title="Greenhouse Recruiting",
    api_version="v3",
    docs="https://harvestdocs.greenhouse.io",
    docs_read=date(2026, 11, 24),
    hosts={"global": "https://harvest.greenhouse.io/v3"},
    # Unknown query keys are refused with 422: https://harvestdocs.greenhouse.io/docs/list-endpoints
    reads=(
        _read("users", "show_service_accounts"),
        _read("rejection_reasons", "include_defaults"),
        _read("jobs"),
        _read("job_owners", "job_ids"),
        _read("job_hiring_managers", "job_ids"),
        _read("job_posts", "job_ids", "active"),
        _read("job_interview_stages", "job_ids"),
        _read("candidates"),
        _read("applications", "last_activity_at", "prospect"),
        _read("application_stages", "application_ids", "current"),
        _read("rejection_details", "application_ids"),
    ),
    writes=(
        # https://harvestdocs.greenhouse.io/reference/post_v3-applications-id-move
        _write(
            "move",
            "move",
            {"from_stage_id": _FROM, "to_stage_id": _STAGE},
            _FROM,
            _STAGE,
            effects=_MOVED,
            note="refused unless it stands in from_stage_id; the job's rules may mail the candidate",
        ),
        _write(
            "move_by_row",
            "move",
            {"from_stage_id": _ROW, "to_stage_id": _STAGE},
            _ROW,
            _STAGE,
            effects=_MOVED,
            note="the same where from_stage_id is the application's own stage row, from the fresh read",
        ),
        # https://harvestdocs.greenhouse.io/reference/post_v3-applications-id-reject
        _write(
            "reject",
            "reject",
            {"rejection_reason_id": _REASON},
            _REASON,
            effects={SideEffect.AUTOMATION},
            note="reject, or withdraw by the reason's type; no mail is asked for; voids open offers",
        ),
        _write(
            "unreject",
            "unreject",
            {},
            effects={SideEffect.REOPEN},
            note="back to the stage it was rejected in; may clear the rejection's notes",
        ),
        _write(
            "hire",
            "hire",
            {},
            effects={SideEffect.OPENING_FILL},
            note="names no opening: refused where several are open; may close the opening and the job",
        ),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            urls=("https://auth.greenhouse.io/token",),
            form=frozenset({"grant_type", "sub", "refresh_token"}),
        ),
    ),
    # No number is promised; 75 is the documentation's example, and the headers correct it.
    rates=(RateLimit(requests=75, per_seconds=30, window=True),),
    answers=(
        # An expired cursor is a 422: https://harvestdocs.greenhouse.io/docs/pagination
        AnswerRule(
            meaning=CursorLost,
            status=422,
            when=lambda asked, _: asked.purpose is Purpose.READ and "cursor=" in asked.url,
        ),
        AnswerRule(
            meaning=Refused,
            status=422,
            operations=frozenset({"move", "move_by_row"}),
            message="422 to a move. If it is in the expected stage and that stage can be moved from, the"
            " setting from_stage_id_is names the wrong one of Greenhouse's two stage ids",
        ),
        AnswerRule(
            meaning=Refused,
            status=422,
            operations=frozenset({"hire"}),
            message="422 to a hire. Where several openings are open Greenhouse wants one named, and a status"
            " write names none: hire this one in Greenhouse",
        ),
    ),
    # https://harvestdocs.greenhouse.io/docs/list-endpoints: {"errors": ["text", ...]}
    complaints=Complaints(
        read=_complaint,
        terms=frozenset({"per_page", "from_stage_id", "to_stage_id", "opening_id", "rejection_reason_id"}),
    ),
    unconfirmed={
        "from_stage_id_is": "a move's from_stage_id is job_interview_stage_id (the default) or stage_id",
        "visible_within_seconds": "how long a write may take to show in a read; default 5",
        "overlap_minutes": "how late a record may become visible to updated_at; default 60",
    },
)

_SCOPES: Mapping[str, str] = {
    f"write: {word}": f"harvest:applications:{word}" for word in ("move", "reject", "unreject", "hire")
}
_JOB_STATES: Mapping[str, JobStatus] = {
    "draft": JobStatus.DRAFT,
    "open": JobStatus.OPEN,
    "closed": JobStatus.CLOSED,
}
_STATUSES: Mapping[str, ApplicationStatus] = {
    # A query says "active" for it: https://harvestdocs.greenhouse.io/docs/list-endpoints
    "in_process": ApplicationStatus.ACTIVE,
    "rejected": ApplicationStatus.REJECTED,
    "hired": ApplicationStatus.HIRED,
    "converted": ApplicationStatus.CONVERTED,
}
_REASON_TYPES: Mapping[str, tuple[ReasonBy, ApplicationStatus]] = {
    "WE_REJECTED_THEM": (ReasonBy.ORGANISATION, ApplicationStatus.REJECTED),
    "THEY_REJECTED_US": (ReasonBy.CANDIDATE, ApplicationStatus.WITHDRAWN),
    "NONE_SPECIFIED": (ReasonBy.UNKNOWN, ApplicationStatus.REJECTED),
    "SECURITY_CONCERN": (ReasonBy.ORGANISATION, ApplicationStatus.REJECTED),
}
_OWNERS: Mapping[str, TeamRole] = {
    "recruiter": TeamRole.RECRUITER,
    "coordinator": TeamRole.COORDINATOR,
    "sourcer": TeamRole.SOURCER,
}
_EMAILS: Mapping[str, EmailType] = {"personal": EmailType.PERSONAL, "work": EmailType.WORK}
_LINKS: Mapping[str, LinkType] = {"linkedin": LinkType.LINKEDIN, "github": LinkType.GITHUB}
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REJECT: "reject",
    Action.WITHDRAW: "reject",
    Action.REACTIVATE: "unreject",
    Action.HIRE: "hire",
}
_ENDINGS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
    ApplicationStatus.HIRED: Action.HIRE,
}
_REJECTED = frozenset({ApplicationStatus.REJECTED, ApplicationStatus.WITHDRAWN})
_STAGE_FIELD, _REASON_FIELD = "job_interview_stage_id", "rejection_reason_id"
_OWNED_BY, _MANAGED_BY, _POSTED_AS = " owners", " managers", " posts"
"""What other listings add to a job; no field of Greenhouse's begins with a blank."""
# Where a web hook's payload names records: https://developers.greenhouse.io/webhooks.html
_HOOKED: Sequence[tuple[Kind, str]] = (
    (Kind.APPLICATION, "application.id"),
    (Kind.APPLICATION, "deleted_application_ids"),
    (Kind.CANDIDATE, "application.candidate.id"),
    (Kind.CANDIDATE, "application.candidate_id"),
    (Kind.CANDIDATE, "candidate.id"),
    (Kind.CANDIDATE, "candidate_id"),
    (Kind.CANDIDATE, "person.id"),
    (Kind.CANDIDATE, "new_candidate_id"),
    (Kind.JOB, "job.id"),
    (Kind.JOB, "job_interview_stage.job_id"),
    (Kind.STAGE, "job_interview_stage.id"),
)
_EVENT_ID = r"[A-Za-z0-9_-]{1,64}"
_MOST_IDS = 50
_AT_ONCE = 4
Reader = Callable[[str, datetime, Any], tuple[Record, ...]]
Ids = tuple[tuple[Kind, str], ...]

# All the words that may be repeated from a refusal. Whatever else a text holds may be about a person.


@frozen(kw_only=True, field_transformer=typed)
class Greenhouse(Ats):
    """One Greenhouse account.

    Args:
        connection: the link's globally unique id.
        client_id, client_secret: of the customer's API credential of type Harvest V3 (OAuth).
        refresh_token: of a partner integration, from the authorisation by a person;
            client credentials are used where there is none. It is renewed with
            each use, and lost after a day without one.
        acting_user: the user in whose name the token acts (``sub``), a Site Admin;
            the credential's own service user where it is None.
        from_stage_id_is: what a move's ``from_stage_id`` is compared with.
        prospects: read prospects too, as applications without a job.
        job_details: read hiring teams and job posts; needs three more scopes. They
            are read when their job has changed, and by a full pull.
        hook_secret: the secret key of the web hooks, which a person enters with each of them.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    READS_BY: ClassVar[tuple[str, ...]] = ("prospects", "job_details")

    connection: str
    client_id: Secret = field(converter=secret)
    client_secret: Secret = field(converter=secret)
    refresh_token: Secret | None = field(default=None, converter=optional_secret)
    acting_user: str | None = None
    from_stage_id_is: str = field(
        default="job_interview_stage_id", validator=one_of("job_interview_stage_id", "stage_id")
    )
    prospects: bool = True
    job_details: bool = True
    hook_secret: Secret | None = field(default=None, converter=optional_seal)
    overlap_minutes: float = 60.0
    visible_within_seconds: float = _SETTLES_SECONDS

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["global"]

    def auth(self) -> Scheme:
        endpoint = VENDOR.tokens[0]
        own: dict[str, Any] = {
            "token_endpoint": endpoint,
            "url": endpoint.urls[0],
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        if self.refresh_token is None:
            acting = (("sub", self.acting_user),) if self.acting_user else ()
            return ClientCredentials(**own, extra=acting)
        # Who acts was settled when a person authorised: https://harvestdocs.greenhouse.io/docs/harvest-partner-oauth
        return RefreshToken(**own, first=self.refresh_token)

    @property
    def default_acting_user(self) -> str | None:
        return self.acting_user

    def settings(self) -> Mapping[str, str]:
        return {
            "from_stage_id_is": self.from_stage_id_is,
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
            "overlap_minutes": f"{self.overlap_minutes:g}",
        }

    @property
    def _by_row(self) -> bool:
        return self.from_stage_id_is == "stage_id"

    @property
    def _overlap(self) -> timedelta:
        return timedelta(minutes=self.overlap_minutes)

    @property
    def _everyone(self) -> dict[str, str]:
        return {} if self.prospects else {"prospect": "false"}

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        """Parents first.

        Which time of an application a change of stage moves is not documented.
        So all three are asked: its own two, and those of its stage rows. The two
        later windows begin where they are first asked, before the first whole
        read of the applications, so that nothing falls in between.
        """
        return (
            self._simple("users", Kind.USER, read_user, show_service_accounts="true"),
            self._simple("rejection_reasons", Kind.REASON, read_reason, include_defaults="true"),
            self._stream("jobs", {Kind.JOB}, self._jobs_page),
            self._simple("job_interview_stages", Kind.STAGE, read_stage),
            self._simple("candidates", Kind.CANDIDATE, read_candidate),
            self._stream("applications_active", {Kind.APPLICATION}, self._active_page),
            # Its first window is read at once, so that the second need not ask for those applications again.
            self._stream("application_stages", {Kind.APPLICATION}, self._stage_rows_page, again=True),
            self._stream("applications", {Kind.APPLICATION}, self._applications_page),
        )

    def sweeps(self) -> tuple[Stream, ...]:
        """Ids alone, of all that can be deleted without a trace."""
        return tuple(
            Stream(
                name=f"sweep_{name}",
                kinds=frozenset({kind}),
                incremental=False,
                sweeps=True,
                start=lambda _watermark, _job: {"link": None},
                page=partial(_shown, name, kind),
            )
            for kind, name in _SWEPT.items()
        )

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return _confirm_gone(ref)

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _stream(
        self, name: str, kinds: set[Kind], page: Callable[[Span, Marks], Flow[Page]], *, again: bool = False
    ) -> Stream:
        return Stream(
            name=name,
            kinds=frozenset(kinds),
            incremental=True,
            start=lambda watermark, _job: {
                "span": Span.first(watermark, again=again),
                "marks": Marks.after(watermark).json(),
            },
            page=lambda cursor: Routine(lambda: page(Span.of(cursor["span"]), Marks.of(cursor["marks"]))),
        )

    def _simple(self, name: str, kind: Kind, read: Reader, **query: str) -> Stream:
        """A listing that changes by ``updated_at`` and needs nothing else."""

        def page(span: Span, marks: Marks) -> Flow[Page]:
            response, link, raws = yield from _list(name, {**_since("updated_at", span), **query}, span.token)
            items, rejected = sort_out(raws, lambda raw: self._item(((kind, _id(raw)),), raw, read, response))
            return self._page(span, marks, response, link, items=items, rejected=rejected)

        return self._stream(name, {kind}, page)

    def _item(self, ids: Ids, raw: Raw, read: Reader, response: Response) -> Item:
        return Item(ids, raw, partial(read, self.connection, response.sent_at))

    def _page(
        self, span: Span, marks: Marks, response: Response, link: str | None, **listed: Sequence[Any]
    ) -> Page:
        following, watermark = span.seen(safe_time(response)).after(link, overlap=self._overlap)
        if following is not None:
            return Page(next={"span": following, "marks": marks.json()}, **listed)
        assert isinstance(watermark, Mapping)  # noqa: S101 - a span ends in one or the other
        return Page(watermark={**watermark, "marks": list(marks.now)}, **listed)

    def _recent(self, span: Span, response: Response) -> Callable[[datetime | None], bool]:
        """Whether the next window will show a row of this time again."""
        began = span.seen(safe_time(response)).began or 0.0
        back = began - self._overlap.total_seconds()
        return lambda at: at is not None and at.timestamp() >= back

    # -- jobs --

    def _jobs_page(self, span: Span, marks: Marks) -> Flow[Page]:
        """Jobs that are no templates, each with its team and posts.

        A job whose team and posts this overlap has shown already is passed over.
        """
        response, link, raws = yield from _list("jobs", _since("updated_at", span), span.token)
        raws = [raw for raw in raws if not _is_template(raw)]
        rows, rejected = _versions(raws)
        new = [row for row in rows if row.mark not in marks.before]
        recent = self._recent(span, response)
        marks = marks.noting(row.mark for row in new if recent(row.at))
        marks = marks.noting(row.mark for row in rows if row.mark in marks.before)
        found = yield from self._with_details([row.raw for row in new])
        items = [self._item(((Kind.JOB, _id(raw)),), raw, read_job, response) for raw in found]
        return self._page(span, marks, response, link, items=items, rejected=rejected)

    def _with_details(self, raws: Sequence[Raw]) -> Flow[Sequence[Raw]]:
        """Jobs with what the listings of their parts say."""
        if not self.job_details or not raws:
            return raws
        ids = [_id(raw) for raw in raws]
        post = {"fields": "id,job_id,title,content,live,active,public_url"}
        owners = yield from _rows_of("job_owners", "job_ids", ids, {})
        managers = yield from _rows_of("job_hiring_managers", "job_ids", ids, {})
        posts = yield from _rows_of("job_posts", "job_ids", ids, post)
        # Deleted posts are left out unless asked for: https://harvestdocs.greenhouse.io/reference/get_v3-job-posts
        posts += yield from _rows_of("job_posts", "job_ids", ids, {**post, "active": "false"})
        parts = {_OWNED_BY: owners, _MANAGED_BY: managers, _POSTED_AS: posts}
        by_job = {name: _grouped(rows, "job_id") for name, rows in parts.items()}
        return [
            _with(raw, {name: rows.get(id, []) for name, rows in by_job.items()})
            for id, raw in zip(ids, raws, strict=True)
        ]

    # -- applications --

    def _applications_page(self, span: Span, marks: Marks) -> Flow[Page]:
        query = {**_since("updated_at", span), **self._everyone}
        return (yield from self._window_page(query, span, marks))

    def _active_page(self, span: Span, marks: Marks) -> Flow[Page]:
        if span.since is None:
            return (yield from self._from_now("applications", span, marks))
        query = {**_since("last_activity_at", span), **self._everyone}
        return (yield from self._window_page(query, span, marks))

    def _window_page(self, query: Mapping[str, str], span: Span, marks: Marks) -> Flow[Page]:
        response, link, raws = yield from _list("applications", query, span.token)
        raws = yield from _completed(raws)
        items, rejected = sort_out(raws, lambda raw: self._application_item(raw, response))
        return self._page(span, marks, response, link, items=items, rejected=rejected)

    def _from_now(self, listing: str, span: Span, marks: Marks) -> Flow[Page]:
        """A window without a beginning: where it begins is asked of the vendor's clock."""
        response, _link, _raws = yield from _list(listing, {"fields": "id"}, None, per_page=1)
        return self._page(span, marks, response, None)

    def _stage_rows_page(self, span: Span, marks: Marks) -> Flow[Page]:
        """The applications whose stage rows have changed."""
        if span.since is None:
            return (yield from self._from_now("application_stages", span, marks))
        wanted = {"fields": "id,application_id,current,updated_at"}
        query = {**_since("updated_at", span), **wanted}
        response, link, raws = yield from _list("application_stages", query, span.token)
        rows, rejected = _versions(raws)
        new = [row for row in rows if row.mark not in marks.before]
        named, nameless = sort_out([row.raw for row in new], lambda raw: _id(raw, "application_id"))
        ids = dict.fromkeys(named)
        rejected.extend(nameless)
        items: list[Item] = []
        for answer, found in (yield from _chunks("applications", "ids", list(ids), self._everyone)):
            complete = yield from _completed(found)
            good, bad = sort_out(complete, partial(self._application_item, response=answer))
            items.extend(good)
            rejected.extend(bad)
        recent = self._recent(span, response)
        stand: dict[str | None, str | None] = {}
        stand.update((item.ids[0][1], _stage_of(item.raw)) for item in items)
        dealt_with = {row.mark for row in rows if row.mark in marks.before}
        # What the applications do not show yet is asked about again by the next window.
        dealt_with |= {row.mark for row in new if recent(row.at) and _shows(row, stand)}
        return self._page(
            span, marks.noting(sorted(dealt_with)), response, link, items=items, rejected=rejected
        )

    def _application_item(self, raw: Raw, response: Response) -> Item:
        ids = ((Kind.APPLICATION, _id(raw)), (Kind.CANDIDATE, _id(raw, "candidate_id")))
        return self._item(ids, raw, self._read_one, response)

    def _read_one(self, connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
        return (read_application(connection, read_at, data, by_row=self._by_row),)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        response, _link, raws = yield from _list("applications", {"ids": ref.id}, None)
        raw = _the_one(raws, ref.id)
        if raw is None:
            yield from _others_show("applications")
            return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
        rows = yield from _rows_of("application_stages", "application_ids", [ref.id], {})
        if _lacks(raw) == _STAGE_FIELD:
            raw = _filled(raw, {(_STAGE_FIELD, ref.id): _current_stage(rows)})
        else:
            (raw,) = yield from _completed([raw])
        application = read_application(
            self.connection, response.sent_at, raw.data, by_row=self._by_row, rows=rows
        )
        mark = change_mark(record(raw.data))
        return Fresh(application=application, signals=dict.fromkeys((w.name for w in VENDOR.writes), mark))

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        of_job = {"job_ids": job.id} if job else {}
        stages = yield from self._all("job_interview_stages", read_stage, of_job)
        reasons = yield from self._all("rejection_reasons", read_reason, {"include_defaults": "true"})
        return Catalogue(
            job=job,
            stages=tuple(r for r in stages if isinstance(r, Stage)),
            reasons=tuple(r for r in reasons if isinstance(r, Reason)),
        )

    def _all(self, name: str, read: Reader, query: Mapping[str, str]) -> Flow[list[Record]]:
        answers = yield from _pages(name, query)
        return [
            found
            for response, raws in answers
            for raw in raws
            for found in read(self.connection, response.sent_at, raw.data)
        ]

    # -- preflight --

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        names = [read.path[1:] for read in VENDOR.reads if self.job_details or read.path not in _DETAILS]
        listings = {name: _preflight(name) for name in names}
        grant = "the scope harvest:{}:list for the API credential, and a Site Admin as its user"
        answers, reads = yield from try_listings(listings, host=self.host, grant=grant)
        admin = yield from self._check_admin(answers[names.index("users")])
        writes = [
            unproven_write(what, grant=f"the scope {scope} for the API credential")
            for what, scope in _SCOPES.items()
        ]
        return (*reads, admin, *writes)

    def _check_admin(self, users: Response | VendorError) -> Flow[Finding]:
        """Lists are for Site Admins; to others Greenhouse may show empty ones, which look like a read."""
        what = "the user in whose name the token acts is an active Site Admin"
        grant = "a Site Admin of Greenhouse for the integration; its id goes into acting_user"
        if self.acting_user is None:
            return _admin_seen(what, users, grant)
        fields = {"fields": "id,site_admin,deactivated", "show_service_accounts": "true"}
        wanted = _get("users", {"ids": self.acting_user, **fields})
        answer = yield from ask(wanted)
        finding = proof_of_read(what, wanted, answer, grant=grant)
        if isinstance(answer, Response) and not _is_admin(answer):
            finding = evolve(finding, proof=Proof.MISSING, ask=grant)
        return evolve(finding, needed_for="reach")

    def with_grant(self, findings: Sequence[Finding], token: Token | None) -> tuple[Finding, ...]:
        """Findings with what the access token claims to grant, where it does.

        Which claim lists the scopes is undocumented, so a token without them proves nothing.
        """
        return with_scopes(findings, token, _SCOPES)

    # -- web hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        """A delivery as a hint to read again, of whatever event: v1's words in it are not looked at.

        What names nothing that is read here, the ping of a new web hook among it, hints at nothing
        and is received all the same: https://developers.greenhouse.io/webhooks.html
        """
        given = {name.lower(): value for name, value in headers.items()}
        signed = re.fullmatch(r"sha256 ([0-9a-f]{64})", given.get("signature", ""))
        if self.hook_secret is None or signed is None:
            return None
        if not sealed_by((self.hook_secret,), body, signed[1]):
            return None
        delivery = said(body)
        payload = opt_object(delivery, "payload") if delivery is not None else None
        if payload is None:
            return None
        event = given.get("greenhouse-event-id", "")
        # No part of what is signed: without one of the form that it has, the seal itself.
        id = event if re.fullmatch(_EVENT_ID, event) else signed[1]
        return HookHint(delivery_id=id, refs=tuple(dict.fromkeys(self._hinted(payload))))

    def _hinted(self, payload: Mapping[str, Any]) -> Iterator[Ref]:
        for kind, path in _HOOKED:
            *outer, name = path.split(".")
            part: Mapping[str, Any] = payload
            for key in outer:
                part = opt_object(part, key) or {}
            found = part.get(name)
            for id in found if isinstance(found, list) else [found]:
                if (text := opt_id({name: id}, name)) and re.fullmatch(_ID, text):
                    yield Ref(self.connection, kind, text)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Only what is in process moves or ends, and what has ended stands in no stage."""
        if current.meets(target):
            return [PlannedWrite(Action.MOVE, current, current)]
        _check_possible(current, target)
        chain: list[PlannedWrite] = []
        here = current
        if here.status is not ApplicationStatus.ACTIVE:
            # Which stage it comes back to, only Greenhouse knows.
            there = State(stage=None, status=ApplicationStatus.ACTIVE)
            chain.append(PlannedWrite(Action.REACTIVATE, here, there))
            here = there
        if target.stage is not None and target.stage != here.stage:
            there = State(stage=target.stage, status=ApplicationStatus.ACTIVE)
            chain.append(PlannedWrite(Action.MOVE, here, there))
            here = there
        if target.status is not ApplicationStatus.ACTIVE:
            reason = target.reason if target.status in _REJECTED else None
            there = State(stage=None, status=target.status, reason=reason)
            chain.append(PlannedWrite(_ENDINGS[target.status], here, there))
        return chain

    def declared(self, intent: Intent) -> StatusWrite:
        name = _WRITES[intent.action]
        write = VENDOR.write("move_by_row" if name == "move" and self._by_row else name)
        return evolve(write, visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        if intent.acting_user not in (None, self.acting_user):
            raise Unplannable(
                "Greenhouse writes in the name of the user its token was asked for: name that one in the"
                " mapping too, or none",
                vendor=VENDOR.name,
            )
        application = current.application
        if application.vendor_substatus == "prospect" and intent.action in (Action.MOVE, Action.HIRE):
            raise Unplannable("a prospect must be made a candidate in Greenhouse first", vendor=VENDOR.name)
        given = {
            SlotName.APPLICATION: intent.application.id,
            SlotName.EXPECTED_STAGE: intent.expected.stage,
            SlotName.TARGET_STAGE: intent.target.stage,
            SlotName.REASON: intent.target.reason,
            SlotName.TOKEN: application.token,
        }
        values = {name: value for name, value in given.items() if value is not None}
        # 204 without a body: https://harvestdocs.greenhouse.io/reference/post_v3-applications-id-move
        return Call(self.declared(intent).render(values), lambda _response: None)

    def imagine(self, current: Application, intent: Intent) -> Application:
        """What has ended stands in no stage; what is taken back stands in its last one again."""
        seen = super().imagine(current, intent)
        if intent.action is Action.MOVE:
            return _entered(seen, intent.target.stage)
        if intent.action is Action.REACTIVATE:
            last = current.history[-1].to if current.history else None
            # Its new stage row has an id that nobody can know yet; in a dry run any will do.
            token = "1" if self._by_row else current.token
            return _entered(evolve(seen, token=token), last)
        return evolve(seen, stage=None, stage_name=None)


# --- requests ------------------------------------------------------------------------------------


_SWEPT: Mapping[Kind, str] = {
    Kind.APPLICATION: "applications",
    Kind.CANDIDATE: "candidates",
    Kind.JOB: "jobs",
}
_DETAILS = frozenset({"/job_owners", "/job_hiring_managers", "/job_posts"})
Answered = tuple[Response, list[Raw]]


def _get(name: str, query: Mapping[str, str]) -> Request:
    return Request(operation=f"list_{name}", method="GET", url=f"/{name}", query=tuple(query.items()))


def _preflight(name: str) -> Request:
    wide = {"users": "show_service_accounts", "rejection_reasons": "include_defaults"}.get(name)
    return _get(name, {"per_page": "1", **({wide: "true"} if wide else {})})


def _list(
    name: str, query: Mapping[str, str], link: str | None, *, per_page: int = 500
) -> Flow[tuple[Response, str | None, list[Raw]]]:
    """One page of a listing: the answer, the link to the next page, the records."""
    wanted = _get(name, {"per_page": str(per_page), **query})
    if link is not None:
        # The cursor carries the filters, and may not be sent together with anything else.
        wanted = evolve(wanted, url=link, query=())
    response = yield from request(wanted)
    _, raws = read_list(response.body)
    listing = f"{VENDOR.hosts['global']}/{name}"
    following = next_link(response.headers.get("link", ""), listing=listing, only="cursor")
    return response, following, raws


def _pages(name: str, query: Mapping[str, str]) -> Flow[list[Answered]]:
    """A listing to its end."""
    answers: list[Answered] = []
    link: str | None = None
    headway = Headway(name)
    while True:
        headway.turn_to(link)
        response, link, raws = yield from _list(name, query, link)
        headway.saw(raw.digest for raw in raws)
        answers.append((response, raws))
        if link is None:
            return answers


def _chunks(name: str, key: str, ids: Sequence[str], query: Mapping[str, str]) -> Flow[list[Answered]]:
    """A listing of these ids, as many at a time as Greenhouse takes."""
    starts = range(0, len(ids), _MOST_IDS)
    flows = [_pages(name, {key: ",".join(ids[at : at + _MOST_IDS]), **query}) for at in starts]
    answers: list[Answered] = []
    for outcome in (yield from together(flows, _AT_ONCE)) if flows else ():
        if isinstance(outcome, Failed):
            raise outcome.error
        answers.extend(outcome.value)
    return answers


def _rows_of(
    name: str, key: str, ids: Sequence[str], query: Mapping[str, str]
) -> Flow[list[Mapping[str, Any]]]:
    """The same, as parsed rows; one that cannot be read is left out."""
    answers = yield from _chunks(name, key, ids, query)
    return [row for _, raws in answers for raw in raws for row in _readable(raw)]


@routine
def _shown(name: str, kind: Kind, cursor: Any) -> Flow[Page]:
    """A page of ids alone."""
    _response, link, raws = yield from _list(name, {"fields": "id"}, cursor["link"])
    if link is not None and link == cursor["link"]:
        raise BadPayload("the listing gave the same link twice")
    following: Json = {"link": link} if link else None
    shown, rejected = sort_out(raws, lambda raw: (kind, _id(raw)))
    return Page(shown=shown, rejected=rejected, next=following)


@routine
def _confirm_gone(ref: Ref) -> Flow[Tombstone | None]:
    name = _SWEPT.get(ref.kind)
    if name is None:
        return None
    _response, _link, raws = yield from _list(name, {"ids": ref.id, "fields": "id"}, None)
    if _the_one(raws, ref.id):
        return None
    yield from _others_show(name)
    return Tombstone(TombstoneKind.DELETED)


def _others_show(name: str) -> Flow[None]:
    """A user who is no Site Admin any more gets empty lists, and no error (Harvest v3, Authentication)."""
    beside = _get(name, {"per_page": "1", "fields": "id"})
    yield from must_show(beside, rows=_rows_shown, vendor=VENDOR.name, operation=beside.operation)


def _rows_shown(answer: Response) -> Sequence[object]:
    return read_list(answer.body)[1]


def _the_one(raws: Sequence[Raw], id: str) -> Raw | None:
    """The record that was asked for by its id; None where there is none.

    An empty list is how v3 says "not found": https://harvestdocs.greenhouse.io/docs/list-endpoints

    Raises:
        BadPayload: the list holds another record, which says nothing of this one.
    """
    found = next((raw for raw in raws if _id(raw) == id), None)
    if raws and found is None:
        raise BadPayload("the answer is about another record than the one that was asked for")
    return found


def _completed(raws: Sequence[Raw]) -> Flow[list[Raw]]:
    """Applications with the stage or reason that an older account's records do not carry themselves.

    https://harvestdocs.greenhouse.io/reference/get_v3-application-stages and get_v3-rejection-details
    """
    lacking = [(_lacks(raw), raw) for raw in raws]
    stageless = [_id(raw) for lack, raw in lacking if lack == _STAGE_FIELD]
    reasonless = [_id(raw) for lack, raw in lacking if lack == _REASON_FIELD]
    rows = yield from _rows_of("application_stages", "application_ids", stageless, {"current": "true"})
    details = yield from _rows_of("rejection_details", "application_ids", reasonless, {})
    found = {(_STAGE_FIELD, opt_id(row, "application_id")): row.get(_STAGE_FIELD) for row in rows}
    found |= {(_REASON_FIELD, opt_id(row, "application_id")): row.get(_REASON_FIELD) for row in details}
    return [_filled(raw, found) if lack else raw for lack, raw in lacking]


def _lacks(raw: Raw) -> str | None:
    """The field which an application should have by its status, and has not."""
    try:
        _ = _id(raw)
        status = raw.peek("status")
        if status == "in_process" and _part(raw, _STAGE_FIELD) is None:
            return None if raw.peek("prospect") is True else _STAGE_FIELD
        return _REASON_FIELD if status == "rejected" and _part(raw, _REASON_FIELD) is None else None
    except BadRecord:
        return None


def _filled(raw: Raw, found: Mapping[tuple[str, str | None], Any]) -> Raw:
    lack = _lacks(raw)
    value = found.get((lack, _id(raw))) if lack else None
    return raw if lack is None or value is None else _with(raw, {lack: value})


def _current_stage(rows: Iterable[Mapping[str, Any]]) -> Any:
    return next((row.get(_STAGE_FIELD) for row in rows if row.get("current") is True), None)


def _since(key: str, span: Span) -> dict[str, str]:
    if span.since is None:
        return {}
    moment = datetime.fromtimestamp(max(0.0, span.since), UTC).isoformat(timespec="milliseconds")
    return {key: f"gte|{moment.removesuffix('+00:00')}Z"}


@frozen
class _Version:
    """One row as it was when it was listed."""

    raw: Raw
    id: str
    at: datetime | None
    mark: str


def _versions(raws: Sequence[Raw]) -> tuple[list[_Version], list[tuple[str, str]]]:
    """Rows with the mark of their version, and what has not even an id."""
    versions: list[_Version] = []
    rejected: list[tuple[str, str]] = []
    for place, raw in enumerate(raws):
        try:
            id, at = _id(raw), raw.peek("updated_at")
            _ = raw.peek("application_id"), raw.peek("current")  # what `_shows` looks at
        except BadRecord as error:
            rejected.append((f"[{place}].{error.path}", error.why))
        else:
            versions.append(_Version(raw, id, from_iso(at), mark_of(id, at)))
    return versions, rejected


def _shows(row: _Version, stand: Mapping[str | None, str | None]) -> bool:
    """Whether an application, as just read, agrees with a stage row of its; one that is gone does."""
    id = _part(row.raw, "application_id")
    return id not in stand or (row.raw.peek("current") is True) == (stand[id] == row.id)


def _grouped(rows: Iterable[Mapping[str, Any]], key: str) -> dict[str | None, list[Mapping[str, Any]]]:
    groups: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: opt_int(row, "id") or 0):
        groups.setdefault(opt_id(row, key), []).append(row)
    return groups


def _id(raw: Raw, name: str = "id") -> str:
    """Of the form that a list of ids can hold, by which its parts are asked for."""
    return need_id({name: raw.peek(name)}, name, form=_ID)


def _part(raw: Raw, name: str) -> str | None:
    return opt_id({name: raw.peek(name)}, name)


def _stage_of(application: Raw) -> str | None:
    """None where it cannot be read: its own reader says so, and its rows are asked about again."""
    try:
        return _part(application, "stage_id")
    except BadRecord:
        return None


def _is_template(raw: Raw) -> bool:
    try:
        return raw.peek("is_template") is True
    except BadRecord:
        return False


def _with(raw: Raw, parts: Mapping[str, Any]) -> Raw:
    """A record with more fields; one that cannot be read stays as it is, and goes to quarantine so."""
    try:
        return Raw.of({**record(raw.data), **parts})
    except BadRecord:
        return raw


def _readable(raw: Raw) -> Iterator[Mapping[str, Any]]:
    try:
        yield record(raw.data)
    except BadRecord:
        return


def _admin_seen(what: str, users: Response | VendorError, grant: str) -> Finding:
    """Whether the list of users holds anybody, as it does for a Site Admin alone."""
    if not isinstance(users, Response):
        return evolve(proof_of_read(what, _preflight("users"), users, grant=grant), needed_for="reach")
    seen = bool(read_list(users.body)[1])
    return Finding(
        what=what,
        proof=Proof.PROVED if seen else Proof.MISSING,
        tried=f"acting_user is not set; the list of users holds {'some' if seen else 'nobody'}",
        ask="" if seen else grant,
        needed_for="reach",
    )


def _is_admin(answer: Response) -> bool:
    return any(
        isinstance(raw.data, dict) and raw.data.get("site_admin") is True and not raw.data.get("deactivated")
        for raw in read_list(answer.body)[1]
    )


def _check_possible(current: State, target: State) -> None:
    """Raises `Unplannable` where the API has no way: https://harvestdocs.greenhouse.io/reference"""
    ended, ends = current.status is not ApplicationStatus.ACTIVE, target.status in _ENDINGS
    why = ""
    if ended and current.status not in _REJECTED:
        why = f"the API takes nothing back from an application that is {current.status}"
    elif not ends and target.status is not ApplicationStatus.ACTIVE:
        why = f"Greenhouse has no way to make an application {target.status}"
    elif ended and target.status in _REJECTED:
        why = "it is rejected already: its reason is corrected in Greenhouse, and it stands in no stage"
    elif target.status in _REJECTED and target.reason is None:
        why = "Greenhouse rejects with a reason only; the mapping names none"
    if why:
        raise Unplannable(why, vendor=VENDOR.name)


def _entered(application: Application, stage_id: str | None) -> Application:
    if stage_id is None:
        return evolve(application, stage=None, stage_name=None)
    left = application.history[-1].to if application.history else None
    stage = evolve(application.ref, kind=Kind.STAGE, id=stage_id)
    entry = Transition(None, stage_id, left)
    return evolve(application, stage=stage, stage_name=None, history=(*application.history, entry))


# --- readers -------------------------------------------------------------------------------------


def _times(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"updated_at": from_iso(data.get("updated_at")), "created_at": from_iso(data.get("created_at"))}


def read_user(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    user = record(data)
    return (
        User(
            ref=Ref(connection, Kind.USER, need_id(user, "id")),
            read_at=read_at,
            **_times(user),
            name=opt_text(user, "name"),
            # A service user's is empty.
            email=opt_text(user, "primary_email"),
            active=user.get("deactivated") is not True,
        ),
    )


def read_reason(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    reason = record(data)
    key = opt_text(opt_object(reason, "type") or {}, "key")
    # A reason without a type rejects; a type that nobody knows may mean anything.
    untyped = (ReasonBy.UNKNOWN, ApplicationStatus.REJECTED if key is None else None)
    by, outcome = _REASON_TYPES.get(key or "", untyped)
    return (
        Reason(
            ref=Ref(connection, Kind.REASON, need_id(reason, "id")),
            read_at=read_at,
            **_times(reason),
            name=opt_text(reason, "name"),
            by=by,
            outcome=outcome,
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    job = record(data)
    state, department = opt_text(job, "status"), opt_id(job, "department_id")
    posts = list(objects(job, _POSTED_AS))
    shown = next((post for post in posts if post.get("live") is True), None)
    return (
        Job(
            ref=Ref(connection, Kind.JOB, need_id(job, "id")),
            read_at=read_at,
            **_times(job),
            title=opt_text(job, "name"),
            code=opt_text(job, "requisition_id"),
            requisition_id=opt_text(job, "requisition_id"),
            status=_JOB_STATES.get(state or "", JobStatus.UNKNOWN),
            vendor_status=state,
            confidential=opt_bool(job, "confidential"),
            # A job names its department by id alone.
            departments=(Named(department, department),) if department else (),
            hiring_team=tuple(_team(job)),
            postings=tuple(_posting(post) for post in posts if opt_id(post, "id")),
            description_html=opt_text(shown, "content") if shown else None,
            opened_at=from_iso(job.get("opened_at")),
            closed_at=from_iso(job.get("closed_at")),
        ),
    )


def _team(job: Mapping[str, Any]) -> Iterator[TeamMember]:
    for manager in objects(job, _MANAGED_BY):
        if user := opt_id(manager, "user_id"):
            yield TeamMember(user, TeamRole.HIRING_MANAGER)
    for owner in objects(job, _OWNED_BY):
        if user := opt_id(owner, "user_id"):
            yield TeamMember(user, _OWNERS.get(opt_text(owner, "type") or "", TeamRole.OTHER))


def _posting(post: Mapping[str, Any]) -> Posting:
    deleted = post.get("active") is False
    status = "deleted" if deleted else "live" if post.get("live") is True else "offline"
    return Posting(
        need_id(post, "id"),
        opt_text(post, "title"),
        status,
        opt_text(post, "public_url"),
        opt_text(post, "content"),
    )


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    stage = record(data)
    active = stage.get("active") is not False
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, need_id(stage, "id")),
            read_at=read_at,
            **_times(stage),
            name=opt_text(stage, "name"),
            job=Ref(connection, Kind.JOB, need_id(stage, "job_id")),
            scope=StageScope.JOB,
            order=opt_int(stage, "sort_order"),
            active=active,
            terminal=False,
            # Inactive stages are kept for history: https://harvestdocs.greenhouse.io/reference/get_v3-job-interview-stages
            writable=Answer.YES if active else Answer.NO,
            side_effects=frozenset(_MOVED),
        ),
    )


def read_candidate(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    person = record(data)
    id = need_id(person, "id")
    ref = Ref(connection, Kind.CANDIDATE, id)
    given, family = opt_text(person, "first_name"), opt_text(person, "last_name")
    if (given, family) == ("Anonymized", id):
        return (Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED)),)
    mailable = opt_bool(person, "can_email")
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            **_times(person),
            given_name=given,
            family_name=family,
            display_name=" ".join(name for name in (given, family) if name) or None,
            emails=tuple(
                Email(value, _EMAILS.get(kind or "", EmailType.OTHER), place == 0)
                for place, (value, kind) in enumerate(_typed(person, "email_addresses"))
            ),
            phones=tuple(Phone(value, kind) for value, kind in _typed(person, "phone_numbers")),
            links=tuple(_links(person)),
            locations=tuple(Location(raw=value) for value, _ in _typed(person, "addresses")),
            company=opt_text(person, "company"),
            title=opt_text(person, "title"),
            tags=texts(person, "tags"),
            confidential=opt_bool(person, "private"),
            contactable=Answer.UNKNOWN if mailable is None else Answer.YES if mailable else Answer.NO,
        ),
    )


def _typed(person: Mapping[str, Any], name: str) -> Iterator[tuple[str, str | None]]:
    for entry in objects(person, name):
        if value := opt_text(entry, "value"):
            yield value, opt_text(entry, "type")


def _links(person: Mapping[str, Any]) -> Iterator[Link]:
    for url, kind in (*_typed(person, "website_addresses"), *_typed(person, "social_media_addresses")):
        known = next((link for word, link in _LINKS.items() if word in url), None)
        yield Link(url, known or (LinkType.PORTFOLIO if kind == "portfolio" else LinkType.OTHER))


def read_application(
    connection: str,
    read_at: datetime,
    data: Any,
    *,
    by_row: bool = False,
    rows: Iterable[Mapping[str, Any]] = (),
) -> Application:
    """One application.

    Args:
        by_row: its token is the id of the stage row it stands on, which a move compares.
        rows: its stage rows, where they were read too.
    """
    application = record(data)
    id, candidate = need_id(application, "id"), need_id(application, "candidate_id")
    word = opt_text(application, "status")
    status = _STATUSES.get(word or "", ApplicationStatus.UNKNOWN)
    reason = opt_id(application, _REASON_FIELD) if status is ApplicationStatus.REJECTED else None
    prospect = application.get("prospect") is True
    job = None if prospect else opt_id(application, "job_id")
    stage = opt_id(application, _STAGE_FIELD) if status is ApplicationStatus.ACTIVE else None
    row = opt_id(application, "stage_id")
    updated = [from_iso(application.get(name)) for name in ("updated_at", "last_activity_at")]
    return Application(
        ref=Ref(connection, Kind.APPLICATION, id),
        read_at=read_at,
        # A change of stage need not move updated_at; last_activity_at it does move.
        updated_at=max((at for at in updated if at), default=None),
        created_at=from_iso(application.get("created_at")),
        candidate=Ref(connection, Kind.CANDIDATE, candidate),
        job=Ref(connection, Kind.JOB, job) if job else None,
        stage=Ref(connection, Kind.STAGE, stage) if stage else None,
        stage_name=opt_text(application, "stage_name") if stage else None,
        # Whether it was rejected or withdrew is its reason's to say: see Reason.outcome.
        status=ApplicationStatus.UNKNOWN if reason else status,
        vendor_status=word,
        vendor_substatus="prospect" if prospect else None,
        reason=Ref(connection, Kind.REASON, reason) if reason else None,
        applied_at=from_iso(application.get("created_at")),
        rejected_at=from_iso(application.get("rejected_at")),
        owner=opt_id(application, "recruiter_id"),
        history=tuple(_transitions(rows)),
        token=row if by_row and row and stage else change_mark(application),
    )


def change_mark(application: Mapping[str, Any]) -> str:
    """Differs after any edit: a new stage is a new row, whatever else moves with it."""
    names = ("status", "stage_id", _STAGE_FIELD, _REASON_FIELD, "updated_at", "last_activity_at")
    return "/".join(str(application.get(name)) for name in names)


def _transitions(rows: Iterable[Mapping[str, Any]]) -> Iterator[Transition]:
    def place(row: Mapping[str, Any]) -> tuple[float, int]:
        # Rows made up afterwards, for what was before the history was kept, have no time.
        entered = from_iso(row.get("entered_at"))
        return entered.timestamp() if entered else 0.0, opt_int(row, "id") or 0

    previous: str | None = None
    for row in sorted(rows, key=place):
        to = opt_id(row, _STAGE_FIELD)
        if to is not None:
            yield Transition(from_iso(row.get("entered_at")), to, previous)
            previous = to
