"""A CRM that can misbehave: its feed repeats, reorders, holds back and echoes, and it may fail."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve

from ...crm.interface import Delivery, Feed, Written
from ...crm.sql import SqlCrm
from ...model import BRIDGE_ACTOR, Receipt, StatusUpdate
from ...wire.effects import Json


class UnrulyCrm(SqlCrm):
    """`SqlCrm`, as long as it is told nothing; else it does what it is told.

    Attributes:
        dice: where it is set, what is new comes out of order, some of it later, with repeats and echoes.
        only: where it is set, of what is new these events alone.
        extra: comes beside what is new, whenever the feed is read.
        past: every change that the feed has held so far.
        receipts: every receipt that was delivered, in order, repeats too.
        before: called with the name of each method of the bridge's before it is done; may raise.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
        **more: Any,
    ) -> None:
        super().__init__(path, connect=connect, **more)
        self.dice: random.Random | None = None
        self.only: list[str] | None = None
        self.extra: list[StatusUpdate] = []
        self.past: dict[str, StatusUpdate] = {}
        self.receipts: list[Receipt] = []
        self.before: Callable[[str], object] = lambda _method: None

    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        _ = self.before("write_batch")
        return super().write_batch(batch)

    def read_changes(self, after: Json) -> Feed:
        _ = self.before("read_changes")
        feed = super().read_changes(after)
        self.past |= {u.event_id: u for u in feed.updates}
        updates = list(feed.updates)
        if self.only is not None:
            updates = [self.past[event] for event in self.only]
        if self.dice is not None:
            updates = [u for u in updates if self.dice.random() < 0.7]
            # In the order of their making: their ids are random.
            olds = self.dice.sample(list(self.past), min(2, len(self.past)))
            updates += [self.past[olds[0]], echo_of(self.past[olds[-1]])] if olds else []
            self.dice.shuffle(updates)
        return evolve(feed, updates=(*updates, *self.extra))

    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        _ = self.before("acknowledge_events")
        super().acknowledge_events(event_ids)

    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        _ = self.before("take_receipts")
        super().take_receipts(receipts)
        self.receipts.extend(receipts)


def echo_of(update: StatusUpdate) -> StatusUpdate:
    """What a CRM tells that cannot keep the bridge's own writes out of its feed."""
    sequence = None if update.sequence is None else update.sequence + 1
    return evolve(update, event_id=f"echo-{update.event_id}", actor=BRIDGE_ACTOR, sequence=sequence)
