"""Turning a cart, or an operator's list, into an order: all of it happens or nothing does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import goods, names
from catalog.tables import Variant
from company import settings
from company.tables import Shop
from customers import cards
from customers.tables import Customer
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import cart as carts
from orders import delivery, details, pipelines, reserving, stages
from orders.book import stage_of, whole
from orders.details import Details as Details
from orders.events import OrderPlaced
from orders.history import append
from orders.snapshots import snapshot
from orders.tables import Cart, Group, Order, OrderNumber
from orders.totals import Totals, quantity, totals
from storage.events import publish

FIRST_NUMBER = 1001


class CartEmpty(Refused):
    """There is nothing to order."""

    code = "cart_empty"


@dataclass(frozen=True, slots=True)
class PriceChange:
    variant_id: int
    title: str
    old: Money
    new: Money


class PricesChanged(Refused):
    """Prices are not what the customer saw. He is told `changes`; ordering again goes on with the new prices.

    Raised before anything else is done. The cart has already noted the new prices as seen, which stands if the
    caller catches this inside its transaction.
    """

    code = "prices_changed"

    def __init__(self, changes: Sequence[PriceChange]) -> None:
        self.changes = tuple(changes)
        super().__init__(f"{len(changes)} prices changed", titles=", ".join(change.title for change in changes))


def preview(
    session: Session, shop: Shop, customer_id: int, delivery_method: str, locale: str
) -> tuple[carts.CartView, Totals]:
    """The cart and what it would cost with this delivery, for the last look before ordering."""
    seen = carts.view(session, carts.of(session, shop.id, customer_id), locale)
    price = delivery.price_of(settings.of(shop), delivery_method, seen.goods)
    lines = [(line.price, line.quantity) for line in seen.lines]
    return seen, totals(lines, Money(0, shop.currency), price)


def place(
    session: Session,
    shop: Shop,
    customer: Customer,
    details: Details,
    *,
    account_id: int | None,
    conversation_id: int | None,
    actor: str,
    dedup_key: str,
) -> Order:
    """Order what is in the customer's cart, and empty the cart.

    `dedup_key` names the act (the press of a button): the same act again gives the same order. Raises CartEmpty,
    PricesChanged, orders.cart.NotForSale, catalog.promises.OutOfStock, a refusal of orders.details or of
    orders.totals; then there is no order, and the cart is as it was.
    """
    cart = carts.held(session, shop.id, customer.id)
    if (twin := _of_act(session, shop.id, dedup_key)) is not None:
        return twin
    if not cart.lines:
        raise CartEmpty()
    variants = goods.variants(session, shop.id, [line.variant_id for line in cart.lines])
    _check_prices(cart, variants, shop, customer.locale)
    order = _agree(
        session,
        shop,
        customer,
        [(variants[line.variant_id], line.quantity) for line in cart.lines],
        details,
        complete=True,
        actor=actor,
        account_id=account_id,
        conversation_id=conversation_id,
        dedup_key=dedup_key,
    )
    carts.empty(session, cart)
    cards.remember(
        session,
        customer,
        name=None if customer.name else order.recipient,
        phone=order.phone,
        address=order.address or None,
        email=order.email or None,
    )
    return order


def make(
    session: Session,
    shop: Shop,
    customer: Customer,
    lines: Sequence[tuple[int, int]],
    details: Details,
    *,
    actor: str,
    discount: Money | None = None,
    responsible_id: int | None = None,
    account_id: int | None = None,
    conversation_id: int | None = None,
    pipeline_id: int | None = None,
    delivery_price: Money | None = None,
    note: str = "",
    dedup_key: str | None = None,
    reason: str = "",
    ask_for_money: bool = True,
) -> Order:
    """Order `lines` of (variant id, quantity) for the customer, at today's prices: what an operator does.

    Contact and address may still be unknown. `dedup_key` is the form's: a double submit makes one order. `reason`
    stands in the history; without `ask_for_money` the order stays in the first stage. Raises as `place` does.
    """
    if dedup_key is not None and (twin := made_by(session, shop.id, dedup_key)) is not None:
        return twin
    basket: Counter[int] = Counter()
    for variant_id, count in lines:
        basket[variant_id] += quantity(count)
    if not basket:
        raise CartEmpty()
    variants = goods.variants(session, shop.id, list(basket))
    return _agree(
        session,
        shop,
        customer,
        [(variants[variant_id], count) for variant_id, count in basket.items()],
        details,
        complete=False,
        actor=actor,
        account_id=account_id,
        conversation_id=conversation_id,
        dedup_key=dedup_key,
        discount=discount,
        delivery_price=delivery_price,
        responsible_id=responsible_id,
        pipeline_id=pipeline_id,
        note=note,
        reason=reason,
        ask_for_money=ask_for_money,
    )


def made_by(session: Session, shop_id: int, dedup_key: str) -> Order | None:
    """The order that this act has made already. Who does the same act at once waits here until the first is done."""
    _hold_numbers(session, shop_id)
    return _of_act(session, shop_id, dedup_key)


def _agree(
    session: Session,
    shop: Shop,
    customer: Customer,
    basket: Sequence[tuple[Variant, int]],
    wishes: Details,
    *,
    complete: bool,
    actor: str,
    account_id: int | None,
    conversation_id: int | None,
    dedup_key: str | None,
    discount: Money | None = None,
    delivery_price: Money | None = None,
    responsible_id: int | None = None,
    pipeline_id: int | None = None,
    note: str = "",
    reason: str = "",
    ask_for_money: bool = True,
) -> Order:
    """Write the order, reserve its goods and set it on its way. `complete` asks for contact and address."""
    for variant, _ in basket:
        if not carts.for_sale(variant):
            raise carts.NotForSale(variant)
    rules = settings.of(shop)
    wishes = details.checked(wishes, rules, complete=complete)
    discount = discount or Money(0, shop.currency)
    priced = [(Money(variant.price, shop.currency), count) for variant, count in basket]
    sums = totals(priced, discount, Money(0, shop.currency))
    if delivery_price is None:
        delivery_price = delivery.price_of(rules, wishes.delivery_method, sums.total)
    sums = totals(priced, discount, delivery_price)
    pipeline = pipelines.pipeline(session, shop.id, pipeline_id)
    now = utc_now()
    with session.begin_nested():
        order = Order(
            shop_id=shop.id,
            number=next_number(session, shop.id),
            dedup_key=dedup_key,
            customer_id=customer.id,
            account_id=account_id,
            conversation_id=conversation_id,
            pipeline_id=pipeline.id,
            stage=pipeline.stages[0],
            responsible_id=responsible_id,
            currency=shop.currency,
            goods=sums.goods.amount,
            discount=sums.discount.amount,
            delivery_price=sums.delivery.amount,
            total_amount=sums.total.amount,
            payment_method=wishes.payment_method,
            delivery_method=wishes.delivery_method,
            recipient=wishes.recipient,
            phone=wishes.phone,
            email=wishes.email,
            address=wishes.address,
            comment=wishes.comment,
            note=note.strip(),
            created_at=now,
            updated_at=now,
            lines=[snapshot(variant, count, shop, position) for position, (variant, count) in enumerate(basket)],
        )
        session.add(order)
        session.flush()
        reserving.reserve(session, order, actor)
        append(session, order, order.stage, came_from=None, actor=actor, reason=reason)
    publish(session, OrderPlaced.of(order, actor=actor, total=order.total_amount, currency=order.currency))
    if ask_for_money:
        _ask_for_money(session, order)
    return order


def _ask_for_money(session: Session, order: Order) -> None:
    """An order to be paid online goes straight on to waiting for its money, where the pipeline has it so."""
    if order.payment_method != "online" or reserving.settled(order):
        return
    if order.stage.group == Group.NEW and pipelines.AWAITING_PAYMENT in order.stage.next_codes:
        awaiting = stage_of(session, order, pipelines.AWAITING_PAYMENT)
        stages.enter(session, order, awaiting, actor="system")


def _check_prices(cart: Cart, variants: Mapping[int, Variant], shop: Shop, locale: str) -> None:
    changes = []
    for line in cart.lines:
        variant = variants[line.variant_id]
        if variant.price != line.price_seen:
            old, new = Money(line.price_seen, shop.currency), Money(variant.price, shop.currency)
            changes.append(PriceChange(variant.id, names.title(variant, locale), old, new))
            line.price_seen = variant.price
    if changes:
        raise PricesChanged(changes)


def _of_act(session: Session, shop_id: int, dedup_key: str) -> Order | None:
    return session.scalar(whole(Order.shop_id == shop_id, Order.dedup_key == dedup_key))


def next_number(session: Session, shop_id: int) -> int:
    """The shop's next order number. Rivals wait here until the transaction ends, so a rollback leaves no gap."""
    return _count(session, shop_id, step=1)


def skip_numbers(session: Session, shop_id: int, count: int) -> int:
    """Leave out so many order numbers. Gives the last one that will not be given out."""
    return _count(session, shop_id, step=count)


def _hold_numbers(session: Session, shop_id: int) -> None:
    _count(session, shop_id, step=0)


def _count(session: Session, shop_id: int, *, step: int) -> int:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    counted = (
        insert(OrderNumber)
        .values(shop_id=shop_id, last=FIRST_NUMBER - 1 + step)
        .on_conflict_do_update(index_elements=["shop_id"], set_={"last": OrderNumber.last + step})
        .returning(OrderNumber.last)
    )
    return session.execute(counted, execution_options={"synchronize_session": False}).scalar_one()
