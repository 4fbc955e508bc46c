"""Each verb by its command: exit codes, JSON alone on stdout, and words that say how to mend."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from atsbridge.ats.lever import Lever
from atsbridge.errors import Unavailable
from atsbridge.wire.retry import RetryBudget

DIGEST = Lever.VENDOR.surface_digest


@pytest.fixture
def ready(link: Any) -> Any:
    """With a mapping, its write mode on, the surface approved and everything pulled."""
    assert link.run("init").code == 0
    link.write_on()
    assert link.run("vendors", "approve", "--yes").code == 0
    assert link.run("sync", "--pull").code == 0
    return link


def test_init_writes_a_file_then_a_mapping_and_overwrites_nothing(link: Any) -> None:
    text = (link.folder / "atsbridge.toml").read_text()
    assert 'api_key = "env:LEVER_API_KEY"' in text
    (link.folder / "mapping.toml").unlink()
    mapped = link.run("init", "--json")
    assert mapped.code == 0
    assert mapped.json["written"] == [str(link.folder / "mapping.toml")]
    mapping = (link.folder / "mapping.toml").read_text()
    assert 'mode = "off"' in mapping
    (link.folder / "mapping.toml").write_text(mapping + "# mine\n")
    again = link.run("init")
    assert again.code == 0
    assert "left as it is" in again.out
    assert (link.folder / "mapping.toml").read_text().endswith("# mine\n")
    assert (link.folder / "atsbridge.toml").read_text() == text


@pytest.mark.parametrize("other", [("greenhouse",), ("lever", "--name", "other"), ("--name", "other")])
def test_init_for_another_connection_changes_nothing(link: Any, other: tuple[str, ...]) -> None:
    before = {path: path.read_bytes() for path in link.folder.iterdir()}
    ended = link.run("init", *other)
    assert ended.code == 2
    assert "atsbridge.toml is acme's, for lever; nothing was changed" in ended.err
    assert "--connection" in ended.err
    assert {path: path.read_bytes() for path in link.folder.iterdir()} == before
    assert link.run("init", "lever", "--name", "acme").code == 0


def test_init_names_the_variables_that_are_missing(tmp_path: Path, command: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEVER_API_KEY", raising=False)
    ended = command("init", "lever", "--json")
    assert (ended.code, ended.json["missing"]) == (0, ["LEVER_API_KEY"])
    again = command("init", "lever", "--json")
    assert (again.code, again.json["missing"]) == (2, ["LEVER_API_KEY"])
    assert not (tmp_path / "mapping.toml").exists()


def test_init_writes_no_credential_in_clear(tmp_path: Path, command: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command("init", "lever", "--setting", "api_key=canary-8812")
    assert ended.code == 2
    assert "canary-8812" not in ended.out + ended.err
    assert list(tmp_path.iterdir()) == []


def test_check_before_and_after_approval(link: Any) -> None:
    assert link.run("init").code == 0
    unproven = link.run("check", "--json")
    assert unproven.code == unproven.json["exit_code"] == 3
    asked = [f["ask"] for f in unproven.json["access"] if f["proof"] == "unproven"]
    assert asked and all(asked)
    link.write_on()
    assert link.run("check").code == 1
    assert link.run("vendors", "approve", "--yes").code == 0
    assert link.run("check").code == 3
    assert not link.simulator.accepted


def test_check_reads_as_the_three_requirements(link: Any) -> None:
    assert link.run("init").code == 0
    said = link.run("check").out
    assert [said.index(f"\n{n}. ") for n in (1, 2, 3)] == sorted(said.index(f"\n{n}. ") for n in (1, 2, 3))
    assert "UNPROVEN" in said


def test_a_missing_permission_is_exit_1(link: Any, monkeypatch: Any) -> None:
    assert link.run("init").code == 0
    resources = ("stages", "opportunities", "archive_reasons", "postings", "users", "contacts")
    grants = [f"{resource}:read" for resource in resources]
    monkeypatch.setenv("LEVER_API_KEY", link.simulator.add_key(grants))
    ended = link.run("check", "--json")
    assert ended.code == 1
    missing = [f["what"] for f in ended.json["access"] if f["proof"] == "missing"]
    assert missing == ["read requisitions"]


def test_a_whole_round(ready: Any) -> None:
    ids = ready.request_moves(4)
    planned = ready.run("plan", "--json").json
    assert planned["writes"] == 4
    assert not ready.simulator.accepted
    pushed = ready.run("sync", "--push", "--json")
    assert pushed.code == 0
    assert sorted(r["application"] for r in pushed.json["push"]["receipts"]) == sorted(ids)
    assert {r["result"] for r in pushed.json["push"]["receipts"]} == {"applied"}
    assert len(ready.simulator.accepted) == 4
    synced = ready.run("sync", "--json")
    assert set(synced.json) == {"push", "pull"}
    assert ready.run("verify", "--json").json["equal"] == ready.count() == 120
    assert ready.run("repair", "--json").json == {"repaired": [], "left": []}
    assert ready.run("status", "--json").json["results"] == {"applied": 4}
    told = ready.run("explain", ids[0], "--ask", "--json")
    assert told.code == 0
    assert told.json["now"]["stage"] == ready.simulator.truth()[ids[0]].stage
    assert len(told.json["attempts"]) == 1


@pytest.mark.parametrize(
    "line",
    ["check", "sync", "sync --pull", "sync --push", "sync --full --sweep", "plan", "verify", "repair",
     "status", "pause --why later", "resume", "vendors approve --yes", "init"],
)  # fmt: skip
def test_json_is_alone_on_stdout_and_tables_speak_english(ready: Any, line: str) -> None:
    as_json = ready.run(*line.split(), "--json")
    assert isinstance(as_json.json, dict)
    assert as_json.err == ""
    assert as_json.code in (0, 3)
    spoken = ready.run(*line.split())
    assert spoken.out.strip()
    assert spoken.err == ""
    assert "\x1b" not in spoken.out


def test_paused_writes_wait(ready: Any) -> None:
    ready.request_moves(1)
    assert ready.run("pause", "--why", "audit").code == 0
    assert ready.run("status", "--json").json["paused"] == "audit"
    assert "audit" in ready.run("status").out
    held = ready.run("sync", "--push", "--json").json["push"]
    assert held["held_back"]
    assert not ready.simulator.accepted
    assert ready.run("resume").code == 0
    assert ready.run("sync", "--push", "--json").json["push"]["writes"] == 1
    assert len(ready.simulator.accepted) == 1


def test_a_new_mapping_is_compared(ready: Any) -> None:
    new = ready.folder / "new.toml"
    new.write_text(
        (ready.folder / "mapping.toml").read_text().replace('[steps."Offer"]', '[steps."Offered"]')
    )
    found = ready.run("plan", "--mapping", str(new), "--json").json
    offers = sum(t.stage == "offer" for t in ready.simulator.truth().values())
    assert (found["changed"], found["total"]) == (offers, 120)
    assert str(offers) in ready.run("plan", "--mapping", str(new)).out


def test_a_sweep_finds_a_deletion(ready: Any) -> None:
    gone = next(iter(ready.simulator.truth()))
    ready.simulator.delete(gone)
    assert ready.run("sync", "--pull", "--sweep").code == 0
    assert ready.count() == 119


def test_push_goes_alone(ready: Any) -> None:
    ended = ready.run("sync", "--push", "--full")
    assert ended.code == 2
    assert "--push goes alone" in ended.err


def test_an_unknown_application_is_exit_1(ready: Any) -> None:
    assert ready.run("explain", "nobody").code == 1


# -- approval --


def test_approving_shows_what_is_approved_and_asks(link: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("click.confirm", lambda *a, **k: False)
    no = link.run("vendors", "approve")
    assert no.code == 1
    assert DIGEST in no.out and "/opportunities/{application}/stage" in no.out
    assert DIGEST not in (link.folder / "atsbridge.toml").read_text()
    monkeypatch.setattr("click.confirm", lambda *a, **k: True)
    before = (link.folder / "atsbridge.toml").read_text()
    assert link.run("vendors", "approve").code == 0
    after = (link.folder / "atsbridge.toml").read_text()
    assert after == before.replace('surface = ""', f'surface = "{DIGEST}"')
    assert "Already approved" in link.run("vendors", "approve").out


def test_json_cannot_ask(link: Any) -> None:
    assert link.run("vendors", "approve", "--json").code == 2
    assert DIGEST not in (link.folder / "atsbridge.toml").read_text()


def test_nothing_is_written_without_approval(link: Any) -> None:
    assert link.run("init").code == 0
    link.write_on()
    assert link.run("sync", "--pull").code == 0
    link.request_moves(2)
    ended = link.run("sync", "--push", "--json")
    assert not link.simulator.accepted
    assert "approve" in ended.out


@pytest.mark.parametrize("line", ["plan", "sync --push", "sync"])
def test_changes_that_wait_for_an_approval_need_a_person(link: Any, line: str) -> None:
    link.write_on()
    assert link.run("sync", "--pull").code == 0
    assert link.run(*line.split()).code == 0  # nobody waits for anything
    (moved,) = link.request_moves(1)
    told = link.run(*line.split(), "--json")
    assert told.code == 5
    if line == "plan":
        (held,) = told.json["held"]
        assert (held["application"], held["action"]) == (moved, "move")
        assert moved in link.run("plan").out
        (pending,) = [d for d in link.run("verify", "--json").json["differences"] if d["why"] == "pending"]
        with link.crm() as crm:
            (step,) = [app.step for app in crm.applications() if app.ref.id == moved]
        assert (pending["application"], pending["wanted"]) == (moved, step)
    report = told.json.get("push", told.json)
    assert report["unapproved"] and not report["stopped"] and "vendors approve" in report["held_back"]
    spoken = link.run(*line.split())
    assert spoken.code == 5 and "vendors approve" in " ".join(spoken.out.split())
    assert link.run("status").code == (0 if line == "plan" else 5)  # a plan takes nothing in
    assert not link.simulator.accepted
    assert link.run("vendors", "approve", "--yes").code == 0
    assert link.run(*line.split()).code == 0


@pytest.mark.parametrize("line", ["plan", "sync --push"])
def test_a_credential_refused_while_changes_wait_needs_a_person(
    ready: Any, monkeypatch: Any, line: str
) -> None:
    assert ready.run("sync", "--push").code == 0  # the stages are read, and known for a while
    ready.request_moves(1)
    monkeypatch.setenv("LEVER_API_KEY", "canary-wrong-key")
    spoken = ready.run(*line.split())
    assert spoken.code == 5 and "Unauthorized" in spoken.out
    told = ready.run(*line.split(), "--json")
    assert told.code == 5
    assert told.json.get("push", told.json)["stopped"]


def test_where_nothing_could_be_taken_in_status_and_explain_say_so(ready: Any, monkeypatch: Any) -> None:
    with (ready.folder / "atsbridge.toml").open("a") as file:
        file.write("catalogue_seconds = 0\n")  # so that a push asks the ATS before it takes in
    (id,) = ready.request_moves(1)
    key = os.environ["LEVER_API_KEY"]
    monkeypatch.setenv("LEVER_API_KEY", "canary-wrong-key")
    assert ready.run("sync").code == 5
    spoken = ready.run("status")
    assert spoken.code == 5 and "failing: sync" in spoken.out and "Unauthorized" in spoken.out
    assert "may not be taken in yet" in " ".join(spoken.out.split())
    (failing,) = ready.run("status", "--json").json["failing"]
    assert (failing["verb"], failing["retryable"]) == ("sync", False)
    story = " ".join(ready.run("explain", id).out.split())
    assert "not taken in yet: the change" in story and "the last sync failed: Unauthorized" in story
    monkeypatch.setenv("LEVER_API_KEY", key)
    assert ready.run("sync").code == 0
    told = ready.run("status")
    assert told.code == 0 and "failing" not in told.out
    assert "not taken in" not in ready.run("explain", id).out


# -- what goes wrong --


def test_a_refused_credential_needs_a_person(ready: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LEVER_API_KEY", "canary-wrong-key")
    ended = ready.run("sync", "--pull")
    assert ended.code == 5
    assert "renew the credential" in ended.err
    assert "canary-wrong-key" not in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_explain_tells_what_it_knows_where_the_ats_cannot_be_asked(ready: Any, monkeypatch: Any) -> None:
    (id,) = ready.request_moves(1)
    assert ready.run("sync", "--push").code == 0
    monkeypatch.setenv("LEVER_API_KEY", "canary-wrong-key")
    told = ready.run("explain", id, "--ask", "--json")
    assert told.code == 5 and told.json["now"]["error"].startswith("Unauthorized") and told.json["updates"]
    spoken = ready.run("explain", id, "--ask")
    assert spoken.code == 5 and "APPLIED" in spoken.out and "could not be asked" in spoken.out
    monkeypatch.setattr("atsbridge.sync.context.Context.read_application", away_for_now)
    assert ready.run("explain", id, "--ask").code == 4


def away_for_now(*_: object, **__: object) -> Any:
    """A flow of which nothing comes."""
    raise Unavailable("no connection", vendor="lever")
    yield


@pytest.mark.parametrize("line", ["sync", "sync --full"])
def test_what_was_pushed_is_shown_where_the_pull_after_it_fails(
    ready: Any, monkeypatch: Any, line: str
) -> None:
    monkeypatch.setattr("atsbridge.bridge.pull", away_for_now)
    (id,) = ready.request_moves(1)
    told = ready.run(*line.split(), "--json")
    assert told.code == told.json["error"]["exit_code"] == 4
    assert [(r["application"], r["result"]) for r in told.json["push"]["receipts"]] == [(id, "applied")]
    (other,) = set(ready.request_moves(2)) - {id}
    spoken = ready.run(*line.split())
    assert spoken.code == 4 and "APPLIED" in spoken.out and other in spoken.out
    assert "no connection" in spoken.err


@pytest.mark.parametrize("line", ["sync --sweep", "sync --full --sweep", "sync --pull --sweep"])
def test_what_was_done_is_shown_where_the_sweep_after_it_fails(
    ready: Any, monkeypatch: Any, line: str
) -> None:
    monkeypatch.setattr("atsbridge.bridge.sweep", away_for_now)
    ids = ready.request_moves(1)
    told = ready.run(*line.split(), "--json")
    assert told.code == told.json["error"]["exit_code"] == 4
    if "--pull" in line:
        assert set(told.json) == {"pull", "error"}
    else:
        assert set(told.json) == {"push", "pull", "error"}
        assert [r["application"] for r in told.json["push"]["receipts"]] == ids
    assert told.json["pull"]["pages"]
    spoken = ready.run(*line.split())
    assert spoken.code == 4 and "Pull" in spoken.out and "no connection" in spoken.err
    assert ("Push" in spoken.out) == ("--pull" not in line)


def test_an_ats_that_is_away_is_for_later(ready: Any, monkeypatch: Any) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable("no connection", vendor="lever")

    monkeypatch.setattr("atsbridge.bridge.Bridge.pull", away)
    ended = ready.run("sync", "--pull", "--json")
    assert ended.code == 4
    assert ended.json["error"]["exit_code"] == 4
    assert ended.json["error"]["advice"]


@pytest.mark.parametrize("line", ["plan", "sync --push"])
def test_writes_that_wait_for_the_ats_are_for_later_and_say_so(
    ready: Any, monkeypatch: Any, line: str
) -> None:
    assert ready.run("sync", "--push").code == 0  # the stages are read, and known for a while
    ready.request_moves(1)
    monkeypatch.setattr(RetryBudget, "wait_seconds", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    ended = ready._command(*line.split(), "--simulator", url)
    assert ended.code == 4
    assert " sent: the ATS could not be read: NoAnswer: no connection could be opened" in ended.out
    assert url in ended.out


@pytest.mark.campaign
def test_a_closed_port_is_for_later(ready: Any) -> None:
    """Some 20 s: reads are tried again first."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ended = ready._command("sync", "--pull", "--simulator", f"http://127.0.0.1:{port}", "--json")
    assert ended.code == 4


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.1:80", "https://api.lever.co", "127.0.0.1"]
)
def test_a_simulator_is_on_loopback_alone(ready: Any, url: str) -> None:
    ended = ready._command("sync", "--pull", "--simulator", url)
    assert ended.code == 2
    assert "127.0.0.1" in ended.err


