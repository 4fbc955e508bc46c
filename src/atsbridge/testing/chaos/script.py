"""What happens in one history, as data: drawn from a seed, printed, and made smaller."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen


@frozen
class Deed:
    """One thing that goes wrong, or that somebody does.

    Args:
        kind: see `atsbridge.testing.chaos.kinds`.
        at: before which step of its round, from 0.
        salt: what is left open about it is drawn from this.
    """

    kind: str
    at: int
    salt: int

    def dice(self) -> random.Random:
        return random.Random(f"{self.kind}/{self.salt}")

    def __str__(self) -> str:
        return f"{self.kind} at {self.at} ({self.salt})"


@frozen
class Round:
    """Some workers at work at the same time, what happens meanwhile, and the time that passes afterwards.

    Args:
        verbs: of each worker, ``push``, ``pull``, ``sweep``, or empty where it does nothing.
    """

    verbs: tuple[str, ...]
    deeds: tuple[Deed, ...]
    seconds: float

    def __str__(self) -> str:
        told = ", ".join(map(str, self.deeds)) or "nothing"
        return f"{' beside '.join(filter(None, self.verbs))}; {told}; then {self.seconds:.0f} s"


@frozen(kw_only=True)
class Script:
    """One history.

    Args:
        seed: for what is drawn while it plays: which worker goes on, how long a request takes.
        account: which of the vendor's invented accounts; see `atsbridge.testing.chaos.accounts`.
        pulled: the CRM holds the account already.
        loses: the ledger's disk may lose what was not synced.
    """

    vendor: str
    seed: int
    account: str
    number: int
    pulled: bool
    loses: bool
    rounds: tuple[Round, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.vendor}, seed {self.seed}: account {self.account}/{self.number},"
            f" {'pulled' if self.pulled else 'not pulled yet'}"
            f"{', a disk that loses' if self.loses else ''}"
        ]
        return "\n".join([*lines, *(f"  {round}" for round in self.rounds)])


@frozen(kw_only=True)
class Odds:
    """How often what is drawn.

    Args:
        kinds: each fault's weight, by name.
        acts: those of what people and recruiters do.
    """

    kinds: Mapping[str, float]
    acts: Mapping[str, float]
    accounts: Mapping[str, float] = field(factory=lambda: {"plain": 1.0})


def drawn(vendor: str, seed: int, odds: Odds, *, numbers: int = 3) -> Script:
    """The history of a seed.

    Args:
        numbers: how many accounts there are of each sort.
    """
    dice = random.Random(f"{vendor}/{seed}")
    workers = dice.choice([1, 1, 2, 2, 3])
    pulled = dice.random() < 0.9
    faults = dice.choice([0, 1, 1, 2, 2, 3, 4])
    count = dice.choice([1, 1, 1, 2, 2, 3])
    shares = [dice.randrange(count) for _ in range(faults)]
    rounds = []
    for place in range(count):
        first = "pull" if (place == 0 and not pulled) or dice.random() < 0.15 else "push"
        others = dice.choices(["push", "pull", "sweep", ""], [50, 36, 4, 10], k=workers - 1)
        acts = 1 + (dice.random() < 0.45) + (dice.random() < 0.2)
        deeds = [Deed("wish", 0, dice.randrange(1 << 20))] if place or pulled else []
        deeds += [_deed(dice, odds.acts, early=0.3) for _ in range(acts - 1 + (place > 0))]
        deeds += [_deed(dice, odds.kinds, early=0.5) for _ in range(shares.count(place))]
        seconds = dice.choice([1.0, 1.0, 30.0, 120.0, 1000.0])
        rounds.append(Round((first, *others), tuple(sorted(deeds, key=lambda deed: deed.at)), seconds))
    return Script(
        vendor=vendor,
        seed=seed,
        account=dice.choices(list(odds.accounts), list(odds.accounts.values()))[0],
        number=dice.randrange(numbers),
        pulled=pulled,
        loses=dice.random() < 0.2,
        rounds=tuple(rounds),
    )


def _deed(dice: random.Random, weights: Mapping[str, float], *, early: float) -> Deed:
    kind = dice.choices(list(weights), list(weights.values()))[0]
    at = 0 if dice.random() < early else dice.randrange(60)
    return Deed(kind, at, dice.randrange(1 << 20))


def smaller(script: Script) -> Sequence[Script]:
    """Histories with a little less of everything, the boldest first."""
    found: list[Script] = []
    for place in range(len(script.rounds)):
        rest = script.rounds[:place] + script.rounds[place + 1 :]
        if rest:
            found.append(evolve(script, rounds=rest))
    for place, round in enumerate(script.rounds):
        lesser = [
            evolve(round, deeds=round.deeds[:n] + round.deeds[n + 1 :]) for n in range(len(round.deeds))
        ]
        lesser += [
            evolve(round, verbs=round.verbs[:n] + round.verbs[n + 1 :]) for n in range(1, len(round.verbs))
        ]
        for one in lesser:
            found.append(evolve(script, rounds=(*script.rounds[:place], one, *script.rounds[place + 1 :])))
    if script.number:
        found.append(evolve(script, number=0))
    if script.loses:
        found.append(evolve(script, loses=False))
    if script.account != "plain":
        found.append(evolve(script, account="plain"))
    return found
