"""`benchmarks/outbox.py` on a few changes: it runs to its end, and plays what the bridge wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "outbox.py"


def test_a_small_outbox_is_taken_in_and_drained_beside_the_bare_database() -> None:
    told = ["--changes", "10", "--rounds", "1", "--ledgers", "sqlite", "--connections", "0", "--json"]
    done = subprocess.run([sys.executable, SCRIPT, *told], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["sqlite"]
    assert set(found) == {"intake", "drain 1", "drain 2"}
    assert all(of["seconds"] > 0 and of["bare"] > 0 for of in found.values())
