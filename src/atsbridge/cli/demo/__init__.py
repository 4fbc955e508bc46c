"""``atsbridge demo``: the whole story on a simulator, every claim proved by counting."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from ...errors import ConfigurationError
from ..approval import write_approval
from ..exits import Exit
from ..init import connection_text
from ..opening import json_option
from ..output import say, show_json
from ..simulate import limits_of, make_simulator
from .changes import TooFew
from .figures import arrived, recorded_lever
from .setting import CONNECTION, Clock, Setting, prepare
from .story import Story, tell
from .telling import Teller


@click.command()
@click.option("--vendor", default="lever", show_default=True, help="Which simulated ATS.")
@click.option("--account", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="A folder of recorded pages, in place of an invented account.")  # fmt: skip
@click.option("--invent-jobs", is_flag=True,
              help="Deal postings out to applications that were recorded without.")  # fmt: skip
@click.option("--applications", type=click.IntRange(100, 100_000), default=400, show_default=True,
              help="The size of an invented account.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same story.")
@click.option("--limits", default="off", show_default=True, metavar="off|xN|sheet",
              help="Rate limits of the simulator; the bridge keeps to the same.")  # fmt: skip
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False),
              help="Keep CRM, ledger and mapping in this new folder.")  # fmt: skip
@click.option("--show-personal", is_flag=True, help="Show the invented names.")
@json_option
def demo(
    *,
    vendor: str,
    account: Path | None,
    invent_jobs: bool,
    applications: int,
    seed: int,
    limits: str,
    keep: Path | None,
    show_personal: bool,
    as_json: bool,
) -> int:
    """Play the whole story on a simulator, and prove it.

    Leads in a CRM apply in the ATS; an account comes in; recruiters change
    it; their changes go out; the hiring manager moves on; both sides agree.
    No network but loopback is used. Exit 0 only if every proof holds.
    """
    started = time.monotonic()
    if invent_jobs and account is None:
        raise click.UsageError("--invent-jobs is about a recorded account: name it by --account")
    limits_of(limits)
    folder = _new_folder(keep)
    clock = Clock()
    more: dict[str, Any] = {"invent_jobs": True} if invent_jobs else {}
    simulator = make_simulator(
        vendor, applications=applications, seed=seed, folder=account, clock=clock, **more
    )
    teller = Teller(aloud=not as_json, show_personal=show_personal)
    about = f"{len(simulator.truth())} applications, " + (
        "recorded" if account else f"invented from seed {seed}"
    )
    try:
        with prepare(vendor, simulator, clock=clock, folder=folder, limits=limits) as setting:
            teller.say(f"{vendor}: {about}; on loopback, rate limits: {limits}.")
            tell(setting, teller, seed=seed, after_pull=_figures(account, vendor, invent_jobs))
            if folder is not None:
                _keep(setting, folder, vendor)
    except TooFew as error:
        raise click.UsageError(f"the account is too small for the story: {error}") from None
    seconds = time.monotonic() - started
    _end(
        teller,
        {"vendor": vendor, "limits": limits, "seconds": round(seconds, 1)},
        as_json=as_json,
        keep=folder,
    )
    return Exit.OK if teller.all_hold else Exit.FOUND


def _end(teller: Teller, about: dict[str, Any], *, as_json: bool, keep: Path | None) -> None:
    if as_json:
        show_json({**about, **teller.as_dict()})
        return
    failed = [p.claim for p in teller.proofs if not p.holds]
    say()
    if keep is not None:
        say(f"Kept in {keep}. Look around: atsbridge status --connection {keep / 'atsbridge.toml'}")
    held = f"{len(teller.proofs) - len(failed)} of {len(teller.proofs)} proofs hold, in {about['seconds']} s"
    say(f"{held}." if not failed else f"{held}. FAILED: {'; '.join(failed)}")


def _new_folder(keep: Path | None) -> Path | None:
    if keep is None:
        return None
    if keep.exists() and any(keep.iterdir()):
        raise ConfigurationError(f"{keep} is not empty", advice="name a new folder; nothing was overwritten")
    keep.mkdir(parents=True, exist_ok=True)
    return keep


def _keep(setting: Setting, folder: Path, vendor: str) -> None:
    """A connection file beside CRM, ledger and mapping, so that the other verbs can look at them."""
    user = getattr(setting.simulator, "acting_user", None)
    text = connection_text(vendor, name=CONNECTION, settings={"acting_user": user} if user else {})
    (folder / "atsbridge.toml").write_text(text, encoding="utf-8")
    write_approval(folder / "atsbridge.toml", setting.adapter.VENDOR.surface_digest)


def _figures(account: Path | None, vendor: str, invent_jobs: bool) -> Any:
    """The chapter about a recorded account's figures, where there is one."""
    if account is None or vendor != "lever":
        return None

    def chapter(story: Story) -> None:
        teller = story.teller
        teller.chapter("The account's figures: counted in the recording, and in the CRM")
        recorded = recorded_lever(account)
        came = arrived(story.setting.crm, but=story.those_who_applied())
        jobs = recorded["postings"] + recorded["requisitions"]
        expected = {**recorded, "postings and requisitions": jobs}
        rows = [(name, expected[name], came.get(name)) for name in expected]
        teller.table(("figure", "in the recording", "in the CRM"), rows)
        teller.fact(recorded=recorded, arrived=came)
        for name, number in came.items():
            teller.prove_equal(name, number, expected[name])
        _jobs(story, invent_jobs)

    return chapter


def _jobs(story: Story, invent_jobs: bool) -> None:
    teller, left_out = story.teller, {app.ref for app in story.those_who_applied()}
    apps = [app for app in story.setting.crm.applications() if app.ref not in left_out]
    linked = sum(app.job is not None for app in apps)
    teller.fact(with_job=linked)
    if invent_jobs:
        teller.say(
            f"Jobs were dealt out by --invent-jobs: {linked} of {len(apps)} have one; they are invented."
        )
    elif linked == 0:
        teller.say(
            "No application has a job: the recording holds no application bodies, and with them no link"
            " to a posting. --invent-jobs deals the postings out."
        )
