"""Bugs planted into the wire, looked for by histories of seeded requests and answers on real sockets.

What is seen is what the servers saw: each request once, at the vendor's address
alone, and without a cookie.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from atsbridge.drivers._httpx import SyncWire
from atsbridge.errors import NoAnswer
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.serve import serve
from atsbridge.testing.network import LOSE_ANSWER, Arrival, Fault, Faults
from atsbridge.wire.effects import Permit, Purpose, Request

SEEDS = 200


class Open:
    """A guard that admits everything."""

    def admit(self, request: Request, permit: Permit | None) -> str:
        return f"https://api.vendor.example{request.url}"


class Elsewhere:
    """Another host, which nothing may reach."""

    limits = None

    def __init__(self) -> None:
        self.seen: list[SimRequest] = []

    def respond(self, request: SimRequest) -> SimResponse:
        self.seen.append(request)
        return SimResponse(200, (), b"stolen")


class Vendor(Elsewhere):
    """Answers by chance: plainly, with a cookie, or with a way to somewhere else."""

    def __init__(self, dice: random.Random, elsewhere: str) -> None:
        super().__init__()
        self.dice, self.elsewhere = dice, elsewhere

    def respond(self, request: SimRequest) -> SimResponse:
        self.seen.append(request)
        kind = self.dice.choice(["plain", "plain", "cookie", "redirect"])
        if kind == "cookie":
            return SimResponse(200, (("Set-Cookie", "session=1; Path=/"),), b"{}")
        if kind == "redirect":
            status = self.dice.choice([301, 302, 303, 307, 308])
            return SimResponse(status, (("Location", f"{self.elsewhere}/steal"),), b"")
        return SimResponse(200, (), b"{}")


def history(seed: int) -> str:
    """What did not hold; empty where all did."""
    dice = random.Random(seed)
    elsewhere = Elsewhere()
    lost = dice.randrange(1, 7)

    def plan(arrival: Arrival) -> Fault | None:
        return LOSE_ANSWER if arrival.number == lost and dice.random() < 0.5 else None

    with serve(elsewhere) as other:
        vendor = Vendor(dice, other.url)
        with serve(vendor, intercept=Faults(plan)) as server:
            wire = SyncWire(Open(), loopback=server.url)
            try:
                for number in range(6):
                    _send(wire, number, dice)
            finally:
                wire.close()
    if elsewhere.seen:
        return "another host was reached"
    if any("cookie" in request.headers for request in vendor.seen):
        return "a cookie was sent"
    if any(times > 1 for times in Counter(request.target for request in vendor.seen).values()):
        return "a request was sent twice"
    return ""


def _send(wire: SyncWire, number: int, dice: random.Random) -> None:
    writes = dice.random() < 0.5
    request = Request(
        operation="move" if writes else "list", method="PUT" if writes else "GET", url=f"/v1/{number}",
        body={"stage": "s"} if writes else None, purpose=Purpose.WRITE if writes else Purpose.READ,
    )  # fmt: skip
    with suppress(NoAnswer):
        _ = wire.exchange(request)


# -- the bugs --


def _redirects_followed(wire: Any, request: Request, permit: Permit | None, sound: Any) -> Any:
    answer = sound(wire, request, permit)
    if answer.status not in (301, 302, 303, 307, 308):
        return answer
    there, _, path = answer.headers["location"].rpartition("/")
    another = SyncWire(Open(), loopback=there)
    try:
        return sound(another, Request(operation="list", method="GET", url=f"/{path}"), None)
    finally:
        another.close()


def _one_cookie_jar(wire: Any, request: Request, permit: Permit | None, sound: Any) -> Any:
    real = wire._transport.handle_request

    def with_cookies(outgoing: Any) -> Any:
        if jar:
            outgoing.headers["cookie"] = "; ".join(jar)
        response = real(outgoing)
        jar.extend(response.headers.get_list("set-cookie"))
        return response

    wire._transport.handle_request = with_cookies
    try:
        return sound(wire, request, permit)
    finally:
        wire._transport.handle_request = real


jar: list[str] = []


def _writes_tried_again(wire: Any, request: Request, permit: Permit | None, sound: Any) -> Any:
    try:
        return sound(wire, request, permit)
    except NoAnswer:
        return sound(wire, request, permit)


BUGS: dict[str, Callable[..., Any]] = {
    "redirects followed": _redirects_followed,
    "one cookie jar": _one_cookie_jar,
    "writes tried again": _writes_tried_again,
}


@contextmanager
def planted(bug: str) -> Iterator[None]:
    sound = SyncWire.exchange
    jar.clear()

    def exchange(self: SyncWire, request: Request, permit: Permit | None = None) -> Any:
        return BUGS[bug](self, request, permit, sound)

    SyncWire.exchange = exchange  # type: ignore[method-assign]
    try:
        yield
    finally:
        SyncWire.exchange = sound  # type: ignore[method-assign]


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    with planted(bug):
        assert any(history(seed) for seed in range(SEEDS))


@pytest.mark.parametrize("seed", range(20))
def test_the_wire_as_it_is_shows_nothing(seed: int) -> None:
    assert history(seed) == ""
