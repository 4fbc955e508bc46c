"""Every adapter's settings: what does not fit is refused by name, in code and in a connection file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from world import configured, simulated

from atsbridge.connection import ConnectionFile, PluginSettings, secret_settings
from atsbridge.errors import ConfigurationError
from atsbridge.registry import Group, load, names
from atsbridge.wire.secrets import Secret

WRONG: dict[str, tuple[Any, ...]] = {
    "float": (-1, -0.5, math.nan, math.inf, 1e12, True, "10", None, [10], {}),
    "int": (-1, 0.5, math.nan, True, "10", None, [10], {}),
    "bool": (0, 1, "yes", None, []),
    "str": (5, None, ["x"], {}),
    "str | None": (5, ["x"], {}),
}
OF_CODE = (5, True, "x")


@cache
def fitting_settings(vendor: str) -> dict[str, Any]:
    return configured(vendor, simulated(vendor, 1, seed=1))


def faults() -> Iterator[Any]:
    for vendor in names(Group.ATS):
        adapter: Any = load(Group.ATS, vendor)
        if not adapter.__module__.startswith("atsbridge.ats."):
            continue
        for setting in attrs.fields(adapter):
            if setting.name == "connection" or setting.name in secret_settings(adapter):
                continue
            wrong = WRONG.get(str(setting.type), OF_CODE[:2])
            if setting.converter is str:  # an id that may be written as a number
                continue
            yield pytest.param(vendor, setting.name, wrong, id=f"{vendor}-{setting.name}")


@pytest.mark.parametrize(("vendor", "setting", "wrong"), list(faults()))
def test_a_setting_that_does_not_fit_is_refused_by_name(
    vendor: str, setting: str, wrong: tuple[Any, ...]
) -> None:
    adapter: Any = load(Group.ATS, vendor)
    told, secrets = fitting_settings(vendor), secret_settings(adapter)
    fitting = {name: Secret(value) if name in secrets else value for name, value in told.items()}
    adapter(connection="acme", **fitting)
    for value in wrong:
        with pytest.raises(ConfigurationError, match=setting):
            adapter(connection="acme", **{**fitting, setting: value})


@pytest.mark.parametrize(("vendor", "setting", "wrong"), list(faults()))
def test_so_it_is_in_a_connection_file(vendor: str, setting: str, wrong: tuple[Any, ...]) -> None:
    adapter: Any = load(Group.ATS, vendor)
    fitting = fitting_settings(vendor)
    secrets = secret_settings(adapter)
    kept = {name: "env:KEY" if name in secrets else value for name, value in fitting.items()}
    here = Path("here")
    nothing = PluginSettings(plugin="memory")
    for value in wrong:
        settings = PluginSettings(plugin=vendor, settings={**kept, setting: value})
        file = ConnectionFile(path=here, name="a", ats=settings, crm=nothing, ledger=nothing, mapping=here)
        with pytest.raises(ConfigurationError, match=rf"ats.*{setting}"):
            file.make_ats()
