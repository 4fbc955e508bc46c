"""Work that the cyclic garbage collector does not disturb."""

from __future__ import annotations

import gc

import pytest

from atsbridge.wire.collecting import uncollected


@pytest.fixture(autouse=True)
def collector_on():
    gc.enable()
    yield
    gc.enable()


@uncollected
def looks(*, fails=False):
    assert not gc.isenabled()
    if fails:
        raise ZeroDivisionError
    return "value"


def test_the_collector_is_off_meanwhile_and_on_afterwards():
    assert looks() == "value" and gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        looks(fails=True)
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    assert looks() == "value" and not gc.isenabled()
