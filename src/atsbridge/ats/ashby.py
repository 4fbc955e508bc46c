"""Ashby, Developer API 2026-01-01.

https://developers.ashbyhq.com, read 2026-11-24.

Every call is a POST, and most refusals are answers with HTTP 200 and
``success: false``. Stages belong to *interview plans*, which jobs share.
Archived and Hired are stages too: whatever ends an application, or takes that
back, is one and the same change of stage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import (
    BadPayload,
    BadRecord,
    CursorLost,
    Forbidden,
    NotFound,
    Refused,
    Unauthorized,
    VendorError,
    WatermarkLost,
)
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
    LinkType,
    Location,
    Named,
    Need,
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
    Transition,
    User,
)
from ..wire.answers import AnswerRule, Complaint, Complaints
from ..wire.auth import Basic, Scheme
from ..wire.effects import Failed, Flow, Json, Request, Response, request, together
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import next_token
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
from ..wire.secrets import Secret, optional_seal, secret
from ..wire.settings import typed
from ..wire.streams import Item, Page, Stream, sort_out
from ..wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor
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

_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_SYNCED = frozenset({"cursor", "syncToken", "limit"})

_HINTED = r"[A-Za-z0-9-]{1,64}"
"""What a web hook may name: nothing that could be more than one segment of a path."""
_APPLICATION = Slot(SlotName.APPLICATION, _ID)
_STAGE = Slot(SlotName.TARGET_STAGE, _ID)
_REASON = Slot(SlotName.REASON, _ID)


def _complaint(asked: Request, answer: Response) -> Complaint | None:
    """What is wrong, whatever the status: https://developers.ashbyhq.com/docs/responses."""
    if answer.body.startswith(b'{"success":true') or not answer.body.lstrip().startswith(b"{"):
        return None
    try:
        body = read_json(answer.body)
    except BadPayload:
        if answer.status == 200:
            raise
        return None
    if answer.status == 200 and not isinstance(body.get("success"), bool):
        raise BadPayload("the answer does not say whether it is a success")
    if body.get("success") is not False:
        return None
    about, errors = opt_object(body, "errorInfo") or {}, body.get("errors")
    # errors is the older of the two: an array of codes, or of objects where an input is wrong.
    first = errors[0] if isinstance(errors, list) and errors else None
    older = first if isinstance(first, str) else "invalid_input" if isinstance(first, dict) else ""
    words = opt_text(about, "message") or (opt_text(first, "message") if isinstance(first, dict) else "")
    found = Complaint(opt_text(about, "code") or older, words or "")
    # Under any other status a code that nobody knows says less than the status.
    return found if answer.status == 200 or found.code in _MEANINGS else None


def _wrong_key(_asked: Request, answer: Response) -> bool:
    """A key that is wrong or deactivated is answered 403, as is one that lacks a permission."""
    return b"missing_endpoint_permission" not in answer.body


_MEANINGS: Mapping[str, type[VendorError]] = {
    # https://developers.ashbyhq.com/docs/pagination-and-incremental-sync
    "sync_token_expired": WatermarkLost,
    "sync_token_invalid": WatermarkLost,
    "incremental_sync_too_large": WatermarkLost,
    "next_cursor_expired": CursorLost,
    "invalid_next_cursor": CursorLost,
    "application_not_found": NotFound,
    "candidate_not_found": NotFound,
    "missing_endpoint_permission": Forbidden,
    # https://developers.ashbyhq.com/reference/applicationchangestage
    "invalid_input": Refused,
    "opening_in_use": Refused,
    "interview_stage_not_found": Refused,
    "interview_plan_not_found": Refused,
    "archive_reason_not_found": Refused,
}


def _list(category: str, *more: str, synced: bool = True, **values: str) -> Read:
    keys = frozenset(more) | (_SYNCED if synced else frozenset())
    name = "_".join(("list", category))
    return Read(name=name, method="POST", path=f"/{category}.list", body=keys | set(values), values=values)


def _info(category: str, **values: str) -> Read:
    name = f"get_{category}"
    return Read(name=name, method="POST", path=f"/{category}.info", body=frozenset(values), values=values)


