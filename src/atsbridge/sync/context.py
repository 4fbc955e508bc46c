"""What every part of a sync needs: one customer's connection, put together."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from attrs import define, field, frozen

from ..ats.interface import Ats, Fresh, Gone
from ..crm.interface import Crm
from ..errors import BadPayload, ConfigurationError
from ..mapping import MappingConfig
from ..model import Ref
from ..wire.client import Client
from ..wire.effects import Flow
from ..wire.guard import Permits
from ..wire.settings import between, typed
from .ledger import Lease, Ledger, MonotonicClock


@frozen(kw_only=True)
class Progress:
    """How far a long piece of work has come: a stream's pages and records, or an outbox's writes."""

    verb: str
    what: str
    pages: int = 0
    done: int = 0
    total: int | None = None


def _silent(_progress: Progress) -> None:
    """Nobody is watching."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@frozen(kw_only=True, field_transformer=typed)
class Tuning:
    """The numbers of the protocol; the defaults suit real vendors.

    Args:
        lease_seconds: how long a worker that falls silent keeps its work.
        send_limit_seconds: the longest time between the commit of an attempt and its first byte.
        margin_seconds: what is taken off that for the clock and the scheduler.
        deadline_seconds: from a write's first byte sent to its answer.
        width: how many requests are under way at a time; twice as many applications are worked on.
        returns: how often an intent may go back to pending before it is DEAD.
        catalogue_seconds: the age at which stages and reasons are read again before a write.
        patience_seconds: how long a push waits for its own writes to become visible.
        rate_factor: times the vendor's stated rate limits; None keeps none, for simulators.
    """

    lease_seconds: float = field(default=60.0, validator=between(1))
    send_limit_seconds: float = field(default=10.0, validator=between(1))
    margin_seconds: float = 1.0
    deadline_seconds: float = field(default=30.0, validator=between(0.1))
    width: int = field(default=16, validator=between(1, 1000))
    returns: int = 8
    catalogue_seconds: float = 600.0
    patience_seconds: float = 10.0
    rate_factor: float | None = 1.0

    def __attrs_post_init__(self) -> None:
        if self.margin_seconds >= min(self.send_limit_seconds, self.lease_seconds):
            raise ConfigurationError(
                "margin_seconds leaves no time to send in",
                advice="make it less than send_limit_seconds and lease_seconds",
            )


@define(kw_only=True)
class Context:
    """One connection: both sides, the ledger, the mapping, the clocks.

    ``approved`` is the digest of the write surface that was approved for it. ``most_seconds`` is
    how long a pull or push may be at its records, before others are to have their turn.
    """

    connection: str
    ats: Ats
    client: Client
    crm: Crm
    ledger: Ledger
    mapping: MappingConfig
    permits: Permits
    approved: str | None = None
    tuning: Tuning = field(factory=Tuning)
    now: Callable[[], datetime] = _utc_now
    progress: Callable[[Progress], None] = _silent
    worker: str = field(factory=lambda: worker_name())
    most_seconds: float | None = None
    held: dict[str, Lease] = field(factory=dict, init=False)

    @property
    def surface_approved(self) -> bool:
        return self.approved == self.ats.VENDOR.surface_digest

    def time_is_over(self) -> Callable[[], bool]:
        """Begins to count; whether others are to have their turn by now."""
        clock, most = self.client.clock, self.most_seconds
        begun = clock()
        return lambda: most is not None and clock() - begun >= most

    def read_application(self, ref: Ref) -> Flow[Fresh | Gone]:
        """An application as it is now in the ATS.

        Raises:
            BadPayload: the answer is about another application.
            BadRecord, VendorError: it could not be read.
        """
        fresh = yield from self.client.run(self.ats.get_application(ref))
        if isinstance(fresh, Fresh) and fresh.application.ref != ref:
            raise BadPayload("the answer is about another application than the one that was asked for")
        return fresh


def worker_name() -> str:
    """Names this process so that another that sees the same processes can tell whether it still lives."""
    pid = os.getpid()
    return f"{_machine()}|{_namespace()}|{pid}|{_started(pid)}|{secrets.token_hex(4)}"


_ENDED: set[str] = set()
"""Workers of this process that have ended, and could not give their leases back."""


def note_ended(worker: str) -> None:
    """In this process nobody need wait for what it still holds."""
    _ENDED.add(worker)


def surely_dead(worker: str) -> bool:
    """Whether a worker is known to have ended: its process was one of those seen here, and is gone.

    Containers may share a host name and not their processes, hence the namespace.
    """
    if worker in _ENDED:
        return True
    parts = worker.split("|")
    if len(parts) != 5 or parts[0] != _machine():
        return False
    _, namespace, pid, started, _ = parts
    if not (namespace and namespace == _namespace() and pid.isdigit()):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is there, and another user's
    now = _started(int(pid))
    return bool(started and now) and now != started  # else its number was given again


def _machine() -> str:
    """This machine since its boot: others may have its name, and the first namespace is the same on all."""
    return f"{socket.gethostname()} {_boot()}"


@cache
def _boot() -> str:
    """Read once: a process lives in one boot, and leases are looked at often."""
    return MonotonicClock().boot


def _namespace() -> str:
    """Which processes are seen here; empty where that cannot be told."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot; empty where it cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
