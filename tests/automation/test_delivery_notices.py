"""A courier is told of a delivery in his own chat."""

from __future__ import annotations

import sqlalchemy as sa

from automation import delivery_notices, notifications
from automation.tables import Told
from company.tables import Membership, Role
from orders import details
from storage.jobs import Job
from storage.tables import EventRow
from tests.bot.chats import PUBLIC_URL, TEXTS, Chat, Counter
from tests.bot.test_flows_purchases import ordered, pay
from tests.bot.test_notices import anna as anna
from tests.bot.test_notices import counter as counter
from tests.bot.test_notices import ilya as ilya


def tell_all(counter: Counter) -> None:
    """Tell what happened; what was told already is not said again."""
    counter.session.flush()
    step = delivery_notices.handlers(TEXTS, PUBLIC_URL)[delivery_notices.NOTICE]
    query = sa.select(EventRow).where(EventRow.kind == "courier_given").order_by(EventRow.id)
    for event in counter.session.scalars(query).all():
        step.run(counter.session, Job(event.id, "", delivery_notices.NOTICE, {"event_id": event.id}, 0, 0))
    counter.session.flush()


def courier(counter: Counter) -> int:
    """Илья is the courier from now on."""
    ilya = counter.world.owner.id
    counter.session.get_one(Membership, (ilya, counter.shop.id)).role = Role.COURIER
    counter.session.flush()
    return ilya


def test_a_courier_is_told_once_where_to_and_what_to_take(counter: Counter, anna: Chat, ilya: Chat) -> None:
    order = ordered(counter, anna)
    order.note = "Спорит"
    details.give_courier(counter.session, order, courier(counter), actor="staff:0")
    tell_all(counter)
    tell_all(counter)
    assert len(ilya.messages) == 1
    assert ilya.text == (
        "Заказ № 1001: вам доставить\n\nАнна Смирнова, +79161234567\n\n"
        "• Кружка «Туман» × 2\n\nВзять с покупателя: 2 900 ₽"
    )
    assert ilya.shown().buttons()[0].url == f"{PUBLIC_URL}/deliveries"
    pay(counter, paid := ordered(counter, anna))
    details.give_courier(counter.session, paid, counter.world.owner.id, actor="staff:0")
    tell_all(counter)
    assert ilya.text.endswith("Оплачен, денег не берите.")


def test_nobody_is_told_of_what_is_not_his_or_not_wanted(counter: Counter, anna: Chat, ilya: Chat) -> None:
    taken_away, unwanted = ordered(counter, anna, quantity=1), ordered(counter, anna, quantity=1)
    details.give_courier(counter.session, taken_away, courier(counter), actor="staff:0")
    details.give_courier(counter.session, taken_away, None, actor="staff:0")
    tell_all(counter)
    wanted = [kind for kind in Told if kind != Told.DELIVERY_GIVEN]
    notifications.choose(counter.session, counter.world.owner.id, wanted=wanted, sound=False, browser=False)
    details.give_courier(counter.session, unwanted, counter.world.owner.id, actor="staff:0")
    tell_all(counter)
    assert ilya.messages == []
