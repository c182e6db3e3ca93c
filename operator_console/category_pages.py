"""Categories: how the goods are ordered for those who look around."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.orm import Session

from catalog import editing, goods
from catalog.names import named
from catalog.tables import Category, Product
from company.rights import Right
from company.tables import Shop
from operator_console import shell
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Form, Visit

INDENT = "— "
"""Stands before a category's name once for each one above it."""


async def categories(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "products")
    return visit.page("pages/categories.html", **frame, **await visit.read(_all, visit.shop.id))


async def add(visit: Visit) -> web.StreamResponse:
    await visit.write(_add, visit, await visit.form())
    return visit.done(go="/categories")


async def edit(visit: Visit) -> web.StreamResponse:
    await visit.write(_edit, visit, visit.number(), await visit.form())
    return visit.done(go="/categories")


async def shift(visit: Visit) -> web.StreamResponse:
    back = (await visit.form())["to"] == "back"
    await visit.write(_shift, visit, visit.number(), back)
    return visit.done(go="/categories")


ROUTES: tuple[Route, ...] = (
    get("/categories", categories, Right.CATALOG_EDIT),
    post("/categories", add, Right.CATALOG_EDIT),
    post(f"/categories/{ID}", edit, Right.CATALOG_EDIT),
    post(f"/categories/{ID}/shift", shift, Right.CATALOG_EDIT),
)


def options(session: Session, shop_id: int, nothing: str) -> list[Shape]:
    """All categories to choose from, the deeper ones indented."""
    return _options(goods.category_tree(session, shop_id), nothing)


def _options(tree: Sequence[tuple[Category, int]], nothing: str, *, without: int | None = None) -> list[Shape]:
    """`without` leaves out one and what stands under it."""
    found: list[Shape] = [{"value": "", "label": nothing}]
    hidden: int | None = None
    for row, depth in tree:
        if hidden is not None and depth > hidden:
            continue
        hidden = depth if row.id == without else None
        if hidden is None:
            found.append({"value": row.id, "label": INDENT * depth + named(row, reader().language)})
    return found


def _all(session: Session, shop_id: int) -> Shape:
    counted = sa.select(Product.category_id, sa.func.count()).where(Product.shop_id == shop_id, Product.active)
    counts = {row[0]: row[1] for row in session.execute(counted.group_by(Product.category_id))}
    tree = goods.category_tree(session, shop_id)
    sisters: dict[int | None, list[int]] = {}
    for row, _depth in tree:
        sisters.setdefault(row.parent_id, []).append(row.id)
    return {
        "top": _options(tree, _("at the top")),
        "categories": [
            {
                "id": row.id,
                "depth": depth,
                "name": row.name,
                "english": row.translations.get("en", {}).get("name", ""),
                "parent": row.parent_id or "",
                "parents": _options(tree, _("at the top"), without=row.id),
                "active": row.active,
                "products": counts.get(row.id, 0),
                "first": sisters[row.parent_id][0] == row.id,
                "last": sisters[row.parent_id][-1] == row.id,
            }
            for row, depth in tree
        ],
    }


def _parent(session: Session, shop_id: int, form: Form) -> Category | None:
    return goods.category(session, shop_id, form.number("parent")) if form["parent"] else None


def _english(form: Form, before: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    name = form["en_name"].strip()
    return {**before, "en": {"name": name} if name else {}}


def _add(session: Session, visit: Visit, form: Form) -> None:
    parent, shop = _parent(session, visit.shop.id, form), session.get_one(Shop, visit.shop.id)
    english = _english(form, {})
    editing.add_category(session, shop, name=form["name"], parent=parent, translations=english, actor=visit.actor)


def _edit(session: Session, visit: Visit, category_id: int, form: Form) -> None:
    row, actor = goods.category(session, visit.shop.id, category_id), visit.actor
    english, active = _english(form, row.translations), form["active"] == "on"
    editing.edit_category(session, row, name=form["name"], translations=english, active=active, actor=actor)
    editing.move_category(session, row, _parent(session, visit.shop.id, form), actor=actor)


def _shift(session: Session, visit: Visit, category_id: int, back: bool) -> None:
    row = goods.category(session, visit.shop.id, category_id)
    editing.shift_category(session, row, back=back, actor=visit.actor)
