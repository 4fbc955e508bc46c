"""What people do in Lever's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ..interface import Truth
from . import bodies
from .records import Account, Candidacy, Record
from .world import World


class PeopleAtWork:
    """The half of a simulator that is not the API."""

    world: World
    acting_user: Any

    @property
    def account(self) -> Account:
        return self.world.account

    # -- what is really so --

    def truth(self) -> Mapping[str, Truth]:
        return {key: self.world.truth(c) for key, c in self.account.opportunities.actual.items()}

    def deleted(self) -> frozenset[str]:
        return frozenset(item["id"] for item in self.account.deleted["opportunities"])

    # -- stage and status --

    def stages_for(self, application: str) -> list[str]:
        """Every other stage: any may follow any."""
        here = self._held(application).record["stage"]
        return [s.id for s in self.account.stages if s.id != here]

    def stage_name(self, stage: str) -> str:
        held = self.account.stage(stage)
        if held is None:
            raise ValueError(f"no stage {stage}")
        return held.text

    def reasons(self, outcome: str) -> list[str]:
        active = (r["id"] for r in self.account.reasons if r["status"] == "active")
        return [key for key in active if self.world.outcome(key) == outcome]

    def move(self, application: str, stage: str) -> None:
        if stage not in self.stages_for(application):
            raise ValueError(f"{application} cannot be moved to {stage}")
        self.world.move(application, stage, user=self.acting_user)

    def reject(self, application: str, reason: str) -> None:
        """Archive with any active reason that is not a hire."""
        archived = self._held(application).record["archived"]
        usable = (*self.reasons("rejected"), *self.reasons("withdrawn"))
        if reason not in usable or (archived is not None and archived["reason"] == reason):
            raise ValueError(f"{application} cannot be archived as {reason}")
        self.world.archive(application, reason)

    def reactivate(self, application: str) -> None:
        if self._held(application).record["archived"] is None:
            raise ValueError(f"{application} is not archived")
        self.world.unarchive(application)

    def hire(self, application: str) -> None:
        archived = self._held(application).record["archived"]
        usable = self.reasons("hired")
        if not usable or (archived is not None and archived["reason"] in usable):
            raise ValueError(f"{application} cannot be hired")
        self.world.archive(application, usable[0])

    def snooze(self, application: str, until: float) -> None:
        """Put on hold until a time (unix seconds)."""
        self._held(application)
        self.world.touch(application, snoozedUntil=int(until * 1000))

    # -- all else --

    def edit(self, application: str) -> None:
        """A tag of the opportunity, or a headline of the person and so of all their opportunities."""
        record, note = self._held(application).record, self.world.inventor.uuid()[:8]
        if record["isAnonymized"] or self.world.inventor.random.random() < 0.5:
            self.world.touch(application, tags=[*record["tags"], f"Noted {note}"])
        else:
            self.world.change_person(record["contact"], headline=f"Met again {note}")

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        """Apply to ``job``, else to the first published posting; a known e-mail keeps its contact."""
        postings = self.account.postings
        if job is None:
            job = next(
                (k for k, p in postings.items() if p["state"] == "published"), next(iter(postings), None)
            )
        elif job not in postings:
            raise ValueError(f"no posting {job}")
        return self._add(name, email, stage="applicant-new", origin="applied", posting=job)

    def assign(self, application: str, user: str) -> None:
        """Give an opportunity another owner."""
        if user not in self.account.users:
            raise ValueError(f"no user {user}")
        self._held(application)
        self.world.touch(application, owner=user)

    def source(self, *, name: str, email: str | None) -> str:
        """A lead without any application."""
        return self._add(name, email, stage="lead-new", origin="sourced", posting=None)

    def _add(self, name: str, email: str | None, *, stage: str, origin: str, posting: str | None) -> str:
        world, ms = self.world, self.world.ms()
        if self.account.stage(stage) is None:
            stage = self.account.stages[0].id
        contact, known = self._contact_for(name, email)
        held = self.account.contacts[contact]
        record = bodies.opportunity(
            world.inventor.uuid(),
            held,
            stage=stage,
            origin=origin,
            owner=self.acting_user,
            at=ms,
            changes=[{"toStageId": stage, "toStageIndex": self.account.index_of(stage), "updatedAt": ms}],
        )
        record["updatedAt"] = ms
        application = None
        if posting is not None:
            job = self.account.postings[posting]
            record["opportunityLocation"] = job["categories"].get("location") or "unspecified"
            application = bodies.application(world.inventor.uuid(), record, posting=job, at=ms)
            record["applications"] = [application["id"]]
        world.store(Candidacy(record, application))
        if not known:
            world.hooks.fire("contactCreated", record, world.now())
        if application is not None:
            world.hooks.fire("applicationCreated", record, world.now(), applicationId=application["id"])
        return str(record["id"])

    def _contact_for(self, name: str, email: str | None) -> tuple[str, bool]:
        for key in self.account.opportunities.with_email(email) if email else ():
            return str(self.account.opportunities.shown[key].record["contact"]), True
        key = self.world.inventor.uuid()
        self.account.contacts[key] = bodies.contact(key, name=name, emails=[email] if email else [])
        return key, False

    def delete(self, application: str) -> None:
        self._held(application)
        gone = self.account.opportunities.remove(application)
        self._bury("opportunities", gone.record, gone.record["confidentiality"])
        if gone.application is not None:
            self._bury("applications", gone.application, gone.record["confidentiality"])
        self.account.offers.pop(application, None)
        self.account.interviews.pop(application, None)
        if not self.account.opportunities.with_contact(gone.record["contact"]):
            self.account.contacts.pop(gone.record["contact"], None)
        self.world.hooks.fire("candidateDeleted", gone.record, self.world.now(), deletedBy=self.acting_user)

    def delete_posting(self, posting: str) -> None:
        gone = self.account.postings.pop(posting)
        self._bury("postings", gone, gone["confidentiality"])

    def _bury(self, kind: str, record: Record, confidentiality: str) -> None:
        grave = {"id": record["id"], "deletedAt": self.world.ms(), "deletedBy": self.acting_user}
        self.account.deleted[kind].append({**grave, "confidentiality": confidentiality})

    def anonymise(self, application: str) -> None:
        """Personal fields go, the rest stays; the contact follows when no opportunity of it is left."""
        record = self._held(application).record
        self.world.touch(application, application=bodies.NO_APPLICANT, isAnonymized=True, **bodies.NO_PERSON)
        everyone = self.account.opportunities
        mine = [everyone.actual[key].record for key in everyone.with_contact(record["contact"])]
        contact = self.account.contacts[record["contact"]]
        if all(r["isAnonymized"] for r in mine):
            blank = bodies.contact(contact["id"], name="", emails=[])
            self.account.contacts[contact["id"]] = {**blank, "isAnonymized": True}

    def merge(self, loser: str, survivor: str) -> None:
        """One contact is left; every opportunity of both keeps its id and stands with it."""
        old, new = self._held(loser).record["contact"], self._held(survivor).record["contact"]
        if old == new:
            raise ValueError(f"{loser} and {survivor} are of one person already")
        gone, kept = self.account.contacts.pop(old), self.account.contacts[new]
        for key in self.account.opportunities.with_contact(old):
            self.world.touch(key, contact=new)
        emails = [*kept["emails"], *(e for e in gone["emails"] if e not in kept["emails"])]
        phones = [*kept["phones"], *(p for p in gone["phones"] if p not in kept["phones"])]
        self.world.change_person(new, emails=emails, phones=phones)

    def set_confidential(self, application: str, confidential: bool = True) -> None:
        self._held(application)
        self.world.touch(application, confidentiality="confidential" if confidential else "non-confidential")

    def schedule_interview(self, application: str) -> str:
        record, key = self._held(application).record, self.world.inventor.uuid()
        self.account.interviews[application].append(key)
        self.world.hooks.fire("interviewCreated", record, self.world.now(), interviewId=key)
        return key

    def reschedule_interview(self, application: str, interview: str) -> None:
        record = self._held(application).record
        if interview not in self.account.interviews[application]:
            raise ValueError(f"{application} has no interview {interview}")
        self.world.hooks.fire("interviewUpdated", record, self.world.now(), interviewId=interview)

    # -- the account --

    def add_hook(self, url: str, event: str) -> str:
        """Add a web hook in Lever's settings; its id. It is signed with the token of its event group."""
        return str(self.world.hooks.add_in_pages(url, event)["id"])

    def deactivate_user(self, user: str) -> None:
        if user not in self.account.users:
            raise ValueError(f"no user {user}")
        self.account.users[user] = {**self.account.users[user], "deactivatedAt": self.world.ms()}

    def rename_stage(self, stage: str, name: str) -> None:
        self._change_stage(stage, name=name)

    def deactivate_stage(self, stage: str) -> None:
        """It leaves the pipeline; who stands in it keeps its id, and nobody can be moved to it."""
        self._change_stage(stage, name=None)

    def _change_stage(self, stage: str, *, name: str | None) -> None:
        if self.account.stage(stage) is None:
            raise ValueError(f"no stage {stage}")
        self.account.stages = [
            evolve(s, text=name or s.text) if s.id == stage else s
            for s in self.account.stages
            if s.id != stage or name is not None
        ]

    def _held(self, application: str) -> Candidacy:
        held = self.account.opportunities.actual.get(application)
        if held is None:
            raise ValueError(f"no opportunity {application}")
        return held