def test_a_bad_mapping_is_refused_with_every_fault(ready: Any) -> None:
    file = ready.folder / "mapping.toml"
    file.write_text(file.read_text().replace("[rules]", "[rules]\nforwards = true\nbackwards = 1"))
    served = len(ready.server.requests)
    ended = ready.run("sync")
    assert ended.code == 2
    assert "forwards" in ended.err and "backwards" in ended.err
    assert len(ready.server.requests) == served


def test_no_connection_file(tmp_path: Path, command: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("check", "sync", "plan", "verify", "repair", "status", "pause", "resume"):
        ended = command(verb)
        assert ended.code == 2
        assert "atsbridge init" in ended.err


@pytest.mark.parametrize("line", ["sync", "status", "check", "plan"])
def test_a_changed_name_is_refused_before_anything_is_read(ready: Any, line: str) -> None:
    file = ready.folder / "atsbridge.toml"
    file.write_text(file.read_text().replace('name = "acme"', 'name = "acme2"'))
    served = len(ready.server.requests)
    ended = ready.run(line, "--json")
    assert ended.code == 2
    assert "acme2" in ended.json["error"]["message"] and "shared = true" in ended.json["error"]["advice"]
    assert len(ready.server.requests) == served and ready.count() == 120


@pytest.mark.parametrize(
    "line",
    ["init", "init nobody", "vendors show nobody", "vendors approve", "vendors nothing", "check", "sync",
     "worker", "plan", "plan --all", "verify", "repair", "explain x", "status", "pause", "resume",
     "simulate nobody", "new-adapter 9", "demo --vendor nobody", "nothing", "sync --push --full"],
)  # fmt: skip
def test_every_verb_says_in_json_what_is_wrong(
    tmp_path: Path, command: Any, monkeypatch: Any, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = command(*line.split(), "--json")
    assert ended.code == ended.json["error"]["exit_code"] == 2
    assert ended.json["error"]["message"] and ended.err == ""


def test_no_mapping(link: Any) -> None:
    (link.folder / "mapping.toml").unlink()
    ended = link.run("sync", "--json")
    assert ended.code == 2
    assert "atsbridge init" in ended.json["error"]["advice"]


@pytest.mark.parametrize(
    "line", ["", "nonsense", "sync --nonsense", "explain", "simulate lever --limits fast"]
)
def test_usage_errors_are_exit_2(command: Any, line: str) -> None:
    ended = command(*line.split())
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "Usage" in ended.out + ended.err or "--limits" in ended.err


@pytest.mark.parametrize("word, meant", [("push", "sync --push"), ("pull", "sync --pull"), ("chek", "check")])
def test_a_near_verb_is_named(command: Any, word: str, meant: str) -> None:
    assert f"Did you mean {meant}?" in command(word).err


def test_usage_errors_as_json(command: Any) -> None:
    ended = command("sync", "--nonsense", "--json")
    assert ended.code == 2
    assert ended.json["error"]["kind"]


def test_an_unforeseen_error_shows_no_text(ready: Any, monkeypatch: Any) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("canary-person@example.com")

    monkeypatch.setattr("atsbridge.bridge.Bridge.status", fail)
    ended = ready.run("status")
    assert ended.code == 70
    assert "RuntimeError" in ended.err
    assert "canary" not in ended.out + ended.err


def test_an_interrupt_says_that_one_may_go_on(ready: Any, monkeypatch: Any) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("atsbridge.bridge.Bridge.pull", interrupted)
    ended = ready.run("sync", "--pull", "--json")
    assert ended.code == 130
    assert "goes on from there" in ended.json["error"]["message"]


def test_a_change_in_doubt_is_exit_1(ready: Any, monkeypatch: Any) -> None:
    from atsbridge.bridge import Bridge
    from atsbridge.model import Kind, Receipt, Ref, Result
    from atsbridge.sync.outbound import PushReport

    doubtful = Receipt(event_id="e", application=Ref("acme", Kind.APPLICATION, "a"), result=Result.REVIEW)
    monkeypatch.setattr(Bridge, "push", lambda self: PushReport(receipts=[doubtful]))
    assert ready.run("sync", "--push").code == 1


def test_help_has_every_exit_code(command: Any) -> None:
    from atsbridge.cli.exits import MEANINGS, Exit

    assert set(MEANINGS) == set(Exit)
    said = " ".join(command("--help").out.split())
    for code, meaning in MEANINGS.items():
        assert f"{code.value} {meaning}" in said


def test_every_verb_has_help(command: Any) -> None:
    from atsbridge.cli.app import VERBS

    for verb in VERBS:
        ended = command(verb, "--help")
        assert ended.code == 0
        assert "Usage" in ended.out
