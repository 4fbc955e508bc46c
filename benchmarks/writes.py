"""Status writes, 16 side by side, against a server that takes 20 ms for every answer.

``writes.py COUNT`` prints JSON. Every change moves another application: at
Lever that is one read and one PUT. The ideal is the time that these requests
must take when 16 are always under way; `bare` is what httpx needs for them in
16 threads, with no ledger, no lease, no fsync and no receipt.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from account import CONNECTION, STAGES, USERS, mapping
from layers import sampling
from server import serving
from subject import peak_mib, tell

WIDTH = 16
DELAY_SECONDS = 0.02
LEVER_REQUESTS = 2
_STEPS = {text: id for id, text in STAGES.items()}


def lever(count: int, folder: Path, origin: str, *, profile: bool) -> dict[str, Any]:
    from atsbridge import Bridge
    from atsbridge.ats.lever import Lever
    from atsbridge.crm.sql import SqlCrm
    from atsbridge.ledgers.sqlite import SqliteLedger
    from atsbridge.sync.context import Tuning

    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    ats = Lever(connection=CONNECTION, api_key="benchmark", acting_user=USERS[0])  # type: ignore[arg-type]
    tuning = Tuning(rate_factor=None, width=WIDTH)
    approved = Lever.VENDOR.surface_digest
    with Bridge(
        ats=ats, crm=crm, ledger=ledger, mapping=mapping("on"), at=origin, tuning=tuning, approved=approved
    ) as bridge:
        bridge.pull()
        chosen = [a for a in crm.applications() if a.status == "active"][:count]
        assert len(chosen) == count, f"the account has only {len(chosen)} active applications"
        for each in chosen:
            crm.change_step(each.ref, step=_other(each.confirmed.stage), actor="recruiter")
        tell(origin, "delay", DELAY_SECONDS)
        with sampling(profile) as samples:
            start, used = time.perf_counter(), time.process_time()
            report = bridge.push()
            spent, cpu = time.perf_counter() - start, time.process_time() - used
        tell(origin, "delay", 0)
    crm.close()
    ledger.close()
    assert report.results == {"applied": count}, f"not all were applied: {report.results}"
    accepted = tell(origin, "delay", 0)["writes"]
    assert accepted == count, f"the server took {accepted} writes for {count} changes"
    bare = _bare([a.ref.id for a in chosen], origin)
    ideal = count * LEVER_REQUESTS * DELAY_SECONDS / WIDTH
    return {
        "writes": count,
        "seconds": spent,
        "cpu_seconds": cpu,
        "ideal": ideal,
        "bare": bare,
        "ratio": round(spent / ideal, 2),
        "requests": report.requests,
        "peak_mib": peak_mib(),
        **({"layers": samples.as_dict()} if profile else {}),
    }


def _other(stage: str | None) -> str:
    return next(step for step, id in _STEPS.items() if id != stage)


def _bare(ids: list[str], origin: str) -> float:
    tell(origin, "delay", DELAY_SECONDS)
    limits = httpx.Limits(max_connections=WIDTH, max_keepalive_connections=WIDTH)
    with (
        httpx.Client(base_url=f"{origin}/v1/opportunities/", limits=limits, trust_env=False) as client,
        ThreadPoolExecutor(WIDTH) as pool,
    ):

        def move(id: str) -> None:
            stage = client.get(id, params={"expand": "applications"}).json()["data"]["stage"]
            step = _STEPS[_other(stage)]
            client.put(
                f"{id}/stage", params={"perform_as": USERS[0]}, json={"stage": step}
            ).raise_for_status()

        start = time.perf_counter()
        list(pool.map(move, ids))
        spent = time.perf_counter() - start
    tell(origin, "delay", 0)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    size = given.count * 2
    with serving(size) as origin, tempfile.TemporaryDirectory(prefix="atsbridge-bench-") as folder:
        tell(origin, "single", size)
        print(json.dumps(lever(given.count, Path(folder), origin, profile=given.profile)))


if __name__ == "__main__":
    main()
