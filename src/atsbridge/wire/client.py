"""Auth, budgets, retries and the meaning of answers, written once around every request.

`Client.around` runs a vendor's flow and turns each of its requests into a
signed, throttled, judged and, for reads, repeated one. A vendor's flow never
sends a status write: that is `Client.send`, called by the engine alone.
"""

from __future__ import annotations

import random as random_module
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from typing import Any, TypeVar

import attrs
from attrs import define, field

from ..errors import (
    AtsBridgeError,
    BadPayload,
    ConfigurationError,
    GuardError,
    NoAnswer,
    Throttled,
    Unauthorized,
    Unavailable,
    type_and_place,
)
from .answers import AnswerRule, judge, vendor_time
from .auth import MemoryTokens, Scheme, Token, TokenStore, TokenTurn
from .budgets import Act, Budget, BudgetStore, OwnBudgets, RateLimit, take_place
from .effects import (
    Effect,
    Failed,
    Flow,
    Once,
    Permit,
    Purpose,
    Request,
    Response,
    Send,
    Together,
    once,
    perform,
    request,
    send,
    sleep,
    together,
)
from .guard import full_url
from .operations import Operation
from .retry import Retry, RetryBudget
from .secrets import Secret
from .vendor import Vendor
from .xml import Element

T = TypeVar("T")


# RFC 6749, section 5.2: a token endpoint says 400 where the credential or grant is not good.
_TOKEN_RULES = (AnswerRule(meaning=Unauthorized, status=400), AnswerRule(meaning=Unauthorized, status=403))


_NONE_YET = Token(access=Secret(""), expires_at=datetime.min.replace(tzinfo=UTC))
"""What a store holds while the first token is asked for."""

_CLOCKS_DIFFER = timedelta(minutes=1)
_MOST_DRIFT = timedelta(days=2)
_TURN_SECONDS = 90.0
_TURN_LOOK_SECONDS = 0.25


def _utc_now() -> datetime:
    return datetime.now(UTC)


