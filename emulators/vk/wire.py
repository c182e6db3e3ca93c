"""A message in VK's words and in those of the phone page, which are Telegram's; `vk` holds the first within the second.

Source: https://dev.vk.com/reference/objects/message
"""

from __future__ import annotations

import time
from typing import Any

from emulators.telegram.files import StoredFile
from emulators.telegram.world import Chat, Json
from emulators.vk.cloud import Cloud, Stored
from emulators.vk.keyboards import payload_of

PAGE_KINDS = {"photo": "photo", "doc": "document", "audio_message": "voice", "audio": "audio", "video": "video"}
"""What the page calls an attachment."""

LETTERS = {"s": "s", "m": "m", "x": "x"}
"""VK's letter for the size of a picture; the largest is w."""

STYLES = {"bold": "bold", "italic": "italic", "underline": "underline", "url": "text_link"}
ALBUM = -64
"""The album of pictures that were sent in messages."""


def message(cloud: Cloud, chat: Chat, *, by_community: bool, **facts: Any) -> Json:
    """A new message of the dialog in VK's words."""
    return {
        "id": cloud.next_id(),
        "date": int(time.time()),
        "peer_id": chat.person.id,
        "from_id": -chat.bot.id if by_community else chat.person.id,
        "text": "",
        "out": int(by_community),
        "conversation_message_id": chat.next_message_id,
        "version": cloud.last_id,
        "attachments": [],
        "fwd_messages": [],
        "important": False,
        "is_hidden": False,
        "random_id": 0,
        **facts,
    }


def shown(cloud: Cloud, told: Json) -> Json:
    """The fields that the page shows of a message."""
    page: Json = {"vk": told}
    files = [(each, cloud.stored[name]) for each in told["attachments"] if (name := _name(each)) in cloud.stored]
    parts = [_part(cloud, stored, each) for each, stored in files]
    words, entities = ("text", "entities") if not parts else ("caption", "caption_entities")
    if told["text"]:
        page[words] = told["text"]
        page[entities] = [
            {**each, "type": STYLES[each["type"]]} for each in told.get("format_data", {}).get("items", ())
        ]
    elif not parts and not told.get("geo"):
        page["text"] = ""
    if parts:
        page |= parts[0]
    if len(parts) > 1:
        page["parts"] = parts
    for each in told["attachments"]:
        if each["type"] == "sticker":
            page |= {"sticker": {"file_id": each["sticker"]["file_id"], "emoji": each["sticker"].get("emoji", "")}}
            page.pop("text", None)
    if place := told.get("geo"):
        page["location"] = place["coordinates"]
    if told.get("keyboard", {}).get("inline"):
        page["reply_markup"] = {"inline_keyboard": inline(told["keyboard"]["buttons"])}
    if carousel := told.get("template"):
        page["carousel"] = [_element(cloud, each) for each in carousel["elements"]]
    return page


def _name(attachment: Json) -> str:
    held = attachment.get(attachment["type"], {})
    return f"{attachment['type']}{held.get('owner_id')}_{held.get('id')}"


def _part(cloud: Cloud, stored: Stored, attachment: Json) -> Json:
    file = cloud.files.get(stored.file_id)
    assert file is not None
    return cloud.files.describe(file, {"duration": attachment[attachment["type"]].get("duration", 1)})


def inline(rows: list[list[Json]]) -> list[list[Json]]:
    """Buttons as the page shows them. A press is named by its payload: a screen that is behind sends what it shows."""
    return [[_button(button) for button in buttons] for buttons in rows]


def _button(button: Json) -> Json:
    action = button["action"]
    colour = {"style": f"vk-{button['color']}"} if "color" in button else {}
    does = {"url": action["link"]} if action["type"] == "open_link" else {"callback_data": payload_of(action) or "{}"}
    return {"text": action.get("label", action["type"]), **does} | colour


def _element(cloud: Cloud, element: Json) -> Json:
    photo = cloud.stored.get(f"photo{element.get('photo_id', '')}")
    return {
        "title": element.get("title", ""),
        "description": element.get("description", ""),
        "photo": photo.file_id if photo is not None else "",
        "rows": inline([[button] for button in element["buttons"]]),
    }


def says_label(told: Json, payload: str) -> str:
    """The label of the message's button with this payload, if pressing it says that label; "" for one that calls."""
    rows = [*told.get("keyboard", {}).get("buttons", ())]
    rows += [each["buttons"] for each in told.get("template", {}).get("elements", ())]
    actions = [button["action"] for row in rows for button in row if (payload_of(button["action"]) or "{}") == payload]
    return next((str(action["label"]) for action in actions if action["type"] == "text"), "")


