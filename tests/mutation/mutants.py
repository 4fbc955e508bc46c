"""Break what a promise rests on in every single place, and see that its tests notice.

::

    python tests/mutation/mutants.py                  # every target; survivors make it fail
    python tests/mutation/mutants.py guard            # one of them
    python tests/mutation/mutants.py --list outbox    # what would be broken

Targets are the guard, and the outbox with its policy, intake, protocol, leases and receipts. Each
mutant is one changed operator, constant, return, condition or call, or one
`raise`, call or named argument left out. It is compiled in memory, put in the module's
place together with all that was made from it, and the target's tests run
against it, in this process: plain functions, without fixtures or a socket.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import itertools
import signal
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

TESTS = Path(__file__).resolve().parent.parent
_PATIENCE_SECONDS = 20
"""A mutant whose tests take longer never ends, and is noticed."""

Path_ = tuple[tuple[str, int | None], ...]
"""Where a node stands in a tree: field and place in it, from the top."""

Key = tuple[str, str, str]
"""The definition a mutant stands in, its source line and its change."""


@frozen(kw_only=True)
class Target:
    """What is broken, and who must notice.

    Args:
        modules: in the order in which they are made from each other; of each, the
            definitions that are broken, or None for all of it.
        dependents: modules, and helpers of the tests, that are made from those.
        tests: files below ``tests/``, by the module whose mutants they notice first.
        equivalent: mutants that nothing can tell from the original, and the reason.
    """

    modules: Mapping[str, frozenset[str] | None]
    dependents: tuple[str, ...] = ()
    tests: Mapping[str, tuple[str, ...]]
    equivalent: Mapping[Key, str]

    def files(self, module: str | None) -> list[Path]:
        """Every file of tests, the module's own first."""
        own = self.tests.get(module or "", ())
        others = [name for names in self.tests.values() for name in names if name not in own]
        return [TESTS / name for name in (*own, *dict.fromkeys(others))]


_SAME_LENGTH = "the lengths were compared before; strict only says so again"
_ALIAS = "a name for a type, which nothing reads while it runs"
_TRUTH = "whoever asks looks only whether it is true"
_EMPTY = "only an empty transaction is spared"
_SPARED = "what was sent is spared by `end_unsent` too; here the question is"
_FIRST_ALONE = "of what is found the first alone is looked at"
_FOR_THE_TYPES = "the next operand says so too; this one is for the type checker"

GUARD = Target(
    modules={
        "atsbridge.wire.vendor": frozenset({"Slot", "StatusWrite", "_fill", "_plain", "Vendor"}),
        "atsbridge.wire.guard": None,
    },
    tests={"": ("wire/test_guard.py", "wire/test_guard_forms.py")},
    equivalent={
        ("match_path", "for want, have in zip(wanted, given, strict=True):", "True -> False"): _SAME_LENGTH,
        ("match_path", "for want, have in zip(wanted, given, strict=True):", "without strict"): _SAME_LENGTH,
        (
            "match_path",
            'if quote(value, safe="") != text or _NOT_IN_A_SEGMENT.search(value):',
            "without safe",
        ): "a slash in a value is refused by the next operand too",
        (
            "match_write",
            "for (_, shape), (_, value) in zip(write.query, request.query, strict=True):",
            "True -> False",
        ): _SAME_LENGTH,
        (
            "match_write",
            "for (_, shape), (_, value) in zip(write.query, request.query, strict=True):",
            "without strict",
        ): _SAME_LENGTH,
        (
            "_match",
            "and all(_match(s, v, values) for s, v in zip(shape, value, strict=True))",
            "True -> False",
        ): _SAME_LENGTH,
        (
            "_match",
            "and all(_match(s, v, values) for s, v in zip(shape, value, strict=True))",
            "without strict",
        ): _SAME_LENGTH,
        **{
            ("_match_element", line, change): _SAME_LENGTH
            for line in (
                "and all(_match(_as_text(s), v, values) "
                "for s, v in zip(shape.parts, value.parts, strict=True))",
                "and all(_match_element(s, v, values) for s, v in zip(shape.children, value.children, "
                "strict=True))",
            )
            for change in ("True -> False", "without strict")
        },
        ("Guard._is_of", "own = self.slots or {}", "without operand 1"): "a guard is not made without them",
        ("Guard._address", "own = self.slots or {}", "without operand 1"): "a guard is not made without them",
        (
            "Guard._admit_token",
            "if endpoint is None or endpoint not in self.vendor.tokens:",
            "without operand 0",
        ): _FOR_THE_TYPES,
        (
            "authorise",
            "if write is None or values is None or not _names(write, SlotName.APPLICATION, values):",
            "without operand 0",
        ): _FOR_THE_TYPES,
    },
)

