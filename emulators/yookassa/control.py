"""The hands of a test or of a demo, over HTTP: what buyers, banks and networks do. Not a part of YooKassa's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from emulators.yookassa.bank import NotPossible, RefundOutcome
from emulators.yookassa.faults import Fault
from emulators.yookassa.rendering import money_object

if TYPE_CHECKING:
    from emulators.yookassa.emulator import YooKassaEmulator


class Control:
    def __init__(self, emulator: YooKassaEmulator) -> None:
        self._emulator = emulator

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/control/payments/{payment_id}/{step:pay|hold|decline|expire}", self.step),
            web.post("/control/payments/{payment_id}/redeliver", self.redeliver),
            web.post("/control/forge", self.forge),
            web.post("/control/refunds/{refund_id}/finish", self.finish_refund),
            web.post("/control/refund-outcomes", self.plan_refunds),
            web.post("/control/faults", self.plan_faults),
            web.delete("/control/faults", self.clear_faults),
            web.post("/control/latency", self.latency),
            web.get("/control/ledger", self.ledger),
        ]

    async def step(self, request: web.Request) -> web.Response:
        """Body, all optional: method (pay, hold), reason (decline)."""
        body, emulator = await _body(request), self._emulator
        payment_id = _known(request, emulator.bank.payments, "payment_id")
        try:
            match request.match_info["step"]:
                case "pay":
                    emulator.pay(payment_id, body.get("method"))
                case "hold":
                    emulator.hold(payment_id, body.get("method"))
                case "decline":
                    emulator.decline(payment_id, body.get("reason", "general_decline"))
                case _:
                    emulator.expire(payment_id)
        except NotPossible as error:
            raise web.HTTPConflict(text=str(error)) from None
        return _json(emulator.payment(payment_id))

    async def redeliver(self, request: web.Request) -> web.Response:
        """Body, all optional: event, url."""
        body = await _body(request)
        payment_id = _known(request, self._emulator.bank.payments, "payment_id")
        try:
            status = await self._emulator.redeliver(payment_id, event=body.get("event"), url=body.get("url"))
        except ValueError as error:
            raise web.HTTPConflict(text=str(error)) from None
        return _json({"status": status})

    async def forge(self, request: web.Request) -> web.Response:
        """Body: url, event, object."""
        body = await _body(request)
        return _json({"status": await self._emulator.forge(body["url"], body["event"], body["object"])})

    async def finish_refund(self, request: web.Request) -> web.Response:
        """Body, optional: succeeds (true)."""
        body = await _body(request)
        refund_id = _known(request, self._emulator.bank.refunds, "refund_id")
        try:
            refund = self._emulator.bank.finish_refund(refund_id, succeeds=bool(body.get("succeeds", True)))
        except NotPossible as error:
            raise web.HTTPConflict(text=str(error)) from None
        return _json(self._emulator.bank.show_refund(refund))

    async def plan_refunds(self, request: web.Request) -> web.Response:
        """Body: outcomes, a list of `succeeds`, `stays pending`, `lacks funds`."""
        body = await _body(request)
        outcomes = [RefundOutcome(name) for name in body["outcomes"]]
        self._emulator.bank.refund_outcomes.extend(outcomes)
        return _json({"planned": len(self._emulator.bank.refund_outcomes)})

    async def plan_faults(self, request: web.Request) -> web.Response:
        """Body: fault; optional: count (1), on (a prefix such as `POST /v3/payments`)."""
        body = await _body(request)
        self._emulator.fail_next(Fault(body["fault"]), count=int(body.get("count", 1)), on=body.get("on", ""))
        return _json({"planned": body["fault"]})

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._emulator.network.clear()
        return _json({"planned": None})

    async def latency(self, request: web.Request) -> web.Response:
        """Body: seconds."""
        self._emulator.network.latency = float((await _body(request))["seconds"])
        return _json({"seconds": self._emulator.network.latency})

    async def ledger(self, request: web.Request) -> web.Response:
        rows = [
            {
                "payment": row.payment_id,
                "shop": row.shop,
                "order": row.order,
                "paid": money_object(row.paid),
                "refunded": money_object(row.refunded),
            }
            for row in self._emulator.ledger()
        ]
        return _json({"rows": rows})


def _known(request: web.Request, records: dict[str, Any], name: str) -> str:
    wanted = request.match_info[name]
    if wanted not in records:
        raise web.HTTPNotFound(text=f"there is no {name} {wanted}")
    return wanted


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    body = orjson.loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="a JSON object is expected")
    return body


def _json(body: object) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")
