"""An invented account: what real ones have, in shares like theirs."""

from __future__ import annotations

from attrs import define, field

from ..people import Inventor
from . import bodies
from .details import Details
from .records import Account, Candidacy, Record, Stage
from .world import APPLICATION_LAG_MS

HOUR, DAY = 3_600_000, 86_400_000
YEARS = 5 * 365 * DAY

STAGES = (
    ("lead-new", "New lead", 1, "lead"),
    ("lead-reached-out", "Reached out", 3, "lead"),
    ("lead-responded", "Responded", 5, "lead"),
    ("applicant-new", "New applicant", 101, "applicant"),
    ("", "Manager review", 105.5, "applicant"),
    ("", "Recruiter screen", 201, "screen"),
    ("", "Manager screen", 230.5, "screen"),
    ("", "On-site interview", 231, "onsite"),
    ("", "Reference check", 231.5, "onsite"),
    ("offer", "Offer", 261, "offer"),
    ("", "Background check", 265.5, "offer"),
)
REASONS = (
    ("Underqualified", "active", "non-hired"),
    ("Position closed", "active", "non-hired"),
    ("Better for another role", "active", "non-hired"),
    ("Compensation", "active", "non-hired"),
    ("Timing", "active", "non-hired"),
    ("No response", "active", "non-hired"),
    ("Unresponsive (old)", "inactive", "non-hired"),
    ("Withdrew", "active", "non-hired"),
    ("Offer declined", "active", "non-hired"),
    ("Hired", "active", "hired"),
    ("Hired as contractor", "active", "hired"),
)
ORIGINS = ("sourced",) * 4 + ("applied",) * 5 + ("referred", "agency", "internal", "university")
TAGS = ("Backend", "Remote", "Silver medalist", "Referral", "Graduate", "Relocation")
POSTING_STATES = (
    *("published", "published", "published", "internal", "closed", "draft"),
    *("published", "pending", "published", "internal", "rejected", "published"),
)


