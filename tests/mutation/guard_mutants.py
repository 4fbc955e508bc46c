"""Break the guard in every single place, and see that its tests notice.

::

    python tests/mutation/guard_mutants.py            # all mutants; survivors make it fail
    python tests/mutation/guard_mutants.py --list     # what would be broken

Each mutant is one changed operator, constant, return, condition or call, or one
`raise` left out, of `wire/guard.py` and of the slot and write code in
`wire/vendor.py`. It is compiled in memory, and the functions of
`tests/wire/test_guard.py` run against it, in this process and without a socket.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import itertools
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "wire" / "test_guard.py"
GUARD, VENDOR = "atsbridge.wire.guard", "atsbridge.wire.vendor"
ONLY = {
    GUARD: None,
    VENDOR: {"Slot", "StatusWrite", "_fill", "_plain", "Vendor"},
}
"""Of which definitions of a module; None is all of it."""

_SAME_LENGTH = "the lengths were compared before; strict only says so again"
_FOR_THE_TYPES = "the next operand says so too; this one is for the type checker"
EQUIVALENT: dict[tuple[str, str], str] = {
    ("for want, have in zip(wanted, given, strict=True):", "True -> False"): _SAME_LENGTH,
    (
        "for (_, shape), (_, value) in zip(write.query, request.query, strict=True):",
        "True -> False",
    ): _SAME_LENGTH,
    (
        "and all(_match(s, v, values) for s, v in zip(shape, value, strict=True))",
        "True -> False",
    ): _SAME_LENGTH,
    (
        "if endpoint is None or endpoint not in self.vendor.tokens:",
        "without operand 0",
    ): _FOR_THE_TYPES,
    (
        "if write is None or values is None or SlotName.APPLICATION not in values:",
        "without operand 0",
    ): _FOR_THE_TYPES,
}
"""Mutants that nothing can tell from the original: (source line, change) to the reason."""

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
_SWAPS = {"all": "any", "any": "all", "fullmatch": "match", "search": "match"}


@frozen
class Mutant:
    """One change: where it is, what it is, and the tree with it."""

    module: str
    line: int
    source: str
    change: str
    tree: ast.Module

    @property
    def key(self) -> tuple[str, str]:
        return (self.source, self.change)


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
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.BitOr()):
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


Path_ = tuple[tuple[str, int | None], ...]


def _sites(node: ast.AST, path: Path_ = ()) -> Iterator[tuple[Path_, ast.AST]]:
    if _is_docstring(node) or isinstance(node, ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield path, node
    for name, place, child in _children(node):
        yield from _sites(child, (*path, (name, place)))


def _with(tree: ast.Module, path: Path_, new: ast.AST) -> ast.Module:
    changed = copy.deepcopy(tree)
    parent: ast.AST = changed
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
    return ast.fix_missing_locations(changed)


def source_of(module: str) -> str:
    found = importlib.import_module(module)
    assert found.__file__ is not None
    return Path(found.__file__).read_text(encoding="utf-8")


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = source_of(module)
    tree, lines, only = ast.parse(text), text.splitlines(), ONLY[module]
    for place, top in enumerate(tree.body):
        if only is not None and getattr(top, "name", None) not in only:
            continue
        for path, node in _sites(top, (("body", place),)):
            for change, new in _replacements(node):
                line: int = getattr(node, "lineno", getattr(top, "lineno", 0))
                if isinstance(node, ast.comprehension):
                    line = node.iter.lineno
                yield Mutant(module, line, lines[line - 1].strip(), change, _with(tree, path, new))


# -- running the tests --


@contextmanager
def _in_place(modules: dict[str, types.ModuleType]) -> Iterator[None]:
    before = {name: sys.modules[name] for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        sys.modules.update(before)


def _execute(name: str, code: types.CodeType) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    module.__file__ = str(TESTS)
    sys.modules[name] = module
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


def battery(tests: types.CodeType) -> str | None:
    """Run the tests against the modules in place; the first that fails, or None."""
    try:
        module = _execute("guard_tests_under_mutation", tests)
    except Exception as error:  # a mutant may break anything
        return f"import: {type(error).__name__}"
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


def killed_by(mutant: Mutant | None, codes: dict[str, types.CodeType], tests: types.CodeType) -> str | None:
    """The test that notices a mutant, or None; without a mutant: the test that is broken anyway."""
    codes = dict(codes)
    if mutant is not None:
        codes[mutant.module] = compile(mutant.tree, mutant.module, "exec")
    names = (VENDOR, GUARD)
    with _in_place({name: sys.modules[name] for name in names}):
        try:
            for name in names:  # the guard is made from the vendor module that stands in place
                _execute(name, codes[name])
        except Exception as error:  # it does not even import
            return f"import: {type(error).__name__}"
        try:
            return battery(tests)
        finally:
            sys.modules.pop("guard_tests_under_mutation", None)


def run(listing: bool = False) -> int:
    codes = {name: compile(source_of(name), name, "exec") for name in ONLY}
    tests = compile(TESTS.read_text(encoding="utf-8"), str(TESTS), "exec")
    every = [m for module in ONLY for m in mutants(module)]
    if listing:
        for mutant in every:
            print(f"{mutant.module}:{mutant.line}: {mutant.change}: {mutant.source}")
        return 0
    broken = killed_by(None, codes, tests)
    if broken is not None:
        print(f"the tests fail without any mutant: {broken}")
        return 2
    began, survivors, excused = time.monotonic(), [], set()
    for mutant in every:
        if killed_by(mutant, codes, tests) is None:
            (excused.add(mutant.key) if mutant.key in EQUIVALENT else survivors.append(mutant))
    for mutant in survivors:
        print(f"SURVIVES {mutant.module}:{mutant.line}: {mutant.change}: {mutant.source}")
    stale = EQUIVALENT.keys() - excused
    for key in stale:
        print(f"named as equivalent, and is killed or gone: {key}")
    seconds = time.monotonic() - began
    print(f"{len(every)} mutants, {len(survivors)} survive, {len(excused)} equivalent, {seconds:.0f} s")
    return 1 if survivors or stale else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="show the mutants and run nothing")
    return run(parser.parse_args().list)


if __name__ == "__main__":
    for needed in ONLY:
        importlib.import_module(needed)
    sys.exit(main())
