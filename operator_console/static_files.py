"""Static files at /static/<version>/<path>: kept by browsers for ever, as another version has another address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from aiohttp import web

from kit import packing
from operator_console.rendering import STATIC, Templates

FOREVER = "public, max-age=31536000, immutable"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}

PACKED_ALREADY = (".png", ".woff2")


@dataclass(frozen=True)
class _File:
    type: str
    plain: bytes
    may_shrink: bool

    @cached_property
    def packed(self) -> bytes:
        """Made when first asked for, so that a hub need not start with it. Empty where it does not make it smaller."""
        packed = packing.packed(self.plain) if self.may_shrink else b""
        return packed if len(packed) < len(self.plain) else b""


class StaticFiles:
    """Only what lies in the folder at the start is served, from memory; names from outside never become paths."""

    def __init__(self, templates: Templates) -> None:
        self._version = templates.version
        self._files = {
            str(path.relative_to(STATIC)): _read(path)
            for path in STATIC.rglob("*")
            if path.is_file() and path.suffix in TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/static/{version:[0-9a-f]{12}}/{path:.+}", self.file)]

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file, packed for whoever takes it so. A page from before an update still finds its files, unkept."""
        file = self._files.get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound(text="no such file")
        kept = request.match_info["version"] == self._version
        headers = {"Content-Type": file.type, "Cache-Control": FOREVER if kept else "no-cache"}
        if file.may_shrink:
            headers["Vary"] = "Accept-Encoding"
        if not packing.wanted(request) or not file.packed:
            return web.Response(body=file.plain, headers=headers)
        return web.Response(body=file.packed, headers=headers | {"Content-Encoding": "gzip"})


def _read(path: Path) -> _File:
    return _File(TYPES[path.suffix], path.read_bytes(), path.suffix not in PACKED_ALREADY)
