"""``atsbridge verify``: both sides compared."""

from __future__ import annotations

from collections import Counter

import click

from ..sync.verify import VerifyReport, Why
from .opening import Options, need_reading, on_connection
from .output import say, show_table
from .reports import counts_text


@click.command()
@on_connection
def verify(options: Options) -> int:
    """Read both sides and name every difference. Changes nothing.

    Exit 0: equal, or every difference can be named. 1: at least one is a fault.
    """
    with options.bridge() as bridge:
        need_reading(bridge)
        report = bridge.verify()
    if options.as_json:
        options.show_json(report.as_dict())
    else:
        show_verify(report)
    return report.exit_code


def show_verify(report: VerifyReport, *, limit: int = 60) -> None:
    if report.differences:
        rows = [
            (d.application, d.why.value, d.ats, d.crm, d.wanted, d.propose)
            for d in report.differences[:limit]
        ]
        show_table(("application", "why", "ATS", "CRM", "wanted", "repair would"), rows)
    if len(report.differences) > limit:
        say(f"... and {len(report.differences) - limit} more; --json has them all")
    unmapped = Counter(d.ats for d in report.differences if d.why is Why.UNMAPPED)
    if unmapped:
        say(f"unmapped: {', '.join(f'{n} in {state}' for state, n in unmapped.most_common())}")
    say(
        f"{report.compared} compared, {report.equal} equal, differences: {counts_text(report.counts)};"
        f" {report.faults} unexplained"
    )
