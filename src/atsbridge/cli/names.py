"""Names for the ids of the ATS, as the ledger knows them; people do not read ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ..bridge import Bridge
from ..sync.reality import Reality


@frozen
class Names:
    """What the ATS's jobs, stages and reasons are called, by id."""

    jobs: Mapping[str, str] = field(factory=dict)
    stages: Mapping[str, str] = field(factory=dict)
    reasons: Mapping[str, str] = field(factory=dict)

    @classmethod
    def known_to(cls, bridge: Bridge) -> Names:
        """As the last pull left them; nothing is asked."""
        return cls.of(bridge.ledger.look(lambda txn: Reality.load(txn, bridge.connection)))

    @classmethod
    def of(cls, known: Reality) -> Names:
        return cls(
            {id: job.title for id, job in known.jobs.items() if job.title},
            {id: stage.name for id, stage in known.stages.items() if stage.name},
            {id: reason.name for id, reason in known.reasons.items() if reason.name},
        )

    def stage(self, id: str | None) -> str:
        return self.stages.get(id, id) if id else "no stage"

    def state(self, state: Mapping[str, Any] | None) -> str:
        """A state in words; nothing for none."""
        if state is None:
            return ""
        reason = state.get("reason")
        because = f" ({self.reasons.get(reason, reason)})" if reason else ""
        return f"{state['status']} in {self.stage(state['stage'])}{because}"
