"""What each channel can carry, as data: flows, the composer, the adapters and the documents read the same card."""

from __future__ import annotations

from collections.abc import Mapping

from inbox.content import Capabilities, Heard, MediaKind, Style

PICTURES = frozenset({MediaKind.PHOTO, MediaKind.VIDEO})

CAPABILITIES: Mapping[str, Capabilities] = {
    # https://core.telegram.org/bots/api: sendMessage, sendPhoto, sendMediaGroup, sendChatAction, InlineKeyboardButton,
    # getFile. https://core.telegram.org/bots/faq: about 30 messages a second
    "telegram": Capabilities(
        text=4096,
        caption=1024,
        buttons=100,
        per_row=8,
        label=64,
        together=(PICTURES, frozenset({MediaKind.DOCUMENT}), frozenset({MediaKind.AUDIO})),
        utf16=True,
        start_link="https://t.me/{account}?start={start}",
        typing=True,
        per_second=29.5,
    ),
    "webchat": Capabilities(
        hears=frozenset(Heard) - {Heard.VOICE, Heard.STICKER, Heard.LOCATION, Heard.FORWARD, Heard.EDIT, Heard.LEAVE},
        text=4000,
        caption=4000,
        buttons=30,
        per_row=4,
        label=60,
        styles=frozenset(Style) - {Style.SPOILER},
        file_in=20_000_000,
        file_out=20_000_000,
        delivered=True,
        read=True,
    ),
}
"""Every key of bot.channels.CHANNELS has its card; docs/channels.md shows them side by side."""
