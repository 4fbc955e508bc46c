"""Recruitee's endpoints, below ``/c/{company}``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from ..interface import Accepted, SimRequest, Truth
from .account import Account, id_of
from .answers import Query, Refusal, Row, number, page, shown
from .search import Index, fits

ABILITIES = ("see jobs", "see candidates", "see disqualify reasons", "manage candidates")
"""What a hiring role may do, as far as the requests here need it."""
SCOPES = {
    "default": frozenset({"draft", "internal", "published", "closed"}),
    "not_archived": frozenset({"draft", "internal", "published", "closed"}),
    "active": frozenset({"internal", "published", "closed"}),
    "published": frozenset({"published"}),
    "archived": frozenset({"archived"}),
}
_URL = "https://app.tellent.com/ats"
Answer = tuple[int, Any]


@define(kw_only=True)
class Api:
    """What the token's owner may ask for, and change.

    Args:
        stage_body: the body of a move that is taken: ``nested``, ``flat``, or ``both``.
        write_answer: what a write answers: ``placement``, or ``empty`` (204).
        reason_ids: placements show the id of their disqualify reason.
        nested_candidates: a job's placements show ``candidate`` in place of ``candidate_id``.
        contacts: e-mails and phones are ``text``, or ``objects``.
    """

    account: Account
    index_lag_seconds: float
    activity_shown: bool
    stage_body: str
    write_answer: str
    reason_ids: bool
    nested_candidates: bool
    contacts: str
    accepted: list[Accepted]
    hidden: set[int] = field(factory=set)
    """Offers that the token's owner does not see."""
    abilities: set[str] = field(factory=lambda: set(ABILITIES))

    def answer(self, request: SimRequest, parts: list[str], asked: Query) -> Answer:
        """A key of the query that is not known is passed over without a word."""
        if request.method == "GET":
            return 200, self._read(parts, asked)
        return self._write(request, parts)

    def _read(self, parts: list[str], asked: Query) -> Any:
        account = self.account
        match parts:
            case ["admins"]:
                return {"admins": page(list(account.admins.values()), asked)}
            case ["departments"]:
                return {"departments": list(account.departments.values())}
            case ["disqualify_reasons"]:
                self._needs("see disqualify reasons")
                return {"disqualify_reasons": list(account.reasons.values())}
            case ["offers", *more]:
                return self._offers(more, asked)
            case ["candidates", *more]:
                return self._candidates(more, asked)
            case ["search", "new", "candidates"]:
                self._needs("see candidates")
                index = Index(
                    account=account, lag_seconds=self.index_lag_seconds,
                    tells_activity=self.activity_shown, sees=self._sees,
                )  # fmt: skip
                return index.search(asked)
            case _:
                raise Refusal(404, "Not found", "not_found")

    def _needs(self, ability: str) -> None:
        if ability not in self.abilities:
            raise Refusal(403, "You are not allowed to do this")

    # -- jobs and talent pools --

    def _offers(self, parts: list[str], asked: Query) -> Any:
        self._needs("see jobs")
        if not parts:
            return self._list_offers(asked)
        offer = self._offer(parts[0])
        match parts[1:]:
            case []:
                return {"offer": self._show_offer(offer), "references": self._owners(offer)}
            case ["placements"]:
                self._needs("see candidates")
                return {"stages": self._pipeline(offer)}
            case ["pipeline_templates"]:
                rows = self.account.templates.values()
                return {"pipeline_templates": [{k: v for k, v in t.items() if k != "stages"} for t in rows]}
            case _:
                raise Refusal(404, "Not found", "not_found")

    def _offer(self, id: str) -> Row:
        offer = self.account.offers.get(number(id))
        if offer is None:
            raise Refusal(404, "Offer not found", "not_found")
        if offer["id"] in self.hidden:
            raise Refusal(403, "You are not allowed to see this job")
        return offer

    def _list_offers(self, asked: Query) -> Row:
        scopes = [SCOPES[name] for name in asked.get("scope", "").split(",") if name in SCOPES]
        wanted = frozenset().union(*scopes) if scopes else SCOPES["default"]
        found = [
            offer
            for id, offer in sorted(self.account.offers.items())
            if id not in self.hidden
            and offer["status"] in wanted
            and asked.get("q", "").lower() in offer["title"].lower()
        ]
        brief = asked.get("view_mode") == "brief"
        rows = [self._show_offer(offer, brief=brief) for offer in page(found, asked)]
        return {"offers": rows, "meta": {"total_count": len(found)}}

    def _show_offer(self, offer: Row, *, brief: bool = False) -> Row:
        if brief:
            return {name: offer[name] for name in ("id", "kind", "status", "title", "slug")}
        own = self.account.of_offer(offer["id"])
        out = sum(p["disqualified_at"] is not None for p in own)
        template = self.account.templates[offer["template"]]
        stages = [
            {**stage, "placements_count": sum(p["stage_id"] == stage["id"] for p in own)}
            for stage in template["stages"]
        ]
        return {
            **shown({name: value for name, value in offer.items() if name != "template"}),
            "candidates_count": len(own),
            "qualified_candidates_count": len(own) - out,
            "disqualified_candidates_count": out,
            "hired_candidates_count": sum(p["hired_at"] is not None for p in own),
            "offer_tags": [],
            "adminapp_url": f"{_URL}/offers/{offer['id']}",
            "pipeline_template": {**template, "stages": stages},
        }

    def _owners(self, offer: Row) -> list[Row]:
        names = ("id", "first_name", "last_name", "email")
        admin = self.account.admins.get(offer["recruiter_id"] or 0)
        return [{"type": "Admin", **{name: admin[name] for name in names}}] if admin else []

    def _pipeline(self, offer: Row) -> list[Row]:
        names, own = ("id", "name", "category", "group", "position"), self.account.of_offer(offer["id"])
        columns = []
        for stage in self.account.templates[offer["template"]]["stages"]:
            held = [self._show_placement(p, in_job=True) for p in own if p["stage_id"] == stage["id"]]
            column = {name: stage[name] for name in names}
            columns.append({**column, "placements_count": len(held), "placements": held})
        return columns

    # -- candidates, each with their placements --

    def _candidates(self, parts: list[str], asked: Query) -> Any:
        self._needs("see candidates")
        if not parts:
            return self._list_candidates(asked)
        person = self._candidate(parts[0])
        match parts[1:]:
            case []:
                return {"candidate": self._show_candidate(person), "references": self._joined([person])}
            case ["notes"]:
                notes = self.account.notes.values()
                return {"notes": [note for note in notes if note["candidate_id"] == person["id"]]}
            case _:
                raise Refusal(404, "Not found", "not_found")

    def _candidate(self, id: str) -> Row:
        person = self.account.candidates.get(number(id))
        if person is None:
            raise Refusal(404, "Candidate not found", "not_found")
        if not self._sees(person):
            raise Refusal(403, "You are not allowed to see this candidate")
        return person

    def _sees(self, person: Row) -> bool:
        """Whose every job is hidden is hidden too."""
        jobs = {p["offer_id"] for p in self.account.of_candidate(person["id"])}
        return not jobs or not jobs <= self.hidden

    def _list_candidates(self, asked: Query) -> Row:
        people = self.account.candidates.values()
        found = [person for person in people if self._sees(person) and fits(self.account, person, asked)]
        found.sort(key=lambda person: (person["created_at"], person["id"]), reverse=True)
        if asked.get("sort") == "by_last_message":
            found.sort(key=lambda person: person["last_message_at"] or 0.0, reverse=True)
        # Without limit and offset everybody is in one answer.
        rows = page(found, asked) if {"limit", "offset"} & asked.keys() else found
        return {"candidates": [self._show_candidate(row) for row in rows], "references": self._joined(rows)}

    def _show_candidate(self, person: Row) -> Row:
        own = [p for p in self.account.of_candidate(person["id"]) if p["offer_id"] not in self.hidden]
        notes = sum(note["candidate_id"] == person["id"] for note in self.account.notes.values())
        return {
            **shown(person),
            **{name: self._contacts(person[name]) for name in ("emails", "phones")},
            "placements": [self._show_placement(p) for p in own],
            "notes_count": notes,
            "adminapp_url": f"{_URL}/candidates/{person['id']}",
        }

    def _contacts(self, values: list[str]) -> list[Any]:
        return [{"normalized": value} for value in values] if self.contacts == "objects" else values

    def _show_placement(self, placement: Row, *, in_job: bool = False) -> Row:
        row = {name: value for name, value in placement.items() if name != "reason_id"}
        if self.reason_ids:
            row["disqualify_reason_id"] = placement["reason_id"]
        if in_job and self.nested_candidates:
            person = self.account.candidates[row.pop("candidate_id")]
            row["candidate"] = {"id": person["id"], "name": person["name"]}
        others = [p for p in self.account.of_candidate(placement["candidate_id"]) if p is not placement]
        return {
            **shown(row),
            "hired_in_this_placement": placement["hired_at"] is not None,
            "hired_in_other_placement": any(p["hired_at"] for p in others),
            "overdue_at": None,
            "overdue_diff": None,
            "ratings": {},
        }

    def _joined(self, people: Iterable[Row]) -> list[Row]:
        """The side array: the jobs and stages that these people's placements name."""
        own = [p for person in people for p in self.account.of_candidate(person["id"])]
        offers = {
            p["offer_id"]: self.account.offers[p["offer_id"]] for p in own if p["offer_id"] not in self.hidden
        }
        stages = {s["id"]: s for p in own for s in self.account.stages(p) if s["id"] == p["stage_id"]}
        tables = (
            ("Offer", offers, ("id", "title", "kind", "status")),
            ("Stage", stages, ("id", "name", "category")),
        )
        return [
            {"type": type, **{name: row[name] for name in names}}
            for type, rows, names in tables
            for row in rows.values()
        ]

    # -- writes --

    def _write(self, request: SimRequest, parts: list[str]) -> Answer:
        body = _body(request)
        match request.method, parts:
            case "PATCH", ["placements", id, ("change_stage" | "disqualify" | "requalify") as what]:
                return self._change(request, self._placement(id), what, body)
            case "POST", ["placements"]:
                return self._assign(request, body)
            case "DELETE", ["placements", id]:
                self.account.remove(self._placement(id))
                return 204, None
            case _:
                raise Refusal(404, "Not found", "not_found")

    def _placement(self, id: str) -> Row:
        self._needs("manage candidates")
        placement = self.account.placements.get(number(id))
        if placement is None:
            raise Refusal(404, "Placement not found", "not_found")
        if placement["offer_id"] in self.hidden:
            raise Refusal(403, "You are not allowed to see this job")
        return placement

    def _change(self, request: SimRequest, placement: Row, what: str, body: Row) -> Answer:
        before = self.account.truth(placement)
        if what == "change_stage":
            self.account.move(placement, self._stage_in(body))
        elif what == "disqualify":
            self.account.disqualify(placement, self._reason_in(body))
        else:
            self.account.requalify(placement)
        return self._accept(request, placement, body, before)

    def _assign(self, request: SimRequest, body: Row) -> Answer:
        self._needs("manage candidates")
        person = self.account.candidates.get(_whole(body.get("candidate_id")) or 0)
        if person is None:
            raise Refusal(422, "Candidate can't be blank")
        placement = self.account.place(person, self._offer(str(body.get("offer_id"))))
        return self._accept(request, placement, body, None, status=201)

    def _accept(
        self, request: SimRequest, placement: Row, body: Row, before: Truth | None, *, status: int = 200
    ) -> Answer:
        self.accepted.append(
            Accepted(
                at=self.account.clock(), method=request.method, target=request.target, body=body,
                application=id_of(placement), before=before, after=self.account.truth(placement),
                actor="integration",
            )
        )  # fmt: skip
        if self.write_answer == "empty":
            return 204, None
        person = self.account.candidates[placement["candidate_id"]]
        return status, {"placement": self._show_placement(placement), "references": self._joined([person])}

    def _stage_in(self, body: Row) -> int:
        forms = {"nested": _whole(_nested(body).get("stage_id")), "flat": _whole(body.get("stage_id"))}
        found = _form(forms, self.stage_body)
        if found is None:
            raise Refusal(422, "Stage id can't be blank")
        return found

    def _reason_in(self, body: Row) -> int:
        ids = {row["name"]: id for id, row in self.account.reasons.items()}
        text = _nested(body).get("disqualify_reason")
        by_text = ids.get(text) if isinstance(text, str) else None
        forms = {"id": _whole(body.get("disqualify_reason_id")), "text": by_text}
        found = _form(forms, self.account.reason_body)
        if found not in self.account.reasons:
            raise Refusal(422, "Disqualify reason can't be blank")
        return found


def _form(forms: dict[str, int | None], taken: str) -> int | None:
    """What stands in the form of a body that is taken."""
    if taken != "both":
        return forms[taken]
    return next((value for value in forms.values() if value is not None), None)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _nested(body: Row) -> Row:
    inner = body.get("placement")
    return inner if isinstance(inner, dict) else {}


def _body(request: SimRequest) -> Row:
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "The body is not valid JSON")
    return body
