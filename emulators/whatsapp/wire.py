"""A message in WhatsApp's words and in those of the phone page, which are Telegram's; `wa` holds what ties them.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from typing import Any

from emulators.telegram.files import StoredFile
from emulators.telegram.world import Chat, Json
from emulators.whatsapp.cloud import Account, Cloud, contact_of, digits_of, user_id_of
from emulators.whatsapp.formatting import shown

KINDS = {
    "photo": "image",
    "video": "video",
    "voice": "audio",
    "audio": "audio",
    "document": "document",
    "sticker": "sticker",
}
"""What WhatsApp calls what the page calls so."""


def words(text: str, *, below_file: bool = False) -> Json:
    """A text with its marks as the page shows it."""
    plain, entities = shown(text)
    name, where = ("caption", "caption_entities") if below_file else ("text", "entities")
    return {name: plain} | ({where: entities} if entities else {})


def row_label(row: Json) -> str:
    """What a row of a list says: a title that was cut stands whole below."""
    title, description = str(row["title"]), str(row.get("description", ""))
    if description.startswith(title.removesuffix("…")):
        return description
    return f"{title} · {description}" if description else title


def inbound(account: Account, chat: Chat, wamid: str, kind: str, part: Any, *, context: Json | None = None) -> Json:
    """What a person says, as the shop hears it."""
    who = {"from": digits_of(chat.person), "from_user_id": user_id_of(chat.person)}
    message: Json = {**who, "id": wamid, "timestamp": str(int(time.time())), "type": kind, kind: part}
    if context:
        message["context"] = context
    return {"contacts": [contact_of(chat.person)], "messages": [message]}


def media(cloud: Cloud, account: Account, file: StoredFile, kind: str, text: str) -> tuple[str, Json]:
    """(the message's type, its part) for a file that a person sends."""
    media_id = cloud.keep_media(file.file_id, file.mime_type, account.number.id)
    mime = "audio/ogg; codecs=opus" if kind == "voice" else file.mime_type
    digest = base64.b64encode(hashlib.sha256(file.content).digest()).decode()
    part: Json = {"mime_type": mime, "sha256": digest, "id": media_id}
    if kind in ("voice", "audio"):
        part["voice"] = kind == "voice"
    elif kind == "sticker":
        part["animated"] = False
    elif text:
        part["caption"] = text
    if kind == "document":
        part["filename"] = file.file_name or "file"
    return KINDS[kind], part


def contact(person_name: str, first: str, last: str, phone: str) -> Json:
    digits = "".join(char for char in phone if char.isdigit())
    name = {"first_name": first, "formatted_name": person_name} | ({"last_name": last} if last else {})
    return {"name": name, "phones": [{"phone": f"+{digits}", "wa_id": digits, "type": "HOME"}]}


def inline(buttons: Sequence[Json]) -> Json:
    """Buttons as the page shows them, one below another."""
    return {"inline_keyboard": [[button] for button in buttons]}
