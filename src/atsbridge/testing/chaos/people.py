"""What recruiters do in the CRM and people in the ATS, in one history."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...model import ApplicationStatus
from .judging import Asked
from .world import Tenant, World

HOSTILE = (
    '=HYPERLINK("http://x.example","a")',
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "a\r\nX-Injected: 1",
    "\u202egnol",
    "nul\x00byte",
    "\U0001f600" * 40,
    "../../candidates/9?x=1#y",
)


GOING = ("delete", "anonymise", "merge")
"""What may take an application away."""
SETTING_UP = ("rename_stage", "deactivate_stage")
"""What changes how the account is set up."""


def focus(tenant: Tenant, dice: random.Random) -> str:
    """An application; mostly the same one, so that things come together."""
    ids: list[str] = sorted(tenant.simulator.truth())
    if not ids:
        raise ValueError("nobody has applied")
    return ids[0] if dice.random() < 0.7 else dice.choice(ids)


def wish(world: World, tenant: Tenant, dice: random.Random) -> bool:
    """A recruiter wants something of an application; False where the CRM or its words do not let them."""
    try:
        id = focus(tenant, dice)
    except ValueError:
        return False
    kind = dice.choices(["move", "end", "active", "both"], [6, 2, 2, 1])[0]
    status = {"move": None, "active": "Active"}.get(kind, dice.choice(["Rejected", "Withdrawn"]))
    truth = tenant.simulator.truth()[id]
    stages = stages_of(tenant, truth.job, truth.stage)
    stage = dice.choice(stages) if kind in ("move", "both") and stages else None
    if stage is None and status is None:
        return False
    return ask(world, tenant, id, stage=stage, status=status)


def stages_of(tenant: Tenant, job: str | None, here: str | None) -> list[str]:
    """The stages that a recruiter could mean: those of the job's pipeline that it is in."""
    connection = tenant.connection
    held = connection.stages.get(here or "")
    key = job if tenant.dialect.job_pipelines else None
    return [
        id
        for id in connection.stages_of.get(key, [])
        if held is None or connection.stages[id].pipeline == held.pipeline
    ]


def ask(world: World, tenant: Tenant, id: str, *, stage: str | None, status: str | None) -> bool:
    """A recruiter changes an application, in the mapping's words."""
    engine, simulator = tenant.connection.engine, tenant.simulator
    plan = engine.plan(simulator.truth()[id].job)
    words: dict[str, str | None] = {}
    if status in ("Rejected", "Withdrawn"):
        ends = [end for end in simulator.reasons(status.lower()) if _same_pipeline(tenant, id, end)]
        if tenant.connection.ats.STAGE_DECIDES:
            stage = ends[0] if ends else None
            if stage is None:
                return False
        elif ends:
            words["reason"] = next((w for end in ends if (w := plan.reason_words.get(end))), None)
    if status is not None:
        statuses = {m: word for word, s in engine.config.statuses.items() for m in s.means}
        words["status"] = statuses.get(ApplicationStatus(status.lower()))
    if stage is not None:
        words["step"] = plan.steps.get(stage)
    if None in words.values():
        return False
    ref = tenant.ref(id)
    with suppress(LookupError):
        event = world.crm.change_step(ref, actor="recruiter", **{k: v for k, v in words.items() if v})
        view = world.crm.application(ref)
        if view.base is None:
            return False
        tenant.asked[event] = Asked(
            event=event,
            application=id,
            sequence=view.sequence,
            stage=stage,
            status=status,
            base=(view.base.stage, view.base.status is ApplicationStatus.ACTIVE),
        )
        world.tell(f"a recruiter wants {stage}, {status} of {id}")
        return True
    return False


def _same_pipeline(tenant: Tenant, id: str, end: str) -> bool:
    stages, here = tenant.connection.stages, tenant.simulator.truth()[id].stage
    if not tenant.connection.ats.STAGE_DECIDES:
        return True
    return end in stages and (here not in stages or stages[here].pipeline == stages[end].pipeline)


_ACT_SECONDS = 0.001
"""No two people act in one moment: their times, and so what listings show of both, might be the same."""


def person(world: World, tenant: Tenant, dice: random.Random, *, only: str = "") -> bool:
    """Somebody does something in the ATS; False where it does not let them."""
    sim = tenant.simulator
    world.pass_until(world.time.seconds + _ACT_SECONDS)
    name = (
        only
        or dice.choices(
            ["move", "away_and_back", "reject", "reactivate", "edit", "hire", "apply"], [8, 4, 3, 3, 2, 1, 2]
        )[0]
    )
    try:
        id = focus(tenant, dice)
        if name in GOING and len({truth.candidate for truth in sim.truth().values()}) < 3:
            return False  # an account without anybody looks like one without permission
        if name != "apply":
            _ACTS[name](sim, id, dice)
        else:
            number = dice.randrange(10**9)
            _ = sim.apply(name=f"Newly Applied {number % 997}", email=f"n{number}@example.com")
    except (ValueError, IndexError, LookupError):
        return False
    world.tell(f"a person: {name} {id}")
    return True


def _move(sim: Any, id: str, dice: random.Random) -> None:
    here = sim.truth()[id].stage
    sim.move(id, dice.choice([stage for stage in sim.stages_for(id) if stage != here]))


def _away_and_back(sim: Any, id: str, dice: random.Random) -> None:
    here = sim.truth()[id].stage
    _move(sim, id, dice)
    with suppress(ValueError):  # where there is no way back, they have moved away
        sim.move(id, here)


def _merge(sim: Any, id: str, dice: random.Random) -> None:
    truth = sim.truth()
    others = [other for other in sorted(truth) if truth[other].candidate != truth[id].candidate]
    sim.merge(id, dice.choice(others))


_ACTS: dict[str, Callable[[Any, str, random.Random], None]] = {
    "move": _move,
    "away_and_back": _away_and_back,
    "reject": lambda sim, id, dice: sim.reject(
        id, dice.choice([*sim.reasons("rejected"), *sim.reasons("withdrawn")])
    ),
    "reactivate": lambda sim, id, _dice: sim.reactivate(id),
    "edit": lambda sim, id, _dice: sim.edit(id),
    "hire": lambda sim, id, _dice: sim.hire(id),
    "delete": lambda sim, id, _dice: sim.delete(id),
    "anonymise": lambda sim, id, _dice: sim.anonymise(id),
    "merge": _merge,
    "rename_stage": lambda sim, id, dice: sim.rename_stage(
        dice.choice(sim.stages_for(id)), f"Renamed {dice.randrange(10**6)}"
    ),
    "deactivate_stage": lambda sim, id, dice: sim.deactivate_stage(dice.choice(sim.stages_for(id))),
    "hostile": lambda sim, id, dice: sim.apply(
        name=dice.choice(HOSTILE), email=f"h{dice.randrange(10**9)}@example.com"
    ),
}
