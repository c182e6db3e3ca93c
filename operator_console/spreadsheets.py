"""Lists as files that the reader's spreadsheet opens: as CSV, in Russian with semicolons and commas in numbers, or as
XLSX."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from kit import workbooks
from kit.money import Money
from kit.workbooks import Cell, Portion
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Visit

PORTION = 500
"""Rows that are read and sent at a time: a file of a hundred thousand takes no more memory than a page."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run; buyers write names and comments."""

_PHONES = re.compile(r"\+[0-9]+(, \+[0-9]+)*")

BOM = b"\xef\xbb\xbf"
"""Without it Excel takes the file for one of the last century."""

CHUNK = 1 << 18


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"

    @classmethod
    def asked(cls, visit: Visit) -> Format:
        """`?format=xlsx` of the address; CSV if it says nothing of sense."""
        said = visit.request.query.get("format", "")
        return cls(said) if said in set(cls) else cls.CSV


_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def send(
    visit: Visit, name: str, titles: Sequence[str], portions: AsyncGenerator[Portion, None], *, title: str
) -> web.StreamResponse:
    """The rows as a file `name`-<day> in the format that the address asks for; `title` is what its sheet is called.

    CSV leaves while it is read. XLSX is one piece: it is written to the disk first, and nothing stays there.
    """
    async with aclosing(portions):
        if Format.asked(visit) is Format.XLSX:
            return await _workbook(visit, name, title, titles, portions)
        file = answer(visit, name)
        await file.prepare(visit.request)
        with reading(visit.reader):
            await file.write(BOM + line(titles))
            async for portion in portions:
                await file.write(b"".join(map(line, portion)))
        await file.write_eof()
        return file


def links(url: str) -> list[dict[str, str]]:
    """The formats that a list may be taken in, for macros/download.html."""
    joined = f"{url}{'&' if '?' in url else '?'}format="
    return [
        {"url": f"{joined}{Format.XLSX}", "label": _("Excel (XLSX)")},
        {"url": f"{joined}{Format.CSV}", "label": _("CSV")},
    ]


def answer(visit: Visit, name: str, format: Format = Format.CSV) -> web.StreamResponse:
    """The beginning of a file `name`-<day>."""
    return web.StreamResponse(
        headers={
            "Content-Type": _TYPES[format],
            "Content-Disposition": f'attachment; filename="{name}-{visit.reader.now:%Y-%m-%d}.{format}"',
            "Cache-Control": "no-store",
        }
    )


def local(moment: datetime | None) -> datetime | None:
    """By the reader's clock, to the minute, for a cell."""
    return None if moment is None else reader().local(moment).replace(tzinfo=None, second=0, microsecond=0)


def line(cells: Iterable[Cell]) -> bytes:
    out = io.StringIO()
    delimiter = ";" if reader().language == "ru" else ","
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(map(_text, cells))
    return out.getvalue().encode()


def plain(sum_: Money) -> str:
    return _number(sum_.decimal())


async def _workbook(
    visit: Visit, name: str, title: str, titles: Sequence[str], portions: AsyncIterator[Portion]
) -> web.StreamResponse:
    with TemporaryDirectory(prefix="prilavok-", ignore_cleanup_errors=True) as place:
        path = Path(place) / f"{name}.xlsx"
        await workbooks.write(path, title, titles, portions)
        file = answer(visit, name, Format.XLSX)
        file.content_length = (await asyncio.to_thread(path.stat)).st_size
        await file.prepare(visit.request)
        with await asyncio.to_thread(path.open, "rb") as written:
            while chunk := await asyncio.to_thread(written.read, CHUNK):
                await file.write(chunk)
        await file.write_eof()
    return file


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Money():
            return plain(cell)
        case Decimal():
            return _number(cell)
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M}"
        case date():
            return cell.isoformat()
        case int():
            return str(cell)
        case _:
            return _harmless(cell)


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.replace(".", ",") if reader().language == "ru" else text


def _harmless(cell: str) -> str:
    """Phones keep their plus; anything else that could be a formula is marked as text. So is what looks marked already:
    whoever reads the file takes one mark away."""
    if _PHONES.fullmatch(cell):
        return cell
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell
