"""A message of the shop as a letter: text and simple HTML side by side, pictures within, files behind.

Buttons are lines with numbers: a number alone, sent back, is the press. Where the shop has a public address they are
links as well.

Sources: https://www.rfc-editor.org/rfc/rfc5322, https://www.rfc-editor.org/rfc/rfc2046 (parts),
https://www.rfc-editor.org/rfc/rfc3834 (what a program's letters say of themselves)
"""

from __future__ import annotations

import html
import io
import itertools
import re
import time
from collections.abc import Mapping, Sequence
from email import policy
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import formatdate

from PIL import Image

from bot.channels import email_names, email_words
from bot.channels.base import Attachment, Parcel, Rejected
from bot.channels.email_names import Name
from inbox.content import Button, MediaKind, Outgoing, Style
from kit.pictures import opened

WIDEST = 900
"""Pixels of a picture within a letter; larger ones are drawn smaller."""

SMALL = 300_000
"""Bytes of a picture that goes as it is."""

AS_IT_IS = frozenset({"image/jpeg", "image/png", "image/gif"})
"""Pictures that every mail program shows. Source: the tables of https://www.caniemail.com/search/?s=image"""

TAGS: Mapping[Style, tuple[str, str]] = {
    Style.BOLD: ("<b>", "</b>"),
    Style.ITALIC: ("<i>", "</i>"),
    Style.UNDERLINE: ("<u>", "</u>"),
    Style.STRIKE: ("<s>", "</s>"),
    Style.CODE: ("<code>", "</code>"),
    Style.PRE: ("<code>", "</code>"),
    Style.QUOTE: ('<span style="color:#666">', "</span>"),
}

_POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=998)
"""Names of letters are longer than a folded line, and must not be broken."""

_CHOICE = (
    "display:inline-block;margin:4px 6px 4px 0;padding:8px 14px;border:1px solid #c9c9c9;border-radius:8px;"
    "color:#1a1a1a;text-decoration:none;background:#fafafa"
)
_FACE = "font:16px/1.5 -apple-system,'Segoe UI',Roboto,Arial,sans-serif;color:#1a1a1a;max-width:640px"


def name_of(parcel: Parcel) -> Name:
    numbered = (button.action is not None for button in parcel.outgoing.buttons())
    return Name(parcel.message_id, parcel.version, email_names.choices(numbered), parcel.chat, parcel.made_ms)


def letter(parcel: Parcel, *, to: str, sender: tuple[str, str], key: str, links: str) -> bytes:
    """The letter's bytes. `sender` is (name, address); `links` is the address before a press's token, "" for none.

    Raises Rejected for an attachment that cannot be read.
    """
    name, address = sender
    ours = name_of(parcel)
    words = email_words.of(parcel.locale)
    pictures, files = _sorted(parcel.attachments)
    press = f"{links}/{email_names.token(ours, key)}" if links else ""
    body = _alternative(parcel.outgoing, words, press, [f"p{n}" for n in range(len(pictures))])
    whole: MIMEBase = body
    if pictures:
        whole = MIMEMultipart("related", _subparts=[body, *(_picture(each, n) for n, each in enumerate(pictures))])
    if files:
        whole = MIMEMultipart("mixed", _subparts=[whole, *map(_file, files)])
    whole["From"] = _mailbox(name, address)
    whole["To"] = to
    whole["Subject"] = Header(subject(parcel, name or address), "utf-8", header_name="Subject").encode()
    whole["Date"] = formatdate(time.time())
    whole["Message-ID"] = email_names.write(ours, key, address.rpartition("@")[2])
    answered = _ids(parcel.context.get("letter", ""))
    if answered:
        whole["In-Reply-To"] = answered
        whole["References"] = _ids(parcel.context.get("thread", "")) or answered
    if parcel.by_machine:
        whole["Auto-Submitted"] = "auto-replied" if answered else "auto-generated"
        whole["X-Auto-Response-Suppress"] = "All"
    try:
        return whole.as_bytes(policy=_POLICY)
    except OSError:
        raise Rejected("an attachment cannot be read") from None


def subject(parcel: Parcel, shop: str) -> str:
    """The shop and the order; else what is answered; else the shop alone."""
    card = parcel.outgoing.card
    if card is not None and card.kind in ("order", "payment") and card.title:
        return oneline(f"{shop}: {card.title}")
    said = re.sub(r"^(\s*(re|отв|на)(\[\d+\])?\s*:\s*)+", "", parcel.context.get("subject", ""), flags=re.IGNORECASE)
    return oneline(f"Re: {said}" if said.strip() else shop)


def oneline(text: str) -> str:
    """Nothing that could begin another header."""
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text.encode("utf-8", "replace").decode())[:200].strip()


# Words


def plain(outgoing: Outgoing, words: Mapping[str, str]) -> str:
    numbered, linked = _numbered(outgoing.buttons()), [b for b in outgoing.buttons() if b.action is None]
    shown = [f"{n}. {button.label}" for n, button in numbered]
    shown += [f"{button.label}: {button.url}" if button.url else button.label for button in linked]
    text = outgoing.text
    for span in sorted(outgoing.spans, key=lambda each: -each.offset):
        if span.url and span.url not in text:
            end = span.offset + span.length
            text = f"{text[:end]} ({span.url}){text[end:]}"
    hints = [words["choose"]] if numbered else []
    return "\n\n".join(each for each in (text, "\n".join(shown), "\n".join([*hints, *_menu(outgoing, words)])) if each)


def page(outgoing: Outgoing, words: Mapping[str, str], press: str, pictures: Sequence[str]) -> str:
    """The HTML. Everything that comes from people is escaped; nothing is fetched from anywhere."""
    shown = [
        f'<p><img src="cid:{each}" alt="" style="width:100%;max-width:320px;border-radius:8px"></p>'
        for each in pictures
    ]
    shown.append(f'<div class="said">{_marked(outgoing)}</div>' if outgoing.text else "")
    index = number = 0
    for row in outgoing.rows:
        cells = []
        for button in row:
            number += button.action is not None
            shown_number = number if button.action is not None else 0
            cells.append(_choice(button, shown_number, f"{press}.{index:x}" if press else ""))
            index += 1
        shown.append(f'<div class="row">{"".join(cells)}</div>')
    if number:
        shown.append(_hint(words["choose_or_press" if press else "choose"]))
    shown += [_hint(each) for each in _menu(outgoing, words)]
    return f'<html><body><div style="{_FACE}">{"".join(shown)}</div></body></html>'


def _alternative(outgoing: Outgoing, words: Mapping[str, str], press: str, pictures: Sequence[str]) -> MIMEMultipart:
    parts = [MIMEText(plain(outgoing, words), "plain", "utf-8")]
    parts.append(MIMEText(page(outgoing, words, press, pictures), "html", "utf-8"))
    return MIMEMultipart("alternative", _subparts=parts)


def _numbered(buttons: Sequence[Button]) -> list[tuple[int, Button]]:
    return list(enumerate((button for button in buttons if button.action is not None), 1))


def _menu(outgoing: Outgoing, words: Mapping[str, str]) -> list[str]:
    labels = [f"«{button.label}»" for row in outgoing.keyboard for button in row if not button.ask_contact]
    return [words["menu"].format(words=", ".join(labels))] if labels else []


def _hint(text: str) -> str:
    return f'<p class="hint" style="color:#666;font-size:14px">{html.escape(text)}</p>'


def _choice(button: Button, number: int, press: str) -> str:
    label = f'<span class="label">{html.escape(button.label)}</span>'
    shown = f'<b class="number">{number}</b>&ensp;{label}' if number else label
    address = button.url or (press if number else "")
    if not address:
        return f'<span class="choice" style="{_CHOICE}">{shown}</span>'
    return f'<a class="choice" href="{html.escape(address)}" style="{_CHOICE}">{shown}</a>'


def _marked(outgoing: Outgoing) -> str:
    """The text with its formatting: each stretch between two edges wears all that covers it."""
    text, spans = outgoing.text, [span for span in outgoing.spans if span.length > 0]
    edges = sorted({0, len(text), *(s.offset for s in spans), *(s.offset + s.length for s in spans)})
    shown = []
    for start, end in itertools.pairwise(edges):
        inside = html.escape(text[start:end], quote=False).replace("\n", "<br>")
        for span in spans:
            if span.offset <= start and end <= span.offset + span.length:
                if span.style is Style.LINK and re.match(r"(https?|mailto|tel):", span.url):
                    inside = f'<a href="{html.escape(span.url)}">{inside}</a>'
                else:
                    before, after = TAGS.get(span.style, ("", ""))
                    inside = f"{before}{inside}{after}"
        shown.append(inside)
    return "".join(shown)


# Heads


def _mailbox(name: str, address: str) -> str:
    if not oneline(name):
        return address
    return f"{Header(oneline(name), 'utf-8').encode()} <{address}>"


def _ids(words: str) -> str:
    """Names of letters, and nothing else that might stand among them."""
    return " ".join(re.findall(r"<[!-;=?-~]{3,250}>", words))


# Files


def _sorted(attachments: Sequence[Attachment]) -> tuple[list[Attachment], list[Attachment]]:
    pictures = [each for each in attachments if each.media.kind in (MediaKind.PHOTO, MediaKind.STICKER)]
    return pictures, [each for each in attachments if each not in pictures]


def _picture(attachment: Attachment, n: int) -> MIMEBase:
    content, kind = _drawn(attachment)
    part = MIMEImage(content, kind.rpartition("/")[2])
    part["Content-ID"] = f"<p{n}>"
    name = oneline(attachment.name) or f"photo.{kind.rpartition('/')[2]}"
    part.add_header("Content-Disposition", "inline", filename=("utf-8", "", name))
    return part


def _drawn(attachment: Attachment) -> tuple[bytes, str]:
    """A picture in a form that mail programs show, no larger than they show it. Raises Rejected."""
    try:
        if attachment.mime in AS_IT_IS and attachment.path.stat().st_size <= SMALL:
            return attachment.path.read_bytes(), attachment.mime
        drawn = io.BytesIO()
        with opened(attachment.path) as picture:
            small = picture.convert("RGB")
            small.thumbnail((WIDEST, WIDEST * 2))
            small.save(drawn, "JPEG", quality=85)
    except (OSError, Image.DecompressionBombError):
        raise Rejected("the picture cannot be read") from None
    return drawn.getvalue(), "image/jpeg"


def _file(attachment: Attachment) -> MIMEBase:
    main, _, sub = (attachment.mime or "application/octet-stream").partition("/")
    if not re.fullmatch(r"[\w.+-]{1,60}", main) or not re.fullmatch(r"[\w.+-]{1,80}", sub) or main == "multipart":
        main, sub = "application", "octet-stream"
    part = MIMEBase(main, sub)
    part.set_payload(attachment.path.read_bytes())
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", oneline(attachment.name) or "file"))
    return part
