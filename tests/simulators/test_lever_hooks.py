"""The simulated Lever: its web hooks."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import itertools
import json
import queue
import threading
from typing import Any

import pytest
from lever_client import NOW, World

from atsbridge.simulators.serve import serve

URL = "https://hooks.example.com/lever"


def subscribe(world: World, event: str, **more: Any) -> dict[str, Any]:
    status, body = world.ask("POST", "/webhooks", {"url": URL, "event": event, **more})
    assert status == 201, body
    return body["data"]


def test_the_signature_token_is_shown_once():
    world = World()
    made = subscribe(world, "candidateStageChange")
    assert int(made["configuration"]["signatureToken"], 16)
    assert len(made["configuration"]["conditions"]["origins"]) == 6
    listed = world.ask("GET", "/webhooks")[1]["data"][0]
    assert "signatureToken" not in listed["configuration"]
    status, changed = world.ask("PUT", f"/webhooks/{made['id']}", {"event": "candidateHired"})
    assert (status, changed["data"]["event"], changed["data"]["url"]) == (200, "candidateHired", URL)
    assert "signatureToken" not in changed["data"]["configuration"]


def test_the_same_subscription_twice_is_two():
    world = World()
    subscribe(world, "candidateHired")
    subscribe(world, "candidateHired")
    assert len(world.ask("GET", "/webhooks")[1]["data"]) == 2
    world.sim.hire(world.active)
    assert len(world.sim.hook_outbox) == 2


def test_a_webhook_can_be_deleted_with_an_empty_answer():
    world = World()
    made = subscribe(world, "candidateHired")
    assert world.ask("DELETE", f"/webhooks/{made['id']}") == (204, None)
    assert world.ask("DELETE", f"/webhooks/{made['id']}")[0] == 404
    assert world.ask("PUT", f"/webhooks/{made['id']}", {})[0] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://hooks.example.com/"},
        {"url": None},
        {"event": "jobChanged"},
        {"event": None},
        {"configuration": {"conditions": {"origins": ["mars"]}}},
        {"configuration": {"conditions": {"origins": "applied"}}},
        {"configuration": []},
        {"configuration": "all"},
    ],
)
def test_a_bad_webhook_is_400(change):
    world = World()
    assert world.ask("POST", "/webhooks", {"url": URL, "event": "candidateHired", **change})[0] == 400


def test_plain_http_is_for_loopback_alone():
    world = World()
    for url, status in (
        ("http://127.0.0.1:9/hook", 201),
        ("http://localhost:9/", 201),
        ("http://127.0.0.1.example.com/", 400),
        ("http://127.0.0.1:port/", 400),
        ("ftp://127.0.0.1/", 400),
    ):
        assert world.ask("POST", "/webhooks", {"url": url, "event": "candidateHired"})[0] == status, url


def test_perform_as_of_a_change_of_web_hooks():
    body = {"url": URL, "event": "candidateHired"}
    world, strict = World(), World(hooks_need_perform_as=True)
    assert world.ask("POST", "/webhooks", body)[0] == 201
    assert world.ask("POST", "/webhooks?perform_as=nobody", body)[0] == 400
    assert strict.ask("POST", "/webhooks", body)[0] == 400
    made = strict.ask("POST", f"/webhooks?perform_as={strict.user}", body)[1]["data"]
    assert strict.ask("PUT", f"/webhooks/{made['id']}", {})[0] == 400
    assert strict.ask("DELETE", f"/webhooks/{made['id']}")[0] == 400
    assert strict.ask("DELETE", f"/webhooks/{made['id']}?perform_as={strict.user}")[0] == 204


def test_a_delivery_is_signed_over_token_and_time_but_not_over_data():
    world = World()
    made = subscribe(world, "candidateStageChange")
    before = world.read(world.active)
    world.stage(world.active, "offer")
    (delivery,) = world.sim.hook_outbox
    body = json.loads(delivery.body)
    message = f"{body['token']}{body['triggeredAt']}".encode()
    key = made["configuration"]["signatureToken"].encode()
    assert body["signature"] == hmac.new(key, message, hashlib.sha256).hexdigest()
    assert (delivery.url, body["triggeredAt"]) == (URL, int(NOW * 1000))
    assert body["data"] == {
        "opportunityId": world.active,
        "candidateId": world.active,
        "contactId": before["contact"],
        "fromStageId": before["stage"],
        "toStageId": "offer",
    }


def test_every_event_is_delivered_with_its_data():
    world = World()
    names = ["candidateArchiveChange", "candidateHired", "candidateDeleted", "applicationCreated"]
    names += ["contactCreated", "contactUpdated", "interviewCreated", "interviewUpdated", "interviewDeleted"]
    for name in names:
        subscribe(world, name)
    key = world.sim.apply(name="Ada Borg", email="ada@example.com")
    other = world.sim.apply(name="Bo Dahl", email="bo@example.com")
    world.sim.reschedule_interview(key, world.sim.schedule_interview(key))
    world.archive(key, world.reason("Hired"), cleanInterviews=True)
    world.sim.merge(other, key)
    world.sim.delete(key)
    sent = {
        name: [json.loads(d.body)["data"] for d in world.sim.hook_outbox if d.event == name] for name in names
    }
    assert all(sent.values())
    archived = {"reason": world.reason("Hired"), "archivedAt": int(NOW * 1000)}
    change = sent["candidateArchiveChange"][0]
    assert (change["fromArchived"], change["toArchived"]) == (None, archived)
    assert sent["candidateDeleted"][0]["deletedBy"] == world.user
    assert sent["applicationCreated"][0]["applicationId"]
    assert all(
        {"opportunityId", "candidateId", "contactId"} <= set(d) for found in sent.values() for d in found
    )


def test_origins_filter_deliveries():
    world = World()
    subscribe(world, "applicationCreated", configuration={"conditions": {"origins": ["sourced"]}})
    world.sim.apply(name="Ada Borg", email=None)
    assert world.sim.hook_outbox == []


def test_a_write_that_changes_nothing_delivers_nothing():
    world = World()
    for event in ("candidateStageChange", "candidateArchiveChange"):
        subscribe(world, event)
    world.stage(world.active, world.read(world.active)["stage"])
    world.archive(world.active, None)
    assert world.sim.hook_outbox == []


def test_the_connection_test_is_signed_and_about_nothing():
    world = World()
    made = subscribe(world, "candidateHired")
    world.sim.world.hooks.test_connection(made["id"], world.now)
    body = json.loads(world.sim.hook_outbox[0].body)
    assert body["signature"]
    assert "opportunityId" not in body["data"]


def test_a_hook_of_lever_s_pages_is_signed_with_the_token_of_its_event_group():
    world = World()
    for event in ("candidateHired", "candidateStageChange", "applicationCreated"):
        world.sim.add_hook(URL, event)
    assert world.ask("GET", "/webhooks")[1]["data"] == []
    world.sim.apply(name="Ada Borg", email=None)
    world.stage(world.active, "offer")
    world.archive(world.active, world.reason("Hired"))
    applied, moved, hired = (json.loads(d.body) for d in world.sim.hook_outbox)
    tokens = world.sim.credentials["hook_token"].split()
    assert len(set(tokens)) == 4
    assert [signers(tokens, body) for body in (applied, moved, hired)] == [
        [tokens[0]],
        [tokens[1]],
        [tokens[1]],
    ]


def signers(tokens: list[str], body: dict[str, Any]) -> list[str]:
    """The signature tokens that give the signature of a delivery."""
    message = f"{body['token']}{body['triggeredAt']}".encode()
    return [
        t for t in tokens if hmac.new(t.encode(), message, hashlib.sha256).hexdigest() == body["signature"]
    ]


def test_all_that_happened_can_be_had_as_deliveries_signed_and_unsigned():
    world = World()
    world.stage(world.active, "offer")
    world.sim.delete(world.active)
    moved, deleted = world.sim.deliveries()
    assert json.loads(moved.body)["event"] == "candidateStageChange"
    assert json.loads(deleted.body)["data"]["deletedBy"] == world.user
    assert signers(world.sim.credentials["hook_token"].split(), json.loads(moved.body))
    forged = json.loads(world.sim.unsigned(moved).body)
    assert forged == {k: v for k, v in json.loads(moved.body).items() if k != "signature"}
    assert world.sim.hook_outbox == []


def test_a_signature_header_over_the_body_is_a_setting():
    for header in (False, True):
        world = World(hook_signature_header=header)
        made = subscribe(world, "candidateHired")
        world.sim.hire(world.active)
        (delivery,) = world.sim.hook_outbox
        key = made["configuration"]["signatureToken"].encode()
        wanted = hmac.new(key, delivery.body, hashlib.sha256).hexdigest()
        assert dict(delivery.headers).get("Lever-Signature") == (wanted if header else None)
        assert signers([key.decode()], json.loads(delivery.body))


def test_a_hook_may_come_before_a_read_shows_what_it_says():
    world = World(visible_after=30)
    subscribe(world, "candidateStageChange")
    before = world.read(world.active)
    world.stage(world.active, "offer")
    (delivery,) = world.sim.hook_outbox
    assert (delivery.due, json.loads(delivery.body)["data"]["toStageId"]) == (world.now, "offer")
    assert world.read(world.active) == before


def test_the_numbers_of_retries_are_settings():
    world = World(hook_retries=1, hook_wait_seconds=5)
    subscribe(world, "candidateHired")
    world.sim.hire(world.active)
    first = world.sim.hook_outbox.pop()
    world.sim.world.hooks.failed(first, world.now)
    second = world.sim.hook_outbox.pop()
    assert second.due - first.due == 5
    world.sim.world.hooks.failed(second, world.now)
    assert world.sim.hook_outbox == []


def test_a_failed_delivery_is_tried_five_more_times_with_growing_waits():
    world = World()
    subscribe(world, "candidateHired")
    world.sim.hire(world.active)
    dues = []
    while world.sim.hook_outbox:
        delivery = world.sim.hook_outbox.pop()
        world.now = delivery.due
        dues.append(delivery.due)
        world.sim.world.hooks.failed(delivery, world.now)
    waits = [b - a for a, b in itertools.pairwise(dues)]
    assert len(waits) == 5
    assert waits == sorted(set(waits))


# -- posted over real sockets --


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what is posted to it; answers with the statuses it is given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.statuses = list(statuses)
        self.got: queue.Queue[tuple[str, str | None, dict[str, Any]]] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/lever?from=acme"

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        super().__exit__(*args)


class Taker(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if statuses else 200)
        self.send_header("content-length", "0")
        self.end_headers()
        self.server.got.put((self.path, self.headers["content-type"], body))

    def log_message(self, *_: object) -> None:
        pass


def test_a_receiver_on_loopback_is_posted_to():
    world = World()
    with Receiver() as receiver, serve(world.sim) as server:
        body = {"url": receiver.url, "event": "candidateStageChange"}
        made = json.loads(server.respond(world.request("POST", "/webhooks", body)).body)["data"]
        server.respond(world.request("PUT", f"/opportunities/{world.active}/stage", {"stage": "offer"}))
        path, kind, posted = receiver.got.get(timeout=30)
    assert (path, kind) == ("/lever?from=acme", "application/json")
    assert posted["data"]["toStageId"] == "offer"
    assert signers([made["configuration"]["signatureToken"]], posted)


def test_what_is_not_answered_2xx_comes_again_when_its_time_has_come():
    world = World()
    with Receiver(500, 404) as receiver, serve(world.sim) as server:
        server.respond(world.request("POST", "/webhooks", {"url": receiver.url, "event": "candidateHired"}))
        world.sim.hire(world.active)
        tokens = [next_post(world, receiver)["token"] for _ in range(3)]
    assert len(set(tokens)) == 1
    assert (world.sim.hook_outbox, receiver.statuses) == ([], [])


def next_post(world: World, receiver: Receiver) -> dict[str, Any]:
    """What is posted next; while there is nothing, the simulator's hours pass."""
    for _ in range(200):
        with contextlib.suppress(queue.Empty):
            return receiver.got.get(timeout=0.1)[2]
        world.now += 600
    raise AssertionError("nothing was posted in 33 hours")


def test_a_receiver_that_is_not_there_is_tried_again_later():
    world = World(hook_retries=2)
    gone = Receiver()
    gone.shutdown()
    gone.server_close()
    world.ask("POST", "/webhooks", {"url": gone.url, "event": "candidateHired"})
    world.sim.hire(world.active)
    for attempt in (1, 2, 3):
        (post,) = world.sim.hooks_due()
        assert world.sim.hooks_due() == []
        post.answered(None)
        assert [d.attempt for d in world.sim.hook_outbox] == ([attempt + 1] if attempt < 3 else [])
        world.now += 100_000


def test_an_address_elsewhere_is_never_posted_to():
    world = World()
    subscribe(world, "candidateHired")
    world.sim.hire(world.active)
    assert not world.sim.posts_hooks
    assert world.sim.hooks_due() == []
    assert len(world.sim.hook_outbox) == 1
