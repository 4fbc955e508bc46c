"""What the demo's recruiters do: fifty changes, each with the end it is meant to come to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from attrs import define, field

from ...crm.sql import AppView
from ...model import ApplicationStatus, Result
from .setting import Setting

CHANGES = 50
REJECTIONS, WITHDRAWALS, REACTIVATIONS = 10, 3, 2
ACTOR = "recruiter"

Expected = frozenset[Result]
_DONE: Expected = frozenset({Result.APPLIED})


class TooFew(Exception):
    """The account has too few applications for the story."""


@define
class Changes:
    """Makes the changes and keeps what each should come to.

    Attributes:
        expected: event id to the results that would be right.
        kinds: how many changes of each kind were made.
        touched: applications that were changed, by id.
    """

    setting: Setting
    random: random.Random
    expected: dict[str, Expected] = field(factory=dict)
    kinds: Counter[str] = field(factory=Counter)
    touched: set[str] = field(factory=set)
    _active: list[AppView] = field(init=False)
    _rejected: list[AppView] = field(init=False)

    def __attrs_post_init__(self) -> None:
        simulator = self.setting.simulator
        live = [a for a in self.setting.crm.applications() if not a.pending]
        self.random.shuffle(live)
        # Two applications of one person may hang together in an ATS: one each.
        once = {a.candidate: a for a in live}.values()
        self._active = [
            a
            for a in once
            if a.confirmed.status is ApplicationStatus.ACTIVE and len(simulator.stages_for(a.ref.id)) > 1
        ]
        self._rejected = [a for a in once if a.confirmed.status is ApplicationStatus.REJECTED]

    def make(self) -> None:
        """All fifty.

        Raises:
            TooFew: the account is too small.
        """
        self._overtaken()
        self._overtaken()
        self._already_there()
        self._unmapped_step()
        self._no_reason()
        self._unnamed_hire()
        self._changed_mind()
        self._delivered_twice()
        for _ in range(REACTIVATIONS):
            self._reactivation()
        for _ in range(REJECTIONS):
            self._ending(ApplicationStatus.REJECTED, "Rejected", kind="rejection with a reason")
        for _ in range(WITHDRAWALS):
            self._ending(ApplicationStatus.WITHDRAWN, "Withdrawn", kind="withdrawal with a reason")
        while len(self.expected) < CHANGES:
            self._move("move")

    # -- kinds of change --

    def _move(self, kind: str, *, expected: Expected = _DONE) -> tuple[AppView, str, str]:
        app = self._next()
        stage, step = self._somewhere(app)
        event = self._change(app, kind, expected=expected, step=step)
        return app, stage, event

    def _overtaken(self) -> None:
        """The hiring manager moves it elsewhere after the recruiter acted."""
        conflict = frozenset({Result.CONFLICT})
        app, wanted, _ = self._move("move that the ATS overtakes", expected=conflict)
        others = [s for s in self.setting.simulator.stages_for(app.ref.id) if s != wanted]
        self.setting.simulator.move(app.ref.id, self.random.choice(others))

    def _already_there(self) -> None:
        """The hiring manager makes the same move first."""
        app, wanted, _ = self._move("move that the ATS made too", expected=frozenset({Result.ALREADY}))
        self.setting.simulator.move(app.ref.id, wanted)

    def _unmapped_step(self) -> None:
        refused = frozenset({Result.REFUSED})
        self._change(self._next(), "step without a mapping", expected=refused, step="Coffee with the founder")

    def _no_reason(self) -> None:
        if not self.setting.words.reality.reasons:
            # Where a stage is the reason, a rejection may well name none.
            refused = frozenset({Result.REFUSED})
            self._change(self._next(), "status that the ATS has not", expected=refused, status="On hold")
            return
        self._change(
            self._next(),
            "rejection without a reason",
            expected=frozenset({Result.REFUSED}),
            status="Rejected",
        )

    def _unnamed_hire(self) -> None:
        self._change(
            self._next(), "hire that no rule names", expected=frozenset({Result.REFUSED}), status="Hired"
        )

    def _changed_mind(self) -> None:
        """Two changes of one application before the first is sent."""
        app = self._next()
        (_, first), (_, second) = self._places(app)[:2]
        kind = "change of mind: two changes of one application"
        self._change(app, kind, expected=frozenset({Result.SUPERSEDED}), step=first)
        self._change(app, kind, expected=_DONE, step=second)

    def _delivered_twice(self) -> None:
        _, _, event = self._move("move whose event is delivered again and again")
        self.setting.crm.echoes = event

    def _reactivation(self) -> None:
        if not self._rejected:
            raise TooFew("no rejected application is left to reactivate")
        app = self._rejected.pop()
        stage = self.setting.words.reality.stages.get(app.confirmed.stage or "")
        # Where the end is a stage, whoever takes it back says to which step.
        in_stage = self.setting.bridge.ats.STAGE_DECIDES or (stage is not None and stage.terminal)
        step = self._somewhere(app)[1] if in_stage else None
        kind = "reactivation of a rejected application"
        offered = self.setting.simulator.takes_back
        expected = _DONE if offered else frozenset({Result.REFUSED})
        self._change(app, kind, expected=expected, step=step, status="Active")

    def _ending(self, status: ApplicationStatus, word: str, *, kind: str) -> None:
        words = self.setting.words
        ids = self.setting.simulator.reasons(status.value)
        reasons = [found for id in ids if (found := words.reason(id, status=status))]
        app = self._next()
        steps = (
            [] if reasons else [found for id in ids if self._shares(app, id) and (found := words.step(id))]
        )
        if reasons:
            reason = self.random.choice(reasons)
            self._change(app, kind, expected=_DONE, status=word, reason=reason)
        elif steps:
            self._change(app, kind, expected=_DONE, step=self.random.choice(steps), status=word)
        else:  # an account without such reasons
            self._change(app, "move", expected=_DONE, step=self._somewhere(app)[1])

    def _shares(self, app: AppView, stage: str) -> bool:
        """Whether a stage that ends is of the pipeline that the application is in."""
        stages = self.setting.words.reality.stages
        here, there = stages.get(app.confirmed.stage or ""), stages.get(stage)
        return here is not None and there is not None and here.pipeline == there.pipeline

    # -- the least parts --

    def _change(
        self,
        app: AppView,
        kind: str,
        *,
        expected: Expected,
        step: str | None = None,
        status: str | None = None,
        reason: str | None = None,
    ) -> str:
        event = self.setting.crm.change_step(app.ref, step=step, status=status, reason=reason, actor=ACTOR)
        self.expected[event] = expected
        self.kinds[kind] += 1
        self.touched.add(app.ref.id)
        return event

    def _next(self) -> AppView:
        """An active application that nobody has touched and that has two places to go."""
        while self._active:
            app = self._active.pop()
            if len(self._places(app)) > 1:
                return app
        raise TooFew("too few active applications are left")

    def _places(self, app: AppView) -> list[tuple[str, str]]:
        """Stage and step of every place it can be moved to, the story's favourite first."""
        step: Callable[[str], str | None] = self.setting.words.step
        stages = self.setting.simulator.stages_for(app.ref.id)
        places = [(stage, word) for stage in stages if (word := step(stage))]
        self.random.shuffle(places)
        return places

    def _somewhere(self, app: AppView) -> tuple[str, str]:
        return self._places(app)[0]
