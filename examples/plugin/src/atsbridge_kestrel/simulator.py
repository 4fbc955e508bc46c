"""Kestrel in memory: SHEET.md as a state and a function from a request to a response.

It shares no line with the adapter: both were written from the sheet.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs

from attrs import define, evolve, field

from atsbridge.simulators import people
from atsbridge.simulators.interface import Accepted, Limits, SimRequest, SimResponse, Simulator, Truth

BASE = "/api/7"
START = 946_684_800
"""2000-01-01T00:00:00Z in unix seconds."""
LANES = ("Nest", "Perch", "Hover", "Stoop", "Offer")
REASONS = (("Not enough flight hours", "us"), ("Position filled", "us"), ("Found another mast", "them"))
CURSOR_SECONDS = 3600
CARD = (
    "id",
    "person",
    "name",
    "mail",
    "board",
    "lane",
    "state",
    "reason",
    "born",
    "touched",
    "version",
    "trail",
)
TABLES: Mapping[str, tuple[str, ...]] = {
    "boards": ("id", "name", "state", "born", "touched"),
    "lanes": ("id", "board", "name", "place", "shut"),
    "reasons": ("id", "text", "whose"),
    "cards": CARD,
}
ALLOWED: Mapping[str, set[str]] = {
    name: {"size", "after"} | ({"touched_from", "born_from", "only"} if name == "cards" else set())
    for name in TABLES
}
Row = dict[str, Any]


class Oops(Exception):
    """A refusal: status, code, text, and what else the answer says."""

    def __init__(self, status: int, code: str, text: str = "", **more: Any) -> None:
        super().__init__(text)
        self.status, self.body = status, {"code": code, "text": text or code.replace("_", " "), **more}


@define(eq=False)
class KestrelSimulator(Simulator):
    """Kestrel, with one key, one web hook and whatever people do in it."""

    name: ClassVar[str] = "kestrel"
    settings: ClassVar[Mapping[str, str]] = {
        "looked_through": "after how many rows a page ends, whether or not one of them fits the filter",
    }

    clock: Callable[[], float] = time.time
    limits: Limits = field(factory=Limits)
    account: str = "acme"
    looked_through: int = 10_000
    tables: dict[str, dict[int, Row]] = field(factory=lambda: {name: {} for name in TABLES})
    accepted: list[Accepted] = field(factory=list)
    credentials: Mapping[str, str] = field(init=False)
    hooks: list[SimRequest] = field(factory=list)
    _gone: dict[int, int | None] = field(factory=dict)
    _last_id: int = 0
    _tokens: float = 20.0
    _counted_at: float = 0.0

    def __attrs_post_init__(self) -> None:
        mark = people.marks.secret
        self.credentials = {
            "account": self.account,
            "api_key": f"kk{mark}-7f3a9",
            "hook_secret": f"hs{mark}-1c2d",
        }

    def configuration(self) -> Mapping[str, Any]:
        return self.credentials

    # -- seeding --

    @classmethod
    def generate(cls, applications: int, *, seed: int = 1, **settings: Any) -> Self:
        sim, rng = cls(**settings), random.Random(seed)
        for text, whose in REASONS:
            sim._add("reasons", text=text, whose=whose)
        for number in range(max(2, applications // 15)):
            sim._board(f"{rng.choice(people.ROLES)} {number + 1}")
        for _ in range(applications):
            given, family = rng.choice(people.GIVEN), rng.choice(people.FAMILY)
            mark = people.marks.person
            name, mail = f"{given}{mark} {family}{mark}", f"{given}{mark}.{family}{mark}@example.com".lower()
            id = sim.apply(name=name, email=mail if rng.random() < 0.9 else None, job=None)
            for _ in range(rng.choice([0, 0, 1, 2])):
                sim.move(id, rng.choice(sim.stages_for(id)))
            fate = rng.random()
            if fate < 0.25:
                sim.reject(id, rng.choice(sim.reasons("rejected" if fate < 0.18 else "withdrawn")))
            elif fate < 0.32:
                sim.hire(id)
            sim._age(int(id), rng)
        sim.hooks.clear()
        return sim

    @classmethod
    def from_folder(cls, folder: Path, **settings: Any) -> Self:
        """One file a list, ``boards.json`` and so on, each with the rows of a list as objects."""
        sim = cls(**settings)
        for name in TABLES:
            for row in json.loads((folder / f"{name}.json").read_text("utf-8")):
                sim.tables[name][row["id"]] = row
                sim._last_id = max(sim._last_id, row["id"])
        return sim

    def _add(self, table: str, **values: Any) -> Row:
        self._last_id += 1
        row = {"id": self._last_id, **values}
        self.tables[table][self._last_id] = row
        return row

    def _board(self, name: str) -> Row:
        board = self._add("boards", name=name, state="open", born=self._now(), touched=None)
        for place, lane in enumerate(LANES):
            self._add("lanes", board=board["id"], name=lane, place=place, shut=False)
        return board

    def _age(self, card: int, rng: random.Random) -> None:
        """Let all that happened to a card have happened some time ago."""
        row, ago = self.tables["cards"][card], rng.randrange(86_400, 90 * 86_400)
        row["born"] -= ago
        row["touched"] = None if row["touched"] is None else row["touched"] - ago
        row["trail"] = [[lane, at - ago] for lane, at in row["trail"]]

    def _now(self) -> int:
        return int(self.clock()) - START

    # -- the API --

    def respond(self, request: SimRequest) -> SimResponse:
        try:
            status, body = self._answer(request)
        except Oops as oops:
            status, body = oops.status, {"oops": oops.body}
        headers = (("Content-Type", "application/json"), ("Date", _http_date(self.clock())))
        if status == 429:
            headers = (*headers, ("Retry-After", "1"))
        return SimResponse(status, headers, json.dumps(body).encode())

    def throttled(self) -> SimResponse:
        body = json.dumps({"oops": {"code": "slow_down", "text": "slow down"}}).encode()
        return SimResponse(429, (("Content-Type", "application/json"), ("Retry-After", "1")), body)

    def _answer(self, request: SimRequest) -> tuple[int, Any]:
        self._take()
        if request.headers.get("x-kestrel-key") != self.credentials["api_key"]:
            raise Oops(401, "bad_key")
        path, _, query = request.target.partition("?")
        if not path.startswith(f"{BASE}/"):
            raise Oops(404, "no_path")
        parts = path.removeprefix(f"{BASE}/").split("/")
        if request.method == "GET" and len(parts) == 1 and parts[0] in TABLES:
            return 200, self._list(parts[0], query)
        if parts[0] != "cards" or not re.fullmatch("[1-9][0-9]{0,18}", parts[1] if len(parts) > 1 else ""):
            raise Oops(404, "no_path")
        card = self._card(int(parts[1]))
        if request.method == "GET" and len(parts) == 2:
            return 200, _table(CARD, [card])
        if request.method == "PUT" and parts[2:] in (["lane"], ["state"]):
            return 200, self._write(card, parts[2], request)
        raise Oops(404, "no_path")

    def _take(self) -> None:
        if self.limits.factor is None:
            return
        now, factor = self.clock(), self.limits.factor
        self._tokens = min(20.0 * factor, self._tokens + (now - self._counted_at) * 5.0 * factor)
        self._counted_at = now
        if self._tokens < 1:
            raise Oops(429, "slow_down")
        self._tokens -= 1

    def _list(self, name: str, query: str) -> Any:
        given = parse_qs(query, keep_blank_values=True)
        if set(given) - ALLOWED[name] or any(len(values) > 1 for values in given.values()):
            raise Oops(400, "bad_request", "unknown parameter")
        asked = {key: values[0] for key, values in given.items()}
        size = _number(asked.get("size", "50"))
        if not 1 <= size <= 200:
            raise Oops(400, "bad_request", "size is 1 to 200")
        start = self._cursor(asked["after"]) if "after" in asked else 0
        rows = sorted(self.tables[name].values(), key=lambda row: row["id"])
        index = asked.get("only") == "id"
        # The index goes on at a place, every other list after an id.
        left = rows[start:] if index else [row for row in rows if row["id"] > start]
        # A page ends after so many rows looked through, whether or not one of them fits the filter.
        looked_at: list[Row] = []
        found: list[Row] = []
        for row in left:
            if len(found) == size or len(looked_at) == self.looked_through:
                break
            looked_at.append(row)
            found += [row] if self._fits(row, asked) else []
        columns = ("id",) if index else TABLES[name]
        if len(looked_at) == len(left):
            return {**_table(columns, found), "after": None}
        reached = start + len(looked_at) if index else looked_at[-1]["id"]
        return {**_table(columns, found), "after": f"{reached}.{int(self.clock())}"}

    def _fits(self, row: Row, asked: Mapping[str, str]) -> bool:
        for key, column in (("touched_from", "touched"), ("born_from", "born")):
            if key in asked and (row[column] is None or row[column] < _number(asked[key])):
                return False
        return True

    def _cursor(self, text: str) -> int:
        found = re.fullmatch(r"([0-9]{1,18})\.([0-9]{1,12})", text)
        if found is None:
            raise Oops(400, "bad_request", "no such cursor")
        if self.clock() - int(found[2]) > CURSOR_SECONDS or int(found[2]) < self._cursors_from:
            raise Oops(200, "cursor_gone")
        return int(found[1])

    _cursors_from: float = 0.0

    def expire_cursors(self) -> bool:
        self._cursors_from = self.clock() + 1
        return True

    def _card(self, id: int) -> Row:
        if id in self.tables["cards"]:
            return self.tables["cards"][id]
        into = self._gone.get(id)
        raise Oops(404, "no_card") if into is None else Oops(410, "merged", into=into)

    def _write(self, card: Row, what: str, request: SimRequest) -> Any:
        try:
            body = json.loads(request.body)
        except ValueError:
            raise Oops(400, "bad_request", "no JSON") from None
        keys = {"lane": {"lane", "version"}, "state": {"state", "reason", "version"}}[what]
        if not isinstance(body, dict) or set(body) - keys or not isinstance(body.get("version"), int):
            raise Oops(400, "bad_request", "unknown or missing keys")
        if body["version"] != card["version"]:
            raise Oops(409, "stale", "another version of the card")
        id, before = str(card["id"]), self._truth(card)
        if what == "lane":
            self._move(card, body.get("lane"))
        else:
            self._end(card, body.get("state"), body.get("reason"))
        self.accepted.append(
            Accepted(
                at=self.clock(), method="PUT", target=request.target, body=body, application=id,
                before=before, after=self._truth(card), actor="integration",
            )
        )  # fmt: skip
        return _table(CARD, [card])

    # -- what can happen to a card --

    def _move(self, card: Row, lane: Any) -> None:
        there = self.tables["lanes"].get(lane) if isinstance(lane, int) else None
        if there is None or there["board"] != card["board"]:
            raise Oops(422, "other_board", "no lane of this board")
        if card["state"] != "O":
            raise Oops(422, "ended", "the card has ended")
        if there["shut"]:
            raise Oops(422, "shut_lane", "the lane is shut")
        card["lane"] = lane
        card["trail"] = [*card["trail"], [lane, self._now()]]
        self._touch(card)

    def _end(self, card: Row, state: Any, reason: Any) -> None:
        whose = {"X": "us", "W": "them"}.get(state)
        if state not in ("O", "X", "W", "H"):
            raise Oops(400, "bad_request", "no such state")
        known = self.tables["reasons"].get(reason) if isinstance(reason, int) else None
        if whose is not None and (known is None or known["whose"] != whose):
            raise Oops(422, "no_reason", "a reason of that kind is needed")
        if whose is None and reason is not None:
            raise Oops(400, "bad_request", "no reason goes with this")
        card["state"], card["reason"] = state, reason
        self._touch(card)

    def _touch(self, card: Row) -> None:
        card["touched"], card["version"] = self._now(), card["version"] + 1
        self._tell(card)

    def _tell(self, card: Row) -> None:
        body = json.dumps({"nr": len(self.hooks) + 1, "card": card["id"]}).encode()
        mark = hmac.new(self.credentials["hook_secret"].encode(), body, hashlib.sha256).hexdigest()
        self.hooks.append(
            SimRequest("POST", "/", {"x-kestrel-seal": mark, "content-type": "application/json"}, body)
        )

    def deliveries(self) -> tuple[SimRequest, ...]:
        return tuple(self.hooks)

    def unsigned(self, delivery: SimRequest) -> SimRequest:
        return evolve(delivery, headers={"content-type": "application/json"})

    def obstacles(self) -> Mapping[str, Callable[[str], None]]:
        def shut_all(application: str) -> None:
            for lane in self.tables["lanes"].values():
                lane["shut"] = True

        return {"the lanes are shut": shut_all, "the card has ended": self.hire}

    # -- what is really so --

    def _truth(self, card: Row) -> Truth:
        words = {"O": "active", "X": "rejected", "W": "withdrawn", "H": "hired"}
        return Truth(
            stage=str(card["lane"]),
            status=words[card["state"]],
            reason=None if card["reason"] is None else str(card["reason"]),
            candidate=str(card["person"]),
            job=str(card["board"]),
            history=tuple(str(lane) for lane, _ in card["trail"]),
        )

    def truth(self) -> Mapping[str, Truth]:
        return {str(id): self._truth(card) for id, card in self.tables["cards"].items()}

    def deleted(self) -> frozenset[str]:
        return frozenset(map(str, self._gone))

    # -- what people do --

    def _find(self, application: str) -> Row:
        card = self.tables["cards"].get(int(application))
        if card is None:
            raise ValueError("there is no such card")
        return card

    def stages_for(self, application: str) -> list[str]:
        card = self._find(application)
        lanes = (lane for lane in self.tables["lanes"].values() if lane["board"] == card["board"])
        free = [lane["id"] for lane in lanes if not lane["shut"] and lane["id"] != card["lane"]]
        return [str(id) for id in free] if card["state"] == "O" else []

    def stage_name(self, stage: str) -> str:
        return str(self.tables["lanes"][int(stage)]["name"])

    def reasons(self, outcome: str) -> list[str]:
        whose = {"rejected": "us", "withdrawn": "them"}.get(outcome)
        return [str(r["id"]) for r in self.tables["reasons"].values() if r["whose"] == whose]

    def _person_does(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Oops as oops:
            raise ValueError(oops.body["text"]) from None

    def move(self, application: str, stage: str) -> None:
        self._person_does(lambda: self._move(self._find(application), int(stage)))

    def reject(self, application: str, reason: str) -> None:
        card = self._find(application)
        if card["state"] != "O":
            raise ValueError("the card has ended")
        state = {"us": "X", "them": "W"}[self.tables["reasons"][int(reason)]["whose"]]
        self._person_does(lambda: self._end(card, state, int(reason)))

    def reactivate(self, application: str) -> None:
        card = self._find(application)
        if card["state"] == "O":
            raise ValueError("the card is open")
        self._person_does(lambda: self._end(card, "O", None))

    def hire(self, application: str) -> None:
        card = self._find(application)
        if card["state"] != "O":
            raise ValueError("the card has ended")
        self._person_does(lambda: self._end(card, "H", None))

    def edit(self, application: str) -> None:
        card = self._find(application)
        card["mail"] = f"edited{card['version']}@example.com"
        self._touch(card)

    def apply(self, *, name: str, email: str | None, job: str | None = None) -> str:
        boards = [b["id"] for b in self.tables["boards"].values() if b["state"] == "open"]
        board = int(job) if job else boards[self._last_id % len(boards)]
        lane = min(row["id"] for row in self.tables["lanes"].values() if row["board"] == board)
        self._last_id += 1
        now = self._now()
        card = self._add(
            "cards", person=self._last_id, name=name, mail=email, board=board, lane=lane, state="O",
            reason=None, born=now, touched=None, version=1, trail=[[lane, now]],
        )  # fmt: skip
        self._tell(card)
        return str(card["id"])

    def delete(self, application: str) -> None:
        card = self._find(application)
        del self.tables["cards"][card["id"]]
        self._gone[card["id"]] = None
        self._tell(card)

    def anonymise(self, application: str) -> None:
        card = self._find(application)
        card["name"], card["mail"] = None, None
        self._touch(card)

    def merge(self, loser: str, survivor: str) -> None:
        gone, stays = self._find(loser), self._find(survivor)
        del self.tables["cards"][gone["id"]]
        self._gone[gone["id"]] = stays["id"]
        self._touch(stays)

    def rename_stage(self, stage: str, name: str) -> None:
        self.tables["lanes"][int(stage)]["name"] = name

    def deactivate_stage(self, stage: str) -> None:
        self.tables["lanes"][int(stage)]["shut"] = True


def _table(columns: Iterable[str], rows: Iterable[Row]) -> dict[str, Any]:
    names = list(columns)
    return {"columns": names, "rows": [[row.get(name) for name in names] for row in rows], "after": None}


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise Oops(400, "bad_request", "a number is needed")
    return int(text)


def _http_date(now: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
