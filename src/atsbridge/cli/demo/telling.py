"""How the demo is told: aloud for people, as one JSON document for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import asdict, define, field, frozen

from ..output import HIDDEN, heading, say, show_table


@frozen(kw_only=True)
class Proof:
    """One claim of the demo, with what was counted. It decides the exit code."""

    claim: str
    found: str
    holds: bool


@define
class Chapter:
    number: int
    title: str
    facts: dict[str, Any] = field(factory=dict)
    proofs: list[Proof] = field(factory=list)


@define
class Teller:
    """Collects chapters, facts and proofs, and says them while they happen."""

    aloud: bool = True
    show_personal: bool = False
    chapters: list[Chapter] = field(factory=list)

    def chapter(self, title: str) -> None:
        self.chapters.append(Chapter(len(self.chapters) + 1, title))
        if self.aloud:
            heading(f"{len(self.chapters)}. {title}")

    def say(self, text: str) -> None:
        if self.aloud:
            say(text)
            sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        if self.aloud:
            show_table(columns, rows)

    def fact(self, **facts: Any) -> None:
        """What programs get of this chapter."""
        self.chapters[-1].facts.update(facts)

    def prove(self, claim: str, found: object, *, holds: bool) -> None:
        self.chapters[-1].proofs.append(Proof(claim=claim, found=str(found), holds=holds))
        if self.aloud:
            say(f"  [{'holds' if holds else 'FAILS'}] {claim}: {found}")

    def prove_equal(self, claim: str, found: object, expected: object) -> None:
        text = str(found) if found == expected else f"{found}, not {expected}"
        self.prove(claim, text, holds=found == expected)

    def person(self, text: str | None) -> str:
        return (text or "") if self.show_personal else HIDDEN

    @property
    def proofs(self) -> list[Proof]:
        return [proof for chapter in self.chapters for proof in chapter.proofs]

    @property
    def all_hold(self) -> bool:
        return bool(self.proofs) and all(proof.holds for proof in self.proofs)

    def as_dict(self) -> dict[str, Any]:
        return {"holds": self.all_hold, "chapters": [asdict(chapter) for chapter in self.chapters]}
