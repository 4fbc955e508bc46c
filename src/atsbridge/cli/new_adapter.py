"""``atsbridge new-adapter``: a package to begin an adapter with."""

from __future__ import annotations

from pathlib import Path

import click

from ..skeleton import write_adapter
from .exits import Exit
from .opening import json_option
from .output import say, show_json


@click.command("new-adapter")
@click.argument("name")
@click.option("--title", default="", help="The vendor's name for people.  [default: made of NAME]")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write into.  "
              "[default: ./atsbridge-NAME]")  # fmt: skip
@json_option
def new_adapter(name: str, *, title: str, folder: Path | None, as_json: bool) -> int:
    """Write a package with an adapter that reads, its simulator and its three-line test.

    It installs and passes its contract at once; its README says how to go on.
    Nothing that exists is overwritten.
    """
    target = folder or Path(f"atsbridge-{name.replace('_', '-')}")
    written = write_adapter(name, target, title=title)
    following = [f"cd {target}", "pip install -e '.[dev]'", "python -m pytest"]
    if as_json:
        show_json({"written": [str(path) for path in written], "next": following})
        return Exit.OK
    for path in written:
        say(f"Written: {path}")
    say("Then: " + "; ".join(following))
    return Exit.OK
