"""XLSX files of any length, written by a process of their own.

A million cells are some seconds of one processor, which everybody's pages would wait for. So rows go through a pipe, a
portion at a time, to `python -m kit.workbooks`, which keeps one row in memory and the rest on the disk.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

import orjson

from kit.money import Money

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

Cell: TypeAlias = str | int | Decimal | Money | date | datetime | None
"""Moments without a time zone, as the reader's clock shows them; None is an empty cell."""

Portion: TypeAlias = Sequence[Sequence[Cell]]

MOST_ROWS = 1 << 20
LONGEST = 32_767
"""Rows of a sheet, headings counted, and characters of a cell. Excel opens no file with more: what comes after goes to
the next sheet, what is longer is cut.

Source: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
"""

DIGITS = 15
"""More than a spreadsheet's number holds; a longer one is text."""

AT_ONCE = 2
"""Files of one process that are written at a time; others wait."""

MEMORY = 1 << 30
_WIDEST = 60
_LOOKED_AT = 500
"""Rows by which the columns' widths are found, and characters of the widest."""

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class NotWritten(Exception):
    """The child was ended, or had no room on the disk."""


async def write(path: Path, name: str, titles: Sequence[str], portions: AsyncIterator[Portion]) -> None:
    """A workbook with one sheet `name`, or several when the rows do not fit. Beside it lie the child's own files
    while it works. Raises NotWritten."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "kit.workbooks", str(path)),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert child.stdin is not None
        try:
            child.stdin.write(orjson.dumps([name, list(titles)]) + b"\n")
            async for portion in portions:
                child.stdin.write(b"".join(orjson.dumps([_packed(cell) for cell in row]) + b"\n" for row in portion))
                await child.stdin.drain()
            child.stdin.close()
            await child.wait()
        except (BrokenPipeError, ConnectionResetError):
            await child.wait()
            raise NotWritten(f"writing ended with {child.returncode}") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise NotWritten(f"writing ended with {child.returncode}")


def _packed(cell: Cell) -> Any:
    """What JSON does not tell apart goes with its kind; a date before spreadsheets begin to count is text."""
    if cell is None or isinstance(cell, str | int):
        return cell
    if isinstance(cell, Money):
        return ["money", str(cell.decimal())]
    if isinstance(cell, Decimal):
        return ["number", str(cell)] if len(cell.as_tuple().digits) <= DIGITS else str(cell)
    if cell.year < 1901:
        return cell.isoformat()
    return ["moment" if isinstance(cell, datetime) else "day", cell.isoformat()]


# In the child


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lines = (orjson.loads(line) for line in sys.stdin.buffer)
    path = Path(sys.argv[1])
    name, titles = next(lines)
    save(path, name, titles, lines)
    # Nothing is left to be put in order, and a parent that waits.
    os._exit(0)


def save(path: Path, name: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The workbook of these packed rows, in this very process."""
    # Only the child needs it.
    from xlsxwriter.workbook import Workbook

    book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
    left, number = iter(rows), 1
    while _sheet(book, name if number == 1 else f"{name} {number}", titles, left):
        number += 1
    book.close()


def _sheet(book: Workbook, name: str, titles: Sequence[str], rows: Iterator[Sequence[Any]]) -> bool:
    """One sheet with as many of the rows as it holds; whether it is full."""
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    bold, formats = book.add_format({"bold": True}), _Formats(book)
    for column, title in enumerate(titles):
        sheet.write_string(0, column, title, bold)
    widths = [len(title) for title in titles]
    line = 0
    # The row that does not fit must not be taken from the rows: asked first, taken then.
    while line < MOST_ROWS - 1 and (row := next(rows, None)) is not None:
        line += 1
        for column, cell in enumerate(row):
            _put(sheet, line, column, cell, formats)
            if line <= _LOOKED_AT:
                widths[column] = max(widths[column], _length(cell))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(width, _WIDEST) + 2)
    if line:
        sheet.autofilter(0, 0, line, len(titles) - 1)
    return line == MOST_ROWS - 1


class _Formats:
    def __init__(self, book: Workbook) -> None:
        self._book, self._made = book, dict[str, "Format"]()

    def __getitem__(self, pattern: str) -> Format:
        if pattern not in self._made:
            self._made[pattern] = self._book.add_format({"num_format": pattern})
        return self._made[pattern]


def _put(sheet: Worksheet, line: int, column: int, cell: Any, formats: _Formats) -> None:
    match cell:
        case None | "":
            pass
        case str():
            # Said to be text, it is never a formula, a link or a number.
            sheet.write_string(line, column, _UNWRITABLE.sub("", cell)[:LONGEST])
        case int():
            sheet.write_number(line, column, cell)
        case ["money", text]:
            _whole, _dot, minor = text.partition(".")
            pattern = "#,##0" + (f".{'0' * len(minor)}" if minor else "")
            sheet.write_number(line, column, Decimal(text), formats[pattern])
        case ["number", text]:
            sheet.write_number(line, column, Decimal(text))
        case ["day", text]:
            sheet.write_datetime(line, column, date.fromisoformat(text), formats["dd.mm.yyyy"])
        case ["moment", text]:
            sheet.write_datetime(line, column, datetime.fromisoformat(text), formats["dd.mm.yyyy hh:mm"])


def _length(cell: Any) -> int:
    """Characters that the cell shows, a row of many lines by its longest."""
    text = str(cell[1] if isinstance(cell, list) else "" if cell is None else cell)
    return max(map(len, text.splitlines()), default=0)


if __name__ == "__main__":
    main()
