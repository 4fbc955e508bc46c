"""The pytest plugin as a third party meets it: one line, and no warning about what it brings."""

from __future__ import annotations

import re

import pytest
from pages import DOCS, blocks

pytestmark = pytest.mark.loopback

STRICT = ("-q", "-p", "no:cacheprovider", "-W", "error", "--strict-markers", "--strict-config")
ONE_LINE = 'pytest_plugins = ["atsbridge.testing.plugin"]'
ADOPTIONS = {"a conftest": (ONE_LINE, ()), "an option": ("", ("-p", "atsbridge.testing.plugin"))}


@pytest.fixture
def elsewhere(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder of somebody else's; in processes of their own, since the plugin changes the one it is in."""
    pytester.makeini("[pytest]\n")
    return pytester


def run(elsewhere: pytest.Pytester, *args: str, conftest: str = ONE_LINE, test: str) -> pytest.RunResult:
    elsewhere.makeconftest(conftest)
    elsewhere.makepyfile(test)
    return elsewhere.runpytest_subprocess(*STRICT, *args)


@pytest.mark.parametrize("adoption", list(ADOPTIONS))
def test_one_line_brings_everything_without_a_warning(elsewhere: pytest.Pytester, adoption: str) -> None:
    conftest, args = ADOPTIONS[adoption]
    test = """
        import pytest

        @pytest.mark.loopback
        @pytest.mark.campaign
        @pytest.mark.shows_people
        def test_marks_and_fixtures(ats_account, seed, rng, canaries):
            assert ats_account("lever", applications=5).bridge.pull().read
    """
    run(elsewhere, *args, conftest=conftest, test=test).assert_outcomes(passed=1)


def test_a_contract_is_inherited_without_a_warning(elsewhere: pytest.Pytester) -> None:
    test = """
        from atsbridge.testing import AtsContract

        class TestLever(AtsContract):
            vendor = "lever"
            applications = 6
    """
    result = run(elsewhere, "-k", "surface or never_writes or forged or refused", test=test)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*UnknownMark*")


def test_it_is_not_there_unless_it_is_asked_for(elsewhere: pytest.Pytester) -> None:
    run(elsewhere, conftest="", test="def test_it(ats_account): pass").assert_outcomes(errors=1)


def test_the_pages_example_passes(elsewhere: pytest.Pytester) -> None:
    (example,) = (b for b in blocks(DOCS / "howto" / "testing.rst") if "pytest" in b.classes)
    run(elsewhere, test=example.text).assert_outcomes(passed=1)


REACHING = """
    import socket
    import pytest

    def test_outside():
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)

    def test_outside_and_hidden():
        try:
            socket.create_connection(("192.0.2.1", 80), timeout=0.1)
        except Exception:
            pass

    def test_here():
        socket.create_connection(("127.0.0.1", 9), timeout=0.1)

    @pytest.mark.loopback
    def test_here_with_the_mark():
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
"""


def test_no_test_reaches_out(elsewhere: pytest.Pytester) -> None:
    result = run(elsewhere, test=REACHING)
    assert result.ret == 1
    failed = set(re.findall(r"(?:FAILED|ERROR) \S+::(\w+)", result.stdout.str()))
    assert failed == {"test_outside", "test_outside_and_hidden", "test_here"}


def test_a_seed_is_printed_and_plays_the_same_again(elsewhere: pytest.Pytester) -> None:
    test = """
        def test_it(ats_account, seed):
            print("ids", sorted(ats_account("lever", applications=3).truth()))
            assert seed is None
    """
    said = []
    for wish in ("7", "7", "8"):
        result = run(elsewhere, "--atsbridge-seed", wish, test=test)
        text = result.stdout.str()
        assert re.search(rf"seed \d+, of the run's {wish}", text)
        said.append(re.findall(r"^ids .*", text, re.M))
    assert said[0] == said[1] != said[2]


def test_the_header_names_the_runs_seed(elsewhere: pytest.Pytester) -> None:
    elsewhere.makeconftest(ONE_LINE)
    elsewhere.makepyfile("def test_it(): pass")
    result = elsewhere.runpytest_subprocess("--atsbridge-seed", "random")
    result.stdout.re_match_lines([r"atsbridge: canaries planted, seed \d+"])
