"""The resources: collections, items, children, describe and actions, on an account."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from ..interface import Accepted
from . import queries
from .account import Account
from .answers import Refusal, Row, bad, shown_time

CHILDREN = 25
MOST = 500
Query = Mapping[str, str]
_OPTIONS = frozenset("limit offset onlyData fields expand orderBy totalResults q finder".split())  # noqa: SIM905
_OF_AN_ITEM = frozenset({"onlyData", "fields", "expand"})
_OF_A_CHILD = frozenset({"onlyData", "limit", "offset"})
_WHOLE = re.compile(r"\d{1,9}")
_LOB = frozenset({"ExternalDescriptionHTML", "ExternalRespHTML", "ExternalQualHTML"})
_NUMBERS = frozenset({"MinimumSalary", "MaximumSalary"})

ROLES = {
    "recruitingJobRequisitions": "Use REST Service - Job Requisitions Read Only",
    "recruitingCandidates": "Use REST Service - Candidates Read Only",
    "recruitingJobApplications": "Use REST Service - Job Applications Read Only",
    "recruitingJobOffers": "Use REST Service - Job Offers",
    "publicWorkers": "Use REST Service - Public Workers Read Only",
}
DATA = "data role on job requisitions"
MOVE = "move job applications"


@frozen
class Resource:
    """A resource: what its items are called by in a path and in a finder, and what it always knows."""

    name: str
    key: str
    children: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    finder_key: str = ""
    attributes: frozenset[str] = frozenset()


_JOB = frozenset(
    """
    RequisitionId RequisitionNumber Title PhaseId PhaseName StateId StateName InternalPublishedJobStatus
    ExternalPublishedJobStatus NumberOfOpenings HiredCount RecruitingType FullTimeOrPartTime
    RegularOrTemporary MinimumSalary MaximumSalary CompensationCurrency PositionId JobId GradeId DepartmentId
    OrganizationId PrimaryWorkLocationId PrimaryLocationId JobFunction HiringManagerId RecruiterId
    CandidateSelectionProcessId UnlimitedOpenings PipelineRequisition CreationDate LastUpdateDate
    RequisitionLastModifiedDate CreatedBy LastUpdatedBy ExternalDescriptionHTML ExternalRespHTML
    ExternalQualHTML
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_PERSON = frozenset(
    """
    CandidateNumber PersonId FirstName MiddleNames LastName FullName DisplayName ListName KnownAs Title
    Suffix PreNameAdjunct PreviousLastName Honors MilitaryRank Email CandidateType SourceMedium SourceName
    CampaignOptIn PreferredLanguage PreferredTimezone CreatedBy CreationDate LastUpdatedBy LastUpdateDate
    CandLastModifiedDate
    """.split()  # noqa: SIM905 - the same
)
_APPLICATION = frozenset(
    """
    JobApplicationId CandidatePersonId CandidateName RequisitionId RequisitionIdRest RequisitionNumber
    RequisitionUsageCode PhaseId PhaseName StateId StateName PublicStateId PublicStateName ProcessId
    DisqualifiedFlag ConfirmedFlag ConfirmedDate ConfirmedByPersonId InternalFlag AppliedToOtherJobs
    JobApplicationDate CreationDate LastUpdateDate LastModifiedDate CreatedBy LastUpdatedBy HiringManagerId
    RecruiterId SiteNumber LanguageCode ProfileId ApplyFlowVersionId EsignDescriptionVersionId
    LegalDescriptionVersionId
    """.split()  # noqa: SIM905 - the same
)
RESOURCES = {
    r.name: r
    for r in (
        Resource(
            "recruitingJobRequisitions", "key", ("publishedJobs",),
            finder_key="recruitingJobRequisitionsUniqID", attributes=_JOB,
        ),
        Resource("recruitingCandidates", "CandidateNumber", ("candidatePhones",), attributes=_PERSON),
        Resource(
            "recruitingJobApplications", "JobApplicationId", ("attachments",),
            ("move", "withdraw", "confirm", "sendConfirmationRequest"), attributes=_APPLICATION,
        ),
        Resource("recruitingJobOffers", "OfferId"),
        Resource("publicWorkers", "PersonId"),
    )
}  # fmt: skip


