"""Declared writes: rendered from an intent's values alone; the digest covers all that may be written."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wirekit import vendor

from atsbridge.errors import GuardError
from atsbridge.wire.guard import match_write
from atsbridge.wire.vendor import Slot, SlotName, StatusWrite

ID = r"[A-Za-z0-9-]{1,40}"
APPLICATION = Slot(SlotName.APPLICATION, ID)
TARGET = Slot(SlotName.TARGET_STAGE, r"[0-9]{1,9}", int)
USER = Slot(SlotName.ACTING_USER, ID)
MOVE = StatusWrite(
    name="move",
    method="PUT",
    path="/applications/{application}/stage",
    slots=(APPLICATION, TARGET, USER),
    query=(("as", USER), ("notify", "false")),
    body={"stage": TARGET, "by": {"id": USER}, "list": [TARGET, True, None]},
)
VALUES = {SlotName.APPLICATION: "a-1", SlotName.TARGET_STAGE: "7", SlotName.ACTING_USER: "u-1"}


def test_a_write_is_rendered_from_its_values() -> None:
    request = MOVE.render(VALUES, deadline_seconds=9)
    assert (request.method, request.url) == ("PUT", "/applications/a-1/stage")
    assert request.query == (("as", "u-1"), ("notify", "false"))
    assert request.body == {"stage": 7, "by": {"id": "u-1"}, "list": [7, True, None]}
    assert (request.operation, request.purpose, request.deadline_seconds) == ("move", "write", 9)
    assert request.headers == request.signature == ()


@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.text(max_size=12)))
def test_whatever_the_values_it_is_the_declared_write_or_an_error(values: dict[SlotName, str]) -> None:
    try:
        request = MOVE.render({**VALUES, **values})
    except GuardError as error:
        # Names and patterns alone: no value is in it, not even one that is a part of a name.
        assert error.message in {f"the {s.key} of a write is not of the form {s.pattern}" for s in MOVE.slots}
        return
    assert match_write(MOVE, request) is not None
    assert request.url.count("/") == 3
    assert unquote(request.url.split("/")[2]) == {**VALUES, **values}[SlotName.APPLICATION]


@pytest.mark.parametrize("name", sorted(VALUES))
def test_a_missing_value_is_an_error(name: SlotName) -> None:
    with pytest.raises(GuardError):
        MOVE.render({k: v for k, v in VALUES.items() if k != name})


@pytest.mark.parametrize("value", ["a/b", "..", "a%2fb", "a?b", "a#b", "", "a\n", "a b", "é"])
def test_an_id_of_another_form_is_an_error(value: str) -> None:
    with pytest.raises(GuardError):
        MOVE.render({**VALUES, SlotName.APPLICATION: value})


def test_a_slots_value_and_text_are_each_others_reverse() -> None:
    assert TARGET.value("7") == 7
    assert TARGET.text(7) == "7"
    assert TARGET.text("7") is None
    assert TARGET.text(True) is None
    assert TARGET.text(-7) is None
    assert APPLICATION.text(7) is None


CHANGES: list[dict[str, Any]] = [
    {"name": "shift"},
    {"method": "POST"},
    {"path": "/applications/{application}/stages"},
    {"slots": (APPLICATION, attrs.evolve(TARGET, pattern="[0-9]+"), USER)},
    {"slots": (APPLICATION, attrs.evolve(TARGET, type=str), USER)},
    {"query": (("as", USER), ("notify", "true"))},
    {"query": (("as", USER),)},
    {"body": {"stage": TARGET}},
    {"body": {"stage": TARGET, "by": {"id": USER}, "list": [TARGET, True, "x"]}},
    {"body": None},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_every_change_of_a_write_changes_the_digest(change: dict[str, Any]) -> None:
    one = attrs.evolve(vendor(), writes=(MOVE,))
    other = attrs.evolve(one, writes=(attrs.evolve(MOVE, **change),))
    assert one.surface_digest != other.surface_digest


def test_where_it_goes_is_part_of_the_digest_and_the_order_of_writes_is_not() -> None:
    second = attrs.evolve(MOVE, name="second")
    one = attrs.evolve(vendor(), writes=(MOVE, second))
    assert one.surface_digest == attrs.evolve(one, writes=(second, MOVE)).surface_digest
    assert one.surface_digest != attrs.evolve(one, hosts={"main": "https://api.example.org"}).surface_digest
    assert one.surface_digest != attrs.evolve(one, writes=(MOVE,)).surface_digest
    assert one.surface_digest == attrs.evolve(one, reads=()).surface_digest
    assert one.write("second") is second
