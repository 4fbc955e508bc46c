"""What a start costs: modules imported, and the time that goes into it, by ``python -X importtime``.

    python benchmarks/startup.py                    # as JSON

The reference is the import of what the base dependencies bring: httpx, attrs, cattrs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from statistics import median
from typing import Any

STARTS = {
    "reference": ("-c", "import httpx, attrs, cattrs"),
    "import atsbridge": ("-c", "import atsbridge"),
    "vendors list": ("-m", "atsbridge.cli", "vendors", "list"),
}
_LINE = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")
_UNUSED = re.compile(r"atsbridge\.(?:ats\.(?!interface|preflight)|simulators|testing)")


def imported(*command: str) -> dict[str, int]:
    """Each module that a command imports, with its own microseconds."""
    run = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(run, capture_output=True, check=True, text=True)
    return {name: int(spent) for spent, name in _LINE.findall(done.stderr)}


def measured(rounds: int) -> dict[str, Any]:
    """For each start the median milliseconds, the count of modules, and what it imports and does not use."""
    bare = [sum(imported("-c", "pass").values()) for _ in range(rounds)]
    found: dict[str, Any] = {}
    for name, command in STARTS.items():
        runs = [imported(*command) for _ in range(rounds)]
        spent = median(sum(run.values()) for run in runs) - median(bare)
        unused = sorted(module for module in runs[0] if _UNUSED.match(module))
        found[name] = {"ms": round(spent / 1000, 1), "modules": len(runs[0]), "unused": unused}
    return found


if __name__ == "__main__":
    print(json.dumps(measured(5), indent=1))
