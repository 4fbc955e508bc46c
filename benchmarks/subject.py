"""One measurement in a process of its own: ``subject.py WHO ORIGIN FOLDER SIZE`` prints JSON.

WHO is `reference`, `base` (the bridge without msgspec, which cannot be
imported then) or `fast`. Peak memory is what the kernel has seen of this
process.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from account import CONNECTION, USERS, mapping
from layers import sampling


def tell(origin: str, what: str, value: object) -> Any:
    with urllib.request.urlopen(f"{origin}/_/{what}/{value}") as answer:
        return json.load(answer)


def peak_mib() -> float:
    """The largest resident size of this process alone; what rusage says may be its parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def reference(origin: str, folder: Path, changed: int) -> dict[str, Any]:
    import reference

    reference.prepare(folder)
    found: dict[str, Any] = {}

    def run(name: str, act: Callable[[], float]) -> None:
        used = time.process_time()
        found[name] = act()
        found[f"{name}_cpu"] = time.process_time() - used

    run("full", lambda: reference.pull(origin, folder))
    run("rescan", lambda: reference.rescan(origin, folder))
    tell(origin, "changed", changed)
    run("incremental", lambda: reference.pull(origin, folder, since=True))
    tell(origin, "changed", 0)
    return found


def bridge(origin: str, folder: Path, changed: int, *, size: int, profile: bool) -> dict[str, Any]:
    from atsbridge import Bridge
    from atsbridge.ats.lever import Lever
    from atsbridge.crm.sql import SqlCrm
    from atsbridge.ledgers.sqlite import SqliteLedger
    from atsbridge.sync.context import Tuning

    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    ats = Lever(connection=CONNECTION, api_key="benchmark", acting_user=USERS[0])  # type: ignore[arg-type]
    tuning = Tuning(rate_factor=None)
    with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping(), at=origin, tuning=tuning) as one:

        def run(name: str, act: Callable[[], Any]) -> Any:
            with sampling(profile) as samples:
                start, used = time.perf_counter(), time.process_time()
                report = act()
                found[name] = time.perf_counter() - start
                found[f"{name}_cpu"] = time.process_time() - used
            if profile:
                found["layers"][name] = samples.as_dict()
            return report

        found: dict[str, Any] = {"layers": {}} if profile else {}
        assert run("full", one.pull).read >= size
        assert run("rescan", lambda: one.pull(full=True)).unchanged >= size
        tell(origin, "changed", changed)
        # Of each changed opportunity the application and the candidate.
        assert run("incremental", one.pull).read == 2 * changed
        tell(origin, "changed", 0)
    crm.close()
    ledger.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("who", choices=("reference", "base", "fast"))
    parser.add_argument("origin")
    parser.add_argument("folder", type=Path)
    parser.add_argument("size", type=int)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    changed = max(1, given.size // 1000)
    if given.who == "base":
        sys.modules["msgspec"] = None  # type: ignore[assignment]
    if given.who == "reference":
        found = reference(given.origin, given.folder, changed)
    else:
        found = bridge(given.origin, given.folder, changed, size=given.size, profile=given.profile)
        from atsbridge.wire import payload

        assert (payload.msgspec is None) is (given.who == "base")
    print(json.dumps({**found, "peak_mib": round(peak_mib(), 1)}))


if __name__ == "__main__":
    main()
