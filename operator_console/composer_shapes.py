"""The composer as its template draws it, with what this person has begun to write."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from bot.channels import CONNECTORS
from company.rights import Right
from company.tables import ChannelAccount
from inbox import drafts, messages, windows
from inbox.channels import CAPABILITIES
from inbox.tables import Conversation
from operator_console import formats, moment_shapes
from operator_console.context_shapes import Beside
from operator_console.list_shapes import preview
from operator_console.people import Shape
from operator_console.rendering import channel_name
from operator_console.texts import gettext as _
from operator_console.texts import reader
from operator_console.visits import Visit

KEY_LENGTH = 80
"""Of the key that a browser gives to what is being written."""

SOON = 2 * 3600
"""Seconds before the end of the time for free words that are worth a warning."""

QUOTED = 120
"""How much of an answered message is quoted."""


def composer(session: Session, visit: Visit, around: Beside) -> Shape:
    here, limits = around.conversation, CAPABILITIES[around.channel]
    order = around.current
    owes = order is not None and order.paid_at is None and order.payment_method == "online"
    begun = begun_here(session, visit, here.id)
    account = session.get_one(ChannelAccount, here.account_id)
    left = window_left(here, account)
    closed = ""
    if here.blocked:
        closed = _("The buyer has left the chat: nothing can be sent until they write again")
    elif not visit.may(Right.REPLY):
        closed = _("You may read here, but not answer")
    return {
        "conversation_id": here.id,
        "person": visit.staff.id,
        "send_url": f"/inbox/{here.id}/messages",
        "draft_url": f"/inbox/{here.id}/draft",
        "drafts": begun,
        "now": int(reader().now.timestamp() * 1000),
        "channel_name": channel_name(around.channel),
        "limit": limits.text,
        "fits": {
            "caption": limits.caption,
            "files": limits.media,
            "together": [sorted(kinds) for kinds in limits.together],
        },
        "accept": "",
        "window": None if left is None else window_chip(left, around.channel),
        "templates_url": f"/inbox/{here.id}/templates" if has_templates(around.channel) and not closed else None,
        "closed": closed or (closed_words(around.channel) if left == 0 else ""),
        "mode": "note" if "note" in begun and "reply" not in begun else "reply",
        "can_charge": owes and visit.may(Right.ORDERS),
        "charge_url": f"/inbox/{here.id}/charge",
        "moments": moment_shapes.offered(),
        "held": here.held,
        "take_url": f"/inbox/{here.id}/take",
    }


def window_left(here: Conversation, account: ChannelAccount) -> int | None:
    """For how many seconds more the buyer may be written to freely; None for ever."""
    until = windows.closes_at(here, account)
    return None if until is None else max(0, int((until - reader().now).total_seconds()))


def window_chip(left: int, channel: str) -> Shape:
    """As the page begins with it; window.js counts on."""
    words = _("You may write for {left} more", left=formats.duration(timedelta(seconds=left)))
    level = "" if left >= SOON else "warn" if left else "bad"
    return {
        "left": left,
        "level": level,
        "words": words if left else _("Only a template now"),
        "closed": closed_words(channel),
    }


def closed_words(channel: str) -> str:
    name = channel_name(channel)
    return _("24 hours have passed since the buyer wrote: {channel} takes only an approved template now", channel=name)


def has_templates(channel: str) -> bool:
    return channel in CONNECTORS and CONNECTORS[channel].templates is not None


def begun_here(session: Session, visit: Visit, conversation_id: int) -> Shape:
    """{"reply": {text, key, again, files: [name], reply_to, quoted, at}, "note": …}: what this person has begun here.

    `at` is in milliseconds since 1970; `again` is the message whose files go with it, `reply_to` the one that is
    answered, or ""; `quoted` is the beginning of that one.
    """
    begun = drafts.of(session, conversation_id, visit.staff.id)
    answered = messages.texts(session, [one.reply_to_id for one in begun if one.reply_to_id is not None])
    return {
        "note" if one.private else "reply": {
            "text": one.text,
            "key": one.key,
            "again": one.again or "",
            "files": [item.name or _("File") for item in drafts.files(session, one)],
            "reply_to": one.reply_to_id or "",
            "quoted": quoted(answered[one.reply_to_id]) if one.reply_to_id in answered else "",
            "at": int(one.at.timestamp() * 1000),
        }
        for one in begun
    }


def quoted(text: str) -> str:
    """The beginning of a message that is answered."""
    return preview(text[:QUOTED]) or _("Attachment")
