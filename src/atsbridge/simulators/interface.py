"""What every simulator is: a state, and a function from a request to a response.

A simulator follows the vendor's fact sheet, not an adapter's needs, and
imports nothing of the adapter, `atsbridge.wire` or `atsbridge.model`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import attrs
from attrs import define, field, frozen


@frozen
class SimRequest:
    """A request as it arrived.

    Args:
        target: path and query as sent, e.g. ``/v1/stages?limit=10``.
        headers: names in lower case.
        caller: who asks, where the server can tell (the peer's address); rate
            limits count by credential, not by caller.
        beside: the other requests that are on their way while this one is, where the server
            can tell: limits of what may run side by side count them.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    caller: str = ""
    beside: tuple[SimRequest, ...] = ()


@frozen
class SimResponse:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


@frozen(kw_only=True)
class Accepted:
    """One write that the simulated ATS accepted; the log of these is only ever appended to.

    ``before`` and ``after`` are `Truth`s at the moment of acceptance.
    """

    at: float
    method: str
    target: str
    body: Any
    application: str | None
    before: Truth | None
    after: Truth | None
    actor: str | None


@frozen(kw_only=True)
class Truth:
    """What is really so for one application, in neutral words.

    ``status`` is one of active, hired, rejected, withdrawn, converted; the
    last two as the simulator was told its reasons mean. ``history`` holds the
    stage ids entered, oldest first, where the vendor keeps them.
    """

    stage: str | None
    status: str
    reason: str | None = None
    candidate: str | None = None
    job: str | None = None
    history: tuple[str, ...] = ()


@frozen(kw_only=True)
class HookPost:
    """One POST of a web hook that is to be made now.

    ``answered`` is told the receiver's status, or None where it gave none within
    ``answer_seconds``.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    answered: Callable[[int | None], None] = field(repr=False)
    answer_seconds: float = 10.0


@define
class Limits:
    """The sheet's rate limits times a factor; None switches them off."""

    factor: float | None = 1.0

    @classmethod
    def read(cls, text: str) -> Self:
        """``off``, ``sheet`` or ``xN`` (N times the sheet's)."""
        if text == "off":
            return cls(None)
        if text == "sheet":
            return cls(1.0)
        if text.startswith("x") and 0 < (factor := float(text[1:])) < float("inf"):
            return cls(factor)
        raise ValueError(f"limits are 'off', 'sheet' or 'xN', not {text!r}")


class Simulator(ABC):
    """One vendor's ATS in memory.

    Everything that takes time reads ``clock`` (unix seconds), so a test can
    move it. `respond` is called by one thread at a time (the server holds a
    lock around it).
    """

    name: ClassVar[str]
    settings: ClassVar[Mapping[str, str]] = {}
    """Switches for what no vendor page confirms, name to what it does: keyword arguments of the class."""

    takes_back: ClassVar[bool] = True
    """Its API can take the end of an application back; where it cannot, its own pages alone do."""

    clock: Callable[[], float] = staticmethod(time.time)
    limits: Limits
    accepted: list[Accepted]
    credentials: Mapping[str, str]
    """What a client needs to connect, by the adapter's setting names, e.g. ``{"api_key": ...}``."""

    def configuration(self) -> Mapping[str, Any]:
        """All that a connection to this account is configured with, by the adapter's setting names.

        The credentials, and what the customer would tell besides: who acts, what is confidential,
        which stages there are where no request lists them.
        """
        return self.credentials

    def settings_for(self, adapter: type) -> dict[str, Any]:
        """As much of the configuration as an adapter (an attrs class) has settings for."""
        known = {field.name for field in attrs.fields(adapter)}
        return {name: value for name, value in self.configuration().items() if name in known}

    def first_steps(self, url: str) -> tuple[str, ...]:
        """Commands of a shell for who knows curl: the first read, then the first status write.

        A token that they need is fetched by a command before them. None of all: nobody wrote any.

        Args:
            url: where the simulator is served.
        """
        return ()

    def movable(self) -> str | None:
        """An active application that can go to another stage, if there is one."""
        active = (id for id, truth in self.truth().items() if truth.status == "active")
        return next((id for id in active if self.stages_for(id)), None)

    # -- what a test may do to a connection; False or None: this vendor has no such thing --

    def expire_tokens(self) -> bool:
        """Every access token given out so far is refused from now on."""
        return False

    def expire_cursors(self) -> bool:
        """Every page cursor given out so far is refused from now on."""
        return False

    def expire_watermarks(self) -> bool:
        """Every sync token given out so far is refused from now on."""
        return False

    def throttled(self) -> SimResponse:
        """What is answered over the limit."""
        return SimResponse(429, (("Retry-After", "1"), ("Content-Type", "application/json")), b"{}")

    def permissions(self) -> tuple[str, ...]:
        """What can be granted to the credential, in the vendor's words."""
        return ()

    def revoke(self, permission: str) -> None:
        """Take one of them back."""
        raise ValueError(f"{self.name} has no permission {permission}")

    def hide(self, application: str) -> frozenset[str]:
        """The credential may not see this application any more; returns all that it loses sight of with it.

        None of them: this vendor has no such thing.
        """
        return frozenset()

    def obstacles(self) -> Mapping[str, Callable[[str], object]]:
        """What makes this ATS refuse a move: in words, to how it is brought about for an application."""
        return {}

    def deliveries(self) -> tuple[SimRequest, ...]:
        """The web hooks it has sent so far, oldest first; the configuration has their secret."""
        return ()

    def unsigned(self, delivery: SimRequest) -> SimRequest:
        """The same delivery without its signature, as somebody would forge it."""
        signs = ("signature", "authorization", "token")
        headers = {
            name: value for name, value in delivery.headers.items() if not any(s in name for s in signs)
        }
        return attrs.evolve(delivery, headers=headers)

    # -- seeding --

    @classmethod
    @abstractmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        """An invented account of about so many applications; the same seed gives the same account.

        Args:
            settings: the switches, and ``clock`` and ``limits``.
        """

    @classmethod
    @abstractmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        """An account from recorded pages; the class's docstring documents the form."""

    # -- the API --

    @abstractmethod
    def respond(self, request: SimRequest) -> SimResponse:
        """Answer one request as the vendor would, errors and limits included."""

    @property
    def posts_hooks(self) -> bool:
        """Whether a receiver of web hooks on loopback is subscribed."""
        return False

    def hooks_due(self) -> Sequence[HookPost]:
        """Take what is due for receivers on loopback: a server posts it, and tells how it was answered."""
        return ()

    # -- what is really so --

    @abstractmethod
    def truth(self) -> Mapping[str, Truth]:
        """Every live application's truth, by application id."""

    @abstractmethod
    def deleted(self) -> frozenset[str]:
        """Ids of applications that once were and are gone."""

    # -- what people do in the ATS's own pages; each raises ValueError where the ATS would not let them --

    @abstractmethod
    def stages_for(self, application: str) -> list[str]:
        """The stage ids it could be moved to, in pipeline order."""

    @abstractmethod
    def stage_name(self, stage: str) -> str: ...

    @abstractmethod
    def reasons(self, outcome: str) -> list[str]:
        """Usable reason ids for ``rejected``, ``withdrawn`` or ``hired`` (may be empty).

        Where the ATS has no reasons beside its stages: ids of the stages that end so.
        """

    @abstractmethod
    def move(self, application: str, stage: str) -> None: ...

    @abstractmethod
    def reject(self, application: str, reason: str) -> None: ...

    @abstractmethod
    def reactivate(self, application: str) -> None:
        """Un-reject, un-archive."""

    @abstractmethod
    def hire(self, application: str) -> None: ...

    @abstractmethod
    def edit(self, application: str) -> None:
        """Change something of the person or application that is neither stage nor status."""

    @abstractmethod
    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        """Somebody applies; returns the application id."""

    @abstractmethod
    def delete(self, application: str) -> None: ...

    @abstractmethod
    def anonymise(self, application: str) -> None: ...

    @abstractmethod
    def merge(self, loser: str, survivor: str) -> None:
        """Merge the person of one application into that of another, as the vendor does."""

    @abstractmethod
    def rename_stage(self, stage: str, name: str) -> None: ...

    @abstractmethod
    def deactivate_stage(self, stage: str) -> None: ...
