"""A checked row becomes a change of the catalogue: exactly what was shown, or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import editing, goods, import_rows, stock
from catalog.import_columns import OF_PRODUCT, STOCK, Column
from catalog.import_rows import Paths, Row, RowRefused, Shelf
from catalog.tables import Category, ImportRow, Outcome, Product, Variant, Warehouse
from company.tables import Shop


class ChangedMeanwhile(RowRefused):
    """Somebody changed it between the check and the word: it is not overwritten."""

    code = "changed_meanwhile"

    def __init__(self) -> None:
        super().__init__(self.code)


def apply(session: Session, shop: Shop, row: Row, kept: ImportRow, paths: Paths, *, actor: str) -> None:
    """Do what the check said of this row. Raises a Refused; the caller's savepoint takes back what was done by then.

    Categories that are made come into `paths`.
    """
    shelf = import_rows.look(session, shop.id, [row], paths)
    variant = shelf.variants.get(row.sku)
    if (variant is None) != (kept.outcome == Outcome.NEW):
        raise ChangedMeanwhile()
    if variant is None:
        product, variant = _new(session, shop, row, kept, shelf, actor)
        wanted = [change for change in kept.changes if change[0].startswith(STOCK) or change[0] == Column.ACTIVE]
        shelf.variants[row.sku] = variant
        _variant(session, shop, variant, wanted, shelf, actor, is_new=True)
        return
    product = _whole(session, shop, variant.product_id)
    variant = next(one for one in product.variants if one.sku == row.sku)
    _product(session, shop, product, [change for change in kept.changes if change[0] in OF_PRODUCT], shelf, actor)
    of_variant = [change for change in kept.changes if change[0] not in OF_PRODUCT]
    _variant(session, shop, variant, of_variant, shelf, actor, is_new=False)


def _whole(session: Session, shop: Shop, product_id: int) -> Product:
    lock(session, product_id)
    return goods.product(session, shop.id, product_id)


def lock(session: Session, product_id: int) -> None:
    """The product with its variants, so that nobody changes it between the look and the change."""
    session.execute(sa.select(Product.id).where(Product.id == product_id).with_for_update())
    session.execute(
        sa.select(Variant.id).where(Variant.product_id == product_id).order_by(Variant.id).with_for_update()
    )


def _new(session: Session, shop: Shop, row: Row, kept: ImportRow, shelf: Shelf, actor: str) -> tuple[Product, Variant]:
    named = shelf.named.get(row.given[Column.NAME], [])
    if len(named) > 1:
        raise RowRefused("two_of_this_name", name=row.given[Column.NAME])
    if named:
        product = _whole(session, shop, named[0].id)
        told = [change for change in kept.changes if change[0] in OF_PRODUCT]
        _product(session, shop, product, told, shelf, actor)
    else:
        given = row.given
        english = {"name": given.get(Column.NAME_EN), "description": given.get(Column.DESCRIPTION_EN)}
        words = {field: text for field, text in english.items() if text}
        product = editing.add_product(
            session,
            shop,
            name=given[Column.NAME],
            category=_category(session, shop, shelf, given[Column.CATEGORY]) if Column.CATEGORY in given else None,
            description=given.get(Column.DESCRIPTION, ""),
            translations={"en": words} if words else None,
            actor=actor,
        )
    variant = editing.add_variant(
        session,
        product,
        sku=row.sku,
        price=row.given[Column.PRICE],
        purchase_price=row.given.get(Column.PURCHASE),
        barcode=row.given.get(Column.BARCODE),
        attributes=import_rows.pairs_after(row, []),
        actor=actor,
    )
    return product, variant


def _fresh(changes: list[Any], now: Callable[[str], Any], *, is_new: bool) -> list[Any]:
    """Those that are still to be made. What is neither as it was shown nor as it shall be was changed by others; of
    what `is_new` nothing was shown."""
    to_do = []
    for column, before, after in changes:
        is_now = now(column)
        if is_now == after:
            continue
        if is_now != before and not (is_new and before is None):
            raise ChangedMeanwhile()
        to_do.append((column, after))
    return to_do


def _product(session: Session, shop: Shop, product: Product, changes: list[Any], shelf: Shelf, actor: str) -> None:
    words = dict(_fresh(changes, lambda column: import_rows.product_now(product, column, shelf), is_new=True))
    if not words:
        return
    english = {
        **product.translations.get("en", {}),
        **({"name": words[Column.NAME_EN]} if Column.NAME_EN in words else {}),
        **({"description": words[Column.DESCRIPTION_EN]} if Column.DESCRIPTION_EN in words else {}),
    }
    editing.edit_product(
        session,
        product,
        name=words.get(Column.NAME),
        description=words.get(Column.DESCRIPTION),
        translations={**product.translations, "en": english} if english else None,
        category=_category(session, shop, shelf, words[Column.CATEGORY]) if Column.CATEGORY in words else None,
        actor=actor,
    )


def _category(session: Session, shop: Shop, shelf: Shelf, text: str) -> Category:
    """The category at this path; those that are missing are made."""
    known = shelf.paths.find(text)
    if known is not None:
        return goods.category(session, shop.id, known)
    found: Category | None = None
    path = ""
    for part in import_rows.category_parts(shelf, text):
        path = f"{path} / {part}" if path else part
        id_ = shelf.paths.find(path)
        if id_ is not None:
            found = goods.category(session, shop.id, id_)
        else:
            found = editing.add_category(session, shop, name=part, parent=found)
            shelf.paths.add(found.id, path)
    assert found is not None
    return found


def _variant(
    session: Session, shop: Shop, variant: Variant, changes: list[Any], shelf: Shelf, actor: str, *, is_new: bool
) -> None:
    to_do = dict(_fresh(changes, lambda column: import_rows.variant_now(variant, column, shelf), is_new=is_new))
    if to_do.get(Column.ACTIVE) and not variant.product.active:
        # Its sisters were not for sale with it, and stay so.
        for sister in variant.product.variants:
            if sister.id != variant.id:
                editing.edit_variant(session, sister, active=False, actor=actor)
        editing.restore_product(session, variant.product, actor=actor)
    write(session, shop, variant, to_do, actor=actor, reason="initial" if is_new else "corrected")


def write(
    session: Session, shop: Shop, variant: Variant, values: Mapping[str, Any], *, actor: str, reason: str = "corrected"
) -> None:
    """What the columns say of the variant: what is sold of it, and how much lies where."""
    pairs = values.get(Column.ATTRIBUTES)
    editing.edit_variant(
        session,
        variant,
        price=values.get(Column.PRICE),
        purchase_price=values.get(Column.PURCHASE),
        no_purchase_price=Column.PURCHASE in values and values[Column.PURCHASE] is None,
        barcode=values.get(Column.BARCODE),
        attributes=None if pairs is None else import_rows.attributes_in(pairs),
        active=values.get(Column.ACTIVE),
        actor=actor,
    )
    for column, counted in values.items():
        if column.startswith(STOCK):
            place = _warehouse(session, shop, int(column.removeprefix(STOCK)))
            stock.correct(session, variant, place, counted, actor=actor, reason=reason)


def _warehouse(session: Session, shop: Shop, warehouse_id: int) -> Warehouse:
    """0 is the first one, made if there is none."""
    places = stock.warehouses(session, shop.id)
    if warehouse_id == 0:
        return places[0] if places else stock.add_warehouse(session, shop, name=shop.name)
    found = next((place for place in places if place.id == warehouse_id), None)
    if found is None:
        raise stock.NoSuchWarehouse(f"warehouse {warehouse_id} of shop {shop.id}")
    return found
