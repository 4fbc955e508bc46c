"""The scheduler against a naive interpreter, on any tree of flows."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.drivers.scheduler import Scheduler
from atsbridge.wire.effects import (
    Done,
    Failed,
    Once,
    Perform,
    Sleep,
    Together,
    once,
    perform,
    sleep,
    together,
)


class Oops(Exception):
    def __eq__(self, other):
        return isinstance(other, Oops) and self.args == other.args

    __hash__ = Exception.__hash__


# A plan is data; `flow_of` makes it a flow. Keys of a Once name one plan each, so that
# it does not matter who asks first.
leaves = st.one_of(
    st.tuples(st.just("value"), st.integers(0, 9)),
    st.tuples(st.just("perform"), st.integers(0, 9)),
    st.tuples(st.just("fail"), st.integers(0, 9)),
    st.tuples(st.just("sleep"), st.integers(0, 3)),
)


def trees(plans):
    return st.one_of(
        st.tuples(st.just("together"), st.lists(plans, max_size=5), st.integers(1, 4)),
        st.tuples(st.just("once"), plans),
        st.tuples(st.just("chain"), st.lists(plans, max_size=4)),
        st.tuples(st.just("catch"), plans),
    )


plans = st.recursive(leaves, trees, max_leaves=25)


def give(value):
    return value


def fail(value):
    raise Oops(value)


def flow_of(plan, running=None):
    kind = plan[0]
    if kind == "value":
        return plan[1]
        yield
    if kind == "perform":
        return (yield from perform(lambda: give(plan[1])))
    if kind == "fail":
        return (yield from perform(lambda: fail(plan[1])))
    if kind == "sleep":
        yield from sleep(plan[1])
        return "slept"
    if kind == "chain":
        values = []
        for part in plan[1]:
            values.append((yield from flow_of(part, running)))
        return values
    if kind == "catch":
        try:
            return (yield from flow_of(plan[1], running))
        except Oops as error:
            return f"caught {error.args}"
    if kind == "once":
        return (yield from once(repr(plan), lambda: flow_of(plan[1], running)))
    gauge = Gauge(plan[2])
    if running is not None:
        running.append(gauge)
    outcomes = yield from together([gauge.watch(flow_of(p, running)) for p in plan[1]], plan[2])
    return [o.value if isinstance(o, Done) else o.error for o in outcomes]


class Gauge:
    def __init__(self, limit):
        self.limit, self.now, self.most = limit, 0, 0

    def watch(self, flow):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return (yield from flow)
        finally:
            self.now -= 1


def naive(flow):
    """Runs one flow after another, by recursion."""
    outcome = Done(None)
    while True:
        try:
            effect = flow.throw(outcome.error) if isinstance(outcome, Failed) else flow.send(outcome.value)
        except StopIteration as stop:
            return Done(stop.value)
        except Exception as error:
            return Failed(error)
        match effect:
            case Together(flows, _):
                outcome = Done([naive(child) for child in flows])
            case Once(_, make):
                outcome = naive(make())
            case _:
                outcome = do(effect)


def do(effect):
    if isinstance(effect, Sleep):
        return Done(None)
    assert isinstance(effect, Perform)
    try:
        return Done(effect.action())
    except Exception as error:
        return Failed(error)


def drive(flow, *, seed=None):
    """Do the jobs in order, or in an order drawn from a seed."""
    dice = random.Random(seed)
    scheduler = Scheduler()
    run, jobs = scheduler.start(flow)
    jobs = deque(jobs)
    while run.outcome is None:
        assert not scheduler.stalled
        if seed is not None:
            dice.shuffle(jobs)
        job = jobs.popleft()
        assert job.run is run
        jobs.extend(scheduler.resume(job.ticket, do(job.effect)))
    assert not jobs
    return run.outcome


@given(plans, st.integers(0, 1000))
def test_any_tree_in_any_order_gives_what_plain_recursion_gives(plan, seed):
    gauges = []
    assert drive(flow_of(plan, gauges), seed=seed) == naive(flow_of(plan))
    for gauge in gauges:
        assert gauge.now == 0
        assert gauge.most <= gauge.limit


@given(plans)
def test_the_same_outcomes_give_the_same_jobs(plan):
    def trace():
        scheduler = Scheduler()
        run, jobs = scheduler.start(flow_of(plan))
        jobs, seen = deque(jobs), []
        while run.outcome is None:
            job = jobs.popleft()
            seen.append((job.ticket, type(job.effect)))
            jobs.extend(scheduler.resume(job.ticket, do(job.effect)))
        return seen

    assert trace() == trace()


@given(plans, st.integers(0, 20))
def test_close_closes_every_generator_wherever_it_stands(plan, steps):
    opened = []

    def kept(flow):
        opened.append(flow)
        return flow

    scheduler = Scheduler()
    _, jobs = scheduler.start(kept(together([kept(flow_of(plan)) for _ in range(3)], 2)))
    jobs = deque(jobs)
    while jobs and steps:
        steps -= 1
        job = jobs.popleft()
        jobs.extend(scheduler.resume(job.ticket, do(job.effect)))
    scheduler.close()
    assert all(flow.gi_frame is None for flow in opened)
    assert not scheduler.stalled
    for job in jobs:
        with pytest.raises(LookupError):
            scheduler.resume(job.ticket, Done(None))


def test_ten_thousand_flows_start_only_as_places_become_free():
    started = []

    def flow(n):
        started.append(n)
        return (yield from perform(lambda: n))

    scheduler = Scheduler()
    run, jobs = scheduler.start(together([flow(n) for n in range(10_000)], 8))
    assert started == list(range(8))
    jobs = deque(jobs)
    while jobs:
        job = jobs.popleft()
        jobs.extend(scheduler.resume(job.ticket, do(job.effect)))
    assert run.outcome == Done([Done(n) for n in range(10_000)])


def test_ten_thousand_flows_without_an_effect_need_no_deep_stack():
    def flow(n):
        return n
        yield

    assert drive(together([flow(n) for n in range(10_000)], 1)) == Done([Done(n) for n in range(10_000)])


def test_a_failure_leaves_its_siblings_alone():
    flows = [perform(lambda: fail(1)), perform(lambda: 2), perform(lambda: fail(3))]
    assert drive(together(flows, 3)) == Done([Failed(Oops(1)), Done(2), Failed(Oops(3))])


@pytest.mark.parametrize("end", [Done("token"), Failed(Oops("no"))])
def test_whoever_asks_for_the_same_key_gets_the_same_answer_and_the_key_is_freed(end):
    made = []

    def make():
        made.append(1)
        return perform(lambda: None)

    scheduler = Scheduler()
    run, jobs = scheduler.start(together([once("k", make) for _ in range(5)], 5))
    assert len(made) == len(jobs) == 1
    assert scheduler.resume(jobs[0].ticket, end) == []
    assert run.outcome == Done([end] * 5)
    _, jobs = scheduler.start(once("k", make))
    assert len(made) == 2
    scheduler.close()


def test_a_once_outlives_the_asker_who_began_it():
    scheduler = Scheduler()
    first, [job] = scheduler.start(once("k", lambda: perform(lambda: "answer")))
    second, none = scheduler.start(once("k", lambda: pytest.fail("made twice")))
    assert none == []
    assert scheduler.detach(first) == []
    scheduler.close(first)
    assert scheduler.resume(job.ticket, do(job.effect)) == []
    assert (first.outcome, second.outcome) == (None, Done("answer"))


def test_a_detached_run_gives_its_tickets_and_moves_no_more():
    closed = []

    def flow():
        try:
            yield from sleep(1)
        except GeneratorExit:
            closed.append(1)
            raise

    scheduler = Scheduler()
    run, jobs = scheduler.start(together([flow(), flow(), flow()], 2))
    other, [job] = scheduler.start(sleep(1))
    assert scheduler.detach(run) == [j.ticket for j in jobs]
    assert not scheduler.stalled
    scheduler.close(run)
    assert closed == [1, 1]
    scheduler.resume(job.ticket, Done(None))
    assert other.outcome == Done(None)
    assert not scheduler.stalled


def test_a_once_that_asks_for_itself_is_seen_to_stall():
    scheduler = Scheduler()
    scheduler.start(once("k", lambda: once("k", lambda: sleep(1))))
    assert scheduler.stalled
    scheduler.close()


@pytest.mark.parametrize(
    ("wrong", "error"), [(7, TypeError), (Together([], 0), ValueError), (Once("k", lambda: fail(1)), Oops)]
)
def test_a_wrong_effect_is_raised_where_it_was_yielded(wrong, error):
    def flow():
        with pytest.raises(error):
            yield wrong
        return "went on"

    assert drive(flow()) == Done("went on")


def test_what_is_no_exception_is_not_made_an_outcome():
    def flow():
        yield from sleep(0)
        raise KeyboardInterrupt

    scheduler = Scheduler()
    _, [job] = scheduler.start(together([flow()], 1))
    with pytest.raises(KeyboardInterrupt):
        scheduler.resume(job.ticket, Done(None))
    scheduler.close()


def test_close_goes_on_past_a_generator_that_refuses():
    closed = []

    def stubborn():
        try:
            yield from sleep(1)
        finally:
            yield Sleep(1)

    def meek():
        try:
            yield from sleep(1)
        finally:
            closed.append(1)

    scheduler = Scheduler()
    scheduler.start(together([meek(), stubborn()], 2))
    with pytest.raises(RuntimeError):
        scheduler.close()
    assert closed == [1]
