"""Starts workers in processes of their own, and ends them where a test wants it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import asdict, define, field
from world import CONFIGURED, QUICK

from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.testing.network import is_write

CHILD = Path(__file__).with_name("child.py")
Respond = Callable[[SimRequest], SimResponse]


@define(eq=False)
class Workers:
    """Processes that work on one account, in a folder that holds ledger, CRM and mapping.

    Args:
        simulator: of the account; its credentials are the workers'.
        tuning: of the workers, as a `Tuning`'s fields.
    """

    vendor: str
    simulator: Any
    url: str
    folder: Path
    tuning: dict[str, Any] = field(factory=lambda: asdict(QUICK))

    def start(self, verb: str, **fate: Any) -> subprocess.Popen[str]:
        """A worker; ``fate`` as in `child.Fate`, if there is one."""
        told = {
            "vendor": self.vendor,
            "adapter": {
                k: sorted(v) if isinstance(v, (set, frozenset)) else v
                for k, v in CONFIGURED[self.vendor](self.simulator).items()
            },
            "url": self.url,
            "folder": str(self.folder),
            "verb": verb,
            "tuning": self.tuning,
        }
        if fate:
            told["fate"] = fate
        process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(told))
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, verb: str) -> Any:
        """A worker to its end; its report."""
        return finished(self.start(verb))


def finished(process: subprocess.Popen[str]) -> Any:
    """The report of a worker that came to its end."""
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(out)


def was_killed(process: subprocess.Popen[str]) -> bool:
    """Whether a worker has died of SIGKILL; False if it came to its end before."""
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


def falls_asleep(process: subprocess.Popen[str]) -> bool:
    """Wait until a worker is stopped; False if it came to its end before."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return True
    process.returncode = os.waitstatus_to_exitcode(status)
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
    victim: subprocess.Popen[str] | None = None
    seen: list[str] = field(factory=list)

    def __call__(self, request: SimRequest, respond: Respond) -> SimResponse | None:
        if not self.wanted(request):
            return respond(request)
        self.seen.append(request.target)
        if len(self.seen) != self.number or self.victim is None:
            return respond(request)
        if self.after:
            respond(request)
        os.kill(self.victim.pid, signal.SIGKILL)
        return None

    def aim(self, number: int | None, *, after: bool = False) -> None:
        """Kill at the n-th request from now on."""
        self.number, self.after = number, after
        self.seen.clear()
