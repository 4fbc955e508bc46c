"""What iCIMS is asked for, against the fewest requests that could show the same.

    python benchmarks/quota.py [--applications 2000] [--changed 250]

A search gives ids, each record is a request of its own, and a day has 10,000
for all integrations of a customer together. Counted on the simulated account in
memory, so the figures are the same on every machine:

- ``first``: a first reading. The fewest: a token, a search for each thousand
  of jobs and applications, and a request for each job, application and person.
- ``changed``: what a window finds. The fewest: one search for each of the two,
  and a request for each record that is new or has changed. For 50 applications
  that are moved, 5 people apply, a person is edited and a job is.
- ``again``: the next window, a quarter of an hour later, in which nothing has
  changed. A search may be a quarter of an hour late and gives no versions:
  what it finds once more in the overlap is read once more.
- ``crash``: how many requests more it costs in all, at the most, that the
  process dies at one of the first reading's and another goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from atsbridge.testing import Account

GOAL = 1.05
CRASHES = 20
"""At so many places of a smaller first reading, evenly spread."""


def counted(account: Account, act: Callable[[], object]) -> int:
    """How many requests that takes."""
    before = len(account.driver.requests)
    act()
    return len(account.driver.requests) - before


def opened(applications: int) -> Account:
    return Account.open("icims", applications=applications)


def first(applications: int) -> dict[str, Any]:
    account = opened(applications)
    made = counted(account, account.bridge.pull)
    assert account.differences() == {}, "not all has come in"
    jobs, truth = _rows(account, "jobs"), account.truth().values()
    searches = sum(1 + n // 1000 for n in (len(jobs), len(truth)))
    return _ratio(made, 1 + searches + len(jobs) + len(truth) + len({t.candidate for t in truth}))


def windows(applications: int, changed: int) -> dict[str, Any]:
    """A window in which much has changed, and the next, in which nothing has."""
    account = opened(applications)
    account.bridge.pull()
    account.time.sleep(3600)
    account.bridge.pull()
    account.time.sleep(3600)
    records = _change(account, changed)
    account.time.sleep(60)
    made = counted(account, account.bridge.pull)
    assert account.differences() == {}, "not all has come in"
    account.time.sleep(900)
    again = counted(account, account.bridge.pull)
    return {"changed": _ratio(made, 2 + records), "again": again}


def _change(account: Account, moves: int) -> int:
    """What people do in a busy hour; how many records are new or have changed by it."""
    truth = account.truth()
    movable = [id for id in sorted(truth) if len(account.simulator.stages_for(id)) > 1]
    moved = [id for id in movable if truth[id].status == "active"][:moves]
    assert len(moved) == moves, f"only {len(moved)} applications can be moved"
    for id in moved:
        account.simulator.move(id, account.simulator.stages_for(id)[0])
    for n in range(moves // 10):
        account.simulator.apply(name=f"New Person{n}", email=f"new.{n}@example.com")
    people, jobs = _rows(account, "people"), _rows(account, "jobs")
    # Of people with one application each: the search names applications, and each costs a request.
    alone = [t.candidate for t in truth.values()]
    edited = [people[int(id)] for id in alone if id and alone.count(id) == 1][-(moves // 50) :]
    edited += list(jobs.values())[: moves // 50]
    for row in edited:
        _simulated(account).touch(row)
    return moves + 2 * (moves // 10) + len(edited)


def crash(applications: int, crashes: int = CRASHES) -> dict[str, Any]:
    """The worst of so many crashes in a first reading, each at another request."""
    account = opened(applications)
    whole = counted(account, account.bridge.pull)
    more = [_crashed(applications, at) - whole for at in range(1, whole, max(1, whole // crashes))]
    return {"applications": applications, "crashes": len(more), "most": max(more)}


def _crashed(applications: int, at: int) -> int:
    account = opened(applications)
    assert account.crash(account.bridge.pull, at=at), "it came to its end"
    done, account = len(account.driver.requests), account.restarted()
    account.bridge.pull()
    assert account.differences() == {}, "not all has come in"
    return done + len(account.driver.requests)


def _simulated(account: Account) -> Any:
    simulator: Any = account.simulator
    return simulator.account


def _rows(account: Account, table: str) -> dict[int, Any]:
    return dict(_simulated(account)[table])


def _ratio(made: int, fewest: int) -> dict[str, Any]:
    return {"made": made, "fewest": fewest, "ratio": round(made / fewest, 3), "goal": GOAL}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--applications", type=int, default=2_000)
    parser.add_argument("--changed", type=int, default=250)
    given = parser.parse_args()
    found = {"first": first(given.applications), **windows(given.applications, given.changed)}
    print(json.dumps({**found, "crash": crash(min(given.applications, 100))}))


if __name__ == "__main__":
    main()
