"""The switches of the Greenhouse simulator: one per fact that the vendor's pages leave open.

Each default is the reading that most sources share. A program that holds
under every combination holds whatever Greenhouse really does.
"""

from __future__ import annotations

from typing import Any, Literal, cast

import attrs
from attrs import frozen


def _switch(default: Any, says: str) -> Any:
    return attrs.field(default=default, metadata={"says": says})


def _among(*words: object) -> Any:
    return attrs.validators.in_(words)


@frozen(kw_only=True)
class Settings:
    """How this account behaves; `says` below explains each."""

    # -- tokens and limits --
    rate_limit: int = _switch(75, "requests per 30 second window (no number is promised)")
    token_rate_limit: int = _switch(75, "token requests per 60 second window")
    new_token_revokes: bool = _switch(True, "a new token of a client id revokes the one before")
    token_lifetime: float = _switch(3600.0, "seconds a client-credentials token lives")
    scope_claim: Literal["scope", "scopes"] = attrs.field(
        default="scope",
        validator=_among("scope", "scopes"),
        metadata={"says": "the token's claim for scopes: 'scope' is one text, 'scopes' a list"},
    )
    introspection_path: str = _switch("/introspect", "where tokens can be introspected")
    auth_error_key: Literal["errors", "message"] = attrs.field(
        default="errors",
        validator=_among("errors", "message"),
        metadata={"says": "the body of a 401 or 403: a list under 'errors' or a text under 'message'"},
    )
    request_id: bool = _switch(True, "answers carry X-Request-Id")

    # -- who sees what --
    non_admin_lists: Literal["forbidden", "empty"] = attrs.field(
        default="forbidden",
        validator=_among("forbidden", "empty"),
        metadata={"says": "a list asked for by somebody who is not a Site Admin: 403, or no data"},
    )
    sees_confidential: bool = _switch(False, "a generated account's service user may see confidential jobs")
    sees_private: bool = _switch(True, "a generated account's service user may see private candidates")

    # -- reading --
    single_application_get: bool = _switch(False, "GET /v3/applications/{id} exists")
    unknown_id_status: int = _switch(404, "the answer to an unknown id in a path")
    has_job_interview_stage_id: bool = _switch(True, "applications carry job_interview_stage_id")
    has_rejection_reason_id: bool = _switch(True, "applications carry rejection_reason_id")
    unknown_fields_refused: bool = _switch(
        True, "an unknown name in fields= is a 422; else it is passed over"
    )
    cursor_lifetime: float | None = _switch(3600.0, "seconds until a cursor expires; None for never")
    visible_after: float = _switch(0.0, "seconds until an accepted write shows in reads")
    security_concern: bool = _switch(False, "a generated account has a reason of type SECURITY_CONCERN")

    # -- what a change of stage or status touches --
    move_bumps_updated_at: bool = _switch(False, "a stage change moves applications.updated_at")
    move_bumps_last_activity_at: bool = _switch(True, "a stage change moves applications.last_activity_at")
    move_touches_application_stages: bool = _switch(
        True,
        "a stage change stamps the application_stages rows it closes and opens; else they keep old times",
    )
    status_bumps_updated_at: bool = _switch(True, "reject, unreject and hire move applications.updated_at")
    status_bumps_last_activity_at: bool = _switch(
        True, "reject, unreject and hire move applications.last_activity_at"
    )
    status_touches_application_stages: bool = _switch(
        True, "reject, unreject and hire stamp the application_stages rows they close and open"
    )

    # -- writing --
    from_stage_id_is: Literal["job_interview_stage_id", "stage_id"] = attrs.field(
        default="job_interview_stage_id",
        validator=_among("job_interview_stage_id", "stage_id"),
        metadata={"says": "which field of the application a move's from_stage_id is compared with"},
    )
    move_guard: bool = _switch(True, "a move whose from_stage_id is not the current stage is a 422")
    transfer_takes_stage: bool = _switch(False, "to_job_id and to_stage_id may be sent together")
    closed_job_refuses_writes: bool = _switch(False, "status writes on a closed job are a 422")
    strict_bodies: bool = _switch(True, "an undocumented key in a body is a 422; else it is passed over")
    second_reject_refused: bool = _switch(
        True, "rejecting a rejected application is a 422; else nothing happens"
    )
    needless_unreject_refused: bool = _switch(
        True, "unrejecting an application that is not rejected is a 422; else nothing happens"
    )
    unreject_clears_reason: bool = _switch(
        True, "unreject clears the application's reason and rejection notes"
    )
    unreject_answer: int = _switch(204, "the answer to unreject: 204, or 200 with the record")
    email_time_optional: bool = _switch(True, "rejection_email without send_email_at mails at once; else 422")
    hire_answer: int = _switch(204, "the answer to hire: 204, or 200 with the record")
    hire_requires_opening: bool = _switch(True, "opening_id is required when more than one opening is open")
    hire_without_opening: bool = _switch(True, "a hire is possible when no opening is open")
    hire_defaults_from_offer: bool = _switch(True, "an accepted offer names the opening if the hire does not")
    hire_closes_opening: bool = _switch(True, "a hire closes the opening it fills")
    hire_closes_job: bool = _switch(True, "the job closes with its last open opening")
    convert_answer: int = _switch(200, "the answer to convert_to_candidate: 200 with the new record, or 204")

    # -- privacy and web hooks --
    anonymise_stage_data: bool = _switch(
        False, "anonymising takes the stage data too: first stage again, created_at anew"
    )
    hook_url: str = _switch(
        "", "a receiver on loopback, http://127.0.0.1:PORT/PATH, that the web hook posts to"
    )
    hook_accepts_any_2xx: bool = _switch(False, "a web hook answered 2xx other than 200 counts as delivered")


def switch_names() -> dict[str, str]:
    """Every switch and what it does."""
    return {a.name: cast(str, a.metadata["says"]) for a in attrs.fields(Settings)}
