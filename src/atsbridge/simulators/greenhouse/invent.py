"""An invented account: years of hiring in a few hundred lines, the same for the same seed."""

from __future__ import annotations

from typing import Any

from attrs import define

from ..people import Inventor
from . import times
from .account import REASON_TYPES, Account
from .office import new_application, new_candidate
from .settings import Settings
from .tables import Record
from .times import DAY

PIPELINES = (
    ("Application Review", "Phone Screen", "Onsite", "Offer"),
    ("Application Review", "Recruiter Call", "Phone Screen", "Take Home Test", "Onsite", "Offer"),
    ("Application Review", "Phone Screen", "Face to Face", "Reference Check", "Offer"),
)
BUILT_IN_REASONS = (
    ("Lacking skill(s)/qualification(s)", "WE_REJECTED_THEM"),
    ("Hired another candidate", "WE_REJECTED_THEM"),
    ("Took another offer", "THEY_REJECTED_US"),
    ("Other", "NONE_SPECIFIED"),
)
OWN_REASONS = (
    ("Not enough experience", "WE_REJECTED_THEM"),
    ("Role was filled", "WE_REJECTED_THEM"),
    ("Withdrew", "THEY_REJECTED_US"),
    ("Compensation too low", "THEY_REJECTED_US"),
    ("No reason given", "NONE_SPECIFIED"),
)
CLOSE_REASONS = ("Hire - New Headcount", "Hire - Backfill", "Not Filling", "On Hold")
SOURCES = (("Referral", "Referrals"), ("LinkedIn", "Social media"), ("Jobs page on your website", "Company"))
YEARS = 3


@define(kw_only=True)
class Vacancy:
    """A job while its account is being invented."""

    id: int
    opened: float
    closed: float | None
    stages: list[int]
    post: int


