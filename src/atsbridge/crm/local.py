"""`LocalCrm` and `AsyncLocalCrm`: the bases for a CRM that lives in the user's own process.

Write plain methods (or coroutines) against your own tables; these bases turn
each into the flow that the bridge runs. One method is one complete transaction
of yours: none stays open between two calls.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from ..errors import CrmError, type_and_place
from ..model import Kind, Receipt, Ref
from ..wire.effects import Flow, Json, await_, perform
from .interface import Crm, CrmFinding, Delivery, Feed, Held, Link, Written

T = TypeVar("T")


class LocalCrm(Crm):
    """A CRM of plain methods, for `Bridge` and `AsyncBridge` alike.

    `AsyncBridge` runs them on one thread of its own, in order. Whatever a
    method raises reaches the bridge as a `CrmError`; raise one yourself where
    you have something to say. A record that cannot be stored is a `Written`
    with FAILED, not an exception, so that the rest of its batch goes on.
    """

    @abstractmethod
    def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        """See `Crm.write`."""

    @abstractmethod
    def read_changes(self, after: Json) -> Feed:
        """See `Crm.changes`.

        With an outbox table, return what is not yet acknowledged. ``after`` is
        the position that your last `Feed` gave, or None on the first call.
        """

    @abstractmethod
    def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        """See `Crm.acknowledge`. Unknown ids are no error: it may be said twice."""

    @abstractmethod
    def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        """See `Crm.receive`."""

    @abstractmethod
    def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        """See `Crm.statuses`."""

    @abstractmethod
    def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        """See `Crm.refs`."""

    @abstractmethod
    def check(self) -> tuple[CrmFinding, ...]:
        """See `Crm.check_access`."""

    def match_candidates(self, refs: Sequence[Ref], *, by_email: bool) -> Sequence[Link]:
        """See `Crm.match`. Optional: a CRM without leads links none."""
        return ()

    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        written = yield from self._perform("write_batch", lambda: self.write_batch(batch))
        return _one_each(self, batch, written)

    def changes(self, after: Json) -> Flow[Feed]:
        return (yield from self._perform("read_changes", lambda: self.read_changes(after)))

    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        yield from self._perform("acknowledge_events", lambda: self.acknowledge_events(event_ids))

    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        yield from self._perform("take_receipts", lambda: self.take_receipts(receipts))

    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        return (yield from self._perform("read_statuses", lambda: self.read_statuses(refs)))

    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        return (yield from self._perform("read_refs", lambda: self.read_refs(kind, after)))

    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        return (yield from self._perform("check", self.check))

    def match(self, candidates: Sequence[Ref], *, by_email: bool) -> Flow[Sequence[Link]]:
        def match() -> Sequence[Link]:
            return self.match_candidates(candidates, by_email=by_email)

        return (yield from self._perform("match_candidates", match))

    def _perform(self, method: str, action: Callable[[], T]) -> Flow[T]:
        def guarded() -> T:
            try:
                return _of_its_kind(self, method, action())
            except CrmError:
                raise
            except Exception as error:
                failure = _failure(self, method, error)
            raise failure

        return perform(guarded)


class AsyncLocalCrm(Crm):
    """A CRM of coroutines, for `AsyncBridge` alone: they run on the caller's event loop.

    The methods are those of `LocalCrm`, and so are the rules.
    """

    @abstractmethod
    async def write_batch(self, batch: Sequence[Delivery]) -> Sequence[Written]:
        """See `Crm.write`."""

    @abstractmethod
    async def read_changes(self, after: Json) -> Feed:
        """See `LocalCrm.read_changes`."""

    @abstractmethod
    async def acknowledge_events(self, event_ids: Sequence[str]) -> None:
        """See `Crm.acknowledge`. Unknown ids are no error: it may be said twice."""

    @abstractmethod
    async def take_receipts(self, receipts: Sequence[Receipt]) -> None:
        """See `Crm.receive`."""

    @abstractmethod
    async def read_statuses(self, refs: Sequence[Ref]) -> Mapping[Ref, Held]:
        """See `Crm.statuses`."""

    @abstractmethod
    async def read_refs(self, kind: Kind, after: str | None) -> tuple[Sequence[Ref], str | None]:
        """See `Crm.refs`."""

    @abstractmethod
    async def check(self) -> tuple[CrmFinding, ...]:
        """See `Crm.check_access`."""

    async def match_candidates(self, refs: Sequence[Ref], *, by_email: bool) -> Sequence[Link]:
        """See `Crm.match`. Optional: a CRM without leads links none."""
        return ()

    def write(self, batch: Sequence[Delivery]) -> Flow[Sequence[Written]]:
        written = yield from self._await("write_batch", lambda: self.write_batch(batch))
        return _one_each(self, batch, written)

    def changes(self, after: Json) -> Flow[Feed]:
        return (yield from self._await("read_changes", lambda: self.read_changes(after)))

    def acknowledge(self, event_ids: Sequence[str]) -> Flow[None]:
        yield from self._await("acknowledge_events", lambda: self.acknowledge_events(event_ids))

    def receive(self, receipts: Sequence[Receipt]) -> Flow[None]:
        yield from self._await("take_receipts", lambda: self.take_receipts(receipts))

    def statuses(self, refs: Sequence[Ref]) -> Flow[Mapping[Ref, Held]]:
        return (yield from self._await("read_statuses", lambda: self.read_statuses(refs)))

    def refs(self, kind: Kind, after: str | None) -> Flow[tuple[Sequence[Ref], str | None]]:
        return (yield from self._await("read_refs", lambda: self.read_refs(kind, after)))

    def check_access(self) -> Flow[tuple[CrmFinding, ...]]:
        return (yield from self._await("check", self.check))

    def match(self, candidates: Sequence[Ref], *, by_email: bool) -> Flow[Sequence[Link]]:
        def match() -> Awaitable[Sequence[Link]]:
            return self.match_candidates(candidates, by_email=by_email)

        return (yield from self._await("match_candidates", match))

    def _await(self, method: str, action: Callable[[], Awaitable[T]]) -> Flow[T]:
        async def guarded() -> T:
            try:
                return _of_its_kind(self, method, await action())
            except CrmError:
                raise
            except Exception as error:
                failure = _failure(self, method, error)
            raise failure

        return await_(guarded)


_GIVES: Mapping[str, type] = {
    "write_batch": Sequence,
    "read_changes": Feed,
    "read_statuses": Mapping,
    "read_refs": Sequence,
    "check": Sequence,
    "match_candidates": Sequence,
}
"""What a method's answer has to be."""


def _of_its_kind(crm: Crm, method: str, answer: T) -> T:
    wanted = _GIVES.get(method, object)
    if isinstance(answer, wanted):
        return answer
    raise CrmError(
        f"{type(crm).__name__}.{method} gave {type(answer).__name__} in place of a {wanted.__name__}",
        advice=f"see `LocalCrm.{method}`",
    )


def _failure(crm: Crm, method: str, error: Exception) -> CrmError:
    where = f"{type(crm).__name__}.{method}"
    return CrmError(
        f"{where} raised {type_and_place(error)}",
        advice=f"look at {where} and what it asks of the CRM, then try again: nothing is lost",
    )


def _one_each(crm: Crm, batch: Sequence[Delivery], written: Sequence[Written]) -> Sequence[Written]:
    """A result too few or in another order would be taken for another record's."""
    if [one.ref for one in written] != [delivery.record.ref for delivery in batch]:
        raise CrmError(
            f"{type(crm).__name__}.write_batch did not give one result for each record, in order",
            advice="return one `Written` for every delivery of the batch, in the batch's order",
        )
    return written
