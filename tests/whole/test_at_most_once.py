"""At most once: a network that loses, delays and repeats, people who move on, a feed that is out of order.

Time is let pass by hand, for the ledger and for the ATS alike, so that no
window of the protocol depends on how fast this machine is. A request that is
late arrives before its window has closed: beyond that nothing is claimed.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from witness import Witness, judge
from world import QUICK, WRITERS, World, seeds, some, world

from atsbridge import Bridge
from atsbridge.model import Result
from atsbridge.simulators.interface import Truth
from atsbridge.testing.chaos.crm import UnrulyCrm, echo_of
from atsbridge.testing.chaos.dialects import DIALECTS
from atsbridge.testing.network import (
    LOSE_ANSWER,
    LOSE_REQUEST,
    PASS,
    Arrival,
    Fault,
    answer,
    late_request,
    nth_write,
    slow,
    throttle,
    truncate,
)

# A push does not wait for what takes time: the test lets it pass.
STILL = attrs.evolve(QUICK, patience_seconds=0.0)

FAULTS = {
    "none": PASS,
    "lost request": LOSE_REQUEST,
    "lost answer": LOSE_ANSWER,
    "late request": late_request(),
    "server error": answer(500, b"{}"),
    "cut answer": truncate(0.5),
    "throttled": throttle(1),
}
NEVER_SEEN = ("lost request", "server error")
"""The ATS has not seen the write, and nobody can know: only what may be sent again is."""
FREE = [v for v in WRITERS if DIALECTS[v].anywhere and DIALECTS[v].resends]
"""Where what one change has begun another may end, wherever it is."""


@attrs.define
class Scene:
    """A world that has been pulled, its witness, and some applications that nobody has touched yet."""

    w: World
    witness: Witness
    rng: random.Random
    ids: list[str]

    @property
    def id(self) -> str:
        return self.ids[0]

    @property
    def crm(self) -> UnrulyCrm:
        assert isinstance(self.w.crm, UnrulyCrm)
        return self.w.crm

    def stages(self, count: int = 1, id: str | None = None) -> list[str]:
        """Stages that an application could be moved to, each another."""
        return self.rng.sample(self.w.writable_for(id or self.id), count)

    def move(self, stage: str) -> None:
        """A person moves it in the ATS."""
        self.w.people(self.w.simulator.move, self.id, stage)

    def there_and_back(self) -> None:
        """A person moves it away, and back again."""
        here = self.w.truth()[self.id].stage
        assert here is not None
        self.move(next(s for s in self.w.simulator.stages_for(self.id) if s != here))
        self.move(here)

    def another_worker(self) -> None:
        """Another worker pushes, on the same ledger and CRM."""
        with self.w.reopen() as bridge:
            bridge.push()

    def rest(self, bridge: Bridge | None = None) -> None:
        """Push until nothing waits; late requests arrive before their window has closed."""
        for _ in range(12):
            report = (bridge or self.w.bridge).push()
            self.witness.faults.release()
            if not report.settling + report.pending:
                return
            self.w.later()
        raise AssertionError(f"it does not come to rest: {report}")

    def end(self) -> None:
        """All comes to rest, the judge looks at all of it, and both sides are equal in the end."""
        self.rest()
        judge(self.witness)
        self.w.later()
        self.w.bridge.sync()
        assert self.w.differences() == {}

    def was_applied_once(self, event: str, fault: str) -> None:
        """One write, and applied; or none, for a person, where it got lost and may not be sent again."""
        lost = fault in NEVER_SEEN and not self.w.dialect.resends
        assert self.w.result(event) is (Result.REVIEW if lost else Result.APPLIED)
        assert len(self.witness.writes) == (0 if lost else 1)


@contextmanager
def scene(
    vendor: str,
    folder: Path,
    *,
    seed: int = 5,
    count: int = 1,
    fault: Fault = PASS,
    tuning: Any = STILL,
    **settings: Any,
) -> Iterator[Scene]:
    """A scene whose first write meets a fault."""
    witness = Witness(plan=nth_write(1, fault))
    parts: dict[str, Any] = {"seed": seed, "tuning": tuning, "crm": UnrulyCrm, "intercept": witness}
    with world(vendor, folder, applications=60, **parts, **settings) as w:
        witness.world = w
        w.bridge.pull()
        rng = random.Random(seed)
        yield Scene(w, witness, rng, w.movable(count, rng))


def shown_late(vendor: str, seconds: float, *, within: float) -> dict[str, Any]:
    """What a write does shows so much later; the adapter is told how long that takes at most."""
    switch = DIALECTS[vendor].shows_late
    return {"adapter": {"visible_within_seconds": within}, switch: seconds} if switch else {}


# -- one fault ------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("what", ["move", "reject"])
def test_a_change_is_applied_once_whatever_happens_to_its_first_write(
    vendor: str, fault: str, what: str, tmp_path: Path
) -> None:
    with scene(vendor, tmp_path, fault=FAULTS[fault]) as s:
        (stage,) = s.stages()
        event = s.w.ask(s.id, stage) if what == "move" else s.w.ask(s.id, status="Rejected")
        s.end()
        s.was_applied_once(event, fault)
        assert FAULTS[fault] in {done for _, done in s.witness.faults.history}


@pytest.mark.parametrize("vendor", WRITERS)
def test_an_answer_after_the_deadline_is_a_lost_one(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path, fault=slow(), tuning=attrs.evolve(STILL, deadline_seconds=0.5)) as s:
        event = s.w.ask(s.id, s.stages()[0])
        s.end()
        assert s.w.result(event) is Result.APPLIED
        assert len(s.witness.writes) == 1


@pytest.mark.parametrize("vendor", [v for v in WRITERS if DIALECTS[v].shows_late])
@pytest.mark.parametrize("fault", ["none", "lost request", "lost answer", "late request"])
def test_a_write_that_shows_late_is_waited_for(vendor: str, fault: str, tmp_path: Path) -> None:
    late = shown_late(vendor, 8.0, within=10.0)
    with scene(vendor, tmp_path, fault=FAULTS[fault], **late) as s:
        event = s.w.ask(s.id, s.stages()[0])
        report = s.w.bridge.push()
        assert report.settling == 1 and s.w.result(event) is None
        s.end()
        s.was_applied_once(event, fault)


# -- people who move on ---------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", WRITERS)
def test_the_ats_had_moved_on_before(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        wanted, other = s.stages(2)
        event = s.w.ask(s.id, wanted)
        s.move(other)
        s.end()
        assert s.w.result(event) is Result.CONFLICT
        assert s.witness.writes == []


@pytest.mark.parametrize("vendor", WRITERS)
def test_an_application_gone_meanwhile_is_refused_and_buried(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        event = s.w.ask(s.id, s.stages()[0])
        s.w.simulator.delete(s.id)
        s.end()
        assert s.w.result(event) is Result.REFUSED
        assert s.witness.writes == [] and s.id not in s.w.views()


@pytest.mark.parametrize("vendor", WRITERS)
def test_the_ats_moves_on_inside_the_gap(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        wanted, other = s.stages(2)
        event = s.w.ask(s.id, wanted)
        s.witness.in_gap = lambda number, _id: s.move(other) if number == 1 else None
        s.end()
        # Most take whatever comes, and their history tells, if they keep one; Greenhouse compares the stage.
        counts, compares = ("move" in kinds for kinds in (s.w.dialect.counted, s.w.dialect.compared))
        told = Result.CONFLICT if compares else Result.APPLIED_OVER_CHANGE if counts else Result.APPLIED
        assert (s.w.result(event), len(s.witness.writes)) == (told, 0 if compares else 1)


@pytest.mark.parametrize("vendor", WRITERS)
def test_somebody_moves_it_away_and_back_inside_the_gap(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        event = s.w.ask(s.id, s.stages()[0])
        s.witness.in_gap = lambda number, _id: s.there_and_back() if number == 1 else None
        s.end()
        # Greenhouse's comparison permits it, and its receipt says that nobody can tell.
        told = Result.APPLIED_OVER_CHANGE if "move" in s.w.dialect.counted else Result.APPLIED
        assert (s.w.result(event), len(s.witness.writes)) == (told, 1)


@pytest.mark.parametrize("vendor", WRITERS)
def test_somebody_rejects_it_inside_the_gap(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        event = s.w.ask(s.id, s.stages()[0])
        reason = s.w.simulator.reasons("rejected")[0]

        def reject(number: int, id: str) -> None:
            if number == 1:
                s.w.people(s.w.simulator.reject, id, reason)

        s.witness.in_gap = reject
        s.end()
        # Most move what has ended: it is not where the change wanted it, which a person has to see.
        told = {Result.CONFLICT, Result.REVIEW, Result.APPLIED_OVER_CHANGE}
        if s.w.result(event) is Result.APPLIED:
            # The move took the rejection back. Where no history tells of one, the receipt says that much.
            assert "move" not in s.w.dialect.counted
            assert s.w.truth()[s.id].status == "active"
            assert "cannot show whether somebody else changed it" in s.w.told(event)
        else:
            assert s.w.result(event) in told
        assert len(s.witness.writes) == (1 if s.w.dialect.moves_ended else 0)


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("fault", ["lost request", "lost answer", "late request"])
@pytest.mark.parametrize("where", ["elsewhere", "away and back"])
def test_while_a_write_is_in_doubt_somebody_moves_it(
    vendor: str, fault: str, where: str, tmp_path: Path
) -> None:
    with scene(vendor, tmp_path, fault=FAULTS[fault]) as s:
        wanted, other = s.stages(2)
        event = s.w.ask(s.id, wanted)
        s.w.bridge.push()
        if where == "elsewhere":
            s.move(other)
        else:
            s.there_and_back()
        s.end()
        # At its target once more, by a late request or by being moved back to it: applied, and told as such.
        at_target = s.w.truth()[s.id].stage == wanted
        known = {Result.REVIEW} if not at_target else {Result.APPLIED, Result.APPLIED_OVER_CHANGE}
        assert s.w.result(event) in known
        assert len(s.witness.writes) <= 1


# -- several changes of one application -----------------------------------------------------------


def _tell(s: Scene, when: str, changes: Sequence[Callable[[], str]]) -> list[str]:
    """Make the first change and push it; the others come at another moment of its way. Gives all events."""
    events: list[str] = []

    def others(*_at: object) -> None:
        if len(events) == 1:
            events.extend(change() for change in changes[1:])
            if when in ("in flight", "accepted"):
                s.another_worker()

    events.append(changes[0]())
    if when == "before":
        others()
    if when in ("in flight", "in flight, unseen"):
        s.witness.in_gap = others
    if when == "accepted":
        s.witness.answered = others
    s.w.bridge.push()
    if when == "after":
        s.rest()
    others()  # a lost request is never accepted
    return events


DOUBTS = ["none", "lost request", "lost answer", "late request"]
MOMENTS = ["before", "in flight", "in flight, unseen", "accepted", "after"]


def several(vendor: str, fault: str, when: str, count: int, folder: Path) -> None:
    with scene(vendor, folder, fault=FAULTS[fault]) as s:
        stages = s.stages(count)
        events = _tell(s, when, [partial(s.w.ask, s.id, stage) for stage in stages])
        s.end()
        *earlier, last = [s.w.result(event) for event in events]
        assert last is Result.APPLIED
        assert s.w.truth()[s.id].stage == stages[-1]
        assert set(earlier) <= {Result.APPLIED, Result.SUPERSEDED}
        assert (earlier[0] is Result.SUPERSEDED) is (when == "before")


SEVERAL = list(itertools.product(FREE, DOUBTS, MOMENTS, [2, 3]))


@pytest.mark.parametrize(("vendor", "fault", "when", "count"), some(SEVERAL, 20))
def test_the_last_of_several_changes_holds(
    vendor: str, fault: str, when: str, count: int, tmp_path: Path
) -> None:
    several(vendor, fault, when, count, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize(("vendor", "fault", "when", "count"), SEVERAL)
def test_the_last_of_several_changes_always_holds(
    vendor: str, fault: str, when: str, count: int, tmp_path: Path
) -> None:
    several(vendor, fault, when, count, tmp_path)


def reversal(vendor: str, fault: str, when: str, what: str, folder: Path) -> None:
    with scene(vendor, folder, fault=FAULTS[fault]) as s:
        here, (there,) = s.w.truth()[s.id].stage, s.stages()
        both = [partial(s.w.ask, s.id, there), partial(s.w.ask, s.id, here)]
        if what == "status":
            named = None if s.w.dialect.reopens_alone else here
            both = [partial(s.w.ask, s.id, status="Rejected"), partial(s.w.ask, s.id, named, status="Active")]
        events = _tell(s, when, both)
        s.end()
        truth = s.w.truth()[s.id]
        assert (truth.stage, truth.status) == (here, "active")
        first, second = map(s.w.result, events)
        if when == "before":
            assert (first, second, s.witness.writes) == (Result.SUPERSEDED, Result.ALREADY, [])
        else:
            assert (first, second, len(s.witness.writes)) == (Result.APPLIED, Result.APPLIED, 2)


REVERSALS = list(itertools.product(FREE, DOUBTS, MOMENTS, ["move", "status"]))


@pytest.mark.parametrize(("vendor", "fault", "when", "what"), some(REVERSALS, 16))
def test_a_change_and_its_reversal(vendor: str, fault: str, when: str, what: str, tmp_path: Path) -> None:
    reversal(vendor, fault, when, what, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize(("vendor", "fault", "when", "what"), REVERSALS)
def test_a_change_and_its_reversal_always(
    vendor: str, fault: str, when: str, what: str, tmp_path: Path
) -> None:
    reversal(vendor, fault, when, what, tmp_path)


def disorder(vendor: str, order: tuple[int, ...], together: bool, folder: Path) -> None:
    with scene(vendor, folder) as s:
        stages = s.stages(3)
        events = [s.w.ask(s.id, stage) for stage in stages]
        _ = s.crm.read_changes(None)
        told = [events[place] for place in order]
        for batch in [told] if together else [[event] for event in told]:
            s.crm.only = batch
            s.rest()
        s.crm.only = None
        s.end()
        assert s.w.truth()[s.id].stage == stages[-1]
        assert s.w.result(events[-1]) is Result.APPLIED


ORDERS = list(itertools.product(FREE, itertools.permutations(range(3)), [True, False]))


@pytest.mark.parametrize(("vendor", "order", "together"), some(ORDERS, 8))
def test_changes_that_come_out_of_order(
    vendor: str, order: tuple[int, ...], together: bool, tmp_path: Path
) -> None:
    disorder(vendor, order, together, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize(("vendor", "order", "together"), ORDERS)
def test_changes_that_come_in_any_order(
    vendor: str, order: tuple[int, ...], together: bool, tmp_path: Path
) -> None:
    disorder(vendor, order, together, tmp_path)


# -- repeats and echoes ---------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", WRITERS)
def test_an_update_delivered_again_weeks_later_changes_nothing(vendor: str, tmp_path: Path) -> None:
    with scene(vendor, tmp_path) as s:
        event = s.w.ask(s.id, s.stages()[0])
        s.w.bridge.push()
        s.w.later(21 * 86_400.0)
        with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as database, database:
            database.execute("UPDATE outbox SET acknowledged_at = NULL")
        again = s.w.bridge.push()
        assert [(r.event_id, r.result) for r in again.receipts] == [(event, Result.APPLIED)]
        assert len(s.witness.writes) == 1
        s.end()


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("fault", ["none", "lost answer"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_echo_is_already_and_swallows_nothing(vendor: str, fault: str, when: str, tmp_path: Path) -> None:
    """The bridge's own write comes back before its receipt or after; the next change is a real one."""
    with scene(vendor, tmp_path, fault=FAULTS[fault]) as s:
        one, two = s.stages(2)

        def echo(_number: int, _id: str) -> None:
            s.crm.extra = [echo_of(s.crm.past[first])]
            s.another_worker()

        if when == "before":
            s.witness.in_gap = echo
        first = s.w.ask(s.id, one)
        s.rest()
        s.crm.extra = [echo_of(s.crm.past[first])]
        second = s.w.ask(s.id, two)
        s.end()
        assert [s.w.result(first), s.w.result(second)] == [Result.APPLIED, Result.APPLIED]
        told = {r.event_id: r.result for r in s.crm.receipts_for(s.w.ref(s.id))}
        assert told[f"echo-{first}"] is Result.ALREADY