@define(kw_only=True)
class Api:
    """What answers beside the account.

    Args:
        not_queryable: attributes that ``q`` does not take.
        ceiling: after so many rows a collection says that there is no more.
        hidden: requisitions on which the user has no role.
        hidden_status: what an application is answered with to who has no role on its requisition.
    """

    account: Account
    root: str
    user: str
    accepted: list[Accepted]
    granted: set[str] = field(factory=lambda: {*ROLES.values(), DATA, MOVE})
    not_queryable: frozenset[str] = frozenset()
    ceiling: int = 10_000
    hidden_status: int = 403
    hidden: set[int] = field(factory=set)
    ordered: int = 0
    """How often rows were asked for in an order."""

    def rows(self, name: str) -> list[Row]:
        account = self.account
        if name == "recruitingJobRequisitions":
            return list(account.requisitions.values())
        if name == "recruitingCandidates":
            return list(account.candidates.values())
        if name == "recruitingJobApplications":
            return list(account.applications.values())
        return list(account.workers.values()) if name == "publicWorkers" else []

    def types(self, resource: Resource) -> dict[str, str]:
        """Every attribute's type: by its name, and by what the rows hold."""
        found = {name: _named_type(name) for name in sorted(resource.attributes)}
        for row in self.rows(resource.name):
            for name, value in row.items():
                if name not in resource.children and name != "key":
                    found[name] = _type(name, value) or found.get(name, "string")
        return found

    def queryable(self, name: str) -> bool:
        return name not in _LOB and name not in self.not_queryable

    def resource(self, name: str) -> Resource:
        if name not in RESOURCES:
            raise Refusal(404)
        if ROLES[name] not in self.granted:
            raise Refusal(403)
        return RESOURCES[name]

    # -- reading --

    def collection(self, name: str, query: Query, version: int) -> Row:
        resource = self.resource(name)
        types = self.types(resource)
        _check_options(query, _OPTIONS)
        rows = self.rows(name)
        narrowed = _by_person(query.get("q", "")) if name == "recruitingCandidates" else False
        # Who has no data role sees nothing, and no error says so.
        if name.startswith("recruiting") and not narrowed:
            rows = [
                row for row in rows if DATA in self.granted and row.get("RequisitionId") not in self.hidden
            ]
        if "q" in query:
            test = queries.read(query["q"], version=version, types=types, queryable=self.queryable)
            rows = [row for row in rows if test(row)]
        if "finder" in query:
            rows = self._found(resource, query["finder"], rows)
        rows = self._ordered(rows, types, query.get("orderBy", ""))
        limit, offset = min(MOST, _whole(query, "limit", CHILDREN)), _whole(query, "offset", 0)
        end = min(offset + limit, self.ceiling)
        page = rows[offset:end]
        found: Row = {
            "items": [self.shown(resource, row, query, version, types) for row in page], "count": len(page),
            "hasMore": offset + len(page) < min(len(rows), self.ceiling) and bool(page), "limit": limit,
            "offset": offset,
        }  # fmt: skip
        if query.get("totalResults") == "true":
            found["totalResults"] = len(rows)
        if query.get("onlyData") == "true":
            return found
        return {**found, "links": [_link("self", f"{self.root}/{name}", name, "collection")]}

    def _found(self, resource: Resource, finder: str, rows: list[Row]) -> list[Row]:
        name, _, value = finder.partition(";")
        key, _, id = value.partition("=")
        if name != "PrimaryKey" or key != (resource.finder_key or resource.key):
            raise bad("The finder is not valid.")
        return [row for row in rows if str(row[resource.key]) == id]

    def _ordered(self, rows: list[Row], types: Mapping[str, str], order: str) -> list[Row]:
        if order:
            # What the order does not decide comes in any, another one each time.
            self.ordered += 1
            rows = random.Random(self.ordered).sample(rows, len(rows))
        for term in reversed([t for t in order.split(",") if t]):
            name, _, direction = term.partition(":")
            if name not in types or direction not in ("", "asc", "desc"):
                raise bad("URL request parameter orderBy cannot be used in this context.")
            by = _by(name)
            rows = sorted(rows, key=by, reverse=direction == "desc")
        return rows

    def item(self, name: str, key: str, query: Query, version: int) -> Row:
        resource = self.resource(name)
        _check_options(query, _OF_AN_ITEM)
        return self.shown(resource, self._row(resource, key), query, version, self.types(resource))

    def _row(self, resource: Resource, key: str) -> Row:
        row = next((r for r in self.rows(resource.name) if str(r[resource.key]) == key), None)
        if row is None:
            raise Refusal(404)
        # Candidates by their number are not held to any data role.
        if resource.name != "recruitingCandidates" and (
            DATA not in self.granted or row.get("RequisitionId") in self.hidden
        ):
            raise Refusal(self.hidden_status)
        return row

    def child(self, name: str, key: str, child: str, query: Query) -> Row:
        resource = self.resource(name)
        row = self._row(resource, key)
        if child not in resource.children:
            raise Refusal(404)
        _check_options(query, _OF_A_CHILD)
        limit, offset = min(MOST, _whole(query, "limit", CHILDREN)), _whole(query, "offset", 0)
        return self._children(resource, row, child, limit, offset, bare=query.get("onlyData") == "true")

    def _children(
        self, resource: Resource, row: Row, child: str, limit: int, offset: int, *, bare: bool
    ) -> Row:
        every = row.get(child, [])
        page = every[offset : offset + limit]
        found: Row = {
            "items": [_plain(one) for one in page], "count": len(page),
            "hasMore": offset + len(page) < len(every), "limit": limit, "offset": offset,
        }  # fmt: skip
        href = f"{self.root}/{resource.name}/{row[resource.key]}/child/{child}"
        return found if bare else {**found, "links": [_link("self", href, child, "collection")]}

    def shown(
        self, resource: Resource, row: Row, query: Query, version: int, types: Mapping[str, str]
    ) -> Row:
        names = [n for n in query.get("fields", "").split(",") if n]
        expand = [n for n in query.get("expand", "").split(",") if n]
        if any(name not in types for name in names) or any(n not in resource.children for n in expand):
            raise bad("URL request parameter fields or expand cannot be used in this context.")
        bare = query.get("onlyData") == "true"
        plain = {n: v for n, v in row.items() if n not in resource.children and n != "key"}
        found = _plain({name: plain.get(name) for name in names} if names else plain)
        # fields wins: with both, nothing is expanded.
        for child in [] if names else expand:
            inner = self._children(resource, row, child, CHILDREN, 0, bare=bare)
            found[child] = inner if version >= 3 else inner["items"]
        if not bare:
            href = f"{self.root}/{resource.name}/{row[resource.key]}"
            found["links"] = [
                _link("self", href, resource.name, "item"),
                *(_link("child", f"{href}/child/{name}", name, "collection") for name in resource.children),
            ]
        return found

    def describe(self, name: str) -> Row:
        resource = self.resource(name)
        attributes = [
            {"name": name, "type": type, "queryable": self.queryable(name)}
            for name, type in self.types(resource).items()
        ]
        actions = [{"name": action, "method": "POST"} for action in resource.actions]
        about = {"attributes": attributes, "item": {"actions": actions}}
        return {"Resources": {name: about}}

    # -- writing --

    def act(self, id: str, action: str, body: Any) -> Row:
        """Raises `Refusal`; gives the result."""
        resource = self.resource("recruitingJobApplications")
        if action not in resource.actions:
            raise Refusal(404)
        row = self._row(resource, id)
        if MOVE not in self.granted:
            raise Refusal(self.hidden_status)
        if not isinstance(body, dict):
            raise bad("The body is not an object.")
        before = self.account.truth(row)
        run: Callable[[Row, Row], None] | None = {"move": self._move, "withdraw": self._withdraw}.get(action)
        if run is None:
            row |= {"ConfirmedFlag": True} if action == "confirm" else {}
        else:
            run(row, body)
        target = f"/recruitingJobApplications/{id}/action/{action}"
        self._log("POST", target, body, application=id, before=before, after=self.account.truth(row))
        return {}

    def _log(self, method: str, target: str, body: Any = None, **about: Any) -> None:
        self.accepted.append(
            Accepted(
                at=self.account.clock(), method=method, target=target, body=body, actor=self.user,
                **{"application": None, "before": None, "after": None, **about},
            )
        )  # fmt: skip

    def _move(self, row: Row, body: Row) -> None:
        kinds = {"phaseId": int, "stateId": int, "reasonId": int, "comments": str}
        for name, value in body.items():
            if name not in kinds or type(value) is not kinds[name]:
                raise bad(f"The parameter {name} is not valid.", path=f"/{name}")
        if "phaseId" not in body or "stateId" not in body:
            raise bad("A required parameter is missing.")
        self.account.move(row, body["phaseId"], body["stateId"], reason=body.get("reasonId"), by=self.user)

    def _withdraw(self, row: Row, body: Row) -> None:
        there = self.account.in_phase(row, "withdrawn")
        if body or there is None:
            raise bad("Invalid operation for the specified resource.")
        self.account.move(row, there.phase, there.state, reason=None, by=self.user)

    def delete_candidate(self, number: str) -> None:
        row = self._row(self.resource("recruitingCandidates"), number)
        del self.account.candidates[row["CandidateNumber"]]
        self._log("DELETE", f"/recruitingCandidates/{number}")

    def methods(self, parts: list[str]) -> frozenset[str]:
        """What a path can be asked by; none where there is no such path."""
        if parts[0] not in RESOURCES:
            return frozenset()
        resource = RESOURCES[parts[0]]
        match parts[1:]:
            case [] | ["describe"]:
                return frozenset({"GET"})
            case [_]:
                return frozenset({"GET", "DELETE"} if resource.name == "recruitingCandidates" else {"GET"})
            case [_, "child", child] if child in resource.children:
                return frozenset({"GET"})
            case [_, "action", action] if action in resource.actions:
                return frozenset({"POST"})
        return frozenset()


