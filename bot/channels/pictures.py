"""A picture in a form that a messenger takes."""

from __future__ import annotations

import io
from collections.abc import Collection

from PIL import Image

from bot.channels.base import Attachment, Rejected
from kit.pictures import opened

SIDE = 2560
"""Pixels of a picture that was too large."""


def fitting(attachment: Attachment, taken: Collection[str], *, most: int | None = None) -> tuple[bytes, str, str]:
    """(content, name, type): as it is where its type is among those that are `taken`, and it has no more bytes than
    `most`; else as JPEG, smaller if it was too large. Raises Rejected."""
    large = most is not None and attachment.path.stat().st_size > most
    if attachment.mime in taken and not large:
        name = attachment.name or f"photo.{attachment.mime.rpartition('/')[2]}"
        return attachment.path.read_bytes(), name, attachment.mime
    drawn = io.BytesIO()
    try:
        with opened(attachment.path) as picture:
            plain = picture.convert("RGB")
            if large:
                plain.thumbnail((SIDE, SIDE))
            plain.save(drawn, "JPEG", quality=90)
    except (OSError, Image.DecompressionBombError):
        raise Rejected("the picture cannot be read") from None
    return drawn.getvalue(), "photo.jpeg", "image/jpeg"
