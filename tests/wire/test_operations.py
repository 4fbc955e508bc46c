"""Operations are values: made once, run as often as needed."""

from __future__ import annotations

import pytest
from wirekit import READ, answer, world

from atsbridge.errors import Refused
from atsbridge.wire.effects import Flow, all_of, request
from atsbridge.wire.operations import Call, routine


def test_a_call_is_one_request_and_a_reader() -> None:
    it, client = world([answer(200, [1]), answer(200, [1, 2])])
    call = Call(READ, lambda response: response.body)
    assert [it.run(client.run(call)) for _ in range(2)] == [b"[1]", b"[1, 2]"]


def test_a_routine_is_made_anew_each_time_and_asks_nothing_before_it_runs() -> None:
    begun = []

    @routine
    def twice(number: int, *, more: int) -> Flow[int]:
        """Two requests."""
        begun.append(number)
        yield from request(READ)
        yield from request(READ)
        return number + more

    assert (twice.__name__, twice.__doc__) == ("twice", "Two requests.")
    it, client = world([answer(200, [])] * 4)
    operation = twice(1, more=2)
    assert begun == []
    assert [it.run(client.run(operation)) for _ in range(2)] == [3, 3]
    assert begun == [1, 1]
    assert len(it.requests) == 4


def test_all_of_gives_each_flow_s_value_and_raises_the_first_error_after_all_have_ended() -> None:
    it, client = world([answer(200, [1]), answer(200, [2])])
    done = it.run(client.around(all_of([request(READ), request(READ)], 2)))
    assert [response.body for response in done] == [b"[1]", b"[2]"]
    it, client = world([answer(422), answer(200, [2])])
    with pytest.raises(Refused):
        it.run(client.around(all_of([request(READ), request(READ)], 2)))
    assert len(it.requests) == 2
