"""The page where the buyer pays: GET shows the payment as it is now, POST pays it or declines it."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, select_autoescape

from emulators.yookassa.bank import Bank, NotPossible
from emulators.yookassa.checkout_texts import LANGUAGES, TEXTS
from emulators.yookassa.records import Payment, Status

HERE = Path(__file__).parent
FILES = ("checkout.css", "icon.svg")
SECURITY = {
    # The form leads on to the shop, whose address may lead further; browsers apply form-action to the whole way.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self' http: https: tg:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Checkout:
    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape())
        self._page = environment.get_template("checkout.html")
        self._missing = environment.get_template("missing.html")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/checkout/{payment_id}", self.show),
            web.post("/checkout/{payment_id}", self.act),
            web.get("/static/{file:" + "|".join(FILES) + "}", self.file),
        ]

    async def show(self, request: web.Request) -> web.Response:
        self._bank.expire_due()
        payment = self._bank.payments.get(request.match_info["payment_id"])
        if payment is None:
            language = _language(request, "ru")
            text = self._missing.render(t=TEXTS[language], language=language)
            return web.Response(text=text, content_type="text/html", status=404, headers=SECURITY)
        return self._render(request, payment)

    async def act(self, request: web.Request) -> web.Response:
        """Pay or decline, then on to the shop. A step that came too late shows the payment as it is instead."""
        payment = self._bank.payments.get(request.match_info["payment_id"])
        if payment is None:
            return await self.show(request)
        form = await request.post()
        try:
            if form.get("act") == "decline":
                self._bank.decline(payment.id, "yoo_money", "general_decline")
            elif form.get("act") in ("bank_card", "sbp"):
                self._bank.pay(payment.id, str(form["act"]))
            else:
                return self._render(request, payment, status=400)
        except NotPossible:
            return self._render(request, payment, status=409)
        raise web.HTTPSeeOther(payment.return_url, headers=SECURITY)

    async def file(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / "static" / request.match_info["file"])

    def _render(self, request: web.Request, payment: Payment, status: int = 200) -> web.Response:
        language = _language(request, payment.locale)
        shop = self._bank.shops[payment.shop]
        reason = payment.cancellation.reason if payment.cancellation else None
        text = self._page.render(
            t=TEXTS[language],
            language=language,
            other=next(name for name in LANGUAGES if name != language),
            payment=payment,
            shop=shop.title or shop.id,
            amount=payment.amount.format(language),
            state=_state(payment, reason),
            sbp=payment.capture and payment.asked_method in (None, "sbp"),
            card=payment.asked_method != "sbp",
        )
        return web.Response(text=text, content_type="text/html", status=status, headers=SECURITY)


def _language(request: web.Request, default: str) -> str:
    wanted = request.query.get("lang", default)
    return wanted if wanted in LANGUAGES else default


def _state(payment: Payment, reason: str | None) -> str:
    if payment.status is not Status.CANCELED:
        return payment.status.value
    return "expired" if reason in ("expired_on_confirmation", "expired_on_capture") else "canceled"
