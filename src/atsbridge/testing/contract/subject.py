"""What the parts of the contract have in common: the vendor under test, and accounts of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ...ats.interface import Ats
from ...model import Kind, Record
from ...registry import Group, load
from ...simulators.interface import SimRequest
from ...wire.effects import Flow
from ...wire.streams import Stream, StreamScope
from ..account import Account


class Subject:
    """A vendor, by its registered name; ``otherwise`` names writes that other settings alone lead to."""

    vendor: ClassVar[str]
    applications: ClassVar[int] = 24
    otherwise: ClassVar[frozenset[str]] = frozenset()

    def open(self, *, applications: int | None = None, seed: int = 1, **switches: Any) -> Account:
        """An account with nothing pulled yet. A plugin that is not installed overrides this."""
        return Account.open(
            self.vendor, applications=applications or self.applications, seed=seed, **switches
        )

    @property
    def adapter(self) -> type[Ats]:
        adapter: type[Ats] = load(Group.ATS, self.vendor)
        return adapter

    @pytest.fixture
    def account(self) -> Account:
        """An account that has been pulled once."""
        account = self.open()
        _ = account.bridge.pull()
        return account

    @pytest.fixture
    def writes(self, account: Account) -> None:
        """Asked for by a test that needs an adapter which writes."""
        if not account.ats.VENDOR.writes:
            pytest.skip("this adapter writes nothing")


def read_all(account: Account) -> list[tuple[Stream, Record]]:
    """Every record of every stream, read from the start."""
    return account.driver.run(_read_all(account))


def _read_all(account: Account) -> Flow[list[tuple[Stream, Record]]]:
    found: list[tuple[Stream, Record]] = []
    client, jobs = account.bridge.client, list[str]()
    for stream in account.ats.streams():
        for job in jobs if stream.scope is StreamScope.JOB else [None]:
            cursor = stream.start(None, job)
            while cursor is not None:
                page = yield from client.run(stream.page(cursor))
                records = [record for item in page.items for record in item.read(item.raw.data)]
                found.extend((stream, record) for record in records)
                jobs.extend(r.ref.id for r in records if r.ref.kind is Kind.JOB)
                cursor = page.next
    return found


def active(account: Account) -> list[str]:
    """Applications that are under way and can be moved, in a settled order."""
    truth = account.truth()
    return [
        id
        for id in sorted(truth)
        if truth[id].status == "active" and truth[id].stage is not None and elsewhere(account, id)
    ]


def elsewhere(account: Account, application: str) -> list[str]:
    """Stages that it could be moved to, and that end nothing."""
    here = account.truth()[application]
    plan = account.engine.plan(here.job)
    return [
        stage
        for stage in account.simulator.stages_for(application)
        if stage != here.stage and stage in plan.steps and plan.steps[stage] in plan.writes
        and plan.writes[plan.steps[stage]] == stage and not account.ends(here.job, stage)
    ]  # fmt: skip


def reason_for(account: Account, outcome: str) -> str | None:
    """A reason that the mapping has a word for; None where there is none, or the stage is the reason."""
    words = account.engine.plan(None).reason_words
    return next((reason for reason in account.simulator.reasons(outcome) if reason in words), None)


def requests_of_a_pull(account: Account) -> int:
    """How many requests a first pull of such an account makes."""
    before = len(account.driver.requests)
    _ = account.bridge.pull()
    return len(account.driver.requests) - before


def sampled(count: int, *, most: int, seed: int = 1) -> list[int]:
    """The numbers from 1 to ``count``, or so many of them, the ends among them."""
    if count <= most:
        return list(range(1, count + 1))
    inner = random.Random(seed).sample(range(2, count), most - 2)  # noqa: S311 - a choice of tests
    return sorted([1, count, *inner])


def operation_of(request: SimRequest) -> str:
    """Method and path of a request, with whatever looks like an id made alike."""
    path = request.target.partition("?")[0]
    parts = ["*" if any(c.isdigit() for c in part) and len(part) > 3 else part for part in path.split("/")]
    root = b""
    if request.body.startswith(b"<"):
        _, _, rest = request.body.partition(b"Body>")
        root = b" " + rest[1:60].split(b">")[0].split(b" ")[0]
    return f"{request.method} {'/'.join(parts)}{root.decode('ascii', 'replace')}"


def first_of(items: list[str], what: str) -> str:
    """The first, or a skip that says what there is none of."""
    if not items:
        pytest.skip(f"the generated account has no {what}")
    return items[0]


def cases(items: Iterator[str]) -> list[str]:
    return sorted(set(items))
