"""The write-back policy: what to do with an intent, given what was just read. Pure.

`decide` before a send, `confirm` after one. Both look at an `IntentRow`, a
fresh read and the declared properties of the write, and answer with one step.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..ats.interface import Catalogue, Fresh, Gone
from ..errors import Doubtful, StateChanged, Throttled, Unauthorized, VendorError
from ..model import (
    Action,
    Answer,
    ApplicationStatus,
    CompareAndSet,
    Gap,
    Need,
    Result,
    StageKind,
    State,
    TombstoneKind,
)
from ..wire.vendor import Resend, Signal, StatusWrite
from .ledger import IntentRow

_LONGEST_WAIT = 900.0
NOTHING_SHOWS_IT = "the vendor said yes and nothing shows it"
ENDED_MEANWHILE = "it was moved, and its status was changed in the ATS at the same moment"
UNCOUNTED = "its history could not be read, which would tell whether somebody else changed it meanwhile"


@frozen(kw_only=True)
class Close:
    """The intent has ended."""

    result: Result
    why: str = ""
    gap: Gap = Gap.NOT_APPLICABLE
    overwritten: tuple[str, ...] = ()


@frozen
class Write:
    """A new attempt may be made."""


@frozen
class Settle:
    """Look again once the open attempt's window has closed."""


@frozen
class Back:
    """Nothing happened in the ATS: the intent is pending again, and may be claimed after a while."""

    why: str
    later_seconds: float = 0.0


Step = Close | Write | Settle | Back


def expected_of(intent: IntentRow) -> State:
    return State(intent.expected_stage, ApplicationStatus(intent.expected_status))


def target_of(intent: IntentRow) -> State:
    return State(intent.target_stage, ApplicationStatus(intent.target_status), intent.target_reason)


def decide(
    intent: IntentRow, fresh: Fresh | Gone, *, write: StatusWrite, catalogue: Catalogue, settled: bool
) -> Step:
    """What a fresh read means for an intent that has no answer to go by.

    Args:
        settled: the window of its open attempt, if any, has closed.
    """
    if isinstance(fresh, Gone):
        return gone(fresh, in_doubt=bool(intent.open_attempts))
    if not intent.open_attempts:
        return _decide_unsent(intent, fresh, catalogue)
    if not settled:
        return Settle()
    state = fresh.state
    if state.meets(target_of(intent)):
        return audit(intent, fresh, write)
    if state.same(expected_of(intent)) and _unchanged(intent, fresh, write):
        if write.cas is CompareAndSet.VERSION or write.resend is Resend.AFTER_SETTLE:
            return Write()
        return Close(
            result=Result.REVIEW, why="no answer came, nothing changed, and it may not be sent again"
        )
    return Close(result=Result.REVIEW, why="no answer came, and the application has changed since")


def _decide_unsent(intent: IntentRow, fresh: Fresh, catalogue: Catalogue) -> Step:
    state = fresh.state
    if state.meets(target_of(intent)):
        return Close(result=Result.ALREADY, why="it was there before anything was sent")
    if not state.same(expected_of(intent)):
        return Close(result=Result.CONFLICT, why="the ATS has moved on since the recruiter acted")
    forbidden = unwritable(intent, catalogue)
    return Close(result=Result.REFUSED, why=forbidden) if forbidden else Write()


def gone(fresh: Gone, *, in_doubt: bool) -> Close:
    """What is gone cannot tell whether a write was done before: REFUSED says that none was.

    Args:
        in_doubt: a write was accepted, or may have been.
    """
    word = {
        TombstoneKind.MERGED: "merged into another",
        TombstoneKind.LOST_ACCESS: "no longer visible to this credential",
    }.get(fresh.tombstone.kind, "gone from the ATS")
    if in_doubt:
        why = f"the write was sent and may have been done, and the application is {word}"
        return Close(result=Result.REVIEW, why=why)
    return Close(result=Result.REFUSED, why=f"the application is {word}")


_ENDS = {StageKind.HIRED, StageKind.REJECTED, StageKind.WITHDRAWN, StageKind.ARCHIVED}


def unwritable(intent: IntentRow, catalogue: Catalogue) -> str | None:
    """Why the target cannot be written, by what the ATS has configured now; None if it can."""
    action = Action(intent.action)
    if intent.target_stage is not None and intent.target_stage != intent.expected_stage:
        stage = catalogue.stage(intent.target_stage)
        if stage is None:
            return "stage_gone: the ATS has no such stage for this job"
        if stage.active is False or stage.writable is Answer.NO or Need.OTHER in stage.needs:
            return "stage_not_writable: the stage is inactive, or needs what a status write cannot carry"
        if stage.kind is StageKind.UNMAPPED:
            return "stage_unmapped: what the stage means is not known"
        if stage.kind in _ENDS and action is Action.MOVE:
            return "stage_ends: a move may not end an application"
    if intent.target_reason is not None:
        reason = catalogue.reason(intent.target_reason)
        if reason is None or reason.active is False:
            return "reason_gone: the ATS has no such reason, or it is inactive"
        if (reason.outcome is ApplicationStatus.HIRED) != (
            action is Action.HIRE
        ) and reason.outcome is not None:
            return "reason_ends_otherwise: the reason's outcome is not this action's"
    return None