def _change(name: str, note: str, *effects: SideEffect, signal: Signal = Signal.COUNT) -> StatusWrite:
    archives = name.endswith("archive")
    slots = (_APPLICATION, _STAGE, _REASON) if archives else (_APPLICATION, _STAGE)
    keys = ("applicationId", "interviewStageId", "archiveReasonId")
    return StatusWrite(
        name=name,
        method="POST",
        path="/application.changeStage",
        slots=slots,
        body=dict(zip(keys, slots, strict=False)),
        signal=signal,
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset(effects),
        note=note,
    )


VENDOR = Vendor(
    name="ashby",
    title="Ashby",
    api_version="2026-01-01",
    docs="https://developers.ashbyhq.com",
    docs_read=date(2026, 11, 24),
    hosts={"global": "https://api.ashbyhq.com"},
    # The date pins the version; the older form is still in the pages: send both.
    headers=(("Accept", "application/json; version=1"), ("Ashby-Version", "2026-01-01")),
    reads=(
        _list("application"),
        _list("candidate"),
        _list("job", "status"),
        _list("user", "includeDeactivated"),
        _list("interviewPlan", "includeArchived"),
        _list("interviewStage", synced=False, interviewPlanId=_ID),
        _list("archiveReason", "includeArchived", synced=False),
        _info("application", applicationId=_ID),
        _info("candidate", id=_ID),
        _info("job", id=_ID),
        _info("apiKey"),
    ),
    writes=(
        _change("move", "the history grows by one", SideEffect.AUTOMATION),
        _change("reopen", "out of the archive, by a move", SideEffect.REOPEN, SideEffect.AUTOMATION),
        _change("hire", "a move to the plan's stage of type Hired", SideEffect.OPENING_FILL),
        _change("archive", "reject or withdraw, by the reason; no mail is asked for"),
        _change("rearchive", "another reason; the stage stays, and so the history", signal=Signal.CHANGE),
    ),
    answers=(AnswerRule(meaning=Unauthorized, status=403, when=_wrong_key),),
    complaints=Complaints(
        read=_complaint,
        meanings=_MEANINGS,
        otherwise=Refused,
        terms=frozenset({"plan", "opening", "communication", "lacking", "edit", "sync"}),
    ),
    unconfirmed={
        "visible_within_seconds": "how long a write may take to show in a read; default 0",
        "anonymised_name": "how the name of an anonymised candidate reads; default empty",
    },
)

_JOB_STATES: Mapping[str, JobStatus] = {
    "Draft": JobStatus.DRAFT,
    "Open": JobStatus.OPEN,
    "Closed": JobStatus.CLOSED,
    "Archived": JobStatus.ARCHIVED,
}
_EMPLOYMENT: Mapping[str, EmploymentType] = {
    "FullTime": EmploymentType.FULL_TIME,
    "PartTime": EmploymentType.PART_TIME,
    "Intern": EmploymentType.INTERN,
    "Contract": EmploymentType.CONTRACT,
    "Temporary": EmploymentType.TEMPORARY,
}
_STAGE_KINDS: Mapping[str, StageKind] = {
    "Lead": StageKind.LEAD,
    "PreInterviewScreen": StageKind.REVIEW,
    "Active": StageKind.OTHER,  # a screen, an assessment, an interview: the mapping knows
    "Offer": StageKind.OFFER,
    "Hired": StageKind.HIRED,
    "Archived": StageKind.ARCHIVED,
}
_ENDS = frozenset({StageKind.HIRED, StageKind.ARCHIVED})
_STAGE_EFFECTS: Mapping[str, SideEffect] = {
    "Active": SideEffect.AUTOMATION,
    "Hired": SideEffect.OPENING_FILL,
}
_STATUSES: Mapping[str, ApplicationStatus] = {
    # Sourced and not applied yet: the kind of its stage says so.
    "Lead": ApplicationStatus.ACTIVE,
    "Active": ApplicationStatus.ACTIVE,
    "Hired": ApplicationStatus.HIRED,
}
_REASON_TYPES: Mapping[str, tuple[ReasonBy, ApplicationStatus]] = {
    "RejectedByOrg": (ReasonBy.ORGANISATION, ApplicationStatus.REJECTED),
    "RejectedByCandidate": (ReasonBy.CANDIDATE, ApplicationStatus.WITHDRAWN),
    "Other": (ReasonBy.OTHER, ApplicationStatus.REJECTED),
}
_UNTYPED = (ReasonBy.UNKNOWN, None)
_EMAIL_TYPES: Mapping[str, EmailType] = {"Personal": EmailType.PERSONAL, "Work": EmailType.WORK}
_LINKS: Mapping[str, LinkType] = {"linkedin": LinkType.LINKEDIN, "github": LinkType.GITHUB}
_ROLES: Mapping[str, TeamRole] = {"Hiring Manager": TeamRole.HIRING_MANAGER}
_ARCHIVES: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
}
_WRITES: Mapping[Action, str] = {Action.MOVE: "move", Action.REACTIVATE: "reopen", Action.HIRE: "hire"}
_EVENT_KINDS: Mapping[str, tuple[Kind, str]] = {
    "application": (Kind.APPLICATION, "id"),
    "candidate": (Kind.CANDIDATE, "id"),
    "deletedCandidate": (Kind.CANDIDATE, "id"),
    "mergedCandidate": (Kind.CANDIDATE, "id"),
    "job": (Kind.JOB, "id"),
}
_PLANS_A_PAGE = 50
"""Each plan costs a request of its own."""
Reader = Callable[[str, datetime, Any], tuple[Record, ...]]


