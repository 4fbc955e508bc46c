"""Inbound: from the ATS's streams into the CRM, page by page, resumable at every page.

A page is read, its poison set aside, what is unchanged dropped, the rest
mapped and written to the CRM; only then are records, digests and cursor
committed to the ledger, in one transaction. The watermark moves after the
last page alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from attrs import define, evolve, field

from ..ats.interface import Fresh, Gone
from ..crm.interface import Delivery, WriteResult, Written
from ..errors import (
    BadPayload,
    BadRecord,
    CrmError,
    CursorLost,
    Refused,
    Throttled,
    Unavailable,
    WatermarkLost,
)
from ..mapping import Engine
from ..model import Application, Kind, Record, Ref, TombstoneKind
from ..wire.effects import Flow, Json, perform
from ..wire.paging import Headway
from ..wire.payload import Raw
from ..wire.streams import Item, Page, Stream, StreamScope
from .absences import BY_ABSENCE, is_believed, is_due, is_suspect, suspect
from .ages import no_earlier
from .context import Context, Progress
from .given import doubt, doubt_given, give
from .leases import INBOUND, control, keep, reserve_deliveries, take
from .ledger import LONGEST_ID, Known, Lease, Position, Quarantined, Txn, Waiting, Where
from .meanings import Meanings, settle_meanings, settle_reader
from .pages import LOOKED_AT, ORDER, Seen, Sorted, Sorter, is_unchanged, salt, tombstone
from .reality import CONFIGURATION, Interpreter, Reality

_DELIVERIES = 1 << 20
_PAGE_RECORDS = 100_000
_RESTARTS = 3
_LATELY = 600.0
"""What a round of jobs that was cut short had read in these last seconds is left to the next round."""
_AWAY = 3
"""So many reads of single records that fail one after another say that the ATS is away."""
_FIRST = frozenset({*CONFIGURATION, Kind.USER})
"""What is read before the mapping is compiled."""


@define(kw_only=True)
class PullReport:
    """What a pull or sweep came to, in records.

    ``unchanged`` entries were not read, since their bytes are those of before. What was ``read`` was created
    or updated in the CRM, ``already_held`` by it just so, ``left_out``, ``waiting``, ``overtaken``, or
    refused by the CRM; ``quarantined`` has the last, and what could not be read.
    ``overtaken`` were read by a push in the same moment, and were read again one by one.
    ``unfinished`` is a pull whose time was over: the next one goes on where it was.
    ``rereads`` is 1 where the mapping, or what the ATS says its words mean, has changed and all was
    read anew; ``drift`` says where the mapping no longer fits the ATS.
    """

    pages: dict[str, int] = field(factory=dict)
    read: int = 0
    unchanged: int = 0
    created: int = 0
    updated: int = 0
    already_held: int = 0
    left_out: int = 0
    waiting: int = 0
    overtaken: int = 0
    quarantined: int = 0
    deleted: int = 0
    linked: int = 0
    to_review: int = 0
    restarts: int = 0
    rereads: int = 0
    suspects: int = 0
    requests: int = 0
    unfinished: bool = False
    drift: list[str] = field(factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__annotations__}


def pull(
    ctx: Context, *, full: bool = False, run: int = 0, streams: Sequence[Stream] = ()
) -> Flow[PullReport]:
    """Bring everything that changed in the ATS into the CRM.

    Args:
        full: read every stream from its start, whatever the watermarks say.
        run: mark what is seen with this number, for a sweep.
        streams: only these; all of the adapter's where it is empty.

    Raises:
        MappingError: the mapping does not fit the ATS; nothing was written.
        LedgerBusy: another worker is at it.
        VendorError, CrmError: what stopped it; the next pull goes on from there.
    """
    before = ctx.client.requests
    puller = yield from begin(ctx, run=run)
    yield from puller.settle_reader()
    chosen = streams or ctx.ats.streams()
    first = [s for s in chosen if s.kinds <= _FIRST]
    # Configuration is read before the mapping is compiled against it, and held back until it is.
    pages: list[tuple[Stream, _At, Page, datetime]] = []
    for stream in first:
        pages.extend((yield from puller.collect(stream, full=full)))
    puller.compile([record for *_, page, _at in pages for record in _records(page)])
    yield from puller.remember_names()
    yield from puller.settle_meanings()
    for stream, at, page, asked_at in pages:
        yield from puller.process(stream, at, page, asked_at)
    rest = [stream for stream in chosen if stream not in first]
    spared = yield from puller.spared(rest)
    puller.is_over = ctx.time_is_over()
    for stream in rest:
        if stream.name not in spared and not puller.report.unfinished:
            yield from puller.follow(stream, full=full)
    if not puller.report.unfinished:
        yield from puller.release_waiting()
    puller.report.unfinished = puller.report.unfinished or bool(spared)
    puller.report.requests = ctx.client.requests - before
    return puller.report


def read_configuration(ctx: Context) -> Flow[Reality]:
    """Jobs, stages and reasons as the ATS has them now; read from the start, and nothing is kept."""
    records: list[Record] = []
    for stream in ctx.ats.streams():
        if not stream.kinds <= _FIRST or Kind.USER in stream.kinds:
            continue
        cursor, headway = stream.start(None, None), Headway(stream.name)
        while cursor is not None:
            page = yield from read_page(ctx, stream, cursor, headway)
            records.extend(_records(page))
            cursor = page.next
    return Reality.of(records)


def read_page(ctx: Context, stream: Stream, cursor: Json, headway: Headway) -> Flow[Page]:
    """The page at a cursor of a reading that has come so far.

    Raises:
        BadPayload: the stream gave a cursor that is too long, or the same one twice, or a page
            that is too large, or it does not come to an end.
        CursorLost, WatermarkLost, VendorError: see `Stream`.
    """
    headway.turn_to(cursor)
    page = yield from ctx.client.run(stream.page(cursor))
    if len(page.items) > _PAGE_RECORDS:
        raise BadPayload(f"a page of {stream.name} holds more than {_PAGE_RECORDS} records")
    page = _with_keepable_ids(page)
    ids = (item.ids[0][1] for item in page.items)
    headway.saw([*ids, *(ref.id for ref in page.deleted), *(id for _, id in page.shown)])
    return page


def _with_keepable_ids(page: Page) -> Page:
    """Without records that no ledger can have under their id, which are set aside by their place."""

    def is_keepable(item: Item) -> bool:
        return all(len(id) <= LONGEST_ID for _, id in item.ids)

    if all(map(is_keepable, page.items)):
        return page
    why = f"an id of more than {LONGEST_ID} characters"
    long = [(f"[{place}]", why) for place, item in enumerate(page.items) if not is_keepable(item)]
    return evolve(
        page, items=[item for item in page.items if is_keepable(item)], rejected=[*page.rejected, *long]
    )


@define(kw_only=True)
class _At:
    """Where a stream's reading stands."""

    stream: str
    job: str
    cursor: Json
    watermark: Json
    fresh: bool
    headway: Headway
    finished_at: float
    restarts: int = 0
    pages: int = 0


