"""An invented pod: two selection processes that share names and state ids, drafts, ended applications."""

from __future__ import annotations

import base64

from attrs import define

from ..people import Inventor, Person
from .account import REJECTED, WITHDRAWN, Account, PhaseState, Reason, meaning
from .answers import Row

DAY = 86_400_000
OFFER = (
    "To Be Created", "Draft", "Pending Approval", "Approval Rejected", "Approved", "Extended", "Accepted"
)  # fmt: skip
HR = (
    "Pending Automated Processing", "Pending Manual Processing", "Error During Processing",
    "Processing in Progress", "Processed",
)  # fmt: skip
PROCESSES: tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...] = (
    (
        ("NEW", "New", ("New", "Under Consideration")),
        ("SCREENING", "Screening", ("To Be Screened", "Phone Screen Completed")),
        ("INTERVIEW", "Interview and Selection", ("To Be Interviewed", "Interview Completed")),
        ("OFFER", "Offer", OFFER),
        ("HR", "HR", HR),
    ),
    (
        ("NEW", "New", ("New", "Under Consideration")),
        ("INTERVIEW", "Assessment", ("To Be Assessed", "Assessed")),
        ("INTERVIEW", "Panel Interview", ("To Be Interviewed", "Interview Completed")),
        ("OFFER", "Offer", OFFER),
        ("HR", "HR", HR),
    ),
)


def fill(account: Account, applications: int, *, seed: int) -> None:
    configure(account)
    _Town(account, Inventor(seed), account.now()).fill(applications)


def configure(account: Account) -> None:
    """The processes; state ids are small and shared, phase ids are the tenant's."""
    ids: dict[str, int] = {}
    for number, phases in enumerate(PROCESSES):
        for place, (type, phase, names) in enumerate(phases):
            phase_id = 300000161356720 + number * 100 + place
            for name in (*names, REJECTED, WITHDRAWN):
                id = ids.setdefault(name, len(ids) + 1)
                meant = "hired" if name == "Processed" else meaning(name)
                state = PhaseState(300000161356718 + number, phase_id, phase, type, id, name, meant)
                account.states[state.key] = state
    for place, (name, meant) in enumerate(
        (("Lacks experience", "rejected"), ("Position filled", "rejected"), ("Other offer", "withdrawn"))
    ):
        account.reasons[300000180000011 + place] = Reason(300000180000011 + place, name, meant)


def candidate(account: Account, person: Person, at: int, *, known: bool = True) -> Row:
    """A candidate's row; without a person behind it PersonId is null."""
    number = str(account.number("candidate", 187476))
    digits = "".join(c for c in person.phone or "" if c.isdigit())
    phones = [
        {
            "PhoneId": account.number("phone", 300000240000001), "PhoneType": "MOBILE",
            "CountryCodeNumber": digits[:1], "AreaCode": None, "PhoneNumber": digits[1:], "Extension": None,
            "LegislationCode": "US", "PrimaryFlag": "Y",
        }
    ]  # fmt: skip
    row: Row = {
        "CandidateNumber": number, "PersonId": account.number("person", 300000233333333) if known else None,
        "FirstName": person.given, "MiddleNames": None, "LastName": person.family, "FullName": person.name,
        "DisplayName": person.name, "ListName": f"{person.family}, {person.given}", "KnownAs": None,
        "Title": None, "Suffix": None, "PreNameAdjunct": None, "PreviousLastName": None, "Honors": None,
        "MilitaryRank": None, "Email": person.email, "CandidateType": "ORA_EXTERNAL",
        "SourceMedium": "CAREER_SITE", "SourceName": None, "CampaignOptIn": None, "PreferredLanguage": "en",
        "PreferredTimezone": None, "CreatedBy": "career.site", "CreationDate": at,
        "LastUpdatedBy": "career.site", "LastUpdateDate": at, "CandLastModifiedDate": at,
        "candidatePhones": phones if digits else [],
    }  # fmt: skip
    account.candidates[number] = row
    return row


