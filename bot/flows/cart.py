"""The buyer's cart: what is in it, and less or more of it."""

from __future__ import annotations

from bot.flows.browse import Args
from bot.flows.order_card import LONGEST_TITLE, MOST_LINES, more_lines
from bot.flows.turn import Turn
from bot.flows.voice import Row, Voice, clipped, lines, paragraphs, written
from inbox.content import Action, Button, Card, Outgoing
from orders import cart as carts
from orders.cart import CartLineView, CartView
from orders.tables import Cart

PAGE, NARROW_PAGE = 8, 3
"""Lines with their buttons on one page of the cart, and where a message has room for a few buttons only."""


def open_cart(turn: Turn, args: Args) -> None:
    cart = carts.of(turn.session, turn.shop.id, turn.customer.id)
    show_cart(turn, cart, page=int(args.get("page", 0)))


def more(turn: Turn, args: Args) -> None:
    _put(turn, args, 1)


def fewer(turn: Turn, args: Args) -> None:
    _put(turn, args, -1)


def drop(turn: Turn, args: Args) -> None:
    cart = carts.set_quantity(turn.session, turn.shop.id, turn.customer.id, int(args["variant"]), 0)
    turn.toast(turn.voice.plain("buyer.cart.dropped"))
    show_cart(turn, cart, page=int(args.get("page", 0)))


def clear(turn: Turn, args: Args) -> None:
    show_cart(turn, carts.clear(turn.session, turn.shop.id, turn.customer.id))
    turn.toast(turn.voice.plain("buyer.cart.cleared"))


def show_cart(turn: Turn, cart: Cart, *, page: int = 0) -> None:
    view = carts.view(turn.session, cart, turn.locale)
    turn.show(cart_view(turn.voice, view, turn.customer.id, page=page, narrow=turn.capabilities.narrow))


ACTIONS = {
    "cart": open_cart,
    "cart.more": more,
    "cart.fewer": fewer,
    "cart.drop": drop,
    "cart.clear": clear,
}


def cart_view(voice: Voice, cart: CartView, customer_id: int, *, page: int = 0, narrow: bool = False) -> Outgoing:
    """`narrow`: where there are few buttons, fewer lines stand on a page and each has less and more alone."""
    if not cart.lines:
        return written(
            voice.marked("buyer.cart.empty"), rows=((voice.button("buyer.menu.catalog", Action("catalog")),),)
        )
    size, stepper = (NARROW_PAGE, _narrow_stepper) if narrow else (PAGE, _stepper)
    pages = -(-len(cart.lines) // size)
    page = min(page, pages - 1)
    first = page * size
    steppers = [stepper(voice, n, line, page) for n, line in enumerate(cart.lines, 1) if first < n <= first + size]
    clear = (voice.button("buyer.cart.clear", Action("cart.clear")),) if not narrow or pages == 1 else ()
    turning = _paging(page, pages)
    return written(
        paragraphs(
            voice.marked("buyer.cart.title"),
            cart_lines(voice, cart, first=first, count=size),
            voice.marked("buyer.cart.goods", sum=cart.goods),
        ),
        rows=(
            *steppers,
            turning[::2] if narrow else turning,
            (voice.button("buyer.cart.checkout", Action("checkout"), sum=cart.goods),),
            (voice.button("buyer.menu.catalog", Action("catalog")), *clear),
        ),
        card=Card("cart", customer_id, voice.plain("buyer.menu.cart"), cart.goods.format(voice.locale)),
    )


def cart_lines(voice: Voice, cart: CartView, *, first: int = 0, count: int = MOST_LINES) -> str:
    """So many lines of the cart, from the one at `first` on, and how many come after them."""
    shown = [_line(voice, n, line) for n, line in enumerate(cart.lines, 1) if first < n <= first + count]
    return "\n".join([*shown, *more_lines(voice, len(cart.lines) - first - count)])


def _line(voice: Voice, n: int, line: CartLineView) -> str:
    changed = voice.marked("buyer.cart.price_changed", before=line.changed_from) if line.changed_from else ""
    short = ""
    if line.available < line.quantity:
        short = voice.marked("buyer.cart.short" if line.available else "buyer.cart.gone", left=line.available)
    sum_of_line = voice.marked(
        "buyer.cart.line",
        n=n,
        title=clipped(line.title, LONGEST_TITLE),
        quantity=line.quantity,
        price=line.price,
        sum=line.sum,
    )
    return lines(sum_of_line, changed, short)


def _stepper(voice: Voice, n: int, line: CartLineView, page: int) -> Row:
    args = {"variant": line.variant_id, "page": page}
    return (
        Button("−", Action("cart.fewer", args)),
        Button(
            voice.plain("buyer.cart.quantity", n=n, quantity=line.quantity),
            Action("product", {"id": line.product_id, "variant": line.variant_id}),
        ),
        Button("+", Action("cart.more", args)),
        Button("✕", Action("cart.drop", args)),
    )


def _narrow_stepper(voice: Voice, n: int, line: CartLineView, page: int) -> Row:
    args = {"variant": line.variant_id, "page": page}
    fewer = voice.plain("buyer.cart.quantity", n=n, quantity=line.quantity)
    return Button(f"− {fewer}", Action("cart.fewer", args)), Button("+", Action("cart.more", args))


def _paging(page: int, pages: int) -> Row:
    if pages == 1:
        return ()
    return (
        Button("‹", Action("cart", {"page": (page - 1) % pages})),
        Button(f"{page + 1} / {pages}", Action("cart", {"page": page})),
        Button("›", Action("cart", {"page": (page + 1) % pages})),
    )


def _put(turn: Turn, args: Args, delta: int) -> None:
    cart = carts.put(turn.session, turn.shop.id, turn.customer.id, int(args["variant"]), delta)
    show_cart(turn, cart, page=int(args.get("page", 0)))
