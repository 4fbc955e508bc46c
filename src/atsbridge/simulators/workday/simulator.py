"""`WorkdaySimulator`: what is served, what tests may do to it, what people do in it."""

from __future__ import annotations

import base64
import json
import math
import random
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from attrs import define, evolve, field

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, Limits, SimRequest, SimResponse, Simulator, Truth
from .account import Account, Row, key_of
from .api import FIRST_WITH_MORE, Api, http_date
from .example import asked, moving, security
from .folder import load
from .invent import application_row, configure, fill, person_row
from .report import rendered, rows
from .shapes import PRE_HIRES
from .soap import (
    BAD_LOGIN,
    BSVC,
    PASSWORD_TEXT,
    WSSE,
    Fault,
    Node,
    bad_login,
    child,
    envelope,
    fault_envelope,
    flag,
    parse,
    tag,
    text_of,
    validation,
)
from .wsdl import described

TENANT, USER, OWNER, REPORT = "acme", "isu_bridge", "lmcneil", "Job_Application_Status"
OLDEST, NEWEST = (26, 1), (45, 9)
GRANTED = (
    "Job Requisition Data", "Job Requisitions for Recruiting", "Manage: Evergreen Requisitions",
    "Job Postings", "Prospects", PRE_HIRES,
    "Candidate Data: Job Application", "Candidate Data: Personal Information",
    "Candidate Data: Other Information", "Candidate Data: Attachments", "Get_Candidates (Web Service)",
    "Worker Data: Public Worker Reports", "Worker Data: Workers", "Move Candidate",
    "Candidate Data: Edit Job Application", "Move_Candidate (Web Service)",
    "Report: shared with the user",
)  # fmt: skip
SERVICES: Mapping[str, frozenset[str]] = {
    "Recruiting": frozenset(
        {
            "Server_Timestamp_Get", "Get_Job_Requisitions_Request", "Get_Evergreen_Requisitions_Request",
            "Get_Job_Postings_Request", "Get_Candidates_Request", "Move_Candidate_Request",
        }
    ),
    "Human_Resources": frozenset({"Server_Timestamp_Get", "Get_Workers_Request"}),
    "Integrations": frozenset({"Server_Timestamp_Get", "Get_References_Request"}),
}  # fmt: skip
_SERVICE = re.compile(r"/ccx/service/([^/]+)/(Recruiting|Human_Resources|Integrations)(?:/(v\d+\.\d+))?")
_REPORT = re.compile(r"/ccx/service/customreport2/([^/]+)/([^/]+)/([^/]+)")
_VERSION = re.compile(r"v(\d+)\.(\d+)")
_XML = "text/xml;charset=UTF-8"


