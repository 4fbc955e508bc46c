"""The pytest plugin: accounts on simulators, canaries in every test, no network, printed seeds.

Load it in a ``conftest.py``; by its entry point it would be in the tests of everybody who
only has atsbridge installed::

    pytest_plugins = ["atsbridge.testing.plugin"]

**Canaries.** While tests run, simulators weave `canaries.PLANTED` into every
person and credential they invent. Output, log records, warnings, errors with
the local variables of their frames, what a bridge returns, and every ledger
and CRM database of a test are searched for them; a hit fails the test and
names the channel. A test that shows people on purpose says so with
``@pytest.mark.shows_people``; credentials may never be seen.

**Accounts.** The fixture ``ats_account`` opens a vendor's simulator with a bridge to an
embedded CRM: ``ats_account("lever", applications=20)``.

**Network.** A test can open no socket but to this machine, and to this machine
only if it is marked ``loopback``.

**Seeds.** ``--atsbridge-seed`` (a number or ``random``) is printed in the
header; the fixture ``seed`` gives each test its own number made of it.
"""

from __future__ import annotations

import logging
import random
import secrets
import sys
import threading
import warnings
import weakref
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from ..bridge import AsyncBridge, Bridge
from ..crm.sql import SqlCrm
from ..drivers.addresses import is_loopback
from ..errors import AtsBridgeError
from ..ledgers.memory import MemoryLedger
from ..ledgers.sqlite import SqliteLedger
from ..simulators import people
from ..sync.ledger import Row
from .account import Account
from .canaries import PLANTED, Hit, Watch

_LOGGERS = ("", "atsbridge", "httpcore", "httpx")
"""Those that are made to tell all: the root's level is everybody's who has none of their own."""
_WATCH = pytest.StashKey[Watch]()
_SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("atsbridge")
    group.addoption("--atsbridge-seed", default="1", help="a number, or 'random'; printed in the header")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "loopback: may open sockets to this machine")
    config.addinivalue_line("markers", "campaign: the long runs")
    config.addinivalue_line("markers", "shows_people: shows personal data on purpose; never credentials")
    wish = str(config.getoption("--atsbridge-seed"))
    config.stash[_SEED] = secrets.randbelow(2**32) if wish == "random" else int(wish)
    config.stash[_WATCH] = Watch()
    config.pluginmanager.register(Canaries(config.stash[_WATCH]), "atsbridge-canaries")


def pytest_report_header(config: pytest.Config) -> str:
    return f"atsbridge: canaries planted, seed {config.stash[_SEED]} (--atsbridge-seed)"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """This test's own seed, made of the run's and the test's name."""
    text = f"{request.config.stash[_SEED]} {request.node.nodeid}"
    number = zlib.crc32(text.encode())
    request.node.add_report_section("call", "seed", f"seed {number}, of the run's {text.split()[0]}")
    return number


@pytest.fixture
def rng(seed: int) -> random.Random:
    """A source of chance of this test's own."""
    return random.Random(seed)  # noqa: S311 - no secret is made of it


@pytest.fixture
def ats_account(seed: int) -> Callable[..., Account]:
    """Opens an `Account` of a registered vendor, invented from this test's seed; see `Account.open`."""
    return partial(Account.open, seed=seed)


@pytest.fixture
def canaries(request: pytest.FixtureRequest) -> Watch:
    """The watch of this run, for a test that has something more to show it."""
    return request.config.stash[_WATCH]


# -- canaries --


