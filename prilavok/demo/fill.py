"""The demo shop put into a database: through the same domain functions that the product uses, dated as it happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from catalog import editing, stock
from catalog import goods as catalog_goods
from catalog import pictures as catalog_pictures
from catalog.tables import Product as CatalogProduct
from catalog.tables import Variant as CatalogVariant
from catalog.tables import Warehouse
from company import settings, staff
from company.settings import DeliveryMethod
from company.tables import ChannelAccount, Role, Shop, Staff
from customers import cards, identities
from customers.tables import Customer
from inbox import conversations, messages
from inbox.content import Card, Incoming, Media, MediaKind, Outgoing, Profile
from inbox.tables import Author, Conversation, Delivery, State
from kit import clock
from kit.money import Money
from orders import book, checkout, importing, reserving, stages
from orders.tables import Order
from payments import importing as money_importing
from payments import manual
from prilavok.demo import dialogues, goods, history, people, pictures, shop
from storage.files import Blob, FileStore, record

PASSWORD = "prilavok"  # noqa: S105  the demo listens on this machine only, and says so on its screen
"""Everybody's password in the demo shop."""


ENDED = frozenset({history.DELIVERED, history.CANCELLED})


@dataclass(slots=True)
class Filled:
    """Rows that the parts of the shop refer to each other by."""

    shop: Shop
    people: dict[str, Staff]
    customers: dict[str, Customer]
    conversations: dict[str, Conversation]
    variants: dict[str, CatalogVariant]
    products: dict[str, CatalogProduct]
    """By the SKU of each of their variants."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A drawn picture that is in the files folder. It shows the variants `skus`; all of them when empty."""

    name: str
    blob: Blob
    skus: tuple[str, ...]


def fill_goods(session: Session, filled: Filled, plan: tuple[history.PlannedOrder, ...]) -> None:
    """Categories, products and stock: what is free to sell today, and what open orders have been promised."""
    warehouses = {
        code: stock.add_warehouse(session, filled.shop, name=name.ru, en=name.en, position=n)
        for n, (code, name) in enumerate(goods.WAREHOUSES.items())
    }
    promised = history.sold(planned for planned in plan if planned.stage not in ENDED)
    for place, category in enumerate(goods.categories()):
        row = editing.add_category(
            session, filled.shop, name=category.name.ru, translations=_en(name=category.name.en), position=place
        )
        for n, product in enumerate(category.products):
            added = editing.add_product(
                session,
                filled.shop,
                name=product.name.ru,
                category=row,
                description=product.description.ru,
                translations=_en(name=product.name.en, description=product.description.en),
                vat_code=product.vat_code,
                payment_subject="service" if product.is_service else "commodity",
                position=n,
            )
            for variant in product.variants:
                filled.products[variant.sku] = added
                filled.variants[variant.sku] = _add_variant(session, added, variant, warehouses, promised[variant.sku])


def draw(folder: Path, code: str) -> list[Photo]:
    """Draw a product's photos into the files folder: so much work that it is best done in another process."""
    files = FileStore(folder)
    product = next(one for one in goods.products() if one.code == code)
    return [Photo(one.name, files.keep(one.content), one.skus) for one in pictures.of_product(product)]


def hang_photos(session: Session, product: CatalogProduct, photos: Iterable[Photo]) -> None:
    """Put drawn photos on their product; one that shows a single colour, on each variant of that colour."""
    variants = {variant.sku: variant for variant in product.variants}
    for photo in photos:
        stored = record(session, photo.blob, name=photo.name, public=True, shop_id=product.shop_id)
        shown = [variants[sku] for sku in photo.skus]
        for variant in shown if 0 < len(shown) < len(variants) else [None]:
            catalog_pictures.add_photo(session, product, stored, variant=variant)


def _add_variant(
    session: Session,
    product: CatalogProduct,
    variant: goods.Variant,
    warehouses: Mapping[str, Warehouse],
    promised: int,
) -> CatalogVariant:
    added = editing.add_variant(
        session,
        product,
        sku=variant.sku,
        price=variant.price.amount,
        purchase_price=variant.purchase_price.amount,
        barcode=variant.barcode,
        attributes=list(variant.labels("ru").items()),
        translations=_en(attributes=[list(pair) for pair in variant.labels("en").items()]),
    )
    on_shelf = dict(variant.stock) or {"shop": 999}
    on_shelf["shop"] = on_shelf.get("shop", 0) + promised
    for code, quantity in on_shelf.items():
        if quantity:
            stock.receive(session, added, warehouses[code], quantity, reason="initial", actor="system")
    return added


