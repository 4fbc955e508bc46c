"""Explain one application: what was read, which rule mapped it, what was decided, sent and answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs import evolve, frozen

from ..ats.interface import Fresh, Gone
from ..crm.interface import Held
from ..errors import BadRecord, ConfigurationError, VendorError, failure_to_keep
from ..mapping import explain_mapping
from ..model import Kind, Ref, Words
from ..wire.effects import Flow, perform
from .context import Context
from .holding import held_back
from .ledger import Attempt, IntentRow, Known, Quarantined, Row, Txn, Update, Waiting, Where
from .reality import Interpreter, Reality, application_from
from .receipts import parse_receipt
from .runs import error_of, outward_failing


@frozen(kw_only=True)
class Explanation:
    """Everything the bridge knows of one application.

    Args:
        known_as: the other kinds of record that have this id.
        mapped: in words, which rule gave which value; of what the ATS says now, where nothing is known.
        updates, intents, attempts: the ledger's rows, oldest first.
        held_back: why a write of it that is pending has not left.
        not_taken_in: the CRM's change of it that no push has taken in, and why, as far as known.
        crm: what the CRM holds, with the CRM's words for what it holds as confirmed.
        now: what the ATS says now; None unless asked. Where it could not be asked: ``error``, in words, and
            whether it may pass by itself.
    """

    application: str
    known: dict[str, Any] | None
    known_as: tuple[str, ...]
    quarantined: str
    waiting_for: str
    mapped: tuple[str, ...]
    updates: tuple[dict[str, Any], ...]
    intents: tuple[dict[str, Any], ...]
    attempts: tuple[dict[str, Any], ...]
    held_back: str
    not_taken_in: str
    crm: dict[str, Any] | None
    now: dict[str, Any] | None

    def as_dict(self) -> dict[str, Any]:
        return attrs.asdict(self)


def explain(ctx: Context, ref: Ref, *, ask: bool = False) -> Flow[Explanation]:
    """Put together the story of one application.

    Args:
        ref: the application's; or with the event id of a change of it, or the id of an intent.
        ask: also read it in the ATS now.

    Raises:
        ConfigurationError: the record is another connection's.
    """
    if ref.connection != ctx.connection:
        raise ConfigurationError(f"{ref} is not of the connection {ctx.connection}")
    ref = yield from perform(lambda: ctx.ledger.look(lambda txn: _meant(txn, ref)))
    found = yield from perform(lambda: ctx.ledger.look(lambda txn: _found(txn, ctx, ref)))
    known, reality, rows, held = found
    in_crm = (yield from ctx.crm.statuses([ref])).get(ref)
    asked_for = in_crm.event_id if in_crm else None
    missed = yield from perform(
        lambda: ctx.ledger.look(lambda txn: _not_taken_in(txn, ctx, asked_for, rows["updates"]))
    )
    now: Fresh | Gone | None = None
    failed: dict[str, Any] | None = None
    if ask:
        try:
            now = yield from ctx.read_application(ref)
        except (VendorError, BadRecord) as error:
            failed = failure_to_keep(error)
    mapped: Sequence[str] = ()
    words: Words | None = None
    if known is not None or isinstance(now, Fresh):
        interpreter = Interpreter.of(ctx.ats, reality, reality.compile(ctx.mapping))
        if isinstance(now, Fresh):
            now = evolve(now, application=interpreter.application(now.application))
        if known is not None:
            mapped = explain_mapping(interpreter.engine, interpreter.application(application_from(known)))
            words = _words(interpreter, known, in_crm)
        elif isinstance(now, Fresh):
            mapped = explain_mapping(interpreter.engine, now.application)
    return Explanation(
        application=ref.id,
        known=_row(known) if known else None,
        known_as=tuple(row.kind for row in rows["others"] if isinstance(row, Known)),
        quarantined=next(
            (f"{q.path}: {q.why}" for q in rows["quarantined"] if isinstance(q, Quarantined)), ""
        ),
        waiting_for=next(
            (f"{w.parent_kind} {w.parent_id}" for w in rows["waiting"] if isinstance(w, Waiting)), ""
        ),
        mapped=tuple(mapped),
        updates=tuple(_row(u) for u in rows["updates"]),
        intents=tuple(_row(i) for i in rows["intents"]),
        attempts=tuple(_row(a) for a in rows["attempts"]),
        held_back=held,
        not_taken_in=missed,
        crm={**attrs.asdict(in_crm), "words": words and attrs.asdict(words)} if in_crm else None,
        now=failed or _now(now),
    )


def _not_taken_in(txn: Txn, ctx: Context, event_id: str | None, updates: Sequence[Row]) -> str:
    """Of a change that the CRM holds open; one that was refused for its form has an id of our own."""
    told = {u.event_id for u in updates if isinstance(u, Update)} | {
        parse_receipt(u.receipt).event_id for u in updates if isinstance(u, Update) and u.receipt
    }
    if event_id is None or event_id in told:
        return ""
    failed = outward_failing(txn, ctx.connection)
    why = f"the last {failed.verb} failed: {error_of(failed)}" if failed else "the next push takes it in"
    return f"the change {event_id}: {why}"


def _meant(txn: Txn, ref: Ref) -> Ref:
    """The application of an id: its own; where no application has it, that of a change or an intent."""
    key = (ref.connection, ref.kind.value, ref.id)
    own = Where(equal={"connection": ref.connection, "application": ref.id})
    if any(txn.get(kind, *key) for kind in (Known, Quarantined, Waiting)) or txn.count(Update, own):
        return ref
    intent = Where(equal={"connection": ref.connection, "intent_id": ref.id})
    rows = txn.get(Update, ref.connection, ref.id), *txn.find(IntentRow, intent, limit=1)
    return next((evolve(ref, id=row.application) for row in rows if row is not None), ref)


def _words(interpreter: Interpreter, known: Known, held: Held | None) -> Words | None:
    """The CRM's words for the state that it holds as confirmed."""
    if held is None or held.confirmed is None:
        return None
    state = held.confirmed
    row = evolve(known, stage=state.stage, status=state.status.value, reason=state.reason)
    engine, app = interpreter.engine, interpreter.application(application_from(row))
    return Words(engine.step(app), engine.status(app), engine.reason(app))


