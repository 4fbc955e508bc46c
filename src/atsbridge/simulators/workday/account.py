"""One tenant: its processes, requisitions and candidates, and every state they were in.

All is kept in versions, each with the moment it shows from: a crawl with a fixed
``As_Of_Entry_DateTime`` reads what was so then, and a move may show late.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field, frozen

from ..interface import Truth
from .soap import Ids, day, validation

Row = dict[str, Any]

NOT_IN_PROGRESS = "The Business Process must be in progress to move candidate to the next stage."
NOT_ALLOWED = "The next step or disposition chosen is invalid for the job application process."
NOT_ONE = (
    "The provided Candidate and Job Requisition does not have precisely one Job Application Event "
    "in progress."
)
OPEN_STATES = ("OPEN", "FROZEN")
NOT_ON_EVERGREEN = ("OFFER", "CONTRACT", "READY_FOR_HIRE")


@define
class Step:
    """A step of a process. ``following`` are the ids of the steps that may come next."""

    wid: str
    id: str
    name: str
    stage: str
    process: str
    following: list[str] = field(factory=list)
    active: bool = True


@frozen
class Disposition:
    """A way to end: the disposition that is read, and the step of the process that leads to it."""

    wid: str
    id: str
    name: str
    step_wid: str
    step: str
    process: str
    outcome: str


@define
class Versions:
    """Every state of every row of a table, with the moment from which it shows; None is gone."""

    states: dict[str, list[tuple[float, Row | None]]] = field(factory=dict)

    def put(self, id: str, row: Row | None, at: float) -> None:
        held = self.states.setdefault(id, [])
        # What shows late is never overtaken by what was before it.
        at = max(at, held[-1][0]) if held else at
        held.append((at, copy.deepcopy(row)))

    def shown(self, id: str, at: float) -> Row | None:
        found = None
        for moment, row in self.states.get(id, ()):
            if moment > at:
                break
            found = row
        return found

    def all(self, at: float) -> Iterator[Row]:
        for id in self.states:
            row = self.shown(id, at)
            if row is not None:
                yield row

    def changed(self, id: str, since: float, until: float) -> bool:
        return any(since <= moment <= until for moment, _ in self.states.get(id, ()))


@define(kw_only=True)
class Account:
    """The tenant.

    Args:
        visible_after: seconds until a move by web service shows in a read.
        self_steps: a step may be followed by itself.
        dates_with_offset: a date comes with the offset of its zone.
    """

    clock: Callable[[], float]
    chance: random.Random
    visible_after: float = 0.0
    self_steps: bool = False
    dates_with_offset: bool = False
    steps: dict[str, Step] = field(factory=dict)
    dispositions: dict[str, Disposition] = field(factory=dict)
    """By the step that leads to each."""
    stages: dict[str, tuple[str, str]] = field(factory=dict)
    """Workday-owned: id to WID and name."""
    statuses: dict[str, tuple[str, str, str]] = field(factory=dict)
    """Of requisitions: WID, label, and the id that the tenant has given to it."""
    requisitions: dict[str, Row] = field(factory=dict)
    candidates: dict[str, Row] = field(factory=dict)
    workers: dict[str, Row] = field(factory=dict)
    postings: dict[str, Row] = field(factory=dict)
    past_requisitions: Versions = field(factory=Versions)
    past_candidates: Versions = field(factory=Versions)
    gone: set[str] = field(factory=set)
    number: int = 0

    def wid(self) -> str:
        return f"{self.chance.getrandbits(128):032x}"

    def next(self) -> int:
        self.number += 1
        return self.number

    # -- rows --

    def keep(self, candidate: Row, *, at: float | None = None, late: bool = False) -> None:
        """The candidate's state from now on."""
        moment = self.clock() if at is None else at
        self.candidates[candidate["wid"]] = candidate
        self.past_candidates.put(candidate["wid"], candidate, moment + (self.visible_after if late else 0))

    def keep_requisition(self, requisition: Row, *, at: float | None = None) -> None:
        self.requisitions[requisition["wid"]] = requisition
        self.past_requisitions.put(requisition["wid"], requisition, self.clock() if at is None else at)

    def remove(self, candidate: Row) -> None:
        del self.candidates[candidate["wid"]]
        self.past_candidates.put(candidate["wid"], None, self.clock())
        self.gone |= {key_of(candidate, application) for application in candidate["applications"]}

    def find(self, key: str) -> tuple[Row, Row]:
        """A candidate and one of their applications, by ``candidate:application``."""
        person, _, own = key.partition(":")
        candidate = self.candidates.get(person)
        found = [a for a in candidate["applications"] if a["wid"] == own] if candidate else []
        if candidate is None or not found:
            raise ValueError("there is no such application")
        return candidate, found[0]

    def application(self, kind: str, id: str) -> tuple[Row, Row] | None:
        """The same by a reference's type and value."""
        field_name = {"WID": "wid", "Job_Application_ID": "id"}.get(kind)
        for candidate in self.candidates.values():
            for application in candidate["applications"]:
                if field_name and application[field_name] == id:
                    return candidate, application
        return None

    # -- what holds --

    def in_progress(self, application: Row) -> bool:
        requisition = self.requisitions[application["requisition"]]
        return (
            application["disposition"] is None
            and not application["hired"]
            and requisition["status"] in OPEN_STATES
        )

    def ended(self, candidate: Row, application: Row) -> str | None:
        """How it ended; None while it is under way."""
        if application["hired"]:
            return "hired"
        if application["disposition"] is not None:
            return self.dispositions[application["disposition"]].outcome
        return "withdrawn" if candidate["withdrawn"] else None

    def truth(self, candidate: Row, application: Row) -> Truth:
        disposition = self.dispositions.get(application["disposition"] or "")
        return Truth(
            stage=application["step"],
            status=self.ended(candidate, application) or "active",
            reason=f"{disposition.id}:{disposition.step}" if disposition else None,
            candidate=candidate["wid"],
            job=application["requisition"],
        )

    def truths(self) -> dict[str, Truth]:
        return {
            key_of(candidate, application): self.truth(candidate, application)
            for candidate in self.candidates.values()
            for application in candidate["applications"]
        }

    def following(self, application: Row) -> list[Step]:
        """The steps that its process allows next."""
        here = self.steps[application["step"]]
        evergreen = self.requisitions[application["requisition"]]["evergreen"]
        allowed = [self.steps[id] for id in here.following if self.steps[id].active]
        if self.self_steps:
            allowed.append(here)
        return [step for step in allowed if not (evergreen and step.stage in NOT_ON_EVERGREEN)]

    def ways_out(self, application: Row) -> list[Disposition]:
        process = self.steps[application["step"]].process
        return [d for d in self.dispositions.values() if d.process == process]

    # -- what happens --

    def advance(self, candidate: Row, application: Row, step: str, *, late: bool = False) -> None:
        """On to a step, or out by a disposition step.

        Raises:
            Fault: the process does not allow it.
        """
        if not self.in_progress(application):
            raise validation(NOT_IN_PROGRESS)
        if step in {s.id for s in self.following(application)}:
            application["step"] = step
        elif step in {d.step for d in self.ways_out(application)}:
            application["disposition"] = step  # the step and its stage stay the last active ones
        else:
            raise validation(
                NOT_ALLOWED, "/ns0:Move_Candidate_Request[1]/ns0:Dynamic_Business_Process_Parameters[1]"
            )
        application["timestamp"] = self.clock()
        self.keep(candidate, late=late)

    def hire(self, candidate: Row, application: Row) -> None:
        """What the staffing process does: the application stays where it is and nothing on it says so."""
        requisition = self.requisitions[application["requisition"]]
        if not self.in_progress(application) or requisition["evergreen"]:
            raise ValueError("nobody can be hired from there")
        application["hired"] = True
        application["timestamp"] = self.clock()
        candidate["prehire"] = candidate["prehire"] or (self.wid(), f"APP-{self.next()}")
        candidate["worker"] = candidate["worker"] or (self.wid(), f"{21000 + self.next()}")
        self.keep(candidate)
        requisition["available"] = max(0, requisition["available"] - 1)
        if not requisition["available"]:
            requisition["status"] = "FILLED"
        self.keep_requisition(requisition)

    def reactivate(self, candidate: Row, application: Row) -> None:
        """In the pages of Workday alone: no web service does it."""
        requisition = self.requisitions[application["requisition"]]
        if application["hired"] or requisition["status"] not in OPEN_STATES:
            raise ValueError("it cannot be taken back")
        if self.ended(candidate, application) is None:
            raise ValueError("the application is under way")
        application["disposition"], candidate["withdrawn"] = None, False
        application["timestamp"] = self.clock()
        self.keep(candidate)

    def purge(self, candidate: Row) -> None:
        candidate.update(first="", last="", email=None, phone=None, city=None, links=[], purged=True)
        candidate.update(resume=None)
        self.keep(candidate)

    def date(self, seconds: float) -> str:
        return f"{day(seconds)}-07:00" if self.dates_with_offset else day(seconds)

    # -- references --

    def stage_ids(self, id: str) -> Ids:
        return (("WID", self.stages[id][0]), ("Recruiting_Stage_ID", id))

    def requisition_ids(self, row: Row) -> Ids:
        kind = "Evergreen_Requisition_ID" if row["evergreen"] else "Job_Requisition_ID"
        return (("WID", row["wid"]), (kind, row["id"]))


def key_of(candidate: Row, application: Row) -> str:
    """How an application is named from outside: a candidate's read needs both."""
    return f"{candidate['wid']}:{application['wid']}"
