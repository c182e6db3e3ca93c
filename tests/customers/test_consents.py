"""What customers agree to: the last word holds, nothing is overwritten, and a mailing can ask."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from customers import cards, consents
from customers.consents import ReasonMissing
from customers.tables import ConsentTo, ConsentVia, Customer
from storage.tables import EventRow
from tests.worlds import World

MARINA = "staff:2"
OFFERS, DATA = ConsentTo.MARKETING, ConsentTo.PERSONAL_DATA


@pytest.fixture
def anna(world: World, session: Session) -> Customer:
    return cards.add(session, world.shop, name="Анна Кравец")


def said(session: Session, customer: Customer, what: ConsentTo, *, given: bool, reason: str = "по телефону") -> bool:
    return consents.record(session, customer, what, given=given, via=ConsentVia.OPERATOR, reason=reason, actor=MARINA)


def test_nobody_is_written_to_first_before_he_agrees(session: Session, anna: Customer) -> None:
    assert consents.latest(session, anna.id) == {}
    assert not consents.may_write_first(session, anna)
    said(session, anna, OFFERS, given=True)
    assert consents.may_write_first(session, anna)


def test_the_last_word_holds_and_every_word_is_kept(session: Session, anna: Customer) -> None:
    said(session, anna, OFFERS, given=True)
    said(session, anna, OFFERS, given=False)
    assert not consents.may_write_first(session, anna)
    said(session, anna, OFFERS, given=True, reason="письмом")
    assert consents.may_write_first(session, anna)
    kept = [(row.given, row.reason) for row in consents.history(session, anna.id)]
    assert kept == [(True, "письмом"), (False, "по телефону"), (True, "по телефону")]


def test_who_takes_back_his_data_gets_no_offers_either(session: Session, anna: Customer) -> None:
    said(session, anna, OFFERS, given=True)
    said(session, anna, DATA, given=False)
    assert not consents.may_write_first(session, anna)
    said(session, anna, DATA, given=True)
    assert consents.may_write_first(session, anna)


def test_a_consent_to_one_thing_is_none_to_the_other(session: Session, anna: Customer) -> None:
    said(session, anna, DATA, given=True)
    assert set(consents.latest(session, anna.id)) == {DATA}
    assert not consents.may_write_first(session, anna)


def test_an_operator_says_what_he_knows_it_from(session: Session, anna: Customer) -> None:
    with pytest.raises(ReasonMissing):
        said(session, anna, OFFERS, given=True, reason="  ")
    assert consents.history(session, anna.id) == []


def test_the_same_word_said_again_is_not_written_twice(session: Session, anna: Customer) -> None:
    assert said(session, anna, OFFERS, given=True)
    assert not said(session, anna, OFFERS, given=True)
    assert len(consents.history(session, anna.id)) == 1
    events = session.scalars(sa.select(EventRow).where(EventRow.subject == f"customer:{anna.id}")).all()
    (event,) = [one for one in events if one.kind == "customer_changed"]
    assert (event.actor, event.payload["what"], event.payload["after"]) == (MARINA, "consent", {"marketing": True})


def test_a_mailing_finds_those_who_agree_and_no_others(world: World, session: Session, anna: Customer) -> None:
    others = [cards.add(session, world.shop, name=name) for name in ("Пётр", "Глеб")]
    said(session, anna, OFFERS, given=True)
    said(session, others[0], OFFERS, given=True)
    said(session, others[0], OFFERS, given=False)
    found = session.scalars(sa.select(Customer.id).where(*cards.standing(world.shop.id), consents.written_to_first()))
    assert list(found) == [anna.id]
    assert consents.of_many(session, [anna.id, others[0].id]) == {
        anna.id: {OFFERS: True},
        others[0].id: {OFFERS: False},
    }
