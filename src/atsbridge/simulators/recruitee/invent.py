"""An invented account: pipelines that jobs share, an archived job, a talent pool, people in two jobs."""

from __future__ import annotations

from attrs import define

from ..people import DEPARTMENTS, Inventor
from .account import WITHDRAWALS, Account
from .answers import Row, earlier

DAY = 86_400
PIPELINES = ("Default", "Sales", "Warehouse")
STAGES = (
    ("Applied", "apply", "default"),
    ("Phone screen", "phone_screen", "default"),
    ("Interview", "interview", "default"),
    ("Evaluation", "evaluation", "default"),
    ("Offer", "offer", "default"),
    ("Hired", "hire", "hire"),
)
LOCKED = frozenset({"apply", "hire"})
REASONS = ("Not a fit", "Position filled", "Candidate withdrew", "Took another job")


def fill(account: Account, applications: int, *, seed: int) -> None:
    _Town(account, Inventor(seed)).fill(applications)


@define
class _Town:
    account: Account
    inventor: Inventor

    def fill(self, applications: int) -> None:
        account = self.account
        for name in DEPARTMENTS[:3]:
            _ = account.add(account.departments, name=name)
        for place, name in enumerate(REASONS, 1):
            _ = account.add(account.reasons, name=name, position=place)
        for _ in range(3):
            self._admin()
        for place, title in enumerate(PIPELINES, 1):
            self._pipeline(title, place)
        jobs = [self._offer("job") for _ in range(max(4, applications // 10))]
        pool = self._offer("talent_pool")
        for _ in range(applications):
            self._story(jobs, pool)
        jobs[-2]["status"], jobs[-1]["status"] = "closed", "archived"
        self._age()

    def _admin(self) -> None:
        who = self.inventor.person()
        _ = self.account.add(
            self.account.admins, first_name=who.given, last_name=who.family, email=who.email,
            timezone="Europe/Amsterdam", time_format24=True, photo_thumb_url=None,
        )  # fmt: skip

    def _pipeline(self, title: str, place: int) -> None:
        account = self.account
        template = account.add(
            account.templates, title=title, position=place, category="job", custom=place > 1,
            default=place == 1, stages=[],
        )  # fmt: skip
        for position, (name, category, group) in enumerate(STAGES, 1):
            account.last_id += 1
            stage: Row = {
                "id": account.last_id, "name": name, "category": category, "group": group,
                "position": position, "locked": category in LOCKED, "time_limit": None,
                "fair_evaluations_enabled": False, "action_templates": self._actions(name, place),
            }  # fmt: skip
            template["stages"].append(stage)
            account.stage_names[stage["id"]] = name

    def _actions(self, stage: str, place: int) -> list[Row]:
        """In one of the pipelines a mail goes out to whoever comes to the interview."""
        mails = stage == "Interview" and place == 2
        return [{"id": 1, "kind": "send_email", "data": {}, "references": []}] if mails else []

    def _offer(self, kind: str) -> Row:
        account, chance, now = self.account, self.inventor.random, self.account.clock()
        department, title = chance.choice(list(account.departments.values())), self.inventor.job_title()
        return account.add(
            account.offers, kind=kind, status="published", title=title,
            slug=title.lower().replace(" ", "-"), guid=f"{chance.randrange(16**5):05x}",
            department=department["name"], department_id=department["id"], location=self.inventor.city(),
            country_code="NL", employment_type_code="fulltime", hiring_manager_id=None,
            recruiter_id=chance.choice(list(account.admins)), number_of_openings=1, published_at=now,
            closed_at=None, created_at=now, updated_at=now, template=chance.choice(list(account.templates)),
        )  # fmt: skip

    def _story(self, jobs: list[Row], pool: Row) -> None:
        """Somebody applies, now and then for two jobs at once, and something comes of it."""
        account, chance, who = self.account, self.inventor.random, self.inventor.person()
        person = account.arrive(who.name, who.email, phone=who.phone)
        for job in chance.sample(jobs, 2 if chance.random() < 0.1 else 1):
            self._course(account.place(person, job))
        if chance.random() < 0.1:
            _ = account.place(person, pool)

    def _course(self, placement: Row) -> None:
        account, chance = self.account, self.inventor.random
        stages = account.stages(placement)
        for _ in range(chance.choice([0, 0, 1, 2])):
            account.move(placement, chance.choice(stages[1:-1])["id"])
        fate = chance.random()
        if fate < 0.3:
            own = [id for id, r in account.reasons.items() if (r["name"] in WITHDRAWALS) == (fate >= 0.2)]
            account.disqualify(placement, chance.choice(own))
        elif fate < 0.37:
            account.move(placement, stages[-1]["id"])

    def _age(self) -> None:
        """Let all that happened have happened some time ago."""
        account, chance = self.account, self.inventor.random
        for offer in account.offers.values():
            earlier(offer, 91 * DAY)
        for id, person in account.candidates.items():
            ago = chance.uniform(DAY, 90 * DAY)
            earlier(person, ago)
            account.activity[id] = [at - ago for at in account.activity[id]]
            for placement in account.of_candidate(id):
                earlier(placement, ago)
