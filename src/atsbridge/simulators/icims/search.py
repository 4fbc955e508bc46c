"""The search: filters in nested groups, at most 1,000 ids, and a cache that everybody shares."""

from __future__ import annotations

import json
import re
from calendar import timegm
from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define, field

from .account import OPEN, Account
from .answers import FIELD, REQUIRED, Refusal, Row

LIMIT = 1000
PORTAL = "101"
DAY = 86_400
Getter = Callable[[Account, Row], Any]


def _person(account: Account, row: Row) -> Row:
    return account["people"].get(row["person"], {})


def _bin(account: Account, row: Row) -> Any:
    known = account.statuses.get(row["status"] or "")
    return known.bin if known else None


FILTERS: dict[str, dict[str, tuple[str, Getter]]] = {
    "jobs": {
        "job.id": ("number", lambda _a, r: r["id"]),
        "job.updateddate": ("date", lambda _a, r: r["updated"]),
        "job.createddate": ("date", lambda _a, r: r["created"]),
        "job.folder": ("folder", lambda _a, r: r["folder"]),
        # Open jobs stand on the one career portal.
        "job.postedto": ("text", lambda _a, r: PORTAL if r["folder"] == OPEN else None),
    },
    "people": {
        "person.id": ("number", lambda _a, r: r["id"]),
        "person.updateddate": ("date", lambda _a, r: r["updated"]),
        "person.createddate": ("date", lambda _a, r: r["created"]),
        "person.email": ("text", lambda _a, r: r["email"]),
    },
    "applicantworkflows": {
        "applicantworkflow.id": ("number", lambda _a, r: r["id"]),
        "applicantworkflow.updateddate": ("date", lambda _a, r: r["updated"]),
        "applicantworkflow.createddate": ("date", lambda _a, r: r["created"]),
        "applicantworkflow.status": ("status", lambda _a, r: r["status"]),
        "applicantworkflow.bin": ("text", _bin),
        "applicantworkflow.job.id": ("number", lambda _a, r: r["job"]),
        "applicantworkflow.person.id": ("number", lambda _a, r: r["person"]),
        "applicantworkflow.person.createddate": ("date", lambda a, r: _person(a, r).get("created")),
        "applicantworkflow.person.updateddate": ("date", lambda a, r: _person(a, r).get("updated")),
    },
}
"""What each kind of object can be sought by: the kind of value, and where it is."""


