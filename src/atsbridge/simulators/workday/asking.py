"""What every Get request has: references or criteria, a filter with pages and a moment, a response group."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable

from attrs import frozen

from .account import Row
from .soap import (
    Node,
    child,
    date_of,
    el,
    every,
    flag,
    ids_of,
    in_order,
    invalid_id,
    leaf,
    moment_of,
    tag,
    text_of,
)  # fmt: skip
from .soap import validation as invalid

_PARTS = ("Request_References", "Request_Criteria", "Response_Filter", "Response_Group")
_FILTER = ("As_Of_Effective_Date", "As_Of_Entry_DateTime", "Page", "Count")


@frozen(kw_only=True)
class Asked:
    """A Get request, taken apart.

    Args:
        at: the moment as of which is read. descriptors: references carry display names.
        version: of the service, as a pair.
    """

    root: Node
    references: Node | None
    criteria: Node | None
    filter: Node | None
    group: Node | None
    page: int
    count: int
    at: float
    descriptors: bool
    version: tuple[int, int]

    @classmethod
    def read(cls, root: Node, *, now: float, descriptors: bool, version: tuple[int, int]) -> Asked:
        in_order(root, *_PARTS)
        parts = {name: child(root, name) for name in _PARTS}
        if parts["Request_References"] is not None and parts["Request_Criteria"] is not None:
            raise invalid("Request_References and Request_Criteria are a choice")
        found = parts["Response_Filter"]
        in_order(found, *_FILTER)
        page, count = _number(found, "Page", 1), _number(found, "Count", 100)
        if page == 0:
            raise invalid("Page Number cannot be zero.")
        if page < 0 or not 1 <= count <= 999:
            raise invalid("Count is a number from 1 to 999")
        _ = date_of(text_of(found, "As_Of_Effective_Date"), "As_Of_Effective_Date")
        moment = moment_of(text_of(found, "As_Of_Entry_DateTime"), "As_Of_Entry_DateTime")
        return cls(
            root=root, references=parts["Request_References"], criteria=parts["Request_Criteria"],
            filter=found, group=parts["Response_Group"], page=page, count=count,
            at=now if moment is None else min(moment, now), descriptors=descriptors, version=version,
        )  # fmt: skip

    @property
    def skips(self) -> bool:
        """Ids that do not exist are left out of the answer, and fail nothing."""
        found = self.references
        return found is not None and found.get(tag("Skip_Non_Existing_Instances")) in ("1", "true")

    def wants(self, name: str, *, default: bool) -> bool:
        return flag(self.group, name, default=default if self.group is None else False)

    def named(
        self, kind: str, find: Callable[[str, str], Row | None], *, type: str, within: Node | None = None
    ) -> list[Row] | None:
        """The rows of all references of a name; None where there are none.

        Raises:
            Fault: one of them does not exist: the whole request fails.
        """
        place = self.references if within is None else within
        nodes = every(place, kind)
        if not nodes:
            return None
        rows: list[Row] = []
        for node in nodes:
            ids = list(ids_of(node))
            row = next((r for r in (find(*one) for one in ids) if r is not None), None)
            if row is not None:
                rows.append(row)
            elif not (self.skips and within is None):
                shown = ids[0] if ids else (type, "")
                raise invalid_id(shown[0] if shown[0] else type, shown[1])
        return rows

    def answer(self, name: str, rows: Iterable[Row], show: Callable[[Row], Node]) -> Node:
        """One page of rows: the request's own parts first, then the figures, then the data."""
        found = list(rows)
        start = (self.page - 1) * self.count
        page = found[start : start + self.count]
        pages = math.ceil(len(found) / self.count)
        results = el(
            "Response_Results",
            leaf("Total_Results", len(found)), leaf("Total_Pages", pages),
            leaf("Page_Results", len(page)), leaf("Page", self.page),
        )  # fmt: skip
        data = el("Response_Data", *map(show, page)) if page else None
        again = [copy.deepcopy(part) for part in self.root]
        major, minor = self.version
        return el(f"{name}_Response", *again, results, data, version=f"v{major}.{minor}")


def _number(node: Node | None, name: str, default: int) -> int:
    text = text_of(node, name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise invalid(f"'{text}' is not a valid number for {name}") from None
