"""The project's chores. `nox -l` lists them; `bash .ci/run` is the gate."""

from __future__ import annotations

import nox

nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.reuse_existing_virtualenvs = True

PYTHONS = nox.project.python_versions(nox.project.load_toml("pyproject.toml"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, as the README runs them, on each Python that is there."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def base(session: nox.Session) -> None:
    """The tests without the optional decoder: what the base dependencies alone do."""
    session.install("-e", ".[dev]")
    session.run("pip", "uninstall", "-y", "-q", "msgspec")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def campaign(session: nox.Session) -> None:
    """The long runs: every page killed, every history, every schedule. Hours, not minutes."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", "-m", "campaign", *session.posargs)


@nox.session
def plugin(session: nox.Session) -> None:
    """The example plugin, installed from its own folder: found by the registry, and its contract."""
    session.install(".[dev]", "./examples/plugin")
    with session.chdir("examples/plugin"):
        session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and form."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy strict, pyright, and pyright's search for forgotten `yield from` where no I/O is done."""
    session.install("-e", ".[bench,dev,docs,lint]")
    python = f"{session.bin}/python"
    session.run("mypy")
    session.run("pyright", "--pythonpath", python)
    session.run("pyright", "-p", "pyright-flows.json", "--pythonpath", python)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and memory, as ratios; see benchmarks/."""
    session.install("-e", ".[bench]")
    session.run("python", "benchmarks/run.py", *session.posargs)
    if not session.posargs:
        session.install("-e", ".[bench,dev]")  # the tests' own PostgreSQL server
        session.run("python", "benchmarks/outbox.py")


@nox.session
def matrix(session: nox.Session) -> None:
    """The capability matrix, from the adapters and a run of their contract; the tests compare it."""
    session.install("-e", ".[dev]")
    session.run("python", "docs/_ext/matrix.py", "--write")


@nox.session
def sunset(session: nox.Session) -> None:
    """Fails where a vendor's API ends within 180 days; to be run on a schedule, and no part of the gate."""
    session.install("-e", ".[cli]")
    session.run("python", "docs/_ext/matrix.py", "--sunset", "180")


@nox.session
def changelog(session: nox.Session) -> None:
    """Gather the fragments of changelog.d into CHANGELOG.md: `nox -s changelog -- 0.2.0`."""
    session.install("towncrier")
    session.run("towncrier", "build", "--yes", "--version", *session.posargs)