OUTBOX = Target(
    modules={
        "atsbridge.sync.leases": None,
        "atsbridge.sync.receipts": None,
        "atsbridge.sync.policy": None,
        "atsbridge.sync.outbox": None,
        "atsbridge.sync.intake": None,
        "atsbridge.sync.open_changes": None,
        "atsbridge.sync.protocol": None,
    },
    dependents=("atsbridge.sync.inbound", "atsbridge.sync.outbound", "sync_world"),
    tests={
        "atsbridge.sync.leases": ("sync/test_leases.py",),
        "atsbridge.sync.receipts": ("sync/test_receipts.py",),
        "atsbridge.sync.policy": ("sync/test_policy.py",),
        "atsbridge.sync.outbox": ("sync/test_outbox.py",),
        "atsbridge.sync.intake": ("sync/test_intake.py",),
        "atsbridge.sync.open_changes": ("sync/test_open_changes.py",),
        "atsbridge.sync.protocol": ("sync/test_protocol.py",),
    },
    equivalent={
        (
            "make_receipt",
            "after = parse_state(last.after_state) if last and last.after_state else None",
            "without operand 1",
        ): "it was chosen for having one; this is for the type checker",
        ("", 'T = TypeVar("T")', "'T' -> ''"): _ALIAS,
        ("", "Step = Close | Write | Settle | Back", "left operand alone"): _ALIAS,
        ("", "Step = Close | Write | Settle | Back", "right operand alone"): _ALIAS,
        ("", "Expand = Callable[[StatusUpdate, State, str | None], Plan]", "left operand alone"): _ALIAS,
        ("", "Expand = Callable[[StatusUpdate, State, str | None], Plan]", "right operand alone"): _ALIAS,
        (
            "close_intent",
            'rest = [i for i in intents_of(txn, closed) if i.part > closed.part and i.state != "closed"]',
            "Gt -> GtE",
        ): "the part itself has been stored as closed just before",
        (
            "flush",
            "return ctx.ledger.do(action, durable=True)",
            "without durable",
        ): "it is the default too; said because nothing else is done here",
        (
            "close_intent",
            "if known is not None and fresh is not None:",
            "without operand 1",
        ): "what was not read makes nothing known; this is for the type checker",
        (
            "_finish_chain",
            "results = [Result(i.result) for i in intents if i.result is not None]",
            "condition -> True",
        ): "every part of a chain that has ended has a result; this is for the type checker",
        ("end_closed", "if gone:", "condition -> True"): _EMPTY,
        (
            "end_forbidden",
            "if (yield from perform(lambda: ctx.ledger.look(find))):",
            "condition -> True",
        ): _EMPTY,
        **{
            (
                "_refusal",
                'if all(intent.sent or intent.state == "closed" for intent in intents):',
                change,
            ): _SPARED
            for change in ("Or -> And", "without operand 0", "without operand 1", "'closed' -> ''")
        },
        (
            "_refusal",
            'return ""  # nothing is left; or it waits for another, and is mapped when that has ended',
            "return -> return None",
        ): _TRUTH,
        ("_is_time", "return False", "return -> return None"): _TRUTH,
        (
            "_untried",
            'tries = Where(equal=connection, among=of_theirs, above={"attempts": 0})',
            "without among",
        ): "it is asked for fewer rows; an event's id names its change alone",
        (
            "_untried",
            "tried = {intent.event_id for intent in txn.find(IntentRow, tries)} if found else set()",
            "always the first",
        ): "of no application there is no intent; only a query is spared",
        (
            "end_unsent",
            "if not update.open:",
            "condition -> False",
        ): "what has ended waits for nothing and has no open intent; only a query is spared",
        (
            "next_look",
            'rows = txn.find(IntentRow, waiting, order=("not_before",), limit=1)',
            "1 -> 2",
        ): _FIRST_ALONE,
        (
            "next_look",
            'rows = txn.find(IntentRow, waiting, order=("not_before",), limit=1)',
            "without limit",
        ): _FIRST_ALONE,
        (
            "_oldest_open",
            'rows = txn.find(IntentRow, where, order=("number", "part"), limit=1)',
            "1 -> 2",
        ): _FIRST_ALONE,
        (
            "_oldest_open",
            'rows = txn.find(IntentRow, where, order=("number", "part"), limit=1)',
            "without limit",
        ): _FIRST_ALONE,
        (
            "_ends_unsent",
            "return False",
            "return -> return None",
        ): _TRUTH,
    },
)

