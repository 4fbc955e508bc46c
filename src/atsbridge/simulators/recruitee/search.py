"""The search for candidates: an index that is behind, and filters that it may not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from .account import Account
from .answers import TRUE, Query, Refusal, Row, number, shown, since

USUAL, MOST = 60, 10_000
_SHOWN = ("id", "name", "emails", "created_at", "last_activity_at")


@define(kw_only=True)
class Index:
    """What the search knows: candidates as they are, but only what happened up to some time ago.

    Args:
        lag_seconds: how far it is behind.
        tells_activity: a hit says when something last happened to the candidate.
        sees: whether the token's owner sees a candidate.
    """

    account: Account
    lag_seconds: float
    tells_activity: bool
    sees: Callable[[Row], bool]

    def search(self, asked: Query) -> Row:
        limit, page = number(asked.get("limit", str(USUAL))), max(1, number(asked.get("page", "1")))
        if limit > MOST:
            raise Refusal(500, "Server internal error")
        filters = filters_of(asked.get("filters_json", "[]"))
        hits = [hit for hit in self._known() if all(self._fits(hit, one) for one in filters.values())]
        order = asked.get("sort_by", "relevance_desc")
        key = "last_activity_at" if order == "last_activity_at_desc" else "created_at"
        hits.sort(key=lambda hit: (hit[key], hit["id"]), reverse=order != "created_at_asc")
        found = [self._hit(hit) for hit in hits[(page - 1) * limit : page * limit]]
        return {"hits": found, "total": len(hits), "aggregations": {}}

    def _known(self) -> list[Row]:
        """Who was added or deleted just now is not in it yet, or still is."""
        account = self.account
        until = account.clock() - self.lag_seconds
        rows = [person for person in account.candidates.values() if self.sees(person)]
        rows += [row for row, at in account.left.values() if at > until]
        known = [(row, [at for at in account.activity[row["id"]] if at <= until]) for row in rows]
        return [{**row, "last_activity_at": max(times)} for row, times in known if times]

    def _hit(self, row: Row) -> Row:
        return shown(
            {name: row[name] for name in _SHOWN if self.tells_activity or name != "last_activity_at"}
        )

    def _fits(self, row: Row, one: Mapping[str, Any]) -> bool:
        """Whether a hit passes a filter; one that is not known lets everybody pass."""
        account, own = self.account, self.account.of_candidate(row["id"])
        match one:
            case {"field": "created_at"}:
                return bool(one.get("gte", 0) <= row["created_at"] <= one.get("lte", 1e12))
            case {"field": "status", "in": list(words)}:
                return any(("disqualified" if p["disqualified_at"] else "qualified") in words for p in own)
            case {"field": "disqualify_reasons", "has_any": True}:
                return any(p["disqualify_reason"] for p in own)
            case {"filter": "jobs", "id": {"in": list(ids)}}:
                return any(p["offer_id"] in ids for p in own)
            case {"filter": "jobs", "status": {"in": list(words)}}:
                return any(account.offers[p["offer_id"]]["status"] in words for p in own)
            case {"filter": "stages", "name": {"in": list(names)}}:
                return any(account.stage_names[p["stage_id"]] in names for p in own)
            case _:
                return True


def filters_of(text: str) -> dict[str, Mapping[str, Any]]:
    """By what each is about: of two about the same the later counts alone."""
    try:
        given = json.loads(text)
    except ValueError:
        given = []
    objects = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return {str(one.get("field") or one.get("filter")): one for one in objects}


def fits(account: Account, person: Row, asked: Query) -> bool:
    """Whether a candidate passes the filters of the plain list, which reads the database."""
    own = account.of_candidate(person["id"])
    out = [p for p in own if p["disqualified_at"] is not None]
    words = [person["name"] or "", *(account.offers[p["offer_id"]]["title"] for p in own)]
    ids = asked["ids"].split(",") if "ids" in asked else [str(person["id"])]
    return (
        str(person["id"]) in ids
        and person["created_at"] >= since(asked.get("created_after"))
        and ("offer_id" not in asked or asked["offer_id"] in {str(p["offer_id"]) for p in own})
        and (asked.get("disqualified") not in TRUE or bool(out))
        and (asked.get("qualified") not in TRUE or len(out) < len(own))
        and (asked.get("with_messages") not in TRUE or person["last_message_at"] is not None)
        and any(asked.get("query", "").lower() in word.lower() for word in words)
    )
