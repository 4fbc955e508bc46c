"""When the cyclic garbage collector had better not look."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def uncollected(function: Callable[P, T]) -> Callable[P, T]:
    """Run without cyclic collections: for what makes a page's worth of objects in one go, milliseconds long.

    All of a page lives until it is stored, so a collector that looks in
    between finds nothing, and looks often: at a seventh of the time of a pull.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if not gc.isenabled():
            return function(*args, **kwargs)
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            gc.enable()

    return run
