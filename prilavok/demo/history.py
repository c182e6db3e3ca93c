"""Two hundred orders of the last ninety days: who bought what, how it travelled and where it stands now.

A plan, not records: whoever fills a shop with it makes real orders of it through the same verbs that people use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from kit.money import Money
from prilavok.demo import goods
from prilavok.demo.people import Customer, customers
from prilavok.demo.shop import DELIVERY, TIME_ZONE, DeliveryMethod
from prilavok.demo.words import Words

DAYS = 90
ORDERS = 200

NEW, AWAITING, PAID, ASSEMBLING, SHIPPED, DELIVERED, CANCELLED = (
    "new",
    "awaiting_payment",
    "paid",
    "assembling",
    "shipped",
    "delivered",
    "cancelled",
)
ONLINE, ON_RECEIPT = "online", "on_receipt"
PATHS: Mapping[str, Sequence[str]] = {
    ONLINE: (NEW, AWAITING, PAID, ASSEMBLING, SHIPPED, DELIVERED),
    ON_RECEIPT: (NEW, ASSEMBLING, SHIPPED, DELIVERED),
}
OPEN: Sequence[tuple[str, int, float, float]] = (
    (NEW, 5, 0.05, 1.2),
    (AWAITING, 4, 0.1, 0.9),
    (PAID, 5, 1, 20),
    (ASSEMBLING, 5, 8, 44),
    (SHIPPED, 6, 30, 110),
)
"""Stages of the orders that are still open: how many, and from how many hours ago to how many. The unpaid ones are the
freshest, since nobody keeps goods for them longer than an hour and a half."""

GAVE_UP = (
    Words("Не оплачен вовремя", "Not paid in time"),
    Words("Покупатель передумал", "The buyer changed their mind"),
    Words("Заказан по ошибке второй раз", "Ordered twice by mistake"),
    Words("Не подошёл срок доставки", "The delivery time did not suit"),
)
REFUNDED = (
    Words("Нашли скол перед отправкой, замены нет", "A chip was found before shipping, no replacement"),
    Words("Покупатель передумал до отправки", "The buyer changed their mind before shipping"),
)
COMMENTS = (
    Words("Позвоните за час, пожалуйста", "Please call an hour ahead"),
    Words("Домофон не работает, встречу у подъезда", "The intercom is broken, I will meet you downstairs"),
    Words("Это подарок, уберите ценники", "It is a gift, please take the price tags off"),
    Words("Если можно, крапинок поменьше", "With fewer speckles, if you can"),
    Words("Можно оставить у консьержа", "You may leave it with the concierge"),
)
WEEKDAYS = (1.15, 0.95, 0.9, 1.0, 1.2, 1.35, 1.25)
MONTHS = {1: 0.7, 2: 1.1, 3: 1.2, 6: 0.9, 7: 0.8, 8: 0.85, 11: 1.2, 12: 1.6}
HOURS = {9: 2, 10: 5, 11: 7, 12: 8, 13: 7, 14: 6, 15: 5, 16: 5, 17: 6, 18: 7, 19: 9, 20: 11, 21: 10, 22: 6, 23: 2}
"""How readily people buy, by the shop's own clock."""
WAITS: Mapping[str, tuple[float, float]] = {
    ASSEMBLING: (0.5, 9),
    SHIPPED: (1, 22),
    "pickup": (3, 50),
    "courier": (18, 72),
    "point": (48, 130),
}
"""Hours before the parcel is taken up, sent, and received by each way of delivery."""


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class Step:
    """The order came to `stage`. `by` is customer, bot, payment, schedule or a key of the staff."""

    stage: str
    at: datetime
    by: str
    reason: Words | None = None


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """`number` counts from 1 in the order of time; `payment_method` is online or on_receipt."""

    number: int
    customer: Customer
    responsible: str
    lines: tuple[Line, ...]
    discount: Money
    delivery: DeliveryMethod
    delivery_price: Money
    payment_method: str
    comment: str
    steps: tuple[Step, ...]

    @property
    def placed_at(self) -> datetime:
        return self.steps[0].at

    @property
    def stage(self) -> str:
        return self.steps[-1].stage

    @property
    def goods(self) -> Money:
        return sum((line.price * line.quantity for line in self.lines), Money(0))

    @property
    def total(self) -> Money:
        return self.goods - self.discount + self.delivery_price

    @property
    def paid_at(self) -> datetime | None:
        """When the money came: online before assembling, on receipt at the door. None if it never did."""
        moment = PAID if self.payment_method == ONLINE else DELIVERED
        return next((step.at for step in self.steps if step.stage == moment), None)

    @property
    def is_refunded(self) -> bool:
        return self.stage == CANCELLED and self.paid_at is not None


