"""An invented tenant: two status sets with names in common, drafts, forwarded people, an end."""

from __future__ import annotations

from attrs import define

from .. import people
from ..people import Inventor, Person
from .account import DRAFT, SAVED, SYSTEM, Account
from .answers import Row
from .schema import OPERATORS

DAY = 86_400
OPTIONS = ("Waiting for approval", "Recruiting", "Done")
SETS: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = (
    (
        21,
        (
            ("Phone Screen", "active"), ("Interview One", "active"), ("Interview Two", "active"),
            ("Offer", "active"), ("Hired", "hired"), ("Not Selected", "disqualified"),
            ("Not Qualified - rejected", "disqualified"), ("Withdrawn (recruiter)", "withdrawn"),
        ),
    ),
    (
        521,
        (
            ("Phone Screen", "active"), ("Assessment", "active"), ("Interview One", "active"),
            ("Offer", "active"), ("Hired", "hired"), ("Not Selected", "disqualified"),
            ("Withdrawn (recruiter)", "withdrawn"),
        ),
    ),
)  # fmt: skip


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Town(account, Inventor(seed), account.now()).fill(applications)


def candidate(account: Account, person: Person, at: float) -> Row:
    """A candidate's row, not yet in the tenant's table."""
    return {
        "candidateId": account.number("Candidate", 4148), "primaryEmail": person.email,
        "contactEmail": person.email, "firstName": person.given, "middleName": None,
        "lastName": person.family, "cellPhone": person.phone, "homePhone": None, "address": None,
        "city": person.location.partition(",")[0] or None, "zip": None,
        "country": person.location.partition(", ")[2] or None, "currentCompany": person.company,
        "currentTitle": person.headline or None, "externalCandidate": True, "usersSysId": None,
        "candidateLocale": "en_US", "creationDateTime": at, "lastModifiedDateTime": at, "anonymized": None,
        "anonymizedDateTime": None, "privacyAcceptDateTime": at, "consentToMarketing": False,
        "password": f"pw{people.marks.secret}",
    }  # fmt: skip


