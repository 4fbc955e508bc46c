"""The rows of one customer, and what happens to them whoever does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from ..interface import Truth
from .answers import Row, not_found

FIRST = "D10100"
"""The first status everywhere; its label is the customer's."""
OPEN = "D31001"
TITLES = {"jobs": "Job", "people": "Person", "applicantworkflows": "Applicant Workflow"}


@frozen(kw_only=True)
class Status:
    """A status of the customer's one list.

    Args:
        meaning: active, rejected, withdrawn or hired.
        kind: what it is for, as the customer would tell a connection.
        trigger: entering it starts a vendor's background check or the like.
    """

    id: str
    name: str
    bin: str
    kind: str
    meaning: str = "active"
    trigger: bool = False


@define(kw_only=True)
class Account:
    """Jobs, people and applicant workflows; each row has ``id``, ``created``, ``updated`` and its values.

    Args:
        tell: called with a workflow, its old and its new status when either changes it.
    """

    clock: Callable[[], float]
    customer: int
    host: str = "https://api.icims.com"
    statuses: dict[str, Status] = field(factory=dict)
    folders: dict[str, str] = field(factory=dict)
    """Of jobs; those of people are apart."""
    person_folders: dict[str, str] = field(factory=dict)
    tables: dict[str, dict[int, Row]] = field(factory=lambda: {name: {} for name in TITLES})
    gone: set[int] = field(factory=set)
    hidden: set[int] = field(factory=set)
    """Workflows that the integration user may not see."""
    last: int = 1000
    tell: Callable[[Row, str | None, str | None], None] = lambda _row, _old, _new: None

    def __getitem__(self, table: str) -> dict[int, Row]:
        return self.tables[table]

    def add(self, table: str, /, *, at: float | None = None, **values: Any) -> Row:
        self.last += 1
        moment = self.clock() if at is None else at
        row = {"id": self.last, "created": moment, "updated": moment, **values}
        self.tables[table][row["id"]] = row
        return row

    def touch(self, row: Row) -> None:
        row["updated"] = self.clock()

    def find(self, table: str, id: str) -> Row:
        row = self.tables[table].get(int(id) if id.isascii() and id.isdigit() else -1)
        if row is None:
            raise not_found(TITLES[table])
        return row

    def url(self, table: str, id: int) -> str:
        return f"{self.host}/customers/{self.customer}/{table}/{id}"

    # -- applicant workflows --

    def apply(self, *, job: int, person: int, at: float | None = None, **values: Any) -> Row:
        """One person has one workflow for one job."""
        if any(w["job"] == job and w["person"] == person for w in self["applicantworkflows"].values()):
            raise ValueError("the person has a workflow for this job")
        values = {"status": FIRST, "source": None, "sourcename": None, **values}
        return self.add("applicantworkflows", at=at, job=job, person=person, **values)

    def change(self, row: Row, status: str | None) -> None:
        old, row["status"] = row["status"], status
        self.touch(row)
        self.tell(row, old, status)

    def delete(self, workflow: int) -> None:
        del self["applicantworkflows"][workflow]
        self.gone.add(workflow)

    def merge(self, loser: int, survivor: int) -> None:
        """The loser's id disappears; its workflows are the survivor's from now on."""
        mine = [w for w in self["applicantworkflows"].values() if w["person"] == loser]
        jobs = {w["job"] for w in self["applicantworkflows"].values() if w["person"] == survivor}
        if jobs & {w["job"] for w in mine}:
            raise ValueError("both have a workflow for the same job")
        for row in mine:
            row["person"] = survivor
            self.touch(row)
        del self["people"][loser]
        self.touch(self["people"][survivor])

    def truth(self, row: Row) -> Truth:
        known = self.statuses.get(row["status"] or "")
        return Truth(
            stage=row["status"],
            status=known.meaning if known else "unknown",
            candidate=str(row["person"]),
            job=str(row["job"]),
        )

    # -- as the API shows them --

    def status(self, id: str) -> Row:
        name = self.statuses[id].name if id in self.statuses else id
        return {"id": id, "value": name, "formattedvalue": name}

    def folder(self, id: str) -> Row:
        name = {**self.folders, **self.person_folders}.get(id, id)
        return {"id": id, "value": name, "formattedvalue": name}

    def reference(self, table: str, id: int) -> Row | None:
        row = self.tables[table].get(id)
        if row is None:
            return None
        name = row["jobtitle"] if table == "jobs" else f"{row['firstname']} {row['lastname']}".strip()
        return {"id": id, "value": name, "profile": self.url(table, id)}
