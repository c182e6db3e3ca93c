"""What the forms offer by which the sums of an order are changed, on its own page and beside a conversation."""

from __future__ import annotations

from company import settings
from company.tables import Shop
from kit.money import Money
from operator_console.people import Shape
from operator_console.texts import reader
from orders import delivery
from orders.tables import Order


def of_sums(shop: Shop, order: Order) -> Shape:
    """{deliveries: options, delivery: the chosen one, delivery_price: money that is not the usual | None}"""
    rules = settings.of(shop)
    goods = Money(order.goods - order.discount, order.currency)
    usual = {method.code: price for method, price in delivery.options(rules, goods)}
    given = Money(order.delivery_price, order.currency)
    return {
        "deliveries": [
            {"value": method.code, "label": delivery.name(rules, method.code, reader().language)}
            for method in rules.delivery
        ],
        "delivery": order.delivery_method,
        "delivery_price": given if usual.get(order.delivery_method) != given else None,
    }
