"""How a bridge is put together."""

from __future__ import annotations

from typing import Any

import pytest

from atsbridge import AsyncBridge, Bridge, Tuning
from atsbridge.ats.lever import Lever
from atsbridge.crm.sql import SqlCrm


@pytest.mark.parametrize("make", [Bridge, AsyncBridge])
def test_no_more_connections_than_the_width(make: Any) -> None:
    ats = Lever(connection="acme", api_key="k")  # type: ignore[arg-type]
    crm = SqlCrm(":memory:")
    bridge = make(ats=ats, crm=crm, mapping={"version": 1}, tuning=Tuning(width=3))
    assert bridge._driver._wire.connections == 3
