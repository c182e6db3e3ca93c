"""A person's hands in MAX: the acts are those of any phone, what the bot hears of them is MAX's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from emulators.max import wire
from emulators.max.cloud import Account, Cloud
from emulators.telegram import phones as telegram
from emulators.telegram.cloud import Press
from emulators.telegram.phones import AlbumPicture, NoSuchThing
from emulators.telegram.world import Chat, Json, quoted

FILES = {
    "photo": "image",
    "video": "video",
    "voice": "audio",
    "audio": "audio",
    "document": "file",
    "sticker": "sticker",
}

SAYINGS = (wire.SAY, wire.CONTACT, wire.PLACE)
"""Buttons that say something for who presses them: their words, his number, where he is."""


class Phone(telegram.Phone):
    """One person's dialog with one bot."""

    def __init__(self, cloud: Cloud, chat: Chat) -> None:
        super().__init__(cloud, chat)
        self._servers = cloud

    @property
    def _bot(self) -> Account:
        return self._servers.of(self.chat.bot.id)

    @property
    def keys(self) -> list[str]:
        """Labels of buttons that say their words for the person, on the newest message that has any."""
        return [button.text for button in self._sayings()]

    # What one does

    def start(self, payload: str = "") -> Json:
        """Press Start, or follow a link that carries a payload. Nothing of it stands in the dialog."""
        self.chat.blocked, self.chat.started = False, True
        self.chat.read()
        self.chat.changed("started")
        told = wire.update(
            self._servers, "bot_started", chat_id=wire.chat_id(self.chat), user=self._user(), **self._locale()
        )
        self._push(told | {"payload": payload or None})
        return told

    def tap(self, label: str) -> Json:
        """A button that says something for the person, on the newest message that has any."""
        for message in reversed(self.from_bot):
            for button in message.buttons:
                if button.text == label and button.data.startswith(SAYINGS):
                    self.press_data(button.data, message_id=message.id)
                    return self.chat.messages[next(reversed(self.chat.messages))]
        raise NoSuchThing(f"no key {label!r} among {self.keys}")

    def press_data(self, data: str, *, message_id: int) -> Press:
        """Press with this payload, whether or not the message shows such a button now: a screen may be behind."""
        message = self._existing(message_id)
        if data.startswith(SAYINGS):
            return self._press_saying(data, message_id)
        self._act()
        account = self._bot
        press = account.press(self.chat, message_id, data)
        now = self._servers.now()
        callback = {"timestamp": now, "callback_id": press.known.id, "payload": data, "user": self._user()}
        told = wire.update(
            self._servers, "message_callback", callback=callback, message=message["max"], **self._locale()
        )
        self._push(told)
        return press.known

    def _press_saying(self, data: str, message_id: int) -> Press:
        press = Press("", self.chat, message_id, data)
        if data == wire.CONTACT:
            self.share_contact()
        elif data == wire.PLACE:
            self.send_location(55.7963, 49.1064)
        else:
            self._say(data.removeprefix(wire.SAY))
        press.answer = {"text": "", "show_alert": False}
        press.answered.set()
        self.chat.changed("answer", message_id, {"data": data, **press.answer})
        return press

    def send_album(self, pictures: Sequence[AlbumPicture], *, reply_to: int | None = None) -> list[Json]:
        """Several photos in one message."""
        files = [self._servers.files.add("photo", picture.content) for picture in pictures]
        attachments = [wire.attached("image", file, self._servers.origin) for file in files]
        return [self._say(pictures[0].caption, attachments=attachments, reply_to=reply_to)]

    def share_contact(self) -> Json:
        card = wire.contact(self.chat.person, self._bot.bot.token, self._servers.now())
        return self._say("", attachments=[card])

    def share(self, url: str, title: str = "") -> Json:
        """A page, without a word of one's own."""
        return self._say("", attachments=[{"type": "share", "payload": {"url": url, "token": None}, "title": title}])

    def forward(self, text: str, author: str) -> Json:
        """Pass on what somebody else wrote."""
        other = {**self._user(), "user_id": self.chat.person.id + 1, "first_name": author, "name": author}
        passed_on = wire.message(self._servers, self.chat, by_bot=False, text=text) | {"sender": other}
        return self._say("", link=wire.link("forward", passed_on))

    def edit(self, message_id: int, text: str) -> Json:
        message = self._existing(message_id)
        told: Json = message["max"]
        if told["sender"]["is_bot"]:
            raise NoSuchThing(f"message {message_id} is not this person's own")
        changed = {**told, "body": {**told["body"], "text": text}}
        around: Json = {name: message[name] for name in ("message_id", "from", "chat", "date") if name in message}
        page = {**around, **wire.shown(self._servers, changed), "edit_date": int(time.time())}
        self.chat.replace(page)
        self._push(wire.update(self._servers, "message_edited", message=changed))
        return page

    def react(self, message_id: int, sign: str) -> None:
        raise NoSuchThing("a bot does not learn of reactions")

    def remove(self, message_id: int) -> None:
        """Take an own message away."""
        told: Json = self._existing(message_id)["max"]
        self.chat.remove(message_id)
        facts = {"message_id": told["body"]["mid"], "chat_id": wire.chat_id(self.chat), "user_id": self.chat.person.id}
        self._push(wire.update(self._servers, "message_removed", **facts))

    # Inside

    def _sayings(self) -> list[telegram.Button]:
        for message in reversed(self.from_bot):
            found = [button for button in message.buttons if button.data.startswith(SAYINGS)]
            if found:
                return found
        return []

    def _user(self) -> Json:
        return wire.user(self.chat.person, self._servers.now())

    def _locale(self) -> Json:
        return {"user_locale": self.chat.person.language_code}

    def _push(self, told: Json) -> None:
        self._bot.log.push(told, lane=self.chat.person.id)

    def _say(
        self, text: str, *, attachments: Sequence[Json] = (), reply_to: int | None = None, link: Json | None = None
    ) -> Json:
        self._act()
        answered = self.chat.messages.get(reply_to) if reply_to is not None else None
        around: Json = {}
        if answered is not None:
            link, around = wire.link("reply", answered["max"]), {"reply_to_message": quoted(answered)}
        told = wire.message(self._servers, self.chat, by_bot=False, text=text, attachments=attachments, link=link)
        message = self.chat.add(by_bot=False, content={**wire.shown(self._servers, told), **around})
        self._push(wire.update(self._servers, "message_created", message=told, **self._locale()))
        return message

    def _send(self, content: Json, *, reply_to: int | None = None) -> Json:
        """What a phone's act gives in the page's words, said in MAX's."""
        text = content.get("text") or content.get("caption") or ""
        if place := content.get("location"):
            return self._say("", attachments=[{"type": "location", **place}], reply_to=reply_to)
        kind = next((kind for kind in FILES if kind in content), "")
        if not kind:
            return self._say(text, reply_to=reply_to)
        told: Any = content[kind][-1] if kind == "photo" else content[kind]
        file = self._servers.files.get(told["file_id"])
        assert file is not None
        attachment = wire.attached(FILES[kind], file, self._servers.origin, seconds=told.get("duration", 1))
        return self._say(text, attachments=[attachment], reply_to=reply_to)

    def _change_membership(self, *, blocked: bool) -> None:
        if self.chat.blocked == blocked:
            return
        self.chat.blocked = blocked
        self.chat.changed("blocked")
        kind = "bot_stopped" if blocked else "bot_started"
        facts = {"chat_id": wire.chat_id(self.chat), "user": self._user(), **self._locale()}
        self._push(wire.update(self._servers, kind, **facts))
