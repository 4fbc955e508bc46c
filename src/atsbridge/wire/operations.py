"""Operations are values: `Call` is one request, a `@routine` generator is several."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

from attrs import frozen

from .effects import Flow, Request, Response, request

P = ParamSpec("P")
T = TypeVar("T")


@frozen
class Call(Generic[T]):
    """One request and the pure function that reads its answer."""

    request: Request
    parse: Callable[[Response], T]

    def flow(self) -> Flow[T]:
        return self.parse((yield from request(self.request)))


@frozen
class Routine(Generic[T]):
    """Several requests: made anew each time `flow` is called."""

    make: Callable[[], Flow[T]]

    def flow(self) -> Flow[T]:
        return self.make()


Operation = Call[T] | Routine[T]


def routine(function: Callable[P, Flow[T]]) -> Callable[P, Routine[T]]:
    """Turn a generator function into one that returns a `Routine`."""

    @wraps(function)
    def make(*args: P.args, **kwargs: P.kwargs) -> Routine[T]:
        return Routine(lambda: function(*args, **kwargs))

    return make
