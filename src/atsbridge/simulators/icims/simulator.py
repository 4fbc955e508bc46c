"""`IcimsSimulator`: one customer, one integration user, and whatever people do in iCIMS' pages."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, unquote, urlencode

import attrs
from attrs import define, field

from .. import people
from ..curl import TOKEN, curl, mint
from ..interface import Accepted, HookPost, Limits, SimRequest, SimResponse, Simulator, Truth
from ..posting import on_loopback
from .account import FIRST, OPEN, Account, Status
from .answers import CREDENTIALS, INTERNAL, Refusal, Row, no_access, not_found, noted
from .api import GRANTED, Api
from .folder import load
from .hooks import Hooks
from .invent import fill, person
from .search import Search
from .signing import ALGORITHM, is_signed
from .tokens import TokenRefusal, Tokens

CUSTOMER = 1234
PER_DAY = 10_000
BODY_LIMIT = 1_000_000
_DAY = 86_400


@define(eq=False, kw_only=True)
class IcimsSimulator(Simulator):
    """The iCIMS API in memory.

    `from_folder` reads recorded profiles as they came, one answer a file: ``jobs.<id>.json``,
    ``people.<id>.json`` and ``applicantworkflows.<id>.json``.
    """

    name: ClassVar[str] = "icims"
    settings: ClassVar[Mapping[str, str]] = {
        "per_day": "requests a day; 10,000 unless the contract says otherwise",
        "inclusive": "the search knows <= and >=",
        "search_by_get": "the search takes searchJson in a GET too",
        "fresh_search": "the search takes staleness=0",
        "updated_readable": "updateddate of a workflow can be read by fields",
        "unknown_status": "a write of an unknown status is refused or warned",
        "unpermitted": "a write that the user may not make is forbidden or warned",
        "repeats_tell": "writing the status it has counts as a change",
        "api_fires": "changes by the API send events",
        "side_by_side": "requests that may be under way at a time; 0: any number",
        "hook_auth": "events carry hmac, basic or oauth",
        "hook_url": "the receiver's address; posted to where it is plain http of this machine",
        "twice": "an action can send the same event twice",
        "audience": "the audience that tokens are asked for",
        "lacking": "search filters that this customer does not have, separated by blanks",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    seed: int = 1
    per_day: int = PER_DAY
    inclusive: bool = True
    search_by_get: bool = False
    fresh_search: bool = True
    updated_readable: bool = True
    unknown_status: str = "refused"
    unpermitted: str = "forbidden"
    repeats_tell: bool = False
    api_fires: bool = False
    side_by_side: int = 4
    hook_auth: str = "hmac"
    hook_url: str = "https://hooks.example.com/hooks/icims"
    twice: bool = False
    audience: str = "https://api.icims.com/v1/"
    lacking: str = ""
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    hooks: Hooks = field(init=False)
    tokens: Tokens = field(init=False)
    api: Api = field(init=False)
    user: str = "integration"
    password: str = field(init=False)
    maintenance: bool = False
    failing: bool = False
    """The platform answers with internal errors."""
    used_elsewhere: int = 0
    """Requests that the customer's other integrations have made today."""
    _day: int = 0
    _asked: int = 0
    _answers: int = 0

    def __attrs_post_init__(self) -> None:
        mark = people.marks.secret
        self.password = f"pw{mark}{self.seed:08d}"
        self.account = Account(clock=self._clock, customer=CUSTOMER, tell=self._changed)
        self.credentials = {
            "customer_id": str(CUSTOMER),
            "client_id": f"ci{mark}{self.seed:08d}",
            "client_secret": f"cs{mark}{self.seed:08d}",
            "hook_user": "icims",
            "hook_secret": f"hs{mark}{self.seed:08d}",
        }
        self.tokens = Tokens(
            clock=self._clock, client_id=self.credentials["client_id"], mark=mark,
            client_secret=self.credentials["client_secret"], audience=self.audience,
        )  # fmt: skip
        self.hooks = Hooks(
            account=self.account, clock=self._clock, user="icims", secret=self.credentials["hook_secret"],
            auth=self.hook_auth, twice=self.twice, url=self.hook_url,
        )  # fmt: skip
        self.api = Api(
            account=self.account, accepted=self.accepted, updated_readable=self.updated_readable,
            search=Search(account=self.account, inclusive=self.inclusive, lacking=set(self.lacking.split())),
            unknown_status=self.unknown_status, unpermitted=self.unpermitted,
            search_by_get=self.search_by_get, fresh_search=self.fresh_search,
            repeats_tell=self.repeats_tell, told=self._written,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.clock()

    def configuration(self) -> Mapping[str, Any]:
        """With the table of statuses, which the customer alone can give."""
        rows = [
            {"id": s.id, "name": s.name, "bin": s.bin, "kind": s.kind, "trigger": s.trigger}
            for s in self.account.statuses.values()
        ]
        states = {OPEN: "open", "C31900": "on_hold", "D31002": "closed"}
        return {**self.credentials, "statuses": rows, "job_states": states}

    def first_steps(self, url: str) -> tuple[str, ...]:
        """The token, a search for ids, a read and a write; what statuses there are, no request tells."""
        form = {"grant_type": "client_credentials", "audience": self.audience}
        form |= {name: self.credentials[name] for name in ("client_id", "client_secret")}
        token, root = mint(curl(f"{url}/oauth/token", data=urlencode(form))), f"{url}/customers/{CUSTOMER}"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        wanted = {"name": "applicantworkflow.id", "value": ["0"], "operator": ">"}
        asked = json.dumps({"filters": [wanted], "operator": "&"})
        search, id = curl(f"{root}/search/applicantworkflows", headers=headers, data=asked), self.movable()
        if id is None:
            return token, search
        read = curl(f"{root}/applicantworkflows/{id}", headers=headers)
        body = json.dumps({"status": {"id": self.stages_for(id)[0]}})
        write = curl(f"{root}/applicantworkflows/{id}", method="PATCH", headers=headers, data=body)
        return token, search, read, write

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

    def _changed(self, row: Row, old: str | None, new: str | None) -> None:
        staff = next(iter(self.account["people"]), None)
        self.hooks.tell(row, old, new, staff)

    def _written(self, row: Row, old: str | None, new: str | None) -> None:
        if self.api_fires:
            self._changed(row, old, new)

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        self._answers += 1
        path, _, asked = request.target.partition("?")
        if path == "/oauth/token":
            return self._token(request)
        if self.maintenance:
            return self._answered(503, None)
        try:
            self._authenticate(request)
            self._count(request)
            if self.failing:
                raise Refusal(500, (INTERNAL, "Internal error."))
            if len(request.body) > BODY_LIMIT:
                raise Refusal(413)
            found = re.fullmatch(r"/customers/(\d+)/(.+)", unquote(path))
            if found is None:
                raise not_found("Resource")
            if int(found[1]) != CUSTOMER:
                raise no_access("Customer")
            status, body, warnings, headers = self.api.answer(request, found[2], _query(asked))
        except Refusal as refusal:
            marks = [("X-Error", f"{code}:{words}") for code, words in refusal.errors]
            return self._answered(refusal.status, noted(refusal.errors), marks)
        if isinstance(body, bytes):
            return self._answered(status, body, kind="application/octet-stream")
        marks = [("X-Warning", f"{code}:{words}") for code, words in warnings]
        if warnings and body is None and status != 204:
            body = noted(warnings, key="warnings")
        elif warnings and isinstance(body, dict):
            body = {**body, **noted(warnings, key="warnings")}
        return self._answered(status, body, [*marks, *headers.items()])

    def _token(self, request: SimRequest) -> SimResponse:
        try:
            if request.method != "POST":
                raise TokenRefusal(405, "method_not_allowed")
            return self._answered(200, self.tokens.answer(request.body), limited=False)
        except TokenRefusal as refusal:
            return self._answered(refusal.status, {"error": refusal.error}, limited=False)

    def _authenticate(self, request: SimRequest) -> None:
        given = request.headers.get("authorization", "")
        scheme, _, text = given.partition(" ")
        if scheme == "Bearer" and self.tokens.holds(text):
            return
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if scheme == "Basic" and text == pair:
            return
        if scheme == ALGORITHM and is_signed(
            self.password, self.user, request.method, request.target, request.headers, request.body
        ):
            return
        raise Refusal(401, (CREDENTIALS, "Invalid Username or Password credentials provided."))

    @property
    def _limit(self) -> int:
        return max(1, int(self.per_day * (self.limits.factor or 1)))

    @property
    def left(self) -> int:
        today = int(self.clock() // _DAY)
        return self._limit - (self._asked + self.used_elsewhere if today == self._day else 0)

    def _count(self, request: SimRequest) -> None:
        today = int(self.clock() // _DAY)
        if today != self._day:
            self._day, self._asked, self.used_elsewhere = today, 0, 0 if self._day else self.used_elsewhere
        if self.limits.factor is None:
            return
        beside = sum(other.target.startswith("/customers/") for other in request.beside)
        if self.left <= 0 or (self.side_by_side and beside >= self.side_by_side * self.limits.factor):
            raise Refusal(429)
        self._asked += 1

    def _answered(
        self,
        status: int,
        body: Any,
        more: list[tuple[str, str]] | None = None,
        *,
        limited: bool = True,
        kind: str = "application/json;charset=UTF-8",
    ) -> SimResponse:
        now = self.clock()
        headers = [
            ("Content-Type", kind),
            ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))),
            ("x-transaction", f"{{00000000-0000-4000-8000-{self._answers:012x}}}"),
        ]
        if limited:
            headers += [
                ("x-ratelimit-limit", str(self._limit)),
                ("x-ratelimit-remaining", str(max(0, self.left))),
                # Seconds until midnight, not a time.
                ("x-ratelimit-reset", str(int(_DAY - now % _DAY))),
            ]
        if status == 401 and limited:
            headers.append(("WWW-Authenticate", f"Basic, {ALGORITHM}"))
        if body is None:
            content = b""
        else:
            content = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        return SimResponse(status, (*headers, *(more or ())), content)

    def throttled(self) -> SimResponse:
        """Too many side by side: the day's quota is not used up."""
        return self._answered(429, None)

    # -- what a test may do to a connection --

    def expire_tokens(self) -> bool:
        self.tokens.expire_all()
        return True

    def permissions(self) -> tuple[str, ...]:
        return GRANTED

    def revoke(self, permission: str) -> None:
        if permission not in GRANTED:
            raise ValueError(f"the user has no permission {permission}")
        self.api.granted.discard(permission)

    def obstacles(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "a required field is empty": self.require,
            "the user may no longer edit the status": lambda _id: self.revoke("write"),
            "every other status has been deleted": self._empty_list,
            "the workflow is out of sight": self.hide,
        }

    def require(self, application: str) -> None:
        """Two fields become required that are empty on the workflow."""
        self.api.required_empty[self._find(application)["id"]] = ["sourceother", "field12345"]

    def hide(self, application: str) -> frozenset[str]:
        self.account.hidden.add(self._find(application)["id"])
        return frozenset({application})

    def _empty_list(self, application: str) -> None:
        here = self._find(application)["status"]
        self.account.statuses = {id: s for id, s in self.account.statuses.items() if id == here}

    def deliveries(self) -> tuple[SimRequest, ...]:
        return tuple(self.hooks.sent)

    @property
    def posts_hooks(self) -> bool:
        return on_loopback(self.hook_url)

    def hooks_due(self) -> Sequence[HookPost]:
        return self.hooks.due() if self.posts_hooks else ()

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return {str(id): self.account.truth(row) for id, row in self.account["applicantworkflows"].items()}

    def deleted(self) -> frozenset[str]:
        return frozenset(map(str, self.account.gone))

    # -- what people do --

    def _find(self, application: str) -> Row:
        row = self.account["applicantworkflows"].get(int(application) if application.isdigit() else -1)
        if row is None:
            raise ValueError("there is no such workflow")
        return row

    def _active(self, application: str) -> Row:
        row = self._find(application)
        if self.account.truth(row).status != "active":
            raise ValueError("the workflow has ended")
        return row

    def _meaning(self, meaning: str) -> list[Status]:
        return [s for s in self.account.statuses.values() if s.meaning == meaning]

    def stages_for(self, application: str) -> list[str]:
        here = self._find(application)["status"]
        return [s.id for s in self._meaning("active") if s.id != here]

    def stage_name(self, stage: str) -> str:
        return self._status(stage).name

    def _status(self, stage: str) -> Status:
        if stage not in self.account.statuses:
            raise ValueError("there is no such status")
        return self.account.statuses[stage]

    def reasons(self, outcome: str) -> list[str]:
        """The statuses that end so: the reason is part of the status."""
        return [s.id for s in self._meaning(outcome)] if outcome != "hired" else []

    def move(self, application: str, stage: str) -> None:
        row = self._active(application)
        if self._status(stage).meaning != "active":
            raise ValueError("that would be no move")
        self.account.change(row, stage)

    def reject(self, application: str, reason: str) -> None:
        row = self._active(application)
        if self._status(reason).meaning not in ("rejected", "withdrawn"):
            raise ValueError("that status ends nothing")
        self.account.change(row, reason)

    def reactivate(self, application: str) -> None:
        row = self._find(application)
        if self.account.truth(row).status == "active":
            raise ValueError("the workflow is active")
        self.account.change(row, FIRST)

    def hire(self, application: str) -> None:
        self.account.change(self._active(application), self._meaning("hired")[0].id)

    def edit(self, application: str) -> None:
        row = self._find(application)
        row["sourcename"] = f"Campaign {self.account.last}"
        self.account.last += 1
        self.account.touch(row)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        given, _, family = name.partition(" ")
        somebody = self.account.add("people", **person(people.Person(given, family, email, None, "", "", "")))
        usable = [row for row in self.account["jobs"].values() if row["folder"] == OPEN]
        place = self.account["jobs"][int(job)] if job else usable[somebody["id"] % len(usable)]
        row = self.account.apply(job=place["id"], person=somebody["id"])
        return str(row["id"])

    def delete(self, application: str) -> None:
        self.account.delete(self._find(application)["id"])

    def anonymise(self, application: str) -> None:
        """What a person was called, and how to reach them, is emptied; the workflow stays."""
        row = self.account["people"][self._find(application)["person"]]
        row |= {
            "firstname": "",
            "middlename": None,
            "lastname": "",
            "email": None,
            "addresses": [],
            "phones": [],
            "resume": None,
        }
        self.account.touch(row)

    def merge(self, loser: str, survivor: str) -> None:
        gone, stays = self._find(loser)["person"], self._find(survivor)["person"]
        if gone == stays:
            raise ValueError("one person is not merged into themselves")
        self.account.merge(gone, stays)

    def clear_status(self, application: str) -> None:
        """A workflow without any status."""
        self.account.change(self._find(application), None)

    def rename_stage(self, stage: str, name: str) -> None:
        self.account.statuses[stage] = attrs.evolve(self._status(stage), name=name)

    def deactivate_stage(self, stage: str) -> None:
        """It leaves the list, where nobody stands in it."""
        known = self._status(stage)
        used = {row["status"] for row in self.account["applicantworkflows"].values()}
        if stage in used or len(self._meaning(known.meaning)) < 2:
            raise ValueError("the status is in use")
        del self.account.statuses[stage]


def _query(text: str) -> dict[str, str]:
    """A plus is a blank, as in every form."""
    return dict(parse_qsl(text, keep_blank_values=True))


__all__ = ["CUSTOMER", "IcimsSimulator"]
