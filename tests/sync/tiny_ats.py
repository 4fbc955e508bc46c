"""A tiny ATS for tests of sync: an account that answers requests, and the adapter that makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from attrs import define, evolve, field, frozen

from atsbridge.ats.interface import Ats, Catalogue, Finding, Fresh, Gone, PlannedWrite, Proof, Unplannable
from atsbridge.errors import BadRecord, CursorLost, NotFound, StateChanged, Unauthorized, WatermarkLost
from atsbridge.model import (
    Action,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    CompareAndSet,
    Intent,
    Job,
    JobStatus,
    Kind,
    Reason,
    Record,
    Ref,
    Stage,
    StageKind,
    State,
    Tombstone,
    TombstoneKind,
    Transition,
)
from atsbridge.wire.answers import AnswerRule, Complaint, Complaints
from atsbridge.wire.auth import Basic, Scheme
from atsbridge.wire.effects import Flow, Request, Response, request
from atsbridge.wire.operations import Call, Operation, Routine
from atsbridge.wire.payload import read_json, read_list
from atsbridge.wire.streams import Item, Page, Stream, StreamScope, sort_out
from atsbridge.wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor

CONNECTION = "acme"
HOST = "https://tiny.example"
EPOCH = 1_750_000_000.0
"""Wall time is the clock's seconds after this."""

STAGES = ("A", "B", "C", "H")


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(EPOCH + seconds, UTC)


# -- the account ----------------------------------------------------------------------------------


@frozen(kw_only=True)
class Shown:
    """An application as a read shows it from a time on."""

    stage: str | None
    status: str = "active"
    reason: str | None = None
    history: tuple[str, ...] = ()
    version: int = 1
    visible_at: float = 0.0


@define(kw_only=True)
class App:
    id: str
    job: str | None = "j1"
    candidate: str | None = None
    states: list[Shown]
    gone: str | None = None
    merged_into: str | None = None
    updated: float | None = 0.0
    created: float | None = None
    unreadable: bool = False

    @property
    def now(self) -> Shown:
        return self.states[-1]

    def shown(self, clock: float) -> Shown:
        return [s for s in self.states if s.visible_at <= clock][-1]