@define
class _Town:
    account: Account
    inventor: Inventor
    today: int

    def fill(self, applications: int) -> None:
        for number in range(4):
            person, id = self.inventor.person(), 300000049043637 + number
            self.account.workers[id] = {"PersonId": id, "DisplayName": person.name}
        jobs = [self._requisition(number) for number in range(max(6, applications // 15))]
        for number in range(applications):
            self._application(number, jobs)
        candidate(self.account, self.inventor.person(), self.today, known=False)

    def _requisition(self, number: int) -> Row:
        at = self.today - (300 - number % 200) * DAY
        id = self.account.number("requisition", 300000211111111)
        closed, text = number == 3, base64.b64encode(b"<p>What you do</p>").decode()
        row: Row = {
            "key": f"{self.inventor.random.getrandbits(40):010X}EACED", "RequisitionId": id,
            "RequisitionNumber": str(4471 + number),
            "Title": f"{self.inventor.job_title()} {number + 1}", "PhaseId": 4 if closed else 3,
            "PhaseName": "Closed" if closed else "Open", "StateId": 9 if closed else 7,
            "StateName": "Filled" if closed else "Posted", "InternalPublishedJobStatus": "POSTED",
            "ExternalPublishedJobStatus": "POSTED", "NumberOfOpenings": 2, "HiredCount": 0,
            "RecruitingType": "ORA_PROFESSIONAL", "FullTimeOrPartTime": "FULL_TIME",
            "RegularOrTemporary": "R", "MinimumSalary": 40_000.5, "MaximumSalary": 60_000,
            "CompensationCurrency": "GBP", "PositionId": None, "JobId": None, "GradeId": None,
            "DepartmentId": 300000020000100 + number % 3, "OrganizationId": None,
            "PrimaryWorkLocationId": None, "PrimaryLocationId": 300000020000284, "JobFunction": None,
            "HiringManagerId": 300000049043637, "RecruiterId": 300000049043638 + number % 2,
            "CandidateSelectionProcessId": 300000161356718 + number % 2, "UnlimitedOpenings": "N",
            "PipelineRequisition": "N", "CreationDate": at, "LastUpdateDate": at,
            "RequisitionLastModifiedDate": at + 120, "CreatedBy": "recruiter.one",
            "LastUpdatedBy": "recruiter.one", "ExternalDescriptionHTML": text, "ExternalRespHTML": None,
            "ExternalQualHTML": None,
            "publishedJobs": [
                {
                    "Visibility": "EXTERNAL", "PostingStatus": "POSTED", "StartDate": at, "EndDate": None,
                    "TimeZone": "UTC", "CreatedBy": "recruiter.one",
                }
                # A requisition that is posted again and again: more than an expanded child shows.
                for _ in range(30 if number == 2 else 1)
            ],
        }  # fmt: skip
        self.account.requisitions[id] = row
        return row

    def _application(self, number: int, jobs: list[Row]) -> None:
        account, chance = self.account, self.inventor.random
        at = self.today - int(chance.uniform(1, 200) * DAY)
        # Often on the second: then no fraction is shown.
        at -= at % 1000 if chance.random() < 0.3 else 0
        somebody = candidate(account, self.inventor.person(), at)
        row = account.apply(somebody, chance.choice(jobs), at=at, confirmed=number % 12 != 4)
        if not row["ConfirmedFlag"]:
            return
        steps = [s for s in account.process(row) if s.meant == "active" and not s.closed]
        later = at
        for state in steps[1 : chance.randrange(len(steps) + 1)]:
            later += 3_600_000 + 7
            account.enter(row, state, by="recruiter.one", at=later)
        fate, open = chance.random(), account.requisitions[row["RequisitionId"]]["PhaseName"] == "Open"
        end = None
        if 0.36 <= fate < 0.42:
            end = next(s for s in account.process(row) if s.meant == "hired")
        elif fate < 0.36 or not open:
            # Nobody is left under way where the requisition is closed.
            end = account.in_phase(row, "rejected" if open and fate < 0.26 else "withdrawn")
        if end is not None:
            account.enter(row, end, by="recruiter.one", at=later + 3_600_000)
