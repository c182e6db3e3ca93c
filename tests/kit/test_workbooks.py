"""XLSX files that we write: opened by another library, they say what was put in."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from kit import workbooks
from kit.money import Money
from kit.workbooks import Cell, NotWritten, Portion

NOON = datetime.fromisoformat("2026-02-03T12:05")


async def portions(*rows: Sequence[Cell]) -> AsyncIterator[Portion]:
    for row in rows:
        yield [row]


def sheet(path: Path, name: str = "Sheet") -> list[list[object]]:
    return [list(row) for row in CalamineWorkbook.from_path(path).get_sheet_by_name(name).to_python()]


async def test_each_kind_of_cell_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    row: list[Cell] = [
        *(7, "=1+1", "https://example.com", "007", None, Money(145050), Money(1450, "JPY"), Decimal("37.5")),
        *(date(1990, 5, 15), date(1850, 1, 1), NOON, Decimal("1234567890.1234567890")),
    ]
    await workbooks.write(path, "Sheet", [str(n) for n in range(len(row))], portions(row))
    assert sheet(path)[1] == [
        *(7.0, "=1+1", "https://example.com", "007", "", 1450.5, 1450.0, 37.5),
        *(date(1990, 5, 15), "1850-01-01", NOON, "1234567890.1234567890"),
    ]
    assert os.listdir(tmp_path) == ["a.xlsx"]


async def test_no_text_breaks_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    texts = ["<&>\"' ]]>", "a\x0bb\x00\uffff", "_x0041_", "  spaces  ", "two\nlines", "ж" * 40_000, "🙂" * 3]
    await workbooks.write(path, "Sheet", ["A"], portions(*([text] for text in texts)))
    read = [row[0] for row in sheet(path)[1:]]
    assert read == ["<&>\"' ]]>", "ab", "_x0041_", "  spaces  ", "two\nlines", "ж" * workbooks.LONGEST, "🙂" * 3]


def test_what_a_sheet_does_not_hold_goes_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_ROWS", 3)
    workbooks.save(tmp_path / "a.xlsx", "Sheet", ["A"], [[n] for n in range(5)])
    read = [sheet(tmp_path / "a.xlsx", name) for name in ("Sheet", "Sheet 2", "Sheet 3")]
    assert read == [[["A"], [0.0], [1.0]], [["A"], [2.0], [3.0]], [["A"], [4.0]]]


async def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotWritten):
        await workbooks.write(tmp_path / "nowhere" / "a.xlsx", "Sheet", ["A"], portions(["a"] * 1))
