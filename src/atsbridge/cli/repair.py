"""``atsbridge repair``: what verify proposes, done."""

from __future__ import annotations

import click

from .exits import Exit
from .opening import Options, need_reading, on_connection
from .output import say, show_table


@click.command()
@on_connection
def repair(options: Options) -> int:
    """Do what verify proposes: read each differing application afresh and bring it in.

    Writes nothing to the ATS. Exit 1 if an unexplained difference is left.
    """
    with options.bridge() as bridge:
        need_reading(bridge)
        report = bridge.repair()
    left = [d for d in report.left if d.why.value == "fault"]
    if options.as_json:
        options.show_json(report.as_dict())
        return Exit.FOUND if left else Exit.OK
    if report.left:
        show_table(("left as it is", "why"), [(d.application, d.why.value) for d in report.left])
    say(f"{len(report.repaired)} repaired, {len(report.left)} left as they are")
    return Exit.FOUND if left else Exit.OK
