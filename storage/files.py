"""The files folder: content-addressed, written durably before the row that names it.

A file is written to a temporary name, synced, and renamed to a path made from its SHA-256; only then may a row
refer to it. A crash leaves at worst a file that no row names.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import tempfile
import time
import warnings
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import sqlalchemy as sa
from PIL import Image, ImageOps
from sqlalchemy.orm import Session

from kit import crash, pictures
from kit.clock import utc_now
from kit.errors import Missing, Refused
from storage.tables import StoredFile

PIXELS = 50_000_000
"""Larger pictures are not decoded."""

WIDEST = 2560
"""Pixels of the longer side of a picture that we pass on; phones make far larger ones, which nobody sees in a chat."""

FRESH = timedelta(minutes=1)
"""How long after it came a file is not taken away: the row that names it may be just about to be written."""

THUMBNAILS = (96, 320, 900)
"""Widths that a picture may be asked for, in pixels."""


class FileTooLarge(Refused):
    code = "file_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"file is larger than {limit} bytes", megabytes=limit // 1_000_000)


class NoSuchFile(Missing):
    code = "no_such_file"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are safely in the folder. `mime` is a picture's true type, or "" when it is no picture we know."""

    sha256: str
    size: int
    mime: str
    width: int | None = None
    height: int | None = None


class FileStore:
    """The files folder of one installation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def save(self, data: bytes | AsyncIterable[bytes], *, limit: int) -> Blob:
        """Keep the bytes. Raises FileTooLarge past `limit` bytes; nothing is left behind then."""
        if isinstance(data, bytes):
            if len(data) > limit:
                raise FileTooLarge(limit)
            return await asyncio.to_thread(self.keep, data)
        chunks = bytearray()
        async for chunk in data:
            chunks += chunk
            if len(chunks) > limit:
                raise FileTooLarge(limit)
        return await asyncio.to_thread(self.keep, bytes(chunks))

    def keep(self, data: bytes) -> Blob:
        """Write durably; the same bytes are kept once."""
        digest = hashlib.sha256(data).hexdigest()
        target = self.path(digest)
        if target.exists():
            # For `forget`: somebody is about to name it.
            target.touch()
        else:
            _write_durably(target, data)
        mime, width, height = _picture(data)
        return Blob(digest, len(data), mime, width, height)

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def forget(self, sums: Sequence[str]) -> list[str]:
        """Take files that no row names from the disk, with what was drawn of them. Gives those that came just now and
        are still there. Blocks: run in a thread."""
        left = []
        for sha256 in sums:
            path = self.path(sha256)
            if path.exists() and time.time() - path.stat().st_mtime < FRESH.total_seconds():
                left.append(sha256)
                continue
            path.unlink(missing_ok=True)
            for width in THUMBNAILS:
                self._thumbnail(sha256, width).unlink(missing_ok=True)
        return left

    async def read(self, sha256: str) -> bytes:
        return await asyncio.to_thread(self.path(sha256).read_bytes)

    def thumbnail(self, sha256: str, width: int) -> Path:
        """The picture scaled down to `width` pixels as JPEG, made at the first request. Blocks: run in a thread."""
        if width not in THUMBNAILS:
            raise NoSuchFile(f"no thumbnail of width {width}")
        target = self._thumbnail(sha256, width)
        if not target.exists():
            _write_durably(target, _scaled(self.path(sha256), width))
        return target

    def _thumbnail(self, sha256: str, width: int) -> Path:
        return self._folder / "thumbs" / str(width) / sha256[:2] / f"{sha256}.jpg"


def record(
    session: Session, blob: Blob, *, name: str = "", mime: str = "", public: bool = False, shop_id: int | None = None
) -> StoredFile:
    """Name a kept blob in the database. A picture's own type beats the claimed `mime`."""
    row = StoredFile(
        sha256=blob.sha256,
        size=blob.size,
        mime=blob.mime or mime or "application/octet-stream",
        name=name[:200],
        width=blob.width,
        height=blob.height,
        public=public,
        token=secrets.token_urlsafe(18),
        shop_id=shop_id,
        created_at=utc_now(),
    )
    session.add(row)
    session.flush()
    return row


def by_token(session: Session, token: str) -> StoredFile:
    row = session.scalar(sa.select(StoredFile).where(StoredFile.token == token))
    if row is None:
        raise NoSuchFile("no such file")
    return row


def presentable(data: bytes) -> bytes:
    """A picture as it may go to a stranger: upright, without what the camera noted (place, time, device, more views of
    the same), not too wide.

    What is no picture of ours, or moves, comes back as it is. Takes time: run in a thread.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with pictures.opened(BytesIO(data)) as image:
                views = image.format == "MPO"
                form = "JPEG" if views else image.format or ""
                if (getattr(image, "is_animated", False) and not views) or image.width * image.height > PIXELS:
                    return data
                if not views and not _noted(image) and max(image.size) <= WIDEST and not image.info.get("xmp"):
                    return data
                clean = _upright(image)
                clean.thumbnail((WIDEST, WIDEST))
                out = BytesIO()
                profile = image.info.get("icc_profile")
                clean.info.clear()
                clean.save(out, form, icc_profile=profile, exif=b"", **({} if form == "PNG" else {"quality": 88}))
                return out.getvalue()
    except pictures.BROKEN:
        return data


def _noted(image: Image.Image) -> bool:
    """Whether the camera noted something, also if only others can read it."""
    return any(name == "exif" or name.startswith("Raw profile type") for name in map(str, image.info))


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held; as it is, where what the camera noted cannot be read."""
    try:
        return ImageOps.exif_transpose(image)
    except pictures.BROKEN:
        return image.copy()


def _write_durably(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        crash.point("file.written")
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    crash.point("file.kept")


def _picture(data: bytes) -> tuple[str, int | None, int | None]:
    """The true type and size of a picture, read from its header alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with pictures.opened(BytesIO(data)) as image:
                return pictures.TYPES[image.format or ""], image.width, image.height
    except pictures.BROKEN:
        return "", None, None


def _scaled(source: Path, width: int) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with pictures.opened(source) as image:
                if image.width * image.height > PIXELS:
                    raise NoSuchFile("the picture is too large to show")
                image.draft("RGB", (width * 2, width * 2))
                small = _upright(image).convert("RGB")
                small.thumbnail((width, width * 4))
                out = BytesIO()
                small.save(out, "JPEG", quality=82)
                return out.getvalue()
    except pictures.BROKEN as broken:
        raise NoSuchFile("not a picture") from broken
