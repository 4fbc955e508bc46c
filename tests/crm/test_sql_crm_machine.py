"""Writes, changes, receipts and acknowledgements in any order: what must hold after each."""

from __future__ import annotations

from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from atsbridge.crm.interface import WriteResult
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import Base, Receipt, Result, State
from atsbridge.testing.deliveries import ACTIVE, app_ref, application, at, play

APPS = ("1", "2")
apps, minutes, stages = st.sampled_from(APPS), st.integers(0, 9), st.sampled_from(["s1", "s2", "s3"])
words = st.sampled_from(["step s1", "step s2", "elsewhere"])
REACHED = {Result.APPLIED, Result.ALREADY, Result.APPLIED_OVER_CHANGE}


@define
class Expected:
    """One application, as a few plain rules say it must be."""

    minute: int = -1
    stage: str = ""
    delivery: int = 0
    request: str | None = None
    shown: str = ""
    sequence: int = 0


class CrmMachine(RuleBasedStateMachine):
    events = Bundle("events")
    receipts = Bundle("receipts")

    def __init__(self) -> None:
        super().__init__()
        self.crm = SqlCrm(":memory:")
        self.expected = {id_: Expected() for id_ in APPS}
        self.open: list[str] = []
        self.received: set[str] = set()
        self.application_of: dict[str, str] = {}
        self.delivery = 0
        self.reached = dict.fromkeys(APPS, False)

    def teardown(self) -> None:
        self.crm.close()

    @rule(id_=apps, minute=minutes, stage=stages)
    def write(self, id_: str, minute: int, stage: str) -> None:
        self.delivery += 1
        expected = self.expected[id_]
        delivery = application(id_, stage, minute=minute, delivery=self.delivery)
        (written,) = play(self.crm.write([delivery]))
        assert (written.result is WriteResult.STALE) == (minute < expected.minute)
        if minute >= expected.minute:
            expected.minute, expected.stage, expected.delivery = minute, stage, self.delivery
            self.reached[id_] = False
            (again,) = play(self.crm.write([delivery]))
            assert again.result is WriteResult.UNCHANGED

    @rule(target=events, id_=apps, step=words)
    def change(self, id_: str, step: str) -> object:
        expected = self.expected[id_]
        if expected.minute < 0:
            return multiple()
        event = self.crm.change_step(app_ref(id_), step=step, actor="r")
        expected.sequence += 1
        expected.request, expected.shown = event, step
        self.open.append(event)
        self.application_of[event] = id_
        return event

    @rule(target=receipts, event=events, minute=minutes, stage=stages, result=st.sampled_from(Result))
    def close(self, event: str, minute: int, stage: str, result: Result) -> Receipt:
        self.delivery += 1
        return Receipt(
            event_id=event,
            application=app_ref(self.application_of[event]),
            result=result,
            after=State(stage, ACTIVE),
            read_at=at(minute),
            base=Base(stage, ACTIVE, self.delivery),
        )

    @rule(receipt=receipts)
    def receive(self, receipt: Receipt) -> None:
        play(self.crm.receive([receipt]))
        if receipt.event_id in self.received:
            return
        self.received.add(receipt.event_id)
        expected = self.expected[receipt.application.id]
        assert receipt.after and receipt.base and receipt.read_at
        if receipt.read_at >= at(expected.minute):
            expected.minute = int((receipt.read_at - at(0)).total_seconds()) // 60
            expected.stage, expected.delivery = str(receipt.after.stage), receipt.base.delivery
            self.reached[receipt.application.id] |= receipt.result in REACHED
        if expected.request == receipt.event_id:
            expected.request = None

    @rule(event=consumes(events))
    def acknowledge(self, event: str) -> None:
        play(self.crm.acknowledge([event, event]))
        self.open.remove(event)

    @invariant()
    def the_confirmed_part_is_the_newest_said(self) -> None:
        held = play(self.crm.statuses([app_ref(id_) for id_ in APPS]))
        for id_, expected in self.expected.items():
            assert (app_ref(id_) in held) == (expected.minute >= 0)
            if expected.minute < 0:
                continue
            one = held[app_ref(id_)]
            assert one.confirmed == State(expected.stage, ACTIVE)
            assert one.base is not None and one.base.delivery == expected.delivery
            assert self.crm.application(app_ref(id_)).read_at == at(expected.minute)

    @invariant()
    def a_request_is_shown_until_its_own_receipt(self) -> None:
        for id_, expected in self.expected.items():
            if expected.minute >= 0:
                view = self.crm.application(app_ref(id_))
                assert view.event_id == expected.request
                assert view.sequence == expected.sequence
                if expected.request:
                    assert view.step == expected.shown
                else:
                    assert view.step in (f"step {expected.stage}", f"Stage {expected.stage}", *self.said(id_))

    def said(self, id_: str) -> tuple[str, ...]:
        """What else a state may be called: its bare id, or the recruiter's own word for it."""
        steps = ("step s1", "step s2", "elsewhere") if self.reached[id_] else ()
        return (self.expected[id_].stage, *steps)

    @invariant()
    def the_feed_holds_every_open_event_in_order(self) -> None:
        updates = play(self.crm.changes(None)).updates
        assert [update.event_id for update in updates] == self.open
        for id_ in APPS:
            sequence = [u.sequence or 0 for u in updates if u.application.id == id_]
            assert sequence == sorted(set(sequence))


TestCrmMachine = CrmMachine.TestCase
TestCrmMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
