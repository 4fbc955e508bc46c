"""A worker in a process of its own, which can be told at which commit it dies or falls asleep.

What it needs comes as JSON on its standard input, so that no credential
stands in a list of processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from attrs import define

from atsbridge import Bridge, Tuning
from atsbridge.crm.sql import SqlCrm
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.registry import Group, load
from atsbridge.sync.ledger import Attempt, Txn, Where


@define
class Fate:
    """Sends this process a signal just before or just after its n-th commit, to ledger or CRM.

    Args:
        attempts: only those commits count that put an attempt at a write on record.
    """

    commit: int
    after: bool
    signal: int
    attempts: bool = False
    count: int = 0

    def around(self, transaction: Callable[..., AbstractContextManager[Any]]) -> Any:
        @contextmanager
        def fated(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with transaction(*args, **kwargs) as inside:
                before = _attempts(inside)
                yield inside
                counts = not self.attempts or _attempts(inside) > before
                self.count += counts
                mine = counts and self.count == self.commit
                if mine and not self.after:
                    os.kill(os.getpid(), self.signal)
            if mine and self.after:
                os.kill(os.getpid(), self.signal)

        return fated


def _attempts(inside: object) -> int:
    return inside.count(Attempt, Where()) if isinstance(inside, Txn) else 0


def main(told: dict[str, Any]) -> None:
    folder = Path(told["folder"])
    ats = load(Group.ATS, told["vendor"])(connection="acme", **told["adapter"])
    crm, ledger = SqlCrm(folder / "crm.sqlite"), SqliteLedger(folder / "ledger.sqlite")
    if "fate" in told:
        fate = Fate(**told["fate"])
        for owner, name in ((ledger, "transaction"), (crm._database, "transaction")):
            setattr(owner, name, fate.around(getattr(owner, name)))
    tuning = Tuning(**told["tuning"])
    parts = {"at": told["url"], "tuning": tuning, "approved": ats.VENDOR.surface_digest}
    mapping = (folder / "mapping.toml").read_text("utf-8")
    with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, **parts) as bridge:
        report = getattr(bridge, told["verb"])()
    print(json.dumps(report.as_dict()))
    crm.close()
    ledger.close()


if __name__ == "__main__":
    signal.alarm(300)
    main(json.load(sys.stdin))
