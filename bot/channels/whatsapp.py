"""WhatsApp by the Cloud API: one telephone number of the shop, as far as it speaks.

whatsapp_receive.py receives, whatsapp_read.py reads events, whatsapp_write.py writes messages, whatsapp_webhook.py
keeps the webhook, whatsapp_calls.py carries calls, whatsapp_files.py what must be uploaded or fetched.

Source of all facts: https://developers.facebook.com/docs/whatsapp/cloud-api
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.channels import whatsapp_read, whatsapp_webhook, whatsapp_write
from bot.channels.base import Checkup, Closed, Connection, Parcel, Rejected
from bot.channels.whatsapp_calls import Calls, Refused
from bot.channels.whatsapp_files import Files
from inbox.channels import CATALOGUE
from inbox.content import Incoming, Media
from inbox.fitting import as_buttons
from inbox.reading import key_of

logger = logging.getLogger(__name__)

WRONG_PARAMETER = 100

BRIEF = 3.0
"""Seconds that a call may take which is worth nothing later."""


class WhatsApp:
    """One number, as far as it speaks."""

    def __init__(self, connection: Connection) -> None:
        self._link = connection
        self._number = connection.external_id
        self._calls = Calls.of(connection)
        self._files = Files(self._calls, self._number)

    def parse(self, raw: Mapping[str, Any]) -> Sequence[Incoming]:
        return whatsapp_read.read(raw)

    async def start(self) -> None:
        """Nothing: a number is ready as soon as it is called for."""

    async def stop(self) -> None:
        await self._calls.close()

    async def check(self) -> Checkup:
        """Whether Meta still brings this number's events to us; set anew if not."""
        return Checkup(await whatsapp_webhook.mend(self._calls, self._link))

    async def prepare(self, parcel: Parcel) -> None:
        with contextlib.suppress(Rejected):
            await self._content(parcel)

    async def send(self, parcel: Parcel) -> str:
        """Send with our key of the message, which comes back with whatever WhatsApp tells of it."""
        if (goods := self._goods(parcel)) is not None:
            try:
                return await self._post({**self._around(parcel), "type": "interactive", "interactive": goods})
            except Rejected as refused:
                if isinstance(refused, Closed):
                    raise
                logger.info("what is not in the catalogue is shown without it: %s", refused)
        parcel = replace(parcel, outgoing=as_buttons(parcel.outgoing))
        message = await self._message(parcel)
        if parcel.reply_to:
            message["context"] = {"message_id": parcel.reply_to}
        try:
            return await self._post(message)
        except Refused as refused:
            if refused.code != WRONG_PARAMETER or not parcel.reply_to:
                raise
        # What is answered is too old to be quoted; the words are worth more than the quote.
        return await self._post({name: part for name, part in message.items() if name != "context"})

    async def edit(self, parcel: Parcel) -> str:
        raise Rejected("WhatsApp changes no message")

    async def acknowledge(self, ack: str, text: str, *, alert: bool) -> None:
        """Nothing: WhatsApp waits for no answer to a press."""

    async def typing(self, chat: str, said: str) -> None:
        """WhatsApp shows it in answer to a message, and marks that one as read."""
        if said:
            await self._mark(said, {"typing_indicator": {"type": "text"}})

    async def seen(self, chat: str, said: str) -> None:
        await self._mark(said, {})

    async def fetch(self, media: Media) -> AsyncIterator[bytes]:
        async for chunk in self._files.fetch(media.remote):
            yield chunk

    async def _mark(self, said: str, more: Mapping[str, Any]) -> None:
        form = {"messaging_product": "whatsapp", "status": "read", "message_id": said, **more}
        await self._calls.post(f"{self._number}/messages", form, patience=BRIEF)

    async def _post(self, message: Mapping[str, Any]) -> str:
        told = await self._calls.post(f"{self._number}/messages", message)
        return str(told["messages"][0]["id"])

    def _goods(self, parcel: Parcel) -> dict[str, Any] | None:
        """One product, or several, out of the catalogue that is connected to the number; None where they are to be said
        in words."""
        outgoing, catalog = parcel.outgoing, str(self._link.settings.get(CATALOGUE) or "")
        if catalog and outgoing.offers is not None:
            text = whatsapp_write.marked(outgoing.text, outgoing.spans)
            return whatsapp_write.products(outgoing.offers, text, catalog)
        if not catalog or outgoing.card is None or not outgoing.card.sku or outgoing.rows:
            return None
        action = {"catalog_id": catalog, "product_retailer_id": outgoing.card.sku}
        body = whatsapp_write.marked(outgoing.text, outgoing.spans)[: whatsapp_write.CARD.above_buttons]
        return {"type": "product", "body": {"text": body}, "action": action}

    async def _message(self, parcel: Parcel) -> dict[str, Any]:
        return self._around(parcel) | await self._content(parcel)

    def _around(self, parcel: Parcel) -> dict[str, Any]:
        return {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            # Who hides the number is known by an id of his towards this business alone.
            "to" if parcel.chat.isdigit() else "recipient": parcel.chat,
            "biz_opaque_callback_data": key_of(parcel.message_id, parcel.made_ms),
        }

    async def _content(self, parcel: Parcel) -> dict[str, Any]:
        outgoing = parcel.outgoing
        if outgoing.template is not None:
            picture = await self._picture(parcel) if outgoing.media else ""
            return {"type": "template", "template": whatsapp_write.template(outgoing.template, picture)}
        text = whatsapp_write.marked(outgoing.text, outgoing.spans)
        buttons = whatsapp_write.interactive(parcel, text, str(self._link.settings.get("locale") or "ru"))
        if parcel.attachments:
            return await self._with_file(parcel, text, buttons)
        if buttons is not None:
            return {"type": "interactive", "interactive": buttons}
        return {"type": "text", "text": {"body": text, "preview_url": False}}

    async def _with_file(self, parcel: Parcel, text: str, buttons: dict[str, Any] | None) -> dict[str, Any]:
        attachment = parcel.attachments[0]
        kind, media_id = await self._files.uploaded(attachment, captioned=bool(text))
        if buttons is not None:
            header = {"type": kind, kind: {"id": media_id} | _named(kind, attachment.name)}
            return {"type": "interactive", "interactive": {**buttons, "header": header}}
        return {
            "type": kind,
            kind: {"id": media_id} | ({"caption": text} if text else {}) | _named(kind, attachment.name),
        }

    async def _picture(self, parcel: Parcel) -> str:
        if not parcel.attachments:
            raise Rejected("the picture of the template is gone")
        _kind, media_id = await self._files.uploaded(parcel.attachments[0], captioned=True)
        return media_id


def _named(kind: str, name: str) -> dict[str, str]:
    """A document shows its name."""
    return {"filename": name or "file"} if kind == "document" else {}
