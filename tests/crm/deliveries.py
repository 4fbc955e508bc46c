"""Deliveries to write into a CRM, with as little said as a test needs."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from atsbridge.crm.interface import Delivery
from atsbridge.model import (
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
from atsbridge.wire.effects import Await, Perform

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


def run(flow: Generator[Any, Any, T]) -> T:
    """Drive a flow of Performs, as the sync driver does."""
    try:
        effect = next(flow)
        while True:
            assert isinstance(effect, Perform)
            try:
                value = effect.action()
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def run_async(flow: Generator[Any, Any, T]) -> T:
    """Drive a flow of Awaits, as the async driver does."""
    try:
        effect = next(flow)
        while True:
            assert isinstance(effect, Await)
            try:
                value = await effect.action()
            except Exception as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
