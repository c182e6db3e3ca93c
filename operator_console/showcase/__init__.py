"""Every component of the console in every state, as plain values: the component page and its tests draw them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from operator_console.showcase import talk, trade, world


def showcase(now: datetime) -> dict[str, Any]:
    """The context of pages/components.html."""
    return {
        "people": [world.ANNA, world.MARINA, world.ILYA],
        "channels": ["telegram", "webchat", "vk", "max", "whatsapp", "email"],
        "stages": world.STAGES,
        "now_": now,
        "rows": talk.rows(now),
        "talk": talk.thread(now),
        "kinds": talk.kinds(now),
        "plans": talk.plans(now),
        "deliveries": talk.deliveries(now),
        "payments": trade.payments(now),
        "products": [
            trade.product(),
            trade.product(name="Пара «Сирень», 2 шт.", stock=0, photo=world.LILAC, addable=False, note=""),
        ],
        "goods": trade.goods(),
        "customer": trade.customer(now),
        "order": trade.order(now),
        "history": trade.history(now),
        "columns": trade.columns(now),
        "composers": talk.composers(),
        "step_rows": [trade.steps(0), trade.steps(2), trade.steps(1, "bad"), trade.steps(5, "finish")],
    }
