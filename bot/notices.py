"""Telling people how an order is doing: the buyer in his conversation, the owners in their own chats.

One kind of job hears of every event that is told, so that what happens to an order is told in the order in which it
happened. A notice is said once for each event: its client key is the event's id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.flows.order_card import occasion_facts, order_badge, order_view, payable
from bot.flows.staff import order_notice, order_rows
from bot.flows.voice import Voice, lines, written
from catalog.names import named
from company import settings
from company.settings import ShopSettings
from company.tables import Membership, Role, Shop, Staff
from company.texts import Texts
from inbox import messages
from inbox.content import Action, Button, Occasion, Outgoing, load_outgoing
from inbox.tables import Author, Conversation, Kind, Message
from kit import crash
from kit.money import Money
from orders import book, delivery, stages
from orders.pipelines import PAID
from orders.reasons import text_key
from orders.tables import Group, Order, Stage
from orders.views import OrderView, view
from payments import charging
from payments.states import RefundStage, State
from payments.tables import MoneyQuestion, Payment
from storage.jobs import Job, Step
from storage.tables import EventRow

NOTICE = "notice"
"""The kind of the job."""

NEW = "new"
"""What the shop's settings call the moment in which an order comes."""

LOOKED_BACK = 60
"""How many of the newest messages of a chat are looked through for the order's cards."""

BUYER_TEXTS: Mapping[Group, str] = {
    Group.ASSEMBLING: "notice.buyer.assembling",
    Group.DELIVERY: "notice.buyer.delivery",
    Group.COMPLETE: "notice.buyer.complete",
    Group.CANCELLED: "notice.buyer.cancelled",
}
"""What a stage of the group means to the buyer; of any other he is told its name."""


def handlers(texts: Texts, public_url: str) -> dict[str, Step]:
    """The job that `prilavok.hub.SUBSCRIBERS` names for each kind of event in TELL."""

    def tell(session: Session, job: Job) -> None:
        event = session.get_one(EventRow, job.payload["event_id"])
        case = _case(session, event, texts, public_url)
        TELL[event.kind](case)
        case.refresh_cards()
        crash.point("notice.told")

    return {NOTICE: Step(tell)}


@dataclass(frozen=True, slots=True)
class Case:
    """One event of one order, and whom it may be told to."""

    session: Session
    event: EventRow
    order: Order
    shop: Shop
    rules: ShopSettings
    texts: Texts
    public_url: str

    def seen(self, locale: str) -> OrderView:
        return view(self.order, self.shop, locale)

    def tell_buyer(self, say: Callable[[Voice, OrderView], Outgoing], occasion: str) -> None:
        """A notice goes out even while a person leads the conversation: it is about money and goods, not talk.

        `occasion` chooses a template where the buyer's messenger takes no free words now.
        """
        conversation = _buyers_chat(self.session, self.order)
        if conversation is not None:
            voice, seen = Voice.of(self.texts, conversation.locale, self.rules), self.seen(conversation.locale)
            told = Occasion(occasion, {**occasion_facts(voice, seen), "shop": self.shop.name})
            self._say(conversation, replace(say(voice, seen), occasion=told))

    def refresh_cards(self) -> None:
        """Bring the order cards in the buyer's chat to what the order is now, so that none offers what is past."""
        conversation = _buyers_chat(self.session, self.order)
        if conversation is None:
            return
        voice = Voice.of(self.texts, conversation.locale, self.rules)
        fresh = order_view(voice, self.seen(conversation.locale))
        for message in messages.thread(self.session, conversation.id, limit=LOOKED_BACK):
            if _is_card_of(message, self.order):
                messages.edit(self.session, conversation, message, fresh)

    def tell_owners(self, say: Callable[[Voice, OrderView], Outgoing]) -> None:
        """All but the one whose own doing it is."""
        for conversation in owners_chats(self.session, self.shop.id):
            if self.event.actor != f"staff:{conversation.staff_id}":
                voice = Voice.of(self.texts, conversation.locale, self.rules)
                self._say(conversation, say(voice, self.seen(conversation.locale)))

    def _say(self, conversation: Conversation, outgoing: Outgoing) -> None:
        key = f"notice:{self.event.id}"
        messages.say(self.session, conversation, outgoing, author=Author.BOT, client_key=key, repeatable=True)

    def owners_notice(self, voice: Voice, order: OrderView, head: str, *, whole: bool) -> Outgoing:
        ahead = stages.allowed(self.session, self.order, Role.OWNER)
        return order_notice(voice, head, order, ahead, public_url=self.public_url, whole=whole)


