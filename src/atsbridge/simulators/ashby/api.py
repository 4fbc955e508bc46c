"""The endpoints: which permission each wants, what its body may hold, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import define, field, frozen

from ..interface import Accepted
from .account import STATUS_OF, Account
from .answers import ENDPOINTS, Cursor, Refusal, Row, SyncToken, invalid, mark_of
from .hooks import Hooks

LIMIT = 100
VERSION = "2026-01-01"
_PAGING = "cursor limit"
_SYNC = f"{_PAGING} syncToken"
Body = Row
Types = Mapping[str, type]

_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(
        (
            "createdAfter", "openedAfter", "openedBefore", "closedAfter", "closedBefore", "limit",
        ), (int,),
    ),
    **dict.fromkeys(
        (
            "includeArchived", "includeDeactivated", "listedOnly", "includeUnpublishedJobPostings",
            "includeUnpublishedJobPostingsIds", "startAutomaticActivities", "enabled",
        ), (bool,),
    ),
    **dict.fromkeys(("expand", "offerStatus", "acceptanceStatus", "approvalStatus"), (list,)),
    "archiveEmail": (dict,),
    "status": (str, list),
}  # fmt: skip
"""What a key holds; a string where it is not named."""


@frozen
class Endpoint:
    """One method: the permission it wants, the keys of its body, and whether it changes anything."""

    permission: str
    keys: frozenset[str]
    handle: Callable[[Api, Body], Row]
    writes: bool = False


@define(kw_only=True)
class Api:
    """The methods, on an account.

    Args:
        sees_confidential: the key has that tick box.
        sync_days, cursor_minutes, incremental_pages: how long tokens and cursors hold, how much may change.
    """

    account: Account
    hooks: Hooks
    accepted: list[Accepted]
    scopes: set[str]
    sees_confidential: bool = False
    sync_days: float = 7.0
    cursor_minutes: float = 60.0
    incremental_pages: int = 50
    age: int = 0
    title: str = "CRM integration"
    templates: set[str] = field(factory=set)

    def call(self, endpoint: Endpoint, body: Body) -> Row:
        for key, value in body.items():
            kinds = _KINDS.get(key, (str,))
            if key not in endpoint.keys:
                raise invalid(f"unknown parameter {key}", key)
            if type(value) not in kinds:
                raise invalid(f"{key} is of another type", key)
        return endpoint.handle(self, body)

    # -- lists --

    def listed(self, list: str, body: Body, fits: Callable[[Row], bool], show: Callable[[Row], Row]) -> Row:
        """A page: up to 100 rows, and a sync token after the last one."""
        account, now = self.account, self.account.clock()
        table, limit = account[list], body.get("limit", LIMIT)
        if not 1 <= limit <= LIMIT:
            raise invalid("limit is 1 to 100", "limit")
        known = 0
        if "syncToken" in body:
            known = self._known(list, body["syncToken"], now)
        place, sequence, asked = 0, account.sequence, mark_of(list, body)
        if "cursor" in body:
            cursor = Cursor.read(body["cursor"], asked=asked)
            if cursor.age != self.age or now - cursor.given > self.cursor_minutes * 60:
                raise Refusal("next_cursor_expired", "The cursor has expired")
            # A reader who is shown an older state is told of nothing newer.
            place, sequence = cursor.place, min(cursor.sequence, account.sequence)

        def wanted(id: str) -> bool:
            row = table.rows.get(id)
            return row is not None and table.changed[id] > known and fits(row)

        if known and sum(map(wanted, table.order)) > LIMIT * self.incremental_pages:
            raise Refusal("incremental_sync_too_large", "Too much has changed for an incremental sync")
        found: list_[str] = []
        while place < len(table.order) and len(found) < limit:
            found += [table.order[place]] if wanted(table.order[place]) else []
            place += 1
        results = [show(table.rows[id]) for id in found]
        if any(map(wanted, table.order[place:])):
            following = Cursor(place=place, sequence=sequence, asked=asked, age=self.age, given=now)
            return {"results": results, "moreDataAvailable": True, "nextCursor": following.text()}
        token = SyncToken.at(list, now=now, sequence=sequence, age=self.age) if list in ENDPOINTS else None
        return {
            "results": results,
            "moreDataAvailable": False,
            **({"syncToken": token.text()} if token else {}),
        }

    def _known(self, list: str, text: Any, now: float) -> int:
        token = SyncToken.read(text, list=list)
        if token.age != self.age % 16 or now - token.given_at() > self.sync_days * 86_400:
            raise Refusal("sync_token_expired", "The sync token has expired")
        return token.sequence

    # -- what is shown --

    def seen(self, application: Row) -> bool:
        return self.sees_confidential or not self.account["job"].rows[application["job"]]["confidential"]

    def application(self, id: Any) -> Row:
        row = self.account["application"].find(id, "application_not_found")
        if not self.seen(row):
            raise Refusal("application_not_found", "Application not found - are you lacking permissions?")
        return row

    def shown(self, row: Row, expand: Any = ()) -> Row:
        account = self.account
        person, job = account["candidate"].rows[row["candidate"]], account["job"].rows[row["job"]]
        reason = account["archiveReason"].rows.get(row["reason"] or "")
        kept = ("id", "name", "primaryEmailAddress", "primaryPhoneNumber")
        return {
            "id": row["id"], "createdAt": row["createdAt"], "updatedAt": row["updatedAt"],
            "status": STATUS_OF[account.stage(row)["type"]],
            "candidate": {key: person[key] for key in kept if person[key] is not None},
            "customFields": [], "currentInterviewStage": account.stage(row), "source": row["source"],
            "creditedToUser": None, "archiveReason": {**reason, "customFields": []} if reason else None,
            "job": {key: job[key] for key in ("id", "title", "locationId", "departmentId", "brandId")},
            "hiringTeam": job["hiringTeam"], "appliedViaJobPostingId": None, "submitterClientIp": None,
            "submitterUserAgent": None,
            **({"archivedAt": row["archivedAt"]} if "archivedAt" in row else {}),
            **({"openings": []} if "openings" in expand else {}),
        }  # fmt: skip

    def job_seen(self, job: Row) -> bool:
        return self.sees_confidential or not job["confidential"]

    def job(self, id: Any) -> Row:
        row = self.account["job"].find(id, "job_not_found")
        if not self.job_seen(row):
            raise Refusal("job_not_found", "Job not found")
        return row

    # -- the write --

    def change_stage(self, body: Body) -> Row:
        account, row = self.account, self.application(body.get("applicationId"))
        stage = account["interviewStage"].find(body.get("interviewStageId"), "interview_stage_not_found")
        if stage["interviewPlanId"] != account.plan_of(row):
            raise Refusal("interview_stage_not_found", "The stage is not in the application's interview plan")
        reason: Row | None = None
        if stage["type"] == "Archived":
            if "archiveReasonId" not in body:
                raise invalid("an archive reason is required", "archiveReasonId")
            reason = account["archiveReason"].find(body["archiveReasonId"], "archive_reason_not_found")
            self._check_mail(row, body.get("archiveEmail"))
        elif "archiveReasonId" in body or "archiveEmail" in body:
            raise invalid("the stage is not an archive stage")
        self.accept(
            "application.changeStage", body, row, lambda: account.change_stage(row, stage, reason, actor=None)
        )
        return {"results": self.shown(row)}

    def _check_mail(self, row: Row, mail: Any) -> None:
        if mail is None or self.account.stage(row)["type"] == "Archived":
            return
        if mail.get("communicationTemplateId") not in self.templates:
            raise Refusal("communication_template_not_found", "Communication template not found")
        if self.account["candidate"].rows[row["candidate"]]["primaryEmailAddress"] is None:
            raise invalid("the candidate has no primary e-mail address", "archiveEmail")

    def accept(self, method: str, body: Body, row: Row, act: Callable[[], None]) -> None:
        account = self.account
        before = account.truth(row)
        act()
        self.accepted.append(
            Accepted(
                at=account.clock(), method="POST", target=f"/{method}", body=body, application=row["id"],
                before=before, after=account.truth(row), actor="api key",
            )
        )  # fmt: skip

    def transfer(self, body: Body) -> Row:
        account, row = self.account, self.application(body.get("applicationId"))
        job = self.job(body.get("jobId"))
        plan = account["interviewPlan"].find(body.get("interviewPlanId"), "interview_plan_not_found")
        stage = account["interviewStage"].find(body.get("interviewStageId"), "interview_stage_not_found")
        if plan["id"] not in job["interviewPlanIds"]:
            raise Refusal("interview_plan_not_found", "The plan is not one of the job's")
        if stage["interviewPlanId"] != plan["id"]:
            raise Refusal("interview_stage_not_found", "The stage is not in the plan")

        def act() -> None:
            row["job"] = job["id"]
            account.change_stage(row, stage, None, actor=None)

        self.accept("application.transfer", body, row, act)
        return {"results": self.shown(row)}

    def delete(self, body: Body) -> Row:
        row = self.application(body.get("applicationId"))
        self.account.remove("application", row["id"])
        self.account.gone.add(row["id"])
        return {"results": {"applicationId": row["id"]}}


list_ = list


def _everything(_row: Row) -> bool:
    return True


def _as_is(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in ("needsOffer", "needsOpening")}


def _created_after(body: Body, row: Row) -> bool:
    """A filter in milliseconds on a field in ISO."""
    if "createdAfter" not in body:
        return True
    return bool(_millis(row["createdAt"]) > body["createdAfter"])


def _millis(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def _list_applications(api: Api, body: Body) -> Row:
    if not isinstance(body.get("status", ""), str):
        raise invalid("status is one of Hired, Archived, Active, Lead", "status")

    def fits(row: Row) -> bool:
        status = STATUS_OF[api.account.stage(row)["type"]]
        return (
            api.seen(row)
            and body.get("status", status) == status
            and body.get("jobId", row["job"]) == row["job"]
            and _created_after(body, row)
        )

    return api.listed("application", body, fits, lambda row: api.shown(row, body.get("expand", ())))


def _application_info(api: Api, body: Body) -> Row:
    row = api.application(body.get("applicationId"))
    shown, expand = api.shown(row, body.get("expand", ())), body.get("expand", ())
    extra: Row = {key: [] for key in ("applicationFormSubmissions", "referrals") if key in expand}
    return {"results": {**shown, "applicationHistory": row["history"], "resumeFileHandle": None, **extra}}


def _history(api: Api, body: Body) -> Row:
    row, limit = api.application(body.get("applicationId")), body.get("limit", LIMIT)
    return {"results": row["history"][:limit], "moreDataAvailable": False}


def _list_candidates(api: Api, body: Body) -> Row:
    return api.listed("candidate", body, lambda row: _created_after(body, row), _as_is)


def _candidate_info(api: Api, body: Body) -> Row:
    return {"results": api.account["candidate"].find(body.get("id"), "candidate_not_found")}


def _search_candidates(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        mails = [mail["value"] for mail in row["emailAddresses"]]
        return body.get("email", "") in ("", *mails) and body.get("name", "").lower() in row["name"].lower()

    return {"results": [row for row in api.account["candidate"] if fits(row)][:LIMIT]}


def _list_jobs(api: Api, body: Body) -> Row:
    # Drafts only where they are asked for.
    wanted = body.get("status", ["Open", "Closed", "Archived"])
    if not isinstance(wanted, list):
        raise invalid("status is a list", "status")

    def fits(row: Row) -> bool:
        return (
            api.job_seen(row) and row["status"] in wanted and _created_after(body, row) and _dated(body, row)
        )

    return api.listed("job", body, fits, _as_is)


def _dated(body: Body, row: Row) -> bool:
    for key, name, sign in (
        ("openedAfter", "openedAt", 1), ("openedBefore", "openedAt", -1),
        ("closedAfter", "closedAt", 1), ("closedBefore", "closedAt", -1),
    ):  # fmt: skip
        if key in body and (row[name] is None or (_millis(row[name]) - body[key]) * sign <= 0):
            return False
    return True


def _job_info(api: Api, body: Body) -> Row:
    return {"results": _as_is(api.job(body.get("id")))}


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

    return api.listed("interviewPlan", body, fits, _as_is)


def _list_stages(api: Api, body: Body) -> Row:
    plan = api.account["interviewPlan"].find(body.get("interviewPlanId"), "interview_plan_not_found")
    return {"results": api.account.stages_of(plan["id"]), "moreDataAvailable": False}


def _stage_info(api: Api, body: Body) -> Row:
    return {
        "results": api.account["interviewStage"].find(
            body.get("interviewStageId"), "interview_stage_not_found"
        )
    }


def _list_reasons(api: Api, body: Body) -> Row:
    reasons = [r for r in api.account["archiveReason"] if body.get("includeArchived") or not r["isArchived"]]
    return {"results": reasons, "moreDataAvailable": False}


def _list_users(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return bool(body.get("includeDeactivated")) or bool(row["isEnabled"])

    return api.listed("user", body, fits, _as_is)


def _user_info(api: Api, body: Body) -> Row:
    return {"results": api.account["user"].find(body.get("userId"), "user_not_found")}


def _list_offers(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return bool(body.get("applicationId", row["applicationId"]) == row["applicationId"])

    return api.listed("offer", body, fits, _as_is)


def _list_postings(api: Api, body: Body) -> Row:
    def fits(row: Row) -> bool:
        return (not body.get("listedOnly") or row["isListed"]) and all(
            body.get(key, row[name]) == row[name]
            for key, name in (("location", "locationName"), ("department", "departmentName"))
        )

    return {"results": [row for row in api.account["jobPosting"] if fits(row)]}


def _posting_info(api: Api, body: Body) -> Row:
    return {"results": api.account["jobPosting"].find(body.get("jobPostingId"), "job_posting_not_found")}


def _list_groups(api: Api, _body: Body) -> Row:
    return {"results": list(api.account["interviewStageGroup"])}


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


def _endpoint(
    permission: str, keys: str, handle: Callable[[Api, Body], Row], *, writes: bool = False
) -> Endpoint:
    return Endpoint(permission, frozenset(keys.split()), handle, writes)


_CHANGE = _endpoint(
    "candidatesWrite",
    "applicationId interviewStageId archiveReasonId archiveEmail",
    Api.change_stage,
    writes=True,
)
METHODS: Mapping[str, Endpoint] = {
    "application.list": _endpoint(
        "candidatesRead", f"createdAfter status jobId expand {_SYNC}", _list_applications
    ),
    "application.info": _endpoint(
        "candidatesRead", "applicationId submittedFormInstanceId expand", _application_info
    ),
    "application.listHistory": _endpoint("candidatesRead", f"applicationId {_PAGING}", _history),
    "application.changeStage": _CHANGE,
    "application.change_stage": _CHANGE,
    "application.transfer": _endpoint(
        "candidatesWrite", "applicationId jobId interviewPlanId interviewStageId startAutomaticActivities",
        Api.transfer, writes=True,
    ),
    "application.delete": _endpoint("candidatesDelete", "applicationId", Api.delete, writes=True),
    "candidate.list": _endpoint("candidatesRead", f"createdAfter {_SYNC}", _list_candidates),
    "candidate.info": _endpoint("candidatesRead", "id externalMappingId", _candidate_info),
    "candidate.search": _endpoint("candidatesRead", "email name", _search_candidates),
    "job.list": _endpoint(
        "jobsRead",
        "createdAfter openedAfter openedBefore closedAfter closedBefore status expand "
        f"includeUnpublishedJobPostingsIds {_SYNC}",
        _list_jobs,
    ),
    "job.info": _endpoint("jobsRead", "id", _job_info),
    "jobPosting.list": _endpoint(
        "jobsRead", "location department listedOnly jobBoardId includeUnpublishedJobPostings", _list_postings
    ),
    "jobPosting.info": _endpoint("jobsRead", "jobPostingId", _posting_info),
    "jobInterviewPlan.info": _endpoint("jobsRead", "jobId", _job_plan),
    "interviewPlan.list": _endpoint("interviewsRead", f"includeArchived {_SYNC}", _list_plans),
    "interviewStage.list": _endpoint("interviewsRead", "interviewPlanId", _list_stages),
    "interviewStage.info": _endpoint("interviewsRead", "interviewStageId", _stage_info),
    "interviewStageGroup.list": _endpoint("interviewsRead", "", _list_groups),
    "archiveReason.list": _endpoint("hiringProcessMetadataRead", "includeArchived", _list_reasons),
    "user.list": _endpoint("organizationRead", f"includeDeactivated {_SYNC}", _list_users),
    "user.info": _endpoint("organizationRead", "userId", _user_info),
    "offer.list": _endpoint(
        "offersRead",
        f"applicationId offerStatus acceptanceStatus approvalStatus createdAfter {_SYNC}",
        _list_offers,
    ),
    "apiKey.info": _endpoint("apiKeysRead", "", _key_info),
    "version.list": _endpoint("", "", _versions),
    "webhook.create": _endpoint(
        "apiKeysWrite", "webhookType requestUrl secretToken",
        lambda a, b: {"results": a.hooks.create(b)}, writes=True,
    ),
    "webhook.info": _endpoint("apiKeysWrite", "webhookId", lambda a, b: {"results": _hook(a, b)}),
    "webhook.update": _endpoint(
        "apiKeysWrite", "webhookId enabled requestUrl secretToken",
        lambda a, b: {"results": a.hooks.update(_hook(a, b), b)}, writes=True,
    ),
    "webhook.delete": _endpoint("apiKeysWrite", "webhookId", _delete_hook, writes=True),
}  # fmt: skip
"""Every method, by its name."""
