"""Goods from a file: sent in, its columns named, shown as what would happen, and taken into the catalogue."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import import_undo, importing, stock
from catalog.import_columns import STOCK, Column
from catalog.import_rows import RowRefused
from catalog.importing import ImportGoesOn
from catalog.tables import Import, ImportRow, ImportState, Outcome, Warehouse
from company.rights import Right
from company.tables import Shop
from company.texts import Texts
from kit import sheets
from kit.clock import utc_now
from kit.errors import Refused
from operator_console import catalog_export, import_shapes, shell, spreadsheets
from operator_console.import_shapes import column_name
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.spreadsheets import BOM, PORTION
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.uploads import LARGEST, file_name
from operator_console.visits import Form, Visit
from storage.files import FileTooLarge

SHOWN = 100
"""Rows of a kind on one page."""

SAMPLES = 3
"""Rows that show what is in a column."""


class FileNeeded(Refused):
    code = "file_needed"


async def start(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "products")
    return visit.page("pages/import.html", **frame, **await visit.read(_latest, visit))


async def upload(visit: Visit) -> web.StreamResponse:
    """Read in a child process, written down in portions; only then is it there for people."""
    fields = (await visit.form()).files("file")
    if not fields:
        raise FileNeeded()
    data = fields[0].file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FileTooLarge(LARGEST)
    sheet = await sheets.read(data)
    name, purchase = file_name(fields[0]), visit.may(Right.SEE_PURCHASE_PRICE)
    import_id = await visit.write(_begin, visit.shop.id, name, sheet.headings, purchase, visit.actor)
    for at in range(0, len(sheet.rows), importing.WRITTEN):
        portion = sheet.rows[at : at + importing.WRITTEN]
        last = at + importing.WRITTEN >= len(sheet.rows)
        await visit.write(importing.write_down, import_id, portion, last=last)
    return visit.done(go=f"/imports/{import_id}")


async def page(visit: Visit) -> web.StreamResponse:
    """Wherever the file stands: its columns, the check, what would happen, how far it is, what came of it."""
    filled = await visit.read(_page, visit, visit.number())
    if visit.by_script:
        return visit.page("partials/import.html", **filled)
    frame = await shell.frame(visit, "products")
    return visit.page("pages/import_file.html", **frame, **filled)


async def columns(visit: Visit) -> web.StreamResponse:
    purchase = visit.may(Right.SEE_PURCHASE_PRICE)
    await visit.write(_choose, visit.shop.id, visit.number(), await visit.form(), purchase)
    return visit.done(go=f"/imports/{visit.number()}")


async def again(visit: Visit) -> web.StreamResponse:
    await visit.write(importing.reconsider, visit.shop.id, visit.number())
    return visit.done(go=f"/imports/{visit.number()}")


async def apply(visit: Visit) -> web.StreamResponse:
    await visit.write(importing.apply, visit.shop.id, visit.number(), actor=visit.actor)
    return visit.done(go=f"/imports/{visit.number()}")


async def ask_undo(visit: Visit) -> web.StreamResponse:
    """What taking the import back would do, in numbers, before anything happens."""
    one = await visit.read(importing.get, visit.shop.id, visit.number())
    if not import_undo.possible(one, utc_now()):
        raise ImportGoesOn()
    prospect = await import_undo.prospect(visit.console.db, one)
    frame = await shell.frame(visit, "products")
    until = one.created_at + importing.KEPT
    url = f"/imports/{one.id}"
    return visit.page("pages/import_undo.html", **frame, url=url, name=one.name, until=until, prospect=prospect)


async def undo(visit: Visit) -> web.StreamResponse:
    await visit.write(import_undo.undo, visit.shop.id, visit.number(), actor=visit.actor, now=utc_now())
    return visit.done(go=f"/imports/{visit.number()}")


async def wrong(visit: Visit) -> web.StreamResponse:
    """The wrong rows as they came, each with its reason: to be mended and sent in again."""
    one = await visit.read(importing.get, visit.shop.id, visit.number())
    file = spreadsheets.answer(visit, "wrong-rows")
    with reading(visit.reader):
        head = spreadsheets.line([_("Line"), *one.headings, _("Reason")])
    await file.prepare(visit.request)
    await file.write(BOM + head)
    line = 0
    while lines := await visit.read(_wrong, one.id, line, visit.console.texts):
        await file.write(lines[0])
        line = lines[1]
    await file.write_eof()
    return file


async def template(visit: Visit) -> web.StreamResponse:
    file = spreadsheets.answer(visit, "products-template")
    filled = await visit.read(_template, visit)
    await file.prepare(visit.request)
    await file.write(BOM + filled)
    await file.write_eof()
    return file


ROUTES: tuple[Route, ...] = (
    get("/products/import", start, Right.CATALOG_EDIT),
    post("/products/import", upload, Right.CATALOG_EDIT),
    get("/products/import/template", template, Right.CATALOG_EDIT),
    get(f"/imports/{ID}", page, Right.CATALOG_EDIT),
    post(f"/imports/{ID}/columns", columns, Right.CATALOG_EDIT),
    post(f"/imports/{ID}/again", again, Right.CATALOG_EDIT),
    post(f"/imports/{ID}/apply", apply, Right.CATALOG_EDIT),
    get(f"/imports/{ID}/undo", ask_undo, Right.CATALOG_EDIT),
    post(f"/imports/{ID}/undo", undo, Right.CATALOG_EDIT),
    get(f"/imports/{ID}/wrong", wrong, Right.CATALOG_EDIT),
)


def _latest(session: Session, visit: Visit) -> Shape:
    return {
        "may_export": visit.may(Right.EXPORT),
        "downloads": catalog_export.downloads(),
        "rows": sheets.MOST_ROWS,
        "megabytes": LARGEST // 1_000_000,
        "latest": [import_shapes.line(session, one) for one in importing.latest(session, visit.shop.id)],
    }


def _begin(session: Session, shop_id: int, name: str, headings: list[str], purchase: bool, actor: str) -> int:
    shop = session.get_one(Shop, shop_id)
    return importing.begin(session, shop, name=name, headings=headings, purchase=purchase, actor=actor).id


def _choose(session: Session, shop_id: int, import_id: int, form: Form, purchase: bool) -> None:
    one = importing.get(session, shop_id, import_id)
    chosen = [form[f"column-{number}"] for number in range(len(one.headings))]
    importing.choose(session, shop_id, import_id, chosen, purchase=purchase)


def _page(session: Session, visit: Visit, import_id: int) -> Shape:
    one = importing.get(session, visit.shop.id, import_id)
    counts = importing.counts(session, one.id)
    filled = {
        "id": one.id,
        "url": f"/imports/{one.id}",
        "name": one.name,
        "at": one.created_at,
        "state": str(one.state),
        "counts": counts,
        "rows": counts.rows,
        "works": one.state in (ImportState.CHECKING, ImportState.APPLYING, ImportState.UNDOING),
        "may_undo": import_undo.possible(one, reader().now) and bool(counts.in_catalogue),
    }
    if one.state == ImportState.COLUMNS:
        return filled | {"columns": _columns(session, visit, one), "rows": importing.size(session, one.id)}
    if one.state in (ImportState.CHECKED, ImportState.DONE, ImportState.UNDONE):
        return filled | _outcomes(session, visit, one, counts)
    return filled


def _columns(session: Session, visit: Visit, one: Import) -> list[Shape]:
    places = stock.warehouses(session, visit.shop.id)
    samples = importing.rows(session, one.id, limit=SAMPLES)
    purchase = visit.may(Right.SEE_PURCHASE_PRICE)
    return [
        {
            "number": number,
            "heading": heading or _("column {number}", number=number + 1),
            "column": column,
            "options": import_shapes.options(heading, column, places, purchase=purchase),
            "samples": [text[:60] for row in samples if (text := row.cells[number])],
        }
        for number, (heading, column) in enumerate(zip(one.headings, one.columns, strict=True))
    ]


def _outcomes(session: Session, visit: Visit, one: Import, counts: importing.Counts) -> Shape:
    by = {
        Outcome.NEW: counts.new,
        Outcome.CHANGED: counts.changed,
        Outcome.SAME: counts.same,
        Outcome.WRONG: counts.wrong,
        Outcome.KEPT: counts.kept,
    }
    asked = visit.query("show")
    usual = (Outcome.KEPT, Outcome.WRONG, Outcome.CHANGED, Outcome.NEW, Outcome.SAME)
    shown = Outcome(asked) if asked in by else next((outcome for outcome in usual if by[outcome]), Outcome.NEW)
    after = visit.query_number("after") or 0
    found = importing.rows(session, one.id, shown, after=after, limit=SHOWN + 1)
    places = {f"{STOCK}{place.id}": place for place in stock.warehouses(session, visit.shop.id)}
    more = urlencode({"show": str(shown), "after": found[SHOWN - 1].line}) if len(found) > SHOWN else ""
    return {
        "shown": str(shown),
        "kinds": [
            {"key": str(outcome), "label": label, "n": by[outcome], "url": f"/imports/{one.id}?show={outcome}"}
            for outcome, label in import_shapes.outcomes(ImportState(one.state))
        ],
        "found": [_row(visit, one, row, places) for row in found[:SHOWN]],
        "more": f"/imports/{one.id}?{more}" if more else "",
    }


def _row(visit: Visit, one: Import, row: ImportRow, places: dict[str, Warehouse]) -> Shape:
    sku = row.cells[one.columns.index(Column.SKU)] if Column.SKU in one.columns else ""
    name = row.cells[one.columns.index(Column.NAME)] if Column.NAME in one.columns else ""
    purchase = visit.may(Right.SEE_PURCHASE_PRICE)
    went_back = one.state == ImportState.UNDONE and not row.done
    return {
        "line": row.line,
        "sku": sku[:60],
        "name": name[:200],
        "why": _why(visit.console.texts, row, places),
        "changes": [
            {
                "what": column_name(column, places),
                "before": import_shapes.value(column, after if went_back else before, visit.shop.currency),
                "after": import_shapes.value(column, before if went_back else after, visit.shop.currency),
            }
            for column, before, after in row.changes
            if purchase or column != Column.PURCHASE
        ],
    }


def _why(texts: Texts, row: ImportRow, places: dict[str, Warehouse]) -> str:
    if row.why.get("code") == import_undo.SINCE:
        columns = ", ".join(column_name(column, places) for column in row.why["facts"]["columns"])
        return _("Changed since, so it stays: {columns}", columns=columns)
    return said(texts, row.why) if row.why else ""


def said(texts: Texts, why: Shape) -> str:
    """A kept reason in the reader's language."""
    return texts.problem(RowRefused(why["code"], **why["facts"]), reader().language)


def _wrong(session: Session, import_id: int, line: int, texts: Texts) -> tuple[bytes, int] | None:
    rows = importing.rows(session, import_id, Outcome.WRONG, after=line, limit=PORTION)
    if not rows:
        return None
    lines = [spreadsheets.line([str(row.line), *row.cells, said(texts, row.why)]) for row in rows]
    return b"".join(lines), rows[-1].line


def _template(session: Session, visit: Visit) -> bytes:
    """The usual columns, with two variants of one product to show how they are written."""
    places = stock.warehouses(session, visit.shop.id)
    heads, first, second = import_shapes.example(places, purchase=visit.may(Right.SEE_PURCHASE_PRICE))
    return b"".join(spreadsheets.line(cells) for cells in (heads, first, second))
