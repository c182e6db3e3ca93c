"""A person's hands in WhatsApp: the acts are those of any phone, what the shop hears of them is WhatsApp's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulators.telegram import phones as telegram
from emulators.telegram.cloud import Press
from emulators.telegram.phones import AlbumPicture, NoSuchThing
from emulators.telegram.world import Chat, Json, quoted
from emulators.whatsapp import wire
from emulators.whatsapp.cloud import Account, Cloud, new_wamid

BEGINS = {"ru": "Начать", "en": "Start"}
"""What the shop's link puts into the field."""


class Phone(telegram.Phone):
    """One person's chat with one number."""

    def __init__(self, cloud: Cloud, chat: Chat) -> None:
        super().__init__(cloud, chat)
        self._servers = cloud

    @property
    def _number(self) -> Account:
        return self._servers.numbers[self.chat.bot.id]

    @property
    def keys(self) -> list[str]:
        """Labels of buttons that say their words for the person, on the newest message that has any."""
        return [button.text for button in self._sayings()]

    # What one does

    def start(self, payload: str = "") -> Json:
        """Follow the shop's link, which has put words into the field, and send them."""
        return self.say(f"/start {payload}" if payload else BEGINS.get(self.chat.person.language_code, BEGINS["en"]))

    def tap(self, label: str) -> Json:
        for message in reversed(self.from_bot):
            for button in message.buttons:
                if button.text == label and button.data.startswith("say:"):
                    self.press_data(button.data, message_id=message.id)
                    return self.chat.messages[next(reversed(self.chat.messages))]
        raise NoSuchThing(f"no key {label!r} among {self.keys}")

    def press_data(self, data: str, *, message_id: int) -> Press:
        """Press a button or a row of a list: the person says its label, in answer to the message."""
        message = self._existing(message_id)
        button = (message["wa"].get("buttons") or {}).get(data)
        if button is None:
            raise NoSuchThing(f"message {message_id} has no such button")
        context = {"from": self._number.number.digits, "id": message["wa"]["id"]}
        title = button["title"]
        if button["kind"] == "quick":
            kind, part = "button", {"payload": title, "text": title}
        else:
            reply = {"id": data, "title": title}
            if button["kind"] == "list_reply":
                reply["description"] = button["description"]
            kind, part = "interactive", {"type": button["kind"], button["kind"]: reply}
        shown = {"text": title, "reply_to_message": quoted(message)}
        self._say(kind, part, shown, context=context, held={"pressed": data})
        press = Press("", self.chat, message_id, data, answer={"text": "", "show_alert": False})
        press.answered.set()
        return press

    def send_album(self, pictures: Sequence[AlbumPicture], *, reply_to: int | None = None) -> list[Json]:
        """Several photos are as many messages."""
        return [self.send_photo(each.content, each.caption, reply_to=reply_to) for each in pictures]

    def share_contact(self) -> Json:
        person = self.chat.person
        card = wire.contact(person.name, person.first_name, person.last_name, person.phone)
        shown = {"contact": {"first_name": person.name, "phone_number": person.phone}}
        return self._say("contacts", [card], shown)

    def forward(self, text: str, author: str) -> Json:
        """Words out of another chat; nobody learns whose."""
        origin = {"sender_user": {"first_name": author}}
        return self._say("text", {"body": text}, {"text": text, "forward_origin": origin}, context={"forwarded": True})

    def edit(self, message_id: int, text: str) -> Json:
        raise NoSuchThing("a shop does not learn that a message was changed")

    def react(self, message_id: int, sign: str) -> None:
        """Put a sign on a message; an empty one takes it away."""
        message = self._existing(message_id)
        self._act()
        changed = {**message, "sign": sign}
        self.chat.replace(changed)
        self._push("reaction", {"message_id": message["wa"]["id"], "emoji": sign}, new_wamid(self._digits))

    def order(self, goods: Sequence[tuple[str, int, float, str]], text: str = "") -> Json:
        """Put goods of the catalogue into the basket and send it: (retailer id, quantity, price, currency)."""
        items = [
            {"product_retailer_id": retailer, "quantity": quantity, "item_price": price, "currency": currency}
            for retailer, quantity, price, currency in goods
        ]
        part = {"catalog_id": str(self._number.number.catalog), "text": text, "product_items": items}
        shown = "\n".join(f"{retailer} × {quantity}" for retailer, quantity, _price, _currency in goods)
        return self._say("order", part, {"text": f"🛒 {shown}" + (f"\n{text}" if text else "")})

    def order_one(self, retailer_id: str) -> Json:
        for retailer, _title, price, currency in self._number.number.goods:
            if retailer == retailer_id:
                return self.order([(retailer, 1, price, currency)])
        raise NoSuchThing(f"no {retailer_id} in the catalogue")

    def send_unsupported(self) -> Json:
        """Something that the API does not carry: a poll."""
        wamid, unsupported = new_wamid(self._digits), self._servers.unsupported()
        self._act()
        message = self.chat.add(by_bot=False, content={"text": "📊", "wa": {"id": wamid}, "ticks": "sent"})
        value = wire.inbound(self._number, self.chat, wamid, "unsupported", {})
        told = {name: part for name, part in value["messages"][0].items() if name != "unsupported"}
        self._number.postman.post({**value, "messages": [{**told, "errors": [unsupported]}]}, lane=self.chat.person.id)
        return message

    # Inside

    @property
    def _digits(self) -> str:
        return "".join(char for char in self.chat.person.phone if char.isdigit())

    def _sayings(self) -> list[telegram.Button]:
        for message in reversed(self.from_bot):
            if found := [button for button in message.buttons if button.data.startswith("say:")]:
                return found
        return []

    def _push(self, kind: str, part: Any, wamid: str, *, context: Json | None = None) -> None:
        value = wire.inbound(self._number, self.chat, wamid, kind, part, context=context)
        self._number.postman.post(value, lane=self.chat.person.id)

    def _say(self, kind: str, part: Any, shown: Json, *, context: Json | None = None, held: Json | None = None) -> Json:
        self._act()
        self._servers.watch(self._number, self.chat)
        wamid = new_wamid(self._digits)
        message = self.chat.add(by_bot=False, content={**shown, "wa": {"id": wamid, **(held or {})}, "ticks": "sent"})
        self._push(kind, part, wamid, context=context)
        return message

    def _send(self, content: Json, *, reply_to: int | None = None) -> Json:
        """What a phone's act gives in the page's words, said in WhatsApp's."""
        context: Json | None = None
        answered = self.chat.messages.get(reply_to) if reply_to is not None else None
        if answered is not None:
            whose = self._number.number.digits if answered["from"]["is_bot"] else self._digits
            context = {"from": whose, "id": answered["wa"]["id"]}
            content = {**content, "reply_to_message": quoted(answered)}
        if place := content.get("location"):
            part = {**place, "name": "", "address": ""}
            return self._say("location", part, content, context=context)
        kind = next((kind for kind in wire.KINDS if kind in content), "")
        text = content.get("text") or content.get("caption") or ""
        if not kind:
            return self._say("text", {"body": text}, content, context=context)
        told: Any = content[kind][-1] if kind == "photo" else content[kind]
        file = self._servers.files.get(told["file_id"])
        assert file is not None
        named, held = wire.media(self._servers, self._number, file, kind, text)
        return self._say(named, held, content, context=context)

    def _change_membership(self, *, blocked: bool) -> None:
        """The shop is not told."""
        if self.chat.blocked != blocked:
            self.chat.blocked = blocked
            self.chat.changed("blocked")
