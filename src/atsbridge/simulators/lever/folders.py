"""An account out of a folder of recorded pages, and back into one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..people import Inventor
from . import bodies
from .records import Account, Candidacy, Record, Stage

RANKS = {"lead-new": 1, "lead-reached-out": 3, "lead-responded": 5, "applicant-new": 101, "offer": 261}
"""Ranks of the built-in stages, where the recording does not tell them."""

PIPELINES = ((100, "lead"), (200, "applicant"), (231, "screen"), (261, "onsite"))
EVERY = {"limit": "100", "confidentiality": "all"}
LISTINGS: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("/v1/opportunities", {**EVERY, "expand": "applications"}),
    ("/v1/opportunities/deleted", EVERY),
    ("/v1/applications/deleted", EVERY),
    ("/v1/postings/deleted", EVERY),
    ("/v1/stages", {"limit": "100"}),
    ("/v1/disposition_stages", {}),
    ("/v1/archive_reasons", {"limit": "100"}),
    ("/v1/postings", EVERY),
    ("/v1/requisitions", EVERY),
    ("/v1/users", {"limit": "100", "includeDeactivated": "true"}),
    ("/v1/sources", {"limit": "100"}),
    ("/v1/tags", {"limit": "100"}),
)

Pages = Mapping[str, list[Mapping[str, Any]]]


# -- writing --


def write(folder: Path, get: Callable[[str, Mapping[str, str]], Any], *, with_offers: Iterable[str]) -> None:
    """Save every listing; ``get`` asks for the body of one page."""
    folder.mkdir(parents=True, exist_ok=True)
    offers = [(f"/v1/opportunities/{key}/offers", {"limit": "100"}) for key in with_offers]
    for path, params in (*LISTINGS, *offers):
        name = path.removeprefix("/v1/").replace("/", "-")
        content = {"path": path, "pages": _pages(get, path, params)}
        (folder / f"{name}.json").write_text(
            json.dumps(content, ensure_ascii=False, indent=0), encoding="utf-8"
        )


def _pages(get: Callable[[str, Mapping[str, str]], Any], path: str, params: Mapping[str, str]) -> list[Any]:
    pages: list[Any] = []
    asked = dict(params)
    while True:
        body = get(path, asked)
        pages.append({"params": asked, "status": 200, "body": body})
        if not body.get("hasNext"):
            return pages
        asked = {**params, "offset": body["next"]}


# -- reading --


def read(folder: Path, *, invent_jobs: bool, seed: int) -> Account:
    """The account of a folder.

    Raises:
        ValueError: the folder holds no opportunities or no stages.
    """
    listings = _listings(folder)
    if "/v1/opportunities" not in listings or "/v1/stages" not in listings:
        raise ValueError(f"{folder} holds no recorded opportunities or no stages")
    records = _items(listings, "/v1/opportunities")
    account = Account(
        stages=_stages(listings),
        reasons=_items(listings, "/v1/archive_reasons"),
        users=_by_id(_items(listings, "/v1/users")),
        postings=_by_id(_items(listings, "/v1/postings")),
        requisitions=_by_id(_items(listings, "/v1/requisitions")),
        contacts=_contacts(records),
        sources=_items(listings, "/v1/sources") if "/v1/sources" in listings else None,
        tags=_items(listings, "/v1/tags") if "/v1/tags" in listings else None,
    )
    for kind in ("opportunities", "applications", "postings"):
        graves = _items(listings, f"/v1/{kind}/deleted")
        account.deleted[kind] = [{"confidentiality": "non-confidential", **grave} for grave in graves]
    for record in records:
        if offers := _items(listings, f"/v1/opportunities/{record['id']}/offers"):
            account.offers[record["id"]] = offers
    dealer = Inventor(seed) if invent_jobs else None
    account.opportunities.load(_candidacy(account, record, dealer) for record in records)
    return account


def _listings(folder: Path) -> Pages:
    listings = {}
    for file in sorted(folder.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and "path" in content and "pages" in content:
            listings[content["path"]] = [p for p in content["pages"] if p["status"] == 200]
    return listings


def _items(listings: Pages, path: str) -> list[Record]:
    return [item for p in listings.get(path, ()) for item in p["body"]["data"]]


def _by_id(items: Iterable[Record]) -> dict[str, Record]:
    return {item["id"]: item for item in items}


def _contacts(records: Iterable[Record]) -> dict[str, Record]:
    """Contacts have no list of their own: each is as its first opportunity not anonymised shows it."""
    contacts: dict[str, Record] = {}
    for record in sorted(records, key=lambda r: bool(r["isAnonymized"])):
        if record["contact"] not in contacts:
            contacts[record["contact"]] = {
                **bodies.contact(
                    record["contact"],
                    name=record["name"],
                    emails=record["emails"],
                    phones=record["phones"],
                    headline=record["headline"],
                    location=record["location"],
                ),
                "isAnonymized": record["isAnonymized"],
                "dataProtection": record["dataProtection"],
            }
    return contacts


def _candidacy(account: Account, record: Record, dealer: Inventor | None) -> Candidacy:
    held = record["applications"]
    if not held:
        return Candidacy(record)
    if isinstance(held[0], dict):
        return Candidacy({**record, "applications": [a["id"] for a in held]}, held[0])
    job = None
    if dealer is not None and account.postings:
        job = account.postings[dealer.random.choice(list(account.postings))]
    return Candidacy(record, bodies.application(held[0], record, posting=job, at=record["createdAt"]))


# -- stages --


def _stages(listings: Pages) -> list[Stage]:
    described = [p["body"]["data"]["stages"] for p in listings.get("/v1/disposition_stages", ())]
    if described:
        return [Stage(s["id"], s["text"], s["rank"], s["pipeline"], s["hasInterview"]) for s in described[0]]
    items = _items(listings, "/v1/stages")
    ranks = _ranks([s["id"] for s in items], {**RANKS, **_recorded_ranks(listings)})
    return [
        Stage(s["id"], s["text"], rank, next((name for top, name in PIPELINES if rank < top), "offer"))
        for s, rank in zip(items, ranks, strict=True)
    ]


def _recorded_ranks(listings: Pages) -> dict[str, float]:
    """Offset tokens name the rank of the next page's first record, and so of its stage."""
    stages = {r["id"]: r["stage"] for r in _items(listings, "/v1/opportunities")}
    ranks: dict[str, float] = {}
    for recorded in listings["/v1/opportunities"]:
        token = recorded["body"].get("next")
        if token is not None:
            rank, _, key = json.loads(unquote(token))
            ranks[stages[key]] = rank
    return ranks


def _ranks(ids: list[str], known: Mapping[str, float]) -> list[float]:
    """Ranks that rise along the pipeline, spread evenly where they are not known."""
    ranks: list[float] = []
    for index, key in enumerate(ids):
        last = ranks[-1] if ranks else 0.0
        ahead = [(i, known[k]) for i, k in enumerate(ids) if i >= index and k in known and known[k] > last]
        if key in known and known[key] > last:
            ranks.append(known[key])
        elif ahead:
            ranks.append(last + (ahead[0][1] - last) / (ahead[0][0] - index + 1))
        else:
            ranks.append(last + 5)
    return ranks