@define(kw_only=True)
class Account:
    """What the customer's ATS holds, and the log of the writes it accepted."""

    clock: Any
    apps: dict[str, App] = field(factory=dict)
    jobs: list[dict[str, Any]] = field(
        factory=lambda: [{"id": "j1", "title": "Job"}, {"id": "j2", "title": "Other"}]
    )
    stages: list[dict[str, Any]] = field(factory=lambda: [{"id": s, "name": s} for s in STAGES])
    reasons: list[dict[str, Any]] = field(
        factory=lambda: [
            {"id": "r1", "name": "Unfit", "outcome": "rejected"},
            {"id": "r2", "name": "Left", "outcome": "withdrawn"},
        ]
    )
    people: dict[str, dict[str, Any]] = field(factory=dict)
    deleted: list[str] = field(factory=list)
    broken: list[Any] = field(factory=list)
    page_size: int = 2
    lag: float = 0.0
    clears_stage: bool = False
    log: list[tuple[str, str, Any]] = field(factory=list)

    def apply(self, id: str, stage: str | None = "A", **more: Any) -> App:
        """Somebody applies."""
        self.people.setdefault(f"p{id}", {"id": f"p{id}", "name": f"Person {id}"})
        app = App(id=id, states=[Shown(stage=stage)], **{"candidate": f"p{id}", **more})
        app.updated = self.clock.now()
        self.apps[id] = app
        return app

    def change(self, id: str, *, lag: float = 0.0, **changes: Any) -> None:
        """Somebody, or a write, changes an application."""
        app = self.apps[id]
        before = app.now
        after = evolve(before, version=before.version + 1, visible_at=self.clock.now() + lag, **changes)
        if after.stage != before.stage and after.stage is not None:
            after = evolve(after, history=(*before.history, after.stage))
        app.states.append(after)
        app.updated = self.clock.now()

    def move(self, id: str, stage: str) -> None:
        self.change(id, stage=stage)

    def answer(self, asked: Request) -> tuple[int, Any]:
        """What a request is answered with."""
        parts = asked.url.split("/")[1:]
        if asked.method == "PUT":
            return self.write(parts[1], parts[2], asked.body or {})
        if parts[0] == "catalogue":
            return 200, {"stages": self.stages, "reasons": self.reasons}
        if len(parts) == 2:
            return self.one(parts[0], parts[1])
        return self.listing(parts[0], dict(asked.query))

    def one(self, kind: str, id: str) -> tuple[int, Any]:
        if kind == "candidates":
            return (200, self.people[id]) if id in self.people else (404, {"error": "gone"})
        app = self.apps.get(id)
        if app is None or app.gone == "deleted":
            return 404, {"error": "gone"}
        if app.merged_into or app.gone:
            return 200, {"gone": app.gone or "merged", "into": app.merged_into}
        return 200, self.told(app)

    def told(self, app: App) -> dict[str, Any]:
        shown = app.shown(self.clock.now())
        if app.unreadable:
            return {"id": app.id}
        return {
            "id": app.id,
            "job": app.job,
            "candidate": app.candidate,
            "stage": shown.stage,
            "status": shown.status,
            "reason": shown.reason,
            "history": list(shown.history),
            "version": shown.version,
            "updated": app.updated,
            "created": app.created,
        }

    def listing(self, name: str, query: Mapping[str, str]) -> tuple[int, Any]:
        rows: list[Any] = {
            "jobs": lambda: self.jobs,
            "stages": lambda: self.stages,
            "reasons": lambda: self.reasons,
            "candidates": lambda: list(self.people.values()),
            "applications": lambda: [self.told(a) for a in self.apps.values() if not a.gone] + self.broken,
        }[name]()
        if "job" in query:
            rows = [r for r in rows if r["job"] == query["job"]]
        if name == "applications" and float(query.get("since", 0)):
            rows = [r for r in rows if (r.get("updated") or 0) >= float(query["since"])]
        start = int(query.get("after", 0))
        return 200, {"rows": rows[start : start + self.page_size], "more": len(rows) > start + self.page_size}

    def write(self, id: str, what: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        app = self.apps[id]
        here = app.now
        if "version" in body and body["version"] != str(here.version):
            return 412, {"error": "changed"}
        if "from" in body and body["from"] != here.stage:
            return 412, {"error": "changed"}
        if what == "move":
            changes: dict[str, Any] = {"stage": body["to"]}
        elif what == "reactivate":
            last = next(s.stage for s in reversed(app.states) if s.stage is not None)
            changes = {"status": "active", "stage": here.stage or last, "reason": None}
        else:
            status = {"reject": "rejected", "withdraw": "withdrawn", "hire": "hired"}[what]
            stage = None if self.clears_stage and what == "reject" else here.stage
            changes = {"status": status, "stage": stage, "reason": body.get("reason")}
        self.log.append((id, what, body.get("to") or body.get("reason")))
        self.change(id, lag=self.lag, **changes)
        return 200, self.told(app)


# -- readers --------------------------------------------------------------------------------------


def _ref(kind: Kind, id: str | None) -> Ref | None:
    return Ref(CONNECTION, kind, id) if id is not None else None


def _own(kind: Kind, data: Any) -> Ref:
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        raise BadRecord("id", "expected text")
    return Ref(CONNECTION, kind, data["id"])


def read_job(data: Any, at: datetime) -> Job:
    status = JobStatus(data.get("status", "open"))
    confidential = data.get("confidential")
    return Job(
        ref=_own(Kind.JOB, data), read_at=at, title=data["title"], status=status, confidential=confidential
    )


def read_stage(data: Any, at: datetime) -> Stage:
    return Stage(
        ref=_own(Kind.STAGE, data),
        read_at=at,
        name=data["name"],
        active=data.get("active", True),
        kind=StageKind(data.get("kind", "other")),
        writable=Answer(data.get("writable", "yes")),
    )


def read_reason(data: Any, at: datetime) -> Reason:
    outcome = ApplicationStatus(data["outcome"]) if data.get("outcome") else None
    return Reason(
        ref=_own(Kind.REASON, data),
        read_at=at,
        name=data["name"],
        active=data.get("active", True),
        outcome=outcome,
    )


def read_candidate(data: Any, at: datetime) -> Candidate:
    return Candidate(ref=_own(Kind.CANDIDATE, data), read_at=at, display_name=data["name"])


def read_application(data: Any, at: datetime) -> Application:
    if "status" not in data:
        raise BadRecord("status", "expected text")
    return Application(
        ref=_own(Kind.APPLICATION, data),
        read_at=at,
        updated_at=moment(data["updated"]) if data.get("updated") is not None else None,
        created_at=moment(data["created"]) if data.get("created") is not None else None,
        job=_ref(Kind.JOB, data.get("job")),
        candidate=_ref(Kind.CANDIDATE, data.get("candidate")),
        stage=_ref(Kind.STAGE, data.get("stage")),
        status=ApplicationStatus(data["status"]),
        reason=_ref(Kind.REASON, data.get("reason")),
        history=tuple(Transition(None, s) for s in data.get("history", ())),
        token=str(data.get("version", "")),
    )


# -- the adapter ----------------------------------------------------------------------------------

_ID = "[A-Za-z0-9]+"
_SLOTS = tuple(Slot(name, _ID) for name in SlotName)
_BY_NAME = {slot.name: slot for slot in _SLOTS}
_READS = (
    Read(name="get", path="/applications/{id}", segments={"id": _ID}),
    Read(name="get_candidate", path="/candidates/{id}", segments={"id": _ID}),
    Read(name="catalogue", path="/catalogue"),
    *(
        Read(name=f"list_{n}", path=f"/{n}", query=frozenset({"after", "since", "job"}))
        for n in ("jobs", "stages", "reasons", "candidates", "applications")
    ),
)


def write_of(action: Action, **properties: Any) -> StatusWrite:
    """A declared write of the tiny vendor."""
    cas = properties.get("cas", CompareAndSet.NONE)
    body: dict[str, Any] = {}
    if action is Action.MOVE:
        body["to"] = _BY_NAME[SlotName.TARGET_STAGE]
    if action in (Action.REJECT, Action.WITHDRAW) and properties.pop("reasoned", False):
        body["reason"] = _BY_NAME[SlotName.REASON]
    if cas is CompareAndSet.VERSION:
        body["version"] = _BY_NAME[SlotName.TOKEN]
    if cas is CompareAndSet.STAGE:
        body["from"] = _BY_NAME[SlotName.EXPECTED_STAGE]
    properties.pop("reasoned", None)
    # A history of stages grows by moves alone.
    if properties.get("signal") is Signal.COUNT and action is not Action.MOVE:
        properties["signal"] = Signal.CHANGE
    return StatusWrite(
        name=action.value,
        method="PUT",
        path=f"/applications/{{application}}/{action.value}",
        slots=_SLOTS,
        body=body or None,
        **properties,
    )


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    if answer.status < 400 or b'"error"' not in answer.body:
        return None
    return Complaint("", str(read_json(answer.body)["error"]))


@frozen(kw_only=True)
class TinyAts(Ats):
    """Args: ``per_job`` makes applications a stream of each job; ``sweeping`` False: deletions are listed."""

    VENDOR: ClassVar[Vendor] = Vendor(
        name="tiny",
        title="Tiny",
        api_version="1",
        docs="https://example.com/tiny",
        docs_read=date(2026, 1, 1),
        hosts={"only": HOST},
        reads=_READS,
        writes=(),
        answers=(
            AnswerRule(meaning=StateChanged, status=412),
            AnswerRule(meaning=CursorLost, status=460),
            AnswerRule(meaning=WatermarkLost, status=461),
        ),
        complaints=Complaints(read=_complaint),
    )
    connection: str = CONNECTION
    per_job: bool = False
    sweeping: bool = True
    account: Account | None = field(default=None, repr=False, eq=False)

    @property
    def host(self) -> str:
        return HOST

    def auth(self) -> Scheme:
        return Basic(user="tiny")

    def streams(self) -> tuple[Stream, ...]:
        def stream(name: str, kind: Kind, reader: Any, **more: Any) -> Stream:
            def start(watermark: Any, job: str | None) -> Any:
                begun: dict[str, Any] = {"after": 0, "since": watermark or 0.0}
                return {**begun, "job": job} if job else begun

            def page(cursor: Any) -> Operation[Page]:
                query = tuple((k, str(v)) for k, v in sorted(cursor.items()))
                asked = Request(operation=f"list_{name}", method="GET", url=f"/{name}", query=query)
                return Call(asked, lambda answer: self._page(name, kind, reader, cursor, answer))

            return Stream(
                name=name, kinds=frozenset({kind}), incremental=True, start=start, page=page, **more
            )

        scope = StreamScope.JOB if self.per_job else StreamScope.CONNECTION
        return (
            stream("reasons", Kind.REASON, read_reason),
            stream("jobs", Kind.JOB, read_job),
            stream("stages", Kind.STAGE, read_stage),
            stream("candidates", Kind.CANDIDATE, read_candidate, sweeps=self.sweeping),
            stream("applications", Kind.APPLICATION, read_application, sweeps=self.sweeping, scope=scope),
        )

    def _page(self, name: str, kind: Kind, reader: Any, cursor: Any, answer: Response) -> Page:
        envelope, raws = read_list(answer.body, "rows")
        at = answer.sent_at

        def make(raw: Any) -> Item:
            id = raw.peek("id")
            if not isinstance(id, str):
                raise BadRecord("id", "expected text")

            def read(data: Any) -> tuple[Record, ...]:
                return (reader(data, at),)

            person = raw.peek("candidate") if kind is Kind.APPLICATION else None
            ids = ((kind, id), (Kind.CANDIDATE, person)) if person else ((kind, id),)
            return Item(ids, raw, read)

        items, rejected = sort_out(raws, make)
        more = bool(envelope["more"])
        deleted = self.account.deleted if self.account and not more and kind is Kind.APPLICATION else ()
        following = {**cursor, "after": cursor["after"] + len(raws)} if more else None
        return Page(
            items=items,
            rejected=rejected,
            deleted=[Ref(CONNECTION, Kind.APPLICATION, id) for id in deleted],
            next=following,
            watermark=None if more else float(answer.headers["x-clock"]),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        asked = Request(operation="get", method="GET", url=f"/applications/{last_known.id}")

        def flow() -> Flow[Fresh | Gone]:
            try:
                answer = yield from request(asked)
            except NotFound:
                return Gone(tombstone=Tombstone(TombstoneKind.DELETED))
            return self.fresh(answer)

        return Routine(flow)

    def fresh(self, answer: Response) -> Fresh | Gone:
        data = read_json(answer.body)
        if data.get("gone"):
            into = _ref(Kind.APPLICATION, data.get("into"))
            return Gone(tombstone=Tombstone(TombstoneKind(data["gone"]), None, into))
        application = read_application(data, answer.sent_at)
        values = {Signal.COUNT: str(len(application.history)), Signal.CHANGE: application.token or ""}
        signals = {w.name: values[w.signal] for w in self.VENDOR.writes if w.signal is not Signal.NONE}
        return Fresh(application=application, signals=signals)

    def confirm_gone(self, ref: Ref) -> Operation[Tombstone | None]:
        if ref.kind is not Kind.CANDIDATE:
            return super().confirm_gone(ref)
        asked = Request(operation="get_candidate", method="GET", url=f"/candidates/{ref.id}")

        def flow() -> Flow[Tombstone | None]:
            try:
                _ = yield from request(asked)
            except NotFound:
                return Tombstone(TombstoneKind.DELETED)
            return None

        return Routine(flow)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        def parse(answer: Response) -> Catalogue:
            data, at = read_json(answer.body), answer.sent_at
            stages = tuple(read_stage(s, at) for s in data["stages"])
            return Catalogue(job, stages, tuple(read_reason(r, at) for r in data["reasons"]))

        return Call(Request(operation="catalogue", method="GET", url="/catalogue"), parse)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        def flow() -> Flow[tuple[Finding, ...]]:
            try:
                _ = yield from request(Request(operation="catalogue", method="GET", url="/catalogue"))
            except Unauthorized:
                return (
                    Finding(what="reach", proof=Proof.MISSING, tried="GET /catalogue", needed_for="reach"),
                )
            return (Finding(what="reach", proof=Proof.PROVED, tried="GET /catalogue", needed_for="reach"),)

        return Routine(flow)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        active, here, chain = ApplicationStatus.ACTIVE, current, []
        if target.stage == "H":
            raise Unplannable("nobody is moved to H", vendor="tiny")
        if here.status is not active and target.status is active:
            # Where it comes back to, the vendor decides.
            chain.append(PlannedWrite(Action.REACTIVATE, here, State(here.stage, active)))
            here = State(here.stage, active)
        if target.stage is not None and target.stage != here.stage:
            chain.append(PlannedWrite(Action.MOVE, here, evolve(here, stage=target.stage)))
            here = evolve(here, stage=target.stage)
        if target.status is not active and not here.meets(target):
            action = {
                ApplicationStatus.REJECTED: Action.REJECT,
                ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
                ApplicationStatus.HIRED: Action.HIRE,
            }[target.status]
            chain.append(PlannedWrite(action, here, evolve(target, stage=here.stage)))
        return chain or [PlannedWrite(Action.MOVE, current, current)]

    def declared(self, intent: Intent) -> StatusWrite:
        return self.VENDOR.write(intent.action.value)

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        given = {
            SlotName.APPLICATION: intent.application.id,
            SlotName.TARGET_STAGE: intent.target.stage,
            SlotName.EXPECTED_STAGE: intent.expected.stage,
            SlotName.REASON: intent.target.reason,
            SlotName.TOKEN: current.application.token,
        }
        values = {name: value for name, value in given.items() if value is not None}
        return Call(self.declared(intent).render(values), self._carried)

    def _carried(self, answer: Response) -> Fresh | None:
        if not answer.body:
            return None
        fresh = self.fresh(answer)
        return fresh if isinstance(fresh, Fresh) else None


def tiny_ats(
    account: Account | None = None,
    *,
    reasoned: bool = False,
    settings: Mapping[str, Any] | None = None,
    **props: Any,
) -> TinyAts:
    """The adapter whose writes promise what is said: ``cas``, ``signal``, ``resend`` and so on."""
    properties = {"signal": Signal.COUNT, "resend": Resend.NEVER, **props}
    writes = tuple(write_of(a, reasoned=reasoned, **properties) for a in Action)

    class Configured(TinyAts):
        VENDOR: ClassVar[Vendor] = evolve(TinyAts.VENDOR, writes=writes)

    return Configured(account=account, **(settings or {}))


def body(value: Any) -> bytes:
    return json.dumps(value).encode()
