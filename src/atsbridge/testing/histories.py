"""Never miss: seeded histories, played on a simulator while the bridge reads.

::

    outcome = never_miss(lambda seed: Account.open("lever", seed=seed), seed=7)
    assert outcome.missed == {}, outcome

People act between any two requests of the bridge; the vendor's clock is ahead
or behind, and ours is set; what was committed shows late. When all is quiet and the bridge has
read once more and swept, both sides must be equal.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter, deque
from collections.abc import Callable, Mapping

from attrs import define, evolve, field, frozen

from ..errors import AtsBridgeError, CursorLost, MappingError, Unavailable
from ..simulators.interface import SimRequest, SimResponse, Simulator
from ..wire.effects import Purpose
from .account import Account, Standing
from .acts import USUAL, at_random
from .copies import frozen_copy, thawed
from .direct import Respond

RARE: Mapping[str, int] = {**USUAL, "rename_stage": 1, "deactivate_stage": 1}
"""The usual acts, and those on the account's configuration."""

_RESETS = (-600.0, 0.0, 90.0, 86_400.0)
"""How far our wall clock may be set from the truth."""

_SETTING_UP = frozenset(RARE) - frozenset(USUAL)

Difference = tuple[Standing | None, Standing | None]


@frozen(kw_only=True)
class Weather:
    """What is uncertain about a vendor while a history plays.

    Args:
        acts: how many things people do, in all.
        calm: how likely nothing happens between two requests.
        skew_seconds: how far the vendor's clock is ahead of ours.
        late_seconds: how long a commit may take to show in listings.
        resets: how likely somebody sets our own wall clock, ahead or back, between two reads of the bridge.
    """

    acts: int = 120
    calm: float = 0.6
    skew_seconds: float = 0.0
    late_seconds: float = 0.0
    resets: float = 0.0
    weights: Mapping[str, int] = field(factory=lambda: RARE)

    @classmethod
    def drawn(cls, seed: int, *, acts: int = 120) -> Weather:
        """Any weather, by chance: a part of all histories has honest clocks and no delay."""
        rng = random.Random(f"weather/{seed}")  # noqa: S311 - a history, not a secret
        skew = rng.choice([0.0, 0.0, rng.uniform(-600, 600)])
        late = rng.choice([0.0, 0.0, rng.uniform(1, 120)])
        calm, resets = rng.choice([0.3, 0.6, 0.9]), rng.choice([0.0, 0.0, 0.3])
        return cls(acts=acts, calm=calm, skew_seconds=skew, late_seconds=late, resets=resets)


@frozen(kw_only=True)
class Outcome:
    """What a history came to.

    Args:
        done: how often each act was done.
        missed: live applications whose state the CRM does not have: the ATS's, then the CRM's.
        phantoms: applications that the CRM has and the ATS has not.
        doubled: applications, or candidates, that the CRM has more than once.
        buried: applications that the CRM was told were gone while they were there.
        error: what stopped the bridge for good, if anything did.
    """

    seed: int
    done: Counter[str]
    missed: Mapping[str, Difference]
    phantoms: frozenset[str]
    doubled: frozenset[str]
    buried: frozenset[str]
    error: str = ""

    @property
    def flawless(self) -> bool:
        return not (self.missed or self.phantoms or self.doubled or self.buried or self.error)


def never_miss(make: Callable[[int], Account], *, seed: int, weather: Weather | None = None) -> Outcome:
    """Play one history and judge it.

    Args:
        make: gives the account of a seed, with nothing pulled yet.
        weather: drawn by the seed where it is None.
    """
    account = make(seed)
    history = _History(account, weather or Weather.drawn(seed), random.Random(seed))  # noqa: S311
    return history.play(seed)


def _refuses(answer: SimResponse) -> bool:
    """By its status, or by its body: some vendors say no with 200."""
    if answer.status != 200 or not answer.body.lstrip().startswith(b"{"):
        return answer.status != 200
    said = json.loads(answer.body)
    return said.get("success") is False or bool(said.get("errors"))


def _names(request: SimRequest, id: str) -> bool:
    alone = re.compile(rf"(?<![0-9A-Za-z]){re.escape(id)}(?![0-9A-Za-z])")
    return alone.search(f"{request.target} {request.body.decode('utf-8', 'replace')}") is not None


