"""`RecruiteeSimulator`: one company, one user's token, and whatever people do in the product."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl

from attrs import define, field

from .. import people
from ..interface import Accepted, Limits, SimRequest, SimResponse, Simulator, Truth
from .account import WITHDRAWALS, Account, hires, id_of
from .answers import Refusal, Row
from .api import ABILITIES, Api
from .folder import load
from .hooks import Hooks
from .invent import fill

COMPANY_ID = 55210
PER_MINUTE = 60


@define(eq=False, kw_only=True)
class RecruiteeSimulator(Simulator):
    """Recruitee in memory; ``company`` is the subdomain, `COMPANY_ID` names the company as well.

    `from_folder` reads recorded answers as they came, ``<name>[.<anything>].json`` each. The names are
    ``admins``, ``departments``, ``disqualify_reasons``, ``offers`` (with their pipelines) and
    ``candidates`` (with their placements).
    """

    name: ClassVar[str] = "recruitee"
    settings: ClassVar[Mapping[str, str]] = {
        "stage_body": "the body of a move that is taken: nested, flat, or both",
        "reason_body": "the body of a rejection that is taken: id, text, or both",
        "write_answer": "what a write answers: placement, or empty (with 204)",
        "moves_touch": "a change of stage moves the placement's updated_at",
        "reason_ids": "placements show the id of their disqualify reason besides its text",
        "nested_candidates": "a job's placements show candidate in place of candidate_id",
        "contacts": "e-mails and phones are text, or objects",
        "anonymised_as": "the name that an anonymised candidate bears",
        "activity_shown": "a hit of the search tells when something last happened",
        "index_lag_seconds": "how far the search is behind",
        "retry_after": "a 429 says how long to wait",
        "hook_offer": "where a web hook names the job: offer, offers, or neither",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    company: str = "acme"
    stage_body: str = "nested"
    reason_body: str = "id"
    write_answer: str = "placement"
    moves_touch: bool = True
    reason_ids: bool = False
    nested_candidates: bool = False
    contacts: str = "text"
    anonymised_as: str = ""
    activity_shown: bool = True
    index_lag_seconds: float = 20.0
    retry_after: bool = True
    hook_offer: str = "offer"
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    account: Account = field(init=False)
    hooks: Hooks = field(init=False)
    api: Api = field(init=False)
    _left: float = float(PER_MINUTE)
    _counted_at: float = 0.0

    def __attrs_post_init__(self) -> None:
        mark = people.marks.secret
        self.credentials = {
            "company_id": self.company,
            "api_token": f"cGVyc29uYWw{mark}Zz09",
            "hook_secret": f"whs{mark}2f81",
        }
        self.account = Account(
            clock=self._clock, moves_touch=self.moves_touch, reason_body=self.reason_body,
            anonymised_as=self.anonymised_as,
        )  # fmt: skip
        company = {"id": COMPANY_ID, "name": self.company.title()}
        secret = self.credentials["hook_secret"]
        self.hooks = Hooks(clock=self._clock, secret=secret, company=company, names=self.hook_offer)
        self.api = Api(
            account=self.account, index_lag_seconds=self.index_lag_seconds,
            activity_shown=self.activity_shown, stage_body=self.stage_body, write_answer=self.write_answer,
            reason_ids=self.reason_ids, nested_candidates=self.nested_candidates, contacts=self.contacts,
            accepted=self.accepted,
        )  # fmt: skip

    def _clock(self) -> float:
        return self.clock()

    def configuration(self) -> Mapping[str, Any]:
        """With what the customer tells of their account: their list, and the forms that it takes."""
        return {
            **self.credentials,
            "withdrawal_reasons": sorted(WITHDRAWALS),
            "stage_body": "flat" if self.stage_body == "flat" else "nested",
            "reason_body": "text" if self.reason_body == "text" else "id",
            "anonymised_name": self.anonymised_as,
        }

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim = cls(**settings)
        fill(sim.account, applications, seed=seed)
        return sim._opened()

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        sim = cls(**settings)
        load(sim.account, folder)
        return sim._opened()

    def _opened(self) -> Self:
        """From now on the web hook is told."""
        self.account.tell = self.hooks.tell
        return self

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        path, _, query = request.target.partition("?")
        try:
            self._count()
            parts = self._authorised(request, path)
            return self._answered(
                *self.api.answer(request, parts, dict(parse_qsl(query, keep_blank_values=True)))
            )
        except Refusal as refusal:
            return self._answered(refusal.status, refusal.body())

    def _authorised(self, request: SimRequest, path: str) -> list[str]:
        """What is asked for, below the company."""
        parts = path.removeprefix("/c/").split("/")
        if not path.startswith("/c/") or len(parts) < 2:
            raise Refusal(404, "Not found", "not_found")
        if request.headers.get("authorization") != f"Bearer {self.credentials['api_token']}":
            raise Refusal(401, "Unauthorized")
        if "." in parts[0]:
            raise Refusal(422, "Company id is invalid")
        if parts[0] not in (str(COMPANY_ID), self.company):
            raise Refusal(403, "Forbidden")
        return parts[1:]

    def _count(self) -> None:
        if self.limits.factor is None:
            return
        now, most = self.clock(), PER_MINUTE * self.limits.factor
        self._left = min(most, self._left + (now - self._counted_at) * most / 60)
        self._counted_at = now
        if self._left < 1:
            raise Refusal(429, "Too many requests")
        self._left -= 1

    def _answered(self, status: int, body: Any) -> SimResponse:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock()))
        headers = [("Date", date), ("Content-Type", "application/json; charset=utf-8")]
        if status == 429 and self.retry_after:
            headers.append(("Retry-After", "1"))
        return SimResponse(status, tuple(headers), b"" if status == 204 else json.dumps(body).encode())

    def throttled(self) -> SimResponse:
        refusal = Refusal(429, "Too many requests")
        return self._answered(refusal.status, refusal.body())

    # -- what a test may do to a connection --

    def permissions(self) -> tuple[str, ...]:
        return ABILITIES

    def revoke(self, permission: str) -> None:
        if permission not in ABILITIES:
            raise ValueError(f"no hiring role may {permission}")
        self.api.abilities.discard(permission)

    def hide(self, application: str) -> frozenset[str]:
        """The whole job: the token's owner is no more in its team."""
        offer = self._find(application)["offer_id"]
        self.api.hidden.add(offer)
        return frozenset(map(id_of, self.account.of_offer(offer)))

    def obstacles(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "the role may not manage candidates": lambda _id: self.revoke("manage candidates"),
            "the job is not visible": self.hide,
            "the stage is in its pipeline no more": lambda id: self.account.leave_one(self._find(id)),
        }

    def deliveries(self) -> tuple[SimRequest, ...]:
        return (self.hooks.ping(), *self.hooks.sent)

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return {id_of(placement): self.account.truth(placement) for placement in self.account.in_jobs()}

    def deleted(self) -> frozenset[str]:
        return frozenset(self.account.gone)

    # -- what people do --

    def _find(self, application: str) -> Row:
        found = (p for p in self.account.in_jobs() if id_of(p) == application)
        placement = next(found, None)
        if placement is None:
            raise ValueError("there is no such placement")
        return placement

    def _active(self, application: str) -> Row:
        placement = self._find(application)
        if self.account.truth(placement).status != "active":
            raise ValueError("the application has ended")
        return placement

    def _person(self, application: str) -> Row:
        return self.account.candidates[self._find(application)["candidate_id"]]

    def stages_for(self, application: str) -> list[str]:
        placement = self._find(application)
        if self.account.truth(placement).status != "active":
            return []
        stages = self.account.stages(placement)
        return [str(s["id"]) for s in stages if s["id"] != placement["stage_id"] and not hires(s)]

    def stage_name(self, stage: str) -> str:
        return self.account.stage_names[int(stage)]

    def reasons(self, outcome: str) -> list[str]:
        if outcome not in ("rejected", "withdrawn"):
            return []
        rows = self.account.reasons.items()
        own = [id for id, row in rows if (row["name"] in WITHDRAWALS) == (outcome == "withdrawn")]
        return [self.account.reason_id(id) for id in own]

    def move(self, application: str, stage: str) -> None:
        if stage not in self.stages_for(application):
            raise ValueError("it cannot be moved there")
        self.account.move(self._find(application), int(stage))

    def reject(self, application: str, reason: str) -> None:
        self.account.disqualify(self._active(application), int(reason.partition(":")[0]))

    def reactivate(self, application: str) -> None:
        try:
            self.account.requalify(self._find(application))
        except Refusal as refusal:
            raise ValueError(refusal.message) from None

    def hire(self, application: str) -> None:
        placement = self._active(application)
        stage = next((s for s in self.account.stages(placement) if hires(s)), None)
        if stage is None:
            raise ValueError("no stage of its pipeline hires")
        self.account.move(placement, stage["id"])

    def edit(self, application: str) -> None:
        self.account.last_id += 1
        self.account.edit(self._person(application), emails=[f"edited{self.account.last_id}@example.com"])

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        account = self.account
        usable = [o for o in account.offers.values() if o["kind"] == "job" and o["status"] == "published"]
        offer = account.offers[int(job)] if job else usable[account.last_id % len(usable)]
        return id_of(account.place(account.arrive(name, email), offer))

    def delete(self, application: str) -> None:
        """The placement of somebody who has others; anybody else as a whole."""
        placement, person = self._find(application), self._person(application)
        if len(self.account.of_candidate(person["id"])) > 1:
            self.account.remove(placement)
        else:
            self.account.delete(person)

    def anonymise(self, application: str) -> None:
        self.account.anonymise(self._person(application))

    def merge(self, loser: str, survivor: str) -> None:
        raise ValueError("no page tells of merging")

    def rename_stage(self, stage: str, name: str) -> None:
        self.account.rename(self._stage(stage)[0], name)

    def deactivate_stage(self, stage: str) -> None:
        try:
            self.account.take_out(*self._stage(stage))
        except Refusal as refusal:
            raise ValueError(refusal.message) from None

    def _stage(self, stage: str) -> tuple[Row, Row]:
        found = self.account.stage(int(stage))
        if found is None:
            raise ValueError("there is no such stage")
        return found
