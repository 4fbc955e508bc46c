"""An invented tenant: two processes, requisitions of every state, people who applied twice."""

from __future__ import annotations

import base64
from typing import Any

from attrs import define

from .. import people
from ..people import Inventor
from .account import Account, Disposition, Row, Step

DAY = 86_400
STAGES = (
    ("REVIEW", "Review"), ("SCREEN", "Screen"), ("ASSESSMENT", "Assessment"), ("INTERVIEW", "Interview"),
    ("REFERENCE_CHECK", "Reference Check"), ("BACKGROUND_CHECK", "Background Check"), ("OFFER", "Offer"),
    ("EMPLOYMENT_AGREEMENT", "Employment Agreement"), ("CONTRACT", "Contract"),
    ("READY_FOR_HIRE", "Ready for Hire"),
)  # fmt: skip
PROCESSES: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Job Application", "B",
        (
            ("Review", "REVIEW"), ("Screen", "SCREEN"), ("Interview", "INTERVIEW"),
            ("Background Check", "BACKGROUND_CHECK"), ("Offer", "OFFER"),
            ("Ready for Hire", "READY_FOR_HIRE"),
        ),
    ),
    (
        "Engineering Job Application", "E",
        (
            ("Review", "REVIEW"), ("Coding Assessment", "ASSESSMENT"), ("Interview", "INTERVIEW"),
            ("Panel Interview", "INTERVIEW"), ("Offer", "OFFER"), ("Ready for Hire", "READY_FOR_HIRE"),
        ),
    ),
)  # fmt: skip
DISPOSITIONS = (
    ("NOT_QUALIFIED", "Not Qualified", "rejected"),
    ("POSITION_ELIMINATED", "Position Eliminated", "rejected"),
    ("CANDIDATE_WITHDREW", "Candidate Withdrew", "withdrawn"),
    ("ACCEPTED_ANOTHER_OFFER", "Accepted Another Offer", "withdrawn"),
)
STATUSES = (("OPEN", "Open"), ("FROZEN", "Frozen"), ("FILLED", "Filled"), ("CLOSED", "Closed"))
ORGANISATIONS = (
    ("Sales_sup", "Sales", 0),
    ("Data_Platform_sup", "Data Platform", 1),
    ("Finance_sup", "Finance", 0),
)
SOURCES = (("LINKEDIN", "LinkedIn"), ("REFERRAL", "Referral"), ("CAREERS_PAGE", "Careers Page"))
JOB_STATES = ("OPEN", "OPEN", "OPEN", "FROZEN", "CLOSED", "FILLED")
ROLES = (("Recruiter", "Recruiter"), ("Hiring_Manager", "Hiring Manager"))


def configure(account: Account, *, status_ids: dict[str, str]) -> None:
    """Stages, statuses and processes."""
    for id, name in STAGES:
        account.stages[id] = (account.wid(), name)
    for id, label in STATUSES:
        account.statuses[id] = (account.wid(), label, status_ids.get(id, id))
    for process, letter, names in PROCESSES:
        own: list[Step] = []
        for place, (name, stage) in enumerate(names, 1):
            own.append(Step(account.wid(), f"STEP_{letter}__ACTION_{place}", name, stage, process))
        for place, step in enumerate(own):
            # Back by one, and on by up to three.
            step.following = [s.id for s in (*own[max(0, place - 1) : place], *own[place + 1 : place + 4])]
            account.steps[step.id] = step
        for place, (id, name, outcome) in enumerate(DISPOSITIONS, 1):
            ids = (account.wid(), f"STEP_{letter}__DISPOSITION_{place}")
            # The disposition is one for the whole tenant, the step is the process's own.
            known = next((d.wid for d in account.dispositions.values() if d.id == id), None)
            account.dispositions[ids[1]] = Disposition(
                known or account.wid(), id, name, *ids, process, outcome
            )


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Tenant(account, Inventor(seed), account.clock()).fill(applications)


def person_row(account: Account, person: people.Person, at: float) -> Row:
    """A candidate who has not applied yet."""
    number = account.next()
    return {
        "wid": account.wid(), "id": f"CAND-{20000 + number}", "first": person.given, "last": person.family,
        "email": person.email, "phone": person.phone, "city": person.location or None, "links": [],
        "withdrawn": False, "do_not_hire": False, "prospect": False, "worker": None, "prehire": None,
        "applications": [], "resume": None, "created": at, "purged": False, "born": None,
    }  # fmt: skip


