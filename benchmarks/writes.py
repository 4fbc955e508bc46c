"""Status writes, 16 requests side by side, against a server that takes 20 ms for every answer.

``writes.py VENDOR COUNT`` prints JSON. Every change moves another application.
At Lever that is one read and one PUT, whose answer is the re-read; at
Greenhouse two reads before and two after one POST. `ideal` is the time that
these requests must take when 16 are always under way; `bare` is what httpx
needs for them in 16 threads, with no ledger, no lease, no fsync and no receipt.
With ``--one-core`` bridge and bare httpx may use one core only: what Python's
interpreter lock costs when it is passed between cores is the difference.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import harvest
import httpx
from account import CONNECTION, STAGES, USERS, mapping
from attrs import frozen
from layers import sampling
from server import serving
from subject import peak_mib, tell

WIDTH = 16
DELAY_SECONDS = 0.02


@frozen
class Kind:
    """What differs between the vendors: the adapter, the account, and the same requests by hand."""

    ats: Callable[[], Any]
    mapping: dict[str, Any]
    stages: dict[str, str]
    requests: int
    bare: Callable[[httpx.Client, str], object]

    def other(self, stage: str | None) -> str:
        """A step that is not the one of this stage."""
        return next(step for step, id in self.stages.items() if id != stage)


def _lever() -> Any:
    from atsbridge.ats.lever import Lever

    return Lever(connection=CONNECTION, api_key="benchmark", acting_user=USERS[0])  # type: ignore[arg-type]


def _greenhouse() -> Any:
    from atsbridge.ats.greenhouse import Greenhouse

    secrets: dict[str, Any] = {"client_id": "benchmark", "client_secret": "benchmark"}
    # Waiting until a write shows is no work; this server shows it at once.
    return Greenhouse(connection=CONNECTION, job_details=False, visible_within_seconds=0.0, **secrets)


def _move_at_lever(client: httpx.Client, id: str) -> None:
    path = f"/v1/opportunities/{id}"
    stage = client.get(path, params={"expand": "applications"}).json()["data"]["stage"]
    body = {"stage": KINDS["lever"].stages[KINDS["lever"].other(stage)]}
    client.put(f"{path}/stage", params={"perform_as": USERS[0]}, json=body).raise_for_status()


def _move_at_greenhouse(client: httpx.Client, id: str) -> None:
    def read() -> int:
        (record,) = client.get("/v3/applications", params={"ids": id, "per_page": "500"}).json()
        client.get("/v3/application_stages", params={"application_ids": id, "per_page": "500"}).json()
        return int(record["job_interview_stage_id"])

    stage = read()
    step = KINDS["greenhouse"].other(str(stage))
    body = {"from_stage_id": stage, "to_stage_id": harvest.STAGES[step]}
    client.post(f"/v3/applications/{id}/move", json=body).raise_for_status()
    assert read() != stage


KINDS = {
    "lever": Kind(_lever, mapping("on"), {name: id for id, name in STAGES.items()}, 2, _move_at_lever),
    "greenhouse": Kind(
        _greenhouse,
        mapping("on", stages=harvest.STAGES, reasons=harvest.REASONS),
        {name: str(id) for name, id in harvest.STAGES.items()},
        5,
        _move_at_greenhouse,
    ),
}


def bridge(kind: Kind, count: int, folder: Path, origin: str, *, profile: bool) -> dict[str, Any]:
    from atsbridge import Bridge
    from atsbridge.crm.sql import SqlCrm
    from atsbridge.ledgers.sqlite import SqliteLedger
    from atsbridge.sync.context import Tuning

    crm, ledger, ats = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite"), kind.ats()
    with Bridge(
        ats=ats,
        crm=crm,
        ledger=ledger,
        mapping=kind.mapping,
        at=origin,
        tuning=Tuning(rate_factor=None, width=WIDTH),
        approved=ats.VENDOR.surface_digest,
    ) as one:
        one.pull()
        chosen = [a for a in crm.applications() if a.status == "active"][:count]
        assert len(chosen) == count, f"the account has only {len(chosen)} active applications"
        for each in chosen:
            crm.change_step(each.ref, step=kind.other(each.confirmed.stage), actor="recruiter")
        tell(origin, "delay", DELAY_SECONDS)
        with sampling(profile) as samples:
            start, used = time.perf_counter(), time.process_time()
            report = one.push()
            spent, cpu = time.perf_counter() - start, time.process_time() - used
        accepted = tell(origin, "delay", 0)["writes"]
    crm.close()
    ledger.close()
    assert report.results == {"applied": count}, f"not all were applied: {report.results}"
    assert accepted == count, f"the server took {accepted} writes for {count} changes"
    assert report.requests - count * kind.requests < 10, f"{report.requests} requests for {count} changes"
    bare = _bare(kind, [a.ref.id for a in chosen], origin)
    ideal = count * kind.requests * DELAY_SECONDS / WIDTH
    return {
        "writes": count,
        "seconds": spent,
        "cpu_seconds": cpu,
        "ideal": ideal,
        "bare": bare,
        "peak_mib": peak_mib(),
        **({"layers": samples.as_dict()} if profile else {}),
    }


def _bare(kind: Kind, ids: list[str], origin: str) -> float:
    limits = httpx.Limits(max_connections=WIDTH, max_keepalive_connections=WIDTH)
    with (
        httpx.Client(base_url=origin, limits=limits, trust_env=False) as client,
        ThreadPoolExecutor(WIDTH) as pool,
    ):
        tell(origin, "delay", DELAY_SECONDS)
        start = time.perf_counter()
        list(pool.map(lambda id: kind.bare(client, id), ids))
        spent = time.perf_counter() - start
    tell(origin, "delay", 0)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vendor", choices=sorted(KINDS))
    parser.add_argument("count", type=int)
    parser.add_argument("--one-core", action="store_true")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    size = given.count * 2
    with serving(size, given.vendor) as origin, tempfile.TemporaryDirectory(prefix="atsbridge-") as folder:
        if given.vendor == "lever":
            tell(origin, "single", size)
        if given.one_core:  # the server, which has begun, keeps them all
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        kind = KINDS[given.vendor]
        print(json.dumps(bridge(kind, given.count, Path(folder), origin, profile=given.profile)))


if __name__ == "__main__":
    main()
