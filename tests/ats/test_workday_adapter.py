"""The Workday adapter: readers, plans, answers, and the traps of its web services seen through a bridge."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from atsbridge.ats.interface import Finding, Fresh, Gone, Proof, Unplannable
from atsbridge.ats.workday import VENDOR, Workday, read_candidate, read_job
from atsbridge.errors import (
    BadPayload,
    BadRecord,
    ConfigurationError,
    Forbidden,
    GuardError,
    NotFound,
    Refused,
    TooManyGone,
    Unauthorized,
    Unavailable,
)
from atsbridge.model import (
    Action,
    ApplicationStatus,
    EmploymentType,
    Intent,
    JobStatus,
    Kind,
    LinkType,
    Receipt,
    Ref,
    Result,
    StageKind,
    State,
    TombstoneKind,
)
from atsbridge.simulators.interface import SimRequest, SimResponse
from atsbridge.simulators.workday import WorkdaySimulator
from atsbridge.sync.reality import Reality
from atsbridge.testing import Account
from atsbridge.testing.contract.access import Access
from atsbridge.testing.contract.reading import Reading
from atsbridge.testing.contract.resuming import Resuming
from atsbridge.testing.contract.secrets import Secrecy
from atsbridge.testing.contract.subject import reason_for
from atsbridge.testing.contract.writing import Writing
from atsbridge.wire.answers import judge
from atsbridge.wire.effects import Purpose, Request, Response
from atsbridge.wire.guard import Guard
from atsbridge.wire.xml import as_data, read_xml

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PERSON, OWN, JOB = "a" * 32, "b" * 32, "c" * 32
ACTIVE, REJECTED, WITHDRAWN = (
    ApplicationStatus.ACTIVE,
    ApplicationStatus.REJECTED,
    ApplicationStatus.WITHDRAWN,
)


def opened(**switches: Any) -> Account:
    account = Account.open("workday", applications=30, **switches)
    _ = account.bridge.pull()
    return account


def without_table(account: Account, **more: Any) -> Account:
    """The same account, whose customer has named no step and no disposition."""
    bare = evolve(account.ats, steps=(), dispositions=(), organisations={}, **more)
    return Account.of(account.simulator, lambda _sim: bare)


def movable(account: Account) -> str:
    sim = account.simulator
    assert isinstance(sim, WorkdaySimulator)
    truth = sim.truth()
    return next(
        id
        for id in sorted(truth)
        if truth[id].status == "active"
        and len(sim.stages_for(id)) > 1
        and not sim.account.requisitions[truth[id].job or ""]["evergreen"]
    )


def pushed(account: Account, event: str) -> Receipt:
    for _ in range(12):
        report = account.bridge.push()
        found = [r for r in report.receipts if r.event_id == event]
        if found:
            return found[0]
        account.time.sleep(30)
    raise AssertionError("it never came to an end")


def findings(account: Account) -> dict[str, Finding]:
    return {f.what: f for f in account.bridge.check().access}


def operations(account: Account, since: int = 0) -> list[str]:
    """What was asked for, by the root of each body; ``report`` for the report."""
    bodies = [request.body for request, _ in account.driver.requests[since:]]
    roots = [re.search(rb":(\w+?)(?:_Request)?[ />]", body.partition(b"Body>")[2]) for body in bodies]
    return [root[1].decode() if root else "report" for root in roots]


# -- answers --


def fault(code: str, text: str) -> Response:
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
        f"<faultcode>SOAP-ENV:{code}</faultcode><faultstring>{text}</faultstring></e:Fault></e:Body></e:Envelope>"
    )
    return Response(status=500, headers={"content-type": "text/xml"}, body=body.encode(), sent_at=NOW)


UNKNOWN = "is not a valid ID value for type"


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        ("Client.authenticationError", "invalid username or password", Unauthorized),
        (
            "Server.processingError",
            "Processing error occurred. The task submitted is not authorized.",
            Forbidden,
        ),
        # A connector pairs the same words with the bare code.
        ("Client", "The task submitted is not authorized.", Forbidden),
        ("Client", "The web service or version is invalid for the requested operation", Refused),
        (
            "Client.validationError",
            f"Validation error occurred. Invalid ID value.  'R-9' {UNKNOWN} = 'X'",
            NotFound,
        ),
        (
            "Client.validationError",
            f"Validation error occurred. Invalid ID value.\n'R-9' {UNKNOWN} X",
            NotFound,
        ),
        ("Client.validationError", "Validation error occurred. Something else", Refused),
        ("Server.processingError", "Processing error occurred. Try later.", Unavailable),
    ],
)
def test_a_fault_is_told_by_its_text_and_then_by_its_code(
    code: str, text: str, meaning: type[Exception]
) -> None:
    asked = Request(operation="Get_Candidates", method="POST", url="/Recruiting/v40.0")
    with pytest.raises(meaning) as seen:
        judge(asked, fault(code, text), vendor="workday", rules=VENDOR.answers, complaints=VENDOR.complaints)
    assert type(seen.value) is meaning
    assert "R-9" not in str(seen.value)


@pytest.mark.parametrize("body", [b"", b"<html>Fault</html>", b"<Fault>", b"Fault"])
def test_a_500_without_a_fault_says_nothing_of_what_was_done(body: bytes) -> None:
    asked = Request(operation="move", method="POST", url="/Recruiting/v40.0", purpose=Purpose.WRITE)
    answer = Response(status=500, headers={}, body=body, sent_at=NOW)
    with pytest.raises(Unavailable):
        judge(asked, answer, vendor="workday", rules=VENDOR.answers, complaints=VENDOR.complaints)


def test_a_fault_with_200_is_no_answer() -> None:
    account = opened()
    told = fault("Client.validationError", "Validation error occurred. Something")
    account.driver.meddle = lambda *_: SimResponse(200, (("Content-Type", "text/xml"),), told.body)
    with pytest.raises(BadPayload):
        _ = account.bridge.pull()


def test_trap_4_a_wrong_password_is_tried_once_and_locks_nobody() -> None:
    account = opened(lock_after=3)
    wrong = account.restarted(ats=evolve(account.ats, password="wrong"))
    with pytest.raises(Unauthorized):
        _ = wrong.bridge.pull()
    assert len(wrong.driver.requests) == 1
    _ = account.bridge.pull()


def test_maintenance_is_waited_out() -> None:
    account = opened()
    assert isinstance(account.simulator, WorkdaySimulator)
    account.simulator.maintenance = True
    with pytest.raises(Unavailable):
        _ = account.bridge.pull()
    account.simulator.maintenance = False
    _ = account.bridge.pull()
    assert account.differences() == {}


# -- settings --


def made(**changes: Any) -> Workday:
    own = {"connection": "w", "service_host": "wd5-services1.myworkday.com", "tenant": "acme", "user": "isu"}
    return Workday(**{**own, "password": "secret", **changes})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "myworkday.com", "wd5.myworkday.com.evil.example", "a.b.c.myworkday.com",
        "wd5-services1.myworkday.com:8443", "user@wd5.myworkday.com", "wd5.evilworkday.com", "127.0.0.1",
        "wd5.myworkday.com/x", "wd5.myworkday.com#", "wd5..myworkday.com", "-a.myworkday.com",
    ],
)  # fmt: skip
def test_only_a_host_of_workday_is_taken(host: str) -> None:
    with pytest.raises(ConfigurationError):
        _ = made(service_host=host)


@pytest.mark.parametrize(
    "host",
    [
        "wd2-services1.myworkday.com", "services1.wd12.myworkday.com", "services1.wd501.myworkday.com",
        "wd5-impl-services1.workday.com", "impl-services1.wd12.myworkday.com",
    ],
)  # fmt: skip
def test_every_documented_host_is_taken(host: str) -> None:
    ats = made(service_host=host)
    assert Guard(vendor=VENDOR, base=ats.host, scheme=ats.auth()).slots == {
        "service_host": host,
        "tenant": "acme",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": "acme/other"}, {"version": "40"}, {"report": "a/b/c"}, {"report": "a b/c"},
        {"steps": [{"name": "Review"}]}, {"steps": [{"id": "A", "name": "B", "kind": "nonsense"}]},
        {"dispositions": [{"id": "A"}]},
    ],
)  # fmt: skip
def test_a_setting_that_is_none_is_said_so(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        _ = made(**wrong)


def test_the_tables_of_the_docs_page_can_be_read() -> None:
    page = (Path(__file__).parents[2] / "docs/vendors/workday.rst").read_text("utf-8")
    block = page.partition("connection file::")[2].partition("The ids are in")[0]
    settings = tomllib.loads(textwrap.dedent(block))["ats"]
    ats = made(**settings)
    assert [step.id for step in ats.steps] == ["STEP_C__ACTION_2"]
    assert [d.key for d in ats.dispositions] == ["NOT_QUALIFIED:STEP_C__ACTION_9"]
    assert ats.dispositions[0].status is REJECTED
    assert ats.organisations == {"Data_Platform_sup": "Engineering Job Application"}


def test_trap_14_the_tenant_is_part_of_the_user_name() -> None:
    for user in ("isu", "isu@acme"):
        scheme: Any = made(user=user).auth()
        assert scheme.user == "isu@acme"
    with pytest.raises(ConfigurationError):
        _ = made(password=None).auth()


# -- what is written --


def intent(action: Action, target: State) -> Intent:
    application = Ref("w", Kind.APPLICATION, f"{PERSON}:{OWN}")
    here = State("STEP_B__ACTION_1", ACTIVE)
    return Intent(intent_id="i", application=application, action=action, expected=here, target=target)


def body_of(request: Request) -> Any:
    return as_data(read_xml(request.content()[0]))["Body"][0]["Move_Candidate_Request"][0]


def test_trap_1_a_move_always_names_its_step_or_nothing_would_move() -> None:
    ats = made()
    move = intent(Action.MOVE, State("STEP_B__ACTION_2", ACTIVE))
    request = ats.write_status(move, None, None).request  # type: ignore[arg-type]
    body = body_of(request)
    assert list(body) == ["@version", "Dynamic_Business_Process_Parameters", "Move_Candidate_Data"]
    step = body["Dynamic_Business_Process_Parameters"][0]["Next_Step_Reference"][0]["ID"][0]
    assert step == {"@type": "Workflow_Step_ID", "#": "STEP_B__ACTION_2"}
    own = body["Move_Candidate_Data"][0]["Job_Application_Reference"][0]["ID"][0]
    assert own == {"@type": "WID", "#": OWN}
    with pytest.raises(GuardError):
        _ = ats.write_status(intent(Action.MOVE, State(None, ACTIVE)), None, None)  # type: ignore[arg-type]


def test_a_rejection_names_the_dispositions_own_step() -> None:
    end = State("STEP_B__ACTION_1", REJECTED, "NOT_QUALIFIED:STEP_B__DISPOSITION_1")
    request = made().write_status(intent(Action.REJECT, end), None, None).request  # type: ignore[arg-type]
    step = body_of(request)["Dynamic_Business_Process_Parameters"][0]["Disposition_Step_Reference"][0]["ID"][
        0
    ]
    assert step == {"@type": "Workflow_Step_ID", "#": "STEP_B__DISPOSITION_1"}


def test_a_wid_is_not_sent_as_the_id_of_a_step() -> None:
    move = intent(Action.MOVE, State("abcdabcdabcdabcdabcdabcdabcdabcd", ACTIVE))
    with pytest.raises(GuardError):
        _ = made().write_status(move, None, None)  # type: ignore[arg-type]


def test_reads_may_be_of_a_newer_version_and_writes_are_of_the_reviewed_one() -> None:
    account = opened()
    newer = account.restarted(ats=evolve(account.ats, version="v45.0"))
    id = movable(newer)
    event = newer.ask(id, stage=newer.simulator.stages_for(id)[0])
    assert pushed(newer, event).result is Result.APPLIED
    paths = {
        request.target.rpartition("/")[2] for request, _ in newer.driver.requests if request.method == "POST"
    }
    assert paths == {"v40.0", "v45.0"}


# -- plans --

STEPS = [
    {"id": "STEP_B__ACTION_1", "name": "Review", "process": "B"},
    {"id": "STEP_B__ACTION_2", "name": "Offer", "process": "B"},
    {"id": "STEP_E__ACTION_1", "name": "Review", "process": "E"},
]
ENDS = [
    {"id": "NOT", "step": "STEP_B__OUT", "name": "Not qualified", "process": "B"},
    {"id": "NOT", "step": "STEP_E__OUT", "name": "Not qualified", "process": "E"},
    {"id": "WENT", "step": "STEP_B__WENT", "name": "Withdrew", "process": "B", "status": "withdrawn"},
]
TABLED = {"steps": STEPS, "dispositions": ENDS}


def plan(here: State, there: State) -> list[tuple[Action, State]]:
    return [(p.action, p.target) for p in made(**TABLED).plan_writes(here, there, None)]  # type: ignore[arg-type]


def test_each_process_has_its_own_step_for_the_same_disposition() -> None:
    for step, way in (("STEP_B__ACTION_1", "NOT:STEP_B__OUT"), ("STEP_E__ACTION_1", "NOT:STEP_E__OUT")):
        here = State(step, ACTIVE)
        for asked in ("NOT:STEP_B__OUT", "NOT:STEP_E__OUT", "NOT"):
            assert plan(here, State(None, REJECTED, asked)) == [(Action.REJECT, State(step, REJECTED, way))]


def test_a_step_and_an_end_are_two_writes_and_the_end_keeps_the_step() -> None:
    here = State("STEP_B__ACTION_1", ACTIVE)
    there = State("STEP_B__ACTION_2", WITHDRAWN, "WENT:STEP_B__WENT")
    assert plan(here, there) == [
        (Action.MOVE, State("STEP_B__ACTION_2", ACTIVE)),
        (Action.WITHDRAW, there),
    ]


REVIEWED = State("STEP_B__ACTION_1", ACTIVE)


@pytest.mark.parametrize(
    ("here", "there", "why"),
    [
        (evolve(REVIEWED, status=REJECTED, reason="NOT:STEP_B__OUT"), REVIEWED, "takes an ended"),
        (REVIEWED, evolve(REVIEWED, status=ApplicationStatus.HIRED), "process of its own"),
        (REVIEWED, evolve(REVIEWED, status=REJECTED), "disposition step"),
        (REVIEWED, evolve(REVIEWED, status=REJECTED, reason="OTHER"), "disposition step"),
        (REVIEWED, State(None, ApplicationStatus.ON_HOLD), "no way"),
    ],
)
def test_what_no_service_does_is_said_so(here: State, there: State, why: str) -> None:
    with pytest.raises(Unplannable, match=why):
        _ = plan(here, there)


# -- writing, through a bridge --


def test_a_move_that_shows_late_is_waited_for_and_written_once() -> None:
    account = opened(visible_after_seconds=45)
    account = account.restarted(ats=evolve(account.ats, visible_within_seconds=60.0))
    id = movable(account)
    there = account.simulator.stages_for(id)[0]
    receipt = pushed(account, account.ask(id, stage=there))
    assert (receipt.result, len(account.simulator.accepted)) == (Result.APPLIED, 1)
    assert receipt.after is not None and receipt.after.stage == there
    account.time.sleep(120)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_trap_1_a_move_that_answers_well_and_never_shows_is_for_a_person() -> None:
    """A success is no proof: an approval may hold the step back."""
    account = opened(visible_after_seconds=10_000)
    account = account.restarted(ats=evolve(account.ats, visible_within_seconds=60.0))
    id = movable(account)
    receipt = pushed(account, account.ask(id, stage=account.simulator.stages_for(id)[0]))
    assert receipt.result is Result.REVIEW
    assert len(account.simulator.accepted) == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_a_move_that_got_no_answer_is_never_sent_again(arrives: bool) -> None:
    """A process that names its own step as next would move a second time."""
    account = opened(self_steps=True)
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[0])
    sent = 0

    def lose(asked: SimRequest, respond: Callable[[SimRequest], SimResponse], purpose: Purpose) -> Any:
        nonlocal sent
        if purpose is not Purpose.WRITE:
            return respond(asked)
        sent += 1
        _ = respond(asked) if arrives else None
        return None

    account.driver.meddle = lose
    receipt = pushed(account, event)
    assert (sent, len(account.simulator.accepted)) == (1, int(arrives))
    assert receipt.result is (Result.APPLIED if arrives else Result.REVIEW)


@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        ("the requisition has been closed", "Business Process must be in progress"),
        ("the process allows no other step", "next step or disposition chosen is invalid"),
    ],
)
def test_a_refusal_has_workdays_own_words(obstacle: str, words: str) -> None:
    account = opened()
    id = movable(account)
    event = account.ask(id, stage=account.simulator.stages_for(id)[0])
    account.simulator.obstacles()[obstacle](id)
    receipt = pushed(account, event)
    assert receipt.result is Result.REFUSED
    assert words.lower() in receipt.why.lower()


def test_a_step_that_the_tenant_has_no_more_is_refused_and_the_application_is_not_taken_for_gone() -> None:
    account = opened()
    sim: Any = account.simulator
    id = movable(account)
    there = sim.stages_for(id)[0]
    event = account.ask(id, stage=there)
    del sim.account.steps[there]
    for step in sim.account.steps.values():
        step.following = [other for other in step.following if other != there]
    receipt = pushed(account, event)
    assert (receipt.result, account.simulator.accepted) == (Result.REFUSED, [])
    assert "not a valid id value" in receipt.why.lower()
    assert not account.views()[id].deleted


def test_trap_2_a_step_of_another_process_is_not_even_tried() -> None:
    account = opened()
    id = movable(account)
    here = account.truth()[id].stage or ""
    other = "E" if here.startswith("STEP_B") else "B"
    plan = account.engine.plan(account.truth()[id].job)
    assert f"STEP_{other}__ACTION_1" not in plan.stages


def test_a_disposition_is_the_processes_own_whatever_the_recruiter_picked() -> None:
    account = opened()
    sim: Any = account.simulator
    truth = account.truth()
    for letter in ("B", "E"):
        id = next(
            id for id in sorted(truth)
            if truth[id].status == "active" and sim.stages_for(id) and (truth[id].stage or "")[5] == letter
        )  # fmt: skip
        receipt = pushed(
            account, account.ask(id, status="rejected", reason="NOT_QUALIFIED:STEP_B__DISPOSITION_1")
        )
        assert receipt.result is Result.APPLIED
        assert account.truth()[id].reason == f"NOT_QUALIFIED:STEP_{letter}__DISPOSITION_1"


# -- reading, through a bridge --


def test_trap_3_a_move_changes_no_date_and_is_found_by_reading_every_open_requisition() -> None:
    account = opened()
    id = movable(account)
    account.time.sleep(86_400)
    account.simulator.move(id, account.simulator.stages_for(id)[0])
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_what_moved_before_its_requisition_closed_is_seen() -> None:
    account = opened()
    sim: Any = account.simulator
    id = movable(account)
    account.time.sleep(3600)
    sim.move(id, sim.stages_for(id)[0])
    sim.close(account.truth()[id].job)
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_a_requisition_that_is_long_over_is_not_read_again() -> None:
    account = opened()
    sim: Any = account.simulator
    over = [r for r in sim.account.requisitions.values() if r["status"] in ("CLOSED", "FILLED")]
    for _ in range(3):
        account.time.sleep(3600)
        before = len(account.driver.requests)
        _ = account.bridge.pull()
    bodies = b"".join(request.body for request, _ in account.driver.requests[before:])
    assert over and not any(r["wid"].encode() in bodies for r in over)
    before = len(account.driver.requests)
    _ = account.bridge.pull(full=True)
    bodies = b"".join(request.body for request, _ in account.driver.requests[before:])
    assert all(r["wid"].encode() in bodies for r in over)


def test_trap_16_a_requisition_that_shows_no_more_does_not_stop_the_others() -> None:
    """Its id would be an invalid one, and fail the whole call."""
    account = opened()
    sim: Any = account.simulator
    id = movable(account)
    sim.make_confidential(account.truth()[id].job)
    other = next(
        o for o in account.truth() if account.truth()[o].job != account.truth()[id].job and sim.stages_for(o)
    )
    account.time.sleep(60)
    sim.move(other, sim.stages_for(other)[0])
    _ = account.bridge.pull()
    assert set(account.differences()) <= {
        o for o, t in account.truth().items() if t.job == account.truth()[id].job
    }


@pytest.mark.parametrize("by_wid", [True, False])
def test_applications_on_evergreen_requisitions_are_read(by_wid: bool) -> None:
    account = opened(evergreen_by_wid=by_wid)
    sim: Any = account.simulator
    evergreen = {wid for wid, r in sim.account.requisitions.items() if r["evergreen"]}
    held = {id for id, t in account.truth().items() if t.job in evergreen}
    assert held and held <= account.mirror().keys()
    assert account.differences() == {}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_trap_9_pages_of_one_moment_leave_nobody_out(size: int, whole: bool) -> None:
    """Somebody is deleted between two pages, and those behind move up."""
    account = Account.open("workday", applications=40, whole_candidate=whole)
    account = account.restarted(ats=evolve(account.ats, page_size=size))
    sim: Any = account.simulator
    pages = 0

    def between(asked: SimRequest, respond: Callable[[SimRequest], SimResponse], _purpose: Purpose) -> Any:
        nonlocal pages
        answer = respond(asked)
        if b"Get_Candidates_Request" in asked.body and b">2</" in asked.body and pages < 3:
            pages += 1
            first = next(
                id for id, t in sorted(sim.truth().items()) if t.job and t.job.encode() in asked.body
            )
            sim.delete(first)
        return answer

    account.driver.meddle = between
    _ = account.bridge.pull()
    account.driver.meddle = None
    assert pages
    missing = {id for id, (real, _) in account.differences().items() if real is not None}
    assert missing == set()


def test_a_single_page_needs_no_moment_and_several_have_one() -> None:
    account = opened()
    before = len(account.driver.requests)
    account.time.sleep(3600)
    _ = account.bridge.pull()
    # Of the processes and of the log of requisitions alone.
    assert operations(account, before).count("Server_Timestamp_Get") == 2
    small = account.restarted(ats=evolve(account.ats, page_size=1))
    _ = small.bridge.pull()
    asked = [request.body for request, _ in small.driver.requests if b"Get_Candidates" in request.body]
    later = [body for body in asked if not re.search(rb"Page>1<", body)]
    assert any(b"As_Of_Entry_DateTime" not in body for body in asked)
    assert later and all(b"As_Of_Entry_DateTime" in body for body in later)


@pytest.mark.parametrize("pages", [0, 1])
def test_figures_may_come_as_decimals(pages: int) -> None:
    account = opened(decimal_figures=True, pages_when_empty=pages)
    assert account.differences() == {}


@pytest.mark.parametrize("pages", [0, 1])
def test_an_empty_listing_is_empty_with_either_number_of_pages(pages: int) -> None:
    account = opened(pages_when_empty=pages)
    sim: Any = account.simulator
    id = movable(account)
    sim.delete(id)
    assert isinstance(account.fresh(id), Gone)


def test_the_range_of_the_log_ends_by_workdays_own_clock() -> None:
    """A clock of ours that is ahead would be a fault."""
    account = opened()
    account.time.wall_ahead = 3600.0
    sim: Any = account.simulator
    sim.close(account.truth()[movable(account)].job)
    _ = account.bridge.pull()
    assert account.differences() == {}


def test_a_change_that_is_logged_late_is_within_the_overlap() -> None:
    account = opened()
    sim: Any = account.simulator
    row = sim.account.requisitions[account.truth()[movable(account)].job]
    account.time.sleep(3600)
    _ = account.bridge.pull()
    row["title"] = "Renamed late"
    sim.account.keep_requisition(row, at=sim.clock() - 300)
    _ = account.bridge.pull()
    assert account.bridge.configuration().jobs[row["wid"]].title == "Renamed late"
    jobs = account.bridge.ledger.look(lambda txn: Reality.load(txn, "acme")).jobs
    assert jobs[row["wid"]].title == "Renamed late"


@pytest.mark.parametrize("spoiled", ["a candidate", "the data", "the number"])
def test_a_listing_that_is_not_whole_is_no_listing(spoiled: str) -> None:
    """What a figure counts and the page does not show must not be taken for gone."""
    account = opened()

    def spoil(asked: SimRequest, respond: Callable[[SimRequest], SimResponse], _purpose: Purpose) -> Any:
        answer = respond(asked)
        if b"Get_Candidates_Request" not in asked.body or answer.status != 200:
            return answer
        root = read_xml(answer.body)
        (data,) = [*root.iter("{urn:com.workday/bsvc}Response_Data")] or [None]
        if data is None:
            return answer
        if spoiled == "a candidate":
            data.remove(data[0])
        elif spoiled == "the data":
            root[0][0].remove(data)
        else:
            next(iter(root.iter("{urn:com.workday/bsvc}Page_Results"))).text = "many"
        return SimResponse(200, answer.headers, ElementTree.tostring(root))

    account.driver.meddle = spoil
    with pytest.raises(BadPayload):
        _ = account.bridge.pull(full=True)
    with pytest.raises(BadPayload):
        _ = account.fresh(movable(account))
    account.driver.meddle = None
    assert account.differences() == {}


# -- what nobody says --


def test_only_the_report_tells_of_a_hire() -> None:
    account = opened()
    id = movable(account)
    account.simulator.hire(id)
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.mirror()[id][1] == "hired"
    blind = without_table(account, report="")
    _ = blind.bridge.pull()
    assert blind.mirror()[id][1] == "active"
    hires = findings(blind)["see who was hired"]
    assert hires.proof is Proof.UNPROVEN and "report" in hires.ask


def test_an_application_that_the_report_leaves_out_is_unknown_and_not_active() -> None:
    account = opened()
    id = movable(account)

    def leave_out(asked: SimRequest, respond: Callable[[SimRequest], SimResponse], _purpose: Purpose) -> Any:
        answer = respond(asked)
        if asked.method != "GET":
            return answer
        rows = json.loads(answer.body)["Report_Entry"]
        left = [row for row in rows if row["Application_ID"] != id.partition(":")[2]]
        return SimResponse(200, answer.headers, json.dumps({"Report_Entry": left}).encode())

    account.driver.meddle = leave_out
    _ = account.bridge.pull()
    assert account.mirror()[id][1] == "unknown"


@pytest.mark.parametrize("column", ["Application_ID", "Hired"])
def test_an_application_whose_row_of_the_report_is_odd_is_set_aside_and_not_told_wrongly(column: str) -> None:
    account = opened()
    id, other = sorted(account.mirror())[:2]
    account.simulator.hire(id)
    account.time.sleep(60)

    def spoil(asked: SimRequest, respond: Callable[[SimRequest], SimResponse], _purpose: Purpose) -> Any:
        answer = respond(asked)
        if asked.method != "GET":
            return answer
        rows = json.loads(answer.body)["Report_Entry"]
        for row in rows:
            if row["Application_ID"] == id.partition(":")[2]:
                row[column] = {"odd": row[column]}
        return SimResponse(200, answer.headers, json.dumps({"Report_Entry": rows}).encode())

    account.driver.meddle = spoil
    before = account.mirror()
    report = account.bridge.pull()
    assert report.quarantined == 1
    # Of the odd one nothing is told, of the others all.
    assert account.mirror() == before
    account.driver.meddle = None
    _ = account.bridge.pull()
    assert account.mirror()[id][1] == "hired" and account.mirror()[other] == before[other]


def test_a_disposition_that_nobody_named_is_unknown_and_never_a_rejection() -> None:
    account = opened()
    listed = [d for d in account.ats.dispositions if d.id != "NOT_QUALIFIED"]  # type: ignore[attr-defined]
    sim: Any = account.simulator
    id = movable(account)
    sim.reject(id, "NOT_QUALIFIED:")
    fresh = evolve(account.ats, dispositions=listed)
    account = account.restarted(ats=fresh)
    read = account.driver.run(account.bridge.client.run(fresh.get_application(account.ref(id))))
    assert isinstance(read, Fresh)
    assert read.state.status is ApplicationStatus.UNKNOWN
    assert read.application.reason is not None and read.application.reason.id == "NOT_QUALIFIED"


def test_a_candidate_who_withdrew_altogether_has_withdrawn_applications() -> None:
    account = opened()
    sim: Any = account.simulator
    id = movable(account)
    sim.withdraw(id)
    account.time.sleep(60)
    _ = account.bridge.pull()
    assert account.mirror()[id][1] == "withdrawn"
    assert account.differences() == {}


def test_trap_6_a_permission_that_hides_names_silently_is_found_by_check() -> None:
    account = opened()
    assert findings(account)["read names and contact data"].proof is Proof.PROVED
    account.simulator.revoke("Candidate Data: Personal Information")
    found = findings(account)["read names and contact data"]
    assert found.proof is Proof.MISSING
    assert "Activate Pending Security Policy Changes" in found.ask
    # Whose name is hidden is not taken for purged, and keeps it; applications go on.
    crm = account.crm
    before = {view.ref.id: view.candidate_name for view in crm.applications()}
    id = next(iter(account.mirror()))
    account.simulator.withdraw(id)
    account.time.sleep(60)
    report = account.bridge.pull(full=True)
    assert report.quarantined and all(not view.deleted for view in crm.applications())
    assert {view.ref.id: view.candidate_name for view in crm.applications()} == before
    assert account.mirror()[id][1] == "withdrawn"
    assert account.differences() == {}
    account.simulator.grant("Candidate Data: Personal Information")
    account.simulator.activate_security_changes()
    _ = account.bridge.pull(full=True)
    assert account.bridge.status().quarantined == 0


def test_trap_6_who_alone_has_no_name_is_not_hidden() -> None:
    """Purged, in the shape that is UNCONFIRMED: others show theirs."""
    account = opened()
    id = next(iter(account.mirror()))
    person = account.crm.application(account.ref(id)).candidate

    def without(
        asked: SimRequest, respond: Callable[[SimRequest], SimResponse], _purpose: Purpose
    ) -> SimResponse:
        answer = respond(asked)
        body = re.sub(
            rb"(" + person.id.encode() + rb"(?:(?!</wd:Candidate>).)*?)<wd:Name_Data>.*?</wd:Name_Data>",
            rb"\1",
            answer.body,
            flags=re.DOTALL,
        )
        return evolve(answer, body=body)

    account.driver.meddle = without
    report = account.bridge.pull(full=True)
    assert report.quarantined == 0
    assert account.crm.candidate(person).name is None


def test_trap_7_a_constrained_group_deletes_nothing_and_a_sweep_asks_for_a_person() -> None:
    account = opened()
    before = account.mirror()
    account.simulator.api.only_organisation = f"{1:032x}"  # type: ignore[attr-defined]
    _ = account.bridge.pull(full=True)
    with pytest.raises(TooManyGone):
        _ = account.bridge.sweep()
    assert account.mirror().keys() == before.keys()


def test_trap_10_who_is_disposed_of_has_ended_whatever_stage_still_shows() -> None:
    account = opened()
    id = movable(account)
    event = account.ask(id, status="rejected", reason=reason_for(account, "rejected"))
    receipt = pushed(account, event)
    assert receipt.result is Result.APPLIED and account.truth()[id].status == "rejected"
    account.time.sleep(3600)
    _ = account.bridge.pull(full=True)
    assert account.mirror()[id] == (account.truth()[id].stage, "rejected")


def test_trap_12_in_parallel_stages_the_one_that_the_service_shows_is_read() -> None:
    account = opened()
    id = movable(account)
    account.simulator.also_at(id, account.simulator.stages_for(id)[0])  # type: ignore[attr-defined]
    _ = account.bridge.pull(full=True)
    assert account.differences() == {}


def test_trap_13_what_is_hidden_without_a_word_is_said_to_be_unproven() -> None:
    found = findings(opened())["see every requisition and every candidate"]
    assert found.proof is Proof.UNPROVEN
    assert "Unconstrained" in found.ask


@pytest.mark.parametrize(
    ("permission", "what"),
    [
        ("Job Requisition Data", "read requisitions"),
        ("Job Requisitions for Recruiting", "read requisitions"),
        ("Get_Candidates (Web Service)", "read candidates and applications"),
        ("Manage: Evergreen Requisitions", "read evergreen requisitions"),
        ("Report: shared with the user", "see who was hired"),
    ],
)
def test_trap_5_a_permission_taken_back_is_named(permission: str, what: str) -> None:
    account = opened()
    account.simulator.revoke(permission)
    found = findings(account)[what]
    assert found.proof is Proof.MISSING and found.ask
    if what == "read requisitions":
        assert permission in found.ask
    with pytest.raises((Forbidden, Unauthorized)):
        _ = account.bridge.pull(full=True)


def test_trap_8_what_a_user_with_too_many_permissions_sees_goes_no_further() -> None:
    account = Account.open("workday", applications=30)
    account = account.restarted(ats=evolve(account.ats, exclude_attachments=False))
    client = account.bridge.client
    stream = next(s for s in account.ats.streams() if s.name == "applications")
    seen = 0
    for job in {t.job for t in account.truth().values()}:
        page = account.driver.run(client.run(stream.page(stream.start(None, job))))
        for item in page.items:
            seen += 1
            for word in (b"Date_of_Birth", b"1990-01-01", b"File_Content", b"Do_Not_Hire"):
                assert word not in item.raw.content
    answers = b"".join(request.body for request, _ in account.driver.requests)
    assert seen and b"Exclude_All_Attachments" not in answers


# -- without a table --


@pytest.mark.parametrize("report", ["lmcneil/Job_Application_Status", ""])
def test_steps_are_learned_where_the_customer_has_named_none(report: str) -> None:
    account = opened()
    bare = without_table(account, report=report)
    _ = bare.bridge.pull()
    stood_in = {t.stage for t in bare.truth().values()}
    assert stood_in <= set(bare.bridge.configuration().stages)
    told = [(id, real, held) for id, (real, held) in bare.differences().items()]
    # What the report tells of a hire, and the customer of a withdrawal, is missing; all else is there.
    assert all(real and held and real[0] == held[0] for _, real, held in told)
    pairs = {(real[1], held[1]) for _, real, held in told if real and held}
    assert pairs <= {("withdrawn", "rejected")} | (set() if report else {("hired", "active")})
    id = movable(bare)
    plan = bare.engine.plan(None)
    there = next(s for s in bare.simulator.stages_for(id) if s in plan.steps)
    words = {plan.steps[there]}
    if plan.writes.get(next(iter(words))) == there:
        assert pushed(bare, bare.ask(id, stage=there)).result is Result.APPLIED


def test_without_a_table_nothing_can_be_ended() -> None:
    bare = made()
    with pytest.raises(Unplannable, match="disposition step"):
        _ = bare.plan_writes(State("S", ACTIVE), State("S", REJECTED, "NOT_QUALIFIED"), None)  # type: ignore[arg-type]


# -- by bearer token --


class TestByToken(Resuming, Access, Secrecy):
    """Those parts of the contract that are about credentials, where an API client signs."""

    vendor = "workday"

    def open(self, *, applications: int | None = None, seed: int = 1, **switches: Any) -> Account:
        return super().open(applications=applications, seed=seed, oauth=True, **switches)


# -- whatever is not confirmed --


class TestWhereMovesShowLate(Reading, Writing):
    """The same accounts where a move by web service shows after 20 seconds."""

    vendor = "workday"

    def open(self, *, applications: int | None = None, seed: int = 1, **switches: Any) -> Account:
        return super().open(applications=applications, seed=seed, visible_after_seconds=20.0, **switches)


class TestTheOtherWayRound(Reading, Writing):
    """The same accounts where every other open question has its other answer."""

    vendor = "workday"

    def open(self, *, applications: int | None = None, seed: int = 1, **switches: Any) -> Account:
        answers = {
            "self_steps": True, "purge_hides": True, "pages_when_empty": 1, "decimal_figures": True,
            "whole_candidate": False, "evergreen_by_wid": False,
        }  # fmt: skip
        return super().open(applications=applications, seed=seed, **answers, **switches)


# -- readers --


def data_of(**candidate: Any) -> dict[str, Any]:
    reference = {"ID": [{"@type": "WID", "#": PERSON}]}
    return {"candidate": {"Candidate_Reference": reference, "Withdrawn": "0", **candidate}, "hired": None}


def test_trap_11_a_name_is_read_flat_and_nested() -> None:
    flat = {"First_Name": ["Amara"], "Last_Name": ["Osei"]}
    for shape in (flat, {"Legal_Name": [{"Name_Detail_Data": [flat]}]}):
        person = read_candidate("w", NOW, data_of(Name_Data=[shape]))
        assert (person.given_name, person.family_name, person.display_name) == ("Amara", "Osei", "Amara Osei")


def test_a_name_that_is_no_name_is_set_aside() -> None:
    for shape in ("nonsense", {"Other": ["x"]}):
        with pytest.raises(BadRecord):
            _ = read_candidate("w", NOW, data_of(Name_Data=[shape]))


def test_who_has_blanks_for_a_name_was_purged_and_who_has_none_was_not() -> None:
    blank = {"Legal_Name": [{"Name_Detail_Data": [{"First_Name": [""], "Last_Name": [""]}]}]}
    purged = read_candidate("w", NOW, data_of(Name_Data=[blank]))
    assert purged.deleted is not None and purged.deleted.kind is TombstoneKind.ANONYMISED
    assert read_candidate("w", NOW, data_of(Name_Data=[])).deleted is None


def test_a_candidates_contact_data_is_read() -> None:
    contact = {
        "Phone_Number": ["7700900123"], "Email_Address": ["amara.osei@example.com"],
        "Website_Data": [{"URL_Address": ["https://github.com/amara"]}],
        "Location_Data": [{"City": ["Leeds"], "Postal_Code": ["LS1"],
                           "Country_Reference": [{"@Descriptor": "United Kingdom", "ID": []}]}],
    }  # fmt: skip
    media = [{"Social_Network_Account_URL": ["https://www.linkedin.com/in/amara"]}]
    names = [{"First_Name": ["Amara"], "Last_Name": ["Osei"]}]
    person = read_candidate(
        "w", NOW, data_of(Name_Data=names, Contact_Data=[contact], Social_Media_Account_Data=media)
    )
    assert (person.emails[0].value, person.phones[0].value) == ("amara.osei@example.com", "7700900123")
    assert [link.type for link in person.links] == [LinkType.LINKEDIN, LinkType.GITHUB]
    (place,) = person.locations
    assert (place.city, place.postcode, place.country) == ("Leeds", "LS1", "United Kingdom")


def requisition(status: dict[str, Any], **detail: Any) -> dict[str, Any]:
    return {
        "Job_Requisition_Reference": [
            {
                "@Descriptor": "R-1 Nurse",
                "ID": [{"@type": "WID", "#": JOB}, {"@type": "Job_Requisition_ID", "#": "R-1"}],
            }
        ],
        "Job_Requisition_Data": [{"Job_Requisition_Status_Reference": [status], **detail}],
    }


def status(label: str | None, id: str) -> dict[str, Any]:
    named = {"@Descriptor": label} if label else {}
    return {**named, "ID": [{"@type": "Job_Requisition_Status_ID", "#": id}]}


@pytest.mark.parametrize(
    ("label", "id", "states", "told"),
    [
        ("Open", "OPEN", {}, JobStatus.OPEN),
        (None, "FILLED", {}, JobStatus.FILLED),
        ("Frozen", "FROZEN", {}, JobStatus.ON_HOLD),
        # Workday's own demo company has this pair.
        ("Open", "Approved", {}, JobStatus.OPEN),
        ("Abierta", "X1", {}, JobStatus.UNKNOWN),
        ("Abierta", "X1", {"Abierta": "open"}, JobStatus.OPEN),
        ("Open", "OPEN", {"OPEN": "closed"}, JobStatus.CLOSED),
    ],
)
def test_a_requisitions_state_is_by_the_tenants_table_then_label_then_id(
    label: str | None, id: str, states: dict[str, str], told: JobStatus
) -> None:
    job = read_job("w", NOW, requisition(status(label, id)), states=states)
    assert (job.status, job.title, job.code) == (told, "R-1 Nurse", "R-1")


def test_trap_15_renamed_states_are_read_through_a_bridge() -> None:
    account = opened(status_ids={"OPEN": "Approved"})
    jobs = account.bridge.configuration().jobs.values()
    assert JobStatus.OPEN in {job.status for job in jobs} and JobStatus.UNKNOWN not in {
        job.status for job in jobs
    }


def test_a_requisitions_details_are_read_and_all_are_optional() -> None:
    hiring = {
        "Recruiting_Start_Date": ["2016-03-15-08:00"],
        "Time_Type_Reference": [{"ID": [{"@type": "Position_Time_Type_ID", "#": "Part_time"}]}],
        "Primary_Location_Reference": [{"ID": [{"@type": "Location_ID", "#": "Leeds_site"}]}],
    }
    detail = {"Job_Posting_Title": ["Nurse"], "Job_Description": ["<p>Care.</p>"]}
    whole = requisition(
        status("Open", "OPEN"), Hiring_Requirement_Data=[hiring], Job_Requisition_Detail_Data=[detail]
    )
    job = read_job("w", NOW, whole, states={})
    assert (job.title, job.employment_type) == ("Nurse", EmploymentType.PART_TIME)
    assert job.opened_at == datetime(2016, 3, 15, tzinfo=UTC)
    assert [place.name for place in job.locations] == ["Leeds_site"]
    bare = {"Job_Requisition_Reference": whole["Job_Requisition_Reference"]}
    assert read_job("w", NOW, bare, states={}).status is JobStatus.UNKNOWN
    with pytest.raises(BadRecord):
        _ = read_job("w", NOW, {}, states={})


def test_a_hired_step_of_the_table_tells_of_a_hire_too() -> None:
    account = opened()
    steps = [evolve(s, kind=StageKind.HIRED) if s.name == "Ready for Hire" else s for s in account.ats.steps]  # type: ignore[attr-defined]
    ats = evolve(account.ats, steps=tuple(steps), report="")
    hired = next(id for id, t in account.truth().items() if t.status == "hired")
    blind = account.restarted(ats=ats)
    read = blind.driver.run(blind.bridge.client.run(ats.get_application(account.ref(hired))))
    assert isinstance(read, Fresh) and read.state.status is ApplicationStatus.HIRED
