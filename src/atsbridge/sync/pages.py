"""From a page of a stream to deliveries for the CRM and rows for the ledger. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from attrs import define, evolve, field, frozen

from ..crm.interface import Delivery, WriteResult, Written
from ..errors import BadRecord
from ..model import (
    MODEL_REVISION,
    Application,
    Base,
    Candidate,
    Job,
    Kind,
    Reason,
    Record,
    Ref,
    Stage,
    Tombstone,
    TombstoneKind,
    User,
    personal_words,
)
from ..wire.collecting import uncollected
from ..wire.streams import Item, Page
from .ages import no_earlier, overtaken
from .ledger import Known, Quarantined, Waiting, storable
from .reality import Interpreter, pack

ORDER: Mapping[Kind, int] = {kind: place for place, kind in enumerate(Kind)}
_TYPES: Mapping[Kind, type[Record]] = {
    Kind.USER: User,
    Kind.REASON: Reason,
    Kind.JOB: Job,
    Kind.STAGE: Stage,
    Kind.CANDIDATE: Candidate,
    Kind.APPLICATION: Application,
}


def _without_person(why: str, record: Record) -> str:
    """A CRM's own words, unless they repeat what is the person's: the ledger keeps none of that."""
    if personal_words(record).isdisjoint(re.findall(r"\w{3,}", why.casefold())):
        return why
    return "its reason repeats the record's data and is not kept; look into the CRM's own log"


def tombstone(ref: Ref, kind: TombstoneKind, read_at: datetime, *, into: Ref | None = None) -> Record:
    """A record that says it is gone, and nothing else."""
    return _TYPES[ref.kind](ref=ref, read_at=read_at, deleted=Tombstone(kind, None, into))


def salt(revision: str, mapping_digest: str, generation: int = 0) -> bytes:
    """What a raw digest is mixed with, so that a new reader, mapping or meaning makes it stale."""
    text = f"{revision}|{MODEL_REVISION}|{mapping_digest}|{generation}"
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def item_digest(item: Item, mixed_with: bytes) -> bytes:
    return hashlib.blake2b(item.raw.content, key=mixed_with, digest_size=16).digest()


LOOKED_AT = ("digest", "deleted")
"""The columns of a known row that tell whether an item is unchanged."""


def is_unchanged(digest: bytes, row: tuple[object, ...] | None) -> bool:
    """Whether the ledger has an item with just these bytes, reader and mapping; ``row`` is as looked at."""
    return row == (digest, None)


@frozen(kw_only=True)
class Seen:
    """What the ledger knows of a page.

    Args:
        known: rows of the items that are not unchanged, of what was deleted or merely shown, and in a
            sweep of all.
        parents: known ids of jobs and candidates, for records that must wait.
        unchanged: whether the ledger has each item with just these bytes, reader and mapping.
    """

    known: Mapping[tuple[str, str], Known]
    parents: Mapping[Kind, Mapping[str, object]]
    unchanged: Sequence[bool]


@define
class Sorted:
    """What became of a page's records."""

    deliveries: dict[tuple[str, str], Delivery] = field(factory=dict)
    known: dict[tuple[str, str], Known] = field(factory=dict)
    waiting: list[Waiting] = field(factory=list)
    quarantined: list[Quarantined] = field(factory=list)
    settled: set[tuple[str, str]] = field(factory=set)
    unchanged: int = 0
    read: int = 0
    left_out: set[tuple[str, str]] = field(factory=set)
    overtaken: int = 0


