"""What each channel can carry, as data: flows, the composer, the adapters and the documents read the same card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from company.tables import ChannelAccount
from inbox.capabilities import Capabilities, Doubt, Goods, Heard, Short
from inbox.content import MediaKind, Style

PICTURES = frozenset({MediaKind.PHOTO, MediaKind.VIDEO})

CAPABILITIES: Mapping[str, Capabilities] = {
    # https://core.telegram.org/bots/api: sendMessage, sendPhoto, sendMediaGroup, sendChatAction, InlineKeyboardButton,
    # getFile. https://core.telegram.org/bots/faq: about 30 messages a second
    "telegram": Capabilities(
        hears=frozenset(Heard) - {Heard.REMOVAL},
        text=4096,
        caption=1024,
        buttons=100,
        per_row=8,
        label=64,
        together=(PICTURES, frozenset({MediaKind.DOCUMENT}), frozenset({MediaKind.AUDIO})),
        utf16=True,
        vouches=True,
        start_link="https://t.me/{account}?start={start}",
        typing=True,
        portraits=True,
        per_second=29.5,
    ),
    # https://dev.max.ru/docs-api: POST /messages, POST /uploads, "Клавиатура для чат-бота". Files may be larger; these
    # are what we carry. Labels may be longer than a phone shows.
    "max": Capabilities(
        hears=frozenset(Heard) - {Heard.AUDIO, Heard.SIGN},
        text=4000,
        caption=4000,
        buttons=210,
        per_row=7,
        rows=30,
        label=64,
        media=10,
        together=(PICTURES,),
        styles=frozenset({Style.BOLD, Style.ITALIC, Style.UNDERLINE, Style.STRIKE, Style.CODE, Style.PRE, Style.LINK}),
        edit_for=timedelta(days=7),
        utf16=True,
        vouches=True,
        start_link="https://max.ru/{account}?start={start}",
        file_in=50_000_000,
        typing=True,
        portraits=True,
        per_second=25.0,
        doubt=Doubt.LOOK,
        sure_for=timedelta(hours=24),
    ),
    # https://dev.vk.com/method/messages.send, messages.edit, messages.setActivity, sendMessageEventAnswer;
    # https://dev.vk.com/api/bots/development/keyboard, templates (a carousel: 10 elements, 80 characters each line);
    # https://dev.vk.com/api/api-requests: 20 calls a second
    "vk": Capabilities(
        hears=frozenset(Heard) - {Heard.VIDEO, Heard.CONTACT, Heard.REMOVAL},
        text=4096,
        caption=4096,
        buttons=10,
        per_row=5,
        label=40,
        rows=6,
        goods=Goods(most=10, title=80, note=80),
        styles=frozenset({Style.BOLD, Style.ITALIC, Style.UNDERLINE, Style.LINK}),
        edit_for=timedelta(hours=24),
        ask_contact=False,
        start_link="https://vk.me/{account}?ref={start}",
        file_out=200_000_000,
        typing=True,
        marks_read=True,
        portraits=True,
        per_second=15.0,
        doubt=Doubt.KEY,
        sure_for=timedelta(hours=1),
    ),
    # https://developers.facebook.com/docs/whatsapp/cloud-api: reference/messages (text 4096, caption 1024), guides
    # (interactive reply buttons: 3 of 20 characters; lists: 10 rows of 24 and 72; both under 1024), reference/media
    # (image 5, video and audio 16, document 100 MB), overview (80 messages a second), the window of 24 hours,
    # typing-indicators (shown for 25 seconds at most), and multi-product messages (30 products, a header of 60).
    "whatsapp": Capabilities(
        hears=frozenset(Heard) - {Heard.ALBUM, Heard.EDIT, Heard.REMOVAL, Heard.LEAVE},
        text=4096,
        caption=1024,
        buttons=10,
        per_row=1,
        rows=10,
        label=72,
        media=1,
        together=(),
        above_buttons=1024,
        short=Short(buttons=3, label=20),
        goods=Goods(most=30, title=60, note=60, own_catalogue=True),
        styles=frozenset({Style.BOLD, Style.ITALIC, Style.STRIKE, Style.CODE, Style.PRE, Style.QUOTE}),
        edit=False,
        answers=False,
        ask_contact=False,
        vouches=True,
        start_link="https://wa.me/{account}?text=/start%20{start}",
        window=timedelta(hours=24),
        file_in=50_000_000,
        file_out=100_000_000,
        delivered=True,
        read=True,
        typing=True,
        typing_again=timedelta(seconds=20),
        typing_reads=True,
        marks_read=True,
        per_second=80.0,
        doubt=Doubt.TOLD,
        sure_for=timedelta(minutes=10),
    ),
    # Ours: a letter has no limits of its own; mail services take letters of 25 MB, which is 18 MB before base64. What
    # programs may send: https://www.rfc-editor.org/rfc/rfc3834
    "email": Capabilities(
        hears=frozenset({Heard.TEXT, Heard.PHOTO, Heard.DOCUMENT, Heard.VIDEO, Heard.AUDIO, Heard.ALBUM})
        | {Heard.REPLY, Heard.FORWARD, Heard.PRESS, Heard.START},
        text=20_000,
        caption=20_000,
        buttons=40,
        per_row=40,
        label=64,
        rows=40,
        styles=frozenset(Style) - {Style.SPOILER},
        edit=False,
        ask_contact=False,
        file_in=25_000_000,
        file_out=18_000_000,
        answers=False,
        by_itself_an_hour=60,
        per_second=2.0,
    ),
    "webchat": Capabilities(
        hears=frozenset(Heard)
        - {
            Heard.VOICE,
            Heard.STICKER,
            Heard.LOCATION,
            Heard.FORWARD,
            Heard.EDIT,
            Heard.SIGN,
            Heard.REMOVAL,
            Heard.LEAVE,
        },
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

CATALOGUE = "catalog"
"""The account's setting that names the catalogue which is connected to it at the messenger."""

READ_MARKS = "read_marks"
"""The account's setting that is false where the shop shows nobody that he was read."""

LACKS = "lacks"
"""What Incoming.context calls the one thing that the buyer's own program does not show."""

GOODS = "goods"


def card_of(account: ChannelAccount, context: Mapping[str, Any] | None = None) -> Capabilities:
    """What can be carried to a buyer: the channel's card, as far as this account and his own program go along."""
    card = CAPABILITIES[account.channel]
    if card.goods is None:
        return card
    catalogue = not card.goods.own_catalogue or bool(account.settings.get(CATALOGUE))
    lacking = (context or {}).get(LACKS) == GOODS
    return card if catalogue and not lacking else _WITHOUT_GOODS[account.channel]


_WITHOUT_GOODS = {name: replace(card, goods=None) for name, card in CAPABILITIES.items()}
