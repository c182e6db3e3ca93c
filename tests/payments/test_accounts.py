"""Accounts with providers: complete, one of a kind, with secrets that nobody reads from the database."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from payments import accounts
from payments.tables import PaymentAccount
from tests.orders.floor import Floor
from tests.payments.till import BOX


def add(floor: Floor, **changes: object) -> PaymentAccount:
    facts = {"provider": "yookassa", "name": "ЮKassa", "external_id": "100500", "secret": "live_abc"} | changes
    return accounts.add(floor.session, BOX, floor.shop, **facts)  # type: ignore[arg-type]


def test_the_secret_is_sealed(session: Session) -> None:
    account = add(Floor(session))
    assert account.secret is not None
    assert "live_abc" not in account.secret
    assert BOX.open(account.secret) == "live_abc"


@pytest.mark.parametrize("lacking", [{"provider": "bank-of-oz"}, {"external_id": ""}, {"secret": None}, {"secret": ""}])
def test_an_account_that_could_not_work_is_refused(session: Session, lacking: dict[str, object]) -> None:
    with pytest.raises(accounts.BadPaymentAccount):
        add(Floor(session), **lacking)


def test_an_account_cannot_be_connected_twice(session: Session) -> None:
    floor = Floor(session)
    add(floor)
    with pytest.raises(accounts.PaymentAccountTaken):
        add(floor)


def test_links_are_made_with_the_newest_active_account(session: Session) -> None:
    floor = Floor(session)
    old, new = add(floor), add(floor, external_id="200600")
    assert accounts.online(session, floor.shop.id) is new
    new.active = False
    session.flush()
    assert accounts.online(session, floor.shop.id) is old


def test_another_shops_account_is_not_used(session: Session) -> None:
    add(Floor(session))
    with pytest.raises(accounts.NoPaymentAccount):
        accounts.online(session, 999)


def test_cash_has_an_account_of_its_own(session: Session) -> None:
    floor = Floor(session)
    add(floor)
    with pytest.raises(accounts.NoPaymentAccount):
        accounts.by_hand(session, floor.shop.id)
    cash = accounts.add(session, None, floor.shop, provider="manual", name="Наличные")
    assert accounts.by_hand(session, floor.shop.id) is cash
