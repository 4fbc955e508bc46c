"""An asynchronous CRM of your own: cards in memory, behind an `asyncio.Lock`.

The methods are coroutines and run on your own event loop, so an asyncpg pool or
an async ORM session fits where this keeps a dict. Such a CRM needs
`AsyncBridge`; `Bridge` refuses it.

Run it; it needs no account::

    python examples/async_local_crm.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import uuid4

from attrs import define, field

from atsbridge.crm.interface import CrmFinding, Delivery, Feed, Held, WriteResult, Written
from atsbridge.crm.local import AsyncLocalCrm
from atsbridge.model import Application, Base, Kind, Receipt, Ref, State, StatusUpdate
from atsbridge.wire.effects import Json


@define
class Card:
    """One application: what the ATS confirmed, and apart from it what a recruiter wants."""

    read_at: datetime
    confirmed: State
    step: str | None = None
    base: Base | None = None
    gone: bool = False
    wanted: StatusUpdate | None = None
    changes: int = 0
    note: str = ""

    @property
    def shown(self) -> str | None:
        return self.wanted.step if self.wanted else self.step


@define
class MemoryCrm(AsyncLocalCrm):
    """Applications alone; the lock makes each method one transaction."""

    cards: dict[Ref, Card] = field(factory=dict)
    outbox: dict[str, StatusUpdate] = field(factory=dict)
    lock: asyncio.Lock = field(factory=asyncio.Lock)

    async def drag(self, ref: Ref, *, step: str, actor: str) -> str:
        """A recruiter drags a card: the request, its base and its event, all or nothing."""
        async with self.lock:
            card = self.cards[ref]
            card.changes += 1
            card.wanted = StatusUpdate(
                event_id=uuid4().hex,
                application=ref,
                step=step,
                base=card.base,
                actor=actor,
                sequence=card.changes,
                occurred_at=datetime.now(UTC),
            )
            self.outbox[card.wanted.event_id] = card.wanted
            return card.wanted.event_id

    async def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        async with self.lock:
            return [Written(ref=d.record.ref, result=self._write(d)) for d in batch]

    def _write(self, delivery: Delivery) -> WriteResult:
        record = delivery.record
        if not isinstance(record, Application):
            return WriteResult.UNCHANGED
        card = self.cards.get(record.ref)
        if card and card.read_at > record.read_at:
            return WriteResult.STALE
        if card is None:
            card = self.cards[record.ref] = Card(record.read_at, record.state)
            result = WriteResult.CREATED
        else:
            result = WriteResult.UPDATED
        card.read_at, card.gone = record.read_at, record.deleted is not None
        if not card.gone:
            card.confirmed, card.step, card.base = record.state, delivery.step, delivery.base
        return result

    async def read_changes(self, after: Json) -> Feed:
        async with self.lock:
            return Feed(updates=tuple(self.outbox.values()), position=None)

    async def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        async with self.lock:
            for event_id in event_ids:
                self.outbox.pop(event_id, None)

    async def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        async with self.lock:
            for receipt in receipts:
                if card := self.cards.get(receipt.application):
                    self._take(card, receipt)

    def _take(self, card: Card, receipt: Receipt) -> None:
        card.note = f"{receipt.result}: {receipt.why}"
        mine = card.wanted is not None and card.wanted.event_id == receipt.event_id
        if receipt.after and receipt.read_at and receipt.read_at >= card.read_at:
            card.confirmed, card.read_at = receipt.after, receipt.read_at
            card.base = receipt.base or card.base
            if mine and card.wanted and receipt.result in ("applied", "already"):
                card.step = card.wanted.step
        if mine:
            card.wanted = None

    async def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        async with self.lock:
            return {ref: held(ref, card) for ref in refs if (card := self.cards.get(ref))}

    async def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        async with self.lock:
            return [ref for ref, card in self.cards.items() if ref.kind is kind and not card.gone], None

    async def check(self) -> tuple[CrmFinding, ...]:
        return (CrmFinding(what="memory can be reached", ok=True, abilities=self.abilities),)


def held(ref: Ref, card: Card) -> Held:
    return Held(
        ref=ref,
        confirmed=card.confirmed,
        requested_step=card.wanted.step if card.wanted else None,
        event_id=card.wanted.event_id if card.wanted else None,
        base=card.base,
        deleted=card.gone,
    )


async def main() -> None:
    """On a simulator; for an account of yours give its key, and leave ``at`` out."""
    from atsbridge.ats.lever import Lever
    from atsbridge.bridge import AsyncBridge
    from atsbridge.ledgers.sqlite import SqliteLedger
    from atsbridge.simulators.lever import LeverSimulator
    from atsbridge.simulators.serve import serve

    account, crm = LeverSimulator.generate(100), MemoryCrm()
    mapping = {"version": 1, "steps": {"Phone Screen": {"stages": ["Recruiter screen"]}}}
    ats = Lever(connection="acme", api_key=account.credentials["api_key"])
    with serve(account) as server:
        ledger = SqliteLedger("ledger.db")
        async with AsyncBridge(ats=ats, crm=crm, ledger=ledger, mapping=mapping, at=server.url) as bridge:
            await bridge.sync()
    for ref, card in crm.cards.items():
        print(ref, card.shown, card.note)


if __name__ == "__main__":
    asyncio.run(main())
