"""The less common fields of an invented account, filled in here and there.

With chance of its own, so that who is in the account does not depend on it.
"""

from __future__ import annotations

from typing import Any

from attrs import define

from ..people import Inventor
from . import bodies
from .records import Account, Record

DAY = 86_400_000
ROLES = ("admin", "limited team member")
WORKPLACES = ("unspecified", "onsite", "remote", "hybrid")
STATUSES = ("onHold", "draft", "pending", "rejected")
CHANNELS = (["public"], ["public", "internal"], ["internal"])
OFFERS = (
    "draft",
    "approval-sent",
    "approved",
    "sent",
    "sent-manually",
    "opened",
    "denied",
)


@define
class Details:
    inventor: Inventor

    def _often(self, share: float) -> bool:
        return self.inventor.random.random() < share

    # -- the account --

    def users(self, made: Account) -> None:
        keys = list(made.users)
        for index, (key, user) in enumerate(made.users.items()):
            if 2 <= index < 4:
                user["accessRole"] = ROLES[index - 2]
            elif index == 4:
                user["accessRole"] = self.inventor.uuid()  # a role of the customer's own
            if index % 3 == 0:
                user["externalDirectoryId"] = f"dir-{index + 1:04d}"
            if index % 2:
                user["jobTitle"], user["managerId"] = self.inventor.job_title(), keys[0]
            if index == 5:
                user["linkedContactIds"] = [self.inventor.uuid()]
            made.users[key] = user

    def posting(self, posting: Record, managers: list[str]) -> None:
        choice = self.inventor.random.choice
        if self._often(0.5):
            posting["hiringManager"] = choice(managers)
        if self._often(0.3):
            posting["tags"] = ["Urgent"]
        if self._often(0.3):
            posting["categories"]["level"] = "Senior"
        if self._often(0.2):
            posting["categories"]["allLocations"].append(f"{self.inventor.city()} (satellite)")
            posting["reqCode"] = (posting["requisitionCodes"] or [None])[0]
        posting["workplaceType"] = choice(WORKPLACES)
        if posting["state"] == "published":
            posting["distributionChannels"] = list(choice(CHANNELS))
        posting["content"]["lists"] = [{"text": "What you will do", "content": "<li>Good work</li>"}]

    def requisition(self, index: int, requisition: Record, posting: Record) -> None:
        chance, at = self.inventor.random.random, requisition["createdAt"]
        categories = posting["categories"]
        requisition["hiringManager"] = posting["hiringManager"]
        for name in ("location", "team", "department"):
            requisition[name] = categories[name]
        if requisition["status"] == "open" and index % 3 == 2:
            requisition["status"] = STATUSES[index // 3 % len(STATUSES)]
        if self._often(0.2):  # recorded: a word in place of the number
            requisition.update(headcountTotal="unlimited", headcountInfinite=True)
        if self._often(0.5):
            low = 40_000 + 1000 * int(chance() * 80)
            requisition["compensationBand"] = {
                "currency": "USD",
                "interval": "per-year-salary",
                "min": low,
                "max": low + 20_000,
            }
            requisition["employmentStatus"] = "Full-Time"
        if self._often(0.5):
            requisition["approval"] = self._approval(requisition["owner"], at)
            requisition["timeToFillStartAt"] = at + DAY
        requisition["backfill"] = self._often(0.2)
        requisition["customFields"] = {"cost_center": f"CC-{100 + int(chance() * 900)}"}

    def _approval(self, user: str, at: int) -> Record:
        approver = {"id": user, "type": "static", "isDynamic": False, "approved": True, "approvedAt": at + 9}
        step = {"id": self.inventor.uuid(), "status": "approved", "completed": True, "approvers": [approver]}
        return {"id": self.inventor.uuid(), "status": "approved", "approvedAt": at + 9, "steps": [step]}

    # -- one opportunity --

    def application(self, record: Record, application: Record) -> None:
        """What somebody typed when applying, and where from."""
        if application["type"] != "posting":
            return
        application["company"] = self.inventor.person().company if self._often(0.5) else None
        if self._often(0.3):
            application["comments"] = "I would like to work with you."
            application["customQuestions"] = [self._form(record, application["createdAt"])]
        if self._often(0.3):
            application.update(
                ipAddress="192.0.2.7",
                referer="https://jobs.lever.co/",
                userAgent="Mozilla/5.0",
                acceptLanguage="en",
                timezone="UTC",
            )

    def _form(self, record: Record, at: int) -> Record:
        question: dict[str, Any] = {"type": "text", "text": "Notice period?", "value": "One month"}
        return {
            "id": self.inventor.uuid(),
            "type": "posting",
            "text": "Questions of the posting",
            "instructions": "",
            "fields": [{**question, "description": "", "required": False, "id": self.inventor.uuid()}],
            "baseTemplateId": self.inventor.uuid(),
            "user": record["owner"],
            "referrer": None,
            "stage": "applicant-new",
            "createdAt": at,
            "completedAt": at,
        }

    def offer(self, made: Account, record: Record, application: Record) -> None:
        """For some who stand in no stage "offer": an offer of whatever status."""
        if not self._often(0.04):
            return
        status = self.inventor.random.choice(OFFERS)
        key, at = self.inventor.uuid(), record["lastAdvancedAt"]
        offer = bodies.offer(
            key, posting=application["posting"], creator=record["owner"], status=status, at=at
        )
        if status not in ("draft", "approval-sent"):
            offer.update(approved=True, approvedAt=at + DAY)
        if status in ("sent", "sent-manually", "opened", "denied"):
            offer["sentAt"] = at + 2 * DAY
        made.offers[record["id"]].append(offer)

    def hire(self, made: Account, record: Record, application: Record) -> None:
        """Some who were hired were hired against the requisition of their posting, with a signed offer."""
        archived = application["archived"]
        if archived is None or (made.reason(archived["reason"]) or {}).get("type") != "hired":
            return
        against = (r for r in made.requisitions.values() if application["posting"] in r["postings"])
        requisition = next(against, None)
        if requisition is None or not self._often(0.5):
            return
        key, at = self.inventor.uuid(), archived["archivedAt"]
        signed = bodies.offer(
            key, posting=application["posting"], creator=record["owner"], status="signed", at=at - DAY
        )
        signed.update(approved=True, approvedAt=at - DAY, sentAt=at - DAY)
        made.offers[record["id"]].append(signed)
        requisition["offerIds"].append(key)
        requisition["headcountHired"] += 1
        application["requisitionForHire"] = {
            "id": requisition["id"],
            "requisitionCode": requisition["requisitionCode"],
            "hiringManagerOnHire": requisition["hiringManager"],
        }
