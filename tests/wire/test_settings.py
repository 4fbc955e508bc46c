"""What adapters' settings have in common."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import field, frozen

from atsbridge.errors import ConfigurationError
from atsbridge.model import Kind
from atsbridge.wire.secrets import Secret
from atsbridge.wire.settings import between, meanings, misfit, one_of, rows, settable, typed, words


@frozen
class Configured:
    region: str = field(default="global", validator=one_of("global", "eu"))
    reasons: frozenset[str] = field(factory=frozenset, converter=words)


def test_a_word_that_is_not_known_is_refused_with_those_that_are() -> None:
    assert Configured("eu").region == "eu"
    with pytest.raises(ConfigurationError, match="region is one of global, eu"):
        Configured("mars")


def test_words_are_a_list_or_one_text() -> None:
    assert Configured(reasons=["a", "b"]).reasons == Configured(reasons=" a  b ").reasons == {"a", "b"}
    assert Configured(reasons="").reasons == frozenset()


@frozen(field_transformer=typed)
class Typed:
    minutes: float = 10.0
    rows: int = field(default=100, validator=between(1, 999))
    deep: bool = True
    name: str = ""
    user: str | None = None
    key: Secret | None = None
    labels: frozenset[str] = field(factory=frozenset, converter=words)
    states: Mapping[str, str] = field(factory=dict)
    kind: Kind = Kind.JOB


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("minutes", -1),
        ("minutes", math.nan),
        ("minutes", math.inf),
        ("minutes", 1e300),
        ("minutes", True),
        ("minutes", "10"),
        ("minutes", None),
        ("minutes", [10]),
        ("rows", 0),
        ("rows", 1000),
        ("rows", 10.0),
        ("rows", True),
        ("rows", 10**400),
        ("deep", 1),
        ("deep", "no"),
        ("name", 5),
        ("name", None),
        ("user", 5),
        ("key", "in clear"),
        ("labels", 5),
        ("labels", [5]),
        ("labels", {"a": 1}),
        ("states", ["open"]),
        ("states", {"open": 1}),
    ],
)
def test_a_setting_of_another_type_or_beyond_its_bounds_is_refused_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{setting} (has to be|is from) ") as caught:
        Typed(**{setting: value})
    assert "leave it out" in caught.value.advice
    assert "in clear" not in f"{caught.value!r} {caught.value.advice}"


def test_what_fits_is_taken() -> None:
    made = Typed(minutes=0, rows=999, user=None, key=Secret("k"), labels="a b", states={"open": "open"})
    assert (made.minutes, made.labels) == (0, {"a", "b"})
    assert "usual 10.0" in str(misfit("minutes", "float", "x", default=10.0).advice)  # type: ignore[union-attr]


def test_annotations_are_read_as_text_and_as_types() -> None:
    assert misfit("x", float, "1") is not None
    assert misfit("x", float | None, None) is None
    assert misfit("x", "Mapping[str, str | None]", {"a": None}) is None
    assert misfit("x", "Clock | None", "anything") is None, "nobody can say"
    assert settable("str | Path")
    assert not settable("Clock | None")
    assert not settable("Callable[..., Connection]")
    assert settable(inspect.Parameter.empty)


def test_rows_and_meanings_say_where_the_fault_is() -> None:
    assert rows(Typed, [{"rows": 5}], of="things") == (Typed(rows=5),)
    for wrong, why in [({"rosw": 5}, "rosw"), ({"rows": "x"}, "rows has to be"), ("x", "no table")]:
        with pytest.raises(ConfigurationError, match=rf"table of things.*{why}"):
            rows(Typed, [wrong], of="things")
    assert meanings(Kind, {"a": "job"}, of="kinds") == {"a": Kind.JOB}
    with pytest.raises(ConfigurationError, match=r"^kinds: "):
        meanings(Kind, {"a": "jbo"}, of="kinds")
    assert rows(Typed, 5, of="things") == 5, "left for the validator to name"  # type: ignore[arg-type,comparison-overlap]
