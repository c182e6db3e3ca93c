"""MAX: one bot, as far as it speaks.

max_receive.py receives, max_read.py reads updates and writes formatting, max_calls.py carries calls and files.

Source of all facts: https://dev.max.ru/docs-api
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson

from bot.channels import max_read
from bot.channels.base import (
    Attachment,
    ChannelError,
    Checkup,
    Connection,
    Parcel,
    Rejected,
    Throttled,
    button_name,
)
from bot.channels.max_calls import Calls, NotReady
from bot.channels.max_receive import address_of, subscribe
from inbox.content import Button, Incoming, Media, MediaKind, Outgoing

BRIEF = 3.0
"""Seconds that a call may take which is worth nothing later."""

REMEMBERED_FILES = 5000
"""How many uploaded files are sent again by MAX's own token."""

LONGEST_TEXT = 4000
"""Of a message as it is sent, its markup with it."""

LOOKED_THROUGH = 100
"""Messages of a dialog that are looked through for one."""

CLOCKS_DIFFER = 120.0
"""Seconds by which MAX's clock and ours may differ."""

DIGESTS = (0.3, 0.7, 1.5, 3.0)
"""Seconds between the tries of a message whose file MAX is still digesting."""

NARROW = 3
"""Buttons in a row, where one of them opens a page or asks for a contact."""

UPLOADS: Mapping[MediaKind, str] = {
    MediaKind.PHOTO: "image",
    MediaKind.VIDEO: "video",
    MediaKind.VOICE: "audio",
    MediaKind.AUDIO: "audio",
}
"""What a kind of file is called by MAX; any other is a file."""


PORTRAIT = "portrait:"
"""What the handle of a person's picture begins with."""


class Max:
    """One bot, as far as it speaks."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        self._token: str = orjson.loads(connection.secret)["token"]
        self._calls = Calls(self._token, connection.settings.get("api") or "")
        self._uploaded: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return max_read.read(raw, self._token)

    async def start(self) -> None:
        """Nothing is open until something is sent."""

    async def stop(self) -> None:
        await self._calls.close()

    async def check(self) -> Checkup:
        """Whether MAX still calls us. After eight hours without an answer it takes the address off its list.

        Source: https://dev.max.ru/docs-api/methods/POST/subscriptions
        """
        if self._link.settings.get("receive") != "webhook":
            return Checkup()
        told = await self._calls.call("GET", "/subscriptions")
        if any(each.get("url") == address_of(self._link) for each in told.get("subscriptions") or ()):
            return Checkup()
        await subscribe(self._calls, self._link)
        return Checkup("the webhook was gone")

    # Sending

    async def prepare(self, parcel: Parcel) -> None:
        with contextlib.suppress(Rejected):
            await self._body(parcel)

    async def send(self, parcel: Parcel) -> str:
        body = await self._body(parcel)
        query = {"chat_id": parcel.chat, "disable_link_preview": "true"}
        for pause in (*DIGESTS, 0.0):
            try:
                sent = await self._calls.call("POST", "/messages", query, body)
            except NotReady:
                if not pause:
                    raise Throttled(DIGESTS[-1]) from None
                await asyncio.sleep(pause)
            else:
                return str(sent["message"]["body"]["mid"])
        raise AssertionError("the last try either sends or raises")

    async def edit(self, parcel: Parcel) -> str:
        """Edit in place; what MAX does not let us edit any more is sent anew, and the old one taken away.

        A message without buttons may be edited for a week.
        """
        body = await self._body(parcel)
        try:
            await self._calls.call("PUT", "/messages", {"message_id": parcel.external_id}, body)
        except Rejected as refused:
            if refused.blocked:
                raise
        else:
            return parcel.external_id
        sent = await self.send(parcel)
        with contextlib.suppress(ChannelError):
            await self._calls.call("DELETE", "/messages", {"message_id": parcel.external_id})
        return sent

    async def find(self, parcel: Parcel, *, since: float, taken: Collection[str]) -> str | None:
        """Among the dialog's newest messages: by the names of its buttons, or by its words where it has none."""
        said = await self._calls.call("GET", "/messages", {"chat_id": parcel.chat, "count": LOOKED_THROUGH})
        ours = f"{parcel.message_id:x}."
        named = any(_names(_rows(parcel)))
        for message in said.get("messages") or ():
            body, sender = message.get("body") or {}, message.get("sender") or {}
            if not sender.get("is_bot") or body.get("mid") in taken:
                continue
            there = list(_names(_keyboard_of(body)))
            if named:
                alike = any(name.startswith(ours) for name in there)
            else:
                alike = not there and (body.get("text") or "").strip() == parcel.outgoing.text.strip()
            recent = float(message.get("timestamp") or 0) / 1000 >= since - CLOCKS_DIFFER
            if alike and recent:
                return str(body["mid"])
        return None

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        """MAX waits for no answer, so one without words is not sent."""
        if text:
            await self._calls.call("POST", "/answers", {"callback_id": ack}, {"notification": text})

    async def typing(self, chat: str, said: str) -> None:
        await self._calls.call("POST", f"/chats/{chat}/actions", body={"action": "typing_on"}, patience=BRIEF)

    async def seen(self, chat: str, said: str) -> None:
        """Nothing: MAX has no such mark for bots."""

    async def portrait(self, chat: str, person: str) -> str:
        """At an address of MAX's own alone: what stands beside a name is nobody's message.

        Source: https://dev.max.ru/docs-api/methods/GET/chats/-chatId-
        """
        told = await self._calls.call("GET", f"/chats/{chat}")
        url = str((told.get("dialog_with_user") or {}).get("avatar_url") or "")
        return f"{PORTRAIT}{url}" if self._calls.is_maxs(url) else ""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        url = media.remote
        if url.startswith(max_read.OF_VIDEO):
            url = await self._video(url.removeprefix(max_read.OF_VIDEO))
        if not url:
            raise Rejected("MAX gave no address of this file")
        async for chunk in self._calls.download(url.removeprefix(PORTRAIT), maxs=url.startswith(PORTRAIT)):
            yield chunk

    async def _video(self, token: str) -> str:
        """The address of a video at its best.

        Source: https://dev.max.ru/docs-api/methods/GET/videos/-videoToken-
        """
        told = await self._calls.call("GET", f"/videos/{token}")
        urls = told.get("urls") or {}
        found = [urls.get(f"mp4_{height}") for height in (1080, 720, 480, 360, 240, 144)]
        return next((url for url in found if isinstance(url, str)), "")

    # Messages

    async def _body(self, parcel: Parcel) -> dict[str, Any]:
        attachments = [await self._attached(attachment) for attachment in parcel.attachments]
        if rows := _rows(parcel):
            attachments.append({"type": "inline_keyboard", "payload": {"buttons": rows}})
        link = {"type": "reply", "mid": parcel.reply_to} if parcel.reply_to and not parcel.external_id else None
        return {"attachments": attachments, "link": link, **_words(parcel.outgoing)}

    async def _attached(self, attachment: Attachment) -> dict[str, Any]:
        """A file as it stands in a message; one that was uploaded before travels no second time."""
        kind = UPLOADS.get(attachment.media.kind, "file")
        key = f"{kind}:{attachment.sha256}"
        payload = self._uploaded.get(key)
        if payload is None:
            payload = self._uploaded[key] = await self._upload(kind, attachment)
            if len(self._uploaded) > REMEMBERED_FILES:
                self._uploaded.popitem(last=False)
        return {"type": kind, "payload": payload}

    async def _upload(self, kind: str, attachment: Attachment) -> dict[str, Any]:
        """What names the file in a message. Of a video or a sound it is known beforehand, of others when it is there.

        Source: https://dev.max.ru/docs-api/methods/POST/uploads
        """
        place = await self._calls.call("POST", "/uploads", {"type": kind})
        told = await self._calls.upload(str(place["url"]), attachment)
        if kind in ("video", "audio") and place.get("token"):
            return {"token": place["token"]}
        return {"photos": told["photos"]} if told.get("photos") else {"token": told["token"]}


