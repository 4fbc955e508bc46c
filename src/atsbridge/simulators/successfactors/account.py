"""The rows of a tenant, and what happens to them whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field

from ..interface import Truth
from .answers import Row

OPEN, DISQUALIFIED, CLOSED, WITHDRAWN, SAVED, NON_APPLIED, DRAFT = range(7)
NOT_SUBMITTED = (SAVED, DRAFT)

SYSTEM: dict[str, int] = {
    "Forwarded": NON_APPLIED,
    "Invited To Apply": NON_APPLIED,
    "Default": OPEN,
    "Auto Disqualified": DISQUALIFIED,
    "Withdrawn By Candidate": WITHDRAWN,
    "Requisition Closed": CLOSED,
    "Hired On Other Requisition": CLOSED,
    "Declined DPCS": WITHDRAWN,
    "Deleted On Demand By Candidate": WITHDRAWN,
    "Deleted On Demand By Admin": CLOSED,
}
"""The statuses that every set has, and what an application's status becomes in them."""

DERIVED = {"active": OPEN, "disqualified": DISQUALIFIED, "withdrawn": DISQUALIFIED}
"""The same for the customer's own, by what the customer meant them for."""


class Impossible(Exception):
    """A write of one record fails; the words are the answer's."""

    def __init__(self, message: str, *, http: int = 500) -> None:
        super().__init__(message)
        self.message, self.http = message, http


