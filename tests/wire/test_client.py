"""What is written once around every request: signing, retries, budgets, tokens; no network in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st
from wirekit import (
    ENDPOINT,
    PERMIT,
    READ,
    TOKEN_URL,
    NotedTokens,
    always,
    answer,
    in_order,
    rotating,
    token,
    vendor,
    world,
)

from atsbridge.errors import (
    BadPayload,
    ConfigurationError,
    Forbidden,
    GuardError,
    NoAnswer,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from atsbridge.wire.auth import ClientCredentials
from atsbridge.wire.budgets import RateLimit
from atsbridge.wire.client import proves_nothing_happened
from atsbridge.wire.effects import (
    Flow,
    Permit,
    Purpose,
    Request,
    Response,
    Send,
    once,
    request,
    sleep,
    together,
)
from atsbridge.wire.operations import Call
from atsbridge.wire.retry import Retry
from atsbridge.wire.xml import Element

TRANSIENT = [
    answer(500),
    answer(502),
    answer(503, retry_after="1"),
    answer(408),
    answer(425),
    answer(429, retry_after="2"),
    NoAnswer(),
    NoAnswer(sent=False),
    BadPayload(),
    answer(200, b"<html>Log in</html>", content_type="text/html"),
]


def authorised(request: Request) -> str:
    return dict(request.signature)["Authorization"]


# -- reads --


@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_a_read_is_asked_again_while_that_can_help(fault: Any) -> None:
    it, client = world([fault, fault, answer(200, [])])
    assert it.run(client.read(READ)).status == 200
    assert len(it.requests) == 3


@pytest.mark.parametrize("status, error", [(403, Forbidden), (409, Refused), (422, Refused)])
def test_a_definite_no_is_not_asked_again(status: int, error: type[Exception]) -> None:
    it, client = world(always(answer(status)))
    with pytest.raises(error):
        it.run(client.read(READ))
    assert len(it.requests) == 1


def test_a_read_gives_up_after_its_attempts() -> None:
    it, client = world(always(answer(503)), retry=Retry(attempts=4))
    with pytest.raises(Unavailable):
        it.run(client.read(READ))
    assert len(it.requests) == 4


def test_a_login_page_with_200_is_no_data() -> None:
    it, client = world(always(answer(200, b"<html>", content_type="text/html")), retry=Retry(attempts=2))
    with pytest.raises(BadPayload):
        it.run(client.read(READ))


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 12))
def test_waits_have_full_jitter_within_the_cap(chance: float, attempts: int) -> None:
    policy = Retry(attempts=attempts, base_seconds=0.5, cap_seconds=10.0, reserve=100)
    it, client = world(always(answer(503)), retry=policy, random=lambda: chance)
    with pytest.raises(Unavailable):
        it.run(client.read(READ))
    assert it.slept == [chance * min(10.0, 0.5 * 2**n) for n in range(1, attempts)]


def test_a_wait_that_the_vendor_asks_for_is_kept() -> None:
    it, client = world([answer(429, retry_after="7"), answer(200, [])])
    it.run(client.read(READ))
    assert sum(it.slept) >= 7.0


def test_a_wait_beyond_the_cap_is_not_slept_out() -> None:
    it, client = world(always(answer(429, retry_after="3600")), retry=Retry(cap_seconds=60))
    with pytest.raises(Throttled) as caught:
        it.run(client.read(READ))
    assert caught.value.retry_after_seconds == 3600
    assert (len(it.requests), it.slept) == (1, [])
    at = client.now() + timedelta(seconds=3600)
    assert f"the next attempt can be made at {at:%Y-%m-%d %H:%M}" in caught.value.advice


def test_a_storm_uses_up_the_retry_budget_of_the_whole_connection() -> None:
    policy = Retry(attempts=6, reserve=20, ratio=0.1)
    it, client = world(always(answer(503)), retry=policy)
    for _ in range(50):
        with pytest.raises(Unavailable):
            it.run(client.read(READ))
    assert len(it.requests) == 50 + 20


def test_successes_earn_retries_back_slowly() -> None:
    policy = Retry(attempts=6, reserve=2, ratio=0.1)
    answers = [answer(503)] * 3 + [answer(200, [])] * 11 + [answer(503), answer(200, [])]
    faults: Iterator[Response] = iter(answers)
    it, client = world(lambda _request, _permit: next(faults), retry=policy)
    with pytest.raises(Unavailable):
        it.run(client.read(READ))
    for _ in range(12):
        it.run(client.read(READ))
    assert len(it.requests) == len(answers)


# -- budgets --


def test_requests_wait_for_their_place_in_the_budget() -> None:
    rates = (RateLimit(requests=2, per_seconds=1, burst=2),)
    it, client = world(always(answer(200, [])), vendor=vendor(rates=rates))
    for _ in range(5):
        it.run(client.read(READ))
    assert it.slept == pytest.approx([0.5, 0.5, 0.5])


def test_without_a_rate_factor_nothing_waits() -> None:
    rates = (RateLimit(requests=1, per_seconds=100),)
    it, client = world(always(answer(200, [])), vendor=vendor(rates=rates), rate_factor=None)
    for _ in range(5):
        it.run(client.read(READ))
    assert it.slept == []


def test_a_429_holds_back_every_other_request_of_the_connection() -> None:
    rates = (RateLimit(requests=1000, per_seconds=1),)
    it, client = world(
        [answer(429, retry_after="5"), answer(200, [])], vendor=vendor(rates=rates), retry=Retry(attempts=1)
    )
    with pytest.raises(Throttled):
        it.run(client.read(READ))
    it.run(client.read(READ))
    assert it.slept == pytest.approx([5.0])


def test_a_429_to_a_write_holds_back_every_other_request_as_well() -> None:
    rates = (RateLimit(requests=1000, per_seconds=1),)
    it, client = world([answer(429, retry_after="5"), answer(200, [])], vendor=vendor(rates=rates))
    move = Request(operation="move", method="PUT", url="/things/1", purpose=Purpose.WRITE)
    with pytest.raises(Throttled):
        it.run(client.send(move, PERMIT))
    it.run(client.read(READ))
    assert it.slept == pytest.approx([5.0])


# -- what an adapter's flow may do --


def adapter(effect: Any) -> Flow[Any]:
    yield effect


@pytest.mark.parametrize(
    "forbidden",
    [
        Send(READ, PERMIT),
        Send(Request(operation="move", method="PUT", url="/things/1", purpose=Purpose.WRITE), PERMIT),
        Request(operation="token", method="POST", url=TOKEN_URL, purpose=Purpose.TOKEN),
        Request(operation="move", method="PUT", url="/things/1", purpose=Purpose.WRITE),
        Request(operation="list_things", method="GET", url="/things", signature=(("Authorization", "mine"),)),
    ],
    ids=["Send", "Send of a write", "token request", "write", "signed by itself"],
)
def test_an_adapters_flow_may_only_read(forbidden: Any) -> None:
    it, client = world(always(answer(200, [])))
    inside = together([adapter(forbidden)], 1)
    with pytest.raises(GuardError):
        it.run(client.around(adapter(forbidden)))
    with pytest.raises(GuardError):
        it.run(client.around(once("key", lambda: adapter(forbidden))))
    (failed,) = it.run(client.around(inside))
    assert isinstance(failed.error, GuardError)
    assert it.log == []


def test_an_adapters_flow_gets_answers_errors_and_sleeps() -> None:
    def flow() -> Flow[Any]:
        first = yield from request(READ)
        yield from sleep(3)
        try:
            yield from request(READ)
        except Refused as error:
            return first.status, error.status
        return None

    it, client = world([answer(200, []), answer(422)])
    assert it.run(client.around(flow())) == (200, 422)
    assert it.slept == [3]


def test_a_call_is_signed_and_read() -> None:
    it, client = world([answer(200, {"n": 4})])
    call = Call(READ, lambda response: len(response.body))
    assert it.run(client.run(call)) == 8
    assert authorised(it.requests[0]) == "Basic a2V5Og=="


def test_every_soap_message_carries_the_vendors_block_and_nothing_else_does() -> None:
    block = Element("{urn:a}Common")
    it, client = world([answer(200, {}), answer(200, {})], vendor=evolve(vendor(), block=block))
    soap = Request(operation="ask", method="POST", url="/soap", body=Element("{urn:a}Get"))
    for asked in (soap, READ):
        _ = it.run(client.read(asked))
    assert [sent.blocks for sent in it.requests] == [(block,), ()]


# -- the status write --

WRITE = Request(operation="move", method="PUT", url="/things/1", purpose=Purpose.WRITE)


@pytest.mark.parametrize("fault", [*TRANSIENT, answer(401), answer(404), answer(409)], ids=str)
def test_a_write_is_sent_once_whatever_comes_back(fault: Any) -> None:
    it, client = world(always(fault))
    with pytest.raises(Exception):  # noqa: B017 - which one is the next test's business
        it.run(client.send(WRITE, PERMIT))
    assert len(it.requests) == 1
    assert it.slept == []


@pytest.mark.parametrize(
    "fault, nothing_happened",
    [
        (answer(401), True),
        (answer(429), True),
        (GuardError(), True),
        (NoAnswer(sent=False), True),
        (NoAnswer(sent=True), False),
        (answer(500), False),
        (answer(502), False),
        (answer(408), False),
        (BadPayload(), False),
    ],
    ids=str,
)
def test_what_a_failed_write_proves(fault: Any, nothing_happened: bool) -> None:
    it, client = world(always(fault))
    with pytest.raises(Exception) as caught:
        it.run(client.send(WRITE, PERMIT))
    assert proves_nothing_happened(caught.value) is nothing_happened


def test_a_write_carries_its_permit_and_the_signature() -> None:
    it, client = world([answer(200, {})])
    it.run(client.send(WRITE, PERMIT))
    (sent,) = it.log
    assert isinstance(sent, Send)
    assert sent.permit is PERMIT
    assert authorised(sent.request) == "Basic a2V5Og=="


# -- tokens --


class TokenServer:
    """Rotates: each refresh token works once. ``valid`` is the access token that is accepted."""

    def __init__(self) -> None:
        self.made = 0
        self.valid = "access-0"
        self.refresh = "first"

    def __call__(self, request: Request, _permit: Permit | None) -> Response:
        if request.purpose is Purpose.TOKEN:
            form = {k: v[0] for k, v in parse_qs(request.content()[0].decode()).items()}
            if form["refresh_token"] != self.refresh:
                return answer(400, {"error": "invalid_grant"})
            self.made += 1
            self.valid, self.refresh = f"access-{self.made}", f"refresh-{self.made}"
            return answer(
                200, {"access_token": self.valid, "refresh_token": self.refresh, "expires_in": 3600}
            )
        return answer(200, []) if authorised(request) == f"Bearer {self.valid}" else answer(401)


def with_tokens(server: Any = None, **parts: Any):
    server = server or TokenServer()
    tokens = NotedTokens()
    it, client = world(server, scheme=rotating(), tokens=tokens, **parts)
    tokens.log = it.log
    return it, client, tokens, server


def kinds(log: list[Any]) -> list[str]:
    return [e.purpose.value if isinstance(e, Request) else e[0] for e in log if not isinstance(e, Send)]


def test_a_rotated_token_is_saved_before_anything_uses_it() -> None:
    it, client, tokens, _ = with_tokens()
    it.run(client.read(READ))
    assert kinds(it.log) == ["saved", "token", "saved", "read"]  # what it held, then the new one
    assert tokens.load("acme").refresh.reveal() == "refresh-1"


def test_a_token_that_cannot_be_saved_is_not_used_and_kept_until_it_can_be() -> None:
    """It was given for a refresh token that is spent: lost, it would lock the connection out."""
    it, client, tokens, server = with_tokens()
    client.turn = Turns(0)
    save = tokens.save

    def full(connection: str, new: Any) -> None:
        if new.access.reveal():
            raise OSError("disk full of jane.doe@example.com")
        save(connection, new)

    tokens.save = full  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(
            ConfigurationError, match=r"NotedTokens.save raised OSError at .*, line \d+$"
        ) as told:
            it.run(client.read(READ))
        assert told.value.__context__ is None
    assert kinds(it.log) == ["saved", "token"] and client.turn.log == ["taken", "given back"] * 2
    tokens.save = save  # type: ignore[method-assign]
    it.run(client.read(READ))
    assert kinds(it.log) == ["saved", "token", "saved", "read"] and server.made == 1
    client.save_token()
    assert len(it.log) == 4


def test_a_token_that_could_not_be_saved_gives_way_to_a_new_authorisation() -> None:
    it, client, tokens, server = with_tokens()
    save = tokens.save

    def full(connection: str, new: Any) -> None:
        if new.access.reveal():
            raise OSError("disk full")
        save(connection, new)

    tokens.save = full  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError):
        it.run(client.read(READ))
    tokens.save = save  # type: ignore[method-assign]
    tokens.save("acme", token(server.valid, refresh="of the new authorisation"))
    client.save_token()
    assert tokens.load("acme").refresh.reveal() == "of the new authorisation"


@pytest.mark.parametrize("kept", [None, token("old", seconds=0, refresh="first")])
def test_a_refresh_token_is_not_spent_where_the_next_cannot_be_saved(kept: Any) -> None:
    it, client, tokens, server = with_tokens()
    if kept:
        tokens.save("acme", kept)

    def full(_connection: str, _token: Any) -> None:
        raise OSError("disk full")

    tokens.save = full  # type: ignore[method-assign]
    with pytest.raises(ConfigurationError):
        it.run(client.read(READ))
    assert it.requests == [] and server.refresh == "first"


def test_many_requests_ask_for_one_token() -> None:
    it, client, _, server = with_tokens()
    done = it.run(together([client.read(READ) for _ in range(20)], 20))
    assert [one.value.status for one in done] == [200] * 20
    assert server.made == 1


def test_a_401_renews_the_token_once_for_all() -> None:
    it, client, tokens, server = with_tokens()
    tokens.save("acme", token("stale", refresh="first"))
    done = it.run(together([client.read(READ) for _ in range(20)], 20))
    assert [one.value.status for one in done] == [200] * 20
    assert server.made == 1


def test_a_second_401_is_final() -> None:
    server = TokenServer()

    def deaf(request: Request, permit: Permit | None) -> Response:
        return server(request, permit) if request.purpose is Purpose.TOKEN else answer(401)

    it, client, *_ = with_tokens(deaf)
    with pytest.raises(Unauthorized):
        it.run(client.read(READ))
    assert kinds(it.log) == ["saved", "token", "saved", "read"] * 2


def test_a_401_on_a_write_has_the_token_renewed_before_the_next_one() -> None:
    """The store still holds it, and by its time it is good."""
    it, client, tokens, server = with_tokens()
    tokens.save("acme", token("stale", refresh="first"))
    it.run(client.ready())
    with pytest.raises(Unauthorized):
        it.run(client.send(WRITE, PERMIT))
    it.run(client.ready())
    assert it.run(client.send(WRITE, PERMIT)).status == 200
    it.run(client.ready())
    assert server.made == 1


def test_a_401_without_tokens_is_final() -> None:
    it, client = world(always(answer(401)))
    with pytest.raises(Unauthorized):
        it.run(client.read(READ))
    assert len(it.requests) == 1


def test_a_token_about_to_expire_is_renewed_before_its_use() -> None:
    it, client, tokens, _ = with_tokens()
    tokens.save("acme", token("access-0", seconds=30, refresh="first"))
    it.run(client.read(READ))
    assert authorised(it.requests[-1]) == "Bearer access-1"


def test_another_process_that_renewed_first_is_believed() -> None:
    """Its rotated refresh token is in the store; ours would be refused, and might lock the grant."""
    it, client, tokens, server = with_tokens()
    it.run(client.read(READ))
    server.made, server.valid, server.refresh = 7, "access-7", "refresh-7"
    tokens.save("acme", token("access-7", refresh="refresh-7"))
    it.run(client.read(READ))
    assert server.made == 7
    assert authorised(it.requests[-1]) == "Bearer access-7"


def test_a_rotating_refresh_token_is_never_lost_or_used_twice() -> None:
    """Over many expiries, by two clients that share a store, the grant lives on."""
    it, client, tokens, server = with_tokens()
    _, other = world(server, scheme=rotating(), tokens=tokens)
    other.clock, other.now = client.clock, client.now
    for _ in range(30):
        it.run(together([client.read(READ), other.read(READ), client.read(READ)], 3))
        it.time += 1801
    used = [
        parse_qs(r.content()[0].decode())["refresh_token"][0]
        for r in it.requests
        if r.purpose is Purpose.TOKEN
    ]
    assert used == list(dict.fromkeys(used))
    assert tokens.load("acme").refresh.reveal() == server.refresh


def test_a_refused_grant_stops_the_connection() -> None:
    it, client, *_ = with_tokens(always(answer(400, {"error": "invalid_grant"})))
    with pytest.raises(Unauthorized):
        it.run(client.read(READ))
    assert len(it.requests) == 1


@pytest.mark.parametrize("fault", [answer(503), NoAnswer(sent=True)], ids=str)
def test_a_token_request_that_may_have_rotated_is_not_repeated(fault: Any) -> None:
    """Its answer may have been lost after the refresh token was spent; the caller tries again later."""
    it, client, tokens, _ = with_tokens(always(fault))
    with pytest.raises(Unavailable):
        it.run(client.read(READ))
    assert (len(it.requests), it.slept, tokens.load("acme").refresh) == (1, [], None)


@pytest.mark.parametrize("fault", [answer(429, retry_after="1"), NoAnswer(sent=False)], ids=str)
def test_a_token_request_without_effect_is_repeated(fault: Any) -> None:
    it, client, *_ = with_tokens(in_order(fault, answer(200, {"access_token": "a"}), answer(200, [])))
    it.run(client.read(READ))
    assert [r.purpose for r in it.requests] == [Purpose.TOKEN, Purpose.TOKEN, Purpose.READ]


@pytest.mark.parametrize("fault", [answer(503), NoAnswer(sent=True)], ids=str)
def test_a_client_that_spends_nothing_asks_again(fault: Any) -> None:
    scheme = ClientCredentials(token_endpoint=ENDPOINT, url=TOKEN_URL, client_id="id", client_secret="hush")
    it, client = world([fault, answer(200, {"access_token": "a"}), answer(200, [])], scheme=scheme)
    it.run(client.read(READ))
    assert [r.purpose for r in it.requests] == [Purpose.TOKEN, Purpose.TOKEN, Purpose.READ]


@define
class Turns:
    """Another process's turn for so many looks; what it saved meanwhile."""

    busy: int
    meanwhile: Callable[[], None] = lambda: None
    log: list[str] = field(factory=list)

    def take(self) -> bool:
        self.busy -= 1
        if self.busy < 0:
            self.log.append("taken")
            return True
        if self.busy == 0:
            self.meanwhile()
        return False

    def give_back(self) -> None:
        self.log.append("given back")


