"""What the verbs say to people: names in place of ids, and errors that say where and how to mend it."""

from __future__ import annotations

import errno
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from atsbridge.cli.names import Names
from atsbridge.cli.output import plural, show_table, time_text
from atsbridge.cli.reports import receipt_text
from atsbridge.cli.status import _how_ended
from atsbridge.errors import NoAnswer
from atsbridge.ledgers.sqlite import SqliteLedger
from atsbridge.model import ApplicationStatus, State
from atsbridge.sync.ledger import Update, Where
from atsbridge.sync.reality import Reality
from atsbridge.sync.verify import _words
from atsbridge.wire.retry import RetryBudget


@pytest.fixture
def ready(link: Any) -> Any:
    """With its write mode on, the surface approved and everything pulled."""
    link.write_on()
    assert link.run("vendors", "approve", "--yes").code == 0
    assert link.run("sync", "--pull").code == 0
    return link


def lines(text: str) -> dict[str, str]:
    """Each line of two columns by its first; the last of a name counts."""
    rows = [line.strip().split("  ", 1) for line in text.splitlines() if "  " in line.strip()]
    return {first: second.strip() for first, second in rows}


# -- tables and numbers --


def test_an_id_is_never_folded(capsys: Any) -> None:
    long, prose = "0b3510b0-b46e-41da-b170-17a6205738d1", "word " * 60
    show_table(("id", "twice", "why"), [(long, long, prose)])
    first = capsys.readouterr().out.splitlines()[1]
    assert first.split()[:2] == [long, long]


def test_what_is_counted_has_its_number() -> None:
    assert [plural(n, "write") for n in (0, 1, 2)] == ["0 writes", "1 write", "2 writes"]
    assert (time_text(None), time_text(0.0)) == ("", "1970-01-01 00:00:00 UTC")


@pytest.mark.parametrize(
    ("receipt", "text"),
    [
        ({}, ""),
        ({"why": "scope"}, "scope"),
        ({"before": ("a", None), "after": ("b", None)}, "active in Applied -> active in b"),
        ({"before": ("a", "r"), "after": ("a", "r")}, "active in Applied (Timing)"),
        ({"before": (None, None), "why": "late"}, "active in no stage; late"),
        ({"after": ("a", None), "overwritten": ["a", "b"]}, "active in Applied; over a, b"),
    ],
)
def test_a_receipt_in_words(receipt: dict[str, Any], text: str) -> None:
    def state(pair: Any) -> Any:
        return pair and {"stage": pair[0], "status": "active", "reason": pair[1]}

    whole = {"before": None, "after": None, "why": "", "overwritten": [], **receipt}
    whole = {**whole, "before": state(whole["before"]), "after": state(whole["after"])}
    assert receipt_text(whole, Names(stages={"a": "Applied"}, reasons={"r": "Timing"})) == text


# -- verbs --


def test_plan_and_sync_name_the_stages(ready: Any) -> None:
    (moved,) = ready.request_moves(1)
    ids = {s for s in ready.simulator.stages_for(moved) if "-" in s and len(s) == 36}
    for verb in ("plan", "sync"):
        said = ready.run(verb).out
        (row,) = [line for line in said.splitlines() if "APPLIED" in line]
        assert moved in row and " -> active in " in row
        assert not any(id in said for id in ids)


def test_explain_is_for_people_and_json_is_whole(ready: Any) -> None:
    (moved,) = ready.request_moves(1)
    with ready.crm() as crm:
        wanted = next(a.step for a in crm.applications() if a.ref.id == moved)
    assert "NONE YET" not in ready.run("explain", moved).out
    assert ready.run("pause").code == ready.run("sync").code == 0
    waits = lines(ready.run("explain", moved).out)
    assert (waits["result"], waits["where it stands"]) == ("NONE YET", "pending")
    assert waits["held back"] == "paused"
    assert ready.run("resume").code == ready.run("sync").code == 0
    said = lines(ready.run("explain", moved, "--ask").out)
    assert (said["step"], said["result"], said["told the CRM"]) == (wanted, "APPLIED", "yes")
    assert said["confirmed"] == said["state"] == f"active in {wanted}"
    assert said["outcome"] == "accepted, answer 200"
    assert said["read"].endswith("UTC")
    whole = ready.run("explain", moved, "--json").json
    assert json.loads(whole["updates"][0]["receipt"])["result"] == "applied"
    assert isinstance(whole["known"]["read_at"], float)


