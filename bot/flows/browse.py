"""Browsing the catalogue: categories, pages of products, and the product card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.flows.turn import Turn
from bot.flows.voice import Row, Voice, clipped, lines, paragraphs, photo, rows_of, written
from catalog import goods, names, stock
from catalog.tables import Category, Product, Variant
from inbox.content import Action, Button, Card, Offer, Offers, Outgoing
from kit.money import Money
from orders import cart as carts
from orders.tables import Cart

Args = Mapping[str, int | str]

PAGE, NARROW_PAGE, GOODS_PAGE = 6, 4, 10
"""Products on one page of a list; where a message has room for a few buttons only; where they stand as one thing."""

NARROW_CATEGORIES, NARROW_CATEGORY_PAGE = 9, 6
"""So many categories stand on one page where there is little room; if there are more, that many at a time."""

FEW_VARIANTS = 8
"""Up to so many variants are offered as a plain list; more are chosen attribute by attribute."""

FEW_LEFT = 5
"""So few are worth saying how many."""

DESCRIPTION = 600
"""The card's text stands under a photo, where messengers allow some thousand characters."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of a category; the whole shop's when there is no category."""

    category: Category | None
    inside: Sequence[Category]
    products: Sequence[Product]
    total: int
    page: int
    left: Mapping[int, int]
    """How many of each variant on the page can be had."""
    size: int = PAGE
    """Products on a page."""

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))


@dataclass(frozen=True, slots=True)
class Counter:
    """A product on the counter before the buyer: the variant he looks at, how much there is, what he has taken."""

    product: Product
    variant: Variant | None
    left: Mapping[int, int]
    in_cart: int
    cart_sum: Money
    currency: str
    page: int
    since: int = 0
    """The version of its message in which this card began: what was there before had other buttons in these places."""


# What the buyer does


def open_catalog(turn: Turn, args: Args) -> None:
    categories = goods.categories(turn.session, turn.shop.id)
    if not categories:
        _show_shelf(turn, None, [], page=int(args.get("page", 0)))
        return
    few = turn.capabilities.narrow and len(categories) > NARROW_CATEGORIES
    size = NARROW_CATEGORY_PAGE if few else len(categories)
    turn.show(categories_view(turn.voice, categories, page=int(args.get("page", 0)), size=size))


def open_category(turn: Turn, args: Args) -> None:
    category = goods.category(turn.session, turn.shop.id, int(args["id"]))
    inside = goods.categories(turn.session, turn.shop.id, category.id)
    _show_shelf(turn, category, inside, page=int(args.get("page", 0)))


def open_product(turn: Turn, args: Args) -> None:
    show_product(turn, int(args["id"]), variant_id=int(args.get("variant", 0)), page=int(args.get("page", 0)))


def more(turn: Turn, args: Args) -> None:
    cart = carts.put(turn.session, turn.shop.id, turn.customer.id, int(args["variant"]), 1)
    turn.toast(turn.voice.plain("buyer.product.added"))
    _show_again(turn, args, cart)


def fewer(turn: Turn, args: Args) -> None:
    cart = carts.put(turn.session, turn.shop.id, turn.customer.id, int(args["variant"]), -1)
    _show_again(turn, args, cart)


def sold_out(turn: Turn, args: Args) -> None:
    turn.toast(turn.voice.plain("buyer.product.sold_out_toast"), alert=True)


def show_product(
    turn: Turn,
    product_id: int,
    *,
    variant_id: int = 0,
    page: int = 0,
    cart: Cart | None = None,
    since: int | None = None,
) -> None:
    product = goods.shown(turn.session, turn.shop.id, product_id)
    if not product.active:
        raise goods.NoSuchProduct(f"product {product_id} is archived")
    sold = [variant for variant in product.variants if variant.active]
    left = stock.available(turn.session, [variant.id for variant in sold])
    taken = cart.lines if cart is not None else carts.inside(turn.session, turn.shop.id, turn.customer.id)
    variant = chosen(sold, variant_id, left)
    currency = turn.shop.currency
    counter = Counter(
        product=product,
        variant=variant,
        left=left,
        in_cart=sum(line.quantity for line in taken if variant and line.variant_id == variant.id),
        cart_sum=Money(sum(line.quantity * line.price_seen for line in taken), currency),
        currency=currency,
        page=page,
        since=since or 0,
    )
    shown = _face(turn.voice, counter)
    if since is None:
        counter = replace(counter, since=turn.version_of(shown))
    elif not turn.capabilities.edit:
        # The card is said anew at each tap; its picture stands above already.
        shown = replace(shown, media=())
    turn.show(replace(shown, rows=_buttons(turn.voice, counter)))


ACTIONS = {
    "catalog": open_catalog,
    "category": open_category,
    "product": open_product,
    "product.more": more,
    "product.fewer": fewer,
    "product.sold_out": sold_out,
}


# What he sees


def categories_view(voice: Voice, categories: Sequence[Category], *, page: int, size: int) -> Outgoing:
    pages = -(-len(categories) // size)
    shown = categories[min(page, pages - 1) * size :][:size]
    buttons = [Button(names.named(c, voice.locale), Action("category", {"id": c.id})) for c in shown]
    turning = _turning("catalog", {}, min(page, pages - 1), pages)
    last = (voice.button("buyer.menu.cart", Action("cart")),)
    return written(voice.marked("buyer.catalog.title"), rows=(*rows_of(buttons, 2), turning, last))


def shelf_view(voice: Voice, shelf: Shelf, currency: str) -> Outgoing:
    title = names.named(shelf.category, voice.locale) if shelf.category else voice.plain("buyer.menu.catalog")
    found = voice.count("buyer.catalog.products", shelf.total) if shelf.total or not shelf.inside else ""
    where = voice.marked("buyer.catalog.page", page=shelf.page + 1, pages=shelf.pages) if shelf.pages > 1 else ""
    empty = voice.marked("buyer.catalog.empty") if not shelf.total and not shelf.inside else ""
    text = lines(voice.marked("buyer.catalog.heading", title=title), empty or " · ".join(filter(None, (found, where))))
    inside = rows_of([Button(names.named(c, voice.locale), Action("category", {"id": c.id})) for c in shelf.inside], 2)
    back = (voice.button("buyer.catalog.back", Action("catalog")),) if shelf.category else ()
    each = tuple(offer(voice, product, shelf.left, currency, page=shelf.page) for product in shelf.products)
    after = voice.plain("buyer.catalog.further")
    offers = Offers(each, title, below=len(inside), after=after) if each else None
    return written(text, rows=(*inside, _paging(shelf), back), offers=offers)


def product_view(voice: Voice, counter: Counter) -> Outgoing:
    return replace(_face(voice, counter), rows=_buttons(voice, counter))


def _face(voice: Voice, counter: Counter) -> Outgoing:
    """The card without its buttons."""
    product, variant = counter.product, counter.variant
    name = names.named(product, voice.locale)
    price = Money(variant.price, counter.currency) if variant else None
    in_stock = stock_words(voice, counter.left.get(variant.id, 0) if variant else 0)
    text = paragraphs(
        voice.marked("buyer.product.title", name=name),
        voice.marked("buyer.product.description", text=clipped(names.described(product, voice.locale), DESCRIPTION)),
        lines(
            voice.marked("buyer.product.attributes", text=names.attributes(variant, voice.locale))
            if variant and variant.attributes
            else "",
            voice.marked("buyer.product.sku", sku=variant.sku) if variant else "",
            voice.marked("buyer.product.price", price=price, stock=in_stock) if price else in_stock,
        ),
    )
    cover = goods.cover(product, variant)
    return written(
        text,
        media=photo(cover.file_id if cover else None),
        card=Card("product", product.id, name, price.format(voice.locale) if price else "", in_stock),
    )


def _buttons(voice: Voice, counter: Counter) -> tuple[Row, ...]:
    rows = (*_choices(voice, counter), _quantity(voice, counter), _ways(voice, counter))
    return tuple(row for row in rows if row)


def stock_words(voice: Voice, left: int) -> str:
    if left <= 0:
        return voice.plain("buyer.product.none")
    return voice.plain("buyer.product.few", n=left) if left <= FEW_LEFT else voice.plain("buyer.product.plenty")


def offer(voice: Voice, product: Product, left: Mapping[int, int], currency: str, *, page: int = 0) -> Offer:
    """A product among others: «Кружка «Туман» · от 1 450 ₽», or its name, its price and its picture each by itself."""
    sold = [variant for variant in product.variants if variant.active]
    name, shown = names.named(product, voice.locale), chosen(sold, 0, left)
    prices = {variant.price for variant in sold}
    if not any(left.get(variant.id, 0) > 0 for variant in sold):
        label, note = voice.plain("buyer.catalog.offer_none", name=name), voice.plain("buyer.product.none")
    elif len(prices) == 1:
        price = Money(min(prices), currency)
        label, note = voice.plain("buyer.catalog.offer", name=name, price=price), price.format(voice.locale)
    else:
        price = Money(min(prices), currency)
        label = voice.plain("buyer.catalog.offer_from", name=name, price=price)
        note = voice.plain("buyer.catalog.from", price=price)
    cover = goods.cover(product, None)
    return Offer(
        Button(label, Action("product", {"id": product.id} | ({"page": page} if page else {}))),
        title=name,
        note=note,
        opens=voice.plain("buyer.catalog.opens"),
        photo=next(iter(photo(cover.file_id if cover else None)), None),
        sku=shown.sku if shown else "",
    )


def chosen(sold: Sequence[Variant], variant_id: int, left: Mapping[int, int]) -> Variant | None:
    """The variant that the card shows: the one asked for, else the first that there is some of."""
    for variant in sold:
        if variant.id == variant_id:
            return variant
    return next((variant for variant in sold if left.get(variant.id, 0) > 0), sold[0] if sold else None)


def axes(sold: Iterable[Variant]) -> list[tuple[str, list[str]]]:
    """The attributes that tell the variants apart, each with its values in the order of the variants.

    Empty when the variants do not all have the same attributes.
    """
    variants = list(sold)
    titles = [title for title, _ in variants[0].attributes] if variants else []
    if any([title for title, _ in variant.attributes] != titles for variant in variants):
        return []
    columns = [list(dict.fromkeys(str(v.attributes[i][1]) for v in variants)) for i in range(len(titles))]
    return [(title, values) for title, values in zip(titles, columns, strict=True) if len(values) > 1]


def nearest(sold: Iterable[Variant], current: Variant, title: str, value: str) -> Variant | None:
    """The variant with this value that differs least from the current one."""
    wanted = _values(current) | {title: value}
    fitting = [variant for variant in sold if _values(variant)[title] == value]
    return max(fitting, key=lambda v: sum(wanted[t] == x for t, x in _values(v).items()), default=None)


def _show_shelf(turn: Turn, category: Category | None, inside: Sequence[Category], *, page: int) -> None:
    category_id = category.id if category else None
    card = turn.capabilities
    size = min(GOODS_PAGE, card.goods.most) if card.goods else NARROW_PAGE if card.narrow else PAGE
    products, total = goods.products(turn.session, turn.shop.id, category_id, offset=page * size, limit=size)
    left = stock.available(turn.session, [v.id for p in products for v in p.variants if v.active])
    shelf = Shelf(category, inside, products, total, page, left, size)
    turn.show(shelf_view(turn.voice, shelf, turn.shop.currency))


def _show_again(turn: Turn, args: Args, cart: Cart) -> None:
    variant_id, page, since = int(args["variant"]), int(args.get("page", 0)), int(args.get("since", 0))
    show_product(turn, int(args["id"]), variant_id=variant_id, page=page, cart=cart, since=since)


def _paging(shelf: Shelf) -> Row:
    name, place = ("category", {"id": shelf.category.id}) if shelf.category else ("catalog", {})
    return _turning(name, place, shelf.page, shelf.pages)


def _turning(name: str, place: Mapping[str, int], page: int, pages: int) -> Row:
    """The pages before and after this one, in a circle; nothing where there is one page."""
    if pages == 1:
        return ()
    before = Button("‹", Action(name, {**place, "page": (page - 1) % pages}))
    after = Button("›", Action(name, {**place, "page": (page + 1) % pages}))
    return before, Button(f"{page + 1} / {pages}", Action(name, {**place, "page": page})), after


def _choices(voice: Voice, counter: Counter) -> tuple[Row, ...]:
    sold = [variant for variant in counter.product.variants if variant.active]
    if counter.variant is None or len(sold) < 2:
        return ()
    ways = axes(sold)
    if len(sold) <= FEW_VARIANTS or not ways:
        return rows_of([_choice(voice, counter, v, names.attributes(v, voice.locale) or v.sku) for v in sold], 2)
    rows: list[Row] = []
    for title, values in ways:
        offered = [(value, nearest(sold, counter.variant, title, value)) for value in values]
        words = {value: _spoken(variant, title, voice.locale) for value, variant in offered if variant}
        rows += rows_of([_choice(voice, counter, v, words[value]) for value, v in offered if v], 4)
    return tuple(rows)


def _choice(voice: Voice, counter: Counter, variant: Variant, label: str) -> Button:
    """A variant to look at; a mark tells the one on the card, and those that are gone."""
    args = {"id": counter.product.id, "variant": variant.id, "page": counter.page}
    if counter.variant is not None and variant.id == counter.variant.id:
        label = f"✓ {label}"
    elif counter.left.get(variant.id, 0) <= 0:
        label = voice.plain("buyer.product.choice_none", label=label)
    return Button(label, Action("product", args))


def _values(variant: Variant) -> dict[str, str]:
    return {str(title): str(value) for title, value in variant.attributes}


def _spoken(variant: Variant, title: str, locale: str) -> str:
    """The value of one attribute in the reader's language; `title` is the attribute's own name."""
    at = [name for name, _ in variant.attributes].index(title)
    return names.pairs(variant, locale)[at][1]


def _quantity(voice: Voice, counter: Counter) -> Row:
    variant = counter.variant
    if variant is None:
        return ()
    args = {"id": counter.product.id, "variant": variant.id, "page": counter.page, "since": counter.since}
    if counter.in_cart:
        # Where «В корзину» stood comes what changes nothing: a second tap must not take back what the first one added.
        return (
            Button(voice.plain("buyer.product.in_cart", n=counter.in_cart), Action("cart")),
            Button("−", Action("product.fewer", args)),
            Button("+", Action("product.more", args)),
        )
    if counter.left.get(variant.id, 0) <= 0:
        return (voice.button("buyer.product.sold_out", Action("product.sold_out")),)
    return (Button(voice.plain("buyer.product.add"), Action("product.more", args)),)


def _ways(voice: Voice, counter: Counter) -> Row:
    category = counter.product.category_id
    back = Action("category", {"id": category, "page": counter.page}) if category else Action("catalog")
    row = [Button(voice.plain("buyer.back"), back)]
    if counter.cart_sum:
        row.append(Button(voice.plain("buyer.cart.button", sum=counter.cart_sum), Action("cart")))
    return tuple(row)
