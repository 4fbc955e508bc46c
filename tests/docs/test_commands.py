"""Every command that the README and the docs show exists, with the options they give it."""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import tables
from pages import PAGES, README, ROOT, commands, name

from atsbridge.cli.app import cli

EVERY = [README, ROOT / "CONTRIBUTING.md", *PAGES]
SHOWN = [(page, line, text) for page in EVERY for line, text in commands(page)]
PARTS = [
    pytest.param(shlex.split(part), id=f"{name(page)}:{line}")
    for page, line, text in SHOWN
    for part in text.split(" && ")
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def resolve(words: list[str]) -> None:
    """Parse an `atsbridge` command line without running it.

    Raises:
        click.UsageError: there is no such command or option, or an argument too many.
    """
    command: click.Command = cli
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0]) if words else None
        if found is None:
            raise click.UsageError(f"no command {words[:1]}")
        command, words = found, words[1:]
    _, rest, _ = command.make_parser(click.Context(command)).parse_args(list(words))
    if rest:
        raise click.UsageError(f"too many arguments: {rest}")


def known(words: list[str]) -> bool:
    """Whether a shown command is one of those that this project's pages may use."""
    program = Path(words[0]).name
    if program == "atsbridge":
        resolve(words[1:])
        return True
    if program in ("pip", "python", "python3"):
        extras = [extra for word in words for extra in _extras(word)]
        found = all((ROOT / word).is_file() for word in words if word.endswith(".py"))
        return found and set(extras) <= set(PROJECT["optional-dependencies"])
    if program == "nox":
        return words[1] == "-s" and words[2] in _sessions()
    if program == "bash":
        return (ROOT / words[1]).is_file()
    return program in ("sphinx-build", "export", "ls")


def _extras(word: str) -> list[str]:
    found = re.search(r"\[([\w,]+)\]", word)
    return found[1].split(",") if found else []


def _sessions() -> set[str]:
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("words", PARTS)
def test_a_shown_command_exists(words: list[str]) -> None:
    assert known(words), words


@pytest.mark.parametrize(
    "text", ["nox -s nothing", "pip install '.[nothing]'", "bash nothing", "python nothing.py", "rm -r x"]
)
def test_a_command_that_does_not_exist_is_seen(text: str) -> None:
    assert not known(shlex.split(text))


@pytest.mark.parametrize("text", ["demoo", "demo --fast", "demo lever", "vendors approve now"])
def test_a_verb_or_option_that_does_not_exist_is_seen(text: str) -> None:
    with pytest.raises(click.UsageError):
        resolve(shlex.split(text))


def test_commands_named_in_running_text_exist() -> None:
    for page in EVERY:
        for quoted in re.findall(r"``?(atsbridge [a-z][^`]*)``?", page.read_text(encoding="utf-8")):
            words = shlex.split(" ".join(quoted.split()))[1:]
            verbs = [w for w in words if re.fullmatch(r"[a-z]+", w)]
            assert verbs and verbs[0] in cli.list_commands(click.Context(cli)), f"{name(page)}: {quoted}"


def test_paths_named_in_the_readme_exist() -> None:
    text = README.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_tests_named_on_a_page_exist() -> None:
    """``python -m pytest PATH -k WORD`` finds something."""
    for page in EVERY:
        for quoted in re.findall(r"``python -m pytest ([^`]+)``", page.read_text(encoding="utf-8")):
            for word in quoted.split():
                if word.startswith("tests/"):
                    assert (ROOT / word).exists(), f"{name(page)}: {word}"


def test_the_readme_has_two_set_up_commands_of_one_line_each() -> None:
    first, second = (text for _, text in commands(README) if text.startswith("python3 -m venv"))
    assert first.endswith("atsbridge demo")
    assert second.endswith("-m pytest -q -n auto")
    environments = [re.search(r"venv (\S+)", text) for text in (first, second)]
    assert len({found[1] for found in environments if found}) == 2  # neither needs the other


def test_the_gate_runs_the_readmes_test_command() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m1 -E '([^']+)' README.md", gate)
    assert pattern
    (found,) = (
        line for line in README.read_text(encoding="utf-8").splitlines() if re.search(pattern[1], line)
    )
    assert found in [text for _, text in commands(README)]


def test_every_verb_stands_in_the_reference() -> None:
    text = tables.command_line()
    for path, command in tables.commands():
        if not hasattr(command, "list_commands"):
            assert f"``atsbridge {' '.join(path)}``" in text
            for param in command.params:
                if isinstance(param, click.Option) and not param.hidden:
                    assert param.opts[0] in text
