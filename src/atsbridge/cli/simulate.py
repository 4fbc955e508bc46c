"""``atsbridge simulate``: a vendor's simulator on a loopback port."""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError
from ..registry import Group, load
from ..simulators.interface import Limits, Simulator
from ..simulators.serve import Server, serve
from .opening import json_option
from .output import show_json


@click.command()
@click.argument("vendor")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.")
@click.option("--tls", is_flag=True, help="With a throw-away certificate (extra `serve`).")
@click.option("--limits", default="sheet", show_default=True, metavar="off|xN|sheet",
              help="Rate limits: none, N times the vendor's, or the vendor's.")  # fmt: skip
@click.option("--applications", type=click.IntRange(0), default=500, show_default=True,
              help="The size of the invented account.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same account.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Recorded pages in place of an invented account.")  # fmt: skip
@click.option("--setting", "settings", multiple=True, metavar="K=V",
              help="A switch of the simulator; a wrong one lists them all.")  # fmt: skip
@json_option
def simulate(
    *,
    vendor: str,
    port: int,
    tls: bool,
    limits: str,
    applications: int,
    seed: int,
    folder: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> int:
    """Serve a vendor's simulator on loopback until Ctrl-C.

    Prints its credentials as lines for the environment, then its address as a
    comment, and commands of curl for a first read and a first status write.
    Nothing goes to a simulator by itself, whatever is exported: give the other
    commands `--simulator URL`.
    """
    made = make_simulator(vendor, applications=applications, seed=seed, folder=folder, settings=settings)
    with _served(made, port=port, tls=tls, limits=limits_of(limits)) as server:
        credentials = environment(vendor, made)
        if as_json:
            steps = list(made.first_steps(server.url))
            told = {"url": server.url, "ca_file": server.ca_file, "environment": credentials}
            show_json({**told, "first_steps": steps})
        else:
            for name, value in credentials.items():
                sys.stdout.write(f"{name}={shlex.quote(value)}\n")
            sys.stdout.write(f"# --simulator {server.url}\n")
            sys.stdout.flush()
            print(_how(vendor, server, limits), file=sys.stderr)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nended; what was in it is gone", file=sys.stderr)
    return 0


def _served(made: Simulator, *, port: int, tls: bool, limits: Limits) -> Server:
    try:
        return serve(made, port=port, tls=tls, limits=limits)
    except ImportError as error:  # of the extra `serve`; its words say how to get it
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise ConfigurationError(
            f"port {port} of 127.0.0.1 cannot be opened: {os.strerror(error.errno or 0)}",
            advice="name another by --port; 0 takes a free one",
        ) from None


def _how(vendor: str, server: Server, limits: str) -> str:
    trust = f"; for its certificate, [network] ca_file = {server.ca_file!r}" if server.ca_file else ""
    return (
        f"{vendor} simulator, limits {limits}; Ctrl-C ends it.\n"
        f"In another terminal: export the lines above, then atsbridge init {vendor} --simulator {server.url}"
        f"{trust}{_by_hand(server)}"
    )


def _by_hand(server: Server) -> str:
    steps = server.simulator.first_steps(server.url)
    if not steps:
        return ""
    trust = f"\nexport CURL_CA_BUNDLE={shlex.quote(server.ca_file)}" if server.ca_file else ""
    return f"\nOr by hand, a first read and a first status write:{trust}\n" + "\n".join(steps)


def limits_of(text: str) -> Limits:
    """``off``, ``xN`` or ``sheet``."""
    try:
        return Limits.read(text)
    except ValueError:
        raise click.UsageError("--limits is 'off', 'sheet' or 'xN', e.g. x20") from None


def make_simulator(
    vendor: str,
    *,
    applications: int,
    seed: int,
    folder: Path | None = None,
    settings: Iterable[str] = (),
    **more: Any,
) -> Simulator:
    """A simulator, from recorded pages or invented."""
    kind: type[Simulator] = load(Group.SIMULATOR, vendor)
    switches = {**_switches(settings, kind.settings), **more}
    try:
        if folder is None:
            return kind.generate(applications, seed=seed, **switches)
    except ImportError as error:  # of an extra; its words say how to get it
        raise click.UsageError(str(error)) from None
    try:
        return kind.from_folder(folder, **switches)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.UsageError(
            f"{folder} holds no {vendor} account in the recorded form ({type(error).__name__})"
        ) from None


def _switches(settings: Iterable[str], known: Mapping[str, str]) -> dict[str, Any]:
    switches: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in known:
            listed = "\n".join(f"  {key}: {what}" for key, what in known.items())
            raise click.UsageError(f"--setting {name}: known are\n{listed}")
        switches[name] = _value(value)
    return switches


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None if text.lower() == "none" else text


def environment(vendor: str, simulator: Simulator) -> dict[str, str]:
    """The simulator's credentials under the names that `init` writes into a connection file.

    An OAuth client with its redirect address is for those who play the authorisation themselves.
    """
    known = dict(simulator.credentials)
    if isinstance(user := getattr(simulator, "acting_user", None), str):
        known["acting_user"] = user
    known.update(getattr(simulator, "oauth_client", {}))
    return {variable(vendor, key): value for key, value in known.items()}


def variable(vendor: str, setting: str) -> str:
    """The environment variable of a setting, e.g. ``LEVER_API_KEY``."""
    return f"{vendor}_{setting}".upper().replace("-", "_")