@define(kw_only=True)
class WorkdaySimulator(Simulator):
    """A tenant of Workday.

    A folder for `from_folder` holds recorded answers: ``Get_Job_Requisitions*.xml`` and
    ``Get_Candidates*.xml``, SOAP envelopes or the response elements alone.

    The settings from ``visible_after_seconds`` to ``requests_per_minute`` say what no page of
    Workday's confirms, those after them what a tenant may have been set up as.
    """

    name: ClassVar[str] = "workday"
    takes_back: ClassVar[bool] = False
    settings: ClassVar[Mapping[str, str]] = {
        "visible_after_seconds": "how long until a move by web service shows in a read; default 0",
        "self_steps": "a process lists a step as its own next one, so that a repeated move is a second event",
        "purge_hides": "a purged candidate no longer appears, instead of answering with blanks",
        "pages_when_empty": "the Total_Pages of an answer without results; default 0",
        "whole_candidate": "a candidate found by a requisition comes with all applications; default yes",
        "evergreen_by_wid": "candidates can be sought by an evergreen requisition's WID; default yes",
        "decimal_figures": "the figures of a listing come as 1.0",
        "lock_after": "wrong passwords in a row until the user is locked; default 10",
        "dates_with_offset": "a date comes with the offset of its zone, 2016-03-15-08:00",
        "bearer_401": "a wrong access token is answered 401, instead of by a fault",
        "expires_in": "seconds that an access token holds, as its answer then says; default none",
        "requests_per_minute": "the limit of the user, answered 429 beyond; default none",
        "oauth": "the credentials are those of an API client, instead of the user's password",
        "comments_disabled": "the process takes no comments",
        "sees_confidential": "confidential requisitions show",
        "maintenance": "the weekly window: 503 and a page of HTML",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    visible_after_seconds: float = 0.0
    self_steps: bool = False
    purge_hides: bool = False
    pages_when_empty: int = 0
    whole_candidate: bool = True
    evergreen_by_wid: bool = True
    decimal_figures: bool = False
    lock_after: int = 10
    dates_with_offset: bool = False
    bearer_401: bool = False
    expires_in: int | None = None
    requests_per_minute: int | None = None
    oauth: bool = False
    """A connection to it is configured with an API client instead of a password."""
    comments_disabled: bool = False
    sees_confidential: bool = False
    only_organisation: str | None = None
    status_ids: dict[str, str] = field(factory=dict)
    """How the tenant has renamed the ids of requisition states: ``{"OPEN": "Approved"}``."""
    maintenance: bool = False
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    api: Api = field(init=False)
    pending: set[str] = field(factory=set)
    """Permissions that were granted and wait for *Activate Pending Security Policy Changes*."""
    _password: str = field(init=False)
    _client: dict[str, str] = field(init=False)
    _tokens: dict[str, float] = field(factory=dict)
    """Until when each access token holds."""
    _failures: int = 0
    _asked: deque[float] = field(factory=deque)

    def __attrs_post_init__(self) -> None:
        mark, chance = people.marks.secret, random.Random(self.seed)
        self.account = Account(
            clock=self._clock, chance=chance, visible_after=self.visible_after_seconds,
            self_steps=self.self_steps, dates_with_offset=self.dates_with_offset,
        )  # fmt: skip
        self._password = f"pw{mark}{self.account.wid()}"
        self._client = {
            "client_id": f"ci{mark}{self.account.wid()}", "client_secret": f"cs{mark}{self.account.wid()}",
            "refresh_token": f"rt{mark}{self.account.wid()}",
        }  # fmt: skip
        secrets = self._client if self.oauth else {"password": self._password}
        self.credentials = {
            "service_host": "wd5-services1.myworkday.com", "tenant": TENANT, "user": USER, **secrets
        }  # fmt: skip
        self.api = Api(
            account=self.account, accepted=self.accepted, granted=set(GRANTED),
            comments_disabled=self.comments_disabled, sees_confidential=self.sees_confidential,
            only_organisation=self.only_organisation, evergreen_by_wid=self.evergreen_by_wid,
            whole_candidate=self.whole_candidate,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.clock()

    def configuration(self) -> Mapping[str, Any]:
        """With the tables of steps and dispositions, which no request lists, and the report."""
        account = self.account
        return {
            **self.credentials,
            "report": f"{OWNER}/{REPORT}",
            "visible_within_seconds": self.visible_after_seconds,
            "steps": [
                {"id": s.id, "name": s.name, "process": s.process} for s in account.steps.values() if s.active
            ],
            "dispositions": [
                {"id": d.id, "step": d.step, "name": d.name, "process": d.process, "status": d.outcome}
                for d in account.dispositions.values()
            ],
            "organisations": {
                r["organisation"][1]: r["process"] for r in account.requisitions.values()
            },
        }  # fmt: skip

    def first_steps(self, url: str) -> tuple[str, ...]:
        first: tuple[str, ...] = ()
        headers, security = {"Content-Type": "text/xml; charset=utf-8"}, self._security()
        if self.oauth:
            form = f"grant_type=refresh_token&refresh_token={self._client['refresh_token']}"
            pair = f"{self._client['client_id']}:{self._client['client_secret']}"
            first = (mint(curl(f"{url}/ccx/oauth2/{TENANT}/token", user=pair, data=form)),)
            headers, security = {**headers, "Authorization": f"Bearer {TOKEN}"}, ""

        def call(operation: str, content: str) -> str:
            body = asked(operation, content, security=security)
            return curl(f"{url}/ccx/service/{TENANT}/Recruiting/v40.0", headers=headers, data=body)

        count = "<wd:Response_Filter><wd:Count>1</wd:Count></wd:Response_Filter>"
        read, id = call("Get_Candidates_Request", count), self.movable()
        if id is None:
            return (*first, read)
        step, own = self.stages_for(id)[0], self._find(id)[1]["wid"]
        return *first, read, call("Move_Candidate_Request", moving(own, step))

    def _security(self) -> str:
        return security(f"{USER}@{TENANT}", self._password)

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim = cls(seed=seed, **settings)
        configure(sim.account, status_ids=sim.status_ids)
        fill(sim.account, applications, seed=seed)
        return sim

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        sim = cls(**settings)
        load(sim.account, folder)
        return sim

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        if self.maintenance:
            page = b"<html><body>Workday is currently unavailable.</body></html>"
            return self._answer(503, page, "text/html")
        if self._over_the_limit():
            return self.throttled()
        path, _, query = request.target.partition("?")
        if path.startswith("/ccx/oauth2/"):
            return self._token(path, request)
        if (found := _REPORT.fullmatch(path)) and found[1] == TENANT and request.method == "GET":
            return self._report(found[2], found[3], dict(parse_qsl(query)), request)
        service = _SERVICE.fullmatch(path)
        if service is None or service[1] != TENANT:
            return self._answer(404, b"<html><body>Not found</body></html>", "text/html")
        if request.method == "GET" and query == "wsdl":
            return self._described(path, service[2], service[3])
        try:
            return self._answer(200, envelope(self._soap(request, service[2], service[3])), _XML)
        except Fault as fault:
            # All faults come so, a wrong password among them.
            if self.bearer_401 and fault.code == BAD_LOGIN and request.headers.get("authorization"):
                return self._json(401, {"error": "invalid_token"})
            return self._answer(500, fault_envelope(fault), "text/xml")

    def _over_the_limit(self) -> bool:
        most, now = self.requests_per_minute, self.clock()
        if most is None or self.limits.factor is None:
            return False
        while self._asked and self._asked[0] <= now - 60:
            _ = self._asked.popleft()
        if len(self._asked) >= most * self.limits.factor:
            return True
        self._asked.append(now)
        return False

    def _holds(self, token: str) -> bool:
        return self.clock() < self._tokens.get(token, 0.0)

    def _soap(self, request: SimRequest, service: str, in_path: str | None) -> Node:
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if request.method != "POST" or kind not in ("text/xml", "application/xml"):
            raise validation("A SOAP request is a POST of XML")
        head, root = parse(request.body)
        actor = self._log_in(request, head)
        given = str(in_path or root.get(tag("version"), ""))
        found = _VERSION.fullmatch(given)
        version = (int(found[1]), int(found[2])) if found else None
        common = child(head, "Workday_Common_Header")
        descriptors = flag(common, "Include_Reference_Descriptors_In_Response")
        known = root.tag.removeprefix(f"{{{BSVC}}}") in SERVICES[service]
        answer = None
        if known and version is not None and OLDEST <= version <= NEWEST:
            answer = self.api.call(root, actor=actor, descriptors=descriptors, version=version)
        if answer is None:
            raise Fault("Client", "The web service or version is invalid for the requested operation")
        return self._counted(answer)

    def _counted(self, answer: Node) -> Node:
        results = child(answer, "Response_Results")
        pages = child(results, "Total_Pages")
        if pages is not None and text_of(results, "Total_Results") == "0":
            pages.text = str(self.pages_when_empty)
        for figure in results if results is not None and self.decimal_figures else ():
            figure.text = f"{figure.text}.0"
        return answer

    def _log_in(self, request: SimRequest, head: Node | None) -> str:
        bearer = request.headers.get("authorization", "")
        if bearer.startswith("Bearer "):
            if not self._holds(bearer.removeprefix("Bearer ")):
                raise bad_login()
            return USER
        token = None if head is None else head.find(f"{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
        user = None if token is None else token.findtext(f"{{{WSSE}}}Username")
        password = None if token is None else token.find(f"{{{WSSE}}}Password")
        right = (
            user == f"{USER}@{TENANT}"
            and password is not None
            and password.get("Type") == PASSWORD_TEXT
            and password.text == self._password
        )
        return self._judged(right)

    def _judged(self, right: bool) -> str:
        """Wrong passwords in a row lock the user, and then the right one is wrong too."""
        if not right or self._failures >= self.lock_after:
            self._failures += 1
            raise bad_login()
        self._failures = 0
        return USER

    def _token(self, path: str, request: SimRequest) -> SimResponse:
        parts = path.split("/")
        if len(parts) != 5 or parts[4] != "token" or request.method != "POST":
            return self._json(404, {"error": "not_found"})
        if parts[3] != TENANT:
            return self._json(503, {"error": "unavailable"})
        own = self._client
        pair = base64.b64encode(f"{own['client_id']}:{own['client_secret']}".encode()).decode()
        form = dict(parse_qsl(request.body.decode("ascii", "replace")))
        if request.headers.get("authorization") != f"Basic {pair}" or form != {
            "grant_type": "refresh_token",
            "refresh_token": own["refresh_token"],
        }:
            return self._json(401, {"error": "invalid_client"})
        token = f"at{people.marks.secret}{self.account.wid()}"
        self._tokens[token] = self.clock() + (self.expires_in or math.inf)
        told = {"access_token": token, "refresh_token": own["refresh_token"], "token_type": "Bearer"}
        return self._json(200, told | ({"expires_in": self.expires_in} if self.expires_in else {}))

    def _report(self, owner: str, name: str, query: Mapping[str, str], request: SimRequest) -> SimResponse:
        given = request.headers.get("authorization", "")
        try:
            if given.startswith("Basic "):
                users = (USER, f"{USER}@{TENANT}")
                pairs = [base64.b64encode(f"{u}:{self._password}".encode()).decode() for u in users]
                _ = self._judged(given.removeprefix("Basic ") in pairs)
            elif not given.startswith("Bearer ") or not self._holds(given.removeprefix("Bearer ")):
                raise bad_login()
        except Fault:
            return self._json(401, {"error": "invalid username or password"})
        if (owner, name) != (OWNER, REPORT):
            return self._json(404, {"error": "there is no such report"})
        if "Report: shared with the user" not in self.api.granted:
            return self._json(403, {"error": "The task submitted is not authorized."})
        found = rows(self.api, job=query.get("Job_Requisition"), since=query.get("Last_Changed_From"))
        return self._answer(200, *rendered(found, query.get("format", "workdayxml")))

    def _described(self, path: str, service: str, version: str | None) -> SimResponse:
        location = f"https://{self.credentials['service_host']}{path}"
        asked = tuple(map(int, version[1:].split("."))) if version else NEWEST
        newer = asked >= FIRST_WITH_MORE
        operations = [name.removesuffix("_Request") for name in SERVICES[service]]
        return self._answer(200, described(service, operations, location, newer=newer), _XML)

    def _json(self, status: int, body: Row) -> SimResponse:
        return self._answer(status, json.dumps(body).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> SimResponse:
        return SimResponse(status, (("Content-Type", kind), ("Date", http_date(self.clock()))), body)

    def throttled(self) -> SimResponse:
        refused = self._answer(429, b"", "text/html")
        return evolve(refused, headers=(*refused.headers, ("Retry-After", "5")))

    # -- what a test may do to a connection --

    def expire_tokens(self) -> bool:
        self._tokens.clear()
        return self.oauth

    def permissions(self) -> tuple[str, ...]:
        return GRANTED

    def revoke(self, permission: str) -> None:
        """Take a permission back, and activate that."""
        if permission not in GRANTED:
            raise ValueError(f"there is no permission {permission}")
        self.api.granted.discard(permission)
        self.pending.discard(permission)

    def grant(self, permission: str) -> None:
        """Nothing changes until it is activated."""
        self.pending.add(permission)

    def activate_security_changes(self) -> None:
        """*Activate Pending Security Policy Changes*."""
        self.api.granted |= self.pending
        self.pending.clear()

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        return {
            "the requisition has been closed": lambda id: self.close(self._find(id)[1]["requisition"]),
            "the process allows no other step": self._close_ways,
            "the user may no longer move candidates": lambda _id: self.revoke("Move Candidate"),
        }

    def _close_ways(self, application: str) -> None:
        self.account.steps[self._find(application)[1]["step"]].following.clear()

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return self.account.truths()

    def deleted(self) -> frozenset[str]:
        return frozenset(self.account.gone)

    # -- what people do --

    def _find(self, application: str) -> tuple[Row, Row]:
        return self.account.find(application)

    def stages_for(self, application: str) -> list[str]:
        _, row = self._find(application)
        if not self.account.in_progress(row):
            return []
        return [step.id for step in self.account.following(row) if step.id != row["step"]]

    def stage_name(self, stage: str) -> str:
        return self.account.steps[stage].name

    def reasons(self, outcome: str) -> list[str]:
        return [f"{d.id}:{d.step}" for d in self.account.dispositions.values() if d.outcome == outcome]

    def _advance(self, application: str, step: str) -> None:
        candidate, row = self._find(application)
        if self.account.ended(candidate, row) is not None:
            raise ValueError("the application has ended")
        try:
            self.account.advance(candidate, row, step)
        except Fault as fault:
            raise ValueError(fault.text) from None

    def move(self, application: str, stage: str) -> None:
        if stage not in self.account.steps:
            raise ValueError("there is no such step")
        self._advance(application, stage)

    def reject(self, application: str, reason: str) -> None:
        """By the disposition of that reason, as the application's own process has it."""
        own = self.account.ways_out(self._find(application)[1])
        found = next((d for d in own if d.id == reason.partition(":")[0]), None)
        if found is None:
            raise ValueError("the process has no such disposition")
        self._advance(application, found.step)

    def withdraw(self, application: str) -> None:
        """The candidate withdraws altogether: their applications stay undisposed."""
        candidate, row = self._find(application)
        if self.account.ended(candidate, row) is not None:
            raise ValueError("the application has ended")
        candidate["withdrawn"] = True
        self.account.keep(candidate)

    def also_at(self, application: str, step: str) -> None:
        """A parallel stage: SOAP goes on showing one alone."""
        candidate, row = self._find(application)
        row["parallel"].append(step)
        self.account.keep(candidate)

    def reactivate(self, application: str) -> None:
        self.account.reactivate(*self._find(application))

    def hire(self, application: str) -> None:
        candidate, row = self._find(application)
        if self.account.ended(candidate, row) is not None:
            raise ValueError("the application has ended")
        self.account.hire(candidate, row)

    def edit(self, application: str) -> None:
        candidate, _ = self._find(application)
        candidate["city"] = f"Town {self.account.next()}"
        self.account.keep(candidate)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        given, _, family = name.partition(" ")
        if job is None:
            usable = [
                r for r in account.requisitions.values() if r["status"] == "OPEN" and not r["confidential"]
            ]
            place = usable[account.number % len(usable)]
        else:
            place = account.requisitions[job]
        person = people.Person(given, family, email, None, "", "", "")
        candidate = person_row(account, person, self.clock())
        row = application_row(account, place, self.clock())
        candidate["applications"].append(row)
        account.keep(candidate)
        return key_of(candidate, row)

    def delete(self, application: str) -> None:
        self.account.remove(self._find(application)[0])

    def anonymise(self, application: str) -> None:
        """*Purge Person Data*."""
        candidate, _ = self._find(application)
        if candidate["purged"]:
            raise ValueError("the person has been purged")
        if self.purge_hides:
            self.account.remove(candidate)
        else:
            self.account.purge(candidate)

    def merge(self, loser: str, survivor: str) -> None:
        raise ValueError("Workday's pages on recruiting services tell of no merge")

    def rename_stage(self, stage: str, name: str) -> None:
        self.account.steps[stage].name = name

    def deactivate_stage(self, stage: str) -> None:
        """It leaves its process; whoever stands in it stays there."""
        step = self.account.steps[stage]
        if len([s for s in self.account.steps.values() if s.process == step.process and s.active]) < 3:
            raise ValueError("the process needs its steps")
        step.active = False

    # -- what else an administrator does --

    def _set_status(self, requisition: str, status: str) -> None:
        row = self.account.requisitions[requisition]
        row["status"] = status
        self.account.keep_requisition(row)

    def close(self, requisition: str) -> None:
        self._set_status(requisition, "CLOSED")

    def make_confidential(self, requisition: str) -> None:
        """It and all that belongs to it no longer shows, without a word."""
        row = self.account.requisitions[requisition]
        row["confidential"] = True
        self.account.keep_requisition(row)

    def refresh_sandbox(self) -> None:
        """What a sandbox goes through: reference ids stay, WIDs of steps and the password change."""
        for step in self.account.steps.values():
            step.wid = self.account.wid()
        self._password = f"pw{people.marks.secret}{self.account.wid()}"
