"""Files that people and bots send. Equal contents are kept once; a file id names a content and how it was sent."""

from __future__ import annotations

import hashlib
import io
import mimetypes
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from emulators.telegram.errors import ApiError, bad_request
from emulators.telegram.world import Json

DOWNLOAD_LIMIT = 20 * 1024 * 1024
PHOTO_LIMIT = 10 * 1024 * 1024
PHOTO_SIDES = (("s", 90), ("m", 320), ("x", 800))
"""Smaller sizes that every photo is offered in, by the longer side. The largest is the picture as it was sent."""
ID_PREFIX = {
    "photo": "AgACAgI",
    "document": "BQACAgI",
    "video": "BAACAgI",
    "voice": "AwACAgI",
    "audio": "CQACAgI",
    "animation": "CgACAgI",
    "sticker": "CAACAgI",
}
FOLDERS = {
    "photo": "photos",
    "document": "documents",
    "video": "videos",
    "voice": "voice",
    "audio": "music",
    "animation": "animations",
    "sticker": "stickers",
}
DEFAULT_MIME = {
    "photo": "image/jpeg",
    "video": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "animation": "video/mp4",
    "sticker": "image/webp",
    "document": "application/octet-stream",
}
_SUFFIX = {"audio/ogg": ".oga", "image/jpeg": ".jpg", "audio/mpeg": ".mp3"}


@dataclass(slots=True)
class StoredFile:
    """One content sent in one way. `path` is what getFile tells, and is unique."""

    kind: str
    file_id: str
    unique_id: str
    file_name: str
    mime_type: str
    path: str
    content: bytes = field(repr=False)
    width: int = 0
    height: int = 0

    def named(self) -> Json:
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.content)}


class FileStore:
    def __init__(self) -> None:
        self.by_id: dict[str, StoredFile] = {}
        self.by_path: dict[str, StoredFile] = {}

    def add(self, kind: str, content: bytes, *, file_name: str = "", mime_type: str = "") -> StoredFile:
        """Keep a file; the same content sent in the same way under the same name has the same id."""
        mime_type = mime_type or mimetypes.guess_type(file_name)[0] or DEFAULT_MIME[kind]
        digest = hashlib.sha256(content + f"|{kind}|{file_name}|{mime_type}".encode()).hexdigest()
        file_id = f"{ID_PREFIX[kind]}{digest[:40]}"
        if file_id in self.by_id:
            return self.by_id[file_id]
        suffix = _SUFFIX.get(mime_type) or mimetypes.guess_extension(mime_type) or ""
        stored = StoredFile(
            kind=kind,
            file_id=file_id,
            unique_id=f"AQAD{digest[:12]}",
            file_name=file_name,
            mime_type=mime_type,
            path=f"{FOLDERS[kind]}/file_{len(self.by_path) + 1}{suffix}",
            content=content,
        )
        if kind in ("photo", "sticker"):
            stored.width, stored.height = _picture_size(content, strict=kind == "photo")
        self.keep(stored)
        return stored

    def keep(self, stored: StoredFile) -> None:
        self.by_id[stored.file_id] = stored
        self.by_path[stored.path] = stored

    def get(self, file_id: str) -> StoredFile | None:
        """The file of this id; a photo's smaller sizes are drawn when they are first asked for."""
        stored = self.by_id.get(file_id)
        if stored is None and "-" in file_id:
            whole, _, size = file_id.rpartition("-")
            side = dict(PHOTO_SIDES).get(size)
            original = self.by_id.get(whole)
            if original is not None and side is not None:
                stored = _shrunk(original, size, side)
                self.keep(stored)
        return stored

    def describe(self, stored: StoredFile, details: Json) -> Json:
        """The fields of a message that carry this file: `{"photo": [...]}`, `{"document": {...}}`.

        `details` are what the sender says of it: duration, width, height, performer, title, emoji.
        """
        return {stored.kind: _DESCRIBE[stored.kind](stored, details)}


def _picture_size(content: bytes, *, strict: bool) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
    except (OSError, Image.DecompressionBombError):
        if strict:
            raise bad_request("IMAGE_PROCESS_FAILED") from None
        return 512, 512
    if strict and (width + height > 10_000 or max(width, height) > 20 * min(width, height)):
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    return width, height


def _fitted(stored: StoredFile, side: int) -> tuple[int, int]:
    scale = side / max(stored.width, stored.height)
    return max(round(stored.width * scale), 1), max(round(stored.height * scale), 1)


def _shrunk(original: StoredFile, size: str, side: int) -> StoredFile:
    width, height = _fitted(original, side)
    with Image.open(io.BytesIO(original.content)) as picture:
        drawn = io.BytesIO()
        picture.convert("RGB").resize((width, height)).save(drawn, "JPEG", quality=82)
    return StoredFile(
        kind="photo",
        file_id=f"{original.file_id}-{size}",
        unique_id=f"{original.unique_id}{size}",
        file_name="",
        mime_type="image/jpeg",
        path=f"{original.path.rpartition('.')[0]}_{size}.jpg",
        content=drawn.getvalue(),
        width=width,
        height=height,
    )


def _photo(stored: StoredFile, details: Json) -> list[Json]:
    sizes = []
    for size, side in PHOTO_SIDES:
        if max(stored.width, stored.height) > side:
            width, height = _fitted(stored, side)
            sizes.append(
                {
                    "file_id": f"{stored.file_id}-{size}",
                    "file_unique_id": f"{stored.unique_id}{size}",
                    "width": width,
                    "height": height,
                }
            )
    return [*sizes, {**stored.named(), "width": stored.width, "height": stored.height}]


def _document(stored: StoredFile, details: Json) -> Json:
    return {**stored.named(), "file_name": stored.file_name or "file", "mime_type": stored.mime_type}


def _moving(stored: StoredFile, details: Json) -> Json:
    return {
        **_document(stored, details),
        "width": int(details.get("width") or 640),
        "height": int(details.get("height") or 360),
        "duration": int(details.get("duration") or 1),
    }


def _voice(stored: StoredFile, details: Json) -> Json:
    return {**stored.named(), "duration": int(details.get("duration") or 1), "mime_type": stored.mime_type}


def _audio(stored: StoredFile, details: Json) -> Json:
    told = {key: details[key] for key in ("performer", "title") if details.get(key)}
    return {**_document(stored, details), "duration": int(details.get("duration") or 1), **told}


def _sticker(stored: StoredFile, details: Json) -> Json:
    return {
        **stored.named(),
        "type": "regular",
        "width": stored.width,
        "height": stored.height,
        "is_animated": False,
        "is_video": False,
        **({"emoji": details["emoji"]} if details.get("emoji") else {}),
    }


_DESCRIBE: dict[str, Any] = {
    "photo": _photo,
    "document": _document,
    "video": _moving,
    "animation": _moving,
    "voice": _voice,
    "audio": _audio,
    "sticker": _sticker,
}


def too_big_to_download() -> ApiError:
    return bad_request("file is too big")
