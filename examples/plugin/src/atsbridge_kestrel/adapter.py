"""Kestrel ATS, API 7.

SHEET.md in this package, read 2026-11-25.

A *card* is one candidacy; it is read as an application and as a candidate. A
*board* is a job, a *lane* a stage of one board. Lists are tables of columns
and rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from attrs import evolve, field, frozen

from atsbridge.ats.interface import (
    Ats,
    Catalogue,
    Finding,
    Fresh,
    Gone,
    HookHint,
    PlannedWrite,
    Proof,
    Unplannable,
)
from atsbridge.ats.preflight import ask, find, proof_of_read, reach
from atsbridge.errors import BadPayload, CursorLost, NotFound, StateChanged
from atsbridge.model import (
    Action,
    ActorKind,
    Answer,
    Application,
    ApplicationStatus,
    Candidate,
    CompareAndSet,
    Email,
    Intent,
    Job,
    JobStatus,
    Kind,
    Reason,
    ReasonBy,
    Record,
    Ref,
    SideEffect,
    Stage,
    StageScope,
    State,
    Tombstone,
    TombstoneKind,
    Transition,
)
from atsbridge.wire.answers import Complaint, Complaints, safe_time
from atsbridge.wire.auth import KeyHeader, Scheme
from atsbridge.wire.budgets import RateLimit
from atsbridge.wire.effects import Flow, Request, Response, request
from atsbridge.wire.hooks import said, sealed_by
from atsbridge.wire.operations import Call, Operation, Routine, routine
from atsbridge.wire.payload import Raw, read_json
from atsbridge.wire.reading import need_id, opt_id, opt_int, opt_text, record
from atsbridge.wire.secrets import Secret, optional_seal, secret
from atsbridge.wire.settings import typed
from atsbridge.wire.streams import Item, Page, Stream, sort_out
from atsbridge.wire.vendor import Read, Resend, Signal, Slot, SlotName, StatusWrite, Vendor

_ID = r"[1-9][0-9]{0,18}"
_CARD = Slot(SlotName.APPLICATION, _ID)
_LANE = Slot(SlotName.TARGET_STAGE, _ID, int)
_REASON = Slot(SlotName.REASON, _ID, int)
_VERSION = Slot(SlotName.TOKEN, r"[0-9]{1,18}", int)
_PAGE = frozenset({"size", "after"})
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(minutes=10)


def _complaint(_asked: Request, answer: Response) -> Complaint | None:
    """``{"oops": {"code": ..., "text": ...}}``, under any status. SHEET.md, Errors."""
    if not answer.body.lstrip().startswith(b'{"oops"'):
        return None
    oops = read_json(answer.body).get("oops")
    if not isinstance(oops, dict):
        raise BadPayload("the answer says oops, and no more")
    return Complaint(str(oops.get("code", "")), str(oops.get("text", "")))


def _write(
    name: str, path: str, body: Mapping[str, Any], *slots: Slot, effects: set[SideEffect]
) -> StatusWrite:
    return StatusWrite(
        name=name,
        method="PUT",
        path=path,
        slots=(_CARD, *slots, _VERSION),
        body={**body, "version": _VERSION},
        cas=CompareAndSet.VERSION,
        signal=Signal.COUNT if name == "move" else Signal.CHANGE,
        resend=Resend.AFTER_SETTLE,
        side_effects=frozenset(effects),
    )


VENDOR = Vendor(
    name="kestrel",
    title="Kestrel",
    api_version="7",
    docs="https://kestrel.example/api",
    docs_read=date(2026, 11, 25),
    hosts={"account": "https://{account}.kestrel.example/api/7"},
    host_slots={"account": r"[a-z0-9][a-z0-9-]{0,39}"},
    reads=(
        Read(name="list_boards", path="/boards", query=_PAGE),
        Read(name="list_lanes", path="/lanes", query=_PAGE),
        Read(name="list_reasons", path="/reasons", query=_PAGE),
        Read(name="list_cards", path="/cards", query=_PAGE | {"touched_from", "born_from", "only"}),
        Read(name="get_card", path="/cards/{id}", segments={"id": _ID}),
    ),
    writes=(
        _write("move", "/cards/{application}/lane", {"lane": _LANE}, _LANE, effects=set()),
        _write(
            "turn_down",
            "/cards/{application}/state",
            {"state": "X", "reason": _REASON},
            _REASON,
            effects=set(),
        ),
        _write(
            "withdraw",
            "/cards/{application}/state",
            {"state": "W", "reason": _REASON},
            _REASON,
            effects=set(),
        ),
        _write("hire", "/cards/{application}/state", {"state": "H"}, effects={SideEffect.OPENING_FILL}),
        _write("reopen", "/cards/{application}/state", {"state": "O"}, effects={SideEffect.REOPEN}),
    ),
    rates=(RateLimit(requests=5, per_seconds=1, burst=20),),
    complaints=Complaints(
        read=_complaint,
        meanings={"cursor_gone": CursorLost, "stale": StateChanged, "no_card": NotFound, "merged": NotFound},
        terms=frozenset({"card", "lane", "board", "version", "shut"}),
    ),
)

_STATES: Mapping[str, ApplicationStatus] = {
    "O": ApplicationStatus.ACTIVE,
    "X": ApplicationStatus.REJECTED,
    "W": ApplicationStatus.WITHDRAWN,
    "H": ApplicationStatus.HIRED,
}
_JOBS: Mapping[str, JobStatus] = {"open": JobStatus.OPEN, "shut": JobStatus.CLOSED}
_WHOSE: Mapping[str, tuple[ReasonBy, ApplicationStatus]] = {
    "us": (ReasonBy.ORGANISATION, ApplicationStatus.REJECTED),
    "them": (ReasonBy.CANDIDATE, ApplicationStatus.WITHDRAWN),
}
_ENDINGS: Mapping[ApplicationStatus, Action] = {
    ApplicationStatus.REJECTED: Action.REJECT,
    ApplicationStatus.WITHDRAWN: Action.WITHDRAW,
    ApplicationStatus.HIRED: Action.HIRE,
}
_WRITES: Mapping[Action, str] = {
    Action.MOVE: "move",
    Action.REJECT: "turn_down",
    Action.WITHDRAW: "withdraw",
    Action.HIRE: "hire",
    Action.REACTIVATE: "reopen",
}


@frozen(kw_only=True, field_transformer=typed)
class Kestrel(Ats):
    """One Kestrel account.

    Args:
        connection: the link's globally unique id.
        account: the first part of the account's address.
        api_key: of the integration. hook_secret: of the web hook, where there is one.
    """

    VENDOR: ClassVar[Vendor] = VENDOR

    connection: str
    account: str
    api_key: Secret = field(converter=secret)
    hook_secret: Secret | None = field(default=None, converter=optional_seal)

    # -- how it is reached --

    @property
    def host(self) -> str:
        return VENDOR.hosts["account"].replace("{account}", self.account)

    def auth(self) -> Scheme:
        return KeyHeader(name="X-Kestrel-Key", key=self.api_key)

    # -- reading --

    def streams(self) -> tuple[Stream, ...]:
        return (
            self._whole("reasons", Kind.REASON, read_reason),
            self._whole("boards", Kind.JOB, read_board),
            self._whole("lanes", Kind.STAGE, read_lane),
            # A card that was never touched is in no answer to touched_from: SHEET.md, Lists. So one
            # stream follows what is new, and another what has changed.
            self._cards("new_cards", "born_from"),
            self._cards("cards", "touched_from"),
        )

    def sweeps(self) -> tuple[Stream, ...]:
        return (
            Stream(
                name="card_ids",
                kinds=frozenset({Kind.APPLICATION}),
                incremental=False,
                sweeps=True,
                start=lambda _watermark, _job: {"after": None},
                page=lambda cursor: Routine(lambda: _ids_page(cursor)),
            ),
        )

    def get_application(self, last_known: Ref) -> Operation[Fresh | Gone]:
        return self._get_application(last_known)

    def catalogue(self, job: Ref | None) -> Operation[Catalogue]:
        return self._catalogue(job)

    def check_access(self) -> Operation[tuple[Finding, ...]]:
        return self._check_access()

    def _whole(self, name: str, kind: Kind, read: Any) -> Stream:
        def page(cursor: Any) -> Flow[Page]:
            response, raws, after = yield from _table(f"list_{name}", f"/{name}", {}, cursor["after"])
            items, rejected = sort_out(
                raws,
                lambda raw: Item(((kind, _id(raw)),), raw, partial(read, self.connection, response.sent_at)),
            )
            following = {"after": after} if after else None
            return Page(items=items, rejected=rejected, next=following, watermark=None if after else {})

        return Stream(
            name=name,
            kinds=frozenset({kind}),
            incremental=False,
            start=lambda _watermark, _job: {"after": None},
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _cards(self, name: str, since_key: str) -> Stream:
        def start(watermark: Any, _job: str | None) -> Any:
            # The first read is of everything, whichever stream it is.
            return {"since": watermark["since"] if watermark else None, "began": None, "after": None}

        def page(cursor: Any) -> Flow[Page]:
            query = {} if cursor["since"] is None else {since_key: str(cursor["since"])}
            response, raws, after = yield from _table("list_cards", "/cards", query, cursor["after"])
            began = cursor["began"] or _stamp(safe_time(response) - _OVERLAP)
            items, rejected = sort_out(raws, lambda raw: self._card_item(raw, response))
            if after:
                following = {"since": cursor["since"], "began": began, "after": after}
                return Page(items=items, rejected=rejected, next=following)
            return Page(items=items, rejected=rejected, watermark={"since": began})

        return Stream(
            name=name,
            kinds=frozenset({Kind.CANDIDATE, Kind.APPLICATION}),
            incremental=True,
            start=start,
            page=lambda cursor: Routine(lambda: page(cursor)),
        )

    def _card_item(self, raw: Raw, response: Response) -> Item:
        ids = ((Kind.APPLICATION, _id(raw)), (Kind.CANDIDATE, _id(raw, "person")))
        return Item(ids, raw, partial(read_card, self.connection, response.sent_at))

    @routine
    def _get_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        asked = Request(operation="get_card", method="GET", url=f"/cards/{ref.id}")
        answer = yield from find(asked, beside=_one_of("cards"), rows=lambda shown: _rows(shown)[0])
        if isinstance(answer, NotFound):
            kind = TombstoneKind.MERGED if "merged" in answer.message else TombstoneKind.DELETED
            return Gone(tombstone=Tombstone(kind))
        if not isinstance(answer, Response):
            raise answer
        fresh = self._fresh(answer)
        if fresh.application.ref != ref:
            raise BadPayload("the answer is about another card than the one asked for")
        return fresh

    def _fresh(self, response: Response) -> Fresh:
        raws, _ = _rows(response)
        if len(raws) != 1:
            raise BadPayload("the answer is not a table of one card")
        *_, application = read_card(self.connection, response.sent_at, raws[0].data)
        assert isinstance(application, Application)
        entered, version = str(len(application.history)), application.token or ""
        signals = {write.name: entered if write.name == "move" else version for write in VENDOR.writes}
        return Fresh(application=application, signals=signals)

    @routine
    def _catalogue(self, job: Ref | None) -> Flow[Catalogue]:
        stages: list[Stage] = []
        reasons: list[Reason] = []
        for name, read, found in (("lanes", read_lane, stages), ("reasons", read_reason, reasons)):
            after: str | None = None
            while True:
                response, raws, after = yield from _table(f"list_{name}", f"/{name}", {}, after)
                for raw in raws:
                    found.extend(read(self.connection, response.sent_at, raw.data))  # type: ignore[arg-type]
                if after is None:
                    break
        own = tuple(s for s in stages if job is None or s.job == job)
        return Catalogue(job, own, tuple(reasons))

    @routine
    def _check_access(self) -> Flow[tuple[Finding, ...]]:
        findings: list[Finding] = []
        answers = []
        for name in ("boards", "lanes", "reasons", "cards"):
            wanted = _one_of(name)
            answer = yield from ask(wanted)
            answers.append(answer)
            findings.append(
                proof_of_read(f"read: {name}", wanted, answer, grant=f"reading {name}, for this key")
            )
        change = Finding(
            what="write: cards",
            proof=Proof.UNPROVEN,
            tried="nothing: only a write would show it",
            ask="changing cards, for this key",
            needed_for="write",
        )
        return (reach(answers, host=self.host), *findings, change)

    # -- writing --

    def plan_writes(self, current: State, target: State, catalogue: Catalogue) -> Sequence[PlannedWrite]:
        chain: list[PlannedWrite] = []
        here, ending = current, target.status is not ApplicationStatus.ACTIVE
        moves = target.stage is not None and target.stage != here.stage
        if here.status is not ApplicationStatus.ACTIVE and (moves or not ending):
            # An ended card does not move: SHEET.md, Writes.
            there = State(stage=here.stage, status=ApplicationStatus.ACTIVE)
            chain.append(PlannedWrite(Action.REACTIVATE, here, there))
            here = there
        if moves:
            there = evolve(here, stage=target.stage)
            chain.append(PlannedWrite(Action.MOVE, here, there))
            here = there
        if ending and not here.meets(target):
            chain.append(self._ending(here, target))
        return chain or [PlannedWrite(Action.MOVE, current, current)]

    def _ending(self, here: State, target: State) -> PlannedWrite:
        action = _ENDINGS.get(target.status)
        if action is None:
            raise Unplannable(f"Kestrel has no way to make a card {target.status}", vendor=VENDOR.name)
        if action is not Action.HIRE and target.reason is None:
            raise Unplannable("Kestrel ends a card with a reason; the mapping names none", vendor=VENDOR.name)
        reason = None if action is Action.HIRE else target.reason
        return PlannedWrite(action, here, evolve(target, stage=here.stage, reason=reason))

    def declared(self, intent: Intent) -> StatusWrite:
        return VENDOR.write(_WRITES[intent.action])

    def write_status(self, intent: Intent, current: Fresh, catalogue: Catalogue) -> Call[Fresh | None]:
        values = {
            SlotName.APPLICATION: intent.application.id,
            SlotName.TOKEN: current.application.token or "",
        }
        if intent.target.stage is not None:
            values[SlotName.TARGET_STAGE] = intent.target.stage
        if intent.target.reason is not None:
            values[SlotName.REASON] = intent.target.reason
        return Call(self.declared(intent).render(values), self._fresh)

    # -- hooks --

    def read_hook(self, headers: Mapping[str, str], body: bytes) -> HookHint | None:
        if self.hook_secret is None or not sealed_by(
            (self.hook_secret,), body, headers.get("x-kestrel-seal")
        ):
            return None
        data = said(body) or {}
        card = opt_id(data, "card")
        if card is None:
            return None
        return HookHint(delivery_id=str(data.get("nr")), refs=(Ref(self.connection, Kind.APPLICATION, card),))


# --- readers -------------------------------------------------------------------------------------


def _one_of(name: str) -> Request:
    return Request(operation=f"list_{name}", method="GET", url=f"/{name}", query=(("size", "1"),))


def _table(
    operation: str, path: str, query: Mapping[str, str], after: str | None
) -> Flow[tuple[Response, list[Raw], str | None]]:
    """One page of a list: the answer, its rows, the cursor of the next page."""
    paging = {"size": "200"} if after is None else {"size": "200", "after": after}
    asked = Request(operation=operation, method="GET", url=path, query=tuple({**query, **paging}.items()))
    response = yield from request(asked)
    raws, following = _rows(response)
    return response, raws, following


def _rows(response: Response) -> tuple[list[Raw], str | None]:
    """A table's rows as records. A page without rows may still not be the last: SHEET.md, Lists."""
    data = read_json(response.body)
    if not isinstance(data, dict):
        raise BadPayload("the answer is no table")
    columns, rows, after = data.get("columns"), data.get("rows"), data.get("after")
    if (
        not isinstance(columns, list)
        or not isinstance(rows, list)
        or not (after is None or isinstance(after, str))
    ):
        raise BadPayload("the answer is no table")
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) != len(columns):
        raise BadPayload("the table's columns have no names")
    return [_raw(columns, row) for row in rows], after or None


