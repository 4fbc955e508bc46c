"""`AshbySimulator`: one account, one API key, and whatever people do in Ashby's pages."""

from __future__ import annotations

import base64
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from attrs import define, field

from .. import people
from ..curl import curl
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from .account import Account
from .answers import Refusal, Row
from .api import Api, as_is
from .catalogues import CATALOGUES
from .folder import load
from .hooks import TYPES, Delivery, Hooks
from .invent import candidate, fill
from .methods import METHODS, VERSION

GRANTED = (
    "candidatesRead",
    "candidatesWrite",
    "jobsRead",
    "interviewsRead",
    "hiringProcessMetadataRead",
    "organizationRead",
    "apiKeysRead",
)
ENDPOINTS = {**METHODS, **CATALOGUES}


@define(eq=False, kw_only=True)
class AshbySimulator(Simulator):
    """Ashby in memory.

    `from_folder` reads recorded answers as they came, ``<method>[.<anything>].json`` each, such as
    ``application.list.2.json``: the records of their ``results`` are the account.
    """

    name: ClassVar[str] = "ashby"
    settings: ClassVar[Mapping[str, str]] = {
        "sync_days": "how long a sync token holds; no page says",
        "cursor_minutes": "how long a page cursor holds; no page says",
        "incremental_pages": "how many pages an incremental sync may have; no page gives the number",
        "keeps_archived_at": "archivedAt stays when an application leaves the archive",
        "repeats_add_history": "a change to the stage it is in adds a row to the history",
        "leaves_hired": "an application can be moved out of the Hired stage",
        "anonymised_name": "how the name of an anonymised candidate reads",
        "impossible_is_500": "a hire or mail that cannot be is a server error, as before 2026-11-09",
        "error_info": "refusals carry errorInfo; False on old paths",
        "error_objects": "what is wrong with an input comes as objects in errors",
        "requests_per_minute": "the limit of a key; no page gives the number, users tell of 15",
        "retry_after": "an answer over the limit says how long to wait",
        "warning": "what stands in the warnings of each success; none if empty",
        "scopes": "more permissions of the key, e.g. 'offersRead apiKeysWrite candidatesDelete'",
        "hire_needs": "what every hire lacks: offer (its approval), opening, free_opening; nothing if empty",
        "mails_fail": "the mail of a rejection cannot be sent, and its stage stays; no page names the code",
        "maintenance": "reads work and writes fail",
        "partner": "the limit counts the partner's requests over all its customers",
        "sees_confidential": "the key has the tick box for confidential jobs",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    sync_days: float = 7.0
    cursor_minutes: float = 60.0
    incremental_pages: int = 50
    keeps_archived_at: bool = False
    repeats_add_history: bool = False
    leaves_hired: bool = True
    anonymised_name: str = ""
    impossible_is_500: bool = False
    error_info: bool = True
    error_objects: bool = False
    partner: bool = False
    requests_per_minute: int = 1000
    retry_after: bool = True
    warning: str = ""
    scopes: str = ""
    hire_needs: str = ""
    mails_fail: bool = False
    sees_confidential: bool = False
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    hooks: Hooks = field(init=False)
    api: Api = field(init=False)
    maintenance: bool = False
    """Reads work, writes fail."""
    deactivated: bool = False
    """The key."""
    _asked: deque[float] = field(factory=deque)
    _answers: int = 0

    def __attrs_post_init__(self) -> None:
        mark, chance = people.marks.secret, random.Random(self.seed)
        self.account = Account(
            clock=self._clock, chance=chance, keeps_archived_at=self.keeps_archived_at,
            repeats_add_history=self.repeats_add_history, leaves_hired=self.leaves_hired,
            anonymised_name=self.anonymised_name,
        )  # fmt: skip
        self.credentials = {
            "api_key": f"ak{mark}{self.account.uuid()}",
            "hook_secret": f"hs{mark}{self.account.uuid()}",
        }
        self.hooks = Hooks(uuid=self.account.uuid, clock=self._clock)
        self.api = Api(
            account=self.account, hooks=self.hooks, accepted=self.accepted,
            scopes={*GRANTED, *self.scopes.split()}, sees_confidential=self.sees_confidential,
            mails_fail=self.mails_fail, sync_days=self.sync_days,
            cursor_minutes=self.cursor_minutes, incremental_pages=self.incremental_pages,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.clock()

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim = cls(seed=seed, **settings)
        fill(sim.account, applications, seed=seed)
        return sim._opened()

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        sim = cls(**settings)
        load(sim.account, folder)
        return sim._opened()

    def _opened(self) -> Self:
        """With a web hook of every type."""
        for kind in sorted(TYPES):
            asked = {
                "webhookType": kind,
                "requestUrl": "/hooks/ashby",
                "secretToken": self.credentials["hook_secret"],
            }
            _ = self.hooks.create(asked, by_api=False)
        self.account.tell, self.account.hire_needs = self._tell, self.hire_needs
        return self

    def _tell(self, **events: Row) -> None:
        self.hooks.tell({type: self._shown(data) for type, data in events.items()})

    def _shown(self, data: Row) -> Row:
        show = {"application": self.api.shown, "job": as_is}
        return {name: show[name](value) if name in show else value for name, value in data.items()}

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        try:
            warned = {"warnings": [self.warning]} if self.warning else {}
            return self._answered(200, {"success": True, **self._respond(request), **warned})
        except Refusal as refusal:
            return self._refused(refusal)

    def _respond(self, request: SimRequest) -> Row:
        self._count()
        method = request.target.partition("?")[0].removeprefix("/")
        self._authenticate(request)
        if request.headers.get("ashby-version", VERSION) != VERSION:
            raise Refusal("unsupported_version", "The version is not supported", status=400)
        endpoint = ENDPOINTS.get(method) if request.method == "POST" else None
        if endpoint is None:
            raise Refusal("not_found", "No such endpoint", status=404)
        if endpoint.permission and endpoint.permission not in self.api.scopes:
            raise Refusal("missing_endpoint_permission", "The key lacks the permission", status=403)
        if endpoint.writes and self.maintenance:
            raise Refusal("read_only", "Read-only maintenance", status=503)
        try:
            return self.api.call(endpoint, _body(request))
        except Refusal as refusal:
            if (
                self.impossible_is_500
                and endpoint is METHODS["application.changeStage"]
                and refusal.impossible
            ):
                raise Refusal("internal_error", "Internal error", status=500) from None
            raise

    def _authenticate(self, request: SimRequest) -> None:
        given = request.headers.get("authorization", "")
        if not given:
            raise Refusal("unauthorized", "No API key", status=401)
        right = base64.b64encode(f"{self.credentials['api_key']}:".encode()).decode()
        scheme, _, sent = given.partition(" ")
        if scheme.lower() != "basic" or sent.strip() != right or self.deactivated:
            raise Refusal("invalid_api_key", "The API key is not valid", status=403)

    def _count(self) -> None:
        if self.limits.factor is None:
            return
        now = self.clock()
        while self._asked and self._asked[0] <= now - 60:
            _ = self._asked.popleft()
        if len(self._asked) >= self.requests_per_minute * self.limits.factor:
            raise Refusal("rate_limited", "Too many requests", status=429)
        self._asked.append(now)

    def _answered(self, status: int, body: Row) -> SimResponse:
        headers = [
            ("Content-Type", "application/json"),
            ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock()))),
            ("Ashby-Version", VERSION), ("Ashby-Version-Status", "active"),
            ("x-ashby-request-id", f"01JRVWPBWZ{self._answers:016d}"),
        ]  # fmt: skip
        self._answers += 1
        if status == 429:
            headers += [("Retry-After", "2")] if self.retry_after else []
            headers += [("X-RateLimit-Scope", "integration-partner")] if self.partner else []
        return SimResponse(status, tuple(headers), json.dumps(body, separators=(",", ":")).encode())

    def _refused(self, refusal: Refusal) -> SimResponse:
        body: Row = {"success": False, "errors": [refusal.code]}
        if self.error_objects and refusal.code == "invalid_input":
            body["errors"] = [{"message": refusal.message, "parameter": refusal.parameter}]
        if self.error_info:
            about = {"code": refusal.code, "message": refusal.message}
            body["errorInfo"] = {**about, "requestId": f"01JRVWPBWZ{self._answers:016d}"}
        return self._answered(refusal.status, body)

    def throttled(self) -> SimResponse:
        return self._refused(Refusal("rate_limited", "Too many requests", status=429))

    def first_steps(self, url: str) -> tuple[str, ...]:
        def call(method: str, **body: Any) -> str:
            headers = {"Content-Type": "application/json"}
            user = f"{self.credentials['api_key']}:"
            return curl(f"{url}/{method}", user=user, headers=headers, data=json.dumps(body))

        read, id = call("application.list", limit=1), self.movable()
        if id is None:
            return (read,)
        stage = self.stages_for(id)[0]
        return read, call("application.changeStage", applicationId=id, interviewStageId=stage)

    # -- what a test may do to a connection --

    def expire_cursors(self) -> bool:
        self.api.age += 1
        return True

    def expire_watermarks(self) -> bool:
        self.api.age += 1
        return True

    def permissions(self) -> tuple[str, ...]:
        return GRANTED

    def revoke(self, permission: str) -> None:
        if permission not in GRANTED:
            raise ValueError(f"the key has no permission {permission}")
        self.api.scopes.discard(permission)

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        return {
            "every other stage has left the plan": self._empty_plan,
            "the job has become confidential": self.hide_job,
            "the job has another interview plan": self._switch,
            "the key may no longer write": lambda _id: self.revoke("candidatesWrite"),
        }

    def _empty_plan(self, application: str) -> None:
        row = self._find(application)
        for stage in self.account.stages_of(self.account.plan_of(row)):
            if stage["id"] != row["stage"]:
                self.account.remove("interviewStage", stage["id"])

    def hide_job(self, application: str) -> None:
        job = self.account["job"].rows[self._find(application)["job"]]
        job["confidential"] = True
        self.account.touch("job", job)

    def _switch(self, application: str) -> None:
        job = self.account["job"].rows[self._find(application)["job"]]
        others = [p["id"] for p in self.account["interviewPlan"] if p["id"] not in job["interviewPlanIds"]]
        old = self.account.plan_of(self._find(application))
        self.switch_plan(
            job["id"], next(p for p in [*others, *self.account["interviewPlan"].rows] if p != old)
        )

    @property
    def posts_hooks(self) -> bool:
        return self.hooks.has_local_receiver

    def hooks_due(self) -> list[HookPost]:
        return [self._post(delivery) for delivery in self.hooks.take_due()]

    def _post(self, delivery: Delivery) -> HookPost:
        sent = delivery.request
        return HookPost(
            url=sent.target, headers=tuple(sent.headers.items()), body=sent.body,
            answered=lambda status: self.hooks.answered(delivery, status),
        )  # fmt: skip

    def deliveries(self) -> tuple[SimRequest, ...]:
        return tuple(self.hooks.sent)

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return {row["id"]: self.account.truth(row) for row in self.account["application"]}

    def deleted(self) -> frozenset[str]:
        return frozenset(self.account.gone)

    # -- what people do --

    def _find(self, application: str) -> Row:
        row = self.account["application"].rows.get(application)
        if row is None:
            raise ValueError("there is no such application")
        return row

    def _active(self, application: str) -> Row:
        row = self._find(application)
        if self.account.truth(row).status != "active":
            raise ValueError("the application has ended")
        return row

    def _change(self, row: Row, stage: Row, reason: Row | None = None) -> None:
        actor = next((user["id"] for user in self.account["user"]), None)
        try:
            self.account.change_stage(row, stage, reason, actor=actor)
        except Refusal as refusal:
            raise ValueError(refusal.message) from None

    def stages_for(self, application: str) -> list[str]:
        row = self._find(application)
        stages = self.account.stages_of(self.account.plan_of(row))
        return [s["id"] for s in stages if s["type"] not in ("Hired", "Archived") and s["id"] != row["stage"]]

    def stage_name(self, stage: str) -> str:
        return str(self.account["interviewStage"].rows[stage]["title"])

    def reasons(self, outcome: str) -> list[str]:
        kinds = {"rejected": ("RejectedByOrg", "Other"), "withdrawn": ("RejectedByCandidate",)}.get(
            outcome, ()
        )
        usable = [r for r in self.account["archiveReason"] if not r["isArchived"]]
        return [r["id"] for kind in kinds for r in usable if r["reasonType"] == kind]

    def move(self, application: str, stage: str) -> None:
        there = self.account["interviewStage"].rows.get(stage)
        row = self._active(application)
        if there is None or there["interviewPlanId"] != self.account.plan_of(row):
            raise ValueError("the stage is not in the application's plan")
        if there["type"] in ("Hired", "Archived"):
            raise ValueError("that would be no move")
        self._change(row, there)

    def _by_type(self, row: Row, type: str) -> Row:
        found = [s for s in self.account.stages_of(self.account.plan_of(row)) if s["type"] == type]
        if not found:
            raise ValueError(f"the plan has no stage of type {type}")
        return found[0]

    def reject(self, application: str, reason: str) -> None:
        row = self._active(application)
        self._change(row, self._by_type(row, "Archived"), self.account["archiveReason"].rows[reason])

    def reactivate(self, application: str) -> None:
        row = self._find(application)
        if self.account.truth(row).status == "active":
            raise ValueError("the application is active")
        known = [self.account["interviewStage"].rows.get(entry["stageId"]) for entry in row["history"]]
        living = [s for s in known if s is not None and s["type"] not in ("Hired", "Archived")]
        self._change(row, living[-1] if living else self._by_type(row, "PreInterviewScreen"))

    def hire(self, application: str) -> None:
        row = self._active(application)
        self._change(row, self._by_type(row, "Hired"))

    def edit(self, application: str) -> None:
        row = self._find(application)
        row["source"] = {
            "id": self.account.uuid(), "title": f"Source {self.account.sequence}", "isArchived": False,
            "sourceType": None,
        }  # fmt: skip
        self.account.touch("application", row)
        self._tell(applicationUpdate={"application": row})

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        given, _, family = name.partition(" ")
        person = people.Person(given, family, email, None, "", "", "")
        somebody = account.add("candidate", **{**candidate(person, self.clock()), "company": None})
        usable = [j for j in account["job"] if j["status"] == "Open" and not j["confidential"]]
        place = account["job"].rows[job] if job else usable[account.sequence % len(usable)]
        stages = account.stages_of(place["defaultInterviewPlanId"])
        living = [s for s in stages if s["type"] not in ("Hired", "Archived")]
        first = next((s for s in living if s["type"] == "PreInterviewScreen"), living[0] if living else None)
        if first is None:
            raise ValueError("the plan has no stage to begin in")
        row = account.apply(job=place, candidate=somebody, stage=first)
        self._tell(applicationSubmit={"application": row})
        return str(row["id"])

    def delete(self, application: str) -> None:
        self.account.delete_candidate(self._find(application)["candidate"])

    def anonymise(self, application: str) -> None:
        try:
            person = self.account["candidate"].rows[self._find(application)["candidate"]]
            self.account.anonymise(person)
        except Refusal as refusal:
            raise ValueError(refusal.message) from None

    def merge(self, loser: str, survivor: str) -> None:
        people_ = self.account["candidate"].rows
        gone, stays = people_[self._find(loser)["candidate"]], people_[self._find(survivor)["candidate"]]
        if gone is stays:
            raise ValueError("one person is not merged into themselves")
        self.account.merge(gone, stays)

    def rename_stage(self, stage: str, name: str) -> None:
        self.account["interviewStage"].rows[stage]["title"] = name

    def deactivate_stage(self, stage: str) -> None:
        """It leaves its plan; whoever stands in it stays there."""
        row = self.account["interviewStage"].rows[stage]
        if len([s for s in self.account.stages_of(row["interviewPlanId"]) if s["type"] == row["type"]]) < 2:
            raise ValueError("the plan needs one of its type")
        self.account.remove("interviewStage", stage)

    def switch_plan(self, job: str, plan: str) -> None:
        """Another interview plan for a job."""
        self.account.switch_plan(self.account["job"].rows[job], plan)


def _body(request: SimRequest) -> Row:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        body = json.loads(request.body) if kind == "application/json" else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal("invalid_input", "the body is a JSON object; send {} when there is nothing to say")
    return body
