"""``atsbridge pause`` and ``atsbridge resume``."""

from __future__ import annotations

import click

from .opening import NO_MAPPING, Options, on_connection
from .output import say


@click.command()
@click.option("--why", default="", help="Shown by `status` for as long as it lasts.")
@on_connection
def pause(options: Options, *, why: str) -> int:
    """Hold back every status write. Changes are still taken in, and reading goes on."""
    with options.bridge(mapping=NO_MAPPING) as bridge:
        bridge.pause(why)
    _tell(options, paused=True, why=why)
    return 0


@click.command()
@on_connection
def resume(options: Options) -> int:
    """Let status writes leave again; also clears a stop."""
    with options.bridge(mapping=NO_MAPPING) as bridge:
        bridge.resume()
    _tell(options, paused=False, why="")
    return 0


def _tell(options: Options, *, paused: bool, why: str) -> None:
    if options.as_json:
        options.show_json({"paused": paused, "why": why})
    else:
        say("Paused: no status write leaves." if paused else "Resumed: status writes may leave.")
