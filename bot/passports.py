"""What a passport moves: the one customer, his cart, his open orders and who leads his conversation.

The two cards become one, as an operator would merge them, and can become two again: whoever asked for the code is told
where it was used, with a button that takes it back.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from bot.between import Between
from bot.flows import cart as cart_flow
from bot.flows import menu
from bot.flows.passport import MOVE, RETURN
from bot.flows.purchases import LIST, orders_view
from bot.flows.voice import written
from company.tables import ChannelAccount
from company.texts import Texts
from customers import cards, merging
from customers.merging import Holders
from customers.passports import PassportUsed
from customers.tables import Customer, Passport
from inbox.channels import CAPABILITIES
from inbox.content import Action, Outgoing
from inbox.tables import Conversation, Kind, State
from kit.errors import Problem
from orders import book, chats
from orders import cart as carts
from orders.views import view
from storage.events import publish
from storage.jobs import Job, Step


def handlers(texts: Texts, holders: Holders) -> Mapping[str, Step]:
    def move(session: Session, job: Job) -> None:
        _Move(session, job, texts, holders).go()

    def take_back(session: Session, job: Job) -> None:
        _Return(session, job, texts, holders).go()

    return {MOVE: Step(move, prompt=True), RETURN: Step(take_back, prompt=True)}


class _Journey(Between):
    """Between the conversations of one customer."""

    @property
    def passport(self) -> Passport:
        return self.session.get_one(Passport, self.job.payload["passport_id"])

    @property
    def shop_id(self) -> int:
        return self.passport.shop_id

    def say(self, conversation: Conversation, outgoing: Outgoing, step: str) -> None:
        self.speak(conversation, outgoing, f"passport:{self.passport.id}:{step}")


class _Move(_Journey):
    def go(self) -> None:
        assert self.passport.conversation_id is not None
        here = self.conversation(self.passport.conversation_id)
        kept = cards.get(self.session, self.passport.customer_id, self.passport.shop_id)
        if here.customer_id is None or here.kind != Kind.BUYER:
            return
        if here.customer_id != kept.id:
            try:
                row = merging.merge(
                    self.session,
                    kept.shop_id,
                    kept.id,
                    here.customer_id,
                    actor=f"customer:{kept.id}",
                    holders=self.holders,
                )
            except Problem as problem:
                self.say(here, Outgoing(text=self.voice(here).problem(problem)), "failed")
                return
            self.passport.merge_id = row.id
        self.session.refresh(here)
        self._bring_along(here, kept)

    def _bring_along(self, here: Conversation, kept: Customer) -> None:
        others = self.others(here, kept.id)
        self.passport.moved = chats.lead(self.session, kept.id, away_from=[each.id for each in others], to=here.id)
        facts = {"customer_id": kept.id, "passport_id": self.passport.id, "conversation_id": here.id}
        subject, actor = f"customer:{kept.id}", f"customer:{kept.id}"
        publish(self.session, PassportUsed(shop_id=kept.shop_id, subject=subject, actor=actor, **facts))
        self._welcome(here, kept)
        for other in others:
            self._take_over(here, other)
            voice = self.voice(other)
            undo = voice.button("buyer.passport.not_me", Action("passport.undo", {"passport": self.passport.id}))
            told = written(voice.marked("buyer.passport.gone", where=self.where(here)), rows=((undo,),))
            self.say(other, told, f"gone:{other.id}")
            self.note(other, "passport.went", here)
        if others:
            self.note(here, "passport.came", others[0])

    def _take_over(self, here: Conversation, other: Conversation) -> None:
        """Who led him there leads him here, and what he waits for there he waits for here."""
        if other.held and not here.held:
            here.held, here.assignee_id = True, other.assignee_id
        if other.waiting_since is not None and here.waiting_since is None:
            here.waiting_since = other.waiting_since
        other.held, other.waiting_since, other.state = False, None, State.CLOSED

    def _welcome(self, here: Conversation, kept: Customer) -> None:
        voice, shop = self.voice(here), self.shop()
        name = kept.name.split(" ")[0] if kept.name else ""
        key = "buyer.passport.welcome" if name else "buyer.passport.welcome_unnamed"
        self.say(here, written(voice.marked(key, name=name), keyboard=menu.keyboard(voice)), "welcome")
        cart = carts.view(self.session, carts.of(self.session, shop.id, kept.id), here.locale)
        if cart.lines:
            narrow = CAPABILITIES[self.session.get_one(ChannelAccount, here.account_id).channel].narrow
            self.say(here, cart_flow.cart_view(voice, cart, kept.id, narrow=narrow), "cart")
        orders = book.of_customer(self.session, shop.id, kept.id, LIST)
        if orders:
            self.say(here, orders_view(voice, [view(order, shop, here.locale) for order in orders]), "orders")


class _Return(_Journey):
    def go(self) -> None:
        there = self.conversation(self.job.payload["conversation_id"])
        kept = cards.get(self.session, self.passport.customer_id, self.passport.shop_id)
        voice = self.voice(there)
        if there.customer_id != kept.id or self.passport.conversation_id is None:
            return
        try:
            if self.passport.merge_id is not None:
                merging.undo(
                    self.session,
                    kept.shop_id,
                    self.passport.merge_id,
                    actor=f"customer:{kept.id}",
                    holders=self.holders,
                )
        except Problem as problem:
            self.say(there, Outgoing(text=voice.problem(problem)), "kept")
            return
        chats.lead_back(self.session, self.passport.moved, away_from=self.passport.conversation_id)
        there.state = State.OPEN
        self.say(there, written(voice.marked("buyer.passport.taken_back")), "back")
        here = self.conversation(self.passport.conversation_id)
        self.note(there, "passport.came_back", here)
        self.note(here, "passport.taken_back", there)
