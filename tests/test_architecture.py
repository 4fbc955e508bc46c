"""The house rules, read from the syntax trees of the package.

Every rule is a function from parsed modules to a list of faults, in words. Each
is shown a planted violation first, and then the package itself. An exception
stands here by name with its reason; one that nothing needs any more is a fault.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

import atsbridge

ROOT = Path(atsbridge.__file__).parent

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "model", "_sqlite"),
    ("wire",),
    ("ats.interface", "crm.interface"),
    ("mapping",),
    ("sync",),
    ("ledgers", "drivers", "ats", "crm"),
    ("registry", "bridge", "connection", "tokens", "skeleton"),
    ("worker",),
    ("",),
    ("simulators", "testing", "webhooks", "engines", "cli"),
)
"""Downwards only; the longest prefix counts, and ``""`` is the package's own front door."""

SIDEWAYS: Mapping[tuple[str, str], str] = {
    ("connection", "registry"): "a connection file names its adapter, CRM and ledger",
    ("connection", "tokens"): "and where its tokens are kept",
    ("testing", "simulators"): "the faults are put on a simulator's port",
    ("cli", "simulators"): "`atsbridge simulate` and the demonstration",
}
"""Groups of one layer that may import each other."""

LAZY: Mapping[tuple[str, str], str] = {
    ("cli", "click"): "extra `cli`: the entry point says what to install where it is missing",
    ("cli", "rich"): "the same",
    ("cli", "cli.app"): "the same: it imports both",
    ("cli.app", "cli.reports"): "small verbs stay quick: with it comes all that a bridge needs",
    ("connection", "keyring"): "extra `keyring`",
    ("tokens", "keyring"): "extra `keyring`",
    ("wire.xml", "defusedxml"): "extra `xml`: the adapters that read XML need it",
    ("wire.saml", "lxml"): "extra `saml`: the adapters that sign an assertion need it",
    ("wire.saml", "signxml"): "the same",
    ("simulators.successfactors.oauth", "lxml"): "extra `saml`: it checks what was signed",
    ("simulators.successfactors.oauth", "cryptography"): "the same",
    ("simulators.successfactors.assertion", "lxml"): "the same, for the assertion that it shows a stranger",
    ("simulators.successfactors.assertion", "cryptography"): "the same",
    ("simulators.serve", "simulators.certificates"): "extra `serve`: it imports cryptography, for TLS alone",
    ("testing.plugin", "ledgers.postgres"): "extra `postgres`: watched only where it is there",
    ("testing.plugin", "click"): "extra `cli`: patched only where it is there",
}
"""Imports inside functions."""

REACHES_OUT: Mapping[tuple[str, str], str] = {
    ("drivers._httpx", "httpx"): "the one module that can send bytes",
    ("drivers._httpx", "httpcore"): "the same",
    ("drivers._httpx", "socket"): "resolves names",
    ("drivers._httpx", "ssl"): "the TLS settings",
    ("drivers._httpx", "select"): "asks whether an idle connection was closed",
    ("ledgers.postgres", "psycopg"): "the server that the ledger is kept by; nothing of the ATS goes there",
    ("ledgers.postgres", "psycopg_pool"): "the same",
    ("sync.context", "socket"): "gethostname names the worker; nothing is opened",
}
"""Modules that may import what can reach outside."""

SOCKET_NAMES = {"sync.context": {"gethostname"}}
"""What these may use of `socket`."""

OUTWARD = frozenset({
    "httpx", "httpcore", "httpx2", "requests", "urllib3", "aiohttp", "anyio", "websockets", "pycurl",
    "h11", "h2", "socket", "socketserver", "ssl", "select", "selectors", "urllib.request",
    "urllib.robotparser", "http", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "nntplib",
    "psycopg", "psycopg_pool",
    "xmlrpc", "asyncore", "asynchat", "webbrowser", "subprocess", "ctypes", "_ctypes", "cffi",
    "multiprocessing", "pty", "_socket", "_ssl", "pickle", "marshal", "code", "logging.handlers",
    "logging.config",
})  # fmt: skip
"""Modules that open sockets or processes, or run what is data."""

STREAMS = frozenset({
    "open_connection", "start_server", "open_unix_connection", "start_unix_server",
    "create_subprocess_exec", "create_subprocess_shell", "create_connection", "create_server",
    "create_datagram_endpoint", "sock_connect", "system", "popen", "fork", "forkpty", "execv", "execve",
    "execvp", "execl", "posix_spawn", "spawnv", "spawnl",
})  # fmt: skip
"""Attributes that do the same, of `asyncio`, its loops, and `os`."""

