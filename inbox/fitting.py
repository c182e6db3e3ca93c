"""Making a message fit its channel: pure arithmetic over content and capabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from inbox.capabilities import Capabilities
from inbox.content import Action, Button, Media, Offer, Outgoing, Span


@dataclass(frozen=True, slots=True)
class Fitted:
    """`parts` are sent in order, one message each. `offered` are the actions behind a numbered list, "1" first."""

    parts: tuple[Outgoing, ...]
    offered: tuple[Action, ...] = ()


def fit(outgoing: Outgoing, capabilities: Capabilities) -> Fitted:
    """Turn one message into as many as the channel needs, losing no word and no choice.

    Files that the channel does not show together go one message after another. The first of too many buttons become a
    numbered list; buttons stay on the last part. A text too long for a caption goes after its media. Styles that the
    channel does not know are dropped, links stay readable as addresses. Products are one thing with the other buttons
    in a message behind it, or buttons.
    """
    if outgoing.template is not None:
        return Fitted((replace(outgoing, occasion=None),))
    if outgoing.occasion is not None:
        outgoing = replace(outgoing, occasion=None)
    parts: list[Outgoing] = []
    offered: tuple[Action, ...] = ()
    for piece in _goods_apart(outgoing, capabilities):
        piece = _links(_styles(piece, capabilities), capabilities)
        piece, offered = _choices(piece, capabilities, offered)
        parts += _split(piece, capabilities)
    return Fitted(tuple(parts), offered)


def as_buttons(outgoing: Outgoing, *, per_row: int = 1) -> Outgoing:
    """The same message with each of its products as a button, in the same order."""
    offers = outgoing.offers
    if offers is None:
        return outgoing
    buttons = [offer.button for offer in offers.each]
    rows = tuple(tuple(buttons[n : n + per_row]) for n in range(0, len(buttons), per_row))
    return replace(outgoing, offers=None, rows=(*outgoing.rows[: offers.below], *rows, *outgoing.rows[offers.below :]))


def length(text: str, capabilities: Capabilities) -> int:
    """How long the channel thinks the text is."""
    return len(text.encode("utf-16-le")) // 2 if capabilities.utf16 else len(text)


def _styles(outgoing: Outgoing, capabilities: Capabilities) -> Outgoing:
    kept = tuple(span for span in outgoing.spans if span.style in capabilities.styles)
    lost = [span for span in outgoing.spans if span.url and span not in kept]
    text = outgoing.text
    for span in lost:
        text += f"\n{text[span.offset : span.offset + span.length]}: {span.url}"
    return replace(outgoing, text=text, spans=kept) if lost or kept != outgoing.spans else outgoing


def _links(outgoing: Outgoing, capabilities: Capabilities) -> Outgoing:
    """Write out the buttons that open pages where they may not stand beside others."""
    short = capabilities.short
    links = [button for button in outgoing.buttons() if button.url]
    if short is None or not links:
        return outgoing
    if len(outgoing.buttons()) == 1:
        return outgoing
    rows = tuple(kept for row in outgoing.rows if (kept := tuple(button for button in row if not button.url)))
    lines = "\n".join(f"{button.label}: {button.url}" for button in links)
    return replace(outgoing, text="\n\n".join(part for part in (outgoing.text, lines) if part), rows=rows)


def stands_at_once(outgoing: Outgoing, capabilities: Capabilities) -> bool:
    """Whether the buttons are few and short enough to stand under the words of a message; others open as a list."""
    short, buttons = capabilities.short, outgoing.buttons() or [key for row in outgoing.keyboard for key in row]
    return short is None or (
        bool(outgoing.text)
        and len(buttons) <= short.buttons
        and all(len(button.label) <= short.label for button in buttons)
        and len({button.label for button in buttons}) == len(buttons)
    )


def _goods_apart(outgoing: Outgoing, capabilities: Capabilities) -> tuple[Outgoing, ...]:
    """The products as one thing, and what else can be pressed in a message behind it: the two cannot stand together."""
    offers, goods = outgoing.offers, capabilities.goods
    if offers is None:
        return (outgoing,)
    if goods is None or not offers.each or (goods.own_catalogue and not all(offer.sku for offer in offers.each)):
        return (as_buttons(outgoing),)
    each = tuple(_cut_offer(offer, capabilities) for offer in offers.each)
    shown = replace(offers, each=each[: goods.most], title=_cut(offers.title, goods.title), below=0, after="")
    rest = tuple((offer.button,) for offer in each[goods.most :])
    rows = (*outgoing.rows[: offers.below], *rest, *outgoing.rows[offers.below :])
    if not rows:
        return (replace(outgoing, offers=shown),)
    return replace(outgoing, offers=shown, rows=()), Outgoing(text=offers.after or "…", rows=rows)


def _cut_offer(offer: Offer, capabilities: Capabilities) -> Offer:
    goods = capabilities.goods
    assert goods is not None
    return replace(
        offer,
        button=_cut_label(offer.button, capabilities.label),
        title=_cut(offer.title, goods.title),
        note=_cut(offer.note, goods.note),
        opens=_cut(offer.opens, capabilities.label),
    )


def _choices(
    outgoing: Outgoing, capabilities: Capabilities, offered: tuple[Action, ...]
) -> tuple[Outgoing, tuple[Action, ...]]:
    """Cut labels, break rows, and write out as numbers, behind those that are `offered` already, what the channel
    cannot show as buttons."""
    kept = _last_rows(_rows(outgoing.rows, capabilities), capabilities)
    buttons = [button for row in outgoing.rows for button in row]
    listed = buttons[: len(buttons) - sum(map(len, kept))]
    no_keyboard = outgoing.keyboard and not capabilities.keyboard
    if no_keyboard:
        listed = listed + [button for row in outgoing.keyboard for button in row if button.action]
    if outgoing.offers is not None and capabilities.goods is not None and capabilities.goods.own_catalogue:
        # The catalogue may not have them all, and knows nothing of what their buttons do.
        listed = listed + [offer.button for offer in outgoing.offers.each]
    if not listed and not no_keyboard:
        return outgoing if kept == outgoing.rows else replace(outgoing, rows=kept), offered
    numbered = list(offered)
    lines: list[str] = []
    for button in listed:
        if button.action is not None:
            numbered.append(button.action)
            lines.append(f"{len(numbered)}. {button.label}")
        elif button.url:
            lines.append(f"{button.label}: {button.url}")
        else:
            lines.append(button.label)
    text = "\n\n".join(part for part in (outgoing.text, "\n".join(lines)) if part)
    keyboard = () if no_keyboard else outgoing.keyboard
    return replace(outgoing, text=text, rows=kept, keyboard=keyboard), tuple(numbered)


def _last_rows(rows: tuple[tuple[Button, ...], ...], capabilities: Capabilities) -> tuple[tuple[Button, ...], ...]:
    """As many of the rows as the channel can show. The last ones lead on and back, so they come first."""
    kept: list[tuple[Button, ...]] = []
    for row in reversed(rows):
        if len(kept) == capabilities.rows or sum(map(len, kept)) + len(row) > capabilities.buttons:
            break
        kept.insert(0, row)
    return tuple(kept)


def _rows(rows: tuple[tuple[Button, ...], ...], capabilities: Capabilities) -> tuple[tuple[Button, ...], ...]:
    """Rows no wider than the channel allows, labels no longer."""
    out: list[tuple[Button, ...]] = []
    for row in rows:
        cut = tuple(_cut_label(button, capabilities.label) for button in row)
        out += [cut[i : i + capabilities.per_row] for i in range(0, len(cut), capabilities.per_row)]
    return tuple(out)


def _cut_label(button: Button, limit: int) -> Button:
    return button if len(button.label) <= limit else replace(button, label=_cut(button.label, limit))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _split(outgoing: Outgoing, capabilities: Capabilities) -> Iterator[Outgoing]:
    media, text = outgoing.media, outgoing.text
    below = replace(outgoing, media=()) if media else outgoing
    while media:
        size = _together(media, capabilities)
        batch, media = media[:size], media[size:]
        alone = Outgoing(media=batch, reply_to=outgoing.reply_to)
        buttons_fit = not (outgoing.rows or outgoing.offers or (capabilities.short and outgoing.keyboard)) or (
            outgoing.offers is None
            and capabilities.media_buttons
            and len(batch) == 1
            and stands_at_once(outgoing, capabilities)
        )
        if not media and buttons_fit and length(text, capabilities) <= capabilities.caption:
            yield replace(outgoing, media=batch)
            return
        yield alone
    pieces = list(_pieces(text, outgoing.spans, capabilities))
    if pieces and capabilities.above_buttons and (outgoing.rows or outgoing.offers or outgoing.keyboard):
        pieces[-1:] = _pieces(*pieces[-1], replace(capabilities, text=capabilities.above_buttons))
    for piece, spans in pieces[:-1]:
        yield Outgoing(text=piece, spans=spans)
    if pieces:
        piece, spans = pieces[-1]
        yield below if piece == text else replace(below, text=piece, spans=spans)
    elif below.rows or below.offers or below.keyboard:
        yield replace(below, text="…")


def _together(media: tuple[Media, ...], capabilities: Capabilities) -> int:
    """How many of the files, from the first on, may stand in one message."""
    kinds = next((kinds for kinds in capabilities.together if media[0].kind in kinds), None)
    if kinds is None:
        return 1
    alike = next((n for n, each in enumerate(media) if each.kind not in kinds), len(media))
    return min(alike, capabilities.media)


def _pieces(text: str, spans: tuple[Span, ...], capabilities: Capabilities) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """The text in pieces of at most the channel's length, cut at a line, a sentence or a space where there is one."""
    if length(text, capabilities) <= capabilities.text:
        if text:
            yield text, spans
        return
    start = 0
    while start < len(text):
        end = _end(text, start, capabilities)
        yield (
            text[start:end],
            tuple(
                replace(span, offset=max(span.offset, start) - start, length=stop - max(span.offset, start))
                for span in spans
                if (stop := min(span.offset + span.length, end)) > max(span.offset, start)
            ),
        )
        start = end
        while start < len(text) and text[start] in " \n":
            start += 1


def _end(text: str, start: int, capabilities: Capabilities) -> int:
    if length(text[start:], capabilities) <= capabilities.text:
        return len(text)
    end = min(len(text), start + capabilities.text)
    while length(text[start:end], capabilities) > capabilities.text:
        end -= 1
    for mark in ("\n", ". ", " "):
        at = text.rfind(mark, start + 1, end)
        if at > start + (end - start) // 2:
            return at + (1 if mark == ". " else 0)
    return end
