"""Writing: each status write does what it says, once, and each refusal is told in the vendor's words."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import product

import pytest

from ...ats.interface import Catalogue, Unplannable
from ...model import Action, ApplicationStatus, Gap, Intent, Receipt, Result, State
from ...simulators.interface import SimRequest, SimResponse
from ...wire.effects import Purpose
from ..account import Account
from ..direct import Respond
from .subject import Subject, active, elsewhere, first_of, reason_for

ENDS = ("rejected", "withdrawn", "hired")
FAULTS = ("lost request", "lost answer", "late request", "server error", "throttled")
_NOT_DONE = {Result.REFUSED, Result.CONFLICT, Result.REVIEW, Result.DEAD}
_DONE = {Result.APPLIED, Result.APPLIED_OVER_CHANGE, Result.ALREADY}


class Writing(Subject):
    """What a recruiter wants is written once, or refused and said why."""

    # -- each action --

    @pytest.mark.usefixtures("writes")
    def test_a_move_is_one_write_and_arrives(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        there = elsewhere(account, id)[0]
        event = account.ask(id, stage=there)
        receipt = self._pushed(account)[event]
        assert receipt.result is Result.APPLIED, receipt
        assert [a.application for a in account.simulator.accepted] == [id]
        assert account.truth()[id].stage == there
        assert account.differences() == {}

    @pytest.mark.parametrize("status", ENDS)
    def test_an_end_is_written_or_refused_in_words(self, account: Account, status: str) -> None:
        id = first_of(active(account), "application under way")
        before = account.truth()
        event = account.ask(id, status=status, reason=reason_for(account, status))
        receipt = self._pushed(account)[event]
        if receipt.result is Result.REFUSED:
            assert receipt.why, receipt
            assert account.simulator.accepted == [] and account.truth() == before
            return
        assert receipt.result is Result.APPLIED, receipt
        assert account.truth()[id].status == status
        assert {a.application for a in account.simulator.accepted} == {id}
        assert account.differences() == {}

    def test_what_an_end_may_be_for_is_known(self, account: Account) -> None:
        """Else no mapping could name it, and every end would be refused in words."""
        jobs = {truth.job for truth in account.truth().values()} | {None}
        catalogues = [account.engine.catalogue(job) for job in jobs]
        known = {record.ref.id for one in catalogues for record in (*one.reasons, *one.stages)}
        for outcome in ("rejected", "withdrawn"):
            assert set(account.simulator.reasons(outcome)) <= known, outcome

    def test_a_rejection_is_taken_back_or_refused_in_words(self, account: Account) -> None:
        id = first_of(active(account), "application under way")
        account.simulator.reject(id, account.simulator.reasons("rejected")[0])
        account.time.sleep(60)
        _ = account.bridge.pull()
        event = account.ask(id, status="active")
        receipt = self._pushed(account)[event]
        if receipt.result is Result.REFUSED:
            assert receipt.why and account.simulator.accepted == []
            return
        assert receipt.result is Result.APPLIED, receipt
        assert account.truth()[id].status == "active"
        assert account.differences() == {}

    def test_a_pair_is_a_chain_that_ends_at_its_target(self, account: Account) -> None:
        """A step and an end in one change: whatever the vendor needs for it, in order."""
        id = first_of(active(account), "application that can be moved")
        reason = reason_for(account, "rejected")
        event = account.ask(id, stage=elsewhere(account, id)[0], status="rejected", reason=reason)
        receipt = self._pushed(account)[event]
        if receipt.result is Result.REFUSED:
            assert receipt.why
            return
        assert receipt.result in _DONE, receipt
        assert account.truth()[id].status == "rejected"
        assert receipt.progress[0] == receipt.progress[1] >= 1
        assert account.differences() == {}

    @pytest.mark.usefixtures("writes")
    def test_every_chain_starts_and_ends_where_it_should(self, account: Account) -> None:
        """Planning is pure: parts join, and the last one meets the target."""
        catalogue = account.engine.catalogue(None)
        for id in active(account)[:6]:
            truth = account.truth()[id]
            here = State(truth.stage, ApplicationStatus.ACTIVE)
            for stage in elsewhere(account, id):
                chain = account.ats.plan_writes(
                    here,
                    State(stage, ApplicationStatus.ACTIVE),
                    account.engine.catalogue(truth.job) or catalogue,
                )
                assert chain[0].expected == here
                assert [p.action for p in chain] == [Action.MOVE]
                assert chain[-1].target.meets(State(stage, ApplicationStatus.ACTIVE))

    @pytest.mark.usefixtures("writes")
    def test_every_declared_write_is_planned_for_some_change(self, account: Account) -> None:
        """One that nothing leads to is a way that was forgotten, or a surface that is wider than its use."""
        left = {write.name for write in account.ats.VENDOR.writes} - self.otherwise
        for job in sorted({truth.job or "" for truth in account.truth().values()}):
            catalogue = account.engine.catalogue(job or None)
            for expected, target in product(_states(catalogue, 1), _states(catalogue, None)):
                left -= set(_planned(account, expected, target, catalogue))
                if not left:
                    return
        assert not left

    # -- what the ATS says about it --

    @pytest.mark.usefixtures("writes")
    def test_it_is_already_there(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        there = elsewhere(account, id)[0]
        event = account.ask(id, stage=there)
        account.simulator.move(id, there)
        receipt = self._pushed(account)[event]
        assert (receipt.result, account.simulator.accepted) == (Result.ALREADY, [])

    @pytest.mark.usefixtures("writes")
    def test_the_ats_wins_a_conflict(self, account: Account) -> None:
        for id in active(account):
            stages = elsewhere(account, id)
            if len(stages) > 1:
                break
        else:
            pytest.skip("the generated account has no application with two ways to go")
        event = account.ask(id, stage=stages[0])
        account.simulator.move(id, stages[1])
        receipt = self._pushed(account)[event]
        assert (receipt.result, account.simulator.accepted) == (Result.CONFLICT, [])
        assert account.truth()[id].stage == stages[1]
        assert account.mirror()[id][0] == stages[1]

    @pytest.mark.usefixtures("writes")
    def test_what_is_gone_is_refused(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        event = account.ask(id, stage=elsewhere(account, id)[0])
        account.simulator.delete(id)
        receipt = self._pushed(account)[event]
        assert (receipt.result, account.simulator.accepted) == (Result.REFUSED, [])
        assert "gone" in receipt.why or "visible" in receipt.why or "merged" in receipt.why

    @pytest.mark.usefixtures("writes")
    def test_what_is_hidden_is_refused_and_stops_nobody_else(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        hidden = account.simulator.hide(id)
        other = first_of([i for i in active(account) if i not in hidden], "application that still shows")
        if not hidden:
            pytest.skip("the simulator can hide no single application")
        events = [account.ask(i, stage=elsewhere(account, i)[0]) for i in (id, other)]
        receipts = self._pushed(account)
        assert [receipts[event].result for event in events] == [Result.REFUSED, Result.APPLIED]
        assert "visible" in receipts[events[0]].why
        assert not account.bridge.status().stopped
        assert [a.application for a in account.simulator.accepted] == [other]

    @pytest.mark.parametrize("wanted", ("move", *ENDS, "active"))
    def test_each_documented_refusal_is_told(self, wanted: str) -> None:
        """What makes the ATS refuse a move is in the way of another write or is not: it is told."""
        names = sorted(self.open().simulator.obstacles())
        if not names:
            pytest.skip("the simulator can bring about no refusal")
        for name in names:
            account = self.open()
            _ = account.bridge.pull()
            id = first_of(active(account), "application that can be moved")
            event = self._wanted(account, id, wanted)
            try:
                account.simulator.obstacles()[name](id)
            except (ValueError, IndexError):
                continue  # it cannot come about where an application has ended
            before = account.truth().get(id)
            receipts = self._pushed(account)
            if event not in receipts:
                assert account.bridge.status().stopped, f"{name}: nothing is said"
                continue
            receipt = receipts[event]
            done = [a for a in account.simulator.accepted if a.after != a.before]
            if receipt.result in _NOT_DONE:
                assert receipt.why, name
                assert done == [] and account.truth().get(id) == before, name
            else:
                assert wanted != "move" and receipt.result in _DONE, (name, receipt)
                assert account.truth()[id].status == wanted, name

    def _wanted(self, account: Account, id: str, wanted: str) -> str:
        """A recruiter asks for a move, for an end, or for one to be taken back."""
        if wanted == "move":
            return account.ask(id, stage=elsewhere(account, id)[0])
        if wanted == "active":
            account.simulator.reject(id, account.simulator.reasons("rejected")[0])
            account.time.sleep(60)
            _ = account.bridge.pull()
            return account.ask(id, status="active")
        return account.ask(id, status=wanted, reason=reason_for(account, wanted))

    # -- once --

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_around_a_write_doubles_nothing(self, fault: str) -> None:
        for seed in range(1, 4):
            account = self.open(seed=seed)
            _ = account.bridge.pull()
            rng = random.Random(seed)  # noqa: S311 - a history, not a secret
            chosen = [id for id in active(account) if elsewhere(account, id)][:4]
            account.driver.meddle = _fault(account, fault)
            events = {account.ask(id, stage=rng.choice(elsewhere(account, id))): id for id in chosen}
            _ = self._pushed(account)
            account.driver.meddle = None
            account.time.sleep(600)
            _ = self._pushed(account)
            self._judge(account, events)
            _ = account.bridge.sync()
            assert account.differences() == {}, (fault, seed)

    def test_a_crash_at_any_request_of_a_push_doubles_nothing(self) -> None:
        at = 0
        while True:
            at += 1
            account = self.open()
            _ = account.bridge.pull()
            chosen = active(account)[:2]
            events = {account.ask(id, stage=elsewhere(account, id)[0]): id for id in chosen}
            if not account.crash(account.bridge.push, at=at):
                assert at > 1, "a push made no request"
                return
            account = account.restarted()
            account.time.sleep(600)
            _ = self._pushed(account)
            self._judge(account, events)
            _ = account.bridge.sync()
            assert account.differences() == {}, at

    def _judge(self, account: Account, events: dict[str, str]) -> None:
        """By the simulator's own log: at most one accepted write a change, and every change told once."""
        for event, id in events.items():
            told = [r.result for r in account.crm.receipts_for(account.ref(id)) if r.event_id == event]
            assert len(told) == 1, (event, told)
            accepted = [a for a in account.simulator.accepted if a.application == id]
            assert len(accepted) <= 1, (id, accepted)
            if told[0] in (Result.APPLIED, Result.APPLIED_OVER_CHANGE):
                assert len(accepted) == 1
            if told[0] in (Result.REFUSED, Result.SUPERSEDED):
                assert accepted == []

    # -- dry runs --

    def test_a_plan_writes_nothing_and_comes_true(self, account: Account) -> None:
        for number, id in enumerate(active(account)[:4]):
            if number % 2:
                reason = reason_for(account, "rejected")
                _ = account.ask(id, status="rejected", reason=reason)
            else:
                _ = account.ask(id, stage=elsewhere(account, id)[0])
        planned = account.bridge.plan()
        assert account.simulator.accepted == []
        pushed = self._pushed(account)
        foretold = {receipt.event_id: _outcome(receipt) for receipt in planned.receipts}
        assert foretold == {event: _outcome(receipt) for event, receipt in pushed.items()}

    @pytest.mark.usefixtures("writes")
    def test_the_gap_is_said_to_be_seen_or_not(self, account: Account) -> None:
        id = first_of(active(account), "application that can be moved")
        event = account.ask(id, stage=elsewhere(account, id)[0])
        receipt = self._pushed(account)[event]
        assert receipt.gap in (Gap.AUDITED, Gap.UNAUDITED)
        assert receipt.strength is not None

    def _pushed(self, account: Account) -> dict[str, Receipt]:
        """Push until nothing settles any more."""
        found: dict[str, Receipt] = {}
        for _ in range(12):
            report = account.bridge.push()
            found |= {r.event_id: r for r in report.receipts}
            if not report.settling and not report.pending:
                break
            account.time.sleep(120)
        return found


