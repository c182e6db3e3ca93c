"""One number, vouched for in two messengers, makes one customer of two; nothing less does. Events are as they come."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import orjson
import pytest
import sqlalchemy as sa
import time_machine

from automation.holders import HOLDERS
from bot import joined
from bot.channels import max_read, telegram_read, vk_read, whatsapp_read
from bot.channels.base import Channel
from bot.incoming import Intake
from company import shops
from company.tables import ChannelAccount
from customers import cards, consents, contacts, duplicates, merging, proofs
from customers.tables import ConsentTo, ConsentVia, Customer, Identity, Merge
from inbox.content import Incoming, Profile, load_outgoing
from inbox.tables import Author, Conversation, Message
from kit.clock import utc_now
from orders import cart as carts
from orders import checkout
from orders.details import Details
from orders.tables import Order
from storage.database import Database
from storage.jobs import Job
from storage.tables import Job as JobRow
from tests.bot.chats import TEXTS, Counter
from tests.worlds import World

PHONE = "79000000041"
CHATS: Sequence[tuple[str, object]] = (("telegram", 41), ("whatsapp", PHONE))
TOKEN = "max-token"
READERS = {
    "telegram": telegram_read.read,
    "max": lambda raw: max_read.read(raw, TOKEN),
    "vk": vk_read.read,
    "whatsapp": whatsapp_read.read,
}


class Wire:
    """An adapter as far as it reads."""

    def __init__(self, channel: str) -> None:
        self._read = READERS[channel]

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return self._read(raw)


class Street:
    """A shop with all its messengers."""

    def __init__(self, world: World) -> None:
        self.counter = Counter(world)
        self.session, self.shop = world.session, world.shop
        others = [world.account(name, f"clay_{name}") for name in ("max", "vk", "whatsapp")]
        self.accounts: dict[str, ChannelAccount] = {one.channel: one for one in (self.counter.account, *others)}
        self._by_id = {one.id: one.channel for one in self.accounts.values()}
        self._said = 0
        self.intake = Intake(
            cast(Database, None), lambda id_: cast(Channel, Wire(self._by_id[id_])), TEXTS, "https://counter.example"
        )

    def hears(self, channel: str, chat: object, raw: dict[str, Any]) -> Customer:
        """The event as the hub handles it, and what follows from it; gives who said it."""
        account = self.accounts[channel]
        payload = {"account_id": account.id, "chat": str(chat), "raw": raw}
        self.intake.handle(self.session, Job(1, "in", "incoming.handle", payload, 1, 0))
        self.session.flush()
        self.works()
        whose = self.conversation(channel, chat).customer_id
        assert whose is not None
        return self.session.get_one(Customer, whose)

    def works(self) -> None:
        steps = joined.handlers(TEXTS, HOLDERS)
        self.session.flush()
        for row in self.session.scalars(sa.select(JobRow).where(JobRow.kind.in_(steps), JobRow.state == "ready")):
            steps[row.kind].run(
                self.session, Job(row.id, row.lane, row.kind, orjson.loads(row.payload), 0, row.created_at)
            )
            row.state = "done"
            self.session.flush()
        self.session.expire_all()

    def conversation(self, channel: str, chat: object) -> Conversation:
        where = (Conversation.account_id == self.accounts[channel].id, Conversation.chat == str(chat))
        return self.session.scalars(sa.select(Conversation).where(*where)).one()

    def merges(self) -> list[Merge]:
        return list(self.session.scalars(sa.select(Merge).order_by(Merge.id)))

    def said(self, channel: str, chat: object, author: Author = Author.BOT) -> list[Message]:
        here = self.conversation(channel, chat).id
        rows = sa.select(Message).where(Message.conversation_id == here, Message.author == author)
        return list(self.session.scalars(rows.order_by(Message.id)))

    # Who says what

    def telegram(self, person: int = 41, **parts: Any) -> Customer:
        self._said += 1
        user = {"id": person, "is_bot": False, "first_name": "Анна"}
        chat = {"id": person, "type": "private"}
        around = {"message_id": self._said, "date": int(utc_now().timestamp()), "from": user, "chat": chat}
        return self.hears("telegram", person, {"update_id": self._said, "message": {**around, **parts}})

    def shares_in_telegram(self, phone: str = PHONE, person: int = 41, *, of: int = 0, **parts: Any) -> Customer:
        contact = {"phone_number": phone, "first_name": "Анна", "user_id": of or person}
        return self.telegram(person, contact=contact, **parts)

    def shares_in_max(self, phone: str = PHONE, person: int = 500_041, **changes: Any) -> Customer:
        self._said += 1
        card = changes.get("card") or f"BEGIN:VCARD\r\nTEL;TYPE=cell:{phone}\r\nFN:Анна\r\nEND:VCARD\r\n"
        signed = hmac.new(TOKEN.encode(), card.encode(), hashlib.sha256).hexdigest()
        info = {"user_id": changes.get("of", person), "first_name": "Анна"}
        payload = {"vcf_info": card, "hash": changes.get("hash", signed), "max_info": info}
        attachment = {"type": "contact", "payload": payload}
        body: dict[str, Any] = {"mid": f"mid.{self._said}", "seq": 1, "text": "", "attachments": [attachment]}
        message: dict[str, Any] = {
            "sender": {"user_id": person, "first_name": "Анна", "is_bot": False},
            "recipient": {"chat_id": person, "chat_type": "dialog"},
            "timestamp": int(utc_now().timestamp() * 1000),
            "body": body,
        }
        if changes.get("passed_on"):
            message["body"] = {**body, "attachments": []}
            message["link"] = {"type": "forward", "message": body}
        return self.hears("max", person, {"update_type": "message_created", "timestamp": 1, "message": message})

    def whatsapp(self, phone: str = PHONE, **parts: Any) -> Customer:
        self._said += 1
        told = parts or {"type": "text", "text": {"body": "Здравствуйте"}}
        moment = str(int(utc_now().timestamp()))
        message = {"from": phone, "id": f"wamid.{self._said}", "timestamp": moment, **told}
        person = {"wa_id": phone, "profile": {"name": "Анна"}}
        return self.hears(
            "whatsapp", phone, {"field": "messages", "value": {"contacts": [person], "messages": [message]}}
        )

    def vk(self, text: str, person: int = 41) -> Customer:
        self._said += 1
        message = {"peer_id": person, "from_id": person, "conversation_message_id": self._said, "id": self._said}
        event = {"type": "message_new", "object": {"message": {**message, "date": 1, "text": text}, "client_info": {}}}
        return self.hears("vk", person, event)

    def order(self, customer: Customer) -> Order:
        return checkout.make(self.session, self.shop, customer, [(self.counter.mug.id, 1)], Details(), actor="bot")

    def twins(self, customer: Customer) -> list[int]:
        return [other.id for other, _why in duplicates.of_customer(self.session, customer)]


@pytest.fixture
def street(world: World) -> Street:
    return Street(world)


def test_one_number_in_two_messengers_is_one_customer(street: Street) -> None:
    anna = street.shares_in_telegram()
    order = street.order(anna)
    carts.put(street.session, street.shop.id, anna.id, street.counter.mug.id, 3)
    here = street.whatsapp()
    assert here.id == anna.id
    assert street.session.get_one(Order, order.id).customer_id == here.id
    (merge,) = street.merges()
    assert (merge.why, merge.actor[:9]) == ("telegram whatsapp", "customer:")
    assert "telegram" in street.said("whatsapp", PHONE)[-1].text
    assert street.said("telegram", 41)[-1].text.startswith("Ваш номер подтверждён ещё в одном чате")
    for channel, chat in CHATS:
        (note,) = street.said(channel, chat, Author.SYSTEM)
        assert note.private
        assert note.text.startswith("Тот же номер подтверждён и в другом чате")


def test_whoever_comes_third_joins_too_and_a_second_time_changes_nothing(street: Street) -> None:
    anna = street.shares_in_telegram()
    street.whatsapp()
    assert street.shares_in_max("+7 900 000-00-41").id == anna.id
    with time_machine.travel(utc_now() + timedelta(days=2)):
        street.whatsapp()
        street.shares_in_telegram("+79000000041")
    assert [merge.why for merge in street.merges()] == ["telegram whatsapp", "max telegram whatsapp"]
    assert len(street.said("whatsapp", PHONE, Author.SYSTEM)) == 2


@pytest.mark.parametrize("spelt", ["+79000000041", "79000000041", "+7 (900) 000-00-41"])
def test_a_number_is_the_same_however_a_messenger_spells_it(street: Street, spelt: str) -> None:
    assert street.shares_in_telegram(spelt).id == street.whatsapp().id


def test_a_number_with_an_eight_is_no_number_of_the_same_person_by_proof(street: Street) -> None:
    """«8 900…» without a country is a number of nobody's for a messenger that gives them in full."""
    assert street.shares_in_telegram("89000000041").id != street.whatsapp().id


