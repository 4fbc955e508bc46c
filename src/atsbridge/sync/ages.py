"""Which of two reads of one record is the later one.

Every record carries ``read_at``, the wall clock when its request was sent, and
neither CRM nor ledger takes an older one than it holds. Wall clocks are put
back, though. So a time that has not come yet says nothing of the order, and
what replaces such a record is stamped no earlier than it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from attrs import evolve

from ..model import Record

R = TypeVar("R", bound=Record)


def overtaken(read_at: float, *, held: float, now: float) -> bool:
    """Whether what is held was read after what has just arrived; all in unix seconds.

    Args:
        read_at: of what has just arrived.
        held: ``read_at`` of what is held.
        now: the wall clock. What is held from beyond it was read before the clock was put back.
    """
    return read_at < held <= now


def no_earlier(record: R, than: float) -> R:
    """The record, as read no earlier than unix seconds."""
    if record.read_at.timestamp() >= than:
        return record
    return evolve(record, read_at=datetime.fromtimestamp(than, UTC))