def fill_people(session: Session, the_shop: Shop, accounts: Mapping[str, ChannelAccount], now: datetime) -> Filled:
    """Staff, customers, and an empty conversation for each customer."""
    password = staff.hash_password(PASSWORD)
    people_rows = {}
    for person in people.staff():
        row = staff.add(
            session, the_shop, email=person.email, name=person.name.ru, password=None, role=Role(person.role)
        )
        row.password_hash = password
        people_rows[person.key] = row
    customers: dict[str, Customer] = {}
    talks: dict[str, Conversation] = {}
    for n, customer in enumerate(people.customers()):
        with clock.at(now - timedelta(days=92 - n)):
            customers[customer.key], talks[customer.key] = _meet(session, accounts, customer, n)
    return Filled(the_shop, people_rows, customers, talks, {}, {})


def person_id(n: int) -> int:
    """The Telegram id of the n-th customer."""
    return 500_100 + n


def _meet(
    session: Session, accounts: Mapping[str, ChannelAccount], person: people.Customer, n: int
) -> tuple[Customer, Conversation]:
    account = accounts["telegram" if person.channel == "telegram" else "webchat"]
    external = str(person_id(n))
    identity = identities.recognise(
        session, account, external_id=external, name=person.name, username=person.username, locale=person.language
    )
    customer = session.get_one(Customer, identity.customer_id)
    customer.city, customer.tags, customer.note = person.city, list(person.tags), person.note
    cards.remember(
        session,
        customer,
        phone=person.phone or None,
        email=person.email or None,
        address=person.address or None,
    )
    talk = conversations.open_for(session, account, external, customer_id=customer.id, locale=person.language)
    talk.state = State.CLOSED
    return customer, talk


def fill_orders(session: Session, filled: Filled, plan: tuple[history.PlannedOrder, ...]) -> None:
    """Ninety days of orders: what has ended is brought in as history, what is open is played through its stages."""
    ended: list[history.PlannedOrder] = []
    for planned in plan:
        if planned.stage in ENDED:
            ended.append(planned)
            continue
        _bring(session, filled, ended)
        ended = []
        _play(session, filled, planned)
    _bring(session, filled, ended)


def _bring(session: Session, filled: Filled, ended: list[history.PlannedOrder]) -> None:
    ids = importing.bring(session, filled.shop, [_past(filled, planned) for planned in ended])
    money = [
        money_importing.PastPayment(
            order_id=order_id,
            key=f"demo-{planned.number}",
            amount=planned.total,
            paid_at=planned.paid_at,
            returned=planned.total if planned.is_refunded else Money(0),
            returned_at=planned.steps[-1].at,
            why=_reason(planned.steps[-1]),
        )
        for order_id, planned in zip(ids, ended, strict=True)
        if planned.paid_at is not None
    ]
    money_importing.bring(session, filled.shop, money)


def _past(filled: Filled, planned: history.PlannedOrder) -> importing.PastOrder:
    customer, talk = filled.customers[planned.customer.key], filled.conversations[planned.customer.key]
    kept = planned.paid_at is not None and not planned.is_refunded
    return importing.PastOrder(
        customer_id=customer.id,
        lines=[_past_line(filled, line) for line in planned.lines],
        moves=[
            importing.PastMove(step.stage, step.at, _actor(filled, planned, step.by), _reason(step))
            for step in planned.steps
        ],
        discount=planned.discount,
        delivery_price=planned.delivery_price,
        paid=planned.total if kept else Money(0),
        paid_at=planned.paid_at,
        payment_method=planned.payment_method,
        delivery_method=planned.delivery.code,
        recipient=customer.name,
        phone=customer.phone or "",
        email=customer.email or "",
        address=planned.customer.address if planned.delivery.needs_address else "",
        comment=planned.comment,
        account_id=talk.account_id,
        conversation_id=talk.id,
        responsible_id=filled.people[planned.responsible].id,
    )


def _past_line(filled: Filled, line: history.Line) -> importing.PastLine:
    variant, product = filled.variants[line.sku], filled.products[line.sku]
    return importing.PastLine(
        variant_id=variant.id,
        sku=line.sku,
        name=product.name,
        price=line.price,
        quantity=line.quantity,
        attributes=variant.attributes,
        purchase_price=Money(variant.purchase_price or 0),
    )


def _reason(step: history.Step) -> str:
    return step.reason.ru if step.reason else ""


def _play(session: Session, filled: Filled, planned: history.PlannedOrder) -> None:
    with clock.at(planned.placed_at):
        order = _place(session, filled, planned)
    for step in planned.steps[1:]:
        with clock.at(step.at):
            _step(session, filled, planned, order, step)
    if planned.stage == history.AWAITING:
        # The demo may be looked at for days; its unpaid orders shall not end within the hour.
        reserving.prolong(session, book.locked(session, order.id), until=clock.utc_now() + timedelta(days=7))