def test_another_persons_card_makes_nobody_him(street: Street) -> None:
    anna = street.whatsapp()
    thief = street.shares_in_telegram(person=66, of=41)
    in_max = street.shares_in_max(person=666, of=500_041)
    assert len({anna.id, thief.id, in_max.id}) == 3
    assert street.merges() == []
    assert (thief.phone, in_max.phone) == (None, None)


def test_a_card_that_is_passed_on_proves_nothing_even_ones_own(street: Street) -> None:
    """It may be of the time when another number was his, which is somebody else's now."""
    anna = street.whatsapp()
    origin = {"type": "user", "date": 1, "sender_user": {"id": 66, "is_bot": False, "first_name": "Вор"}}
    thief = street.shares_in_telegram(person=66, forward_origin=origin)
    in_max = street.shares_in_max(person=666, passed_on=True)
    assert len({anna.id, thief.id, in_max.id}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"hash": ""},
        {"hash": "0" * 64},
        {"card": "BEGIN:VCARD\r\nFN:Вор\r\nTEL:79000000041\r\nTEL:79000000066\r\nEND:VCARD\r\n"},
        {"card": "BEGIN:VCARD\r\nFN:Вор\u2028TEL:79000000041\r\nTEL:79000000066\r\nEND:VCARD\r\n"},
        {"card": "BEGIN:VCARD\r\nFN:Вор\nTEL:79000000041\r\nTEL:79000000066\r\nEND:VCARD\r\n"},
    ],
)
def test_a_forged_card_of_max_proves_nothing(street: Street, changes: dict[str, Any]) -> None:
    anna = street.whatsapp()
    assert street.shares_in_max(person=666, **changes).id != anna.id
    assert street.merges() == []


