"""Formatted text: HTML and MarkdownV2 into plain text with entities, and the entities that Telegram finds by itself.

Offsets and lengths are in UTF-16 code units. Source: https://core.telegram.org/bots/api#formatting-options
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from emulators.telegram.errors import ApiError, bad_request
from emulators.telegram.world import Json

HTML_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "code": "code",
    "pre": "pre",
    "a": "text_link",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|lt|gt|amp|quot);")

MARKDOWN_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler", "`": "code"}
_MARKDOWN_SPECIAL = frozenset("_*[]()~`>#+-=|{}.!")

_FOUND_BY_ITSELF = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?()\]])"
    r"|(?<![\w.+-])(?P<email>[\w.+-]{1,64}@[\w-]+\.[\w.-]*\w)"
    r"|(?<![\w/<>])(?P<bot_command>/[a-zA-Z0-9_]{1,64}(?:@\w+)?)"
    r"|(?<![\w@])(?P<mention>@[a-zA-Z]\w{3,31})"
    r"|(?<![\w#])(?P<hashtag>#\w*[^\W\d]\w*)"
)
_MAY_HOLD_ENTITIES = re.compile(r"[/@#]")


def units(text: str) -> int:
    """Length in UTF-16 code units, the measure of every limit and offset."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class _Open:
    tag: str
    kind: str
    offset: int
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class _Written:
    """Plain text as it grows, with its length in code units."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[Json] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += units(text)

    def close(self, opened: _Open) -> None:
        length = self.length - opened.offset
        if length:
            self.entities.append({"type": opened.kind, "offset": opened.offset, "length": length, **opened.extra})

    def done(self) -> tuple[str, list[Json]]:
        self.entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self.parts), self.entities


def parse(text: str, parse_mode: str) -> tuple[str, list[Json]]:
    """Text and entities of a text in this parse mode (in any letter case; empty means plain)."""
    mode = parse_mode.lower()
    if not mode:
        return text, []
    if mode == "html":
        return parse_html(text)
    if mode == "markdownv2":
        return parse_markdown(text)
    raise bad_request("unsupported parse_mode")


def parse_html(text: str) -> tuple[str, list[Json]]:
    written, stack, position = _Written(), list[_Open](), 0
    while (start := text.find("<", position)) >= 0:
        written.add(_plain(text[position:start]))
        tag = _TAG.match(text, start)
        if tag is None:
            raise _cannot_parse(
                f"Unexpected end tag at byte offset {_byte(text, start)}"
                if text[start + 1 : start + 2] == "/"
                else _unclosed(text, start)
            )
        closing, name, rest = tag.group(1), tag.group(2).lower(), tag.group(3)
        if closing:
            _close_tag(written, stack, name, at=_byte(text, start))
        else:
            stack.append(_open_tag(name, rest, stack, written.length, at=_byte(text, start)))
        position = tag.end()
    written.add(_plain(text[position:]))
    if stack:
        raise _cannot_parse(f'Can\'t find end tag corresponding to start tag "{stack[-1].tag}"')
    return written.done()


def _open_tag(name: str, rest: str, stack: list[_Open], offset: int, *, at: int) -> _Open:
    kind = HTML_TAGS.get(name)
    if kind is None:
        raise _cannot_parse(f'Unsupported start tag "{name}" at byte offset {at}')
    attributes = {
        found.group(1).lower(): html.unescape(found.group(2) or found.group(3) or found.group(4) or "")
        for found in _ATTRIBUTE.finditer(rest)
    }
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise _cannot_parse(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    if name == "a":
        return _Open(name, kind, offset, {"url": attributes.get("href", "")})
    if name == "tg-emoji":
        return _Open(name, kind, offset, {"custom_emoji_id": attributes.get("emoji-id", "")})
    if name == "blockquote" and "expandable" in attributes:
        return _Open(name, "expandable_blockquote", offset)
    language = attributes.get("class", "").removeprefix("language-")
    if name == "code" and language and stack and stack[-1].kind == "pre":
        stack[-1].extra["language"] = language
    return _Open(name, kind, offset)


def _close_tag(written: _Written, stack: list[_Open], name: str, *, at: int) -> None:
    if not stack:
        raise _cannot_parse(f"Unexpected end tag at byte offset {at}")
    opened = stack.pop()
    if opened.tag != name:
        raise _cannot_parse(f'Unmatched end tag at byte offset {at}, expected "</{opened.tag}>", found "</{name}>"')
    inside_pre = opened.kind == "code" and bool(stack) and stack[-1].kind == "pre"
    empty_link = opened.kind == "text_link" and not opened.extra["url"]
    if not inside_pre and not empty_link:
        written.close(opened)


def _plain(text: str) -> str:
    """Text between tags; only the four named references and the numeric ones are known, others stay as they are."""
    return _REFERENCE.sub(lambda found: html.unescape(found.group()), text) if "&" in text else text


def _unclosed(text: str, start: int) -> str:
    name = re.match(r"<([a-zA-Z0-9-]*)", text[start:])
    return f'Unsupported start tag "{name.group(1) if name else ""}" at byte offset {_byte(text, start)}'


def parse_markdown(text: str) -> tuple[str, list[Json]]:
    """MarkdownV2. Every reserved character outside a mark must be escaped, as the real server insists."""
    written, stack, position = _Written(), list[_Open](), 0
    while position < len(text):
        character = text[position]
        in_code = bool(stack) and stack[-1].kind in ("code", "pre")
        if character == "\\" and position + 1 < len(text) and text[position + 1].isascii():
            written.add(text[position + 1])
            position += 2
        elif text.startswith("```", position) and (not in_code or stack[-1].tag == "```"):
            position = _pre_mark(text, position, written, stack)
        elif in_code and character != "`":
            written.add(character)
            position += 1
        elif mark := _mark_at(text, position):
            _toggle(mark, written, stack)
            position += len(mark)
        elif character == "[":
            stack.append(_Open("[", "text_link", written.length))
            position += 1
        elif character == "]" and stack and stack[-1].tag == "[":
            position = _close_link(text, position, written, stack)
        elif character == ">" and (position == 0 or text[position - 1] == "\n"):
            position += 1
        elif character in _MARKDOWN_SPECIAL:
            raise _cannot_parse(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        else:
            written.add(character)
            position += 1
    if stack:
        name = {"text_link": "TextUrl", "pre": "Pre"}.get(stack[-1].kind, stack[-1].kind.capitalize())
        raise _cannot_parse(f"Can't find end of {name} entity at byte offset {_byte(text, len(text)) - 1}")
    return written.done()


def _mark_at(text: str, position: int) -> str:
    return next((mark for mark in ("__", "||", "*", "_", "~", "`") if text.startswith(mark, position)), "")


def _toggle(mark: str, written: _Written, stack: list[_Open]) -> None:
    if stack and stack[-1].tag == mark:
        written.close(stack.pop())
    else:
        stack.append(_Open(mark, MARKDOWN_MARKS[mark], written.length))


def _pre_mark(text: str, position: int, written: _Written, stack: list[_Open]) -> int:
    if stack and stack[-1].tag == "```":
        written.close(stack.pop())
        return position + 3
    language = re.match(r"```([a-zA-Z0-9+-]*)\n?", text[position:])
    assert language is not None
    opened = _Open("```", "pre", written.length)
    if language.group(1) and language.group().endswith("\n"):
        opened.extra["language"] = language.group(1)
    stack.append(opened)
    return position + (language.end() if language.group().endswith("\n") else 3)


def _close_link(text: str, position: int, written: _Written, stack: list[_Open]) -> int:
    opened = stack.pop()
    address = re.match(r"\]\(((?:[^()\\]|\\.)*)\)", text[position:])
    if address is None:
        raise _cannot_parse("Can't find end of a URL at byte offset " + str(_byte(text, position)))
    opened.extra["url"] = re.sub(r"\\(.)", r"\1", address.group(1))
    written.close(opened)
    return position + address.end()


def find_entities(text: str) -> list[Json]:
    """Commands, links, mentions, hashtags and addresses that Telegram marks without being asked."""
    if not _MAY_HOLD_ENTITIES.search(text):
        return []
    return [
        {"type": found.lastgroup, "offset": units(text[: found.start()]), "length": units(found.group())}
        for found in _FOUND_BY_ITSELF.finditer(text)
    ]


def with_found(text: str, entities: list[Json]) -> list[Json]:
    """Given entities plus those found in the text where no given link or code stands."""
    taken = [
        (entity["offset"], entity["offset"] + entity["length"])
        for entity in entities
        if entity["type"] in ("code", "pre", "text_link", "url")
    ]
    found = [
        entity
        for entity in find_entities(text)
        if all(entity["offset"] + entity["length"] <= start or entity["offset"] >= end for start, end in taken)
    ]
    return sorted([*entities, *found], key=lambda entity: (entity["offset"], -entity["length"])) if found else entities


def trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Without the white space around, which Telegram drops; entities keep to their characters."""
    stripped = text.strip()
    if stripped == text:
        return text, entities
    shift, length = units(text) - units(text.lstrip()), units(stripped)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        end = min(entity["offset"] + entity["length"] - shift, length)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return stripped, kept


def _byte(text: str, position: int) -> int:
    return len(text[:position].encode())


def _cannot_parse(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
