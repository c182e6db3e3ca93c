"""A letter's HTML as lines of text, where what a mail program marks as quoted is one mark.

Nothing is loaded, nothing is run, and no nesting makes it deeper: it is a loop over tags.

The marks are those that the programs themselves write: Gmail (gmail_quote), Outlook (divRplyFwdMsg, the header block
behind a line), Apple Mail and Thunderbird (blockquote type=cite), Yandex and Mail.ru (blockquote behind a line that
names the writer), Yahoo, Proton, Zoho.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LONGEST = 200_000
"""Characters of a source that are looked at."""

LONGEST_ADDRESS = 500

QUOTE = "\x00"
"""A line that stands for a quotation."""

REST = "\x01"
"""A line from which on everything is quoted."""

HIDDEN = frozenset({"script", "style", "head", "title", "template", "svg", "math", "noscript", "object", "iframe"})
BLOCKS = frozenset(
    {"p", "div", "tr", "li", "ul", "ol", "table", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
    | {"section", "article", "header", "footer", "center", "dd", "dt", "dl", "address", "form"}
)
APART = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre"})
"""Between these and their neighbours people see an empty line."""

VOID = frozenset({"br", "hr", "img", "input", "meta", "link", "base", "col", "area", "wbr", "source", "embed", "param"})

QUOTE_CLASSES = (
    "gmail_quote",
    "gmail_extra",
    "yahoo_quoted",
    "protonmail_quote",
    "zmail_extra",
    "moz-cite-prefix",
    "mail-quote-collapse",
    "tutanota_quote",
)
REST_IDS = ("divrplyfwdmsg", "stopspelling", "appendonsend", "olk_src_body_section", "mail-editor-reference-message")
_OUTLOOK_RULE = re.compile(r"border\s*:\s*none\s*;\s*border-top\s*:\s*solid\s+#(?:e1e1e1|b5c4df)", re.IGNORECASE)
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE)


RAW = frozenset({"script", "style", "title", "textarea", "noscript", "iframe", "xmp"})
"""What stands in these is no HTML."""

LONGEST_TAG = 4000
"""Characters of a tag; what begins like one and is longer is text."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*+)((?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_BROKEN_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*+)([^<>]*+)>")
_ATTRIBUTE = re.compile(r"([A-Za-z][A-Za-z0-9:-]*+)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")


@dataclass(frozen=True, slots=True)
class _Token:
    """A tag, or text where it has no name."""

    text: str = ""
    name: str = ""
    ends: bool = False
    given: Mapping[str, str] = field(default_factory=dict)


def _tokens(source: str) -> Iterator[_Token]:
    """Tags and text in their order, in time that grows with the length alone: the standard library's parser takes
    minutes for a hostile letter."""
    small, at = source.lower(), 0
    while at < len(source):
        begins = source.find("<", at)
        if begins < 0:
            begins = len(source)
        if begins > at:
            yield _Token(html.unescape(source[at:begins]))
        if begins == len(source):
            return
        found = _tag_at(source, begins)
        if source.startswith("<!--", begins):
            at = _behind(source, "-->", begins + 4)
        elif source[begins + 1 : begins + 2] in ("!", "?"):
            at = _behind(source, ">", begins)
        elif found is None:
            yield _Token("<")
            at = begins + 1
        else:
            name, at = found[2].lower(), found.end()
            yield _Token("", name, bool(found[1]), {} if found[1] else _given(found[3]))
            if name in RAW and not found[1]:
                at = small.find(f"</{name}", at)
                at = len(source) if at < 0 else at


def _tag_at(source: str, at: int) -> re.Match[str] | None:
    window = min(len(source), at + LONGEST_TAG)
    return _TAG.match(source, at, window) or _BROKEN_TAG.match(source, at, window)


def _behind(source: str, mark: str, at: int) -> int:
    end = source.find(mark, at)
    return len(source) if end < 0 else end + len(mark)


def _given(attributes: str) -> Mapping[str, str]:
    return {m[1].lower(): html.unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(attributes)}