def test_explain_says_what_is_not_known(ready: Any) -> None:
    ended = ready.run("explain", "nobody")
    assert ended.code == 1
    assert "nothing is known of it" in ended.out
    gone = ready.run("explain", "0b3510b0-b46e-41da-b170-17a6205738d1", "--ask").out
    assert "knows no application of this id" in gone and "deleted" not in gone
    job = next(t.job for t in ready.simulator.truth().values() if t.job)
    assert "the id of a job" in ready.run("explain", job).out


def test_explain_says_why_what_the_ats_shows_was_not_brought(ready: Any) -> None:
    new = ready.simulator.apply(name="Ana Prata", email="ana@example.com")
    ended = ready.run("explain", new, "--ask")
    assert ended.code == 1 and "no pull has brought it" in ended.out and "confidential" in ended.out
    assert "How it was mapped" in ended.out


def test_explain_takes_the_address_of_the_page(ready: Any) -> None:
    (moved,) = ready.request_moves(1)
    ended = ready.run("explain", f"https://hire.lever.co/candidates/{moved}?stage=x#profile")
    assert ended.code == 0 and f"Application {moved}" in ended.out


def test_verify_sums_up_what_is_unmapped_by_the_stages_name(ready: Any) -> None:
    file = ready.folder / "mapping.toml"
    text = file.read_text()
    begin = text.index('[steps."Offer"]')
    file.write_text(text[:begin] + text[text.index("\n[", begin + 1) :])
    assert ready.run("sync", "--pull").code == 0
    offers = sum(t.stage == "offer" and t.status == "active" for t in ready.simulator.truth().values())
    assert f"{offers} in Offer, active" in " ".join(ready.run("verify").out.split())


def test_status_says_how_the_last_run_ended(link: Any, monkeypatch: Any) -> None:
    assert lines(link.run("status").out)["last run"] == "none"
    monkeypatch.setenv("LEVER_API_KEY", "wrong")
    assert link.run("sync", "--pull").code == 5
    failed = lines(link.run("status").out)["last run"]
    assert failed.startswith("pull, ") and "failed: Unauthorized" in failed
    monkeypatch.setenv("LEVER_API_KEY", link.simulator.credentials["api_key"])
    assert link.run("sync", "--pull").code == 0
    said = lines(link.run("status").out)
    assert said["last run"].endswith("ended well")
    assert "120 applications" in said["records"]


def test_verify_says_of_a_prospect_that_it_stands_in_no_stage() -> None:
    assert _words(State(None, ApplicationStatus.ACTIVE), Reality.of([])) == "no stage, active"


def test_check_says_how_to_approve(link: Any) -> None:
    assert "NO   `atsbridge vendors approve`" in link.run("check").out
    assert link.run("vendors", "approve", "--yes").code == 0
    assert "vendors approve" not in link.run("check").out


def test_status_says_that_a_run_did_not_send_all(ready: Any, monkeypatch: Any) -> None:
    assert ready.run("sync", "--push").code == 0  # the stages are read, and known for a while
    ready.request_moves(1)
    monkeypatch.setattr(RetryBudget, "wait_seconds", lambda *_: None)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert ready._command("sync", "--push", "--simulator", f"http://127.0.0.1:{port}").code == 4
    said = lines(ready.run("status").out)["last run"]
    assert "not all was sent: the ATS could not be read: NoAnswer" in said
    assert ready.run("sync", "--push").code == 0
    assert lines(ready.run("status").out)["last run"].endswith("ended well")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "ended well"),
        ({"taken": 3, "results": {"applied": 3}}, "ended well"),
        ({"error": "Unavailable: away"}, "failed: Unavailable: away"),
        ({"push": {"unavailable": True, "held_back": ""}}, "not all was sent: the ATS could not be asked"),
        ({"stopped": True, "held_back": "stopped: no"}, "not all was sent: stopped: no"),
        ({"push": {"unapproved": True, "held_back": "not approved"}}, "not all was sent: not approved"),
        ({"results": {"review": 1, "applied": 2}}, "ended, 1 change for a person"),
        ({"push": {"results": {"review": 1, "dead": 1}}}, "ended, 2 changes for a person"),
        ({"counts": {"fault": 2, "pending": 1}}, "ended, 2 unexplained"),
        ({"counts": {"pending": 1}}, "ended well"),
    ],
)
def test_how_a_run_ended(told: dict[str, Any], said: str) -> None:
    assert _how_ended(told) == said


