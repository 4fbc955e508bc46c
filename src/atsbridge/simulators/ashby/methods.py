"""The endpoints about jobs, people and applications, the key and its web hooks."""

from __future__ import annotations

from collections.abc import Mapping

from .account import STATUS_OF
from .answers import Refusal, Row, invalid
from .api import LIMIT, PAGING, SYNC, Api, Body, Endpoint, as_is, chosen, created_after, endpoint, millis

VERSION = "2026-01-01"


def _list_applications(api: Api, body: Body) -> Row:
    words = ("Hired", "Archived", "Active", "Lead")
    if not isinstance(body.get("status", ""), str):
        raise invalid(f"status is one of {', '.join(words)}", "status")
    chosen(body, "status", words)
    chosen(body, "expand", ("openings",))

    def fits(row: Row) -> bool:
        status = STATUS_OF[api.account.stage(row)["type"]]
        return (
            api.seen(row)
            and body.get("status", status) == status
            and body.get("jobId", row["job"]) == row["job"]
            and created_after(body, row)
        )

    return api.listed("application", body, fits, lambda row: api.shown(row, body.get("expand", ())))


def _application_info(api: Api, body: Body) -> Row:
    chosen(body, "expand", ("openings", "applicationFormSubmissions", "referrals"))
    row, expand = _asked_for(api, body), body.get("expand", ())
    shown = api.shown(row, expand)
    form = [{"id": row["form"], "submittedValues": {}}] if row.get("form") else []
    extras: Row = {"applicationFormSubmissions": form, "referrals": []}
    extra = {key: value for key, value in extras.items() if key in expand}
    return {"results": {**shown, "applicationHistory": row["history"], "resumeFileHandle": None, **extra}}


def _asked_for(api: Api, body: Body) -> Row:
    """By its own id, or by that of the form that was sent in."""
    if "applicationId" in body or "submittedFormInstanceId" not in body:
        return api.application(body.get("applicationId"))
    form = body["submittedFormInstanceId"]
    return api.application(next((a["id"] for a in api.account["application"] if a.get("form") == form), ""))


def _history(api: Api, body: Body) -> Row:
    return api.paged("application.listHistory", body, api.application(body.get("applicationId"))["history"])


def _update_history(_api: Api, _body: Body) -> Row:
    """Its tick box, which no integration needs, is not ticked."""
    raise Refusal("missing_endpoint_permission", "The key may not update application history", status=403)


