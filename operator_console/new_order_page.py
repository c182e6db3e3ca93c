"""An order that an operator writes down: for whom, what, and how it gets there."""

from __future__ import annotations

import secrets

from aiohttp import web
from sqlalchemy.orm import Session

from catalog import goods, names, stock
from catalog.names import named
from company import settings
from company.rights import Right
from company.tables import Shop
from customers import cards
from customers.tables import Customer
from inbox import conversations
from inbox.tables import Conversation
from kit.errors import Refused
from kit.money import Money
from operator_console import people, photos, picker, shell
from operator_console.money_pages import form_key
from operator_console.order_acts import count_of
from operator_console.order_page import payment_words
from operator_console.people import Shape
from operator_console.routing import Route, get, post
from operator_console.texts import reader
from operator_console.visits import Form, Visit
from orders import checkout, delivery, details, stages
from orders.details import Details
from orders.totals import MOST_OF_ONE

FOUND = 8
LINE = "quantity-"
"""How the names of the fields begin that hold the lines: quantity-<variant id>."""


class NothingChosen(Refused):
    """An order without goods."""

    code = "nothing_chosen"


class NobodyChosen(Refused):
    """An order is somebody's: a customer must be chosen, or named."""

    code = "nobody_chosen"


async def show(visit: Visit) -> web.StreamResponse:
    frame = await shell.frame(visit, "orders")
    filled = await visit.read(_blank, visit.shop, visit.query_number("customer"), visit.query_number("conversation"))
    return visit.page("pages/new_order.html", **frame, **filled)


async def find_customers(visit: Visit) -> web.StreamResponse:
    found = await visit.read(_customers, visit.shop.id, visit.query("who")[:100])
    return visit.page("partials/new_order_customers.html", customers=found)


async def find_goods(visit: Visit) -> web.StreamResponse:
    text = visit.query("what")
    found = await visit.read(picker.offers, visit, text) if text.strip() else []
    return visit.page("partials/new_order_goods.html", goods=found[:FOUND], query=text)


async def set_lines(visit: Visit) -> web.StreamResponse:
    """The chosen goods anew, with one more, or one fewer, or another quantity."""
    form = await visit.form()
    wanted = _wanted(form)
    if form["add"]:
        variant_id = form.number("add")
        wanted[variant_id] = min(wanted.get(variant_id, 0) + 1, MOST_OF_ONE)
    if form["drop"]:
        wanted.pop(form.number("drop"), None)
    return visit.page("partials/new_order_lines.html", **await visit.read(_lines, visit.shop, wanted))


async def make(visit: Visit) -> web.StreamResponse:
    form = await visit.form()
    if form["customer"].isdecimal():
        await visit.demand_sight(Customer, form.number("customer"))
    if form["conversation"]:
        await visit.demand_sight(Conversation, form.number("conversation"))
    order_id = await visit.write(_make, visit.shop.id, form, visit.staff.id)
    return visit.done(go=f"/orders/{order_id}")


ROUTES: tuple[Route, ...] = (
    get("/orders/new", show, Right.ORDERS),
    get("/orders/new/customers", find_customers, Right.ORDERS),
    get("/orders/new/goods", find_goods, Right.ORDERS),
    post("/orders/new/lines", set_lines, Right.ORDERS),
    post("/orders/new", make, Right.ORDERS),
)


def _blank(session: Session, shop: Shop, customer_id: int | None, conversation_id: int | None) -> Shape:
    rules, language = settings.of(shop), reader().language
    chosen = None
    if conversation_id is not None:
        conversation = conversations.get(session, conversation_id, shop.id)
        customer_id = conversation.customer_id or customer_id
    if customer_id is not None:
        chosen = _customer(cards.get(session, customer_id, shop.id))
    pipelines = stages.pipelines(session, shop.id)
    return {
        "key": secrets.token_hex(16),
        "chosen": chosen,
        "conversation": conversation_id or "",
        "deliveries": [
            {"value": way.code, "label": delivery.name(rules, way.code, language)} for way in rules.delivery
        ],
        "payment_methods": [{"value": way, "label": payment_words()[way]} for way in details.payment_methods(rules)],
        "pipelines": [{"value": line.id, "label": named(line, language)} for line in pipelines],
        "lines": [],
        "goods_sum": Money(0, shop.currency),
    }


def _customers(session: Session, shop_id: int, text: str) -> list[Shape]:
    return [_customer(row) for row in cards.search(session, shop_id, text, limit=FOUND)]


def _customer(row: Customer) -> Shape:
    return people.customer(row.name, row.id) | {"id": row.id, "phone": row.phone or "", "address": row.address}


def _wanted(form: Form) -> dict[int, int]:
    """The chosen goods: how many of which variant."""
    chosen = {}
    for name in form:
        number = name.removeprefix(LINE)
        if name.startswith(LINE) and number.isascii() and number.isdecimal() and len(number) < 18:
            chosen[int(number)] = count_of(form[name])
    return {variant_id: count for variant_id, count in chosen.items() if count}


def _lines(session: Session, shop: Shop, wanted: dict[int, int]) -> Shape:
    variants = goods.variants(session, shop.id, wanted)
    left = stock.available(session, wanted)
    urls = photos.of_variants(session, [(row.id, row.product_id) for row in variants.values()])
    lines = [
        {
            "variant_id": variant_id,
            "field": f"{LINE}{variant_id}",
            "name": names.title(variants[variant_id], reader().language),
            "sku": variants[variant_id].sku,
            "photo": urls.get(variant_id),
            "price": Money(variants[variant_id].price, shop.currency),
            "quantity": count,
            "sum": Money(variants[variant_id].price, shop.currency) * count,
            "stock": left[variant_id],
        }
        for variant_id, count in wanted.items()
    ]
    total = sum(variants[variant_id].price * count for variant_id, count in wanted.items())
    return {"lines": lines, "goods_sum": Money(total, shop.currency)}


def _make(session: Session, shop_id: int, form: Form, staff_id: int) -> int:
    shop = session.get_one(Shop, shop_id)
    if not _wanted(form):
        raise NothingChosen()
    customer = _for_whom(session, shop, form)
    conversation = None
    if form["conversation"]:
        conversation = conversations.get(session, form.number("conversation"), shop_id)
    wishes = Details(
        recipient=customer.name,
        phone=customer.phone or "",
        email=customer.email or "",
        delivery_method=form["delivery"],
        address=form["address"],
        comment=form["comment"],
        payment_method=form["payment"],
    )
    order = checkout.make(
        session,
        shop,
        customer,
        list(_wanted(form).items()),
        wishes,
        actor=f"staff:{staff_id}",
        responsible_id=staff_id,
        account_id=conversation.account_id if conversation else None,
        conversation_id=conversation.id if conversation else None,
        pipeline_id=form.number("pipeline") if form["pipeline"] else None,
        note=form["note"],
        dedup_key=f"console:{form_key(form)}",
    )
    return order.id


def _for_whom(session: Session, shop: Shop, form: Form) -> Customer:
    """The chosen customer, or a new one of the name and phone that were written."""
    if form["customer"].isdecimal():
        return cards.held(session, form.number("customer"), shop.id)
    if not form["name"].strip():
        raise NobodyChosen("no customer is chosen")
    customer = cards.add(session, shop, name=form["name"])
    cards.remember(session, customer, phone=form["phone"].strip() or None, address=form["address"] or None)
    return customer
