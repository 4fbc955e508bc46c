"""`SmartRecruitersSimulator`: one company, one credential, and whatever people do in the product."""

from __future__ import annotations

import base64
import binascii
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from attrs import define, field

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from ..posting import on_loopback
from .account import Account, id_of, stage_of
from .answers import LIVING, SUBDIVIDED, Refusal, Row, without_nulls
from .api import ROUTES, Api, Ask
from .folder import load
from .hooks import ANSWER_SECONDS, EVENTS, Hooks
from .invent import candidate, fill

GRANTED = (
    "candidates_read", "candidates_manage", "jobs_read", "configuration_read", "company_read", "users_read",
)  # fmt: skip
HOOK_SCOPES = frozenset({"webhooks_manage"})
PER_SECOND, CONCURRENT = 10, 8
PUBLICATIONS_PER_SECOND, SEARCHES = 2, 1
_TOKEN = "/identity/oauth/token"  # noqa: S105 - a path
_JSON = ("Content-Type", "application/json")


@define(eq=False, kw_only=True)
class SmartRecruitersSimulator(Simulator):
    """SmartRecruiters in memory.

    `from_folder` reads recorded answers as they came, ``<name>[.<anything>].json`` each. The names are
    ``candidate`` (the detail of one), ``jobs``, ``job``, ``users``, ``hiring-process``,
    ``rejection-reasons`` and ``withdrawal-reasons``.
    """

    name: ClassVar[str] = "smartrecruiters"
    settings: ClassVar[Mapping[str, str]] = {
        "credential": "what the connection is given: oauth, or api_key",
        "token_minutes": "how long an access token holds; about 30, says no page for certain",
        "scope_in_token": "the token's answer names the scopes",
        "lead_first": "a lead has to be made NEW before it can be anything else",
        "leaves_ended": "a status call takes back a rejection, a withdrawal or a hire",
        "first_sub_status": "a call without subStatus leads to the status's first one; else to none",
        "status_bumps_updated": "a change of status moves the candidate's updatedOn",
        "repeats_add_history": "a status set once more adds a row to the history",
        "reason_required": "the company wants a reason with every rejection and withdrawal",
        "rename_carries": "who stands in a sub-status that is renamed carries the new name",
        "merged_status": "what the id of who was merged is answered with: 404, or 301 to the survivor",
        "invalid": "the status of a refusal of an unknown status, sub-status or reason: 400 or 422",
        "nulls": "empty members of candidates and applications are null; else they are left out",
        "offset_paging": "lists take offset, which was to end in May 2022",
        "hidden_listed": "who is hidden from the credential shows in the search all the same",
        "index_seconds": "how long a change takes to show in the search for candidates",
        "search_seconds": "how long a search for candidates keeps its one place",
        "subscriptions_paged": "subscriptions are listed in an envelope; else as an array",
        "plain_errors": "errors have no body",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    credential: str = "oauth"
    token_minutes: float = 30.0
    scope_in_token: bool = True
    lead_first: bool = True
    leaves_ended: bool = True
    first_sub_status: bool = False
    status_bumps_updated: bool = True
    repeats_add_history: bool = False
    reason_required: bool = False
    rename_carries: bool = False
    merged_status: int = 404
    invalid: int = 422
    nulls: bool = True
    offset_paging: bool = False
    hidden_listed: bool = False
    index_seconds: float = 0.0
    search_seconds: float = 0.0
    subscriptions_paged: bool = False
    plain_errors: bool = False
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    hooks: Hooks = field(init=False)
    api: Api = field(init=False)
    scopes: set[str] = field(factory=lambda: {*GRANTED, *HOOK_SCOPES})
    role_writes: bool = True
    """Whether the credential's system role may change statuses, whatever its scopes are."""
    known: dict[str, str] = field(init=False)
    """Every credential there is, by its name."""
    _tokens: dict[str, float] = field(factory=dict)
    _asked: dict[str, deque[float]] = field(factory=dict)
    """When each credential asked in the last second, its publications apart."""
    _searching_until: float = 0.0

    def __attrs_post_init__(self) -> None:
        mark, chance = people.marks.secret, random.Random(self.seed)
        self.account = Account(
            clock=self._clock, chance=chance, lead_first=self.lead_first, leaves_ended=self.leaves_ended,
            first_sub_status=self.first_sub_status, status_bumps_updated=self.status_bumps_updated,
            repeats_add_history=self.repeats_add_history, reason_required=self.reason_required,
            merged_status=self.merged_status, invalid=self.invalid,
        )  # fmt: skip
        uuid = self.account.uuid
        names = ("client_id", "client_secret", "api_key", "hook_secret")
        self.known = {name: f"{name[0]}{mark}{uuid()}" for name in names}
        given = ("api_key",) if self.credential == "api_key" else ("client_id", "client_secret")
        self.credentials = {name: self.known[name] for name in (*given, "hook_secret")}
        self.hooks = Hooks(uuid=uuid, clock=self._clock)
        self.api = Api(
            account=self.account, hooks=self.hooks, accepted=self.accepted,
            offset_paging=self.offset_paging, hidden_listed=self.hidden_listed,
            index_seconds=self.index_seconds, subscriptions_paged=self.subscriptions_paged,
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
        """With an active subscription to every event."""
        events = [{"name": name} for name in sorted(EVENTS)]
        asked = {
            "callbackUrl": "/hooks/smartrecruiters",
            "alertingEmailAddress": "a@example.com",
            "events": events,
        }
        row = self.hooks.create(asked)
        _ = self.hooks.new_key(row["id"], self.known["hook_secret"])
        self.hooks.activate(row["id"])
        self.account.tell = self._tell
        return self

    def _tell(self, event: str, *, candidate: str = "", job: str = "") -> None:
        if event.startswith("application."):
            body = {"job_id": job, "candidate_id": candidate}
            return self.hooks.tell(event, body, f"/candidates/{candidate}/jobs/{job}")
        path = f"/candidates/{candidate}" if candidate else f"/jobs/{job}"
        return self.hooks.tell(event, {"id": candidate or job}, path)

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        parts = urlsplit(request.target)
        try:
            if parts.path == _TOKEN:
                return self._answered(200, self._token(request), request)
            scopes = self._authenticate(request)
            self._count(request)
            return self._routed(request, scopes)
        except Refusal as refusal:
            body = None if self.plain_errors else refusal.body()
            return self._answered(refusal.status, body, request, location=refusal.location)

    def _routed(self, request: SimRequest, scopes: set[str] | None) -> SimResponse:
        parts = urlsplit(request.target)
        for route in ROUTES:
            found = route.path.fullmatch(parts.path)
            if found is None or route.method != request.method:
                continue
            if scopes is not None and not scopes & route.scopes:
                raise Refusal(403, "OAuthPermissionsException", "The token lacks the scope")
            if "candidates_manage" in route.scopes and not self.role_writes:
                raise Refusal(403, "FORBIDDEN", "The system role does not permit this")
            query = parse_qs(parts.query, keep_blank_values=True)
            ids = tuple(unquote(part) for part in found.groups())
            body = route.handle(self.api, Ask(ids, query, _body(request), request.method, request.target))
            if not self.nulls and parts.path.startswith("/candidates"):
                body = without_nulls(body)
            return self._answered(route.done, body, request, link=_link(parts.path, query, body))
        raise Refusal(404, "NOT_FOUND", "There is no such endpoint")

    def _token(self, request: SimRequest) -> Row:
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        scheme, _, coded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(coded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                user, password = "", ""
            form |= {"client_id": user, "client_secret": password}
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            raise Refusal(400, "unsupported_grant_type", "The grant type is not supported")
        if any(form.get(name) != self.known[name] for name in ("client_id", "client_secret")):
            raise Refusal(401, "invalid_client", "The client is not known")
        token = f"t{people.marks.secret}{self.account.uuid()}"
        self._tokens[token] = self.clock() + self.token_minutes * 60
        scope = {"scope": " ".join(sorted(self.scopes))} if self.scope_in_token else {}
        return {
            "access_token": token, "token_type": "Bearer", "expires_in": int(self.token_minutes * 60),
            **scope,
        }  # fmt: skip

    def _authenticate(self, request: SimRequest) -> set[str] | None:
        """The scopes of whoever asks; None for an API key, which may do everything."""
        if request.headers.get("x-smarttoken") == self.known["api_key"]:
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._tokens.get(token, 0.0) > self.clock():
            return self.scopes
        raise Refusal(401, "UNAUTHORIZED", "No valid credential")

    def _count(self, request: SimRequest) -> None:
        now, search = self.clock(), _is_search(request)
        if self.limits.factor is None:
            return
        asked = self._lately(request)
        if len(asked) >= self._scaled(_per_second(request)):
            raise Refusal(429, "TOO_MANY_REQUESTS", "Too many requests")
        beside = [other for other in request.beside if _credential(other) == _credential(request)]
        if len(beside) >= self._scaled(CONCURRENT):
            raise Refusal(429, "TOO_MANY_REQUESTS", "Too many requests at a time")
        if search and (now < self._searching_until or sum(map(_is_search, beside)) >= self._scaled(SEARCHES)):
            raise Refusal(429, "TOO_MANY_REQUESTS", "One search for candidates at a time")
        asked.append(now)
        if search:
            self._searching_until = now + self.search_seconds

    def _scaled(self, limit: int) -> int:
        return max(1, int(limit * (self.limits.factor or 1)))

    def _lately(self, request: SimRequest) -> deque[float]:
        """When the credential asked for what counts with this, within the last second."""
        kind = _credential(request) + (" publication" if _is_publication(request) else "")
        asked = self._asked.setdefault(kind, deque())
        while asked and asked[0] <= self.clock() - 1:
            _ = asked.popleft()
        return asked

    def _answered(
        self, status: int, body: Any, request: SimRequest, *, link: str | None = None, location: str = ""
    ) -> SimResponse:
        now, limit = self.clock(), self._scaled(_per_second(request))
        side_by_side = self._scaled(CONCURRENT)
        headers = [
            ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))),
            ("X-RateLimit-Limit", str(limit)),
            ("X-RateLimit-Remaining", str(max(0, limit - len(self._lately(request))))),
            ("X-RateLimit-Concurrent-Limit", str(side_by_side)),
            ("X-RateLimit-Concurrent-Remaining", str(max(0, side_by_side - 1 - len(request.beside)))),
        ]
        headers += [("Link", link)] if link else []
        headers += [("Location", location)] if location else []
        if body is None:
            return SimResponse(status, tuple(headers))
        return SimResponse(status, (*headers, _JSON), json.dumps(body, separators=(",", ":")).encode())

    def first_steps(self, url: str) -> tuple[str, ...]:
        first: tuple[str, ...] = ()
        headers = {"X-SmartToken": self.known["api_key"]}
        if self.credential != "api_key":
            names = ("client_id", "client_secret")
            form = {"grant_type": "client_credentials", **{name: self.known[name] for name in names}}
            first = (mint(curl(f"{url}{_TOKEN}", data=urlencode(form))),)
            headers = {"Authorization": f"Bearer {TOKEN}"}
        read, id = curl(f"{url}/candidates?limit=1", headers=headers), self.movable()
        if id is None:
            return (*first, read)
        candidate, _, job = id.partition(":")
        status, _, sub = self.stages_for(id)[0].partition(":")
        body = {"status": status, **({"subStatus": sub} if sub else {})}
        write = curl(
            f"{url}/candidates/{candidate}/jobs/{job}/status", method="PUT", data=json.dumps(body),
            headers={**headers, "Content-Type": "application/json"},
        )  # fmt: skip
        return (*first, read, write)

    def throttled(self) -> SimResponse:
        """No header says how long to wait."""
        refusal = Refusal(429, "TOO_MANY_REQUESTS", "Too many requests")
        return self._answered(429, refusal.body(), SimRequest("GET", "/"))

    # -- what a test may do to a connection --

    def expire_tokens(self) -> bool:
        self._tokens.clear()
        return self.credential == "oauth"

    def expire_cursors(self) -> bool:
        self.api.age += 1
        return True

    def permissions(self) -> tuple[str, ...]:
        return () if self.credential == "api_key" else GRANTED

    def revoke(self, permission: str) -> None:
        if permission not in self.permissions():
            raise ValueError(f"the credential has no scope {permission}")
        self.scopes.discard(permission)

    def hide(self, application: str) -> frozenset[str]:
        """By the credential's access group: the candidate, with all that they applied to."""
        candidate = self._find(application)[0]
        self.api.unseen.add(candidate["id"])
        return frozenset(id_of(candidate["id"], job) for job in candidate["assignments"])

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        def role(_id: str) -> None:
            self.role_writes = False

        return {
            "the system role may not change statuses": role,
            "another change is under way": self.api.clashes.add,
            "the company's rules do not accept the status": self.api.refused.add,
            "the candidate has been taken off the job": self.unassign,
        }

    def deliveries(self) -> tuple[SimRequest, ...]:
        return tuple(delivery.request for delivery in self.hooks.outbox)

    @property
    def posts_hooks(self) -> bool:
        return any(on_loopback(row["callbackUrl"]) for row in self.hooks.rows.values())

    def hooks_due(self) -> Sequence[HookPost]:
        posts = []
        for delivery in self.hooks.due():
            if on_loopback(delivery.request.target):
                delivery.due = None  # taken; told below when it is tried again
                sent = delivery.request
                answered = partial(self.hooks.answered, delivery)
                posts.append(
                    HookPost(
                        url=sent.target,
                        headers=tuple(sent.headers.items()),
                        body=sent.body,
                        answered=answered,
                        answer_seconds=ANSWER_SECONDS,
                    )
                )
        return posts

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        account = self.account
        return {id_of(c["id"], job): account.truth(c, job, held) for c, job, held in account.applications()}

    def deleted(self) -> frozenset[str]:
        return frozenset(self.account.gone)

    # -- what people do --

    def _find(self, application: str) -> tuple[Row, str, Row]:
        id, _, job = application.partition(":")
        try:
            row, held = self.account.find(id, job)
        except Refusal as refusal:
            raise ValueError(refusal.message) from None
        return row, job, held

    def _change(self, application: str, stage: str, reason: str | None = None) -> None:
        row, job, _ = self._find(application)
        status, _, sub = stage.partition(":")
        try:
            self.account.change(row, job, {"status": status, "subStatus": sub or None, "reason": reason})
        except Refusal as refusal:
            raise ValueError(refusal.message) from None

    def _check_active(self, application: str) -> None:
        if self._find(application)[2]["status"] not in LIVING:
            raise ValueError("the application has ended")

    def stages_for(self, application: str) -> list[str]:
        _, _, held = self._find(application)
        if held["status"] == "LEAD" and self.lead_first:
            return ["NEW"]
        found: list[str] = []
        for status in LIVING[1:]:
            subs = [stage_of(status, sub) for sub in self.account.sub_statuses(status)]
            bare = not (subs and self.first_sub_status)
            found += [*([status] if bare else []), *(subs if status in SUBDIVIDED else [])]
        return [stage for stage in found if stage != stage_of(held["status"], held["subStatus"])]

    def stage_name(self, stage: str) -> str:
        status, _, sub = stage.partition(":")
        return sub or status

    def reasons(self, outcome: str) -> list[str]:
        tables = {"rejected": self.account.rejection, "withdrawn": self.account.withdrawal}
        return list(tables.get(outcome, {}))

    def move(self, application: str, stage: str) -> None:
        self._check_active(application)
        if stage.partition(":")[0] not in LIVING:
            raise ValueError("that would be no move")
        self._change(application, stage)

    def reject(self, application: str, reason: str) -> None:
        self._check_active(application)
        self._change(application, "REJECTED" if reason in self.account.rejection else "WITHDRAWN", reason)

    def reactivate(self, application: str) -> None:
        _, _, held = self._find(application)
        if held["status"] in LIVING:
            raise ValueError("the application is active")
        entered = [stage_of(row["status"], row["subStatus"]) for row in held["history"]]
        usable = [stage for stage in entered if stage in self.stages_for(application)]
        self._change(application, usable[-1] if usable else "NEW")

    def hire(self, application: str) -> None:
        self._check_active(application)
        self._change(application, "HIRED")

    def edit(self, application: str) -> None:
        row, _, _ = self._find(application)
        row["tags"] = [*row["tags"], f"tag {len(row['tags'])}"]
        self.account.touch(row)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        known = [c for c in account.candidates.values() if email and c["email"] == email]
        given, _, family = name.partition(" ")
        person = people.Person(given, family, email, None, "", "", "")
        usable = [j for j in account.jobs.values() if not j["template"] and j["postingStatus"] == "PUBLIC"]
        place = account.jobs[job] if job else usable[len(account.candidates) % len(usable)]
        row = known[0] if known else account.put("candidates", candidate(account, person, self.clock()))
        if not known:
            account.tell("candidate.created", candidate=row["id"])
        _ = account.apply(row, place)
        return id_of(row["id"], place["id"])

    def unassign(self, application: str) -> None:
        """The candidate stays, without this job."""
        row, job, _ = self._find(application)
        self.account.unassign(row, job)

    def delete_job(self, job: str) -> None:
        """One that nobody has applied to."""
        if any(job in row["assignments"] for row in self.account.candidates.values()):
            raise ValueError("somebody has applied to the job")
        del self.account.jobs[job]

    def delete(self, application: str) -> None:
        self.account.remove(self._find(application)[0])

    def anonymise(self, application: str) -> None:
        self.account.remove(self._find(application)[0])

    def merge(self, loser: str, survivor: str) -> None:
        gone, stays = self._find(loser)[0], self._find(survivor)[0]
        if gone is stays:
            raise ValueError("one person is not merged into themselves")
        self.account.merge(gone, stays)

    def rename_stage(self, stage: str, name: str) -> None:
        status, sub = self._sub(stage)
        for process in self.account.processes.values():
            names = process["subStatuses"].get(status, [])
            process["subStatuses"][status] = [name if held == sub else held for held in names]
        if self.rename_carries:
            for _, _, held in self.account.applications():
                if (held["status"], held["subStatus"]) == (status, sub):
                    held["subStatus"] = name

    def deactivate_stage(self, stage: str) -> None:
        """It leaves every process; whoever stands in it stays there."""
        status, sub = self._sub(stage)
        for process in self.account.processes.values():
            names = process["subStatuses"].get(status, [])
            process["subStatuses"][status] = [held for held in names if held != sub]

    def _sub(self, stage: str) -> tuple[str, str]:
        status, _, sub = stage.partition(":")
        if sub not in self.account.sub_statuses(status):
            raise ValueError("only a sub-status is the customer's own")
        return status, sub


def _body(request: SimRequest) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        return json.loads(request.body) if kind == "application/json" else None
    except (ValueError, RecursionError):
        return None


def _link(path: str, query: Mapping[str, Sequence[str]], body: Any) -> str | None:
    """A relative address with what was asked for and the page id, percent-encoded."""
    if not isinstance(body, dict) or not body.get("nextPageId"):
        return None
    kept = {name: values for name, values in query.items() if name not in ("limit", "pageId", "offset")}
    asked = {"limit": [str(body["limit"])], **kept, "pageId": [body["nextPageId"]]}
    return f'<{path}?{urlencode(asked, doseq=True, quote_via=quote, safe="")}>; rel="next"'


def _credential(request: SimRequest) -> str:
    return request.headers.get("x-smarttoken") or request.headers.get("authorization", "")


def _is_search(request: SimRequest) -> bool:
    return request.method == "GET" and urlsplit(request.target).path == "/candidates"


def _is_publication(request: SimRequest) -> bool:
    return urlsplit(request.target).path.endswith("/publication")


def _per_second(request: SimRequest) -> int:
    return PUBLICATIONS_PER_SECOND if _is_publication(request) else PER_SECOND