@define(kw_only=True)
class Search:
    """The searches of an account.

    Args:
        inclusive: ``<=`` and ``>=`` are known too.
    """

    account: Account
    inclusive: bool = True
    lacking: set[str] = field(factory=set)
    """Filters that this customer does not have."""
    _cache: dict[str, tuple[float, list[int]]] = field(factory=dict)

    def ids(self, table: str, asked: Any, *, staleness_minutes: float = 15.0) -> list[int]:
        """The first 1,000 ids in ascending order, as they were at most so long ago."""
        now, key = self.account.clock(), json.dumps([table, asked], sort_keys=True)
        at, found = self._cache.get(key, (float("-inf"), []))
        if not 0 <= now - at < staleness_minutes * 60:
            found = self._find(table, asked)
            self._cache[key] = (now, found)
        # What has been deleted since is not listed.
        return [id for id in found if id in self.account[table]]

    def names(self, table: str) -> list[str]:
        return [name for name in FILTERS[table] if name not in self.lacking]

    def _find(self, table: str, asked: Any) -> list[int]:
        if not isinstance(asked, dict) or not self._filters(asked):
            raise Refusal(400, (REQUIRED, "filters: A search needs a filter."))
        self._check(table, asked)
        hidden = self.account.hidden if table == "applicantworkflows" else set()
        rows = self.account[table]
        return [id for id in sorted(rows) if id not in hidden and self._fits(table, rows[id], asked)][:LIMIT]

    def _filters(self, group: Row) -> int:
        """How many filters a group has with all below it; what is wrong with them is refused at once."""
        filters, children = group.get("filters", []), group.get("children", [])
        for listed in (filters, children):
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise Refusal(400, (FIELD, "filters and children: an array of objects."))
        if group.get("operator", "&") not in ("&", "|"):
            raise Refusal(400, (FIELD, "operator: Unknown operator."))
        return len(filters) + sum(map(self._filters, children))

    def _check(self, table: str, group: Row) -> None:
        """Every filter, whether there is a row to hold against it or not."""
        for one in group.get("filters", ()):
            self._check_filter(table, one)
        for child in group.get("children", ()):
            self._check(table, child)

    def _check_filter(self, table: str, one: Row) -> None:
        name, operator = one.get("name"), one.get("operator", "=")
        if name not in self.names(table):
            raise Refusal(400, (FIELD, f"{name}: Unknown filter."))
        values, upper = one.get("value", []), one.get("secondaryValue", [])
        if not isinstance(values, list) or not isinstance(upper, list):
            raise Refusal(400, (FIELD, f"{name}: value must be an array."))
        known = ("=", "!=", "<", ">", *(("<=", ">=") if self.inclusive else ()))
        if operator not in known or (upper and operator != "="):
            raise Refusal(400, (FIELD, f"{name}: Unknown operator."))
        kind = FILTERS[table][name][0]
        for value in (*values, *upper):
            if kind in ("date", "number"):
                _ = self._date(value) if kind == "date" else _number(value)

    def _fits(self, table: str, row: Row, group: Row) -> bool:
        found = [self._matches(table, row, one) for one in group.get("filters", ())]
        found += [self._fits(table, row, child) for child in group.get("children", ())]
        return all(found) if group.get("operator", "&") == "&" else any(found)

    def _matches(self, table: str, row: Row, one: Row) -> bool:
        kind, get = FILTERS[table][one["name"]]
        here, operator = get(self.account, row), one.get("operator", "=")
        values, upper = one.get("value", []), one.get("secondaryValue", [])
        if upper:
            lower = self._compared(kind, here, ">=", values[0]) if values else True
            return here is not None and lower and self._compared(kind, here, "<=", upper[0])
        if operator == "!=":
            return not any(self._compared(kind, here, "=", value) for value in values)
        return any(self._compared(kind, here, operator, value) for value in values)

    def _compared(self, kind: str, here: Any, operator: str, value: Any) -> bool:
        if here is None:
            return False
        if kind in ("status", "folder"):
            # By the id of its node, or by what is displayed.
            shown = self.account.status(here) if kind == "status" else self.account.folder(here)
            return value in (here, shown["value"])
        if kind == "text":
            return bool(here == value)
        there = self._date(value) if kind == "date" else _number(value)
        mine = here // 60 * 60 if kind == "date" else here
        orders = {"=": mine == there, "<": mine < there, ">": mine > there}
        return bool({**orders, "<=": mine <= there, ">=": mine >= there}[operator])

    def _date(self, text: Any) -> float:
        """Seconds of a date to the minute, or of ``{DATE:START}{DATE:-9}``."""
        if isinstance(text, str) and (
            macro := re.fullmatch(r"\{DATE:(START|END)\}(?:\{DATE:(-?\d+)\})?", text)
        ):
            day = self.account.clock() // DAY * DAY + int(macro[2] or 0) * DAY
            return float(day if macro[1] == "START" else day + DAY - 60)
        for form in ("%Y-%m-%d %I:%M %p", "%Y-%m-%d"):
            try:
                return float(timegm(datetime.strptime(str(text), form).timetuple()))
            except ValueError:
                continue
        raise Refusal(400, (FIELD, "Invalid date."))


def _number(text: Any) -> int:
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,18}", text):
        raise Refusal(400, (FIELD, "Invalid number."))
    return int(text)


def filters_schema(search: Search) -> Row:
    """What can be sought by; names depend on the customer."""
    names = [name for table in FILTERS for name in search.names(table)]
    return {"type": "object", "properties": {name: {"type": "object"} for name in names}}


def results_schema() -> Row:
    one = {"type": "object", "properties": {"self": {"type": "string"}, "id": {"type": "integer"}}}
    return {"type": "object", "properties": {"searchResults": {"type": "array", "items": one}}}


__all__ = ["FILTERS", "LIMIT", "Search", "filters_schema", "results_schema"]
