from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from company.texts import Texts
from kit.errors import Missing
from kit.money import Money
from orders import cart
from orders.cart import NotEnough, NotForSale
from orders.tables import Cart
from orders.totals import BadQuantity
from tests.orders.floor import Floor


def contents(cart_: Cart) -> list[tuple[int, int]]:
    return [(line.variant_id, line.quantity) for line in cart_.lines]


def test_a_cart_is_there_at_the_first_question_and_stays_the_same_one(session: Session, floor: Floor) -> None:
    first = cart.of(session, floor.shop.id, floor.anna.id)
    assert contents(first) == []
    assert cart.of(session, floor.shop.id, floor.anna.id).id == first.id


def test_putting_the_same_thing_again_makes_one_line_of_two(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1"), floor.item("P-1")
    floor.puts(mug)
    floor.puts(plate)
    floor.puts(mug, 2)
    assert contents(cart.of(session, floor.shop.id, floor.anna.id)) == [(mug.id, 3), (plate.id, 1)]


def test_taking_the_last_one_away_removes_the_line(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1")
    floor.puts(mug, 2)
    floor.puts(mug, -1)
    floor.puts(mug, -1)
    assert contents(cart.of(session, floor.shop.id, floor.anna.id)) == []


def test_a_cart_holds_no_more_than_the_shop_has(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", on_hand=3)
    floor.puts(mug, 3)
    with pytest.raises(NotEnough) as refused:
        floor.puts(mug)
    assert (refused.value.left, refused.value.facts["wanted"]) == (3, 4)
    assert contents(cart.of(session, floor.shop.id, floor.anna.id)) == [(mug.id, 3)]


def test_a_refusal_names_the_thing_in_the_readers_language(session: Session, floor: Floor) -> None:
    with pytest.raises(NotEnough) as refused:
        floor.puts(floor.item("M-1", on_hand=0))
    texts = Texts()
    assert texts.problem(refused.value, "en") == "“Mug M-1”: 0 left, 1 wanted."
    assert texts.problem(refused.value, "ru") == "«Кружка M-1»: осталось 0, а нужно 1."


def test_fewer_may_be_wanted_even_when_that_is_still_too_many(session: Session, floor: Floor) -> None:
    mug, gleb = floor.item("M-1", on_hand=5), floor.customer("Глеб Седов")
    floor.puts(mug, 5, who=gleb)
    floor.order((mug, 4))
    fewer = cart.put(session, floor.shop.id, gleb.id, mug.id, -1)
    assert contents(fewer) == [(mug.id, 4)]


@pytest.mark.parametrize("quantity", [-1, 1000])
def test_absurd_quantities_are_refused(session: Session, floor: Floor, quantity: int) -> None:
    mug = floor.item("M-1", on_hand=5000)
    with pytest.raises(BadQuantity):
        cart.set_quantity(session, floor.shop.id, floor.anna.id, mug.id, quantity)


def test_what_is_not_sold_any_more_is_not_put(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1")
    mug.product.active = False
    with pytest.raises(NotForSale):
        floor.puts(mug)


def test_a_variant_of_another_shop_is_not_there(session: Session, floor: Floor) -> None:
    with pytest.raises(Missing):
        cart.put(session, floor.shop.id, floor.anna.id, 10**6)


def test_the_view_tells_todays_prices_and_what_has_changed(session: Session, floor: Floor) -> None:
    mug, plate = floor.item("M-1", 145000), floor.item("P-1", 90000, on_hand=1)
    floor.puts(mug, 2)
    floor.puts(plate)
    mug.price = 150000
    plate.active = False
    session.flush()
    seen = cart.view(session, cart.of(session, floor.shop.id, floor.anna.id), "en")
    first, second = seen.lines
    assert (first.title, first.price, first.sum) == ("Mug M-1", Money(150000), Money(300000))
    assert (first.changed_from, second.changed_from) == (Money(145000), None)
    assert (seen.goods, seen.count) == (Money(390000), 3)
    assert seen.short == (second,)


def test_accepted_prices_are_changes_no_more(session: Session, floor: Floor) -> None:
    mug = floor.item("M-1", 145000)
    floor.puts(mug)
    mug.price = 150000
    mine = cart.of(session, floor.shop.id, floor.anna.id)
    cart.accept_prices(session, mine)
    assert cart.view(session, mine, "ru").lines[0].changed_from is None


def test_a_cleared_cart_is_empty(session: Session, floor: Floor) -> None:
    floor.puts(floor.item("M-1"))
    cart.clear(session, floor.shop.id, floor.anna.id)
    assert contents(cart.of(session, floor.shop.id, floor.anna.id)) == []