def _raw(columns: Sequence[str], row: Any) -> Raw:
    fits = isinstance(row, list) and len(row) == len(columns)
    return Raw.of(dict(zip(columns, row, strict=True)) if fits else row)


def _ids_page(cursor: Any) -> Flow[Page]:
    _, raws, after = yield from _table("list_cards", "/cards", {"only": "id"}, cursor["after"])
    shown, rejected = sort_out(raws, lambda raw: (Kind.APPLICATION, _id(raw)))
    following = {"after": after} if after else None
    return Page(shown=shown, rejected=rejected, next=following, watermark=None if after else {})


def _id(raw: Raw, name: str = "id") -> str:
    return need_id({name: raw.peek(name)}, name)


def _time(value: Any) -> datetime | None:
    """Seconds since 2000: SHEET.md, At a glance."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**11:
        return None
    return _EPOCH + timedelta(seconds=value)


def _stamp(moment: datetime) -> int:
    return max(0, int((moment - _EPOCH).total_seconds()))


def read_reason(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    reason = record(data)
    by, outcome = _WHOSE.get(opt_text(reason, "whose") or "", (ReasonBy.UNKNOWN, None))
    ref = Ref(connection, Kind.REASON, need_id(reason, "id"))
    return (
        Reason(ref=ref, read_at=read_at, name=opt_text(reason, "text"), by=by, active=True, outcome=outcome),
    )


def read_board(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    board = record(data)
    state = opt_text(board, "state")
    return (
        Job(
            ref=Ref(connection, Kind.JOB, need_id(board, "id")),
            read_at=read_at,
            created_at=_time(board.get("born")),
            updated_at=_time(board.get("touched")),
            title=opt_text(board, "name"),
            status=_JOBS.get(state or "", JobStatus.UNKNOWN),
            vendor_status=state,
        ),
    )


def read_lane(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    lane = record(data)
    shut = lane.get("shut") is True
    return (
        Stage(
            ref=Ref(connection, Kind.STAGE, need_id(lane, "id")),
            read_at=read_at,
            name=opt_text(lane, "name"),
            job=Ref(connection, Kind.JOB, need_id(lane, "board")),
            scope=StageScope.JOB,
            order=opt_int(lane, "place"),
            active=not shut,
            terminal=False,
            writable=Answer.NO if shut else Answer.YES,
        ),
    )


def read_card(connection: str, read_at: datetime, data: Any) -> tuple[Record, ...]:
    card = record(data)
    person = Ref(connection, Kind.CANDIDATE, need_id(card, "person"))
    mail, state = opt_text(card, "mail"), opt_text(card, "state")
    candidate = Candidate(
        ref=person,
        read_at=read_at,
        display_name=opt_text(card, "name"),
        emails=(Email(mail, primary=True),) if mail else (),
    )
    board, lane, reason = (opt_id(card, name) for name in ("board", "lane", "reason"))
    history = tuple(_trail(card.get("trail")))
    application = Application(
        ref=Ref(connection, Kind.APPLICATION, need_id(card, "id")),
        read_at=read_at,
        created_at=_time(card.get("born")),
        updated_at=_time(card.get("touched")),
        candidate=person,
        job=Ref(connection, Kind.JOB, board) if board else None,
        stage=Ref(connection, Kind.STAGE, lane) if lane else None,
        status=_STATES.get(state or "", ApplicationStatus.UNKNOWN),
        vendor_status=state,
        reason=Ref(connection, Kind.REASON, reason) if reason else None,
        applied_at=_time(card.get("born")),
        history=history,
        stage_entered_at=history[-1].at if history else None,
        token=opt_id(card, "version"),
    )
    return candidate, application


def _trail(value: Any) -> list[Transition]:
    found: list[Transition] = []
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], int):
            before = found[-1].to if found else None
            found.append(Transition(_time(entry[1]), str(entry[0]), before, None, ActorKind.UNKNOWN))
    return found
