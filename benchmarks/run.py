"""Speed and memory of the bridge, as multiples of a reference measured beside it in the same run.

    pip install -e '.[bench]'
    python benchmarks/run.py                        # 100,000 applications, 3 rounds, 2,000 writes
    python benchmarks/run.py --records 20000        # smaller; the peak memory must not differ
    python benchmarks/run.py --records 0            # without the pulls; --writes 0, --requests 0 likewise
    python benchmarks/run.py --profile              # with the share of each layer
    python benchmarks/run.py --json                 # for programs

What is measured, everything on loopback, the server in a process of its own:

- ``full``: a first pull, 500 records of 1.4 kB a page, through adapter, mapping
  and ledger into the SQLite CRM. The reference (`reference.py`) stores the same
  rows in the same tables of both databases at the same durability; that they
  are the same is compared after each round, all but times and numbers of the run.
- ``rescan``: all pages again, nothing changed. The reference compares digests
  too, and writes nothing.
- ``incremental``: 0.1 % of the records have changed.
- ``peak``: the largest resident size of the process that did all this.
- ``writes``: status changes of as many applications, at most 16 requests at a
  time, 20 ms each; at Lever 2 requests a change, at Greenhouse 5. On one core
  too, since Python's interpreter lock is dear where it wanders between cores.
- ``start``: what is imported by ``import atsbridge`` and by ``atsbridge vendors
  list``, beside the base dependencies alone; no adapter that is not used.
- ``requests``: what iCIMS is asked for, where each record is a request of its
  own (`quota.py`); counted, not timed.

Of pulls the CPU time of the process is compared: the disk is waited for as
often on both sides, which flatters the slower one, and other work on the
machine disturbs it less. Of writes it is the time on the wall, since they are
mostly waiting: against the time which their requests must take, and, for what
the machine can do, against the same requests by bare httpx in 16 threads.

Who is measured takes turns, each in a fresh process with fresh databases; the
table shows medians, and ratios of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import reference
import startup
from server import serving

WHO = ("reference", "base", "fast")
WHAT = ("full", "rescan", "incremental")
VENDORS = ("lever", "greenhouse")
GOALS = {
    ("base", "full"): 2.5,
    ("fast", "full"): 1.8,
    ("base", "rescan"): 1.5,
    ("fast", "rescan"): 1.5,
    ("lever", "writes"): 1.3,
    ("greenhouse", "writes"): 1.3,
}
PEAK_MIB = 150
HERE = Path(__file__).parent
_OF_THE_RUN = {"read_at", "base_delivery", "delivery", "digest"}
_TABLES = {
    "applications": (reference.CRM, reference.APPLICATIONS),
    "candidates": (reference.CRM, reference.CANDIDATES),
    "candidate_emails": (reference.CRM, reference.EMAILS),
    "known": (reference.LEDGER, reference.KNOWN),
}


def child(script: str, *words: object, profile: bool = False) -> dict[str, Any]:
    command = [sys.executable, str(HERE / script), *map(str, words), *(["--profile"] if profile else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def differences(one: Path, other: Path) -> list[str]:
    """The tables and columns in which two runs differ."""
    found = []
    for table, (name, columns) in _TABLES.items():
        names = [c for c in columns if c not in _OF_THE_RUN]
        kept = ", ".join(names)
        only = "WHERE kind IN ('application', 'candidate')" if table == "known" else ""
        rows = []
        for folder in (one, other):
            database = sqlite3.connect(folder / name)
            rows.append(database.execute(f"SELECT {kept} FROM {table} {only} ORDER BY {kept}").fetchall())
            database.close()
        if len(rows[0]) != len(rows[1]):
            found.append(table)
        odd = {n for a, b in zip(*rows, strict=False) for n, x, y in zip(names, a, b, strict=True) if x != y}
        found += sorted(f"{table}.{name}" for name in odd)
    return found


def pulls(size: int, rounds: int, *, profile: bool) -> dict[str, list[dict[str, Any]]]:
    results: dict[str, list[dict[str, Any]]] = {who: [] for who in WHO}
    with serving(size) as origin:
        for turn in range(rounds):
            with tempfile.TemporaryDirectory(prefix="atsbridge-bench-") as scratch:
                for who in WHO:
                    folder = Path(scratch, who)
                    folder.mkdir()
                    results[who].append(child("subject.py", who, origin, folder, size))
                    if who != "reference" and (other := differences(Path(scratch, "reference"), folder)):
                        raise SystemExit(f"{who} did not store the rows of the reference: {other}")
            print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        if profile:
            for who in WHO[1:]:
                with tempfile.TemporaryDirectory(prefix="atsbridge-bench-") as scratch:
                    sampled = child("subject.py", who, origin, scratch, size, profile=True)
                    results[who][0]["layers"] = sampled["layers"]
    return results


def writes(count: int, rounds: int, *, profile: bool) -> dict[str, list[dict[str, Any]]]:
    results: dict[str, list[dict[str, Any]]] = {}
    for turn in range(rounds):
        for vendor in VENDORS:
            results.setdefault(vendor, []).append(child("writes.py", vendor, count))
            if hasattr(os, "sched_setaffinity"):
                alone = child("writes.py", vendor, count, "--one-core")
                results.setdefault(f"{vendor}, on one core", []).append(alone)
        print(f"writes, round {turn + 1} of {rounds}", file=sys.stderr)
    for vendor in VENDORS if profile else ():
        results[vendor][0]["layers"] = child("writes.py", vendor, count, profile=True)["layers"]
    return results


def summary(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    def medians(suffix: str) -> dict[str, dict[str, float]]:
        return {who: {what: median(r[what + suffix] for r in results[who]) for what in WHAT} for who in WHO}

    wall, cpu = medians(""), medians("_cpu")
    return {
        "seconds": {who: {k: round(v, 3) for k, v in of.items()} for who, of in wall.items()},
        "cpu_seconds": {who: {k: round(v, 3) for k, v in of.items()} for who, of in cpu.items()},
        "ratios": {
            who: {
                what: {
                    "cpu": round(cpu[who][what] / cpu["reference"][what], 2),
                    "wall": round(wall[who][what] / wall["reference"][what], 2),
                }
                for what in WHAT
            }
            for who in WHO[1:]
        },
        "peak_mib": {who: max(r["peak_mib"] for r in results[who]) for who in WHO},
        "layers": {who: results[who][0]["layers"] for who in WHO if "layers" in results[who][0]},
    }


def summary_of_writes(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    found: dict[str, Any] = {"writes": {}, "layers": {}}
    for vendor, runs in results.items():
        ideal, bare = runs[0]["ideal"], median(run["bare"] for run in runs)
        seconds = median(run["seconds"] for run in runs)
        found["writes"][vendor] = {
            "count": runs[0]["writes"],
            "seconds": round(seconds, 2),
            "cpu_seconds": round(median(run["cpu_seconds"] for run in runs), 2),
            "ideal": ideal,
            "ratio": round(seconds / ideal, 2),
            "best": round(min(run["seconds"] for run in runs) / ideal, 2),
            "bare": round(bare / ideal, 2),
            "peak_mib": max(run["peak_mib"] for run in runs),
        }
        if "layers" in runs[0]:
            found["layers"][vendor] = {"push": runs[0]["layers"]}
    return found


def _verdict(value: float, goal: float | None) -> str:
    return "" if goal is None else f"goal {goal:g}: {'met' if value <= goal else 'NOT met'}"


def show(found: dict[str, Any]) -> None:
    for what in WHAT if "seconds" in found else ():
        print(
            f"{what:12}" + "   ".join(f"{who} {found['cpu_seconds'][who][what]:.2f} s of CPU" for who in WHO)
        )
        for who in WHO[1:]:
            ratio = found["ratios"][who][what]
            verdict = _verdict(ratio["cpu"], GOALS.get((who, what)))
            print(
                f"{'':12}{who:5} {ratio['cpu']:5.2f} times the reference"
                f" ({ratio['wall']:.2f} on the wall)   {verdict}"
            )
    for who, peak in found.get("peak_mib", {}).items():
        print(
            f"peak memory {who:10}{peak:6.0f} MiB   {_verdict(peak, PEAK_MIB) if who != 'reference' else ''}"
        )
    for vendor, of in found.get("writes", {}).items():
        print(
            f"writes      {vendor:24} {of['ratio']:5.2f} times the {of['ideal']:.2f} s of their requests"
            f" (best {of['best']:.2f}, bare httpx {of['bare']:.2f}, {of['cpu_seconds']:.2f} s of CPU)"
            f"   {_verdict(of['ratio'], GOALS.get((vendor, 'writes')))}"
        )
    for name, of in found.get("start", {}).items():
        unused = "" if name == "reference" else f"   adapters not used: {', '.join(of['unused']) or 'none'}"
        print(f"start       {name:18}{of['ms']:7.1f} ms, {of['modules']} modules{unused}")
    _show_requests(found.get("requests"))
    for who, verbs in found.get("layers", {}).items():
        for verb, layers in verbs.items():
            print(f"\n{who}, {verb}: where the time goes")
            for layer, of in layers.items():
                print(f"  {of['share']:6.1%}  {layer}")
                for name, share in of["functions"].items():
                    print(f"          {share:6.1%}  {name}")


def _show_requests(found: dict[str, Any] | None) -> None:
    if found is None:
        return
    for what in ("first", "changed"):
        of = found[what]
        made = f"{of['ratio']:5.3f} times the fewest, {of['made']} of {of['fewest']}"
        print(f"requests    iCIMS, {what:10}{made}   {_verdict(of['ratio'], of['goal'])}")
    crash = found["crash"]["most"]
    print(f"requests    iCIMS, the window after it {found['again']}; a crash costs {crash} more")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--writes", type=int, default=2_000)
    parser.add_argument("--requests", type=int, default=2_000, metavar="APPLICATIONS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="one more run of each, sampled")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {"records": given.records, "python": sys.version.split()[0]}
    if given.records:
        found |= summary(pulls(given.records, given.rounds, profile=given.profile))
    if given.writes:
        of_writes = summary_of_writes(writes(given.writes, given.rounds, profile=given.profile))
        found["layers"] = {**found.get("layers", {}), **of_writes.pop("layers")}
        found |= of_writes
    found["start"] = startup.measured(max(3, given.rounds))
    if given.requests:
        sizes = ("--applications", given.requests, "--changed", given.requests // 8)
        found["requests"] = child("quota.py", *sizes)
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        show(found)


if __name__ == "__main__":
    main()
