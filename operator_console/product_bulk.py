"""Ticked products changed at once: prices, category, on sale or not. Each act is shown before, and can be undone."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import goods, many, names
from catalog.many import Repricing
from catalog.names import named
from catalog.tables import Product
from company.rights import Right
from kit.money import Money
from operator_console import category_pages, shell
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import ngettext, reader
from operator_console.visits import Form, NoSuchPage, Visit, whole

URL = "/products/bulk"

PRICE, CATEGORY, SALE = "price", "category", "sale"

STEPS = (1, 100, 1000, 5000, 10000)
"""What prices may be rounded to, in minor units."""


async def page(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "products")
    return visit.page("pages/products_bulk.html", **frame, **await visit.read(_page, visit, visit.query("ids")))


async def preview(visit: Visit) -> web.StreamResponse:
    """The prices as they would be; what is typed halfway is no failure."""
    form = Form(visit.request.query)
    filled = await visit.read(_prices, visit, form) if form["by"].strip() else {"rows": [], "n": 0, "seen": ""}
    return visit.page("partials/products_bulk_prices.html", **filled)


async def act(visit: Visit) -> web.StreamResponse:
    filled = await visit.write(_act, visit, await visit.form())
    return visit.page("partials/products_bulk_done.html", **filled)


async def undo(visit: Visit) -> web.StreamResponse:
    filled = await visit.write(_undo, visit, await visit.form())
    return visit.page("partials/products_bulk_done.html", **filled)


ROUTES: tuple[Route, ...] = (
    get(URL, page, Right.CATALOG_EDIT),
    get(f"{URL}/prices", preview, Right.CATALOG_EDIT),
    post(URL, act, Right.CATALOG_EDIT),
    post(f"{URL}/undo", undo, Right.CATALOG_EDIT),
)


def _ids(text: str) -> list[int]:
    """Raises NoSuchPage for none: our own list sends some."""
    return [whole(part) for part in text.split(",")]


def _page(session: Session, visit: Visit, text: str) -> Shape:
    rows = many.products(session, visit.shop.id, _ids(text))
    on_sale = sum(row.active for row in rows)
    return {
        "ids": ",".join(str(row.id) for row in rows),
        "names": [named(row, reader().language) for row in rows],
        "n": len(rows),
        "categories": category_pages.options(session, visit.shop.id, _("none")),
        "currency": visit.shop.currency,
        "steps": [{"value": step, "label": _("do not round") if step == 1 else _money(step, visit)} for step in STEPS],
        "on_sale": on_sale,
        "off_sale": len(rows) - on_sale,
    }


def _money(amount: int, visit: Visit) -> str:
    return Money(amount, visit.shop.currency).format(reader().language)


def _how(form: Form, currency: str) -> Repricing:
    step = form.number("step")
    if step not in STEPS:
        raise NoSuchPage(f"no rounding to {step}")
    up, text = form["way"] != "down", form["by"].strip()
    if form["unit"] == "sum":
        return Repricing(up, sum_=Money.parse(text, currency).amount, step=step)
    try:
        percent = Decimal(text.rstrip("% ").replace(",", "."))
    except InvalidOperation:
        raise many.BadRepricing(text[:40]) from None
    return Repricing(up, percent=percent, step=step)


def _prices(session: Session, visit: Visit, form: Form) -> Shape:
    rows, how = many.products(session, visit.shop.id, _ids(form["ids"])), _how(form, visit.shop.currency)
    lines = [line for row in rows for line in _lines(row, how, visit)]
    return {"rows": lines, "n": sum(line["changes"] for line in lines), "seen": many.fingerprint(rows)}


def _lines(row: Product, how: Repricing, visit: Visit) -> list[Shape]:
    return [
        {
            "name": names.title(variant, reader().language),
            "sku": variant.sku,
            "before": _money(variant.price, visit),
            "after": _money(after, visit),
            "changes": after != variant.price,
        }
        for variant in row.variants
        for after in [how.of(variant.price)]
    ]


def _act(session: Session, visit: Visit, form: Form) -> Shape:
    shop_id, ids, actor = visit.shop.id, _ids(form["ids"]), visit.actor
    what = form["act"]
    if what == PRICE:
        how = _how(form, visit.shop.currency)
        changed = many.reprice(session, shop_id, ids, how, seen=form["seen"], actor=actor)
        words = ngettext("{n} price is changed", "{n} prices are changed", len(changed))
        return _done(words, what, ids, ",".join(f"{id_}:{before}:{after}" for id_, before, after in changed))
    if what == CATEGORY:
        category = goods.category(session, shop_id, form.number("category")) if form["category"] else None
        moved = many.put_under(session, shop_id, ids, category, actor=actor)
        words = ngettext("{n} product has another category", "{n} products have another category", len(moved))
        return _done(words, what, ids, ",".join(f"{id_}:{before}:{form['category'] or 0}" for id_, before in moved))
    if what == SALE:
        active = form["active"] == "1"
        turned = many.put_on_sale(session, shop_id, ids, active=active, actor=actor)
        words = (
            ngettext("{n} product is on sale", "{n} products are on sale", len(turned))
            if active
            else ngettext("{n} product is off the sale", "{n} products are off the sale", len(turned))
        )
        return _done(words, what, ids, ",".join(f"{id_}:{int(not active)}:{int(active)}" for id_ in turned))
    raise NoSuchPage("no such act")


def _done(words: str, what: str, ids: list[int], back: str) -> Shape:
    return {"words": words, "act": what, "ids": ",".join(map(str, ids)), "back": back}


def _undo(session: Session, visit: Visit, form: Form) -> Shape:
    """Takes back what is still as the act left it."""
    shop_id, actor, what, back = visit.shop.id, visit.actor, form["act"], 0
    before = [(whole(id_), whole(was), whole(now)) for id_, was, now in _triples(form["back"])]
    if what == PRICE:
        back = many.price_back(session, shop_id, before, actor=actor)
    elif what in (CATEGORY, SALE):
        rows = {row.id: row for row in many.products(session, shop_id, [id_ for id_, _, _ in before], lock=True)}
        for was in sorted({was for _, was, _ in before}):
            ids = [id_ for id_, then, now in before if then == was and _is_now(rows[id_], what, now)]
            if what == CATEGORY:
                category = goods.category(session, shop_id, was) if was else None
                back += len(many.put_under(session, shop_id, ids, category, actor=actor))
            else:
                back += len(many.put_on_sale(session, shop_id, ids, active=bool(was), actor=actor))
    else:
        raise NoSuchPage("no such act")
    return _done(ngettext("{n} change is taken back", "{n} changes are taken back", back), what, _ids(form["ids"]), "")


def _triples(text: str) -> list[list[str]]:
    parts = [part.split(":") for part in text.split(",")]
    if any(len(part) != 3 for part in parts):
        raise NoSuchPage("nothing to take back")
    return parts


def _is_now(row: Product, what: str, now: int) -> bool:
    return (row.category_id or 0) == now if what == CATEGORY else row.active == bool(now)
