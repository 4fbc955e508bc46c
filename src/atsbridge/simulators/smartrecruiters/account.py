"""The rows of an account, and what happens to them whoever does it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from ..interface import Truth
from .answers import LIVING, STATUSES, SUBDIVIDED, Refusal, Row, iso, time_of

_CLIMB = ("CREATED", "SOURCING", "INTERVIEW", "OFFER", "FILLED")
_REACHED = {"INTERVIEW": "INTERVIEW", "OFFERED": "OFFER", "HIRED": "FILLED"}
_NEUTRAL = {"HIRED": "hired", "REJECTED": "rejected", "WITHDRAWN": "withdrawn", "TRANSFERRED": "converted"}
_REASONS = {"REJECTED": "reasonOfRejection", "WITHDRAWN": "reasonOfWithdrawal"}


def stage_of(status: str, sub: str | None) -> str:
    """How a stage is named here: a status, or a status and a sub-status."""
    return f"{status}:{sub}" if sub else status


def id_of(candidate: str, job: str) -> str:
    """SmartRecruiters has no id of an application: the pair names it."""
    return f"{candidate}:{job}"


@define(kw_only=True)
class Account:
    """One customer. A candidate's row holds its assignments by job.

    Args:
        merged_status: what the id of who was merged is answered with: 404, or a redirect.
        invalid: the status of a refusal of an unknown status, sub-status or reason.
        tell: called with an event and what it is about.
    """

    clock: Callable[[], float]
    chance: random.Random
    lead_first: bool = True
    leaves_ended: bool = True
    first_sub_status: bool = False
    status_bumps_updated: bool = True
    repeats_add_history: bool = False
    reason_required: bool = False
    merged_status: int = 404
    invalid: int = 422
    jobs: dict[str, Row] = field(factory=dict)
    candidates: dict[str, Row] = field(factory=dict)
    users: dict[str, Row] = field(factory=dict)
    processes: dict[str, Row] = field(factory=dict)
    rejection: dict[str, Row] = field(factory=dict)
    withdrawal: dict[str, Row] = field(factory=dict)
    order: dict[str, list[str]] = field(factory=lambda: {"candidates": [], "jobs": [], "users": []})
    gone: set[str] = field(factory=set)
    merged: dict[str, str] = field(factory=dict)
    """The candidate that each merged one has become."""
    tell: Callable[..., None] = lambda *_about, **_more: None

    def now(self) -> str:
        return iso(self.clock())

    def uuid(self) -> str:
        bits = self.chance.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def put(self, table: str, row: Row) -> Row:
        rows: dict[str, Row] = getattr(self, table)
        if row["id"] not in rows:
            self.order[table].append(row["id"])
        rows[row["id"]] = row
        return row

    # -- what is so --

    def applications(self) -> Iterable[tuple[Row, str, Row]]:
        """Every candidate with each job and the assignment to it."""
        for candidate in self.candidates.values():
            for job, assignment in candidate["assignments"].items():
                yield candidate, job, assignment

    def find(self, candidate: str, job: str) -> tuple[Row, Row]:
        row = self.candidate(candidate)
        if job not in self.jobs or job not in row["assignments"]:
            raise Refusal(404, "APPLICATION_NOT_FOUND", "The candidate is not assigned to the job")
        return row, row["assignments"][job]

    def candidate(self, id: str) -> Row:
        if id in self.merged and self.merged_status != 404:
            there = f"/candidates/{self.merged[id]}"
            raise Refusal(self.merged_status, "CANDIDATE_MERGED", "The candidate was merged", location=there)
        if id not in self.candidates:
            raise Refusal(404, "CANDIDATE_NOT_FOUND", "The candidate was not found")
        return self.candidates[id]

    def sub_statuses(self, status: str) -> list[str]:
        """The union over all active processes, in order."""
        found = [p["subStatuses"].get(status, []) for p in self.processes.values() if p["active"]]
        return list(dict.fromkeys(name for names in found for name in names))

    def truth(self, candidate: Row, job: str, assignment: Row) -> Truth:
        status = assignment["status"]
        return Truth(
            stage=stage_of(status, assignment["subStatus"]),
            status=_NEUTRAL.get(status, "active"),
            reason=assignment["reasonOfRejection"] or assignment["reasonOfWithdrawal"],
            candidate=candidate["id"],
            job=job,
            history=tuple(stage_of(h["status"], h["subStatus"]) for h in assignment["history"]),
        )

    # -- what happens --

    def touch(self, candidate: Row) -> None:
        candidate["updatedOn"] = self.now()
        self.tell("candidate.updated", candidate=candidate["id"])

    def apply(self, candidate: Row, job: Row, *, status: str = "NEW", source: str = "Indeed") -> Row:
        """One more assignment; who applies again to the same job has the one."""
        held: Row | None = candidate["assignments"].get(job["id"])
        if held is not None:
            return held
        row: Row = {
            "status": status, "subStatus": None, "startsOn": None, "source": source,
            "reasonOfRejection": None, "reasonOfWithdrawal": None, "onboardingStatus": None,
            "history": [{"changedOn": self.now(), "status": status, "subStatus": None}],
        }  # fmt: skip
        candidate["assignments"][job["id"]] = row
        candidate["primary"] = candidate["primary"] or job["id"]
        candidate["updatedOn"] = job["lastActivityOn"] = self.now()
        self._climb(job, status)
        self.tell("application.created", candidate=candidate["id"], job=job["id"])
        return row

    def change(self, candidate: Row, job: str, body: Row) -> None:
        """What a status call asks for, whoever makes it."""
        assignment = candidate["assignments"][job]
        status, sub = body.get("status"), body.get("subStatus")
        if status not in STATUSES:
            raise Refusal(self.invalid, "INVALID_STATUS", "The status is not known")
        self._check_move(assignment["status"], status)
        if sub is None and status in SUBDIVIDED and self.first_sub_status:
            sub = next(iter(self.sub_statuses(status)), None)
        if sub is not None and sub not in self.sub_statuses(status):
            raise Refusal(self.invalid, "INVALID_SUB_STATUS", "The sub status is not known")
        if body.get("startsOn") is not None and time_of(body["startsOn"]) is None:
            raise Refusal(self.invalid, "INVALID_DATE", "startsOn is no date-time")
        reason = self._reason(status, body.get("reason"))
        same = (assignment["status"], assignment["subStatus"]) == (status, sub)
        assignment |= {"reasonOfRejection": None, "reasonOfWithdrawal": None, "status": status}
        assignment |= {"subStatus": sub, "startsOn": body.get("startsOn")}
        if status in _REASONS:
            assignment[_REASONS[status]] = reason
        if not same or self.repeats_add_history:
            assignment["history"].append({"changedOn": self.now(), "status": status, "subStatus": sub})
        if self.status_bumps_updated:
            candidate["updatedOn"] = self.now()
        if job in self.jobs:
            self._climb(self.jobs[job], status)
        self.tell("application.status.updated", candidate=candidate["id"], job=job)

    def _check_move(self, before: str, status: str) -> None:
        if status == "TRANSFERRED" or (status == "LEAD" and before != "LEAD"):
            raise Refusal(self.invalid, "INVALID_STATUS", "The status cannot be set")
        if before == "LEAD" and status in (*LIVING[2:], "HIRED") and self.lead_first:
            raise Refusal(self.invalid, "INVALID_STATUS_TRANSITION", "A lead is made NEW first")
        if before not in LIVING and before != status and (before == "TRANSFERRED" or not self.leaves_ended):
            raise Refusal(self.invalid, "INVALID_STATUS_TRANSITION", "The application has ended")

    def _reason(self, status: str, given: Any) -> str | None:
        known = {"REJECTED": self.rejection, "WITHDRAWN": self.withdrawal}.get(status)
        if given is None:
            if known is not None and self.reason_required:
                raise Refusal(self.invalid, "REASON_REQUIRED", "A reason is required")
            return None
        # An id in a write, an object in a read.
        if known is None or not isinstance(given, str) or given not in known:
            raise Refusal(self.invalid, "INVALID_REASON", "The reason is not known")
        return given

    def _climb(self, job: Row, status: str) -> None:
        """A job's status rises to the furthest stage that anybody has reached, and never falls."""
        reached = _REACHED.get(status, "SOURCING")
        if job["status"] in _CLIMB and _CLIMB.index(reached) > _CLIMB.index(job["status"]):
            self.set_job(job, reached)

    def set_job(self, job: Row, status: str) -> None:
        job["statusHistory"] = [*job.get("statusHistory", []), {"status": status, "changedOn": self.now()}]
        job |= {"status": status, "updatedOn": self.now(), "lastActivityOn": self.now()}
        self.tell("job.status.updated", job=job["id"])

    def remove(self, candidate: Row) -> None:
        """Deleted, or anonymised: gone from everywhere, without a trace."""
        self.gone |= {id_of(candidate["id"], job) for job in candidate["assignments"]}
        del self.candidates[candidate["id"]]
        self.tell("candidate.deleted", candidate=candidate["id"])

    def unassign(self, candidate: Row, job: str) -> None:
        """Nothing tells of it."""
        del candidate["assignments"][job]
        candidate["primary"] = next(iter(candidate["assignments"]), None)
        candidate["updatedOn"] = self.now()
        self.gone.add(id_of(candidate["id"], job))

    def merge(self, loser: Row, survivor: Row) -> None:
        """One id disappears; whom both had applied to keeps the survivor's application."""
        moved = loser["assignments"]
        self.remove(loser)
        self.merged[loser["id"]] = survivor["id"]
        for job, assignment in moved.items():
            _ = survivor["assignments"].setdefault(job, assignment)
            self.gone.discard(id_of(survivor["id"], job))
        survivor["primary"] = survivor["primary"] or next(iter(survivor["assignments"]), None)
        self.touch(survivor)
