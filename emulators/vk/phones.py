"""A person's hands in VK: the acts are those of any phone, what the community hears of them is VK's."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

import orjson

from emulators.telegram import phones as telegram
from emulators.telegram.cloud import Press
from emulators.telegram.phones import AlbumPicture, NoSuchThing
from emulators.telegram.world import Chat, Json, quoted
from emulators.vk import wire
from emulators.vk.cloud import Account, Cloud

LANGUAGES = {"ru": 0, "en": 3}
"""VK's numbers of languages."""

CLIENT = {
    "button_actions": ["text", "vkpay", "open_app", "location", "open_link", "callback"],
    "keyboard": True,
    "inline_keyboard": True,
    "carousel": True,
}
SIGNS = ("❤", "🔥", "😂", "👍", "💩", "❓", "😭", "😡", "👎", "👌", "😃", "🤔", "🙏", "😘", "😍", "🎉")
"""In VK's order: a reaction is told by its number."""

START = '{"command":"start"}'
"""What the start button of an empty dialog sends."""


class Phone(telegram.Phone):
    """One person's dialog with one community."""

    def __init__(self, cloud: Cloud, chat: Chat) -> None:
        super().__init__(cloud, chat)
        self._servers = cloud

    @property
    def _community(self) -> Account:
        return self._servers.community(self.chat.bot.id)

    # What one does

    def start(self, payload: str = "") -> Json:
        """Press Start; `payload` is the `ref` of the link that one came by."""
        facts: dict[str, Any] = {"payload": START} | ({"ref": payload, "ref_source": "link"} if payload else {})
        return self._say("Начать" if self.chat.person.language_code == "ru" else "Start", **facts)

    def tap(self, label: str) -> Json:
        """Press a key of the keyboard that stays. Raises NoSuchThing if there is no such key."""
        rows = (self.chat.keyboard or {}).get("keyboard", [])
        key = next((key for row in rows for key in row if key["text"] == label), None)
        if key is None:
            raise NoSuchThing(f"no key {label!r} among {self.keys}")
        message = self._say(label, **({"payload": key["payload"]} if key["payload"] else {}))
        self._after_key()
        return message

    def press_data(self, data: str, *, message_id: int) -> Press:
        """Press a button with this payload, whether or not the message shows it now: a screen may be behind."""
        told: Json = self._existing(message_id)["vk"]
        press = Press(secrets.token_hex(6), self.chat, message_id, data)
        if label := wire.says_label(told, data):
            self._say(label, payload=data)
            self.chat.changed("answer", message_id, {"data": data, "text": "", "show_alert": False})
            return press
        self._act()
        self._community.remember(press)
        self._push(
            "message_event",
            {
                "user_id": self.chat.person.id,
                "peer_id": self.chat.person.id,
                "event_id": press.id,
                "payload": orjson.loads(data),
                "conversation_message_id": message_id,
            },
        )
        return press

    def send_album(self, pictures: Sequence[AlbumPicture], *, reply_to: int | None = None) -> list[Json]:
        """Several photos in one message."""
        files = [self._servers.files.add("photo", picture.content) for picture in pictures]
        attachments = [
            wire.keep(self._servers, file, owner_id=self.chat.person.id, origin=self._origin) for file in files
        ]
        return [self._say(pictures[0].caption, attachments=attachments, reply_to=reply_to)]

    def share_contact(self) -> Json:
        raise NoSuchThing("nobody shares a contact in VK")

    def send_gift(self) -> Json:
        """Something that no program expects."""
        held = {"id": 1, "thumb_256": f"{self._origin}/gift.png"}
        return self._say("", attachments=[{"type": "gift", "gift": held}])

    def forward(self, text: str, author: str) -> Json:
        """Words of somebody else's, out of another dialog; VK names him by a number alone."""
        told = wire.message(self._servers, self.chat, by_community=False, text=text, from_id=1, peer_id=1)
        return self._say("", fwd_messages=[wire.quoted(told)])

    def forward_own(self, *message_ids: int, text: str = "") -> Json:
        """Messages of this dialog, put into it once more."""
        inside = [wire.quoted(self._existing(each)["vk"]) for each in message_ids]
        return self._say(text, fwd_messages=inside)

    def edit(self, message_id: int, text: str) -> Json:
        message = self._existing(message_id)
        told: Json = message["vk"]
        if told["out"]:
            raise NoSuchThing(f"message {message_id} is not this person's own")
        now = int(time.time())
        changed = {**told, "text": text, "update_time": now, "version": self._servers.next_id()}
        page = {**wire.around(message), **wire.shown(self._servers, changed), "edit_date": now}
        self.chat.replace(page)
        self._push("message_edit", wire.outward(changed))
        return page

    def react(self, message_id: int, sign: str) -> None:
        """Put a sign on a message; VK tells its number. An empty one takes it off."""
        self._existing(message_id)
        self._put_sign(message_id, sign)
        person = self.chat.person.id
        told: Json = {"reacted_id": person, "peer_id": person, "cmid": message_id}
        self._push("message_reaction_event", told | ({"reaction_id": SIGNS.index(sign) + 1} if sign else {}))

    def type(self) -> None:
        """Begin to write."""
        told = {"state": "typing", "from_id": self.chat.person.id, "to_id": -self.chat.bot.id}
        self._push("message_typing_state", told)

    def read(self) -> None:
        last = next((each for each in reversed(self.chat.messages.values()) if each["vk"]["out"]), None)
        if self.chat.unread and last is not None:
            told: Json = last["vk"]
            self._push(
                "message_read",
                {
                    "from_id": self.chat.person.id,
                    "peer_id": self.chat.person.id,
                    "read_message_id": told["id"],
                    "conversation_message_id": told["conversation_message_id"],
                },
            )
        self.chat.read()

    # Inside

    @property
    def _origin(self) -> str:
        return self._servers.origin

    def _push(self, kind: str, told: Json) -> None:
        self._community.log.push(kind, told, lane=self.chat.person.id)

    def _say(self, text: str, *, attachments: Sequence[Json] = (), reply_to: int | None = None, **facts: Any) -> Json:
        self._act()
        answered = self.chat.messages.get(reply_to) if reply_to is not None else None
        told = wire.message(
            self._servers, self.chat, by_community=False, text=text, attachments=list(attachments), **facts
        )
        around: Json = {}
        if answered is not None:
            told["reply_message"] = wire.quoted(answered["vk"])
            around["reply_to_message"] = quoted(answered)
        message = self.chat.add(by_bot=False, content={**wire.shown(self._servers, told), **around})
        language = LANGUAGES.get(self.chat.person.language_code, 0)
        self._push("message_new", {"message": wire.outward(told), "client_info": {**CLIENT, "lang_id": language}})
        return message

    def _send(self, content: Json, *, reply_to: int | None = None) -> Json:
        """What a phone's act gives in the page's words, said in VK's."""
        text = content.get("text") or content.get("caption") or ""
        if place := content.get("location"):
            return self._say(text, reply_to=reply_to, geo={"type": "point", "coordinates": place})
        kind = next(
            (kind for kind in ("photo", "document", "voice", "audio", "video", "sticker") if kind in content), ""
        )
        if not kind:
            return self._say(text, reply_to=reply_to)
        told = content[kind][-1] if kind == "photo" else content[kind]
        file = self._servers.files.get(told["file_id"])
        assert file is not None
        if kind == "sticker":
            return self._say(text, attachments=[wire.sticker(file, told.get("emoji", ""), self._origin)])
        kept = wire.keep(
            self._servers, file, owner_id=self.chat.person.id, origin=self._origin, seconds=told.get("duration", 1)
        )
        return self._say(text, attachments=[kept], reply_to=reply_to)

    def _change_membership(self, *, blocked: bool) -> None:
        if self.chat.blocked == blocked:
            return
        self.chat.blocked = blocked
        self.chat.changed("blocked")
        if blocked:
            self._push("message_deny", {"user_id": self.chat.person.id})
        else:
            self._push("message_allow", {"user_id": self.chat.person.id, "key": ""})
