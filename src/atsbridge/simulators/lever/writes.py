"""Every request of the Data API that changes something."""

from __future__ import annotations

from typing import Any

from .answers import Problem, Reply, data
from .asking import Ask
from .opportunities import candidacy, view
from .records import Candidacy, Record

ACTIVE_OFFERS = frozenset({"draft", "approval-sent", "approved", "sent", "sent-manually", "opened", "signed"})


def body(ask: Ask) -> Record:
    if not isinstance(ask.body, dict):
        raise Problem(400, "the body must be a JSON object")
    return ask.body


def acting_user(ask: Ask, *, required: bool) -> str | None:
    """The user of `perform_as`, a query parameter on writes too."""
    name = ask.query.one("perform_as")
    if name is None:
        if required:
            raise Problem(400, "perform_as is missing")
        return None
    user = ask.world.account.users.get(name)
    if user is None or user["deactivatedAt"] is not None:
        raise Problem(ask.world.options.bad_user_status, "perform_as is no active user")
    return name


def stage(ask: Ask) -> Reply:
    """``PUT /opportunities/{id}/stage``."""
    held, options = _held(ask), ask.world.options
    user, key = acting_user(ask, required=options.require_perform_as), body(ask).get("stage")
    if not isinstance(key, str):
        raise Problem(400, "stage is missing or no id")
    if ask.world.account.stage(key) is None:
        raise Problem(options.unknown_target_status, "stage is unknown")
    if options.closed_posting_blocks and _posting_state(ask, held) == "closed":
        raise Problem(400, "the posting is closed")
    ask.world.move(held.record["id"], key, user=user, delay=options.visible_after)
    return _done(ask, held)


def archived(ask: Ask) -> Reply:
    """``PUT /opportunities/{id}/archived``: archive, change the reason, un-archive or hire."""
    held = _held(ask)
    acting_user(ask, required=ask.world.options.require_perform_as)
    fields, key, delay = body(ask), held.record["id"], ask.world.options.visible_after
    if "reason" not in fields:
        raise Problem(400, "reason is missing")
    clean = fields.get("cleanInterviews", False)
    if not isinstance(clean, bool):
        raise Problem(400, "cleanInterviews must be true or false")
    requisition = fields.get("requisitionId")
    if fields["reason"] is None:
        if requisition is not None:
            raise Problem(400, "requisitionId belongs to a hire")
        if held.record["archived"] is None and ask.world.options.refuse_needless_unarchive:
            raise Problem(400, "the opportunity is not archived")
        ask.world.unarchive(key, delay=delay)
        return _done(ask, held)
    reason = _reason(ask, fields["reason"])
    if requisition is not None:
        _check_requisition(ask, held, reason, requisition)
    ask.world.archive(key, reason["id"], requisition=requisition, delay=delay)
    if clean:
        ask.world.cancel_interviews(key)
    return _done(ask, held)


def _held(ask: Ask) -> Candidacy:
    """The opportunity as it is, which reads may not show yet."""
    candidacy(ask)
    return ask.world.account.opportunities.actual[ask.ids[0]]


def _done(ask: Ask, held: Candidacy) -> Reply:
    now = ask.world.account.opportunities.actual[held.record["id"]]
    return data(view(ask, now, hide=False))


def _posting_state(ask: Ask, held: Candidacy) -> str | None:
    key = held.application["posting"] if held.application else None
    return (ask.world.account.postings.get(key) or {}).get("state") if key else None


def _reason(ask: Ask, key: Any) -> Record:
    if not isinstance(key, str):
        raise Problem(400, "reason is no id")
    reason = ask.world.account.reason(key)
    if reason is None:
        raise Problem(ask.world.options.unknown_target_status, "reason is unknown")
    if reason["status"] == "inactive" and not ask.world.options.accept_inactive_reasons:
        raise Problem(400, "reason is inactive")
    return reason


def _check_requisition(ask: Ask, held: Candidacy, reason: Record, key: Any) -> None:
    """The active offer must be for a posting that is linked to the requisition."""
    account = ask.world.account
    if not isinstance(key, str) or reason["type"] != "hired":
        raise Problem(400, "requisitionId is no id, or the reason is no hire")
    requisition = account.requisitions.get(key)
    if requisition is None:
        raise Problem(ask.world.options.unknown_target_status, "requisitionId is unknown")
    active = [o for o in account.offers.get(held.record["id"], []) if o["status"] in ACTIVE_OFFERS]
    if not any(_linked(ask, requisition, offer["posting"]) for offer in active):
        raise Problem(400, "no active offer belongs to a posting of this requisition")


def _linked(ask: Ask, requisition: Record, posting: str | None) -> bool:
    held = ask.world.account.postings.get(posting or "") or {}
    return posting in requisition["postings"] or requisition["requisitionCode"] in held.get(
        "requisitionCodes", ()
    )


# -- web hooks --


def create_webhook(ask: Ask) -> Reply:
    _may_hook(ask)
    return data(ask.world.hooks.create(body(ask), ask.world.now()), status=201)


def update_webhook(ask: Ask) -> Reply:
    _may_hook(ask)
    return data(ask.world.hooks.update(ask.ids[0], body(ask), ask.world.now()))


def _may_hook(ask: Ask) -> None:
    acting_user(ask, required=ask.world.options.hooks_need_perform_as)


def delete_webhook(ask: Ask) -> Reply:
    _may_hook(ask)
    ask.world.hooks.delete(ask.ids[0])
    return Reply(204)
