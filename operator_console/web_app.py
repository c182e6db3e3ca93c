"""The console as an app of its own on a phone or a desk: its manifest, its icons' colours, its service worker.

The worker keeps one page, which says that there is no connection and what to do, and the files that this page needs.
Nothing of the console itself is kept: pages hold personal data and must be the newest.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from aiohttp import web

from company.texts import nearest
from operator_console.rendering import STATIC, Templates
from operator_console.texts import Reader, reading
from operator_console.texts import gettext as _

WORKER = STATIC / "js" / "worker.js"

OFFLINE_SHEETS = ("tokens", "base", "components", "pages")
_NEEDED = re.compile(r'(?:href|src)="(/static/[^"#]+)')


class WebApp:
    """What browsers ask for without a sign-in; none of it depends on who asks."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._worker = WORKER.read_text()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/app.webmanifest", self.manifest),
            web.get("/worker.js", self.worker),
            web.get("/offline", self.offline),
        ]

    async def manifest(self, request: web.Request) -> web.Response:
        with reading(Reader.stranger(_language(request))):
            told = self._manifest(_language(request))
        return web.Response(
            body=orjson.dumps(told), content_type="application/manifest+json", headers={"Cache-Control": "no-cache"}
        )

    async def worker(self, request: web.Request) -> web.Response:
        """Another version is another text, and so another worker, which throws away what the last one kept."""
        language = _language(request)
        page = f"/offline?lang={language}"
        files = sorted(set(_NEEDED.findall(self._offline(language))))
        kept = orjson.dumps({"version": self._templates.version, "page": page, "files": [page, *files]}).decode()
        return web.Response(
            text=f"const KEPT = {kept};\n{self._worker}",
            content_type="text/javascript",
            headers={"Cache-Control": "no-cache"},
        )

    async def offline(self, request: web.Request) -> web.Response:
        return web.Response(text=self._offline(_language(request)), content_type="text/html")

    def _offline(self, language: str) -> str:
        reader = Reader.stranger(language)
        return self._templates.render("offline.html", reader, csrf="", sheets=OFFLINE_SHEETS)

    def _manifest(self, language: str) -> dict[str, Any]:
        bar = self._templates.bar["light"]
        icon = self._templates.asset
        return {
            "id": "/",
            "name": _("Prilavok"),
            "short_name": _("Prilavok"),
            "description": _("The shop’s counter: conversations, orders and payments in one place"),
            "lang": language,
            "dir": "ltr",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "background_color": bar,
            "theme_color": bar,
            "categories": ["business"],
            "icons": [
                {"src": icon("favicon.svg"), "sizes": "any", "type": "image/svg+xml"},
                {"src": icon("app/icon-192.png"), "sizes": "192x192", "type": "image/png"},
                {"src": icon("app/icon-512.png"), "sizes": "512x512", "type": "image/png"},
                {
                    "src": icon("app/maskable-512.png"),
                    "sizes": "512x512",
                    "type": "image/png",
                    "purpose": "maskable",
                },
            ],
            "shortcuts": [
                {"name": name, "url": url, "icons": [{"src": icon("app/icon-192.png"), "sizes": "192x192"}]}
                for name, url in ((_("Conversations"), "/inbox"), (_("Orders"), "/orders"), (_("Tasks"), "/tasks"))
            ],
        }


def _language(request: web.Request) -> str:
    return nearest(request.query.get("lang", ""))