def _check_options(query: Query, known: frozenset[str]) -> None:
    for option in query:
        if option not in known:
            raise bad(f"URL request parameter {option} cannot be used in this context.")


def _named_type(name: str) -> str:
    """Of an attribute that no row has a value for."""
    if name.endswith("Flag"):
        return "boolean"
    whole = name.endswith("Id") or name in ("RequisitionIdRest", "NumberOfOpenings", "HiredCount")
    return _type(name, None) or ("integer" if whole else "string")


def _type(name: str, value: Any) -> str | None:
    if name.endswith("Date"):
        return "time"
    if name in _NUMBERS:
        return "number"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return kinds.get(type(value))


def _plain(row: Row) -> Row:
    return {n: shown_time(v) if n.endswith("Date") and type(v) is int else v for n, v in row.items()}


def _by(name: str) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: (row.get(name) is not None, row.get(name) or 0)


def _by_person(q: str) -> bool:
    return re.fullmatch(r"\s*(PersonId\s*=\s*\d+|CandidateNumber\s*=\s*'\d+')\s*", q) is not None


def _whole(query: Query, name: str, otherwise: int) -> int:
    text = query.get(name, str(otherwise))
    if not _WHOLE.fullmatch(text):
        raise bad(f"URL request parameter {name} cannot be used in this context.")
    return int(text)


def _link(rel: str, href: str, name: str, kind: str) -> Row:
    return {"rel": rel, "href": href, "name": name, "kind": kind}
