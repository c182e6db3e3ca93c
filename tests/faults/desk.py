"""The owner at the console: gives money back, cancels, ships, over HTTP and again until the console has answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import sqlalchemy as sa

from orders.tables import Group, Order, Stage
from payments.states import State
from payments.tables import Payment
from tests.faults.place import OWNER_EMAIL, PASSWORD, Place

AGAIN = 0.5
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')

REASON = "Передумали вместе с покупателем"


@dataclass(frozen=True, slots=True)
class _Case:
    """An order with money in it, as its page shows it."""

    order_id: int
    version: int
    stage_id: int
    group: str
    payment_id: int
    left: int
    onward: int | None
    cancelled: int | None


class Desk:
    """`deeds` counts what was asked; `live` goes on until it is told to stop and everything is answered."""

    def __init__(self, place: Place, http: aiohttp.ClientSession, dice: random.Random, *, golden: bool = False) -> None:
        """With `golden` every order is shipped, and its money given back afterwards."""
        self._golden = golden
        self._place = place
        self._http = http
        self._dice = dice
        self._cookie = self._csrf = ""
        self._done: set[tuple[str, int]] = set()
        self.deeds: Counter[str] = Counter()

    async def live(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with contextlib.suppress(sa.exc.DBAPIError):
                for case in await asyncio.to_thread(self._cases):
                    await self._decide(case)
            await asyncio.sleep(self._dice.uniform(0.3, 1.0))

    async def _decide(self, case: _Case) -> None:
        """What is done with an order is decided once, by the seed: refund, refund a part, ship, or leave it."""
        if self._golden:
            await self._ship_then_return(case)
            return
        fate = random.Random(f"{case.order_id}").random()
        if case.group == Group.ASSEMBLING and fate < 0.3 and ("whole", case.order_id) not in self._done:
            self._done.add(("whole", case.order_id))
            await self._refund(case, case.left)
            self.deeds["refunds of the whole"] += 1
        elif case.group == Group.ASSEMBLING and case.left == 0 and case.cancelled is not None:
            await self._move(case, case.cancelled)
        elif 0.3 <= fate < 0.5 and case.left > 100_00 and ("part", case.order_id) not in self._done:
            self._done.add(("part", case.order_id))
            await self._refund(case, 50_00)
            self.deeds["refunds of a part"] += 1
        elif fate >= 0.5 and case.onward is not None:
            await self._move(case, case.onward)

    async def _ship_then_return(self, case: _Case) -> None:
        if case.group == Group.ASSEMBLING and case.onward is not None:
            await self._move(case, case.onward)
        elif case.group in (Group.DELIVERY, Group.COMPLETE) and ("whole", case.order_id) not in self._done:
            self._done.add(("whole", case.order_id))
            await self._refund(case, case.left)
            self.deeds["golden stories told"] += 1

    async def _refund(self, case: _Case, amount: int) -> None:
        """The same form twice now and then, as impatient people send it."""
        form = {
            "amount": f"{amount // 100},{amount % 100:02}",
            "reason": REASON,
            "key": f"{self._dice.getrandbits(128):032x}",
        }
        for _ in range(2 if self._dice.random() < 0.3 else 1):
            await self._send(f"/payments/{case.payment_id}/refund", form)

    async def _move(self, case: _Case, stage: int) -> None:
        form = {"stage": stage, "from": case.stage_id, "version": case.version, "reason": REASON}
        self.deeds["moves at the desk"] += await self._send(f"/orders/{case.order_id}/move", form) == 200

    async def _send(self, path: str, form: Mapping[str, object]) -> int:
        """Until the console has answered anything; its status."""
        while True:
            try:
                if not self._csrf:
                    await self._sign_in()
                headers = {"Cookie": self._cookie, "X-CSRF-Token": self._csrf, "HX-Request": "true"}
                data = {name: str(value) for name, value in form.items()}
                async with self._http.post(self._place.address + path, data=data, headers=headers) as answer:
                    await answer.read()
                    if answer.status < 500:
                        return answer.status
            except (aiohttp.ClientError, TimeoutError):
                self.deeds["pages of the console that did not open"] += 1
            await asyncio.sleep(AGAIN)

    async def _sign_in(self) -> None:
        form = {"email": OWNER_EMAIL, "password": PASSWORD, "next": "/inbox"}
        address = self._place.address
        async with self._http.post(f"{address}/login", data=form, allow_redirects=False) as answer:
            if answer.status != 303:
                return
            cookie = "; ".join(f"{each.key}={each.value}" for each in answer.cookies.values())
        async with self._http.get(f"{address}/inbox", headers={"Cookie": cookie}) as answer:
            if found := _CSRF.search(await answer.text()):
                self._cookie, self._csrf = cookie, found[1]

    def _cases(self) -> list[_Case]:
        with self._place.session() as session:
            rows = session.execute(
                sa.select(Order, Stage, Payment)
                .join(Stage, Stage.id == Order.stage_id)
                .join(Payment, Payment.order_id == Order.id)
                .where(
                    Payment.state == State.PAID,
                    Stage.group.in_([Group.ASSEMBLING, Group.DELIVERY, Group.COMPLETE]),
                    Order.flag == "",
                )
                .order_by(Order.id)
            ).all()
            ahead = {stage.id: stage for stage in session.scalars(sa.select(Stage))}
            return [self._case(order, stage, payment, list(ahead.values())) for order, stage, payment in rows]

    def _case(self, order: Order, stage: Stage, payment: Payment, stages: list[Stage]) -> _Case:
        onward = [each for each in stages if each.pipeline_id == order.pipeline_id and each.code in stage.next_codes]
        forward = next((each.id for each in onward if each.group in (Group.DELIVERY, Group.COMPLETE)), None)
        cancelled = next((each.id for each in onward if each.group == Group.CANCELLED), None)
        left = payment.paid_amount - payment.refunded_amount
        return _Case(order.id, order.version, order.stage_id, stage.group, payment.id, left, forward, cancelled)
