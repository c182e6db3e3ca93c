"""The routes under /v3, as https://api.yookassa.ru/v3 has them."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
from aiohttp import web

from emulators.yookassa import rendering
from emulators.yookassa.bank import Bank
from emulators.yookassa.errors import ApiRefusal, invalid, not_found
from emulators.yookassa.idempotence import HEADER, Answers
from emulators.yookassa.records import JsonObject, Payment, Receipt, Refund, Shop, Status
from emulators.yookassa.requests import capture_amount, new_payment, new_receipt, new_refund

T = TypeVar("T", Payment, Refund, Receipt)


class Api:
    def __init__(self, bank: Bank, answers: Answers) -> None:
        self.bank, self.answers = bank, answers

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v3/payments", self.create_payment),
            web.get("/v3/payments", self.list_payments),
            web.get("/v3/payments/{payment_id}", self.get_payment),
            web.post("/v3/payments/{payment_id}/capture", self.capture_payment),
            web.post("/v3/payments/{payment_id}/cancel", self.cancel_payment),
            web.post("/v3/refunds", self.create_refund),
            web.get("/v3/refunds", self.list_refunds),
            web.get("/v3/refunds/{refund_id}", self.get_refund),
            web.post("/v3/receipts", self.create_receipt),
            web.get("/v3/receipts", self.list_receipts),
            web.get("/v3/receipts/{receipt_id}", self.get_receipt),
            web.get("/v3/me", self.me),
        ]

    # ---- payments

    async def create_payment(self, request: web.Request) -> web.Response:
        shop, body = self._shop(request), await _json(request)
        return self._once(request, shop, body, lambda: self.bank.show(self.bank.create(shop, new_payment(body, shop))))

    async def get_payment(self, request: web.Request) -> web.Response:
        shop = self._shop(request)
        return _answer(self.bank.show(self.bank.payment(shop, request.match_info["payment_id"])))

    async def capture_payment(self, request: web.Request) -> web.Response:
        shop, body = self._shop(request), await _json(request)
        payment = self.bank.payment(shop, request.match_info["payment_id"])

        def act() -> JsonObject:
            amount, receipt = capture_amount(body, payment.amount, shop)
            return self.bank.show(self.bank.capture(payment, amount, receipt))

        return self._once(request, shop, body, act)

    async def cancel_payment(self, request: web.Request) -> web.Response:
        shop, body = self._shop(request), await _json(request)
        payment = self.bank.payment(shop, request.match_info["payment_id"])
        return self._once(request, shop, body, lambda: self.bank.show(self.bank.cancel(payment)))

    async def list_payments(self, request: web.Request) -> web.Response:
        shop, query = self._shop(request), request.query
        status, method = _status(request), query.get("payment_method")
        found = [
            payment
            for payment in self.bank.payments.values()
            if payment.shop == shop.id
            and (status is None or payment.status is status)
            and (method is None or (payment.method is not None and payment.method["type"] == method))
            and _in_time(request, "created_at", payment.created_at)
            and _in_time(request, "captured_at", payment.captured_at)
        ]
        return _page(request, found, self.bank.show)

    # ---- refunds

    async def create_refund(self, request: web.Request) -> web.Response:
        shop, body = self._shop(request), await _json(request)
        return self._once(request, shop, body, lambda: self.bank.show_refund(self.bank.refund(shop, new_refund(body))))

    async def get_refund(self, request: web.Request) -> web.Response:
        shop = self._shop(request)
        refund = self.bank.refunds.get(request.match_info["refund_id"])
        if refund is None or refund.shop != shop.id:
            raise not_found("Refund", "refund_id")
        return _answer(self.bank.show_refund(refund))

    async def list_refunds(self, request: web.Request) -> web.Response:
        shop, status, payment_id = self._shop(request), _status(request), request.query.get("payment_id")
        found = [
            refund
            for refund in self.bank.refunds.values()
            if refund.shop == shop.id
            and (status is None or refund.status is status)
            and payment_id in (None, refund.payment_id)
            and _in_time(request, "created_at", refund.created_at)
        ]
        return _page(request, found, self.bank.show_refund)

    # ---- receipts

    async def create_receipt(self, request: web.Request) -> web.Response:
        shop, body = self._shop(request), await _json(request)
        return self._once(
            request, shop, body, lambda: self.bank.show_receipt(self.bank.register(shop, new_receipt(body)))
        )

    async def get_receipt(self, request: web.Request) -> web.Response:
        shop = self._shop(request)
        receipt = self.bank.receipts.get(request.match_info["receipt_id"])
        if receipt is None or receipt.shop != shop.id:
            raise not_found("Receipt", "receipt_id")
        return _answer(self.bank.show_receipt(receipt))

    async def list_receipts(self, request: web.Request) -> web.Response:
        shop, query, status = self._shop(request), request.query, _status(request)
        found = [
            receipt
            for receipt in self.bank.receipts.values()
            if receipt.shop == shop.id
            and (status is None or rendering.receipt_status(receipt, self.bank.clock()) == status.value)
            and query.get("payment_id") in (None, receipt.payment_id)
            and query.get("refund_id") in (None, receipt.refund_id)
            and _in_time(request, "created_at", receipt.created_at)
        ]
        return _page(request, found, self.bank.show_receipt)

    async def me(self, request: web.Request) -> web.Response:
        return _answer(rendering.shop_object(self._shop(request)))

    # ---- what every call needs

    def _shop(self, request: web.Request) -> Shop:
        """The shop whose credentials the call carries. Also the moment when overdue payments expire."""
        self.bank.expire_due()
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, secret = "", ""
        shop = self.bank.shops.get(user)
        if scheme != "Basic" or shop is None or not hmac.compare_digest(secret.encode(), shop.secret.encode()):
            raise ApiRefusal(
                401,
                "invalid_credentials",
                "Error in shopId or secret key. Check their validity. You can reissue the key in the Merchant Profile",
                "Authorization",
            )
        return shop

    def _once(self, request: web.Request, shop: Shop, body: object, act: Callable[[], JsonObject]) -> web.Response:
        return _answer(self.answers.once(shop, request.headers.get(HEADER), (request.path, body), act))


def _answer(body: JsonObject) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json", charset="utf-8")


async def _json(request: web.Request) -> Any:
    """The body as JSON; None if there is none, as when the official library cancels a payment."""
    raw = await request.read()
    if not raw:
        return None
    if request.content_type != "application/json":
        raise ApiRefusal(415, "invalid_request", "The Content-Type must be application/json", "Content-Type")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise invalid("The body is not valid JSON") from None


def _status(request: web.Request) -> Status | None:
    wanted = request.query.get("status")
    try:
        return None if wanted is None else Status(wanted)
    except ValueError:
        raise invalid("The value is not one of the allowed", "status") from None


def _in_time(request: web.Request, name: str, value: datetime | None) -> bool:
    """Whether the moment lies within the bounds `name`.gte, .gt, .lte and .lt of the query."""
    tests: dict[str, Callable[[datetime, datetime], bool]] = {
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }
    for bound, holds in tests.items():
        parameter = f"{name}.{bound}"
        if parameter not in request.query:
            continue
        try:
            limit = datetime.fromisoformat(request.query[parameter])
        except ValueError:
            raise invalid("The moment is not in ISO 8601 format", parameter) from None
        limit = limit if limit.tzinfo is not None else limit.replace(tzinfo=UTC)
        if value is None or not holds(value, limit):
            return False
    return True


def _page(request: web.Request, found: Iterable[T], show: Callable[[T], JsonObject]) -> web.Response:
    """The newest first, at most `limit`; the cursor is the id of the first object of the next page."""
    raw = request.query.get("limit", "10")
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= 100:
        raise invalid("A whole number from 1 to 100 is expected", "limit")
    rows = sorted(found, key=lambda row: (row.created_at, row.id), reverse=True)
    cursor = request.query.get("cursor")
    if cursor is not None:
        places = [i for i, row in enumerate(rows) if row.id == cursor]
        if not places:
            raise invalid("The cursor is not known", "cursor")
        rows = rows[places[0] :]
    limit = int(raw)
    answer: JsonObject = {"type": "list", "items": [show(row) for row in rows[:limit]]}
    if len(rows) > limit:
        answer["next_cursor"] = rows[limit].id
    return _answer(answer)
