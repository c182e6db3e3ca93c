"""Static files at /static/<version>/<path>: kept by browsers for ever, as another version has another address."""

from __future__ import annotations

from aiohttp import web

from operator_console.rendering import STATIC, Templates

FOREVER = "public, max-age=31536000, immutable"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


class StaticFiles:
    """Only what lies in the folder at the start is served; names from outside never become paths."""

    def __init__(self, templates: Templates) -> None:
        self._version = templates.version
        self._files = {
            str(path.relative_to(STATIC)): path for path in STATIC.rglob("*") if path.is_file() and path.suffix in TYPES
        }

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/static/{version:[0-9a-f]{12}}/{path:.+}", self.file)]

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file, packed if a .gz lies beside it. A page from before an update still finds its files, unkept."""
        path = self._files.get(request.match_info["path"])
        if path is None:
            raise web.HTTPNotFound(text="no such file")
        kept = request.match_info["version"] == self._version
        headers = {"Content-Type": TYPES[path.suffix], "Cache-Control": FOREVER if kept else "no-cache"}
        return web.FileResponse(path, headers=headers)
