"""``atsbridge check``: the three requirements of every rollout."""

from __future__ import annotations

import click

from ..ats.interface import Proof
from ..sync.check import CheckReport
from .opening import Options, on_connection
from .output import heading, say, show_table


@click.command()
@on_connection
def check(options: Options) -> int:
    """Answer the three requirements of a rollout, without writing.

    \b
    1. The API is reachable and the credential is valid.
    2. Each permission that reads and writes need: proved, missing or unproven.
    3. The mapping lines up with the ATS's stages and statuses.

    Exit 0: all proved. 1: something is missing or faulty, also an ATS that
    cannot be reached: that it can is the first thing asked. 3: something could
    not be proved; a write permission rarely can without a write.
    """
    with options.bridge() as bridge:
        report = bridge.check()
    if options.as_json:
        options.show_json(report.as_dict())
    else:
        show_check(report, simulator=options.simulator)
    return report.exit_code


def show_check(report: CheckReport, *, simulator: str | None = None) -> None:
    heading("1. Reach and credential")
    if simulator:
        say(f"Asked was the simulator at {simulator}, in place of the ATS.")
    _show_access(report, ("reach",))
    heading("2. Permissions")
    _show_access(report, ("read", "write"))
    heading("3. The mapping against the ATS")
    if report.mapping:
        lines = [(f.severity.value, f.place, f.what, f.mend) for f in report.mapping]
        show_table(("", "where", "what", "how to mend"), lines)
    elif any(f.needed_for == "reach" and f.proof is Proof.MISSING for f in report.access):
        say("not compared: the ATS could not be asked for its stages")
    else:
        say("nothing to mention")
    heading("CRM and approval")
    rows = [(f.what, "yes" if f.ok else "NO", f.why) for f in report.crm]
    approved = "yes" if report.surface_approved else "NO"
    mend = "" if report.surface_approved else "`atsbridge vendors approve`; "
    rows.append(("the write surface is approved", approved, f"{mend}digest {report.surface[:16]}..."))
    rows.append(("write mode", report.write_mode, ""))
    show_table(("what", "", ""), rows)
    say()
    say(_VERDICTS[report.exit_code])


_VERDICTS = {
    0: "Everything is proved.",
    1: "Something is missing or faulty: see above.",
    3: "Nothing is missing; what is unproven needs a look by the ATS's administrator.",
}


def _show_access(report: CheckReport, needs: tuple[str, ...]) -> None:
    rows = [(f.proof.value.upper(), f.what, f.tried, f.ask) for f in report.access if f.needed_for in needs]
    show_table(("", "what", "tried", "ask the administrator for"), rows)
