"""A picture in a form that a messenger takes."""

from __future__ import annotations

import io
import logging
from collections.abc import Collection

from PIL import Image, ImageFilter, ImageOps

from bot.channels.base import Attachment, Rejected
from kit.pictures import opened

logger = logging.getLogger(__name__)

PAPER = (243, 240, 236)
"""What stands where there is no picture."""

SMALLER, BLUR = 8, 6
"""What is out of focus is drawn so much smaller, and blurred by so many of its pixels."""

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


def framed(attachment: Attachment | None, width: int, height: int) -> bytes:
    """The whole picture as JPEG of exactly this size, with itself out of focus on both sides; an empty one of paper
    where there is none, or none that can be read."""
    frame = Image.new("RGB", (width, height), PAPER)
    if attachment is not None:
        try:
            with opened(attachment.path) as picture:
                plain = _on_paper(picture)
            frame = ImageOps.fit(plain, (width // SMALLER, height // SMALLER)).filter(ImageFilter.GaussianBlur(BLUR))
            frame = frame.resize((width, height), Image.Resampling.BICUBIC)
            whole = ImageOps.contain(plain, (width, height))
            frame.paste(whole, ((width - whole.width) // 2, (height - whole.height) // 2))
        except (OSError, Image.DecompressionBombError):
            logger.warning("a picture of a product cannot be read: file %s", attachment.media.file_id)
    drawn = io.BytesIO()
    frame.save(drawn, "JPEG", quality=88)
    return drawn.getvalue()


def _on_paper(picture: Image.Image) -> Image.Image:
    """Without what can be looked through."""
    if picture.mode not in ("RGBA", "LA", "PA") and "transparency" not in picture.info:
        return picture.convert("RGB")
    seen = picture.convert("RGBA")
    paper = Image.new("RGBA", seen.size, (*PAPER, 255))
    return Image.alpha_composite(paper, seen).convert("RGB")