def begin(ctx: Context, *, run: int = 0) -> Flow[Puller]:
    """Take the inbound lease and load what is known.

    Raises:
        LedgerBusy: another worker is at it.
    """

    def start(txn: Txn) -> tuple[Lease, int, Reality, int]:
        lease = take(txn, ctx, INBOUND)
        doubt_given(txn, ctx.connection)
        first = reserve_deliveries(txn, ctx.connection, _DELIVERIES)
        generation = control(txn, ctx.connection).generation
        return lease, first, Reality.load(txn, ctx.connection), generation

    lease, first, known, generation = yield from perform(lambda: ctx.ledger.do(start))
    ctx.held[INBOUND] = lease
    return Puller(ctx=ctx, lease=lease, numbers=count(first), reality=known, generation=generation, run=run)


@define(kw_only=True)
class Puller:
    """One run of inbound work under one lease."""

    ctx: Context
    lease: Lease
    numbers: count[int]
    reality: Reality
    generation: int = 0
    run: int = 0
    report: PullReport = field(factory=PullReport)
    is_over: Callable[[], bool] = lambda: False
    sorter: Sorter = field(init=False)

    def compile(self, records: Iterable[Record]) -> None:
        """Compile the mapping against what is configured now."""
        self.reality = self.reality.with_records(records)
        engine = self.reality.compile(self.ctx.mapping)
        self.report.drift = [str(fault) for fault in engine.drift]
        self.sorter = Sorter(
            connection=self.ctx.connection,
            interpreter=Interpreter.of(self.ctx.ats, self.reality, engine),
            jobs=self.reality.jobs,
            mixed_with=self._salt(engine),
            numbers=self.numbers,
            run=self.run,
            can_name=self.ctx.ats.VENDOR.can_name,
        )

    def _salt(self, engine: Engine) -> bytes:
        return salt(self.ctx.ats.reader, engine.config.inward_digest, self.generation)

    def settle_reader(self) -> Flow[None]:
        """Where the reader, or a setting that it reads by, is another one: have everything read anew."""
        ats = self.ctx.ats
        streams = [s.name for s in ats.streams() if not s.deletions]

        def settle(txn: Txn) -> tuple[int, bool]:
            return settle_reader(txn, self.ctx.connection, ats.reader, streams)

        self.generation, changed = yield from perform(lambda: self.ctx.ledger.do(settle, durable=False))
        self.report.rereads += changed

    def settle_meanings(self) -> Flow[None]:
        """Where the mapping, or what the ATS says things mean, has changed: have all records read anew."""
        interpreter, ats = self.sorter.interpreter, self.ctx.ats
        now = Meanings.of(
            mapping=interpreter.engine.config.inward_digest,
            fitted=interpreter.engine.config.digest,
            revision=ats.reader,
            outcomes=interpreter.outcomes,
            kinds=interpreter.kinds(),
            steps=interpreter.steps(),
            words=interpreter.words(),
        )
        records = [s.name for s in ats.streams() if not s.deletions and not s.kinds <= _FIRST]

        def settle(txn: Txn) -> tuple[int, bool]:
            return settle_meanings(txn, self.ctx.connection, now, records)

        self.generation, changed = yield from perform(lambda: self.ctx.ledger.do(settle, durable=False))
        self.report.rereads = max(self.report.rereads, int(changed))
        self.sorter.mixed_with = self._salt(interpreter.engine)

    def remember_names(self) -> Flow[None]:
        """Bind the mapping's names to ids, so that a later rename in the ATS harms nothing."""
        text = self.reality.bind(self.ctx.mapping).text()

        def store(txn: Txn) -> None:
            row = control(txn, self.ctx.connection)
            if row.mapping != text:
                txn.put([evolve(row, mapping=text)])

        yield from perform(lambda: self.ctx.ledger.do(store, durable=False))

    # -- reading --

    def collect(self, stream: Stream, *, full: bool) -> Flow[list[tuple[Stream, _At, Page, datetime]]]:
        """All pages of a short stream, unprocessed."""
        found: list[tuple[Stream, _At, Page, datetime]] = []
        at = yield from self._open(stream, "", full=full)
        while True:
            asked_at = self.ctx.now()
            page = yield from self._page(stream, at)
            found.append((stream, evolve(at), page, asked_at))
            if page.next is None:
                return found
            at.cursor = page.next

    def spared(self, streams: Sequence[Stream]) -> Flow[frozenset[str]]:
        """Where time is short: what was read just before a stream that was cut short, which is to go on.

        Else what is read again at the beginning of each pull could leave no time for the rest.
        """
        if self.ctx.most_seconds is None:
            return frozenset()
        keys = [(self.ctx.connection, stream.name, "") for stream in streams]
        rows = yield from perform(
            lambda: self.ctx.ledger.look(lambda txn: [txn.get(Position, *key) for key in keys])
        )
        cut = next((place for place, row in enumerate(rows) if row is not None and row.cursor), 0)
        return frozenset(
            row.stream for row in rows[:cut] if row is not None and self._is_of_late(row.finished_at or 0.0)
        )

    def follow(self, stream: Stream, *, full: bool) -> Flow[None]:
        """A stream from where it stands to its end; once per job where it belongs to jobs."""
        by_job = stream.scope is StreamScope.JOB
        last = (yield from self._last_job(stream)) if by_job and not full else ""
        # A round that was cut short goes on where it was, and comes to what it had read before at its end.
        jobs = sorted(sorted(self.reality.jobs), key=lambda id: id < last) if by_job else [""]
        for id in jobs:
            at = yield from self._open(stream, id, full=full)
            job = self.reality.jobs.get(id)
            if job is not None and not full and at.fresh and not stream.due(job, at.watermark):
                continue
            if last and id <= last and at.fresh and self._is_of_late(at.finished_at):
                continue
            while at.cursor is not None:
                asked_at = self.ctx.now()
                page = yield from self._page(stream, at)
                yield from self.process(stream, at, page, asked_at)
                at.cursor = page.next
                # Each stream is at least begun: where nothing is cut short, all would be read anew.
                if self.is_over() and (at.cursor is not None or id != jobs[-1]):
                    self.report.unfinished = True
                    return
        if by_job:
            end = self._round(stream, None)
            yield from perform(lambda: self.ctx.ledger.do(lambda txn: txn.put([end]), durable=False))

    def _is_of_late(self, wall: float) -> bool:
        return 0 <= self.ctx.now().timestamp() - wall < _LATELY

    def _last_job(self, stream: Stream) -> Flow[str]:
        """The job that was being read when a round of them was cut short; empty where none was."""
        key = (self.ctx.connection, stream.name, "")
        row = yield from perform(lambda: self.ctx.ledger.look(lambda txn: txn.get(Position, *key)))
        return str(json.loads(row.cursor)) if row and row.cursor else ""

    def _round(self, stream: Stream, job: str | None) -> Position:
        """Where a round of jobs stands; None: it has come to its end."""
        return Position(
            connection=self.ctx.connection,
            stream=stream.name,
            job="",
            cursor=None if job is None else json.dumps(job),
            finished_at=self.sorter.wall if job is None else None,
        )

    def _open(self, stream: Stream, job: str, *, full: bool) -> Flow[_At]:
        key = (self.ctx.connection, stream.name, job)
        row = yield from perform(lambda: self.ctx.ledger.look(lambda txn: txn.get(Position, *key)))
        watermark = json.loads(row.watermark) if row and row.watermark and not full else None
        cursor = json.loads(row.cursor) if row and row.cursor and not full else None
        fresh = cursor is None
        if fresh:
            cursor = stream.start(watermark, job or None)
        return _At(
            stream=stream.name,
            job=job,
            cursor=cursor,
            watermark=watermark,
            fresh=fresh,
            headway=Headway(stream.name),
            finished_at=(row.finished_at if row else None) or 0.0,
        )

    def _page(self, stream: Stream, at: _At) -> Flow[Page]:
        """The page at a cursor; a cursor or watermark that the ATS has lost starts its window anew."""
        while True:
            try:
                page = yield from read_page(self.ctx, stream, at.cursor, at.headway)
            except (CursorLost, WatermarkLost) as error:
                at.restarts += 1
                if at.restarts > _RESTARTS:
                    raise
                self.report.restarts += 1
                at.watermark = None if isinstance(error, WatermarkLost) else at.watermark
                at.cursor = stream.start(at.watermark, at.job or None)
                at.headway = Headway(stream.name)
                continue
            at.pages += 1
            return page

    # -- processing --

    def process(self, stream: Stream, at: _At, page: Page, asked_at: datetime) -> Flow[None]:
        """One page: known rows, new records, CRM, commit."""
        self.sorter.wall = self.ctx.now().timestamp()
        digests = self.sorter.digests(page.items)
        seen = yield from perform(lambda: self.ctx.ledger.look(lambda txn: self._look(txn, page, digests)))
        known = seen.known
        out = self.sorter.sort(page.items, digests, seen)
        self._bury(out, page, known, asked_at)
        out.quarantined.extend(self.sorter.unreadable(stream.name, page))
        if out.deliveries:
            yield from perform(lambda: self._give(stream, at, out))
        written = yield from self.deliver(out)
        yield from perform(lambda: self._commit(stream, at, page, out))
        self._count(stream, page, out, written)

    def _look(self, txn: Txn, page: Page, digests: Sequence[bytes]) -> Seen:
        """What the ledger knows of a page; of unchanged items no more than it takes to see that."""
        held = self._looked_at(txn, page.items)
        unchanged: list[bool] = []
        wanted: dict[str, list[str]] = {}
        for item, digest in zip(page.items, digests, strict=True):
            rows = {key: held[key[0]].get(key[1]) for key in item.remembered_by}
            same = all(is_unchanged(digest, row) for row in rows.values())
            unchanged.append(same)
            if self.run or not same:
                for kind, id in item.ids:
                    # What is not there need not be looked for again.
                    if rows.get((kind, id), ()) is not None:
                        wanted.setdefault(kind, []).append(id)
        for kind, id in (*((ref.kind, ref.id) for ref in page.deleted), *page.shown):
            wanted.setdefault(kind, []).append(id)
        known = self._known_rows(txn, wanted)
        candidates = {id: row for (kind, id), row in known.items() if kind == Kind.CANDIDATE}
        parents = {Kind.JOB: self.reality.jobs, Kind.CANDIDATE: candidates}
        return Seen(known=known, parents=parents, unchanged=unchanged)

    def _looked_at(self, txn: Txn, items: Sequence[Item]) -> dict[str, dict[str, tuple[Any, ...]]]:
        """By kind and id, what tells whether an item is unchanged; of those that the ledger has."""
        wanted: dict[str, list[str]] = {}
        for item in items:
            for kind, id in item.remembered_by:
                wanted.setdefault(kind, []).append(id)
        return {
            kind: txn.get_columns(Known, LOOKED_AT, (self.ctx.connection, kind), list(dict.fromkeys(ids)))
            for kind, ids in wanted.items()
        }

    def _known_rows(self, txn: Txn, wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Known]:
        return {
            (kind, id): row
            for kind, ids in wanted.items()
            for id, row in txn.get_many(Known, (self.ctx.connection, kind), list(dict.fromkeys(ids))).items()
        }

    def _bury(
        self, out: Sorted, page: Page, known: Mapping[tuple[str, str], Known], asked_at: datetime
    ) -> None:
        """Tombstones for what the vendor itself lists as deleted, and marks for what it merely shows."""
        for ref in page.deleted:
            row = known.get((ref.kind, ref.id))
            if row is not None and row.deleted is None:
                self.bury(out, row, tombstone(ref, TombstoneKind.DELETED, asked_at))
        for kind, id in page.shown:
            row = out.known.get((kind, id)) or known.get((kind, id))
            if row is not None and self.run:
                out.known[kind, id] = evolve(row, seen=self.run)
            if row is not None and row.deleted in BY_ABSENCE:
                # Shown by its id alone: whether it is back, a read of its own must tell.
                self.sorter.read_again(out, [Ref(self.ctx.connection, Kind(kind), id)])

    def bury(self, out: Sorted, row: Known, record: Record) -> None:
        assert record.deleted is not None  # noqa: S101 - made by `tombstone`
        kind = record.deleted.kind.value
        # What is gone does not come back: a deletion replaces what is held, whenever that was read.
        record = no_earlier(record, row.read_at)
        out.known[row.kind, row.id] = evolve(
            row, deleted=kind, read_at=record.read_at.timestamp(), digest=None, content=None
        )
        out.deliveries[row.kind, row.id] = Delivery(record=record)
        self.report.deleted += 1

    def deliver(self, out: Sorted) -> Flow[Sequence[Written]]:
        """Write to the CRM, parents first; what it refuses for good goes to quarantine."""
        batch = sorted(out.deliveries.values(), key=lambda d: ORDER[d.record.ref.kind])
        if not batch:
            return ()
        written = yield from self.ctx.crm.write(batch)
        if [one.ref for one in written] != [one.record.ref for one in batch]:
            raise CrmError("the CRM did not answer for every record of a batch, in its order")
        if any(w.result is WriteResult.FAILED and w.retryable for w in written):
            raise CrmError("the CRM could not take a batch; it is delivered again by the next pull")
        # The CRM holds a later read, or one from before the clock was put back: the next read decides.
        behind = [w.ref for w in written if w.result is WriteResult.STALE]
        self.sorter.read_again(out, behind)
        for ref in behind:
            key = (ref.kind.value, ref.id)
            out.known[key] = evolve(out.known[key], digest=None)
        refused = self.sorter.refused(batch, written)
        for row in refused:
            _ = out.known.pop((row.kind, row.id), None)
        out.quarantined.extend(refused)
        yield from self._match(written)
        return written

    def _match(self, written: Sequence[Written]) -> Flow[None]:
        """Link candidates to leads; again for those that are there already, since it may have been missed."""
        taken = (WriteResult.CREATED, WriteResult.UPDATED, WriteResult.UNCHANGED)
        refs = [w.ref for w in written if w.ref.kind is Kind.CANDIDATE and w.result in taken]
        if not refs:
            return
        links = yield from self.ctx.crm.match(refs, by_email=self.ctx.mapping.match_email)
        self.report.linked += sum(link.certain for link in links)
        self.report.to_review += sum(not link.certain for link in links)

    def _give(self, stream: Stream, at: _At, out: Sorted) -> None:
        with self.ctx.ledger.transaction(durable=False) as txn:
            self.lease = self.ctx.held[INBOUND] = keep(txn, self.ctx, self.lease)
            give(txn, self.ctx.connection, stream.name, at.job, out.deliveries)

    def _commit(self, stream: Stream, at: _At, page: Page, out: Sorted) -> None:
        with self.ctx.ledger.transaction(durable=False) as txn:
            self.lease = self.ctx.held[INBOUND] = keep(txn, self.ctx, self.lease)
            self.store(txn, out)
            done = page.next is None
            watermark = page.watermark if done else at.watermark
            txn.put(
                [
                    Position(
                        connection=self.ctx.connection,
                        stream=stream.name,
                        job=at.job,
                        watermark=None if watermark is None else json.dumps(watermark),
                        cursor=None if done else json.dumps(page.next),
                        pages=at.pages,
                        restarts=at.restarts,
                        finished_at=self.sorter.wall if done else None,
                    ),
                    *([self._round(stream, at.job)] if stream.scope is StreamScope.JOB else []),
                ]
            )

    def store(self, txn: Txn, out: Sorted) -> None:
        """The rows of a page. A row that another worker has made newer meanwhile stays, and is read again."""
        beaten = txn.put_unless_newer(out.known.values(), "read_at")
        self.sorter.read_again(out, [Ref(row.connection, Kind(row.kind), row.id) for row in beaten])
        txn.put(out.waiting)
        for row in out.quarantined:
            held = txn.get(Quarantined, *row.key)
            txn.put([evolve(row, first_at=held.first_at, times=held.times + 1) if held else row])
        if out.read or out.settled:
            self._unquarantine(txn, out)

    def _unquarantine(self, txn: Txn, out: Sorted) -> None:
        """What was poison and now reads well is no longer quarantined."""
        still = {(q.kind, q.id) for q in out.quarantined}
        held = txn.find(Quarantined, Where(equal={"connection": self.ctx.connection}))
        for row in held:
            # Listed poison that is listed again as it was before it was poison reads as well as it did then.
            back = row.digest is not None and (row.kind, row.id) in out.settled
            if (back or (row.kind, row.id) in out.known) and (row.kind, row.id) not in still:
                txn.delete(
                    Quarantined, Where(equal=dict(zip(("connection", "kind", "id"), row.key, strict=True)))
                )

    def _count(self, stream: Stream, page: Page, out: Sorted, written: Sequence[Written]) -> None:
        report = self.report
        report.pages[stream.name] = report.pages.get(stream.name, 0) + 1
        report.read += out.read
        report.unchanged += out.unchanged
        report.left_out += len(out.left_out)
        report.waiting += len(out.waiting) - out.overtaken
        report.overtaken += out.overtaken
        report.quarantined += len(out.quarantined)
        elsewhere = out.left_out | {(ref.kind.value, ref.id) for ref in page.deleted}
        for one in written:
            if elsewhere and (one.ref.kind.value, one.ref.id) in elsewhere:
                continue  # counted as what it is, though the CRM was told
            report.created += one.result is WriteResult.CREATED
            report.updated += one.result is WriteResult.UPDATED
            report.already_held += one.result is WriteResult.UNCHANGED
        self.ctx.progress(
            Progress(
                verb="pull",
                what=stream.name,
                pages=report.pages[stream.name],
                done=report.read + report.unchanged,
            )
        )

    # -- records that waited, and records that one asks for --

    def release_waiting(self) -> Flow[None]:
        """Read again the applications whose parents have come, and those once not found."""

        def due(txn: Txn) -> list[Waiting]:
            rows = txn.find(Waiting, Where(equal={"connection": self.ctx.connection}))
            by_kind: dict[str, list[str]] = {}
            for row in rows:
                by_kind.setdefault(row.parent_kind, []).append(row.parent_id)
            come = self._known_rows(txn, by_kind)
            wall = self.ctx.now().timestamp()
            return [
                row
                for row in rows
                if (is_due(row, wall=wall) if is_suspect(row) else (row.parent_kind, row.parent_id) in come)
            ]

        failed = 0
        for row in (yield from perform(lambda: self.ctx.ledger.look(due))):
            ref = Ref(self.ctx.connection, Kind(row.kind), row.id)
            try:
                _ = yield from self.refresh(ref)
                failed = 0
            except (Refused, Unavailable) as error:
                # All was listed just now: it is this one that cannot be read, unless more and more cannot.
                failed += 1
                if failed == _AWAY or isinstance(error, Throttled):
                    raise
                self.report.waiting += 1  # and is asked for again by the next pull

    def refresh(self, ref: Ref, *, missed: bool = False, in_crm: bool = False) -> Flow[bool]:
        """Read one application afresh and bring it in, gone or not; False where it is set aside as poison.

        Args:
            missed: no listing shows it either, so that "not found" is believed at once.
            in_crm: the CRM holds it: it is told where it is gone, though the ledger never knew it.
        """
        held = yield from perform(
            lambda: self.ctx.ledger.look(lambda txn: txn.get(Known, ref.connection, ref.kind, ref.id))
        )
        asked_at = self.ctx.now()
        try:
            fresh = yield from self.ctx.read_application(ref)
        except BadRecord as error:
            self.sorter.wall = asked_at.timestamp()
            out = Sorted(quarantined=[self.sorter.poison(ref.kind, ref.id, error.path, error.why)])
            yield from perform(lambda: self.ctx.ledger.do(lambda txn: self.store(txn, out), durable=False))
            self.report.quarantined += 1
            return False
        if held is not None and isinstance(fresh, Fresh):
            # Asked for after that row was written, so later than it, whatever the clocks say.
            fresh = evolve(fresh, application=no_earlier(fresh.application, held.read_at))
        yield from self.bring(ref, fresh, asked_at, missed=missed, in_crm=in_crm)
        return True

    def bring(
        self,
        ref: Ref,
        fresh: Fresh | Gone,
        asked_at: datetime,
        *,
        missed: bool = False,
        in_crm: bool = False,
    ) -> Flow[None]:
        """Bring a fresh read of one application into CRM and ledger; see `refresh`."""
        self.sorter.wall = self.ctx.now().timestamp()
        items = () if isinstance(fresh, Gone) else (_as_item(fresh.application),)
        page, digests = Page(items=items), self.sorter.digests(items)

        def look(txn: Txn) -> Any:
            row = txn.get(Known, self.ctx.connection, ref.kind, ref.id)
            doubted = (
                isinstance(fresh, Gone)
                and row is not None
                and row.deleted is None
                and not missed
                and not is_believed(txn, ref, fresh.tombstone.kind, wall=self.sorter.wall)
            )
            return self._look(txn, page, digests), row, doubted

        seen, row, doubted = yield from perform(lambda: self.ctx.ledger.look(look))
        if doubted:
            wall = self.sorter.wall
            yield from perform(lambda: self.ctx.ledger.do(lambda txn: suspect(txn, ref, wall=wall)))
            return
        out = self.sorter.sort(items, digests, seen)
        if row is None and in_crm and isinstance(fresh, Gone):
            row = Known(
                connection=ref.connection, kind=ref.kind, id=ref.id, digest=None, read_at=asked_at.timestamp()
            )
        if isinstance(fresh, Gone) and row is not None and row.deleted is None:
            kind, into = fresh.tombstone.kind, fresh.tombstone.into
            self.bury(out, row, tombstone(ref, kind, asked_at, into=into))
        # The next listing of this record must not look unchanged: its bytes are others.
        out.known = {key: evolve(value, digest=None) for key, value in out.known.items()}
        if out.deliveries and (row is None or row.digest is not None):
            keys = list(out.deliveries)
            yield from perform(
                lambda: self.ctx.ledger.do(lambda txn: doubt(txn, ref.connection, keys), durable=False)
            )
        yield from self.deliver(out)

        def store(txn: Txn) -> None:
            if row is None and not out.known:
                txn.delete(Known, Where(equal={"connection": ref.connection, "kind": ref.kind, "id": ref.id}))
            self.store(txn, out)
            if not out.waiting:
                names = ("connection", "kind", "id")
                txn.delete(
                    Waiting,
                    Where(equal=dict(zip(names, (self.ctx.connection, ref.kind, ref.id), strict=True))),
                )

        yield from perform(lambda: self.ctx.ledger.do(store, durable=False))


def _as_item(application: Application) -> Item:
    ids: tuple[tuple[Kind, str], ...] = ((Kind.APPLICATION, application.ref.id),)
    if application.candidate is not None:
        ids = (*ids, (Kind.CANDIDATE, application.candidate.id))
    return Item(ids, Raw(b"", {}), lambda _data: (application,))


def _records(page: Page) -> list[Record]:
    """The records of a configuration page that read well; the others are quarantined when processed."""
    found: list[Record] = []
    for item in page.items:
        try:
            found.extend(item.read(item.raw.data))
        except (BadRecord, ValueError, TypeError, KeyError, AttributeError):
            continue
    return found