# -- everything at once ---------------------------------------------------------------------------


@attrs.define
class Chance:
    """Dice for each application of its own, so that a history does not depend on which of two came first."""

    seed: int
    rolled: Counter[str] = attrs.field(factory=Counter)

    def of(self, id: str) -> random.Random:
        self.rolled[id] += 1
        return random.Random(f"{self.seed}/{id}/{self.rolled[id]}")


def everything(vendor: str, seed: int, folder: Path) -> None:
    """A week of everything, by chance: faults, people, workers and the feed."""
    rng, chance = random.Random(seed), Chance(seed)
    hidden = shown_late(vendor, 0.03, within=0.05) if seed % 3 == 0 else {}
    with scene(vendor, folder, seed=seed, count=8, **hidden) as s:
        w, stages = s.w, _stages_of_jobs(s.w)
        ids = [*s.ids, *[id for id in w.ended() if stages[id]][:2]]
        odds = rng.choice([0.1, 0.3, 0.6])
        kinds = [fault for name, fault in FAULTS.items() if name != "none"]

        def harm(arrival: Arrival) -> Fault | None:
            if arrival.write is None:
                return None
            dice = chance.of(arrival.request.target.partition("?")[0])
            return dice.choice(kinds) if dice.random() < odds else None

        def gap(_number: int, id: str) -> None:
            dice = chance.of(id)
            if dice.random() < 0.15:
                meddle(w, id, dice)
            if dice.random() < 0.2:
                wish(w, id, stages[id], dice)
            if dice.random() < 0.1:
                s.another_worker()

        s.witness.plan, s.witness.in_gap = harm, gap
        s.crm.dice = random.Random(seed)
        for _ in range(4):
            for id in ids:
                for _ in range(rng.choice([0, 1, 1, 2])):
                    wish(w, id, stages[id], rng)
                if rng.random() < 0.15:
                    meddle(w, id, rng)
            w.bridge.push()
            s.witness.faults.release()
            w.later(rng.choice([1.0, 120.0]))
            if rng.random() < 0.5:
                w.bridge.pull()
        s.witness.plan = lambda _arrival: None
        s.witness.in_gap = lambda _number, _id: None
        s.crm.dice = None
        s.end()


