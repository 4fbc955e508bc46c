"""The command itself: finds the verb, runs it, and words what went wrong.

Each verb's module is imported when it is called, so that ``--help`` and the
small verbs stay quick.
"""

from __future__ import annotations

import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from ..errors import AtsBridgeError
from . import exits
from .exits import Exit
from .output import printable, show_json

VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Play the whole story on a simulator, and prove it."),
    "init": ("init", "Write a connection file and a first mapping."),
    "vendors": ("vendors", "List adapters; show and approve what they may write."),
    "check": ("check", "Answer the three requirements of a rollout, without writing."),
    "sync": ("sync", "Take in the CRM's changes, push them, pull the ATS's."),
    "worker": ("worker", "Push, pull, sweep and verify on a schedule."),
    "plan": ("plan", "Show what the next push would do; nothing is written."),
    "verify": ("verify", "Compare both sides and name every difference."),
    "repair": ("repair", "Do what verify proposes."),
    "explain": ("explain", "Tell the story of one application."),
    "status": ("status", "Show where the connection stands."),
    "pause": ("pausing", "Hold back every status write."),
    "resume": ("pausing", "Let status writes leave again."),
    "simulate": ("simulate", "Serve a vendor's simulator on loopback."),
    "new-adapter": ("new_adapter", "Write a package to begin an adapter with."),
}
"""Verb to its module and its one line."""

_ELSEWHERE = {
    "push": "sync --push",
    "pull": "sync --pull",
    "sweep": "sync --pull --sweep",
    "approve": "vendors approve",
}
"""Verbs of the Python bridge, and parts of others, by where the command line has them."""

_NO_COMMAND: Any = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""A group without a verb, whose message is its help; click before 8.2 shows that itself."""

INTERRUPTED = "Interrupted. What was done is kept; run the same command again and it goes on from there."


class Verbs(click.Group):
    """The verbs, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f".{VERBS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = _ELSEWHERE.get(args[0]) or next(iter(get_close_matches(args[0], VERBS, n=1)), None)
            if near is None:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write(exits.table() + "\n")


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="atsbridge", prog_name="atsbridge")
def cli() -> None:
    """Keeps a recruiting CRM and an applicant tracking system in step:
    everything in, only step and status out.

    Begin with `atsbridge demo`.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; no traceback, whatever happens.

    With ATSBRIDGE_TRACEBACK set, an unforeseen error is raised as it is.
    """
    as_json = "--json" in arguments
    # A connection that Ctrl-C broke off is no news; of a server that is away the ledger's own error tells.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    with suppress(ValueError):  # not the main thread: whoever runs us there has the signal
        for ended in (signal.SIGINT, signal.SIGTERM):  # whoever stops a service sends the second
            signal.signal(ended, signal.default_int_handler)
    try:
        code = cli.main(list(arguments), prog_name="atsbridge", standalone_mode=False)
        return int(code) if isinstance(code, int) else Exit.OK
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _fail("Interrupted", INTERRUPTED, Exit.INTERRUPTED, as_json=as_json)
    except click.ClickException as error:
        if isinstance(error, _NO_COMMAND):
            sys.stderr.write(f"{error.format_message()}\n")
            return Exit.SETUP
        usage = error.ctx.get_usage() if isinstance(error, click.UsageError) and error.ctx else ""
        return _fail("UsageError", error.format_message(), Exit.SETUP, as_json=as_json, advice=usage)
    except AtsBridgeError as error:
        name = type(error).__name__
        code = exits.exit_of(error)
        done = {"push": error.pushed, "pull": error.pulled}
        return _fail(name, str(error), code, as_json=as_json, advice=error.advice, done=done)
    except (OSError, sqlite3.Error) as error:
        return _fail(type(error).__name__, _system(error), Exit.PERSON, as_json=as_json)
    except Exception as error:  # the last line of defence: a message may hold a person's data
        if os.environ.get("ATSBRIDGE_TRACEBACK"):
            raise
        return _fail(
            type(error).__name__,
            f"an unforeseen {type(error).__name__}; its text is not shown, it may hold personal data",
            Exit.FAULT,
            as_json=as_json,
            advice="set ATSBRIDGE_TRACEBACK=1 and run it again to see where",
        )


def _system(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"the system says: {error.strerror or type(error).__name__}{where}"
    return f"SQLite says {type(error).__name__}: look at the files' path, rights and free space"


def _fail(
    kind: str,
    message: str,
    code: Exit,
    *,
    as_json: bool,
    advice: str = "",
    done: Mapping[str, Any] | None = None,
) -> int:
    """``done``: the reports of what was done before it failed, by verb."""
    if as_json:
        error: dict[str, Any] = {"kind": kind, "message": message, "advice": advice, "exit_code": int(code)}
        reports: dict[str, Any] = {}
        if done and any(report is not None for report in done.values()):
            from .reports import done_dict  # with all that a bridge needs: loaded by now, and not before

            reports = done_dict(done)
        show_json({**reports, "error": error})
    else:
        lines = map(printable, message.split("\n"))  # a list of faults, each on its line
        sys.stderr.write("atsbridge: {}\n".format("\n".join(lines)))
        if advice:
            for line in advice.splitlines():
                sys.stderr.write(f"  {printable(line)}\n")
    return code
