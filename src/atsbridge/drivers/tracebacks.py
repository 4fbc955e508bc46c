"""What an error carries out of the bridge: where it happened, and none of the data at hand there."""

from __future__ import annotations

import inspect
from types import FrameType
from typing import TypeVar

E = TypeVar("E", bound=BaseException)

_PAUSABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def without_locals(error: E) -> E:
    """The same error; the functions in its traceback forget their local variables.

    Crash reporters send the local variables of every frame, and those of the
    functions that read answers and records are people's data. Files, lines and
    names stay. Causes and contexts are treated alike.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        trace = one.__traceback__
        while trace is not None:
            _forget(trace.tb_frame)
            trace = trace.tb_next
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo.extend(one.exceptions)
    return error


def _forget(frame: FrameType) -> None:
    # Clearing the frame of a generator that waits for its next turn would end that generator.
    if frame.f_code.co_flags & _PAUSABLE:
        return
    try:
        frame.clear()
    except RuntimeError:
        return  # it is still running: one of those that called us
