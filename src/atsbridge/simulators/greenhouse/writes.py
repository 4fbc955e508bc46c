"""The write endpoints: what each takes, and which change it makes.

Bodies: https://harvestdocs.greenhouse.io/reference/post_v3-applications-id-move,
.../post_v3-applications-id-reject, .../post_v3-applications-id-convert-to-candidate.
Those of hire and unreject are known from other clients only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ..interface import SimRequest
from . import times
from .account import Account, Mail
from .refusals import Refused, invalid
from .settings import Settings
from .tables import Record
from .transitions import Transitions

Kind = Callable[[Any], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _moment(value: Any) -> bool:
    try:
        times.seconds(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _anything(_value: Any) -> bool:
    return True


def _list(value: Any) -> bool:
    return isinstance(value, list)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


@frozen
class Outcome:
    """How an accepted write is answered: a status, and the record of a listing where there is one to show."""

    status: int
    record: Record | None = None
    listing: str = "applications"


class Writes:
    """Reads the bodies of write requests and makes the changes they ask for."""

    def __init__(self, account: Account, settings: Settings, transitions: Transitions) -> None:
        self._account = account
        self._settings = settings
        self._transitions = transitions

    def on_application(self, action: str, application: Record, body: Any, *, actor: int) -> Outcome:
        act: Callable[..., Outcome] = getattr(self, f"_{action}")
        return act(application, body, actor)

    def _move(self, application: Record, body: Any, actor: int) -> Outcome:
        ids = ("from_stage_id", "to_stage_id", "to_job_id", "email_from_user_id")
        sent = self._check(body, dict.fromkeys(ids, _whole), required=("from_stage_id",))
        stage, job = sent.get("to_stage_id"), sent.get("to_job_id")
        self._check_sender(sent)
        if stage is not None and job is not None and not self._settings.transfer_takes_stage:
            raise invalid("Send to_stage_id or to_job_id, not both.")
        if job is not None and not self._account.may_act(actor, job):
            raise Refused(403, "You do not have permission for that job.")
        self._check_guard(application, sent["from_stage_id"])
        if job is not None:
            self._transitions.transfer(application, job, stage=stage)
        elif stage is not None:
            self._transitions.move(application, stage)
        else:
            self._transitions.advance(application)
        return Outcome(204)

    def _check_guard(self, application: Record, from_stage: int) -> None:
        """The stage the caller believes in must be the one the application is in."""
        if not self._settings.move_guard or application["status"] != "in_process" or application["prospect"]:
            return
        if application[self._settings.from_stage_id_is] != from_stage:
            raise invalid("from_stage_id is not the current stage of the application.")

    def _reject(self, application: Record, body: Any, actor: int) -> Outcome:
        keys = {
            "rejection_reason_id": _whole,
            "notes": _text,
            "rejection_email": _mapping,
            "custom_fields": _list,
        }
        sent = self._check(body, keys, required=("rejection_reason_id",))
        email = sent.get("rejection_email")
        if email is not None:
            self._check_email(email)
        answers = [self._check_custom(given) for given in sent.get("custom_fields") or ()]
        if application["status"] == "rejected" and not self._settings.second_reject_refused:
            return Outcome(204)
        reason = sent["rejection_reason_id"]
        self._transitions.reject(application, reason, by=actor, notes=sent.get("notes"))
        self._keep_answers(application, dict(answers))
        if email is not None:
            cause = Mail(self._account.clock(), application["id"], "reject", email.get("send_email_at"))
            self._account.mails.append(cause)
        return Outcome(204)

    def _keep_answers(self, application: Record, answers: Mapping[str, Any]) -> None:
        detail = self._account.detail(application["id"])
        if detail and answers:
            self._account["rejection_details"].change(detail["id"], question_custom_fields=dict(answers))

    def _check_email(self, email: Any) -> None:
        keys = {"email_template_id": _whole, "send_email_at": _moment, "email_from_user_id": _whole}
        needed: tuple[str, ...] = ("email_template_id",)
        if not self._settings.email_time_optional:
            needed += ("send_email_at",)
        self._check_sender(self._check(email, keys, required=needed))

    def _check_sender(self, sent: Mapping[str, Any]) -> None:
        sender = sent.get("email_from_user_id")
        if sender is not None and sender not in self._account["users"]:
            raise invalid("email_from_user_id is unknown.")

    def _check_custom(self, given: Any) -> tuple[str, Any]:
        sent = self._check(given, {"name_key": _text, "custom_field_id": _whole, "value": _anything})
        named = sent.get("name_key", sent.get("custom_field_id"))
        if named is None or "value" not in sent:
            raise invalid("A custom field needs name_key or custom_field_id, and value.")
        return str(named), {"name": str(named), "type": "short_text", "value": sent["value"]}

    def _unreject(self, application: Record, body: Any, _actor: int) -> Outcome:
        self._check({} if body is None else body, {})
        if application["status"] == "rejected" or self._settings.needless_unreject_refused:
            self._transitions.unreject(application)
        return self._shown(self._settings.unreject_answer, application)

    def _hire(self, application: Record, body: Any, _actor: int) -> Outcome:
        keys = {"start_date": _moment, "opening_id": _whole, "close_reason_id": _whole}
        sent = self._check({} if body is None else body, keys)
        opening, reason = sent.get("opening_id"), sent.get("close_reason_id")
        self._transitions.hire(application, opening=opening, close_reason=reason)
        return self._shown(self._settings.hire_answer, application)

    def _convert_to_candidate(self, application: Record, body: Any, actor: int) -> Outcome:
        keys = {"job_id": _whole, "to_job_interview_stage_id": _whole}
        sent = self._check(body, keys, required=("job_id",))
        if not self._account.may_act(actor, sent["job_id"]):
            raise Refused(403, "You do not have permission for that job.")
        stage = sent.get("to_job_interview_stage_id")
        made = self._transitions.convert(application, sent["job_id"], stage=stage)
        return self._shown(self._settings.convert_answer, made)

    def correct_reason(self, detail: Record, body: Any) -> Outcome:
        sent = self._check(body, {"rejection_reason_id": _whole}, required=("rejection_reason_id",))
        changed = self._transitions.correct_reason(detail, sent["rejection_reason_id"])
        return Outcome(200, changed, "rejection_details")

    def _shown(self, status: int, application: Record) -> Outcome:
        record = None if status == 204 else self._account["applications"].find(application["id"])
        return Outcome(status, record)

    def _check(
        self, body: Any, keys: Mapping[str, Kind], *, required: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """The body's documented keys that are not null, each of its kind."""
        if not isinstance(body, dict):
            raise invalid("The body must be a JSON object.")
        sent = {key: value for key, value in body.items() if value is not None}
        faults = [f"{key} is required." for key in required if key not in sent]
        if self._settings.strict_bodies:
            faults += [f"{key} is not a parameter." for key in body if key not in keys]
        faults += [
            f"{key} is invalid." for key, value in sent.items() if key in keys and not keys[key](value)
        ]
        if faults:
            raise Refused(422, *faults)
        return {key: value for key, value in sent.items() if key in keys}


def read_body(request: SimRequest) -> Any:
    """A request's JSON; None where there is no body."""
    if not request.body.strip():
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise invalid("The Content-Type must be application/json.")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise invalid("The body is not valid JSON.") from None
