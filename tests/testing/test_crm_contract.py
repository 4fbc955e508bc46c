"""CRMs with one fault each: the contract catches every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve, field

from atsbridge.crm.interface import Crm, CrmFinding, Delivery, Feed, Held, WriteResult, Written
from atsbridge.crm.local import LocalCrm
from atsbridge.model import Application, Kind, Receipt, Ref, State, StatusUpdate
from atsbridge.testing import CrmContract
from atsbridge.testing.deliveries import application, at
from atsbridge.wire.effects import Json

from .contracts import failures


@define
class Card:
    """What is held of one record."""

    delivery: Delivery
    request: str | None = None
    changes: int = 0


@define
class Board(LocalCrm):
    """A good CRM in memory. Recruiters' transactions may commit in another order than they began in."""

    cards: dict[Ref, Card] = field(factory=dict)
    feed: list[tuple[int, StatusUpdate]] = field(factory=list)
    acknowledged: set[str] = field(factory=set)
    begun: int = 0

    # -- people --

    def begin(self, ref: Ref, step: str) -> Callable[[], str]:
        self.begun += 1
        number, event = self.begun, f"e{self.begun}"
        card = self.cards[ref]
        card.changes += 1
        update = StatusUpdate(
            event_id=event, application=ref, step=step, base=card.delivery.base, actor="recruiter",
            sequence=card.changes, occurred_at=at(number),
        )  # fmt: skip

        def commit() -> str:
            card.request = event
            self.feed.append((number, update))
            return event

        return commit

    # -- the bridge --

    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        return [Written(ref=one.record.ref, result=self.take(one)) for one in batch]

    def take(self, one: Delivery) -> WriteResult:
        held = self.cards.get(one.record.ref)
        if isinstance(one.record, Application) and one.record.stage_name == "unfit":
            return WriteResult.FAILED
        if held is None:
            self.cards[one.record.ref] = Card(one)
            return WriteResult.CREATED
        if one.record.read_at < held.delivery.record.read_at:
            return WriteResult.STALE
        same = one == held.delivery
        held.delivery = one
        return WriteResult.UNCHANGED if same else WriteResult.UPDATED

    def read_changes(self, after: Json) -> Feed:
        """In the order of the commits: what commits late stands late."""
        start = after if isinstance(after, int) else 0
        found = [update for _, update in self.feed[start:] if update.event_id not in self.acknowledged]
        return Feed(updates=found, position=len(self.feed))

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        self.acknowledged.update(event_ids)

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            card = self.cards.get(receipt.application)
            if card is None:
                continue
            if self.is_its(card, receipt):
                card.request = None
            record = card.delivery.record
            if receipt.after and receipt.read_at and self.is_later(receipt, record):
                stage = Ref(record.ref.connection, Kind.STAGE, receipt.after.stage or "")
                later = evolve(record, stage=stage, status=receipt.after.status, read_at=receipt.read_at)
                card.delivery = evolve(card.delivery, record=later, base=receipt.base)

    def is_its(self, card: Card, receipt: Receipt) -> bool:
        return card.request == receipt.event_id

    def is_later(self, receipt: Receipt, record: Any) -> bool:
        return bool(receipt.read_at and receipt.read_at >= record.read_at)

    def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        return {ref: self.held(ref) for ref in refs if ref in self.cards}

    def held(self, ref: Ref) -> Held:
        card = self.cards[ref]
        record: Any = card.delivery.record
        confirmed = None if record.stage is None else State(record.stage.id, record.status)
        return Held(
            ref=ref, confirmed=confirmed, event_id=card.request, base=card.delivery.base,
            deleted=record.deleted is not None,
        )  # fmt: skip

    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        live = [r for r, c in self.cards.items() if c.delivery.record.deleted is None]
        return [ref for ref in live if ref.kind is kind], None

    def check(self) -> tuple[CrmFinding, ...]:
        return (CrmFinding(what="memory", ok=True),)


class TakesOlder(Board):
    def take(self, one: Delivery) -> WriteResult:
        if one.record.ref in self.cards:
            self.cards[one.record.ref].delivery = one
            return WriteResult.UPDATED
        return super().take(one)


class SaysStaleAndTakesIt(Board):
    def take(self, one: Delivery) -> WriteResult:
        result = super().take(one)
        if result is WriteResult.STALE:
            self.cards[one.record.ref].delivery = one
        return result


