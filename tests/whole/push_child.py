"""A process of its own that pushes one account's outbox; its parent kills it at a write of its choice."""

from __future__ import annotations

import sys
from pathlib import Path

from atsbridge import Bridge, Tuning
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger

HASTY = Tuning(
    rate_factor=None,
    send_limit_seconds=0.6,
    margin_seconds=0.1,
    deadline_seconds=0.5,
    patience_seconds=4.0,
    width=3,
)


def main(folder: Path, url: str, key: str, user: str) -> None:
    ats = Lever(connection="acme", api_key=key, acting_user=user, confidential=True)
    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    parts = {"at": url, "tuning": HASTY, "approved": Lever.VENDOR.surface_digest}
    mapping = (folder / "mapping.toml").read_text("utf-8")
    with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, **parts) as bridge:
        print(bridge.push().as_dict())
    crm.close()
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