def placed(case: Case) -> None:
    """The buyer has his order card already, or gets it from the operator who made the order."""
    if NEW not in case.rules.notify_stages:
        return

    def to_owner(voice: Voice, order: OrderView) -> Outgoing:
        head = voice.marked("notice.placed", number=order.number, sum=order.total)
        return case.owners_notice(voice, order, head, whole=True)

    case.tell_owners(to_owner)


def paid(case: Case) -> None:
    if PAID not in case.rules.notify_stages:
        return
    amount = Money(case.event.payload["paid"], case.event.payload["currency"])

    def to_buyer(voice: Voice, order: OrderView) -> Outgoing:
        return buyer_notice(voice, order, voice.marked("notice.buyer.paid", number=order.number, sum=amount))

    def to_owner(voice: Voice, order: OrderView) -> Outgoing:
        head = voice.marked("notice.paid", number=order.number, sum=amount, customer=order.recipient)
        return case.owners_notice(voice, order, head, whole=False)

    case.tell_buyer(to_buyer, "paid")
    case.tell_owners(to_owner)


def moved(case: Case) -> None:
    facts, actor = case.event.payload, case.event.actor
    code, group = facts["to_code"], Group(facts["group"])
    if code not in case.rules.notify_stages or code == PAID:
        # That an order is paid is told by its own event, with the sum.
        return
    stage = book.stage_of(case.session, case.order, code)

    def to_buyer(voice: Voice, order: OrderView) -> Outgoing:
        return buyer_notice(voice, order, _stage_words(case, voice, stage, group, facts["reason"]))

    def to_owner(voice: Voice, order: OrderView) -> Outgoing:
        name = named(stage, voice.locale)
        head = lines(
            voice.marked("notice.moved", number=order.number, stage=name, sum=order.total, customer=order.recipient),
            voice.marked("notice.moved_why", reason=reason_words(voice, facts["reason"])) if facts["reason"] else "",
        )
        return case.owners_notice(voice, order, head, whole=False)

    if actor != f"customer:{case.order.customer_id}":
        case.tell_buyer(to_buyer, code)
    case.tell_owners(to_owner)


def payment_changed(case: Case) -> None:
    """A link that ran out: the buyer may have a new one, unless he has it, or the order needs none any more.

    One that the provider refused to make is the shop's trouble, and so would be the next: the owners hear why.
    """
    facts = case.event.payload
    if facts["state"] != State.CANCELLED or not payable(case.seen(case.shop.locale)):
        return
    refused = charging.was_refused(case.session.get_one(Payment, facts["payment_id"]))
    newer = sa.select(Payment.id).where(Payment.order_id == case.order.id, Payment.id > facts["payment_id"])
    if case.session.scalar(newer.limit(1)) is not None:
        return

    def to_buyer(voice: Voice, order: OrderView) -> Outgoing:
        if refused:
            return buyer_notice(voice, order, voice.marked("notice.buyer.link_refused", number=order.number))
        again = voice.button("notice.buyer.new_link", Action("order.pay", {"order": order.id}))
        text = voice.marked("notice.buyer.link_expired", number=order.number)
        return written(text, rows=((again,),), card=order_badge(voice, order))

    def to_owner(voice: Voice, order: OrderView) -> Outgoing:
        text = voice.marked("notice.link_refused", number=order.number, sum=order.left, reason=facts["reason"])
        return written(
            text, rows=order_rows(voice, order, (), public_url=case.public_url), card=order_badge(voice, order)
        )

    case.tell_buyer(to_buyer, "link_expired")
    if refused:
        case.tell_owners(to_owner)


def refund_changed(case: Case) -> None:
    facts = case.event.payload
    if facts["state"] != RefundStage.SUCCEEDED:
        return

    def to_buyer(voice: Voice, order: OrderView) -> Outgoing:
        amount = Money(facts["amount"], facts["currency"])
        return buyer_notice(voice, order, voice.marked("notice.buyer.refunded", number=order.number, sum=amount))

    case.tell_buyer(to_buyer, "refunded")


