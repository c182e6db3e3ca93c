"""What goes on between several conversations of one customer, in a job of its own: a message must not hold them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.flows.voice import Voice
from company import settings
from company.tables import ChannelAccount, Shop
from company.texts import Texts
from customers.merging import Holders
from inbox import conversations, keeping, messages
from inbox.content import Outgoing
from inbox.tables import Author, Conversation, Delivery, Kind
from storage.jobs import Job


@dataclass(slots=True)
class Between(ABC):
    """A job that speaks in conversations of one shop."""

    session: Session
    job: Job
    texts: Texts
    holders: Holders

    @property
    @abstractmethod
    def shop_id(self) -> int:
        """The shop whose conversations they are."""

    def shop(self) -> Shop:
        return self.session.get_one(Shop, self.shop_id)

    def conversation(self, conversation_id: int) -> Conversation:
        return conversations.get(self.session, conversation_id, self.shop_id, lock=True)

    def others(self, here: Conversation, customer_id: int) -> list[Conversation]:
        """The customer's conversations elsewhere, the liveliest first."""
        query = (
            sa.select(Conversation)
            .where(Conversation.customer_id == customer_id, Conversation.kind == Kind.BUYER, Conversation.id != here.id)
            .order_by(Conversation.last_at.desc())
        )
        found = list(self.session.scalars(query))
        for other in sorted(found, key=lambda each: each.id):
            conversations.hold(self.session, other)
        return found

    def voice(self, conversation: Conversation) -> Voice:
        return Voice.of(self.texts, conversation.locale, settings.of(self.shop()))

    def speak(self, conversation: Conversation, outgoing: Outgoing, key: str) -> None:
        """As the bot; the same `key` says it once."""
        messages.say(self.session, conversation, outgoing, author=Author.BOT, client_key=key, repeatable=True)

    def note(self, conversation: Conversation, key: str, other: Conversation) -> None:
        """For the staff, in the shop's language."""
        text = self.texts.say(key, self.shop().locale, where=self.where(other))
        keeping.add(
            self.session,
            conversation,
            author=Author.SYSTEM,
            text=text,
            form={},
            delivery=Delivery.KEPT,
            private=True,
        )

    def where(self, conversation: Conversation) -> str:
        """The channel by the name that the shop gave it."""
        return self.session.get_one(ChannelAccount, conversation.account_id).name
