"""Every error is drawn in the tree, says what to do, and carries neither secret nor person."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from atsbridge import errors
from atsbridge.ats.interface import Unplannable
from atsbridge.errors import (
    AtsBridgeError,
    BadRecord,
    ConfigurationError,
    CrmError,
    Forbidden,
    MappingError,
    NoAnswer,
    Refused,
    SurfaceNotApproved,
    Throttled,
    Unavailable,
    VendorError,
)

CLASSES = [
    e
    for e in vars(errors).values()
    if inspect.isclass(e) and issubclass(e, Exception) and e.__module__ == errors.__name__
]
HELPED_BY_TRYING_AGAIN = {
    "Unavailable", "Throttled", "NoAnswer", "BadPayload", "CursorLost", "WatermarkLost", "CrmError",
    "TooLate", "LeaseLost", "LedgerBusy", "LedgerUnavailable",
}  # fmt: skip


def made(error: Any) -> AtsBridgeError:
    arguments: dict[type, tuple[Any, ...]] = {MappingError: (["a: b"],), BadRecord: ("path", "why")}
    return error(*arguments.get(error, ("it failed",)))  # type: ignore[no-any-return]


def drawn() -> dict[str, str]:
    """Each class of the drawing and the one it hangs from."""
    found: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ((?:│   |    )*(?:├── |└── )?)(\w+)(?:  .*)?", line)
        if match is None:
            continue
        depth = len(match.group(1)) // 4
        above = [*above[:depth], match.group(2)]
        found[match.group(2)] = above[depth - 1] if depth else "Exception"
    return found


def test_the_tree_that_is_drawn_is_the_tree_there_is() -> None:
    assert drawn() == {e.__name__: e.__base__.__name__ for e in CLASSES}


def test_each_line_of_the_tree_says_what_it_is_for() -> None:
    lines = [line for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert len(lines) == len(CLASSES) - 1
    assert all(re.search(r"\w {2,}\w", line) for line in lines)


@pytest.mark.parametrize("error", CLASSES)
def test_its_docstring_is_the_message_where_none_is_given(error: type[AtsBridgeError]) -> None:
    first = (error.__doc__ or "").splitlines()[0]
    assert first.endswith(".") and (first[0].isupper() or first.startswith("atsbridge"))
    if error not in (MappingError, BadRecord):
        assert error().message == str(error()) == first
        assert error("another").message == "another"


@pytest.mark.parametrize("error", CLASSES)
def test_it_says_if_a_retry_can_help_and_what_to_do(error: type[AtsBridgeError]) -> None:
    one = made(error)
    assert one.retryable is (error.__name__ in HELPED_BY_TRYING_AGAIN)
    assert isinstance(one.advice, str) and one.advice == error.advice
    if error not in (MappingError, BadRecord):
        assert error("m", advice="do this").advice == "do this"


@pytest.mark.parametrize("error", [*CLASSES, Unplannable])
def test_it_can_be_copied_and_pickled_whole(error: Any) -> None:
    """Task queues and process pools send errors from one process to another."""
    one = made(error)
    for other in (pickle.loads(pickle.dumps(one)), copy.copy(one)):
        assert type(other) is type(one)
        assert (str(other), other.message, vars(other)) == (str(one), one.message, vars(one))


def test_one_with_everything_survives_too() -> None:
    where: dict[str, Any] = {"vendor": "lever", "operation": "move", "status": 429, "request_id": "q"}
    for one in (
        Throttled("slow", retry_after_seconds=3.0, advice="wait", **where),
        NoAnswer("cut", sent=False, **where),
    ):
        other = pickle.loads(pickle.dumps(one))
        assert (vars(other), str(other)) == (vars(one), str(one))


@pytest.mark.parametrize(
    "where, text",
    [
        ({}, "no"),
        ({"status": 422}, "no [422]"),
        ({"request_id": "q1"}, "no (request q1)"),
        ({"vendor": "lever"}, "lever: no"),
        ({"vendor": "lever", "operation": "move", "status": 422}, "lever move [422]: no"),
        (
            {"vendor": "lever", "operation": "move", "status": 0, "request_id": "q1"},
            "lever move [0]: no (request q1)",
        ),
    ],
)
def test_a_vendors_error_says_where(where: dict[str, Any], text: str) -> None:
    error = Refused("no", **where)
    assert str(error) == text and error.message == "no"


def test_a_mapping_error_lists_every_fault() -> None:
    error = MappingError(["steps.A: x", "steps.B: y"])
    assert str(error).splitlines() == ["the mapping has 2 faults", "  steps.A: x", "  steps.B: y"]
    assert error.faults == ("steps.A: x", "steps.B: y")
    assert str(MappingError(["a"])).startswith("the mapping has 1 fault\n")


def test_a_bad_record_says_where_and_why() -> None:
    error = BadRecord("stageChanges[0].updatedAt", "expected a number, found str")
    assert str(error) == "stageChanges[0].updatedAt: expected a number, found str"
    assert (error.path, error.why) == ("stageChanges[0].updatedAt", "expected a number, found str")


def test_no_answer_was_sent_unless_it_says_otherwise() -> None:
    assert NoAnswer().sent and not NoAnswer(sent=False).sent
    assert Throttled().retry_after_seconds is None


def test_what_a_caller_may_catch() -> None:
    assert issubclass(Throttled, Unavailable) and issubclass(Forbidden, VendorError)
    assert not issubclass(Refused, Unavailable)
    assert "vendors approve" in SurfaceNotApproved().advice and "NAME" not in SurfaceNotApproved().advice


@pytest.mark.parametrize("error", [e for e in CLASSES if issubclass(e, (ConfigurationError, CrmError))])
def test_what_a_person_mends_is_never_without_advice(error: type[AtsBridgeError]) -> None:
    assert made(error).advice