def _list_candidates(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return created_after(body, row) and api.candidate_seen(row)

    return api.listed("candidate", body, fits, api.person)


def _candidate_info(api: Api, body: Body) -> Row:
    if "id" in body or "externalMappingId" not in body:
        return {"results": api.person(api.candidate(body.get("id")))}
    mapping = body["externalMappingId"]
    mapped = (c["id"] for c in api.account["candidate"] if c.get("_externalMappingId") == mapping)
    return {"results": api.person(api.candidate(next(mapped, "")))}


def _search_candidates(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        mails = [mail["value"] for mail in row["emailAddresses"]]
        named = body.get("name", "").lower() in row["name"].lower()
        return named and body.get("email", "") in ("", *mails) and api.candidate_seen(row)

    return {"results": [api.person(row) for row in api.account["candidate"] if fits(row)][:LIMIT]}


def _list_jobs(api: Api, body: Body) -> Row:
    # Drafts only where they are asked for.
    wanted = body.get("status", ["Open", "Closed", "Archived"])
    if not isinstance(wanted, list):
        raise invalid("status is a list", "status")
    chosen(body, "status", ("Draft", "Open", "Closed", "Archived"))
    chosen(body, "expand", _JOB_EXPANDS)

    def fits(row: Row) -> bool:
        return (
            api.job_seen(row) and row["status"] in wanted and created_after(body, row) and _dated(body, row)
        )

    return api.listed("job", body, fits, lambda row: api.job_shown(row, body))


_JOB_EXPANDS = ("location", "openings", "compensation")


def _dated(body: Body, row: Row) -> bool:
    for key, name, sign in (
        ("openedAfter", "openedAt", 1), ("openedBefore", "openedAt", -1),
        ("closedAfter", "closedAt", 1), ("closedBefore", "closedAt", -1),
    ):  # fmt: skip
        if key in body and (row[name] is None or (millis(row[name]) - body[key]) * sign <= 0):
            return False
    return True


def _job_info(api: Api, body: Body) -> Row:
    chosen(body, "expand", _JOB_EXPANDS)
    return {"results": api.job_shown(api.job(body.get("id")), body)}


def _search_jobs(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        code = body.get("requisitionId")
        titled = body.get("title", "").lower() in row["title"].lower()
        return api.job_seen(row) and titled and code in (None, row["customRequisitionId"])

    return {"results": [as_is(row) for row in api.account["job"] if fits(row)][:LIMIT]}


def _job_plan(api: Api, body: Body) -> Row:
    job = api.job(body.get("jobId"))
    plan = job["defaultInterviewPlanId"]
    stages = [{**_less(s, "interviewPlanId"), "activities": []} for s in api.account.stages_of(plan)]
    return {"results": {"jobId": job["id"], "interviewPlanId": plan, "stages": stages}}


def _less(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def _list_plans(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return bool(body.get("includeArchived")) or not row["isArchived"]

    return api.listed("interviewPlan", body, fits, as_is)


def _list_stages(api: Api, body: Body) -> Row:
    plan = api.account["interviewPlan"].find(body.get("interviewPlanId"), "interview_plan_not_found")
    return {"results": api.account.stages_of(plan["id"]), "moreDataAvailable": False}


def _stage_info(api: Api, body: Body) -> Row:
    return {
        "results": api.account["interviewStage"].find(
            body.get("interviewStageId"), "interview_stage_not_found"
        )
    }


def _list_users(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return bool(body.get("includeDeactivated")) or bool(row["isEnabled"])

    return api.listed("user", body, fits, as_is)


def _user_info(api: Api, body: Body) -> Row:
    return {"results": api.account["user"].find(body.get("userId"), "user_not_found")}


def _search_users(api: Api, body: Body) -> Row:
    mail = body.get("email", "").lower()
    return {"results": [row for row in api.account["user"] if mail in ("", row["email"].lower())][:LIMIT]}


def _key_info(api: Api, _body: Body) -> Row:
    words = sorted(
        f"{scope[: -len(kind)]}:{kind.lower()}"
        for scope in api.scopes
        for kind in _RIGHTS
        if scope.endswith(kind)
    )
    return {"results": {"title": api.title, "createdAt": "2026-01-05T09:00:00.000Z", "scopes": words}}


_RIGHTS = ("Read", "Write", "Delete")


def _versions(_api: Api, _body: Body) -> Row:
    return {"results": [{"version": VERSION, "status": "active"}]}


def _hook(api: Api, body: Body) -> Row:
    found = api.hooks.rows.get(body.get("webhookId", ""))
    if found is None:
        raise Refusal("webhook_not_found", "Webhook not found")
    return found


def _delete_hook(api: Api, body: Body) -> Row:
    del api.hooks.rows[_hook(api, body)["id"]]
    return {"results": {"webhookId": body["webhookId"]}}


_CHANGE = endpoint(
    "candidatesWrite",
    "applicationId interviewStageId archiveReasonId archiveEmail",
    Api.change_stage,
    writes=True,
)
METHODS: Mapping[str, Endpoint] = {
    "application.list": endpoint(
        "candidatesRead", f"createdAfter status jobId expand {SYNC}", _list_applications
    ),
    "application.info": endpoint(
        "candidatesRead", "applicationId submittedFormInstanceId expand", _application_info
    ),
    "application.listHistory": endpoint("candidatesRead", f"applicationId {PAGING}", _history),
    "application.changeStage": _CHANGE,
    "application.change_stage": _CHANGE,
    "application.transfer": endpoint(
        "candidatesWrite", "applicationId jobId interviewPlanId interviewStageId startAutomaticActivities",
        Api.transfer, writes=True,
    ),
    "application.delete": endpoint("candidatesDelete", "applicationId", Api.delete, writes=True),
    "application.update": endpoint(
        "candidatesWrite", "applicationId sourceId creditedToUserId sendNotifications", Api.update,
        writes=True,
    ),
    "application.updateHistory": endpoint(
        "candidatesWrite", "applicationId applicationHistory", _update_history, writes=True
    ),
    "candidate.anonymize": endpoint("candidatesWrite", "candidateId", Api.anonymize, writes=True),
    "candidate.list": endpoint("candidatesRead", f"createdAfter {SYNC}", _list_candidates),
    "candidate.info": endpoint("candidatesRead", "id externalMappingId", _candidate_info),
    "candidate.search": endpoint("candidatesRead", "email name", _search_candidates),
    "job.list": endpoint(
        "jobsRead",
        "createdAfter openedAfter openedBefore closedAfter closedBefore status expand "
        f"includeUnpublishedJobPostingsIds {SYNC}",
        _list_jobs,
    ),
    "job.info": endpoint("jobsRead", "id expand includeUnpublishedJobPostingsIds", _job_info),
    "job.search": endpoint("jobsRead", "title requisitionId", _search_jobs),
    "jobInterviewPlan.info": endpoint("jobsRead", "jobId", _job_plan),
    "interviewPlan.list": endpoint("interviewsRead", f"includeArchived {SYNC}", _list_plans),
    "interviewStage.list": endpoint("interviewsRead", "interviewPlanId", _list_stages),
    "interviewStage.info": endpoint("interviewsRead", "interviewStageId", _stage_info),
    "user.list": endpoint("organizationRead", f"includeDeactivated {SYNC}", _list_users),
    "user.info": endpoint("organizationRead", "userId", _user_info),
    "user.search": endpoint("organizationRead", "email", _search_users),
    "apiKey.info": endpoint("apiKeysRead", "", _key_info),
    "version.list": endpoint("", "", _versions),
    "webhook.create": endpoint(
        "apiKeysWrite", "webhookType requestUrl secretToken",
        lambda a, b: {"results": a.hooks.create(b)}, writes=True,
    ),
    "webhook.info": endpoint("apiKeysWrite", "webhookId", lambda a, b: {"results": _hook(a, b)}),
    "webhook.update": endpoint(
        "apiKeysWrite", "webhookId enabled requestUrl secretToken",
        lambda a, b: {"results": a.hooks.update(_hook(a, b), b)}, writes=True,
    ),
    "webhook.delete": endpoint("apiKeysWrite", "webhookId", _delete_hook, writes=True),
}  # fmt: skip
"""These methods, by their names."""
