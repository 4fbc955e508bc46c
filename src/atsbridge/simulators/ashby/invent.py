"""An invented account: plans that jobs share, drafts, leads, archived reasons, somebody who has left."""

from __future__ import annotations

from typing import Any

from attrs import define

from .. import people
from ..people import Inventor, Person
from .account import Account
from .answers import Row, iso

DAY = 86_400
PLANS: tuple[tuple[str, bool, tuple[tuple[str, str], ...]], ...] = (
    (
        "Engineering", False,
        (
            ("New Lead", "Lead"), ("Application Review", "PreInterviewScreen"),
            ("Recruiter Screen", "Active"), ("Technical Screen", "Active"), ("Onsite", "Active"),
            ("Offer", "Offer"), ("Hired", "Hired"), ("Archived", "Archived"),
        ),
    ),
    (
        "Sales", False,
        (
            ("New Lead", "Lead"), ("Reached Out", "Lead"), ("Application Review", "PreInterviewScreen"),
            ("Recruiter Screen", "Active"), ("Role Play", "Active"), ("Offer", "Offer"), ("Hired", "Hired"),
            # Found by its type: its title is the customer's.
            ("Not now", "Archived"),
        ),
    ),
    (
        "Before 2025", True,
        (
            ("Application Review", "PreInterviewScreen"), ("Interview", "Active"), ("Hired", "Hired"),
            ("Archived", "Archived"),
        ),
    ),
)  # fmt: skip
REASONS = (
    ("Lacks Skills/Qualifications", "RejectedByOrg", False),
    ("Position Closed", "RejectedByOrg", False),
    ("Timing", "Other", False),
    ("Withdrew", "RejectedByCandidate", False),
    ("Accepted Another Offer", "RejectedByCandidate", False),
    ("Not Enough Experience (old)", "RejectedByOrg", True),
)
GROUPS = (("Screening", "PreInterviewScreen"), ("Interviews", "Active"))
CLOSE_REASONS = (("Hired", False), ("Headcount cancelled", False), ("Reorganisation (old)", True))
TEMPLATES = (("Thank you, but no", "Archive"), ("Invitation to interview", "Scheduling"))
"""Of the second kind is none that a rejection may send."""
EMPLOYMENTS = ("FullTime", "FullTime", "PartTime", "Contract", "Intern", "Temporary")
SOURCES = ("LinkedIn", "Referral", "Company Careers Page", "Agency")
JOB_STATES = ("Open", "Open", "Open", "Closed", "Draft", "Archived")


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Town(account, Inventor(seed), account.clock()).fill(applications)


def candidate(person: Person, at: float) -> Row:
    """A candidate's fields."""
    mail = [_contact(person.email)] if person.email else []
    phone = [_contact(person.phone)] if person.phone else []
    place: Row = {"id": None, "locationSummary": person.location, "locationComponents": []}
    return {
        "name": person.name, "createdAt": iso(at), "updatedAt": iso(at),
        "primaryEmailAddress": mail[0] if mail else None, "emailAddresses": mail,
        "primaryPhoneNumber": phone[0] if phone else None, "phoneNumbers": phone,
        "socialLinks": [], "tags": [], "position": person.headline or None, "company": person.company,
        "school": None, "applicationIds": [], "resumeFileHandle": None, "fileHandles": [], "customFields": [],
        "profileUrl": f"https://app.ashbyhq.com/candidates/{len(person.name)}", "source": None,
        "creditedToUser": None, "timezone": None, "location": place if person.location else None,
        "fraudStatus": None,
    }  # fmt: skip


def _contact(value: str) -> Row:
    return {"value": value, "type": "Personal", "isPrimary": True}


