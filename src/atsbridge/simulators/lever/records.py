"""The account: opportunities in the order in which Lever lists them, and all around them.

Records are JSON-shaped dicts that are replaced and never changed, so what was
read stays as it was read.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen

Record: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[float, int, str]
"""Where an opportunity stands in lists: stage rank, negated lastAdvancedAt, id."""


@frozen
class Stage:
    id: str
    text: str
    rank: float
    pipeline: str
    has_interview: bool = False


@frozen
class Candidacy:
    """An opportunity with the body of its application, if it has one."""

    record: Record
    application: Record | None = None

    def renewed(self, *, application: Record | None = None, **fields: Any) -> Candidacy:
        """This with other fields, and other fields of its application."""
        own = self.application
        return evolve(
            self,
            record={**self.record, **fields},
            application={**own, **application} if own and application else own,
        )


class Opportunities:
    """All candidacies, as they are and as reads show them.

    The two differ while an accepted write is not visible yet. Indexes (but for
    that of contacts) and rendered JSON are of what is shown.
    """

    def __init__(self) -> None:
        self.ranks: dict[str, float] = {}
        self.actual: dict[str, Candidacy] = {}
        self.shown: dict[str, Candidacy] = {}
        self._order: list[Key] = []
        self._updated: list[tuple[int, str]] = []
        self._contacts: defaultdict[str, set[str]] = defaultdict(set)
        self._emails: defaultdict[str, set[str]] = defaultdict(set)
        self._texts: dict[str, dict[Any, str]] = {}
        self._due: list[tuple[float, int, str, Candidacy]] = []
        self._last_due: dict[str, float] = {}
        self._count = 0

    # -- changing --

    def load(self, candidacies: Iterable[Candidacy]) -> None:
        """Take in many at once; cheaper than `put` for each."""
        for candidacy in candidacies:
            self._keep(candidacy)
            self._show(candidacy)
        self._order.sort()
        self._updated.sort()

    def put(self, candidacy: Candidacy, *, now: float, delay: float = 0.0) -> None:
        """Replace or add one; reads show it after ``delay``, never before an earlier change of it."""
        self.settle(now)
        key = candidacy.record["id"]
        self._keep(candidacy)
        due = max(now + delay, self._last_due.get(key, 0.0))
        if due <= now:
            self._replace(candidacy)
            return
        self._count += 1
        self._last_due[key] = due
        heapq.heappush(self._due, (due, self._count, key, candidacy))

    def remove(self, key: str) -> Candidacy:
        self._hide(key)
        self._last_due.pop(key, None)
        gone = self.actual.pop(key)
        self._contacts[gone.record["contact"]].discard(key)
        return gone

    def settle(self, now: float) -> None:
        """Show every write whose time has come."""
        while self._due and self._due[0][0] <= now:
            due, _, key, candidacy = heapq.heappop(self._due)
            if key in self.actual:
                self._replace(candidacy)
                if self._last_due.get(key) == due:
                    del self._last_due[key]

    def _keep(self, candidacy: Candidacy) -> None:
        key = candidacy.record["id"]
        if key in self.actual:
            self._contacts[self.actual[key].record["contact"]].discard(key)
        self.actual[key] = candidacy
        self._contacts[candidacy.record["contact"]].add(key)

    def _replace(self, candidacy: Candidacy) -> None:
        self._hide(candidacy.record["id"])
        self._show(candidacy, keep_sorted=True)

    def _show(self, candidacy: Candidacy, *, keep_sorted: bool = False) -> None:
        record = candidacy.record
        key = record["id"]
        add = insort if keep_sorted else list.append
        self.shown[key] = candidacy
        add(self._order, self.key(record))
        if record["updatedAt"] is not None:
            add(self._updated, (record["updatedAt"], key))
        for email in record["emails"]:
            self._emails[email.lower()].add(key)

    def _hide(self, key: str) -> None:
        self._texts.pop(key, None)
        old = self.shown.pop(key, None)
        if old is None:
            return
        record = old.record
        del self._order[bisect_left(self._order, self.key(record))]
        if record["updatedAt"] is not None:
            del self._updated[bisect_left(self._updated, (record["updatedAt"], key))]
        for email in record["emails"]:
            self._emails[email.lower()].discard(key)

    # -- reading --

    def key(self, record: Record) -> Key:
        """Recorded order: stage rank ascending, lastAdvancedAt descending, id."""
        return (self.ranks[record["stage"]], -(record["lastAdvancedAt"] or 0), record["id"])

    def with_contact(self, contact: str) -> list[str]:
        """Of those that are, shown or not."""
        return sorted(self._contacts.get(contact, ()))

    def with_email(self, email: str) -> list[str]:
        return sorted(self._emails.get(email.lower(), ()))

    def updated_within(self, window: tuple[int, int]) -> list[str]:
        start = bisect_left(self._updated, (window[0], ""))
        end = bisect_left(self._updated, (window[1] + 1, ""))
        return [key for _, key in self._updated[start:end]]

    def walk(self, start: Key | None, only: Collection[str] | None = None) -> Iterator[Candidacy]:
        """In list order from ``start`` on; of ``only`` these ids where given."""
        shown = self.shown
        if only is not None and len(only) * 8 < len(shown):
            for key in sorted(self.key(shown[i].record) for i in set(only) if i in shown):
                if start is None or key >= start:
                    yield shown[key[2]]
            return
        wanted = None if only is None else set(only)
        for index in range(0 if start is None else bisect_left(self._order, start), len(self._order)):
            identity = self._order[index][2]
            if wanted is None or identity in wanted:
                yield shown[identity]

    def texts(self, key: str) -> dict[Any, str]:
        """Rendered JSON of what is shown, by variant; emptied when that changes."""
        return self._texts.setdefault(key, {})


@define
class Account:
    """One customer's Lever."""

    stages: list[Stage]
    reasons: list[Record]
    users: dict[str, Record]
    postings: dict[str, Record]
    requisitions: dict[str, Record]
    contacts: dict[str, Record]
    opportunities: Opportunities = field(factory=Opportunities)
    offers: dict[str, list[Record]] = field(factory=lambda: defaultdict(list))
    interviews: dict[str, list[str]] = field(factory=lambda: defaultdict(list))
    deleted: dict[str, list[Record]] = field(factory=lambda: defaultdict(list))
    sources: list[Record] | None = None
    tags: list[Record] | None = None

    def __attrs_post_init__(self) -> None:
        self.opportunities.ranks.update({s.id: s.rank for s in self.stages})

    def stage(self, key: object) -> Stage | None:
        return next((s for s in self.stages if s.id == key), None)

    def reason(self, key: object) -> Record | None:
        return next((r for r in self.reasons if r["id"] == key), None)

    def index_of(self, stage: str) -> int:
        return next(i for i, s in enumerate(self.stages) if s.id == stage)
