"""Goods: the list with prices and stock, and each product's page, where both are changed."""

from __future__ import annotations

from urllib.parse import urlencode

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from catalog import editing, goods, names, search, stock
from catalog.import_rows import attributes_in, attributes_text
from catalog.names import named
from catalog.tables import Product, Stock, Variant, Warehouse
from company.rights import Right
from company.tables import Shop
from kit.money import Money
from operator_console import catalog_export, category_pages, photo_acts, photos, seen, shell
from operator_console.order_acts import count_of
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, Visit

PER_PAGE = 30
MOST_PAGES = 10_000

OFF = "off"
"""The filter that shows what is not on sale."""

TEXT = "product-text"
"""The part of the page with what the buyer reads."""


async def products(visit: Visit) -> web.StreamResponse:
    if visit.by_script:
        return visit.page("partials/products.html", **await visit.read(_list, visit))
    frame = await shell.frame(visit, "products")
    filled = await visit.read(_list, visit)
    return visit.page("pages/products.html", **frame, **filled)


async def product(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "products")
    filled = await visit.read(_product, visit, visit.number())
    return visit.page("pages/product.html", **frame, may_edit=visit.may(Right.CATALOG_EDIT), **filled)


async def add(visit: Visit) -> web.StreamResponse:
    product_id = await visit.write(_add, visit.shop.id, await visit.form(), visit.actor)
    return visit.done(go=f"/products/{product_id}")


