"""Runs a contract of the kit against something faulty, and tells which of its tests fail."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings


def failures(contract: type, folder: Path, **parts: Any) -> set[str]:
    """The tests that do not pass.

    Args:
        contract: a class of the kit; ``parts`` are what its subclass in a plugin would define.
        folder: where it may make files; every test has a place of its own in it.
    """
    subject: Any = type("Subject", (contract,), parts)()
    failed = set()
    for name in (n for n in dir(subject) if n.startswith("test_")):
        test = getattr(subject, name)
        for number, values in enumerate(_parameters(test)):
            place = folder / f"{name}-{number}"
            place.mkdir(parents=True)
            needs = inspect.signature(test).parameters
            given: dict[str, Any] = {}
            for fixture in ("ledger", "crm"):
                if fixture in needs:
                    given[fixture] = subject.make(place)
            if "tmp_path" in needs:
                given["tmp_path"] = place
            try:
                with _as_found(test):
                    test(**given, **values)
            except pytest.skip.Exception:
                pass
            except (Exception, pytest.fail.Exception):
                failed.add(name)
            for made in given.values():
                if callable(ending := getattr(made, "close", None)):
                    ending()
    return failed


@contextmanager
def _as_found(test: Any) -> Iterator[None]:
    """Without looking for a smaller example of what fails, which nobody reads here, and takes its time."""
    name = "_hypothesis_internal_use_settings"
    drawn = getattr(test, name, None)
    with pytest.MonkeyPatch.context() as patch:
        if drawn is not None:
            found = settings(drawn, phases=(Phase.explicit, Phase.generate))
            patch.setattr(test.__func__, name, found)
        yield


def _parameters(test: Any) -> Iterator[dict[str, Any]]:
    """What `pytest.mark.parametrize` gives a test, for one mark of it."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield {}
    for mark in marks:
        names = [name.strip() for name in mark.args[0].split(",")]
        for values in mark.args[1]:
            yield dict(zip(names, values if len(names) > 1 else (values,), strict=True))
