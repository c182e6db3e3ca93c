"""Tables that strangers send: read as a spreadsheet shows them, or refused before they hurt."""

from __future__ import annotations

import io
import zipfile

import pytest

from kit import sheets
from kit.errors import Refused

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def workbook(rows: str, after: str = "", state: str = "") -> bytes:
    """The smallest XLSX with these rows of its second sheet; the first is empty."""
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{{}}</sheetData>{{}}</worksheet>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"/>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r" Type="{OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="A" sheetId="1" r:id="a"/>'
        f'<sheet name="B" sheetId="2" r:id="b"{state}/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">'
        + "".join(
            f'<Relationship Id="{name}" Type="{OFFICE}/worksheet" Target="worksheets/{name}.xml"/>' for name in "ab"
        )
        + "</Relationships>",
        "xl/worksheets/a.xml": sheet.format("", ""),
        "xl/worksheets/b.xml": sheet.format(rows, after),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, f'<?xml version="1.0"?>{text}')
    return out.getvalue()


def text(place: str, said: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{said}</t></is></c>'


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ("SKU,Price\nA-1,10".encode("utf-8-sig"), ["A-1", "10"]),
        ("Артикул;Цена\r\nА-1;10,50\r\n".encode("cp1251"), ["А-1", "10,50"]),
        ("Артикул\tЦена\nА-1\t10".encode("utf-16"), ["А-1", "10"]),
        (b"sep=;\nSKU;Price\nA-1;10", ["A-1", "10"]),
        ('SKU,Price\n"A,1","он сказал ""да""\nи ушёл"'.encode(), ["A,1", 'он сказал "да"\nи ушёл']),
        (b"SKU;Price\nA-1", ["A-1", ""]),
        (b"SKU;Price\nA-1;10;beside;the table", ["A-1", "10"]),
    ],
)
def test_csv_is_read_whoever_wrote_it(data: bytes, first: list[str]) -> None:
    sheet = sheets.parse(data)
    assert sheet.rows[0][1] == first


def test_rows_keep_the_numbers_that_the_spreadsheet_shows() -> None:
    assert sheets.parse(b"\nSKU\n\n;\nA-1\n\nA-2").rows == [(5, ["A-1"]), (7, ["A-2"])]
    rows = f'<row r="3">{text("C3", "SKU")}</row><row r="9">{text("C9", "A-1")}</row>'
    assert sheets.parse(workbook(rows)).rows == [(9, ["A-1"])]


def test_numbers_codes_and_formulas_of_a_workbook_are_as_a_person_would_type_them() -> None:
    heads = "".join(text(f"{column}1", column) for column in "ABCDE")
    cells = '<c r="A2"><v>4600000000017</v></c><c r="B2"><v>1450.5</v></c><c r="C2"><f>1+1</f><v>2</v></c>'
    cells += '<c r="D2" t="b"><v>1</v></c><c r="E2"><v>0.1</v></c>'
    sheet = sheets.parse(workbook(f'<row r="1">{heads}</row><row r="2">{cells}</row>'))
    assert sheet.rows == [(2, ["4600000000017", "1450.5", "2", "1", "0.1"])]


def test_a_cell_merged_downwards_stands_in_each_of_its_rows() -> None:
    rows = f'<row r="1">{text("B1", "Name")}{text("C1", "SKU")}</row>'
    rows += f'<row r="2">{text("B2", "Mug")}{text("C2", "1")}</row>'
    rows += "".join(f'<row r="{n}">{text(f"C{n}", str(n))}</row>' for n in (3, 4))
    merged = '<mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells>'
    assert [cells for _, cells in sheets.parse(workbook(rows, merged)).rows] == [["Mug", "1"], ["Mug", "3"], ["", "4"]]


def test_a_hidden_sheet_is_not_read() -> None:
    rows = f'<row r="1">{text("A1", "SKU")}</row><row r="2">{text("A2", "1")}</row>'
    with pytest.raises(sheets.EmptyTable):
        sheets.parse(workbook(rows, state=' state="hidden"'))


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"", sheets.EmptyTable),
        (b"SKU;Price\n\n;;\n", sheets.EmptyTable),
        (b"\x89PNG\r\n\x1a\n\x00\x01", sheets.NotATable),
        (b"PK\x03\x04 broken", sheets.NotATable),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", sheets.NotATable),
        (b"SKU\n" + b"A\n" * (sheets.MOST_ROWS + 1), sheets.TooManyRows),
        (b"SKU;A;B\n" + (b"x" * 10_000 + b";" + b"y" * 10_000 + b";\n") * 1_600, sheets.NotATable),
        (b";".join([b"a"] * (sheets.MOST_COLUMNS + 1)) + b"\n1", sheets.TooManyColumns),
    ],
)
def test_what_cannot_be_taken_is_refused(data: bytes, refused: type[Refused]) -> None:
    with pytest.raises(refused):
        sheets.parse(data)


def test_a_cell_is_never_longer_than_what_says_that_it_is_too_long() -> None:
    (_, cells) = sheets.parse(b"SKU;Text\nA;" + b"x" * 1_000_000).rows[0]
    assert len(cells[1]) == sheets.LONGEST + 1


async def test_a_file_that_would_take_all_memory_kills_its_reader_only() -> None:
    far = f'<row r="1">{text("A1", "SKU")}</row><row r="1048576">{text("XFD1048576", "x")}</row>'
    with pytest.raises(sheets.NotATable):
        await sheets.read(workbook(far))


async def test_a_file_is_read_by_a_process_of_its_own() -> None:
    assert await sheets.read("Артикул;Цена\nА-1;10".encode()) == sheets.Sheet(["Артикул", "Цена"], [(2, ["А-1", "10"])])
    with pytest.raises(sheets.TooManyColumns):
        await sheets.read(b";".join([b"a"] * (sheets.MOST_COLUMNS + 1)))
