"""``python -m atsbridge.testing.protocol``: look at every schedule of the protocol, up to so many faults."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from attrs import asdict

from ..arguments import positive
from .campaign import Looked, chosen, look_at
from .scenarios import SCENARIOS


def main(words: Sequence[str] | None = None) -> int:
    """Look at what the command line says; 1 where a promise does not hold."""
    told = _parser().parse_args(words)
    begun, found = time.monotonic(), []
    scenarios = chosen(told.scenario, told.faults, moves=told.moves, classes=told.classes)
    for looked in look_at(scenarios, jobs=told.jobs):
        found.append(looked)
        print(_line(looked), file=sys.stderr, flush=True)
    total = sum(looked.histories for looked in found)
    broken = [looked for looked in found if looked.violation]
    seconds = time.monotonic() - begun
    if told.json:
        rows = [asdict(looked) for looked in found]
        summary = {"histories": total, "broken": len(broken), "seconds": round(seconds, 1)}
        print(json.dumps({**summary, "scenarios": rows}, indent=1))
    else:
        print(f"{total} histories of {len(found)} scenarios in {seconds:.0f} s, {len(broken)} broken")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m atsbridge.testing.protocol",
        description="Every schedule of the write-back protocol's own code, against a model of an ATS.",
    )
    parser.add_argument(
        "--faults",
        type=_count,
        default=4,
        help="how many at most; 4. One change alone gets all; 5 takes hours",
    )
    parser.add_argument(
        "--moves", type=_count, default=1, help="how often people act, beside faults of the wire; 1"
    )
    parser.add_argument("--classes", action="store_true", help="each scenario for every class of write alone")
    parser.add_argument(
        "--scenario", action="append", choices=sorted(SCENARIOS), metavar="NAME", help="again for several"
    )
    parser.add_argument("--jobs", type=positive, default=2, help="processes; 2")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser


def _count(text: str) -> int:
    return positive(text) if text != "0" else 0


def _line(looked: Looked) -> str:
    if looked.violation:
        return f"{looked.scenario}: BROKEN: {looked.violation}"
    return (
        f"{looked.scenario}: {looked.states} states, {looked.steps} steps, {looked.histories} histories,"
        f" {looked.seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
