"""Which files are pictures."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from PIL import Image

_OPENED = ("JPEG", "PNG", "WEBP", "GIF")
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "MPO": "image/jpeg"}
"""What every browser shows, by Pillow's names. MPO, as telephones write it, is a JPEG with more views of the same
behind it, and a JPEG to everybody but Pillow."""


BROKEN = (
    OSError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, EOFError, AttributeError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
"""What Pillow raises at a picture that somebody has spoilt, by accident or on purpose."""


def opened(source: Path | IO[bytes]) -> Image.Image:
    """A picture of these kinds; raises UnidentifiedImageError for all else.

    Left alone, Pillow tries some forty kinds more: one takes letters for pictures, one hands what it was given over to
    Ghostscript.
    """
    return Image.open(source, formats=_OPENED)
