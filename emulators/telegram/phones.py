"""A person's hands: everything that one can do in a chat with a bot, and what one sees there."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulators.telegram.cloud import Account, Cloud, Press
from emulators.telegram.formatting import find_entities
from emulators.telegram.world import Chat, Json, is_by_bot, quoted

MEDIA_KINDS = ("photo", "animation", "document", "video", "voice", "audio", "sticker", "location", "contact")


class NoSuchThing(LookupError):
    """The person cannot do this: the message, button or key is not on the screen."""


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button. `data` is empty for links, `url` for buttons that call back."""

    text: str
    data: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as the person sees it now. `raw` is the same as the Bot API shows it."""

    id: int
    by_bot: bool
    kind: str
    text: str
    rows: tuple[tuple[Button, ...], ...]
    edited: bool
    raw: Json = field(repr=False)

    @property
    def buttons(self) -> list[Button]:
        return [button for row in self.rows for button in row]

    @property
    def labels(self) -> list[str]:
        return [button.text for button in self.buttons]

    def button(self, label: str) -> Button | None:
        """The button that says exactly this, else one that contains it, else one whose data it is."""
        exact = [button for button in self.buttons if button.text == label]
        close = [button for button in self.buttons if label in button.text]
        by_data = [button for button in self.buttons if label and button.data == label]
        return next(iter([*exact, *by_data, *close]), None)


@dataclass(frozen=True, slots=True)
class AlbumPicture:
    """One picture of an album that a person sends."""

    content: bytes = field(repr=False)
    caption: str = ""


def shown(message: Json) -> Shown:
    """Buttons of cards that stand side by side are told apart by the names on the cards."""
    rows = [
        [{**each, "text": f"{card['title']}: {each['text']}"} for each in row]
        for card in message.get("carousel", ())
        for row in card["rows"]
    ]
    rows += message.get("reply_markup", {}).get("inline_keyboard", [])
    return Shown(
        id=message["message_id"],
        by_bot=is_by_bot(message),
        kind=next((kind for kind in MEDIA_KINDS if kind in message), "text"),
        text=message.get("text") or message.get("caption") or "",
        rows=tuple(
            tuple(Button(each["text"], each.get("callback_data", ""), each.get("url", "")) for each in row)
            for row in rows
        ),
        edited="edit_date" in message,
        raw=message,
    )


class Phone:
    """One person's chat with one bot. Every act puts an update into the bot's queue at once.

    Acts give back the message that they added, as the Bot API shows it.
    """

    def __init__(self, cloud: Cloud, chat: Chat) -> None:
        self._cloud = cloud
        self.chat = chat

    @property
    def _account(self) -> Account:
        return self._cloud.account(self.chat.bot.id)

    # What one sees

    @property
    def messages(self) -> list[Shown]:
        return [shown(message) for message in self.chat.messages.values()]

    @property
    def from_bot(self) -> list[Shown]:
        return [shown(message) for message in self.chat.messages.values() if is_by_bot(message)]

    @property
    def last(self) -> Shown | None:
        """The newest message of the bot."""
        return next((shown(message) for message in reversed(self.chat.messages.values()) if is_by_bot(message)), None)

    @property
    def keys(self) -> list[str]:
        """Labels of the reply keyboard that lies open now."""
        rows = (self.chat.keyboard or {}).get("keyboard", [])
        return [key["text"] for row in rows for key in row]

    def message(self, message_id: int) -> Shown:
        return shown(self._existing(message_id))

    # What one does

    def start(self, payload: str = "") -> Json:
        """Press Start, or follow a deep link that carries a payload."""
        return self.say(f"/start {payload}".rstrip())

    def say(self, text: str, *, reply_to: int | None = None) -> Json:
        entities = find_entities(text)
        return self._send({"text": text, "entities": entities} if entities else {"text": text}, reply_to=reply_to)

    def forward(self, text: str, author: str) -> Json:
        """Pass on what somebody else wrote."""
        origin = {
            "type": "user",
            "sender_user": {"id": self.chat.person.id + 1, "is_bot": False, "first_name": author},
            "date": int(time.time()) - 60,
        }
        return self._send({"text": text, "forward_origin": origin})

    def send_photo(self, content: bytes, caption: str = "", *, reply_to: int | None = None) -> Json:
        return self._send_file("photo", content, caption=caption, reply_to=reply_to)

    def send_document(
        self, content: bytes, file_name: str, *, mime_type: str = "", caption: str = "", reply_to: int | None = None
    ) -> Json:
        return self._send_file(
            "document", content, file_name=file_name, mime_type=mime_type, caption=caption, reply_to=reply_to
        )

    def send_voice(self, content: bytes, *, seconds: int = 3, reply_to: int | None = None) -> Json:
        return self._send_file("voice", content, reply_to=reply_to, duration=seconds)

    def send_audio(self, content: bytes, file_name: str, *, seconds: int = 3, reply_to: int | None = None) -> Json:
        return self._send_file("audio", content, file_name=file_name, reply_to=reply_to, duration=seconds)

    def send_video(self, content: bytes, caption: str = "", *, seconds: int = 3, reply_to: int | None = None) -> Json:
        return self._send_file(
            "video", content, file_name="video.mp4", caption=caption, reply_to=reply_to, duration=seconds
        )

    def send_sticker(self, content: bytes, emoji: str = "") -> Json:
        return self._send_file("sticker", content, emoji=emoji)

    def send_album(self, pictures: Sequence[AlbumPicture], *, reply_to: int | None = None) -> list[Json]:
        """Several photos at once: as many updates with one media_group_id, in order."""
        group = {"media_group_id": str(secrets.randbits(53))}
        return [
            self._send(
                {**group, **self._file("photo", picture.content), **_caption(picture.caption)}, reply_to=reply_to
            )
            for picture in pictures
        ]

    def send_location(self, latitude: float, longitude: float) -> Json:
        return self._send({"location": {"latitude": latitude, "longitude": longitude}})

    def send_contact(
        self, phone_number: str, first_name: str, *, last_name: str = "", user_id: int | None = None
    ) -> Json:
        """Send somebody's card; `user_id` is there only when that somebody is on Telegram and in the phone book."""
        card: Json = {"phone_number": phone_number, "first_name": first_name}
        if last_name:
            card["last_name"] = last_name
        if user_id is not None:
            card["user_id"] = user_id
        return self._send({"contact": card})

    def share_contact(self) -> Json:
        """Send the own card, as the "share contact" key does: in answer to the message that offers the key."""
        person = self.chat.person
        card = {"phone_number": person.phone.lstrip("+"), "first_name": person.first_name, "user_id": person.id}
        if person.last_name:
            card["last_name"] = person.last_name
        message = self._send({"contact": card}, reply_to=self.chat.keyboard_from)
        self._after_key()
        return message

    def tap(self, label: str) -> Json:
        """Press a key of the reply keyboard. Raises NoSuchThing if there is no such key."""
        rows = (self.chat.keyboard or {}).get("keyboard", [])
        key = next((key for row in rows for key in row if key["text"] == label), None)
        if key is None:
            raise NoSuchThing(f"no key {label!r} among {self.keys}")
        if key.get("request_contact"):
            return self.share_contact()
        if key.get("request_location"):
            message = self._send({"location": {"latitude": 55.7936, "longitude": 49.1121}})
        else:
            message = self.say(label)
        self._after_key()
        return message

    def press(self, label: str, *, message_id: int | None = None) -> Press:
        """Press an inline button by its label or data, on the newest message that has it or on the one named.

        Raises NoSuchThing if there is no such button, or it is a link.
        """
        message, button = self._find_button(label, message_id)
        if not button.data:
            raise NoSuchThing(f"button {label!r} does not call the bot")
        return self.press_data(button.data, message_id=message.id)

    def press_data(self, data: str, *, message_id: int) -> Press:
        """Press with this data, whether or not the message shows such a button now: a screen may be behind."""
        self._act()
        message = self._existing(message_id)
        account = self._account
        press = account.press(self.chat, message_id, data)
        account.queue.push(
            "callback_query",
            {
                "id": press.id,
                "from": self.chat.person_user,
                "message": message,
                "chat_instance": str(self.chat.person.id * 7919 + self.chat.bot.id),
                "data": data,
            },
            lane=f"press:{self.chat.person.id}",
        )
        return press

    def edit(self, message_id: int, text: str) -> Json:
        """Change the text (or caption) of an own message."""
        message = self._existing(message_id)
        if is_by_bot(message):
            raise NoSuchThing(f"message {message_id} is not this person's own")
        what, where = ("text", "entities") if "text" in message else ("caption", "caption_entities")
        changed = {key: value for key, value in message.items() if key != where}
        changed[what] = text
        if entities := find_entities(text):
            changed[where] = entities
        changed["edit_date"] = int(time.time())
        self.chat.replace(changed)
        self._account.queue.push("edited_message", changed, lane=str(self.chat.person.id))
        return changed

    def react(self, message_id: int, sign: str) -> None:
        """Put a sign on a message; an empty one takes it off."""
        self._existing(message_id)
        before = self.chat.signs.get(message_id, "")
        self._act()
        self._put_sign(message_id, sign)
        told: Json = {
            "chat": self.chat.wire,
            "message_id": message_id,
            "user": self.chat.person_user,
            "date": int(time.time()),
            "old_reaction": [{"type": "emoji", "emoji": before}] if before else [],
            "new_reaction": [{"type": "emoji", "emoji": sign}] if sign else [],
        }
        self._account.queue.push("message_reaction", told, lane=str(self.chat.person.id))

    def remove(self, message_id: int) -> None:
        """Take an own message away."""
        raise NoSuchThing("a bot does not learn that a message was taken away")

    def order_one(self, retailer_id: str) -> Json:
        """Order a thing out of the messenger's own catalogue."""
        raise NoSuchThing("there is no catalogue")

    def block(self) -> None:
        self._change_membership(blocked=True)

    def unblock(self) -> None:
        self._change_membership(blocked=False)

    def read(self) -> None:
        """Look at everything that has come."""
        self.chat.read()

    # Waiting

    async def wait_for(self, seen: Callable[[Phone], Any], *, timeout: float = 5.0) -> Any:  # noqa: ASYNC109
        """What `seen` gives as soon as that is true. Raises TimeoutError with the chat's last lines otherwise."""
        changed = asyncio.Event()
        self.chat.watchers.append(changed.set)
        try:
            async with asyncio.timeout(timeout):
                while not (result := seen(self)):
                    await changed.wait()
                    changed.clear()
                return result
        except TimeoutError:
            lines = [f"{'bot' if each.by_bot else 'person'}: {each.text[:60]} {each.labels}" for each in self.messages]
            raise TimeoutError("not seen in time; the chat ends with:\n" + "\n".join(lines[-8:])) from None
        finally:
            self.chat.watchers.remove(changed.set)

    async def wait_for_text(self, part: str, *, after: int = 0, timeout: float = 5.0) -> Shown:  # noqa: ASYNC109
        """The first message of the bot after this id that contains this text."""

        def seen(phone: Phone) -> Shown | None:
            return next((each for each in phone.from_bot if each.id > after and part in each.text), None)

        found = await self.wait_for(seen, timeout=timeout)
        assert isinstance(found, Shown)
        return found

    async def wait_for_answer(self, press: Press, *, timeout: float = 5.0) -> Json:  # noqa: ASYNC109
        """What the bot answered to a press: {"text", "show_alert"}. Raises TimeoutError if it did not."""
        async with asyncio.timeout(timeout):
            await press.answered.wait()
        if press.answer is None:
            raise TimeoutError("the press was not answered in time")
        return press.answer

    # Inside

    def _act(self) -> None:
        """The person does something: the bot knows the chat now, what came is read, and a blocked bot is free again."""
        if self.chat.blocked:
            self.unblock()
        self.chat.started = True
        self.chat.read()

    def _send(self, content: Json, *, reply_to: int | None = None) -> Json:
        self._act()
        if reply_to is not None and reply_to in self.chat.messages:
            content = {"reply_to_message": quoted(self.chat.messages[reply_to]), **content}
        message = self.chat.add(by_bot=False, content=content)
        self._account.queue.push("message", message, lane=str(self.chat.person.id))
        if self.chat.keyboard and "force_reply" in self.chat.keyboard:
            self.chat.show_keyboard(None, message["message_id"])
        return message

    def _send_file(
        self,
        kind: str,
        content: bytes,
        *,
        file_name: str = "",
        mime_type: str = "",
        caption: str = "",
        reply_to: int | None = None,
        **details: Any,
    ) -> Json:
        fields = self._file(kind, content, file_name=file_name, mime_type=mime_type, **details)
        return self._send({**fields, **_caption(caption)}, reply_to=reply_to)

    def _file(self, kind: str, content: bytes, *, file_name: str = "", mime_type: str = "", **details: Any) -> Json:
        stored = self._cloud.files.add(kind, content, file_name=file_name, mime_type=mime_type)
        return self._cloud.files.describe(stored, details)

    def _after_key(self) -> None:
        if self.chat.keyboard and self.chat.keyboard.get("one_time_keyboard"):
            self.chat.show_keyboard(None, self.chat.keyboard_from or 0)

    def _put_sign(self, message_id: int, sign: str) -> None:
        if sign:
            self.chat.signs[message_id] = sign
        else:
            self.chat.signs.pop(message_id, None)
        self.chat.changed("edited", message_id)

    def _existing(self, message_id: int) -> Json:
        message = self.chat.messages.get(message_id)
        if message is None:
            raise NoSuchThing(f"no message {message_id}")
        return message

    def _find_button(self, label: str, message_id: int | None) -> tuple[Shown, Button]:
        messages = [self.message(message_id)] if message_id is not None else self.from_bot[::-1]
        for message in messages:
            if button := message.button(label):
                return message, button
        seen = [label for message in messages[:3] for label in message.labels]
        raise NoSuchThing(f"no button {label!r} among {seen}")

    def _change_membership(self, *, blocked: bool) -> None:
        if self.chat.blocked == blocked:
            return
        self.chat.blocked = blocked
        self.chat.changed("blocked")
        bot = self.chat.bot_user
        states = {False: {"status": "member", "user": bot}, True: {"status": "kicked", "user": bot, "until_date": 0}}
        self._account.queue.push(
            "my_chat_member",
            {
                "chat": self.chat.wire,
                "from": self.chat.person_user,
                "date": int(time.time()),
                "old_chat_member": states[not blocked],
                "new_chat_member": states[blocked],
            },
            lane=f"member:{self.chat.person.id}",
        )


def _caption(text: str) -> Json:
    if not text:
        return {}
    entities = find_entities(text)
    return {"caption": text, "caption_entities": entities} if entities else {"caption": text}