@define
class _Town:
    account: Account
    inventor: Inventor
    today: float

    def fill(self, applications: int) -> None:
        for number in range(5):
            self._user(number)
        for set_id, own in SETS:
            self._set(set_id, own)
        jobs = [self._requisition(number) for number in range(max(6, applications // 15))]
        for number in range(applications):
            self._application(number, jobs)

    def _user(self, number: int) -> None:
        person = self.inventor.person()
        id = f"user{number}"
        self.account["User"][id] = {
            "userId": id, "username": id, "firstName": person.given, "lastName": person.family,
            "email": f"{id}{people.marks.person}@example.com", "status": "t" if number else "f",
        }  # fmt: skip

    def _set(self, set_id: int, own: tuple[tuple[str, str], ...]) -> None:
        for name, meant in (*((name, "system") for name in SYSTEM), *own):
            id = self.account.number("JobApplicationStatus", 3)
            system = name if meant == "system" else None
            self.account["JobApplicationStatus"][(id, set_id)] = {
                "appStatusId": id, "appStatusSetId": set_id, "appStatusName": name, "meant": meant,
                "system": system,
            }  # fmt: skip
            self.account["JobApplicationStatusLabel"][(id, "en_US")] = {
                "appStatusId": id, "locale": "en_US",
                "statusLabel": "New Application" if name == "Default" else name,
                "candidateLabel": "In progress",
            }  # fmt: skip

    def _requisition(self, number: int) -> Row:
        account, at = self.account, self.today - (300 - number) * DAY
        id, (set_id, _) = account.number("JobRequisition", 2447), SETS[number % 2]
        state = {3: 2, 4: 0}.get(number, 1)
        row: Row = {
            "jobReqId": id, "internalStatus": state, "statusSetId": set_id, "templateId": 101,
            "templateName": "Standard Requisition", "templateType": "JOB_REQ", "appTemplateId": 301,
            "deleted": "Not Deleted", "isDraft": False, "numberOpenings": 2, "openingsFilled": 0,
            "candidateProgress": 0, "candidateHired": 0, "createdDateTime": at, "lastModifiedDateTime": at,
            "closedDateTime": at + 200 * DAY if state == 2 else None, "jobStartDate": None,
            "formDueDate": None,
            "jobCode": f"J{100 + number}", "jobGrade": None, "jobLevel": None, "jobRole": None,
            "country": "United Kingdom", "currency": "GBP", "positionNumber": None,
            "defaultLanguage": "en_US",
            "salaryMin": 40_000, "salaryMid": None, "salaryMax": 60_000.5, "department": f"D{number % 3}",
            "location": f"L{number % 2}", "statusOption": self._option(state),
        }  # fmt: skip
        account["JobRequisition"][id] = row
        title = f"{self.inventor.job_title()} {number + 1}"
        # The default language is not the first of its languages.
        for locale, shown in (("de_DE", f"DE {title}"), ("en_US", title)):
            local = account.number("JobRequisitionLocale", 5120)
            account["JobRequisitionLocale"][local] = {
                "jobReqLocalId": local, "jobReqId": id, "locale": locale, "jobTitle": shown,
                "jobDescription": None, "externalTitle": shown,
                "externalJobDescription": f"<p>{shown}</p>", "status": "Active",
            }  # fmt: skip
        for place, role in enumerate(("recruiter", "hiringManager")):
            self._operator(id, role, place + number % 3)
        posting = account.number("JobRequisitionPosting", 77)
        account["JobRequisitionPosting"][posting] = {
            "jobPostingId": posting, "jobReqId": id, "boardId": "_external", "boardName": "External",
            "postingStatus": 1, "postedBy": "user1", "postStartDate": at, "postEndDate": None,
            "postStartDateOffset": at, "postEndDateOffset": None, "lastModifiedDateTime": at,
        }  # fmt: skip
        for kind, key in (("FODepartment", row["department"]), ("FOLocation", row["location"])):
            account[kind].setdefault(key, {"externalCode": key, "name": f"{kind[2:]} {key}"})
        return row

    def _option(self, state: int) -> int:
        """The customer's own word for a requisition's state."""
        id, word = 6001 + state, OPTIONS[state]
        option = {"id": id, "status": "ACTIVE", "externalCode": word}
        self.account["PicklistOption"].setdefault(id, option)
        label = {"optionId": id, "locale": "en_US", "label": word}
        self.account["PicklistLabel"].setdefault((id, "en_US"), label)
        return id

    def _operator(self, requisition: int, role: str, place: int) -> None:
        user = list(self.account["User"].values())[place]
        letter = OPERATORS[role]
        self.account["JobRequisitionOperator"][(requisition, letter, user["username"])] = {
            "jobReqId": requisition, "usersSysId": user["userId"], "userName": user["username"],
            "firstName": user["firstName"], "lastName": user["lastName"], "email": user["email"],
            "phone": None, "operatorRole": letter,
        }  # fmt: skip

    def _application(self, number: int, jobs: list[Row]) -> None:
        chance, account = self.inventor.random, self.account
        job = chance.choice([j for j in jobs if j["internalStatus"] != 0])
        at = self.today - chance.uniform(1, 200) * DAY
        somebody = candidate(account, self.inventor.person(), at)
        account["Candidate"][somebody["candidateId"]] = somebody
        set_id = job["statusSetId"]
        if number % 12 in (4, 9):
            _ = account.draft(requisition=job, candidate=somebody, code=SAVED if number % 2 else DRAFT)
            return
        begin = "Forwarded" if chance.random() < 0.1 else "Default"
        status = account.named(set_id, begin)
        row = account.apply(requisition=job, candidate=somebody, status=status, at=at)
        if begin == "Default":
            own = [s for s in account.statuses(set_id) if s["meant"] == "active"]
            for step in own[: chance.randrange(len(own) + 1)]:
                account.change(row, step, by="user1")
            self._end(row, set_id)
        if job["internalStatus"] == 2 and account.truth(row).status == "active":
            account.change(row, account.named(set_id, "Requisition Closed"), by="rcmuser")

    def _offer(self, row: Row) -> None:
        account, at = self.account, row["applicationDate"]
        number = account.number("JobOffer", 301)
        account["JobOffer"][number] = {
            "offerApprovalId": number, "applicationId": row["applicationId"], "version": 1,
            "internalStatus": "Accepted", "createdDate": at, "lastModifiedDate": at,
        }  # fmt: skip

    def _end(self, row: Row, set_id: int) -> None:
        chance, account = self.inventor.random, self.account
        fate = chance.random()
        if fate < 0.3:
            ends = [s for s in account.statuses(set_id) if s["meant"] in ("disqualified", "withdrawn")]
            account.change(row, chance.choice(ends), by="user1")
        elif fate < 0.36:
            account.change(row, account.named(set_id, "Hired"), by="user1")
            self._offer(row)
        elif fate < 0.42:
            names = ("Withdrawn By Candidate", "Auto Disqualified", "Requisition Closed", "Declined DPCS")
            account.change(row, account.named(set_id, chance.choice(names)), by="rcmuser")
