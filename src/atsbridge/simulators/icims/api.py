"""The resources below ``/customers/{id}``: what is shown of them, and the one write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from ..interface import Accepted, SimRequest
from .account import TITLES, Account
from .answers import FIELD, REQUIRED, Refusal, Row, moment, no_access, not_found
from .search import Search, filters_schema, results_schema

GRANTED = ("search", "jobs", "people", "applicantworkflows", "status", "write")
"""What the integration user can be given: the group, three kinds of profile, a field, and its editing."""
PROFILES = {
    "person": "people", "job": "jobs", "company": "", "submittal": "applicantworkflows", "source": "",
    "sourceworkflow": "", "onboard": "", "onboardworkflow": "", "room": "", "connectevent": "",
}  # fmt: skip
USUAL = {
    "jobs": ("jobtitle", "folder", "joblocation", "jobid"),
    "people": ("firstname", "lastname", "email", "addresses"),
    "applicantworkflows": ("status", "baseprofile", "associatedprofile", "source"),
}
"""What comes back where no fields are asked for."""
EVERY = {
    "jobs": (
        *USUAL["jobs"], "positioncategory", "positiontype", "numberofpositions", "hiringmanager",
        "recruiter", "overview", "updateddate", "createddate",
    ),
    "people": (*USUAL["people"], "middlename", "phones", "folder"),
    "applicantworkflows": (
        *USUAL["applicantworkflows"], "sourcename", "bin", "acceptdeclinedate", "assessmentresults",
        "field12345",
    ),
}  # fmt: skip
WRITABLE = frozenset({"source", "sourcename", "acceptdeclinedate", "field12345"})
"""What a write of a workflow may hold beside its status."""
LIST_SIZE = 1000
REJECTION_NOTES = {"D2001": "Not enough experience", "D2002": "Position filled"}
SOURCES = {"D3001": "Company Website", "D3002": "Employee Referral"}
LISTS = (
    "lists.notes.rejection", "lists.job.folders", "lists.person.folders", "lists.sources",
    "lists.sourcechannels", "lists.country", "lists.position", "lists.customfields_lists",
)  # fmt: skip
"""Some of the 41; none of them lists the statuses of workflows."""
_LIST_VALUE = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "formattedvalue", "value")},
}
_REFERENCE = {
    "type": "object",
    "properties": {"profile": {"type": "string"}, "id": {"type": "integer"}, "value": {"type": "string"}},
}
_SHAPES = {
    **dict.fromkeys(("status", "folder"), _LIST_VALUE),
    **dict.fromkeys(("baseprofile", "associatedprofile", "hiringmanager", "recruiter"), _REFERENCE),
    **{name: {"type": "array"} for name in ("addresses", "phones", "assessmentresults")},
    "numberofpositions": {"type": "integer"},
}
"""What a field holds by the Schema API, where it is no text."""

Warnings = tuple[tuple[int, str], ...]


@define(kw_only=True)
class Api:
    """The resources, as one integration user sees them.

    Args:
        updated_readable: ``updateddate`` and ``createddate`` of workflows can be asked for by ``fields``.
        unknown_status: ``refused`` or ``warned``: a write of a status that is not there.
        unpermitted: ``forbidden`` or ``warned``: a write that the user may not make.
        search_by_get: the search takes its JSON as ``searchJson`` too.
        fresh_search: the search takes ``staleness=0``; pages tell of positive numbers alone.
        repeats_tell: writing the status it has counts as a change.
    """

    account: Account
    search: Search
    accepted: list[Accepted]
    granted: set[str] = field(factory=lambda: set(GRANTED))
    required_empty: dict[int, list[str]] = field(factory=dict)
    """Fields configured as required that are empty on a workflow."""
    updated_readable: bool = True
    unknown_status: str = "refused"
    unpermitted: str = "forbidden"
    search_by_get: bool = False
    fresh_search: bool = True
    repeats_tell: bool = False
    told: Callable[[Row, str | None, str | None], None] = lambda _row, _old, _new: None

    def answer(self, request: SimRequest, path: str, query: dict[str, str]) -> tuple[int, Any, Warnings, Row]:
        """Status, body, warnings and headers, by the path below the customer."""
        parts = path.split("/")
        if parts[0] == "search" and len(parts) == 2:
            return 200, self._searched(request, parts[1], query), (), {}
        if request.method == "POST" and parts == ["applicantworkflows"]:
            return self._created(request)
        if request.method == "PATCH" and parts[0] == "applicantworkflows" and len(parts) == 2:
            return self._patched(request, parts[1])
        if request.method != "GET":
            raise not_found("Resource")
        if parts[0] == "profiledefinitions" and parts[-1] == "schema" and len(parts) in (4, 5):
            return 200, self._schema(parts[2], parts[3:-1]), (), {}
        if parts[:2] == ["v2", "lists"] and len(parts) <= 3:
            return 200, self._lists(parts[2:], query), (), {}
        if parts[0] == "people" and parts[2:] == ["fields", "resume", "binary"]:
            return 200, self._resume(parts[1]), (), {}
        if parts[:2] == ["applicantworkflows", "person"] and len(parts) == 5 and parts[3] == "job":
            parts = ["applicantworkflows", self._of(parts[2], parts[4])]
        if parts[0] in TITLES and len(parts) == 2:
            return self._profile(parts[0], parts[1], query)
        raise not_found("Resource")

    # -- search --

    def _searched(self, request: SimRequest, table: str, query: dict[str, str]) -> Row:
        if "search" not in self.granted:
            raise Refusal(403, (FIELD, "The user is not in the Integration User group."))
        if table in ("filtersSchema", "resultsSchema") and request.method == "GET":
            return filters_schema(self.search) if table == "filtersSchema" else results_schema()
        if table not in TITLES:
            raise not_found("Resource")
        if request.method == "POST":
            asked = _json(request.body)
        elif request.method == "GET" and self.search_by_get:
            asked = _json(query.get("searchJson", "").encode())
        else:
            raise not_found("Resource")
        minutes = query.get("staleness", "15")
        if not re.fullmatch(r"\d{1,6}", minutes) or (minutes == "0" and not self.fresh_search):
            raise Refusal(400, (FIELD, "staleness: Invalid number."))
        ids = self.search.ids(table, asked, staleness_minutes=float(minutes))
        rows = [{"self": self.account.url(table, id), "id": id} for id in ids]
        return {"searchResults": rows} if rows else {}

    # -- profiles --

    def _profile(self, table: str, id: str, query: dict[str, str]) -> tuple[int, Any, Warnings, Row]:
        if table not in self.granted:
            raise no_access(TITLES[table])
        row = self.account.find(table, id)
        if table == "applicantworkflows" and row["id"] in self.account.hidden:
            raise no_access(TITLES[table])
        asked = [name for name in query.get("fields", "").split(",") if name]
        warnings = tuple(
            (FIELD, f"{name}: Field name must be all lowercase.") for name in asked if name != name.lower()
        )
        shown = self._shown(table, row, asked or USUAL[table])
        return 200, {**shown, "links": self._links(table, row)}, warnings, {}

    def _shown(self, table: str, row: Row, fields: Iterable[str]) -> Row:
        """What is set and may be seen; whatever else was asked for is left out, without a word."""
        known = set(EVERY[table])
        if table == "applicantworkflows" and self.updated_readable:
            known |= {"updateddate", "createddate"}
        if "status" not in self.granted:
            known -= {"status", "bin"} if table == "applicantworkflows" else set()
        found = {name: self._value(table, row, name) for name in dict.fromkeys(fields) if name in known}
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def _value(self, table: str, row: Row, name: str) -> Any:
        account = self.account
        if name in ("updateddate", "createddate"):
            return moment(row["updated" if name == "updateddate" else "created"])
        if table != "applicantworkflows":
            value = row.get(name)
            if name == "folder" and value:
                return account.folder(value)
            if name in ("hiringmanager", "recruiter"):
                return account.reference("people", int(value)) if value else None
            return value
        if name == "baseprofile":
            return account.reference("jobs", row["job"])
        if name == "associatedprofile":
            return account.reference("people", row["person"])
        if name == "status":
            return account.status(row["status"]) if row["status"] else None
        if name == "bin":
            known = account.statuses.get(row["status"] or "")
            return known.bin if known else None
        return row.get(name)

    def _links(self, table: str, row: Row) -> list[Row]:
        def link(title: str, to: str, id: int) -> Row:
            return {"rel": "self", "title": title, "url": self.account.url(to, id)}

        own = [link("The current profile being viewed.", table, row["id"])]
        if table != "applicantworkflows":
            return own
        base = link("The base profile of this workflow.", "jobs", row["job"])
        return [*own, base, link("The associated profile of this workflow.", "people", row["person"])]

    def _of(self, person: str, job: str) -> str:
        rows = self.account["applicantworkflows"].values()
        found = [w for w in rows if (str(w["person"]), str(w["job"])) == (person, job)]
        if not found:
            raise not_found(TITLES["applicantworkflows"])
        return str(found[0]["id"])

    # -- the configuration --

    def _schema(self, profile: str, fields: list[str]) -> Row:
        if profile not in PROFILES:
            raise not_found("Profile type")
        table = PROFILES[profile]
        known = set(EVERY.get(table, ())) if table in self.granted else set()
        if table == "applicantworkflows" and "status" not in self.granted:
            known -= {"status", "bin"}
        wanted = sorted(known if not fields else known & set(fields))
        if fields and not wanted:
            raise not_found("Field")
        return {"type": "object", "properties": {n: _SHAPES.get(n, {"type": "string"}) for n in wanted}}

    def _lists(self, names: list[str], query: dict[str, str]) -> Row:
        """The names of all lists, or a page of the first level of one."""
        if not names:
            return {"lists": list(LISTS)}
        if names[0] not in LISTS:
            raise not_found("List")
        known = {
            "lists.job.folders": self.account.folders, "lists.person.folders": self.account.person_folders,
            "lists.notes.rejection": REJECTION_NOTES, "lists.sources": SOURCES,
        }  # fmt: skip
        nodes = [{"id": id, "value": name, "_links": {}} for id, name in known.get(names[0], {}).items()]
        size, page = _whole(query, "size", LIST_SIZE), _whole(query, "page", 0)
        if not 1 <= size <= LIST_SIZE:
            raise Refusal(400, (FIELD, f"size: 1 to {LIST_SIZE}."))
        begin, root = size * page, f"{self.account.host}/customers/{self.account.customer}/v2/lists"
        following = {"href": f"{root}/{names[0]}?size={size}&page={page + 1}"}
        links = {"next": following} if begin + size < len(nodes) else {}
        return {"nodes": nodes[begin : begin + size], "_links": links}

    def _resume(self, person: str) -> bytes:
        if "people" not in self.granted:
            raise no_access(TITLES["people"])
        resume = self.account.find("people", person).get("resume")
        if not resume:
            raise not_found("Resume")
        return str(resume).encode()

    # -- writing --

    def _patched(self, request: SimRequest, id: str) -> tuple[int, Any, Warnings, Row]:
        account, table = self.account, "applicantworkflows"
        if table not in self.granted:
            raise no_access(TITLES[table])
        row = account.find(table, id)
        if row["id"] in account.hidden:
            raise no_access(TITLES[table])
        body = _json(request.body)
        node = self._node(body.get("status"))
        warnings = tuple(_not_written(body))
        if "write" not in self.granted:
            refused = (FIELD, "status: The user may not edit this field.")
            return self._not_done(refused, self.unpermitted == "warned", 403)
        if lacking := [name for name in self.required_empty.get(row["id"], ()) if not body.get(name)]:
            raise Refusal(400, *((REQUIRED, f"{name}: Field is required.") for name in lacking))
        if node is not None and node not in account.statuses:
            return self._not_done((FIELD, "status: Unknown value."), self.unknown_status == "warned", 400)
        before = account.truth(row)
        if "status" in body and (node != row["status"] or self.repeats_tell):
            old, row["status"] = row["status"], node
            account.touch(row)
            self.told(row, old, node)
        if told := {name: value or None for name, value in body.items() if name in WRITABLE}:
            row |= told
            account.touch(row)
        self._log(request, body, row, before)
        return 204, None, warnings, {"location": account.url("applicantworkflows", row["id"])}

    def _node(self, given: Any) -> str | None:
        """A list value by its node's id; null and an empty text delete it."""
        if given in (None, ""):
            return None
        if not isinstance(given, dict) or not isinstance(given.get("id"), str):
            raise Refusal(400, (FIELD, "status: Invalid value."))
        return str(given["id"])

    def _not_done(self, error: tuple[int, str], warned: bool, status: int) -> tuple[int, Any, Warnings, Row]:
        if warned:
            return 204, None, (error,), {}
        raise Refusal(status, error)

    def _created(self, request: SimRequest) -> tuple[int, Any, Warnings, Row]:
        body = _json(request.body)
        if "write" not in self.granted:
            raise Refusal(403, (FIELD, "The user may not create this profile."))
        lacking = [name for name in ("baseprofile", "associatedprofile") if name not in body]
        if lacking:
            raise Refusal(400, *((REQUIRED, f"{name}: Field is required.") for name in lacking))
        node = self._node(body.get("status"))
        if node is not None and node not in self.account.statuses:
            raise Refusal(400, (FIELD, "status: Unknown value."))
        job = self.account.find("jobs", str(body["baseprofile"]))
        person = self.account.find("people", str(body["associatedprofile"]))
        try:
            row = self.account.apply(job=job["id"], person=person["id"], source=body.get("source"))
        except ValueError as error:
            raise Refusal(400, (FIELD, str(error))) from None
        row["status"] = node or row["status"]
        self._log(request, body, row, None)
        return 201, None, (), {"location": self.account.url("applicantworkflows", row["id"])}

    def _log(self, request: SimRequest, body: Row, row: Row, before: Any) -> None:
        self.accepted.append(
            Accepted(
                at=self.account.clock(),
                method=request.method,
                target=request.target,
                body=body,
                application=str(row["id"]),
                before=before,
                after=self.account.truth(row),
                actor="integration user",
            )
        )


def _json(body: bytes) -> Row:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refusal(400, (FIELD, "The body is not a JSON object."))
    return found


def _not_written(body: Row) -> Iterable[tuple[int, str]]:
    """What becomes of each name that a write does not know, in the words of a warning."""
    for name in body:
        if name != name.lower():
            yield FIELD, f"{name}: Field name must be all lowercase."
        elif name != "status" and name not in WRITABLE:
            yield FIELD, f"{name}: Unknown field."


def _whole(query: dict[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, str(otherwise))
    if not re.fullmatch(r"\d{1,6}", text):
        raise Refusal(400, (FIELD, f"{name}: Invalid number."))
    return int(text)
