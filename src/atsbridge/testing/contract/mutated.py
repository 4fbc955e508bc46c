"""Mutated answers: whatever becomes of one, nothing is uncaught, nothing invented, no record lost."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeAlias

import pytest
from attrs import define, field

from ...ats.interface import Fresh, Gone
from ...drivers.body import Caps
from ...errors import (
    AtsBridgeError,
    BadPayload,
    BadRecord,
    CursorLost,
    Forbidden,
    GuardError,
    Refused,
    Unavailable,
    WatermarkLost,
)
from ...model import Application, ApplicationStatus, Record, Ref, Tombstone
from ...wire.payload import read_json
from ...wire.streams import Item, Page
from ...wire.vendor import SEPARATOR
from ..canaries import Watch
from ..mutations import Mutation
from ..replayed import TOKEN, Replay, Replayed
from .subject import Subject

_OF_ONE_RECORD = (BadRecord, TypeError, ValueError, KeyError, AttributeError, RecursionError)
"""What the engine takes for a record that cannot be read."""
_ASKED_AGAIN = (Unavailable, CursorLost, WatermarkLost)
_MOST_REQUESTS = 120
_LOOKED_AT = 0.1

Read: TypeAlias = "tuple[Record, ...] | None"
"""What a record was read to; None where it is set aside."""


class Mutated(Subject):
    """One answer of one operation is changed, and the operation run: by seed, some hundred times a second."""

    mutations: ClassVar[int] = 500
    """In the gate; the campaign makes 125,000, which for eight vendors are a million."""

    def test_of_a_mutated_answer_nothing_is_invented_and_nothing_lost(
        self, seed: int, canaries: Watch
    ) -> None:
        self._mutate(self.mutations, seed, canaries)

    @pytest.mark.campaign
    def test_of_125_000_mutated_answers_nothing_is_invented_and_nothing_lost(
        self, seed: int, canaries: Watch
    ) -> None:
        self._mutate(125_000, seed, canaries)

    @pytest.mark.campaign
    def test_mutated_answers_take_no_memory_to_speak_of(self, seed: int, canaries: Watch) -> None:
        tracemalloc.start()
        try:
            self._mutate(4 * self.mutations, seed, canaries)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2 * Caps().inflated_bytes

    def _mutate(self, count: int, seed: int, watch: Watch) -> None:
        replay = Replay.of(self.open(applications=10))
        judges = [Judge(replay, subject, watch) for subject in replay.subjects if subject.asked]
        rng = random.Random(seed)  # noqa: S311 - a choice of tests
        # A token may be asked for with a signature, which takes long to make.
        weights = [
            1 if judge.subject.stream else 0.1 if judge.subject.name == TOKEN else 0.5 for judge in judges
        ]
        for judge in rng.choices(judges, weights, k=count):
            judge.judge(rng)


@define(eq=False)
class Judge:
    """Runs one operation with a mutated answer, and compares with what it comes to without."""

    replay: Replay
    subject: Replayed
    watch: Watch = field(factory=Watch)
    _before: dict[tuple[Any, bytes], Read] = field(init=False)
    _records: dict[Ref, Record] = field(init=False)

    def __attrs_post_init__(self) -> None:
        value = self.subject.value
        items = value.items if isinstance(value, Page) else ()
        self._before = {(item.ids, item.raw.digest): _read(item) for item in items}
        self._records = {r.ref: r for records in self._before.values() for r in records or ()}

    def judge(self, rng: random.Random) -> None:
        at = rng.randrange(len(self.subject.asked))
        mutation = self.subject.specimens[at].mutated(rng)
        told = f"{self.subject.name}: {mutation.name} at {mutation.where or 'the whole'}"
        try:
            value = self.replay.run(self.subject, changed=self.subject.asked[at], body=mutation.body)
        except AtsBridgeError as error:
            if rng.random() < _LOOKED_AT:
                self.watch.look_at_error(told, error)
            self._error(error, mutation, told)
            return
        assert len(self.replay.driver.requests) <= _MOST_REQUESTS, told
        if isinstance(value, Page):
            self._page(value, mutation, told, look=rng.random() < _LOOKED_AT)
        elif isinstance(value, Fresh):
            self._fresh(value, mutation, told)
        elif isinstance(value, (Gone, Tombstone)):
            assert isinstance(self.subject.value, (Gone, Tombstone)) or not mutation.strange, told

    def _error(self, error: AtsBridgeError, mutation: Mutation, told: str) -> None:
        """One record, or one id in it, must not stop a page: it would be the same at the next pull."""
        told = f"{told}: {error!r}"
        assert str(error) and not isinstance(error, GuardError), told
        if self.subject.stream:
            assert not isinstance(error, BadRecord), told
            # What means nothing to the vendor is no word of the vendor's; a field may show by its absence.
            assert isinstance(error, (*_ASKED_AGAIN, Forbidden)) or not mutation.strange, told

    # -- a page --

    def _page(self, page: Page, mutation: Mutation, told: str, *, look: bool) -> None:
        """With ``look``, records whose bytes are as they were are read again: that costs the most."""
        for item in page.items:
            key = item.ids, item.raw.digest
            if key not in self._before:
                for record in _read(item) or ():
                    self._record(record, item, mutation, told)
            elif look:
                assert _read(item) == self._before[key], f"{told}: another record was touched"
        self._lost(page, mutation, told)
        was: Page = self.subject.value
        gone = set(page.deleted) - set(was.deleted)
        assert not gone or not mutation.strange, f"{told}: a deletion"
        if page.next is not None and page.next != was.next:
            self._follow(page, told)

    def _lost(self, page: Page, mutation: Mutation, told: str) -> None:
        """What still stands in the body is shown, or is set aside where a person sees it."""
        if page.rejected or "swapped" in mutation.name:  # it may stand elsewhere than in the list
            return
        shown = {item.ids[0] for item in page.items}
        was: Page = self.subject.value
        lost = [i.ids[0] for i in was.items if i.ids[0] not in shown and i.raw.content in mutation.body]
        assert not lost, f"{told}: {len(lost)} lost"

    def _follow(self, page: Page, told: str) -> None:
        """The cursor is about to be kept: what it leads to may be refused, but not by ourselves."""
        stream = next(s for s in self.replay.streams() if s.name == self.subject.stream)
        try:
            _ = self.replay.read(stream.page(page.next))
        except AtsBridgeError as error:
            assert isinstance(error, (*_ASKED_AGAIN, Refused)), f"{told}: its next page: {error!r}"

    # -- a record --

    def _record(self, record: Record, item: Item, mutation: Mutation, told: str) -> None:
        before = self._records.get(record.ref)
        said = set(_leaves(item.raw.data))
        if before is None:
            assert record.ref.id in {id for _, id in item.ids} or _stands(record.ref, said), (
                f"{told}: a {record.ref.kind} whose id is nowhere"
            )
        if record.deleted is not None and mutation.strange:
            assert before is not None and before.deleted is not None, f"{told}: a deletion"
        if isinstance(record, Application):
            self._application(record, before, said, mutation, told)

    def _fresh(self, fresh: Fresh, mutation: Mutation, told: str) -> None:
        was = self.subject.value
        if isinstance(was, Fresh) and fresh.application.ref == was.application.ref:
            self._application(fresh.application, was.application, _said_in(mutation.body), mutation, told)

    def _application(
        self,
        now: Application,
        before: Record | None,
        said: set[str],
        mutation: Mutation,
        told: str,
    ) -> None:
        was = before if isinstance(before, Application) else None
        if was is not None and mutation.strange:
            assert now.status in (was.status, ApplicationStatus.UNKNOWN), f"{told}: {now.status}"
            named = now.reason is None or _head(now.reason) == _head(was.reason)
            assert named or _stands(now.reason, said), f"{told}: a reason"
        for name in ("stage", "job", "candidate"):
            ref = getattr(now, name)
            if ref is not None and (was is None or ref != getattr(was, name)):
                assert _stands(ref, said), f"{told}: a {name} that the record does not name"


def _read(item: Item) -> Read:
    """As the engine reads one: what cannot be read is set aside."""
    try:
        return item.read(item.raw.data)
    except _OF_ONE_RECORD:
        return None


def _said_in(body: bytes) -> set[str]:
    """What a whole body says, as text."""
    try:
        return set(_leaves(read_json(body)))
    except BadPayload:
        return {body.decode("utf-8", "replace")}


def _leaves(data: Any) -> Iterator[str]:
    """Every key and value in a record, as text."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield str(key)
            yield from _leaves(value)
    elif isinstance(data, (list, tuple)):
        for value in data:
            yield from _leaves(value)
    elif data is not None:
        yield str(data)


def _head(ref: Ref | None) -> str | None:
    """The first part of an id: the second of a reason may be told by the stage."""
    return ref.id.partition(SEPARATOR)[0] if ref else None


def _stands(ref: Ref | None, said: set[str]) -> bool:
    """Whether each part of an id stands somewhere in a record: in a link, it may be."""
    parts = ref.id.split(SEPARATOR) if ref else ()
    return all(any(part in text for text in said) for part in parts)
