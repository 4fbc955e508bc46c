"""Copies of a whole simulator, for a fraction of what it costs to invent one.

`copy.deepcopy` shares functions with the original, and with them whatever they
close over: a copied simulator would go on writing into the first one's log.
Here a function made inside another is copied with what it closes over.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any, TypeVar

from .direct import VirtualTime

T = TypeVar("T")

_CODES: dict[int, CodeType] = {}
_CLOCK = "the clock"


def frozen_copy(thing: object) -> bytes:
    """A thing as it is now; the clock that it goes by is left out."""
    kept = io.BytesIO()
    _Freezer(kept, pickle.HIGHEST_PROTOCOL).dump(thing)
    return kept.getvalue()


def thawed(kept: bytes, time: VirtualTime) -> Any:
    """Another copy of what was frozen in this process, going by this clock."""
    return _Thawer(io.BytesIO(kept), time).load()


class _Freezer(pickle.Pickler):
    def persistent_id(self, thing: object) -> str | None:
        return _CLOCK if isinstance(thing, VirtualTime) else None

    def reducer_override(self, thing: Any) -> Any:
        if not isinstance(thing, FunctionType) or "<" not in thing.__qualname__:
            return NotImplemented
        code = thing.__code__
        _CODES[id(code)] = code
        held = tuple(cell.cell_contents for cell in thing.__closure__ or ())
        return _function, (id(code), thing.__module__, thing.__defaults__, thing.__kwdefaults__, held)


class _Thawer(pickle.Unpickler):
    def __init__(self, kept: io.BytesIO, time: VirtualTime) -> None:
        super().__init__(kept)
        self._time = time

    def persistent_load(self, pid: Any) -> VirtualTime:
        return self._time


def _function(
    code: int, module: str, defaults: Any, named: dict[str, Any] | None, held: tuple[Any, ...]
) -> Callable[..., Any]:
    cells = tuple(map(CellType, held))
    made = FunctionType(_CODES[code], vars(sys.modules[module]), None, defaults, cells)
    made.__kwdefaults__ = named
    return made