@frozen(kw_only=True, field_transformer=typed)
class Ashby(Ats):
    """One Ashby account.

    Args:
        connection: the link's globally unique id.
        api_key: of the integration.
        hook_secret: of the web hooks, where there are any.
        anonymised_name: what the name of an anonymised candidate reads.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    READS_BY: ClassVar[tuple[str, ...]] = ("anonymised_name",)

    connection: str
    api_key: Secret = field(converter=secret)
    hook_secret: Secret | None = field(default=None, converter=optional_seal)
    anonymised_name: str = ""
    visible_within_seconds: float = 0.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["global"]

    def auth(self) -> Scheme:
        return Basic(user=self.api_key)

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        # What is deactivated, archived or a draft is left out of a list unless it is asked for.
        return (
            self._synced("user", Kind.USER, read_user, includeDeactivated=True),
            self._stream("archiveReason", Kind.REASON, self._reasons_page),
            self._synced("job", Kind.JOB, read_job, status=list(_JOB_STATES)),
            self._stream("interviewPlan", Kind.STAGE, self._plans_page),
            self._synced("candidate", Kind.CANDIDATE, self._read_candidate, sweeps=True),
            self._synced("application", Kind.APPLICATION, read_application, sweeps=True),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._candidate_gone(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _synced(
        self, category: str, kind: Kind, read: Reader, *, sweeps: bool = False, **filters: Json
    ) -> Stream:
        """A list with sync tokens: a cursor from page to page, after the last a token for the next run."""

        def page(cursor: Any) -> Flow[Page]:
            sync = {"syncToken": cursor["sync"]} if cursor["sync"] else {}
            response, envelope, raws = yield from _listed(category, {**filters, **sync}, cursor["cursor"])
            following = _next(envelope)
            token = opt_text(envelope, "syncToken")
            if following is None and token is None:
                raise BadPayload("the last page gives no sync token")
            items, rejected = sort_out(raws, lambda raw: self._item(kind, raw, read=read, response=response))
            # A page that is not the last may give a token as well, and none of those may be kept.
            return Page(
                items=items,
                rejected=rejected,
                next=None if following is None else {**cursor, "cursor": following},
                watermark={"sync": token} if following is None else None,
            )

        return Stream(
            name=category,
            kinds=frozenset({kind}),
            incremental=True,
            sweeps=sweeps,
            start=_first,
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _stream(self, name: str, kind: Kind, page: Callable[[Any], Flow[Page]]) -> Stream:
        """A short listing that can only be read whole."""
        return Stream(
            name=name,
            kinds=frozenset({kind}),
            incremental=False,
            start=lambda _watermark, _job: {"cursor": None},
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _item(self, kind: Kind, raw: Raw, *, read: Reader, response: Response) -> Item:
        ids: tuple[tuple[Kind, str], ...] = ((kind, _id(raw)),)
        if kind is Kind.APPLICATION:
            person = raw.peek("candidate")
            ids = (*ids, (Kind.CANDIDATE, need_id(person if isinstance(person, dict) else {}, "id")))
        return Item(ids, raw, partial(read, self.connection, response.sent_at))

    def _reasons_page(self, _cursor: Any) -> Flow[Page]:
        response, raws = yield from _all("archiveReason", {"includeArchived": True})
        item = partial(self._item, Kind.REASON, read=read_reason, response=response)
        items, rejected = sort_out(raws, item)
        return Page(items=items, rejected=rejected, watermark={})

    def _plans_page(self, cursor: Any) -> Flow[Page]:
        """Some plans, each with its stages: a stage is listed with its plan alone."""
        _, envelope, plans = yield from _listed(
            "interviewPlan", {"includeArchived": True}, cursor["cursor"], limit=_PLANS_A_PAGE
        )
        # Of a plan its id alone is needed: the stages are asked for by it.
        found, unnamed = sort_out(plans, lambda raw: _id(raw, form=_ID))
        answers = yield from _stages(found)
        items: list[Item] = []
        rejected = list(unnamed)
        for response, raws in answers:
            own, bad = sort_out(raws, partial(self._item, Kind.STAGE, read=read_stage, response=response))
            items += own
            rejected += bad
        following = _next(envelope)
        return Page(
            items=items,
            rejected=rejected,
            next=None if following is None else {"cursor": following},
            watermark={} if following is None else None,
        )

    def _read_candidate(self, connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
        return read_candidate(connection, read_at, data, anonymised_name=self.anonymised_name)

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        wanted = _post("get_application", "/application.info", {"applicationId": ref.id})
        answer = yield from find(wanted, beside=_beginning("application"), rows=_rows)
        if isinstance(answer, NotFound):
            # Unknown, or of a job that has become confidential: the answer is the same.
            return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
        if isinstance(answer, VendorError):
            raise answer
        return self._fresh(answer)

    def _fresh(self, response: Response) -> Fresh:
        data = record(_results(response))
        if not isinstance(data.get("applicationHistory"), list):
            raise BadRecord("applicationHistory", "expected a list")
        (application,) = read_application(self.connection, response.sent_at, data)
        signals: dict[str, str] = {}
        if len(application.history) == len(data["applicationHistory"]):
            # One entry that tells no stage may hide a change: nothing can be counted then.
            entered = str(len(application.history))
            signals |= {write.name: entered for write in VENDOR.writes if write.signal is Signal.COUNT}
        if application.token is not None:
            signals["rearchive"] = application.token
        return Fresh(application=application, signals=signals)

    @routine
    def _candidate_gone(self, ref: Ref) -> Flow[Tombstone | None]:
        wanted = _post("get_candidate", "/candidate.info", {"id": ref.id})
        answer = yield from find(wanted, beside=_beginning("candidate"), rows=_rows)
        if isinstance(answer, NotFound):
            return Tombstone(TombstoneKind.DELETED)
        if isinstance(answer, VendorError) and not isinstance(answer, Refused):
            raise answer
        return None

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        stages: list[Record] = []
        if job is not None:
            asked = _post("get_job", "/job.info", {"id": job.id})
            answer = yield from request(asked)
            (owner,) = read_job(self.connection, answer.sent_at, _results(answer))
            for response, raws in (yield from _stages(owner.pipelines)):
                stages += [s for raw in raws for s in read_stage(self.connection, response.sent_at, raw.data)]
        response, raws = yield from _all("archiveReason", {"includeArchived": True})
        reasons = [r for raw in raws for r in read_reason(self.connection, response.sent_at, raw.data)]
        return Catalogue(
            job=job,
            stages=tuple(s for s in stages if isinstance(s, Stage)),
            reasons=tuple(r for r in reasons if isinstance(r, Reason)),
        )

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        grants = {
            "application": "Candidates: read",
            "candidate": "Candidates: read",
            "job": "Jobs: read",
            "interviewPlan": "Interviews: read",
            "archiveReason": "Hiring process metadata: read",
            "user": "Organization: read",
        }
        answers: list[Response | VendorError] = []
        findings: list[Finding] = []
        for category, grant in grants.items():
            wanted = _beginning(category)
            answer = yield from ask(wanted)
            answers.append(answer)
            findings.append(
                proof_of_read(
                    f"read {category}", wanted, answer, grant=f"the permission {grant}, for this key"
                )
            )
        key = yield from ask(_post("get_apiKey", "/apiKey.info", {}))
        return (reach(answers, host=self.host), *findings, _write_finding(key))

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """Stage and status are one thing here: an end is a stage, and a stage of another kind is no end."""
        return _Planner(current, target, catalogue).chain() or [PlannedWrite(Action.MOVE, current, current)]

    def declared(self, intent: Intent) -> StatusWrite:
        again = intent.expected.stage == intent.target.stage
        name = _WRITES.get(intent.action) or ("rearchive" if again else "archive")
        return evolve(VENDOR.write(name), visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        # The answer shows the new state without the history, which tells what happened in between.
        return Call(self.declared(intent).render(values), lambda _response: None)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        # https://developers.ashbyhq.com/docs/authenticating-webhooks
        scheme, _, given = headers.get("ashby-signature", "").partition("=")
        if self.hook_secret is None or scheme != "sha256" or not sealed_by((self.hook_secret,), body, given):
            return None
        delivery = said(body)
        data = opt_object(delivery, "data") if delivery is not None else None
        if delivery is None or data is None:
            return None
        refs = [
            self.ref(kind, id)
            for name, (kind, key) in _EVENT_KINDS.items()
            if (id := opt_id(opt_object(data, name) or {}, key)) and re.fullmatch(_HINTED, id)
        ]
        if (job := opt_id(data, "jobId")) is not None and re.fullmatch(_HINTED, job):
            refs.append(self.ref(Kind.JOB, job))
        if not refs:
            return HookReply()
        # One action sends several, under one id; without it the seal tells one delivery from another.
        action, event = opt_text(delivery, "webhookActionId"), opt_text(delivery, "action")
        id = f"{action}/{event}" if action and event else given
        return HookHint(delivery_id=id, refs=tuple(dict.fromkeys(refs)))


@frozen
class _Planner:
    """The chain of changes of stage from one state to another, in the plan that the application is in."""

    current: State
    target: State
    catalogue: Catalogue

    def chain(self) -> list[PlannedWrite]:
        current, target = self.current, self.target
        if current.meets(target):
            return []
        if target.status is ApplicationStatus.ACTIVE:
            return [self._living(current, target)]
        if target.status is ApplicationStatus.HIRED:
            action, kind = Action.HIRE, StageKind.HIRED
        elif target.status in _ARCHIVES:
            action, kind = _ARCHIVES[target.status], StageKind.ARCHIVED
            if target.reason is None:
                raise _no("archives with a reason only; the mapping names none")
        else:
            raise _no(f"has no way to make an application {target.status}")
        chain: list[PlannedWrite] = []
        here, wanted = current, self._kind(target.stage)
        if wanted is not kind and target.stage not in (None, here.stage):
            if here.status is not ApplicationStatus.ACTIVE:
                raise _no("keeps an application that has ended in the stage of its end")
            there = evolve(here, stage=target.stage)
            chain.append(self._living(here, there))
            here = there
        end = target.stage if wanted is kind and target.stage else self._end(kind)
        self._check_plan(end)
        reason = target.reason if kind is StageKind.ARCHIVED else None
        return [*chain, PlannedWrite(action, here, State(end, target.status, reason))]

    def _living(self, here: State, there: State) -> PlannedWrite:
        """A move, which may take an end back and never makes one."""
        if there.stage is None or (there.stage == here.stage and here.status is not there.status):
            raise _no("takes an end back by a move to a stage; the change names none")
        if self._kind(there.stage) in _ENDS:
            raise _no("ends an application in that stage, and the change does not ask for an end")
        self._check_plan(there.stage)
        action = Action.MOVE if here.status is there.status else Action.REACTIVATE
        return PlannedWrite(action, here, State(there.stage, there.status))

    def _kind(self, stage: str | None) -> StageKind | None:
        known = self.catalogue.stage(stage)
        return known.kind if known else None

    @property
    def _plan(self) -> str | None:
        """The interview plan of the stage it stands in, else the job's only one."""
        known = self.catalogue.stage(self.current.stage)
        if known is not None:
            return known.pipeline
        plans = {stage.pipeline for stage in self.catalogue.stages}
        return plans.pop() if len(plans) == 1 else None

    def _check_plan(self, stage: str) -> None:
        known = self.catalogue.stage(stage)
        if known is not None and self._plan is not None and known.pipeline != self._plan:
            raise _no("moves within an interview plan, and that stage is of another one")

    def _end(self, kind: StageKind) -> str:
        """The plan's own stage of that kind: found by its type, for its name is the customer's."""
        own = [s for s in self.catalogue.stages if s.kind is kind and s.pipeline == self._plan]
        if not own:
            raise _no(f"shows no stage of type {kind} in the application's interview plan")
        return min(own, key=lambda stage: stage.order or 0).ref.id


