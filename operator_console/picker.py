"""Choosing a product while talking: by first letters, SKU or barcode; what is gone is shown as gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import goods, names, search, stock
from catalog.tables import Product, Variant
from kit.money import Money
from operator_console import photos
from operator_console.people import Shape
from operator_console.routing import Route, get
from operator_console.texts import reader
from operator_console.visits import Visit

OFFERED = 30
"""Variants in the list."""

AT_FIRST = 8
"""Products offered before anything is typed."""


async def goods_list(visit: Visit) -> web.StreamResponse:
    """The list alone, while the query is typed."""
    query = visit.query("q")
    return visit.page("partials/picker_list.html", query=query, goods=await visit.read(offers, visit, query))


async def show(visit: Visit, *, send: str, add: str | None) -> web.Response:
    """The picker of a page: `send` and `add` are where a chosen product is posted."""
    urls: Mapping[str, str | None] = {"search": "/picker/goods", "send": send, "add": add}
    return visit.page("partials/picker.html", query="", goods=await visit.read(offers, visit, ""), urls=urls)


ROUTES: tuple[Route, ...] = (get("/picker/goods", goods_list),)


def offers(session: Session, visit: Visit, query: str) -> list[Shape]:
    """macros/picker.html: goods."""
    query = query.strip()[:100]
    found = search.find(session, visit.shop.id, query, limit=OFFERED) if query else _first(session, visit.shop.id)
    sold = [(product, variant) for product in found for variant in product.variants if variant.active]
    left = stock.available(session, [variant.id for _product, variant in sold])
    # The best answer stays first among what there is; what is gone is still found, below.
    sold.sort(key=lambda it: (not _is_exactly(it[1], query), left.get(it[1].id, 0) <= 0))
    sold = sold[:OFFERED]
    urls = photos.of_variants(session, [(variant.id, product.id) for product, variant in sold])
    return [
        {
            "variant_id": variant.id,
            "product_id": product.id,
            "name": names.title(variant, reader().language),
            "sku": variant.sku,
            "price": Money(variant.price, visit.shop.currency),
            "photo": urls.get(variant.id),
            "stock": left.get(variant.id, 0),
        }
        for product, variant in sold
    ]


def _first(session: Session, shop_id: int) -> Sequence[Product]:
    return goods.products(session, shop_id, limit=AT_FIRST)[0]


def _is_exactly(variant: Variant, query: str) -> bool:
    return query.casefold() in (variant.sku.casefold(), (variant.barcode or "").casefold())
