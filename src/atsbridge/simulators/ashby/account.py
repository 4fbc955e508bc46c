"""The rows of an account, and what happens to them whoever does it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from ..interface import Truth
from ..people import marks
from .answers import Refusal, Row, impossible, invalid, iso

STATUS_OF = {
    "Lead": "Lead",
    "PreInterviewScreen": "Active",
    "Active": "Active",
    "Offer": "Active",
    "Hired": "Hired",
    "Archived": "Archived",
}


@define
class Table:
    """Rows in the order they were made, each with the number of its last change."""

    rows: dict[str, Row] = field(factory=dict)
    order: list[str] = field(factory=list)
    changed: dict[str, int] = field(factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def find(self, id: Any, code: str) -> Row:
        if not isinstance(id, str):
            raise invalid("an id is a string")
        if id not in self.rows:
            raise Refusal(code, f"{code.replace('_', ' ').capitalize()} - are you lacking permissions?")
        return self.rows[id]


TABLES = (
    "application", "candidate", "job", "user", "offer", "interviewPlan", "interviewStage",
    "interviewStageGroup", "interviewSchedule", "archiveReason", "closeReason", "jobPosting", "opening",
    "location", "department", "source", "customField", "communicationTemplate",
)  # fmt: skip


@frozen
class Mail:
    """One that goes to a candidate who is rejected, at unix seconds."""

    application: str
    template: str
    at: float


@define(kw_only=True)
class Account:
    """One customer. Rows are as the API shows them, but for applications, which name others by id.

    Args:
        chance: makes ids.
        hire_needs: what every hire lacks: an approved ``offer``, an ``opening``, or ``free_opening``,
            one that no other application has filled.
        tell: called with the web hooks that a change sends, the data by the type.
    """

    clock: Callable[[], float]
    chance: random.Random
    keeps_archived_at: bool = False
    repeats_add_history: bool = False
    leaves_hired: bool = True
    anonymised_name: str = ""
    hire_needs: str = ""
    mails: list[Mail] = field(factory=list)
    tables: dict[str, Table] = field(factory=lambda: {name: Table() for name in TABLES})
    sequence: int = 0
    gone: set[str] = field(factory=set)
    approved: set[str] = field(factory=set)
    """Applications whose offer has been approved."""
    tell: Callable[..., None] = lambda **_events: None

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def now(self) -> str:
        return iso(self.clock())

    def uuid(self) -> str:
        text = (
            f"{self.chance.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | (0x4 << 76) | (0x2 << 62):032x}"
        )
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    # -- rows --

    def add(self, table: str, /, **values: Any) -> Row:
        row = {"id": self.uuid(), **values}
        self.put(table, row)
        return row

    def put(self, name: str, row: Row) -> None:
        table = self.tables[name]
        if row["id"] not in table.rows:
            table.order.append(row["id"])
        table.rows[row["id"]] = row
        self._count(name, row)

    def touch(self, name: str, row: Row) -> None:
        row["updatedAt"] = self.now()
        self._count(name, row)

    def _count(self, name: str, row: Row) -> None:
        self.sequence += 1
        self.tables[name].changed[row["id"]] = self.sequence

    def remove(self, name: str, id: str) -> None:
        """Gone without a trace: no sync run tells of it."""
        del self.tables[name].rows[id]
        del self.tables[name].changed[id]

    # -- what belongs to what --

    def stages_of(self, plan: str) -> list[Row]:
        stages = [s for s in self["interviewStage"] if s["interviewPlanId"] == plan]
        return sorted(stages, key=lambda s: s["orderInInterviewPlan"])

    def stage(self, application: Row) -> Row:
        """Where it stands. The stage may have been taken out of its plan since."""
        last: Row = application["lastStage"]
        return self["interviewStage"].rows.get(application["stage"], last)

    def plan_of(self, application: Row) -> str:
        return str(self.stage(application)["interviewPlanId"])

    def first(self, plan: str, type: str) -> Row:
        return next(s for s in self.stages_of(plan) if s["type"] == type)

    def truth(self, application: Row) -> Truth:
        reason = self["archiveReason"].rows.get(application["reason"] or "")
        status = STATUS_OF[self.stage(application)["type"]]
        withdrew = reason is not None and reason["reasonType"] == "RejectedByCandidate"
        ended = {"Hired": "hired", "Archived": "withdrawn" if withdrew else "rejected"}
        return Truth(
            stage=application["stage"],
            status=ended.get(status, "active"),
            reason=application["reason"],
            candidate=application["candidate"],
            job=application["job"],
            history=tuple(entry["stageId"] for entry in application["history"]),
        )

    # -- what happens --

    def apply(self, *, job: Row, candidate: Row, stage: Row, at: float | None = None) -> Row:
        moment = self.now() if at is None else iso(at)
        row = self.add(
            "application", createdAt=moment, updatedAt=moment, candidate=candidate["id"], job=job["id"],
            stage=stage["id"], lastStage=stage, reason=None, history=[], source=None, form=self.uuid(),
            posting=next(iter(job.get("jobPostingIds") or ()), None), submitterClientIp="203.0.113.7",
            submitterUserAgent=f"Mozilla/5.0 {marks.person}".rstrip(),
        )  # fmt: skip
        candidate["applicationIds"].append(row["id"])
        self._enter(row, stage, moment, None)
        return row

    def change_stage(self, application: Row, stage: Row, reason: Row | None, *, actor: str | None) -> None:
        """Every way to move, end and take back is this one."""
        before = self.stage(application)
        if before["type"] == "Hired" and stage["type"] != "Hired" and not self.leaves_hired:
            raise invalid("a hired application stays hired")
        if stage["type"] == "Hired":
            self._hire(application)
        if stage["id"] != application["stage"] or self.repeats_add_history:
            self._enter(application, stage, self.now(), actor)
        application["reason"] = reason["id"] if reason else None
        if stage["type"] == "Archived":
            application["archivedAt"] = self.now()
        elif not self.keeps_archived_at:
            application.pop("archivedAt", None)
        self.touch("application", application)
        hire = {"candidateHire": {"application": application, "offer": self._offer(application)}}
        about = {"application": application}
        self.tell(
            **(hire if stage["type"] == "Hired" else {}), candidateStageChange=about, applicationUpdate=about
        )

    def _offer(self, application: Row) -> Row | None:
        return next((o for o in self["offer"] if o["applicationId"] == application["id"]), None)

    def _hire(self, application: Row) -> None:
        job = self["job"].rows[application["job"]]
        offer = job.get("needsOffer") or self.hire_needs == "offer"
        if offer and application["id"] not in self.approved:
            raise impossible("the offer needs an approval first")
        if self.hire_needs == "opening":
            raise impossible("an opening must be filled")
        if self.hire_needs == "free_opening":
            raise impossible("The opening is already used by another application", "opening_in_use")
        if not job.get("needsOpening"):
            return
        opening = self["opening"].rows.get(job["needsOpening"])
        if opening is None:
            raise impossible("an opening must be filled")
        if opening["filledBy"] not in (None, application["id"]):
            raise impossible("The opening is already used by another application", "opening_in_use")
        opening["filledBy"] = application["id"]

    def _enter(self, application: Row, stage: Row, moment: str, actor: str | None) -> None:
        history = application["history"]
        if history:
            history[-1] = {**history[-1], "leftStageAt": moment}
        entry = {
            "id": self.uuid(), "stageId": stage["id"], "title": stage["title"], "enteredStageAt": moment,
            "stageNumber": len(history), "allowedActions": ["none"], "actorId": actor,
        }  # fmt: skip
        application["history"] = [*history, entry]
        application["stage"], application["lastStage"] = stage["id"], stage

    def switch_plan(self, job: Row, plan: str) -> None:
        """Another interview plan for a job: every stage id of its applications changes."""
        old = job["defaultInterviewPlanId"]
        theirs = self.stages_of(plan)
        mapping: dict[str, Row] = {}
        for stage in self.stages_of(old):
            same = [s for s in theirs if s["type"] == stage["type"]] or [
                s for s in theirs if s["type"] == "Active"
            ]
            mapping[stage["id"]] = next((s for s in same if s["title"] == stage["title"]), same[0])
        job["defaultInterviewPlanId"], job["interviewPlanIds"] = plan, [plan]
        self.touch("job", job)
        for application in [a for a in self["application"] if a["job"] == job["id"]]:
            application["history"] = [
                {**e, "stageId": mapping[e["stageId"]]["id"]} if e["stageId"] in mapping else e
                for e in application["history"]
            ]
            if application["stage"] in mapping:
                application["lastStage"] = mapping[application["stage"]]
                application["stage"] = application["lastStage"]["id"]
            self.touch("application", application)
        transition = {
            "jobId": job["id"],
            "fromInterviewPlan": self._named(old),
            "toInterviewPlan": self._named(plan),
            "interviewStageMappings": [
                {"fromInterviewStageId": a, "toInterviewStageId": b["id"]} for a, b in mapping.items()
            ],
        }
        self.tell(interviewPlanTransition=transition, jobUpdate={"job": job})

    def _named(self, plan: str) -> Row:
        return {"id": plan, "title": self["interviewPlan"].rows[plan]["title"]}

    def delete_candidate(self, id: str) -> None:
        """In the pages only; its applications go too."""
        for application in [a["id"] for a in self["application"] if a["candidate"] == id]:
            self.remove("application", application)
            self.gone.add(application)
        self.remove("candidate", id)
        self.tell(candidateDelete={"candidate": {"id": id}})

    def merge(self, loser: Row, survivor: Row) -> None:
        """The candidate's id changes; those of the applications stay."""
        for application in [a for a in self["application"] if a["candidate"] == loser["id"]]:
            application["candidate"] = survivor["id"]
            survivor["applicationIds"].append(application["id"])
            self.touch("application", application)
        self.remove("candidate", loser["id"])
        self.touch("candidate", survivor)
        merge = {"deletedCandidate": {"id": loser["id"]}, "mergedCandidate": {"id": survivor["id"]}}
        self.tell(candidateMerge=merge)

    def anonymise(self, candidate: Row) -> None:
        mine = [a for a in self["application"] if a["candidate"] == candidate["id"]]
        if any(STATUS_OF[self.stage(a)["type"]] not in ("Hired", "Archived") for a in mine):
            raise invalid("all applications must be archived or hired")
        candidate |= {
            "name": self.anonymised_name, "primaryEmailAddress": None, "emailAddresses": [],
            "primaryPhoneNumber": None, "phoneNumbers": [], "socialLinks": [], "location": None,
            "company": None, "position": None, "school": None,
        }  # fmt: skip
        self.touch("candidate", candidate)
