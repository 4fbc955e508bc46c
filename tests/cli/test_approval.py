"""Approving edits one line of the connection file and leaves all else as it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.cli.approval import with_approval, write_approval
from atsbridge.errors import ConfigurationError

DIGEST = "ab" * 32
BLOCKS = st.lists(
    st.sampled_from(
        [
            "# a comment about surface = 'nothing'\n",
            "\n",
            '[approved]    # why\n# old\nsurface = ""\n',
            "[ approved ]\n",
            '[ats]\nvendor = "lever"\nsurface = "theirs"\n',
            '[crm]\r\npath = "x"\r\n',
            'name = "acme"\n',
        ]
    ),
    unique=True,
    max_size=5,
)


def is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


@given(BLOCKS)
def test_only_the_approval_changes(blocks: list[str]) -> None:
    old = "".join(sorted(blocks, key=lambda b: b.startswith(("[", "#"))))
    if not is_toml(old):
        return
    new = with_approval(old, DIGEST)
    before = tomllib.loads(old)
    assert tomllib.loads(new) == {**before, "approved": {"surface": DIGEST}}
    kept = [line for line in old.splitlines() if line != 'surface = ""']
    assert [line for line in kept if line.strip() and line not in new.splitlines()] == []
    assert with_approval(new, DIGEST) == new


def test_what_cannot_be_edited_safely_is_left(tmp_path: Path) -> None:
    file = tmp_path / "atsbridge.toml"
    file.write_text('approved = { surface = "" }\n')
    with pytest.raises(ConfigurationError, match="edited safely"):
        write_approval(file, DIGEST)
    assert file.read_text() == 'approved = { surface = "" }\n'
    assert list(tmp_path.iterdir()) == [file]