class Echoes(Board):
    """Its feed is "what was changed", by whomever."""

    def take(self, one: Delivery) -> WriteResult:
        result = super().take(one)
        if result is WriteResult.UPDATED and one.step:
            _ = self.begin(one.record.ref, one.step)()
        return result


class FeedsByNumber(Board):
    """Numbers are given when a transaction begins; one that commits late has a number that was passed."""

    def read_changes(self, after: Json) -> Feed:
        last = after if isinstance(after, int) else 0
        found = [(n, u) for n, u in self.feed if n > last and u.event_id not in self.acknowledged]
        found.sort(key=lambda pair: pair[0])
        return Feed(updates=[u for _, u in found], position=max([last, *(n for n, _ in found)]))


class ForgetsWhatWasRead(Board):
    """A read of the feed takes from it."""

    def read_changes(self, after: Json) -> Feed:
        feed = super().read_changes(None)
        self.acknowledge_events([u.event_id for u in feed.updates])
        return feed


class NeverForgets(Board):
    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        pass


class NewestFirst(Board):
    def read_changes(self, after: Json) -> Feed:
        feed = super().read_changes(after)
        return evolve(feed, updates=list(reversed(feed.updates)))


class TellsTheBaseOfNow(Board):
    def read_changes(self, after: Json) -> Feed:
        feed = super().read_changes(after)
        now = [evolve(u, base=self.cards[u.application].delivery.base) for u in feed.updates]
        return evolve(feed, updates=now)


class AnyReceiptClears(Board):
    def is_its(self, card: Card, receipt: Receipt) -> bool:
        return True


class OldReceiptsConfirm(Board):
    def is_later(self, receipt: Receipt, record: Any) -> bool:
        return True


class OneSpoilsAll(Board):
    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        written = [Written(ref=one.record.ref, result=self.take(one)) for one in batch]
        if any(one.result is WriteResult.FAILED for one in written):
            self.cards.clear()
        return written


class WritesOverRequests(Board):
    """A write from the ATS takes the recruiter's open request away."""

    def take(self, one: Delivery) -> WriteResult:
        result = super().take(one)
        if one.record.ref in self.cards:
            self.cards[one.record.ref].request = None
        return result


class MixesConnections(Board):
    def take(self, one: Delivery) -> WriteResult:
        ref = evolve(one.record.ref, connection="all")
        result = super().take(evolve(one, record=evolve(one.record, ref=ref)))
        self.cards[one.record.ref] = self.cards[ref]
        for other in [r for r in self.cards if (r.kind, r.id) == (ref.kind, ref.id)]:
            self.cards[other] = self.cards[ref]
        return result


class ListsWhatIsGone(Board):
    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        return [ref for ref in self.cards if ref.kind is kind], None


BAD: dict[type[Board], str] = {
    TakesOlder: "nothing_older",
    SaysStaleAndTakesIt: "latest_is_held",
    Echoes: "no_change_of_anybody",
    FeedsByNumber: "visible_late",
    ForgetsWhatWasRead: "until_it_is_acknowledged",
    NeverForgets: "until_it_is_acknowledged",
    NewestFirst: "in_their_order",
    TellsTheBaseOfNow: "what_the_recruiter_saw",
    AnyReceiptClears: "newer_request_open",
    OldReceiptsConfirm: "older_than_what_is_held",
    OneSpoilsAll: "refused_alone",
    WritesOverRequests: "until_its_own_receipt",
    MixesConnections: "another_connection",
    ListsWhatIsGone: "listed_no_more",
}


def faults(crm: type[Board], folder: Path) -> set[str]:
    def change(_self: object, made: Board, ref: Ref, step: str) -> str:
        return made.begin(ref, step)()

    def make(_self: object, _folder: Path) -> Crm:
        return crm()

    return failures(
        CrmContract,
        folder,
        make=make,
        change=change,
        begin_change=lambda _self, made, ref, step: made.begin(ref, step),
        unfit=lambda _self: _unfit(),
    )


def _unfit() -> Delivery:
    one = application("9")
    return evolve(one, record=evolve(one.record, stage_name="unfit"))


@pytest.mark.parametrize("crm", BAD)
def test_a_crm_with_one_fault_is_caught(crm: type[Board], tmp_path: Path) -> None:
    failed = faults(crm, tmp_path)
    assert any(BAD[crm] in name for name in failed), failed


def test_a_good_one_has_no_fault(tmp_path: Path) -> None:
    assert faults(Board, tmp_path) == set()