def _no(why: str) -> Unplannable:
    return Unplannable(f"Ashby {why}", vendor=VENDOR.name)


# --- requests ------------------------------------------------------------------------------------


def _post(operation: str, path: str, body: Mapping[str, Json]) -> Request:
    return Request(operation=operation, method="POST", url=path, body=dict(body))


def _beginning(category: str) -> Request:
    """The first of a list; of one that has no pages, all."""
    body: dict[str, Json] = {} if category == "archiveReason" else {"limit": 1}
    return _post(f"list_{category}", f"/{category}.list", body)


def _rows(response: Response) -> list[Raw]:
    return read_list(response.body, "results")[1]


def _listed(
    category: str, filters: Mapping[str, Json], cursor: str | None, *, limit: int = 100
) -> Flow[tuple[Response, Mapping[str, Any], list[Raw]]]:
    """One page of a list: the answer, its envelope and its records."""
    paging: dict[str, Json] = {"limit": limit} if cursor is None else {"limit": limit, "cursor": cursor}
    asked = _post(f"list_{category}", f"/{category}.list", {**filters, **paging})
    response = yield from request(asked)
    envelope, raws = read_list(response.body, "results")
    return response, envelope, raws


def _all(category: str, filters: Mapping[str, Json]) -> Flow[tuple[Response, list[Raw]]]:
    """A list that has no pages."""
    response = yield from request(_post(f"list_{category}", f"/{category}.list", filters))
    envelope, raws = read_list(response.body, "results")
    if envelope.get("moreDataAvailable") not in (None, False):
        raise BadPayload(f"{category}.list has more than it shows, and no pages to ask for")
    return response, raws


