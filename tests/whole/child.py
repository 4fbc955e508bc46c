"""A process of its own that works on one account; its parent kills it when it likes.

Arguments: the folder with ``account.json`` and ``mapping.toml``, the server's URL, and ``pull`` or ``push``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from atsbridge import Bridge, Tuning
from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group, load


def main(folder: Path, url: str, verb: str) -> None:
    account: dict[str, Any] = json.loads((folder / "account.json").read_text("utf-8"))
    ats = load(Group.ATS, account["vendor"])(connection="acme", **account["settings"])
    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    with Bridge(
        ats=ats,
        crm=crm,
        ledger=ledger,
        mapping=(folder / "mapping.toml").read_text("utf-8"),
        at=url,
        tuning=Tuning(rate_factor=None, **account["tuning"]),
        approved=ats.VENDOR.surface_digest,
    ) as bridge:
        report: Any = getattr(bridge, verb)()
    print(json.dumps(report.as_dict()))
    crm.close()
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
