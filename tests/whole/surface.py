"""What may leave, by the lists in `tests/allowlist`, which are made from no adapter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from attrs import frozen

from atsbridge.simulators.interface import Accepted
from atsbridge.simulators.serve import Served

LISTS = Path(__file__).parents[1] / "allowlist"


@frozen
class Allowed:
    """One row of a list: a method, a path and the query keys that may stand behind it."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: frozenset[str] | None = None

    def fits(self, method: str, target: str) -> bool:
        parts = urlsplit(target)
        keys = parse_qs(parts.query, keep_blank_values=True).keys()
        return method == self.method and self.path.fullmatch(parts.path) is not None and keys <= self.query


@frozen
class Surface:
    reads: tuple[Allowed, ...]
    writes: tuple[Allowed, ...]
    tokens: frozenset[str]

    def foreign(self, requests: Iterable[Served], *, reads_alone: bool = False) -> list[Served]:
        """The requests that are in no list."""
        return [r for r in requests if not self._is_allowed(r, reads_alone=reads_alone)]

    def _is_allowed(self, request: Served, *, reads_alone: bool) -> bool:
        if request.method == "POST" and request.target in self.tokens:
            return True
        rows = self.reads if reads_alone else (*self.reads, *self.writes)
        return any(row.fits(request.method, request.target) for row in rows)

    def allows(self, write: Accepted) -> bool:
        """Whether a write that the ATS took is one of the list, to the last key of its body."""
        keys = frozenset(write.body or ())
        return any(w.fits(write.method, write.target) and w.body == keys for w in self.writes)


@cache
def surface_of(vendor: str) -> Surface:
    told = json.loads((LISTS / f"{vendor}.json").read_text("utf-8"))
    base = urlsplit(told["hosts"][0]).path
    types = {name: kind["pattern"] for name, kind in told["types"].items()}

    def row(entry: dict[str, Any]) -> Allowed:
        parts = re.split(r"\{\w+:(\w+)\}", entry["path"])
        pattern = "".join(types[p] if place % 2 else re.escape(p) for place, p in enumerate(parts))
        body = frozenset(entry["body"]) if "body" in entry else None
        return Allowed(
            entry["method"], re.compile(re.escape(base) + pattern), frozenset(entry["query"]), body
        )

    return Surface(
        tuple(map(row, told["reads"])),
        tuple(map(row, told["writes"])),
        frozenset(urlsplit(url).path for entry in told["tokens"] for url in entry["urls"]),
    )