def _outcome(receipt: Receipt) -> tuple[object, ...]:
    return (receipt.result, receipt.before, receipt.after, receipt.strength, receipt.why)


def _fault(account: Account, fault: str) -> Callable[[SimRequest, Respond, Purpose], SimResponse | None]:
    """The fault for the first write of each application, and for none after it."""
    seen: set[str] = set()

    def meddle(request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse | None:
        if purpose is not Purpose.WRITE or (mark := f"{request.target}{request.body!r}") in seen:
            return respond(request)
        seen.add(mark)
        if fault == "lost answer":
            _ = respond(request)
        elif fault == "late request":
            # Within the timing assumption: before anybody looks again.
            account.time.sleep(5)
            _ = respond(request)
        elif fault == "server error":
            return SimResponse(500, (), b"")
        elif fault == "throttled":
            return account.simulator.throttled()
        return None

    return meddle


_STANDS = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.HIRED,
)


def _states(catalogue: Catalogue, reasons: int | None) -> list[State]:
    """What an application could be in, with so many of the reasons, or all."""
    why = [None, *(reason.ref.id for reason in catalogue.reasons[:reasons])]
    return [State(stage.ref.id, *rest) for stage in catalogue.stages for rest in product(_STANDS, why)]


def _planned(account: Account, expected: State, target: State, catalogue: Catalogue) -> Iterator[str]:
    """The names of the writes from here to there; none where the vendor has no way."""
    try:
        chain = account.ats.plan_writes(expected, target, catalogue)
    except Unplannable:
        return
    for part in chain:
        intent = Intent(
            intent_id="i", application=account.ref("1"), action=part.action, expected=part.expected,
            target=part.target, acting_user=account.ats.default_acting_user,
        )  # fmt: skip
        yield account.ats.declared(intent).name