@define(kw_only=True)
class Sorter:
    """Turns pages into deliveries, for one run of one connection.

    Args:
        interpreter: the compiled mapping and the meaning of reasons.
        jobs: every known job, for scope.
        mixed_with: see `salt`.
        numbers: delivery numbers that nobody else uses.
        run: the number of the run, to mark what a sweep has seen; 0 marks nothing.
        wall: unix seconds when the page is sorted.
        can_name: whether an application's id is one that the vendor's requests can carry.
    """

    connection: str
    interpreter: Interpreter
    jobs: Mapping[str, Job]
    mixed_with: bytes
    numbers: count[int]
    run: int = 0
    wall: float = 0.0
    can_name: Callable[[str], bool] = lambda _id: True

    @uncollected
    def sort(
        self,
        items: Sequence[Item],
        digests: Sequence[bytes],
        seen: Seen,
    ) -> Sorted:
        """Read what is new, map it, and say what the ledger is to remember."""
        out = Sorted()
        for item, digest, same in zip(items, digests, seen.unchanged, strict=True):
            if same:
                out.unchanged += 1
                out.settled.add(item.ids[0])
                if self.run:
                    self._mark(out, item, seen.known)
                continue
            self._read(out, item, digest, seen.known, seen.parents)
        return out

    def digests(self, items: Sequence[Item]) -> list[bytes]:
        """What makes an item unchanged."""
        return [item_digest(item, self.mixed_with) for item in items]

    def _mark(self, out: Sorted, item: Item, known: Mapping[tuple[str, str], Known]) -> None:
        for key in item.ids:
            row = out.known.get(key) or known.get(key)
            if row is not None:
                out.known[key] = evolve(row, seen=self.run)

    def _read(
        self,
        out: Sorted,
        item: Item,
        digest: bytes,
        known: Mapping[tuple[str, str], Known],
        parents: Mapping[Kind, Mapping[str, object]],
    ) -> None:
        try:
            raw = item.raw.data
            records = item.read(raw)
        except BadRecord as error:
            self._set_aside(out, item, digest, error.path, error.why, known)
            return
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            # A reader that stumbles over what it did not expect must not stop the page.
            why = f"the reader failed: {type(error).__name__}"
            self._set_aside(out, item, digest, "", why, known)
            return
        if not all(self.can_name(r.ref.id) for r in records if isinstance(r, Application)):
            # Neither a fresh read nor a write could ask for it, and one that tried would be stopped.
            self._set_aside(out, item, digest, "id", "an id of another form than this ATS's", known)
            return
        wanted = [(record, self._left_out(record)) for record in map(self._interpreted, records)]
        applications = [pair for pair in wanted if isinstance(pair[0], Application)]
        if applications and all(why for _, why in applications):
            wanted = [pair for pair in wanted if isinstance(pair[0], Application) or pair[0].deleted]
        for record, reason in wanted:
            own = digest if (record.ref.kind, record.ref.id) in item.remembered_by else None
            # A tombstone goes to whoever holds the record, in scope or not.
            left_out = reason is not None and record.deleted is None
            self._take(out, record, own, raw, known, parents, left_out=left_out)

    def _interpreted(self, record: Record) -> Record:
        return self.interpreter.application(record) if isinstance(record, Application) else record

    def _left_out(self, record: Record) -> str | None:
        job = self.jobs.get(record.job.id) if isinstance(record, Application) and record.job else None
        return self.interpreter.engine.in_scope(record, job=job)

    def _take(
        self,
        out: Sorted,
        record: Record,
        digest: bytes | None,
        raw: Any,
        known: Mapping[tuple[str, str], Known],
        parents: Mapping[Kind, Mapping[str, object]],
        *,
        left_out: bool,
    ) -> None:
        key = (record.ref.kind._value_, record.ref.id)
        out.read += key not in out.known  # a candidate may come with each of several applications
        row = out.known.get(key) or known.get(key)
        if row is not None:
            # Applications are read by whoever writes them too; all else by the one inbound worker, in order.
            if isinstance(record, Application) and overtaken(
                record.read_at.timestamp(), held=row.read_at, now=self.wall
            ):
                self.read_again(out, [record.ref])
                return
            record = no_earlier(record, row.read_at)
        # What the mapping leaves out waits for nobody.
        missing = None if left_out else self._missing(record, parents, out)
        if missing is not None:
            out.waiting.append(self._wait(record.ref, missing))
            return
        delivery = 0 if left_out else self._delivery(record, row)
        out.known[key] = self._known(record, digest, row, delivery)
        if left_out:
            out.left_out.add(key)
            if row is None or row.delivery == 0:
                return
        out.deliveries[key] = self.delivery(record, delivery or (row.delivery if row else 0), raw)

    def _missing(
        self, record: Record, parents: Mapping[Kind, Mapping[str, object]], out: Sorted
    ) -> Ref | None:
        if not isinstance(record, Application) or record.deleted is not None:
            return None
        for parent in (record.job, record.candidate):
            if parent is None or parent.id in parents[parent.kind]:
                continue
            if (parent.kind._value_, parent.id) not in out.known:
                return parent
        return None

    def _delivery(self, record: Record, row: Known | None) -> int:
        """The number of this delivery: kept while neither stage nor status changes."""
        if not isinstance(record, Application):
            return 1
        stage = record.stage.id if record.stage else None
        if row is not None and row.delivery and (row.stage, row.status) == (stage, record.status.value):
            return row.delivery
        return next(self.numbers)

    def delivery(self, record: Record, number: int, raw: Any = None) -> Delivery:
        """A record in the CRM's words, shaped to what the mapping lets in."""
        engine = self.interpreter.engine
        if not isinstance(record, Application):
            return Delivery(record=engine.shape(record, raw=raw if isinstance(raw, dict) else None))
        base = Base(
            stage=record.stage.id if record.stage else None,
            status=record.status,
            delivery=number,
            token=record.token,
        )
        return Delivery(
            record=engine.shape(record, raw=raw if isinstance(raw, dict) else None),
            step=engine.step(record),
            status=engine.status(record),
            reason=engine.reason(record),
            base=base,
        )

    def _known(self, record: Record, digest: bytes | None, row: Known | None, delivery: int) -> Known:
        app = record if isinstance(record, Application) else None
        return Known(
            connection=self.connection,
            kind=record.ref.kind._value_,
            id=record.ref.id,
            digest=digest,
            read_at=record.read_at.timestamp(),
            seen=self.run or (row.seen if row else 0),
            deleted=record.deleted.kind.value if record.deleted else None,
            job=app.job.id if app and app.job else None,
            stage=app.stage.id if app and app.stage else None,
            status=app.status._value_ if app else None,
            reason=app.reason.id if app and app.reason else None,
            token=app.token if app else None,
            delivery=delivery,
            content=pack(record),
        )

    def read_again(self, out: Sorted, refs: Iterable[Ref]) -> None:
        """Have what another read overtook read again: applications, as nothing else can be read by itself."""
        for ref in refs:
            if ref.kind is Kind.APPLICATION:
                out.overtaken += 1
                out.waiting.append(self._wait(ref, ref))  # its parent is known: it waits for the pull's end

    def _wait(self, ref: Ref, parent: Ref) -> Waiting:
        return Waiting(
            connection=self.connection,
            kind=ref.kind.value,
            id=ref.id,
            parent_kind=parent.kind.value,
            parent_id=parent.id,
            since=self.wall,
        )

    def _set_aside(
        self,
        out: Sorted,
        item: Item,
        digest: bytes,
        path: str,
        why: str,
        known: Mapping[tuple[str, str], Known],
    ) -> None:
        out.quarantined.append(self.poison(*item.ids[0], path, why, digest=digest))
        if self.run:
            # It was shown, so it is there.
            self._mark(out, item, known)

    def poison(self, kind: Kind, id: str, path: str, why: str, *, digest: bytes | None = None) -> Quarantined:
        """The row of a record that could not be read."""
        return Quarantined(
            connection=self.connection,
            kind=kind.value,
            id=id,
            path=path,
            why=why,
            digest=digest,
            first_at=self.wall,
            last_at=self.wall,
        )

    def unreadable(self, stream: str, page: Page) -> list[Quarantined]:
        """Entries without even an id, kept under their place in the listing."""
        return [
            Quarantined(
                connection=self.connection,
                kind=stream,
                id=f"?{hashlib.blake2b(f'{path}{why}'.encode(), digest_size=6).hexdigest()}",
                path=path,
                why=why,
                first_at=self.wall,
                last_at=self.wall,
            )
            for path, why in page.rejected
        ]

    def refused(self, batch: Sequence[Delivery], written: Sequence[Written]) -> list[Quarantined]:
        """Records that the CRM would not take, for good.

        Args:
            written: what became of each of the batch, in its order.
        """
        return [
            Quarantined(
                connection=self.connection,
                kind=w.ref.kind.value,
                id=w.ref.id,
                path="",
                why=f"the CRM refused it: {_without_person(storable(w.why), delivery.record)}",
                first_at=self.wall,
                last_at=self.wall,
            )
            for delivery, w in zip(batch, written, strict=True)
            if w.result is WriteResult.FAILED
        ]
