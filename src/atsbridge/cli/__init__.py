"""The command line, ``atsbridge``: one module per verb, each a Python call first.

Needs the extra ``cli`` (click and rich); without it `main` says how to get it.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        print(
            f"atsbridge: the command line needs the package {error.name}.\n"
            "Install the extra: pip install 'atsbridge[cli]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    from .app import run

    raise SystemExit(run(sys.argv[1:]))
