"""Starts workers in processes of their own, and ends them where a test wants it."""

from __future__ import annotations

import json
import multiprocessing
import signal
import time
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import child
from attrs import define, field
from world import QUICK, configured

from atsbridge import Tuning
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing.network import is_write

Respond = Callable[[SimRequest], SimResponse]

# Forked from a process that has imported everything and done nothing: half a second saved each time.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "pytest",
        "atsbridge.crm.sql",
        "atsbridge.ledgers.sqlite",
        "atsbridge.ats.greenhouse",
        "atsbridge.ats.lever",
    ]
)


@define(eq=False)
class Workers:
    """Processes that work on one account, in a folder that holds ledger, CRM and mapping.

    Args:
        simulator: of the account; its credentials are the workers'.
        ledger: as `world.opened` takes it; the folder's where it is None.
        host: the machine that the workers believe to be on, if another than this.
    """

    vendor: str
    simulator: Any
    url: str
    folder: Path
    tuning: Tuning = QUICK
    ledger: Mapping[str, Any] | None = None
    host: str = ""
    _said: dict[BaseProcess, Path] = field(factory=dict, init=False)

    def start(self, verb: str, **fate: Any) -> BaseProcess:
        """A worker; ``fate`` as in `child.Fate`, if there is one."""
        said = self.folder / f"said-{len(self._said)}.txt"
        told = {
            "vendor": self.vendor,
            "adapter": configured(self.vendor, self.simulator),
            "url": self.url,
            "folder": str(self.folder),
            "said": str(said),
            "ledger": self.ledger,
            "host": self.host,
            "verb": verb,
            "tuning": self.tuning,
            "fate": fate,
        }
        process = _FORKS.Process(target=child.main, args=(told,))
        process.start()
        self._said[process] = said
        return process

    def finish(self, process: BaseProcess) -> Any:
        """The report of a worker that comes to its end."""
        process.join()
        said = self._said[process].read_text("utf-8")
        assert process.exitcode == 0, said
        return json.loads(said)

    def was_killed(self, process: BaseProcess) -> bool:
        """Whether a worker has died of SIGKILL; False if it came to its end."""
        process.join()
        if process.exitcode == -signal.SIGKILL:
            return True
        self.finish(process)
        return False

    def end(self, process: BaseProcess) -> str:
        """How a worker has ended: ``killed`` at work or ``killed early``, ``done``, or its error's name."""
        process.join()
        said = self._said[process]
        if process.exitcode == -signal.SIGKILL:
            return "killed" if said.exists() else "killed early"
        return "done" if process.exitcode == 0 else _name_of_error(said.read_text("utf-8"))

    def kill_at_work(self, delays: Mapping[BaseProcess, float]) -> None:
        """Kill each worker so many seconds after it has begun its work, unless it has come to its end."""
        left = dict(delays)
        due: dict[BaseProcess, float] = {}
        while left or due:
            now = time.monotonic()
            for process in [p for p in left if self._said[p].exists() or not p.is_alive()]:
                due[process] = now + left.pop(process)
            for process in [p for p, at in due.items() if at <= now]:
                process.kill()
                del due[process]
            time.sleep(0.005)


def _name_of_error(traceback: str) -> str:
    """Of the last line that is not of the error's own text."""
    heads = [line for line in traceback.splitlines() if not line.startswith(" ")]
    return heads[-1].partition(":")[0].rpartition(".")[2]


def falls_asleep(process: BaseProcess) -> bool:
    """Wait until a worker is stopped; False if it came to its end."""
    while process.is_alive():
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "T":
            return True
        time.sleep(0.02)
    return False


@define(eq=False)
class Killer:
    """An interceptor that kills a worker when a request of its arrives.

    Args:
        wanted: which requests count.
        number: the one at which it is killed, from 1; None kills nobody.
        after: the ATS acts upon the request before the worker dies.
    """

    wanted: Callable[[SimRequest], bool] = is_write
    number: int | None = None
    after: bool = False
    victim: BaseProcess | None = None
    seen: list[str] = field(factory=list)

    def __call__(self, request: SimRequest, respond: Respond) -> SimResponse | None:
        if not self.wanted(request):
            return respond(request)
        self.seen.append(request.target)
        if len(self.seen) != self.number or self.victim is None:
            return respond(request)
        if self.after:
            respond(request)
        self.victim.kill()
        return None

    def aim(self, number: int | None, *, after: bool = False) -> None:
        """Kill at the n-th request from now on."""
        self.number, self.after = number, after
        self.seen.clear()