def confirm(
    intent: IntentRow, fresh: Fresh | Gone, *, write: StatusWrite, refusal: VendorError | None
) -> Step:
    """What a re-read after an answer means.

    Args:
        intent: with the answered attempt still counted among the open ones.
        refusal: the vendor's definite no, or None where it accepted.
    """
    earlier = intent.open_attempts > 1
    if isinstance(fresh, Gone):
        return gone(fresh, in_doubt=earlier or refusal is None or isinstance(refusal, Doubtful))
    if refusal is None:
        return _confirm_accepted(intent, fresh, write)
    state = fresh.state
    if state.meets(target_of(intent)):
        if earlier or isinstance(refusal, Doubtful):
            return audit(intent, fresh, write)
        return Close(result=Result.ALREADY, why="the vendor refused, and it is there")
    if earlier:
        if state.same(expected_of(intent)) and _unchanged(intent, fresh, write):
            return Settle()
        return Close(
            result=Result.REVIEW, why="an earlier attempt is in doubt, and the application has changed"
        )
    if isinstance(refusal, Doubtful) and _has_moved(intent, fresh, write):
        return _confirm_accepted(intent, fresh, write)
    if not state.same(expected_of(intent)):
        return Close(result=Result.CONFLICT, why="the vendor refused: the ATS has moved on")
    if isinstance(refusal, Throttled):
        # A vendor that says "in a second" each time must not use up an intent's returns within seconds.
        own = min(4.0**intent.returns, _LONGEST_WAIT)
        return Back(refusal.message, max(own, refusal.retry_after_seconds or 0.0))
    if isinstance(refusal, (Unauthorized, StateChanged)):
        return Back(refusal.message)
    return Close(result=Result.REFUSED, why=f"the vendor refused: {refusal.message}")


def _has_moved(intent: IntentRow, fresh: Fresh, write: StatusWrite) -> bool:
    """Whether it is elsewhere, or has been: a time that has changed may be of the half that was done."""
    counted = write.signal is Signal.COUNT and not _unchanged(intent, fresh, write)
    return counted or not fresh.state.same(expected_of(intent))


def _confirm_accepted(intent: IntentRow, fresh: Fresh, write: StatusWrite) -> Step:
    if fresh.state.meets(target_of(intent)):
        return audit(intent, fresh, write)
    since = _since(intent, fresh, write)
    if since is not None and intent.action == Action.MOVE:
        if intent.target_stage in since and since[-1] != intent.target_stage:
            # Where it was entered twice, ours is taken to be the later: an overwrite is never hidden.
            before_ours = since[: len(since) - 1 - since[::-1].index(intent.target_stage)]
            result = Result.APPLIED_OVER_CHANGE if before_ours else Result.APPLIED
            why = "moved on in the ATS since"
            return Close(result=result, why=why, gap=Gap.AUDITED, overwritten=tuple(before_ours))
        if intent.target_stage in since:
            return Close(result=Result.REVIEW, why=ENDED_MEANWHILE, gap=Gap.AUDITED)
    return Close(result=Result.REVIEW, why=NOTHING_SHOWS_IT)


def audit(intent: IntentRow, fresh: Fresh, write: StatusWrite) -> Close:
    """It is at its target: was anything changed in between?"""
    if write.signal is not Signal.COUNT:
        return Close(result=Result.APPLIED, gap=Gap.UNAUDITED)
    since = _since(intent, fresh, write)
    if since is None:
        return Close(result=Result.APPLIED, why=UNCOUNTED, gap=Gap.UNAUDITED)
    if not since:
        return Close(result=Result.REVIEW, why=NOTHING_SHOWS_IT, gap=Gap.AUDITED)
    if len(since) == 1:
        return Close(result=Result.APPLIED, gap=Gap.AUDITED)
    return Close(
        result=Result.APPLIED_OVER_CHANGE,
        why="somebody changed it while it was being written",
        gap=Gap.AUDITED,
        overwritten=tuple(since[:-1]),
    )


def _since(intent: IntentRow, fresh: Fresh, write: StatusWrite) -> Sequence[str] | None:
    """The stages entered since the signal was read, oldest first.

    None where no history counts them: what was not read, before the write or after it, is no history of 0.
    """
    if write.signal is not Signal.COUNT or intent.signal is None or write.name not in fresh.signals:
        return None
    return [transition.to for transition in fresh.application.history[int(intent.signal) :]]


def _unchanged(intent: IntentRow, fresh: Fresh, write: StatusWrite) -> bool:
    """Whether the write's signal proves that nothing has happened since it was read; none proves nothing."""
    stored = intent.signal
    return write.signal is not Signal.NONE and stored is not None and fresh.signals.get(write.name) == stored
