"""Mandatory fields fail with their path, optional ones never fail, and no value shows in an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.errors import BadRecord
from atsbridge.model import LinkType
from atsbridge.wire import reading

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)

OPTIONAL: dict[Callable[..., Any], type | tuple[type, ...]] = {
    reading.opt_id: str,
    reading.opt_text: str,
    reading.opt_bool: bool,
    reading.opt_int: int,
    reading.opt_object: dict,
}


@given(anything)
def test_an_optional_field_is_of_its_type_or_none(value: Any) -> None:
    for read, kind in OPTIONAL.items():
        found = read({"x": value}, "x")
        assert found is None or isinstance(found, kind)
        assert read({}, "x") is None
    assert not isinstance(reading.opt_int({"x": value}, "x"), bool)
    assert all(isinstance(text, str) and text for text in reading.texts({"x": value}, "x"))
    assert all(isinstance(one, dict) for one in reading.objects({"x": value}, "x"))


@given(anything)
def test_a_mandatory_id_is_text_or_an_error_with_its_path(value: Any) -> None:
    try:
        found = reading.need_id({"id": value}, "id")
    except BadRecord as error:
        assert error.path == "id"
        assert type(value).__name__ in error.why
        assert not isinstance(value, str) or not value
        assert not isinstance(value, int) or isinstance(value, bool)
    else:
        assert found == str(value) != ""


def test_an_error_names_the_type_and_never_the_value() -> None:
    with pytest.raises(BadRecord) as caught:
        reading.record(["Ada Lovelace"])
    assert "list" in str(caught.value)
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("value", [True, "", None, 1.5, [], {}])
def test_what_is_no_id(value: Any) -> None:
    with pytest.raises(BadRecord):
        reading.need_id({"id": value}, "id")
    assert reading.opt_id({"id": value}, "id") is None


@given(anything)
def test_a_time_is_aware_utc_or_none(value: Any) -> None:
    for read in (reading.from_millis, reading.from_iso):
        moment = read(value)
        assert moment is None or (moment.utcoffset() is not None and not moment.utcoffset())


@given(st.datetimes(timezones=st.timezones()) | st.datetimes())
def test_iso_times_of_any_zone(moment: datetime) -> None:
    try:
        expected = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return
    read = reading.from_iso(moment.isoformat())
    assert read is None or abs((read - expected).total_seconds()) < 60


def test_times_as_vendors_write_them() -> None:
    noon = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
    assert reading.from_iso("2026-01-02T12:00:00.000Z") == noon
    assert reading.from_iso("2026-01-02T13:00:00+01:00") == noon
    assert reading.from_iso("2026-01-02T12:00:00") == noon
    assert reading.from_iso("yesterday") is None
    assert reading.from_millis(1767355200000) == noon
    assert reading.from_millis(10**30) is None
    assert reading.from_millis(-(10**30)) is None


def test_times_at_the_edge_of_the_calendar_are_no_crash() -> None:
    assert reading.from_iso("0001-01-01T00:00:00+14:00") is None
    assert reading.from_iso("9999-12-31T23:59:59-14:00") is None


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://www.linkedin.com/in/ines", LinkType.LINKEDIN),
        ("linkedin.com/in/ines", LinkType.LINKEDIN),
        ("https://GitHub.com/ines", LinkType.GITHUB),
        ("https://ines.example.com/?from=linkedin.com", LinkType.OTHER),
        ("https://notgithub.com/ines", LinkType.OTHER),
        ("http://[", LinkType.OTHER),
        ("", LinkType.OTHER),
    ],
)
def test_a_link_is_known_by_its_host(url: str, kind: LinkType) -> None:
    assert reading.link_type(url) is kind


@given(st.text(max_size=30))
def test_any_text_may_stand_for_a_link(text: str) -> None:
    assert isinstance(reading.link_type(text), LinkType)


@given(st.integers(0, 10**13))
def test_milliseconds_go_there_and_back(ms: int) -> None:
    moment = reading.from_millis(ms)
    assert moment is not None
    assert abs(reading.to_millis(moment.timestamp()) - ms) <= 1
    assert reading.to_millis(-5.0) == 0
