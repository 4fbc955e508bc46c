"""What nobody could confirm about Lever, as switches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import converters, field, fields, frozen


def _names(value: Any) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)


def _codes(value: Any) -> dict[int, str]:
    """``400=InvalidArgument,429=RateLimitExceeded``, or a mapping."""
    pairs = (part.split("=") for part in _names(value)) if isinstance(value, str) else value.items()
    return {int(status): str(code) for status, code in pairs}


def _flag(default: bool, what: str) -> Any:
    return field(default=default, converter=converters.to_bool, metadata={"what": what})


def _other(default: Any, what: str, converter: Any) -> Any:
    return field(default=default, converter=converter, metadata={"what": what})


@frozen(kw_only=True)
class Options:
    """The switches, each with what it does; text as a command line has it is understood."""

    visible_after: float = _other(0.0, "seconds until an accepted write shows in reads", float)
    require_perform_as: bool = _flag(False, "400 for a status write without perform_as")
    hooks_need_perform_as: bool = _flag(False, "400 for a change of web hooks without perform_as")
    bad_user_status: int = _other(400, "answer where perform_as is no active user", int)
    unknown_target_status: int = _other(400, "answer for an unknown stage, reason or requisition", int)
    same_stage_row: bool = _flag(False, "a move to the current stage adds a stageChanges row")
    renew_archived_at: bool = _flag(False, "archiving what is archived renews archivedAt")
    archive_advances: bool = _flag(False, "archiving sets lastAdvancedAt")
    refuse_needless_unarchive: bool = _flag(
        False, "400 for un-archiving what is not archived, instead of 200"
    )
    accept_inactive_reasons: bool = _flag(False, "archiving with an inactive reason is accepted")
    closed_posting_blocks: bool = _flag(False, "400 for a move while the posting is closed")
    confidential_scope: str = _other(
        "confidential:access:admin", "the OAuth scope that opens confidential records", str
    )
    confidential_status: int = _other(403, "answer for a confidential record without access: 403 or 404", int)
    followers_in_lists: bool = _flag(True, "opportunity lists have followers without include=followers")
    same_params: bool = _flag(True, "400 where an offset comes back with other parameters")
    decoded_offsets: bool = _flag(False, "an offset that was percent-decoded once is accepted")
    requisitions_updated_filter: bool = _flag(False, "requisitions know updated_at_start and updated_at_end")
    reason_type_filter: bool = _flag(True, "archive reasons know the type parameter")
    location_of_person: bool = _flag(
        False, "the filter location looks at the person's place, not the posting's"
    )
    hook_retries: int = _other(5, "further attempts at a delivery that failed", int)
    hook_wait_seconds: float = _other(
        60.0, "wait before the second attempt; each further one is 4 times as long", float
    )
    hook_signature_header: bool = _flag(False, "deliveries have a Lever-Signature header over the body, too")
    rotate_refresh: bool = _flag(False, "a refresh gives a new refresh token and ends the old one")
    region: str = _other("global", "global, eu or sandbox: audience, issuer and x-lever-region", str)
    audience: str = _other("", "another OAuth audience than the region's", str)
    withdrawn_reasons: tuple[str, ...] = _other(
        ("Withdrew", "Offer declined"), "names of archive reasons that mean withdrawn", _names
    )
    codes: Mapping[int, str] = _other({}, "other code names in errors, by HTTP status", _codes)


SETTINGS = {f.name: str(f.metadata["what"]) for f in fields(Options)}
