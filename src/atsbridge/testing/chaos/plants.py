"""Bugs planted into the engine, to see that the chaos finds them.

Each is a piece of the engine's own text with another in its place, for as long
as a block runs. A piece that is no longer there is an error: the bug has to be
planted anew.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from attrs import frozen

from .play import history, play


@frozen(kw_only=True)
class Change:
    """One function's text, changed.

    Args:
        where: module and qualified name, below `atsbridge`.
        swaps: each piece of the text, which stands there once, and what stands there instead.
    """

    where: str
    swaps: tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Plant:
    """One bug.

    Args:
        vendors: where it is looked for.
        faults: what it takes to come to light, for whoever reads the list.
    """

    why: str
    changes: tuple[Change, ...]
    vendors: tuple[str, ...] = ("lever",)

    @contextmanager
    def planted(self) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(_changed(change))
            yield


@contextmanager
def _changed(change: Change) -> Iterator[None]:
    module_name, _, name = change.where.partition(":")
    module = importlib.import_module(f"atsbridge.{module_name}")
    *owners, last = name.split(".")
    holder: Any = module
    for owner in owners:
        holder = getattr(holder, owner)
    original = vars(holder)[last]
    made = _rewritten(change, original, module)
    places = [holder]
    if holder is module:
        # Whoever has imported it by its name has it too.
        modules = [found for key, found in list(sys.modules.items()) if key.startswith("atsbridge")]
        places = [found for found in modules if vars(found).get(last) is original]
    for place in places:
        setattr(place, last, made)
    try:
        yield
    finally:
        for place in places:
            setattr(place, last, original)


def _rewritten(change: Change, original: Any, module: Any) -> Any:
    text = textwrap.dedent(inspect.getsource(original))
    for old, new in change.swaps:
        if text.count(old) != 1:
            raise LookupError(f"{change.where} has {text.count(old)} times what was to be changed: {old}")
        text = text.replace(old, new)
    code = compile(text, change.where, "exec", flags=__future__.annotations.compiler_flag)
    made: dict[str, Any] = {}
    exec(code, vars(module), made)  # noqa: S102 - the engine's own text, changed in one place
    return made[original.__name__]


def found_by(plant: Plant, *, most: int, start: int = 0) -> tuple[str, int, int, str] | None:
    """Look for a planted bug.

    Returns:
        the vendor and seed that find it, how many seeds it took, and what did not hold; None where none does.
    """
    tried = 0
    with plant.planted():
        for seed in range(start, start + most):
            for vendor in plant.vendors:
                tried += 1
                outcome = play(history(vendor, seed))
                if outcome.violation is not None:
                    return vendor, seed, tried, outcome.violation.invariant
    return None


PLANTS: Mapping[str, Plant] = {
    "acknowledged before it is committed": Plant(
        why="a change that was acknowledged and not kept is lost in a crash",
        changes=(
            Change(
                where="sync.outbound:Outbound.intake",
                swaps=(
                    (
                        "        taken = yield from perform(",
                        "        yield from ctx.crm.acknowledge([u.event_id for u in feed.updates])\n"
                        "        taken = yield from perform(",
                    ),
                    ("yield from ctx.crm.acknowledge(taken)", "pass"),
                ),
            ),
        ),
    ),
    "the cursor before the rows": Plant(
        why="a page whose cursor is stored and whose records never reached the CRM is not read again",
        changes=(
            Change(
                where="sync.inbound:Puller.process",
                swaps=(
                    ("    written = yield from self.deliver(out)\n", ""),
                    (
                        "    self._count(",
                        "    written = yield from self.deliver(out)\n    self._count(",
                    ),
                ),
            ),
        ),
    ),
    "no overlap": Plant(
        why="what was committed late lies before the watermark",
        changes=(
            Change(
                where="wire.paging:Span.after",
                swaps=(("back = began - overlap.total_seconds()", "back = began"),),
            ),
        ),
    ),
    "an exclusive bound": Plant(
        why="what changed in the very second in which a listing began is left out",
        changes=(
            Change(
                where="wire.paging:Span.after",
                swaps=(("back = began - overlap.total_seconds()", "back = began + 1.0"),),
            ),
        ),
    ),
    "sent again on a timeout": Plant(
        why="an answer that did not come is taken for a request that did not arrive",
        changes=(
            Change(
                where="sync.outbound:Outbound._refused",
                swaps=(
                    (
                        "yield from perform("
                        'lambda: self._settle(held, intent, until, "no answer", evidence))',
                        "yield from self._back(held, intent, why=str(error), unsent=True)",
                    ),
                ),
            ),
        ),
    ),
    "stages compared by name": Plant(
        why="another job's stage of the same name is taken for this one",
        changes=(
            Change(
                where="sync.outbound:Outbound._interpreted",
                swaps=(
                    (
                        "    self._fresh[application.ref] = fresh",
                        "    alike = sorted(s.ref for s in self.reality.stages.values()"
                        " if s.name == application.stage_name)\n"
                        "        application = evolve(application, stage=alike[0] if alike else None)\n"
                        "        fresh = evolve(fresh, application=application)\n"
                        "        self._fresh[application.ref] = fresh",
                    ),
                ),
            ),
        ),
        vendors=("greenhouse",),
    ),
    "the fence ignored": Plant(
        why="a worker that slept through its lease goes on as if it held it",
        changes=(Change(where="sync.leases:check", swaps=(("if not is_held(txn, lease):", "if False:"),)),),
    ),
    "leases by the wall clock": Plant(
        why="a clock that is put back keeps a dead worker's lease for as long",
        changes=(
            Change(where="sync.leases:take", swaps=(("now = clock.now()", "now = ctx.now().timestamp()"),)),
            Change(
                where="sync.leases:is_live",
                swaps=(("lease.until - ctx.ledger.clock.now()", "lease.until - ctx.now().timestamp()"),),
            ),
        ),
    ),
    "success not looked at": Plant(
        why="an answer that says it failed is taken for an empty one",
        changes=(
            Change(
                where="wire.answers:judge",
                swaps=(
                    (
                        "if rule is None and said is None and 200 <= status < 300:",
                        "if 200 <= status < 300:",
                    ),
                ),
            ),
        ),
        vendors=("ashby",),
    ),
    "an empty page taken for the end": Plant(
        why="what lies behind a page without records is never read",
        changes=(
            Change(
                where="ats.lever:_list",
                swaps=(('token="next"), raws', 'token="next") if raws else None, raws'),),
            ),
        ),
    ),
    "a token used before it is saved": Plant(
        why="the refresh token is spent, and the next one died with the process",
        changes=(
            Change(
                where="wire.client:Client._ask_for_token",
                swaps=(("yield from perform(self.save_token)", "pass"),),
            ),
        ),
    ),
    "an unknown stage mapped to the first": Plant(
        why="what nobody knows is shown as something that it is not",
        changes=(
            Change(
                where="sync.pages:Sorter._interpreted",
                swaps=(
                    (
                        "return self",
                        "if isinstance(record, Application) and record.stage is not None:\n"
                        "        known = self.interpreter.engine.plan(record.job and record.job.id).stages\n"
                        "        if record.stage.id not in known:\n"
                        "            first = sorted(known)[0]\n"
                        "            record = evolve(record, stage=evolve(record.stage, id=first))\n"
                        "    return self",
                    ),
                ),
            ),
        ),
        vendors=("greenhouse", "lever", "ashby"),
    ),
    "quarantined after the cursor": Plant(
        why="a record that cannot be read is passed by, and nobody is told",
        changes=(
            Change(
                where="sync.inbound:Puller.process",
                swaps=(
                    (
                        "    yield from perform(lambda: self._commit(stream, at, page, out))",
                        "    late, out.quarantined = out.quarantined, []\n"
                        "    yield from perform(lambda: self._commit(stream, at, page, out))\n"
                        "    if late:\n"
                        "        yield from perform(lambda: self.ctx.ledger.do(lambda txn: txn.put(late)))",
                    ),
                ),
            ),
        ),
        vendors=("lever", "greenhouse", "ashby"),
    ),
    "a cancellation swallowed": Plant(
        why="a send that was interrupted is taken back as if nothing had left",
        changes=(
            Change(
                where="sync.outbound:Outbound._send",
                swaps=(
                    (
                        "    (outcome,) = yield from together([sending], 1)",
                        "    try:\n"
                        "        (outcome,) = yield from together([sending], 1)\n"
                        "    except GeneratorExit:\n"
                        "        self._do(lambda txn: back(txn, held, armed.intent, why='', unsent=True))\n"
                        "        raise",
                    ),
                ),
            ),
        ),
    ),
    "a key without the connection": Plant(
        why="one customer's watermark is taken for another's",
        changes=(
            Change(
                where="sync.inbound:Puller._open",
                swaps=(("key = (self.ctx.connection, stream.name, job)", 'key = ("", stream.name, job)'),),
            ),
            Change(
                where="sync.inbound:Puller._commit",
                swaps=(
                    (
                        "Position(\n                    connection=self.ctx.connection,",
                        'Position(\n                    connection="",',
                    ),
                ),
            ),
        ),
    ),
    "an echo marker": Plant(
        why="a genuine change that follows one of ours is taken for its echo",
        changes=(
            Change(
                where="sync.intake:_take",
                swaps=(
                    (
                        "if row.by_bridge:",
                        'if row.by_bridge or any(u.result == "applied" for u in earlier[-1:]):',
                    ),
                ),
            ),
        ),
    ),
    "attempts not synced": Plant(
        why="an attempt that a power cut erases is made again",
        changes=(
            Change(
                where="ledgers.sqlite:SqliteLedger._transaction",
                swaps=(("'FULL' if durable else 'NORMAL'", "'NORMAL'"),),
            ),
        ),
    ),
}
"""By name."""