RUNS_DATA = frozenset({"exec", "eval", "compile", "__import__", "breakpoint"})
OUTSIDE = ("simulators", "testing", "webhooks", "engines", "cli")
"""What a connection never imports."""
FLOWS = ("wire", "ats", "crm", "mapping", "sync")

CARRIED: Mapping[tuple[str, str], str] = {
    ("connection", "FileNotFoundError"): "it names a path",
    ("connection", "ImportError"): "it names a module",
    ("tokens", "ImportError"): "the same",
    ("wire.xml", "ImportError"): "the same",
    ("wire.saml", "ImportError"): "the same",
    (
        "registry",
        "Exception",
    ): "what a plugin raises while it is imported: its author needs it, no data is near",
    ("ledgers.sqlite", "sqlite3.Error"): "SQLite's words name tables and columns, no values",
    ("drivers._httpx", "TimeoutError"): "it says nothing",
}
"""Errors that may be carried along by the one raised for them."""

Modules = Mapping[str, ast.Module]


# -- reading --


def parsed(sources: Mapping[str, str]) -> Modules:
    return {name: ast.parse(text) for name, text in sources.items()}


def package() -> Modules:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
        found[name].is_package = parts[-1] == "__init__"  # type: ignore[attr-defined]
    return found


PACKAGE = package()


def _absolute(module: str, tree: ast.Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".") if module else []
    up = node.level - bool(getattr(tree, "is_package", False))
    base = ["atsbridge", *parts[: len(parts) - up]]
    return ".".join([*base, *([node.module] if node.module else [])])


