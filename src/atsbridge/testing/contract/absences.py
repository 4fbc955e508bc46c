"""Absences: what is gone is told by the vendor alone, of one record, in its own form."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import pytest

from ...ats.interface import Gone
from ...errors import AtsBridgeError, NotFound
from ...model import Kind, Ref, Result
from ...simulators.interface import Limits, SimRequest, SimResponse, Simulator
from ...wire.answers import judge
from ...wire.effects import Purpose, Request
from ..account import Account
from ..copies import frozen_copy, thawed
from ..direct import Meddle, Respond, as_response
from .subject import Subject, active, elsewhere, first_of

STRANGERS: dict[str, tuple[int, str, bytes]] = {
    "a page": (404, "text/html", b"<html><body>404 page not found</body></html>"),
    "nothing": (404, "", b""),
    "nothing, for good": (410, "", b""),
    "a gateway's words": (404, "application/json", b'{"message": "no Route matched with those values"}'),
}
"""What a gateway or a proxy may answer to any address: status, content type and body."""


class Absences(Subject):
    """A deletion ends a record in the CRM, and what recruiters want of it: nobody else may say it."""

    @pytest.mark.parametrize("told", STRANGERS)
    def test_a_stranger_s_not_found_deletes_nothing(self, told: str) -> None:
        status, media, body = STRANGERS[told]
        answer = SimResponse(status, (("Content-Type", media),) if media else (), body)
        for every in (1, 2):
            account = self.open(applications=8)
            _ = account.bridge.pull()
            self._nothing_is_gone(account, partial(_answering, answer, every))

    def test_not_found_for_whatever_is_asked_deletes_nothing(self, account: Account) -> None:
        """The vendor's own word, but of the whole address: as after a move to another host, or version.

        Where that word is an empty list, of every list: as to a user who has lost a permission.
        """
        id = active(account)[-1]
        account.simulator.delete(id)
        answers = _answers_to(account, lambda: account.fresh(id))
        own = next((answer for answer in answers if _says_not_found(account, answer)), answers[0])
        account.driver.meddle = None
        _ = account.bridge.sweep()
        self._nothing_is_gone(account, partial(_answering, own, 1))

    def test_where_every_application_is_hidden_nothing_is_gone(self, account: Account) -> None:
        """Each of them alone would be lost; all of them are a permission that is."""
        blind = _copy(account)
        hidden = {id for shown in sorted(account.truth()) for id in blind.hide(shown)}
        if not hidden:
            pytest.skip("the simulator can hide no single application")
        assert hidden >= account.truth().keys()
        self._nothing_is_gone(account, partial(_instead, blind))

    def test_a_permission_taken_back_deletes_nothing(self) -> None:
        names = self.open().simulator.permissions()
        if not names:
            pytest.skip("the simulator's credential has no single permissions")
        for name in names:
            account = self.open(applications=8)
            _ = account.bridge.pull()
            blind = _copy(account)
            blind.revoke(name)
            # A change may be refused for it, and be right; and where lists tell who is there, no run asks.
            self._nothing_is_gone(account, partial(_instead, blind), moves=False, asks=False)

    def test_where_jobs_are_in_sight_and_nobody_in_them_nothing_is_gone(self, account: Account) -> None:
        """As to a user who may see what the organisation looks for, and not who applies."""
        own = account.simulator
        empty = type(own).generate(0, limits=Limits(None), clock=account.time.vendor)
        if empty.truth() or empty.credentials != own.credentials:
            pytest.skip("the simulator invents no account of nobody that the same credential opens")
        # The other account may have people of its own, beside whom one who is not there is gone.
        self._nothing_is_gone(account, partial(_instead, empty), asks=False)

    def _nothing_is_gone(
        self, account: Account, meddling: Callable[[], Meddle], *, moves: bool = True, asks: bool = True
    ) -> None:
        """Whatever is asked, something stands between.

        Args:
            moves: a recruiter has wanted a move just before, which is done in the end.
            asks: one application and one person are asked about by themselves, too.
        """
        before = set(account.mirror()), _called(account)
        id = first_of(active(account), "application that can be moved")
        moves = moves and bool(account.ats.VENDOR.writes)
        event = account.ask(id, stage=elsewhere(account, id)[0]) if moves else None
        account.time.sleep(7200)  # a token that was at hand has run out
        account.driver.meddle = meddling()
        bridge = account.bridge
        runs = (bridge.pull, lambda: bridge.sweep(limit=1.0), bridge.push, bridge.verify, bridge.push)
        for run in runs:
            with suppress(AtsBridgeError):
                _ = run()
            account.time.sleep(600)
        for ref in (account.ref(id), *_people(account)[:1]) if asks else ():
            account.driver.meddle = meddling()
            with suppress(AtsBridgeError):
                assert _confirmed(account, ref) is None
        account.driver.meddle = None
        account.bridge.resume()  # a person has looked
        assert (set(account.mirror()), _called(account)) == before
        if event is not None:
            for _ in range(3):  # it settles
                _ = account.bridge.push()
                account.time.sleep(600)
            assert account.crm.receipts_for(account.ref(id))[-1].result is Result.APPLIED
        _ = account.bridge.sync()
        assert account.differences() == {}


def _people(account: Account) -> list[Ref]:
    refs, _ = account.crm.read_refs(Kind.CANDIDATE, None)
    return list(refs)


def _called(account: Account) -> dict[str, int]:
    """Of each person, a hash of what the CRM calls them and where it would reach them: no test shows it."""
    views = map(account.crm.candidate, _people(account))
    return {view.ref.id: hash((view.name, view.emails)) for view in views}


def _answering(told: SimResponse, every: int) -> Meddle:
    """So many reads and token requests are answered so, the first among them."""
    asked = count()

    def meddle(request: SimRequest, respond: Respond, purpose: Purpose) -> SimResponse:
        passes = purpose is Purpose.WRITE or next(asked) % every
        return respond(request) if passes else told

    return meddle


def _copy(account: Account) -> Simulator:
    copy: Simulator = thawed(frozen_copy(account.simulator), account.time)
    return copy


def _instead(other: Simulator) -> Meddle:
    """The same account, as a credential sees it that may see less."""
    return lambda asked, _respond, _purpose: other.respond(asked)


def _confirmed(account: Account, ref: Ref) -> Any:
    return account.driver.run(account.bridge.client.run(account.ats.confirm_gone(ref)))


def _answers_to(account: Account, ask: Callable[[], object]) -> list[SimResponse]:
    """What the ATS answers while something is asked of it."""
    kept: list[SimResponse] = []

    def keep(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
        kept.append(respond(asked))
        return kept[-1]

    account.driver.meddle = keep
    assert isinstance(ask(), Gone)
    return kept


def _says_not_found(account: Account, answer: SimResponse) -> bool:
    vendor = account.ats.VENDOR
    asked = Request(operation="any", method="GET", url="/")
    try:
        judge(
            asked, as_response(answer, account.time.wall()),
            vendor=vendor.name, rules=vendor.answers, complaints=vendor.complaints,
        )  # fmt: skip
    except NotFound:
        return True
    except AtsBridgeError:
        return False
    return False
