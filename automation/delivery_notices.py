"""A new delivery in the courier's own chat with the shop's bot: where to, whom for, what, and the sum to take."""

from __future__ import annotations

from sqlalchemy.orm import Session

from automation import notifications
from automation.tables import Told
from bot.flows.order_card import contact_text, order_badge
from bot.flows.voice import Voice, lines, paragraphs, written
from bot.notices import chats_of
from company import settings
from company.tables import Shop
from company.texts import Texts
from inbox import messages
from inbox.content import Button, Outgoing
from inbox.tables import Author
from orders import book
from orders.views import OrderView, view
from storage.jobs import Job, Step
from storage.tables import EventRow

NOTICE = "delivery.notice"
"""The kind of the job."""


def handlers(texts: Texts, public_url: str) -> dict[str, Step]:
    """The job that `prilavok.hub.SUBSCRIBERS` names for "courier_given": it is told once, by the courier's choice."""

    def tell(session: Session, job: Job) -> None:
        event = session.get_one(EventRow, job.payload["event_id"])
        courier_id: int = event.payload["staff_id"]
        shop = session.get_one(Shop, event.shop_id)
        order = book.get(session, shop.id, event.payload["order_id"])
        if order.courier_id != courier_id or event.actor == f"staff:{courier_id}":
            return
        if str(Told.DELIVERY_GIVEN) in notifications.choices(session, courier_id).muted:
            return
        for conversation in chats_of(session, shop.id, courier_id):
            voice = Voice.of(texts, conversation.locale, settings.of(shop))
            notice = delivery_view(voice, view(order, shop, conversation.locale), public_url)
            messages.say(
                session, conversation, notice, author=Author.BOT, client_key=f"delivery:{event.id}", repeatable=True
            )

    return {NOTICE: Step(tell)}


def delivery_view(voice: Voice, order: OrderView, public_url: str) -> Outgoing:
    """What the courier has to know; what only the staff should is not in it."""
    goods = lines(
        *(voice.marked("delivery.line", name=line.name, quantity=line.quantity) for line in order.lines),
    )
    take = voice.marked("delivery.take", sum=order.left) if order.left else voice.marked("delivery.paid")
    contact = contact_text(voice, order.recipient, order.phone, order.address, order.comment)
    open_ = Button(voice.plain("delivery.open"), url=f"{public_url}/deliveries")
    head = voice.marked("delivery.given", number=order.number)
    return written(paragraphs(head, contact, goods, take), rows=((open_,),), card=order_badge(voice, order))