def _stages(plans: Iterable[str]) -> Flow[list[tuple[Response, list[Raw]]]]:
    """The stages of some interview plans; raises `BadPayload` where one cannot be asked for."""
    named = list(plans)
    if not all(re.fullmatch(_ID, plan) for plan in named):
        raise BadPayload("an interview plan is named by no id of this ATS's form")
    asked = [_all("interviewStage", {"interviewPlanId": plan}) for plan in named]
    answers = yield from together(asked, 4)
    for answer in answers:
        if isinstance(answer, Failed):
            raise answer.error
    return [answer.value for answer in answers if not isinstance(answer, Failed)]


def _first(watermark: Any, _job: str | None) -> Json:
    return {"sync": watermark["sync"] if watermark else None, "cursor": None}


def _next(envelope: Mapping[str, Any]) -> str | None:
    return next_token(envelope, more="moreDataAvailable", token="nextCursor")  # noqa: S106 - a key's name


def _results(response: Response) -> Any:
    envelope = read_json(response.body)
    return envelope.get("results") if isinstance(envelope, dict) else None


def _id(raw: Raw, *, form: str | None = None) -> str:
    return need_id({"id": raw.peek("id")}, "id", form=form)


def _write_finding(key: Response | VendorError) -> Finding:
    """Whether the key may change stages: its own scopes say so, where it may read them."""
    results = _results(key) if isinstance(key, Response) else None
    scopes = texts(results, "scopes") if isinstance(results, dict) else ()
    unread = not scopes
    proof = Proof.UNPROVEN if unread else Proof.PROVED if "candidates:write" in scopes else Proof.MISSING
    grant = "the permission Candidates: write, for this key"
    return Finding(
        what="write the stage of applications",
        proof=proof,
        tried="POST /apiKey.info shows no scopes" if unread else "POST /apiKey.info",
        ask="" if proof is Proof.PROVED else f"{grant} (and API keys: read, to show it)" if unread else grant,
        needed_for="write",
    )


