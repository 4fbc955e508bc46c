"""Recruitee (Tellent Recruitee), ATS API, unversioned.

https://docs.recruitee.com/reference/getting-started, read 2026-11-23.

An *offer* is a job, never a job offer, or a talent pool; a *placement* is one
candidate in one offer, and is read as an application. No request reads
a placement by its own id, so that an application's is ``candidate:placement``.
A disqualified placement keeps its stage, and a move to another one would
qualify it again without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from ..errors import BadPayload, BadRecord, Forbidden, NotFound, VendorError
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
    Link,
    Named,
    Phone,
    Reason,
    ReasonBy,
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
)
from ..wire.answers import AnswerRule, Complaint, Complaints, safe_time
from ..wire.auth import KeyHeader, Scheme
from ..wire.budgets import RateLimit
from ..wire.effects import Flow, Request, Response, once, request
from ..wire.hooks import said, sealed_by
from ..wire.operations import Call, Operation, Routine, routine
from ..wire.paging import Headway
from ..wire.payload import Raw, object_in, read_json, read_list
from ..wire.reading import (
    from_iso,
    link_type,
    need_id,
    objects,
    opt_id,
    opt_int,
    opt_object,
    opt_text,
    record,
    texts,
)
from ..wire.secrets import Secret, optional_secret, secret
from ..wire.settings import one_of, typed
from ..wire.streams import Item, Page, Stream, StreamScope, sort_out
from ..wire.vendor import SEPARATOR, Read, Shape, Slot, SlotName, StatusWrite, Vendor
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
from .preflight import ask, find, nothing_shows, proof_of_read, try_listings, unproven_write

_ID = r"[1-9][0-9]{0,18}"
_PLACEMENT = Slot(SlotName.APPLICATION, _ID, part=1, alone=True)
_STAGE = Slot(SlotName.TARGET_STAGE, _ID, int)
_REASON = Slot(SlotName.REASON, _ID, int)
# Where an account takes a reason by its text, the id of a reason is both: id:text.
_TEXT = r"(?!\s)[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]{1,100}(?<!\s)"
_REASON_TEXT = Slot(SlotName.REASON, _TEXT, part=1, alone=True)
_PAGED = frozenset({"limit", "offset"})
_PAGE, _AGAIN = 100, 10
_DAY = timedelta(days=1)
_EVERY_STATUS = ("scope", "default,archived")
_KEPT = (
    "id", "offer_id", "stage_id", "created_at", "updated_at", "disqualified_at", "disqualify_reason",
    "disqualify_reason_id", "hired_at", "hired_in_this_placement",
)  # fmt: skip
"""What is read of a placement, wherever it is shown."""
_BETA = "beta: no page that was read has its path and body"


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """``{"errors": [{"code", "message"}]}``, or the older ``{"error": ["..."]}``."""
    said = object_in(answer.body) if answer.status >= 400 else None
    if said is None:
        return None
    first = next(objects(said, "errors"), None)
    if first is not None:
        return Complaint(opt_text(first, "code") or "", opt_text(first, "message") or "")
    words = (*texts(said, "errors"), *texts(said, "error"))
    return Complaint("", words[0]) if words else None


def _no_company(asked: Request, answer: Response) -> bool:
    told = _complaint(asked, answer)
    return told is not None and told.words == "Company id is invalid"


def _write(
    name: str, path: str, body: Shape, *slots: Slot, effects: set[SideEffect], note: str = ""
) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="PATCH",
        path=f"/placements/{{application.1}}/{path}",
        slots=(_PLACEMENT, *slots),
        body=body,
        visible_within_seconds=5.0,
        side_effects=frozenset(effects),
        note=note,
    )


_MOVED = {SideEffect.MAIL, SideEffect.AUTOMATION}
_HIRED = _MOVED | {SideEffect.OPENING_FILL}
_NESTED, _FLAT = {"placement": {"stage_id": _STAGE}}, {"stage_id": _STAGE}

VENDOR = Vendor(
    name="recruitee",
    title="Recruitee",
    api_version="unversioned",
    docs="https://docs.recruitee.com/reference/getting-started",
    docs_read=date(2026, 11, 23),
    hosts={"api": "https://api.recruitee.com/c/{company_id}"},
    host_slots={"company_id": r"[a-z0-9][a-z0-9-]{0,62}"},
    reads=(
        Read(name="list_reasons", path="/disqualify_reasons"),
        Read(name="list_offers", path="/offers", query=_PAGED | {"scope"}),
        Read(name="get_offer", path="/offers/{id}", segments={"id": _ID}),
        Read(name="list_placements", path="/offers/{id}/placements", segments={"id": _ID}),
        Read(name="list_candidates", path="/candidates", query=_PAGED | {"ids"}),
        Read(name="get_candidate", path="/candidates/{id}", segments={"id": _ID}),
        Read(
            name="search_candidates",
            path="/search/new/candidates",
            query=frozenset({"limit", "page", "sort_by"}),
        ),
    ),
    writes=(
        _write("change_stage", "change_stage", _NESTED, _STAGE, effects=_MOVED),
        _write("change_stage_flat", "change_stage", _FLAT, _STAGE, effects=_MOVED),
        _write("hire", "change_stage", _NESTED, _STAGE, effects=_HIRED),
        _write("hire_flat", "change_stage", _FLAT, _STAGE, effects=_HIRED),
        _write(
            "disqualify",
            "disqualify",
            {"disqualify_reason_id": _REASON},
            _REASON,
            effects={SideEffect.UNKNOWN},
            note=_BETA,
        ),
        _write(
            "disqualify_by_text",
            "disqualify",
            {"placement": {"disqualify_reason": _REASON_TEXT}},
            _REASON_TEXT,
            effects={SideEffect.UNKNOWN},
            note=_BETA,
        ),
        _write("requalify", "requalify", None, effects={SideEffect.REOPEN}, note=_BETA),
    ),
    rates=(RateLimit(requests=1, per_seconds=1, burst=5),),
    answers=(
        AnswerRule(
            meaning=Forbidden,
            status=422,
            when=_no_company,
            message="no such company: give its number or its subdomain, not a host name",
        ),
    ),
    complaints=Complaints(
        read=_complaint,
        terms=frozenset({"placement", "stage", "disqualify", "disqualified", "blank", "company"}),
    ),
    unconfirmed={
        "stage_body": "whether a move's body is nested or flat; default nested",
        "reason_body": "whether a rejection names its reason by id or by text; default id",
        "anonymised_name": "how the name of an anonymised candidate reads; default empty",
        "overlap_minutes": "how far the index of the search is behind; default 10",
        "visible_within_seconds": "how long a write may take to show in a read; default 5",
    },
)

_JOBS: Mapping[str, JobStatus] = {
    "draft": JobStatus.DRAFT,
    "internal": JobStatus.OPEN,
    "published": JobStatus.OPEN,
    "closed": JobStatus.CLOSED,
    "archived": JobStatus.ARCHIVED,
}
_CATEGORIES: Mapping[str, StageKind] = {
    "sourced": StageKind.LEAD,
    "apply": StageKind.APPLIED,
    "phone_screen": StageKind.SCREEN,
    "interview": StageKind.INTERVIEW,
    "evaluation": StageKind.ASSESSMENT,
    "offer": StageKind.OFFER,
}
_TEAM: Mapping[str, TeamRole] = {
    "hiring_manager_id": TeamRole.HIRING_MANAGER,
    "recruiter_id": TeamRole.RECRUITER,
}
_SOURCES: Mapping[str, SourceType] = {"career_site": SourceType.APPLIED}
_ENDINGS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
}
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "change_stage",
    Action.HIRE: "hire",
    Action.REJECT: "disqualify",
    Action.WITHDRAW: "disqualify",
    Action.REACTIVATE: "requalify",
}


def _names(values: Any) -> Any:
    """Names, which may have blanks in them; one may stand alone. What is no list of texts stays as it is."""
    found = [values] if isinstance(values, str) else values
    listed = isinstance(found, (list, tuple, set)) and all(isinstance(name, str) for name in found)
    return frozenset(found) if listed else found


@frozen(kw_only=True, field_transformer=typed)
class Recruitee(Ats):
    """One company on Recruitee.

    Args:
        connection: the link's globally unique id.
        company_id: its number or its subdomain; never a host name.
        api_token: a personal one. It is the person it was made by: it sees their jobs, acts in
            their name, and ends when they leave.
        hook_secret: of the web hook, where there is one.
        withdrawal_reasons: the names of the disqualify reasons that are the candidate's own.
        stage_body: the form of a move that this account takes.
        reason_body: the form of a rejection that it takes, by the reason's id or its text.
        anonymised_name: what the name of an anonymised candidate is.
        overlap_minutes: how far the index of the search may be behind.
    """

    VENDOR: ClassVar[Vendor] = VENDOR
    READS_BY: ClassVar[tuple[str, ...]] = ("withdrawal_reasons", "reason_body", "anonymised_name")

    connection: str
    company_id: str
    api_token: Secret = field(converter=secret)
    hook_secret: Secret | None = field(default=None, converter=optional_secret)
    withdrawal_reasons: frozenset[str] = field(default=frozenset(), converter=_names)
    stage_body: str = field(default="nested", validator=one_of("nested", "flat"))
    reason_body: str = field(default="id", validator=one_of("id", "text"))
    anonymised_name: str = ""
    overlap_minutes: float = 10.0
    visible_within_seconds: float = 5.0

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["api"].replace("{company_id}", self.company_id)

    def auth(self) -> Scheme:
        return KeyHeader(name="Authorization", key=Secret("Bearer " + self.api_token.reveal()))

    def settings(self) -> Mapping[str, str]:
        return {
            "company_id": self.company_id,
            "withdrawal_reasons": f"{len(self.withdrawal_reasons)} named",
            "stage_body": self.stage_body,
            "reason_body": self.reason_body,
            "overlap_minutes": f"{self.overlap_minutes:g}",
            "visible_within_seconds": f"{self.visible_within_seconds:g}",
        }

    def ref(self, kind: Kind, id: str) -> Ref:
        return Ref(self.connection, kind, id)

    def reason(self, id: str, name: str | None) -> Ref:
        """A reason, by what a write names it by."""
        return self.ref(Kind.REASON, id if self.reason_body == "id" else f"{id}{SEPARATOR}{name or ''}")

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        return (
            Stream(
                name="reasons",
                kinds=frozenset({Kind.REASON}),
                incremental=False,
                start=lambda _watermark, _job: {},
                page=lambda _cursor: Call(_reasons(), self._reasons_page),
            ),
            Stream(
                name="offers",
                kinds=frozenset({Kind.JOB, Kind.STAGE}),
                incremental=False,
                start=lambda _watermark, _job: {"offset": 0},
                page=lambda cursor: Call(
                    _offers(cursor["offset"]), partial(self._offers_page, cursor["offset"])
                ),
            ),
            # Everybody at first and in a sweep; then whoever something happened to. The search tells
            # that, and is behind; so what stands in a job under way is read whole besides.
            Stream(
                name="candidates",
                kinds=frozenset({Kind.CANDIDATE, Kind.APPLICATION}),
                incremental=True,
                sweeps=True,
                start=_people_since,
                page=lambda cursor: Routine(
                    lambda: self._all_people(cursor) if cursor["since"] is None else self._stirred(cursor)
                ),
            ),
            Stream(
                name="placements",
                kinds=frozenset({Kind.APPLICATION}),
                scope=StreamScope.JOB,
                incremental=False,
                start=_pipeline_of,
                page=lambda cursor: Routine(lambda: self._pipeline(cursor)),
                due=_is_under_way,
            ),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        return self._confirm_candidate(ref) if ref.kind is Kind.CANDIDATE else super().confirm_gone(ref)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _item(self, read: Any, answer: Response, kind: Kind, raw: Raw) -> Item:
        return Item(((kind, _id(raw)),), raw, partial(read, self, answer.sent_at))

    def _reasons_page(self, answer: Response) -> Page:
        _, raws = read_list(answer.body, "disqualify_reasons")
        items, rejected = sort_out(raws, partial(self._item, read_reason, answer, Kind.REASON))
        return Page(items=items, rejected=rejected, watermark={})

    def _offers_page(self, offset: int, answer: Response) -> Page:
        """Jobs, and the stages of their pipelines, each of which may have several jobs."""
        _, raws = read_list(answer.body, "offers")
        found, rejected = sort_out(
            raws, lambda raw: (raw.peek("kind"), self._item(read_offer, answer, Kind.JOB, raw))
        )
        jobs = [item for kind, item in found if kind != "talent_pool"]
        held, hidden = sort_out(
            [item.raw for item in jobs], lambda raw: _stages(record(raw.data).get("pipeline_template"))
        )
        stages = {stage.digest: stage for pipeline in held for stage in pipeline}
        more, broken = sort_out(list(stages.values()), partial(self._item, read_stage, answer, Kind.STAGE))
        following = _next_offset(offset, raws)
        return Page(
            items=[*jobs, *more],
            rejected=[*rejected, *hidden, *broken],
            next=None if following is None else {"offset": following},
            watermark={} if following is None else None,
        )

    def _all_people(self, cursor: Any) -> Flow[Page]:
        """The newest first: who comes meanwhile shifts nobody out of sight, and who goes is allowed for."""
        answer = yield from request(_people(cursor["offset"]))
        _, raws = read_list(answer.body, "candidates")
        offset = _next_offset(cursor["offset"], raws)
        here = {**cursor, "began": cursor["began"] or self._reached(answer)}
        return (yield from self._people_page(answer, here, None if offset is None else {"offset": offset}))

    def _stirred(self, cursor: Any) -> Flow[Page]:
        """A page of the search, the latest activity first, and the people on it from the source."""
        found = yield from request(_search(cursor["page"]))
        envelope, hits = read_list(found.body, "hits")
        total, shown = opt_int(envelope, "total"), _PAGE * cursor["page"]
        if total is None or (not hits and total > shown - _PAGE):
            raise BadPayload("the search does not say how many it found, or shows none of them")
        # Of a hit its id and its time alone are needed: the candidate is asked for by it.
        named, rejected = sort_out(hits, lambda hit: (_id(hit), from_iso(hit.peek("last_activity_at"))))
        since = datetime.fromisoformat(cursor["since"])
        times = [at for _, at in named]
        # A hit that does not tell its time may be of any.
        ids = [id for id, at in named if at is None or at >= since]
        ends = total <= shown or _are_before(since, times)
        here = {**cursor, "began": cursor["began"] or self._reached(found)}
        following = None if ends else {"page": cursor["page"] + 1}
        if not ids:
            return _page((), rejected, here, following)
        answer = yield from request(_people(0, ids))
        return (yield from self._people_page(answer, here, following, only=ids, rejected=rejected))

    def _people_page(
        self,
        answer: Response,
        here: Any,
        following: Mapping[str, int] | None,
        *,
        only: Sequence[str] | None = None,
        rejected: Sequence[tuple[str, str]] = (),
    ) -> Flow[Page]:
        """Candidates, and their placements; those in a talent pool are none in a job.

        Args:
            here: the cursor, with the time that the reading began. following: what differs in the next.
            only: the candidates that were asked for.
        """
        raws, side = _people_in(answer)
        people, unnamed = sort_out(raws, partial(self._item, read_candidate, answer, Kind.CANDIDATE))
        if only is not None and not {item.ids[0][1] for item in people} <= set(only):
            raise BadPayload("the answer is about other candidates than those asked for")
        held, hidden = sort_out(
            [item.raw for item in people], lambda raw: _rows(record(raw.data).get("placements"), of=_id(raw))
        )
        rows = [row for placements in held for row in placements]
        reasons = yield from _reasons_of(rows, here["reasons"], answer.sent_at)
        placed, broken = sort_out(side.join(rows, reasons), partial(self._placed, answer))
        faults = [*rejected, *unnamed, *hidden, *broken]
        return _page([*people, *placed], faults, {**here, "reasons": reasons}, following)

    def _reached(self, answer: Response) -> str:
        return (safe_time(answer) - timedelta(minutes=self.overlap_minutes)).isoformat()

    def _placed(self, answer: Response, raw: Raw) -> Item:
        """The candidate is named among the ids: an application comes after them."""
        ids = ((Kind.APPLICATION, _name(raw.data)), (Kind.CANDIDATE, _id(raw, "candidate_id")))
        return Item(ids, raw, partial(read_placement, self, answer.sent_at))

    def _pipeline(self, cursor: Any) -> Flow[Page]:
        """All that stands in one job, stage by stage."""
        answer = yield from find(
            _placements(cursor["offer"]), beside=_offers(0, limit=1), rows=_listed("offers")
        )
        if isinstance(answer, (NotFound, Forbidden)):
            # What stood in a job that is gone or hidden, a sweep asks about one by one.
            return Page(watermark={})
        if not isinstance(answer, Response):
            raise answer
        shown = _columns(answer)
        if shown is None:
            # They would look as if they were gone.
            raise BadPayload("the answer is no pipeline, or a stage of it does not show its placements")
        rows, side = shown
        reasons = yield from _reasons_of(rows, cursor["reasons"], answer.sent_at)
        items, rejected = sort_out(side.join(rows, reasons), partial(self._placed, answer))
        return Page(
            items=items, rejected=rejected, watermark={"read": self._reached(answer), "reasons": reasons}
        )

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        candidate, _, id = ref.id.partition(SEPARATOR)
        answer = yield from _find_candidate(candidate)
        if isinstance(answer, TombstoneKind):
            return Gone(tombstone=Tombstone(answer))
        shown = _shown_with(answer, candidate)
        if shown is None:
            raise BadPayload("the answer is not about the candidate asked for, or shows no placements")
        rows, side = shown
        named, unnamed = sort_out(rows, lambda row: (_id(row), row))
        own = [row for name, row in named if name == id]
        if not own and unnamed:
            raise BadPayload("the answer shows placements that cannot be told apart")
        if not own:
            # Deleted, or in a job that the token's owner does not see: the answer is the same.
            yield from _must_see_jobs(status=answer.status)
            return Gone(tombstone=Tombstone(TombstoneKind.LOST_ACCESS))
        reasons = yield from _reasons_of(own, None, answer.sent_at)
        row = side.joined(own[0], reasons)
        (application,) = read_placement(self, answer.sent_at, row.data)
        return Fresh(application=application)

    @routine
    def _confirm_candidate(self, ref: Ref) -> Flow[Tombstone | None]:
        answer = yield from _find_candidate(ref.id)
        return Tombstone(answer) if isinstance(answer, TombstoneKind) else None

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        answer = yield from request(_reasons())
        _, listed = read_list(answer.body, "disqualify_reasons")
        reasons = [reason for raw in listed for reason in read_reason(self, answer.sent_at, raw.data)]
        stages: dict[Ref, Stage] = {}
        if job is not None:
            answer = yield from request(_offer(job.id))
            offer = record(record(read_json(answer.body)).get("offer"))
            stages = self._stages_of([offer.get("pipeline_template")], answer)
            return Catalogue(job, tuple(stages.values()), tuple(reasons))

        def note(answer: Response, raws: Sequence[Raw]) -> bool:
            stages.update(
                self._stages_of([record(raw.data).get("pipeline_template") for raw in raws], answer)
            )
            return False

        _ = yield from _walk_offers(note)
        return Catalogue(job, tuple(stages.values()), tuple(reasons))

    def _stages_of(self, pipelines: Iterable[Any], answer: Response) -> dict[Ref, Stage]:
        raws = [raw for pipeline in pipelines for raw in _stages(pipeline)]
        found = [stage for raw in raws for stage in read_stage(self, answer.sent_at, raw.data)]
        return {stage.ref: stage for stage in found}

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        listings = {
            "jobs": _offers(0, limit=1),
            "disqualify reasons": _reasons(),
            "candidates": _people(0, limit=1),
        }
        grant = "a hiring role that sees {}, for the owner of the token"
        answers, findings = yield from try_listings(listings, host=self.host, grant=grant)
        first = _first_offer(answers[0])
        if first is not None:
            wanted = _placements(first)
            pipeline = yield from ask(wanted)
            findings.append(
                proof_of_read("read placements", wanted, pipeline, grant=grant.format("placements"))
            )
        return (
            *findings,
            Finding(
                what="see every job",
                proof=Proof.UNPROVEN,
                tried="nothing: a job that the token's owner does not see is in no list, without a word",
                ask="a token of a user of its own who sees all jobs, and does not leave",
            ),
            unproven_write(
                "change placements",
                grant="a hiring role that may manage candidates, for the owner of the token",
            ),
        )

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        """A disqualified placement is qualified first: a move would do that by itself, and say nothing."""
        if current.meets(target):
            return [PlannedWrite(Action.MOVE, current, current)]
        hires, ends = target.status is ApplicationStatus.HIRED, target.status in _ENDINGS
        stage = _hiring(current, target, catalogue) if hires else (target.stage or current.stage)
        moves = stage != current.stage
        if current.status is ApplicationStatus.HIRED and (moves or not ends):
            raise _no("takes no hire back")
        if moves and not hires and _is_hiring(stage, catalogue):
            raise _no("hires by that stage, and the change does not say so")
        chain: list[PlannedWrite] = []
        here = current
        if here.status in _ENDINGS and (moves or not ends):
            chain.append(self._taken_back(here, catalogue))
            here = chain[-1].target
        if moves or hires:
            there = State(stage, ApplicationStatus.HIRED if hires else here.status)
            chain.append(PlannedWrite(Action.HIRE if hires else Action.MOVE, here, there))
            here = there
        if not here.meets(target) and not hires:
            chain.append(self._ending(here, target, catalogue))
        return chain

    def _taken_back(self, here: State, catalogue: Catalogue) -> PlannedWrite:
        if _is_hiring(here.stage, catalogue):
            raise _no("hires whoever is qualified again in the stage that hires")
        return PlannedWrite(Action.REACTIVATE, here, State(here.stage, ApplicationStatus.ACTIVE))

    def _ending(self, here: State, target: State, catalogue: Catalogue) -> PlannedWrite:
        action, reason = _ENDINGS.get(target.status), catalogue.reason(target.reason)
        if action is None:
            raise _no(f"has no way to make a placement {target.status}")
        if reason is None:
            raise _no("disqualifies with a reason; the mapping names none that there is")
        if reason.outcome is not target.status:
            raise _no("tells a withdrawal by its reason; this one leads to the other end")
        if self.reason_body == "text" and _REASON_TEXT.text(_REASON_TEXT.take(reason.ref.id)) is None:
            raise _no("takes the reason by its text here, and this one cannot be sent as it stands")
        return PlannedWrite(action, here, evolve(target, stage=here.stage))

    def declared(self, intent: Intent) -> StatusWrite:
        name = _WRITES[intent.action]
        if name in ("change_stage", "hire") and self.stage_body == "flat":
            name = f"{name}_flat"
        elif name == "disqualify" and self.reason_body == "text":
            name = "disqualify_by_text"
        return evolve(VENDOR.write(name), visible_within_seconds=self.visible_within_seconds)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {SlotName.APPLICATION: intent.application.id}
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        # What it answers to a write is on no page: it is read back.
        return Call(self.declared(intent).render(values), lambda _response: None)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | HookReply | None:
        event = said(body)
        if event is None:
            return None
        if event.get("test") is True:
            # Comes unsigned, before anybody can know the secret, and has to be answered.
            return HookReply()
        secrets = () if self.hook_secret is None else (self.hook_secret,)
        if not sealed_by(secrets, body, headers.get("x-recruitee-signature")):
            return None
        payload = opt_object(event, "payload") or {}
        candidate = opt_id(opt_object(payload, "candidate") or {}, "id")
        if candidate is None or not re.fullmatch(_ID, candidate):
            return HookReply()
        return HookHint(
            delivery_id=opt_id(event, "id") or "",
            refs=(self.ref(Kind.CANDIDATE, candidate),),
            occurred_at=from_iso(event.get("created_at")),
        )


# --- requests and pages --------------------------------------------------------------------------


def _reasons() -> Request:
    return Request(operation="list_reasons", method="GET", url="/disqualify_reasons")


def _offer(id: str) -> Request:
    return Request(operation="get_offer", method="GET", url=f"/offers/{id}")


def _placements(offer: str) -> Request:
    return Request(operation="list_placements", method="GET", url=f"/offers/{offer}/placements")


def _offers(offset: int, *, limit: int = _PAGE) -> Request:
    paging = (_EVERY_STATUS, ("limit", str(limit)), ("offset", str(offset)))
    return Request(operation="list_offers", method="GET", url="/offers", query=paging)


def _people(offset: int, ids: Sequence[str] = (), *, limit: int = _PAGE) -> Request:
    """One page of candidates; without limit and offset everybody would be in one answer."""
    named = (("ids", ",".join(ids)),) if ids else ()
    paging = (*named, ("limit", str(limit)), ("offset", str(offset)))
    return Request(operation="list_candidates", method="GET", url="/candidates", query=paging)


def _listed(key: str) -> Callable[[Response], Sequence[object]]:
    return lambda shown: read_list(shown.body, key)[1]


def _find_candidate(id: str) -> Flow[Response | TombstoneKind]:
    """One candidate, or what became of them."""
    asked = Request(operation="get_candidate", method="GET", url=f"/candidates/{id}")
    answer = yield from find(asked, beside=_people(0, limit=1), rows=_listed("candidates"))
    if isinstance(answer, (NotFound, Forbidden)):
        yield from _must_see_jobs(status=answer.status)
    if isinstance(answer, NotFound):
        return TombstoneKind.DELETED
    if isinstance(answer, Forbidden):
        return TombstoneKind.LOST_ACCESS
    if not isinstance(answer, Response):
        raise answer
    return answer


def _must_see_jobs(*, status: int | None) -> Flow[None]:
    """That some job shows, with somebody in it, before it is believed that one candidate does not.

    A job that the token's owner does not see is in no list, without a word; who is in a talent pool shows
    even where every job is hidden.

    Raises:
        Forbidden: none does.
    """

    def peopled(_answer: Response, raws: Sequence[Raw]) -> bool:
        return any(sort_out(raws, _is_peopled)[0])

    if not (yield from once("jobs with somebody in them", lambda: _walk_offers(peopled))):
        raise nothing_shows(vendor=VENDOR.name, operation="get_candidate", status=status)


def _walk_offers(enough: Callable[[Response, Sequence[Raw]], bool]) -> Flow[bool]:
    """Page by page to the first that is enough; whether one was."""
    headway = Headway("offers")
    offset: int | None = 0
    while offset is not None:
        headway.turn_to(offset)
        answer = yield from request(_offers(offset))
        _, raws = read_list(answer.body, "offers")
        if enough(answer, raws):
            return True
        headway.saw(raw.digest for raw in raws)
        offset = _next_offset(offset, raws)
    return False


def _is_peopled(offer: Raw) -> bool:
    """Whether it is a job that somebody is in: one that does not say how many are is no proof."""
    count = offer.peek("candidates_count")
    return offer.peek("kind") == "job" and type(count) is int and count > 0


def _next_offset(offset: int, raws: Sequence[Raw]) -> int | None:
    """Where the next page begins: some records early, in case that many go meanwhile; None at the end.

    The end is a page with no more than those, however many the vendor puts on a page.
    """
    return offset + len(raws) - _AGAIN if len(raws) > _AGAIN else None


def _page(
    items: Sequence[Item], rejected: Sequence[tuple[str, str]], here: Any, following: Mapping[str, int] | None
) -> Page:
    """A page of people: the last one with the watermark, else with the cursor of the next."""
    if following is None:
        return Page(items=items, rejected=rejected, watermark={"since": here["began"]})
    return Page(items=items, rejected=rejected, next={**here, **following})


def _search(page: int) -> Request:
    paging = (("limit", str(_PAGE)), ("page", str(page)), ("sort_by", "last_activity_at_desc"))
    return Request(operation="search_candidates", method="GET", url="/search/new/candidates", query=paging)


def _people_since(watermark: Any, _job: str | None) -> Any:
    since = watermark["since"] if watermark else None
    return {"since": since, "began": None, "reasons": None, "offset": 0, "page": 1}


def _pipeline_of(watermark: Any, job: str | None) -> Any:
    return {"offer": job, "reasons": watermark.get("reasons") if watermark else None}


def _is_under_way(job: Job, watermark: Any) -> bool:
    """Whether what stands in a job may have moved: in one that is archived, until it has been read since."""
    if job.status is not JobStatus.ARCHIVED or not watermark or job.updated_at is None:
        return True
    return job.updated_at >= datetime.fromisoformat(watermark["read"])


def _are_before(since: datetime, times: Sequence[datetime | None]) -> bool:
    """Whether a page of the search has come to what is older. One in another order proves nothing."""
    known = [at for at in times if at is not None]
    in_order = len(known) == len(times) and known == sorted(known, reverse=True)
    return in_order and bool(known) and known[-1] < since


# What is joined is bare before anything is asked for: frames of errors hold no person.


def _rows(held: Any, *, of: str | None) -> list[Raw]:
    """Placements with no more than what is read of them, alike wherever they are shown.

    Args:
        held: a list of them. of: the candidate they are shown with, where they do not name one.
    """
    return [_bare(one, of) for one in held] if isinstance(held, list) else [Raw.of(None)]


def _bare(one: Any, of: str | None) -> Raw:
    if not isinstance(one, dict):
        return Raw.of(None)
    nested = opt_id(opt_object(one, "candidate") or {}, "id")
    kept = {name: one.get(name) for name in _KEPT}
    return Raw.of({**kept, "candidate_id": nested or opt_id(one, "candidate_id") or of})


def _reasons_of(rows: Iterable[Raw], known: Any, seen_at: datetime) -> Flow[Any]:
    """Reason ids by name, for placements that tell the name alone.

    Args:
        known: what an earlier page or reading left. A name in it without an id was in no list. It is
            asked for anew where it lacks a name, or is a day old.
        seen_at: when the placements were asked for.
    """
    bare = [row.data for row in rows if isinstance(row.data, dict)]
    told = {opt_text(row, "disqualify_reason") for row in bare if opt_id(row, "disqualify_reason_id") is None}
    names = {name for name in told if name is not None}
    if not names or (
        known is not None
        and seen_at - datetime.fromisoformat(known["asked"]) < _DAY
        and names <= known["ids"].keys()
    ):
        return known
    answer = yield from once("disqualify_reasons", lambda: request(_reasons()))
    _, raws = read_list(answer.body, "disqualify_reasons")
    # A reason that cannot be read is set aside where the reasons themselves are.
    named, _ = sort_out(raws, lambda raw: (raw.peek("name"), _id(raw)))
    listed = {name: id for name, id in named if isinstance(name, str) and name}
    ids = {name: listed.get(name) for name in sorted(names | listed.keys())}
    return {"asked": seen_at.isoformat(), "ids": ids}


@frozen
class _Side:
    """What placements are joined with.

    Args:
        stages: categories by stage id. pools: ids of the offers that are talent pools.
    """

    stages: Mapping[str, str]
    pools: frozenset[str] = frozenset()

    @classmethod
    def beside(cls, envelope: Mapping[str, Any]) -> _Side:
        """From the ``references`` that stand beside candidates."""
        told = [
            (opt_text(one, "type"), opt_id(one, "id") or "", one) for one in objects(envelope, "references")
        ]
        pools = frozenset(
            id for type, id, one in told if type == "Offer" and one.get("kind") == "talent_pool"
        )
        return cls({id: opt_text(one, "category") or "" for type, id, one in told if type == "Stage"}, pools)

    def join(self, rows: Iterable[Raw], reasons: Any) -> list[Raw]:
        """Those that are in a job, each with what it lacks.

        Args:
            reasons: as `_reasons_of` gives them.
        """
        return [self.joined(row, reasons) for row in rows if not self._in_pool(row.data)]

    def joined(self, row: Raw, reasons: Any) -> Raw:
        if not isinstance(row.data, dict):
            return row
        text, stage = opt_text(row.data, "disqualify_reason"), opt_id(row.data, "stage_id")
        listed = reasons["ids"].get(text) if reasons and text else None
        reason = opt_id(row.data, "disqualify_reason_id") or listed
        return Raw.of({**row.data, "reason_id": reason, "category": self.stages.get(stage or "")})

    def _in_pool(self, row: Any) -> bool:
        return isinstance(row, dict) and opt_id(row, "offer_id") in self.pools


def _people_in(answer: Response) -> tuple[list[Raw], _Side]:
    envelope, raws = read_list(answer.body, "candidates")
    return raws, _Side.beside(envelope)


def _shown_with(answer: Response, candidate: str) -> tuple[list[Raw], _Side] | None:
    """The placements of the candidate that was asked for; None where the answer is about another."""
    data = read_json(answer.body)
    person = (opt_object(data, "candidate") if isinstance(data, dict) else None) or {}
    held = person.get("placements")
    if opt_id(person, "id") != candidate or not isinstance(held, list):
        return None
    return _rows(held, of=candidate), _Side.beside(data)


def _columns(answer: Response) -> tuple[list[Raw], _Side] | None:
    """The placements of a job's pipeline; None where a stage of it does not show them."""
    data = read_json(answer.body)
    found = data.get("stages") if isinstance(data, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    if not all(isinstance(stage.get("placements"), list) for stage in found):
        return None
    rows = [row for stage in found for row in _rows(stage["placements"], of=None)]
    return rows, _Side({opt_id(stage, "id") or "": opt_text(stage, "category") or "" for stage in found})


def _stages(pipeline: Any) -> list[Raw]:
    """The stages of an offer's ``pipeline_template``, with its id and without what changes by the hour."""
    found = pipeline if isinstance(pipeline, dict) else {}
    names = ("id", "name", "category", "group", "position")
    return [
        Raw.of(
            {
                **{name: one.get(name) for name in names},
                "pipeline": opt_id(found, "id"),
                "acts": bool(one.get("action_templates")),
            }
        )
        for one in objects(found, "stages")
    ]


def _first_offer(answer: Response | VendorError) -> str | None:
    if not isinstance(answer, Response):
        return None
    _, raws = read_list(answer.body, "offers")
    return next(iter(sort_out(raws, _id)[0]), None)


def _id(raw: Raw, name: str = "id") -> str:
    """Of the form that a request for the record can carry."""
    return need_id({name: raw.peek(name)}, name, form=_ID)


def _name(row: Any) -> str:
    placement = record(row)
    candidate, id = (need_id(placement, name, form=_ID) for name in ("candidate_id", "id"))
    return f"{candidate}{SEPARATOR}{id}"


# --- planning ------------------------------------------------------------------------------------


def _no(why: str) -> Unplannable:
    return Unplannable(f"Recruitee {why}", vendor=VENDOR.name)


def _is_hiring(stage: str | None, catalogue: Catalogue) -> bool:
    known = catalogue.stage(stage)
    return known is not None and known.kind is StageKind.HIRED


def _hiring(current: State, target: State, catalogue: Catalogue) -> str | None:
    """The stage that hires: the one asked for, or the only one in the pipeline."""
    if _is_hiring(target.stage, catalogue):
        return target.stage
    own = [stage for stage in catalogue.stages if stage.kind is StageKind.HIRED]
    found = [stage.ref.id for stage in own if catalogue.leads(current.stage, stage.ref.id)]
    if len(found) != 1:
        raise _no(
            f"hires by a stage, and the pipeline has {len(found)} of the kind: the change has to name it"
        )
    return found[0]


# --- readers -------------------------------------------------------------------------------------


def read_reason(ats: Recruitee, read_at: datetime, data: Any) -> tuple[Reason]:
    """The vendor does not tell whose decision a reason is: the customer's list does."""
    reason = record(data)
    name = opt_text(reason, "name")
    own = name in ats.withdrawal_reasons
    return (
        Reason(
            ref=ats.reason(need_id(reason, "id"), name),
            read_at=read_at,
            name=name,
            by=ReasonBy.CANDIDATE if own else ReasonBy.ORGANISATION,
            active=True,
            outcome=ApplicationStatus.WITHDRAWN if own else ApplicationStatus.REJECTED,
        ),
    )


def read_offer(ats: Recruitee, read_at: datetime, data: Any) -> tuple[Job]:
    offer = record(data)
    status = opt_text(offer, "status")
    pipeline = opt_id(opt_object(offer, "pipeline_template") or {}, "id")
    department, place = opt_text(offer, "department"), opt_text(offer, "location")
    return (
        Job(
            ref=ats.ref(Kind.JOB, need_id(offer, "id")),
            read_at=read_at,
            created_at=from_iso(offer.get("created_at")),
            updated_at=from_iso(offer.get("updated_at")),
            url=opt_text(offer, "adminapp_url"),
            title=opt_text(offer, "title"),
            status=_JOBS.get(status or "", JobStatus.UNKNOWN),
            vendor_status=status,
            departments=(Named(department, opt_id(offer, "department_id")),) if department else (),
            locations=(Named(place),) if place else (),
            hiring_team=tuple(
                TeamMember(user, role)
                for key, role in _TEAM.items()
                if (user := opt_id(offer, key)) is not None
            ),
            pipelines=(pipeline,) if pipeline else (),
            opened_at=from_iso(offer.get("published_at")),
            closed_at=from_iso(offer.get("closed_at")),
        ),
    )


def read_stage(ats: Recruitee, read_at: datetime, data: Any) -> tuple[Stage]:
    stage = record(data)
    category, group = opt_text(stage, "category") or "", opt_text(stage, "group")
    hires = _hires(category) or _hires(group)
    acts = stage.get("acts") is True
    return (
        Stage(
            ref=ats.ref(Kind.STAGE, need_id(stage, "id")),
            read_at=read_at,
            name=opt_text(stage, "name"),
            pipeline=opt_id(stage, "pipeline"),
            scope=StageScope.PIPELINE,
            order=opt_int(stage, "position"),
            group=group,
            active=True,
            kind=StageKind.HIRED if hires else _CATEGORIES.get(category, StageKind.OTHER),
            terminal=hires,
            writable=Answer.YES,
            side_effects=frozenset({SideEffect.AUTOMATION}) if acts else frozenset(),
        ),
    )


def _hires(word: str | None) -> bool:
    """Whether a stage's category or group says that it hires."""
    return "hire" in (word or "")


def read_candidate(ats: Recruitee, read_at: datetime, data: Any) -> tuple[Candidate]:
    person = record(data)
    ref = ats.ref(Kind.CANDIDATE, need_id(person, "id"))
    name, emails, phones = opt_text(person, "name"), _contacts(person, "emails"), _contacts(person, "phones")
    if "name" not in person and not emails:
        raise BadRecord("name", "not shown: the token's owner may not see who candidates are")
    # Nothing marks an anonymised record: it has no way to reach the person any more, and no name.
    if (name or "") == ats.anonymised_name and not emails and not phones:
        return (Candidate(ref=ref, read_at=read_at, deleted=Tombstone(TombstoneKind.ANONYMISED)),)
    source = opt_text(person, "source")
    return (
        Candidate(
            ref=ref,
            read_at=read_at,
            created_at=from_iso(person.get("created_at")),
            updated_at=from_iso(person.get("updated_at")),
            url=opt_text(person, "adminapp_url"),
            display_name=name,
            emails=tuple(Email(mail, primary=place == 0) for place, mail in enumerate(emails)),
            phones=tuple(map(Phone, phones)),
            links=tuple(
                Link(url, link_type(url)) for key in ("links", "social_links") for url in texts(person, key)
            ),
            tags=texts(person, "tags"),
            source=Source(source, _SOURCES.get(source, SourceType.UNKNOWN)) if source else None,
        ),
    )


def _contacts(person: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Texts as a rule; one client saw objects with a ``normalized`` value."""
    given = person.get(name)
    found = (
        [one.get("normalized") if isinstance(one, dict) else one for one in given]
        if isinstance(given, list)
        else []
    )
    return tuple(value for value in found if isinstance(value, str) and value)


def read_placement(ats: Recruitee, read_at: datetime, data: Any) -> tuple[Application]:
    """A placement as `_Side` joins it."""
    row = record(data)
    out, hired = from_iso(row.get("disqualified_at")), from_iso(row.get("hired_at"))
    text = opt_text(row, "disqualify_reason")
    job, stage, reason = (opt_id(row, name) for name in ("offer_id", "stage_id", "reason_id"))
    hires = (
        hired is not None or row.get("hired_in_this_placement") is True or _hires(opt_text(row, "category"))
    )
    status, word = ApplicationStatus.ACTIVE, "qualified"
    if row.get("disqualified_at") is not None:
        status, word = _ended(ats, row) if out else ApplicationStatus.UNKNOWN, "disqualified"
    elif hires:
        status, word = ApplicationStatus.HIRED, "hired"
    return (
        Application(
            ref=ats.ref(Kind.APPLICATION, _name(row)),
            read_at=read_at,
            created_at=from_iso(row.get("created_at")),
            updated_at=from_iso(row.get("updated_at")),
            candidate=ats.ref(Kind.CANDIDATE, need_id(row, "candidate_id")),
            job=ats.ref(Kind.JOB, job) if job else None,
            stage=ats.ref(Kind.STAGE, stage) if stage else None,
            status=status,
            vendor_status=word,
            reason=ats.reason(reason, text) if reason else None,
            reason_text=text,
            applied_at=from_iso(row.get("created_at")),
            hired_at=hired,
            rejected_at=out if status is ApplicationStatus.REJECTED else None,
            withdrawn_at=out if status is ApplicationStatus.WITHDRAWN else None,
        ),
    )


def _ended(ats: Recruitee, row: Mapping[str, Any]) -> ApplicationStatus:
    """How a disqualified placement ended; unknown where its reason is no text, or one that no list has."""
    text = opt_text(row, "disqualify_reason")
    if text in ats.withdrawal_reasons:
        return ApplicationStatus.WITHDRAWN
    told = row.get("disqualify_reason") in (None, "") or (text is not None and opt_id(row, "reason_id"))
    return ApplicationStatus.REJECTED if told else ApplicationStatus.UNKNOWN
