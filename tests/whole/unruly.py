"""A CRM whose feed repeats, reorders, holds back and echoes the changes that it really has."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from attrs import evolve

from atsbridge.crm.interface import Feed
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import BRIDGE_ACTOR, StatusUpdate


class UnrulyCrm(SqlCrm):
    """`SqlCrm`, as long as it is told nothing; else the feed is as it is told to be.

    Attributes:
        dice: where it is set, what is new comes out of order, some of it later, with repeats and echoes.
        only: where it is set, of what is new these events alone.
        extra: comes beside what is new, whenever the feed is read.
        past: every change that the feed has held so far.
    """

    def __init__(self, path: str | Path, **more: Any) -> None:
        super().__init__(path, **more)
        self.dice: random.Random | None = None
        self.only: list[str] | None = None
        self.extra: list[StatusUpdate] = []
        self.past: dict[str, StatusUpdate] = {}

    def read_changes(self, after: Any) -> Feed:
        feed = super().read_changes(after)
        self.past |= {u.event_id: u for u in feed.updates}
        updates = list(feed.updates)
        if self.only is not None:
            updates = [self.past[event] for event in self.only]
        if self.dice is not None:
            updates = [u for u in updates if self.dice.random() < 0.7]
            olds = self.dice.sample(sorted(self.past), min(2, len(self.past)))
            updates += [self.past[olds[0]], echo_of(self.past[olds[-1]])] if olds else []
            self.dice.shuffle(updates)
        return evolve(feed, updates=(*updates, *self.extra))


def echo_of(update: StatusUpdate) -> StatusUpdate:
    """What a CRM tells that cannot keep the bridge's own writes out of its feed."""
    sequence = None if update.sequence is None else update.sequence + 1
    return evolve(update, event_id=f"echo-{update.event_id}", actor=BRIDGE_ACTOR, sequence=sequence)