async def edit(visit: Visit) -> web.StreamResponse:
    mark = await visit.write(_edit, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    return _kept(visit, TEXT, mark)


async def archive(visit: Visit) -> web.StreamResponse:
    """Off the counter, or back on it."""
    await visit.write(_archive, visit.shop.id, visit.number(), visit.actor)
    return visit.done(go=f"/products/{visit.number()}")


async def add_variant(visit: Visit) -> web.StreamResponse:
    await visit.write(_add_variant, visit, visit.number(), await visit.form())
    return visit.done(go=f"/products/{visit.number()}")


async def edit_variant(visit: Visit) -> web.StreamResponse:
    mark = await visit.write(_edit_variant, visit, visit.number(), await visit.form())
    return _kept(visit, f"variant-{visit.number()}", mark)


async def count(visit: Visit) -> web.StreamResponse:
    """What lies in a warehouse has been counted."""
    await visit.write(_count, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    return _kept(visit)


ROUTES: tuple[Route, ...] = (
    get("/products", products),
    post("/products", add, Right.CATALOG_EDIT),
    get(f"/products/{ID}", product),
    post(f"/products/{ID}", edit, Right.CATALOG_EDIT),
    post(f"/products/{ID}/archive", archive, Right.CATALOG_EDIT),
    post(f"/products/{ID}/variants", add_variant, Right.CATALOG_EDIT),
    post(f"/variants/{ID}", edit_variant, Right.CATALOG_EDIT),
    post(f"/variants/{ID}/stock", count, Right.CATALOG_EDIT),
)


def _kept(visit: Visit, part: str = "", mark: str = "") -> web.StreamResponse:
    """`mark` is what the part of the page shows from now on."""
    with reading(visit.reader):
        return visit.done(_("Kept"), tell={"product:kept": {"part": part, "seen": mark}} if part else None)


def _list(session: Session, visit: Visit) -> Shape:
    shop = visit.shop
    text = visit.query("q").replace("\x00", "").strip()[:100]
    category_id = visit.query_number("category")
    page = max(1, min(visit.query_number("page") or 1, MOST_PAGES))
    off = visit.query("sale") == OFF
    if off:
        found, total = goods.off_sale(session, shop.id, category_id, text, offset=(page - 1) * PER_PAGE, limit=PER_PAGE)
    elif text:
        found, total = search.find(session, shop.id, text, limit=PER_PAGE), 0
    else:
        offset = (page - 1) * PER_PAGE
        found, total = goods.products(session, shop.id, category_id, offset, PER_PAGE, archived=True)
    last = max(1, -(-total // PER_PAGE))

    def at(number: int) -> str:
        query = {"page": number} | ({"category": category_id} if category_id else {}) | ({"sale": OFF} if off else {})
        return f"/products?{urlencode(query)}"

    return {
        "may_edit": visit.may(Right.CATALOG_EDIT),
        "list_url": f"{at(page)}&{urlencode({'q': text})}",
        "may_export": visit.may(Right.EXPORT),
        "downloads": catalog_export.downloads(),
        "query": text,
        "sale": OFF if off else "",
        "sales": [{"value": "", "label": _("all")}, {"value": OFF, "label": _("taken off the sale")}],
        "category": category_id or "",
        "categories": category_pages.options(session, shop.id, _("all")),
        "total": total if off else total or len(found),
        "warehouses": [named(row, reader().language) for row in stock.warehouses(session, shop.id)],
        "products": _rows(session, shop, found),
        "pages": {
            "now": page,
            "last": last,
            "before": at(page - 1) if page > 1 else None,
            "after": at(page + 1) if page < last else None,
        },
    }


def _rows(session: Session, shop: Shop, found: list[Product]) -> list[Shape]:
    """Products with a line for each variant: price, and what lies in each warehouse."""
    variants = [variant for row in found for variant in row.variants]
    urls = photos.of_variants(session, [(variant.id, variant.product_id) for variant in variants])
    shelves = _shelves(session, [variant.id for variant in variants])
    warehouses = stock.warehouses(session, shop.id)
    return [
        {
            "id": row.id,
            "url": f"/products/{row.id}",
            "name": named(row, reader().language),
            "active": row.active,
            "variants": [
                {
                    "name": names.attributes(variant, reader().language),
                    "sku": variant.sku,
                    "photo": urls.get(variant.id),
                    "price": Money(variant.price, shop.currency),
                    "active": variant.active,
                    "stock": [shelves.get((variant.id, place.id), (0, 0)) for place in warehouses],
                    "left": sum(
                        lies - promised
                        for lies, promised in (shelves.get((variant.id, place.id), (0, 0)) for place in warehouses)
                    ),
                }
                for variant in row.variants
            ],
        }
        for row in found
    ]


def _shelves(session: Session, variant_ids: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """How much lies, and how much of it is promised, by variant and warehouse."""
    rows = session.scalars(sa.select(Stock).where(Stock.variant_id.in_(variant_ids)))
    return {(row.variant_id, row.warehouse_id): (row.on_hand, row.reserved) for row in rows}


def _product(session: Session, visit: Visit, product_id: int) -> Shape:
    shop = visit.shop
    row = goods.product(session, shop.id, product_id)
    urls = photos.of_variants(session, [(one.id, row.id) for one in row.variants], photos.MIDDLE)
    shelves = _shelves(session, [one.id for one in row.variants])
    warehouses = stock.warehouses(session, shop.id)
    sees_purchase = visit.may(Right.SEE_PURCHASE_PRICE)
    return {
        "product": row,
        "title": named(row, reader().language),
        "seen": _mark(row),
        "photos": photo_acts.shape(session, row),
        "shows": photo_acts.variants_to_show(row),
        "english": row.translations.get("en", {}),
        "categories": category_pages.options(session, shop.id, _("none")),
        "sees_purchase": sees_purchase,
        "variants": [
            {
                "id": one.id,
                "seen": _variant_mark(one),
                "name": names.attributes(one, reader().language) or _("The only variant"),
                "sku": one.sku,
                "attributes": attributes_text(one.attributes),
                "barcode": one.barcode or "",
                "photo": urls.get(one.id),
                "active": one.active,
                "price": Money(one.price, shop.currency),
                "purchase": Money(one.purchase_price, shop.currency)
                if sees_purchase and one.purchase_price is not None
                else None,
                "stock": [_shelf(place, shelves.get((one.id, place.id), (0, 0))) for place in warehouses],
            }
            for one in row.variants
        ],
    }


def _shelf(place: Warehouse, amount: tuple[int, int]) -> Shape:
    on_hand, reserved = amount
    return {"id": place.id, "name": named(place, reader().language), "on_hand": on_hand, "reserved": reserved}


def _add(session: Session, shop_id: int, form: Form, actor: str) -> int:
    """A product with one variant, and the first pieces of it in the first warehouse."""
    shop = session.get_one(Shop, shop_id)
    category = goods.category(session, shop_id, form.number("category")) if form["category"] else None
    price = Money.parse(form["price"], shop.currency)
    row = editing.add_product(session, shop, name=form["name"], category=category, actor=actor)
    variant = editing.add_variant(session, row, sku=form["sku"], price=price.amount, actor=actor)
    pieces = count_of(form["pieces"] or "0")
    if pieces:
        places = stock.warehouses(session, shop_id) or [stock.add_warehouse(session, shop, name=shop.name)]
        stock.receive(session, variant, places[0], pieces, reason="initial", actor=actor)
    return row.id


def _mark(row: Product) -> str:
    return seen.mark(row.name, row.description, row.translations.get("en", {}), row.category_id)


def _variant_mark(row: Variant) -> str:
    return seen.mark(row.sku, row.attributes, row.price, row.barcode, row.active)


def _held(session: Session, table: type[Product] | type[Variant], id_: int) -> None:
    """Of two who change it at once the second waits, and then sees what the first did."""
    session.execute(sa.select(table.id).where(table.id == id_).with_for_update())


def _edit(session: Session, shop_id: int, product_id: int, form: Form, actor: str) -> str:
    _held(session, Product, product_id)
    row = goods.product(session, shop_id, product_id)
    seen.demand(form, _mark(row))
    english = {field: form[f"en_{field}"].strip() for field in ("name", "description")}
    editing.edit_product(
        session,
        row,
        name=form["name"],
        description=form["description"],
        translations={**row.translations, "en": {field: words for field, words in english.items() if words}},
        category=goods.category(session, shop_id, form.number("category")) if form["category"] else None,
        no_category=not form["category"],
        actor=actor,
    )
    return _mark(row)


def _archive(session: Session, shop_id: int, product_id: int, actor: str) -> None:
    row = goods.product(session, shop_id, product_id)
    if row.active:
        editing.archive_product(session, row, actor=actor)
    else:
        editing.restore_product(session, row, actor=actor)


def _variant(session: Session, shop_id: int, variant_id: int) -> Variant:
    """The variant with its product and its sisters, as editing wants it."""
    row = goods.variant(session, shop_id, variant_id)
    return next(one for one in goods.product(session, shop_id, row.product_id).variants if one.id == variant_id)


def _purchase(visit: Visit, form: Form) -> int | None:
    """What the form says of it; None, which leaves it as it is, from one who does not see purchase prices."""
    text = form["purchase"].strip() if visit.may(Right.SEE_PURCHASE_PRICE) else ""
    return Money.parse(text, visit.shop.currency).amount if text else None


def _add_variant(session: Session, visit: Visit, product_id: int, form: Form) -> None:
    editing.add_variant(
        session,
        goods.product(session, visit.shop.id, product_id),
        sku=form["sku"],
        price=Money.parse(form["price"], visit.shop.currency).amount,
        purchase_price=_purchase(visit, form),
        barcode=form["barcode"],
        attributes=attributes_in(form["apart"]),
        actor=visit.actor,
    )


def _edit_variant(session: Session, visit: Visit, variant_id: int, form: Form) -> str:
    _held(session, Variant, variant_id)
    row = _variant(session, visit.shop.id, variant_id)
    seen.demand(form, _variant_mark(row))
    editing.edit_variant(
        session,
        row,
        sku=form["sku"] or None,
        attributes=attributes_in(form["apart"]) if "apart" in form else None,
        price=Money.parse(form["price"], visit.shop.currency).amount,
        purchase_price=_purchase(visit, form),
        barcode=form["barcode"],
        active=form["active"] == "on",
        actor=visit.actor,
    )
    return _variant_mark(row)


def _count(session: Session, shop_id: int, variant_id: int, form: Form, actor: str) -> None:
    variant = goods.variant(session, shop_id, variant_id)
    warehouse = session.get(Warehouse, form.number("warehouse"))
    if warehouse is None or warehouse.shop_id != shop_id:
        raise stock.NoSuchWarehouse(f"no such warehouse of shop {shop_id}")
    stock.correct(session, variant, warehouse, count_of(form["counted"]), actor=actor)
