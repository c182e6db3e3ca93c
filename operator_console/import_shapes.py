"""What is in a file of goods, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from catalog import importing
from catalog.import_columns import ATTRIBUTE, SOME_WAREHOUSE, STOCK, Column, allowed
from catalog.names import named
from catalog.tables import Import, ImportState, Outcome, Warehouse
from kit.money import Money
from operator_console.people import Shape
from operator_console.texts import gettext as _
from operator_console.texts import reader


def column_names() -> dict[str, str]:
    """As they are headed in our own files, which is how they are recognised again."""
    return {
        Column.SKU: _("SKU"),
        Column.NAME: _("Name"),
        Column.CATEGORY: _("Category"),
        Column.ATTRIBUTES: _("Attributes"),
        Column.PRICE: _("Price"),
        Column.PURCHASE: _("Purchase price"),
        Column.BARCODE: _("Barcode"),
        Column.ACTIVE: _("On sale"),
        Column.DESCRIPTION: _("Description"),
        Column.NAME_EN: _("Name in English"),
        Column.DESCRIPTION_EN: _("Description in English"),
    }


def column_name(column: str, places: Mapping[str, Warehouse]) -> str:
    if column.startswith(ATTRIBUTE):
        return _("Attribute: {title}", title=column.removeprefix(ATTRIBUTE))
    if column == SOME_WAREHOUSE:
        return _("In stock")
    if column.startswith(STOCK):
        place = places.get(column)
        return _("In stock: {place}", place=named(place, reader().language) if place else "?")
    return column_names().get(column, column)


def options(heading: str, chosen: str, places: Sequence[Warehouse], *, purchase: bool) -> list[Shape]:
    by_column = {f"{STOCK}{place.id}": place for place in places}
    columns = allowed(heading, places, purchase=purchase)
    if chosen not in columns:
        columns.append(chosen)
    return [
        {"value": column, "label": column_name(column, by_column) if column else _("— leave alone —")}
        for column in columns
    ]


def value(column: str, kept: Any, currency: str) -> str:
    """A value of a change as people read it; "" is nothing."""
    if kept is None or kept == "":
        return ""
    if column in (Column.PRICE, Column.PURCHASE):
        return Money(kept, currency).format(reader().language)
    if column == Column.ACTIVE:
        return _("yes") if kept else _("no")
    text = str(kept)
    return f"{text[:200]}…" if len(text) > 200 else text


def outcomes(state: ImportState) -> list[tuple[Outcome, str]]:
    if state == ImportState.UNDONE:
        return [
            (Outcome.NEW, _("Off the sale again")),
            (Outcome.CHANGED, _("As before")),
            (Outcome.KEPT, _("Changed since")),
            (Outcome.WRONG, _("Wrong")),
        ]
    done = state == ImportState.DONE
    return [
        (Outcome.NEW, _("Added") if done else _("To be added")),
        (Outcome.CHANGED, _("Updated") if done else _("To be changed")),
        (Outcome.SAME, _("As they are")),
        (Outcome.WRONG, _("Wrong")),
    ]


def states() -> dict[str, str]:
    return {
        ImportState.COLUMNS: _("columns are to be named"),
        ImportState.CHECKING: _("is being checked"),
        ImportState.CHECKED: _("waits for your word"),
        ImportState.APPLYING: _("is being applied"),
        ImportState.DONE: _("done"),
        ImportState.UNDOING: _("is being taken back"),
        ImportState.UNDONE: _("taken back"),
    }


def line(session: Session, one: Import) -> Shape:
    """A file in the list of the last ones."""
    counts = importing.counts(session, one.id)
    return {
        "url": f"/imports/{one.id}",
        "name": one.name,
        "at": one.created_at,
        "state": states()[one.state],
        "done": one.state == ImportState.DONE,
        "counts": counts,
    }


def example(places: Sequence[Warehouse], *, purchase: bool) -> tuple[list[str], list[str], list[str]]:
    """Headings, and two variants of one product."""
    stock_name = _("In stock: {place}", place=named(places[0], reader().language)) if places else _("In stock")
    names = column_names()
    colour = _("Attribute: {title}", title=_("Colour"))
    mug, about = _("Mug “Dawn”"), _("300 ml, stands the dishwasher")
    kitchen = _("Tableware / Mugs")
    columns: list[tuple[str, str, str]] = [
        (names[Column.SKU], "DAWN-W", "DAWN-B"),
        (names[Column.NAME], mug, mug),
        (names[Column.CATEGORY], kitchen, kitchen),
        (colour, _("white"), _("blue")),
        (names[Column.PRICE], "1450", "1550"),
        *([(names[Column.PURCHASE], "700", "700")] if purchase else []),
        (names[Column.BARCODE], "4600000000017", "4600000000024"),
        (stock_name, "12", "5"),
        (names[Column.ACTIVE], _("yes"), _("yes")),
        (names[Column.DESCRIPTION], about, ""),
        (names[Column.NAME_EN], "Mug “Dawn”", ""),
        (names[Column.DESCRIPTION_EN], "300 ml, dishwasher safe", ""),
    ]
    return [one[0] for one in columns], [one[1] for one in columns], [one[2] for one in columns]