def money_question(case: Case) -> None:
    """Always told, whatever the settings: nobody else looks after money that does not fit."""
    question = case.session.get_one(MoneyQuestion, case.event.payload["question_id"])
    if question.resolved_at is not None:
        return

    def to_owner(voice: Voice, order: OrderView) -> Outgoing:
        key = f"notice.question.{question.kind}"
        known = key in case.texts.keys(voice.locale)
        text = voice.marked(
            "notice.money",
            number=order.number,
            question=voice.plain(key if known else "notice.question.other"),
            sum=Money(question.amount, case.order.currency),
        )
        console = order_rows(voice, order, (), public_url=case.public_url)
        return written(text, rows=console, card=order_badge(voice, order))

    case.tell_owners(to_owner)


TELL: Mapping[str, Callable[[Case], None]] = {
    "order_placed": placed,
    "order_paid": paid,
    "stage_moved": moved,
    "payment_changed": payment_changed,
    "refund_changed": refund_changed,
    "money_question": money_question,
}
"""The kinds of events that people are told of."""


def _is_card_of(message: Message, order: Order) -> bool:
    """Whether the message is the buyer's card of this order: it is about it, and offers to repeat it."""
    if message.private or message.author == Author.BUYER:
        return False
    card = message.content.get("card") or {}
    if (card.get("kind"), card.get("id")) != ("order", order.id):
        return False
    offered = load_outgoing(message.content).buttons()
    return any(button.action is not None and button.action.name == "order.repeat" for button in offered)


def buyer_notice(voice: Voice, order: OrderView, text: str) -> Outgoing:
    open_order = Button(voice.plain("notice.buyer.open_order"), Action("order", {"order": order.id}))
    return written(text, rows=((open_order,),), card=order_badge(voice, order))


def reason_words(voice: Voice, reason: str) -> str:
    """A known reason in the reader's language, or a person's own words."""
    key = text_key(reason)
    return voice.plain(key) if key else reason


def _stage_words(case: Case, voice: Voice, stage: Stage, group: Group, reason: str) -> str:
    key = BUYER_TEXTS.get(group, "notice.buyer.stage")
    if group is Group.DELIVERY and _picked_up(case):
        key = "notice.buyer.ready"
    return voice.marked(
        key, number=case.order.number, stage=named(stage, voice.locale), reason=reason_words(voice, reason)
    )


def _picked_up(case: Case) -> bool:
    """Whether the buyer comes for the goods himself."""
    codes = {method.code for method in case.rules.delivery}
    code = case.order.delivery_method
    return code in codes and not delivery.method(case.rules, code).needs_address


def _case(session: Session, event: EventRow, texts: Texts, public_url: str) -> Case:
    shop = session.get_one(Shop, event.shop_id)
    order = book.get(session, shop.id, event.payload["order_id"])
    return Case(session, event, order, shop, settings.of(shop), texts, public_url)


def _buyers_chat(session: Session, order: Order) -> Conversation | None:
    """Where the order was made; for one that an operator made, where the customer wrote last."""
    chats = sa.select(Conversation).where(Conversation.kind == Kind.BUYER)
    if order.conversation_id is not None:
        return session.scalar(chats.where(Conversation.id == order.conversation_id))
    own = chats.where(Conversation.shop_id == order.shop_id, Conversation.customer_id == order.customer_id)
    return session.scalar(own.order_by(Conversation.blocked, Conversation.last_at.desc()).limit(1))


def owners_chats(session: Session, shop_id: int) -> list[Conversation]:
    return _staff_chats(session, shop_id, Membership.role == Role.OWNER)


def chats_of(session: Session, shop_id: int, staff_id: int) -> list[Conversation]:
    """The person's own chats with the shop's bots, while he works here."""
    return _staff_chats(session, shop_id, Membership.staff_id == staff_id)


def _staff_chats(session: Session, shop_id: int, whose: sa.ColumnElement[bool]) -> list[Conversation]:
    return list(
        session.scalars(
            sa.select(Conversation)
            .join(Membership, Membership.staff_id == Conversation.staff_id)
            .join(Staff, Staff.id == Membership.staff_id)
            .where(
                Conversation.shop_id == shop_id,
                Conversation.kind == Kind.STAFF,
                Conversation.blocked.is_(False),
                Membership.shop_id == shop_id,
                whose,
                Staff.active,
            )
            .order_by(Conversation.id)
        )
    )
