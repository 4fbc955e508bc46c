"""Opens what a verb works on: the connection file and the bridge of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from attrs import field, frozen

from ..bridge import Bridge
from ..connection import ConnectionFile, bridge_parts, read_connection
from ..errors import ConfigurationError, MappingError, NoAnswer
from .output import ProgressLine, show_json, without_people

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT = Path("atsbridge.toml")
NO_MAPPING: Mapping[str, Any] = {"version": 1}
"""For what needs none: it maps nothing, and lets nothing leave."""


@frozen(kw_only=True)
class Options:
    """What every verb of a connection takes."""

    connection: Path
    simulator: str | None = field(default=None)
    as_json: bool = False
    show_personal: bool = False
    quiet: bool = False

    def read(self) -> ConnectionFile:
        return read_connection(self.connection)

    @contextmanager
    def bridge(self, *, mapping: Mapping[str, Any] | None = None) -> Iterator[Bridge]:
        """The bridge of the connection file, closed with its CRM and ledger at the end.

        Args:
            mapping: in place of the file's.
        """
        found = self.read()
        progress = ProgressLine(quiet=self.quiet or self.as_json)
        with ExitStack() as stack:
            stack.callback(progress.clear)
            with faults_of(found.mapping):
                parts = bridge_parts(found, mapping=mapping)
            for part in ("crm", "ledger"):
                if callable(close := getattr(parts[part], "close", None)):
                    stack.callback(close)
            bridge = stack.enter_context(Bridge(at=self.simulator, progress=progress, **parts))
            try:
                with faults_of(found.mapping):
                    yield bridge
            except NoAnswer as error:
                error.advice = f"{error.advice}; asked was {self.asked(bridge)}"
                raise

    def asked(self, bridge: Bridge) -> str:
        """The address that stands for the ATS."""
        return self.simulator or bridge.ats.host

    def public(self, report: Any) -> Any:
        """A report, its personal fields hidden unless they were asked for."""
        return report if self.show_personal else without_people(report)

    def show_json(self, report: Any) -> None:
        show_json(self.public(report))


@contextmanager
def faults_of(mapping: Path) -> Iterator[None]:
    """The faults of a mapping say which file they are in."""
    try:
        yield
    except MappingError as error:
        if error.advice == MappingError.advice:
            error.advice = f"mend {mapping}, then run this again"
        raise


def need_reading(bridge: Bridge) -> None:
    """Refuses what compares with the ATS's stages before any were read; all would be missing."""
    if not bridge.status().streams:
        raise ConfigurationError(
            "nothing was read from the ATS yet", advice="run `atsbridge sync --pull` first"
        )


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(function)


def on_connection(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a verb the common options, as one `Options`, before its own."""

    @click.option(
        "--connection",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT,
        show_default=True,
        help="The connection file.",
    )
    @click.option("--simulator", metavar="URL", help="Use a simulator on loopback in place of the ATS.")
    @json_option
    @click.option("--show-personal", is_flag=True, help="Show personal fields.")
    @click.option("--quiet", is_flag=True, help="No progress.")
    @wraps(function)
    def wrapped(
        connection: Path, simulator: str | None, as_json: bool, show_personal: bool, quiet: bool, **rest: Any
    ) -> Any:
        options = Options(
            connection=connection,
            simulator=simulator,
            as_json=as_json,
            show_personal=show_personal,
            quiet=quiet,
        )
        return function(options, **rest)

    return wrapped
