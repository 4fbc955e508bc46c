"""Linking an arriving applicant to the lead they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atsbridge.crm._writing import normal_email
from atsbridge.crm.interface import Link
from atsbridge.crm.sql import SqlCrm
from atsbridge.model import TombstoneKind
from atsbridge.testing.deliveries import application, candidate, candidate_ref, gone, play

ONE, TWO = candidate_ref("1"), candidate_ref("2")


@pytest.fixture
def crm() -> Iterator[SqlCrm]:
    with SqlCrm(":memory:") as crm:
        yield crm


def arrive(crm: SqlCrm, *deliveries: object) -> list[Link]:
    play(crm.write(deliveries))  # type: ignore[arg-type]
    return list(play(crm.match([d.record.ref for d in deliveries], by_email=True)))  # type: ignore[attr-defined]


def test_a_unique_email_links_whatever_its_case(crm: SqlCrm) -> None:
    lead = crm.add_lead("Mara", " Mara@Example.org ")
    links = arrive(crm, candidate("1", "x@example.org", "mara@example.ORG"))
    assert links == [Link(candidate=ONE, lead_id=lead, rule="email", certain=True)]
    assert crm.lead_of(ONE) == lead
    assert crm.leads()[0].candidates == (ONE,)
    play(crm.write([application("1")]))
    assert crm.applications()[0].lead_id == lead


def test_matching_again_changes_nothing(crm: SqlCrm) -> None:
    crm.add_lead("Mara", "mara@example.org")
    first = arrive(crm, candidate("1", "mara@example.org"))
    assert play(crm.match([ONE], by_email=True)) == first


def test_a_name_alone_and_a_plus_sign_never_link(crm: SqlCrm) -> None:
    crm.add_lead("Mara Lindt", "mara@example.org")
    crm.add_lead("Mara Lindt")
    assert arrive(crm, candidate("1", "mara+work@example.org", display_name="Mara Lindt")) == []
    assert arrive(crm, candidate("2", "", " ", display_name="Mara Lindt")) == []
    assert crm.reviews() == []


def test_two_leads_with_one_email_are_a_question(crm: SqlCrm) -> None:
    leads = (crm.add_lead("A", "a@example.org"), crm.add_lead("B", "A@example.org"))
    (link,) = arrive(crm, candidate("1", "a@example.org"))
    assert (link.lead_id, link.certain, link.options) == (None, False, leads)
    (review,) = crm.reviews()
    assert (review.candidate, review.options, review.why) == (ONE, leads, "several leads fit")
    crm.match_candidates([ONE])
    assert len(crm.reviews()) == 1


def test_one_applicant_whose_emails_fit_two_leads_is_a_question(crm: SqlCrm) -> None:
    crm.add_lead("A", "a@example.org")
    crm.add_lead("B", "b@example.org")
    (link,) = arrive(crm, candidate("1", "a@example.org", "b@example.org"))
    assert not link.certain and crm.lead_of(ONE) is None


def test_two_applicants_with_one_email_are_a_question(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    links = arrive(crm, candidate("1", "a@example.org"), candidate("2", "a@example.org"))
    assert [(link.lead_id, link.options) for link in links] == [(None, (lead,)), (None, (lead,))]
    assert [review.rivals for review in crm.reviews()] == [(TWO,), (ONE,)]


def test_an_applicant_who_came_before_the_lead_counts_too(crm: SqlCrm) -> None:
    assert arrive(crm, candidate("1", "a@example.org")) == []
    crm.add_lead("A", "a@example.org")
    (link,) = arrive(crm, candidate("2", "a@example.org"))
    assert not link.certain


def test_a_second_applicant_does_not_take_a_linked_lead(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    arrive(crm, candidate("1", "old@example.org"))
    crm.link(ONE, lead, actor="r")
    (link,) = arrive(crm, candidate("2", "a@example.org"))
    assert not link.certain
    assert (crm.lead_of(ONE), crm.lead_of(TWO)) == (lead, None)


@pytest.mark.parametrize("kind", list(TombstoneKind))
def test_one_who_is_gone_is_no_rival(crm: SqlCrm, kind: TombstoneKind) -> None:
    lead = crm.add_lead("A", "a@example.org")
    first = candidate("1", "a@example.org")
    play(crm.write([first, gone(first, kind, minute=1)]))
    (link,) = arrive(crm, candidate("2", "a@example.org"))
    assert link.lead_id == lead
    assert play(crm.match([ONE], by_email=True)) == []


def test_an_email_given_up_is_no_claim_any_more(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    play(crm.write([candidate("1", "a@example.org"), candidate("1", "b@example.org", minute=1)]))
    play(crm.write([candidate("1", "c@example.org", minute=2)]))
    (link,) = arrive(crm, candidate("2", "a@example.org"))
    assert link.lead_id == lead


def test_one_person_in_two_systems_is_linked_in_both(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    links = arrive(crm, candidate("1", "a@example.org"), candidate("1", "a@example.org", connection="other"))
    assert [link.lead_id for link in links] == [lead, lead]
    assert len(crm.leads()[0].candidates) == 2


def test_the_ats_ref_goes_before_the_email(crm: SqlCrm) -> None:
    crm.add_lead("A", "a@example.org")
    known = crm.add_lead("B", candidate=ONE)
    (link,) = arrive(crm, candidate("1", "a@example.org"))
    assert (link.lead_id, link.rule) == (known, "ats_ref")


def test_the_survivor_of_a_merge_is_the_lead_still(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    first = candidate("1", "a@example.org")
    arrive(crm, first)
    play(crm.write([gone(first, TombstoneKind.MERGED, minute=1, into=TWO)]))
    (link,) = arrive(crm, candidate("2"))
    assert (link.lead_id, link.rule) == (lead, "ats_ref")


def test_an_undone_link_is_not_made_again_by_itself(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    arrive(crm, candidate("1", "a@example.org"))
    assert crm.undo_link(ONE, actor="r")
    assert not crm.undo_link(ONE, actor="r")
    assert arrive(crm, candidate("1", "a@example.org", minute=1)) == []
    assert crm.lead_of(ONE) is None
    crm.link(ONE, lead, actor="r")
    assert crm.lead_of(ONE) == lead


def test_after_an_undone_link_another_lead_is_a_question(crm: SqlCrm) -> None:
    crm.add_lead("A", "a@example.org")
    arrive(crm, candidate("1", "a@example.org"))
    crm.undo_link(ONE, actor="r")
    other = crm.add_lead("B", "a@example.org")
    (link,) = play(crm.match([ONE], by_email=True))
    assert (link.certain, link.options) == (False, (other,))
    assert "undone" in crm.reviews()[0].why


def test_one_whose_link_was_undone_is_no_rival(crm: SqlCrm) -> None:
    lead = crm.add_lead("A", "a@example.org")
    arrive(crm, candidate("1", "a@example.org"))
    crm.undo_link(ONE, actor="r")
    (link,) = arrive(crm, candidate("2", "a@example.org"))
    assert link.lead_id == lead


def test_a_person_answers_a_review(crm: SqlCrm) -> None:
    _, second = crm.add_lead("A", "a@example.org"), crm.add_lead("B", "a@example.org")
    arrive(crm, candidate("1", "a@example.org"), candidate("2", "a@example.org"))
    crm.link(ONE, second, actor="r")
    crm.dismiss_review(TWO, actor="r")
    assert crm.reviews() == []
    crm.match_candidates([ONE, TWO])
    assert crm.reviews() == []
    with pytest.raises(LookupError):
        crm.link(ONE, "99", actor="r")
    assert crm.lead_of(ONE) == second


_few = st.sampled_from(["a@example.org", "b@example.org", "c@example.org", "A@EXAMPLE.ORG "])


@given(st.lists(_few, max_size=5), st.lists(st.lists(_few, max_size=2), max_size=5))
def test_a_link_is_made_only_where_nobody_else_fits(leads: list[str], people: list[list[str]]) -> None:
    with SqlCrm(":memory:") as crm:
        added = {crm.add_lead(None, email): normal_email(email) for email in leads}
        links = arrive(crm, *(candidate(str(n), *emails) for n, emails in enumerate(people)))
        claims = [{normal_email(email) for email in emails} for emails in people]
        for n, mine in enumerate(claims):
            fits = {lead for lead, email in added.items() if email in mine}
            rivals = [m for m, theirs in enumerate(claims) if m != n and theirs & mine & set(added.values())]
            expected = next(iter(fits)) if len(fits) == 1 and not rivals else None
            assert crm.lead_of(candidate_ref(str(n))) == expected
            assert any(link.candidate == candidate_ref(str(n)) for link in links) == bool(fits)
