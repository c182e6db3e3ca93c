"""Customers from a file, with what they said to offers: taken as a whole, or refused with the reason for each row."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from zoneinfo import ZoneInfo

from aiohttp import web

from company.rights import NotAllowed, Right
from customers import importing
from customers.importing import Fault, Taken, Wrong
from kit import sheets
from kit.clock import utc_now
from operator_console import shell, spreadsheets
from operator_console.import_pages import FileNeeded
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.spreadsheets import BOM
from operator_console.texts import gettext as _
from operator_console.texts import reading
from operator_console.uploads import LARGEST
from operator_console.visits import Visit
from storage.files import FileTooLarge

SHOWN = 100
"""Wrong rows that are listed: who has more of them has read the first ones."""

LOOKED_AT = 200
"""Rows whose cards are looked for at a time."""


def may_import(visit: Visit) -> bool:
    """Takes whoever may change every card: a file says whom the shop knows already."""
    return visit.may(Right.REPLY) and visit.may(Right.EXPORT) and visit.powers.sees_all


async def start(visit: Visit) -> web.StreamResponse:
    _demand(visit)
    return visit.page("pages/customers_import.html", **await shell.frame(visit, "customers"), rows=importing.MOST)


async def upload(visit: Visit) -> web.StreamResponse:
    """Read in a child process. Nothing is written before every row is clear."""
    _demand(visit)
    fields = (await visit.form()).files("file")
    if not fields:
        raise FileNeeded()
    data = fields[0].file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FileTooLarge(LARGEST)
    sheet = await sheets.read(data)
    where, zone = importing.columns(sheet.headings), ZoneInfo(visit.shop.timezone)
    rows, wrong = await asyncio.to_thread(importing.read, sheet.rows, where, zone=zone, now=utc_now())
    for at in range(0, len(rows), LOOKED_AT):
        wrong += await visit.read(importing.check, visit.shop.id, rows[at : at + LOOKED_AT])
    left_out = [heading for place, heading in enumerate(sheet.headings) if heading and place not in where.values()]
    if wrong:
        return _answer(visit, left_out=left_out, wrong=sorted(wrong, key=lambda one: one.line))
    taken: Counter[str] = Counter(asdict(Taken()))
    for at in range(0, len(rows), importing.AT_ONCE):
        portion = rows[at : at + importing.AT_ONCE]
        taken.update(asdict(await visit.write(importing.take, visit.shop, portion, actor=visit.actor)))
    return _answer(visit, left_out=left_out, taken=taken)


async def template(visit: Visit) -> web.StreamResponse:
    """The columns, with two people to show how they are filled in."""
    _demand(visit)
    file = spreadsheets.answer(visit, "customers-template")
    with reading(visit.reader):
        lines = b"".join(spreadsheets.line(cells) for cells in _example())
    await file.prepare(visit.request)
    await file.write(BOM + lines)
    await file.write_eof()
    return file


ROUTES: tuple[Route, ...] = (
    get("/customers/import", start, Right.EXPORT),
    post("/customers/import", upload, Right.EXPORT),
    get("/customers/import/template", template, Right.EXPORT),
)


def _demand(visit: Visit) -> None:
    if not may_import(visit):
        raise NotAllowed(Right.REPLY)


def _answer(
    visit: Visit, *, left_out: list[str], wrong: list[Wrong] | None = None, taken: Counter[str] | None = None
) -> web.Response:
    with reading(visit.reader):
        said = [{"line": one.line, "words": _words(one)} for one in (wrong or [])[:SHOWN]]
    more = max(0, len(wrong or []) - SHOWN)
    shape: Shape = {"wrong": said, "more": more, "taken": taken, "left_out": ", ".join(left_out)}
    return visit.page("partials/customers_imported.html", **shape)


def _words(wrong: Wrong) -> str:
    value = wrong.value[:40]
    return {
        Fault.NOBODY: _("Neither phone nor email: nobody could tell whose row it is."),
        Fault.BAD_PHONE: _("“{value}” is no phone number.", value=value),
        Fault.BAD_EMAIL: _("“{value}” is no email.", value=value),
        Fault.NEITHER: _("Mailings: “{value}” is neither yes nor no.", value=value),
        Fault.UNSAID: _("A date or a source of consent, but neither yes nor no under Mailings."),
        Fault.NO_DATE: _("When was it said? The date of the consent is missing."),
        Fault.BAD_DATE: _("“{value}” is no date that means one thing to everybody: write 31.12.2025.", value=value),
        Fault.AHEAD: _("{value} is still to come.", value=value),
        Fault.NO_SOURCE: _("How is it known? The source of the consent is missing."),
        Fault.SEVERAL: _("The phone and the email belong to several cards: merge them first, or leave one of the two."),
    }[wrong.fault]


def _example() -> list[list[str]]:
    heads = [_("Full name"), _("Phone"), _("Email"), _("City")]
    heads += [_("Mailings"), _("Consent date"), _("Consent source")]
    return [
        heads,
        ["Анна Ветрова", "+7 900 123-45-67", "anna@example.com", "Тула", _("yes"), "12.05.2025", _("a paper form")],
        ["Борис Орлов", "", "boris@example.com", "", _("no"), "03.02.2026", _("asked by phone not to write")],
    ]
