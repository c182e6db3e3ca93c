"""VK: one community, as far as it speaks.

vk_receive.py receives, vk_catch_up.py finds what an outage hid, vk_server.py keeps the callback server, vk_read.py
reads events, vk_calls.py carries calls, vk_files.py what must be uploaded or fetched.

Source of all facts: https://dev.vk.com/reference
"""

from __future__ import annotations

import contextlib
import logging
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from bot.channels import vk_read, vk_server
from bot.channels.base import Attachment, ChannelError, Checkup, Connection, Parcel, Rejected, button_name
from bot.channels.vk_calls import Calls, Refused, refusal
from bot.channels.vk_files import Files
from inbox.content import Button, Incoming, Media, Offer
from inbox.fitting import as_buttons

logger = logging.getLogger(__name__)

BRIEF = 3.0
"""Seconds that a call may take which is worth nothing later."""

SNACKBAR = 90
"""Characters of a word that answers a press. Source: https://dev.vk.com/api/bots/development/keyboard"""

TOO_OLD = frozenset({909, 920})
"""VK's codes for a message that cannot be edited any more."""

WRONG_PARAMETER = 100
BAD_KEYBOARD = 911

PER_ROW = 2
"""Products in a row of buttons, where VK does not take them as a carousel: ten in five rows."""

LARGEST_KEY = 2**31 - 1


class Vk:
    """One community, as far as it speaks."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        self._calls = Calls(orjson.loads(connection.secret)["token"], connection.settings.get("api") or "")
        self._files = Files(self._calls)

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return vk_read.read(raw)

    async def start(self) -> None:
        """Nothing: a community is ready as soon as it is called for."""

    async def stop(self) -> None:
        await self._calls.close()

    async def check(self) -> Checkup:
        """Whether VK still brings events to us. A callback server that is gone or has failed is set anew."""
        if self._link.settings.get("receive") != "webhook":
            return Checkup()
        return Checkup(await vk_server.mend(self._calls, self._link))

    # Sending

    async def prepare(self, parcel: Parcel) -> None:
        with contextlib.suppress(Rejected):
            await self._fields(parcel)

    async def send(self, parcel: Parcel) -> str:
        """Send with a key that the same message has each time, so VK itself drops a copy within the hour."""
        try:
            return await self._send(parcel, key=key_of(parcel))
        except Rejected as refused:
            if parcel.outgoing.offers is None or refused.blocked or not _is_about_form(refused):
                raise
            logger.warning("VK does not take products as a carousel, they go as buttons: %s", refused)
        listed = replace(parcel, outgoing=as_buttons(parcel.outgoing, per_row=PER_ROW), pictures={})
        return await self._send(listed, key=key_of(parcel))

    async def edit(self, parcel: Parcel) -> str:
        """Edit in place; what VK finds too old is sent anew, and the old one is taken away."""
        fields = await self._fields(parcel)
        place = {"peer_id": int(parcel.chat), "cmid": int(parcel.external_id)}
        try:
            await self._calls.call("messages.edit", {**fields, **place, "keep_forward_messages": True})
        except Refused as refused:
            if refused.code not in TOO_OLD:
                raise
        else:
            return parcel.external_id
        sent = await self._send(parcel, key=key_of(parcel, anew=True))
        with contextlib.suppress(ChannelError):
            gone = {"peer_id": int(parcel.chat), "cmids": parcel.external_id, "delete_for_all": True}
            await self._calls.call("messages.delete", gone)
        return sent

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        """Let the button go; VK shows a short word over the dialog, and knows no louder one."""
        event_id, user_id, peer_id = ack.split(":")
        said = text if len(text) <= SNACKBAR else f"{text[: SNACKBAR - 1].rstrip()}…"
        data = {"type": "show_snackbar", "text": said} if text else None
        fields = {"event_id": event_id, "user_id": user_id, "peer_id": peer_id, "event_data": data}
        await self._calls.call("messages.sendMessageEventAnswer", fields)

    async def typing(self, chat: str, said: str) -> None:
        await self._calls.call("messages.setActivity", {"peer_id": int(chat), "type": "typing"}, patience=BRIEF)

    async def seen(self, chat: str, said: str) -> None:
        form = {"peer_id": int(chat), "up_to_cmid": int(said)}
        await self._calls.call("messages.markAsRead", form, patience=BRIEF)

    async def portrait(self, chat: str, person: str) -> str:
        """Source: https://dev.vk.com/reference/objects/user (photo_200, has_photo)"""
        told = await self._calls.call("users.get", {"user_ids": person, "fields": "photo_200,has_photo"})
        one = told[0] if told else {}
        return str(one.get("photo_200") or "") if one.get("has_photo") else ""

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        async for chunk in self._files.fetch(media.remote):
            yield chunk

    async def _send(self, parcel: Parcel, *, key: int) -> str:
        fields: dict[str, Any] = {**await self._fields(parcel), "peer_ids": int(parcel.chat), "random_id": key}
        if parcel.reply_to:
            answered = {"peer_id": int(parcel.chat), "conversation_message_ids": [int(parcel.reply_to)], "is_reply": 1}
            fields["forward"] = answered
        try:
            return _placed(await self._calls.call("messages.send", fields))
        except Refused as refused:
            if refused.code != WRONG_PARAMETER or "forward" not in str(refused):
                raise
        # What is answered is gone; the words are worth more than the quote.
        return _placed(await self._calls.call("messages.send", {**fields, "forward": None}))

    async def _fields(self, parcel: Parcel) -> dict[str, Any]:
        outgoing = parcel.outgoing
        names = [await self._files.name(each, int(parcel.chat)) for each in parcel.attachments]
        return {
            "message": outgoing.text or None,
            "format_data": vk_read.write_spans(outgoing.text, outgoing.spans),
            "attachment": ",".join(names) or None,
            "keyboard": keyboard(parcel),
            "template": await self._carousel(parcel),
            "dont_parse_links": True,
        }

    async def _carousel(self, parcel: Parcel) -> dict[str, Any] | None:
        """Several products as one thing. All of them are made alike, as VK wants it: with pictures, or all without.

        Source: https://dev.vk.com/api/bots/development/templates
        """
        offers = parcel.outgoing.offers
        if offers is None:
            return None
        elements: list[dict[str, Any]] = []
        for offer, name in zip(offers.each, _names(parcel), strict=True):
            element: dict[str, Any] = {"title": offer.title, "description": offer.note or offer.title}
            element["buttons"] = [_inline(replace(offer.button, label=offer.opens or offer.button.label), name)]
            if parcel.pictures:
                element["photo_id"] = await self._files.card(_picture(offer, parcel), int(parcel.chat))
                element["action"] = {"type": "open_photo"}
            elements.append(element)
        return {"type": "carousel", "elements": elements}


def _is_about_form(refused: Rejected) -> bool:
    """VK does not take the carousel, or a picture of it; anything else it would refuse in any form."""
    return not isinstance(refused, Refused) or refused.code in (WRONG_PARAMETER, BAD_KEYBOARD)


def _picture(offer: Offer, parcel: Parcel) -> Attachment | None:
    number = offer.photo.file_id if offer.photo is not None else None
    return parcel.pictures.get(number) if number is not None else None


def key_of(parcel: Parcel, *, anew: bool = False) -> int:
    """The random_id of a message: never 0, and the same at each try; `anew` where a version of it is a new message.

    Numbers of messages begin anew with a new database and repeat in a restored one, while VK remembers for an hour:
    the moment at which the message was made keeps them apart.
    Source: https://dev.vk.com/method/messages.send
    """
    name = f"{parcel.message_id}.{parcel.made_ms}" + (f".{parcel.version}" if anew else "")
    return zlib.crc32(name.encode()) & LARGEST_KEY or 1


def _placed(sent: Any) -> str:
    """The message's number in its dialog, out of what messages.send says of each dialog."""
    one = sent[0]
    if failure := one.get("error"):
        raise refusal(int(failure.get("code") or 0), str(failure.get("description") or ""))
    return str(one["conversation_message_id"])


def keyboard(parcel: Parcel) -> dict[str, Any] | None:
    """Buttons under the message, else those that stay under the field; None leaves the latter as they are.

    Source: https://dev.vk.com/api/bots/development/keyboard
    """
    outgoing = parcel.outgoing
    if outgoing.rows:
        names = _names(parcel)
        rows = [[_inline(button, next(names)) for button in row] for row in outgoing.rows]
        return {"inline": True, "buttons": rows}
    if outgoing.keyboard:
        keys = [[_key(button) for button in row] for row in outgoing.keyboard]
        return {"one_time": False, "buttons": keys}
    return {"one_time": True, "buttons": []} if outgoing.drop_keyboard else None


def _names(parcel: Parcel) -> Iterator[str]:
    """The buttons' names, in the order in which Outgoing.buttons gives them."""
    for index in range(len(parcel.outgoing.buttons())):
        yield button_name(parcel.message_id, parcel.version, index)


def _inline(button: Button, name: str) -> dict[str, Any]:
    if button.url:
        return {"action": {"type": "open_link", "label": button.label, "link": button.url}}
    payload = orjson.dumps({vk_read.BUTTON: name}).decode()
    return {"action": {"type": "callback", "label": button.label, "payload": payload}, "color": "secondary"}


def _key(button: Button) -> dict[str, Any]:
    return {"action": {"type": "text", "label": button.label}, "color": "secondary"}
