"""Which requests exist, what they need, and who answers them.

Another method on a known path is as unknown as another path: 404.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from attrs import frozen

from . import catalogues, opportunities, writes
from .answers import Reply
from .asking import Ask

Handler = Callable[[Ask], Reply]


@frozen
class Route:
    method: str
    path: tuple[str, ...]
    resource: str
    handler: Handler

    @property
    def verb(self) -> str:
        return "read" if self.method == "GET" else "write"


def _route(method: str, path: str, handler: Handler, *, resource: str = "") -> Route:
    parts = tuple(path.strip("/").split("/"))
    return Route(method, parts, resource or parts[0], handler)


def _opportunity_routes(root: str) -> tuple[Route, ...]:
    """Those of opportunities; ``/candidates`` is their old name and still answers."""
    one, resource = f"{root}/{{id}}", "opportunities"
    return (
        _route("GET", root, opportunities.opportunities, resource=resource),
        _route("GET", f"{root}/deleted", opportunities.deleted_opportunities, resource=resource),
        _route("GET", one, opportunities.opportunity, resource=resource),
        _route("GET", f"{one}/applications", opportunities.applications, resource="applications"),
        _route("GET", f"{one}/applications/{{id}}", opportunities.application, resource="applications"),
        _route("GET", f"{one}/offers", opportunities.offers, resource="offers"),
        _route("PUT", f"{one}/stage", writes.stage, resource=resource),
        _route("PUT", f"{one}/archived", writes.archived, resource=resource),
    )


ROUTES = (
    *_opportunity_routes("opportunities"),
    *_opportunity_routes("candidates"),
    _route("GET", "applications/deleted", opportunities.deleted_applications),
    _route("GET", "postings", catalogues.postings),
    _route("GET", "postings/deleted", opportunities.deleted_postings),
    _route("GET", "postings/{id}", catalogues.posting),
    _route("GET", "requisitions", catalogues.requisitions),
    _route("GET", "requisitions/{id}", catalogues.requisition),
    _route("GET", "stages", catalogues.stages),
    _route("GET", "stages/{id}", catalogues.stage),
    _route("GET", "disposition_stages", catalogues.disposition_stages, resource="stages"),
    _route("GET", "archive_reasons", catalogues.archive_reasons),
    _route("GET", "archive_reasons/{id}", catalogues.archive_reason),
    _route("GET", "users", catalogues.users),
    _route("GET", "users/{id}", catalogues.user),
    _route("GET", "contacts/{id}", catalogues.contact),
    _route("GET", "sources", catalogues.sources),
    _route("GET", "tags", catalogues.tags),
    _route("GET", "webhooks", catalogues.webhooks),
    _route("POST", "webhooks", writes.create_webhook),
    _route("PUT", "webhooks/{id}", writes.update_webhook),
    _route("DELETE", "webhooks/{id}", writes.delete_webhook),
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route of a path below ``/v1``, and the ids in it, decoded."""
    parts = path.strip("/").split("/")
    for route in ROUTES:
        if route.method != method or len(route.path) != len(parts):
            continue
        if all(want in ("{id}", got) for want, got in zip(route.path, parts, strict=True)):
            pairs = zip(route.path, parts, strict=True)
            return route, tuple(unquote(got) for want, got in pairs if want == "{id}")
    return None


def creates_application(method: str, path: str) -> bool:
    """Whether it is one of the POSTs that Lever holds to two a second; none of them is played here."""
    parts = path.strip("/").split("/")
    applies = len(parts) == 3 and parts[0] == "postings" and parts[2] == "apply"
    return method == "POST" and (parts in (["opportunities"], ["candidates"]) or applies)