def test_what_needs_no_mapping_goes_without_one(link: Any) -> None:
    file = link.folder / "mapping.toml"
    text = file.read_text()
    file.unlink()
    assert link.run("status", "--json").json["mapping"] is None
    told = link.run("status")
    assert told.code == 0 and "no mapping yet" in told.out and "atsbridge init" in told.out
    file.write_text("this is = = no mapping")
    assert link.run("pause", "--why", "broken").code == 0
    file.write_text(text)
    assert link.run("status", "--json").json["paused"] == "broken"
    file.unlink()
    assert link.run("resume").code == 0
    file.write_text(text)
    told = link.run("status", "--json").json
    assert told["paused"] is None and told["mapping"] == str(file.resolve())


def test_every_id_that_status_shows_is_explained(ready: Any) -> None:
    (moved,) = ready.request_moves(1)
    assert ready.run("sync", "--push").code == 0
    whole = ready.run("explain", moved, "--json").json
    (change,), (intent,) = whole["updates"], whole["intents"]
    ledger = SqliteLedger(ready.folder / "atsbridge-ledger.sqlite")
    with ledger.transaction() as txn:
        txn.put([evolve(row, result="review") for row in txn.find(Update, Where())])
    ledger.close()
    told = ready.run("status", "--json").json["review"]
    assert told == [change["event_id"]]
    for id in (*told, intent["intent_id"]):
        ended = ready.run("explain", id)
        assert ended.code == 0 and f"Application {moved}" in ended.out
    said = ready.run("status").out
    assert lines(said)["for a person"] == told[0] and "atsbridge explain" in said


def test_explain_has_the_crms_own_words(ready: Any) -> None:
    file = ready.folder / "mapping.toml"
    file.write_text(file.read_text().replace('[steps."Offer"]', '[steps."We made an offer"]'))
    assert ready.run("sync", "--pull").code == 0
    truth = ready.simulator.truth()
    (offered, *_) = [id for id, now in truth.items() if now.stage == "offer" and now.status == "active"]
    said = lines(ready.run("explain", offered).out)
    assert said["in its words"] == "We made an offer, Active"
    assert ready.run("explain", offered, "--json").json["crm"]["words"]["step"] == "We made an offer"


def test_a_comparison_says_how_much_of_it_is_shown(ready: Any) -> None:
    new = ready.folder / "new.toml"
    new.write_text((ready.folder / "mapping.toml").read_text().replace('"Active"', '"Going on"'))
    line = ("plan", "--mapping", str(new))
    found = ready.run(*line, "--json").json
    assert len(found["records"]) == found["changed"] > 20
    few, whole = ready.run(*line).out, ready.run(*line, "--all").out
    assert f"20 of {found['changed']} shown" in few and " shown" not in whole
    ids = [record["application"] for record in found["records"]]
    assert [sum(id in said for id in ids) for said in (few, whole)] == [20, len(ids)]
    assert ready.run("plan", "--all").code == 2


def test_check_says_whom_it_asked_and_what_it_did_not_compare(link: Any, monkeypatch: Any) -> None:
    fine = link.run("check").out
    assert link.server.url in fine
    assert "not compared" not in fine
    monkeypatch.setenv("LEVER_API_KEY", "wrong")
    ended = link.run("check")
    assert ended.code == 1
    assert ended.out.count("MISSING") == 1
    assert "not compared" in ended.out and "nothing to mention" not in ended.out


@pytest.mark.parametrize("line", ["verify", "repair", "plan --mapping mapping.toml"])
def test_what_compares_wants_a_pull_first(link: Any, line: str) -> None:
    ended = link.run(*line.split())
    assert ended.code == 2
    assert "nothing was read" in ended.err and "sync --pull" in ended.err
    assert link.run("sync", "--pull").code == 0
    assert link.run(*line.split()).code == 0


