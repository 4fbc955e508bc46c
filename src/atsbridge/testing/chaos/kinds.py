"""Every kind of fault: its number in the catalogue of what can go wrong, and how it is put in."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import evolve, frozen

from ...errors import CrmError
from ...simulators.interface import SimResponse
from ..copies import frozen_copy, thawed
from .crew import Sent, Worker
from .people import GOING, SETTING_UP, person, wish
from .script import Deed
from .world import Armed, Call, Tenant, World, is_lane_read, is_listing, is_read, is_token, is_write

Put = Callable[[World, Deed], "str | None"]
"""Puts it in; gives its name where it has come about, None where it only waits to, or cannot."""


@frozen(kw_only=True)
class Kind:
    """One kind.

    Args:
        faults: numbers in the catalogue.
        weight: how often it is drawn.
        act: people or recruiters do it; nothing is broken by it.
    """

    faults: tuple[str, ...]
    put: Put
    weight: float = 1.0
    act: bool = False


def _tenant(world: World, dice: random.Random) -> Tenant:
    return dice.choice(world.tenants) if len(world.tenants) > 1 else world.tenants[0]


# -- requests -------------------------------------------------------------------------------------


def _network(
    wants: Callable[[Sent], bool],
    do: Callable[[Call, random.Random], SimResponse | None],
    *,
    least: int = 1,
    most: int = 1,
    lies: bool = False,
    when: Callable[[World], bool] = lambda _world: True,
) -> Callable[[str], Put]:
    """A fault of the next requests that are wanted: of so many of them."""

    def named(name: str) -> Put:
        def put(world: World, deed: Deed) -> None:
            if not when(world):
                return
            dice = deed.dice()
            left = dice.randint(least, max(least, most))
            world.armed.append(Armed(name, wants, lambda call: do(call, dice), left))
            world.lied = world.lied or lies

        return put

    return named


def _lose_request(_call: Call, _dice: random.Random) -> None:
    return None


def _lose_answer(call: Call, _dice: random.Random) -> None:
    _ = call.respond()


def _arrive_late(call: Call, dice: random.Random) -> None:
    """It takes effect after its sender has given up, but within its deadline."""
    call.world.later(dice.uniform(0.0, call.sent.request.deadline_seconds), lambda: _arrived(call))


def _arrived(call: Call) -> None:
    call.world.tell("a late request arrives")
    _ = call.respond()


def _down(_call: Call, dice: random.Random) -> SimResponse:
    return SimResponse(dice.choice([500, 502, 503, 504]), (("Content-Type", "text/html"),), b"<h1>Sorry</h1>")


def _down_after(call: Call, dice: random.Random) -> SimResponse:
    _ = call.respond()
    return _down(call, dice)


def _throttled(call: Call, _dice: random.Random) -> SimResponse:
    answer: SimResponse = call.tenant.simulator.throttled()
    return answer


def _page(call: Call, dice: random.Random) -> SimResponse:
    """A login page, a captcha: 200, and HTML."""
    if dice.random() < 0.5:
        _ = call.respond()
    return SimResponse(200, (("Content-Type", "text/html; charset=utf-8"),), b"<html><title>Log in</title>")


def _error_with_200(_call: Call, dice: random.Random) -> SimResponse:
    body = dice.choice([
        {"success": False, "errors": ["something went wrong"], "errorInfo": None},
        {"errors": [{"status": "500", "title": "Internal error"}], "data": []},
        {"error": {"code": "internal", "message": {"value": "something went wrong"}}},
        {},
    ])  # fmt: skip
    return SimResponse(200, (("Content-Type", "application/json"),), json.dumps(body).encode())


def _cut(call: Call, dice: random.Random) -> SimResponse:
    answer = call.respond()
    return evolve(answer, body=answer.body[: int(len(answer.body) * dice.random())])


_BROKEN = (b"\xff\xfe{", b"{", b"[NaN]", b'{"a": 1e400}', b'{"a": 1, "a": 2}', b"[" * 5000, b"")


def _malformed(call: Call, dice: random.Random) -> SimResponse:
    return evolve(call.respond(), body=dice.choice(_BROKEN))


def _expire_first(call: Call, _dice: random.Random) -> SimResponse:
    _ = call.tenant.simulator.expire_tokens()
    return call.respond()


def _refused(call: Call, dice: random.Random) -> SimResponse:
    return SimResponse(dice.choice([401, 403]), (("Content-Type", "application/json"),), b"{}")


def _mutated(call: Call, dice: random.Random) -> SimResponse:
    """Something in the answer is not what it has always been."""
    answer = call.respond()
    if answer.status != 200 or not answer.body:
        return answer
    if answer.body.lstrip()[:1] == b"<":
        texts = list(re.finditer(rb">([^<>\s][^<>]*)<", answer.body))
        if not texts:
            return answer
        one = dice.choice(texts)
        return evolve(answer, body=answer.body[: one.start(1)] + b"ZZ" + answer.body[one.end(1) :])
    try:
        data = json.loads(answer.body)
    except ValueError:
        return answer
    _mutate(data, dice)
    return evolve(answer, body=json.dumps(data).encode())


def _mutate(data: Any, dice: random.Random) -> None:
    """Change one member somewhere below."""
    places = [(holder, key) for holder, key in _members(data) if _may_change(key)]
    if not places:
        return
    holder, key = dice.choice(places)
    how = dice.choice(["null", "unknown", "other type", "nested", "gone"])
    match how:
        case "null":
            holder[key] = None
        case "unknown":
            holder[key] = "ZZ_NEVER_SEEN"
        case "other type":
            holder[key] = str(holder[key]) if isinstance(holder[key], int) else 12345
        case "nested":
            holder[key] = {"value": holder[key]}
        case _ if isinstance(holder, dict):
            del holder[key]
        case _:
            holder[key] = None


def _members(data: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        found.append((data, key))
        found.extend(_members(value))
    return found


def _may_change(key: Any) -> bool:
    """Not what says how to go on: whoever lies about that is asked for another page, or for none."""
    return not re.search(r"(?i)next|cursor|token|more|offset|page|sync", str(key))


def _unknown_stage(call: Call, dice: random.Random) -> SimResponse:
    """Whoever stands in one stage stands, for once, in one that nobody has heard of."""
    answer = call.respond()
    truths = call.tenant.simulator.truth()
    shown = [t.stage for id, t in truths.items() if t.stage and id.rpartition(":")[2].encode() in answer.body]
    if answer.status != 200 or not shown:
        call.world.armed.append(Armed("unknown stage", is_listing, lambda again: _unknown_stage(again, dice)))
        return answer
    stage = dice.choice(shown)
    return evolve(answer, body=answer.body.replace(stage.encode(), _like(stage).encode()))


def _like(id: str) -> str:
    """Another id of the same form."""
    return "9" * len(id) if id.isdigit() else f"{id[:-2]}zz"


def _poison(call: Call, dice: random.Random) -> SimResponse:
    """One record of a listing cannot be read."""
    answer = call.respond()
    ids = [id.rpartition(":")[2].encode() for id in call.tenant.simulator.truth()]
    if answer.status != 200 or not any(id in answer.body for id in ids):
        # Nobody's record is in it: the next one, then.
        call.world.armed.append(Armed("poison", is_listing, lambda again: _poison(again, dice)))
        return answer
    if answer.body.lstrip()[:1] not in (b"{", b"["):
        return answer
    data = json.loads(answer.body)
    lists = [value for _, _, value in _lists(data)]
    longest = max(lists, key=len, default=[])
    records = [record for record in longest if isinstance(record, dict)]
    if not records:
        return answer
    record = dice.choice(records)
    for key in record:
        if key not in ("id", "Id", "ID"):
            record[key] = {"poison": [key]}
    if dice.random() < 0.8:
        call.sent.worker.steps_left = dice.randint(2, 7)  # it dies about when that is to be kept
    return evolve(answer, body=json.dumps(data).encode())


def _put_poison(world: World, deed: Deed) -> None:
    """Somebody moves on, and what listings tell of that cannot be read."""
    dice = deed.dice()
    tenant = _tenant(world, dice)
    _ = person(world, tenant, dice, only="move")
    tenant.witness.look()
    world.armed.append(Armed(deed.kind, is_listing, lambda call: _poison(call, dice), dice.randint(1, 3)))


def _lists(data: Any) -> list[tuple[Any, Any, list[Any]]]:
    return [(h, k, h[k]) for h, k in [({"": data}, ""), *_members(data)] if isinstance(h[k], list)]


def _again(call: Call, _dice: random.Random) -> SimResponse:
    """The ATS gives what it gave for the request before."""
    before = call.world.last_listing
    return call.respond() if before is None else before


def _empty_page(call: Call, dice: random.Random) -> SimResponse:
    """A page without records, and more behind it."""
    answer = call.respond()
    token = f"behind{dice.randrange(10**6)}"
    page: SimResponse | None = call.tenant.dialect.empty_page(answer, token)
    if answer.status != 200 or page is None:
        return answer
    call.world.behind[token] = call.sent.asked
    return page


def _lose_token(call: Call, _dice: random.Random) -> None:
    _ = call.respond()
    call.world.token_lost = True


def _late_commit(world: World, deed: Deed) -> None:
    """Somebody does something, and for a while listings do not show it."""
    dice = deed.dice()
    tenant = _tenant(world, dice)
    before = frozen_copy([tenant.simulator])
    if not person(world, tenant, dice):
        return
    tenant.witness.look()

    def wants(sent: Sent) -> bool:
        return is_listing(sent) and sent.worker.bridge.connection == tenant.connection.name

    until = world.time.seconds + LATE_SECONDS
    left = dice.randint(12, 40)
    world.armed.append(
        Armed(
            deed.kind,
            lambda sent: wants(sent) and world.time.seconds < until,
            lambda c: _stale(c, before),
            left,
        )
    )


def _stale(call: Call, copy: bytes) -> SimResponse:
    """What a listing would have shown before."""
    answer: SimResponse = thawed(copy, call.world.time)[0].respond(call.sent.asked)
    # What is told late is what was committed: neither tokens nor refusals.
    return answer if answer.status == 200 else call.respond()


# -- what is done at a moment ---------------------------------------------------------------------


def _switch(method: str) -> Put:
    def put(world: World, deed: Deed) -> str | None:
        simulator = _tenant(world, deed.dice()).simulator
        return deed.kind if getattr(simulator, method)() else None

    return put


def _skew(world: World, deed: Deed) -> str:
    world.time.wall_ahead = deed.dice().choice([-600.0, 90.0, 86_400.0, 86_400.0])
    world.furthest_ahead = max(world.furthest_ahead, world.time.wall_ahead)
    return deed.kind


def _one_busy(world: World, dice: random.Random) -> Worker | None:
    busy = [worker for worker in world.busy() if worker.asleep_until is None]
    return dice.choice(busy) if busy else None


def _crash(world: World, deed: Deed) -> str | None:
    worker = _one_busy(world, deed.dice())
    if worker is None:
        return None
    world.kill(worker)
    return deed.kind


def _power(world: World, deed: Deed) -> str | None:
    if not world.script.loses:
        return None
    world.tell("the power goes")
    world.cut_power()
    return deed.kind


def _freeze(world: World, deed: Deed) -> str | None:
    dice = deed.dice()
    worker = _one_busy(world, dice)
    if worker is None:
        return None
    worker.asleep_until = world.time.seconds + dice.choice([5.0, 61.0, 90.0, 500.0])
    world.tell(f"{worker.name} stands still")
    return deed.kind


def _cancel(world: World, deed: Deed) -> str | None:
    worker = _one_busy(world, deed.dice())
    if worker is None:
        return None
    world.tell(f"{worker.name} is interrupted")
    worker.cancel()
    return deed.kind


def _crm_down(world: World, deed: Deed) -> None:
    dice = deed.dice()
    left = [dice.randint(1, 3)]
    only = dice.choice(["", "", "write_batch", "write_batch", "take_receipts", "acknowledge_events"])

    def fail(method: str) -> None:
        if left[0] > 0 and only in ("", method):
            left[0] -= 1
            world.hits[deed.kind] += 1
            raise CrmError(f"{method}: the CRM is down")

    world.crm.before = fail


def _feed(world: World, deed: Deed) -> str:
    world.crm.dice = deed.dice()
    return deed.kind


def _act(name: str) -> Put:
    def put(world: World, deed: Deed) -> str | None:
        dice = deed.dice()
        tenant = _tenant(world, dice)
        if name in SETTING_UP and not world.script.pulled:
            return None  # what changes before the mapping has fitted once, a person has to look at
        if name == "wish":
            done = wish(world, tenant, dice)
        else:
            done = person(world, tenant, dice, only="" if name == "person" else name)
        tenant.witness.look()  # also after what was done by half
        if done and name in GOING:
            world.gone = True
        return deed.kind if done else None

    return put


def _obstacle(world: World, deed: Deed) -> str | None:
    """What makes the ATS refuse: a closed job, a stage taken out of the plan."""
    dice = deed.dice()
    tenant = _tenant(world, dice)
    if not world.script.pulled:
        return None
    found = {w: do for w, do in tenant.simulator.obstacles().items() if not _CREDENTIALS.search(w)}
    ids = sorted(tenant.simulator.truth())
    if not found or not ids:
        return None
    words = dice.choice(sorted(found))
    try:
        found[words](ids[0])
    except (ValueError, IndexError, LookupError):
        return None
    world.tell(f"a person: {words}")
    tenant.witness.look()
    world.gone = True
    return deed.kind


_CREDENTIALS = re.compile(
    r"may no(t| longer)|permission|scope|user is|confidential|sight|visible|role|is deleted"
)
"""What a credential loses, which nobody gives back here, and what people do under another name."""


def _kind(faults: str, put: Put | Callable[[str], Put], weight: float = 1.0, **more: Any) -> Any:
    return partial(_made, tuple(faults.split()), put, weight, more)


def _made(faults: tuple[str, ...], put: Any, weight: float, more: dict[str, Any], name: str) -> Kind:
    if getattr(put, "__name__", "") == "named":
        put = put(name)
    return Kind(faults=faults, put=put, weight=weight, **more)


def _with_sender(do: Callable[[World, Worker], None]) -> Callable[[Call, random.Random], None]:
    """The request arrives, and something happens to its sender before there is an answer."""

    def answer(call: Call, _dice: random.Random) -> None:
        _ = call.respond()
        do(call.world, call.sent.worker)

    return answer


def _interrupted(world: World, worker: Worker) -> None:
    world.tell(f"{worker.name} is interrupted")
    worker.cancel()


def _stand_still(world: World, worker: Worker) -> None:
    world.tell(f"{worker.name} stands still")
    worker.asleep_until = world.time.seconds + 90.0


def _stand_still_till_a_write(call: Call, _dice: random.Random) -> SimResponse:
    """It has read, and goes on when somebody else has written: by then its lease has run out, or not."""
    call.world.tell(f"{call.sent.worker.name} stands still till another writes")
    call.sent.worker.asleep_until = math.inf
    return call.respond()


def _refused_unheard(call: Call, _dice: random.Random) -> SimResponse:
    """It is refused, and its sender hears of that when somebody else has written."""
    call.world.tell(f"{call.sent.worker.name} stands still till another writes")
    call.sent.worker.asleep_until = math.inf
    return _throttled(call, _dice)


def _expire_then_die(call: Call, dice: random.Random) -> SimResponse:
    """The token has to be renewed, and soon after that the process is gone."""
    _ = call.tenant.simulator.expire_tokens()
    call.sent.worker.steps_left, call.sent.worker.counting = dice.randint(2, 9), False
    return call.respond()


def _power_goes(world: World, _worker: Worker) -> None:
    if world.script.loses:
        world.tell("the power goes")
        world.cut_power()


LATE_SECONDS = 300.0
"""How late a commit may show: within what every overlap reaches back."""
CREDENTIAL_REFUSED = "credential refused"
_TABLE: Mapping[str, Any] = {
    # requests
    "lost answer": _kind("F01", _network(is_write, _lose_answer), 6),
    "lost request": _kind("F02", _network(is_write, _lose_request), 4),
    "late request": _kind("F02 F41", _network(is_write, _arrive_late), 4),
    "write answered 5xx": _kind("F22", _network(is_write, _down), 2),
    "write done, answered 5xx": _kind("F22 F01", _network(is_write, _down_after), 3),
    "write throttled": _kind("F21", _network(is_write, _throttled, most=3), 2),
    "write cut": _kind("F24", _network(is_write, _cut), 1),
    "write answered by a page": _kind("F26", _network(is_write, _page), 1),
    "write refused as a whole": _kind("F15", _network(is_write, _refused), 1),
    "token expires at a write": _kind("F13", _network(is_write, _expire_first), 2),
    "dies while its write is on the way": _kind("F41 F01", _network(is_write, _with_sender(World.kill)), 3),
    "interrupted while its write is on the way": _kind(
        "F45", _network(is_write, _with_sender(_interrupted)), 3
    ),
    "stands still while its write is on the way": _kind(
        "F43 F01", _network(is_write, _with_sender(_stand_still)), 2
    ),
    "power goes while a write is on the way": _kind(
        "F42", _network(is_write, _with_sender(_power_goes), when=lambda world: world.script.loses), 4
    ),
    "refused, and hears of it late": _kind("F43 F21", _network(is_write, _refused_unheard), 2),
    "dies soon after a new token": _kind("F14", _network(is_read, _expire_then_die), 2),
    "read lost": _kind("F22", _network(is_read, _lose_request, most=3), 1),
    "read answered 5xx": _kind("F22", _network(is_read, _down, most=8), 1),
    "read throttled": _kind("F21", _network(is_read, _throttled, most=12), 1),
    "read answered by a page": _kind("F26", _network(is_read, _page, most=3), 1),
    "error with 200": _kind("F27", _network(is_read, _error_with_200, most=2), 1),
    "malformed": _kind("F23", _network(is_read, _malformed, most=3), 1),
    "body cut": _kind("F24", _network(is_read, _cut, most=3), 1),
    "token expires": _kind("F13", _network(is_read, _expire_first), 2),
    "token answer lost": _kind("F14", _network(is_token, _lose_token), 1),
    "token answered to nobody": _kind("F14", _network(is_token, _with_sender(World.kill)), 1),
    CREDENTIAL_REFUSED: _kind("F15", _network(is_read, _refused, most=3, lies=True), 1),
    "drift": _kind("F28", _network(is_listing, _mutated, most=3, lies=True), 1),
    "poison": _kind("F29", _put_poison, 2),
    "unknown stage": _kind("F28", _network(is_listing, _unknown_stage, lies=True), 1),
    "page given again": _kind("F20", _network(is_listing, _again, lies=True), 1),
    "empty page": _kind("F20", _network(is_listing, _empty_page, least=4, most=12), 1),
    "late commit": _kind("F18", _late_commit, 3),
    "stands still until another has written": _kind(
        "F43", _network(is_lane_read, _stand_still_till_a_write), 3
    ),
    "cursors expire": _kind("F17", _switch("expire_cursors"), 1),
    "watermarks expire": _kind("F17", _switch("expire_watermarks"), 1),
    # processes and clocks
    "crash": _kind("F41", _crash, 8),
    "power cut": _kind("F42 F41", _power, 6),
    "frozen worker": _kind("F43", _freeze, 4),
    "cancelled": _kind("F45", _cancel, 2),
    "clock set": _kind("F44 F18", _skew, 2),
    # the CRM
    "CRM down": _kind("F30", _crm_down, 2),
    "unruly feed": _kind("F03 F04 F46", _feed, 3),
    # people
    "wish": _kind("F07", _act("wish"), 6, act=True),
    "person": _kind("F05 F12 F16", _act("person"), 5, act=True),
    "away_and_back": _kind("F06", _act("away_and_back"), 2, act=True),
    "delete": _kind("F11", _act("delete"), 0.5, act=True),
    "anonymise": _kind("F11", _act("anonymise"), 0.4, act=True),
    "merge": _kind("F10", _act("merge"), 0.5, act=True),
    "rename_stage": _kind("F08", _act("rename_stage"), 0.5, act=True),
    "deactivate_stage": _kind("F08", _act("deactivate_stage"), 0.5, act=True),
    "obstacle": _kind("F09", _obstacle, 0.7, act=True),
    "hostile": _kind("F38", _act("hostile"), 0.3, act=True),
}

KINDS: Mapping[str, Kind] = {name: make(name) for name, make in _TABLE.items()}
"""By name."""

OF_ACCOUNTS: Mapping[str, str] = {
    "twins": "F37",
    "silent": "F19",
    "short pages": "F16",
    "late": "F01",
    "rotating tokens": "F14",
}
"""The fault that a sort of account is: two customers with the same ids, changes that move no time ..."""

ELSEWHERE: Mapping[str, str] = {
    "F25": "tests/drivers/test_wire.py::test_a_gzip_bomb_is_refused",
    "F31": "tests/drivers/test_wire.py::test_a_redirect_is_an_answer_and_the_other_host_sees_nothing",
    "F32": "tests/drivers/test_wire.py::test_a_name_that_leads_inside_is_refused",
    "F33": "tests/wire/test_hooks.py::test_another_message_or_key_will_not",
    "F34": "src/atsbridge/testing/contract/hooks.py::test_a_delivery_is_a_hint_to_read_again",
    "F35": "tests/wire/test_hooks.py::test_any_of_the_keys_will_do",
    "F36": "tests/testing/test_canaries.py::test_no_object_of_the_package_shows_a_canary",
    "F47": "src/atsbridge/testing/contract/surface.py::test_a_write_carries_its_intents_values_alone",
}
"""What takes a socket, a web hook or the output of a program, and the test that has it."""
