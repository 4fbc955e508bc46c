"""The demo's counting: what really is so, taken from the simulator and its log, not from the bridge."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from ...crm.sql import AppView
from ...simulators.interface import Accepted, Truth
from ...simulators.serve import Served
from ...wire.effects import Request, Together
from ...wire.streams import Stream
from ...wire.vendor import Vendor
from ...wire.xml import Element


@frozen(kw_only=True)
class Comparison:
    """The CRM held against the truth of the ATS: ids of the applications that differ, and how."""

    equal: int
    missing: list[str] = field(factory=list)
    doubled: list[str] = field(factory=list)
    too_many: list[str] = field(factory=list)
    wrong: dict[str, str] = field(factory=dict)

    @property
    def differing(self) -> set[str]:
        return {*self.missing, *self.doubled, *self.too_many, *self.wrong}

    def __str__(self) -> str:
        return (
            f"{self.equal} equal, {len(self.missing)} missing, {len(self.doubled)} doubled,"
            f" {len(self.too_many)} too many, {len(self.wrong)} with a wrong stage, status, job or person"
        )


def compare(truth: Mapping[str, Truth], held: Sequence[AppView]) -> Comparison:
    """Every application by stage, status, job and person."""
    counts = Counter(app.ref.id for app in held)
    wrong = {}
    for app in held:
        real = truth.get(app.ref.id)
        if real is not None and (why := _differs(real, app)):
            wrong[app.ref.id] = why
    return Comparison(
        equal=len(truth.keys() & counts.keys()) - len(wrong),
        missing=sorted(truth.keys() - counts.keys()),
        doubled=sorted(id for id, n in counts.items() if n > 1),
        too_many=sorted(counts.keys() - truth.keys()),
        wrong=wrong,
    )


def _differs(real: Truth, app: AppView) -> str:
    pairs = (
        ("stage", real.stage, app.confirmed.stage),
        ("status", real.status, app.confirmed.status.value),
        ("job", real.job, app.job.id if app.job else None),
        ("candidate", real.candidate, app.candidate.id if app.candidate else None),
    )
    return ", ".join(f"{what}: {theirs} is held as {ours}" for what, theirs, ours in pairs if theirs != ours)


def contents(files: Iterable[Path]) -> str:
    """A digest of everything in these SQLite files, read by a connection of its own."""
    digest = hashlib.sha256()
    for file in files:
        database = sqlite3.connect(file)
        try:
            for line in database.iterdump():
                digest.update(line.encode("utf-8", "surrogatepass"))
        finally:
            database.close()
    return digest.hexdigest()


def by_path(served: Iterable[Served]) -> Counter[tuple[str, str]]:
    """How often each path was asked for, by method."""
    return Counter((one.method, urlsplit(one.target).path) for one in served)


def begins_at(stream: Stream) -> str | None:
    """The path of the request that a reading of this stream begins with, as its adapter writes it.

    None where all requests have one path, and only the body says what is read.
    """
    flow = stream.page(stream.start(None, None)).flow()
    asked = next(flow)
    flow.close()
    if isinstance(asked, Together):  # a request whose refusal the adapter looks at
        inner = asked.flows[0]
        asked = next(inner)
        inner.close()
    if not isinstance(asked, Request):
        raise TypeError(f"the stream {stream.name} begins with {type(asked).__name__}, not with a request")
    return None if isinstance(asked.body, Element) else urlsplit(asked.url).path


def over(served: Iterable[Served], most: Mapping[str, int], vendor: Vendor) -> dict[str, int]:
    """Paths of listings that the server was asked for more often than so many times, and how often."""
    bases = _bases(vendor)
    counts: Counter[str] = Counter()
    for one in served:
        counts.update(_paths(one, bases) & most.keys())
    return {path: n for path, n in counts.items() if n > most[path]}


def outside(served: Iterable[Served], vendor: Vendor, *, writes: bool) -> list[str]:
    """Requests that are no declared read, no token request and, where ``writes``, no declared write."""
    allowed = [(r.method, _pattern(urlsplit(r.below).path + r.path, r.segments)) for r in vendor.reads]
    allowed += [
        ("POST", _pattern(urlsplit(u).path, vendor.host_slots)) for t in vendor.tokens for u in t.urls
    ]
    if writes:
        allowed += [(w.method, _pattern(w.path, {s.key: s.pattern for s in w.slots})) for w in vendor.writes]
    bases = _bases(vendor)
    return [f"{one.method} {one.target}" for one in served if not _allowed(one, allowed, bases)]


def _allowed(one: Served, allowed: Sequence[tuple[str, re.Pattern[str]]], bases: Iterable[str]) -> bool:
    paths = _paths(one, bases)
    return any(one.method == method and any(p.fullmatch(x) for x in paths) for method, p in allowed)


def _bases(vendor: Vendor) -> set[str]:
    """Patterns of what the paths below the vendor's hosts begin with."""
    return {
        _pattern(urlsplit(host).path.rstrip("/"), vendor.host_slots).pattern for host in vendor.hosts.values()
    }


def _paths(one: Served, bases: Iterable[str]) -> set[str]:
    """A request's path, whole and without what a host of the vendor begins its paths with."""
    path = urlsplit(one.target).path
    return {path, *(re.sub(f"^{base}(?=/)", "", path) for base in bases)}


def _pattern(template: str, segments: Mapping[str, str]) -> re.Pattern[str]:
    parts = re.split(r"\{([\w.]+)\}", template)
    return re.compile(
        "".join(
            f"(?:{segments.get(part, '[^/]+')})" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
    )


@frozen(kw_only=True)
class AtMostOnce:
    """The writes that the ATS accepted, held against the intents of the ledger."""

    accepted: int
    sent_intents: int
    attempts: int
    too_many: list[str]

    @property
    def holds(self) -> bool:
        return not self.too_many and self.accepted <= self.sent_intents

    def __str__(self) -> str:
        return (
            f"{self.accepted} accepted writes, {self.sent_intents} intents that were sent,"
            f" {len(self.too_many)} applications with more writes than intents"
        )


def at_most_once(accepted: Sequence[Accepted], explained: Mapping[str, Mapping[str, Any]]) -> AtMostOnce:
    """Per application: no more accepted writes than intents for which an attempt was made.

    Args:
        explained: `Explanation.as_dict` of every application with an accepted write or an intent.
    """
    writes = Counter(one.application or "?" for one in accepted)
    sent = {id: len({a["intent_id"] for a in story["attempts"]}) for id, story in explained.items()}
    return AtMostOnce(
        accepted=len(accepted),
        sent_intents=sum(sent.values()),
        attempts=sum(len(story["attempts"]) for story in explained.values()),
        too_many=sorted(id for id, n in writes.items() if n > sent.get(id, 0)),
    )
