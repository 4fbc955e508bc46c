"""An invented customer: renamed and own statuses, jobs in several folders, people who are no applicants."""

from __future__ import annotations

from typing import Any

from attrs import define

from .. import people
from ..people import Inventor, Person
from .account import FIRST, OPEN, Account, Status
from .answers import Row, day

DAY = 86_400
STATUSES = (
    # The id is every customer's, the label this one's own.
    (FIRST, "New Submissions - External Portal", "New Submissions", "applied", "active", False),
    ("C12295", "Resume Review", "Screening", "review", "active", False),
    ("C12296", "Phone Screen", "Screening", "screen", "active", False),
    ("C38356", "Hiring Manager Interview", "Interview", "interview", "active", False),
    ("C38357", "Final Interview", "Interview", "interview", "active", False),
    ("C38358", "Background Check Ordered", "Offer", "background", "active", True),
    ("C38359", "Offer Extended", "Offer", "offer", "active", False),
    ("C40001", "Rejected - Not Qualified", "Not Selected", "rejected", "rejected", False),
    ("C40002", "Rejected - Position Filled", "Not Selected", "rejected", "rejected", False),
    ("C40003", "Candidate Withdrew", "Withdrawn", "withdrawn", "withdrawn", False),
    ("C50001", "Hired", "Hired", "hired", "hired", False),
)
FOLDERS = {OPEN: "Approved", "C31900": "On Hold", "D31002": "Closed"}
EMPLOYEE = "D32013"
PERSON_FOLDERS = {EMPLOYEE: "Current Employee", "C32100": "Active Candidate"}
SOURCES = ("Other (Please Specify)", "Company Website", "Employee Referral", "Job Board")
LEFT = frozenset({"C38357"})
"""Statuses in which a generated account has nobody, so that they can be taken away."""


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Town(account, Inventor(seed), account.clock()).fill(applications)


def person(somebody: Person) -> Row:
    """The fields of a person."""
    home = {"id": "D84002", "value": "Home", "formattedvalue": "Home"}
    city, _, country = somebody.location.partition(", ")
    address: Row = {
        "entry": 1001, "addressstreet1": "1 Example St", "addresscity": city, "addresszip": "10001",
        "addresscountry": {"id": "D41002", "abbrev": "XX", "value": country}, "addresstype": home,
    }  # fmt: skip
    phone = {"entry": 1001, "phonenumber": somebody.phone, "phonetype": home}
    return {
        "firstname": somebody.given, "middlename": None, "lastname": somebody.family, "email": somebody.email,
        "addresses": [address] if city else [], "phones": [phone] if somebody.phone else [], "folder": None,
        "resume": f"%PDF-1.4 {somebody.headline}" if somebody.headline else None,
    }  # fmt: skip


def _assessed(at: float) -> Row:
    """One row of the group of assessments."""
    passed = {"id": "D37002004", "value": "Passed", "formattedvalue": "Passed"}
    return {"entry": 1001, "assessmentname": "Reasoning", "assessmentdate": day(at),
            "assessmentscore": "71", "assessmentresult": passed, "assessmentstatus": passed,
            "assessmentnotes": None}  # fmt: skip


@define
class _Town:
    account: Account
    inventor: Inventor
    today: float

    def fill(self, applications: int) -> None:
        for id, name, bin, kind, meaning, trigger in STATUSES:
            self.account.statuses[id] = Status(
                id=id, name=name, bin=bin, kind=kind, meaning=meaning, trigger=trigger
            )
        self.account.folders |= FOLDERS
        self.account.person_folders |= PERSON_FOLDERS
        staff = [self._staff(number) for number in range(4)]
        jobs = [self._job(number, staff) for number in range(max(5, applications // 15))]
        for _ in range(applications):
            self._application(jobs)

    def _staff(self, number: int) -> Row:
        somebody = self.inventor.person()
        email = f"user{number}{people.marks.person}@example.com"
        row = {**person(somebody), "email": email, "folder": EMPLOYEE}
        return self.account.add("people", at=self.today - 700 * DAY, **row)

    def _job(self, number: int, staff: list[Row]) -> Row:
        folder = (OPEN, OPEN, OPEN, "C31900", "D31002")[number % 5]
        city = self.inventor.city()
        return self.account.add(
            "jobs", at=self.today - (400 - number) * DAY, jobid=f"2026-{4000 + number}",
            jobtitle=f"{self.inventor.job_title()} {number + 1}", folder=folder,
            joblocation={"id": 12, "companyid": 88, "address": f"{self.account.url('companies', 88)}/fields"
                         "/addresses/12", "value": city},
            positioncategory=None, numberofpositions=1 + number % 3, recruiter=staff[0]["id"],
            positiontype={"id": "D40001", "value": "Full-Time", "formattedvalue": "Full-Time"},
            hiringmanager=staff[1 + number % 3]["id"], overview=f"<p>A post in {city}.</p>",
        )  # fmt: skip

    def _application(self, jobs: list[Row]) -> None:
        chance, account = self.inventor.random, self.account
        at = self.today - chance.uniform(1, 200) * DAY
        job, somebody = chance.choice(jobs), self._person(at)
        usable = [s for s in account.statuses.values() if s.id not in LEFT]
        fate = chance.random()
        meant = "rejected" if fate < 0.25 else "withdrawn" if fate < 0.3 else "active"
        meant = "hired" if fate > 0.95 else meant
        status = chance.choice([s.id for s in usable if s.meaning == meant])
        taken = {w["job"] for w in account["applicantworkflows"].values() if w["person"] == somebody["id"]}
        if job["id"] in taken:
            somebody = self._new(at)
        _ = account.apply(
            job=job["id"], person=somebody["id"], at=at, status=status, source=chance.choice(SOURCES),
            sourcename="Referral campaign" if chance.random() < 0.2 else None,
            acceptdeclinedate=day(at) if meant == "hired" else None, field12345=None,
            assessmentresults=[_assessed(at)] if meant == "hired" else [],
        )  # fmt: skip

    def _person(self, at: float) -> Any:
        """Now and then somebody who has applied before."""
        known = [w["person"] for w in self.account["applicantworkflows"].values()]
        if known and self.inventor.random.random() < 0.1:
            return self.account["people"][self.inventor.random.choice(known)]
        return self._new(at)

    def _new(self, at: float) -> Row:
        return self.account.add("people", at=at, **person(self.inventor.person()))
