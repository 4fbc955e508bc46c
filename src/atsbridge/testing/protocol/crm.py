"""The model's CRM: a feed that the explorer fills, and what it was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from ...crm.interface import Crm, CrmFinding, Delivery, Feed, Held, WriteResult, Written
from ...model import Kind, Receipt, Ref, StatusUpdate
from ...wire.effects import Flow, Json, perform


@define
class ModelCrm(Crm):
    """Every call that changes it is one effect, so that the worker can die before it."""

    offered: list[StatusUpdate] = field(factory=list)
    acknowledged: list[str] = field(factory=list)
    told: list[Receipt] = field(factory=list)

    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        return [Written(ref=d.record.ref, result=WriteResult.UPDATED) for d in batch]
        yield

    def changes(self, after: Json) -> Flow[Feed]:
        return Feed(updates=tuple(self.offered), position=None)
        yield

    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        yield from perform(lambda: self.acknowledged.extend(event_ids))

    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        yield from perform(lambda: self.told.extend(receipts))

    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        return {}
        yield

    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        return (), None
        yield

    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        return ()
        yield
