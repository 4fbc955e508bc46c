"""A process of its own that pulls one account; its parent kills it at a page of its choice."""

from __future__ import annotations

import sys
from pathlib import Path

from atsbridge import Bridge, Tuning
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger


def main(folder: Path, url: str, key: str) -> None:
    ats = Lever(connection="acme", api_key=key, confidential=True)
    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    mapping = (folder / "mapping.toml").read_text("utf-8")
    with Bridge(
        ats=ats, crm=crm, ledger=ledger, mapping=mapping, at=url, tuning=Tuning(rate_factor=None)
    ) as bridge:
        report = bridge.pull()
    print(report.pages["opportunities"], report.read, report.unchanged)
    crm.close()
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
