"""An applied file taken back: what it changed is as it was before, what it made is off the sale. What somebody has
changed since stays as it is.

What would happen is counted from the same plan that is then carried out, in portions of one transaction each, as the
file itself was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, import_apply, import_rows, importing, stock
from catalog.events import CatalogImportUndone
from catalog.import_columns import OF_PRODUCT, SOME_WAREHOUSE, STOCK, Column
from catalog.import_rows import Paths, Row, Shelf
from catalog.importing import APPLIED, AT_ONCE, BREATH, CHECKED, KEPT, ImportGoesOn
from catalog.tables import Import, ImportRow, ImportState, Outcome, Product, Variant
from company.tables import Shop
from kit.errors import Problem
from storage import jobs
from storage.database import Database
from storage.events import publish
from storage.jobs import Again, Effect, Handler, Job

UNDO = "catalog.import.undo"

SINCE = "changed_since"
"""The reason of a row that stays, in whole or in part: {"columns": which of them}."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """Rows by what undoing does to them; those of `stays` keep something that was changed since."""

    back: int = 0
    off_sale: int = 0
    stays: int = 0


@dataclass(slots=True)
class _Plan:
    """Of one row: values to be set back, whether its variant leaves the sale, and columns that were changed since."""

    back: dict[str, Any] = field(default_factory=dict)
    off_sale: bool = False
    since: list[str] = field(default_factory=list)


def possible(one: Import, now: datetime) -> bool:
    """Its rows are still there to tell what was before."""
    return one.state == ImportState.DONE and one.created_at > now - KEPT


def undo(session: Session, shop_id: int, import_id: int, *, actor: str, now: datetime) -> None:
    """Have it taken back. A second call changes nothing. Raises ImportGoesOn when it is not in the catalogue, or too
    long."""
    one = importing.get(session, shop_id, import_id, lock=True)
    if one.state in (ImportState.UNDOING, ImportState.UNDONE):
        return
    if not possible(one, now):
        raise ImportGoesOn()
    one.state, one.actor = ImportState.UNDOING, actor
    session.flush()
    jobs.put(session, UNDO, {"import_id": one.id}, lane=importing.lane(one))


async def prospect(db: Database, one: Import) -> Prospect:
    """What undoing would do now. Reads portion by portion, so that others have their turn."""
    found, line = Prospect(), 0
    while portion := await db.read(_applied, one.id, CHECKED, line):
        found = await db.read(_foreseen, one, portion, found)
        line = portion[-1].line
    return found


def handlers() -> Mapping[str, Handler]:
    return {UNDO: Effect(_remember, _breathe, _undo)}


def _remember(session: Session, job: Job) -> int | Again | None:
    one = session.get(Import, job.payload["import_id"])
    return one.id if one is not None and one.state == ImportState.UNDOING else None


async def _breathe(import_id: int) -> None:
    await asyncio.sleep(BREATH)


def _undo(session: Session, job: Job, import_id: int, _: None) -> Again | None:
    """One portion. A row that is behind us is not `done` any more, or is `kept`."""
    one = session.get(Import, import_id)
    if one is None or one.state != ImportState.UNDOING:
        return None
    shop, until = session.get_one(Shop, one.shop_id), time.monotonic() + AT_ONCE
    paths = Paths.of(session, shop.id)
    for n, kept in enumerate(_applied(session, one.id, APPLIED + 1)):
        if n == APPLIED or (n and time.monotonic() > until):
            return Again(timedelta(0))
        try:
            with session.begin_nested():
                row = import_rows.read(kept.cells, one.columns, one.headings, shop.currency)
                since = _take_back(session, shop, row, kept, paths, one.actor)
        except Problem as why:
            kept.outcome, kept.why = Outcome.KEPT, importing.reason(why)
        else:
            kept.done = False
            if since:
                kept.outcome, kept.why = Outcome.KEPT, {"code": SINCE, "facts": {"columns": since}}
        session.flush()
    one.state = ImportState.UNDONE
    session.flush()
    publish(
        session,
        CatalogImportUndone(shop_id=shop.id, subject=f"import:{one.id}", actor=one.actor, import_id=one.id),
    )
    return None


def _applied(session: Session, import_id: int, limit: int, after: int = 0) -> list[ImportRow]:
    """Rows that are in the catalogue, those after a line."""
    query = sa.select(ImportRow).where(
        ImportRow.import_id == import_id,
        ImportRow.outcome.in_([Outcome.NEW, Outcome.CHANGED]),
        ImportRow.done,
        ImportRow.line > after,
    )
    return list(session.scalars(query.order_by(ImportRow.line).limit(limit)))


# What it would do


def _foreseen(session: Session, one: Import, portion: Sequence[ImportRow], found: Prospect) -> Prospect:
    shop, paths = session.get_one(Shop, one.shop_id), Paths.of(session, one.shop_id)
    rows = [import_rows.read(kept.cells, one.columns, one.headings, shop.currency) for kept in portion]
    shelf = _look(session, shop, rows, paths)
    places = _first_place(session, shop)
    for row, kept in zip(rows, portion, strict=True):
        plan = _plan(row, kept, shelf, places)
        if plan.since:
            found = replace(found, stays=found.stays + 1)
        elif kept.outcome == Outcome.NEW:
            found = replace(found, off_sale=found.off_sale + 1)
        else:
            found = replace(found, back=found.back + 1)
    return found


def _look(session: Session, shop: Shop, rows: Sequence[Row], paths: Paths) -> Shelf:
    return import_rows.look(session, shop.id, rows, paths)


def _first_place(session: Session, shop: Shop) -> str:
    """The column of the warehouse that a file's stock went to when the shop had none."""
    places = stock.warehouses(session, shop.id)
    return f"{STOCK}{places[0].id}" if places else SOME_WAREHOUSE


