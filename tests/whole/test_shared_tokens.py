"""Several bridges on one ledger and one token store, as processes would be: one asks for a token."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from world import configured, simulated

from atsbridge import Bridge, Tuning
from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group, load
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.serve import Respond, serve
from atsbridge.sync.leases import TOKEN
from atsbridge.sync.ledger import Lease
from atsbridge.tokens import FileTokens
from atsbridge.wire.auth import MemoryTokens, Token

WORKERS = 4


def test_one_of_several_workers_asks_for_a_token(tmp_path: Path) -> None:
    """Greenhouse's new token makes the one before worthless: each that asked would log the others out."""
    simulator = simulated("greenhouse", 30, seed=1)
    asked: list[str] = []

    def note(request: SimRequest, respond: Respond) -> SimResponse:
        if request.method == "POST":
            asked.append(request.target)
        return respond(request)

    ats = load(Group.ATS, "greenhouse")(connection="acme", **configured("greenhouse", simulator))
    tokens = FileTokens(tmp_path / "tokens")
    with serve(simulator, intercept=note) as server:

        def work(number: int) -> Any:
            crm, ledger = SqlCrm(tmp_path / f"crm-{number}.sqlite"), SqliteLedger(tmp_path / "ledger.sqlite")
            with Bridge(
                ats=ats,
                crm=crm,
                ledger=ledger,
                mapping={"version": 1},
                at=server.url,
                tokens=tokens,
                tuning=Tuning(rate_factor=None),
            ) as bridge:
                found = len(bridge.configuration().jobs)
            crm.close()
            ledger.close()
            return found

        with ThreadPoolExecutor(WORKERS) as pool:
            found = list(pool.map(work, range(WORKERS)))
    assert len(set(found)) == 1 and found[0] > 0
    assert len(asked) == 1, asked
    assert not any(served.status == 401 for served in server.requests)


class Interrupted(MemoryTokens):
    """Ctrl-C comes while the first token is being saved."""

    def save(self, connection: str, token: Token) -> None:
        if not self.__dict__.setdefault("came", False):
            self.came = True
            raise KeyboardInterrupt
        super().save(connection, token)


def test_a_token_whose_saving_is_interrupted_is_saved_and_its_turn_given_back(tmp_path: Path) -> None:
    simulator = simulated("greenhouse", 1, seed=1)
    ats = load(Group.ATS, "greenhouse")(connection="acme", **configured("greenhouse", simulator))
    tokens, ledger = Interrupted(), SqliteLedger(tmp_path / "ledger.sqlite")
    crm = SqlCrm(tmp_path / "crm.sqlite")
    parts: dict[str, Any] = {"ats": ats, "crm": crm, "ledger": ledger, "mapping": {"version": 1}}
    with serve(simulator) as server, Bridge(at=server.url, tokens=tokens, **parts) as bridge:
        with pytest.raises(KeyboardInterrupt):
            bridge.configuration()
        assert tokens.load("acme") is not None
        lease = ledger.look(lambda txn: txn.get(Lease, "acme", TOKEN))
        assert lease is not None and lease.until == 0
    crm.close()
    ledger.close()


@pytest.mark.parametrize("vendor", ["greenhouse"])
def test_a_dry_run_takes_no_turn(vendor: str, tmp_path: Path) -> None:
    """With no token at hand it asks for one, and leaves not a row in the ledger."""
    simulator = simulated(vendor, 20, seed=1)
    ats = load(Group.ATS, vendor)(connection="acme", **configured(vendor, simulator))
    crm, ledger = SqlCrm(tmp_path / "crm.sqlite"), SqliteLedger(tmp_path / "ledger.sqlite")
    with serve(simulator) as server:
        parts: dict[str, Any] = {"ats": ats, "crm": crm, "ledger": ledger, "mapping": {"version": 1}}
        with Bridge(at=server.url, **parts) as bridge:
            bridge.pull()
        before = _dump(tmp_path / "ledger.sqlite")
        with Bridge(at=server.url, **parts) as bridge:
            bridge.plan()
        assert _dump(tmp_path / "ledger.sqlite") == before
    crm.close()
    ledger.close()


def _dump(path: Path) -> list[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())