def plan(now: datetime) -> tuple[PlannedOrder, ...]:
    """The orders as they stand at `now` (aware), oldest first; the same for the same moment."""
    random = Random("Глина и лён")  # noqa: S311 - an invented history, not a secret
    zone = ZoneInfo(TIME_ZONE)
    still_open = [
        (now - timedelta(hours=random.uniform(youngest, oldest)), stage)
        for stage, count, youngest, oldest in OPEN
        for _ in range(count)
    ]
    moments = _closed_moments(now.astimezone(zone), ORDERS - len(still_open), random)
    closed = [(moment, CANCELLED if random.random() < 0.09 else DELIVERED) for moment in moments]
    return tuple(
        _order(number, placed.astimezone(zone), stage, now, random)
        for number, (placed, stage) in enumerate(sorted(closed + still_open), start=1)
    )


def sold(orders: Iterable[PlannedOrder]) -> Counter[str]:
    """How many of each SKU the orders take for good: to be on the shelves beforehand, on top of what is left today."""
    return Counter(
        {
            sku: count
            for sku, count in _quantities(order for order in orders if order.stage != CANCELLED).items()
            if goods.variants()[sku].stock
        }
    )


def _quantities(orders: Iterable[PlannedOrder]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for order in orders:
        for line in order.lines:
            counted[line.sku] += line.quantity
    return counted


def _closed_moments(now: datetime, count: int, random: Random) -> list[datetime]:
    """When the finished orders were placed: busier at weekends, in the evening and before the holidays."""
    ages = range(12, DAYS)
    days = [now.date() - timedelta(days=age) for age in ages]
    growth = [1.4 - 0.5 * age / DAYS for age in ages]
    weights = [
        WEEKDAYS[day.weekday()] * MONTHS.get(day.month, 1) * more for day, more in zip(days, growth, strict=True)
    ]
    moments = []
    for day in random.choices(days, weights, k=count):
        (hour,) = random.choices(list(HOURS), list(HOURS.values()))
        clock = time(hour, random.randrange(60), random.randrange(60), tzinfo=now.tzinfo)
        moments.append(datetime.combine(day, clock))
    return moments


def _order(number: int, placed: datetime, stage: str, now: datetime, random: Random) -> PlannedOrder:
    buyers = customers()
    (customer,) = random.choices(buyers, [buyer.buys**0.7 for buyer in buyers])
    lines = _lines(customer, random)
    subtotal = sum((line.price * line.quantity for line in lines), Money(0))
    delivery = _delivery(customer, lines, random)
    payment_method = _payment_method(customer, delivery, stage, random)
    is_wholesale = "опт" in customer.tags
    responsible = "ilya" if is_wholesale else random.choice(("marina", "marina", "sofya", "sofya", "timofey"))
    return PlannedOrder(
        number=number,
        customer=customer,
        responsible=responsible,
        lines=lines,
        discount=_discount(customer, subtotal, random),
        delivery=delivery,
        delivery_price=delivery.price_for(subtotal),
        payment_method=payment_method,
        comment=random.choice(COMMENTS).of(customer.language) if random.random() < 0.15 else "",
        steps=_steps(placed, stage, now, PATHS[payment_method], delivery, responsible, random),
    )


def _lines(customer: Customer, random: Random) -> tuple[Line, ...]:
    on_sale = [v for product in goods.products() if not product.is_service for v in product.variants]
    liked = [1 / variant.price.amount**0.6 for variant in on_sale]
    wanted = {v.sku: v for v in random.choices(on_sale, liked, k=random.choice((1, 1, 1, 2, 2, 3, 4)))}
    lines = [Line(v.sku, _quantity(v, customer, random), v.price) for v in wanted.values()]
    if random.random() < 0.16:
        wrapping = goods.variants()["GIFT-UPAKOVKA"]
        lines.append(Line(wrapping.sku, 1, wrapping.price))
    return tuple(lines)


def _quantity(variant: goods.Variant, customer: Customer, random: Random) -> int:
    if "опт" in customer.tags and variant.price < Money(3000_00):
        return random.choice((4, 6, 6, 8, 12))
    if variant.price < Money(1000_00):
        return random.choice((1, 1, 2, 2, 3, 4, 6))
    return random.choice((1, 1, 1, 2)) if variant.price < Money(3000_00) else 1


def _discount(customer: Customer, subtotal: Money, random: Random) -> Money:
    """In whole roubles: 5 or 10 % for wholesale, 5 % now and then for a regular, rarely for anybody else."""
    if "опт" in customer.tags:
        percent = 10 if "дизайнеры" in customer.tags else 5
    else:
        percent = 5 if random.random() < (0.5 if "постоянная" in customer.tags else 0.08) else 0
    return Money(subtotal.amount * percent // 10_000 * 100)


def _delivery(customer: Customer, lines: Iterable[Line], random: Random) -> DeliveryMethod:
    pickup, point, courier = DELIVERY
    if not customer.address:
        return pickup
    if any((goods.variants()[line.sku].weight_grams or 0) > 5000 for line in lines):
        return courier
    if customer.city == "Москва":
        return random.choice((pickup, courier))
    return random.choice((point, point, courier))


def _payment_method(customer: Customer, delivery: DeliveryMethod, stage: str, random: Random) -> str:
    if stage == NEW:
        # An order to be paid by link asks for its money at once: only one paid on receipt waits for a person.
        return ON_RECEIPT
    if delivery.code == "point" or stage not in PATHS[ON_RECEIPT]:
        return ONLINE
    return ON_RECEIPT if random.random() < (0.9 if customer.key == "tamara" else 0.2) else ONLINE


def _steps(
    placed: datetime,
    stage: str,
    now: datetime,
    path: Sequence[str],
    delivery: DeliveryMethod,
    responsible: str,
    random: Random,
) -> tuple[Step, ...]:
    by = {NEW: "customer", AWAITING: "bot", PAID: "payment"}
    if stage == CANCELLED:
        walked, reason, canceller = _given_up(responsible, random)
    else:
        walked, reason, canceller = path[: path.index(stage) + 1], None, ""
    at, steps = placed, [Step(NEW, placed, by[NEW])]
    for name in walked[1:]:
        at = _later(at, name, delivery, random)
        steps.append(Step(name, at, by.get(name, responsible)))
    if reason:
        waited = timedelta(minutes=95) if canceller == "schedule" else timedelta(hours=random.uniform(0.3, 5))
        steps.append(Step(CANCELLED, at + waited, canceller, reason))
    return _squeezed(steps, now)


def _given_up(responsible: str, random: Random) -> tuple[Sequence[str], Words, str]:
    """How far a cancelled order went, why it ended and who ended it."""
    if random.random() < 0.3:
        return (NEW, AWAITING, PAID), random.choice(REFUNDED), responsible
    reason = random.choice(GAVE_UP)
    return (NEW, AWAITING), reason, "schedule" if reason is GAVE_UP[0] else responsible


def _later(at: datetime, stage: str, delivery: DeliveryMethod, random: Random) -> datetime:
    """When the next stage came. What people do by hand happens in working hours."""
    if stage == AWAITING:
        return at + timedelta(seconds=random.randint(20, 240))
    if stage == PAID:
        return at + timedelta(seconds=random.randint(90, 3000))
    soonest, latest = WAITS[delivery.code if stage == DELIVERED else stage]
    at += timedelta(hours=random.uniform(soonest, latest))
    if 10 <= at.hour < 20:
        return at
    morning = at.replace(hour=10, minute=random.randrange(60), second=random.randrange(60))
    return morning if at.hour < 10 else morning + timedelta(days=1)


def _squeezed(steps: Sequence[Step], now: datetime) -> tuple[Step, ...]:
    """The same steps, drawn together when the last of them would lie in the future."""
    first, last = steps[0].at, steps[-1].at
    room = (now - first) * 0.9
    share = min(1.0, room / (last - first)) if last > first else 1.0
    return tuple(Step(s.stage, (first + (s.at - first) * share).astimezone(now.tzinfo), s.by, s.reason) for s in steps)
