"""Signals held back while a token is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from atsbridge.drivers.interrupts import Signals


class Told:
    """A handler that notes, and raises what it is given."""

    def __init__(self, error=None):
        self.came, self.error = [], error

    def __call__(self, number, frame):
        self.came.append(number)
        if self.error is not None:
            raise self.error


@pytest.fixture
def handlers():
    """Sets handlers for the length of a test."""
    before = {}

    def put(number, handler):
        before.setdefault(number, signal.getsignal(number))
        signal.signal(number, handler)
        return handler

    yield put
    for number, handler in before.items():
        signal.signal(number, handler)


def came(number):
    os.kill(os.getpid(), number)


def test_what_came_is_let_through_once_when_the_last_holder_lets_go(handlers):
    told = handlers(signal.SIGINT, Told())
    signals = Signals()
    signals.hold(60)
    signals.hold(60)
    came(signal.SIGINT)
    came(signal.SIGINT)
    signals.let_go()
    assert told.came == []
    signals.let_go()
    assert told.came == [signal.SIGINT]
    came(signal.SIGINT)
    assert told.came == [signal.SIGINT] * 2, "its handler is back"


def test_one_that_raises_does_not_keep_the_other_back(handlers):
    first, second = KeyboardInterrupt(), SystemExit()
    handlers(signal.SIGINT, Told(first))
    told = handlers(signal.SIGTERM, Told(second))
    signals = Signals()
    signals.hold(60)
    came(signal.SIGTERM)
    came(signal.SIGINT)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        signals.let_go()
    assert told.came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is told


def test_nothing_is_held_back_for_longer_than_was_said(handlers):
    now = [0.0]
    told = handlers(signal.SIGINT, Told())
    signals = Signals(lambda: now[0])
    signals.hold(60)
    now[0] = 61
    came(signal.SIGINT)
    assert told.came == [signal.SIGINT]
    signals.let_go()
    assert told.came == [signal.SIGINT]


def test_a_handler_that_was_set_meanwhile_stays(handlers):
    handlers(signal.SIGINT, Told())
    signals = Signals()
    signals.hold(60)
    newer = Told()
    signal.signal(signal.SIGINT, newer)
    signals.let_go()
    assert signal.getsignal(signal.SIGINT) is newer


def test_what_is_ignored_stays_ignored(handlers):
    handlers(signal.SIGHUP, signal.SIG_IGN)
    signals = Signals()
    signals.hold(60)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    signals.let_go()


def test_a_thread_that_is_not_the_main_one_holds_nothing(handlers):
    told, signals, refused = handlers(signal.SIGINT, Told()), Signals(), []

    def elsewhere():
        try:
            assert not signals.hold(60)
        except BaseException as error:
            refused.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert not refused
    assert signal.getsignal(signal.SIGINT) is told


def test_what_the_main_thread_holds_another_can_let_go(handlers):
    told = handlers(signal.SIGINT, Told())
    signals = Signals()
    assert signals.hold(60)
    came(signal.SIGINT)
    thread = threading.Thread(target=signals.let_go)
    thread.start()
    thread.join()
    assert told.came == [signal.SIGINT]
    came(signal.SIGINT)
    assert told.came == [signal.SIGINT] * 2
    assert signals.hold(60)
    came(signal.SIGINT)
    assert told.came == [signal.SIGINT] * 2, "it is held again"
    signals.let_go()
    assert told.came == [signal.SIGINT] * 3


def test_one_that_comes_while_handlers_are_put_back_loses_no_other(handlers, monkeypatch):
    told = handlers(signal.SIGTERM, Told())
    handlers(signal.SIGINT, Told(KeyboardInterrupt()))
    signals, put = Signals(), signal.signal
    signals.hold(60)
    came(signal.SIGTERM)

    def put_and_interrupt(number, handler):
        before = put(number, handler)
        if number == signal.SIGINT:
            came(signal.SIGINT)
        return before

    monkeypatch.setattr(signal, "signal", put_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        signals.let_go()
    assert told.came == [signal.SIGTERM]


def test_what_another_thread_holds_swallows_no_signal_of_the_main_one(handlers):
    told, signals = handlers(signal.SIGINT, Told()), Signals()
    held, done = threading.Event(), threading.Event()

    def elsewhere():
        if not signals.hold(60):
            held.set()
        done.wait()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert held.wait(10)
    try:
        signals.hold(60)
        signal.raise_signal(signal.SIGINT)
        assert not told.came
        signals.let_go()
        assert told.came == [signal.SIGINT] and signal.getsignal(signal.SIGINT) is told
    finally:
        done.set()
        thread.join()


ENDED = """
import os, signal, sys
from atsbridge.drivers.interrupts import signals
signals.hold(60)
os.kill(os.getpid(), signal.SIGTERM)
print("saved", flush=True)
signals.let_go()
print("went on", flush=True)
"""


def test_a_signal_that_ends_the_process_by_default_does_so_afterwards():
    ended = subprocess.run([sys.executable, "-c", ENDED], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "saved\n"
    assert ended.returncode == -signal.SIGTERM
    assert "interrupted while a token is asked for" in ended.stderr