def application_row(account: Account, requisition: Row, at: float) -> Row:
    """Somebody has applied: they stand at the first step of the requisition's process."""
    step = next(s for s in account.steps.values() if s.process == requisition["process"] and s.active)
    number = account.next()
    source = SOURCES[number % len(SOURCES)]
    return {
        "wid": account.wid(), "id": f"JOB_APPLICATION-6-{number}", "requisition": requisition["wid"],
        "date": at, "step": step.id, "disposition": None, "timestamp": at, "hired": False, "parallel": [],
        "event": account.wid(), "source": (f"{number % len(SOURCES):032x}", *source),
    }  # fmt: skip


@define
class _Tenant:
    account: Account
    inventor: Inventor
    today: float

    def fill(self, applications: int) -> None:
        account = self.account
        for _ in range(6):
            self._worker()
        jobs = [self._requisition(number) for number in range(max(8, applications // 12))]
        for requisition in jobs:
            if requisition["status"] == "OPEN":
                posting = {"wid": account.wid(), "id": f"JOB_POSTING-3-{account.next()}",
                           "requisition": requisition["wid"]}  # fmt: skip
                account.postings[posting["wid"]] = posting
        for number in range(applications):
            self._application(jobs, number)
        for _ in range(max(1, applications // 30)):
            prospect = person_row(account, self.inventor.person(), self.today - 50 * DAY)
            prospect["prospect"] = True
            account.keep(prospect, at=prospect["created"])

    def _worker(self) -> None:
        person, wid = self.inventor.person(), self.account.wid()
        self.account.workers[wid] = {
            "wid": wid, "id": f"{21000 + self.account.next()}", "name": person.name
        }  # fmt: skip

    def _requisition(self, number: int) -> Row:
        account = self.account
        evergreen = number == 6
        id, name, process = ORGANISATIONS[number % len(ORGANISATIONS)]
        at = self.today - (300 - number) * DAY
        state = "OPEN" if evergreen else JOB_STATES[number % len(JOB_STATES)]
        workers = sorted(account.workers)
        row: Row = {
            "wid": account.wid(), "id": f"{'EVG' if evergreen else 'R'}-{10400 + number}",
            "title": f"{self.inventor.job_title()} {number + 1}", "status": state, "evergreen": evergreen,
            "organisation": (f"{number % len(ORGANISATIONS) + 1:032x}", id, name),
            "location": (f"{number % 4 + 256:032x}", f"Site_{number % 4}", self.inventor.city()),
            "hours": (f"{4096:032x}", "Full_time"), "description": "<p>Work with us.</p>",
            "allocated": 3, "available": 0 if state == "FILLED" else 2, "start": at,
            "target": at + 400 * DAY, "confidential": False, "process": PROCESSES[process][0],
            "roles": [((f"{n + 512:032x}", *ROLES[n]), workers[(number + n) % len(workers)]) for n in (0, 1)],
        }  # fmt: skip
        account.keep_requisition(row, at=at)
        return row

    def _application(self, jobs: list[Row], number: int) -> None:
        chance, account = self.inventor.random, self.account
        job = jobs[number] if number < len(jobs) else chance.choice(jobs)
        at = self.today - chance.uniform(2, 200) * DAY
        everybody = [c for c in account.candidates.values() if len(c["applications"]) == 1]
        if everybody and chance.random() < 0.12:
            person = chance.choice(everybody)
        else:
            person = person_row(account, self.inventor.person(), at)
            person["resume"] = base64.b64encode(b"%PDF-1.4 " + bytes(40)).decode()
            person["born"] = "1990-01-01"
            person["links"] = ["https://www.linkedin.com/in/somebody"] if number % 5 == 0 else []
        row = application_row(account, job, at)
        row["timestamp"] = at + chance.uniform(0, 1) * (self.today - at - DAY)
        person["applications"].append(row)
        self._on(person, row, job)
        account.keep(person, at=self.today - DAY)

    def _on(self, person: Row, row: Row, job: Row) -> None:
        chance, account = self.inventor.random, self.account
        own = [s for s in account.steps.values() if s.process == job["process"]]
        row["step"] = chance.choice(own[: 4 if job["evergreen"] else len(own)]).id
        fate: float = chance.random()
        if fate < 0.3:
            out: Any = chance.choice(account.ways_out(row))
            row["disposition"] = out.step
        elif fate < 0.38 and not job["evergreen"]:
            row["step"], row["hired"] = own[-1].id, True
            person["prehire"] = (account.wid(), f"APP-{account.next()}")
            person["worker"] = (account.wid(), f"{21000 + account.next()}")
