"""What people do in an ATS, by name and by chance: the raw material of histories."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from ..simulators.interface import Simulator

Act = Callable[[Simulator, random.Random], None]
"""Does one thing; raises ValueError or IndexError where nobody could do it now."""


def _some(sim: Simulator, rng: random.Random, *statuses: str) -> str:
    truth = sim.truth()
    return rng.choice([id for id in sorted(truth) if not statuses or truth[id].status in statuses])


def _to(sim: Simulator, rng: random.Random, application: str) -> str:
    here = sim.truth()[application].stage
    return rng.choice([stage for stage in sim.stages_for(application) if stage != here])


def move(sim: Simulator, rng: random.Random) -> None:
    id = _some(sim, rng, "active")
    sim.move(id, _to(sim, rng, id))


def move_back(sim: Simulator, rng: random.Random) -> None:
    """There and back at once: stage and status are as they were, and something has happened."""
    id = _some(sim, rng, "active")
    before = sim.truth()[id].stage
    if before is None:
        raise ValueError("it stands nowhere")
    sim.move(id, _to(sim, rng, id))
    sim.move(id, before)


def bulk_move(sim: Simulator, rng: random.Random) -> None:
    """Several at once, as a hiring manager ticks them in a list."""
    for _ in range(rng.randint(3, 8)):
        move(sim, rng)


def reject(sim: Simulator, rng: random.Random) -> None:
    sim.reject(_some(sim, rng, "active"), rng.choice(sim.reasons("rejected")))


def withdraw(sim: Simulator, rng: random.Random) -> None:
    sim.reject(_some(sim, rng, "active"), rng.choice(sim.reasons("withdrawn")))


def reactivate(sim: Simulator, rng: random.Random) -> None:
    sim.reactivate(_some(sim, rng, "rejected", "withdrawn"))


def hire(sim: Simulator, rng: random.Random) -> None:
    sim.hire(_some(sim, rng, "active"))


def edit(sim: Simulator, rng: random.Random) -> None:
    sim.edit(_some(sim, rng))


def apply(sim: Simulator, rng: random.Random) -> None:
    _ = sim.apply(name=f"Newly Applied {rng.randrange(10**6)}", email=f"n{rng.randrange(10**9)}@example.com")


def delete(sim: Simulator, rng: random.Random) -> None:
    sim.delete(_some(sim, rng))


def anonymise(sim: Simulator, rng: random.Random) -> None:
    sim.anonymise(_some(sim, rng))


def merge(sim: Simulator, rng: random.Random) -> None:
    loser, survivor = _some(sim, rng), _some(sim, rng)
    truth = sim.truth()
    if loser == survivor or truth[loser].candidate == truth[survivor].candidate:
        raise ValueError("one person is not merged into themselves")
    sim.merge(loser, survivor)


def rename_stage(sim: Simulator, rng: random.Random) -> None:
    id = _some(sim, rng, "active")
    sim.rename_stage(rng.choice(sim.stages_for(id)), f"Renamed {rng.randrange(10**6)}")


def deactivate_stage(sim: Simulator, rng: random.Random) -> None:
    id = _some(sim, rng, "active")
    sim.deactivate_stage(rng.choice(sim.stages_for(id)))


ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (
        move, move_back, bulk_move, reject, withdraw, reactivate, hire, edit, apply, delete, anonymise, merge,
        rename_stage, deactivate_stage,
    )
}  # fmt: skip

USUAL: Mapping[str, int] = {
    "move": 30,
    "move_back": 10,
    "bulk_move": 3,
    "reject": 12,
    "withdraw": 5,
    "reactivate": 12,
    "hire": 3,
    "edit": 14,
    "apply": 10,
    "delete": 4,
    "anonymise": 2,
    "merge": 2,
}
"""How often what happens in an ordinary history."""


def play(sim: Simulator, name: str, *, seed: int, tries: int = 20) -> bool:
    """Do one thing somewhere; False where nobody could."""
    rng = random.Random(f"{name}/{seed}")  # noqa: S311 - a history, not a secret
    return any(_done(sim, name, rng) for _ in range(tries))


def at_random(sim: Simulator, rng: random.Random, *, weights: Mapping[str, int] = USUAL) -> str:
    """Do one thing by chance; returns what, or ``refused`` where the ATS would not let them."""
    name = rng.choices(list(weights), list(weights.values()))[0]
    return name if _done(sim, name, rng) else "refused"


def _done(sim: Simulator, name: str, rng: random.Random) -> bool:
    try:
        ACTS[name](sim, rng)
    except (ValueError, IndexError):
        return False
    return True
