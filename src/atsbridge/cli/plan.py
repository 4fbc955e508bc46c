"""``atsbridge plan``: the dry run."""

from __future__ import annotations

from pathlib import Path

import click

from .names import Names
from .opening import Options, faults_of, need_reading, on_connection
from .output import heading, plural, say, show_table
from .reports import exit_of_writes, show_receipts

_FEW = 20
"""So many records of a comparison are shown unasked."""


@click.command()
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Compare this mapping with the one in use: how many records would read otherwise?",
)
@click.option("--all", "show_all", is_flag=True, help=f"With --mapping: every record, not the first {_FEW}.")
@on_connection
def plan(options: Options, *, mapping: Path | None, show_all: bool) -> int:
    """Show what the next push would do. Nothing is written to ATS, CRM or ledger.

    What reading cannot tell is taken for a yes: the ATS may still refuse a write, such as for its acting
    user's rights.

    Exits as the push would: 1 if a change would end in doubt, 4 if the ATS could not be asked for all
    that it takes to tell, 5 if the ATS refuses the credential or changes wait for the approval of the
    write surface.
    """
    if mapping is not None:
        return _compare(options, mapping, show_all=show_all)
    if show_all:
        raise click.UsageError("--all goes with --mapping")
    with options.bridge() as bridge:
        report, names = bridge.plan(), Names.known_to(bridge)
    code = exit_of_writes(report)
    if options.as_json:
        options.show_json(report.as_dict())
        return code
    heading("What the next push would do")
    show_receipts(report.as_dict()["receipts"], names)
    if report.held_back:
        say(f"{'No more' if report.writes else 'Nothing'} would be sent: {report.held_back}")
    if report.held:
        rows = [
            (held["application"], held["event_id"], f"{held['action']}: {names.state(held['target'])}")
            for held in report.held[:_FEW]
        ]
        show_table(("not settled yet", "change", "what it would write"), rows)
        if len(report.held) > _FEW:
            say(f"... and {len(report.held) - _FEW} more; --json has them all")
    if report.unavailable:
        say(f"Not all could be asked of {options.asked(bridge)}: try again later")
    writes, open_ = plural(report.writes, "write"), plural(report.waiting, "change")
    say(f"{writes} would leave, {open_} could not be settled yet")
    return code


def _compare(options: Options, mapping: Path, *, show_all: bool) -> int:
    with options.bridge() as bridge:
        need_reading(bridge)
        with faults_of(mapping):
            change = bridge.compare_mapping(mapping)
    if options.as_json:
        options.show_json(change.as_dict())
        return 0
    heading("What the new mapping would change")
    rows = [
        (
            e["application"],
            _words(e["before"]),
            f"left out: {e['left_out']}" if e["left_out"] else _words(e["after"]),
        )
        for e in (change.records if show_all else change.records[:_FEW])
    ]
    if rows:
        show_table(("application", "step, status, reason now", "with the new mapping"), rows)
    if len(rows) < len(change.records):
        say(f"{len(rows)} of {len(change.records)} shown; --all shows the others, --json has them all")
    say(
        f"{change.changed} of {change.total} applications would read otherwise, {change.leaving} would be"
        f" left out, {change.joining} would come in; write mode {change.write_mode}"
    )
    for key in change.untold:
        say(f"What {key} does cannot be told from the ledger: the next sync shows it.")
    return 0


def _words(words: tuple[str | None, ...]) -> str:
    return ", ".join(word or "-" for word in words)
