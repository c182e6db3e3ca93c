"""The text of a message as HTML: its formatting becomes tags, everything that people wrote is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from inbox.content import Span, Style

_TAGS = {
    Style.BOLD: "b",
    Style.ITALIC: "i",
    Style.UNDERLINE: "u",
    Style.STRIKE: "s",
    Style.CODE: "code",
    Style.PRE: "pre",
    Style.QUOTE: "blockquote",
    Style.SPOILER: "span",
}

SCHEMES = frozenset({"http", "https", "mailto", "tel", "tg"})
"""What a link in a message may lead to; any other stays text."""

_ADDRESS = re.compile(r"https?://[^\s<>\"'«»]+[^\s<>\"'«».,:;!?)\]]")
_LINK = Markup('<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>')


def html(text: str, spans: Sequence[Span] = ()) -> Markup:
    """Spans that cross each other are cut where the outer one ends; those that lie outside the text are left out."""
    inside = [span for span in spans if 0 <= span.offset < len(text) and span.length > 0]
    return _between(text, sorted(inside, key=lambda span: (span.offset, -span.length)), 0, len(text))


def _between(text: str, spans: list[Span], start: int, end: int) -> Markup:
    parts: list[Markup] = []
    at = start
    while spans:
        span = spans.pop(0)
        if span.offset < at:
            continue
        stop = min(span.offset + span.length, end)
        within = [other for other in spans if other.offset < stop]
        spans = [other for other in spans if other.offset >= stop]
        parts += [_plain(text[at : span.offset]), _tagged(text, span, within, stop)]
        at = stop
    return _joined([*parts, _plain(text[at:end])])


def _tagged(text: str, span: Span, within: list[Span], stop: int) -> Markup:
    if span.style is Style.LINK:
        body = _joined([escape(text[span.offset : stop])]) if not within else _between(text, within, span.offset, stop)
        return _LINK.format(span.url, body) if is_safe(span.url) else body
    tag = _TAGS[span.style]
    return Markup(f"<{tag}>{{}}</{tag}>").format(_between(text, within, span.offset, stop))  # noqa: S704 - our own tags


def _plain(text: str) -> Markup:
    """Escaped, with web addresses made into links."""
    parts: list[Markup] = []
    at = 0
    for match in _ADDRESS.finditer(text):
        parts += [escape(text[at : match.start()]), _LINK.format(match[0], match[0])]
        at = match.end()
    return _joined([*parts, escape(text[at:])])


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def is_safe(url: str) -> bool:
    """Whether a click on it can do no more than open a page, a letter, a call or a chat."""
    try:
        return urlsplit(url.strip()).scheme.lower() in SCHEMES
    except ValueError:
        return False
