"""Receipts: what became of a recruiter's change, as the CRM is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cattrs.preconf.json import make_converter

from ..model import ApplicationStatus, Base, CompareAndSet, Gap, Kind, Receipt, Ref, Result, SideEffect, State
from .ledger import IntentRow, Known, Txn, Update

GOES_ON = (Result.APPLIED, Result.ALREADY, Result.APPLIED_OVER_CHANGE)
"""Results after which the next part of a chain may be sent."""

_CONVERTER = make_converter()


def state_text(state: State) -> str:
    return json.dumps([state.stage, state.status.value, state.reason])


def parse_state(text: str) -> State:
    stage, status, reason = json.loads(text)
    return State(stage, ApplicationStatus(status), reason)


def receipt_text(receipt: Receipt) -> str:
    return _CONVERTER.dumps(receipt)


def parse_receipt(text: str) -> Receipt:
    return _CONVERTER.loads(text, Receipt)


def make_receipt(
    txn: Txn, update: Update, result: Result, why: str, intents: list[IntentRow], wall: float
) -> Receipt:
    known = txn.get(Known, update.connection, Kind.APPLICATION.value, update.application)
    last = next((i for i in reversed(intents) if i.after_state), None)
    after = parse_state(last.after_state) if last and last.after_state else None
    befores = [i.before for i in intents if i.before]
    done = sum(i.result in [r.value for r in GOES_ON] for i in intents)
    evidence: dict[str, Any] = next((json.loads(i.evidence) for i in reversed(intents) if i.evidence), {})
    return Receipt(
        event_id=update.event_id,
        application=Ref(update.connection, Kind.APPLICATION, update.application),
        result=result,
        why=why,
        intent_ids=tuple(i.intent_id for i in intents),
        before=parse_state(befores[0]) if befores else None,
        after=after,
        overwritten=tuple(s for i in intents if i.overwritten for s in json.loads(i.overwritten)),
        progress=(done, len(intents)),
        strength=CompareAndSet(evidence["cas"]) if "cas" in evidence else None,
        gap=_gap({i.gap for i in intents}),
        side_effects=tuple(SideEffect(s) for s in evidence.get("side_effects", ())),
        evidence={k: v for k, v in evidence.items() if k in ("answer", "request_id", "write")},
        attempts=sum(i.attempts for i in intents),
        at=datetime.fromtimestamp(wall, UTC),
        read_at=datetime.fromtimestamp(last.read_at, UTC) if last and last.read_at else None,
        base=_base(known, after),
    )


def _gap(gaps: set[str | None]) -> Gap:
    """The weakest of a chain's gaps."""
    for gap in (Gap.UNAUDITED, Gap.AUDITED):
        if gap.value in gaps:
            return gap
    return Gap.NOT_APPLICABLE


def _base(known: Known | None, after: State | None) -> Base | None:
    if known is None or after is None or known.status is None:
        return None
    return Base(known.stage, ApplicationStatus(known.status), known.delivery, known.token)
