"""The site as one object: start it, and open its address in a browser.

/              the shop's page in Russian, /?lang=en in English
/static/…      its styles
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from emulators.shopsite.goods import TEXTS, WINDOW

STATIC = Path(__file__).parent / "static"

POLICY = (
    "default-src 'self'; script-src {counter}; frame-src {counter}; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a careful shop sends with its pages: the chat must work under it."""


class ShopSite:
    """The site of «Глина и лён» with the chat of `counter`, an address, under the site key `site`."""

    def __init__(self, *, counter: str, site: str) -> None:
        self._counter = counter
        self._site = site
        self._pages = Environment(
            loader=PackageLoader("emulators.shopsite"), autoescape=True, undefined=StrictUndefined
        )
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/", self._page), web.static("/static", STATIC)])
        return app

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen, and return the address. Port 0 takes a free one."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        taken: int = self._runner.addresses[0][1]
        return f"http://{host}:{taken}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        language = "en" if request.query.get("lang") == "en" else "ru"
        text = self._pages.get_template("shop.html").render(
            t=TEXTS[language],
            language=language,
            pieces=WINDOW[language],
            counter=self._counter,
            site=self._site,
        )
        headers = {"Content-Security-Policy": POLICY.format(counter=self._counter), "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", headers=headers)