@define
class _Town:
    account: Account
    inventor: Inventor
    today: float

    def fill(self, applications: int) -> None:
        for number in range(6):
            self._user(number)
        self._catalogues()
        plans = [self._plan(*plan) for plan in PLANS]
        jobs = [self._job(number, plans) for number in range(max(6, applications // 15))]
        for _ in range(applications):
            self._application(jobs)

    def _catalogues(self) -> None:
        add = self.account.add
        for text, kind, archived in REASONS:
            add("archiveReason", text=text, reasonType=kind, isArchived=archived)
        for text, archived in CLOSE_REASONS:
            add("closeReason", text=text, isArchived=archived)
        for title, kind in TEMPLATES:
            add("communicationTemplate", title=title, isArchived=False, _type=kind)
        for order, (title, kind) in enumerate(GROUPS):
            add("interviewStageGroup", title=title, order=order, stageType=kind)
        for name in people.DEPARTMENTS[:3]:
            add("department", name=name, isArchived=False)
        for name in people.CITIES[:3]:
            add("location", name=name, isArchived=False)
        inbound = {"id": self.account.uuid(), "title": "Inbound", "isArchived": False}
        for title in SOURCES:
            add("source", title=title, isArchived=False, sourceType=inbound)
        add("customField", title="Cost centre", objectType="Job", fieldType="String", isArchived=False)

    def _user(self, number: int) -> None:
        person = self.inventor.person()
        self.account.add(
            "user", firstName=person.given, lastName=person.family,
            email=f"user{number}{people.marks.person}@example.com",
            globalRole="Organization Admin" if number == 0 else "Limited Access", isEnabled=number != 5,
            updatedAt=iso(self.today - 400 * DAY), managerId=None, customFields=[],
        )  # fmt: skip

    def _plan(self, title: str, archived: bool, stages: tuple[tuple[str, str], ...]) -> Row:
        at = iso(self.today - 600 * DAY)
        plan = self.account.add("interviewPlan", title=title, isArchived=archived, createdAt=at, updatedAt=at)
        # Those of the first plan alone are grouped.
        first = len(list(self.account["interviewPlan"])) == 1
        groups = {g["stageType"]: g["id"] for g in self.account["interviewStageGroup"]} if first else {}
        for place, (name, kind) in enumerate(stages):
            self.account.add(
                "interviewStage", title=name, type=kind, orderInInterviewPlan=2 * place,
                interviewStageGroupId=groups.get(kind), interviewPlanId=plan["id"],
            )  # fmt: skip
        return plan

    def _job(self, number: int, plans: list[Row]) -> Row:
        users, at = list(self.account["user"]), iso(self.today - (300 + number) * DAY)
        state, own = JOB_STATES[number % len(JOB_STATES)], plans[2 if number == 3 else number % 2]
        # The third job's applications follow two plans.
        both = [plans[0]["id"], plans[1]["id"]] if number == 2 else [own["id"]]
        manager = users[number % 5]
        department, location = (list(self.account[table])[number % 3] for table in ("department", "location"))
        job = self.account.add(
            "job", title=f"{self.inventor.job_title()} {number + 1}", confidential=False, status=state,
            employmentType=EMPLOYMENTS[number % len(EMPLOYMENTS)],
            locationId=location["id"], departmentId=department["id"],
            defaultInterviewPlanId=both[0], interviewPlanIds=both, jobPostingIds=[], customFields=[],
            hiringTeam=[
                {"userId": manager["id"], "role": "Hiring Manager"}
                | {key: manager[key] for key in ("email", "firstName", "lastName")}
            ],
            customRequisitionId=f"ENG-{200 + number}" if number % 2 else None, brandId=None, author=manager,
            createdAt=at, updatedAt=at, openedAt=None if state == "Draft" else at,
            closedAt=at if state in ("Closed", "Archived") else None,
        )  # fmt: skip
        if state == "Open":
            self._postings(job, department["name"], location)
            self.account.add("opening", identifier=f"OP-{number}", jobIds=[job["id"]], filledBy=None)
        return job

    def _postings(self, job: Row, department: str, location: Row) -> None:
        """One on the public board, one on the internal board, one that is not published yet."""
        for board, published in (("external", True), ("internal", True), ("external", False)):
            posting = self.account.add(
                "jobPosting", title=job["title"], jobId=job["id"], departmentName=department, teamName=None,
                locationName=location["name"],
                locationIds={"primaryLocationId": location["id"], "secondaryLocationIds": []},
                workplaceType="Hybrid", employmentType=job["employmentType"],
                isListed=published and board == "external",
                publishedDate=job["createdAt"][:10] if published else None, applicationDeadline=None,
                externalLink=None if board == "internal" else f"https://jobs.example.com/{job['id']}",
                applyLink=f"https://jobs.example.com/{job['id']}/application", compensationTierSummary=None,
                shouldDisplayCompensationOnJobBoard=False, updatedAt=job["updatedAt"],
                _board=board, _published=published,
            )  # fmt: skip
            job["jobPostingIds"] += [posting["id"]] if published else []

    def _application(self, jobs: list[Row]) -> None:
        chance, account = self.inventor.random, self.account
        job = chance.choice([j for j in jobs if j["status"] != "Draft"])
        at = self.today - chance.uniform(1, 200) * DAY
        person = account.add("candidate", **candidate(self.inventor.person(), at))
        stages = account.stages_of(chance.choice(job["interviewPlanIds"]))
        leads = [s for s in stages if s["type"] == "Lead"]
        begin = (
            chance.choice(leads) if leads and chance.random() < 0.15 else _of(stages, "PreInterviewScreen")
        )
        row = account.apply(job=job, candidate=person, stage=begin, at=at)
        row["source"] = chance.choice(list(account["source"]))
        if begin["type"] == "Lead":
            return
        ways = [s for s in stages if s["type"] in ("Active", "Offer")]
        for stage in ways[: chance.randrange(len(ways) + 1)]:
            account.change_stage(row, stage, None, actor=None)
        self._end(row, stages)
        if account.stage(row)["type"] in ("Offer", "Hired"):
            self._offer(row, taken=account.stage(row)["type"] == "Hired")

    def _offer(self, row: Row, *, taken: bool) -> None:
        now = iso(self.today)
        self.account.approved.add(row["id"])
        self.account.add(
            "offer", applicationId=row["id"], decidedAt=now if taken else None,
            acceptanceStatus="Accepted" if taken else "WaitingOnResponse",
            offerStatus="CandidateAccepted" if taken else "WaitingOnCandidateResponse",
            latestVersion={"id": self.account.uuid(), "startDate": None, "createdAt": now},
            _approval="Approved",
        )  # fmt: skip

    def _end(self, row: Row, stages: list[Row]) -> None:
        chance, account = self.inventor.random, self.account
        fate = chance.random()
        if fate < 0.3:
            reason: Any = chance.choice(list(account["archiveReason"]))
            account.change_stage(row, _of(stages, "Archived"), reason, actor=None)
        elif fate < 0.36:
            account.change_stage(row, _of(stages, "Hired"), None, actor=None)


def _of(stages: list[Row], type: str) -> Row:
    return next(stage for stage in stages if stage["type"] == type)
