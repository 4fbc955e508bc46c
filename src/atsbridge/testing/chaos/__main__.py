"""``python -m atsbridge.testing.chaos``: play seeds, or one seed again."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..arguments import positive, span
from .campaign import Failure, Tally, campaign, vendors
from .kinds import KINDS
from .play import Outcome, history, play, shrunk


def main(words: Sequence[str] | None = None) -> int:
    """Play what the command line says; 1 where something did not hold."""
    parser = _parser()
    told = parser.parse_args(words)
    if told.seed is not None and told.json:
        parser.error("--seed tells a history step by step, and --json the summary of many: one of the two")
    if told.seed is not None:
        return _one(told.vendor or vendors(), told.seed)
    return _many(told.vendor or vendors(), told.seeds, jobs=told.jobs, as_json=told.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m atsbridge.testing.chaos",
        description="Faults, crashes and people at every step of the real engine, drawn by seed.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seed", type=int, help="play one seed, and tell everything that happens in it")
    which.add_argument("--seeds", type=span, default=range(200), metavar="A:B", help="of each vendor; 0:200")
    parser.add_argument(
        "--vendor", action="append", choices=vendors(), metavar="NAME", help="again for several; all"
    )
    parser.add_argument("--jobs", type=positive, default=2, help="processes; 2")
    parser.add_argument("--json", action="store_true", help="the summary as JSON")
    return parser


def _one(chosen: Sequence[str], seed: int) -> int:
    """One seed of each vendor, step by step; made smaller where something did not hold."""
    broken = 0
    for vendor in chosen:
        outcome = play(history(vendor, seed), tracing=True)
        _print_outcome(outcome)
        if outcome.violation is not None:
            broken = 1
            _report(vendor, seed)
    return broken


def _print_outcome(outcome: Outcome) -> None:
    print(outcome.script)
    print(*(f"    {line}" for line in outcome.trace), sep="\n")
    print(f"  trace {outcome.trace_hash}: {outcome.violation or 'all held'}")


def _report(vendor: str, seed: int) -> None:
    """The smallest history that breaks the same, and how to play it again."""
    print(f"\nmade smaller ({vendor}, seed {seed}):")
    _print_outcome(shrunk(history(vendor, seed)))
    print(f"replay: python -m atsbridge.testing.chaos --vendor {vendor} --seed {seed}")


def _many(chosen: Sequence[str], seeds: range, *, jobs: int, as_json: bool) -> int:
    begun = time.monotonic()
    total = len(seeds) * len(chosen)

    told: list[Failure] = []

    def progress(tally: Tally) -> None:
        for failure in tally.failures[len(told) :]:
            told.append(failure)
            print(f"BROKEN {failure.vendor} seed {failure.seed}: {failure.words}", file=sys.stderr)
        done, took = tally.seeds.total(), time.monotonic() - begun
        words = f"{done} of {total} seeds, {done / took:.1f} a second, {len(tally.failures)} broken"
        print(words, file=sys.stderr, flush=True)

    tally = campaign(chosen, seeds, jobs=jobs, tell=progress)
    seconds = time.monotonic() - begun
    if as_json:
        print(json.dumps(_as_json(tally, seeds, seconds), indent=1))
    else:
        _print_tally(tally, seeds, seconds)
    for failure in tally.failures[:3]:
        if not as_json:
            _report(failure.vendor, failure.seed)
    return 1 if tally.failures else 0


def _print_tally(tally: Tally, seeds: range, seconds: float) -> None:
    print(f"commit {_commit()}, seeds {seeds.start} to {seeds.stop - 1} of each vendor")
    print(
        f"{tally.seeds.total()} histories in {seconds:.0f} s: {tally.changes} changes, {tally.writes} writes"
        f" accepted, {tally.requests} requests, {tally.steps} steps"
    )
    for vendor, count in sorted(tally.seeds.items()):
        each = tally.seconds[vendor] / count * 1000
        print(f"  {vendor:20} {count:7} histories, {each:5.0f} ms of one core each")
    for name, kind in KINDS.items():
        print(f"  {name:28} {', '.join(kind.faults):16} {tally.hits[name]:8}")
    for failure in tally.failures:
        print(f"  BROKEN {failure.vendor} seed {failure.seed}: {failure.words}")
    print(f"{len(tally.failures)} broken")


def _as_json(tally: Tally, seeds: range, seconds: float) -> dict[str, object]:
    return {
        "commit": _commit(),
        "seeds": [seeds.start, seeds.stop],
        "seconds": round(seconds, 1),
        "histories": dict(tally.seeds),
        "changes": tally.changes,
        "writes": tally.writes,
        "requests": tally.requests,
        "steps": tally.steps,
        "hits": {name: tally.hits[name] for name in KINDS},
        "broken": [
            {"vendor": f.vendor, "seed": f.seed, "invariant": f.invariant, "words": f.words}
            for f in tally.failures
        ],
    }


def _commit() -> str:
    """Of the tree that this is run from, where it is one."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "of no repository"
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