def wish(w: World, id: str, stages: Sequence[str], dice: random.Random) -> None:
    """A recruiter wants something of an application."""
    kind = dice.choices(["move", "end", "active", "both"], [6, 2, 2, 1])[0]
    status = {"move": None, "active": "Active"}.get(kind, dice.choice(["Rejected", "Withdrawn"]))
    w.ask(id, dice.choice(stages) if kind in ("move", "both") else None, status=status)


def _stages_of_jobs(w: World) -> dict[str, list[str]]:
    """For each application the stages of its job, whether or not it can be moved there now.

    Where a job has several pipelines, those of the one that the application is in: the
    others' have the same names, and a recruiter who says a name means one of its own.
    """
    by_job: dict[str | None, set[str]] = {}
    truths = w.truth()
    for id, truth in truths.items():
        by_job.setdefault(_job(w, truth), set()).update(w.simulator.stages_for(id))
    return {id: sorted(s for s in by_job[_job(w, t)] if _shares(w, t, s)) for id, t in truths.items()}


def _job(w: World, truth: Truth) -> str | None:
    return truth.job if w.dialect.job_pipelines else None


def _shares(w: World, truth: Truth, stage: str) -> bool:
    return truth.stage is None or w.stages[truth.stage].pipeline == w.stages[stage].pipeline


def meddle(w: World, id: str, dice: random.Random) -> None:
    """A person does something in the ATS, if it lets them."""
    sim = w.simulator

    def away(*, back: bool) -> None:
        here = w.truth()[id].stage
        sim.move(id, dice.choice(sim.stages_for(id)))
        if back:
            sim.move(id, here)

    acts: list[Callable[[], object]] = [
        lambda: away(back=False),
        lambda: away(back=True),
        lambda: sim.reject(id, dice.choice(sim.reasons("rejected"))),
        lambda: sim.reactivate(id),
        lambda: sim.edit(id),
    ]
    with suppress(ValueError, IndexError):
        w.people(dice.choice(acts))


@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("seed", seeds(3))
def test_everything_at_once(vendor: str, seed: int, tmp_path: Path) -> None:
    everything(vendor, seed, tmp_path)


@pytest.mark.campaign
@pytest.mark.parametrize("vendor", WRITERS)
@pytest.mark.parametrize("seed", seeds(200, start=1000))
def test_everything_at_once_in_many_histories(vendor: str, seed: int, tmp_path: Path) -> None:
    everything(vendor, seed, tmp_path)
