"""A pod from recorded answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .account import Account, PhaseState, meaning
from .answers import Row, read_time

_NAMES = ("recruitingJobRequisitions", "recruitingCandidates", "recruitingJobApplications")


def load(account: Account, folder: Path) -> None:
    """Every recorded collection of the three; states are those in which applications stand."""
    for name in _NAMES:
        for path in sorted({*folder.glob(f"{name}.json"), *folder.glob(f"{name}.*.json")}):
            for item in json.loads(path.read_text("utf-8"))["items"]:
                _hold(account, name, {key: _plain(key, value) for key, value in item.items()})


def _hold(account: Account, name: str, row: Row) -> None:
    links = row.pop("links", None) or []
    if name == "recruitingJobRequisitions":
        href = next((link["href"] for link in links if link["rel"] == "self"), "")
        row.setdefault("HiredCount", 0)
        account.requisitions[row["RequisitionId"]] = {
            **row, "key": href.rpartition("/")[2] or f"{row['RequisitionId']:X}"
        }  # fmt: skip
    elif name == "recruitingCandidates":
        account.candidates[row["CandidateNumber"]] = row
    else:
        _state(account, row)
        account.applications[row["JobApplicationId"]] = row


def _state(account: Account, row: Row) -> None:
    where = (row["PhaseName"] or "").casefold()
    type = next((t for t in ("OFFER", "HR") if t.casefold() == where), "")
    hired = type == "HR" and row["StateName"] == "Processed"
    state = PhaseState(
        row["ProcessId"], row["PhaseId"], row["PhaseName"], type, row["StateId"], row["StateName"],
        "hired" if hired else meaning(row["StateName"]),
    )  # fmt: skip
    _ = account.states.setdefault(state.key, state)
    account.moved_to[row["JobApplicationId"]] = [state.key]


def _plain(name: str, value: Any) -> Any:
    if name.endswith("Date") and isinstance(value, str):
        return read_time(value)
    if isinstance(value, dict):
        value = value.get("items", [])
    if isinstance(value, list):
        return [{k: _plain(k, v) for k, v in one.items()} for one in value]
    return value
