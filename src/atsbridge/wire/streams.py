"""Streams: how an adapter offers what can be listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from attrs import field, frozen

from ..errors import BadRecord
from ..model import Job, Kind, Record, Ref
from .collecting import uncollected
from .effects import Json
from .operations import Operation
from .payload import Raw

T = TypeVar("T")


class StreamScope(StrEnum):
    CONNECTION = "connection"
    JOB = "job"


@frozen
class Item:
    """One listed record, unread: its raw bytes and the pure reader of them.

    ``ids`` are known before reading, so that an unchanged record costs no
    object: `read` is called only when the raw digest is new. An application
    names its candidate after itself, also where that is listed elsewhere: one
    whose candidate is not named here is taken for one that has not come yet.
    """

    ids: tuple[tuple[Kind, str], ...]
    raw: Raw
    read: Callable[[Any], tuple[Record, ...]] = field(repr=False)

    @property
    def remembered_by(self) -> Sequence[tuple[Kind, str]]:
        """What remembers these bytes: each application in them, as it is read by itself too; else the first.

        Where one of a person's applications has been read and given since, the entry is to be read again,
        even if it is back to the bytes that the others remember.
        """
        found = [key for key in self.ids if key[0] is Kind.APPLICATION]
        return found or self.ids[:1]


@frozen(kw_only=True)
class Page:
    """A page of a stream.

    Args:
        items: what was listed, of any of the stream's kinds.
        deleted: refs that the vendor itself lists as deleted.
        shown: ids listed without their content; they count as seen by a sweep.
        next: the cursor of the page after, or None at the end.
        watermark: on the last page, how far the stream has now been read.
        rejected: entries so broken that not even an id could be read: ``(path, why)``.
    """

    items: Sequence[Item] = ()
    deleted: Sequence[Ref] = ()
    shown: Sequence[tuple[Kind, str]] = ()
    next: Json = None
    watermark: Json = None
    rejected: Sequence[tuple[str, str]] = ()


@frozen(kw_only=True)
class Stream:
    """Something that can be listed, page by page.

    Args:
        name: of the stream, unique per adapter; part of the ledger's key.
        kinds: what its pages may hold. Jobs, stages and reasons, which the mapping is made of, are read
            before all else, from the streams that hold nothing else.
        scope: JOB makes the engine call it once per known job.
        incremental: whether a watermark narrows it; if not it is read whole.
        deletions: it lists what is gone, and no live records.
        sweeps: a read from the start shows every live record of ``kinds``, and the
            vendor has no list of deletions: what such a read misses may be gone.
        start: watermark (None on the first run) to first cursor. With scope
            JOB it is called with the job's id as second argument.
        page: cursor to an operation that ends in a `Page`.
        due: with scope JOB, whether a job is to be read now, by what is known of it and its
            watermark; a full read takes every job.

    Cursors and watermarks are JSON of at most 64 kB, opaque to all but the adapter.
    """

    name: str
    kinds: frozenset[Kind]
    scope: StreamScope = StreamScope.CONNECTION
    incremental: bool
    deletions: bool = False
    sweeps: bool = False
    start: Callable[[Json, str | None], Json] = field(repr=False)
    page: Callable[[Any], Operation[Page]] = field(repr=False)
    due: Callable[[Job, Json], bool] = field(default=lambda _job, _watermark: True, repr=False)


@uncollected
def sort_out(raws: Sequence[Raw], make: Callable[[Raw], T]) -> tuple[list[T], list[tuple[str, str]]]:
    """What is made of a listing's entries, and those that have not even an id, as ``(path, why)``.

    Args:
        make: an entry's `Item`, or merely its kind and id; raises `BadRecord` where there is none.
    """
    items: list[T] = []
    rejected: list[tuple[str, str]] = []
    for place, raw in enumerate(raws):
        try:
            items.append(make(raw))
        except BadRecord as error:
            rejected.append((f"[{place}].{error.path}", error.why))
    return items, rejected