@define(eq=False)
class Canaries:
    """Plants the canaries for a session, shows the watch every channel, and fails what leaks."""

    watch: Watch
    late: list[tuple[str, Hit]] = field(factory=list, init=False)
    _undo: list[Callable[[], None]] = field(factory=list, init=False)
    _databases: dict[Path, bool] = field(factory=dict, init=False)
    _memory: list[weakref.ref[MemoryLedger]] = field(factory=list, init=False)
    _item: pytest.Item | None = field(default=None, init=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        self._set(people, "marks", PLANTED)
        self._listen_to_logs()
        self._listen_to_values()
        self._listen_to_databases()
        self._listen_to_captures()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        while self._undo:
            self._undo.pop()()
        self.late += [("at the end", hit) for hit in self.watch.take()]
        if self.late and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.late:
            terminalreporter.section("canaries")
            for where, hit in self.late:
                terminalreporter.line(f"{where}: {hit}")

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, nodeid: str) -> None:
        # Comes after the test has been reported, so it can fail the run only.
        before = len(self.watch.hits)
        self.watch.look("warning", str(warning_message.message))
        self.late += [(nodeid, hit) for hit in self.watch.hits[before:]]
        del self.watch.hits[before:]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._item = item
        try:
            return (yield)
        finally:
            self._item = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.excinfo is not None:
            self.watch.look_at_error("traceback", call.excinfo.value)
        if call.when == "teardown":
            self._look_at_the_rest(report)
            self._judge(item, report)
        return report

    def _look_at_the_rest(self, report: pytest.TestReport) -> None:
        shows = self._shows_people
        self.watch.look("stdout", report.capstdout, people=shows)
        self.watch.look("stderr", report.capstderr, people=shows)
        databases, self._databases = self._databases, {}
        for path, may_hold_people in databases.items():
            what = "CRM database" if may_hold_people else "ledger"
            self.watch.look_at_database(what, path, people=may_hold_people)
        for ledger in filter(None, (ref() for ref in self._memory)):
            for row_type, rows in ledger.tables.items():
                self.watch.look(f"ledger in memory, {row_type.TABLE}", repr(list(rows.values())))
        self._memory = []

    def _judge(self, item: pytest.Item, report: pytest.TestReport) -> None:
        hits = self.watch.take()
        if hits:
            report.outcome = "failed"
            lines = [f"{item.nodeid}: canaries got out", *(f"  {hit}" for hit in hits)]
            report.longrepr = "\n".join(lines)

    @property
    def _shows_people(self) -> bool:
        return self._item is not None and self._item.get_closest_marker("shows_people") is not None

    # -- listening --

    def _set(self, owner: Any, name: str, value: Any) -> None:
        before = getattr(owner, name)
        setattr(owner, name, value)
        self._undo.append(lambda: setattr(owner, name, before))

    def _after(self, owner: Any, name: str, look: Callable[..., None]) -> None:
        """Call ``look(result, *arguments)`` after each call of a method."""
        inner = getattr(owner, name)

        @wraps(inner)  # what reads a plugin's signature must find the real one
        def outer(*args: Any, **kwargs: Any) -> Any:
            result = inner(*args, **kwargs)
            look(result, *args)
            return result

        self._set(owner, name, outer)

    def _listen_to_logs(self) -> None:
        formatter = logging.Formatter("%(name)s %(message)s")

        def look(_none: None, _logger: logging.Logger, record: logging.LogRecord) -> None:
            self.watch.look(f"log record of {record.name}", formatter.format(record))
            self.watch.look(f"log record of {record.name} (arguments)", repr(record.args))
            if record.exc_info and record.exc_info[1] is not None:
                self.watch.look_at_error(f"log record of {record.name}", record.exc_info[1])

        # Not a handler: a logger that does not propagate would be missed.
        self._after(logging.Logger, "callHandlers", look)
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            self._undo.append(lambda logger=logger, level=logger.level: logger.setLevel(level))  # type: ignore[misc]
            logger.setLevel(logging.DEBUG)

    def _listen_to_values(self) -> None:
        """What a bridge returns or raises, and the words of every error there is."""
        watch, run, arun = self.watch, Bridge._run, AsyncBridge._run

        def run_(bridge: Bridge, *how: Any) -> Any:
            try:
                result = run(bridge, *how)
            except Exception as error:
                watch.look_at_error("error out of a bridge", error)
                raise
            watch.look_at_value("returned by a bridge", result)
            return result

        async def arun_(bridge: AsyncBridge, *how: Any) -> Any:
            try:
                result = await arun(bridge, *how)
            except Exception as error:
                watch.look_at_error("error out of a bridge", error)
                raise
            watch.look_at_value("returned by a bridge", result)
            return result

        def made(_none: None, error: AtsBridgeError, *_args: Any) -> None:
            watch.look("error message", f"{error.args} {error.advice}")

        self._set(Bridge, "_run", run_)
        self._set(AsyncBridge, "_run", arun_)
        self._after(AtsBridgeError, "__init__", made)

    def _listen_to_databases(self) -> None:
        def ledger(_none: None, made: SqliteLedger, *_args: Any) -> None:
            self._databases[made.path] = False

        def crm(_none: None, made: SqlCrm, *_args: Any) -> None:
            self._databases[Path(made._database.path)] = True

        def memory(_none: None, made: MemoryLedger, *_args: Any) -> None:
            self._memory.append(weakref.ref(made))

        self._after(SqliteLedger, "__init__", ledger)
        self._after(SqlCrm, "__init__", crm)
        self._after(MemoryLedger, "__init__", memory)
        try:
            from ..ledgers.postgres import PostgresTxn
        except ImportError:  # the extra `postgres` is not installed
            return

        def put(_count: int, _txn: PostgresTxn, rows: Sequence[Row]) -> None:
            self.watch.look("ledger in PostgreSQL", repr(rows))

        self._after(PostgresTxn, "_put", put)

    def _listen_to_captures(self) -> None:
        """What a test reads of the output itself is no longer in its report; nor is an expected error."""

        def read(result: Any, *_args: Any) -> None:
            for name, text in zip(("stdout", "stderr"), result, strict=True):
                shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
                self.watch.look(name, shown, people=self._shows_people)

        def expected(_result: bool, _raises: Any, _type: Any, error: BaseException | None, *_: Any) -> None:
            if error is not None:
                self.watch.look_at_error("expected error", error)

        def invoked(result: Any, *_args: Any) -> None:
            self.watch.look("output of a command", result.output, people=self._shows_people)
            self.watch.look("stderr of a command", result.stderr, people=self._shows_people)
            if result.exception is not None:
                self.watch.look_at_error("error out of a command", result.exception)

        self._after(pytest.CaptureFixture, "readouterr", read)
        self._after(pytest.RaisesExc, "__exit__", expected)
        try:
            from click.testing import CliRunner
        except ImportError:  # the extra `cli` is not installed
            return
        self._after(CliRunner, "invoke", invoked)


