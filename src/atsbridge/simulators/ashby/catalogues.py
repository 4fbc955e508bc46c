"""The endpoints of what a customer has set up, and of postings, openings and offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .answers import Row
from .api import SYNC, Api, Body, Endpoint, as_is, chosen, created_after, endpoint

ACCEPTANCES = ("Accepted", "Declined", "Pending", "Created", "Cancelled", "WaitingOnResponse")
OFFER_STATES = (
    "WaitingOnApprovalStart", "WaitingOnOfferApproval", "WaitingOnApprovalDefinition",
    "WaitingOnCandidateResponse", "CandidateRejected", "CandidateAccepted", "OfferCancelled",
)  # fmt: skip


def _listing(table: str) -> Callable[[Api, Body], Row]:
    """All rows in one answer, the archived ones where they are asked for."""

    def handle(api: Api, body: Body) -> Row:
        rows = [r for r in api.account[table] if body.get("includeArchived") or not r.get("isArchived")]
        return {"results": [as_is(row) for row in rows], "moreDataAvailable": False}

    return handle


def _info(table: str, key: str, code: str) -> Callable[[Api, Body], Row]:
    return lambda api, body: {"results": as_is(api.account[table].find(body.get(key), code))}


def _list_postings(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return (
            api.job_seen(api.account["job"].rows[row["jobId"]])
            and (not body.get("listedOnly") or row["isListed"])
            and (row.get("_published", True) or bool(body.get("includeUnpublishedJobPostings")))
            and body.get("jobBoardId") in (None, row.get("_board"))
            and body.get("location", row["locationName"]) == row["locationName"]
            and body.get("department", row["departmentName"]) == row["departmentName"]
        )

    return {"results": [as_is(row) for row in api.account["jobPosting"] if fits(row)]}


def _posting_info(api: Api, body: Body) -> Row:
    code = "job_posting_not_found"
    row = api.account["jobPosting"].find(body.get("jobPostingId"), code)
    if not api.job_seen(api.account["job"].rows[row["jobId"]]):
        row = api.account["jobPosting"].find("", code)
    return {"results": as_is(row)}


def _search_openings(api: Api, body: Body) -> Row:
    named = [o for o in api.account["opening"] if o.get("identifier") == body.get("identifier")]
    return {"results": [as_is(row) for row in named]}


def _list_openings(api: Api, body: Body) -> Row:
    return api.paged("opening.list", body, [as_is(row) for row in api.account["opening"]])


def _list_offers(api: Api, body: Body) -> Row:
    for key, words in (("offerStatus", OFFER_STATES), ("acceptanceStatus", ACCEPTANCES)):
        chosen(body, key, words)

    def fits(row: Row) -> bool:
        application = api.account["application"].rows.get(row["applicationId"])
        return (
            application is not None
            and api.seen(application)
            and bool(body.get("applicationId", row["applicationId"]) == row["applicationId"])
            and all(
                row.get(name) in body.get(key, [row.get(name)])
                for key, name in (
                    ("offerStatus", "offerStatus"), ("acceptanceStatus", "acceptanceStatus"),
                    ("approvalStatus", "_approval"),
                )
            )
            and created_after(body, row.get("latestVersion") or {})
        )  # fmt: skip

    return api.listed("offer", body, fits, as_is)


def _offer_info(api: Api, body: Body) -> Row:
    row = api.account["offer"].find(body.get("offerId"), "offer_not_found")
    api.application(row["applicationId"])
    return {"results": as_is(row)}


_META = "hiringProcessMetadataRead"
CATALOGUES: Mapping[str, Endpoint] = {
    "archiveReason.list": endpoint(_META, "includeArchived", _listing("archiveReason")),
    "closeReason.list": endpoint(_META, "includeArchived", _listing("closeReason")),
    "source.list": endpoint(_META, "includeArchived", _listing("source")),
    "customField.list": endpoint(_META, "includeArchived", _listing("customField")),
    "communicationTemplate.list": endpoint(_META, "", _listing("communicationTemplate")),
    "department.list": endpoint("organizationRead", "includeArchived", _listing("department")),
    "location.list": endpoint("organizationRead", "includeArchived", _listing("location")),
    "interviewStageGroup.list": endpoint("interviewsRead", "", _listing("interviewStageGroup")),
    "interviewSchedule.list": endpoint(
        "interviewsRead", SYNC, lambda a, b: a.listed("interviewSchedule", b, lambda _row: True, as_is)
    ),
    "jobPosting.list": endpoint(
        "jobsRead", "location department listedOnly jobBoardId includeUnpublishedJobPostings", _list_postings
    ),
    "jobPosting.info": endpoint("jobsRead", "jobPostingId", _posting_info),
    "opening.list": endpoint("jobsRead", "cursor limit", _list_openings),
    "opening.info": endpoint("jobsRead", "openingId", _info("opening", "openingId", "opening_not_found")),
    "opening.search": endpoint("jobsRead", "identifier", _search_openings),
    "offer.list": endpoint(
        "offersRead",
        f"applicationId offerStatus acceptanceStatus approvalStatus createdAfter {SYNC}",
        _list_offers,
    ),
    "offer.info": endpoint("offersRead", "offerId", _offer_info),
}
"""These methods, by their names."""
