"""The rows of a pod, and what happens to them whoever does it. Times are unix milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from ..interface import Truth
from .answers import Row, bad

REJECTED, WITHDRAWN = "Rejected by Employer", "Withdrawn by Candidate"
_ENDS = {REJECTED: "rejected", WITHDRAWN: "withdrawn"}


@define
class PhaseState:
    """A state in a phase of a selection process; its id alone says nothing."""

    process: int
    phase: int
    phase_name: str
    phase_type: str
    state: int
    name: str
    meant: str = "active"
    active: bool = True

    @property
    def key(self) -> str:
        return f"{self.phase}:{self.state}"

    @property
    def closed(self) -> bool:
        """Offers and the hire process put applications there, and a move does not."""
        return self.phase_type in ("OFFER", "HR") and self.meant not in ("rejected", "withdrawn")


@frozen
class Reason:
    id: int
    name: str
    meant: str


@define(kw_only=True)
class Account:
    """One pod.

    Args:
        moves_bump: a change of phase or state moves LastModifiedDate.
        repeats: what a move to where it stands is: ``refused`` or ``noop``.
        closed_writes: applications of a closed requisition can be moved.
        returns: an application that has ended can be moved back.
    """

    clock: Callable[[], float]
    moves_bump: bool = True
    repeats: str = "refused"
    closed_writes: bool = True
    returns: bool = True
    states: dict[str, PhaseState] = field(factory=dict)
    reasons: dict[int, Reason] = field(factory=dict)
    requisitions: dict[int, Row] = field(factory=dict)
    candidates: dict[str, Row] = field(factory=dict)
    applications: dict[int, Row] = field(factory=dict)
    workers: dict[int, Row] = field(factory=dict)
    gone: set[int] = field(factory=set)
    moved_to: dict[int, list[str]] = field(factory=dict)
    blocked: set[int] = field(factory=set)
    """Applications that do not meet a condition of every phase but their own."""
    given: dict[int, int] = field(factory=dict)
    """The reason that the last move of an application gave: nothing shows it."""
    numbers: dict[str, int] = field(factory=dict)

    def now(self) -> int:
        return int(self.clock() * 1000)

    def number(self, kind: str, first: int) -> int:
        self.numbers[kind] = self.numbers.get(kind, first - 1) + 1
        return self.numbers[kind]

    # -- states --

    def of(self, application: Row) -> PhaseState:
        return self.states[f"{application['PhaseId']}:{application['StateId']}"]

    def process(self, application: Row) -> list[PhaseState]:
        return [s for s in self.states.values() if s.process == application["ProcessId"]]

    def in_phase(self, application: Row, meant: str) -> PhaseState | None:
        """The state of its own phase that ends so."""
        own = (s for s in self.process(application) if s.phase == application["PhaseId"])
        return next((s for s in own if s.meant == meant), None)

    def truth(self, application: Row) -> Truth:
        state, id = self.of(application), application["JobApplicationId"]
        return Truth(
            stage=state.key, status=state.meant, candidate=str(application["CandidatePersonId"]),
            job=str(application["RequisitionId"]), history=tuple(self.moved_to[id]),
        )  # fmt: skip

    # -- changes --

    def enter(self, application: Row, state: PhaseState, *, by: str, at: int | None = None) -> None:
        moment = self.now() if at is None else at
        before = application.get("PhaseId") and self.of(application)
        application |= {
            "ProcessId": state.process, "PhaseId": state.phase, "PhaseName": state.phase_name,
            "StateId": state.state, "StateName": state.name,
        }  # fmt: skip
        self.moved_to.setdefault(application["JobApplicationId"], []).append(state.key)
        requisition = self.requisitions[application["RequisitionId"]]
        hires = (state.meant == "hired") - bool(before and before.meant == "hired")
        requisition["HiredCount"] += hires
        if self.moves_bump or before is None or at is not None:
            self.touch(application, by=by, at=moment)

    def touch(self, row: Row, *, by: str = "recruiter.one", at: int | None = None) -> None:
        moment = self.now() if at is None else at
        names = ("LastModifiedDate", "CandLastModifiedDate", "RequisitionLastModifiedDate")
        row |= {name: moment for name in names if name in row}
        row |= {"LastUpdateDate": moment // 1000 * 1000, "LastUpdatedBy": by}

    def move(self, application: Row, phase: Any, state: Any, *, reason: int | None, by: str) -> bool:
        """A move as the API does it; whether anything changed."""
        here, there = self.of(application), self.states.get(f"{phase}:{state}")
        if there is None or there.process != here.process or not there.active:
            raise bad("The state is not valid for the phase.", path="/stateId")
        if not application["ConfirmedFlag"]:
            raise bad("The job application is not confirmed.")
        if there.key == here.key:
            if self.repeats == "refused":
                raise bad("The job application is already in this state.")
            return False
        if there.closed:
            raise bad("Invalid operation for the specified resource.", path="/phaseId")
        if here.meant != "active" and not self.returns:
            raise bad("The job application has ended.")
        phase_name = self.requisitions[application["RequisitionId"]]["PhaseName"]
        if phase_name != "Open" and not self.closed_writes:
            raise bad("The requisition is closed.")
        if application["JobApplicationId"] in self.blocked and there.phase != here.phase:
            raise bad("The move condition of the phase is not met.", path="/phaseId")
        if reason is not None and (reason not in self.reasons or self.reasons[reason].meant != there.meant):
            raise bad("The reason is not valid for the state.", path="/reasonId")
        self.enter(application, there, by=by)
        if reason is not None:
            self.given[application["JobApplicationId"]] = reason
        return True

    def apply(
        self, candidate: Row, requisition: Row, *, at: int | None = None, confirmed: bool = True
    ) -> Row:
        moment, id = self.now() if at is None else at, self.number("application", 300000222222222)
        row: Row = {
            "JobApplicationId": id, "CandidatePersonId": candidate["PersonId"],
            "CandidateName": candidate["DisplayName"], "RequisitionId": requisition["RequisitionId"],
            "RequisitionIdRest": requisition["RequisitionId"],
            "RequisitionNumber": requisition["RequisitionNumber"], "RequisitionUsageCode": "ORA_STANDARD",
            "PublicStateId": 3, "PublicStateName": "Under Consideration", "DisqualifiedFlag": False,
            "ConfirmedFlag": confirmed, "ConfirmedDate": moment if confirmed else None,
            "ConfirmedByPersonId": None, "InternalFlag": False, "AppliedToOtherJobs": None,
            "JobApplicationDate": moment, "CreationDate": moment, "LastUpdateDate": moment,
            "LastModifiedDate": moment, "CreatedBy": "career.site", "LastUpdatedBy": "career.site",
            "HiringManagerId": requisition["HiringManagerId"], "RecruiterId": requisition["RecruiterId"],
            "SiteNumber": "CX_1", "LanguageCode": "US", "ProfileId": None, "ApplyFlowVersionId": None,
            "EsignDescriptionVersionId": None, "LegalDescriptionVersionId": None,
        }  # fmt: skip
        process = requisition["CandidateSelectionProcessId"]
        self.applications[id] = row
        self.enter(
            row, next(s for s in self.states.values() if s.process == process), by="career.site", at=moment
        )
        return row

    def delete(self, application: Row) -> None:
        """Gone for good, and no list of what is gone."""
        del self.applications[application["JobApplicationId"]]
        self.gone.add(application["JobApplicationId"])

    def anonymise(self, candidate: Row) -> None:
        blank = ("FirstName", "MiddleNames", "LastName", "FullName", "DisplayName", "ListName", "Email")
        candidate |= {**dict.fromkeys(blank), "candidatePhones": []}
        self.touch(candidate)
        for row in self.applications.values():
            if row["CandidatePersonId"] == candidate["PersonId"]:
                row["CandidateName"] = None
                self.touch(row)


def meaning(name: str) -> str:
    return _ENDS.get(name, "active")