# -- network --


class SocketRefused(RuntimeError):
    """A test tried to open a socket that it may not open."""


@define
class _Fence:
    """What the audit hook, which can never be removed, looks at."""

    up: bool = False
    loopback: bool = False
    hook: bool = False
    tried: list[str] = field(factory=list)

    def check(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.up or event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
            return
        host = args[0] if event == "socket.getaddrinfo" else _host(args[1])
        if host is None or (self.loopback and _is_here(host)):
            return
        self.tried.append(str(host))
        raise SocketRefused(
            f"a test may not reach {host!r}; for this machine alone there is the mark 'loopback'"
        )


def _host(address: Any) -> str | None:
    """The host of an internet address; None for any other kind, such as a path on this machine."""
    return str(address[0]) if isinstance(address, tuple) and address else None


def _is_here(host: Any) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return text == "localhost" or is_loopback(text)
    except ValueError:
        return False


_fence = _Fence()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not _fence.hook:
        sys.addaudithook(_fence.check)
        _fence.hook = True
    before = (_fence.up, _fence.loopback)
    _fence.up, _fence.loopback = True, item.get_closest_marker("loopback") is not None
    _fence.tried.clear()
    try:
        return (yield)
    finally:
        _fence.up, _fence.loopback = before


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    yield
    if _fence.tried:
        tried, threads = sorted(set(_fence.tried)), threading.active_count()
        _fence.tried.clear()
        pytest.fail(f"sockets were refused: {tried} ({threads} threads)", pytrace=False)
