"""Lists as files that the reader's spreadsheet opens: in Russian with semicolons and commas in numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from aiohttp import web

from kit.money import Money
from operator_console.texts import reader
from operator_console.visits import Visit

PORTION = 500
"""Rows that are read and sent at a time: a file of a hundred thousand takes no more memory than a page."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run; buyers write names and comments."""

_PHONES = re.compile(r"\+[0-9]+(, \+[0-9]+)*")

BOM = b"\xef\xbb\xbf"
"""Without it Excel takes the file for one of the last century."""


def answer(visit: Visit, name: str) -> web.StreamResponse:
    """The beginning of a file `name`-<day>.csv."""
    return web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}-{visit.reader.now:%Y-%m-%d}.csv"',
            "Cache-Control": "no-store",
        }
    )


def line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    delimiter = ";" if reader().language == "ru" else ","
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return out.getvalue().encode()


def plain(sum_: Money) -> str:
    text = str(sum_.decimal())
    return text.replace(".", ",") if reader().language == "ru" else text


def _harmless(cell: str) -> str:
    """Phones keep their plus; anything else that could be a formula is marked as text. So is what looks marked already:
    whoever reads the file takes one mark away."""
    if _PHONES.fullmatch(cell):
        return cell
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell
