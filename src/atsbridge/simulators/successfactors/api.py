"""The OData service: entity sets, keys, metadata, and ``upsert``, on an account."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from attrs import define, field, frozen

from ..interface import Accepted, Truth
from .account import Account, Impossible
from .answers import (
    ENTITY,
    FORBIDDEN,
    NO_SUCH_KEY,
    PROPERTY,
    REQUIRED,
    SKIPTOKEN,
    TOO_LONG,
    Code,
    Refusal,
    Row,
    encode,
    malformed,
)
from .filters import Parser
from .schema import CODED, EXPORTS, OPERATORS, UPDATE, Entity, entities, metadata

PAGE = 1000
MOST_UPSERTS = 1000
PLAIN = ("firstName", "lastName", "contactEmail", "cellPhone", "city", "country", "source")
"""What of an application can be written beside its status."""
COMMENT, TEXT = 4000, 255
"""How many characters a value may have; no page gives the numbers."""
_OPTIONS = frozenset(
    """
    $top $skip $select $expand $filter $orderby $inlinecount $format $skiptoken paging customPageSize
    """.split()  # noqa: SIM905 - as a list it would be a page long
)
_KEYED = re.compile(r"(\w+)\((.*)\)")
_URI = re.compile(r"(?:https?://[^/]+/odata/v2/)?(\w+)\((.*)\)")

Query = Mapping[str, str]


@frozen
class Snapshot:
    """The keys of a list as they were when its first page was asked for."""

    entity: str
    keys: tuple[Any, ...]
    session: str
    age: int


@define(kw_only=True)
class Api:
    """What the service knows beside the account.

    Args:
        user: the API user, by whose roles everything is seen and done.
        granted: the permissions of that user.
        metadata_types: what the service takes for each entity's properties until it is refreshed.
        demands: upserts need candidateId and jobReqId beside the key, as some templates have it.
        comments_writable: statusComments may be written.
        text_states: requisition states read as text, not as their number.
    """

    account: Account
    host: str
    user: str
    accepted: list[Accepted]
    granted: set[str] = field(factory=lambda: {*EXPORTS.values(), UPDATE})
    entities: dict[str, Entity] = field(factory=entities)
    demands: bool = False
    comments_writable: bool = True
    text_states: bool = True
    snapshots: dict[str, Snapshot] = field(factory=dict)
    age: int = 0

    # -- reading --

    def get(self, path: str, query: Query, session: str) -> tuple[str, Any]:
        """``json`` or ``xml`` and the answer below the service's root."""
        if path == "$metadata":
            return "xml", metadata(self.entities)
        name, _, rest = path.partition("/")
        if rest == "$metadata":
            return "xml", metadata({name: self._entity(name)})
        keyed = _KEYED.fullmatch(name)
        for option in query:
            if option.startswith("$") and option not in _OPTIONS:
                raise malformed(f"unknown system query option {option}")
        if keyed is not None and not rest:
            return "json", {"d": self._by_key(keyed[1], keyed[2], query)}
        if keyed is not None:
            return "json", {"d": self._along(keyed[1], keyed[2], rest, query)}
        if rest:
            raise Refusal(ENTITY, f"invalid entity (or function) name: {path}")
        return "json", {"d": self._list(name, query, session)}

    def _entity(self, name: str) -> Entity:
        if name not in self.entities:
            raise Refusal(ENTITY, f"invalid entity (or function) name: {name}")
        return self.entities[name]

    def _by_key(self, name: str, text: str, query: Query) -> Row:
        return self._shown(self._entity(name), self._row(name, text), query)

    def _row(self, name: str, text: str) -> Row:
        row = self.account[name].get(self._key(self._entity(name), text))
        if row is None or not self._sees(name, row):
            raise Refusal(NO_SUCH_KEY, f"Entity {name}({text}) is not found.")
        found: Row = row
        return found

    def _along(self, name: str, text: str, navigation: str, query: Query) -> Row:
        """Where the address of a deferred navigation leads."""
        entity = self._entity(name)
        if navigation not in entity.navigations:
            raise Refusal(PROPERTY, f"Invalid property names: '{name}/{navigation}'.")
        if odd := sorted(set(query) - {"$select", "$expand", "$format"}):
            raise malformed(f"{odd[0]} is not supported along a navigation")
        leads = entity.navigations[navigation]
        target, rows = self.entities[leads.target], self.follow(name, self._row(name, text), navigation)
        self._check_names(target, query)
        if leads.many:
            return {"results": [self._shown(target, row, query) for row in rows]}
        if not rows:
            raise Refusal(NO_SUCH_KEY, f"Entity {name}({text})/{navigation} is not found.")
        return self._shown(target, rows[0], query)

    def _key(self, entity: Entity, text: str) -> Any:
        """What stands between the parentheses: one value, or a value for each key by name."""
        pairs = [part.partition("=") for part in text.split(",")]
        parts = {name: value for name, equals, value in pairs if equals} or {entity.keys[0]: text}
        if set(parts) != set(entity.keys):
            raise malformed(f"invalid key of {entity.name}")
        values = [self._key_value(entity, key, parts[key]) for key in entity.keys]
        return values[0] if len(values) == 1 else tuple(values)

    def _key_value(self, entity: Entity, key: str, text: str) -> Any:
        if entity.types[key] == "String":
            if len(text) < 2 or text[0] != "'" or text[-1] != "'":
                raise malformed(f"invalid key of {entity.name}")
            return text[1:-1]
        if not re.fullmatch(r"\d+L?", text):
            raise malformed(f"invalid key of {entity.name}")
        return int(text.removesuffix("L"))

    def _sees(self, name: str, row: Row) -> bool:
        """All of it with the Export permission; else what belongs to requisitions one works on, silently."""
        wanted = {"JobApplicationStatusAuditTrail": "JobApplication"}.get(name, name)
        permission = EXPORTS.get(wanted)
        if permission is None or permission in self.granted:
            return True
        if wanted == "Candidate":
            applications = self.account["JobApplication"].values()
            mine = (a for a in applications if a["candidateId"] == row["candidateId"])
            return any(self._operates(a["jobReqId"]) for a in mine)
        if name == "JobApplicationStatusAuditTrail":
            row = self.account["JobApplication"][row["applicationId"]]
        return "jobReqId" in row and self._operates(row["jobReqId"])

    def _operates(self, requisition: int) -> bool:
        rows = self.account["JobRequisitionOperator"].values()
        return any(r["jobReqId"] == requisition and r["userName"] == self.user for r in rows)

    # -- lists --

    def _list(self, name: str, query: Query, session: str) -> Row:
        entity = self._entity(name)
        if query.get("paging", "snapshot") != "snapshot":
            raise malformed("only snapshot-based pagination is supported for this entity")
        self._check_names(entity, query)
        size, top = self._size(query), _whole(query, "$top", None)
        keys, start, snapshot = self._begin(entity, query, session)
        stop = len(keys) if top is None else min(len(keys), _whole(query, "$skip", 0) + top)
        page = keys[start : min(stop, start + size)]
        end = start + len(page)
        rows = (self.account[name].get(key) for key in page)
        found: Row = {"results": [self._shown(entity, row, query) for row in rows if row is not None]}
        if query.get("$inlinecount") == "allpages":
            found = {"__count": str(len(keys)), **found}
        if end < stop:
            found["__next"] = self._next(entity, query, start=end, size=size, snapshot=snapshot)
        return found

    def _size(self, query: Query) -> int:
        size = _whole(query, "customPageSize", PAGE)
        return max(1, min(PAGE, int(size)))

    def _begin(self, entity: Entity, query: Query, session: str) -> tuple[list[Any], int, str]:
        """The keys of the list, where this page begins, and the snapshot it is of, if any."""
        token = _token(query["$skiptoken"]) if "$skiptoken" in query else None
        if query.get("paging") != "snapshot":
            return self._keys(entity, query), token["startRow"] if token else _whole(query, "$skip", 0), ""
        if token is None:
            number = f"s{len(self.snapshots) + 1}"
            keys = tuple(self._keys(entity, query))
            self.snapshots[number] = Snapshot(entity.name, keys, session, self.age)
            return list(keys), _whole(query, "$skip", 0), number
        found = self.snapshots.get(token.get("snapshot", ""))
        # A snapshot lives in its session, and dies with it.
        if found is None or (found.entity, found.session, found.age) != (entity.name, session, self.age):
            raise Refusal(SKIPTOKEN, "Invalid skiptoken.")
        return list(found.keys), token["startRow"], token["snapshot"]

    def _keys(self, entity: Entity, query: Query) -> list[Any]:
        rows = [(key, row) for key, row in self.account[entity.name].items() if self._sees(entity.name, row)]
        if "$filter" in query:
            test = Parser.read(
                query["$filter"], entities=self.entities, entity=entity.name, walk=self.follow_one
            )
            rows = [(key, row) for key, row in rows if test(row)]
        rows.sort(key=lambda pair: pair[0])
        for term in reversed([t for t in query.get("$orderby", "").split(",") if t.strip()]):
            name, _, direction = term.strip().partition(" ")
            if name not in entity.types:
                raise Refusal(PROPERTY, f"Invalid property names: '{entity.name}/{name}'.")
            if direction.strip() not in ("", "asc", "desc"):
                raise malformed(f"invalid order: {term.strip()}")
            rows.sort(key=partial(_order, name), reverse=direction.strip() == "desc")
        return [key for key, _ in rows]

    def _next(self, entity: Entity, query: Query, *, start: int, size: int, snapshot: str) -> str:
        place: Row = {"startRow": start, "endRow": start + size}
        if snapshot:
            place["snapshot"] = snapshot
        token = base64.b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()
        kept = [(k, v) for k, v in query.items() if k not in ("$skiptoken", "$skip")]
        pairs = "&".join(f"{k}={quote(v, safe='/,')}" for k, v in [*kept, ("$skiptoken", token)])
        return f"https://{self.host}/odata/v2/{entity.name}?{pairs}"

    # -- what is shown --

    def _check_names(self, entity: Entity, query: Query) -> None:
        """One name that is not there fails the whole query."""
        for path in _paths(query, "$select"):
            self._check_path(entity, path, leads=False)
        for path in _paths(query, "$expand"):
            self._check_path(entity, path, leads=True)

    def _check_path(self, entity: Entity, path: str, *, leads: bool) -> None:
        steps = path.split("/")
        for place, step in enumerate(steps):
            last = place == len(steps) - 1
            if step in entity.navigations:
                entity = self.entities[entity.navigations[step].target]
            elif not (last and not leads and step in entity.types):
                raise Refusal(PROPERTY, f"Invalid property names: '{entity.name}/{step}'.")

    def _shown(self, entity: Entity, row: Row, query: Query) -> Row:
        self._check_names(entity, query)
        selected = [path for path in _paths(query, "$select") if path != "*"]
        return self._show(entity, row, selected, _paths(query, "$expand"))

    def _show(self, entity: Entity, row: Row, selected: list[str], expanded: list[str]) -> Row:
        uri = f"https://{self.host}/odata/v2/{entity.name}({self._key_text(entity, row)})"
        found: Row = {"__metadata": {"uri": uri, "type": f"SFOData.{entity.name}"}}
        # What is expanded is shown whole, unless the selection walks into it.
        inner = {path.split("/")[0] for path in (*expanded, *selected) if path in expanded or "/" in path}
        plain = [path for path in selected if "/" not in path]
        for name, type in entity.types.items():
            if not selected or name in plain:
                found[name] = self._value(entity, name, type, row)
        for name, navigation in entity.navigations.items():
            if name in inner:
                found[name] = self._expanded(entity, row, name, selected, expanded)
            elif not selected or name in plain:
                found[name] = {"__deferred": {"uri": f"{uri}/{name}"}}
            if name in inner and not navigation.many and found[name] == {}:
                found[name] = None
        return found

    def _expanded(self, entity: Entity, row: Row, name: str, selected: list[str], expanded: list[str]) -> Any:
        navigation = entity.navigations[name]
        target = self.entities[navigation.target]
        further = _below(name, selected), _below(name, expanded)
        rows = self.follow(entity.name, row, name)
        shown = [self._show(target, one, *further) for one in rows]
        return {"results": shown} if navigation.many else (shown[0] if shown else None)

    def _key_text(self, entity: Entity, row: Row) -> str:
        parts = []
        for key in entity.keys:
            value = row.get(key)
            text = f"'{value}'" if entity.types.get(key) == "String" else f"{value}L"
            parts.append(text if len(entity.keys) == 1 else f"{key}={text}")
        return ",".join(parts)

    def _value(self, entity: Entity, name: str, type: str, row: Row) -> Any:
        value, texts = row.get(name), CODED.get((entity.name, name))
        if texts is None or value is None:
            return encode(type, value)
        if entity.name == "JobRequisition" and not self.text_states:
            return str(value)
        return texts[value]

    # -- navigations --

    def follow_one(self, entity: str, row: Row, name: str) -> Row | None:
        return next(iter(self.follow(entity, row, name)), None)

    def follow(self, entity: str, row: Row, name: str) -> list[Row]:
        """The rows that a navigation leads to."""
        account = self.account
        if name == "jobAppStatus":
            item = row.get("item", row.get("appStatusSetItemId"))
            return [found] if (found := account.status(item)) is not None else []
        if entity == "JobRequisition" and name in OPERATORS:
            rows = account["JobRequisitionOperator"].values()
            mine = (r for r in rows if r["jobReqId"] == row["jobReqId"])
            return [r for r in mine if r["operatorRole"] == OPERATORS[name]]
        if name in (
            "candidate",
            "jobRequisition",
            "jobApplication",
            "department_obj",
            "location_obj",
            "user",
        ):
            target, key = {
                "user": ("User", "usersSysId"),
                "candidate": ("Candidate", "candidateId"), "jobRequisition": ("JobRequisition", "jobReqId"),
                "jobApplication": ("JobApplication", "applicationId"),
                "department_obj": ("FODepartment", "department"), "location_obj": ("FOLocation", "location"),
            }[name]  # fmt: skip
            found = account[target].get(row.get(key))
            return [found] if found is not None else []
        keyed = {
            "jobReqLocale": "jobReqId", "jobReqPostings": "jobReqId", "jobApplications": "jobReqId",
            "jobAppStatusLabel": "appStatusId", "jobApplicationStatusAuditTrail": "applicationId",
            "jobOffer": "applicationId", "jobsApplied": "candidateId", "picklistLabels": "optionId",
        }  # fmt: skip
        if (entity, name) == ("JobRequisition", "status"):
            option = account["PicklistOption"].get(row.get("statusOption"))
            return [option] if option is not None else []
        if name not in keyed:
            return []
        target, key = self.entities[entity].navigations[name].target, keyed[name]
        own = row.get("id" if name == "picklistLabels" else key)
        return [r for r in account[target].values() if r[key] == own and self._sees(target, r)]

    # -- upsert --

    def upsert(self, body: Any, query: Query) -> list[Row]:
        """One result for each record, whatever became of it."""
        records = body if isinstance(body, list) else [body]
        if not records or len(records) > MOST_UPSERTS or not all(isinstance(r, dict) for r in records):
            raise malformed("the body is a record or up to 1000 of them")
        if UPDATE not in self.granted:
            raise Refusal(FORBIDDEN, "You do not have the permission to upsert JobApplication.")
        named = [self._named(record) for record in records]
        if query.get("purgeType", "incremental") not in ("incremental", "full"):
            raise malformed("purgeType is incremental or full")
        if query.get("purgeType") == "full":
            return self._all_or_none(named)
        return [self._upserted(key, record, index) for index, (key, record) in enumerate(named)]

    def _named(self, record: Row) -> tuple[int, Row]:
        """The application that a record is of, and its properties; a wrong name fails the whole request."""
        about = record.get("__metadata")
        uri = about.get("uri") if isinstance(about, dict) else None
        found = _URI.fullmatch(uri) if isinstance(uri, str) else None
        if found is None:
            raise malformed("a record names itself by __metadata.uri")
        entity = self._entity(found[1])
        if entity.name != "JobApplication":
            raise malformed(f"{entity.name} cannot be upserted here")
        values = {name: value for name, value in record.items() if name != "__metadata"}
        for name in values:
            if name not in entity.types and name not in entity.navigations:
                raise Refusal(PROPERTY, f"Invalid property names: '{entity.name}/{name}'.")
        return self._key(entity, found[2]), values

    def _all_or_none(self, named: list[tuple[int, Row]]) -> list[Row]:
        wrong: dict[int, Impossible] = {}
        for index, (key, values) in enumerate(named):
            try:
                self._check(key, values)
            except Impossible as error:
                wrong[index] = Impossible(error.message, http=400)
        if not wrong:
            return [self._upserted(key, values, index) for index, (key, values) in enumerate(named)]
        return [
            _failed(wrong[index], index) if index in wrong else _result(key, index, edit="ACCEPTED")
            for index, (key, _) in enumerate(named)
        ]

    def _upserted(self, key: int, values: Row, index: int) -> Row:
        try:
            inserts = self._check(key, values)
            if inserts:
                made = self._inserted(values)
                self._log(made, values, before=None)
                return _result(made, index, edit="INSERTED")
            self._written(key, values)
        except Impossible as error:
            return _failed(error, index)
        return _result(key, index, edit="UPSERTED")

    def _check(self, key: int, values: Row) -> bool:
        """Whether the record would be a new one; raises where any of its values is not taken."""
        for name in values:
            if name == "statusId" or name not in self.entities["JobApplication"].upsertable:
                raise Impossible(f"The field {name} is not upsertable.", http=400)
        if values.get("country") not in (None, "United Kingdom", "Portugal", "Germany"):
            raise Impossible("The value of the field country is not in its picklist.", http=400)
        if "statusComments" in values and not self.comments_writable:
            raise Impossible("The field statusComments is not upsertable.", http=400)
        row = self.account["JobApplication"].get(key)
        missing = [name for name in ("candidateId", "jobReqId") if name not in values]
        if missing and (row is None or self.demands):
            raise _impossible(REQUIRED, f"Required fields are missing: {', '.join(missing)}.")
        for name, value in values.items():
            if isinstance(value, str) and len(value) > (COMMENT if name == "statusComments" else TEXT):
                raise _impossible(TOO_LONG, f"The value of the field {name} is too long.")
        if row is not None and any(
            str(row[n]) != str(values.get(n, row[n])) for n in ("candidateId", "jobReqId")
        ):
            raise Impossible("candidateId and jobReqId cannot be changed.", http=400)
        if "appStatusSetItemId" in values and not re.fullmatch(r"\d+", str(values["appStatusSetItemId"])):
            raise Impossible("Invalid application status id.", http=400)
        if row is not None and "appStatusSetItemId" in values:
            _ = self.account.written(row, int(values["appStatusSetItemId"]))
        return row is None

    def _written(self, key: int, values: Row) -> None:
        account, row = self.account, self.account["JobApplication"][key]
        before = account.truth(row)
        plain = {name: values[name] for name in PLAIN if name in values}
        if "appStatusSetItemId" in values:
            item = int(values["appStatusSetItemId"])
            account.write(row, item, by=self.user, comment=values.get("statusComments"))
        elif "statusComments" in values:
            plain["statusComments"] = values["statusComments"]
        if plain:
            row |= plain
            account.touch(row)
        self._log(key, values, before=before)

    def _log(self, key: int, values: Row, *, before: Truth | None) -> None:
        account = self.account
        self.accepted.append(
            Accepted(
                at=account.now(),
                method="POST",
                target="/odata/v2/upsert",
                body=values,
                application=str(key),
                before=before,
                after=account.truth(account["JobApplication"][key]),
                actor=self.user,
            )
        )

    def _inserted(self, values: Row) -> int:
        """An id that nobody knows makes an application, where all that one needs is given."""
        account = self.account
        requisition = account["JobRequisition"].get(int(values["jobReqId"]))
        person = account["Candidate"].get(int(values["candidateId"]))
        if requisition is None or person is None:
            raise Impossible("The candidate or the requisition does not exist.", http=400)
        status = account.named(requisition["statusSetId"], "Default")
        made = account.apply(requisition=requisition, candidate=person, status=status)
        return int(made["applicationId"])


