"""Reads of all that is not an opportunity: postings, requisitions and the account's own lists."""

from __future__ import annotations

from collections import Counter

from .answers import Problem, Reply, data, dump, page
from .asking import Ask, confidentialities, found, listing, open_to
from .hooks import public
from .opportunities import contact_view
from .queries import cut, within
from .records import Record

POSTING_STATES = ("published", "internal", "closed", "draft", "pending", "rejected")
REQUISITION_STATES = ("open", "onHold", "closed", "draft", "pending", "rejected")
"""The last two are recorded, though not documented as filters."""


def postings(ask: Ask) -> Reply:
    query = ask.query
    query.choice("state", POSTING_STATES)
    allowed, window = confidentialities(ask), query.window("updated_at")
    wanted = {
        name: values
        for name in ("state", "team", "department", "location", "commitment", "level")
        if (values := query.many(name))
    }
    channels, tags, groups = query.many("distributionChannel"), query.many("tag"), query.many("group")

    def fits(p: Record) -> bool:
        categories = p["categories"]
        return (
            p["confidentiality"] in allowed
            and within(window, p["updatedAt"])
            and all((p["state"] if n == "state" else categories.get(n)) in v for n, v in wanted.items())
            and (not channels or not channels.isdisjoint(p["distributionChannels"] or ()))
            and (not tags or not tags.isdisjoint(p["tags"]))
            and (not groups or categories.get("department") in groups)
        )

    chosen = [p for p in ask.world.account.postings.values() if fits(p)]
    kept, following = cut(chosen, query, path=ask.path, offsets=ask.offsets)
    return page([dump(_posting(ask, dict(p))) for p in kept], following)


def posting(ask: Ask) -> Reply:
    record = found(ask.world.account.postings, ask.ids[0], "posting")
    open_to(ask, record)
    return data(_posting(ask, record))


def _posting(ask: Ask, record: Record) -> Record:
    users = ask.world.account.users
    expanded: Record = {
        n: users.get(record[n], record[n]) for n in ask.expand & {"user", "owner", "hiringManager"}
    }
    if "followers" in ask.expand:
        expanded["followers"] = [users.get(u, u) for u in record["followers"]]
    include = ask.include
    if include:
        record = {k: v for k, v in record.items() if k in include or k in expanded}
    return {**record, **expanded}


def requisitions(ask: Ask) -> Reply:
    query = ask.query
    states = query.choice("status", REQUISITION_STATES)
    codes, allowed, created = (
        query.many("requisition_code"),
        confidentialities(ask),
        query.window("created_at"),
    )
    updated = query.window("updated_at") if ask.world.options.requisitions_updated_filter else None
    return listing(
        ask,
        (
            r
            for r in ask.world.account.requisitions.values()
            if r["confidentiality"] in allowed
            and (not states or r["status"] in states)
            and (not codes or r["requisitionCode"] in codes)
            and within(created, r["createdAt"])
            and within(updated, r["updatedAt"])
        ),
    )


def requisition(ask: Ask) -> Reply:
    record = found(ask.world.account.requisitions, ask.ids[0], "requisition")
    open_to(ask, record)
    return data(record)


# -- the account's own lists --


def stages(ask: Ask) -> Reply:
    return listing(ask, ({"id": s.id, "text": s.text} for s in ask.world.account.stages))


def stage(ask: Ask) -> Reply:
    held = ask.world.account.stage(ask.ids[0])
    if held is None:
        raise Problem(404, "stage was not found")
    return data({"id": held.id, "text": held.text})


def disposition_stages(ask: Ask) -> Reply:
    account = ask.world.account
    described = [
        {"id": s.id, "text": s.text, "pipeline": s.pipeline, "rank": s.rank, "hasInterview": s.has_interview}
        for s in account.stages
    ]
    # Recorded: the type of a reason comes back null here, and only here.
    return data({"stages": described, "archiveReasons": [{**r, "type": None} for r in account.reasons]})


def archive_reasons(ask: Ask) -> Reply:
    types: frozenset[str] = frozenset()
    if ask.world.options.reason_type_filter:
        types = ask.query.choice("type", ("hired", "non-hired"))
    return listing(ask, (r for r in ask.world.account.reasons if not types or r["type"] in types))


def archive_reason(ask: Ask) -> Reply:
    held = ask.world.account.reason(ask.ids[0])
    if held is None:
        raise Problem(404, "archive reason was not found")
    return data(held)


def users(ask: Ask) -> Reply:
    query, everyone = ask.query, ask.query.flag("includeDeactivated") is True
    emails = {e.lower() for e in query.many("email")}
    roles, directory = query.many("accessRole"), query.many("external_directory_id")
    return listing(
        ask,
        (
            u
            for u in ask.world.account.users.values()
            if (everyone or u["deactivatedAt"] is None)
            and (not emails or (u["email"] or "").lower() in emails)
            and (not roles or u["accessRole"] in roles)
            and (not directory or u["externalDirectoryId"] in directory)
        ),
    )


def user(ask: Ask) -> Reply:
    return data(found(ask.world.account.users, ask.ids[0], "user"))


def contact(ask: Ask) -> Reply:
    held = contact_view(ask, ask.ids[0])
    if held is None:
        raise Problem(404, "contact was not found")
    return data(held)


def webhooks(ask: Ask) -> Reply:
    return listing(ask, map(public, ask.world.hooks.subscriptions.values()))


def sources(ask: Ask) -> Reply:
    return _counted(ask, "sources", ask.world.account.sources)


def tags(ask: Ask) -> Reply:
    return _counted(ask, "tags", ask.world.account.tags)


def _counted(ask: Ask, name: str, recorded: list[Record] | None) -> Reply:
    """How often each text occurs, as recorded or as counted now."""
    items = recorded
    if items is None:
        shown = ask.world.account.opportunities.shown.values()
        counts = Counter(text for c in shown for text in c.record[name])
        items = [{"count": count, "text": text} for text, count in sorted(counts.items())]
    keyed = [{"id": item["text"], **item} for item in items]
    kept, following = cut(keyed, ask.query, path=ask.path, offsets=ask.offsets)
    return page([dump({"count": i["count"], "text": i["text"]}) for i in kept], following)
