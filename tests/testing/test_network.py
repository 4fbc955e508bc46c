"""Each fault, seen from the client, the simulator and the log."""

from __future__ import annotations

import contextlib
import http.client
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.serve import serve
from atsbridge.testing.network import (
    LOSE_ANSWER,
    LOSE_REQUEST,
    PASS,
    Arrival,
    Faults,
    What,
    answer,
    first_of,
    late_request,
    nth_write,
    seeded,
    slow,
    throttle,
    truncate,
    when,
)


class Counter:
    limits = None

    def __init__(self):
        self.seen, self.arrived = [], threading.Event()

    def respond(self, request):
        self.seen.append((request.method, request.target))
        self.arrived.set()
        return SimResponse(200, (), b"0123456789")


LOST = (http.client.RemoteDisconnected, ConnectionError)


def ask(server, method="PUT", target="/x", headers=None):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        client.request(method, target, headers=headers or {})
        response = client.getresponse()
        return response.status, response.read(), response.headers
    finally:
        client.close()


def test_a_lost_request_never_reaches_the_simulator():
    faults = Faults(nth_write(1, LOSE_REQUEST))
    with serve(Counter(), intercept=faults) as server:
        with pytest.raises(LOST):
            ask(server)
        assert server.simulator.seen == []
        assert ask(server)[0] == 200
    assert [fault for _, fault in faults.history] == [LOSE_REQUEST, PASS]


def test_a_lost_answer_leaves_its_effect():
    with serve(Counter(), intercept=Faults(nth_write(1, LOSE_ANSWER))) as server:
        with pytest.raises(LOST):
            ask(server)
        assert server.simulator.seen == [("PUT", "/x")]
        assert server.requests[0].status == 0


def test_a_late_request_arrives_when_released_in_order():
    faults = Faults(when(lambda r: r.target != "/now", late_request()))
    with serve(Counter(), intercept=faults) as server:
        for target in ("/1", "/2"):
            with pytest.raises(LOST):
                ask(server, target=target)
        assert ask(server, target="/now")[0] == 200
        assert (faults.held, server.simulator.seen) == (2, [("PUT", "/now")])
        faults.release()
        faults.release()
        assert (faults.held, server.simulator.seen) == (0, [("PUT", "/now"), ("PUT", "/1"), ("PUT", "/2")])


def test_a_late_request_arrives_by_itself_after_its_time():
    with serve(Counter(), intercept=Faults(nth_write(1, late_request(0.01)))) as server:
        with pytest.raises(LOST):
            ask(server)
        assert server.simulator.arrived.wait(10)
        assert server.simulator.seen == [("PUT", "/x")]


def test_late_requests_are_dropped_when_the_server_stops():
    faults = Faults(nth_write(1, late_request(60)))
    before = threading.active_count()
    with serve(Counter(), intercept=faults) as server, pytest.raises(LOST):
        ask(server)
    assert server.simulator.seen == []
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(10)
    assert threading.active_count() == before


def test_an_answer_in_the_simulators_place():
    plan = first_of(nth_write(1, answer(503, b"down")), nth_write(2, throttle(7)))
    with serve(Counter(), intercept=Faults(plan)) as server:
        assert ask(server)[:2] == (503, b"down")
        status, _, headers = ask(server)
        assert (status, headers["Retry-After"]) == (429, "7")
        assert server.simulator.seen == []
        assert ask(server)[0] == 200


def test_a_truncated_answer_is_shorter_than_it_says():
    with serve(Counter(), intercept=Faults(nth_write(1, truncate(0.3)))) as server:
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(server)
        assert caught.value.partial == b"012"
        assert server.simulator.seen == [("PUT", "/x")]


def test_a_slow_answer_waits_for_its_release():
    faults = Faults(nth_write(1, slow()))
    with serve(Counter(), intercept=faults) as server:
        answers = []
        thread = threading.Thread(target=lambda: answers.append(ask(server)[0]))
        thread.start()
        assert server.simulator.arrived.wait(10)
        assert ask(server, "GET")[0] == 200
        assert answers == []
        while thread.is_alive():  # the simulator has answered; whether the wait has begun cannot be seen
            faults.release()
            thread.join(0.01)
        assert answers == [200]


def test_a_slow_answer_does_not_hold_up_the_end():
    faults = Faults(nth_write(1, slow()))
    with serve(Counter(), intercept=faults) as server:
        thread = threading.Thread(target=ask_in_vain, args=(server,))
        thread.start()
        assert server.simulator.arrived.wait(10)
    thread.join(10)
    assert not thread.is_alive()


def ask_in_vain(server):
    with contextlib.suppress(*LOST):
        ask(server)


def test_reads_and_token_requests_are_not_counted_as_writes():
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    faults = Faults(nth_write(1, answer(500)))
    with serve(Counter(), intercept=faults) as server:
        assert ask(server, "GET")[0] == 200
        assert ask(server, "POST", headers=form)[0] == 200
        assert ask(server, "POST")[0] == 500
    everything = Faults(nth_write(1, answer(500)), writes=lambda request: True)
    with serve(Counter(), intercept=everything) as server:
        assert ask(server, "GET")[0] == 500


def arrivals(count):
    return [Arrival(n, None, SimRequest("GET", "/")) for n in range(1, count + 1)]


@given(st.integers())
def test_a_seed_gives_the_same_plan_again(seed):
    odds = {LOSE_ANSWER: 0.3, throttle(): 0.3}
    first, second = seeded(seed, odds), seeded(seed, odds)
    assert [first(a) for a in arrivals(30)] == [second(a) for a in reversed(arrivals(30))][::-1]


def test_the_odds_are_kept_and_checked():
    plan = seeded(1, {LOSE_REQUEST: 0.5})
    lost = sum(plan(a) is not None for a in arrivals(1000))
    assert 400 < lost < 600
    assert {plan(a).what for a in arrivals(100) if plan(a)} == {What.LOSE_REQUEST}
    with pytest.raises(ValueError, match="at most 1"):
        seeded(1, {LOSE_REQUEST: 0.6, LOSE_ANSWER: 0.6})
