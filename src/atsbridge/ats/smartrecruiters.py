"""SmartRecruiters, Customer API.

https://developers.smartrecruiters.com, read 2026-11-23.

An application has no id: the pair of candidate and job names it. Where it
stands is a *status* of a fixed list and, within three of them, a *sub-status*,
which is the customer's own text. An end is a status too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import (
    BadPayload,
    BadRecord,
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
    Source,
    Stage,
    StageKind,
    State,
    Tombstone,
    TombstoneKind,
    Transition,
    User,
    Workplace,
)
from ..wire.answers import AnswerRule, Complaint, Complaints, safe_time
from ..wire.auth import ClientCredentials, KeyHeader, Scheme, Token, TokenEndpoint
from ..wire.budgets import RateLimit
from ..wire.effects import Flow, Json, Request, Response, all_of, request
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Marks, Span, Tally, linked_token, mark_of
from ..wire.payload import Raw, object_in, read_json, read_list
from ..wire.reading import (
    from_iso,
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
)
from ..wire.secrets import Secret, optional_seal, optional_secret
from ..wire.settings import one_of, typed
from ..wire.streams import Item, Page, Stream, sort_out
from ..wire.vendor import SEPARATOR, Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
from .interface import (
    Ats,
    Catalogue,
    Finding,
    Fresh,
    Gone,
    HookHint,
    HookReply,
    PlannedWrite,
    Unplannable,
)
from .preflight import ask, find, proof_of_read, reach, unproven_write, with_scopes

_ID = r"(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{24})"
_WORD = r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?"
# The customer's own words, compared letter by letter.
_NOT = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
_TEXT = rf"[^\s{_NOT}](?:[^{_NOT}]{{0,98}}[^\s{_NOT}])?"
_LIVING = ("NEW", "IN_REVIEW", "INTERVIEW", "OFFERED")
"""What an application under way may be set to; a lead is none of them."""
_SUBDIVIDED = _LIVING[1:]
_PAGED = frozenset({"limit", "pageId"})
_USERS = "/user-api/v201804/users"
_HISTORY = "/candidates/{candidate}/jobs/{job}/status/history"

_CANDIDATE = Slot(SlotName.APPLICATION, _ID, part=0)
_JOB = Slot(SlotName.APPLICATION, _ID, part=1)
_STATUS = Slot(SlotName.TARGET_STAGE, "|".join(_LIVING))
_DIVIDED = Slot(SlotName.TARGET_STAGE, "|".join(_SUBDIVIDED), part=0)
_SUB = Slot(SlotName.TARGET_STAGE, _TEXT, part=1)
_REASON = Slot(SlotName.REASON, _WORD)


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """https://developers.smartrecruiters.com/docs/error-handling: every error has a code.

    A missing body is normal, and says nothing of a record.
    """
    if answer.status < 400 or (body := object_in(answer.body)) is None:
        return None
    first = next(objects(body, "errors"), {})
    code = opt_text(first, "code")
    if code is None:
        return None
    return Complaint(code, opt_text(first, "message") or opt_text(body, "message") or "")


def _merged(asked: Request, answer: Response) -> bool:
    """Of two candidates who were merged one id disappears; whether it leads to the other, no page says."""
    own = "|".join(map(re.escape, ("", *VENDOR.hosts.values())))
    there = re.fullmatch(rf"(?:{own})/candidates/({_ID})(?:/[^?]*)?", answer.headers.get("location", ""))
    return there is not None and there[1] not in asked.url


def _lost_page(asked: Request, _answer: Response) -> bool:
    return any(key == "pageId" for key, _ in asked.query)


def _write(name: str, body: Mapping[str, Slot | str], note: str, *effects: SideEffect) -> StatusWrite:
    slots = [value for value in body.values() if isinstance(value, Slot)]
    return StatusWrite(
        name=name,
        method="PUT",
        path="/candidates/{application.0}/jobs/{application.1}/status",
        slots=(_CANDIDATE, _JOB, *slots),
        body=dict(body),
        signal=Signal.COUNT,
        # The call sets a state: https://developers.smartrecruiters.com/reference/candidatesstatusupdate-1
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset(effects),
        note=note,
    )


_PLAIN: Mapping[str, Slot | str] = {"status": _STATUS}
_WITH_SUB: Mapping[str, Slot | str] = {"status": _DIVIDED, "subStatus": _SUB}
_NO_MAIL = "no mail is asked for; that none is sent, no page confirms"

VENDOR = Vendor(
    name="smartrecruiters",
    title="SmartRecruiters",
    api_version="Customer API",
    docs="https://developers.smartrecruiters.com",
    docs_read=date(2026, 11, 23),
    hosts={
        "production": "https://api.smartrecruiters.com",
        "sandbox": "https://api.sandbox.smartrecruiters.com",
    },
    reads=(
        Read(name="list_candidates", path="/candidates", query=_PAGED | {"updatedAfter"}),
        Read(name="get_candidate", path="/candidates/{candidate}", segments={"candidate": _ID}),
        Read(name="get_history", path=_HISTORY, segments={"candidate": _ID, "job": _ID}),
        Read(name="list_jobs", path="/jobs", query=_PAGED | {"updatedAfter"}),
        Read(name="get_job", path="/jobs/{job}", segments={"job": _ID}),
        Read(name="list_users", path=_USERS, query=_PAGED),
        Read(name="list_rejection_reasons", path="/configuration/rejection-reasons"),
        Read(name="list_withdrawal_reasons", path="/configuration/withdrawal-reasons"),
        Read(name="list_processes", path="/configuration/hiring-processes"),
        Read(
            name="get_process", path="/configuration/hiring-processes/{process}", segments={"process": _WORD}
        ),
        Read(name="get_company", path="/configuration/company"),
    ),
    writes=(
        _write("move", _PLAIN, "the history grows by one", SideEffect.AUTOMATION),
        _write("move_to_sub_status", _WITH_SUB, "the history grows by one", SideEffect.AUTOMATION),
        _write("reopen", _PLAIN, "out of an end, by a status", SideEffect.REOPEN),
        _write("reopen_to_sub_status", _WITH_SUB, "out of an end, by a status", SideEffect.REOPEN),
        _write("reject", {"status": "REJECTED", "reason": _REASON}, _NO_MAIL, SideEffect.UNKNOWN),
        _write("reject_without_reason", {"status": "REJECTED"}, _NO_MAIL, SideEffect.UNKNOWN),
        _write("withdraw", {"status": "WITHDRAWN", "reason": _REASON}, _NO_MAIL, SideEffect.UNKNOWN),
        _write("withdraw_without_reason", {"status": "WITHDRAWN"}, _NO_MAIL, SideEffect.UNKNOWN),
        _write("hire", {"status": "HIRED"}, "without a day to start on", SideEffect.OPENING_FILL),
    ),
    tokens=(
        TokenEndpoint(
            name="oauth",
            # The sandbox's: no page names it; the production's path on the sandbox's host, or that itself.
            urls=(
                "https://api.smartrecruiters.com/identity/oauth/token",
                "https://api.sandbox.smartrecruiters.com/identity/oauth/token",
            ),
            form=frozenset({"grant_type", "client_id", "client_secret"}),
        ),
    ),
    # https://developers.smartrecruiters.com/docs/rate-limiting: evenly, for no header says how long to wait.
    rates=(RateLimit(requests=10, per_seconds=1, burst=1),),
    concurrent=8,
    answers=(
        *(
            AnswerRule(
                meaning=NotFound,
                status=status,
                operations=frozenset({"get_candidate", "get_history"}),
                when=_merged,
            )
            for status in (301, 302, 303, 307, 308)
        ),
        AnswerRule(
            meaning=CursorLost,
            status=400,
            operations=frozenset({"list_candidates", "list_jobs", "list_users"}),
            when=_lost_page,
        ),
    ),
    complaints=Complaints(
        read=_complaint,
        meanings={"OAuthPermissionsException": Forbidden},
        terms=frozenset({"candidate", "scope", "role", "system", "assigned", "clashes", "rules"}),
    ),
    unconfirmed={
        "token_environment": "which environment gives the sandbox's access tokens; default the sandbox",
        "visible_within_seconds": "how long a write may take to show in a read; default 5",
        "overlap_minutes": "how late the search may show a change; default 10",
        "omitted_sub_status": "where a call without subStatus leads: to none, or the first; default none",
        "total_found": "what a list says it has found: its entries (counts), or any figure (ignored);"
        " default counts",
    },
)

_JOB_STATES: Mapping[str, JobStatus] = {
    "CREATED": JobStatus.DRAFT,
    "PENDING_APPROVAL": JobStatus.DRAFT,
    "APPROVED": JobStatus.DRAFT,
    "SOURCING": JobStatus.OPEN,
    "INTERVIEW": JobStatus.OPEN,
    "OFFER": JobStatus.OPEN,
    "ON_HOLD": JobStatus.ON_HOLD,
    "FILLED": JobStatus.FILLED,
    "CANCELLED": JobStatus.CLOSED,
}
_STAGES: Mapping[str, tuple[StageKind, ApplicationStatus]] = {
    "LEAD": (StageKind.LEAD, ApplicationStatus.ACTIVE),
    "NEW": (StageKind.APPLIED, ApplicationStatus.ACTIVE),
    "IN_REVIEW": (StageKind.REVIEW, ApplicationStatus.ACTIVE),
    "INTERVIEW": (StageKind.INTERVIEW, ApplicationStatus.ACTIVE),
    "OFFERED": (StageKind.OFFER, ApplicationStatus.ACTIVE),
    "HIRED": (StageKind.HIRED, ApplicationStatus.HIRED),
    "REJECTED": (StageKind.REJECTED, ApplicationStatus.REJECTED),
    "WITHDRAWN": (StageKind.WITHDRAWN, ApplicationStatus.WITHDRAWN),
    # Moved to another job, which no call does.
    "TRANSFERRED": (StageKind.ARCHIVED, ApplicationStatus.CONVERTED),
}
_ENDS: Mapping[ApplicationStatus, tuple[str, Action]] = {
    ApplicationStatus.HIRED: ("HIRED", Action.HIRE),
    ApplicationStatus.REJECTED: ("REJECTED", Action.REJECT),
    ApplicationStatus.WITHDRAWN: ("WITHDRAWN", Action.WITHDRAW),
}
_EFFECTS: Mapping[str, SideEffect] = {
    "HIRED": SideEffect.OPENING_FILL,
    "REJECTED": SideEffect.UNKNOWN,
    "WITHDRAWN": SideEffect.UNKNOWN,
}
_SITES = ("linkedin", "facebook", "twitter", "website")
_SCOPES: Mapping[str, str] = {"write the status of applications": "candidates_manage"}
_PAGE, _MOST = 10, 100
"""Each candidate and each job costs a request of its own, and what is cut short is asked again.