TARGETS = {"guard": GUARD, "outbox": OUTBOX}

_OPPOSITE: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Lt: (ast.GtE, ast.LtE),
    ast.LtE: (ast.Gt, ast.Lt),
    ast.Gt: (ast.LtE, ast.GtE),
    ast.GtE: (ast.Lt, ast.Gt),
}
_SWAPS = {
    "all": "any",
    "any": "all",
    "fullmatch": "match",
    "search": "match",
    "min": "max",
    "max": "min",
    "reversed": "list",
}


@frozen
class Mutant:
    """One change: where it is, what it is, and what stands there instead."""

    module: str
    definition: str
    line: int
    source: str
    change: str
    path: Path_
    new: ast.AST

    @property
    def key(self) -> Key:
        return (self.definition, self.source, self.change)

    def tree(self) -> ast.Module:
        """The module with the change."""
        return _with(ast.parse(source_of(self.module)), self.path, self.new)


# -- making mutants --


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every single change of one node, in words and as a tree."""
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                for other in _OPPOSITE.get(type(op), ()):
                    changed = copy.deepcopy(node)
                    changed.ops[place] = other()
                    yield f"{type(op).__name__} -> {other.__name__}", changed
        case ast.BoolOp(op=op, values=values):
            changed = copy.deepcopy(node)
            changed.op = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{type(op).__name__} -> {type(changed.op).__name__}", changed
            for place in range(len(values)):
                fewer = copy.deepcopy(node)
                del fewer.values[place]
                yield f"without operand {place}", fewer if len(values) > 2 else fewer.values[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "without not", operand
        case ast.BinOp():
            yield "left operand alone", node.left
            yield "right operand alone", node.right
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f"{value} -> {value + 1}", ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if value:
            yield f"{value!r} -> ''", ast.Constant("")
        case ast.Call(func=ast.Attribute(attr=name)) if name in _SWAPS:
            changed = copy.deepcopy(node)
            changed.func.attr = _SWAPS[name]  # type: ignore[attr-defined]
            yield f"{name} -> {_SWAPS[name]}", changed
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPS:
            changed = copy.deepcopy(node)
            changed.func.id = _SWAPS[name]  # type: ignore[attr-defined]
            yield f"{name} -> {_SWAPS[name]}", changed
        case ast.IfExp(test=_):
            yield "always the first", node.body
            yield "always the second", node.orelse
        case ast.If(test=_) | ast.comprehension(ifs=[_]):
            for value in (True, False):
                changed = copy.deepcopy(node)
                if isinstance(changed, ast.If):
                    changed.test = ast.Constant(value)
                else:
                    changed.ifs = [ast.Constant(value)]  # type: ignore[attr-defined]
                yield f"condition -> {value}", changed
        case ast.Raise():
            yield "raise left out", ast.Pass()
        case ast.Expr(value=ast.Call()):
            yield "call left out", ast.Pass()
        case ast.Continue():
            yield "continue -> break", ast.Break()
        case ast.Return(value=ast.Constant(value=None)):
            yield "return None -> return {}", ast.Return(ast.Dict([], []))
        case ast.Return(value=value) if value is not None:
            yield "return -> return None", ast.Return(ast.Constant(None))


def _without_keywords(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """A call with each of its named arguments left out: a field that `evolve` no longer sets."""
    if isinstance(node, ast.Call):
        for place, keyword in enumerate(node.keywords):
            fewer = copy.deepcopy(node)
            del fewer.keywords[place]
            yield f"without {keyword.arg or 'the rest'}", fewer


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list") or isinstance(node, ast.Raise):
            continue
        if isinstance(node, ast.AnnAssign) and name != "value":
            continue
        if isinstance(value, ast.AST):
            yield name, None, value
        elif isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield name, place, item


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _sites(node: ast.AST, path: Path_ = ()) -> Iterator[tuple[Path_, ast.AST]]:
    if _is_docstring(node) or isinstance(node, ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield path, node
    for name, place, child in _children(node):
        yield from _sites(child, (*path, (name, place)))


def _definition(tree: ast.Module, path: Path_) -> str:
    """The names of the functions and classes around a place."""
    node: ast.AST = tree
    names: list[str] = []
    for name, place in path:
        value = getattr(node, name)
        node = value if place is None else value[place]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
    return ".".join(names)


def _with(tree: ast.Module, path: Path_, new: ast.AST) -> ast.Module:
    parent: ast.AST = tree
    for name, place in path[:-1]:
        value = getattr(parent, name)
        parent = value if place is None else value[place]
    name, place = path[-1]
    old = getattr(parent, name) if place is None else getattr(parent, name)[place]
    new = ast.copy_location(copy.deepcopy(new), old)
    if place is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[place] = new
    return ast.fix_missing_locations(tree)


def file_of(module: str) -> Path:
    found = sys.modules[module].__file__
    assert found is not None
    return Path(found)


def source_of(module: str) -> str:
    return file_of(module).read_text(encoding="utf-8")


def mutants(module: str, only: frozenset[str] | None) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = source_of(module)
    tree, lines = ast.parse(text), text.splitlines()
    for place, top in enumerate(tree.body):
        if only is not None and getattr(top, "name", None) not in only:
            continue
        for path, node in _sites(top, (("body", place),)):
            for change, new in (*_replacements(node), *_without_keywords(node)):
                line: int = getattr(node, "lineno", getattr(top, "lineno", 0))
                if isinstance(node, ast.comprehension):
                    line = node.iter.lineno
                source = lines[line - 1].strip()
                yield Mutant(module, _definition(tree, path), line, source, change, path, new)


# -- running the tests --


@contextmanager
def _in_place(names: tuple[str, ...]) -> Iterator[None]:
    """Whatever is put in the place of these modules, they are back afterwards."""
    before = {name: sys.modules[name] for name in names}
    try:
        yield
    finally:
        for name, module in before.items():
            _put(name, module)


def _put(name: str, module: types.ModuleType) -> None:
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)


def _execute(name: str, code: types.CodeType) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    module.__file__ = code.co_filename
    _put(name, module)
    exec(code, module.__dict__)
    return module


def _cases(test: Callable[..., None]) -> Iterator[dict[str, object]]:
    """Every set of arguments that a test's parametrize marks give it."""
    marks = [m for m in getattr(test, "pytestmark", ()) if m.name == "parametrize"]
    columns = []
    for mark in marks:
        names = (
            [n.strip() for n in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
        )
        rows = [row if len(names) > 1 else (row,) for row in mark.args[1]]
        columns.append([dict(zip(names, row, strict=True)) for row in rows])
    for chosen in itertools.product(*columns):
        yield {name: value for row in chosen for name, value in row.items()}


class _Endless(BaseException):
    """The tests of a mutant do not come to an end."""


def _give_up(_signal: int, _frame: object) -> None:
    raise _Endless


def battery(tests: types.CodeType) -> str | None:
    """Run a file of tests against the modules in place; the first that fails, or None."""
    name = Path(tests.co_filename).stem
    try:
        module = _execute("tests_under_mutation", tests)
    except Exception as error:  # a mutant may break anything
        return f"{name}: {type(error).__name__}"
    finally:
        sys.modules.pop("tests_under_mutation", None)
    for name, test in list(vars(module).items()):
        if not name.startswith("test_"):
            continue
        try:
            for arguments in _cases(test):
                test(**arguments)
        except BaseException as error:  # pytest's own failures are no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            return name
    return None


def compiled(path: Path) -> types.CodeType:
    return compile(path.read_text(encoding="utf-8"), str(path), "exec")


@frozen
class Bench:
    """A target with everything compiled."""

    target: Target
    codes: Mapping[str, types.CodeType]
    tests: Mapping[Path, types.CodeType]

    @classmethod
    def of(cls, target: Target) -> Bench:
        names = (*target.modules, *target.dependents)
        codes = {name: compiled(file_of(name)) for name in names}
        return cls(target, codes, {path: compiled(path) for path in target.files(None)})

    def killed_by(self, mutant: Mutant | None) -> str | None:
        """The test that notices a mutant, or None; without a mutant: the test that is broken anyway."""
        names = tuple(self.codes)
        # What stands before the mutant was not made from it.
        made = names[names.index(mutant.module) :] if mutant else names
        with _in_place(made), _patience():
            try:
                for name in made:
                    mutated = mutant is not None and name == mutant.module
                    file = str(file_of(name))
                    _execute(name, compile(mutant.tree(), file, "exec") if mutated else self.codes[name])  # type: ignore[union-attr]
            except Exception as error:  # it does not even import
                return f"import: {type(error).__name__}"
            except _Endless:
                return "endless"
            for path in self.target.files(mutant.module if mutant else None):
                found = battery(self.tests[path])
                if found is not None:
                    return found
        return None


@contextmanager
def _patience() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_PATIENCE_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(name: str, *, listing: bool = False) -> int:
    """All mutants of a target: 0 where each is noticed or named as equivalent."""
    target = TARGETS[name]
    bench = Bench.of(target)
    every = [m for module, only in target.modules.items() for m in mutants(module, only)]
    if listing:
        for mutant in every:
            print(f"{mutant.module}:{mutant.line}: {mutant.change}: {mutant.source}")
        return 0
    broken = bench.killed_by(None)
    if broken is not None:
        print(f"the tests fail without any mutant: {broken}")
        return 2
    began, survivors, excused = time.monotonic(), [], set()
    for mutant in every:
        if bench.killed_by(mutant) is None:
            if mutant.key in target.equivalent:
                excused.add(mutant.key)
                continue
            survivors.append(mutant)
            print(f"SURVIVES {mutant.module}:{mutant.line}: {mutant.change}: {mutant.source}", flush=True)
    stale = target.equivalent.keys() - excused
    for key in stale:
        print(f"named as equivalent, and is killed or gone: {key}")
    seconds = time.monotonic() - began
    told = f"{len(every)} mutants, {len(survivors)} survive, {len(excused)} equivalent"
    print(f"{name}: {told}, {seconds:.0f} s", flush=True)
    return 1 if survivors or stale else 0


def prepare() -> None:
    """Import what is broken and what the tests share."""
    for folder in ("sync", "wire"):
        if str(TESTS / folder) not in sys.path:
            sys.path.insert(0, str(TESTS / folder))
    for target in TARGETS.values():
        for name in (*target.modules, *target.dependents):
            importlib.import_module(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all by default"
    )
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    asked = parser.parse_args()
    unknown = set(asked.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    prepare()
    return max(run(name, listing=asked.list) for name in asked.targets or TARGETS)


if __name__ == "__main__":
    sys.exit(main())
