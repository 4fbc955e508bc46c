"""An invented account: jobs in every state, a template, leads, people who applied to several jobs."""

from __future__ import annotations

from typing import Any

from attrs import define

from .. import people
from ..people import Inventor, Person
from .account import Account
from .answers import Row, iso

DAY = 86_400
PROCESSES: tuple[tuple[str, bool, dict[str, list[str]]], ...] = (
    (
        "Default", True,
        {
            "IN_REVIEW": ["Phone screen"], "INTERVIEW": ["1st interview", "2nd interview"],
            "OFFERED": ["Offer letter sent"],
        },
    ),
    ("Clinics", True, {"IN_REVIEW": ["Phone screen", "Licence check"], "INTERVIEW": ["Trial day"]}),
    ("Before 2025", False, {"INTERVIEW": ["Assessment centre"]}),
)  # fmt: skip
REJECTION = (
    "Did not fit company culture", "Did not meet desired qualifications",
    "Did not meet minimum qualifications", "Did not meet screening requirements", "Incomplete application",
    "Ineligible to work in location", "Misrepresented qualifications", "More qualified candidate selected",
    "No show for interview", "Unresponsive", "Other",
)  # fmt: skip
WITHDRAWAL = (
    "Took another job", "Compensation", "Personal reasons", "Commute", "Cultural fit",
    "Lack of recruiter follow-up", "Confusing job description", "Will stay in current company",
    "Not interested in the first place",
)  # fmt: skip
JOB_STATES = ("CREATED", "CREATED", "CREATED", "ON_HOLD", "CANCELLED", "PENDING_APPROVAL")
POSTED = {5: "NOT_PUBLISHED", 7: "INTERNAL", 9: "PRIVATE", 11: "NOT_PUBLISHED"}
SOURCES = ("Indeed", "LinkedIn", "Referral", "Company website")


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Town(account, Inventor(seed), account.clock()).fill(applications)


def candidate(account: Account, person: Person, at: float) -> Row:
    """A candidate's row, without applications."""
    city, _, country = person.location.partition(", ")
    dates = {"current": False, "location": city or None, "description": None}
    school = {"institution": "Polytechnic", "degree": "Bachelor", "major": "Statistics", **dates}
    place = {
        "country": country, "countryCode": "xx", "regionCode": None, "region": None, "city": city,
        "lat": "50.06", "lng": "19.94",
    }  # fmt: skip
    page = f"https://www.linkedin.com/in/{person.given}-{person.family}".lower()
    return {
        "id": account.uuid(), "internal": False, "firstName": person.given, "lastName": person.family,
        "email": person.email, "createdOn": iso(at), "updatedOn": iso(at),
        "location": place if city else None, "tags": [],
        "consent": {"status": "REQUIRED"}, "phoneNumber": person.phone,
        "web": {"linkedin": page} if person.headline else {},
        # The day is not always known, and nor is the month.
        "education": [{**school, "startDate": "2014", "endDate": "2018-05"}],
        "experience": [
            {"title": person.headline, "company": person.company, **dates, "startDate": "2018-06",
             "endDate": None, "current": True}
        ] if person.company else [],
        "properties": [], "assignments": {}, "primary": None,
    }  # fmt: skip


