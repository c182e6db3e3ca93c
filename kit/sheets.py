"""Tables that strangers send as files, CSV or XLSX, read by a process of their own.

A file may be made to hurt whoever opens it: a few kilobytes that unpack to gigabytes, a million empty rows, one cell
in the farthest corner. So it is read by a child that has little memory, little time, and nothing else: `python -m
kit.sheets` takes the bytes on its standard input and writes the table as JSON. Whatever kills it is a refusal here.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson

from kit.errors import Refused

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

MOST_ROWS = 20_000
"""Rows with something in them, the headings apart."""
MOST_COLUMNS = 60
LONGEST = 10_000
"""Characters of one cell. A longer one comes one character longer than this, so that whoever reads it may refuse it."""

MOST_TEXT = 30_000_000
"""Characters of all cells together: one that is merged over thousands of rows multiplies."""

MEMORY = 1 << 30
SECONDS = 20
"""What the child may use."""

AT_ONCE = 2
"""Files of one process that are read at a time; others wait."""

_ZIP = b"PK\x03\x04"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ";,\t"
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class NotATable(Refused):
    """Neither CSV nor XLSX, broken, or made to be too much."""

    code = "not_a_table"


class EmptyTable(Refused):
    """No headings, or nothing under them."""

    code = "empty_table"


class TooManyRows(Refused):
    code = "too_many_rows"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_ROWS} rows", most=MOST_ROWS)


class TooManyColumns(Refused):
    code = "too_many_columns"

    def __init__(self) -> None:
        super().__init__(f"more than {MOST_COLUMNS} columns", most=MOST_COLUMNS)


_REFUSALS = {kind.code: kind for kind in (NotATable, EmptyTable, TooManyRows, TooManyColumns)}


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows` are those with something in them: the number that the spreadsheet shows beside it, and its cells as text,
    as many as there are headings."""

    headings: list[str]
    rows: list[tuple[int, list[str]]]


async def read(data: bytes) -> Sheet:
    """The file's first sheet. Raises NotATable, EmptyTable, TooManyRows or TooManyColumns; takes SECONDS at most."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Semaphore(AT_ONCE)):
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "kit.sheets",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(SECONDS * 2):
                out, _ = await child.communicate(data)
        except TimeoutError:
            raise NotATable("the file took too long") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise NotATable(f"reading ended with {child.returncode}")
    found = await asyncio.to_thread(orjson.loads, out)
    if code := found.get("refused"):
        raise _REFUSALS[code]()
    return Sheet(found["headings"], [(number, cells) for number, cells in found["rows"]])


# In the child


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        sheet = parse(sys.stdin.buffer.read())
        said: dict[str, Any] = {"headings": sheet.headings, "rows": sheet.rows}
    except Refused as refused:
        said = {"refused": refused.code}
    sys.stdout.buffer.write(orjson.dumps(said))
    sys.stdout.buffer.flush()
    # Half a gigabyte of cells need not be taken apart one by one.
    os._exit(0)


def parse(data: bytes) -> Sheet:
    """The table in these bytes, in this very process. Raises what `read` raises."""
    return _table(_workbook(data) if data.startswith(_ZIP) else _csv(data))


def _table(rows: Iterable[tuple[int, list[str]]]) -> Sheet:
    headings: list[str] | None = None
    found: list[tuple[int, list[str]]] = []
    left = MOST_TEXT
    for number, raw in rows:
        cells = [cell.strip()[: LONGEST + 1] for cell in raw]
        while cells and not cells[-1]:
            cells.pop()
        left -= sum(map(len, cells))
        if left < 0:
            raise NotATable("too much text")
        if not cells:
            continue
        if headings is None:
            if len(cells) > MOST_COLUMNS:
                raise TooManyColumns()
            headings = [" ".join(cell.split())[:200] for cell in cells]
            continue
        if len(found) == MOST_ROWS:
            raise TooManyRows()
        # What stands beside the table, under no heading, is not of it.
        found.append((number, (cells + [""] * len(headings))[: len(headings)]))
    if headings is None or not found:
        raise EmptyTable()
    return Sheet(headings, found)


def _csv(data: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(data)
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"sep=(.)\r?", first, re.IGNORECASE)
    delimiter = told[1] if told else _delimiter(text)
    csv.field_size_limit(10_000_000)
    lines = csv.reader(io.StringIO(rest if told else text, newline=""), delimiter=delimiter)
    try:
        yield from enumerate(lines, 2 if told else 1)
    except csv.Error:
        raise NotATable("no CSV") from None


def _decoded(data: bytes) -> str:
    """In UTF-8, in UTF-16 with its mark, or else in the encoding of Russian Windows."""
    marked = next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)
    for encoding in [marked] if marked else ["utf-8", "cp1251"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Pictures and programs decode as something, too.
        if not re.search(r"[\x00-\x08\x0e-\x1f\x7f]", text):
            return text
    raise NotATable("not text")


def _delimiter(text: str) -> str:
    """The one that parts the line of headings into most pieces."""
    beginning = text.lstrip("\r\n")[:20_000]

    def pieces(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter), []))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=pieces)


def _workbook(data: bytes) -> Iterator[tuple[int, list[str]]]:
    # Only the child needs it.
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        shown = [
            one.name
            for one in book.sheets_metadata
            if one.typ == SheetTypeEnum.WorkSheet and one.visible == SheetVisibleEnum.Visible
        ]
        sheets = (book.get_sheet_by_name(name) for name in shown)
        sheet = next((one for one in sheets if one.start is not None), None)
        rows = [] if sheet is None else _rows(sheet)
    except MemoryError:
        raise NotATable("too large inside") from None
    except Exception as broken:  # the library has an error for each way in which a file may be broken
        raise NotATable(f"no workbook: {type(broken).__name__}") from None
    yield from rows


def _rows(sheet: CalamineSheet) -> list[tuple[int, list[str]]]:
    """Rows with something in them, from the first such column on; a cell merged downwards is in all its rows."""
    assert sheet.start is not None
    _below, beside = sheet.start
    if beside + sheet.width > 1000:
        raise TooManyColumns()
    merged: dict[tuple[int, int], list[int]] = {}
    for (top, left), (bottom, _right) in (sheet.merged_cell_ranges or [])[:MOST_ROWS]:
        if bottom > top:
            merged.setdefault((top, left - beside), []).append(bottom)
    going: dict[int, tuple[int, str]] = {}
    found = []
    # iter_rows leaves out empty columns before the first one, and no rows above.
    for row, values in enumerate(sheet.iter_rows()):
        texts = [_text(value) for value in values]
        own = any(texts)
        for column, (bottom, text) in list(going.items()):
            if row > bottom:
                del going[column]
            elif own and column < len(texts) and not texts[column]:
                texts[column] = text
        if not own:
            continue
        for column, text in enumerate(texts):
            if (row, column) in merged:
                going[column] = (max(merged[row, column]), text)
        found.append((row + 1, texts))
        if len(found) > MOST_ROWS + 1:
            break
    return found


def _text(value: Any) -> str:
    """A cell as a person would have typed it; codes that a spreadsheet took for numbers lose their ".0"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else f"{value:.10f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if isinstance(value, timedelta) else str(value)


if __name__ == "__main__":
    main()
