"""A small shop floor for the tests of orders: one shop, its people, a buyer, and whatever goods a test puts there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog import stock
from catalog.tables import Product, Stock, StockMove, Variant, Warehouse
from company.tables import Role, Shop, Staff
from customers.tables import Customer
from kit.clock import utc_now
from kit.money import Money
from orders import cart, checkout, paying, pipelines
from orders.book import stage_of
from orders.details import Details
from orders.stages import enter
from orders.tables import Order, Pipeline
from storage.events import Event
from storage.tables import EventRow, Job

PICKUP = Details("Анна Ветрова", "+79001234567", "pickup", "", "", "on_receipt")
ONLINE = Details("Анна Ветрова", "+79001234567", "pickup", "", "", "online")


class Floor:
    def __init__(self, session: Session, *, operator: str = "marina@example.org") -> None:
        self.session = session
        now = utc_now()
        self.shop = Shop(name="Глина и лён", settings={}, created_at=now, currency="RUB", locale="ru", timezone="UTC")
        session.add(self.shop)
        session.flush()
        self.pipeline: Pipeline = pipelines.create_default_pipeline(session, self.shop)
        self.warehouse = Warehouse(shop_id=self.shop.id, name="Магазин на Лесной")
        self.operator = Staff(email=operator, name="Марина Ким", password_hash="-", created_at=now)
        session.add_all([self.warehouse, self.operator])
        session.flush()
        self.anna = self.customer("Анна Ветрова")
        self._acts = 0

    def customer(self, name: str, locale: str = "ru") -> Customer:
        person = Customer(shop_id=self.shop.id, name=name, locale=locale, created_at=utc_now())
        self.session.add(person)
        self.session.flush()
        return person

    def item(self, sku: str, price: int = 145000, on_hand: int = 10, **product: Any) -> Variant:
        """A product of one variant with so many on the shelf. `price` in kopecks."""
        fields = {"name": f"Кружка {sku}", "translations": {"en": {"name": f"Mug {sku}"}}} | product
        row = Product(shop_id=self.shop.id, created_at=utc_now(), **fields)
        variant = Variant(shop_id=self.shop.id, sku=sku, price=price, attributes=[], product=row, purchase_price=None)
        self.session.add_all([row, variant])
        self.session.flush()
        self.session.add_all(
            [
                Stock(variant_id=variant.id, warehouse_id=self.warehouse.id, on_hand=on_hand, reserved=0),
                StockMove(
                    variant_id=variant.id,
                    warehouse_id=self.warehouse.id,
                    quantity=on_hand,
                    reason="initial",
                    at=utc_now(),
                ),
            ]
        )
        self.session.flush()
        return variant

    def settings(self, **changes: Any) -> None:
        self.shop.settings = {**self.shop.settings, **changes}
        self.session.flush()

    def puts(self, variant: Variant, quantity: int = 1, who: Customer | None = None) -> None:
        cart.put(self.session, self.shop.id, (who or self.anna).id, variant.id, quantity)

    def places(self, details: Details = PICKUP, *, act: str | None = None, who: Customer | None = None) -> Order:
        """Anna presses «Подтвердить»; each call is another press unless `act` names it."""
        self._acts += 1
        who = who or self.anna
        return checkout.place(
            self.session,
            self.shop,
            who,
            details,
            account_id=None,
            conversation_id=None,
            actor=f"customer:{who.id}",
            dedup_key=act or f"press:{self._acts}",
        )

    def order(self, *picks: tuple[Variant, int], details: Details = PICKUP) -> Order:
        for variant, quantity in picks or ((self.item(f"T-{self._acts}"), 1),):
            self.puts(variant, quantity)
        return self.places(details)

    def makes(self, *picks: tuple[Variant, int], details: Details = PICKUP, **more: Any) -> Order:
        """Marina writes an order for Anna."""
        lines = [(variant.id, quantity) for variant, quantity in picks]
        actor = f"staff:{self.operator.id}"
        return checkout.make(self.session, self.shop, self.anna, lines, details, actor=actor, **more)

    def pays(self, order: Order, amount: Money | None = None) -> None:
        paying.mark_paid(self.session, order, amount or order.total, payment_id=None)

    def put_in(self, order: Order, code: str) -> Order:
        """The order as if it stood in this stage, goods and all, however it came there."""
        if order.stage.code != code:
            enter(self.session, order, stage_of(self.session, order, code), actor="system", reason="так случилось")
        return order

    def shelf(self, variant: Variant) -> tuple[int, int]:
        """(on hand, reserved) of the variant."""
        row = self.session.execute(sa.select(Stock.on_hand, Stock.reserved).where(Stock.variant_id == variant.id)).one()
        return row[0], row[1]

    def left(self, variant: Variant) -> int:
        return stock.available(self.session, [variant.id])[variant.id]

    def events(self, kind: type[Event]) -> list[dict[str, Any]]:
        query = sa.select(EventRow.payload).where(EventRow.kind == kind.kind).order_by(EventRow.id)
        return list(self.session.scalars(query))

    def jobs(self, kind: str) -> list[Job]:
        return list(self.session.scalars(sa.select(Job).where(Job.kind == kind).order_by(Job.id)))


OWNER, OPERATOR = Role.OWNER, Role.OPERATOR
