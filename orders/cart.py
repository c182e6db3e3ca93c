"""The cart: one per customer and shop, in the database, the same for the buyer's bot and for the operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import goods, names, stock
from catalog.names import Title
from catalog.tables import Variant
from company.tables import Shop
from kit.clock import utc_now
from kit.errors import Refused
from kit.money import Money
from orders import totals
from orders.tables import Cart, CartLine
from storage.hot import Hot, Load, join


def _of_customer(query: sa.Select[Any]) -> sa.Select[Any]:
    return query.where(Cart.shop_id == sa.bindparam("shop_id"), Cart.customer_id == sa.bindparam("customer_id"))


_KNOWN = Load(_of_customer, Cart, fresh=True)
_LOCKED = Load(lambda query: _of_customer(query).with_for_update(), Cart, fresh=True)
_LINES = Load(
    lambda query: query.where(CartLine.cart_id == sa.bindparam("cart_id")).order_by(CartLine.id), CartLine, fresh=True
)
_INSIDE = Hot(
    lambda _: (
        sa.select(CartLine.variant_id, CartLine.quantity, CartLine.price_seen)
        .join(Cart, Cart.id == CartLine.cart_id)
        .where(Cart.shop_id == sa.bindparam("shop_id"), Cart.customer_id == sa.bindparam("customer_id"))
    )
)


class NotEnough(Refused):
    """The shop has fewer than are wanted."""

    code = "not_enough"

    def __init__(self, variant: Variant, wanted: int, left: int) -> None:
        self.variant_id, self.wanted, self.left = variant.id, wanted, left
        super().__init__(f"{variant.sku}: {wanted} wanted, {left} left", title=Title(variant), wanted=wanted, left=left)


class NotForSale(Refused):
    """The variant, or its product, is not sold any more."""

    code = "not_for_sale"

    def __init__(self, variant: Variant) -> None:
        self.variant_id = variant.id
        super().__init__(f"{variant.sku} is not for sale", title=Title(variant))


@dataclass(frozen=True, slots=True)
class CartLineView:
    variant_id: int
    product_id: int
    sku: str
    title: str
    price: Money
    quantity: int
    sum: Money
    available: int
    """How many can be had now; 0 also for what is not sold any more."""
    changed_from: Money | None
    """The price that the customer saw last, when it is another one."""


@dataclass(frozen=True, slots=True)
class CartView:
    lines: tuple[CartLineView, ...]
    goods: Money
    count: int
    """Pieces, not lines."""

    @property
    def short(self) -> tuple[CartLineView, ...]:
        """Lines that ask for more than there is."""
        return tuple(line for line in self.lines if line.quantity > line.available)


class Inside(NamedTuple):
    variant_id: int
    quantity: int
    price_seen: int


def of(session: Session, shop_id: int, customer_id: int) -> Cart:
    """The customer's cart with its lines, made at the first question."""
    cart = _find(session, shop_id, customer_id)
    if cart is None:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        session.execute(
            insert(Cart)
            .values(shop_id=shop_id, customer_id=customer_id, updated_at=utc_now())
            .on_conflict_do_nothing(index_elements=["shop_id", "customer_id"])
        )
        cart = _find(session, shop_id, customer_id)
    assert cart is not None
    return cart


def inside(session: Session, shop_id: int, customer_id: int) -> list[Inside]:
    """What is in the customer's cart, without making him one: for those who only show it."""
    return [Inside(*row) for row in _INSIDE.rows(session, shop_id=shop_id, customer_id=customer_id)]


def held(session: Session, shop_id: int, customer_id: int) -> Cart:
    """The cart with its row locked until the transaction ends, for those who change or empty it."""
    cart = _find(session, shop_id, customer_id, lock=True)
    if cart is None:
        of(session, shop_id, customer_id)
        cart = _find(session, shop_id, customer_id, lock=True)
    assert cart is not None
    return cart