def _impossible(code: Code, message: str) -> Impossible:
    return Impossible(f"[{code.number}]{message}", http=code.status)


def _result(key: int, index: int, *, edit: str) -> Row:
    return {
        "key": f"JobApplication/applicationId={key}", "status": "OK", "editStatus": edit, "message": None,
        "index": index, "httpCode": 200, "inlineResults": None,
    }  # fmt: skip


def _failed(error: Impossible, index: int) -> Row:
    return {
        "key": None, "status": "ERROR", "editStatus": None,
        "message": f"{error.message} with the index {index}", "index": index, "httpCode": error.http,
        "inlineResults": None,
    }  # fmt: skip


def _whole(query: Query, name: str, otherwise: Any) -> Any:
    if name not in query:
        return otherwise
    if not re.fullmatch(r"\d+", query[name]):
        raise malformed(f"{name} is a whole number")
    return int(query[name])


def _token(text: str) -> Row:
    try:
        found = json.loads(base64.b64decode(text, validate=True))
        if isinstance(found, dict) and isinstance(found.get("startRow"), int):
            return found
    except (ValueError, binascii.Error):
        pass
    raise Refusal(SKIPTOKEN, "Invalid skiptoken.")


def _paths(query: Query, option: str) -> list[str]:
    return [path.strip() for path in query.get(option, "").split(",") if path.strip()]


def _below(name: str, paths: Iterable[str]) -> list[str]:
    return [path.partition("/")[2] for path in paths if path.startswith(f"{name}/")]


def _order(name: str, pair: tuple[Any, Row]) -> tuple[bool, Any]:
    value = pair[1].get(name)
    return value is not None, value if value is not None else 0
