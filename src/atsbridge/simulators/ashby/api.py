"""What every endpoint stands on: its body, pages, what the key may see, and the writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import define, evolve, frozen

from ..interface import Accepted
from .account import STATUS_OF, Account, Mail
from .answers import ENDPOINTS, Cursor, Refusal, Row, SyncToken, impossible, invalid, mark_of
from .hooks import Hooks

LIMIT = 100
PAGING = "cursor limit"
SYNC = f"{PAGING} syncToken"
Body = Row

_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(
        (
            "createdAfter", "openedAfter", "openedBefore", "closedAfter", "closedBefore", "limit",
        ), (int,),
    ),
    **dict.fromkeys(
        (
            "includeArchived", "includeDeactivated", "listedOnly", "includeUnpublishedJobPostings",
            "includeUnpublishedJobPostingsIds", "startAutomaticActivities", "sendNotifications", "enabled",
        ), (bool,),
    ),
    **dict.fromkeys((
            "expand", "offerStatus", "acceptanceStatus", "approvalStatus", "applicationHistory",
        ), (list,)),
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
        mails_fail: no mail of a rejection can be sent.
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
    mails_fail: bool = False

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
        table, limit, known = account[list], _limit(body), 0
        if "syncToken" in body:
            known = self._known(list, body["syncToken"], now)
        cursor = self._cursor(mark_of(list, body), body, now)
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
            following = evolve(cursor, place=place, sequence=sequence, given=now)
            return {"results": results, "moreDataAvailable": True, "nextCursor": following.text()}
        token = SyncToken.at(list, now=now, sequence=sequence, age=self.age) if list in ENDPOINTS else None
        return {
            "results": results,
            "moreDataAvailable": False,
            **({"syncToken": token.text()} if token else {}),
        }

    def paged(self, method: str, body: Body, rows: Sequence[Row]) -> Row:
        """A page of what gives no sync token."""
        now, limit = self.account.clock(), _limit(body)
        cursor = self._cursor(mark_of(method, body), body, now)
        end = cursor.place + limit
        page = {"results": [*rows[cursor.place : end]], "moreDataAvailable": end < len(rows)}
        following = evolve(cursor, place=end, given=now)
        return {**page, "nextCursor": following.text()} if page["moreDataAvailable"] else page

    def _cursor(self, asked: str, body: Body, now: float) -> Cursor:
        """Where the request goes on; at the beginning, if it has no cursor."""
        if "cursor" not in body:
            return Cursor(place=0, sequence=self.account.sequence, asked=asked, age=self.age, given=now)
        cursor = Cursor.read(body["cursor"], asked=asked)
        if cursor.age != self.age or now - cursor.given > self.cursor_minutes * 60:
            raise Refusal("next_cursor_expired", "The cursor has expired")
        return cursor

    def _known(self, list: str, text: Any, now: float) -> int:
        token = SyncToken.read(text, list=list)
        if not token.holds(age=self.age, now=now, days=self.sync_days):
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
            "creditedToUser": row.get("creditedToUser"),
            "archiveReason": {**reason, "customFields": []} if reason else None,
            "job": {key: job[key] for key in ("id", "title", "locationId", "departmentId", "brandId")},
            "hiringTeam": job["hiringTeam"], "appliedViaJobPostingId": row.get("posting"),
            **{key: row.get(key) for key in ("submitterClientIp", "submitterUserAgent")},
            **({"archivedAt": row["archivedAt"]} if "archivedAt" in row else {}),
            **({"openings": self._filled(row)} if "openings" in expand else {}),
        }  # fmt: skip

    def _filled(self, application: Row) -> list_[Row]:
        return [as_is(o) for o in self.account["opening"] if o["filledBy"] == application["id"]]

    def considered(self, candidate: Row) -> list_[str]:
        """The applications of somebody that the key may see."""
        known = self.account["application"].rows
        return [id for id in candidate["applicationIds"] if id in known and self.seen(known[id])]

    def candidate_seen(self, candidate: Row) -> bool:
        """Not, where confidential jobs are all they were ever considered for."""
        known = self.account["application"].rows
        alive = any(id in known for id in candidate["applicationIds"])
        return not alive or bool(self.considered(candidate))

    def candidate(self, id: Any) -> Row:
        row = self.account["candidate"].find(id, "candidate_not_found")
        if not self.candidate_seen(row):
            raise Refusal("candidate_not_found", "Candidate not found - are you lacking permissions?")
        return row

    def person(self, candidate: Row) -> Row:
        """A candidate as shown."""
        return {**as_is(candidate), "applicationIds": self.considered(candidate)}

    def job_seen(self, job: Row) -> bool:
        return self.sees_confidential or not job["confidential"]

    def job(self, id: Any) -> Row:
        row = self.account["job"].find(id, "job_not_found")
        if not self.job_seen(row):
            raise Refusal("job_not_found", "Job not found")
        return row

    def job_shown(self, job: Row, body: Body) -> Row:
        account, shown, expand = self.account, as_is(job), body.get("expand", ())
        if body.get("includeUnpublishedJobPostingsIds"):
            shown["jobPostingIds"] = [p["id"] for p in account["jobPosting"] if p["jobId"] == job["id"]]
        if "location" in expand:
            shown["location"] = account["location"].rows.get(job["locationId"] or "")
        if "openings" in expand:
            shown["openings"] = [as_is(o) for o in account["opening"] if job["id"] in o.get("jobIds", ())]
        if "compensation" in expand:
            shown["compensation"] = None
        return shown

    # -- the write --

    def change_stage(self, body: Body) -> Row:
        account, row = self.account, self.application(body.get("applicationId"))
        stage = account["interviewStage"].find(body.get("interviewStageId"), "interview_stage_not_found")
        if stage["interviewPlanId"] != account.plan_of(row):
            raise Refusal("interview_stage_not_found", "The stage is not in the application's interview plan")
        reason, mail = None, None
        if stage["type"] == "Archived":
            if "archiveReasonId" not in body:
                raise invalid("an archive reason is required", "archiveReasonId")
            reason = account["archiveReason"].find(body["archiveReasonId"], "archive_reason_not_found")
            mail = self._mail(row, body.get("archiveEmail"))
        elif "archiveReasonId" in body or "archiveEmail" in body:
            raise invalid("the stage is not an archive stage")
        self.accept(
            "application.changeStage", body, row, lambda: account.change_stage(row, stage, reason, actor=None)
        )
        account.mails += [mail] if mail else []
        return {"results": self.shown(row)}

    def _mail(self, row: Row, wanted: Any) -> Mail | None:
        """The mail that goes with a rejection; none, if it is in the archive already."""
        if wanted is None:
            return None
        template = self.account["communicationTemplate"].find(
            wanted.get("communicationTemplateId"), "communication_template_not_found"
        )
        if template.get("_type", "Archive") != "Archive":
            raise Refusal("communication_template_not_allowed", "The template is not for this")
        at = _send_at(wanted.get("sendAt"), self.account.clock())
        if self.account["candidate"].rows[row["candidate"]]["primaryEmailAddress"] is None:
            raise impossible("the candidate has no primary e-mail address")
        if self.mails_fail:
            raise Refusal("archive_email_failed", "The e-mail could not be scheduled")
        ended = self.account.stage(row)["type"] == "Archived"
        return None if ended else Mail(row["id"], template["id"], at)

    def accept(self, method: str, body: Body, row: Row | None, act: Callable[[], None]) -> None:
        """Do it, and log it; of an application (row), if it is about one."""
        account = self.account
        before = account.truth(row) if row else None
        act()
        alive = row is not None and row["id"] in account["application"].rows
        self.accepted.append(
            Accepted(
                at=account.clock(), method="POST", target=f"/{method}", body=body,
                application=row["id"] if row else None, before=before,
                after=account.truth(row) if row and alive else None, actor="api key",
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

        if stage["type"] == "Archived":
            raise invalid("an archive stage needs an archive reason, which no transfer has")

        def act() -> None:
            old, row["job"] = row["job"], job["id"]
            try:
                account.change_stage(row, stage, None, actor=None)
            except Refusal:
                row["job"] = old
                raise

        self.accept("application.transfer", body, row, act)
        return {"results": self.shown(row)}

    def delete(self, body: Body) -> Row:
        row = self.application(body.get("applicationId"))

        def act() -> None:
            self.account.remove("application", row["id"])
            self.account.gone.add(row["id"])

        self.accept("application.delete", body, row, act)
        return {"results": {"applicationId": row["id"]}}

    def update(self, body: Body) -> Row:
        """Source and credit; what else it can change no page here tells."""
        account, row = self.account, self.application(body.get("applicationId"))
        changes: Row = {}
        if "sourceId" in body:
            changes["source"] = account["source"].find(body["sourceId"], "source_not_found")
        if "creditedToUserId" in body:
            changes["creditedToUser"] = account["user"].find(body["creditedToUserId"], "user_not_found")

        def act() -> None:
            row.update(changes)
            account.touch("application", row)
            account.tell(applicationUpdate={"application": row})

        self.accept("application.update", body, row, act)
        return {"results": self.shown(row)}

    def anonymize(self, body: Body) -> Row:
        row = self.candidate(body.get("candidateId"))
        self.accept("candidate.anonymize", body, None, lambda: self.account.anonymise(row))
        return {"results": self.person(row)}


list_ = list


def as_is(row: Row) -> Row:
    """A row as shown, without what only the account knows."""
    hidden = ("needsOffer", "needsOpening", "filledBy")
    return {key: value for key, value in row.items() if key not in hidden and not key.startswith("_")}


def _limit(body: Body) -> int:
    limit = body.get("limit", LIMIT)
    if not 1 <= limit <= LIMIT:
        raise invalid("limit is 1 to 100", "limit")
    return int(limit)


def _send_at(text: Any, now: float) -> float:
    """When a mail goes: by default the next morning at 09:32, here in UTC; at once, if that is past."""
    if text is None:
        today = datetime.fromtimestamp(now, UTC).replace(hour=9, minute=32, second=0, microsecond=0)
        return (today + timedelta(days=today.timestamp() <= now)).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid("sendAt is a time in ISO 8601", "archiveEmail") from None
    return max(now, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def chosen(body: Body, key: str, words: Collection[str]) -> None:
    """Refuse what is none of the words that a key takes, one of them or an array."""
    value = body.get(key, [])
    if not all(isinstance(v, str) and v in words for v in (value if isinstance(value, list) else [value])):
        raise invalid(f"{key} is of {', '.join(words)}", key)


def created_after(body: Body, row: Row) -> bool:
    """A filter in milliseconds on a field in ISO."""
    if "createdAfter" not in body:
        return True
    return "createdAt" in row and bool(millis(row["createdAt"]) > body["createdAfter"])


def millis(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def endpoint(
    permission: str, keys: str, handle: Callable[[Api, Body], Row], *, writes: bool = False
) -> Endpoint:
    return Endpoint(permission, frozenset(keys.split()), handle, writes)