# -- what goes wrong --


def test_a_fault_of_a_mapping_names_its_file(ready: Any) -> None:
    file = ready.folder / "mapping.toml"
    new = ready.folder / "new.toml"
    for text in ("x = = 1", '[steps."Nowhere"]\nstages = ["Nowhere"]'):
        new.write_text(f"{file.read_text()}\n{text}\n")
        compared = ready.run("plan", "--mapping", str(new))
        assert compared.code == 2
        assert str(new) in compared.err
    file.write_text(new.read_text())
    ended = ready.run("sync")
    assert ended.code == 2
    assert str(file) in ended.err


def test_no_answer_names_who_was_asked(link: Any, monkeypatch: Any) -> None:
    def silent(*_: object) -> None:
        raise NoAnswer("no connection could be opened", sent=False)

    monkeypatch.setattr("atsbridge.bridge.Bridge.sync", silent)
    assert link.server.url in link.run("sync").err
    assert "https://api.lever.co" in link._command("sync").err


def test_a_ledger_that_cannot_be_used_is_for_a_person(ready: Any) -> None:
    ledger = ready.folder / "atsbridge-ledger.sqlite"
    for file in ready.folder.glob("atsbridge-ledger.sqlite*"):
        file.unlink()
    ledger.write_text("no ledger, but text that is long enough to be looked at")
    ended = ready.run("status")
    assert ended.code == 5
    assert str(ledger) in ended.err and "look whether" in ended.err


def test_an_approval_that_cannot_be_written_names_the_file(link: Any, monkeypatch: Any) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "a name of no use")

    monkeypatch.setattr("atsbridge.cli.approval.NamedTemporaryFile", full)
    ended = link.run("vendors", "approve", "--yes")
    assert ended.code == 5
    assert "No space left on device: atsbridge.toml" in ended.err


def test_nobody_there_to_approve(link: Any, monkeypatch: Any) -> None:
    def end_of_file(*_: object, **__: object) -> str:
        raise EOFError

    monkeypatch.setattr("click.termui.visible_prompt_func", end_of_file)
    ended = link.run("vendors", "approve")
    assert ended.code == 2
    assert "--yes" in ended.err


def test_a_port_in_use(command: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command("simulate", "lever", "--applications", "1", "--port", str(port))
    assert ended.code == 2
    assert str(port) in ended.err and "--port" in ended.err


def test_tls_without_its_extra(command: Any, monkeypatch: Any) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError("TLS needs the extra `serve`")

    monkeypatch.setattr("atsbridge.cli.simulate.serve", absent)
    ended = command("simulate", "lever", "--applications", "1", "--tls")
    assert ended.code == 2
    assert "the extra `serve`" in ended.err


@pytest.mark.parametrize("words", [("simulate", "lever"), ("demo", "--vendor", "lever")])
def test_a_simulator_without_its_extra(command: Any, monkeypatch: Any, words: tuple[str, ...]) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ImportError("this simulator needs the extra `saml`")

    monkeypatch.setattr("atsbridge.simulators.lever.LeverSimulator.generate", absent)
    ended = command(*words)
    assert ended.code == 2 and "the extra `saml`" in ended.err


def test_a_verb_with_a_typing_error(command: Any) -> None:
    assert "Did you mean sync?" in command("syn").err
    assert "Did you mean" not in command("frobnicate").err


def test_a_group_alone_shows_its_help_once(command: Any) -> None:
    for line in ((), ("vendors",)):
        ended = command(*line)
        assert ended.code == 2
        assert ended.err.count("Usage") == 1 and "Commands:" in ended.err


def test_no_connection_file_is_said_plainly(tmp_path: Path, command: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no connection file atsbridge.toml" in command("status").err


@pytest.mark.parametrize("address", ["127.0.0.1:8001", "http://example.com:8001", "8001"])
def test_a_simulator_that_is_none_is_named_by_its_option(link: Any, command: Any, address: str) -> None:
    ended = command("check", "--simulator", address)
    assert ended.code == 2
    assert "--simulator" in ended.err and "atsbridge simulate" in ended.err