def _place(session: Session, filled: Filled, planned: history.PlannedOrder) -> Order:
    customer, talk = filled.customers[planned.customer.key], filled.conversations[planned.customer.key]
    details = checkout.Details(
        recipient=customer.name,
        phone=customer.phone or "",
        email=customer.email or "",
        delivery_method=planned.delivery.code,
        address=planned.customer.address if planned.delivery.needs_address else "",
        comment=planned.comment,
        payment_method=planned.payment_method,
    )
    return checkout.make(
        session,
        filled.shop,
        customer,
        [(filled.variants[line.sku].id, line.quantity) for line in planned.lines],
        details,
        actor=_actor(filled, planned, planned.steps[0].by),
        discount=planned.discount,
        delivery_price=planned.delivery_price,
        responsible_id=filled.people[planned.responsible].id,
        account_id=talk.account_id,
        conversation_id=talk.id,
    )


def _step(session: Session, filled: Filled, planned: history.PlannedOrder, order: Order, step: history.Step) -> None:
    if step.stage == history.PAID:
        manual.confirm(session, order, amount=order.total, actor="payment", key=f"demo-{planned.number}")
    order = book.get(session, filled.shop.id, order.id)
    if order.stage.code != step.stage:
        actor = _actor(filled, planned, step.by)
        stages.move(session, order, to=step.stage, actor=actor, reason=_reason(step), role=Role.OWNER)


def _actor(filled: Filled, planned: history.PlannedOrder, by: str) -> str:
    if by == "customer":
        return f"customer:{filled.customers[planned.customer.key].id}"
    return f"staff:{filled.people[by].id}" if by in filled.people else by


def fill_talk(session: Session, filled: Filled, files: FileStore, now: datetime) -> None:
    """What was said. Messages of the past are dated, delivered, and never sent anywhere."""
    for n, dialogue in enumerate(dialogues.dialogues(now)):
        talk = filled.conversations[dialogue.customer.key]
        for k, line in enumerate(dialogue.lines):
            with clock.at(line.at):
                _say(session, filled, files, talk, line, key=f"{n}-{k}")
        holder = filled.people[dialogue.holder] if dialogue.holder else None
        talk.state = State.OPEN if dialogue.is_open else State.CLOSED
        talk.assignee_id, talk.held = (holder.id, True) if holder else (None, False)
        talk.unread = dialogue.unread
        last = dialogue.lines[-1]
        waits = dialogue.is_open and last.author == "buyer"
        talk.waiting_since = last.at if waits else None
        session.flush()


def _say(
    session: Session, filled: Filled, files: FileStore, talk: Conversation, line: dialogues.Line, *, key: str
) -> None:
    if line.private:
        messages.note(session, talk, line.text, filled.people[str(line.staff)])
        return
    if line.author == "buyer":
        profile = Profile(external_id=talk.chat)
        media: tuple[Media, ...] = ()
        if line.picture:
            stored = record(
                session, files.keep(pictures.PHOTOS[line.picture]()), name=f"{line.picture}.jpg", shop_id=talk.shop_id
            )
            media = (Media(MediaKind.PHOTO, file_id=stored.id, mime=stored.mime, size=stored.size),)
        messages.receive(
            session, talk, Incoming(external_id=f"demo-{key}", profile=profile, text=line.text, media=media)
        )
        return
    outgoing = Outgoing(text=line.text) if line.card is None else _card(session, filled, line)
    author = Author.STAFF if line.author == "staff" else Author.BOT
    messages.recall(
        session,
        talk,
        outgoing,
        author=author,
        staff_id=filled.people[line.staff].id if line.staff else None,
        external_id=f"demo-{key}",
        delivery=Delivery.READ,
    )


def _card(session: Session, filled: Filled, line: dialogues.Line) -> Outgoing:
    variant = filled.variants[str(line.card)]
    product = catalog_goods.product(session, filled.shop.id, variant.product_id)
    price = Money(variant.price, filled.shop.currency).format(filled.shop.locale)
    photo = catalog_goods.cover(product, variant)
    media = (Media(MediaKind.PHOTO, file_id=photo.file_id),) if photo else ()
    card = Card(kind="product", id=product.id, title=product.name, price=price)
    return Outgoing(text=f"{product.name}\n{price}", media=media, card=card)


def _en(**words: Any) -> dict[str, Any]:
    return {"en": words}


def prepare_shop(session: Session, the_shop: Shop) -> None:
    """Delivery methods and a second pipeline."""
    methods = tuple(
        DeliveryMethod(
            code=one.code,
            name=one.name.ru,
            name_en=one.name.en,
            price=one.price.amount,
            free_from=one.free_from.amount if one.free_from else None,
            needs_address=one.needs_address,
        )
        for one in shop.DELIVERY
    )
    settings.change(session, the_shop, delivery=[method.model_dump() for method in methods])
