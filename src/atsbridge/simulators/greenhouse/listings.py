"""The list endpoints of Harvest v3: which exist, what they can be asked, what their records hold.

Read from https://harvestdocs.greenhouse.io/docs/list-endpoints and the
references ``get_v3-<listing>`` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from attrs import field, frozen

from .conditions import (
    Filter,
    among,
    current_offers,
    custom_option,
    date,
    email_is,
    flag,
    moment,
    one_id,
    overlapping,
    tagged,
    text_in,
    text_is,
    word,
)

COMMON: Mapping[str, Filter] = {
    "ids": among("id"),
    "created_at": moment("created_at"),
    "updated_at": moment("updated_at"),
}
PLAIN = frozenset({"cursor", "per_page", "fields"})
"""Parameters of every list that are no filters."""


@frozen(kw_only=True)
class Listing:
    """One list endpoint.

    Args:
        fields: what a record holds, beside id, created_at and updated_at.
        filters: beside the common ones.
        widened_by: a parameter that lets records through which are else left out.
        indexed: columns a parent filter or the simulator itself looks up.
    """

    name: str
    fields: tuple[str, ...]
    filters: Mapping[str, Filter] = field(factory=dict)
    widened_by: str | None = None
    indexed: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        return f"harvest:{self.name}:list"

    @property
    def words(self) -> tuple[str, ...]:
        return ("id", *self.fields, "created_at", "updated_at")

    def filter_for(self, parameter: str) -> Filter | None:
        return self.filters.get(parameter) or COMMON.get(parameter)

    def takes(self, parameter: str) -> bool:
        known = parameter in PLAIN or parameter == self.widened_by
        return known or self.filter_for(parameter) is not None


def _parents(*columns: str) -> dict[str, Filter]:
    """``job_id`` becomes the parameter ``job_ids``."""
    return {f"{column}s": among(column) for column in columns}


def _same(make: Callable[[str], Filter], *columns: str) -> dict[str, Filter]:
    return {column: make(column) for column in columns}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


JOBS = Listing(
    name="jobs",
    fields=_words(
        "name status requisition_id confidential is_template copied_from_id department_id office_ids notes"
        " opened_at closed_at custom_fields"
    ),
    filters={
        **_same(moment, "opened_at", "closed_at"),
        "requisition_id": text_is("requisition_id"),
        "department_id": one_id("department_id"),
        "office_id": one_id("office_ids"),
        "custom_field_option_id": custom_option,
        "confidential": flag("confidential"),
        "status": word("status", {w: w for w in ("open", "draft", "closed")}),
    },
)
OPENINGS = Listing(
    name="openings",
    fields=_words(
        "job_id opening_id open opened_at closed_at application_id close_reason_id target_start_on sort_order"
        " custom_fields"
    ),
    filters={
        **_parents("job_id", "application_id", "close_reason_id"),
        **_same(moment, "opened_at", "closed_at"),
        "open": flag("open"),
        "opening_id": text_is("opening_id"),
    },
    indexed=("job_id", "application_id"),
)
JOB_POSTS = Listing(
    name="job_posts",
    fields=_words(
        "job_id title content internal_content internal live active featured language job_board_id public_url"
        " first_published_at questions demographic_question_set_id"
    ),
    filters={
        **_parents("job_id", "job_board_id"),
        **_same(flag, "active", "live", "featured", "internal"),
    },
    indexed=("job_id",),
)
STAGES = Listing(
    name="job_interview_stages",
    fields=_words("job_id name sort_order active"),
    filters={**_parents("job_id"), "active": flag("active")},
    indexed=("job_id",),
)
APPLICATION_STAGES = Listing(
    name="application_stages",
    fields=_words("application_id job_interview_stage_id entered_at exited_at days_in_stage current"),
    filters={**_parents("application_id", "job_interview_stage_id"), "current": flag("current")},
    indexed=("application_id",),
)
# A query says `active` where the record says `in_process`.
APPLICATION_STATUSES = {
    "active": "in_process",
    "rejected": "rejected",
    "hired": "hired",
    "converted": "converted",
}
APPLICATIONS = Listing(
    name="applications",
    fields=_words(
        "candidate_id job_id job_post_id status stage_id job_interview_stage_id stage_name prospect"
        " prospective_job_ids rejected_at rejection_reason_id needs_decision source_id referrer_id"
        " recruiter_id coordinator_id last_activity_at location_address answers agency_note_id custom_fields"
    ),
    filters={
        # stage_ids are ids of application_stages, not of job_interview_stages.
        **_parents("candidate_id", "job_id", "job_post_id", "source_id", "referrer_id", "stage_id"),
        "prospective_job_ids": overlapping("prospective_job_ids"),
        "status": word("status", APPLICATION_STATUSES),
        "stage_name": text_is("stage_name"),
        "custom_field_option_id": custom_option,
        "last_activity_at": moment("last_activity_at"),
        "prospect": flag("prospect"),
    },
    indexed=("candidate_id", "job_id"),
)
CANDIDATES = Listing(
    name="candidates",
    fields=_words(
        "first_name last_name preferred_name company title email_addresses phone_numbers addresses"
        " website_addresses social_media_addresses tags private can_email time_zone linked_user_ids"
        " last_activity_at custom_fields"
    ),
    filters={
        "last_activity_at": moment("last_activity_at"),
        "custom_field_option_id": custom_option,
        "private": flag("private"),
        "email": email_is,
        "tag": tagged,
    },
    indexed=("private",),
)
REJECTION_REASONS = Listing(
    name="rejection_reasons", fields=_words("name type"), widened_by="include_defaults"
)
REJECTION_DETAILS = Listing(
    name="rejection_details",
    fields=_words(
        "application_id rejection_reason_id rejection_note_id rejected_at rejected_by_id"
        " question_custom_fields"
    ),
    filters={
        **_parents("application_id", "rejection_reason_id"),
        "custom_field_option_id": custom_option,
    },
    indexed=("application_id",),
)
USERS = Listing(
    name="users",
    fields=_words(
        "name first_name last_name primary_email emails employee_id job_title site_admin deactivated"
        " agency_id department_ids office_ids linked_candidate_ids interviewer_tags custom_fields"
    ),
    filters={
        "deactivated": flag("deactivated"),
        "primary_email": text_is("primary_email"),
        "employee_ids": text_in("employee_id"),
        "office_ids": overlapping("office_ids"),
        "department_ids": overlapping("department_ids"),
        "agency_ids": among("agency_id"),
    },
    widened_by="show_service_accounts",
)
OFFER_STATUSES = ("Created", "Accepted", "Rejected", "Deprecated")
OFFERS = Listing(
    name="offers",
    fields=_words(
        "application_id candidate_id job_id opening_id version status sent_on starts_on resolved_at"
        " custom_fields"
    ),
    filters={
        **_parents("application_id", "job_id", "candidate_id", "opening_id"),
        "status": word("status", {w: w for w in OFFER_STATUSES}),
        "current_only": current_offers,
        "resolved_at": moment("resolved_at"),
        **_same(date, "sent_on", "starts_on"),
    },
    indexed=("application_id",),
)
CLOSE_REASONS = Listing(name="close_reasons", fields=("name",))
JOB_OWNERS = Listing(
    name="job_owners",
    fields=_words("job_id user_id type responsible"),
    filters=_parents("job_id", "user_id"),
)
JOB_HIRING_MANAGERS = Listing(
    name="job_hiring_managers", fields=_words("job_id user_id"), filters=_parents("job_id", "user_id")
)
SOURCES = Listing(name="sources", fields=_words("name type"))
USER_JOB_PERMISSIONS = Listing(
    name="user_job_permissions",
    fields=_words("user_id job_id"),
    filters=_parents("job_id", "user_id"),
    indexed=("user_id",),
)

LISTINGS: Mapping[str, Listing] = {
    listing.name: listing
    for listing in (
        JOBS,
        OPENINGS,
        JOB_POSTS,
        STAGES,
        APPLICATION_STAGES,
        APPLICATIONS,
        CANDIDATES,
        REJECTION_REASONS,
        REJECTION_DETAILS,
        USERS,
        OFFERS,
        CLOSE_REASONS,
        JOB_OWNERS,
        JOB_HIRING_MANAGERS,
        SOURCES,
        USER_JOB_PERMISSIONS,
    )
}
WRITE_SCOPES = (
    "harvest:applications:move",
    "harvest:applications:reject",
    "harvest:applications:unreject",
    "harvest:applications:hire",
    "harvest:applications:convert_to_candidate",
    "harvest:rejection_details:update",
)
ACCESS = (
    *(
        listing.scope
        for listing in (
            JOBS,
            JOB_POSTS,
            JOB_OWNERS,
            JOB_HIRING_MANAGERS,
            STAGES,
            APPLICATIONS,
            APPLICATION_STAGES,
            CANDIDATES,
            REJECTION_REASONS,
            REJECTION_DETAILS,
            USERS,
        )
    ),
    *WRITE_SCOPES[:4],
)
"""Scopes for following applications, and for the four writes to them that change stage or status."""
SCOPES = frozenset(
    {*(listing.scope for listing in LISTINGS.values()), "harvest:bulk_requests:list", *WRITE_SCOPES}
)
