"""One customer's account: the tables, and what holds between them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from attrs import define, frozen

from . import times
from .listings import LISTINGS
from .tables import Lag, Record, Table

# Each kind counts for itself, from far apart and beyond 32 bits where real accounts are, so that an id of
# one kind passed as another's finds nothing.
FIRST_IDS = {
    "jobs": 4_000_123_000,
    "openings": 610_500_000,
    "job_posts": 6_100_010_000,
    "job_interview_stages": 8_800_100_000,
    "application_stages": 99_007_700_000,
    "applications": 55_501_000_000,
    "candidates": 33_301_000_000,
    "rejection_reasons": 800,
    "rejection_details": 7_700_400_000,
    "users": 9_001_000,
    "offers": 120_300_000,
    "close_reasons": 300,
    "job_owners": 450_000,
    "job_hiring_managers": 480_000,
    "sources": 2_100,
    "user_job_permissions": 520_000,
}
REASON_TYPES = {
    "WE_REJECTED_THEM": {"id": 1, "key": "WE_REJECTED_THEM", "name": "We rejected them"},
    "THEY_REJECTED_US": {"id": 2, "key": "THEY_REJECTED_US", "name": "They rejected us"},
    "NONE_SPECIFIED": {"id": 3, "key": "NONE_SPECIFIED", "name": "None specified"},
    "SECURITY_CONCERN": {"id": 4, "key": "SECURITY_CONCERN", "name": "Security concern"},
}


@frozen
class Mail:
    """A message that would have gone to a candidate, and which write set it off."""

    at: float
    application: int
    cause: str
    send_at: str | None = None


@define
class Extras:
    """What an account holds that no list endpoint shows."""

    default_reasons: set[int]
    """Greenhouse's built-in rejection reasons."""
    service_users: set[int]
    private_readers: set[int]
    """Users who may see private candidates."""
    mailing_stages: set[int]
    """Stages with a transition rule that mails the candidate."""
    notes: dict[int, str]
    """Rejection notes by their id."""
    deleted_applications: set[int]
    bulk_requests: dict[str, Any]


class Account:
    """The records, by listing name, and the few rules that keep them whole."""

    def __init__(self, clock: Callable[[], float], *, seed: int = 1) -> None:
        self.clock = clock
        self.random = random.Random(seed)
        self.lag = Lag()
        self.tables = {n: Table(n, indexed=li.indexed, lag=self.lag) for n, li in LISTINGS.items()}
        self.extras = Extras(set(), set(), set(), set(), {}, set(), {})
        self.mails: list[Mail] = []
        self.service_user = 0
        self._last_id = dict(FIRST_IDS)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]

    def now(self) -> str:
        return times.stamp(self.clock())

    def add(self, name: str, /, *, at: str | None = None, **fields: Any) -> Record:
        """A new record; what is not given is null, and both of its times are ``at`` or now."""
        made = at or self.now()
        record = dict.fromkeys(LISTINGS[name].words)
        record.update(id=self.new_id(name), created_at=made, updated_at=made)
        record.update(fields)
        return self.tables[name].insert(record)

    def new_id(self, name: str) -> int:
        self._last_id[name] += 1 + int(self.random.random() * 5)
        return self._last_id[name]

    def take(self, name: str, record: Record) -> None:
        """A record from elsewhere, with its own id."""
        self.tables[name].insert({**dict.fromkeys(LISTINGS[name].words), **record})
        self._last_id[name] = max(self._last_id[name], record["id"])

    # -- what belongs to what --

    def stages(self, job: int, *, active: bool = True) -> list[Record]:
        """A job's stages in pipeline order."""
        found = self["job_interview_stages"].where("job_id", job)
        return sorted(
            (s for s in found if s["active"] or not active), key=lambda s: (s["sort_order"], s["id"])
        )

    def held(self, application: int) -> list[Record]:
        """The stages an application has occupied, oldest first."""
        return self["application_stages"].where("application_id", application)

    def detail(self, application: int) -> Record | None:
        return next(iter(self["rejection_details"].where("application_id", application)), None)

    def open_openings(self, job: int) -> list[Record]:
        return [o for o in self["openings"].where("job_id", job) if o["open"]]

    def reason_key(self, reason: object) -> str | None:
        record = self["rejection_reasons"].find(reason)
        return record["type"]["key"] if record else None

    def enter_stage(self, application: Record, stage: int, *, at: str, written: str | None = None) -> Record:
        """Open an application_stages row and stand the application on it.

        Args:
            at: when it was entered.
            written: the row's own created_at and updated_at, where they are not ``at``.
        """
        row = self.add(
            "application_stages",
            at=written or at,
            application_id=application["id"],
            job_interview_stage_id=stage,
            entered_at=at,
            current=True,
            days_in_stage=0,
        )
        name = (self["job_interview_stages"].find(stage) or {}).get("name")
        return self["applications"].change(
            application["id"], stage_id=row["id"], job_interview_stage_id=stage, stage_name=name
        )

    def leave_stage(self, application: Record, *, at: str, touch: bool = True) -> Record | None:
        """Close the current application_stages row, if there is one."""
        row = self["application_stages"].find(application["stage_id"])
        if row is None:
            return None
        entered = row["entered_at"]
        days = int((times.seconds(at) - times.seconds(entered)) // times.DAY) if entered else 0
        stamped = {"updated_at": at} if touch else {}
        self["application_stages"].change(
            row["id"], exited_at=at, current=False, days_in_stage=max(days, 0), **stamped
        )
        self["applications"].change(
            application["id"], stage_id=None, job_interview_stage_id=None, stage_name=None
        )
        return row

    # -- who may see and do what --

    def secret_jobs(self, user: int) -> frozenset[int]:
        """The confidential jobs that this user was not granted."""
        secret = {job["id"] for job in self["jobs"] if job["confidential"]}
        if not secret:
            return frozenset()
        granted = {p["job_id"] for p in self["user_job_permissions"].where("user_id", user)}
        return frozenset(secret - granted)

    def secret_people(self, user: int) -> frozenset[int]:
        if user in self.extras.private_readers:
            return frozenset()
        return frozenset(c["id"] for c in self["candidates"].where("private", True))

    def sight(self, user: int, listing: str) -> Callable[[Record], bool] | None:
        """A test of the records of a listing that this user may see; None where that is all."""
        jobs, people = self.secret_jobs(user), self.secret_people(user)
        if not jobs and not people:
            return None

        def plain(record: Record) -> bool:
            return record.get("job_id") not in jobs and record.get("candidate_id") not in people

        def of_application(record: Record) -> bool:
            application = self["applications"].find(record["application_id"])
            return application is None or plain(application)

        if listing == "jobs":
            return lambda record: record["id"] not in jobs
        if listing == "candidates":
            return lambda record: record["id"] not in people
        if listing in ("application_stages", "rejection_details"):
            return of_application
        return plain

    def may_act(self, user: int, job: int | None) -> bool:
        """Site admins on all jobs but the confidential ones they were not granted; others where permitted."""
        record = self["users"].find(user)
        if record is None or record["deactivated"]:
            return False
        if record["site_admin"]:
            return job not in self.secret_jobs(user)
        return any(p["job_id"] == job for p in self["user_job_permissions"].where("user_id", user))
