"""What people do to persons and jobs in Greenhouse's own pages, beside moving applications on."""

from __future__ import annotations

from typing import Any

from .account import Account
from .hooks import Hooks, about, candidate_payload, job_payload
from .refusals import invalid
from .settings import Settings
from .tables import Record

ANONYMISED: dict[str, Any] = {
    "preferred_name": None,
    "company": None,
    "title": None,
    "email_addresses": [],
    "phone_numbers": [],
    "addresses": [],
    "website_addresses": [],
    "social_media_addresses": [],
    "tags": [],
    "custom_fields": {},
}


class Office:
    """Applying, editing, deleting, merging, anonymising, and the care of stages."""

    def __init__(self, account: Account, settings: Settings, hooks: Hooks) -> None:
        self._account = account
        self._settings = settings
        self._hooks = hooks

    def apply(self, given: str, family: str, *, email: str | None, job: int) -> Record:
        """Somebody applies to an open job and lands in its first stage."""
        record = self._account["jobs"].find(job)
        stages = self._account.stages(job)
        if record is None or record["status"] != "open" or record["is_template"] or not stages:
            raise invalid("The job takes no applications.")
        now = self._account.now()
        candidate = self._account.add("candidates", **new_candidate(given, family, email=email, active=now))
        application = self._account.add(
            "applications", **new_application(candidate["id"], job=job, active=now)
        )
        entered = self._account.enter_stage(application, stages[0]["id"], at=now)
        self._hooks.emit("new_candidate_application", about(self._account, entered))
        return entered

    def edit(self, application: Record) -> None:
        """A new address on the application, a new tag on the person."""
        now = self._account.now()
        changed = self._account["applications"].change(
            application["id"], location_address=f"Moved on {now[:10]}", updated_at=now
        )
        person = self._account["candidates"].find(application["candidate_id"])
        if person:
            tags = [*person["tags"], f"edited {len(person['tags']) + 1}"]
            person = self._account["candidates"].change(person["id"], tags=tags, updated_at=now)
            self._hooks.emit("update_candidate", {"candidate": candidate_payload(person)})
        self._hooks.emit("application_updated", about(self._account, changed))

    # -- going away --

    def delete_application(self, application: Record) -> None:
        payload = {k: application[k] for k in ("id", "candidate_id", "job_id", "status", "prospect")}
        self._remove_application(application)
        self._hooks.emit("delete_application", {"application": payload})

    def delete_candidate(self, candidate: int) -> None:
        """The person and all applications; one message tells of all."""
        gone = self._account["applications"].where("candidate_id", candidate)
        for application in gone:
            self._remove_application(application)
        self._account["candidates"].remove(candidate)
        payload = {"person": {"id": candidate}, "deleted_application_ids": [a["id"] for a in gone]}
        self._hooks.emit("delete_candidate", payload)

    def _remove_application(self, application: Record) -> None:
        id = application["id"]
        for table in ("application_stages", "rejection_details", "offers"):
            for record in self._account[table].where("application_id", id):
                self._account[table].remove(record["id"])
        for opening in self._account["openings"].where("application_id", id):
            self._account["openings"].change(opening["id"], application_id=None)
        self._account["applications"].remove(id)
        self._account.extras.deleted_applications.add(id)

    def merge(self, loser: int, survivor: int) -> None:
        """One person's applications go to another, and the person goes."""
        if loser == survivor:
            raise invalid("A person cannot be merged with itself.")
        now = self._account.now()
        for application in self._account["applications"].where("candidate_id", loser):
            self._account["applications"].change(application["id"], candidate_id=survivor, updated_at=now)
            for offer in self._account["offers"].where("application_id", application["id"]):
                self._account["offers"].change(offer["id"], candidate_id=survivor, updated_at=now)
        self._account["candidates"].remove(loser)
        self._account["candidates"].change(survivor, updated_at=now)
        self._hooks.emit("merge_candidate", {"person": {"id": loser}, "new_candidate_id": survivor})

    def anonymise(self, candidate: int) -> None:
        now = self._account.now()
        self._account["candidates"].change(
            candidate, first_name="Anonymized", last_name=str(candidate), updated_at=now, **ANONYMISED
        )
        for application in self._account["applications"].where("candidate_id", candidate):
            self._account["applications"].change(
                application["id"], location_address=None, answers=[], custom_fields={}, updated_at=now
            )
            if self._settings.anonymise_stage_data:
                self._forget_stages(application["id"])
        names = ["full_name", *ANONYMISED]
        self._hooks.emit("candidate_anonymized", {"candidate_id": candidate, "anonymized_fields": names})

    def _forget_stages(self, id: int) -> None:
        """Without its stage data an application begins anew: first stage, and created now."""
        for row in self._account["application_stages"].where("application_id", id):
            self._account["application_stages"].remove(row["id"])
        now = self._account.now()
        application = self._account["applications"].change(id, created_at=now)
        stages = self._account.stages(application["job_id"]) if application["job_id"] else []
        if application["status"] == "in_process" and stages:
            self._account.enter_stage(application, stages[0]["id"], at=now)

    # -- jobs and their stages --

    def close_job(self, job: int) -> None:
        """All of its openings, and thereby the job."""
        now = self._account.now()
        for opening in self._account.open_openings(job):
            self._account["openings"].change(opening["id"], open=False, closed_at=now, updated_at=now)
        closed = self._account["jobs"].change(job, status="closed", closed_at=now, updated_at=now)
        self._hooks.emit("job_updated", {"job": job_payload(closed)})

    def rename_stage(self, stage: int, name: str) -> None:
        """Applications show the new name at once, though nothing says that they changed."""
        record = self._account["job_interview_stages"].change(
            stage, name=name, updated_at=self._account.now()
        )
        for application in self._account["applications"].where("job_id", record["job_id"]):
            if application["job_interview_stage_id"] == stage:
                self._account["applications"].change(application["id"], stage_name=name)
        job = self._account["jobs"].find(record["job_id"])
        if job:
            self._hooks.emit("job_updated", {"job": job_payload(job)})

    def deactivate_stage(self, stage: int) -> None:
        """Out of the job's plan; it is kept for history, and for whoever is in it."""
        record = self._account["job_interview_stages"].change(
            stage, active=False, updated_at=self._account.now()
        )
        payload = {k: record[k] for k in ("id", "job_id", "name", "active")}
        self._hooks.emit("job_interview_stage_deleted", {"job_interview_stage": payload})


def new_candidate(given: str, family: str, *, email: str | None, active: str) -> dict[str, Any]:
    return {
        "first_name": given,
        "last_name": family,
        "email_addresses": [{"value": email, "type": "personal"}] if email else [],
        "phone_numbers": [],
        "addresses": [],
        "website_addresses": [],
        "social_media_addresses": [],
        "tags": [],
        "private": False,
        "can_email": True,
        "linked_user_ids": [],
        "last_activity_at": active,
        "custom_fields": {},
    }


def new_application(candidate: int, *, job: int | None, active: str) -> dict[str, Any]:
    return {
        "candidate_id": candidate,
        "job_id": job,
        "status": "in_process",
        "prospect": job is None,
        "prospective_job_ids": [],
        "needs_decision": False,
        "last_activity_at": active,
        "answers": [],
        "custom_fields": {},
    }
