"""The rows of a company, and what happens to them whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from ..interface import Truth
from .answers import Refusal, Row

WITHDRAWALS = frozenset({"Candidate withdrew", "Took another job"})
"""The customer's list: Recruitee itself does not tell a withdrawal from a rejection."""


def hires(stage: Row) -> bool:
    return "hire" in stage["category"] or "hire" in stage["group"]


def id_of(placement: Row) -> str:
    """No request reads a placement by its own id: its candidate's is part of the name it has here."""
    return f"{placement['candidate_id']}:{placement['id']}"


@define(kw_only=True)
class Account:
    """One company. Jobs and talent pools are *offers*, a candidacy is a *placement*.

    Args:
        moves_touch: a change of stage moves the placement's ``updated_at``.
        reason_body: by what a write names a reason: ``id``, ``text``, or ``both``.
        anonymised_as: the name that an anonymised candidate bears.
        tell: called with a candidate, an offer or None, an event, its subtype and its details.
    """

    clock: Callable[[], float]
    moves_touch: bool = True
    reason_body: str = "id"
    anonymised_as: str = ""
    admins: dict[int, Row] = field(factory=dict)
    departments: dict[int, Row] = field(factory=dict)
    reasons: dict[int, Row] = field(factory=dict)
    templates: dict[int, Row] = field(factory=dict)
    offers: dict[int, Row] = field(factory=dict)
    candidates: dict[int, Row] = field(factory=dict)
    placements: dict[int, Row] = field(factory=dict)
    notes: dict[int, Row] = field(factory=dict)
    activity: dict[int, list[float]] = field(factory=dict)
    """When something happened to each candidate."""
    left: dict[int, tuple[Row, float]] = field(factory=dict)
    """Candidates that were deleted, and when."""
    gone: set[str] = field(factory=set)
    stage_names: dict[int, str] = field(factory=dict)
    last_id: int = 1000
    tell: Callable[..., None] = lambda *_about: None

    def add(self, table: dict[int, Row], **values: Any) -> Row:
        self.last_id += 1
        table[self.last_id] = {"id": self.last_id, **values}
        return table[self.last_id]

    # -- what belongs together --

    def stages(self, placement: Row) -> list[Row]:
        stages: list[Row] = self.templates[self.offers[placement["offer_id"]]["template"]]["stages"]
        return stages

    def stage(self, id: int) -> tuple[Row, Row] | None:
        """A stage, and the pipeline it is in."""
        found = ((s, t) for t in self.templates.values() for s in t["stages"] if s["id"] == id)
        return next(found, None)

    def of_candidate(self, id: int) -> list[Row]:
        return [p for p in self.placements.values() if p["candidate_id"] == id]

    def of_offer(self, id: int) -> list[Row]:
        return [p for p in self.placements.values() if p["offer_id"] == id]

    def in_jobs(self) -> Iterator[Row]:
        """The placements that are applications: none of a talent pool."""
        return (p for p in self.placements.values() if self.offers[p["offer_id"]]["kind"] == "job")

    def reason_id(self, id: int) -> str:
        """Where a write names a reason by its text, that is part of its id here."""
        return f"{id}:{self.reasons[id]['name']}" if self.reason_body == "text" else str(id)

    def truth(self, placement: Row) -> Truth:
        status, reason = "active", placement["reason_id"]
        stage = next(s for s in self.stages(placement) if s["id"] == placement["stage_id"])
        if placement["disqualified_at"] is not None:
            status = "withdrawn" if placement["disqualify_reason"] in WITHDRAWALS else "rejected"
        elif placement["hired_at"] is not None or hires(stage):
            status = "hired"
        return Truth(
            stage=str(placement["stage_id"]), status=status,
            reason=None if reason is None else self.reason_id(reason),
            candidate=str(placement["candidate_id"]), job=str(placement["offer_id"]),
        )  # fmt: skip

    # -- what happens --

    def arrive(self, name: str, email: str | None, *, phone: str | None = None) -> Row:
        now = self.clock()
        person = self.add(
            self.candidates, name=name, initials="".join(word[:1] for word in name.split()),
            emails=[email] if email else [], phones=[phone] if phone else [], links=[], social_links=[],
            source="career_site", referrer=None, tags=[], admin_id=None, created_at=now, updated_at=now,
            last_message_at=None, example=False, has_avatar=False, photo_thumb_url=None, cover_letter=None,
            fields=[],
        )  # fmt: skip
        self._stir(person)
        self.tell(person, None, "new_candidate", "career_site", {})
        return person

    def place(self, person: Row, offer: Row) -> Row:
        """Into the first stage of a job, where nobody is twice."""
        if any(p["offer_id"] == offer["id"] for p in self.of_candidate(person["id"])):
            raise Refusal(422, "Candidate has already been assigned")
        now, first = self.clock(), self.templates[offer["template"]]["stages"][0]
        placement = self.add(
            self.placements, candidate_id=person["id"], offer_id=offer["id"], stage_id=first["id"],
            position=1, created_at=now, updated_at=now, disqualified_at=None, disqualify_reason=None,
            reason_id=None, hired_at=None, hired_by_id=None, job_starts_at=None, language="en",
        )  # fmt: skip
        self._changed(placement, "candidate_assigned", None, {})
        return placement

    def move(self, placement: Row, stage_id: int) -> None:
        """What was disqualified is qualified by it again."""
        stages = {stage["id"]: stage for stage in self.stages(placement)}
        if stage_id not in stages:
            raise Refusal(422, "Stage is invalid")
        was, here = placement["disqualified_at"], placement["stage_id"]
        hired = hires(stages[stage_id])
        placement.update(
            stage_id=stage_id, disqualified_at=None, disqualify_reason=None, reason_id=None,
            hired_at=(placement["hired_at"] or self.clock()) if hired else None,
            hired_by_id=next(iter(self.admins), None) if hired else None,
        )  # fmt: skip
        if was is not None:
            self._changed(placement, "candidate_moved", "requalified", {})
        names = ("id", "name", "category")
        ways = (("from_stage", here), ("to_stage", stage_id))
        details = {way: {name: stages[id][name] for name in names} for way, id in ways if id in stages}
        self._changed(placement, "candidate_moved", "stage_changed", details, dated=self.moves_touch)

    def disqualify(self, placement: Row, reason: int) -> None:
        text = self.reasons[reason]["name"]
        placement.update(disqualified_at=self.clock(), disqualify_reason=text, reason_id=reason)
        details = {"disqualify_reason": {"id": reason, "name": text}}
        self._changed(placement, "candidate_moved", "disqualified", details)

    def requalify(self, placement: Row) -> None:
        if placement["disqualified_at"] is None:
            raise Refusal(422, "Placement is not disqualified")
        placement.update(disqualified_at=None, disqualify_reason=None, reason_id=None)
        self._changed(placement, "candidate_moved", "requalified", {})

    def remove(self, placement: Row) -> None:
        """The candidate stays."""
        self.gone.add(id_of(placement))
        del self.placements[placement["id"]]
        self._stir(self.candidates[placement["candidate_id"]])

    def delete(self, person: Row) -> None:
        for placement in self.of_candidate(person["id"]):
            self.remove(placement)
        self.left[person["id"]] = (person, self.clock())
        del self.candidates[person["id"]]
        self.tell(person, None, "candidate_deleted", None, {})

    def edit(self, person: Row, **values: Any) -> None:
        person.update(values, updated_at=self.clock())
        self._stir(person)

    def anonymise(self, person: Row) -> None:
        blank: Row = {name: [] for name in ("emails", "phones", "links", "social_links", "fields")}
        self.edit(person, name=self.anonymised_as, initials="", cover_letter=None, **blank)

    def rename(self, stage: Row, name: str) -> None:
        stage["name"] = self.stage_names[stage["id"]] = name

    def take_out(self, stage: Row, template: Row) -> None:
        """Out of its pipeline: never a locked one, nor one that somebody is in."""
        if stage["locked"] or any(p["stage_id"] == stage["id"] for p in self.placements.values()):
            raise Refusal(422, "Stage can't be removed")
        template["stages"].remove(stage)

    def leave_one(self, placement: Row) -> None:
        """Make the stage that somebody is in the only one of its pipeline, with everybody in it."""
        stages = self.stages(placement)
        others = {stage["id"] for stage in stages} - {placement["stage_id"]}
        for other in self.placements.values():
            if other["stage_id"] in others:
                other["stage_id"] = placement["stage_id"]
        stages[:] = [stage for stage in stages if stage["id"] not in others]
        # A pipeline is part of its job.
        self.offers[placement["offer_id"]]["updated_at"] = self.clock()

    def _changed(
        self, placement: Row, event: str, subtype: str | None, details: Row, *, dated: bool = True
    ) -> None:
        person = self.candidates[placement["candidate_id"]]
        if dated:
            placement["updated_at"] = self.clock()
        self._stir(person)
        self.tell(person, self.offers[placement["offer_id"]], event, subtype, details)

    def _stir(self, person: Row) -> None:
        self.activity.setdefault(person["id"], []).append(self.clock())
