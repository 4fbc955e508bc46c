"""Deliveries to write into a CRM, with as little said as a test needs; and its flows, driven to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from ..crm.interface import Delivery
from ..model import (
    Application,
    ApplicationStatus,
    Base,
    Candidate,
    Email,
    Kind,
    Record,
    Ref,
    Tombstone,
    TombstoneKind,
)
from ..wire.effects import Await

T = TypeVar("T")

ACTIVE, REJECTED = ApplicationStatus.ACTIVE, ApplicationStatus.REJECTED
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: float) -> datetime:
    return EPOCH + timedelta(minutes=minute)


def app_ref(id_: str, connection: str = "acme") -> Ref:
    return Ref(connection, Kind.APPLICATION, id_)


def candidate_ref(id_: str, connection: str = "acme") -> Ref:
    return Ref(connection, Kind.CANDIDATE, id_)


def application(
    id_: str,
    stage: str = "s1",
    *,
    minute: float = 0,
    status: ApplicationStatus = ACTIVE,
    delivery: int = 1,
    connection: str = "acme",
    words: tuple[str | None, str | None] | None = None,
    gone: TombstoneKind | None = None,
    **fields: Any,
) -> Delivery:
    step, status_word = words or (f"step {stage}", status.value)
    record = Application(
        ref=app_ref(id_, connection),
        read_at=at(minute),
        candidate=candidate_ref(fields.pop("candidate", id_), connection),
        stage=Ref(connection, Kind.STAGE, stage),
        stage_name=f"Stage {stage}",
        status=status,
        deleted=Tombstone(gone, at(minute)) if gone else None,
        **fields,
    )
    base = Base(stage, status, delivery, f"token {minute}")
    return Delivery(record=record, step=step, status=status_word, base=base)


def candidate(id_: str, *emails: str, minute: float = 0, connection: str = "acme", **fields: Any) -> Delivery:
    return Delivery(
        record=Candidate(
            ref=candidate_ref(id_, connection),
            read_at=at(minute),
            emails=tuple(Email(email) for email in emails),
            **fields,
        )
    )


def gone(delivery: Delivery, kind: TombstoneKind, *, minute: float, into: Ref | None = None) -> Delivery:
    """A bare tombstone of the same record: nothing but that it is gone."""
    record: Record = type(delivery.record)(
        ref=delivery.record.ref, read_at=at(minute), deleted=Tombstone(kind, at(minute), into)
    )
    return Delivery(record=record)


def play(flow: Generator[Any, Any, T]) -> T:
    """Drive a flow of Performs or of Awaits to its end."""
    return asyncio.run(_play(flow))


async def _play(flow: Generator[Any, Any, T]) -> T:
    try:
        effect = next(flow)
        while True:
            try:
                value = await effect.action() if isinstance(effect, Await) else effect.action()
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