@define
class _Town:
    account: Account
    inventor: Inventor
    today: float

    def fill(self, applications: int) -> None:
        account = self.account
        for number in range(5):
            self._user(number)
        for name, active, subs in PROCESSES:
            id = account.uuid()
            held = {status: list(names) for status, names in subs.items()}
            account.processes[id] = {"id": id, "name": name, "active": active, "subStatuses": held}
        for table, labels in ((account.rejection, REJECTION), (account.withdrawal, WITHDRAWAL)):
            for label in labels:
                id = account.uuid()
                table[id] = {"id": id, "label": label}
        jobs = [self._job(number) for number in range(max(6, applications // 15))]
        made = 0
        while made < applications:
            made += self._candidate(jobs, applications - made)

    def _user(self, number: int) -> None:
        person, account = self.inventor.person(), self.account
        id = account.uuid() if number % 2 else account.uuid().replace("-", "")[:24]  # the older ones
        account.put("users", {
            "id": id, "email": f"user{number}{people.marks.person}@example.com", "firstName": person.given,
            "lastName": person.family, "active": number != 4,
            "systemRole": {"id": "ADMINISTRATOR" if number == 0 else "BASIC", "name": "Role"},
            "updatedOn": iso(self.today - 300 * DAY), "externalData": None, "ssoIdentifier": None,
            "ssoLoginMode": "PASSWORD", "language": {"code": "en"}, "accessGroups": [],
        })  # fmt: skip

    def _job(self, number: int) -> Row:
        account, at = self.account, iso(self.today - (300 + number) * DAY)
        city, _, country = self.inventor.city().partition(", ")
        manager = list(account.users.values())[number % 4]
        role = {"id": "HIRING_MANAGER", "label": "Hiring Manager"}
        return account.put("jobs", {
            "id": account.uuid(), "title": f"{self.inventor.job_title()} {number + 1}",
            "refNumber": f"REQ-{100 + number}", "createdOn": at, "updatedOn": at, "lastActivityOn": at,
            "department": {
                "id": str(4000 + number % 3), "label": self.inventor.department(), "description": "",
            },
            "location": {
                "country": country, "countryCode": "xx", "regionCode": None, "region": None, "city": city,
                "address": None, "postalCode": None, "longitude": "19.94", "latitude": "50.06",
                "manual": False, "remote": number % 4 == 3,
            },
            "status": JOB_STATES[number % len(JOB_STATES)],
            # A cancelled job may still be published until somebody takes it down.
            "postingStatus": POSTED.get(number % 12, "PUBLIC"),
            "language": {"code": "en", "label": "English", "labelNative": "English (US)"},
            "targetHiringDate": None, "industry": None, "function": None,
            "typeOfEmployment": {"id": "permanent", "label": "Full-time"}, "experienceLevel": None,
            "eeoCategory": None, "template": number == 2,
            "creator": {key: manager[key] for key in ("id", "firstName", "lastName")},
            "compensation": None,
            "jobAd": {
                "sections": {"jobDescription": {"title": "Job", "text": "<p>Work</p>"}}, "language": {},
            },
            "properties": [], "hiringTeam": [{"id": manager["id"], "role": role}],
            "statusHistory": [{"status": JOB_STATES[number % len(JOB_STATES)], "changedOn": at}],
        })  # fmt: skip

    def _candidate(self, jobs: list[Row], most: int) -> int:
        """Somebody with one application, or several; how many."""
        chance, account = self.inventor.random, self.account
        at = self.today - chance.uniform(1, 200) * DAY
        person = account.put("candidates", candidate(account, self.inventor.person(), at))
        usable = [job for job in jobs if not job["template"]]
        chosen = chance.sample(usable, min(most, 1 + (chance.random() < 0.3)))
        for job in chosen:
            begin = "LEAD" if chance.random() < 0.12 else "NEW"
            row = account.apply(person, job, status=begin, source=chance.choice(SOURCES))
            if begin == "NEW":
                self._advance(person, job["id"])
            row["history"] = [{**entry, "changedOn": iso(at)} for entry in row["history"]]
        person["updatedOn"] = iso(at)
        return len(chosen)

    def _advance(self, person: Row, job: str) -> None:
        chance, account = self.inventor.random, self.account
        way: list[Any] = ["IN_REVIEW", "INTERVIEW", "OFFERED"][: chance.randrange(4)]
        for status in way:
            sub = chance.choice([None, *account.sub_statuses(status)])
            account.change(person, job, {"status": status, "subStatus": sub})
        fate = chance.random()
        if fate < 0.18:
            account.change(
                person, job, {"status": "REJECTED", "reason": chance.choice(list(account.rejection))}
            )
        elif fate < 0.26:
            account.change(
                person, job, {"status": "WITHDRAWN", "reason": chance.choice(list(account.withdrawal))}
            )
        elif fate < 0.33:
            account.change(person, job, {"status": "HIRED", "startsOn": "2026-12-01T00:00:00.000Z"})
