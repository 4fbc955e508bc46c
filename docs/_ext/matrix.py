"""Makes and checks the capability matrix.

python docs/_ext/matrix.py --write           # runs the contract, and writes the table anew
python docs/_ext/matrix.py --sunset 180      # fails where an API ends within so many days
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from atsbridge.cli import capabilities
from atsbridge.registry import Group, load, names

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "src/atsbridge/cli/capabilities.json"
CONTRACT = "tests/testing/test_contract.py"


def built_in() -> dict[str, Any]:
    """Our own adapters, whatever else is installed."""
    found = {name: load(Group.ATS, name) for name in names(Group.ATS)}
    return {name: a for name, a in found.items() if a.__module__.startswith("atsbridge.")}


def declared() -> dict[str, dict[str, Any]]:
    return {name: capabilities.capabilities(adapter) for name, adapter in built_in().items()}


def contract_run() -> dict[str, dict[str, Any]]:
    """What the contract's run said of each adapter: how much it passed, and what does not apply to it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "contract.xml"
        run = [sys.executable, "-m", "pytest", "-q", "-n", "auto", CONTRACT, f"--junitxml={report}"]
        ended = subprocess.run(run, cwd=ROOT, check=False)  # noqa: S603 - our own tests
        cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - pytest has just written it
    if ended.returncode != 0:
        raise SystemExit("the contract does not pass; the table is left as it is")
    found: dict[str, dict[str, Any]] = {}
    classes = {name.replace("_", ""): name for name in built_in()}
    for case in cases:
        vendor = classes[case.get("classname", "").rpartition(".Test")[2].lower()]
        row = found.setdefault(vendor, {"passed": 0, "does_not_apply": set()})
        skipped = case.find("skipped")
        if skipped is None:
            row["passed"] += 1
        else:
            row["does_not_apply"].add(skipped.get("message", ""))
    return {name: {**row, "does_not_apply": sorted(row["does_not_apply"])} for name, row in found.items()}


def write() -> None:
    ran = contract_run()
    rows = {name: {**row, "contract": ran[name]} for name, row in declared().items()}
    TABLE.write_text(json.dumps(rows, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def warn(days: int) -> int:
    soon = capabilities.ending_soon(capabilities.matrix(), datetime.now(UTC).date(), days=days)
    for name, end, left in soon:
        print(f"{name}: its API ends on {end}, in {left} days")
    return 1 if soon else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--sunset", type=int, metavar="DAYS")
    given = parser.parse_args()
    if given.write:
        write()
    return 0 if given.sunset is None else warn(given.sunset)


if __name__ == "__main__":
    sys.exit(main())
