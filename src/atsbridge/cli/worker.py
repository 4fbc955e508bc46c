"""``atsbridge worker``: keeps connections in step, on a schedule."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import click

from ..sync.plan import receipt_dict
from ..worker import Ran, Schedule, Worker
from .exits import Exit, exit_of
from .opening import DEFAULT, Options, json_option
from .output import say, show_json, without_people

F = Callable[..., Any]


def _intervals(function: F) -> F:
    for name, seconds in reversed(attrs.asdict(Schedule()).items()):
        function = click.option(
            f"--{name}-every",
            type=click.FloatRange(0),
            default=seconds,
            show_default=True,
            metavar="SECONDS",
            help=f"Between two runs of {name} on one connection; 0 never runs it.",
        )(function)
    return function


@click.command()
@click.option(
    "--connection",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    default=[DEFAULT],
    show_default=True,
    help="The connection file; may be given several times.",
)
@click.option("--simulator", metavar="URL", help="Use a simulator on loopback in place of the ATS.")
@click.option("--once", is_flag=True, help="Run what is due now, and end.")
@_intervals
@json_option
def worker(
    *, files: tuple[Path, ...], simulator: str | None, once: bool, as_json: bool, **every: float
) -> int:
    """Push, pull, sweep and verify, each when it is due, until Ctrl-C.

    With --json, stdout is one JSON document a line: one for each run, its report or its error in it.
    Several workers share the turns of one ledger. A run that fails is told, and tried again in its next turn.
    With --once the exit is that of the worst failure.
    """
    show, failed = _tell_json if as_json else _tell, set[Exit]()

    def tell(ran: Ran) -> None:
        if ran.error is not None:
            failed.add(exit_of(ran.error))
        show(ran)

    schedule = Schedule(**{name.removesuffix("_every"): seconds or None for name, seconds in every.items()})
    with ExitStack() as stack:
        opened = [Options(connection=file, simulator=simulator, quiet=True) for file in files]
        bridges = [stack.enter_context(options.bridge()) for options in opened]
        if len({bridge.connection for bridge in bridges}) < len(bridges):
            raise click.UsageError("two connection files have one name")
        at_work = Worker(bridges, schedule=schedule, tell=tell)
        with suppress(KeyboardInterrupt):
            if once:
                at_work.once()
            else:
                at_work.run()
    return max(failed, default=Exit.OK) if once else Exit.OK


def _tell_json(ran: Ran) -> None:
    told: dict[str, Any] = {"at": _now(), "connection": ran.connection, "verb": ran.verb}
    told["seconds"] = round(ran.seconds, 3)
    if ran.error is not None:
        kind = type(ran.error).__name__
        told["error"] = {"kind": kind, "message": str(ran.error), "advice": ran.error.advice}
    else:
        told["report"] = without_people(_report(ran))
    show_json(told, indent=None)


def _report(ran: Ran) -> dict[str, Any]:
    report: dict[str, Any] = ran.report.as_dict()
    if ran.verb == "push":
        report["receipts"] = [receipt_dict(receipt) for receipt in ran.report.receipts]
    return report


def _tell(ran: Ran) -> None:
    if ran.error is not None:
        advice = f" ({ran.error.advice})" if ran.error.advice else ""
        said = f"{type(ran.error).__name__}: {ran.error}{advice}"
    else:
        counts = {name: n for name, n in _report(ran).items() if n and isinstance(n, (int, str))}
        said = ", ".join(f"{name} {n}" for name, n in counts.items()) or "nothing"
    say(f"{_now()} {ran.connection} {ran.verb}: {said}")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
