"""What every handler gets and shares: the request, who sent it, and the simple list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from .access import Access
from .answers import Problem, Reply, dump, page
from .queries import Offsets, Query, cut
from .records import Record
from .world import World

CONFIDENTIALITY = ("all", "confidential", "non-confidential")


@frozen
class Ask:
    """A request that has passed the door: who, what, and the ids in its path."""

    world: World
    offsets: Offsets
    access: Access
    path: str
    query: Query
    ids: tuple[str, ...] = ()
    body: Any = None

    @property
    def expand(self) -> frozenset[str]:
        return self.query.many("expand")

    @property
    def include(self) -> frozenset[str]:
        return self.query.many("include")


def found(items: Mapping[str, Record], key: str, what: str) -> Record:
    if key not in items:
        raise Problem(404, f"{what} was not found")
    return items[key]


def confidentialities(ask: Ask) -> frozenset[str]:
    """Which records a list may hold: confidential ones only if asked for, and only with access."""
    asked = ask.query.choice("confidentiality", CONFIDENTIALITY) or {"non-confidential"}
    wanted = set(CONFIDENTIALITY[1:]) if "all" in asked else set(asked)
    return frozenset(wanted if ask.access.confidential else wanted - {"confidential"})


def open_to(ask: Ask, record: Record) -> None:
    if record["confidentiality"] == "confidential" and not ask.access.confidential:
        raise Problem(ask.world.options.confidential_status, "this record is confidential")


def listing(ask: Ask, items: Iterable[Record], **how: Any) -> Reply:
    kept, following = cut(list(items), ask.query, path=ask.path, offsets=ask.offsets, **how)
    return page([dump(item) for item in kept], following)
