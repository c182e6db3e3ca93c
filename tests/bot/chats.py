"""A buyer's chat with the shop, as a test tells it: he says and presses, and sees messages with buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from automation import task_notices
from bot.flows import dialog
from bot.flows.turn import Turn
from catalog import editing, stock
from catalog.tables import Product, Variant
from company import settings
from company.tables import ChannelAccount
from company.texts import Texts
from customers import identities
from customers.tables import Customer
from inbox import conversations, messages
from inbox.capabilities import Capabilities
from inbox.channels import card_of
from inbox.content import Button, Contact, Incoming, Location, Outgoing, Press, Profile, load_outgoing
from inbox.tables import Author, Conversation, Kind, Message
from kit.clock import utc_now
from orders import book, stages
from orders.tables import Order
from payments.tables import PaymentAccount
from storage.tables import Job
from tests.worlds import World

PUBLIC_URL = "https://counter.example"
TEXTS = Texts()


class Counter:
    """«Глина и лён» with mugs on its shelves, a bot before it and an account to take money with."""

    def __init__(self, world: World) -> None:
        self.world, self.session, self.shop = world, world.session, world.shop
        stages.create_default_pipeline(self.session, self.shop)
        self.account = world.account()
        self.session.add(
            PaymentAccount(
                shop_id=self.shop.id, provider="yookassa", name="ЮKassa", external_id="54401", created_at=utc_now()
            )
        )
        self.warehouse = stock.add_warehouse(self.session, self.shop, name="Мастерская")
        self.mugs = editing.add_category(self.session, self.shop, name="Кружки", translations={"en": {"name": "Mugs"}})
        self.mug = self.sells("Кружка «Туман»", "MUG-MIST", 145000, en="Mist mug")

    def sells(self, name: str, sku: str, price: int, *, on_hand: int = 10, en: str = "") -> Variant:
        """A product in one variant."""
        return self.variant(self.product(name, en=en), sku, price, on_hand=on_hand)

    def product(self, name: str, *, en: str = "") -> Product:
        return editing.add_product(
            self.session,
            self.shop,
            name=name,
            category=self.mugs,
            description="Тонкий фарфор, глазурь цвета утра.",
            translations={"en": {"name": en}} if en else None,
        )

    def variant(
        self,
        product: Product,
        sku: str,
        price: int,
        *,
        attributes: Sequence[tuple[str, str]] = (),
        on_hand: int = 10,
    ) -> Variant:
        variant = editing.add_variant(self.session, product, sku=sku, price=price, attributes=attributes)
        if on_hand:
            stock.receive(self.session, variant, self.warehouse, on_hand, reason="initial", actor="system")
        return variant

    def rules(self, **changes: Any) -> None:
        settings.change(self.session, self.shop, **changes)

    def chat(self, person: str = "anna", name: str = "Анна Смирнова", **facts: Any) -> Chat:
        return Chat(self, self.account, Profile(person, name=name, **facts))

    def owners_chat(self) -> Chat:
        """The chat of Илья, joined to him."""
        chat = Chat(self, self.account, Profile("ilya", name="Илья"))
        conversation = chat.conversation
        conversation.kind, conversation.staff_id = Kind.STAFF, self.world.owner.id
        self.session.flush()
        return chat

    def orders(self) -> list[Order]:
        ids = self.session.scalars(sa.select(Order.id).where(Order.shop_id == self.shop.id).order_by(Order.id))
        return [book.get(self.session, self.shop.id, order_id) for order_id in ids]

    def left(self, variant: Variant) -> int:
        return stock.available(self.session, [variant.id])[variant.id]


class Chat:
    """One person's chat with the bot."""

    def __init__(self, counter: Counter, account: ChannelAccount, profile: Profile) -> None:
        self.counter, self.session, self.account, self.profile = counter, counter.session, account, profile
        identity = identities.recognise(
            self.session, account, external_id=profile.external_id, name=profile.name, locale=profile.locale
        )
        self.customer = self.session.get_one(Customer, identity.customer_id)
        self.conversation: Conversation = conversations.open_for(
            self.session,
            account,
            f"chat-{profile.external_id}",
            customer_id=self.customer.id,
            locale=self.customer.locale,
        )
        self.capabilities: Capabilities = card_of(account, self.conversation.context)
        self._said = 0
        self.pressed = 0

    # What the person does

    def starts(self, parameter: str = "") -> None:
        self._sends(start=parameter, text=f"/start {parameter}".strip())

    def says(self, text: str, **parts: Any) -> None:
        self._sends(text=text, **parts)

    def presses_menu(self, label: str) -> None:
        """A key of the keyboard that stands under the chat: it comes as words."""
        assert label in self.keyboard
        self.says(label)

    def shares_contact(self, phone: str) -> None:
        self._sends(contact=Contact(phone, own=True))

    def shares_location(self, latitude: float, longitude: float) -> None:
        self._sends(location=Location(latitude, longitude))

    def presses(self, label: str, *, of: Message | None = None, version: int | None = None) -> None:
        """The button whose label begins so, on the newest message that has one; or as it stood in a `version`."""
        message, index = self._button(label, of)
        self.presses_at(message, index, version or message.version)

    def presses_at(self, message: Message, index: int, version: int) -> None:
        self.pressed += 1
        self._handle(
            Incoming(
                external_id=f"press-{self._next()}",
                profile=self.profile,
                press=Press(message.id, index, version, ack=f"ack-{self._said}"),
            ),
            pressed=message,
        )

    # What he sees

    @property
    def messages(self) -> list[Message]:
        """What the shop said, oldest first."""
        return list(
            self.session.scalars(
                sa.select(Message)
                .where(Message.conversation_id == self.conversation.id, Message.author.in_([Author.BOT, Author.STAFF]))
                .order_by(Message.id)
            )
        )

    @property
    def last(self) -> Message:
        return self.messages[-1]

    @property
    def text(self) -> str:
        """The newest message's text, with plain spaces."""
        return plain(self.last.text)

    def shown(self, message: Message | None = None) -> Outgoing:
        return load_outgoing((message or self.last).content)

    def labels(self, message: Message | None = None) -> list[str]:
        return [plain(button.label) for button in self.shown(message).buttons()]

    @property
    def keyboard(self) -> list[str]:
        """The keyboard that stands under the chat now."""
        for message in reversed(self.messages):
            if rows := self.shown(message).keyboard:
                return [button.label for row in rows for button in row]
        return []

    @property
    def toasts(self) -> list[str]:
        """Answers to presses, oldest first; empty ones too."""
        rows = self.session.scalars(
            sa.select(Job.payload).where(Job.kind == "press.answer", Job.lane == f"press:{self.conversation.id}")
        )
        return [plain(orjson.loads(row)["text"]) for row in rows]

    def _button(self, label: str, of: Message | None) -> tuple[Message, int]:
        for message in [of] if of else reversed(self.messages):
            for index, button in enumerate(self.shown(message).buttons()):
                if _begins(button, label):
                    return message, index
        raise AssertionError(f"no button {label!r}; the last message has {self.labels()}")

    def _next(self) -> int:
        self._said += 1
        return self._said

    def _sends(self, **parts: Any) -> None:
        incoming = Incoming(external_id=f"{self._next()}", profile=self.profile, **parts)
        message = messages.receive(self.session, self.conversation, incoming)
        self._handle(incoming, message=message)

    def _handle(self, incoming: Incoming, *, message: Message | None = None, pressed: Message | None = None) -> None:
        shop = self.counter.shop
        turn = Turn(
            session=self.session,
            shop=shop,
            settings=settings.of(shop),
            account=self.account,
            capabilities=self.capabilities,
            conversation=self.conversation,
            customer=self.customer,
            incoming=incoming,
            message=message,
            pressed=pressed,
            texts=TEXTS,
            locale=self.conversation.locale,
            public_url=PUBLIC_URL,
            staff_acts=task_notices.ACTIONS,
        )
        dialog.handle(turn)
        self.session.flush()


def plain(text: str) -> str:
    return text.replace("\xa0", " ").replace("\u202f", " ")


def _begins(button: Button, label: str) -> bool:
    return plain(button.label).startswith(label) and (button.action is not None or bool(button.url))