# --- readers -------------------------------------------------------------------------------------


def read_user(connection: str, read_at: datetime, data: Any) -> tuple[User]:
    user = record(data)
    return (
        User(
            ref=Ref(connection, Kind.USER, need_id(user, "id")),
            read_at=read_at,
            updated_at=from_iso(user.get("updatedAt")),
            name=_name(user),
            email=opt_text(user, "email"),
            active=opt_bool(user, "isEnabled"),
        ),
    )


def read_reason(connection: str, read_at: datetime, data: Any) -> tuple[Reason]:
    reason = record(data)
    by, outcome = _REASON_TYPES.get(opt_text(reason, "reasonType") or "", _UNTYPED)
    archived = opt_bool(reason, "isArchived")
    return (
        Reason(
            ref=Ref(connection, Kind.REASON, need_id(reason, "id")),
            read_at=read_at,
            name=opt_text(reason, "text"),
            by=by,
            active=None if archived is None else not archived,
            outcome=outcome,
        ),
    )


def read_job(connection: str, read_at: datetime, data: Any) -> tuple[Job]:
    job = record(data)
    state, code = opt_text(job, "status"), opt_text(job, "customRequisitionId")
    employment = opt_text(job, "employmentType")
    usual = opt_text(job, "defaultInterviewPlanId")
    return (
        Job(
            ref=Ref(connection, Kind.JOB, need_id(job, "id")),
            read_at=read_at,
            updated_at=from_iso(job.get("updatedAt")),
            created_at=from_iso(job.get("createdAt")),
            title=opt_text(job, "title"),
            code=code,
            requisition_id=code,
            status=_JOB_STATES.get(state or "", JobStatus.UNKNOWN),
            vendor_status=state,
            confidential=opt_bool(job, "confidential"),
            employment_type=_EMPLOYMENT.get(employment, EmploymentType.OTHER) if employment else None,
            # Their names are in lists of their own.
            departments=_named(opt_id(job, "departmentId")),
            locations=_named(opt_id(job, "locationId")),
            hiring_team=tuple(
                TeamMember(
                    id, _ROLES.get(opt_text(m, "role") or "", TeamRole.OTHER), _name(m), opt_text(m, "email")
                )
                for m in objects(job, "hiringTeam")
                if (id := opt_id(m, "userId"))
            ),
            pipelines=tuple(dict.fromkeys([*([usual] if usual else []), *texts(job, "interviewPlanIds")])),
            opened_at=from_iso(job.get("openedAt")),
            closed_at=from_iso(job.get("closedAt")),
        ),
    )