def _plan(row: Row, kept: ImportRow, shelf: Shelf, first_place: str) -> _Plan:
    variant = shelf.variants.get(row.sku)
    if variant is None:
        return _Plan(since=[Column.SKU])
    plan = _Plan()
    is_new = kept.outcome == Outcome.NEW
    for told, before, after in kept.changes:
        column = first_place if told == SOME_WAREHOUSE else told
        if is_new and (before is None or column not in OF_PRODUCT):
            continue
        of_product = column in OF_PRODUCT
        now = (
            import_rows.product_now(variant.product, column, shelf)
            if of_product
            else import_rows.variant_now(variant, column, shelf)
        )
        is_gone = column == Column.CATEGORY and before and shelf.paths.find(before) is None
        if now == before:
            continue
        if now != after or is_gone:
            plan.since.append(column)
        else:
            plan.back[column] = before
    if is_new:
        plan.since += _touched(row, variant, shelf)
        plan.off_sale = variant.active and not plan.since
    return plan


def _touched(row: Row, variant: Variant, shelf: Shelf) -> list[str]:
    """What somebody has changed of a variant that the file made. That it was sold, counted or taken off the sale is no
    such change."""
    told = [change[0] for change in import_rows.of_variant(row, variant, shelf)]
    return [column for column in told if not column.startswith(STOCK) and column != Column.ACTIVE]


# Doing it


def _take_back(session: Session, shop: Shop, row: Row, kept: ImportRow, paths: Paths, actor: str) -> list[str]:
    """The columns that stay as somebody has made them since."""
    shelf = _look(session, shop, [row], paths)
    if row.sku not in shelf.variants:
        return [Column.SKU]
    product_id = shelf.variants[row.sku].product_id
    import_apply.lock(session, product_id)
    # What is planned is what there is now that nobody else can change it.
    shelf = _look(session, shop, [row], paths)
    product = goods.product(session, shop.id, product_id)
    variant = next(one for one in product.variants if one.sku == row.sku)
    shelf.variants[row.sku] = variant
    plan = _plan(row, kept, shelf, _first_place(session, shop))
    _product_back(session, shop, product, plan.back, shelf, actor)
    import_apply.write(session, shop, variant, plan.back, actor=actor)
    if plan.off_sale:
        editing.edit_variant(session, variant, active=False, actor=actor)
        if product.active and not any(sister.active for sister in product.variants):
            editing.archive_product(session, product, actor=actor)
    return plan.since


def _product_back(
    session: Session, shop: Shop, product: Product, back: Mapping[str, Any], shelf: Shelf, actor: str
) -> None:
    english = dict(product.translations.get("en", {}))
    for column, name in ((Column.NAME_EN, "name"), (Column.DESCRIPTION_EN, "description")):
        if column in back:
            english[name] = back[column]
    translations = {**product.translations, "en": {name: text for name, text in english.items() if text}}
    path = back.get(Column.CATEGORY)
    editing.edit_product(
        session,
        product,
        name=back.get(Column.NAME),
        description=back.get(Column.DESCRIPTION),
        translations=translations if {Column.NAME_EN, Column.DESCRIPTION_EN} & back.keys() else None,
        category=goods.category(session, shop.id, shelf.paths.find(path) or 0) if path else None,
        no_category=path == "",
        actor=actor,
    )