def _imported(module: str, modules: Modules, node: ast.stmt) -> Iterator[str]:
    """What a statement imports; our own modules without the package's name, as ``atsbridge:``."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield _ours(alias.name)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(module, modules[module], node)
        for alias in node.names:
            deeper = _ours(f"{base}.{alias.name}")
            is_module = deeper.removeprefix("atsbridge:") in modules
            # For others' packages both readings count: `from urllib import request`.
            if deeper.startswith("atsbridge:"):
                yield deeper if is_module else _ours(base)
            else:
                yield deeper
                yield base


def _ours(name: str) -> str:
    if name == "atsbridge":
        return "atsbridge:"
    return f"atsbridge:{name.removeprefix('atsbridge.')}" if name.startswith("atsbridge.") else name


def _imports(module: str, modules: Modules) -> list[tuple[str, bool, bool]]:
    """Everything a module imports: the name, whether inside a function, whether for types alone."""
    tree = modules[module]
    if not hasattr(tree, "imports"):
        tree.imports = list(_read_imports(module, modules))  # type: ignore[attr-defined]
    return tree.imports  # type: ignore[attr-defined, no-any-return]


def _read_imports(module: str, modules: Modules) -> Iterator[tuple[str, bool, bool]]:

    def walk(node: ast.AST, inside: bool, typing: bool) -> Iterator[tuple[str, bool, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for name in _imported(module, modules, child):
                    yield name, inside, typing
            else:
                deeper = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
                yield from walk(child, deeper, typing or for_types)

    yield from walk(modules[module], False, False)


def _own_imports(module: str, modules: Modules) -> Iterator[str]:
    for name, _, _ in _imports(module, modules):
        if name.startswith("atsbridge:"):
            yield name.removeprefix("atsbridge:")


def _under(module: str, *prefixes: str) -> bool:
    return any(module == p or module.startswith(f"{p}.") for p in prefixes)


def _place(module: str) -> tuple[int, str]:
    """The layer of a module, and the group in it."""
    best = (-1, "")
    for rank, groups in enumerate(LAYERS):
        for group in groups:
            fits = _under(module, group) if group else module == ""
            if fits and (best[0] < 0 or len(group) > len(best[1])):
                best = (rank, group)
    return best


# -- the rules --


def layering(modules: Modules, used: set[object]) -> Iterator[str]:
    for module in modules:
        rank, group = _place(module)
        if rank < 0:
            yield f"{module} stands in no layer"
            continue
        for other in _own_imports(module, modules):
            other_rank, other_group = _place(other)
            if other_rank > rank:
                yield f"{module} imports {other}, which stands above it"
            elif other_rank == rank and other_group != group:
                if (group, other_group) not in SIDEWAYS:
                    yield f"{module} imports {other}, which stands beside it"
                used.add((group, other_group))


def vendors(modules: Modules, used: set[object]) -> Iterator[str]:
    """An adapter knows the kit and the interface, and nothing of other vendors, of sync or of drivers."""
    shared = ("ats.chain", "ats.interface", "ats.preflight")
    for module in modules:
        if not _under(module, "ats") or module in ("ats", "ats.interface"):
            continue
        for other in _own_imports(module, modules):
            if not _under(other, "wire", "errors", "model", *shared) or _under(
                other, "wire.guard", "wire.client"
            ):
                yield f"{module} imports {other}"


def simulators(modules: Modules, used: set[object]) -> Iterator[str]:
    """A fake that shares readers with the code under test proves nothing."""
    for module in modules:
        if _under(module, "simulators"):
            for other in _own_imports(module, modules):
                if not _under(other, "simulators"):
                    yield f"{module} imports {other}"


def cycles(modules: Modules, used: set[object]) -> Iterator[str]:
    edges = {
        module: {
            name.removeprefix("atsbridge:")
            for name, inside, typing in _imports(module, modules)
            if name.startswith("atsbridge:") and not inside and not typing
        }
        for module in modules
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> Iterator[str]:
        if module in path:
            yield " -> ".join((*path[path.index(module) :], module))
        elif module not in done:
            for other in sorted(edges.get(module, ())):
                yield from visit(other, (*path, module))
            done.add(module)

    for module in sorted(modules):
        yield from visit(module, ())


def lazy_imports(modules: Modules, used: set[object]) -> Iterator[str]:
    for module in modules:
        for name, inside, _ in _imports(module, modules):
            if not inside:
                continue
            what = name.removeprefix("atsbridge:") if name.startswith("atsbridge:") else name.split(".")[0]
            if (module, what) not in LAZY:
                yield f"{module} imports {what} inside a function"
            used.add((module, what))


def one_http_library(modules: Modules, used: set[object]) -> Iterator[str]:
    """One module imports it, and nothing else does, the command line and the test kit included."""
    for module in modules:
        for name, _, _ in _imports(module, modules):
            if name.split(".")[0] in ("httpx", "httpcore", "httpx2") and module != "drivers._httpx":
                yield f"{module} imports {name}"


def one_way_out(modules: Modules, used: set[object]) -> Iterator[str]:
    """Nothing but one module can open a socket, start a process, or run what is data."""
    for module, tree in modules.items():
        if _under(module, *OUTSIDE):
            continue
        for name, _, _ in _imports(module, modules):
            roots = [".".join(name.split(".")[:n]) for n in range(1, name.count(".") + 2)]
            for bad in OUTWARD.intersection(roots):
                if (module, bad) not in REACHES_OUT:
                    yield f"{module} imports {bad}"
                used.add((module, bad))
        yield from _outward_names(module, tree)


def _outward_names(module: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNS_DATA:
            yield f"{module} calls {node.func.id}"
        if isinstance(node, ast.Attribute) and node.attr in STREAMS:
            yield f"{module} uses {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            "asyncio",
            "os",
            "builtins",
        ):
            for alias in node.names:
                if alias.name in STREAMS | RUNS_DATA:
                    yield f"{module} imports {alias.name}"
        of_socket = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "socket"
        if of_socket and node.attr not in SOCKET_NAMES.get(module, {node.attr}):  # type: ignore[attr-defined]
            yield f"{module} uses socket.{node.attr}"  # type: ignore[attr-defined]


def flows(modules: Modules, used: set[object]) -> Iterator[str]:
    """A closed flow must end at once: it yields nothing more, and catches no GeneratorExit."""
    for module, tree in modules.items():
        if not _under(module, *FLOWS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Try):
                for statement in node.finalbody:
                    if any(
                        isinstance(n, ast.Yield | ast.YieldFrom | ast.Await) for n in _same_scope(statement)
                    ):
                        yield f"{module}:{node.lineno} yields in finally"
            if isinstance(node, ast.ExceptHandler):
                caught = (
                    []
                    if node.type is None
                    else [n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)]
                )
                broad = node.type is None or {"BaseException", "GeneratorExit"} & set(caught)
                if broad and not _raises_again(node):
                    yield f"{module}:{node.lineno} catches GeneratorExit"


def contexts(modules: Modules, used: set[object]) -> Iterator[str]:
    """What is raised in a handler carries the caught error with it, ``from None`` or not.

    A JSONDecodeError has the whole body, a UnicodeEncodeError the credential,
    and whoever logs the new error with all there is to it logs that too.
    """
    for module, tree in modules.items():
        if module.partition(".")[0] in OUTSIDE:
            continue
        for handler in (n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler)):
            caught = ast.unparse(handler.type) if handler.type else ""
            for node in ast.walk(handler):
                if isinstance(node, ast.Raise) and node.exc is not None:
                    key = (module, caught)
                    used.add(key)
                    if key not in CARRIED:
                        yield f"{module}:{node.lineno} raises while it handles {caught or 'anything'}"


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _same_scope(child)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether a handler only tidies up: no yield in it, and a bare `raise` at its end."""
    last = handler.body[-1]
    yields = any(isinstance(n, ast.Yield | ast.YieldFrom) for s in handler.body for n in _same_scope(s))
    return isinstance(last, ast.Raise) and last.exc is None and not yields