def test_a_card_in_whatsapp_proves_no_number_but_the_senders_own(street: Street) -> None:
    anna = street.shares_in_telegram()
    card = {"name": {"formatted_name": "Я"}, "phones": [{"phone": f"+{PHONE}", "wa_id": "79000000066"}]}
    thief = street.whatsapp("79000000066", type="contacts", contacts=[card])
    assert thief.id != anna.id
    said = street.said("whatsapp", "79000000066", Author.BUYER)[-1]
    assert said.content["contact"].get("own", False) is False


def test_a_number_that_is_typed_or_written_by_the_staff_only_suggests(street: Street) -> None:
    anna = street.shares_in_telegram()
    typed = street.vk("Привет")
    cards.remember(street.session, typed, phone=f"+{PHONE}")
    called = cards.add(street.session, street.shop, name="Звонила")
    contacts.add(street.session, called, "8 900 000-00-41", actor="staff:1")
    street.telegram(text="Ещё раз")
    assert street.merges() == []
    assert street.twins(anna) == [typed.id, called.id]


def test_a_customer_whose_number_was_typed_is_not_joined_when_its_owner_comes(street: Street) -> None:
    """He typed somebody else's number: what he has ordered is not shown to its owner, nor the other way round."""
    liar = street.vk("Привет")
    cards.remember(street.session, liar, phone=f"+{PHONE}")
    street.order(liar)
    owner = street.whatsapp()
    assert owner.id != liar.id
    assert street.twins(owner) == [liar.id]


def test_a_proof_of_long_ago_only_suggests(street: Street) -> None:
    anna = street.shares_in_telegram()
    with time_machine.travel(utc_now() + proofs.HOLDS + timedelta(minutes=1)):
        here = street.whatsapp()
        assert here.id != anna.id
        assert street.twins(here) == [anna.id]
        assert street.shares_in_telegram().id == street.whatsapp().id


def test_a_number_has_one_person_in_a_messenger(street: Street) -> None:
    """Whoever had it before him there has it no more: not joined to the new owner, now or later."""
    before = street.shares_in_telegram(person=41)
    after = street.shares_in_telegram(person=66)
    assert before.id != after.id
    owner = street.whatsapp()
    assert owner.id == after.id
    assert street.session.get_one(Customer, before.id).merged_into_id is None


def test_of_two_who_were_parted_none_is_joined_by_a_third(street: Street) -> None:
    anna = street.shares_in_telegram()
    street.whatsapp()
    (merge,) = street.merges()
    merging.undo(street.session, street.shop.id, merge.id, actor="staff:1", holders=HOLDERS)
    third = street.shares_in_max()
    assert third.id not in (anna.id, merge.gone_id)
    assert len(street.merges()) == 1


def test_what_an_operator_has_undone_stays_undone(street: Street) -> None:
    anna = street.shares_in_telegram()
    street.whatsapp()
    (merge,) = street.merges()
    merging.undo(street.session, street.shop.id, merge.id, actor="staff:1", holders=HOLDERS)
    with time_machine.travel(utc_now() + timedelta(days=3)):
        assert street.whatsapp().id != anna.id
        street.shares_in_telegram()
    assert len(street.merges()) == 1


