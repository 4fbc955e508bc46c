"""How an application goes from one state to the next, whoever asks for it.

Each method is one change, refused with 422 where Greenhouse refuses it. What
an API call has to send is the business of `writes`; a person in the ATS's own
pages comes here directly.
https://harvestdocs.greenhouse.io/reference/post_v3-applications-id-move and
the pages beside it.
"""

from __future__ import annotations

from typing import Any

from .account import Account, Mail
from .hooks import Hooks, about, job_payload
from .refusals import invalid
from .settings import Settings
from .tables import Record


class Transitions:
    def __init__(self, account: Account, settings: Settings, hooks: Hooks) -> None:
        self._account = account
        self._settings = settings
        self._hooks = hooks

    # -- stages --

    def move(self, application: Record, stage: int) -> None:
        """To an active stage of the same job."""
        self._must_be_movable(application)
        target = self._account["job_interview_stages"].find(stage)
        if target is None or target["job_id"] != application["job_id"] or not target["active"]:
            raise invalid("to_stage_id is not an active stage of the application's job.")
        if stage == application["job_interview_stage_id"]:
            raise invalid("The application is already in that stage.")
        self._to_stage(application, stage)

    def advance(self, application: Record) -> None:
        """To the next active stage in the pipeline."""
        self._must_be_movable(application)
        here = self._account["job_interview_stages"].find(application["job_interview_stage_id"])
        order = here["sort_order"] if here else -1
        later = [s for s in self._account.stages(application["job_id"]) if s["sort_order"] > order]
        if not later:
            raise invalid("The application is in the last stage.")
        self._to_stage(application, later[0]["id"])

    def transfer(self, application: Record, job: int, *, stage: int | None = None) -> None:
        """To the first stage of another job, or to a given one."""
        self._must_be_movable(application)
        if job == application["job_id"]:
            raise invalid("The application is on that job already.")
        first = self._landing(job, stage)
        moved = self._account["applications"].change(application["id"], job_id=job, job_post_id=None)
        self._to_stage(moved, first)

    def _landing(self, job: int, stage: int | None) -> int:
        record = self._account["jobs"].find(job)
        if record is None or record["is_template"]:
            raise invalid("There is no such job.")
        self._must_take_writes(record)
        stages = [s["id"] for s in self._account.stages(job)]
        if not stages or (stage is not None and stage not in stages):
            raise invalid("That is not an active stage of the job.")
        return stage if stage is not None else int(stages[0])

    def _to_stage(self, application: Record, stage: int) -> None:
        now, touch = self._account.now(), self._settings.move_touches_application_stages
        left = self._account.leave_stage(application, at=now, touch=touch)
        written = None if touch else (left["updated_at"] if left else application["updated_at"])
        entered = self._account.enter_stage(application, stage, at=now, written=written)
        bumped = self._bump(
            entered,
            updated=self._settings.move_bumps_updated_at,
            active=self._settings.move_bumps_last_activity_at,
        )
        self._mail_by_rule(bumped, stage)
        self._hooks.emit("candidate_stage_change", about(self._account, bumped))

    def _mail_by_rule(self, application: Record, stage: int) -> None:
        # A job's transition rules may mail whoever enters a stage, and a move cannot opt out.
        if stage in self._account.extras.mailing_stages:
            self._account.mails.append(Mail(self._account.clock(), application["id"], "move"))

    # -- how it ends, and back --

    def reject(self, application: Record, reason: int, *, by: int | None, notes: str | None = None) -> None:
        self._must_be_in_process(application)
        if reason not in self._account["rejection_reasons"]:
            raise invalid("rejection_reason_id is unknown.")
        now = self._account.now()
        self._end(application, status="rejected", rejected_at=now, rejection_reason_id=reason)
        note = self._note(notes)
        self._account.add(
            "rejection_details",
            application_id=application["id"],
            rejection_reason_id=reason,
            rejection_note_id=note,
            rejected_at=now,
            rejected_by_id=by,
            question_custom_fields={},
        )
        self._void_offers(application)
        self._tell("reject_candidate", application)

    def _note(self, text: str | None) -> int | None:
        if text is None:
            return None
        notes = self._account.extras.notes
        notes[len(notes) + 1] = text
        return len(notes)

    def _void_offers(self, application: Record) -> None:
        for offer in self._account["offers"].where("application_id", application["id"]):
            if offer["status"] == "Created":
                now = self._account.now()
                voided = self._account["offers"].change(
                    offer["id"], status="Deprecated", resolved_at=now, updated_at=now
                )
                payload = {key: voided[key] for key in ("id", "application_id", "status", "version")}
                self._hooks.emit("offer_updated", payload)

    def unreject(self, application: Record) -> None:
        """Back to the stage it was rejected in."""
        if application["status"] != "rejected":
            raise invalid("The application is not rejected.")
        self._must_take_writes(self._account["jobs"].find(application["job_id"]))
        cleared: dict[str, Any] = {"rejected_at": None}
        if self._settings.unreject_clears_reason:
            cleared["rejection_reason_id"] = None
        detail = self._account.detail(application["id"])
        if detail:
            self._account["rejection_details"].remove(detail["id"])
            if self._settings.unreject_clears_reason:
                self._account.extras.notes.pop(detail["rejection_note_id"], None)
        self._reopen(application, **cleared)
        self._tell("unreject_candidate", application)

    def hire(
        self, application: Record, *, opening: int | None = None, close_reason: int | None = None
    ) -> None:
        """Into an opening of its job."""
        self._must_be_movable(application)
        if close_reason is not None and close_reason not in self._account["close_reasons"]:
            raise invalid("close_reason_id is unknown.")
        filled = self._opening_to_fill(application, opening)
        self._end(application, status="hired")
        if filled:
            self._fill(filled, application, close_reason)
        self._tell("hire_candidate", application)

    def _opening_to_fill(self, application: Record, wanted: int | None) -> Record | None:
        free = {o["id"]: o for o in self._account.open_openings(application["job_id"])}
        if wanted is None and self._settings.hire_defaults_from_offer:
            offers = self._account["offers"].where("application_id", application["id"])
            accepted = [o["opening_id"] for o in offers if o["status"] == "Accepted"]
            wanted = next((opening for opening in accepted if opening in free), None)
        if wanted is not None:
            if wanted not in free:
                raise invalid("opening_id is not an open opening of the application's job.")
            return free[wanted]
        if not free:
            if self._settings.hire_without_opening:
                return None
            raise invalid("The job has no open opening.")
        if len(free) > 1 and self._settings.hire_requires_opening:
            raise invalid("opening_id is required when more than one opening is open.")
        return next(iter(free.values()))

    def _fill(self, opening: Record, application: Record, close_reason: int | None) -> None:
        now = self._account.now()
        filled: dict[str, Any] = {"application_id": application["id"], "updated_at": now}
        if self._settings.hire_closes_opening:
            reason = close_reason or self._hire_reason()
            filled |= {"open": False, "closed_at": now, "close_reason_id": reason}
        self._account["openings"].change(opening["id"], **filled)
        if self._settings.hire_closes_job and not self._account.open_openings(opening["job_id"]):
            closed = self._account["jobs"].change(
                opening["job_id"], status="closed", closed_at=now, updated_at=now
            )
            self._hooks.emit("job_updated", {"job": job_payload(closed)})

    def _hire_reason(self) -> int | None:
        # Close reasons whose names start so count as hires.
        reasons = self._account["close_reasons"]
        return next((int(r["id"]) for r in reasons if r["name"].startswith("Hire -")), None)

    def unhire(self, application: Record) -> None:
        """Undo a hire, which only a person can."""
        if application["status"] != "hired":
            raise invalid("The application is not hired.")
        for opening in self._account["openings"].where("application_id", application["id"]):
            now = self._account.now()
            self._account["openings"].change(
                opening["id"],
                open=True,
                closed_at=None,
                application_id=None,
                close_reason_id=None,
                updated_at=now,
            )
            self._account["jobs"].change(application["job_id"], status="open", closed_at=None, updated_at=now)
        self._reopen(application)
        self._tell("unhire_candidate", application)

    def convert(self, prospect: Record, job: int, *, stage: int | None = None) -> Record:
        """A prospect becomes a candidate: its application ends and a new one begins on a job."""
        self._must_be_in_process(prospect)
        if not prospect["prospect"]:
            raise invalid("The application is not a prospect.")
        first = self._landing(job, stage)
        self._end(prospect, status="converted")
        carried = ("candidate_id", "source_id", "referrer_id", "recruiter_id", "coordinator_id")
        application = self._account.add(
            "applications",
            **{column: prospect[column] for column in (*carried, "location_address")},
            job_id=job,
            status="in_process",
            prospect=False,
            prospective_job_ids=[],
            needs_decision=False,
            answers=[],
            custom_fields={},
            last_activity_at=self._account.now(),
        )
        entered = self._account.enter_stage(application, first, at=self._account.now())
        self._hooks.emit("new_candidate_application", about(self._account, entered))
        return entered

    def correct_reason(self, detail: Record, reason: int) -> Record:
        if reason not in self._account["rejection_reasons"]:
            raise invalid("rejection_reason_id is unknown.")
        now = self._account.now()
        application = self._account["applications"].change(
            detail["application_id"], rejection_reason_id=reason
        )
        self._bump(application, updated=self._settings.status_bumps_updated_at, active=False)
        changed = self._account["rejection_details"].change(
            detail["id"], rejection_reason_id=reason, updated_at=now
        )
        self._tell("application_updated", application)
        return changed

    # -- shared --

    def _must_be_in_process(self, application: Record) -> None:
        if application["status"] != "in_process":
            raise invalid(f"The application is {application['status']}.")
        self._must_take_writes(self._account["jobs"].find(application["job_id"]))

    def _must_take_writes(self, job: Record | None) -> None:
        if self._settings.closed_job_refuses_writes and job and job["status"] == "closed":
            raise invalid("The job is closed.")

    def _must_be_movable(self, application: Record) -> None:
        self._must_be_in_process(application)
        if application["prospect"]:
            raise invalid("A prospect must be converted to a candidate first.")

    def _end(self, application: Record, **changes: Any) -> None:
        touch = self._settings.status_touches_application_stages
        self._account.leave_stage(application, at=self._account.now(), touch=touch)
        self._bump_status(self._account["applications"].change(application["id"], **changes))

    def _reopen(self, application: Record, **changes: Any) -> None:
        """In process again, in the stage held last."""
        now, touch = self._account.now(), self._settings.status_touches_application_stages
        current = self._account["applications"].change(application["id"], status="in_process", **changes)
        held = self._account.held(application["id"])
        if held:
            written = None if touch else held[-1]["updated_at"]
            stage = held[-1]["job_interview_stage_id"]
            current = self._account.enter_stage(current, stage, at=now, written=written)
        self._bump_status(current)

    def _bump_status(self, application: Record) -> None:
        self._bump(
            application,
            updated=self._settings.status_bumps_updated_at,
            active=self._settings.status_bumps_last_activity_at,
        )

    def _bump(self, application: Record, *, updated: bool, active: bool) -> Record:
        now = self._account.now()
        changes = {"updated_at": now} if updated else {}
        if active:
            changes["last_activity_at"] = now
            self._account["candidates"].change(application["candidate_id"], last_activity_at=now)
        return self._account["applications"].change(application["id"], **changes)

    def _tell(self, action: str, application: Record) -> None:
        current = self._account["applications"].find(application["id"])
        if current:
            self._hooks.emit(action, about(self._account, current))
