"""Streams: what one may hold."""

from __future__ import annotations

import pytest

from atsbridge.model import Kind
from atsbridge.wire.operations import Routine
from atsbridge.wire.streams import Stream


def stream(*kinds: Kind) -> Stream:
    return Stream(
        name="mixed",
        kinds=frozenset(kinds),
        incremental=False,
        start=lambda _watermark, _job: {},
        page=lambda _cursor: Routine(lambda: iter(())),  # type: ignore[arg-type, return-value]
    )


@pytest.mark.parametrize(
    "kinds",
    [
        (Kind.CANDIDATE, Kind.APPLICATION, Kind.REASON),
        (Kind.APPLICATION, Kind.JOB),
        (Kind.USER, Kind.JOB),
    ],
)
def test_a_stream_that_would_hide_configuration_is_refused(kinds: tuple[Kind, ...]) -> None:
    with pytest.raises(ValueError, match="the stream mixed mixes"):
        stream(*kinds)


@pytest.mark.parametrize(
    "kinds", [(Kind.JOB, Kind.STAGE, Kind.REASON), (Kind.USER,), (Kind.CANDIDATE, Kind.APPLICATION)]
)
def test_a_stream_may_hold_several_kinds_of_one_sort(kinds: tuple[Kind, ...]) -> None:
    assert stream(*kinds).kinds == frozenset(kinds)
