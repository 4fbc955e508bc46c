"""``atsbridge sync``: intake, push, pull."""

from __future__ import annotations

import click

from ..bridge import Bridge
from ..errors import AtsBridgeError
from ..sync.inbound import PullReport
from ..sync.outbound import PushReport
from ..sync.plan import receipt_dict
from .exits import Exit
from .names import Names
from .opening import Options, on_connection
from .output import heading, plural, say
from .reports import done_dict, exit_of_writes, show_pull, show_receipts


@click.command()
@click.option("--pull", "only_pull", is_flag=True, help="Only bring in what changed in the ATS.")
@click.option("--push", "only_push", is_flag=True, help="Only take in the CRM's changes and write them.")
@click.option("--sweep", "and_sweep", is_flag=True, help="Afterwards, find and confirm deletions.")
@click.option("--sweep-limit", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="The share of what is known that may be gone before a sweep stops.")  # fmt: skip
@click.option("--full", is_flag=True, help="Pull everything, whatever was read before.")
@on_connection
def sync(
    options: Options,
    *,
    only_pull: bool,
    only_push: bool,
    and_sweep: bool,
    sweep_limit: float,
    full: bool,
) -> int:
    """Take in the CRM's changes, push them to the ATS, and pull what changed there.

    Exit 1 if a change ended in doubt or was given up: a person should look
    (`atsbridge status`, `atsbridge explain APP`). Exit 4 if the ATS could not be reached: what is
    pending goes with a later run. Exit 5 while changes wait for a person: writes are stopped, since
    the ATS refused the credential (mend it, then `atsbridge resume`), or the write surface is not
    approved (`atsbridge vendors approve`). A pull or sweep that fails takes nothing back: what was
    done before it is shown all the same, with --json under "push" and "pull" beside the "error".
    """
    if only_push and (full or and_sweep or only_pull):
        raise click.UsageError("--push goes alone: --pull, --full and --sweep are about reading")
    with options.bridge() as bridge:
        limit = sweep_limit if and_sweep else None
        try:
            pushed, pulled, swept = _run(
                bridge, push=not only_pull, pull=not only_push, full=full, sweep_limit=limit
            )
        except AtsBridgeError as error:
            if (error.pushed or error.pulled) is not None and not options.as_json:
                _show(error.pushed, error.pulled, None, Names.known_to(bridge))
            raise
        names = Names.known_to(bridge)
    if options.as_json:
        options.show_json(done_dict({"push": pushed, "pull": pulled, "sweep": swept}))
    else:
        _show(pushed, pulled, swept, names)
        if pushed is not None and pushed.unavailable:
            say(f"Not all could be asked of {options.asked(bridge)}: try again later")
    return exit_of_writes(pushed) if pushed is not None else Exit.OK


def _run(
    bridge: Bridge, *, push: bool, pull: bool, full: bool, sweep_limit: float | None
) -> tuple[PushReport | None, PullReport | None, PullReport | None]:
    """Push, pull and sweep, where wanted; an error carries the reports of what was done before it."""
    pushed, pulled = None, None
    try:
        if push and pull and not full:
            report = bridge.sync()
            pushed, pulled = report.push, report.pull
        else:
            pushed = bridge.push() if push else None
            pulled = bridge.pull(full=full) if pull else None
        return pushed, pulled, bridge.sweep(limit=sweep_limit) if sweep_limit is not None else None
    except AtsBridgeError as error:
        error.pushed = error.pushed if pushed is None else pushed
        error.pulled = pulled
        raise


def _show_drift(pushed: PushReport | None, pulled: PullReport | None) -> None:
    faults = dict.fromkeys([*(pushed.drift if pushed else ()), *(pulled.drift if pulled else ())])
    if faults:
        heading("The mapping no longer fits the ATS")
        for fault in list(faults)[:10]:
            say(f"  {fault}")
        say(f"{len(faults)} in all: what they concern is held back. `atsbridge check` tells more.")


def _show(
    pushed: PushReport | None, pulled: PullReport | None, swept: PullReport | None, names: Names
) -> None:
    if pushed is not None:
        heading("Push")
        show_receipts([receipt_dict(r) for r in pushed.receipts], names)
        if pushed.held_back:
            say(f"{'No more' if pushed.writes else 'Nothing'} was sent: {pushed.held_back}")
            if pushed.stopped:
                say("Once the credential is mended: atsbridge resume")
        say(
            f"{plural(pushed.taken, 'change')} taken in, {plural(pushed.writes, 'write')},"
            f" {pushed.settling} settling, {pushed.pending} pending"
        )
    if pulled is not None:
        heading("Pull")
        show_pull(pulled.as_dict())
    if swept is not None:
        heading("Sweep")
        show_pull(swept.as_dict())
    _show_drift(pushed, pulled)