def put(session: Session, shop_id: int, customer_id: int, variant_id: int, quantity_delta: int = 1) -> Cart:
    """Add to what is in the cart already, or take away from it; nothing left removes the line.

    Raises NotEnough, NotForSale, orders.totals.BadQuantity, or Missing for a variant of another shop.
    """
    cart = held(session, shop_id, customer_id)
    line = _line(cart, variant_id)
    return _change(session, cart, variant_id, (line.quantity if line else 0) + quantity_delta)


def set_quantity(session: Session, shop_id: int, customer_id: int, variant_id: int, quantity: int) -> Cart:
    """Have exactly so many in the cart; 0 removes the line. Raises as `put` does."""
    return _change(session, held(session, shop_id, customer_id), variant_id, quantity)


def clear(session: Session, shop_id: int, customer_id: int) -> Cart:
    cart = held(session, shop_id, customer_id)
    empty(session, cart)
    return cart


def empty(session: Session, cart: Cart) -> None:
    cart.lines.clear()
    cart.updated_at = utc_now()
    session.flush()


def view(session: Session, cart: Cart, locale: str) -> CartView:
    """The cart as it stands now: today's prices and stock, and what has changed since the customer looked."""
    currency = session.get_one(Shop, cart.shop_id).currency
    variants = goods.variants(session, cart.shop_id, [line.variant_id for line in cart.lines])
    available = stock.available(session, list(variants))
    lines = tuple(
        _line_view(line, variants[line.variant_id], available.get(line.variant_id, 0), currency, locale)
        for line in cart.lines
    )
    return CartView(
        lines=lines,
        goods=Money(sum(line.sum.amount for line in lines), currency),
        count=sum(line.quantity for line in lines),
    )


def accept_prices(session: Session, cart: Cart) -> None:
    """The customer has seen today's prices."""
    variants = goods.variants(session, cart.shop_id, [line.variant_id for line in cart.lines])
    for line in cart.lines:
        line.price_seen = variants[line.variant_id].price
    session.flush()


def for_sale(variant: Variant) -> bool:
    return variant.active and variant.product.active


def _change(session: Session, cart: Cart, variant_id: int, quantity: int) -> Cart:
    line = _line(cart, variant_id)
    now = line.quantity if line else 0
    if quantity == 0:
        if line is not None:
            cart.lines.remove(line)
    elif totals.quantity(quantity) > now:
        variant = obtainable(session, cart.shop_id, variant_id, quantity)
        if line is None:
            cart.lines.append(CartLine(variant_id=variant_id, quantity=quantity, price_seen=variant.price))
        else:
            line.quantity = quantity
    elif line is not None:
        # Fewer is always right, however little is left: nobody is kept from making his order smaller.
        line.quantity = quantity
    cart.updated_at = utc_now()
    session.flush()
    return cart


def obtainable(session: Session, shop_id: int, variant_id: int, quantity: int) -> Variant:
    """The variant, if so many of it can be had; otherwise NotForSale or NotEnough."""
    variant = goods.variant(session, shop_id, variant_id)
    if not for_sale(variant):
        raise NotForSale(variant)
    left = stock.available(session, [variant_id]).get(variant_id, 0)
    if quantity > left:
        raise NotEnough(variant, quantity, left)
    return variant


def _line_view(line: CartLine, variant: Variant, available: int, currency: str, locale: str) -> CartLineView:
    price = Money(variant.price, currency)
    return CartLineView(
        variant_id=variant.id,
        product_id=variant.product_id,
        sku=variant.sku,
        title=names.title(variant, locale),
        price=price,
        quantity=line.quantity,
        sum=price * line.quantity,
        available=available if for_sale(variant) else 0,
        changed_from=Money(line.price_seen, currency) if line.price_seen != variant.price else None,
    )


def _line(cart: Cart, variant_id: int) -> CartLine | None:
    return next((line for line in cart.lines if line.variant_id == variant_id), None)


def _find(session: Session, shop_id: int, customer_id: int, *, lock: bool = False) -> Cart | None:
    session.flush()
    found = (_LOCKED if lock else _KNOWN).first(session, shop_id=shop_id, customer_id=customer_id)
    if found is None:
        return None
    cart: Cart = found[0]
    join(cart, lines=[line for (line,) in _LINES.all(session, cart_id=cart.id)])
    return cart