@define(kw_only=True)
class Account:
    """One tenant. Rows hold plain values: whole numbers, unix seconds, codes instead of their texts.

    Args:
        moves_bump: a change of status moves the application's lastModifiedDateTime.
        repeats_add_history: the status it is in, written once more, adds a row to the trail.
        hired_code: the derived status of who is hired.
        item_offset: what is written is the status id plus this.
        closed_writes: an application of a closed requisition can be written to.
        tell: called with an application and, for a candidate's edit, None as its status.
    """

    clock: Callable[[], float]
    moves_bump: bool = True
    repeats_add_history: bool = False
    hired_code: int = OPEN
    item_offset: int = 0
    closed_writes: bool = False
    tables: dict[str, dict[Any, Row]] = field(factory=dict)
    """By entity, then key; rows of one entity in the order of their keys."""
    gone: set[int] = field(factory=set)
    numbers: dict[str, int] = field(factory=dict)
    tell: Callable[[Row], None] = lambda _application: None

    def __getitem__(self, entity: str) -> dict[Any, Row]:
        return self.tables.setdefault(entity, {})

    def now(self) -> float:
        return self.clock()

    def number(self, kind: str, first: int) -> int:
        """The next number of a kind: they leave gaps, as real ones do."""
        self.numbers[kind] = self.numbers.get(kind, first - 1) + 1
        return self.numbers[kind]

    # -- statuses --

    def statuses(self, set_id: int) -> list[Row]:
        return [row for row in self["JobApplicationStatus"].values() if row["appStatusSetId"] == set_id]

    def status(self, item: int | None) -> Row | None:
        """The status of an item id, of whatever set."""
        if item is None:
            return None
        wanted = item - self.item_offset
        rows = self["JobApplicationStatus"].values()
        return next((row for row in rows if row["appStatusId"] == wanted), None)

    def item(self, status: Row) -> int:
        return int(status["appStatusId"]) + self.item_offset

    def set_of(self, application: Row) -> int:
        return int(self["JobRequisition"][application["jobReqId"]]["statusSetId"])

    def named(self, set_id: int, name: str) -> Row:
        return next(row for row in self.statuses(set_id) if row["appStatusName"] == name)

    def meant_for(self, status: Row | None) -> str:
        """``active``, ``disqualified``, ``withdrawn``, ``hired``, or ``system``."""
        return str(status["meant"]) if status is not None else "active"

    # -- applications --

    def submitted(self) -> Iterable[Row]:
        return (row for row in self["JobApplication"].values() if row["status"] not in NOT_SUBMITTED)

    def truth(self, application: Row) -> Truth:
        status = self.status(application["appStatusSetItemId"])
        if application["hiredOn"] is not None or self.meant_for(status) == "hired":
            stands = "hired"
        elif self.meant_for(status) == "withdrawn":
            stands = "withdrawn"
        else:
            by_code = {DISQUALIFIED: "rejected", CLOSED: "rejected", WITHDRAWN: "withdrawn"}
            stands = by_code.get(application["status"], "active")
        item = application["appStatusSetItemId"]
        return Truth(
            stage=None if item is None else str(item),
            status=stands,
            candidate=str(application["candidateId"]),
            job=str(application["jobReqId"]),
            history=tuple(
                str(row["item"])
                for row in self.trail(application["applicationId"])
                if row["skippedStatus"] == 0
            ),
        )

    def trail(self, application: int) -> list[Row]:
        rows = self["JobApplicationStatusAuditTrail"].values()
        return [row for row in rows if row["applicationId"] == application]

    def apply(self, *, requisition: Row, candidate: Row, status: Row, at: float | None = None) -> Row:
        moment = self.now() if at is None else at
        number = self.number("JobApplication", 741)
        row: Row = {
            "applicationId": number, "candidateId": candidate["candidateId"],
            "jobReqId": requisition["jobReqId"], "applicationTemplateId": requisition["appTemplateId"],
            "appStatusSetItemId": None, "status": OPEN, "nonApplicantStatus": None, "statusComments": None,
            "applicationDate": moment, "lastModifiedDateTime": moment, "hiredOn": None, "exportedOn": None,
            "snapShotDate": moment, "anonymizedDate": None, "anonymizedFlag": "N",
            **{key: candidate[key] for key in (
                "firstName", "middleName", "lastName", "contactEmail", "cellPhone", "homePhone", "address",
                "city", "zip", "country", "usersSysId",
            )},
            "countryCode": None, "source": "Corporate: External", "sourceLabel": None, "referredBy": None,
            "owner": None, "rating": None, "averageRating": None, "jobAppGuid": f"guid-{number}",
            "lastModifiedBy": "rcmuser", "lastModifiedByProxy": None,
        }  # fmt: skip
        self["JobApplication"][number] = row
        self._enter(row, status, moment, "rcmuser", None)
        return row

    def draft(self, *, requisition: Row, candidate: Row, code: int) -> Row:
        """Begun or saved, and never submitted: it stands nowhere."""
        row = self.apply(requisition=requisition, candidate=candidate, status=self.named(
            requisition["statusSetId"], "Default"))  # fmt: skip
        for number, entry in list(self["JobApplicationStatusAuditTrail"].items()):
            if entry["applicationId"] == row["applicationId"]:
                del self["JobApplicationStatusAuditTrail"][number]
        row |= {"status": code, "appStatusSetItemId": None, "applicationDate": None}
        return row

    def change(self, application: Row, status: Row, *, by: str, comment: str | None = None) -> None:
        """Every way to move, end and take back is this one."""
        if application["appStatusSetItemId"] == self.item(status) and not self.repeats_add_history:
            return
        self._enter(application, status, self.now(), by, comment)
        self.tell(application)

    def written(self, application: Row, item: int) -> Row:
        """The status that a change by the API leads to: what a person could not click is not looked at."""
        status = self.status(item)
        if status is None:
            raise Impossible("Invalid application status id.", http=400)
        if status["meant"] == "system":
            raise Impossible("You are not allowed to change the candidate application status.")
        requisition = self["JobRequisition"][application["jobReqId"]]
        if requisition["internalStatus"] == 2 and not self.closed_writes:
            raise Impossible("The requisition is closed.")
        # An id of another set is taken, and the application is in no pipeline any more: KBA 2883239.
        return status

    def write(self, application: Row, item: int, *, by: str, comment: str | None = None) -> None:
        self.change(application, self.written(application, item), by=by, comment=comment)

    def _enter(self, application: Row, status: Row, at: float, by: str, comment: str | None) -> None:
        first = application["appStatusSetItemId"] is None
        meant, hired = status["meant"], status["meant"] == "hired"
        code = SYSTEM[status["system"]] if meant == "system" else DERIVED.get(meant, self.hired_code)
        application |= {
            "appStatusSetItemId": self.item(status), "status": code, "statusComments": comment,
            "hiredOn": at if hired else None,
        }  # fmt: skip
        if self.moves_bump or first:
            application |= {"lastModifiedDateTime": at, "lastModifiedBy": by}
        number = self.number("JobApplicationStatusAuditTrail", 9001)
        self["JobApplicationStatusAuditTrail"][number] = {
            "applicationId": application["applicationId"], "revNumber": number, "revType": 0 if first else 1,
            "createdBy": by, "createdDateTime": at, "lastModifiedBy": by, "lastModifiedDateTime": at,
            "skippedStatus": 0, "statusComments": comment, "item": self.item(status),
        }  # fmt: skip

    def touch(self, row: Row) -> None:
        row["lastModifiedDateTime"] = self.now()

    # -- people and requisitions --

    def delete(self, application: int) -> None:
        """Gone for good: nothing lists it, and its key is unknown."""
        del self["JobApplication"][application]
        for number in [r["revNumber"] for r in self.trail(application)]:
            del self["JobApplicationStatusAuditTrail"][number]
        self.gone.add(application)

    def anonymise(self, candidate: Row) -> None:
        blank = (
            "firstName", "middleName", "lastName", "contactEmail", "cellPhone", "homePhone", "address",
            "city", "zip", "country",
        )  # fmt: skip
        at = self.now()
        for row in self["JobApplication"].values():
            if row["candidateId"] == candidate["candidateId"]:
                row |= {**dict.fromkeys(blank), "anonymizedFlag": "Y", "anonymizedDate": at}
                self.touch(row)
        candidate |= {
            **dict.fromkeys((*blank, "currentCompany", "currentTitle", "primaryEmail")),
            "anonymized": "Y", "anonymizedDateTime": at,
        }  # fmt: skip
        self.touch(candidate)

    def close(self, requisition: Row) -> None:
        requisition |= {"internalStatus": 2, "closedDateTime": self.now()}
        self.touch(requisition)