@define
class _History:
    account: Account
    weather: Weather
    rng: random.Random
    done: Counter[str] = field(factory=Counter)
    left: int = 0
    buried: set[str] = field(factory=set)
    fitted: bool = False
    """The mapping has fitted the ATS once. What leaves the ATS before that, a person has to look at."""
    _past: deque[tuple[float, bytes]] = field(factory=deque)
    """What a listing may still show: the whole ATS as it was, oldest first."""

    def play(self, seed: int) -> Outcome:
        account, weather = self.account, self.weather
        account.time.skew_seconds = weather.skew_seconds
        self.left = weather.acts
        error = ""
        try:
            account.driver.meddle = self._between
            while self.left > 0:
                if self.rng.random() < weather.resets:
                    account.time.wall_ahead = self.rng.choice(_RESETS)
                self._read()
                account.time.sleep(self.rng.choice([1, 30, 300, 3600]))
                self._act(self.rng.randint(0, 6))
            account.driver.meddle = None
            self._past.clear()
            # What was committed last has shown by the next read, and overlaps reach back to it.
            for _ in range(2):
                account.time.sleep(weather.late_seconds + 60)
                _ = account.bridge.pull()
                self._look_for_false_deletions()
            _ = account.bridge.sweep(limit=1.0)  # whoever is asked about so many deletions knows of them
            self._look_for_false_deletions()
        except AtsBridgeError as raised:
            error = f"{type(raised).__name__}: {raised}"
        return self._judged(seed, error)

    def _read(self) -> None:
        """One pull or sweep, which a passing outage of the vendor may cut short."""
        try:
            if self.rng.random() < 0.15:
                _ = self.account.bridge.sweep(limit=1.0)
            else:
                _ = self.account.bridge.pull()
                self.fitted = True
        except (Unavailable, CursorLost, MappingError):
            # The last of them: a job is shown, and its stages not yet. The next read goes on.
            self.account.time.sleep(600)
        self._look_for_false_deletions()

    def _between(self, request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
        """People act while the bridge reads; now and then a listing is of a moment ago."""
        if self.rng.random() > self.weather.calm:
            self._act(self.rng.randint(1, 3))
        stale = self._stale() if purpose is Purpose.READ else None
        shown = stale.respond(request) if stale is not None else None
        # What is told late is what was committed: neither tokens nor refusals.
        if shown is None or _refuses(shown):
            return respond(request)
        for id in self.account.truth():
            *_, own = parts = id.split(":")
            if own.encode() not in shown.body and any(_names(request, part) for part in parts):
                # It is asked for by its id, or its person's, and it is there: to show none is a refusal too.
                return respond(request)
        return shown

    def _stale(self) -> Simulator | None:
        if not self.weather.late_seconds or self.rng.random() < 0.5:
            return None
        oldest = self.account.time.seconds - self.weather.late_seconds
        while self._past and self._past[0][0] < oldest:
            _ = self._past.popleft()
        if not self._past:
            return None
        at, kept = self._past[0]
        shown: Simulator = thawed(kept, evolve(self.account.time, seconds=at))
        return shown

    def _act(self, count: int) -> None:
        for _ in range(min(count, self.left)):
            self.left -= 1
            if self.weather.late_seconds:
                self._past.append((self.account.time.seconds, frozen_copy(self.account.simulator)))
            self.done[at_random(self.account.simulator, self.rng, weights=self._weights)] += 1
            self.account.time.sleep(self.rng.random())

    @property
    def _weights(self) -> Mapping[str, int]:
        given = self.weather.weights
        return given if self.fitted else {name: n for name, n in given.items() if name not in _SETTING_UP}

    def _look_for_false_deletions(self) -> None:
        there = self.account.truth()
        gone = (view.ref.id for view in self.account.crm.applications(deleted=True))
        self.buried.update(id for id in gone if id in there)

    def _judged(self, seed: int, error: str) -> Outcome:
        account = self.account
        truth, mirror = account.truth(), account.mirror()
        differences = account.differences()
        ids = [view.ref.id for view in account.crm.applications()]
        doubled = {id for id, times in Counter(ids).items() if times > 1}
        return Outcome(
            seed=seed,
            done=self.done,
            missed={id: both for id, both in differences.items() if id in truth},
            phantoms=frozenset(mirror.keys() - truth.keys()),
            doubled=frozenset(doubled),
            buried=frozenset(self.buried),
            error=error,
        )