def test_while_another_process_asks_it_waits_and_takes_what_that_one_saved() -> None:
    it, client, tokens, _ = with_tokens(always(answer(200, [])))
    client.turn = Turns(3, lambda: tokens.save("acme", token("theirs")))
    it.run(client.read(READ))
    assert [r.purpose for r in it.requests] == [Purpose.READ]
    assert it.requests[0].signature == (("Authorization", "Bearer theirs"),)
    assert client.turn.log == [] and len(it.slept) == 2


def test_its_turn_is_given_back_whatever_comes_of_it() -> None:
    for told in (answer(200, {"access_token": "a"}), answer(400, {}), answer(503)):
        it, client, *_ = with_tokens(in_order(told, answer(200, [])))
        client.turn = Turns(0)
        with suppress(Unauthorized, Unavailable):
            it.run(client.read(READ))
        assert client.turn.log == ["taken", "given back"]


def test_a_process_that_never_ends_its_turn_is_not_waited_for_without_end() -> None:
    it, client, *_ = with_tokens(always(answer(200, [])))
    client.turn = Turns(10**6)
    with pytest.raises(Unavailable, match="another process"):
        it.run(client.read(READ))
    assert it.requests == [] and 60 <= sum(it.slept) <= 120


def test_a_grant_that_another_process_has_spent_is_asked_for_with_the_next() -> None:
    it, client, tokens, _ = with_tokens(always(answer(200, [])))

    def answers(asked: Request, _permit: Any) -> Response:
        if asked.purpose is Purpose.READ:
            return answer(200, [])
        if parse_qs(asked.content()[0].decode())["refresh_token"] == ["first"]:
            tokens.save("acme", token("theirs", seconds=0, refresh="second"))
            return answer(400, {"error": "invalid_grant"})
        return answer(200, {"access_token": "ours", "refresh_token": "third"})

    it.answers = answers
    it.run(client.read(READ))
    assert [r.purpose for r in it.requests] == [Purpose.TOKEN, Purpose.TOKEN, Purpose.READ]
    kept = tokens.load("acme")
    assert kept is not None and kept.refresh is not None and kept.refresh.reveal() == "third"


def test_a_write_has_its_token_before_its_clock_starts() -> None:
    it, client, *_ = with_tokens()
    it.run(client.ready())
    assert kinds(it.log) == ["saved", "token", "saved"]
    it.run(client.send(WRITE, PERMIT))
    assert len(it.requests) == 2
