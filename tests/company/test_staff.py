"""Staff, rights, signing in and the brake on guessing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from sqlalchemy.orm import Session

from company import rights, shops, signin, staff
from company.rights import Right, may
from company.staff import LastOwner, NoSuchStaff
from company.tables import Role, SignIn, SignInFailure
from kit.clock import utc_now
from storage.tables import EventRow
from tests.worlds import World

ADDRESS = "198.51.100.7"


def guess(session: Session, email: str, times: int, address: str = ADDRESS) -> None:
    for _ in range(times):
        assert signin.sign_in(session, email, verified=False, address=address) is None


def test_an_operator_neither_refunds_nor_sees_purchase_prices_nor_takes_lists_away() -> None:
    denied = {right for right in Right if not rights.may(Role.OPERATOR, right)}
    assert denied == {
        Right.REFUND,
        Right.SETTINGS,
        Right.CATALOG_EDIT,
        Right.SEE_PURCHASE_PRICE,
        Right.OPERATION,
        Right.DELIVER,
        Right.EXPORT,
    }


def test_a_manager_may_everything_but_the_settings_and_an_accountant_does_not_talk() -> None:
    assert [right for right in Right if not may(Role.MANAGER, right)] == [Right.SETTINGS]
    assert not may(Role.ACCOUNTANT, Right.REPLY)
    assert not may(Role.ACCOUNTANT, Right.ORDERS)
    assert may(Role.ACCOUNTANT, Right.EXPORT)


def test_a_shop_keeps_an_owner(world: World, session: Session) -> None:
    with pytest.raises(LastOwner):
        staff.give_role(session, world.owner.id, world.shop, Role.OPERATOR, actor="staff:1")
    staff.give_role(session, world.operator.id, world.shop, Role.OWNER, actor="staff:1")
    staff.give_role(session, world.owner.id, world.shop, Role.MANAGER, actor="staff:1")
    assert staff.role_in(session, world.owner.id, world.shop.id) == Role.MANAGER
    with pytest.raises(LastOwner):
        staff.keep_an_owner(session, world.shop.id, without=world.operator.id)


def test_a_role_that_was_given_is_in_the_log_with_the_one_before(world: World, session: Session) -> None:
    staff.give_role(session, world.operator.id, world.shop, Role.MANAGER, actor="staff:1")
    staff.give_role(session, world.operator.id, world.shop, Role.MANAGER, actor="staff:1")
    [told] = session.scalars(sa.select(EventRow).where(EventRow.kind == "role_given")).all()
    assert told.payload == {"staff_id": world.operator.id, "role": "manager", "before": "operator", "rights_set": ""}


def test_a_stranger_is_given_no_role(world: World) -> None:
    with pytest.raises(NoSuchStaff):
        staff.give_role(world.session, 10**9, world.shop, Role.MANAGER, actor="staff:1")


def test_an_owner_may_everything_and_a_stranger_nothing() -> None:
    assert all(rights.may(Role.OWNER, right) for right in Right)
    assert not any(rights.may(None, right) for right in Right)


def test_a_right_that_is_missing_is_refused_by_name() -> None:
    with pytest.raises(rights.NotAllowed) as refused:
        rights.demand(Role.OPERATOR, Right.REFUND)
    assert refused.value.right is Right.REFUND


def test_a_role_holds_in_its_own_shop_only(world: World, session: Session) -> None:
    other = shops.create(session, name="Чужая лавка", currency="KZT", timezone="Asia/Almaty")
    assert staff.role_in(session, world.owner.id, world.shop.id) is Role.OWNER
    assert staff.role_in(session, world.owner.id, other.id) is None
    assert staff.shops_of(session, world.owner.id) == [(world.shop, Role.OWNER)]
    assert staff.of_shop(session, other.id) == []


@pytest.mark.parametrize("wrong", [{"name": " "}, {"currency": "РУБ"}, {"locale": "kk"}, {"timezone": "Moscow"}])
def test_a_shop_that_cannot_be_is_refused(session: Session, wrong: dict[str, str]) -> None:
    with pytest.raises(shops.BadShop):
        shops.create(session, **({"name": "Лавка"} | wrong))


def test_an_address_is_taken_whatever_its_case(world: World, session: Session) -> None:
    with pytest.raises(staff.EmailTaken):
        staff.add(session, world.shop, email=" ILYA@clay.example ", name="Двойник", password=None, role=Role.OPERATOR)
    assert len(staff.of_shop(session, world.shop.id)) == 2


@pytest.mark.parametrize("email", ["", "ilya", "ilya@", "ilya@ clay.example", "a@b.c@d.e", "x" * 250 + "@a.ru"])
def test_what_is_no_address_is_refused(world: World, email: str) -> None:
    with pytest.raises(staff.BadEmail):
        world.person(email, "Илья", Role.OPERATOR)


def test_a_password_fits_only_its_own_hash() -> None:
    kept = staff.hash_password("глина и лён")
    assert kept.startswith("$argon2id$")
    assert staff.verify(kept, "глина и лён")
    assert not staff.verify(kept, "глина и лен")
    assert not staff.verify(None, "глина и лён")
    assert not staff.verify("", "")


@pytest.mark.parametrize("password", ["короткий"[:7], "д" * 257])
def test_a_password_of_a_foolish_length_is_refused(password: str) -> None:
    with pytest.raises(staff.BadPassword):
        staff.hash_password(password)


def test_a_link_code_works_once_and_a_newer_one_replaces_it(world: World, session: Session) -> None:
    old = staff.new_link_code(session, world.owner)
    new = staff.new_link_code(session, world.owner)
    assert staff.by_link_code(session, old) is None
    assert staff.by_link_code(session, new) is world.owner
    assert world.owner.link_code is None
    assert staff.by_link_code(session, new) is None
    assert staff.by_link_code(session, "") is None


def test_a_signed_in_browser_is_known_by_its_token_which_the_table_does_not_hold(
    world: World, session: Session
) -> None:
    token = signin.sign_in(session, "Ilya@clay.example", verified=True, agent="Firefox", address=ADDRESS)
    assert token is not None
    found = signin.find(session, token)
    assert found is not None
    assert found[1] is world.owner
    row = session.scalars(sa.select(SignIn)).one()
    assert token not in (row.token_hash, row.csrf)
    assert signin.find(session, row.token_hash) is None


def test_nobody_signs_in_with_a_wrong_password_or_an_unknown_address(world: World, session: Session) -> None:
    assert signin.sign_in(session, "ilya@clay.example", verified=False) is None
    assert signin.sign_in(session, "nobody@clay.example", verified=True) is None


def test_a_browser_is_signed_out_after_twelve_idle_hours(world: World, session: Session) -> None:
    with time_machine.travel(utc_now(), tick=False) as clock:
        token = signin.sign_in(session, "ilya@clay.example", verified=True)
        assert token is not None
        clock.shift(timedelta(hours=11))
        found = signin.find(session, token)
        assert found is not None
        assert signin.is_stale(found[0])
        signin.touch(session, found[0].token_hash)
        clock.shift(timedelta(hours=11))
        assert signin.find(session, token) is not None
        clock.shift(timedelta(hours=2))
        assert signin.find(session, token) is None


def test_a_browser_in_use_is_signed_out_after_seven_days(world: World, session: Session) -> None:
    with time_machine.travel(utc_now(), tick=False) as clock:
        token = signin.sign_in(session, "ilya@clay.example", verified=True)
        assert token is not None
        for _ in range(17):
            clock.shift(timedelta(hours=10))
            if (found := signin.find(session, token)) is not None:
                signin.touch(session, found[0].token_hash)
        assert signin.find(session, token) is None
        assert signin.open_of(session, world.owner.id) == []
        assert signin.prune(session) == 1


def test_a_new_password_ends_every_other_browser(world: World, session: Session) -> None:
    here, there = (signin.sign_in(session, "ilya@clay.example", verified=True) for _ in range(2))
    assert here is not None
    assert there is not None
    signin.change_password(session, world.owner, staff.hash_password("новый пароль"), but=here)
    assert signin.find(session, here) is not None
    assert signin.find(session, there) is None
    assert len(signin.open_of(session, world.owner.id)) == 1


def test_the_dismissed_are_out_at_once_and_cannot_come_back(world: World, session: Session) -> None:
    token = signin.sign_in(session, "marina@clay.example", verified=True)
    code = staff.new_link_code(session, world.operator)
    assert token is not None
    signin.dismiss(session, world.operator)
    assert signin.find(session, token) is None
    assert signin.sign_in(session, "marina@clay.example", verified=True) is None
    assert staff.by_link_code(session, code) is None
    assert staff.role_in(session, world.operator.id, world.shop.id) is None


def test_signing_out_ends_this_browser_only(world: World, session: Session) -> None:
    here, there = (signin.sign_in(session, "ilya@clay.example", verified=True) for _ in range(2))
    assert here is not None
    assert there is not None
    signin.sign_out(session, here)
    assert signin.find(session, here) is None
    assert signin.find(session, there) is not None


def test_the_sixth_guess_waits_even_with_the_right_password(world: World, session: Session) -> None:
    with time_machine.travel(utc_now(), tick=False) as clock:
        guess(session, "ilya@clay.example", 5)
        with pytest.raises(signin.TooManyTries) as refused:
            signin.sign_in(session, "ilya@clay.example", verified=True, address=ADDRESS)
        assert refused.value.wait == timedelta(seconds=15)
        clock.shift(timedelta(seconds=16))
        assert signin.sign_in(session, "ilya@clay.example", verified=True, address=ADDRESS) is not None
        assert session.scalar(sa.select(sa.func.count()).select_from(SignInFailure)) == 0


def test_each_further_guess_waits_twice_as_long(world: World, session: Session) -> None:
    with time_machine.travel(utc_now(), tick=False) as clock:
        guess(session, "ilya@clay.example", 5)
        for wait in (15, 30, 60, 120):
            with pytest.raises(signin.TooManyTries) as refused:
                signin.check(session, "ilya@clay.example", ADDRESS)
            assert refused.value.wait == timedelta(seconds=wait)
            clock.shift(timedelta(seconds=wait))
            guess(session, "ilya@clay.example", 1)


def test_a_stranger_cannot_lock_the_owner_out_from_elsewhere(world: World, session: Session) -> None:
    guess(session, "ilya@clay.example", 5)
    assert signin.sign_in(session, "ilya@clay.example", verified=True, address="203.0.113.9") is not None


def test_guessing_one_account_from_many_addresses_is_slowed(world: World, session: Session) -> None:
    for n in range(30):
        guess(session, "ilya@clay.example", 1, address=f"203.0.113.{n}")
    with pytest.raises(signin.TooManyTries):
        signin.check(session, "ilya@clay.example", "203.0.113.99")


def test_guessing_many_accounts_from_one_address_is_slowed(world: World, session: Session) -> None:
    for n in range(50):
        guess(session, f"person{n}@clay.example", 1)
    with pytest.raises(signin.TooManyTries):
        signin.check(session, "another@clay.example", ADDRESS)
