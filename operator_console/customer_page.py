"""A customer's card: who he is and how to reach him, what he bought, and all that happened, over every channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web
from sqlalchemy.orm import Session

from automation import erasing
from bot.flows import passport
from bot.web import serve
from company import staff
from company.rights import Right
from company.tables import Shop
from customers import amending, cards, consents, contacts, fields, merging, passports, portraits
from customers.tables import ConsentTo, ConsentVia, Customer
from kit.errors import Refused
from kit.money import Money
from operator_console import (
    card_forms,
    consent_shapes,
    customer_shapes,
    order_shapes,
    people,
    photos,
    shell,
    task_shapes,
    timeline_shapes,
)
from operator_console.doors import doors
from operator_console.money_pages import form_key
from operator_console.payment_shapes import payment_states
from operator_console.people import Shape
from operator_console.routing import ID, Route, get, post
from operator_console.seen import mark
from operator_console.texts import gettext as _
from operator_console.texts import reader, reading
from operator_console.visits import Form, NoSuchPage, Visit
from orders import book, buyers
from orders.buyers import Bought
from orders.views import view
from storage.tables import StoredFile

ORDERS = 5
"""The latest orders, which the card shows with their stages; the others are among what happened."""

OWN = "field-"
"""How the names of the own fields begin in a form: field-<number>."""

WAS = "was-"
"""How the names of what a form was made from begin."""

CONTACT = r"{contact:\d{1,18}}"


class NamelessCustomer(Refused):
    """A card that is made by hand needs a name."""

    code = "nameless_customer"


async def add(visit: Visit) -> web.StreamResponse:
    """A card for somebody who has neither written nor ordered."""
    customer_id = await visit.write(_add, visit.shop.id, await visit.form(), visit.actor)
    return visit.done(go=f"/customers/{customer_id}")


async def customer(visit: Visit) -> web.StreamResponse:
    """The card; the address of one that was merged away leads to the one that was kept."""
    kept_id, gone = await visit.read(_kept, visit, visit.number())
    if kept_id != visit.number():
        raise web.HTTPSeeOther(f"/customers/{kept_id}")
    frame = await shell.frame(visit, "customers")
    if gone is not None:
        return visit.page("pages/customer_erased.html", **frame, **gone)
    may_edit = visit.may(Right.REPLY)
    filled = await visit.read(_card, visit, visit.number())
    return visit.page(
        "pages/customer.html",
        **frame,
        **filled,
        may_merge=may_edit,
        may_order=visit.may(Right.ORDERS),
        may_export=visit.may(Right.EXPORT),
        may_erase=visit.may(Right.SETTINGS),
    )


async def timeline(visit: Visit) -> web.StreamResponse:
    kind, before = visit.query("kind")[:20], visit.query("before")[:40]
    happened = await visit.read(timeline_shapes.page, visit.shop, visit.number(), kind, before)
    return visit.page("partials/timeline.html", **happened)


async def edit(visit: Visit) -> web.StreamResponse:
    """The form as it is now; with what a colleague was quicker with, where there is such."""
    shape = await visit.write(_edit, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    return _kept_or_asked(visit, "partials/card_form.html", shape["unkept"], card_form=shape)


async def fill(visit: Visit) -> web.StreamResponse:
    shape = await visit.write(_fill, visit.shop.id, visit.number(), await visit.form(), visit.actor)
    return _kept_or_asked(visit, "partials/own_form.html", shape["unkept"], own=shape)


async def add_contact(visit: Visit) -> web.StreamResponse:
    text = (await visit.form())["text"]
    return visit.page("partials/contacts.html", **await visit.write(_add_contact, visit, text))


async def change_contact(visit: Visit) -> web.StreamResponse:
    text = (await visit.form())["text"]
    return visit.page("partials/contacts.html", **await visit.write(_change_contact, visit, text))


async def make_main(visit: Visit) -> web.StreamResponse:
    return visit.page("partials/contacts.html", **await visit.write(_make_main, visit))


async def remove_contact(visit: Visit) -> web.StreamResponse:
    """The contacts without it, and a toast that puts it back."""
    shape, value = await visit.write(_remove_contact, visit)
    answer = visit.page("partials/contacts.html", **shape)
    with reading(visit.reader):
        toast = {"text": _("{contact} removed", contact=value)}
    undo = {"url": shape["contacts_url"], "values": {"text": value}}
    answer.headers["HX-Trigger"] = json.dumps({"toast": {**toast, "undo": undo}})
    return answer


async def write_down_consent(visit: Visit) -> web.StreamResponse:
    """What the customer said to an operator: that he agrees, or that he takes it back."""
    return visit.page("partials/consents.html", **await visit.write(_write_down_consent, visit, await visit.form()))


async def give_passport(visit: Visit) -> web.StreamResponse:
    """A code for a customer whose messenger is out of reach: whoever proves on the phone who he is gets it read out."""
    code = await visit.write(_issue, visit)
    ways = await visit.read(doors, visit.shop.id, passport.start_of(code))
    minutes = int(passports.LIVES.total_seconds() // 60)
    return visit.page("partials/passport.html", code=code, minutes=minutes, doors=ways)


async def portrait(visit: Visit) -> web.StreamResponse:
    """The picture that the customer shows of himself."""
    row = await visit.read(_portrait, visit, visit.number())
    return await serve(visit.console.files, row, str(photos.SMALL))


ROUTES: tuple[Route, ...] = (
    post("/customers", add, Right.REPLY),
    get(f"/customers/{ID}", customer),
    get(f"/customers/{ID}/timeline", timeline),
    get(f"/customers/{ID}/portrait", portrait),
    post(f"/customers/{ID}", edit, Right.REPLY),
    post(f"/customers/{ID}/fields", fill, Right.REPLY),
    post(f"/customers/{ID}/contacts", add_contact, Right.REPLY),
    post(f"/customers/{ID}/contacts/{CONTACT}", change_contact, Right.REPLY),
    post(f"/customers/{ID}/contacts/{CONTACT}/main", make_main, Right.REPLY),
    post(f"/customers/{ID}/contacts/{CONTACT}/remove", remove_contact, Right.REPLY),
    post(f"/customers/{ID}/consents", write_down_consent, Right.REPLY),
    post(f"/customers/{ID}/passport", give_passport, Right.REPLY),
)


def _kept_or_asked(visit: Visit, template: str, unkept: bool, **shape: Shape) -> web.StreamResponse:
    answer = visit.page(template, status=422 if unkept else 200, **shape)
    if not unkept:
        with reading(visit.reader):
            answer.headers["HX-Trigger"] = json.dumps({"toast": {"text": _("Kept")}})
    return answer


def _portrait(session: Session, visit: Visit, customer_id: int) -> StoredFile:
    shown = portraits.of(session, [cards.get(session, customer_id, visit.shop.id).id]).get(customer_id)
    if shown is None:
        raise NoSuchPage(f"customer {customer_id} shows no picture")
    return session.get_one(StoredFile, shown)


def _kept(session: Session, visit: Visit, customer_id: int) -> tuple[int, Shape | None]:
    """The card that stands for this one, and what is left of one who was forgotten."""
    row = cards.get(session, customer_id, visit.shop.id)
    return row.id, None if row.erased_at is None else _erased(session, visit, row)


def _erased(session: Session, visit: Visit, row: Customer) -> Shape:
    names = {f"staff:{person.id}": person.name for person, _role in staff.of_shop(session, visit.shop.id)}
    return {
        "customer": people.customer("", row.id),
        "erased_at": row.erased_at,
        "by": names.get(erasing.whose(session, row), ""),
        "orders": _orders(session, visit.shop, row),
    }


def _card(session: Session, visit: Visit, customer_id: int) -> Shape:
    shop, may_edit = visit.shop, visit.may(Right.REPLY)
    row = cards.get(session, customer_id, shop.id)
    bought = buyers.bought(session, [row.id]).get(row.id, Bought())
    paid = Money(bought.paid, shop.currency)
    return {
        "customer": people.customer(row.name, row.id, portraits.of(session, [row.id]).get(row.id)),
        "card": row,
        "card_form": card_forms.of_card(row, may_edit=may_edit),
        "spent": paid,
        "totals": visit.may(Right.TOTALS),
        "count": bought.orders,
        "average": paid.share(1, bought.orders) if bought.orders else paid,
        "orders": _orders(session, shop, row),
        **customer_shapes.contact_list(session, row, may_edit=may_edit),
        **consent_shapes.of_customer(session, row, may_edit=may_edit),
        "own": customer_shapes.own_fields(row, fields.of(session, row), may_edit=may_edit),
        "talks": customer_shapes.talks(session, row),
        "twins": customer_shapes.twins(session, row),
        "merges": _merges(session, shop.id, row),
        "new_order_url": f"/orders/new?customer={row.id}",
        "tasks": task_shapes.beside(session, visit, customer_id=row.id),
        **timeline_shapes.page(session, visit.shop, row.id, "", ""),
    }


def _orders(session: Session, shop: Shop, row: Customer) -> list[Shape]:
    orders = book.of_customer(session, shop.id, row.id, limit=ORDERS)
    seen = [view(order, shop, reader().language) for order in orders]
    states = payment_states(session, seen)
    return [
        {
            "number": one.number,
            "url": f"/orders/{one.id}",
            "at": one.created_at,
            "summary": order_shapes.summary(one.lines),
            "stage": order_shapes.stage(order.stage),
            "payment": states[one.id],
            "total": one.total,
        }
        for order, one in zip(orders, seen, strict=True)
    ]


def _merges(session: Session, shop_id: int, row: Customer) -> list[Shape]:
    done = merging.of_customer(session, row)
    names = {f"staff:{person.id}": person.name for person, _role in staff.of_shop(session, shop_id)} if done else {}
    return [
        {
            "id": merge.id,
            "name": people.customer(gone.name, gone.id)["name"],
            "at": merge.at,
            "by": names.get(merge.actor, "") or customer_shapes.why_merged(merge),
            "undo_url": f"/merges/{merge.id}/undo" if merging.can_undo(merge) else None,
        }
        for merge, gone in done
    ]


def _add(session: Session, shop_id: int, form: Form, actor: str) -> int:
    if not form["name"].strip():
        raise NamelessCustomer()
    # The words too: a page that was come back to has the old key, and may be filled in for somebody else.
    key = f"form:{form_key(form)}:{mark(form['name'], form['phone'], form['email'], form['city'])}"
    row, made = cards.add_once(session, session.get_one(Shop, shop_id), name=form["name"], dedup_key=key)
    if not made:
        return row.id
    phone, email = form["phone"].strip() or None, form["email"].strip() or None
    cards.remember(session, row, phone=phone, email=email, city=form["city"], actor=actor)
    return row.id


def _edit(session: Session, shop_id: int, customer_id: int, form: Form, actor: str) -> Shape:
    """What the form does not have stays as it is: beside a conversation it is shorter than on the card."""
    row = cards.held(session, customer_id, shop_id)
    wanted = {name: form[name] for name in amending.CARD if name in form}
    if "note" in wanted:
        wanted["note"] = wanted["note"][:4000]
    overtaken = amending.amend(session, row, wanted, _seen(form, wanted), actor=actor)
    asked = card_forms.Asked(wanted, card_forms.words(session, overtaken))
    return card_forms.of_card(row, short="short" in form, may_edit=True, asked=asked)


def _fill(session: Session, shop_id: int, customer_id: int, form: Form, actor: str) -> Shape:
    row = cards.held(session, customer_id, shop_id)
    wanted = {
        int(name.removeprefix(OWN)): form[name]
        for name in form
        if name.startswith(OWN) and name.removeprefix(OWN).isdecimal() and len(name) < 24
    }
    seen = {number: form[f"{WAS}{OWN}{number}"] for number in wanted if f"{WAS}{OWN}{number}" in form}
    overtaken = amending.amend_fields(session, row, wanted, seen, actor=actor)
    held = {str(one.field.id): one.field for one in fields.of(session, row)}
    said = [replace(one, now=customer_shapes.said(held[one.name], one.now)) for one in overtaken]
    asked = card_forms.Asked({str(number): text for number, text in wanted.items()}, card_forms.words(session, said))
    beside = "beside" in form
    shape = customer_shapes.own_fields(
        row, fields.of(session, row, beside=beside), may_edit=True, beside=beside, asked=asked
    )
    if shape is None:
        raise NoSuchPage(f"shop {shop_id} has no own fields")
    return shape


def _seen(form: Form, wanted: Mapping[str, str]) -> dict[str, str]:
    """What the form was made from."""
    return {name: form[f"{WAS}{name}"] for name in wanted if f"{WAS}{name}" in form}


def _add_contact(session: Session, visit: Visit, text: str) -> Shape:
    row = cards.held(session, visit.number(), visit.shop.id)
    contacts.add(session, row, text, actor=visit.actor)
    return customer_shapes.contact_list(session, row, may_edit=True)


def _change_contact(session: Session, visit: Visit, text: str) -> Shape:
    row = cards.held(session, visit.number(), visit.shop.id)
    contacts.change(session, row, visit.number("contact"), text, actor=visit.actor)
    return customer_shapes.contact_list(session, row, may_edit=True)


def _make_main(session: Session, visit: Visit) -> Shape:
    row = cards.held(session, visit.number(), visit.shop.id)
    contacts.make_main(session, row, visit.number("contact"), actor=visit.actor)
    return customer_shapes.contact_list(session, row, may_edit=True)


def _remove_contact(session: Session, visit: Visit) -> tuple[Shape, str]:
    row = cards.held(session, visit.number(), visit.shop.id)
    removed = contacts.remove(session, row, visit.number("contact"), actor=visit.actor)
    return customer_shapes.contact_list(session, row, may_edit=True), removed


def _write_down_consent(session: Session, visit: Visit, form: Form) -> Shape:
    row = cards.held(session, visit.number(), visit.shop.id)
    consents.record(
        session,
        row,
        _what(form["what"]),
        given=form["given"] == "1",
        via=ConsentVia.OPERATOR,
        reason=form["reason"],
        actor=visit.actor,
    )
    return consent_shapes.of_customer(session, row, may_edit=True)


def _issue(session: Session, visit: Visit) -> str:
    return passports.issue(session, cards.held(session, visit.number(), visit.shop.id), actor=visit.actor)


def _what(text: str) -> ConsentTo:
    if text not in set(ConsentTo):
        raise NoSuchPage(f"no consent {text[:20]!r}")
    return ConsentTo(text)