def _now(read: Fresh | Gone | None) -> dict[str, Any] | None:
    if read is None:
        return None
    if isinstance(read, Gone):
        return {"gone": read.tombstone.kind.value}
    return {**attrs.asdict(read.state), "read_at": read.application.read_at.isoformat()}


def _found(txn: Txn, ctx: Context, ref: Ref) -> tuple[Known | None, Reality, dict[str, list[Row]], str]:
    key = (ctx.connection, Kind.APPLICATION.value, ref.id)
    mine = {"connection": ctx.connection, "application": ref.id}
    intents = txn.find(IntentRow, Where(equal=mine), order=("number", "part"))
    attempts: list[Row] = []
    for intent in intents:
        where = Where(equal={"connection": ctx.connection, "intent_id": intent.intent_id})
        attempts.extend(txn.find(Attempt, where, order=("number",)))
    rows: dict[str, list[Row]] = {
        "updates": list(txn.find(Update, Where(equal=mine), order=("number",))),
        "intents": list(intents),
        "attempts": attempts,
        "quarantined": [row] if (row := txn.get(Quarantined, *key)) else [],
        "waiting": [wait] if (wait := txn.get(Waiting, *key)) else [],
        "others": [
            other
            for kind in Kind
            if kind is not Kind.APPLICATION and (other := txn.get(Known, ctx.connection, kind.value, ref.id))
        ],
    }
    pending = any(intent.state == "pending" for intent in intents)
    held = held_back(txn, ctx, application=ref.id) if pending else ""
    return txn.get(Known, *key), Reality.load(txn, ctx.connection), rows, held


def _row(row: Row) -> dict[str, Any]:
    plain = attrs.asdict(row)
    plain.pop("content", None)
    return {k: v.hex() if isinstance(v, bytes) else v for k, v in plain.items()}
