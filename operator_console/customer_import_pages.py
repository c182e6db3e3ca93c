"""Customers from a file: taken as a whole, or refused with the reason for each row, and taken back as a whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy.orm import Session

from automation.holders import LEADS
from company.rights import NotAllowed, Right
from customers import fields, import_rows, import_undo, importing
from customers.import_rows import Wrong
from customers.import_undo import Prospect
from customers.importing import Contacts, Taken
from customers.tables import CardImport
from kit import sheets
from kit.clock import utc_now
from operator_console import customer_import_shapes, shell, spreadsheets
from operator_console.customer_import_shapes import SHOWN
from operator_console.import_pages import FileNeeded
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.spreadsheets import BOM
from operator_console.texts import reading
from operator_console.uploads import LARGEST, file_name
from operator_console.visits import Visit
from storage.files import FileTooLarge

LOOKED_AT = 200
"""Rows whose cards are looked for at a time."""


def may_import(visit: Visit) -> bool:
    """Takes whoever may change every card: a file says whom the shop knows already."""
    return visit.may(Right.REPLY) and visit.may(Right.EXPORT) and visit.powers.sees_all


async def start(visit: Visit) -> web.StreamResponse:
    _demand(visit)
    frame = await shell.frame(visit, "customers")
    return visit.page("pages/customers_import.html", **frame, **await visit.read(_begun, visit))


async def upload(visit: Visit) -> web.StreamResponse:
    """Read in a child process. Nothing is written before every row is clear."""
    _demand(visit)
    files = (await visit.form()).files("file")
    if not files:
        raise FileNeeded()
    data = files[0].file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FileTooLarge(LARGEST)
    sheet = await sheets.read(data)
    where = import_rows.places(sheet.headings, await visit.read(fields.of_shop, visit.shop.id))
    zone = ZoneInfo(visit.shop.timezone)
    rows, wrong = await asyncio.to_thread(import_rows.read, sheet.rows, where, zone=zone, now=utc_now())
    seen: Contacts = {}
    for at in range(0, len(rows), LOOKED_AT):
        wrong += await visit.read(importing.check, visit.shop.id, rows[at : at + LOOKED_AT], seen)
    if wrong:
        return _answer(visit, left_out=where.left_out, wrong=sorted(wrong, key=lambda one: one.line))
    import_id = await visit.write(importing.begin, visit.shop, name=file_name(files[0]), actor=visit.actor)
    taken: Counter[str] = Counter(asdict(Taken()))
    for at in range(0, len(rows), importing.AT_ONCE):
        portion = rows[at : at + importing.AT_ONCE]
        taken.update(asdict(await visit.write(importing.take, visit.shop, import_id, portion, actor=visit.actor)))
    await visit.write(importing.finish, visit.shop.id, import_id, actor=visit.actor)
    return _answer(visit, left_out=where.left_out, taken=taken, url=f"/customer-imports/{import_id}")


async def template(visit: Visit) -> web.StreamResponse:
    """The columns, the shop's own fields too, with two people to show how they are filled in."""
    _demand(visit)
    file = spreadsheets.answer(visit, "customers-template")
    own = await visit.read(fields.of_shop, visit.shop.id)
    with reading(visit.reader):
        lines = b"".join(spreadsheets.line(cells) for cells in customer_import_shapes.example(own))
    await file.prepare(visit.request)
    await file.write(BOM + lines)
    await file.write_eof()
    return file


async def page(visit: Visit) -> web.StreamResponse:
    """What a file did, and what taking it back would do, before anything happens."""
    _demand(visit)
    one: CardImport = await visit.read(importing.get, visit.shop.id, visit.number())
    found = await _prospect(visit, one) if import_undo.possible(one, utc_now()) else None
    filled = await visit.read(customer_import_shapes.page, one, found)
    return visit.page("pages/customer_import.html", **await shell.frame(visit, "customers"), **filled)


async def undo(visit: Visit) -> web.StreamResponse:
    """A few rows at a time: others wait to write. What a crash cut off goes on when it is asked for once more."""
    _demand(visit)
    while await visit.write(import_undo.portion, visit.shop.id, visit.number(), actor=visit.actor, leads=LEADS):
        pass
    return visit.done(go=f"/customer-imports/{visit.number()}")


ROUTES: tuple[Route, ...] = (
    get("/customers/import", start, Right.EXPORT),
    post("/customers/import", upload, Right.EXPORT),
    get("/customers/import/template", template, Right.EXPORT),
    get(f"/customer-imports/{ID}", page, Right.EXPORT),
    post(f"/customer-imports/{ID}/undo", undo, Right.EXPORT),
)


def _demand(visit: Visit) -> None:
    if not may_import(visit):
        raise NotAllowed(Right.REPLY)


async def _prospect(visit: Visit, one: CardImport) -> Prospect:
    """Reads portion by portion, so that others have their turn."""
    found, after = Prospect(), 0
    while True:
        found, next_after = await visit.read(import_undo.prospect, one.id, after, found, LEADS)
        if next_after is None:
            return found
        after = next_after


def _begun(session: Session, visit: Visit) -> Shape:
    return {
        "rows": import_rows.MOST,
        "days": importing.KEPT.days,
        "own": customer_import_shapes.own_fields(fields.of_shop(session, visit.shop.id)),
        "may_edit_fields": visit.may(Right.SETTINGS),
        "latest": customer_import_shapes.lines(session, visit.shop.id),
    }


def _answer(
    visit: Visit,
    *,
    left_out: list[str],
    wrong: list[Wrong] | None = None,
    taken: Counter[str] | None = None,
    url: str = "",
) -> web.Response:
    with reading(visit.reader):
        said = [{"line": one.line, "words": customer_import_shapes.fault_words(one)} for one in (wrong or [])[:SHOWN]]
    more = max(0, len(wrong or []) - SHOWN)
    shape: Shape = {"wrong": said, "more": more, "taken": taken, "left_out": ", ".join(left_out), "url": url}
    return visit.page("partials/customers_imported.html", **shape)