def _words(outgoing: Outgoing) -> dict[str, Any]:
    """The text as it is sent: as HTML where it has formatting, and as it stands where it has none."""
    if outgoing.spans:
        marked = max_read.write_html(outgoing.text, outgoing.spans)
        if len(marked.encode("utf-16-le")) // 2 <= LONGEST_TEXT:
            return {"text": marked, "format": "html"}
    return {"text": outgoing.text or None}


def _rows(parcel: Parcel) -> list[list[dict[str, Any]]]:
    """The buttons of a message; what stands under the typing place elsewhere stands under the message here."""
    outgoing = parcel.outgoing
    counter = iter(range(1000))
    rows = [[_button(parcel, button, next(counter)) for button in row] for row in outgoing.rows]
    rows += [[_key(button) for button in row] for row in outgoing.keyboard]
    return [part for row in rows for part in _broken(row)]


def _button(parcel: Parcel, button: Button, index: int) -> dict[str, Any]:
    if button.url:
        return {"type": "link", "text": button.label, "url": button.url}
    if button.ask_contact:
        return {"type": "request_contact", "text": button.label}
    return {"type": "callback", "text": button.label, "payload": button_name(parcel.message_id, parcel.version, index)}


def _key(button: Button) -> dict[str, Any]:
    return {"type": "request_contact" if button.ask_contact else "message", "text": button.label}


def _broken(row: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    narrow = any(button["type"] in ("link", "request_contact") for button in row)
    width = NARROW if narrow else len(row)
    for start in range(0, len(row), max(1, width)):
        yield row[start : start + width]


def _keyboard_of(body: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    for attachment in body.get("attachments") or ():
        if attachment.get("type") == "inline_keyboard":
            return (attachment.get("payload") or {}).get("buttons") or []
    return []


def _names(rows: Sequence[Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    return (button["payload"] for row in rows for button in row if button.get("type") == "callback")