def account(applications: int, *, seed: int, now: float) -> Account:
    """About so many opportunities, ending the midnight before ``now``."""
    today = int(now // 86_400) * DAY
    return _Town(Inventor(seed, missing_email=0.3), today, Details(Inventor(seed * 7 + 5))).account(
        applications
    )


@define
class _Town:
    inventor: Inventor
    today: int
    details: Details
    _recent: list[str] = field(factory=list)

    def account(self, applications: int) -> Account:
        users = self._users()
        made = Account(
            stages=[Stage(key or self.inventor.uuid(), *rest) for key, *rest in STAGES],  # type: ignore[arg-type]
            reasons=[
                {"id": self.inventor.uuid(), "text": text, "status": status, "type": kind}
                for text, status, kind in REASONS
            ],
            users=users,
            postings={},
            requisitions={},
            contacts={},
        )
        self.details.users(made)
        self._jobs(made, max(6, min(60, applications // 50)))
        made.opportunities.load([self._candidacy(made) for _ in range(applications)])
        return made

    def _users(self) -> dict[str, Record]:
        users = {}
        for index in range(12):
            key, person = self.inventor.uuid(), self.inventor.person()
            users[key] = bodies.user(
                key,
                name=person.name,
                email=person.email or f"user{index}@example.com",
                role="super admin" if index < 2 else "team member" if index < 8 else "interviewer",
                at=self.today - YEARS,
                deactivated=self.today - 90 * DAY if index in (7, 11) else None,
            )
        return users

    def _jobs(self, made: Account, count: int) -> None:
        people, pick = list(made.users), self.inventor.random.choice
        for index in range(count):
            key, title, code = self.inventor.uuid(), self.inventor.job_title(), f"JOB-{index + 1}"
            at = self.today - int(self.inventor.random.random() * YEARS)
            owner, state = pick(people[:8]), POSTING_STATES[index % len(POSTING_STATES)]
            made.postings[key] = bodies.posting(
                key,
                title=title,
                state=state,
                owner=owner,
                department=self.inventor.department(),
                city=self.inventor.city(),
                code=code,
                at=at,
            )
            self.details.posting(made.postings[key], people[:8])
            other, status = self.inventor.uuid(), "closed" if state == "closed" else "open"
            made.requisitions[other] = bodies.requisition(
                other, code=code, name=title, status=status, owner=owner, postings=[key], at=at
            )
            self.details.requisition(index, made.requisitions[other], made.postings[key])
            if index % 20 == 19:
                made.postings[key]["confidentiality"] = "confidential"
                made.requisitions[other]["confidentiality"] = "confidential"

    # -- opportunities --

    def _candidacy(self, made: Account) -> Candidacy:
        chance = self.inventor.random.random
        at = self.today - DAY - int(chance() ** 1.5 * YEARS)
        changes = self._history(made, at)
        stage = changes[-1]["toStageId"]
        record = bodies.opportunity(
            self.inventor.uuid(),
            self._contact(made),
            stage=stage,
            origin=self.inventor.random.choice(ORIGINS),
            owner=self.inventor.random.choice(list(made.users)),
            at=at,
            changes=changes,
        )
        self._colour(record)
        application = self._apply(made, record) if chance() > 0.03 else None
        if chance() < 0.35:
            self._archive(made, record, application)
        if application is not None and stage == "offer":
            creator, job = record["owner"], application["posting"]
            made.offers[record["id"]].append(
                bodies.offer(self.inventor.uuid(), posting=job, creator=creator, status="sent", at=at)
            )
        if application is not None:
            self.details.application(record, application)
            self.details.hire(made, record, application)
            if stage != "offer":
                self.details.offer(made, record, application)
        last = max(record["lastAdvancedAt"], (record["archived"] or {}).get("archivedAt", 0))
        if chance() < (0.2 if last < self.today - 365 * DAY else 0.7):
            record["updatedAt"] = last + 5 + int(chance() * 40)
        if chance() < 0.02 and record["contact"] == self._recent[-1]:
            self._anonymise(made, record, application)
        return Candidacy(record, application)

    def _history(self, made: Account, at: int) -> list[Record]:
        """Stages entered on the way, mostly forward; old rows name nobody."""
        chance = self.inventor.random.random
        index, when, rows = int(chance() * 5), at, []
        owner = self.inventor.random.choice(list(made.users))
        for _ in range(1 + int(chance() ** 2 * 5)):
            row: Record = {"toStageId": made.stages[index].id, "toStageIndex": index, "updatedAt": when}
            if when > self.today - 2 * 365 * DAY:
                row["userId"] = owner
            rows.append(row)
            step = 1 + int(chance() * 2) if chance() < 0.9 or index == 0 else -1
            index, when = index + step, when + HOUR + int(chance() * 14 * DAY)
            if index >= len(made.stages) or when >= self.today:
                break
        return rows

    def _contact(self, made: Account) -> Record:
        """Mostly somebody new; sometimes one who is known from another opportunity."""
        random = self.inventor.random
        if self._recent and random.random() < 0.03:
            return made.contacts[random.choice(self._recent[-200:])]
        key, person = self.inventor.uuid(), self.inventor.person()
        made.contacts[key] = bodies.contact(
            key,
            name="" if random.random() < 0.012 else person.name,
            emails=[person.email] if person.email else [],
            phones=[{"type": random.choice(("mobile", "home", None)), "value": person.phone}]
            if person.phone
            else [],
            headline=person.headline,
            location=person.location,
        )
        self._recent.append(key)
        return made.contacts[key]

    def _colour(self, record: Record) -> None:
        random = self.inventor.random
        record["tags"] = random.sample(TAGS, int(random.random() * 3))
        if random.random() < 0.02:
            record["confidentiality"] = "confidential"
        if random.random() < 0.02:
            record["snoozedUntil"] = self.today + int((random.random() - 0.4) * 90 * DAY)
        if random.random() < 0.05:
            expires = self.today + int((random.random() - 0.3) * 900 * DAY)
            consent = {"allowed": True, "expiresAt": expires}
            record["dataProtection"] = {"store": consent, "contact": dict(consent)}

    def _apply(self, made: Account, record: Record) -> Record:
        posting = made.postings[self.inventor.random.choice(list(made.postings))]
        application = bodies.application(
            self.inventor.uuid(), record, posting=posting, at=record["createdAt"]
        )
        record["applications"] = [application["id"]]
        record["opportunityLocation"] = posting["categories"]["location"]
        return application

    def _archive(self, made: Account, record: Record, application: Record | None) -> None:
        random = self.inventor.random
        at = min(self.today - 1, record["lastAdvancedAt"] + HOUR + int(random.random() * 30 * DAY))
        archived = {"reason": random.choice(made.reasons)["id"], "archivedAt": at}
        record["archived"] = archived
        if application is not None:
            application["archived"] = {**archived, "archivedAt": at - APPLICATION_LAG_MS}

    def _anonymise(self, made: Account, record: Record, application: Record | None) -> None:
        """One whose contact has no other opportunity, and gets none: the contact is anonymous as well."""
        key = self._recent.pop()
        made.contacts[key] = {**bodies.contact(key, name="", emails=[]), "isAnonymized": True}
        record.update(bodies.NO_PERSON, isAnonymized=True)
        if application is not None:
            application.update(bodies.NO_APPLICANT)
