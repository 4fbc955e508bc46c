"""No verb shows a credential or a person, unless personal fields were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from atsbridge.cli.output import heading, say, show_table
from atsbridge.errors import MappingError

PERSON = "Zebulon Canary-Quartermain"
EMAIL = "zebulon.canary@persons.example.org"


@pytest.fixture
def peopled(link: Any) -> Any:
    link.person = link.simulator.apply(name=PERSON, email=EMAIL)
    assert link.run("init").code == 0
    link.write_on()
    assert link.run("vendors", "approve", "--yes").code == 0
    assert link.run("sync", "--pull").code == 0
    with link.crm() as crm:
        app = next(a for a in crm.applications() if a.ref.id == link.person)
        crm.change_step(app.ref, step="Nowhere", actor="Canary Recruiter")
        crm.add_lead(PERSON, EMAIL)
    return link


LINES = ("check", "plan", "sync", "sync --full --sweep", "verify", "repair", "status", "explain {}",
         "explain {} --ask", "pause", "resume", "vendors approve --yes", "vendors show lever")  # fmt: skip


@pytest.mark.parametrize("form", ["", " --json"])
def test_nobody_is_shown(peopled: Any, form: str) -> None:
    secrets = [*peopled.simulator.credentials.values(), PERSON, "Quartermain", EMAIL, "Canary Recruiter"]
    for line in LINES:
        arguments = (line.format(peopled.person) + form).split()
        ended = peopled._command(*arguments) if "show" in arguments else peopled.run(*arguments)
        assert ended.code in (0, 3), (line, ended.err)
        leaks = [s for s in secrets if s.lower() in (ended.out + ended.err).lower()]
        assert not leaks, (line, leaks)


@pytest.mark.shows_people
def test_the_canaries_can_be_seen(peopled: Any) -> None:
    """The search above finds what is there: asked for, the person is shown."""
    assert peopled.run("plan").code == 0
    assert peopled.run("sync", "--push").code == 0
    said = peopled.run("explain", peopled.person, "--show-personal").out
    assert PERSON in said
    assert "Canary Recruiter" in said
    assert "<hidden>" in peopled.run("explain", peopled.person).out


def test_a_line_break_in_a_name_makes_no_line_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "Phone screen)\nNothing would be sent: paused\u2028\x85\r0 writes"
    heading(evil)
    show_table(("what",), [(evil,)])
    say(evil)
    assert str(MappingError([evil])).count("\n") == 1  # behind the head, the one fault
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("Nothing")]


@pytest.mark.shows_people
def test_a_name_that_a_terminal_would_obey_is_disarmed(peopled: Any) -> None:
    bad = peopled.simulator.apply(name="Ada \x1b]0;owned\x07 [bold]Markup[/bold]", email=None)
    assert peopled.run("sync", "--pull").code == 0
    said = peopled.run("explain", bad, "--show-personal").out
    assert "\x1b" not in said and "\x07" not in said
    assert "[bold]Markup[/bold]" in said
