"""Reading: everything arrives, means what it should, and is read again no more than it must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest

from ...ats.interface import Fresh, Gone
from ...crm.sql import CandidateView
from ...errors import BadPayload, BadRecord
from ...model import (
    Application,
    ApplicationStatus,
    Candidate,
    Job,
    Kind,
    Reason,
    Ref,
    Stage,
    TombstoneKind,
    personal_fields,
)
from ...simulators.interface import SimRequest, SimResponse
from ...sync.reality import CONFIGURATION
from ...wire.effects import Purpose
from ...wire.streams import Stream
from .. import acts
from ..account import Account
from ..direct import Respond
from .subject import Subject, active, first_of, read_all

T = TypeVar("T")


class Reading(Subject):
    """A full pull, an incremental one, a fresh read, a sweep."""

    def test_a_full_pull_mirrors_the_account(self, account: Account) -> None:
        assert account.truth(), "the generated account is empty"
        assert account.differences() == {}
        status = account.bridge.status()
        assert status.quarantined == 0, status
        report = account.bridge.verify()
        assert report.faults == 0, report.differences

    def test_every_record_is_canonical(self) -> None:
        account = self.open()
        found = read_all(account)
        assert {record.ref.kind for _, record in found} >= {
            Kind.JOB,
            Kind.STAGE,
            Kind.CANDIDATE,
            Kind.APPLICATION,
        }
        for stream, record in found:
            assert record.ref.kind in stream.kinds
            assert record.ref.connection == account.ats.connection
            assert isinstance(record.ref.id, str) and record.ref.id
            assert timedelta(0) <= account.time.wall() - record.read_at < timedelta(hours=1)
            for moment in (record.updated_at, record.created_at):
                assert moment is None or moment.utcoffset() == timedelta(0)
            shown = repr(record)
            for name in personal_fields(type(record)):
                value = getattr(record, name)
                assert not (isinstance(value, str) and len(value) > 3) or repr(value) not in shown

    def test_what_a_record_points_to_is_read_too(self) -> None:
        account = self.open()
        records = [record for _, record in read_all(account)]
        held = {(r.ref.kind, r.ref.id) for r in records}
        for record in records:
            if not isinstance(record, Application) or record.deleted is not None:
                continue
            assert record.candidate is not None
            for ref in (record.candidate, record.job, record.stage, record.reason):
                assert ref is None or (ref.kind, ref.id) in held, ref

    def test_the_same_record_has_the_same_digest(self) -> None:
        account = self.open()
        once = {r.ref: r.digest for _, r in read_all(account)}
        again = {r.ref: r.digest for _, r in read_all(account)}
        assert once == again

    def test_stages_and_reasons_say_what_they_are(self) -> None:
        account = self.open()
        records = [r for _, r in read_all(account)]
        stages = [r for r in records if isinstance(r, Stage)]
        assert all(s.name for s in stages)
        reasons = {r.ref.id for r in records if isinstance(r, Reason)}
        if account.ats.STAGE_DECIDES:
            reasons |= {s.ref.id for s in stages}
        for outcome in ("rejected", "withdrawn"):
            assert set(account.simulator.reasons(outcome)) <= reasons
        assert any(isinstance(r, Job) and r.title for r in records)
        people = [r for r in records if isinstance(r, Candidate)]
        assert any(p.display_name or p.given_name for p in people)

    def test_every_status_that_people_see_is_told(self, account: Account) -> None:
        truth = account.truth()
        seen = {t.status for t in truth.values()}
        known = {s.value for s in ApplicationStatus}
        assert seen <= known
        for id, view in account.views().items():
            assert view.confirmed.status.value == truth[id].status

    def test_an_unchanged_account_costs_one_page_a_stream_and_no_write(self, account: Account) -> None:
        account.time.sleep(7200)
        _ = account.bridge.pull()
        account.time.sleep(7200)
        report = account.bridge.pull()
        once = {s.name for s in account.ats.streams() if s.incremental and s.scope == "connection"}
        assert {name: n for name, n in report.pages.items() if name in once and n > 1} == {}
        assert (report.created, report.updated, report.deleted) == (0, 0, 0)

    @pytest.mark.parametrize("act", sorted(acts.ACTS))
    def test_what_people_do_in_the_ats_arrives(self, act: str) -> None:
        for seed in (1, 2):
            account = self.open(seed=seed)
            _ = account.bridge.pull()
            account.time.sleep(60)
            done = acts.play(account.simulator, act, seed=seed)
            if not done:
                continue
            account.time.sleep(60)
            _ = account.bridge.sync()
            gone = account.simulator.deleted()
            left = {id: d for id, d in account.differences().items() if id not in gone}
            assert left == {}, (act, seed)
            _ = account.bridge.sweep()
            assert account.differences() == {}, (act, seed)
            return
        pytest.skip(f"nothing in the generated accounts can be: {act}")

    def test_a_person_who_is_anonymised_is_blanked_in_scope_or_not(self) -> None:
        """Also where the only application has left the mapping's scope before."""
        if not self._anonymised(self.open()).deleted:
            pytest.skip("this vendor's anonymised people are told by empty fields alone")
        account = self.open()
        scope = {**account.mapping["scope"], "terminal": False}
        account = account.restarted(mapping={**account.mapping, "scope": scope})
        assert self._anonymised(account).name is None

    def _anonymised(self, account: Account) -> CandidateView:
        """Somebody whose only application is rejected and read, and who is anonymised then."""
        _ = account.bridge.pull()
        of_person = Counter(view.candidate for view in account.crm.applications(deleted=None))
        views = account.views()
        alone = [id for id in active(account) if of_person[views[id].candidate] == 1]
        id = first_of(alone, "application under way of a person with no other")
        person = views[id].candidate
        assert person is not None
        account.simulator.reject(id, first_of(account.simulator.reasons("rejected"), "reason to reject"))
        account.time.sleep(3600)
        _ = account.bridge.pull()
        account.simulator.anonymise(id)
        for _ in range(3):
            account.time.sleep(3600)
            _ = account.bridge.pull()
            _ = account.bridge.sweep(limit=1.0)
        return account.crm.candidate(person)

    def test_what_the_mapping_is_made_of_has_streams_of_its_own(self, account: Account) -> None:
        """Jobs, stages and reasons that come with other records alone are not seen by it."""
        streams = [stream.kinds for stream in account.ats.streams()]
        offered = {kind for kinds in streams for kind in kinds} & set(CONFIGURATION)
        alone = {kind for kinds in streams if kinds <= set(CONFIGURATION) for kind in kinds}
        assert offered == alone

    def test_history_is_told_where_it_is_read(self, account: Account) -> None:
        compared = 0
        for id, truth in account.truth().items():
            told = account.views()[id].history
            if told and truth.history:
                assert tuple(t.to for t in told) == truth.history
                compared += 1
        if not compared:
            pytest.skip("this vendor gives no history in the same read")

    def test_a_fresh_read_says_what_the_listing_says(self, account: Account) -> None:
        for id, truth in list(account.truth().items())[:12]:
            fresh = account.fresh(id)
            assert isinstance(fresh, Fresh), id
            assert (fresh.state.stage, fresh.state.status.value) == (truth.stage, truth.status), id

    def test_an_answer_about_another_application_is_not_taken(self, account: Account) -> None:
        """A cache or a proxy in between may mix answers up: that is no news of this one, nor its end."""
        # Not two of one person: where a person's answer holds all their applications, it is right for both.
        truth = account.truth()
        first, *rest = sorted(truth)
        second = next(id for id in rest if truth[id].candidate != truth[first].candidate)
        one, other = account.ref(first), account.ref(second)
        told = self._answered_for(account, one, lambda: account.bridge.explain(other, ask=True)).now
        assert told is not None and str(told.get("error")).startswith(("BadPayload", "BadRecord"))
        client = account.bridge.client
        try:
            gone = self._answered_for(
                account, one, lambda: account.driver.run(client.run(account.ats.confirm_gone(other)))
            )
        except (BadPayload, BadRecord):
            gone = None
        assert gone is None

    def _answered_for(self, account: Account, one: Ref, ask: Callable[[], T]) -> T:
        """What is asked about another record is answered as if it had been asked about this one."""
        kept: list[SimResponse] = []

        def keep(asked: SimRequest, respond: Respond, _purpose: Purpose) -> SimResponse:
            kept.append(respond(asked))
            return kept[-1]

        account.driver.meddle = keep
        now = account.bridge.explain(one, ask=True).now
        assert now and "error" not in now
        account.driver.meddle = lambda *_: kept.pop(0)
        return ask()

    def test_what_is_gone_is_gone_to_a_fresh_read(self, account: Account) -> None:
        id = first_of(active(account), "application under way")
        account.simulator.delete(id)
        assert isinstance(account.fresh(id), Gone)

    def test_what_is_hidden_is_lost_to_a_sweep_and_the_rest_stays(self, account: Account) -> None:
        """Of one record the credential loses sight: that is no deletion, and no reason to stop."""
        id = first_of(active(account), "application under way")
        hidden = account.simulator.hide(id)
        if not hidden:
            pytest.skip("the simulator can hide no single application")
        fresh = account.fresh(id)
        assert isinstance(fresh, Gone) and fresh.tombstone.kind is TombstoneKind.LOST_ACCESS
        account.time.sleep(60)
        _ = account.bridge.sweep(limit=1.0)
        assert account.differences().keys() == hidden
        assert not hidden & account.mirror().keys()

    def test_a_sweep_believes_no_absence(self, account: Account) -> None:
        """Records that a listing does not show, but that are there, stay."""
        for stream in account.ats.sweeps():
            assert isinstance(stream, Stream) and not stream.deletions
        before = account.mirror()
        _ = account.bridge.sweep()
        assert account.mirror() == before