class Invention:
    """Fills an empty account."""

    def __init__(self, account: Account, settings: Settings, *, seed: int) -> None:
        self._account = account
        self._settings = settings
        self._people = Inventor(seed)
        self._random = self._people.random
        self._now = account.clock()
        self._start = self._now - YEARS * 365 * DAY
        self._began = times.stamp(self._start)
        self._crowd: list[int] = []

    def fill(self, applications: int) -> None:
        self._users()
        self._vocabularies()
        vacancies = self._jobs(max(4, min(400, applications // 50)))
        secret = self._job("open", confidential=True)
        self._job("draft")
        self._job("draft", template=True)
        for at, vacancy in self._arrivals(applications, [*vacancies, secret]):
            self._arrive(at, vacancy)
        # Last, so that the switch changes nothing else of the account.
        if self._settings.sees_confidential:
            self._grant(secret.id)

    # -- the organisation --

    def _users(self) -> None:
        account, add = self._account, self._user
        service = add("Integration Service User", email="", admin=True)
        account.service_user = service["id"]
        account.extras.service_users.add(service["id"])
        if self._settings.sees_private:
            account.extras.private_readers.add(service["id"])
        for number in range(8):
            person = self._people.person()
            name = f"{person.given} {person.family}"
            email = f"user{number}@company.example"
            user = add(name, email=email, admin=number == 0, gone=number == 7)
            if number == 0:
                account.extras.private_readers.add(user["id"])

    def _user(self, name: str, *, email: str, admin: bool, gone: bool = False) -> Record:
        given, _, family = name.partition(" ")
        return self._account.add(
            "users",
            at=self._began,
            name=name,
            first_name=given,
            last_name=family,
            primary_email=email,
            emails=[email] if email else [],
            site_admin=admin,
            deactivated=gone,
            department_ids=[],
            office_ids=[],
            linked_candidate_ids=[],
            interviewer_tags=[],
            custom_fields={},
        )

    def _grant(self, job: int) -> None:
        self._account.add("user_job_permissions", user_id=self._account.service_user, job_id=job)

    def _vocabularies(self) -> None:
        account, began = self._account, self._began
        for name, key in BUILT_IN_REASONS:
            reason = account.add("rejection_reasons", at=began, name=name, type=REASON_TYPES[key])
            account.extras.default_reasons.add(reason["id"])
        concern = (("Security concern", "SECURITY_CONCERN"),) if self._settings.security_concern else ()
        for name, key in (*OWN_REASONS, *concern):
            account.add("rejection_reasons", at=began, name=name, type=REASON_TYPES[key])
        for name in CLOSE_REASONS:
            account.add("close_reasons", at=began, name=name)
        for number, (name, kind) in enumerate(SOURCES):
            account.add("sources", at=began, name=name, type={"id": number + 1, "name": kind})

    # -- jobs --

    def _jobs(self, count: int) -> list[Vacancy]:
        """Two thirds open; the rest closed after some months."""
        return [self._job("closed" if number % 3 == 2 else "open") for number in range(count)]

    def _job(self, status: str, *, confidential: bool = False, template: bool = False) -> Vacancy:
        opened = self._start + self._random.random() * (self._now - self._start - 200 * DAY)
        closed = opened + (60 + self._random.random() * 120) * DAY if status == "closed" else None
        number = len(self._account["jobs"])
        job = self._account.add(
            "jobs",
            at=times.stamp(opened - 2 * DAY),
            name=self._people.job_title(),
            status=status,
            requisition_id=f"REQ-{100 + number}" if number % 5 else None,
            confidential=confidential,
            is_template=template,
            department_id=7001 + number % 6,
            office_ids=[501 + number % 3],
            opened_at=None if status == "draft" else times.stamp(opened),
            closed_at=times.stamp(closed) if closed else None,
            custom_fields={
                "employment_type": {"name": "Employment Type", "type": "single_select", "value": "Full-time"}
            },
            updated_at=times.stamp(closed or opened),
        )
        stages, post = self._stages(job), self._post(job)
        self._openings(job)
        self._team(job)
        return Vacancy(id=job["id"], opened=opened, closed=closed, stages=stages, post=post)

    def _stages(self, job: Record) -> list[int]:
        names = PIPELINES[int(self._random.random() * len(PIPELINES))]
        made = [
            self._account.add(
                "job_interview_stages",
                at=job["created_at"],
                job_id=job["id"],
                name=name,
                sort_order=order,
                active=True,
            )
            for order, name in enumerate(names)
        ]
        if self._random.random() < 0.3:
            old = {"job_id": job["id"], "name": "Panel (old)", "sort_order": 2, "active": False}
            self._account.add("job_interview_stages", at=job["created_at"], **old)
        if self._random.random() < 0.2:
            self._account.extras.mailing_stages.add(made[1]["id"])
        return [stage["id"] for stage in made]

    def _openings(self, job: Record) -> None:
        is_open = job["status"] == "open"
        for order in range(1 + len(self._account["jobs"]) % 3):
            self._account.add(
                "openings",
                at=job["created_at"],
                job_id=job["id"],
                opening_id=f"{job['requisition_id']}-{order + 1}" if job["requisition_id"] else None,
                open=is_open,
                opened_at=job["opened_at"],
                closed_at=job["closed_at"],
                sort_order=order,
                custom_fields={},
            )

    def _post(self, job: Record) -> int:
        live = job["status"] == "open"
        fields: dict[str, Any] = {
            "job_id": job["id"],
            "title": job["name"],
            "content": f"<p>We look for a {job['name']}.</p>",
            "internal": False,
            "featured": False,
            "language": "en",
            "job_board_id": 41,
            "public_url": f"https://boards.example.com/jobs/{job['id']}" if live else None,
            "first_published_at": job["opened_at"],
            "questions": [],
        }
        if self._random.random() < 0.2:
            self._account.add("job_posts", at=job["created_at"], **fields, live=False, active=False)
        post = self._account.add("job_posts", at=job["created_at"], **fields, live=live, active=True)
        return int(post["id"])

    def _team(self, job: Record) -> None:
        users = [user["id"] for user in self._account["users"] if user["primary_email"]]
        recruiter, manager = self._pick(users), self._pick(users)
        owner = {"job_id": job["id"], "user_id": recruiter, "type": "recruiter", "responsible": True}
        self._account.add("job_owners", at=job["created_at"], **owner)
        self._account.add("job_hiring_managers", at=job["created_at"], job_id=job["id"], user_id=manager)
        self._account.add("user_job_permissions", at=job["created_at"], job_id=job["id"], user_id=recruiter)

    # -- applications --

    def _arrivals(self, count: int, vacancies: list[Vacancy]) -> list[tuple[float, Vacancy | None]]:
        """When somebody comes and to which job, in order; None for a prospect without one."""
        *ordinary, secret = vacancies
        arrivals: list[tuple[float, Vacancy | None]] = []
        for _ in range(count):
            chance = self._random.random()
            vacancy = secret if chance < 0.01 else self._pick(ordinary)
            until = vacancy.closed or self._now
            at = vacancy.opened + self._random.random() * (until - vacancy.opened)
            arrivals.append((at, None if chance > 0.98 else vacancy))
        return sorted(arrivals, key=lambda arrival: arrival[0])

    def _arrive(self, at: float, vacancy: Vacancy | None) -> None:
        again = self._crowd and self._random.random() < 0.08
        candidate = self._pick(self._crowd) if again else self._candidate(at)
        job = vacancy.id if vacancy else None
        fields = new_application(candidate, job=job, active=times.stamp(at))
        users = [user["id"] for user in self._account["users"] if user["primary_email"]]
        sources = [source["id"] for source in self._account["sources"]]
        application = self._account.add(
            "applications",
            at=times.stamp(at),
            **fields
            | {
                "job_post_id": vacancy.post if vacancy else None,
                "source_id": self._pick(sources),
                "recruiter_id": self._pick(users),
                "location_address": self._people.city() if self._random.random() < 0.7 else None,
                "answers": [{"question": "Notice period?", "answer": "1 month"}],
            },
        )
        if vacancy is None:
            self._prospect(application, at)
        else:
            self._live(application, vacancy, at)

    def _candidate(self, at: float) -> int:
        person = self._people.person()
        # Somebody is known for moments before they are there with an application.
        made = times.stamp(at - 2)
        fields = new_candidate(person.given, person.family, email=person.email, active=made)
        if person.phone:
            fields["phone_numbers"] = [{"value": person.phone, "type": "mobile"}]
        fields |= {
            "company": person.company,
            "title": person.headline or None,
            "private": self._random.random() < 0.01,
            "addresses": [{"value": person.location, "type": "home"}] if person.location else [],
        }
        record = self._account.add("candidates", at=made, **fields)
        self._crowd.append(record["id"])
        return int(record["id"])

    def _prospect(self, application: Record, at: float) -> None:
        jobs = [
            job["id"] for job in self._account["jobs"] if job["status"] == "open" and not job["confidential"]
        ]
        changes: dict[str, Any] = {
            "prospective_job_ids": [self._pick(jobs)] if self._random.random() < 0.5 else []
        }
        if self._random.random() < 0.3:
            changes |= {"status": "converted", "updated_at": times.stamp(at)}
        self._account["applications"].change(application["id"], **changes)

    def _live(self, application: Record, vacancy: Vacancy, at: float) -> None:
        """Through some stages, and to an end or not."""
        stages, when = vacancy.stages, at
        end = self._end(vacancy)
        depth = len(stages) if end == "hired" else 1 + int(self._random.random() ** 2 * len(stages))
        application = self._account.enter_stage(application, stages[0], at=times.stamp(at))
        self._backfill(application)
        for stage in stages[1:depth]:
            when += self._pause(when)
            self._account.leave_stage(application, at=times.stamp(when))
            application = self._account.enter_stage(application, stage, at=times.stamp(when))
        last = times.stamp(when)
        changes: dict[str, Any] = {}
        if self._settings.move_bumps_last_activity_at:
            changes["last_activity_at"] = last
        if self._settings.move_bumps_updated_at:
            changes["updated_at"] = last
        if end != "in_process":
            last = times.stamp(when + self._pause(when))
            self._account.leave_stage(application, at=last)
            changes = {"status": end, "last_activity_at": last, "updated_at": last}
        application = self._account["applications"].change(application["id"], **changes)
        if end == "rejected":
            self._rejected(application, last)
        elif end == "hired":
            self._hired(application, last)
        elif depth == len(stages) and self._random.random() < 0.5:
            self._offer(application, "Created", last)

    def _backfill(self, application: Record) -> None:
        # Rows made up afterwards, for moves before the history was kept, have no entered_at.
        if self._random.random() < 0.005:
            self._account["application_stages"].change(application["stage_id"], entered_at=None)

    def _pause(self, when: float) -> float:
        """Up to three weeks, but never beyond now."""
        return min(DAY * (1 + self._random.random() * 20), (self._now - when) * 0.9)

    def _end(self, vacancy: Vacancy) -> str:
        chance = self._random.random()
        if vacancy.closed is None:
            return "in_process" if chance < 0.6 else "rejected" if chance < 0.97 else "hired"
        return "in_process" if chance < 0.03 else "rejected" if chance < 0.93 else "hired"

    def _rejected(self, application: Record, at: str) -> None:
        reason = self._pick([reason["id"] for reason in self._account["rejection_reasons"]])
        self._account["applications"].change(application["id"], rejected_at=at, rejection_reason_id=reason)
        self._account.add(
            "rejection_details",
            at=at,
            application_id=application["id"],
            rejection_reason_id=reason,
            rejected_at=at,
            rejected_by_id=application["recruiter_id"],
            question_custom_fields={},
        )

    def _hired(self, application: Record, at: str) -> None:
        reason = next(iter(self._account["close_reasons"]))["id"]
        opening = self._account.add(
            "openings",
            at=application["created_at"],
            job_id=application["job_id"],
            open=False,
            opened_at=application["created_at"],
            closed_at=at,
            application_id=application["id"],
            close_reason_id=reason,
            sort_order=9,
            custom_fields={},
            updated_at=at,
        )
        self._offer(application, "Accepted", at, opening=opening["id"])

    def _offer(self, application: Record, status: str, at: str, *, opening: int | None = None) -> None:
        self._account.add(
            "offers",
            at=at,
            application_id=application["id"],
            candidate_id=application["candidate_id"],
            job_id=application["job_id"],
            opening_id=opening,
            version=1,
            status=status,
            sent_on=at[:10],
            starts_on=at[:10],
            resolved_at=at if status == "Accepted" else None,
            custom_fields={},
        )

    def _pick(self, words: list[Any]) -> Any:
        return words[int(self._random.random() * len(words))]
