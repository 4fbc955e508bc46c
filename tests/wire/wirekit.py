"""A connection without a network: a vendor, a client, and a driver that answers from a list."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from attrs import define, field

from atsbridge.drivers.scheduler import Scheduler
from atsbridge.wire.auth import Basic, MemoryTokens, RefreshToken, Token, TokenEndpoint
from atsbridge.wire.budgets import RateLimit
from atsbridge.wire.client import Client
from atsbridge.wire.effects import Done, Failed, Flow, Perform, Permit, Request, Response, Send, Sleep
from atsbridge.wire.secrets import Secret
from atsbridge.wire.vendor import Read, Vendor

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TOKEN_URL = "https://auth.example.com/token"
ENDPOINT = TokenEndpoint(
    name="main",
    urls=(TOKEN_URL,),
    form=frozenset({"grant_type", "refresh_token", "client_id", "client_secret"}),
)
READ = Request(operation="list_things", method="GET", url="/things")
PERMIT = Permit(intent_id="i", write="move", digest="d", send_by=0.0, nonce="n")


def vendor(*, rates: tuple[RateLimit, ...] = (), answers: Any = ()) -> Vendor:
    return Vendor(
        name="example",
        title="Example",
        api_version="1",
        docs="https://example.com/docs",
        docs_read=date(2026, 1, 1),
        hosts={"main": "https://api.example.com/v1"},
        reads=(Read(name="list_things", path="/things"),),
        writes=(),
        tokens=(ENDPOINT,),
        rates=rates,
        answers=answers,
    )


def answer(status: int = 200, body: Any = None, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Response(status=status, headers=named, body=content, sent_at=NOW)


Answers = Callable[[Request, Permit | None], Response]


@define
class World:
    """Answers requests by a function, moves time by sleeping, and notes everything in order."""

    answers: Answers
    time: float = 1000.0
    log: list[Any] = field(factory=list)

    def run(self, flow: Flow[Any]) -> Any:
        scheduler = Scheduler()
        run, jobs = scheduler.start(flow)
        waiting = list(jobs)
        while waiting:
            # Requests first: whoever can send does so before anybody is answered.
            job = waiting.pop(0)
            waiting.extend(scheduler.resume(job.ticket, self.do(job.effect)))
        assert run.outcome is not None
        if isinstance(run.outcome, Failed):
            raise run.outcome.error
        return run.outcome.value

    def do(self, effect: Any) -> Done[Any] | Failed:
        try:
            return Done(self._do(effect))
        except Exception as error:
            return Failed(error)

    def _do(self, effect: Any) -> Any:
        match effect:
            case Request():
                self.log.append(effect)
                return self.answers(effect, None)
            case Send(request, permit):
                self.log.append(effect)
                return self.answers(request, permit)
            case Sleep(seconds):
                self.log.append(effect)
                self.time += seconds
                return None
            case Perform(action):
                return action()
        raise AssertionError(effect)

    @property
    def requests(self) -> list[Request]:
        return [e.request if isinstance(e, Send) else e for e in self.log if isinstance(e, (Request, Send))]

    @property
    def slept(self) -> list[float]:
        return [e.seconds for e in self.log if isinstance(e, Sleep)]


def in_order(*answers: Response | Exception) -> Answers:
    left = list(answers)

    def give(_request: Request, _permit: Permit | None) -> Response:
        return raise_or(left.pop(0))

    return give


def always(one: Response | Exception) -> Answers:
    return lambda _request, _permit: raise_or(one)


def raise_or(one: Response | Exception) -> Response:
    if isinstance(one, Exception):
        raise one
    return one


def world(answers: Answers | Iterable[Response | Exception], **parts: Any) -> tuple[World, Client]:
    made = World(answers if callable(answers) else in_order(*answers))
    parts = {"vendor": vendor(), "scheme": Basic(user="key"), "random": lambda: 0.5, **parts}
    client = Client(
        connection="acme",
        clock=lambda: made.time,
        now=lambda: NOW + timedelta(seconds=made.time - 1000.0),
        **parts,
    )
    return made, client


def rotating(**parts: Any) -> RefreshToken:
    return RefreshToken(
        token_endpoint=ENDPOINT, url=TOKEN_URL, client_id="id", client_secret="hush", first="first", **parts
    )


def token(access: str = "one", *, seconds: float = 3600.0, refresh: str | None = None) -> Token:
    return Token(
        access=Secret(access),
        expires_at=NOW + timedelta(seconds=seconds),
        refresh=Secret(refresh) if refresh else None,
    )


@define
class NotedTokens(MemoryTokens):
    """A store that says when it was used, in the same log as the requests."""

    log: list[Any] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        MemoryTokens.__init__(self)

    def save(self, connection: str, token: Token) -> None:
        self.log.append(("saved", token.refresh.reveal() if token.refresh else None))
        super().save(connection, token)