Of what is listed since a time most has been read already.
"""
Reader = Callable[[str, datetime, Any], tuple[Record, ...]]


@frozen(kw_only=True, field_transformer=typed)
class SmartRecruiters(Ats):
    """One SmartRecruiters company.

    Args:
        connection: the link's globally unique id.
        environment: ``production`` or ``sandbox``.
        token_environment: which of the two gives access tokens, where it is another.
        api_key: which has no scopes and may do everything, in place of an OAuth client.
        client_id, client_secret: of the OAuth client.
        hook_secret: of the web hooks' subscription, where there is one.
        hook_secret_before: the one before it, while it is being replaced.
        omitted_sub_status: where a call without a sub-status leads: ``none`` or ``first``.
        total_found: whether a list that ends before it has shown all that it says it has found has
            ended: not where that ``counts``; it has where it is ``ignored``.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    LOGINS: ClassVar[tuple[tuple[str, ...], ...]] = (("client_id", "client_secret"), ("api_key",))

    connection: str
    environment: str = field(default="production", validator=one_of("production", "sandbox"))
    token_environment: str = field(default="", validator=one_of("", "production", "sandbox"))
    api_key: Secret | None = field(default=None, converter=optional_secret)
    client_id: Secret | None = field(default=None, converter=optional_secret)
    client_secret: Secret | None = field(default=None, converter=optional_secret)
    hook_secret: Secret | None = field(default=None, converter=optional_seal)
    hook_secret_before: Secret | None = field(default=None, converter=optional_seal)
    omitted_sub_status: str = field(default="none", validator=one_of("none", "first"))
    total_found: str = field(default="counts", validator=one_of("counts", "ignored"))
    overlap_minutes: float = 10.0
    visible_within_seconds: float = 5.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts[self.environment]

    def auth(self) -> Scheme:
        login = self.login()
        if "api_key" in login:
            return KeyHeader(name="X-SmartToken", key=login["api_key"])
        return ClientCredentials(
            token_endpoint=VENDOR.tokens[0],
            url=f"{VENDOR.hosts[self.token_environment or self.environment]}/identity/oauth/token",
            basic=False,
            **login,
        )

    def settings(self) -> Mapping[str, str]:
        return {
            "environment": self.environment,
            "token_environment": self.token_environment or self.environment,
            "omitted_sub_status": self.omitted_sub_status,
            "total_found": self.total_found,
            "overlap_minutes": f"{self.overlap_minutes:g}",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        return (
            _whole("users", Kind.USER, self._users_page),
            _whole("reasons", Kind.REASON, self._reasons_page),
            _whole("stages", Kind.STAGE, self._stages_page),
            self._since("jobs", "job", {Kind.JOB}, self._job_items, sweeps=True),
            self._since(
                "candidates",
                "candidate",
                {Kind.CANDIDATE, Kind.APPLICATION},
                self._candidate_items,
                sweeps=True,
            ),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return _gone(ref) if ref.kind in (Kind.CANDIDATE, Kind.JOB) else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _since(
        self,
        listing: str,
        one: str,
        kinds: set[Kind],
        items: Callable[[Raw, Response], list[Item]],
        *,
        sweeps: bool = False,
    ) -> Stream:
        """A search by time, and the detail of each record that it finds.

        A summary shows the status of one assignment only, and no reason; a job's does not say
        whether it is a template: https://developers.smartrecruiters.com/reference/candidatesall-1.
        """

        def page(cursor: Any) -> Flow[Page]:
            span, marks = Span.of(cursor["span"]), Marks.of(cursor["marks"])
            tally = Tally.of(cursor.get("tally", {}))
            since = (("updatedAfter", _iso(span.since)),) if span.since is not None else ()
            response, raws, token, tally = yield from _listed(
                f"list_{listing}",
                f"/{listing}",
                span.token,
                tally,
                *since,
                limit=_PAGE if span.since is None else _MOST,
            )
            self._check_end(token, tally)
            named, rejected = sort_out(raws, lambda raw: (_id(raw, form=_ID), raw))
            dealt_with = [mark for _, raw in named if (mark := _mark(raw)) in marks.before]
            wanted = [(id, raw) for id, raw in named if _mark(raw) not in marks.before]
            details = yield from all_of([_detail(one, id) for id, _ in wanted], 8)
            if any(isinstance(detail, VendorError) for detail in details):
                # Refused as well, it is the credential that may see nothing any more.
                _ = yield from request(_first_of(listing))
            found: list[Item] = []
            seen: list[str | None] = []
            for place, ((_, listed), detail) in enumerate(zip(wanted, details, strict=True)):
                if detail is None:
                    continue
                try:
                    if isinstance(detail, VendorError):
                        found += [evolve(i, read=_unseen) for i in items(listed, response)]
                        continue
                    answer, raw = detail
                    found += items(raw, answer)
                    # By its own time: what the search shows newer than the detail is asked for again.
                    seen.append(_mark(raw))
                except BadRecord as error:
                    rejected.append((f"[{place}].{error.path}", error.why))
            following, watermark = span.seen(safe_time(response)).after(
                token, overlap=timedelta(minutes=self.overlap_minutes)
            )
            marks = marks.noting(filter(None, [*dealt_with, *seen]))
            following, watermark = _onwards(following, watermark, marks, tally)
            return Page(items=found, rejected=rejected, next=following, watermark=watermark)

        def start(watermark: Json, _job: str | None) -> Json:
            return {"span": Span.first(watermark, again=True), "marks": Marks.after(watermark).json()}

        return Stream(
            name=listing,
            kinds=frozenset(kinds),
            incremental=True,
            sweeps=sweeps,
            start=start,
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _check_end(self, following: str | None, tally: Tally) -> None:
        """A list that ends too early is read anew: its figure is not to be relied on, nor is such an end.

        https://developers.smartrecruiters.com/docs/pagination
        """
        if following is None and tally.short and self.total_found == "counts":
            raise CursorLost("the list ended before it had shown all that it found", vendor=VENDOR.name)

    def _job_items(self, raw: Raw, response: Response) -> list[Item]:
        if record(raw.data).get("template") is True:
            return []
        read = partial(read_job, self.connection, response.sent_at)
        return [Item(((Kind.JOB, need_id(raw.data, "id")),), raw, read)]

    def _candidate_items(self, raw: Raw, response: Response) -> list[Item]:
        """A person with all their applications: one answer has them all."""
        data = record(raw.data)
        id = need_id(data, "id")
        applied = [(Kind.APPLICATION, f"{id}{SEPARATOR}{_job_of(held)}") for held in _assignments(data)]
        read = partial(read_candidate, self.connection, response.sent_at)
        return [Item((*applied, (Kind.CANDIDATE, id)), raw, read)]

    def _users_page(self, cursor: Any) -> Flow[Page]:
        token, tally = cursor["token"], Tally.of(cursor.get("tally", {}))
        response, raws, token, tally = yield from _listed("list_users", _USERS, token, tally, limit=_MOST)
        self._check_end(token, tally)
        if token is not None and token == cursor["token"]:
            raise BadPayload("the listing gave the same page id twice")
        read = partial(read_user, self.connection, response.sent_at)
        items, rejected = sort_out(raws, lambda raw: Item(((Kind.USER, _id(raw)),), raw, read))
        following = None if token is None else {"token": token, "tally": tally.json()}
        return Page(items=items, rejected=rejected, next=following, watermark=None if following else {})

    def _reasons_page(self, _cursor: Any) -> Flow[Page]:
        items: list[Item] = []
        rejected: list[tuple[str, str]] = []
        for name, status in _REASONS.items():
            response, raws = yield from _reasons(name)
            read = partial(read_reason, self.connection, response.sent_at, status=status)
            own, bad = sort_out(raws, lambda raw, read=read: Item(((Kind.REASON, _id(raw)),), raw, read))  # type: ignore[misc]
            items += own
            rejected += bad
        return Page(items=items, rejected=rejected, watermark={})

    def _stages_page(self, _cursor: Any) -> Flow[Page]:
        read_at, rows, rejected = yield from self._stage_rows()
        read = partial(read_stage, self.connection, read_at)
        items = [Item(((Kind.STAGE, row["id"]),), Raw.of(row), read) for row in rows]
        return Page(items=items, rejected=rejected, watermark={})

    def _stage_rows(self) -> Flow[tuple[datetime, list[dict[str, Any]], list[tuple[str, str]]]]:
        """The statuses, and the sub-statuses of all processes: which process a job has, no page says."""
        response, raws = yield from _unpaged("list_processes", "/configuration/hiring-processes")
        # Whose sub-statuses nobody can ask for has none to offer.
        named, rejected = sort_out(raws, lambda raw: _id(raw, form=_WORD))
        processes = yield from all_of([_process(id) for id in named], 8)
        used: dict[str, bool] = {}
        for process in processes:
            active = opt_bool(process, "active") is not False
            subs = opt_object(process, "subStatuses") or {}
            for status in _SUBDIVIDED:
                for name in texts(subs, status):
                    id = f"{status}{SEPARATOR}{name}"
                    used[id] = used.get(id, False) or active
        return response.sent_at, list(_rows(used, bare=self.omitted_sub_status == "none")), rejected

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        """The history first: what happens between the two reads then counts as a change, never as none."""
        candidate, _, job = ref.id.partition(SEPARATOR)
        asked = _HISTORY.format(candidate=candidate, job=job)
        told = yield from ask(_get("get_history", asked))
        answer = yield from _one("candidate", candidate)
        if isinstance(answer, Tombstone):
            return Gone(tombstone=answer)
        found = _held_by(answer, ref)
        if found is None:
            return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
        if isinstance(told, NotFound):
            # It has come since, or one of the two answers is of a moment ago: nothing can be counted.
            return Fresh(application=found)
        if isinstance(told, VendorError):
            raise told
        return _fresh(found, told)

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        read_at, rows, _ = yield from self._stage_rows()
        stages = [stage for row in rows for stage in read_stage(self.connection, read_at, row)]
        reasons: list[Reason] = []
        for name, status in _REASONS.items():
            response, raws = yield from _reasons(name)
            for raw in raws:
                reasons += read_reason(self.connection, response.sent_at, raw.data, status=status)
        return Catalogue(job=job, stages=tuple(stages), reasons=tuple(reasons))

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        wanted = {
            "company_read": _get("get_company", "/configuration/company"),
            "jobs_read": _first_of("jobs"),
            "candidates_read": _first_of("candidates"),
            "configuration_read": _get("list_processes", "/configuration/hiring-processes"),
            "users_read": _get("list_users", _USERS, ("limit", "1")),
        }
        answers: list[Response | VendorError] = []
        findings: list[Finding] = []
        for scope, asked in wanted.items():
            # One after the other: one search for candidates at a time is allowed.
            answer = yield from ask(asked)
            answers.append(answer)
            grant = f"the scope {scope} for this credential, and a system role that sees what is in scope"
            findings.append(proof_of_read(f"read {asked.url}", asked, answer, grant=grant))
        what = next(iter(_SCOPES))
        grant = "the scope candidates_manage, and a system role that may change statuses"
        return (reach(answers, host=self.host), *findings, unproven_write(what, grant=grant))

    def with_grant(self, findings: Sequence[Finding], token: Token | None) -> tuple[Finding, ...]:
        return with_scopes(findings, token, _SCOPES)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Stage and status are one thing here: an end is a status of SmartRecruiters', like any stage."""
        return _Planner(current, target, catalogue).chain() or [PlannedWrite(Action.MOVE, current, current)]

    def declared(self, intent: Intent) -> StatusWrite:
        divided = SEPARATOR in (intent.target.stage or "")
        with_reason = intent.target.reason is not None
        name = {
            Action.MOVE: "move_to_sub_status" if divided else "move",
            Action.REACTIVATE: "reopen_to_sub_status" if divided else "reopen",
            Action.REJECT: "reject" if with_reason else "reject_without_reason",
            Action.WITHDRAW: "withdraw" if with_reason else "withdraw_without_reason",
            Action.HIRE: "hire",
        }[intent.action]
        write = evolve(VENDOR.write(name), visible_within_seconds=self.visible_within_seconds)
        # Another reason for the same end need not add to the history: nothing tells then what was done.
        again = intent.expected.stage == intent.target.stage
        return evolve(write, signal=Signal.NONE, resend=Resend.NEVER) if again else write

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        return Call(self.declared(intent).render(values), lambda _response: None)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        # https://developers.smartrecruiters.com/docs/receiving-webhook-notifications
        handshake = headers.get("x-hook-secret")
        if handshake is not None and "smartrecruiters-signature" not in headers:
            plain = re.fullmatch(r"[!-~]{1,256}", handshake)
            return HookReply(answer=200, headers=(("X-Hook-Secret", handshake),)) if plain else None
        if not self._signed(headers, body):
            return None
        delivery = said(body)
        if delivery is None:
            return None
        refs = tuple(self.ref(kind, id) for kind, id in _about(headers.get("event-name", ""), delivery))
        # Only 202 counts as received; 200 is a failure, and many of those suspend the subscription.
        if not refs:
            return HookReply(answer=202)
        return HookHint(delivery_id=headers.get("event-id") or mark_of(body), refs=refs, answer=202)

    def _signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """https://developers.smartrecruiters.com/docs/webhooks-security: the Link as it stands."""
        keys = [key for key in (self.hook_secret, self.hook_secret_before) if key is not None]
        names = ("event-id", "event-name", "event-version", "link")
        signed = [headers.get(name, "").encode("utf-8", "replace") for name in names]
        moment = headers.get("smartrecruiters-timestamp", "").encode("utf-8", "replace")
        message = b".".join([moment, body, *signed])
        marks = headers.get("smartrecruiters-signature", "").split(";")[:16]
        given = [mark.strip().removeprefix("v1=") for mark in marks if mark.strip().startswith("v1=")]
        fits = [sealed_by(keys, message, mark) for mark in given]
        return any(fits)


@frozen
class _Planner:
    """The chain of status calls from one state to another."""

    current: State
    target: State
    catalogue: Catalogue

    def chain(self) -> list[PlannedWrite]:
        current, target = self.current, self.target
        if current.meets(target):
            return []
        if current.stage == "TRANSFERRED":
            raise _no("has moved this application to another job")
        if target.status is ApplicationStatus.ACTIVE:
            return self._living(current, target.stage)
        if target.status not in _ENDS:
            raise _no(f"has no way to make an application {target.status}")
        end, action = _ENDS[target.status]
        self._check_reason()
        chain: list[PlannedWrite] = []
        if target.stage not in (None, end, current.stage):
            if current.status is not ApplicationStatus.ACTIVE:
                raise _no("keeps an application that has ended in the status of its end")
            chain = self._living(current, target.stage)
        elif current.stage == "LEAD" and end == "HIRED":
            chain = self._living(current, "NEW")
        here = chain[-1].target if chain else current
        return [*chain, PlannedWrite(action, here, State(end, target.status, target.reason))]

    def _living(self, here: State, stage: str | None) -> list[PlannedWrite]:
        if stage is None or stage == here.stage:
            raise _no("takes an end back by a move to a status; the change names none")
        status = stage.partition(SEPARATOR)[0]
        if _STAGES.get(status, (None, None))[1] is not ApplicationStatus.ACTIVE:
            raise _no("ends an application in that status, and the change does not ask for an end")
        if status not in _LIVING:
            raise _no("makes nobody a lead")
        # A lead is made NEW before the hiring process starts: help.smartrecruiters.com, candidate statuses.
        way = ["NEW", stage] if here.stage == "LEAD" and stage != "NEW" else [stage]
        chain: list[PlannedWrite] = []
        for one in way:
            action = Action.MOVE if here.status is ApplicationStatus.ACTIVE else Action.REACTIVATE
            there = State(one, ApplicationStatus.ACTIVE)
            chain.append(PlannedWrite(action, here, there))
            here = there
        return chain

    def _check_reason(self) -> None:
        """A rejection's reason and a withdrawal's are of two lists, and a hire has none."""
        if self.target.reason is None:
            return
        known = self.catalogue.reason(self.target.reason)
        if self.target.status is ApplicationStatus.HIRED:
            raise _no("takes no reason for a hire")
        if known is not None and known.outcome is not self.target.status:
            raise _no("has that reason for another end")


def _no(why: str) -> Unplannable:
    return Unplannable(f"SmartRecruiters {why}", vendor=VENDOR.name)


# --- requests ------------------------------------------------------------------------------------

_REASONS: Mapping[str, ApplicationStatus] = {
    "rejection": ApplicationStatus.REJECTED,
    "withdrawal": ApplicationStatus.WITHDRAWN,
}


def _get(operation: str, url: str, *query: tuple[str, str]) -> Request:
    # The vendor advises to wait for 128 seconds: https://developers.smartrecruiters.com/docs/rate-limiting.
    return Request(operation=operation, method="GET", url=url, query=query, deadline_seconds=128.0)


def _listed(
    operation: str,
    path: str,
    token: str | None,
    tally: Tally,
    *filters: tuple[str, str],
    limit: int = _PAGE,
) -> Flow[tuple[Response, list[Raw], str | None, Tally]]:
    """One page of a list: the answer, its records, the id of the page after it and what was shown so far."""
    paging = [("limit", str(limit)), *([("pageId", token)] if token is not None else [])]
    response = yield from request(_get(operation, path, *filters, *paging))
    envelope, raws = read_list(response.body, "content")
    following, tally = _next_id(path, envelope, response), tally.after(len(raws), _total(envelope))
    return response, raws, following, tally


def _next_id(path: str, envelope: Mapping[str, Any], response: Response) -> str | None:
    """From the body or, where it has none, the header; both may say where the list goes on."""
    told = envelope.get("nextPageId")
    if told is None or told == "":
        header = response.headers.get("link", "")
        return linked_token(header, listings=[path, *(h + path for h in VENDOR.hosts.values())], key="pageId")
    if not isinstance(told, str):
        raise BadPayload("the id of the next page is no text")
    return told


def _total(envelope: Mapping[str, Any]) -> int | None:
    """What a list says it has found; None where it does not."""
    return opt_int(envelope, "totalFound")


def _unpaged(operation: str, path: str) -> Flow[tuple[Response, list[Raw]]]:
    """A short list without pages."""
    response = yield from request(_get(operation, path))
    envelope, raws = read_list(response.body, "content")
    if _next_id(path, envelope, response) is not None or Tally().after(len(raws), _total(envelope)).short:
        raise BadPayload(f"{path} has more than it shows, and no pages to ask for")
    return response, raws


def _reasons(name: str) -> Flow[tuple[Response, list[Raw]]]:
    return (yield from _unpaged(f"list_{name}_reasons", f"/configuration/{name}-reasons"))


def _process(id: str) -> Flow[Mapping[str, Any]]:
    answer = yield from ask(_get("get_process", f"/configuration/hiring-processes/{id}"))
    if isinstance(answer, NotFound):
        # It may be gone since it was listed: the next listing tells.
        raise BadPayload("a hiring process that is listed is not found")
    if isinstance(answer, VendorError):
        raise answer
    return _same(answer, id)


def _first_of(listing: str) -> Request:
    """The shortest page of a listing: what a credential sees at all."""
    return _get(f"list_{listing}", f"/{listing}", ("limit", "1"))


def _detail(one: str, id: str) -> Flow[tuple[Response, Raw] | VendorError | None]:
    """A record's detail; None where it has gone since it was listed.

    Listed and refused, or not found in words that are not the vendor's own, it is set aside.
    """
    answer = yield from ask(_get(f"get_{one}", f"/{one}s/{id}"))
    if isinstance(answer, NotFound):
        return None
    if isinstance(answer, Forbidden) or (isinstance(answer, BadPayload) and answer.status == 404):
        return answer
    if isinstance(answer, VendorError):
        raise answer
    return answer, Raw(answer.body, _same(answer, id))


def _same(response: Response, id: str) -> Mapping[str, Any]:
    """The record that was asked for."""
    data = read_json(response.body)
    if not isinstance(data, dict) or data.get("id") != id:
        raise BadPayload("the answer is about another record")
    return data


def _one(one: str, id: str) -> Flow[Response | Tombstone]:
    """A record's detail, or why there is none: deleted, anonymised and merged people are all a 404."""
    answer = yield from find(
        _get(f"get_{one}", f"/{one}s/{id}"),
        beside=_first_of(f"{one}s"),
        rows=lambda shown: read_list(shown.body, "content")[1],
    )
    if isinstance(answer, NotFound):
        return Tombstone(TombstoneKind.DELETED)
    if isinstance(answer, Forbidden):
        return Tombstone(TombstoneKind.LOST_ACCESS)
    if isinstance(answer, VendorError):
        raise answer
    _ = _same(answer, id)
    return answer


@routine
def _gone(ref: Ref) -> Flow[Tombstone | None]:
    """Of a candidate or a job."""
    found = yield from _one(ref.kind.value, ref.id)
    return found if isinstance(found, Tombstone) else None


def _onwards(following: Json, watermark: Json, marks: Marks, tally: Tally) -> tuple[Json, Json]:
    """Where a page leads, with its marks. Those of a whole window are the next window's to look at."""
    if isinstance(following, Mapping):
        again = following["token"] is None
        left = Marks(before=frozenset(marks.now)) if again else marks
        counted = Tally() if again else tally
        return {"span": following, "marks": left.json(), "tally": counted.json()}, None
    held = watermark if isinstance(watermark, Mapping) else {}
    return None, {**held, "marks": list(marks.now)}


def _whole(name: str, kind: Kind, page: Callable[[Any], Flow[Page]]) -> Stream:
    """A short listing that can only be read whole."""
    return Stream(
        name=name,
        kinds=frozenset({kind}),
        incremental=False,
        start=lambda _watermark, _job: {"token": None},
        page=lambda cursor: Routine(lambda: page(cursor)),
    )


def _id(raw: Raw, *, form: str | None = None) -> str:
    return need_id({"id": raw.peek("id")}, "id", form=form)


def _mark(raw: Raw) -> str | None:
    """One version of a record, by its own time; one that tells none is new whenever it is listed."""
    try:
        at = raw.peek("updatedOn")
        return mark_of(raw.peek("id"), at) if isinstance(at, str) and at else None
    except BadRecord:
        return None


def _unseen(_data: Any) -> tuple[Record, ...]:
    """A reader of what is listed, and refused when it is asked for by itself."""
    raise BadRecord(
        "", "listed and not shown: hidden by a system role or access group, or gone without a word"
    )


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(max(0.0, seconds), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _held_by(candidate: Response, ref: Ref) -> Application | None:
    """The application that an answer about its candidate holds.

    Not within the flow: an error carries a flow's variables along, and these are a person's data.
    """
    read = read_candidate(ref.connection, candidate.sent_at, read_json(candidate.body))
    return next((one for one in read if isinstance(one, Application) and one.ref == ref), None)


def _fresh(application: Application, told: Response) -> Fresh:
    """With its history, which counts only where it was read whole and ends where the application stands."""
    listed = record(read_json(told.body))
    if not isinstance(listed.get("content"), list):
        raise BadPayload("the history is no list")
    rows = list(objects(listed, "content"))
    history = tuple(_history(rows))
    application = evolve(application, history=history, stage_entered_at=history[-1].at if history else None)
    total = opt_int(listed, "totalFound")
    stands = application.stage.id if application.stage else None
    whole = len(history) == len(listed["content"]) and (total is None or total <= len(rows))
    if not whole or not history or history[-1].to != stands:
        return Fresh(application=application)
    return Fresh(application=application, signals={write.name: str(len(rows)) for write in VENDOR.writes})


def _history(rows: Sequence[Mapping[str, Any]]) -> Iterable[Transition]:
    """Oldest first; the vendor's sample begins with the newest."""
    previous: str | None = None
    # Of two at the same time the one further down is the older.
    dated = [(opt_text(row, "changedOn") or "", -place) for place, row in enumerate(rows)]
    for _, row in sorted(zip(dated, rows, strict=True), key=lambda pair: pair[0]):
        if (to := _stage_id(row)) is not None:
            yield Transition(from_iso(row.get("changedOn")), to, previous)
            previous = to


def _about(event: str, data: Mapping[str, Any]) -> Iterable[tuple[Kind, str]]:
    """What a delivery is about: its body has ids and nothing else. One that no request can carry is none."""
    told = (opt_text(data, key) for key in ("candidate_id", "job_id", "id"))
    candidate, job, id = (text if text and re.fullmatch(_ID, text) else None for text in told)
    if candidate and job:
        yield Kind.APPLICATION, f"{candidate}{SEPARATOR}{job}"
    if candidate:
        yield Kind.CANDIDATE, candidate
    kind = {"candidate": Kind.CANDIDATE, "job": Kind.JOB}.get(event.partition(".")[0])
    if id and kind is not None and ".approv" not in event:
        yield kind, id


# --- readers -------------------------------------------------------------------------------------


def _rows(used: Mapping[str, bool], *, bare: bool) -> Iterable[dict[str, Any]]:
    """Statuses with their sub-statuses after them, as rows of a list that the vendor does not have.

    Args:
        used: sub-statuses by id, and whether a process in use has them.
        bare: whether a status that has sub-statuses can be set without one.
    """
    order = 0
    for status in _STAGES:
        own = {id: active for id, active in used.items() if id.partition(SEPARATOR)[0] == status}
        settable = status in (*_LIVING, "HIRED", "REJECTED", "WITHDRAWN")
        usable = settable and (bare or not any(own.values()))
        # With a blank at its end, say, a text can be read and not written.
        subs = ((id, on, on and _SUB.text(id.partition(SEPARATOR)[2]) is not None) for id, on in own.items())
        for id, active, writable in ((status, True, usable), *subs):
            yield {"id": id, "order": order, "active": active, "writable": writable}
            order += 1


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    stage = record(data)
    id = need_id(stage, "id")
    status, _, sub = id.partition(SEPARATOR)
    kind, _ = _STAGES.get(status, (StageKind.UNMAPPED, None))
    effect = _EFFECTS.get(status)
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, id),
            read_at=read_at,
            name=sub or status,
            order=opt_int(stage, "order"),
            group=status,
            active=opt_bool(stage, "active"),
            kind=kind,
            terminal=status not in (*_LIVING, "LEAD"),
            writable=Answer.YES if stage.get("writable") is True else Answer.NO,
            side_effects=frozenset({effect} if effect else ()),
        ),
    )


def read_reason(connection: str, read_at: datetime, data: Any, *, status: ApplicationStatus) -> tuple[Reason]:
    reason = record(data)
    withdrew = status is ApplicationStatus.WITHDRAWN
    return (
        Reason(
            ref=Ref(connection, Kind.REASON, need_id(reason, "id")),
            read_at=read_at,
            name=opt_text(reason, "label"),
            by=ReasonBy.CANDIDATE if withdrew else ReasonBy.ORGANISATION,
            active=True,
            outcome=status,
        ),
    )


def read_user(connection: str, read_at: datetime, data: Any) -> tuple[User]:
    user = record(data)
    return (
        User(
            ref=Ref(connection, Kind.USER, need_id(user, "id")),
            read_at=read_at,
            updated_at=from_iso(user.get("updatedOn")),
            name=_name(user),
            email=opt_text(user, "email"),
            active=opt_bool(user, "active"),
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any) -> tuple[Job]:
    job = record(data)
    id, status, code = need_id(job, "id"), opt_text(job, "status"), opt_text(job, "refNumber")
    department, place = opt_object(job, "department") or {}, opt_object(job, "location") or {}
    sections = opt_object(opt_object(job, "jobAd") or {}, "sections") or {}
    posted = opt_text(job, "postingStatus")
    named, where = opt_text(department, "label"), _place(place)
    return (
        Job(
            ref=Ref(connection, Kind.JOB, id),
            read_at=read_at,
            updated_at=from_iso(job.get("updatedOn")),
            created_at=from_iso(job.get("createdOn")),
            title=opt_text(job, "title"),
            code=code,
            requisition_id=code,
            status=_JOB_STATES.get(status or "", JobStatus.UNKNOWN),
            vendor_status=status,
            workplace=Workplace.REMOTE if place.get("remote") is True else Workplace.UNKNOWN,
            departments=(Named(named, opt_id(department, "id")),) if named else (),
            locations=(Named(where),) if where else (),
            # Apart from the status: a cancelled job may still be published.
            postings=(Posting(id, status=posted),) if posted else (),
            description_html=opt_text(opt_object(sections, "jobDescription") or {}, "text"),
        ),
    )


def read_candidate(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    """A candidate's detail: the person, and an application for each job."""
    person = record(data)
    id = need_id(person, "id")
    ref = Ref(connection, Kind.CANDIDATE, id)
    assignments = list(_assignments(person))
    email, phone, place = (
        opt_text(person, "email"),
        opt_text(person, "phoneNumber"),
        opt_object(person, "location"),
    )
    web = opt_object(person, "web") or {}
    job = next(objects(person, "experience"), {})
    candidate = Candidate(
        ref=ref,
        read_at=read_at,
        updated_at=from_iso(person.get("updatedOn")),
        created_at=from_iso(person.get("createdOn")),
        given_name=opt_text(person, "firstName"),
        family_name=opt_text(person, "lastName"),
        display_name=_name(person),
        emails=(Email(email, EmailType.OTHER, True),) if email else (),
        phones=(Phone(phone),) if phone else (),
        links=tuple(_links(web)),
        locations=(_location(place),) if place else (),
        company=opt_text(job, "company"),
        title=opt_text(job, "title"),
        tags=texts(person, "tags"),
    )
    token = opt_text(person, "updatedOn")
    applications = [read_application(ref, read_at, held, token=token) for held in assignments]
    return (candidate, *applications)


def read_application(
    candidate: Ref, read_at: datetime, held: Mapping[str, Any], *, token: str | None
) -> Application:
    """One assignment of a candidate, which has no id of its own."""
    connection, job = candidate.connection, _job_of(held)
    word, stage = opt_text(held, "status"), _stage_id(held)
    _, status = _STAGES.get(word or "", (None, ApplicationStatus.UNKNOWN))
    reason = opt_object(held, "reasonOfRejection") or opt_object(held, "reasonOfWithdrawal") or {}
    reason_id, source = opt_id(reason, "id"), opt_text(held, "source")
    return Application(
        ref=Ref(connection, Kind.APPLICATION, f"{candidate.id}{SEPARATOR}{job}"),
        read_at=read_at,
        candidate=candidate,
        job=Ref(connection, Kind.JOB, job),
        stage=Ref(connection, Kind.STAGE, stage) if stage else None,
        stage_name=opt_text(held, "subStatus") or word,
        status=status,
        vendor_status=word,
        vendor_substatus=opt_text(held, "subStatus"),
        reason=Ref(connection, Kind.REASON, reason_id) if reason_id else None,
        reason_text=opt_text(reason, "label"),
        source=Source(source) if source else None,
        token=token,
    )


def _assignments(person: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Every one: of what could not be read nobody could tell that it is not gone."""
    first, others = person.get("primaryAssignment"), person.get("secondaryAssignments")
    if others is not None and not isinstance(others, list):
        raise BadRecord("secondaryAssignments", "expected a list")
    return [record(held) for held in (first, *(others or ())) if held is not None]


def _job_of(held: Mapping[str, Any]) -> str:
    return need_id(opt_object(held, "job") or {}, "id", form=_ID)


def _stage_id(held: Mapping[str, Any]) -> str | None:
    status, sub = opt_text(held, "status"), opt_text(held, "subStatus")
    return f"{status}{SEPARATOR}{sub}" if status and sub else status


def _links(web: Mapping[str, Any]) -> Iterable[Link]:
    for site in _SITES:
        if url := opt_text(web, site):
            yield Link(url, LinkType.LINKEDIN if site == "linkedin" else link_type(url))


def _location(place: Mapping[str, Any]) -> Location:
    return Location(
        city=opt_text(place, "city"),
        region=opt_text(place, "region"),
        postcode=opt_text(place, "postalCode"),
        country=opt_text(place, "country"),
    )


def _place(place: Mapping[str, Any]) -> str:
    return ", ".join(filter(None, (opt_text(place, key) for key in ("city", "region", "country"))))


def _name(person: Mapping[str, Any]) -> str | None:
    return " ".join(filter(None, (opt_text(person, "firstName"), opt_text(person, "lastName")))) or None
