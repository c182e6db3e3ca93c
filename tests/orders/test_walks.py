"""Long random walks through everything that is done to orders: after each step the books must balance."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.tables import Reservation, Stock, StockMove
from kit.errors import Refused
from kit.money import Money
from orders import book, lines, paying, reserving, stages
from orders.events import OrderPlaced, StageMoved
from orders.tables import Order, StageMove
from storage.tables import EventRow
from tests.orders.floor import ONLINE, OPERATOR, OWNER, PICKUP, Floor

STEPS = 60


class Walk:
    def __init__(self, floor: Floor, seed: int) -> None:
        self.floor, self.session, self.dice = floor, floor.session, random.Random(seed)
        self.goods = [floor.item(f"M-{n}", price=1000 * n, on_hand=6) for n in range(1, 5)]
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        orders = self.session.scalars(book.whole().order_by(Order.id)).all()
        order = self.dice.choice(orders) if orders else None
        act = self.dice.choice([self.place] * 2 + [self.move] * 4 + [self.edit] * 3 + [self.pay, self.refund])
        try:
            if order is None:
                self.place()
            else:
                act(order)
            self.done[act.__name__] += 1
        except Refused:
            self.done["refused"] += 1

    def place(self, _: Order | None = None) -> None:
        self.floor.puts(self.dice.choice(self.goods), self.dice.randint(1, 4))
        self.floor.places(self.dice.choice([PICKUP, ONLINE]))

    def move(self, order: Order) -> None:
        to = self.dice.choice([*order.stage.next_codes, "cancelled", "shipped"])
        role = self.dice.choice([OWNER, OPERATOR])
        stages.move(self.session, order, to=to, actor="staff:1", role=role, reason=self.dice.choice(["", "так надо"]))

    def edit(self, order: Order) -> None:
        line, count = self.dice.choice(order.lines), self.dice.randint(0, 6)
        if self.dice.random() < 0.5:
            lines.set_line_quantity(self.session, order, line.id, count, actor="staff:1")
        elif self.dice.random() < 0.5:
            lines.add_line(self.session, order, self.dice.choice(self.goods).id, count, actor="staff:1")
        else:
            lines.set_discount(self.session, order, Money(1000 * count), actor="staff:1")

    def pay(self, order: Order) -> None:
        if order.stage.group != "cancelled" and order.paid_amount == 0 < order.total_amount:
            self.floor.pays(order)

    def refund(self, order: Order) -> None:
        if order.paid_amount:
            paying.money_returned(self.session, order, self.dice.choice([order.paid, Money(1)]))


def imbalances(session: Session) -> list[str]:
    """What is wrong with the books; nothing, we hope."""
    session.flush()
    wrong = []
    held: Counter[int] = Counter()
    for order in session.scalars(book.whole().execution_options(populate_existing=True)):
        here = reserving.WHEREABOUTS[order.stage.group] is reserving.Whereabouts.HELD
        if here:
            held.update(reserving.wanted(order))
        owned = session.execute(
            sa.select(Reservation.variant_id, sa.func.sum(Reservation.quantity))
            .where(Reservation.owner == reserving.owner(order))
            .group_by(Reservation.variant_id)
        )
        if {variant_id: int(count) for variant_id, count in owned} != (reserving.wanted(order) if here else {}):
            wrong.append(f"order {order.number} in {order.stage.code} has not what it wants")
        goods = sum(line.price * line.quantity for line in order.lines)
        if (order.goods, order.total_amount) != (goods, goods - order.discount + order.delivery_price):
            wrong.append(f"order {order.number} is miscounted")
        if order.stage.group == "cancelled" and order.paid_amount:
            wrong.append(f"order {order.number} is cancelled and keeps money")
        chain = session.execute(
            sa.select(StageMove.seq, StageMove.from_stage_id, StageMove.to_stage_id)
            .where(StageMove.order_id == order.id)
            .order_by(StageMove.seq)
        ).all()
        came = [None, *(to for _, _, to in chain)]
        if [(seq, start) for seq, start, _ in chain] != list(enumerate(came[:-1], 1)) or came[-1] != order.stage_id:
            wrong.append(f"order {order.number} has a broken history")
    for row in session.scalars(sa.select(Stock).execution_options(populate_existing=True)):
        journal = session.scalar(
            sa.select(sa.func.sum(StockMove.quantity)).where(StockMove.variant_id == row.variant_id)
        )
        if not 0 <= row.reserved <= row.on_hand or row.reserved != held[row.variant_id] or row.on_hand != journal:
            wrong.append(f"variant {row.variant_id}: {row.on_hand} here, {row.reserved} reserved")
    return wrong


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_to_orders_the_books_balance(session: Session, floor: Floor, seed: int) -> None:
    walk = Walk(floor, seed)
    for number in range(STEPS):
        walk.step()
        assert imbalances(session) == [], f"after step {number}: {walk.done}"
    assert walk.done["place"] > 3
    assert walk.done["move"] > 3
    told = session.scalar(
        sa.select(sa.func.count(EventRow.id)).where(EventRow.kind.in_([OrderPlaced.kind, StageMoved.kind]))
    )
    moves = session.scalar(sa.select(sa.func.count()).select_from(StageMove))
    assert told == moves
