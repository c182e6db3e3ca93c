"""Files that people send in."""

from __future__ import annotations

import asyncio

from aiohttp import web

from operator_console.visits import Visit
from storage.files import Blob, FileTooLarge, presentable

LARGEST = 20_000_000
"""Bytes of one file."""

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp"})
"""Types that every messenger shows as a photo."""

Kept = tuple[Blob, str, str]
"""A file in the files folder, its name and its claimed type."""


async def kept(visit: Visit, field: web.FileField) -> Kept:
    """Put a form's file into the files folder; a picture without what its camera noted. Raises FileTooLarge."""
    data = field.file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FileTooLarge(LARGEST)
    blob = await visit.console.files.save(await asyncio.to_thread(presentable, data), limit=LARGEST)
    return blob, file_name(field), field.content_type


def file_name(field: web.FileField) -> str:
    """Without folders and unprintable characters: it is shown, and goes to the buyer's device."""
    name = field.filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(char for char in name if char.isprintable())[:200] or "file"
