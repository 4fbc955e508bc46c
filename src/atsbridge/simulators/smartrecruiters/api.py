"""The endpoints: which scope each wants, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import define, field, frozen

from ..interface import Accepted
from ..posting import on_loopback
from .account import Account, id_of
from .answers import (
    STATUSES,
    Query,
    Refusal,
    Row,
    limit_of,
    moment_of,
    page_id,
    place_of,
    unpaged,
    whole,
)
from .hooks import Hooks

BASE = "https://api.smartrecruiters.com"
CAREERS = "https://jobs.smartrecruiters.com/SimulatedLtd"
HOOKS = "/webhooks-api/v201907/subscriptions"
USERS = "/user-api/v201804/users"
_SEARCHED = frozenset(
    """
    updatedAfter q jobId status subStatus location tag consentStatus propertyId propertyValueId
    onboardingStatus averageRating limit pageId offset
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_JOBS_SEARCHED = frozenset(
    """
    updatedAfter lastActivityAfter q city department language status postingStatus limit pageId offset
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_DETAIL_OF_JOB = frozenset(
    """
    targetHiringDate industry function typeOfEmployment experienceLevel eeoCategory template creator
    compensation jobAd properties
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_OWN = frozenset({"hiringTeam", "process", "statusHistory"})
_PAGED = frozenset({"limit", "pageId"})
SETTABLE = ("SOURCING", "INTERVIEW", "OFFER", "FILLED", "CANCELLED", "ON_HOLD")
"""What a job's status can be set to: fewer than there are."""
_EDITABLE = frozenset(
    "firstName lastName email phoneNumber location web tags education experience".split()  # noqa: SIM905
)


@frozen
class Ask:
    """One request, taken apart: the ids of its path, its query and its body."""

    ids: tuple[str, ...]
    query: Query
    body: Any
    method: str = "GET"
    target: str = ""


@frozen
class Route:
    """A method and a path, the scopes of which any one opens it, and what answers.

    ``done`` is the status of a success; a body of None is an empty one.
    """

    method: str
    path: re.Pattern[str]
    scopes: frozenset[str]
    handle: Callable[[Api, Ask], Any]
    done: int = 200


@define(kw_only=True)
class Api:
    """The methods, on an account.

    Args:
        offset_paging: lists take ``offset``, which was to end in May 2022.
        index_seconds: how long a change takes to show in the search for candidates.
        hidden_listed: whether the search shows whom it then hides.
        unseen: candidates that the credential's system role and access group hide.
        clashes, refused: applications whose status calls answer 409 and 422.
    """

    account: Account
    hooks: Hooks
    accepted: list[Accepted]
    offset_paging: bool = False
    hidden_listed: bool = False
    index_seconds: float = 0.0
    subscriptions_paged: bool = False
    age: int = 0
    unseen: set[str] = field(factory=set)
    clashes: set[str] = field(factory=set)
    refused: set[str] = field(factory=set)
    _index: dict[str, tuple[Row, str]] = field(factory=dict)

    # -- what is shown --

    def assignment(self, candidate: Row, job: str) -> Row:
        held, account = candidate["assignments"][job], self.account
        found: Row = {key: held[key] for key in ("status", "subStatus", "startsOn", "source")}
        found["reasonOfRejection"] = account.rejection.get(held["reasonOfRejection"] or "")
        found["reasonOfWithdrawal"] = account.withdrawal.get(held["reasonOfWithdrawal"] or "")
        path = f"/candidates/{candidate['id']}/jobs/{job}"
        found["actions"] = {"sourceDetails": {"url": f"{BASE}{path}/source", "method": "GET"}}
        return found

    def _job_named(self, id: str, *, title: bool = True) -> Row:
        actions = {"details": {"url": f"{BASE}/jobs/{id}", "method": "GET"}}
        named = {"title": self.account.jobs[id]["title"]} if title and id in self.account.jobs else {}
        return {"id": id, **named, "actions": actions}

    def summary(self, candidate: Row) -> Row:
        """Of the other assignments only the job: no status."""
        first = candidate["primary"]
        path = f"{BASE}/candidates/{candidate['id']}"
        kept = (
            "id",
            "internal",
            "firstName",
            "lastName",
            "email",
            "createdOn",
            "updatedOn",
            "location",
            "tags",
        )
        others = [job for job in candidate["assignments"] if job != first]
        held = candidate["assignments"].get(first)
        primary = held and {
            "job": self._job_named(first), "status": held["status"], "subStatus": held["subStatus"],
        }  # fmt: skip
        return {
            **{key: candidate[key] for key in kept}, "averageRating": 0.0, "consent": candidate["consent"],
            "primaryAssignment": primary,
            "secondaryAssignments": [{"job": self._job_named(job, title=False)} for job in others],
            "actions": {
                "details": {"url": path, "method": "GET"},
                "properties": {"url": f"{path}/properties", "method": "GET"},
            },
        }  # fmt: skip

    def detail(self, candidate: Row) -> Row:
        first = candidate["primary"]
        more = {key: candidate[key] for key in ("phoneNumber", "web", "education", "experience")}

        def full(job: str) -> Row:
            return {"job": self._job_named(job), **self.assignment(candidate, job)}

        others = [full(job) for job in candidate["assignments"] if job != first]
        own = full(first) if first else None
        return {**self.summary(candidate), **more, "primaryAssignment": own, "secondaryAssignments": others}

    def job(self, row: Row, *, detail: bool = False) -> Row:
        hidden = _OWN if detail else _OWN | _DETAIL_OF_JOB
        url = f"{BASE}/jobs/{row['id']}"
        names = {
            "details": "",
            "hiringTeam": "/hiring-team",
            "publications": "/publication",
            "positions": "/positions",
        }
        actions = {name: {"url": f"{url}{path}", "method": "GET"} for name, path in names.items()}
        actions["applyOnWeb"] = {"url": f"{CAREERS}/{row['id']}", "method": "GET"}
        return {**{key: value for key, value in row.items() if key not in hidden}, "actions": actions}

    def candidate(self, id: str) -> Row:
        row = self.account.candidate(id)
        if id in self.unseen:
            raise Refusal(403, "FORBIDDEN", "The credential has no access to the candidate")
        return row

    # -- lists --

    def paged(self, listing: str, query: Query, rows: Mapping[str, Row], fits: Callable[[Row], bool]) -> Row:
        """A page in the order in which rows were made; none with a next page id at the end."""
        limit, order = limit_of(query), self.account.order[listing]
        place = place_of(query["pageId"][0], listing, self.age) if "pageId" in query else 0

        def wanted(id: str) -> bool:
            return id in rows and fits(rows[id])

        if "offset" in query:
            place = self._after_offset(list(map(wanted, order)), query)

        found: list[Row] = []
        while place < len(order) and len(found) < limit:
            found += [rows[order[place]]] if wanted(order[place]) else []
            place += 1
        total = sum(map(wanted, order))
        following = page_id(listing, place, self.age) if any(map(wanted, order[place:])) else ""
        more = {"nextPageId": following} if following else {}
        return {"limit": limit, **more, "totalFound": total, "content": found}

    def _after_offset(self, wanted: list[bool], query: Query) -> int:
        """The place in the order where so many that are wanted lie behind."""
        if not self.offset_paging or "pageId" in query:
            raise Refusal(400, "INVALID_PARAMETER", "offset is not supported, use pageId")
        offset = whole(query, "offset", 0, least=0, most=10**9)
        places = [place for place, fits in enumerate(wanted) if fits]
        return places[offset] if offset < len(places) else len(wanted)

    def indexed(self) -> dict[str, Row]:
        """What the search knows of each candidate that has an application."""
        account, horizon = self.account, self.account.clock() - self.index_seconds
        for id, row in account.candidates.items():
            changed = datetime.fromisoformat(row["updatedOn"]).timestamp()
            if changed <= horizon or not self.index_seconds:
                self._index[id] = (self.summary(row), " ".join(filter(None, _words(row))).lower())
        self._index = {id: known for id, known in self._index.items() if id in account.candidates}
        return {
            id: known[0]
            for id, known in self._index.items()
            if account.candidates[id]["assignments"] and (self.hidden_listed or id not in self.unseen)
        }

    def search(self, ask: Ask) -> Row:
        query, after = ask.query, moment_of(ask.query, "updatedAfter")
        _known_keys(query, _SEARCHED)
        for status in query.get("status", []):
            if status not in STATUSES:
                raise Refusal(400, "INVALID_PARAMETER", "status is not known")
        if "subStatus" in query and "status" not in query:
            raise Refusal(400, "INVALID_PARAMETER", "subStatus goes with status")
        rows = self.indexed()
        return self.paged("candidates", query, rows, lambda row: self._found(row, query, after))

    def _found(self, row: Row, query: Query, after: float | None) -> bool:
        candidate = self.account.candidates[row["id"]]
        held, properties = candidate["assignments"], candidate.get("properties", [])
        wanted = [a for job, a in held.items() if job in query.get("jobId", list(held))]
        for name in ("status", "subStatus", "onboardingStatus"):
            wanted = [a for a in wanted if a[name] in query.get(name, [a[name]])]
        return bool(
            wanted
            and _after(row["updatedOn"], after)
            and query.get("q", [""])[0].lower() in self._index[row["id"]][1]
            and set(query.get("tag", [])) <= set(row["tags"])
            and row["consent"]["status"] in query.get("consentStatus", [row["consent"]["status"]])
            and _lies(row["location"], query.get("location", [""])[0])
            and row["averageRating"] == _rating(query, row["averageRating"])
            and _has(query, "propertyId", {p["id"] for p in properties})
            and _has(query, "propertyValueId", {p["value"]["id"] for p in properties})
        )

    def jobs(self, ask: Ask) -> Row:
        query = ask.query
        _known_keys(query, _JOBS_SEARCHED)
        after, active = moment_of(query, "updatedAfter"), moment_of(query, "lastActivityAfter")

        def fits(row: Row) -> bool:
            return (
                _after(row["updatedOn"], after)
                and _after(row["lastActivityOn"], active)
                and row["status"] in query.get("status", [row["status"]])
                and row["postingStatus"] in query.get("postingStatus", [row["postingStatus"]])
                and query.get("q", [""])[0].lower() in f"{row['title']} {row['refNumber']}".lower()
                and _has(query, "city", {(row["location"] or {}).get("city")})
                and _has(query, "department", {row["department"][key] for key in ("id", "label")})
                and _has(query, "language", {(row.get("language") or {}).get("code")})
            )

        page = self.paged("jobs", query, self.account.jobs, fits)
        return {**page, "content": [self.job(row) for row in page["content"]]}

    def one_job(self, id: str) -> Row:
        if id not in self.account.jobs:
            raise Refusal(404, "JOB_NOT_FOUND", "The job was not found")
        return self.account.jobs[id]

    # -- the write --

    def put_status(self, ask: Ask, named: str = "") -> None:
        """One assignment's status; without a job the primary one's."""
        candidate = self.candidate(ask.ids[0])
        job: str = named or candidate["primary"] or ""
        account, (row, assignment) = self.account, self.account.find(candidate["id"], job)
        unknown = set(_object(ask)) - {"status", "subStatus", "startsOn", "reason"}
        if unknown or not all(value is None or isinstance(value, str) for value in ask.body.values()):
            raise Refusal(400, "INVALID_REQUEST", "The body does not fit")
        id = id_of(candidate["id"], job)
        if id in self.clashes:
            raise Refusal(409, "CONFLICT", "The change clashes with another one")
        if id in self.refused:
            raise Refusal(422, "STATUS_NOT_ACCEPTED", "The status cannot be set")
        before = account.truth(row, job, assignment)
        account.change(row, job, ask.body)
        self.accepted.append(
            Accepted(
                at=account.clock(), method="PUT", target=ask.target, body=ask.body, application=id,
                before=before, after=account.truth(row, job, assignment), actor="credential",
            )
        )  # fmt: skip

    def patch(self, ask: Ask) -> Row:
        row = self.candidate(ask.ids[0])
        if set(_object(ask)) - _EDITABLE:
            raise Refusal(400, "INVALID_REQUEST", "The body does not fit")
        changed = {**row, **ask.body}
        same = [
            c for c in self.account.candidates.values()
            if c is not row and c["email"] and all(c[key] == changed[key] for key in ("email", "lastName"))
        ]  # fmt: skip
        if same:
            raise Refusal(409, "CANDIDATE_DATA_CONFLICT", "A candidate with this e-mail exists")
        row |= ask.body
        self.account.touch(row)
        self._log(ask)
        return self.detail(row)

    def delete(self, ask: Ask) -> None:
        self.account.remove(self.candidate(ask.ids[0]))
        self._log(ask)

    def put_job_status(self, ask: Ask) -> None:
        row = self.one_job(ask.ids[0])
        if set(_object(ask)) != {"status"} or ask.body["status"] not in SETTABLE:
            raise Refusal(self.account.invalid, "INVALID_STATUS", "The status cannot be set")
        self.account.set_job(row, ask.body["status"])
        self._log(ask)

    def _log(self, ask: Ask) -> None:
        """A write that is of no one application."""
        self.accepted.append(
            Accepted(
                at=self.account.clock(), method=ask.method, target=ask.target, body=ask.body,
                application=None, before=None, after=None, actor="credential",
            )
        )  # fmt: skip


def _words(row: Row) -> Iterable[str | None]:
    return row["firstName"], row["lastName"], row["email"]


def _known_keys(query: Query, known: frozenset[str]) -> None:
    if unknown := sorted(set(query) - known):
        raise Refusal(400, "INVALID_PARAMETER", f"unknown parameter {unknown[0]}")


def _object(ask: Ask) -> Row:
    if not isinstance(ask.body, dict):
        raise Refusal(400, "INVALID_REQUEST", "The body is a JSON object")
    return ask.body


def _has(query: Query, name: str, held: set[Any]) -> bool:
    """Whether one of the values asked for is there; without any, it is."""
    return name not in query or bool(held & set(query[name]))


def _lies(location: Row | None, text: str) -> bool:
    return text.lower() in " ".join(str(value) for value in (location or {}).values() if value).lower()


def _rating(query: Query, otherwise: float) -> float:
    try:
        return float(query.get("averageRating", [str(otherwise)])[0])
    except ValueError:
        raise Refusal(400, "INVALID_PARAMETER", "averageRating is a number") from None


def _after(text: str, moment: float | None) -> bool:
    return moment is None or datetime.fromisoformat(text).timestamp() > moment


def _application(api: Api, ask: Ask) -> Row:
    candidate = api.candidate(ask.ids[0])
    _ = api.account.find(*ask.ids)
    path = f"{BASE}/candidates/{ask.ids[0]}/jobs/{ask.ids[1]}"
    return {**api.assignment(candidate, ask.ids[1]), "url": path}


def _history(api: Api, ask: Ask) -> Row:
    _ = api.candidate(ask.ids[0])
    _, assignment = api.account.find(*ask.ids)
    return unpaged([{**row, "actions": {}} for row in reversed(assignment["history"])])


def _onboarding(api: Api, ask: Ask) -> Row:
    _ = api.candidate(ask.ids[0])
    return {"onboardingStatus": api.account.find(*ask.ids)[1]["onboardingStatus"]}


def _empty_below(api: Api, ask: Ask) -> Row:
    _ = api.candidate(ask.ids[0])
    return unpaged([])


def _process(api: Api, ask: Ask) -> Row:
    if ask.ids[0] not in api.account.processes:
        raise Refusal(404, "HIRING_PROCESS_NOT_FOUND", "The hiring process was not found")
    return api.account.processes[ask.ids[0]]


def _processes(api: Api, _ask: Ask) -> Row:
    kept = ("id", "name", "active")
    return unpaged([{key: row[key] for key in kept} for row in api.account.processes.values()])


def _company(_api: Api, _ask: Ask) -> Row:
    return {"name": "Simulated Ltd", "identifier": "SimulatedLtd", "location": {"country": "Poland"}}


def _departments(api: Api, _ask: Ask) -> Row:
    found = {row["department"]["id"]: row["department"] for row in api.account.jobs.values()}
    return unpaged(list(found.values()))


def _users(api: Api, ask: Ask) -> Row:
    _known_keys(ask.query, _PAGED)
    return api.paged("users", ask.query, api.account.users, lambda _row: True)


def _user(api: Api, ask: Ask) -> Row:
    if ask.ids[0] not in api.account.users:
        raise Refusal(404, "USER_NOT_FOUND", "The user was not found")
    return api.account.users[ask.ids[0]]


def _me(api: Api, _ask: Ask) -> Row:
    return next(iter(api.account.users.values()))


def _tags(api: Api, ask: Ask) -> Row:
    return {"tags": api.candidate(ask.ids[0])["tags"]}


def _team(api: Api, ask: Ask) -> Row:
    return unpaged(api.one_job(ask.ids[0])["hiringTeam"])


def _job_history(api: Api, ask: Ask) -> Row:
    row = api.one_job(ask.ids[0])
    begun = {"status": row["status"], "changedOn": row["updatedOn"]}
    return unpaged(list(reversed(row.get("statusHistory") or [begun])))


def _properties(api: Api, ask: Ask) -> Row:
    return unpaged(api.candidate(ask.ids[0]).get("properties", []))


def _subscribe(api: Api, ask: Ask) -> Row:
    url = _object(ask).get("callbackUrl")
    if not isinstance(url, str) or not (url.startswith("https://") or on_loopback(url)):
        raise Refusal(400, "INVALID_REQUEST", "callbackUrl is an https address")
    return api.hooks.create(ask.body)


def _activate(api: Api, ask: Ask) -> None:
    api.hooks.activate(ask.ids[0])


def _subscriptions(api: Api, _ask: Ask) -> Any:
    rows = [api.hooks.shown(row) for row in api.hooks.rows.values()]
    return unpaged(rows) if api.subscriptions_paged else rows


def _unsubscribe(api: Api, ask: Ask) -> None:
    del api.hooks.rows[api.hooks.find(ask.ids[0])["id"]]


def _key(api: Api, ask: Ask) -> Row:
    if ask.method == "POST":
        return {"secretKey": api.hooks.new_key(ask.ids[0])}
    held = api.hooks.keys.get(api.hooks.find(ask.ids[0])["id"])
    if not held:
        raise Refusal(404, "SECRET_KEY_NOT_FOUND", "There is no secret key")
    return {"secretKey": held[0].secret}


def _log(api: Api, ask: Ask) -> list[Row]:
    since = api.hooks.clock() - 30 * 86_400
    return [e for e in api.hooks.logs.get(api.hooks.find(ask.ids[0])["id"], []) if e["timestamp"] >= since]


def _route(method: str, path: str, scopes: str, handle: Callable[[Api, Ask], Any], done: int = 200) -> Route:
    pattern = re.compile(re.sub(r"\{\}", "([^/]+)", path))
    return Route(method, pattern, frozenset(scopes.split()), handle, done)


_APPLIED = "/candidates/{}/jobs/{}"
ROUTES: tuple[Route, ...] = (
    _route("GET", "/candidates", "candidates_read", Api.search),
    _route("GET", "/candidates/{}", "candidates_read", lambda a, q: a.detail(a.candidate(q.ids[0]))),
    _route("PATCH", "/candidates/{}", "candidates_manage", Api.patch),
    _route("DELETE", "/candidates/{}", "candidates_manage", Api.delete, 204),
    _route("GET", "/candidates/{}/properties", "candidates_read", _properties),
    _route("GET", "/candidates/{}/consents", "candidates_read", _empty_below),
    _route("GET", "/candidates/{}/tags", "candidates_read", _tags),
    _route("PUT", "/candidates/{}/status", "candidates_manage", Api.put_status, 204),
    _route("GET", _APPLIED, "candidates_read", _application),
    _route("GET", f"{_APPLIED}/status/history", "candidates_read candidates_status_read", _history),
    _route("GET", f"{_APPLIED}/attachments", "candidates_read", _empty_below),
    _route("GET", f"{_APPLIED}/screening-answers", "candidates_read", _empty_below),
    _route("GET", f"{_APPLIED}/properties", "candidates_read", _empty_below),
    _route("GET", f"{_APPLIED}/onboardingStatus", "candidates_read", _onboarding),
    _route("PUT", f"{_APPLIED}/status", "candidates_manage", lambda a, q: a.put_status(q, q.ids[1]), 204),
    _route("GET", "/jobs", "jobs_read", Api.jobs),
    _route("GET", "/jobs/{}", "jobs_read", lambda a, q: a.job(a.one_job(q.ids[0]), detail=True)),
    _route("PUT", "/jobs/{}/status", "jobs_manage", Api.put_job_status, 204),
    _route("GET", "/jobs/{}/hiring-team", "jobs_read", _team),
    _route("GET", "/jobs/{}/positions", "jobs_read", lambda a, q: unpaged([])),
    _route("GET", "/jobs/{}/publication", "jobs_read", lambda a, q: unpaged([])),
    _route(
        "GET", "/jobs/{}/status/history", "jobs_read",
        _job_history,
    ),
    _route("GET", "/configuration/company", "company_read", _company),
    _route("GET", "/configuration/departments", "configuration_read", _departments),
    _route("GET", "/configuration/hiring-processes", "configuration_read", _processes),
    _route("GET", "/configuration/hiring-processes/{}", "configuration_read", _process),
    _route(
        "GET", "/configuration/rejection-reasons", "configuration_read",
        lambda a, _q: unpaged(list(a.account.rejection.values())),
    ),
    _route(
        "GET", "/configuration/withdrawal-reasons", "configuration_read",
        lambda a, _q: unpaged(list(a.account.withdrawal.values())),
    ),
    _route("GET", USERS, "users_read", _users),
    _route("GET", f"{USERS}/me", "user_me_read users_read", _me),
    _route("GET", f"{USERS}/{{}}", "users_read", _user),
    _route("GET", HOOKS, "webhooks_manage webhooks_read", _subscriptions),
    _route("POST", HOOKS, "webhooks_manage", _subscribe, 201),
    _route(
        "GET", f"{HOOKS}/{{}}", "webhooks_manage webhooks_read",
        lambda a, q: a.hooks.shown(a.hooks.find(q.ids[0])),
    ),
    _route("DELETE", f"{HOOKS}/{{}}", "webhooks_manage", _unsubscribe, 204),
    _route("PUT", f"{HOOKS}/{{}}/activation", "webhooks_manage", _activate, 204),
    _route("GET", f"{HOOKS}/{{}}/callbacks-log", "webhooks_manage", _log),
    _route("POST", f"{HOOKS}/{{}}/secret-key", "webhooks_manage", _key, 201),
    _route("GET", f"{HOOKS}/{{}}/secret-key", "webhooks_manage", _key),
)  # fmt: skip
"""Every method; the first that fits is taken."""
