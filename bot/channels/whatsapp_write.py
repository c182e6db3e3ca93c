"""Writing what the shop says in WhatsApp's words: marks in the text, buttons, lists, templates.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages,
https://faq.whatsapp.com/539178204879377 (marks)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bot.channels.base import Parcel, button_name
from inbox.channels import CAPABILITIES
from inbox.content import Button, Offers, Span, Style, Template
from inbox.fitting import stands_at_once

CARD = CAPABILITIES["whatsapp"]

MARKS = {Style.BOLD: "*", Style.ITALIC: "_", Style.STRIKE: "~", Style.CODE: "`"}

SAYS = "say:"
"""What the name of a button begins with that says its label for the buyer."""

TITLE, DESCRIPTION, LABEL = 24, 72, 20
"""Characters of a row's title and of the line below it, and of a button."""

OPENS = {"ru": "Выбрать", "en": "Choose"}
"""On the button that opens a list."""

UNSEEN = "\u2060"
"""A word joiner: nobody sees it, and a mark that it follows marks nothing."""

_MARK = re.compile(r"(?<![^\s*_~`(\[{«\"'])([*_~]|`{1,3})(?=\S)|^(>)(?= )|^(\d+\.|[-*])(?= )", re.MULTILINE)


def marked(text: str, spans: Sequence[Span]) -> str:
    """The text with its marks; what only looks like a mark is kept from being one."""
    opening: dict[int, list[str]] = {}
    closing: dict[int, list[str]] = {}
    for span in sorted(spans, key=lambda each: (each.offset, -each.length)):
        for start, end, before, after in _pieces(text, span):
            opening.setdefault(start, []).append(before)
            closing.setdefault(end, []).insert(0, after)
    false = {match.start() for match in _MARK.finditer(text) if match[3] is None}
    out: list[str] = []
    for place, char in enumerate(text):
        out += closing.get(place, ())
        out += opening.get(place, ())
        out.append(f"{char}{UNSEEN}" if place in false else char)
    return "".join([*out, *closing.get(len(text), ())])


def _pieces(text: str, span: Span) -> Iterable[tuple[int, int, str, str]]:
    """(start, end, mark before, mark after): marks end with the line, and stand at words."""
    start, end = span.offset, min(span.offset + span.length, len(text))
    if span.style is Style.PRE:
        yield start, end, "```", "```"
        return
    for line in re.finditer(r"[^\n]+", text[start:end]):
        first = start + line.start() + len(line[0]) - len(line[0].lstrip())
        last = start + line.end() - (len(line[0]) - len(line[0].rstrip()))
        if first >= last:
            continue
        if span.style is Style.QUOTE:
            yield first, last, "> ", ""
        elif (mark := MARKS.get(span.style)) is not None:
            yield first, last, mark, mark


def interactive(parcel: Parcel, text: str, locale: str) -> dict[str, Any] | None:
    """The buttons of a message as WhatsApp shows them, with the text above; None for one without."""
    outgoing = parcel.outgoing
    buttons = outgoing.buttons() or [key for row in outgoing.keyboard for key in row]
    if not buttons:
        return None
    if len(buttons) == 1 and buttons[0].url:
        return _page(buttons[0], text)
    names = [
        button_name(parcel.message_id, parcel.version, index) if outgoing.rows else f"{SAYS}{button.label}"
        for index, button in enumerate(buttons)
    ]
    if stands_at_once(outgoing, CARD):
        replies = [
            {"type": "reply", "reply": {"id": name, "title": button.label}}
            for name, button in zip(names, buttons, strict=True)
        ]
        return {"type": "button", "body": {"text": text}, "action": {"buttons": replies}}
    rows = [{"id": name, **_row(button.label)} for name, button in zip(names, buttons, strict=True)]
    action = {"button": OPENS.get(locale, OPENS["ru"]), "sections": [{"rows": rows}]}
    return {"type": "list", "body": {"text": text}, "action": action}


def products(offers: Offers, text: str, catalog: str) -> dict[str, Any]:
    """Several products out of the catalogue. Source: guides/sell-products-and-services/share-products"""
    title = offers.title or offers.each[0].title
    items = [{"product_retailer_id": offer.sku} for offer in offers.each]
    # The header is bold by itself; where the words begin with the same, they need not say it twice.
    below = text.removeprefix(f"{MARKS[Style.BOLD]}{title}{MARKS[Style.BOLD]}\n").lstrip()
    return {
        "type": "product_list",
        "header": {"type": "text", "text": title},
        "body": {"text": below or text},
        "action": {"catalog_id": catalog, "sections": [{"title": title[:TITLE], "product_items": items}]},
    }


def _page(button: Button, text: str) -> dict[str, Any]:
    """A button that opens a page. Source: guides/interactive-messages, "Interactive Call-to-Action URL Button"."""
    label = button.label if len(button.label) <= LABEL else button.label[: LABEL + 1].rpartition(" ")[0]
    parameters = {"display_text": label or button.label[:LABEL], "url": button.url}
    return {"type": "cta_url", "body": {"text": text}, "action": {"name": "cta_url", "parameters": parameters}}


def _row(label: str) -> dict[str, str]:
    """A long label in two lines: «Кружка «Туман»» and «от 1 450 ₽» below."""
    if len(label) <= TITLE:
        return {"title": label}
    head, _, tail = label.partition(" · ")
    if tail and len(head) <= TITLE:
        return {"title": head, "description": tail[:DESCRIPTION]}
    return {"title": f"{label[: TITLE - 1].rstrip()}…", "description": label[:DESCRIPTION]}


def template(said: Template, picture: str) -> dict[str, Any]:
    """`picture` is the id of an uploaded one, "" for a template without. Source: guides/send-message-templates"""
    components: list[dict[str, Any]] = []
    if picture:
        components.append({"type": "header", "parameters": [{"type": "image", "image": {"id": picture}}]})
    elif said.header:
        components.append({"type": "header", "parameters": _texts(said.header)})
    if said.body:
        components.append({"type": "body", "parameters": _texts(said.body, said.names)})
    if said.link:
        parameters = _texts((said.link,))
        components.append({"type": "button", "sub_type": "url", "index": "0", "parameters": parameters})
    language = {"policy": "deterministic", "code": said.language}
    return {"name": said.name, "language": language} | ({"components": components} if components else {})


def _texts(values: Sequence[str], names: Sequence[str] = ()) -> list[dict[str, str]]:
    named = [{"parameter_name": name} for name in names] or [{} for _ in values]
    return [{"type": "text", "text": value, **name} for value, name in zip(values, named, strict=True)]
