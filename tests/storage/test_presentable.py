"""What is a picture, and pictures as they may go to strangers."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from storage.files import WIDEST, FileStore, NoSuchFile, presentable


def _jpeg(size: tuple[int, int] = (40, 20), **more: Any) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, "JPEG", **more)
    return out.getvalue()


def test_a_picture_goes_to_strangers_upright_and_without_what_the_camera_noted() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "A telephone"
    with Image.open(BytesIO(presentable(_jpeg(exif=exif)))) as clean:
        assert (clean.size, dict(clean.getexif())) == ((20, 40), {})


def test_a_picture_larger_than_any_screen_is_made_smaller() -> None:
    with Image.open(BytesIO(presentable(_jpeg((WIDEST * 2, 100))))) as clean:
        assert clean.size == (WIDEST, 50)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_other_pictures_keep_their_form(form: str) -> None:
    out, exif = BytesIO(), Image.Exif()
    exif[0x010F] = "A telephone"
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(out, form, exif=exif)
    with Image.open(BytesIO(presentable(out.getvalue()))) as clean:
        assert (clean.format, clean.mode, dict(clean.getexif())) == (form, "RGBA", {})


def test_what_has_nothing_to_hide_stays_as_it_is_to_the_byte() -> None:
    moving, other = BytesIO(), Image.new("P", (9, 9), 1)
    Image.new("P", (9, 9)).save(moving, "GIF", save_all=True, append_images=[other])
    for data in (_jpeg(), moving.getvalue(), b"%PDF-1.7", b"", _jpeg()[:100]):
        assert presentable(data) == data


def test_a_photograph_of_several_views_is_a_jpeg_and_only_its_first_view_goes_to_strangers(tmp_path: Path) -> None:
    exif, out = Image.Exif(), BytesIO()
    exif[0x010F] = "A telephone"
    red, blue = (Image.new("RGB", (40, 20), colour) for colour in ("red", "blue"))
    red.save(out, "MPO", save_all=True, append_images=[blue], exif=exif)
    kept = FileStore(tmp_path).keep(out.getvalue())
    assert (kept.mime, kept.width, kept.height) == ("image/jpeg", 40, 20)
    with Image.open(BytesIO(presentable(out.getvalue()))) as clean:
        assert (clean.format, dict(clean.getexif())) == ("JPEG", {})
    assert FileStore(tmp_path).thumbnail(kept.sha256, 96).exists()


LETTER = b"From: Anna <anna@example.org>\nSubject: The order\nDate: Mon, 1 Jan 2026 10:00:00 +0300\n"
XBM = b"#define x_width 16\n#define x_height 7\nstatic char x_bits[] = {0x13};\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'


def _drawn(form: str) -> bytes:
    out = BytesIO()
    Image.new("RGB", (32, 32), "red").save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        *(pytest.param(data, id=name) for name, data in {"eml": LETTER, "xbm": XBM, "svg": SVG, "none": b""}.items()),
        *(pytest.param(_drawn(form), id=form) for form in ("EPS", "TIFF", "BMP", "PPM", "ICO", "PCX", "TGA", "DDS")),
    ],
)
def test_what_browsers_do_not_show_is_no_picture(tmp_path: Path, data: bytes) -> None:
    """Not even one of unknown kind with a width, as Pillow says of letters; and no other program is run for it."""
    store = FileStore(tmp_path)
    kept = store.keep(data)
    assert (kept.mime, kept.width, kept.height) == ("", None, None)
    assert presentable(data) == data
    with pytest.raises(NoSuchFile):
        store.thumbnail(kept.sha256, 96)


def test_a_picture_whose_notes_are_spoilt_goes_to_strangers_without_them(tmp_path: Path) -> None:
    """Where it was taken may still be read from them by others."""
    exif = Image.Exif()
    exif[0x010F] = "A telephone"
    whole = _jpeg(exif=exif)
    at = whole.index(b"Exif\0\0") + 6
    for spoilt in (
        whole[: at + 2] + b"\xff" + whole[at + 3 :],
        whole.replace(b"MM\0*", b"M\x9c\0*").replace(b"II*\0", b"I\x9c*\0"),
    ):
        assert b"A telephone" in spoilt
        assert b"A telephone" not in presentable(spoilt)
        assert FileStore(tmp_path).thumbnail(FileStore(tmp_path).keep(spoilt).sha256, 96).exists()


def test_a_spoilt_picture_breaks_nothing(tmp_path: Path) -> None:
    store, out = FileStore(tmp_path), BytesIO()
    Image.effect_noise((64, 48), 50).save(out, "PNG")
    at = out.getvalue().index(b"IDAT")
    for spoilt in (out.getvalue()[: at - 4] + b"\0\0\0\x09" + out.getvalue()[at:], out.getvalue()[: at + 40]):
        assert presentable(spoilt)
        with pytest.raises(NoSuchFile):
            store.thumbnail(store.keep(spoilt).sha256, 96)