class _Lines:
    """`named` are the Content-IDs that stand in what is kept, `quoted` those in what is not."""

    def __init__(self, *, whole: bool) -> None:
        self.parts: list[str] = []
        self.named: set[str] = set()
        self.quoted: set[str] = set()
        self._whole = whole
        self._left_out = ""
        """The tag that began what is left out now, and how deep it stands in itself."""
        self._depth = 0
        self._quoting = False
        self._ended = False
        self._pre = 0
        self._breaks = 2
        self._link: tuple[str, int] | None = None

    def read(self, source: str) -> None:
        for token in _tokens(source):
            if not token.name:
                self._text(token.text)
            elif token.ends:
                self._end(token.name)
            else:
                self._begin(token.name, token.given)

    def _begin(self, tag: str, given: Mapping[str, str]) -> None:
        if tag == "img":
            self._picture(given)
        if self._ended:
            return
        if self._left_out == "head" and tag == "body":
            self._left_out = ""
        if self._left_out:
            self._depth += tag == self._left_out
        elif self._begins_rest(tag, given):
            self._line(REST)
            self._ended = True
        elif not self._whole and self._is_quote(tag, given):
            self._line(QUOTE)
            self._leave_out(tag)
            self._quoting = True
        elif tag in HIDDEN or (tag not in VOID and _UNSEEN.search(given.get("style", ""))):
            self._leave_out(tag)
        else:
            self._seen(tag, given)

    def _leave_out(self, tag: str) -> None:
        self._left_out, self._depth = tag, 1

    def _end(self, tag: str) -> None:
        if self._left_out:
            self._depth -= tag == self._left_out
            if not self._depth:
                self._left_out, self._quoting = "", False
            return
        if self._ended:
            return
        if tag == "a":
            self._end_link()
        if tag == "pre":
            self._pre = max(0, self._pre - 1)
        if tag in BLOCKS:
            self._break(2 if tag in APART else 1)
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def _text(self, text: str) -> None:
        if not self._left_out and not self._ended:
            text = text.replace(QUOTE, "").replace(REST, "")
            self.parts.append(text if self._pre else re.sub(r"[ \t\r\n\f]+", " ", text))
            if text.strip():
                self._breaks = 0

    def _break(self, wanted: int) -> None:
        """Begin a new line, with so many line breaks behind the last words at least."""
        self.parts.append("\n" * (wanted - self._breaks))
        self._breaks = max(self._breaks, wanted)

    def _seen(self, tag: str, given: Mapping[str, str]) -> None:
        if tag == "br":
            self._break(self._breaks + 1)
        elif tag in BLOCKS:
            # Outlook's paragraphs are its lines.
            apart = tag in APART and "mso" not in given.get("class", "").lower()
            self._break(2 if apart else 1)
        if tag == "pre":
            self._pre += 1
        elif tag == "li":
            self.parts.append("• ")
        elif tag == "a":
            self._link = (given.get("href", "").strip(), len(self.parts))

    def _picture(self, given: Mapping[str, str]) -> None:
        source = given.get("src", "")
        if source.lower().startswith("cid:"):
            (self.quoted if self._quoting or self._ended else self.named).add(source[4:].strip("<> "))
        elif not self._left_out and not self._ended and len(words := given.get("alt", "").strip()) <= 4:
            # Pictures of emoji; anything else is fetched from nowhere.
            self.parts.append(words)

    def _end_link(self) -> None:
        if self._link is None:
            return
        (address, start), self._link = self._link, None
        words = "".join(self.parts[start:]).strip()
        plain = address.split("://", 1)[-1].rstrip("/")
        if re.match(r"https?://", address) and plain not in words and words and len(address) <= LONGEST_ADDRESS:
            self.parts.append(f" ({address})")

    def _line(self, mark: str) -> None:
        self.parts.append(f"\n{mark}\n")
        self._breaks = 1

    def _begins_rest(self, tag: str, given: Mapping[str, str]) -> bool:
        if self._whole:
            return False
        name = given.get("id", "").lower().removeprefix("x_")
        if any(name.startswith(each) for each in REST_IDS):
            return True
        return tag == "div" and bool(_OUTLOOK_RULE.search(given.get("style", "")))

    def _is_quote(self, tag: str, given: Mapping[str, str]) -> bool:
        if tag == "blockquote":
            return True
        names = given.get("class", "").lower().split()
        return any(name.removeprefix("x_").startswith(each) for name in names for each in QUOTE_CLASSES)


def of_html(source: str, *, whole: bool = False) -> tuple[str, frozenset[str]]:
    """(the text, the Content-IDs of pictures that stand in the quoted part alone); `whole` cuts nothing away."""
    lines = _Lines(whole=whole)
    lines.read(source[:LONGEST])
    return tidy("".join(lines.parts)), frozenset(lines.quoted - lines.named)


def tidy(text: str) -> str:
    """Lines without spaces at their ends, no more than one empty line together."""
    text = text.replace("\u200b", "").replace("\ufeff", "").replace("\xa0", " ")
    lines = [line if line == "-- " else line.strip(" \t\f\v") for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
