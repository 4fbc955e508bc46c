"""`OracleRecruitingSimulator`: one pod, one integration user, and whatever people do in its pages."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from attrs import define, field

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, Limits, SimRequest, SimResponse, Simulator, Truth
from .account import Account, PhaseState
from .answers import Refusal, Row, bad
from .api import DATA, MOVE, ROLES, Api
from .folder import load
from .invent import candidate, fill

HOST = "acme.fa.us2.oraclecloud.com"
DOMAIN = "idcs-0a1b2c3d.identity.oraclecloud.com"
USER = "integration.user"
VERSION = "11.13.18.05"
SCOPE = "urn:opc:resource:fusion:acme:hcm"
ACTION = "application/vnd.oracle.adf.action+json"
_BASE = re.compile(rf"/hcmRestApi/resources/(?:{re.escape(VERSION)}|latest)/(.+)")


@define(eq=False, kw_only=True)
class OracleRecruitingSimulator(Simulator):
    """Oracle Recruiting in memory.

    `from_folder` reads recorded collections as they came, ``<resource>[.<anything>].json`` each.
    """

    name: ClassVar[str] = "oracle_recruiting"
    settings: ClassVar[Mapping[str, str]] = {
        "oauth": "the user logs in by client credentials; False: HTTP Basic",
        "moves_bump": "a change of phase or state moves the application's LastModifiedDate",
        "repeats": "a move to where the application stands: refused or noop",
        "closed_writes": "applications of a closed requisition can be moved",
        "returns": "an application that has ended can be moved back",
        "empty_answers": "a move is answered by an empty 204; False: 200 and an empty result",
        "hidden_status": "what an application is answered with to who has no role on it: 403 or 404",
        "wrong_type_status": "what an action with another content type is answered with: 415 or 400",
        "not_queryable": "attributes that q does not take, with blanks between",
        "ceiling": "after so many rows a collection says that there is no more",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    oauth: bool = False
    moves_bump: bool = True
    repeats: str = "refused"
    closed_writes: bool = True
    returns: bool = True
    empty_answers: bool = False
    hidden_status: int = 403
    wrong_type_status: int = 415
    not_queryable: str = ""
    ceiling: int = 10_000
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    api: Api = field(init=False)
    maintenance: int = 0
    """What everything is answered with while there is some: 503 with a page of HTML, or 302 to one."""
    frameworks: tuple[int, ...] = tuple(range(1, 9))
    """The versions of the framework that this pod knows."""
    failing: bool = False
    """Every request ends in a 500, which has no body."""
    _tokens: dict[str, float] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        mark = people.marks.secret
        self.account = Account(
            clock=self._clock, moves_bump=self.moves_bump, repeats=self.repeats,
            closed_writes=self.closed_writes, returns=self.returns,
        )  # fmt: skip
        self._password, self._secret = f"pw{mark}{self.seed:08d}", f"cs{mark}{self.seed:08d}"
        client = {
            "identity_domain": DOMAIN, "client_id": f"ci{mark}{self.seed:08d}",
            "client_secret": self._secret, "scope": SCOPE,
        }  # fmt: skip
        basic = {"user": USER, "password": self._password}
        self.credentials = {"pod": HOST, **(client if self.oauth else basic)}
        self.api = Api(
            account=self.account, root=f"https://{HOST}/hcmRestApi/resources/{VERSION}", user=USER,
            accepted=self.accepted, not_queryable=frozenset(self.not_queryable.split()),
            ceiling=self.ceiling, hidden_status=self.hidden_status,
        )  # fmt: skip

    _password: str = field(init=False, repr=False)
    _secret: str = field(init=False, repr=False)

    def _clock(self) -> float:
        return self.clock()

    def configuration(self) -> Mapping[str, Any]:
        """With the table of phases and states, which no request lists."""
        return {
            **self.credentials,
            "job_states": {"Closed": "closed"},
            "states": [
                {
                    "process": s.process, "phase": s.phase, "phase_name": s.phase_name, "state": s.state,
                    "name": s.name, "kind": _kind(s), "movable": not s.closed,
                }
                for s in self.account.states.values() if s.active
            ],
        }  # fmt: skip

    def first_steps(self, url: str) -> tuple[str, ...]:
        """What phases and states there are, no request lists: a move names two of them."""
        first: tuple[str, ...] = ()
        user: str | None = f"{USER}:{self._password}"
        headers = {"REST-Framework-Version": "4"}
        if self.oauth:
            pair = f"{self.credentials['client_id']}:{self._secret}"
            form = f"grant_type=client_credentials&scope={SCOPE}"
            first = (mint(curl(f"{url}/oauth2/v1/token", user=pair, data=form)),)
            user, headers = None, {**headers, "Authorization": f"Bearer {TOKEN}"}
        base = f"{url}/hcmRestApi/resources/{VERSION}/recruitingJobApplications"
        read, id = curl(f"{base}?limit=1", user=user, headers=headers), self.movable()
        if id is None:
            return (*first, read)
        phase, _, state = self.stages_for(id)[0].partition(":")
        body = json.dumps({"phaseId": int(phase), "stateId": int(state)})
        action = {**headers, "Content-Type": ACTION}
        return *first, read, curl(f"{base}/{id}/action/move", user=user, headers=action, data=body)

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim = cls(seed=seed, **settings)
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
            page = b"<html><body>Scheduled maintenance</body></html>"
            return self._answer(self.maintenance, "text/html", page, location=f"https://{HOST}/maintenance")
        if self.failing:
            return self._answer(500, "text/plain", b"")
        path, _, query = request.target.partition("?")
        version = self._framework(request)
        try:
            if path == "/oauth2/v1/token" and request.method == "POST":
                return self._token(request)
            self._log_in(request)
            if version is None:
                raise bad("The REST-Framework-Version is not valid.")
            accept = request.headers.get("accept", "*/*")
            if not re.search(r"\*/\*|application/\*|json", accept):
                raise Refusal(406)
            if path in ("/hcmRestApi/resources", "/hcmRestApi/resources/"):
                return self._json(200, self._versions())
            found = _BASE.fullmatch(path)
            if found is None:
                raise Refusal(404)
            # A plus in a query is a blank, as in every form.
            pairs = dict(parse_qsl(query, keep_blank_values=True))
            return self._route(found[1].split("/"), pairs, request, version)
        except Refusal as refusal:
            return self._answer(refusal.status, *refusal.body(version or 4))

    def _route(
        self, parts: list[str], query: dict[str, str], request: SimRequest, version: int
    ) -> SimResponse:
        api, method = self.api, request.method
        match parts:
            case ["recruitingUIJobApplicationPhasesStates", *_] if method == "GET":
                # Outside of the pages it answers without an error, and with nothing.
                return self._json(200, {"items": [], "count": 0, "hasMore": False, "limit": 25, "offset": 0})
            case ["recruitingUIJobApplications", "action", "fetchMoveActionMetadata"] if method == "POST":
                return self._json(200, {"result": self._targets(self._body(request))})
            case [name] if method == "GET":
                return self._json(200, api.collection(name, query, version))
            case [name, "describe"] if method == "GET":
                return self._json(200, api.describe(name))
            case [name, key] if method == "GET":
                return self._json(200, api.item(name, key, query, version))
            case ["recruitingCandidates", number] if method == "DELETE":
                api.delete_candidate(number)
                return self._answer(204, "", b"")
            case [name, key, "child", child] if method == "GET":
                return self._json(200, api.child(name, key, child, query))
            case ["recruitingJobApplications", id, "action", action] if method == "POST":
                result = api.act(id, action, self._body(request))
                if self.empty_answers:
                    return self._answer(204, "", b"")
                kind = "application/vnd.oracle.adf.actionresult+json"
                return self._answer(200, kind, json.dumps({"result": result}).encode())
        raise Refusal(405 if api.methods(parts) else 404)

    def _body(self, request: SimRequest) -> Any:
        if request.headers.get("content-type", "") != ACTION:
            raise Refusal(self.wrong_type_status, "The content type is not valid.")
        try:
            return json.loads(request.body)
        except (ValueError, RecursionError):
            raise bad("The body is not JSON.") from None

    def _targets(self, body: Any) -> Row:
        """The internal listing of where an application can be moved to; its names are not documented."""
        id = body.get("submissionId") if isinstance(body, dict) else None
        row = self.account.applications.get(id) if isinstance(id, int) else None
        if row is None:
            raise Refusal(404)
        found: Row = {}
        for state in self.account.process(row):
            if not state.closed:
                found.setdefault(str(state.phase), []).append(state.state)
        return found

    def _log_in(self, request: SimRequest) -> None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        pair = base64.b64encode(f"{USER}:{self._password}".encode()).decode()
        if scheme == "Basic" and text == pair and not self.oauth:
            return
        if scheme == "Bearer" and self._tokens.get(text, 0) > self.clock():
            return
        raise Refusal(401)

    def _framework(self, request: SimRequest) -> int | None:
        """1 for whoever names none; None for one that there is not."""
        text = request.headers.get("rest-framework-version", "1")
        return int(text) if text in map(str, self.frameworks) else None

    def _versions(self) -> Row:
        known = {
            "defaultFrameworkVersion": "1", "allowedFrameworkVersions": [str(n) for n in self.frameworks]
        }  # fmt: skip
        return {"items": [{"version": VERSION, "isLatest": True, "adf:extension": known}]}

    def _token(self, request: SimRequest) -> SimResponse:
        form, given = dict(parse_qsl(request.body.decode("ascii", "replace"))), self.credentials
        pair = base64.b64encode(f"{given.get('client_id')}:{self._secret}".encode()).decode()
        if not self.oauth or request.headers.get("authorization") != f"Basic {pair}":
            return self._json(401, {"error": "invalid_client"})
        if form.get("grant_type") != "client_credentials":
            return self._json(400, {"error": "unsupported_grant_type"})
        if form.get("scope") != SCOPE:
            return self._json(400, {"error": "invalid_scope"})
        token = f"at{people.marks.secret}{self.account.number('token', 1):08d}"
        self._tokens[token] = self.clock() + 3600
        return self._json(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def _json(self, status: int, body: Any) -> SimResponse:
        return self._answer(status, "application/json", json.dumps(body, separators=(",", ":")).encode())

    def _answer(self, status: int, kind: str, body: bytes, *, location: str = "") -> SimResponse:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock()))
        headers = [("Date", date), *([("Content-Type", kind)] if kind else [])]
        headers += [("Location", location)] if 300 <= status < 400 else []
        return SimResponse(status, tuple(headers), body)

    # -- what a test may do to a connection --

    def expire_tokens(self) -> bool:
        self._tokens.clear()
        return self.oauth

    def permissions(self) -> tuple[str, ...]:
        wanted = [ROLES[f"recruiting{name}"] for name in ("JobRequisitions", "Candidates", "JobApplications")]
        return (*wanted, DATA, MOVE)

    def revoke(self, permission: str) -> None:
        if permission not in self.permissions():
            raise ValueError(f"the user has no role {permission}")
        self.api.granted.discard(permission)

    def hide(self, application: str) -> frozenset[str]:
        """The user loses the role on a requisition, and with it all who applied."""
        requisition = self._find(application)["RequisitionId"]
        self.api.hidden.add(requisition)
        return frozenset(id for id, truth in self.truth().items() if truth.job == str(requisition))

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        return {
            "the requisition is closed": self.close_requisition,
            "the user may not move": lambda _id: self.revoke(MOVE),
            "a condition of every state is not met": self._lock,
        }

    def _lock(self, application: str) -> None:
        """No state of its process can be entered any more, but by those who are in the pages."""
        for state in self.account.process(self._find(application)):
            state.phase_type = "HR"

    def close_requisition(self, application: str) -> None:
        self.account.closed_writes = False
        row = self.account.requisitions[self._find(application)["RequisitionId"]]
        row |= {"PhaseId": 4, "PhaseName": "Closed", "StateId": 9, "StateName": "Filled"}
        self.account.touch(row)

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        rows = self.account.applications.values()
        return {str(r["JobApplicationId"]): self.account.truth(r) for r in rows if r["ConfirmedFlag"]}

    def deleted(self) -> frozenset[str]:
        return frozenset(map(str, self.account.gone))

    # -- what people do --

    def _find(self, application: str) -> Row:
        row = self.account.applications.get(int(application) if application.isdigit() else -1)
        if row is None or not row["ConfirmedFlag"]:
            raise ValueError("there is no such application")
        return row

    def _active(self, application: str) -> Row:
        row = self._find(application)
        if self.account.of(row).meant != "active":
            raise ValueError("the application has ended")
        return row

    def stages_for(self, application: str) -> list[str]:
        row = self._find(application)
        own = [s for s in self.account.process(row) if s.meant == "active" and s.active and not s.closed]
        return [s.key for s in own if s.key != self.account.of(row).key]

    def _state(self, stage: str) -> PhaseState:
        if stage not in self.account.states:
            raise ValueError("there is no such state")
        return self.account.states[stage]

    def stage_name(self, stage: str) -> str:
        state = self._state(stage)
        return f"{state.phase_name}: {state.name}"

    def reasons(self, outcome: str) -> list[str]:
        """The states that end so: no request lists the reasons beside them, and none shows them."""
        return [s.key for s in self.account.states.values() if s.meant == outcome and s.meant != "hired"]

    def move(self, application: str, stage: str) -> None:
        row = self._active(application)
        if stage not in self.stages_for(application):
            raise ValueError("the state is not one that it can be moved to")
        self.account.enter(row, self._state(stage), by="recruiter.one")

    def reject(self, application: str, reason: str) -> None:
        """The state of its own phase that ends as this one does."""
        row = self._active(application)
        there = self.account.in_phase(row, self._state(reason).meant)
        if there is None or there.meant == "active":
            raise ValueError("its phase has no such state")
        self.account.enter(row, there, by="recruiter.one")

    def reactivate(self, application: str) -> None:
        row = self._find(application)
        if self.account.of(row).meant == "active":
            raise ValueError("the application is active")
        own = [s for s in self.account.process(row) if s.meant == "active" and s.active and not s.closed]
        self.account.enter(row, own[0], by="recruiter.one")

    def hire(self, application: str) -> None:
        row = self._active(application)
        there = next(s for s in self.account.process(row) if s.meant == "hired")
        self.account.enter(row, there, by="hr.process")

    def edit(self, application: str) -> None:
        row = self._find(application)
        row["SiteNumber"] = f"CX_{self.account.number('site', 2)}"
        self.account.touch(row)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        given, _, family = name.partition(" ")
        somebody = candidate(account, people.Person(given, family, email, None, "", "", ""), account.now())
        usable = [r for r in account.requisitions.values() if r["PhaseName"] == "Open"]
        number = int(somebody["CandidateNumber"])
        place = account.requisitions[int(job)] if job else usable[number % len(usable)]
        return str(account.apply(somebody, place)["JobApplicationId"])

    def delete(self, application: str) -> None:
        self.account.delete(self._find(application))

    def anonymise(self, application: str) -> None:
        person = self._find(application)["CandidatePersonId"]
        rows = self.account.candidates.values()
        self.account.anonymise(next(row for row in rows if row["PersonId"] == person))

    def merge(self, loser: str, survivor: str) -> None:
        raise ValueError("no page says what a merge does to applications")

    def rename_stage(self, stage: str, name: str) -> None:
        state = self._state(stage)
        state.name = name
        for row in self.account.applications.values():
            if self.account.of(row).key == stage:
                row["StateName"] = name

    def deactivate_stage(self, stage: str) -> None:
        """Nobody may stand in it, and its phase keeps another one."""
        state = self._state(stage)
        rows = self.account.applications.values()
        alike = [s for s in self.account.states.values() if s.phase == state.phase and s.meant == state.meant]
        if any(self.account.of(row).key == stage for row in rows) or sum(s.active for s in alike) < 2:
            raise ValueError("the state is in use")
        state.active = False


def _kind(state: PhaseState) -> str:
    """What a customer would say that it is for."""
    if state.meant != "active":
        return state.meant
    return {"NEW": "applied", "SCREENING": "screen", "INTERVIEW": "interview", "OFFER": "offer"}.get(
        state.phase_type, "pre_hire"
    )