def test_an_undone_merge_counts_for_whatever_card_they_stand_on_by_now(street: Street) -> None:
    anna = street.shares_in_telegram()
    street.whatsapp()
    (merge,) = street.merges()
    merging.undo(street.session, street.shop.id, merge.id, actor="staff:1", holders=HOLDERS)
    called = cards.add(street.session, street.shop, name="Анна, по телефону")
    merging.merge(street.session, street.shop.id, called.id, anna.id, actor="staff:1", holders=HOLDERS)
    with time_machine.travel(utc_now() + timedelta(days=3)):
        assert street.whatsapp().id == merge.gone_id
    assert len(street.merges()) == 2


def test_two_who_were_said_to_be_two_are_not_joined(street: Street) -> None:
    anna, other = street.shares_in_telegram(), street.whatsapp("79000000042")
    duplicates.keep_apart(street.session, anna, other, actor="staff:1")
    identity = street.session.scalars(sa.select(Identity).where(Identity.customer_id == other.id)).one()
    identity.external_id = PHONE
    street.conversation("whatsapp", "79000000042").chat = PHONE
    street.session.flush()
    assert street.whatsapp().id == other.id
    assert street.merges() == []


def test_who_wants_his_data_used_no_more_is_joined_with_nobody(street: Street) -> None:
    anna = street.shares_in_telegram()
    consents.record(
        street.session,
        anna,
        ConsentTo.PERSONAL_DATA,
        given=False,
        via=ConsentVia.OPERATOR,
        reason="Письмо",
        actor="staff:1",
    )
    assert street.whatsapp().id != anna.id


def test_a_number_that_was_taken_off_the_card_joins_nobody(street: Street) -> None:
    anna = street.shares_in_telegram()
    (contact,) = contacts.of(street.session, anna)
    contacts.remove(street.session, anna, contact.id, actor="staff:1")
    here = street.whatsapp()
    assert here.id != anna.id
    (contact,) = contacts.of(street.session, here)
    contacts.remove(street.session, here, contact.id, actor="staff:1")
    with time_machine.travel(utc_now() + timedelta(days=2)):
        assert street.whatsapp().phone is None, "what was taken off does not come back with the next message"


def test_a_number_of_another_shop_joins_nobody(street: Street) -> None:
    anna = street.shares_in_telegram()
    other = shops.create(street.session, name="Соседи")
    street.accounts["whatsapp"].shop_id = other.id
    street.session.flush()
    assert street.whatsapp().id != anna.id


def test_a_messenger_that_vouches_for_nothing_is_not_believed(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = street.shares_in_telegram()
    fake = Incoming("1", profile=Profile("66", phone=f"+{PHONE}"), text="Это я")
    monkeypatch.setitem(READERS, "vk", lambda raw: [fake])
    assert street.hears("vk", 66, {}).id != anna.id


@pytest.mark.parametrize("where", CHATS)
def test_either_side_may_say_that_it_is_somebody_else(street: Street, where: tuple[str, object]) -> None:
    anna = street.shares_in_telegram()
    order = street.order(anna)
    street.whatsapp()
    channel, chat = where
    told = street.said(channel, chat)[-1]
    (button,) = load_outgoing(told.content).buttons()
    assert button.label == "Это не я, разделить"
    _presses(street, channel, chat, told)
    here, there = (street.conversation(*each).customer_id for each in CHATS)
    assert here != there
    assert street.session.get_one(Order, order.id).customer_id == here == anna.id
    assert street.said(channel, chat)[-1].text.startswith("Разделили")
    for each, its_chat in CHATS:
        assert street.said(each, its_chat, Author.SYSTEM)[-1].text.startswith("Покупатель сказал")
    with time_machine.travel(utc_now() + timedelta(days=2)):
        assert street.whatsapp().id != street.shares_in_telegram().id


def test_the_button_of_one_chat_parts_nobody_elses(street: Street) -> None:
    """A press names a message of this very conversation; another's number in it is of no use."""
    street.shares_in_telegram()
    street.whatsapp()
    told = street.said("telegram", 41)[-1]
    street.telegram(person=66, text="Привет")
    _presses(street, "telegram", 66, told)
    (merge,) = street.merges()
    assert merge.undone_at is None


def _presses(street: Street, channel: str, chat: object, told: Message) -> None:
    data = f"{told.id:x}.{told.version:x}.0"
    if channel == "telegram":
        user = {"id": chat, "is_bot": False, "first_name": "Анна"}
        message = {"message_id": 900, "date": 1, "chat": {"id": chat, "type": "private"}}
        query = {"id": "press", "from": user, "message": message, "data": data, "chat_instance": "1"}
        street.hears("telegram", chat, {"update_id": 900, "callback_query": query})
    else:
        reply = {"type": "button_reply", "button_reply": {"id": data, "title": "Это не я"}}
        street.whatsapp(str(chat), type="interactive", interactive=reply)
