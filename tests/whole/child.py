"""What a worker in a process of its own does; it can be told at which commit it dies or falls asleep."""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from attrs import define
from world import opened

from atsbridge import Bridge
from atsbridge.crm.sql import SqlCrm
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
    """Push or pull, and leave the report, or what went wrong, in a file."""
    said = Path(told["said"])
    try:
        said.write_text(json.dumps(_work(told)), "utf-8")
    except BaseException:
        said.write_text(traceback.format_exc(), "utf-8")
        raise


def _work(told: dict[str, Any]) -> Any:
    folder = Path(told["folder"])
    if told["host"]:
        socket.gethostname = lambda: str(told["host"])
    ats = load(Group.ATS, told["vendor"])(connection="acme", **told["adapter"])
    crm, ledger = SqlCrm(folder / "crm.sqlite"), opened(folder, told["ledger"])
    if told["fate"]:
        fate = Fate(**told["fate"])
        for owner, name in ((ledger, "transaction"), (crm._database, "transaction")):
            setattr(owner, name, fate.around(getattr(owner, name)))
    parts = {"at": told["url"], "tuning": told["tuning"], "approved": ats.VENDOR.surface_digest}
    mapping = (folder / "mapping.toml").read_text("utf-8")
    with Bridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, **parts) as bridge:
        Path(told["said"]).write_text("at work", "utf-8")
        report = getattr(bridge, told["verb"])()
    crm.close()
    ledger.close()
    return report.as_dict()
