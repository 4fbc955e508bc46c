"""The story: a recruiter's leads apply, both sides change, and in the end both agree.

Each chapter does one thing through the bridge, as a service would, and proves
it by what the simulator itself knows: its truth, its log of requests and its
log of accepted writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

from attrs import define, field

from ...crm.sql import AppView
from ...model import Receipt
from ...simulators.people import Inventor
from ...sync.inbound import PullReport
from ...sync.outbound import PushReport
from ...sync.plan import PlanReport, receipt_dict
from ...sync.verify import VerifyReport, Why
from ...wire.streams import StreamScope
from ..names import Names
from ..reports import counts_text
from .changes import Changes
from .counting import at_most_once, begins_at, by_path, compare, contents, outside, over
from .setting import Setting
from .telling import Teller

LEADS, APPLY = 12, 8
SHOWN = 12
"""Rows of a table; --json has every one."""

_COMPARED = ("result", "before", "after", "strength", "why")


@define
class Story:
    """Plays the chapters in order, on one setting."""

    setting: Setting
    teller: Teller
    seed: int
    applied: dict[str, str] = field(factory=dict)
    """Application id to lead id, of the leads who applied."""
    stranger: str = ""
    """The application of somebody who was no lead."""
    first_pull: PullReport | None = None
    random: Random = field(init=False)
    changes: Changes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a story, not a secret

    # -- inbound --

    def leads(self) -> None:
        tell = self.teller
        tell.chapter("Recruiters source leads in the CRM and mail them")
        people = Inventor(self.seed + 4711, missing_email=0.0)
        for number in range(LEADS):
            person = people.person()
            email = f"{person.given}.{person.family}.{number}@leads.example.org".lower()
            lead = self.setting.crm.add_lead(person.name, email)
            self.applied[lead] = email
        leads = self._leads()
        if tell.show_personal:
            tell.table(("lead", "name", "e-mail"), [(lead.id, lead.name, lead.email) for lead in leads])
        else:
            tell.say(f"{len(leads)} leads; --show-personal shows their names.")
        tell.fact(leads=len(leads))
        tell.prove_equal("leads in the CRM", len(self._leads()), LEADS)

    def _leads(self) -> Any:
        return self.setting.crm.leads()

    def some_apply(self) -> None:
        tell, simulator = self.teller, self.setting.simulator
        tell.chapter("Some of them apply in the ATS, and so does a stranger without e-mail")
        leads = self._leads()[:APPLY]
        self.applied = {}
        for number, lead in enumerate(leads):
            # One writes their address in capitals: people do.
            email = lead.email.upper() if number == 0 else lead.email
            self.applied[simulator.apply(name=lead.name, email=email)] = lead.id
        self.stranger = simulator.apply(name="Sam Stranger", email=None)
        tell.fact(applied=len(leads) + 1)
        tell.say(f"{len(leads)} of {LEADS} leads apply, and one stranger.")

    def check(self) -> None:
        tell = self.teller
        tell.chapter("Preflight: the three requirements")
        report = self.setting.bridge.check()
        rows = [(f.proof.value, f.what, f.ask) for f in report.access]
        tell.table(("", "what", "ask the administrator for"), rows)
        proofs = Counter(f.proof.value for f in report.access)
        faults = [str(f) for f in report.mapping if f.severity.value == "fault"]
        tell.say("The demo approves the write surface itself; a customer runs `atsbridge vendors approve`.")
        tell.fact(exit_code=report.exit_code, proofs=dict(proofs), surface=report.surface)
        tell.prove("nothing is missing", counts_text(proofs), holds=report.exit_code in (0, 3))
        tell.prove_equal("faults of the mapping against the live stages", len(faults), 0)

    def pull(self) -> None:
        tell, bridge = self.teller, self.setting.bridge
        tell.chapter("Pull: the whole account comes in")
        report = self.first_pull = bridge.pull()
        tell.table(("stream", "pages"), list(report.pages.items()))
        tell.say(f"{report.read} records read in {report.requests} requests, {report.created} created.")
        tell.fact(**report.as_dict())
        self._prove_equal_to_truth("the CRM equals the ATS, application by application")
        recognised = {c.id: lead.id for lead in self._leads() for c in lead.candidates}
        right = sum(self._lead_of(app) == lead for app, lead in self.applied.items())
        tell.prove_equal("applicants recognised as their leads", right, len(self.applied))
        tell.prove_equal("leads linked to anybody else", len(recognised) - right, 0)

    def _lead_of(self, application: str) -> str | None:
        return self._app(application).lead_id

    def _app(self, application: str) -> AppView:
        return self.setting.crm.application(self.setting.bridge.ref(application))

    def _prove_equal_to_truth(self, claim: str, *, named: VerifyReport | None = None) -> None:
        """Every application by stage, status, job and person; what differs must be named by verify."""
        found = compare(self.setting.simulator.truth(), self.setting.crm.applications())
        out = named or (self.setting.bridge.verify() if found.differing else VerifyReport())
        explained = {d.application for d in out.differences if d.why is not Why.FAULT}
        unnamed = found.differing - explained
        self.teller.fact(truth=str(found), example=next((found.wrong[i] for i in found.wrong), ""))
        self.teller.prove(claim, found, holds=not unnamed and found.equal > 0)

    # -- outbound --

    def change(self) -> None:
        tell = self.teller
        tell.chapter("Recruiters make 50 changes, while the hiring manager works too")
        self.changes = Changes(self.setting, self.random)
        before = len(self.setting.simulator.accepted)
        self.changes.make()
        tell.table(("changes", "what"), [(n, kind) for kind, n in self.changes.kinds.items()])
        tell.fact(changes=dict(self.changes.kinds))
        tell.prove_equal("changes in the CRM's outbox", len(self.changes.expected), 50)
        tell.prove_equal("writes to the ATS so far", len(self.setting.simulator.accepted) - before, 0)

    def plan(self) -> PlanReport:
        tell, setting = self.teller, self.setting
        tell.chapter("Plan: what a push would do, without doing it")
        before, log, accepted = contents(setting.files), len(setting.server.requests), self._accepted()
        report = setting.bridge.plan()
        self._receipts(report.receipts)
        tell.say(f"{report.writes} writes would leave.")
        tell.fact(writes=report.writes, receipts=[receipt_dict(r) for r in report.receipts])
        asked = list(setting.server.requests)[log:]
        tell.prove_equal(
            "requests that are no declared read", len(outside(asked, self._vendor, writes=False)), 0
        )
        tell.prove_equal("writes that the ATS accepted", self._accepted() - accepted, 0)
        tell.prove(
            "CRM and ledger are as before, to the last row",
            "compared whole",
            holds=before == contents(setting.files),
        )
        return report

    def push(self, planned: PlanReport) -> PushReport:
        tell, setting = self.teller, self.setting
        tell.chapter("Push: the changes go out")
        before = self._accepted()
        report = setting.bridge.push()
        tell.say(f"{report.writes} writes in {report.requests} requests.")
        tell.fact(**{k: v for k, v in report.as_dict().items() if k != "results"})
        tell.prove_equal("writes, as planned", report.writes, planned.writes)
        tell.prove_equal("writes that the ATS accepted", self._accepted() - before, report.writes)
        tell.prove_equal("changes that could not be settled", report.settling + report.pending, 0)
        return report

    def receipts(self, planned: PlanReport, pushed: PushReport) -> None:
        tell = self.teller
        tell.chapter("Receipts: what became of each change")
        self._receipts(pushed.receipts)
        results = Counter(r.result.value for r in pushed.receipts)
        tell.say(counts_text(results))
        tell.fact(results=dict(results), receipts=[receipt_dict(r) for r in pushed.receipts])
        expected = self.changes.expected
        tell.prove_equal(
            "changes with exactly one receipt", len({r.event_id for r in pushed.receipts}), len(expected)
        )
        tell.prove_equal("receipts", len(pushed.receipts), len(expected))
        astray = [r for r in pushed.receipts if r.result not in expected.get(r.event_id, ())]
        shown = "; ".join(f"{r.result.value} ({r.why})" for r in astray[:3])
        tell.prove("each change ended as the story meant it", shown or "all", holds=not astray)
        ahead = {r.event_id: _essence(r) for r in planned.receipts}
        actual = {r.event_id: _essence(r) for r in pushed.receipts}
        same = sum(ahead.get(event) == essence for event, essence in actual.items())
        tell.prove_equal("predictions of the plan that came true", same, len(actual))
        delivered = self.setting.crm.delivered
        tell.prove("the repeated event was delivered more than once", delivered, holds=delivered > 1)

    def _receipts(self, receipts: tuple[Receipt, ...] | list[Receipt]) -> None:
        """A few of each result, the rarest results first."""
        counts = Counter(r.result for r in receipts)
        chosen = sorted(receipts, key=lambda r: (counts[r.result], r.result.value))[:SHOWN]
        names = Names.of(self.setting.words.reality)
        rows = [_row(receipt_dict(r), names) for r in chosen]
        self.teller.table(("result", "application", "before", "after", "why"), rows)
        if len(receipts) > len(chosen):
            self.teller.say(f"... and {len(receipts) - len(chosen)} more, all in --json")

    # -- both sides agree --

    def manager_moves_on(self) -> None:
        tell, setting = self.teller, self.setting
        tell.chapter("The hiring manager moves on, and the CRM follows")
        moved = self._manager_works()
        setting.clock.let_pass()
        tell.say("Half an hour passes in the ATS.")
        before = self._accepted()
        report = setting.bridge.sync()
        tell.say(f"{report.pull.updated} records updated in {report.pull.requests} requests.")
        tell.fact(moved=len(moved), **report.as_dict()["pull"])
        truth = setting.simulator.truth()
        followed = sum(
            self._app(id).confirmed.stage == truth[id].stage
            and self._app(id).confirmed.status.value == truth[id].status
            for id in moved
        )
        tell.prove_equal("applications that followed", followed, len(moved))
        tell.prove_equal("writes caused by that", self._accepted() - before, 0)

    def _manager_works(self) -> list[str]:
        """Leads who applied are moved, one is rejected; a few that the recruiters wrote are moved on."""
        simulator = self.setting.simulator
        moved: list[str] = []
        for id in [*self.applied, *sorted(self.changes.touched)]:
            if len(moved) == APPLY + 4:
                break
            stages = simulator.stages_for(id)
            if stages and simulator.truth()[id].status == "active":
                simulator.move(id, self.random.choice(stages))
                moved.append(id)
        if reasons := simulator.reasons("rejected"):
            simulator.reject(moved[0], reasons[0])
        return moved

    def verify(self) -> None:
        tell = self.teller
        tell.chapter("Verify: both sides are compared")
        report = self.setting.bridge.verify()
        tell.say(
            f"{report.compared} compared, {report.equal} equal, differences: {counts_text(report.counts)}."
        )
        tell.fact(compared=report.compared, equal=report.equal, counts=report.counts)
        tell.prove_equal("differences that cannot be named", report.faults, 0)
        self._prove_equal_to_truth("the simulator's own truth says so too", named=report)

    def second_sync(self) -> None:
        tell, setting = self.teller, self.setting
        tell.chapter("A second sync has nothing to do")
        log, before = len(setting.server.requests), self._accepted()
        report = setting.bridge.sync()
        asked = list(setting.server.requests)[log:]
        counts = by_path(asked)
        tell.table(("requests", "", "path"), [(n, method, path) for (method, path), n in counts.items()])
        tell.fact(requests={f"{method} {path}": n for (method, path), n in counts.items()})
        streams = {s.name: s for s in setting.bridge.ats.streams()}
        first = self.first_pull.pages if self.first_pull else {}
        pages = report.pull.pages
        narrowed = [n for name, n in pages.items() if streams[name].incremental]
        whole = {name: n for name, n in pages.items() if not streams[name].incremental}
        tell.prove(
            "pages per incremental stream", max(narrowed, default=0), holds=max(narrowed, default=0) <= 1
        )
        tell.prove("one pass over what can only be read whole", sum(whole.values()),
                   holds=all(n <= first.get(name, 0) for name, n in whole.items()))  # fmt: skip
        most: Counter[str] = Counter()
        for name, stream in streams.items():
            if stream.scope is StreamScope.CONNECTION and (path := begins_at(stream)) is not None:
                most[path] += 1 if stream.incremental else whole.get(name, 0)
        more = over(asked, most, self._vendor)
        tell.prove("the server was asked for no listing more often", more or "none", holds=not more)
        made = report.pull.requests + report.push.requests
        tell.prove_equal("requests, by the server's own log", sum(counts.values()), made)
        tell.prove_equal("writes", self._accepted() - before, 0)
        tell.prove_equal(
            "records changed", report.pull.created + report.pull.updated + report.pull.deleted, 0
        )

    def totals(self) -> None:
        tell, setting = self.teller, self.setting
        tell.chapter("Totals")
        accepted = setting.simulator.accepted
        ids = self.changes.touched | {one.application for one in accepted if one.application}
        explained = {id: setting.bridge.explain(id).as_dict() for id in sorted(ids)}
        counted = at_most_once(accepted, explained)
        log = list(setting.server.requests)
        tell.fact(requests=len(log), accepted=len(accepted), intents=counted.sent_intents)
        tell.say(f"{len(log)} requests in all, {counted.attempts} attempts at a write.")
        tell.prove("at most one accepted write per intent", counted, holds=counted.holds)
        tell.prove_equal(
            "requests outside the declared surface", len(outside(log, self._vendor, writes=True)), 0
        )
        tell.prove_equal("failures of the simulator", len(setting.server.failures), 0)

    # -- words --

    @property
    def _vendor(self) -> Any:
        return self.setting.adapter.VENDOR

    def _accepted(self) -> int:
        return len(self.setting.simulator.accepted)

    def those_who_applied(self) -> list[AppView]:
        return [self._app(id) for id in (*self.applied, self.stranger)]


def _essence(receipt: Receipt) -> dict[str, Any]:
    plain = receipt_dict(receipt)
    return {name: plain[name] for name in _COMPARED}


def _row(receipt: Mapping[str, Any], names: Names) -> tuple[str, ...]:
    short = receipt["application"][:13]
    before, after = names.state(receipt["before"]), names.state(receipt["after"])
    return receipt["result"].upper(), short, before, after, receipt["why"]


def tell(setting: Setting, teller: Teller, *, seed: int, after_pull: Any = None) -> Story:
    """All chapters.

    Args:
        after_pull: called with the story once the account has come in.
    """
    story = Story(setting, teller, seed)
    story.leads()
    story.some_apply()
    story.check()
    story.pull()
    if after_pull is not None:
        after_pull(story)
    story.change()
    planned = story.plan()
    pushed = story.push(planned)
    story.receipts(planned, pushed)
    story.manager_moves_on()
    story.verify()
    story.second_sync()
    story.totals()
    return story
