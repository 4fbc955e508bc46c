"""Without what it is made with, the test kit says how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["pytest", "hypothesis"])
def test_the_test_kit_names_its_extra(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import atsbridge.testing"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"the test kit needs {missing}: pip install 'atsbridge[testing]'" in ended.stderr