Rule = Callable[[Modules, "set[object]"], Iterator[str]]

# -- each rule catches what is planted --

PLANTED: list[tuple[Rule, dict[str, str], str]] = [
    (layering, {"wire.x": "from ..sync import policy"}, "wire.x imports sync, which stands above it"),
    (layering, {"model": "import atsbridge.errors"}, "which stands beside it"),
    (layering, {"mapping.x": "from ..bridge import Bridge"}, "mapping.x imports bridge"),
    (layering, {"mapping.x": "def f():\n    from ..bridge import Bridge"}, "mapping.x imports bridge"),
    (layering, {"sync.x": "from .. import load"}, "sync.x imports , which stands above it"),
    (layering, {"drivers.x": "from ..ats.lever import Lever"}, "which stands beside it"),
    (layering, {"bridge": "from .simulators import lever"}, "bridge imports simulators"),
    (layering, {"newcomer": ""}, "newcomer stands in no layer"),
    (vendors, {"ats.a": "from .b import VENDOR", "ats.b": ""}, "ats.a imports ats.b"),
    (vendors, {"ats.a": "from ..sync.policy import decide"}, "ats.a imports sync.policy"),
    (vendors, {"ats.a": "from ..drivers._httpx import SyncWire"}, "ats.a imports drivers._httpx"),
    (vendors, {"ats.a": "from ..wire.guard import Permits"}, "ats.a imports wire.guard"),
    (vendors, {"ats.a": "from ..wire import client", "wire.client": ""}, "ats.a imports wire.client"),
    (simulators, {"simulators.a.x": "from ...ats.a import read"}, "simulators.a.x imports ats.a"),
    (simulators, {"simulators.a": "from ..wire.payload import read_json"}, "imports wire.payload"),
    (simulators, {"simulators.a": "import atsbridge.model"}, "simulators.a imports model"),
    (cycles, {"a": "from .b import x", "b": "from .c import y", "c": "from . import a"}, "a -> b -> c -> a"),
    (cycles, {"a": "import atsbridge.a"}, "a -> a"),
    (lazy_imports, {"wire.x": "def f():\n    import json"}, "wire.x imports json inside a function"),
    (
        lazy_imports,
        {"wire.x": "class A:\n    def f(self):\n        from ..model import Ref"},
        "imports model inside",
    ),
    (one_http_library, {"cli.x": "import httpx"}, "cli.x imports httpx"),
    (one_http_library, {"testing.x": "def f():\n    from httpcore import Request"}, "imports httpcore"),
    (one_way_out, {"sync.x": "import httpx"}, "sync.x imports httpx"),
    (one_way_out, {"drivers.sync": "from httpcore import ConnectionPool"}, "drivers.sync imports httpcore"),
    (one_way_out, {"wire.x": "import socket as s"}, "wire.x imports socket"),
    (one_way_out, {"wire.x": "from urllib import request"}, "wire.x imports urllib.request"),
    (one_way_out, {"wire.x": "from http.client import HTTPSConnection"}, "wire.x imports http"),
    (one_way_out, {"wire.x": "def f():\n    import subprocess"}, "wire.x imports subprocess"),
    (
        one_way_out,
        {"crm.x": "import asyncio\nasyncio.open_connection('h', 1)"},
        "uses asyncio.open_connection",
    ),
    (one_way_out, {"crm.x": "from asyncio import open_connection"}, "crm.x imports open_connection"),
    (one_way_out, {"crm.x": "import os\nos.system('x')"}, "crm.x uses os.system"),
    (one_way_out, {"mapping.x": "eval('1')"}, "mapping.x calls eval"),
    (one_way_out, {"mapping.x": "exec('1')"}, "mapping.x calls exec"),
    (one_way_out, {"mapping.x": "__import__('socket')"}, "mapping.x calls __import__"),
    (one_way_out, {"sync.context": "import socket\nsocket.create_connection(1)"}, "socket.create_connection"),
    (one_way_out, {"sync.context": "import socket\nsocket.socket()"}, "sync.context uses socket.socket"),
    (contexts, {"wire.x": "try:\n x\nexcept ValueError:\n raise E from None"}, "while it handles ValueError"),
    (contexts, {"bridge": "try:\n x\nexcept:\n if y:\n  raise E()"}, "bridge:5 raises while it handles any"),
    (flows, {"sync.x": "def f():\n try:\n  yield 1\n finally:\n  yield 2"}, "sync.x:2 yields in finally"),
    (
        flows,
        {"wire.x": "def f():\n try:\n  yield\n finally:\n  if 1:\n   x = yield from g()"},
        "yields in finally",
    ),
    (flows, {"ats.x": "def f():\n try:\n  yield 1\n except:\n  pass"}, "ats.x:4 catches GeneratorExit"),
    (flows, {"crm.x": "def f():\n try:\n  yield 1\n except BaseException:\n  x()"}, "catches GeneratorExit"),
    (flows, {"crm.x": "def f():\n try:\n  yield 1\n except (ValueError, GeneratorExit):\n  x()"}, "catches"),
    (flows, {"crm.x": "def f():\n try:\n  yield 1\n except BaseException:\n  yield 2\n  raise"}, "catches"),
]


