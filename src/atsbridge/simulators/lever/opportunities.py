"""Reads of opportunities, of what hangs on one, and of what was deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from .answers import Problem, Reply, data, dump, page
from .asking import Ask, confidentialities, listing, open_to
from .hooks import ORIGINS
from .queries import Query, within
from .records import Candidacy, Key, Record

FIELDS = (
    ("stage_id", "stage"),
    ("origin", "origin"),
    ("contact_id", "contact"),
)
LISTS = (("tag", "tags"), ("source", "sources"))
Test = Callable[[Candidacy], bool]


def opportunities(ask: Ask) -> Reply:
    query, store = ask.query, ask.world.account.opportunities
    limit, start = query.limit(), _start(ask)
    tests = list(_tests(ask))
    chosen = (c for c in store.walk(start, _only(ask)) if all(test(c) for test in tests))
    records = list(islice(chosen, limit + 1))
    following = None
    if len(records) > limit:
        rank, advanced, key = store.key(records[limit].record)
        following = ask.offsets.make(
            ask.path, query, [int(rank) if rank == int(rank) else rank, -advanced, key]
        )
    return page([render(ask, c, listed=True) for c in records[:limit]], following)


def _start(ask: Ask) -> Key | None:
    position = ask.offsets.read(ask.path, ask.query)
    if position is None:
        return None
    match position:
        case [int() | float() as rank, int() as advanced, str() as key]:
            return (rank, -advanced, key)
    raise Problem(400, "invalid offset token")


def _only(ask: Ask) -> list[str] | None:
    """The few ids an index already tells, where one filter has an index."""
    store, query = ask.world.account.opportunities, ask.query
    if contacts := query.many("contact_id"):
        return [key for c in contacts for key in store.with_contact(c)]
    if emails := query.many("email"):
        return [key for e in emails for key in store.with_email(e)]
    window = query.window("updated_at")
    return None if window is None else store.updated_within(window)


def _tests(ask: Ask) -> Iterator[Test]:
    query, now = ask.query, ask.world.ms()
    allowed = confidentialities(ask)
    yield lambda c: c.record["confidentiality"] in allowed
    yield from _equalities(query)
    if places := query.many("location"):
        name = "location" if ask.world.options.location_of_person else "opportunityLocation"
        yield lambda c: c.record.get(name) in places
    yield from _windows(query)
    if (archived := query.flag("archived")) is not None:
        yield lambda c: (c.record["archived"] is not None) is archived
    if (snoozed := query.flag("snoozed")) is not None:
        yield lambda c: ((c.record["snoozedUntil"] or 0) > now) is snoozed
    if reasons := query.many("archive_reason_id"):
        yield lambda c: c.record["archived"] is not None and c.record["archived"]["reason"] in reasons
    if emails := {e.lower() for e in query.many("email")}:
        yield lambda c: not emails.isdisjoint(e.lower() for e in c.record["emails"])
    if postings := query.many("posting_id"):
        yield lambda c: c.application is not None and c.application["posting"] in postings
    if left := query.many("archived_posting_id"):
        yield lambda c: bool(
            c.application and c.application["archived"] is not None and c.application["posting"] in left
        )


def _equalities(query: Query) -> Iterator[Test]:
    query.choice("origin", ORIGINS)
    for name, path in FIELDS:
        if values := query.many(name):
            yield lambda c, v=values, p=path: c.record.get(p) in v  # type: ignore[misc]
    for name, path in LISTS:
        if values := query.many(name):
            yield lambda c, v=values, p=path: not v.isdisjoint(c.record[p])  # type: ignore[misc]


def _windows(query: Query) -> Iterator[Test]:
    for name, path in (
        ("created_at", "createdAt"),
        ("updated_at", "updatedAt"),
        ("advanced_at", "lastAdvancedAt"),
    ):
        if window := query.window(name):
            yield lambda c, w=window, p=path: within(w, c.record[p])  # type: ignore[misc]
    if window := query.window("archived_at"):
        yield lambda c: within(window, (c.record["archived"] or {}).get("archivedAt"))


def render(ask: Ask, candidacy: Candidacy, *, listed: bool) -> str:
    """An opportunity as JSON; the usual variants are kept until it changes."""
    expand, include, record = ask.expand, ask.include - {"followers"}, candidacy.record
    hide = listed and not ask.world.options.followers_in_lists and "followers" not in ask.include
    if include or expand - {"applications"} or record["dataProtection"] is not None:
        return dump(view(ask, candidacy, hide=hide))
    texts = ask.world.account.opportunities.texts(record["id"])
    variant = (bool(expand), hide)
    if variant not in texts:
        texts[variant] = dump(view(ask, candidacy, hide=hide))
    return texts[variant]


def view(ask: Ask, candidacy: Candidacy, *, hide: bool) -> Record:
    account, record = ask.world.account, dict(candidacy.record)
    record["dataProtection"] = lapsed(record["dataProtection"], ask.world.ms())
    expanders: dict[str, Callable[[], Any]] = {
        "applications": lambda: [candidacy.application] if candidacy.application else [],
        "stage": lambda: {"id": record["stage"], "text": _stage_text(ask, record["stage"])},
        "owner": lambda: account.users.get(record["owner"], record["owner"]),
        "sourcedBy": lambda: account.users.get(record["sourcedBy"], record["sourcedBy"]),
        "followers": lambda: [account.users.get(u, u) for u in record["followers"]],
        "contact": lambda: contact_view(ask, record["contact"]) or record["contact"],
    }
    expanded = {name: expanders[name]() for name in ask.expand if name in expanders}
    include = ask.include
    if include - {"followers"}:
        record = {k: v for k, v in record.items() if k in include or k in expanded}
    elif hide:
        del record["followers"]
    return {**record, **expanded}


def contact_view(ask: Ask, key: str) -> Record | None:
    held = ask.world.account.contacts.get(key)
    return held and {**held, "dataProtection": lapsed(held["dataProtection"], ask.world.ms())}


def _stage_text(ask: Ask, key: str) -> str:
    stage = ask.world.account.stage(key)
    return stage.text if stage else ""


def lapsed(protection: Record | None, now: int) -> Record | None:
    """Consent as it stands now: it runs out without any change of updatedAt."""
    if protection is None:
        return None
    return {
        k: {**v, "allowed": v["allowed"] and (v["expiresAt"] is None or v["expiresAt"] > now)}
        for k, v in protection.items()
    }


def candidacy(ask: Ask) -> Candidacy:
    """The opportunity of the path, as reads show it."""
    held = ask.world.account.opportunities.shown.get(ask.ids[0])
    if held is None:
        raise Problem(404, "opportunity was not found")
    open_to(ask, held.record)
    return held


def opportunity(ask: Ask) -> Reply:
    return Reply(200, f'{{"data":{render(ask, candidacy(ask), listed=False)}}}')


def applications(ask: Ask) -> Reply:
    held = candidacy(ask)
    return listing(ask, [held.application] if held.application else [])


def application(ask: Ask) -> Reply:
    held = candidacy(ask)
    if held.application is None or held.application["id"] != ask.ids[1]:
        raise Problem(404, "application was not found")
    return data(held.application)


def offers(ask: Ask) -> Reply:
    held = candidacy(ask)
    return listing(ask, ask.world.account.offers.get(held.record["id"], []))


def _deleted(kind: str) -> Callable[[Ask], Reply]:
    def handler(ask: Ask) -> Reply:
        allowed, window = confidentialities(ask), ask.query.window("deleted_at")
        items = [
            {k: v for k, v in item.items() if k != "confidentiality"}
            for item in ask.world.account.deleted[kind]
            if item["confidentiality"] in allowed and within(window, item["deletedAt"])
        ]
        return listing(ask, items)

    return handler


deleted_opportunities = _deleted("opportunities")
deleted_applications = _deleted("applications")
deleted_postings = _deleted("postings")
