"""Resuming: stopped at any request, throttled, logged out, without a cursor: nothing is missed or doubled."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime

import pytest
from attrs import evolve

from ...errors import BadPayload, Unavailable
from ...simulators.interface import SimRequest, SimResponse
from ...wire.effects import Purpose
from ..account import Account
from ..direct import Respond
from .subject import Subject, requests_of_a_pull, sampled

_MOST = 24
DATES = {
    "tomorrow": "",
    "the last day": "Fri, 31 Dec 9999 23:59:59 GMT",
    "after the last day": "Fri, 31 Dec 9999 23:59:59 -1400",
    "before the first day": "Mon, 01 Jan 0001 00:00:00 +1400",
}
"""What an answer may tell as its time; empty: of tomorrow, by our clock."""


class Resuming(Subject):
    """Whatever happens at one request of a pull, the account is mirrored in the end."""

    def _requests(self) -> list[int]:
        return sampled(requests_of_a_pull(self.open()), most=_MOST)

    def test_a_pull_goes_on_where_it_was_killed(self) -> None:
        whole = requests_of_a_pull(self.open())
        for at in self._requests():
            account = self.open()
            assert account.crash(account.bridge.pull, at=at)
            done = len(account.driver.requests)
            account = account.restarted()
            _ = account.bridge.pull()
            assert account.differences() == {}, at
            again = len(account.driver.requests)
            # The pages of configuration, which are short, are read anew; of the rest one page at most.
            assert done + again <= whole + whole // 2 + 8, (at, whole, done, again)

    def test_a_page_is_asked_again_after_a_server_error(self) -> None:
        self._with_one_bad_answer(lambda _account: SimResponse(503, (), b""))

    def test_a_page_is_asked_again_after_a_lost_answer(self) -> None:
        self._with_one_bad_answer(lambda _account: None)

    def test_a_page_is_asked_again_after_throttling(self) -> None:
        self._with_one_bad_answer(lambda account: account.simulator.throttled())

    def test_html_with_200_is_no_end(self) -> None:
        """A login or maintenance page is never taken for "no records"."""
        page = SimResponse(200, (("Content-Type", "text/html"),), b"<html><body>Sign in</body></html>")
        self._with_one_bad_answer(lambda _account: page)

    def _with_one_bad_answer(self, bad: Callable[[Account], SimResponse | None]) -> None:
        for at in self._requests():
            account = self.open()
            account.driver.meddle = _once(at, lambda account=account: bad(account))  # type: ignore[misc]
            _ = account.bridge.pull()
            assert account.differences() == {}, at

    def test_an_outage_moves_nothing(self) -> None:
        account = self.open()
        account.driver.meddle = lambda *_: SimResponse(503, (), b"")
        with pytest.raises(Unavailable):
            _ = account.bridge.pull()
        assert account.mirror() == {}
        account.driver.meddle = None
        account.time.sleep(3600)
        _ = account.bridge.pull()
        assert account.differences() == {}

    def test_a_token_that_expires_at_any_request_is_renewed_once(self) -> None:
        if not self.open().simulator.expire_tokens():
            pytest.skip("this vendor's credential signs by itself")
        for at in self._requests():
            account = self.open()
            self._before(account, at, account.simulator.expire_tokens)
            _ = account.bridge.pull()
            assert account.differences() == {}, at

    def test_a_cursor_that_is_lost_at_any_page_starts_its_window_anew(self) -> None:
        if not self.open().simulator.expire_cursors():
            pytest.skip("this vendor's page cursors do not expire")
        for at in self._requests():
            account = self.open(applications=3 * self.applications)
            self._before(account, at, account.simulator.expire_cursors)
            _ = account.bridge.pull()
            assert account.differences() == {}, at

    def test_a_watermark_that_is_lost_reads_its_stream_in_full(self, account: Account) -> None:
        if not account.simulator.expire_watermarks():
            pytest.skip("this vendor's watermarks are times, which cannot be lost")
        account.time.sleep(60)
        _ = account.simulator.apply(name="Newly Applied", email="new@example.com")
        report = account.bridge.pull()
        assert report.restarts >= 1
        assert account.differences() == {}

    def test_no_watermark_is_made_of_our_own_clock(self, account: Account) -> None:
        """Without the ATS's ``Date``, and with our clock ahead: an error, or no harm, but nothing skipped."""
        account.driver.meddle = _without_date
        account.time.wall_ahead = 7200.0
        account.time.sleep(3600)
        with suppress(BadPayload):
            _ = account.bridge.pull()
        account.driver.meddle, account.time.wall_ahead = None, 0.0
        account.time.sleep(60)
        _ = account.simulator.apply(name="Newly Applied", email="new@example.com")
        account.time.sleep(60)
        _ = account.bridge.pull()
        assert account.differences() == {}

    @pytest.mark.parametrize("date", DATES.values(), ids=DATES)
    def test_a_clock_of_the_ats_that_is_wrong_for_once_misses_nothing(
        self, account: Account, date: str
    ) -> None:
        """One server of the vendor's, or a proxy, may tell a ``Date`` of tomorrow, or one of no calendar."""
        account.time.sleep(3600)
        account.driver.meddle = _dated(date or format_datetime(account.time.wall() + timedelta(days=1)))
        with suppress(BadPayload):
            _ = account.bridge.pull()
        account.driver.meddle = None
        account.time.sleep(3600)
        _ = account.simulator.apply(name="Newly Applied", email="new@example.com")
        account.time.sleep(3600)
        _ = account.bridge.pull()
        assert account.differences() == {}

    def _before(self, account: Account, at: int, act: Callable[[], object]) -> None:
        seen = 0

        def count(_request: SimRequest) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                _ = act()

        account.driver.before = count


def _dated(date: str) -> Callable[[SimRequest, Respond, Purpose], SimResponse | None]:
    def meddle(request: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse | None:
        answer = respond(request)
        headers = tuple((name, date if name.lower() == "date" else value) for name, value in answer.headers)
        return evolve(answer, headers=headers)

    return meddle


def _without_date(request: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse | None:
    answer = respond(request)
    kept = tuple((name, value) for name, value in answer.headers if name.lower() != "date")
    return evolve(answer, headers=kept)


def _once(
    at: int, bad: Callable[[], SimResponse | None]
) -> Callable[[SimRequest, Respond, Purpose], SimResponse | None]:
    seen = 0

    def meddle(request: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse | None:
        nonlocal seen
        seen += 1
        return bad() if seen == at else respond(request)

    return meddle