@pytest.mark.parametrize(("rule", "sources", "fault"), PLANTED)
def test_a_planted_violation_is_caught(rule: Rule, sources: dict[str, str], fault: str) -> None:
    assert any(fault in found for found in rule(parsed(sources), set()))


FINE: list[tuple[Rule, dict[str, str]]] = [
    (layering, {"sync.x": "from ..wire.effects import Flow\nfrom . import y", "sync.y": ""}),
    (vendors, {"ats.a": "from .interface import Ats\nfrom ..wire.auth import Basic"}),
    (simulators, {"simulators.a.x": "from ..interface import SimRequest\nimport socket"}),
    (
        cycles,
        {
            "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import x",
            "b": "from . import a",
        },
    ),
    (
        one_way_out,
        {"wire.x": "from urllib.parse import quote\nimport re\nre.compile('x')", "cli.x": "import socket"},
    ),
    (
        flows,
        {"crm.x": "def f():\n try:\n  yield 1\n except BaseException:\n  x()\n  raise\n finally:\n  x()"},
    ),
]


@pytest.mark.parametrize(("rule", "sources"), FINE)
def test_what_is_fine_is_left_alone(rule: Rule, sources: dict[str, str]) -> None:
    assert list(rule(parsed(sources), set())) == []


# -- the package itself --


@pytest.mark.parametrize("rule", [vendors, simulators, cycles, flows, one_http_library])
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    assert list(rule(PACKAGE, set())) == []


@pytest.mark.parametrize(
    ("rule", "exceptions"),
    [(layering, SIDEWAYS), (lazy_imports, LAZY), (one_way_out, REACHES_OUT), (contexts, CARRIED)],
)
def test_the_package_keeps_the_rule_but_for_what_is_named(
    rule: Rule, exceptions: Mapping[tuple[str, str], str]
) -> None:
    used: set[object] = set()
    assert list(rule(PACKAGE, used)) == []
    assert set(exceptions) <= used, "an exception that nothing needs any more"
    assert all(exceptions.values())


def test_the_whole_package_was_read() -> None:
    assert {"", "wire.guard", "drivers._httpx", "sync.outbound", "ats.lever", "crm.sql"} <= set(PACKAGE)
    assert "wire.effects" in set(_own_imports("wire.guard", PACKAGE))
    assert "bridge" in set(_own_imports("", PACKAGE))
