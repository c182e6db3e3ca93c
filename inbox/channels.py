"""What each channel can carry, as data: flows, the composer and the adapters read the same card."""

from __future__ import annotations

from collections.abc import Mapping

from inbox.content import Capabilities, Style

CAPABILITIES: Mapping[str, Capabilities] = {
    # https://core.telegram.org/bots/api: sendMessage, sendPhoto, sendChatAction, InlineKeyboardButton, getFile
    # https://core.telegram.org/bots/faq: about 30 messages a second
    "telegram": Capabilities(
        text=4096, caption=1024, buttons=100, per_row=8, label=64, utf16=True, typing=True, per_second=29.5
    ),
    "webchat": Capabilities(
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
