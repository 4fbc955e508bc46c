"""What can happen to an opportunity, whoever does it: the API or a person in Lever's pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from ..interface import Truth
from ..people import Inventor
from .hooks import Hooks
from .options import Options
from .records import Account, Candidacy, Record

APPLICATION_LAG_MS = 7
"""An application's archivedAt is some milliseconds older than its opportunity's."""


@define
class World:
    account: Account
    options: Options
    inventor: Inventor
    clock: Callable[[], float]
    hooks: Hooks

    def now(self) -> float:
        return self.clock()

    def ms(self) -> int:
        return int(self.clock() * 1000)

    def store(self, candidacy: Candidacy, *, delay: float = 0.0) -> None:
        self.account.opportunities.put(candidacy, now=self.now(), delay=delay)

    def touch(self, key: str, *, delay: float = 0.0, **fields: Any) -> Candidacy:
        """Change fields of an opportunity, as every change of it does: with a new updatedAt."""
        ms = self.ms()
        fields = {"updatedAt": ms, "lastInteractionAt": ms, **fields}
        candidacy = self.account.opportunities.actual[key].renewed(**fields)
        self.store(candidacy, delay=delay)
        return candidacy

    # -- stage and status --

    def move(self, key: str, stage: str, *, user: str | None, delay: float = 0.0) -> Record:
        """To any stage, archived or not; `archived` stays as it is."""
        old = self.account.opportunities.actual[key].record
        if old["stage"] == stage and not self.options.same_stage_row:
            return old
        ms = self.ms()
        row: Record = {
            "toStageId": stage,
            "toStageIndex": self.account.index_of(stage),
            "updatedAt": ms,
        }
        if user is not None:
            row["userId"] = user
        changes = [*old["stageChanges"], row]
        new = self.touch(key, delay=delay, stage=stage, stageChanges=changes, lastAdvancedAt=ms).record
        if old["stage"] != stage:
            self._fire("candidateStageChange", new, fromStageId=old["stage"], toStageId=stage)
        return new

    def archive(self, key: str, reason: str, *, requisition: str | None = None, delay: float = 0.0) -> Record:
        """Archive, or give what is archived another reason."""
        old = self.account.opportunities.actual[key]
        before, ms = old.record["archived"], self.ms()
        hired = (self.account.reason(reason) or {}).get("type") == "hired"
        same = before is not None and before["reason"] == reason
        if same and requisition is None and not self.options.renew_archived_at:
            return old.record
        keep = not self.options.renew_archived_at
        at: int = before["archivedAt"] if before is not None and keep else ms
        archived = {"reason": reason, "archivedAt": at}
        advanced = {"lastAdvancedAt": ms} if self.options.archive_advances else {}
        own = {
            "archived": {"reason": reason, "archivedAt": at - APPLICATION_LAG_MS},
            "requisitionForHire": self._for_hire(old, requisition, hired),
        }
        new = self.touch(key, delay=delay, application=own, archived=archived, **advanced).record
        if archived != before:
            self._fire("candidateArchiveChange", new, fromArchived=before, toArchived=archived)
        if hired and not self._hired(before):
            self._fire("candidateHired", new)
        return new

    def unarchive(self, key: str, *, delay: float = 0.0) -> Record:
        old = self.account.opportunities.actual[key]
        before = old.record["archived"]
        if before is None:
            return old.record
        own = {"archived": None, "requisitionForHire": self._for_hire(old, None, False)}
        new = self.touch(key, delay=delay, application=own, archived=None).record
        self._fire("candidateArchiveChange", new, fromArchived=before, toArchived=None)
        return new

    def cancel_interviews(self, key: str) -> None:
        for interview in self.account.interviews.pop(key, []):
            record = self.account.opportunities.actual[key].record
            self._fire("interviewDeleted", record, interviewId=interview)

    def _hired(self, archived: Record | None) -> bool:
        return archived is not None and (self.account.reason(archived["reason"]) or {}).get("type") == "hired"

    def _for_hire(self, old: Candidacy, requisition: str | None, hired: bool) -> Record | None:
        """The application's requisitionForHire, with the requisition's count of hires kept right."""
        held = old.application["requisitionForHire"] if old.application else None
        if hired and requisition is None:
            return held
        if held is not None:
            self._count_hire(held["id"], -1)
        if requisition is None:
            return None
        self._count_hire(requisition, 1)
        found = self.account.requisitions[requisition]
        return {
            "id": requisition,
            "requisitionCode": found["requisitionCode"],
            "hiringManagerOnHire": found["hiringManager"],
        }

    def _count_hire(self, requisition: str, by: int) -> None:
        found = self.account.requisitions.get(requisition)
        if found is not None:
            hired = found["headcountHired"] + by
            self.account.requisitions[requisition] = {
                **found,
                "headcountHired": hired,
                "updatedAt": self.ms(),
            }

    def _fire(self, event: str, record: Record, **data: Any) -> None:
        self.hooks.fire(event, record, self.now(), **data)

    # -- people --

    def change_person(self, contact: str, **fields: Any) -> None:
        """Change a contact and with it every opportunity of theirs."""
        opportunities = self.account.opportunities
        held = {**self.account.contacts[contact], **fields}
        self.account.contacts[contact] = held
        personal = {
            "name": held["name"],
            "headline": held["headline"],
            "location": held["location"]["name"],
            "emails": held["emails"],
            "phones": held["phones"],
        }
        for key in opportunities.with_contact(contact):
            if not opportunities.actual[key].record["isAnonymized"]:
                self._fire("contactUpdated", self.touch(key, **personal).record)

    def truth(self, candidacy: Candidacy) -> Truth:
        record, application = candidacy.record, candidacy.application
        archived = record["archived"]
        return Truth(
            stage=record["stage"],
            status="active" if archived is None else self.outcome(archived["reason"]),
            reason=archived["reason"] if archived else None,
            candidate=record["contact"],
            job=application["posting"] if application else None,
            history=tuple(row["toStageId"] for row in record["stageChanges"]),
        )

    def outcome(self, reason: str) -> str:
        """What an archive reason means: hired, withdrawn or rejected."""
        found = self.account.reason(reason) or {}
        if found.get("type") == "hired":
            return "hired"
        return "withdrawn" if found.get("text") in self.options.withdrawn_reasons else "rejected"
