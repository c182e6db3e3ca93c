"""Pictures as they may go to strangers."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from storage.files import WIDEST, presentable


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