def read_stage(connection: str, read_at: datetime, data: Any) -> tuple[Stage]:
    stage = record(data)
    word = opt_text(stage, "type") or ""
    kind = _STAGE_KINDS.get(word, StageKind.UNMAPPED)
    effect = _STAGE_EFFECTS.get(word)
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, need_id(stage, "id")),
            read_at=read_at,
            name=opt_text(stage, "title"),
            pipeline=need_id(stage, "interviewPlanId"),
            scope=StageScope.PIPELINE,
            order=opt_int(stage, "orderInInterviewPlan"),
            group=opt_id(stage, "interviewStageGroupId"),
            active=True,
            kind=kind,
            terminal=kind in _ENDS,
            writable=Answer.YES,
            needs=frozenset({Need.REASON} if kind is StageKind.ARCHIVED else ()),
            side_effects=frozenset({effect} if effect else ()),
        ),
    )


def read_candidate(
    connection: str, read_at: datetime, data: Any, *, anonymised_name: str = ""
) -> tuple[Candidate]:
    candidate = record(data)
    ref = Ref(connection, Kind.CANDIDATE, need_id(candidate, "id"))
    name = opt_text(candidate, "name")
    emails = tuple(_emails(candidate))
    phones = tuple(_phones(candidate))
    if "name" not in candidate and not emails:
        # Every candidate has one; contacts that are null may be left out, a name may only be hidden.
        raise BadRecord("name", "not shown: the key may not see the names and e-mails of candidates")
    # Nothing marks an anonymised record: it has no way to reach the person any more, and no name.
    if (name or "") == anonymised_name and not emails and not phones:
        return (Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED)),)
    place = opt_text(opt_object(candidate, "location") or {}, "locationSummary")
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            updated_at=from_iso(candidate.get("updatedAt")),
            created_at=from_iso(candidate.get("createdAt")),
            url=opt_text(candidate, "profileUrl"),
            display_name=name,
            emails=emails,
            phones=phones,
            links=tuple(
                Link(url, _LINKS.get((opt_text(link, "type") or "").lower(), LinkType.OTHER))
                for link in objects(candidate, "socialLinks")
                if (url := opt_text(link, "url"))
            ),
            locations=(Location(raw=place),) if place else (),
            company=opt_text(candidate, "company"),
            title=opt_text(candidate, "position"),
            tags=tuple(t for tag in objects(candidate, "tags") if (t := opt_text(tag, "title"))),
            source=_source(candidate),
        ),
    )