@define(kw_only=True)
class Client:
    """One connection's way to its ATS. Holds the only mutable state of the wire kit.

    Args:
        base: the connection's data address.
        tokens: where tokens are kept between runs. turn: whose turn it is to ask for one.
        rate_factor: times the vendor's stated limits; None keeps none.
        budgets: where those limits' budgets are kept; in this process alone where it is None.
        clock, now, random: seconds that only grow, wall clock, jitter; tests bring their own.
    """

    vendor: Vendor
    connection: str
    scheme: Scheme
    base: str = ""
    tokens: TokenStore = field(factory=MemoryTokens)
    turn: TokenTurn | None = None
    retry: Retry = field(factory=Retry)
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    random: Callable[[], float] = random_module.random
    rate_factor: float | None = 1.0
    budgets: BudgetStore | None = None
    requests: int = field(default=0, init=False)
    limits: tuple[RateLimit, ...] = field(init=False)
    _own_budgets: OwnBudgets = field(init=False)
    _places: deque[float] = field(factory=deque, init=False)
    _told: list[Callable[[Budget, float], None]] = field(factory=list, init=False)
    _retries: RetryBudget = field(init=False)
    _token: Token | None = field(init=False, default=None)
    _refused: Token | None = field(init=False, default=None)
    _unsaved: tuple[Token | None, Token] | None = field(init=False, default=None)
    _drift: timedelta = field(init=False, default=timedelta(0))

    def __attrs_post_init__(self) -> None:
        factor = self.rate_factor
        self.limits = tuple(rate.times(factor) for rate in self.vendor.rates) if factor else ()
        self._own_budgets = OwnBudgets(lambda: self.clock())
        self._retries = RetryBudget(self.retry, lambda: self.random())

    # -- reads --

    def run(self, operation: Operation[T]) -> Flow[T]:
        """An operation of the vendor, made real."""
        return (yield from self.around(operation.flow()))

    def around(self, flow: Flow[T]) -> Flow[T]:
        """A vendor's flow with every request of it signed, throttled, judged and repeated."""
        advance: Callable[[], Effect] = partial(next, flow)
        while True:
            try:
                effect = advance()
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            try:
                answer = yield from self._perform(effect)
            except Exception as error:
                advance = partial(flow.throw, error)
            else:
                advance = partial(flow.send, answer)

    def _perform(self, effect: Effect) -> Flow[Any]:
        match effect:
            case Request():
                return (yield from self.read(effect))
            case Together(flows, limit):
                return (yield from together([self.around(f) for f in flows], self.side_by_side(limit)))
            case Once(key, make):
                return (yield from once((self.connection, key), lambda: self.around(make())))
            case Send():
                raise GuardError("an adapter's flow may not send a status write")
            case _:
                return (yield effect)

    def side_by_side(self, limit: int) -> int:
        """How many of so many requests may be under way at a time, by the vendor's word."""
        return min(limit, self.vendor.concurrent or limit)

    def read(self, wanted: Request) -> Flow[Response]:
        """One read, repeated while that can help.

        Raises:
            VendorError: what the answer means, once asking again no longer helps.
        """
        if wanted.purpose is not Purpose.READ or wanted.signature:
            raise GuardError("an adapter's flow may only read, and never signs")
        attempt, renewed = 0, False
        while True:
            attempt += 1
            token = None if self.scheme.endpoint is None else (yield from self._current())
            try:
                response = yield from self._exchange(wanted, token)
                self._retries.succeeded()
                return response
            except Unauthorized:
                if token is None or renewed:
                    raise
                renewed = True
                yield from self._renew(token)
            except Unavailable as error:
                error.vendor = error.vendor or self.vendor.name  # the wire does not know it
                if not error.retryable:
                    raise
                self._note_throttling(error)
                yield from self._tell_budgets()
                wait = self._retries.wait_seconds(error, attempt)
                if wait is None:
                    self._tell_when(error)
                    raise
                yield from sleep(wait)

    def _exchange(self, wanted: Request, token: Token | None) -> Flow[Response]:
        yield from self._await_budget()
        response = yield from request(self.signed(wanted, token))
        self._learn(response)
        self._judge(wanted, response)
        return response

    def _judge(self, wanted: Request, response: Response) -> None:
        vendor = self.vendor
        judge(wanted, response, vendor=vendor.name, rules=vendor.answers, complaints=vendor.complaints)

    # -- the status write --

    def send(self, wanted: Request, permit: Permit) -> Flow[Response]:
        """One status write, sent once and never again by this layer.

        Raises:
            VendorError: what the answer means. `NoAnswer` with ``sent`` False,
            `GuardError`, `Unauthorized` and `Throttled` prove that nothing happened.
        """
        token = self._token
        response = yield from send(self.signed(wanted, token), permit)
        self._learn(response)
        try:
            self._judge(wanted, response)
        except Throttled as error:
            self._note_throttling(error)
            raise
        except Unauthorized:
            self._refused = token
            raise
        return response

    def ready(self) -> Flow[None]:
        """Have a valid token and a place in the budget, before a write's clock starts."""
        if self.scheme.endpoint is not None:
            yield from self._current()
        yield from self._await_budget(writes=True)

    # -- tokens --

    def token(self) -> Flow[Token | None]:
        """The valid access token at hand, asked for where there is none."""
        return None if self.scheme.endpoint is None else (yield from self._current())

    def _current(self) -> Flow[Token]:
        if self._token is None:
            self._token = yield from perform(self._load)
        held = self._token
        if held is not None and held != self._refused and held.valid(self.now()):
            return held
        return (yield from self._renew(self._token))

    def _renew(self, stale: Token | None) -> Flow[Token]:
        if self._token is not None and self._token is not stale:
            return self._token
        key = ("token", self.connection)
        self._token = yield from once(key, lambda: self._mint(stale))
        return self._token

    def _mint(self, stale: Token | None) -> Flow[Token]:
        """A token that holds: another process's, where there is one by now, else one that is asked for."""
        turn, waited = self.turn, 0.0
        while True:
            ours = turn is None or (yield from perform(turn.take))
            (outcome,) = yield from together([self._kept_or_asked(stale, ask=ours)], 1)
            if turn is not None and ours:
                yield from perform(turn.give_back)
            if isinstance(outcome, Failed):
                raise outcome.error
            if outcome.value is not None:
                return outcome.value
            if waited >= _TURN_SECONDS:
                raise Unavailable(
                    "another process is asking for this connection's token, and does not come to an end",
                    vendor=self.vendor.name,
                )
            waited += _TURN_LOOK_SECONDS
            yield from sleep(_TURN_LOOK_SECONDS)

    def _kept_or_asked(self, stale: Token | None, *, ask: bool) -> Flow[Token | None]:
        """What the store holds, if it holds by now; else a new one, where it is our turn to ask."""
        if ask and self._unsaved is not None:
            yield from perform(self.save_token)
        # Looked at after the turn is taken: who had it before may have saved one.
        kept = yield from perform(self._load)
        if kept is not None and kept != stale and kept.valid(self.now()):
            return kept
        if not ask:
            return None
        last = kept or stale
        if self.scheme.rotates:
            # To ask spends the refresh token: that the next one can be saved is found out before.
            known = last = last or _NONE_YET
            yield from perform(lambda: self._save(known))
        return (yield from self._ask_for_token(last))

    def _load(self) -> Token | None:
        return self._stored("load", lambda: self.tokens.load(self.connection))

    def _save(self, token: Token) -> None:
        self._stored("save", lambda: self.tokens.save(self.connection, token))

    def _stored(self, method: str, action: Callable[[], T]) -> T:
        try:
            return action()
        except AtsBridgeError:
            raise
        except Exception as error:
            what = f"{type(self.tokens).__name__}.{method} raised {type_and_place(error)}"
        raise ConfigurationError(
            what, advice="mend the token store; a token that was not saved is kept till then"
        )

    def save_token(self) -> None:
        """Save the token that was given and not saved, if there is one; it is kept until that succeeds.

        Raises:
            ConfigurationError: the token store still fails.
        """
        if self._unsaved is None:
            return
        last, token = self._unsaved
        if self._load() in (None, last):  # else somebody has authorised the connection anew
            self._save(token)
        self._unsaved = None

    def _ask_for_token(self, last: Token | None) -> Flow[Token]:
        """One token request, repeated while that can help. The token is saved before anything uses it.

        Raises:
            Unauthorized: the credential or the grant is not good: a person has to renew it.
            ConfigurationError: the token store failed; the token is saved at the next turn.
        """
        attempt, corrected = 0, False
        while True:
            attempt += 1
            told = self.now() + self._drift
            wanted = self.scheme.token_request_at(last, told)
            if wanted is None:
                raise Unauthorized("the auth scheme has no token request", vendor=self.vendor.name)
            try:
                response = yield from request(wanted)
                self._note_clock(response)
                judge(wanted, response, vendor=self.vendor.name, rules=_TOKEN_RULES)
                token = self.scheme.read_token(response, last)
            except Unauthorized:
                if self.scheme.tells_time and not corrected and self._was_wrong(told):
                    corrected = True
                    continue
                # A refresh token is spent once it is used: somebody may have used it, and saved the next.
                newest = yield from perform(self._load)
                if not self.scheme.rotates or newest is None or newest == last:
                    raise
                last = newest
            except Unavailable as error:
                error.vendor = error.vendor or self.vendor.name
                # Behind a lost answer a refresh token may have been spent: the next run finds out.
                again = not self.scheme.rotates or proves_nothing_happened(error)
                wait = self._retries.wait_seconds(error, attempt) if again else None
                if wait is None:
                    self._tell_when(error)
                    raise
                yield from sleep(wait)
            else:
                break
        self._unsaved = (last, token)
        yield from perform(self.save_token)
        return token

    # -- signing and budgets --

    def signed(self, wanted: Request, token: Token | None) -> Request:
        """A request with what the vendor's declaration and the auth scheme add to it."""
        block = self.vendor.block if isinstance(wanted.body, Element) else None
        blocks = () if block is None else (block,)
        headed = attrs.evolve(wanted, signature=self.vendor.headers, blocks=blocks)
        return self.scheme.sign(headed, token=token, url=full_url(self.base, wanted), now=self.now())

    def _note_clock(self, response: Response) -> None:
        """How far the vendor's clock is ahead of ours, where the answer tells, and tells no nonsense."""
        try:
            drift = vendor_time(response) - self.now()
        except BadPayload:
            return
        if abs(drift) <= _MOST_DRIFT:
            self._drift = drift

    def _was_wrong(self, told: datetime) -> bool:
        return abs(self.now() + self._drift - told) > _CLOCKS_DIFFER

    def _await_budget(self, *, writes: bool = False) -> Flow[None]:
        """Wait for a place in every budget.

        Raises:
            Throttled: the wait is too long to be slept out; nothing was asked.
        """
        wait = yield from self._place(writes=writes)
        if wait > self.retry.cap_seconds:
            why = f"the budget of {self.vendor.title} is used up for {wait:.0f} seconds"
            used_up = Throttled(why, vendor=self.vendor.name, retry_after_seconds=wait)
            self._tell_when(used_up)
            raise used_up
        self.requests += 1
        if wait > 0:
            yield from sleep(wait)

    def _place(self, *, writes: bool) -> Flow[float]:
        """How long to wait for the next place."""
        if not self.limits:
            return 0.0
        if self._places and not writes:
            return max(0.0, self._places.popleft() - self.clock())
        take = partial(take_place, most_seconds=self.retry.cap_seconds, writes=writes)
        return (yield from self._act_on_budgets(take))

    def keep_place(self, wait: float) -> None:
        """The next read has its place in the budgets already, in so many seconds."""
        self._places.append(self.clock() + wait)

    def _act_on_budgets(self, action: Act[T]) -> Flow[T]:
        """Tell the budgets what was learned, and do something with them."""
        told, self._told = self._told, []

        def act(budgets: Sequence[Budget], now: float) -> T:
            for budget, tell in product(budgets, told):
                tell(budget, now)
            return action(budgets, now)

        store = self.budgets
        if store is None:
            return self._own_budgets.act(self.limits, act)
        return (yield from perform(lambda: store.act(self.limits, act)))

    def _tell_budgets(self) -> Flow[None]:
        """Let who shares the budgets know at once, where there is something to know."""
        if self._told:
            yield from self._act_on_budgets(lambda _budgets, _now: None)

    def _learn(self, response: Response) -> None:
        if not any(limit.window for limit in self.limits):
            return  # headers tell of windows alone
        at, wall, told = self.clock(), self.now().timestamp(), attrs.evolve(response, body=b"")
        self._tell(lambda budget, now: budget.learn(told, now, wall, age=self.clock() - at))

    def _tell(self, news: Callable[[Budget, float], None]) -> None:
        """Have the budgets know it when they are next acted on."""
        if self.limits:
            self._told.append(news)

    def _tell_when(self, error: Exception) -> None:
        """Say when to try again, where the vendor asks for more than is slept out."""
        if not isinstance(error, Throttled) or (seconds := error.retry_after_seconds) is None:
            return
        if seconds > self.retry.cap_seconds:
            at = self.now() + timedelta(seconds=seconds)
            error.advice = f"nothing was lost; the next attempt can be made at {at:%Y-%m-%d %H:%M:%S} UTC"

    def _note_throttling(self, error: Exception) -> None:
        if isinstance(error, Throttled):
            at, seconds = self.clock(), error.retry_after_seconds or 1.0
            self._tell(lambda budget, now: budget.block(now, seconds - (self.clock() - at)))


def proves_nothing_happened(error: Exception) -> bool:
    """Whether a failed send is known to have had no effect in the ATS."""
    if isinstance(error, NoAnswer):
        return not error.sent
    return isinstance(error, (GuardError, Unauthorized, Throttled))