def keyboard(told: Json) -> Json:
    """A keyboard that stays, as the page shows it."""
    return {
        "keyboard": [
            [
                {
                    "text": button["action"].get("label", button["action"]["type"]),
                    "payload": payload_of(button["action"]),
                    "type": button["action"]["type"],
                    "style": f"vk-{button.get('color', 'secondary')}",
                }
                for button in row
            ]
            for row in told["buttons"]
        ],
        "one_time_keyboard": told["one_time"],
    }


def around(page: Json) -> Json:
    """What stays of a message on the page when its content changes."""
    return {name: page[name] for name in ("message_id", "from", "chat", "date", "reply_to_message") if name in page}


def quoted(told: Json) -> Json:
    """A message as it looks inside another one."""
    names = ("date", "from_id", "text", "attachments", "conversation_message_id", "id", "peer_id")
    return {name: told[name] for name in names}


def keep(cloud: Cloud, file: StoredFile, *, owner_id: int, origin: str, title: str = "", seconds: int = 1) -> Json:
    """Remember a file as an attachment of VK and give it as a message carries it."""
    number = cloud.next_id()
    kind = {"document": "doc", "voice": "audio_message"}.get(file.kind, file.kind)
    address = f"{origin}/userapi/{file.file_id}"
    held: Json = {"id": number, "owner_id": owner_id, "access_key": file.file_id[-18:]}
    if kind == "photo":
        held |= {
            "album_id": ALBUM,
            "date": int(time.time()),
            "text": "",
            "has_tags": False,
            "sizes": _sizes(cloud, file, origin),
        }
    elif kind == "doc":
        name = title or file.file_name or "file"
        held |= {
            "title": name,
            "size": len(file.content),
            "ext": name.rpartition(".")[2][:8],
            "url": address,
            "date": int(time.time()),
            "type": 8,
        }
    elif kind == "audio_message":
        held |= {"duration": seconds, "link_mp3": address, "link_ogg": address, "waveform": [0, 8, 3, 5]}
    elif kind == "audio":
        held |= {"artist": "", "title": file.file_name or "audio", "duration": seconds, "url": address}
    else:
        held |= {"title": file.file_name or "video", "duration": seconds, "date": int(time.time())}
    attachment = {"type": kind, kind: held}
    cloud.stored[_name(attachment)] = Stored(kind, file.file_id, attachment)
    if kind == "audio_message":
        # A voice message is named as a document too: docs.save makes it.
        cloud.stored[f"doc{owner_id}_{number}"] = cloud.stored[_name(attachment)]
    return attachment


def _sizes(cloud: Cloud, file: StoredFile, origin: str) -> list[Json]:
    sizes = cloud.files.describe(file, {})["photo"]
    return [
        {
            "type": LETTERS.get(each["file_id"].rpartition("-")[2], "w") if "-" in each["file_id"] else "w",
            "url": f"{origin}/userapi/{each['file_id']}",
            "width": each["width"],
            "height": each["height"],
        }
        for each in sizes
    ]


def sticker(file: StoredFile, emoji: str, origin: str) -> Json:
    """A sticker: VK shows pictures and a number, never what it stands for; the page needs that."""
    address = f"{origin}/userapi/{file.file_id}"
    number = int(file.unique_id[4:10], 16) if file.unique_id[4:10].isalnum() else 1
    return {
        "type": "sticker",
        "sticker": {
            "inner_type": "base_sticker_new",
            "sticker_id": number % 100_000,
            "product_id": 1,
            "images": [{"url": address, "width": side, "height": side} for side in (64, 128, 256, 352, 512)],
            "is_allowed": True,
            "file_id": file.file_id,
            "emoji": emoji,
        },
    }


def _coloured(button: Json) -> Json:
    """What is sent as secondary is given out as default."""
    return {**button, "color": "default"} if button.get("color") == "secondary" else button


def outward(told: Json) -> Json:
    """A message as the API gives it out: without what only the page needs."""
    out = {name: value for name, value in told.items() if name != "template"}
    if "keyboard" in told:
        out["keyboard"] = {
            **told["keyboard"],
            "buttons": [[_coloured(each) for each in row] for row in told["keyboard"]["buttons"]],
        }
    out["attachments"] = [
        {**each, "sticker": {k: v for k, v in each["sticker"].items() if k not in ("file_id", "emoji")}}
        if each["type"] == "sticker"
        else each
        for each in told["attachments"]
    ]
    return out