def read_application(connection: str, read_at: datetime, data: Any) -> tuple[Application]:
    application = record(data)
    status, stage = _standing(application), opt_object(application, "currentInterviewStage") or {}
    stage_id, reason = opt_id(stage, "id"), opt_object(application, "archiveReason") or {}
    job = opt_id(opt_object(application, "job") or {}, "id")
    reason_id, history = opt_id(reason, "id"), tuple(_history(application))
    # archivedAt may stay after an application has left the archive.
    archived = application.get("status") == "Archived"
    ended_at = from_iso(application.get("archivedAt")) if archived else None
    withdrew = status is ApplicationStatus.WITHDRAWN
    return (
        Application(
            ref=Ref(connection, Kind.APPLICATION, need_id(application, "id")),
            read_at=read_at,
            updated_at=from_iso(application.get("updatedAt")),
            created_at=from_iso(application.get("createdAt")),
            candidate=Ref(
                connection, Kind.CANDIDATE, need_id(opt_object(application, "candidate") or {}, "id")
            ),
            job=Ref(connection, Kind.JOB, job) if job else None,
            stage=Ref(connection, Kind.STAGE, stage_id) if stage_id else None,
            stage_name=opt_text(stage, "title"),
            status=status,
            vendor_status=opt_text(application, "status"),
            vendor_substatus=opt_text(reason, "reasonType"),
            reason=Ref(connection, Kind.REASON, reason_id) if reason_id else None,
            reason_text=opt_text(reason, "text"),
            applied_at=from_iso(application.get("createdAt")),
            rejected_at=None if withdrew else ended_at,
            withdrawn_at=ended_at if withdrew else None,
            stage_entered_at=history[-1].at if history else None,
            source=_source(application),
            owner=opt_id(opt_object(application, "creditedToUser") or {}, "id"),
            history=history,
            token=opt_text(application, "updatedAt"),
        ),
    )


def _standing(application: Mapping[str, Any]) -> ApplicationStatus:
    word, reason = opt_text(application, "status") or "", application.get("archiveReason")
    if word != "Archived":
        return _STATUSES.get(word, ApplicationStatus.UNKNOWN)
    if reason is None:
        return ApplicationStatus.REJECTED
    kind = opt_text(reason, "reasonType") if isinstance(reason, dict) else None
    return _REASON_TYPES.get(kind or "", _UNTYPED)[1] or ApplicationStatus.UNKNOWN


def _history(application: Mapping[str, Any]) -> Iterable[Transition]:
    previous: str | None = None
    rows = [row for row in objects(application, "applicationHistory") if opt_id(row, "stageId")]
    for row in sorted(rows, key=lambda row: opt_int(row, "stageNumber") or 0):
        to, actor = need_id(row, "stageId"), opt_id(row, "actorId")
        kind = ActorKind.USER if actor else ActorKind.UNKNOWN
        yield Transition(from_iso(row.get("enteredStageAt")), to, previous, actor, kind)
        previous = to


def _emails(candidate: Mapping[str, Any]) -> Iterable[Email]:
    for contact in _contacts(candidate, "emailAddresses", "primaryEmailAddress"):
        if (value := opt_text(contact, "value")) is not None:
            kind = _EMAIL_TYPES.get(opt_text(contact, "type") or "", EmailType.OTHER)
            yield Email(value, kind, contact.get("isPrimary") is True)


def _phones(candidate: Mapping[str, Any]) -> Iterable[Phone]:
    for contact in _contacts(candidate, "phoneNumbers", "primaryPhoneNumber"):
        if (value := opt_text(contact, "value")) is not None:
            yield Phone(value, opt_text(contact, "type"))


def _contacts(candidate: Mapping[str, Any], every: str, primary: str) -> list[Mapping[str, Any]]:
    found, first = list(objects(candidate, every)), opt_object(candidate, primary)
    return found or ([first] if first else [])


def _source(data: Mapping[str, Any]) -> Source | None:
    name = opt_text(opt_object(data, "source") or {}, "title")
    return Source(name) if name else None


def _named(id: str | None) -> tuple[Named, ...]:
    return (Named(id, id),) if id else ()


def _name(person: Mapping[str, Any]) -> str | None:
    return " ".join(filter(None, (opt_text(person, "firstName"), opt_text(person, "lastName")))) or None
