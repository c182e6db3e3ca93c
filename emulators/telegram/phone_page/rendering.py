"""Messages and chats into HTML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from emulators.telegram.phone_page.texts import LANGUAGES, MONTHS, Texts
from emulators.telegram.world import Chat, Json, is_by_bot

STATIC = Path(__file__).parent / "static"
MEDIA = ("photo", "animation", "video", "voice", "audio", "sticker", "location", "contact", "document")
PLAIN_TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
BLOCKS = frozenset({"pre", "blockquote", "expandable_blockquote"})
"""Entities that stand in lines of their own: the line break after them is already there."""
SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "tg"})
ONLY_EMOJI = re.compile(r"^(?:[\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?\s*){1,3}$")
AVATAR_COLOURS = 6


@dataclass(frozen=True, slots=True)
class Screen:
    """Whose phone is looked at, and in which language."""

    person_id: int
    language: str

    @property
    def texts(self) -> Texts:
        return LANGUAGES[self.language]


def rich_text(text: str, entities: Iterable[Json] = ()) -> Markup:
    """A text with its entities as safe HTML."""
    coded = text.encode("utf-16-le")
    ordered = sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))
    return Markup("").join(_nested(coded, 0, len(coded) // 2, ordered))


def _nested(coded: bytes, start: int, end: int, entities: list[Json]) -> Iterator[Markup]:
    """The stretch from start to end; every entity holds those that begin inside it."""
    position = start
    while entities:
        outer = entities[0]
        begins, ends = max(outer["offset"], position), min(outer["offset"] + outer["length"], end)
        inside = [each for each in entities[1:] if each["offset"] < ends]
        entities = [each for each in entities[1:] if each["offset"] >= ends]
        if ends <= begins:
            continue
        yield escape(_cut(coded, position, begins))
        yield _wrapped(outer, _cut(coded, begins, ends), Markup("").join(_nested(coded, begins, ends, inside)))
        position = ends + (outer["type"] in BLOCKS and _cut(coded, ends, ends + 1) == "\n")
    yield escape(_cut(coded, position, end))


def _cut(coded: bytes, start: int, end: int) -> str:
    return coded[start * 2 : end * 2].decode("utf-16-le", "replace")


def _wrapped(entity: Json, words: str, inside: Markup) -> Markup:
    kind = entity["type"]
    if tag := PLAIN_TAGS.get(kind):
        return Markup(f"<{tag}>{inside}</{tag}>")  # noqa: S704 - the tag is ours, the inside is escaped
    if kind in ("text_link", "url", "email"):
        address = {"text_link": entity.get("url", ""), "email": f"mailto:{words}"}.get(kind, words)
        if urlsplit(address).scheme not in SAFE_SCHEMES:
            return inside
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(address, inside)
    if kind == "bot_command":
        return Markup('<button type="button" class="command" data-say="{}">{}</button>').format(words, inside)
    if kind == "spoiler":
        return Markup('<span class="spoiler" role="button" tabindex="0">{}</span>').format(inside)
    if kind in ("mention", "hashtag", "phone_number", "text_mention", "cashtag"):
        return Markup('<span class="mark">{}</span>').format(inside)
    return inside


def clock(timestamp: int) -> str:
    return datetime.fromtimestamp(timestamp).astimezone().strftime("%H:%M")


def day(timestamp: int, language: str) -> str:
    """«Сегодня», «21 ноября», by this machine's own time zone."""
    when, now = datetime.fromtimestamp(timestamp).astimezone(), datetime.now().astimezone()
    if when.date() == now.date():
        return LANGUAGES[language]["today"]
    month = MONTHS[language][when.month - 1]
    words = f"{when.day} {month}" if language == "ru" else f"{month} {when.day}"
    return words if when.year == now.year else f"{words} {when.year}"


def size(count: int) -> str:
    """A file size for people: 640 B, 12.4 KB, 3.1 MB."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def seconds(count: int) -> str:
    return f"{count // 60}:{count % 60:02}"


def initials(name: str) -> str:
    words = [word for word in re.split(r"[\s«»\"]+", name) if len(word) > 1 and word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def kind_of(message: Json) -> str:
    return next((kind for kind in MEDIA if kind in message), "text")


def key_of(message: Json) -> str:
    """The id of the element that shows a message; the messages of an album share one."""
    group = message.get("media_group_id")
    return f"album-{group}" if group else f"message-{message['message_id']}"


def grouped(messages: Iterable[Json]) -> list[list[Json]]:
    """Messages with albums brought together."""
    groups: dict[str, list[Json]] = {}
    for message in messages:
        groups.setdefault(key_of(message), []).extend(parts_of(message))
    return [*groups.values()]


def parts_of(message: Json) -> list[Json]:
    """A message with several pictures as if each were one of its own."""
    return [{**message, **part, "caption": ""} if n else message for n, part in enumerate(message.get("parts") or [{}])]


def summary(message: Json, texts: Texts) -> str:
    """One line for chat lists and quotes: «Фото, вот такая»."""
    kind = kind_of(message)
    words = message.get("text") or message.get("caption") or ""
    if kind == "text":
        return words
    what = message["document"]["file_name"] if kind == "document" else texts[kind]
    return f"{what}, {words}" if words else what


def shown_picture(sizes: list[Json]) -> Json:
    """The size that suits a bubble: the smallest that is at least 400 wide, else the largest."""
    return next((each for each in sizes if each["width"] >= 400), sizes[-1])


def _version() -> str:
    """Changes with the static files, so that a browser never keeps old ones."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("emulators.telegram.phone_page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, day=day, filesize=size, seconds=seconds, initials=initials)
    environment.globals.update(
        rich_text=rich_text,
        is_by_bot=is_by_bot,
        kind_of=kind_of,
        key_of=key_of,
        grouped=grouped,
        summary=summary,
        shown_picture=shown_picture,
        only_emoji=ONLY_EMOJI.match,
        avatar_colours=AVATAR_COLOURS,
        version=_version(),
    )
    return environment


TEMPLATES = _environment()


def page(name: str, screen: Screen | None, **context: object) -> str:
    language = screen.language if screen else "ru"
    return TEMPLATES.get_template(name).render(screen=screen, language=language, texts=LANGUAGES[language], **context)


def message_html(screen: Screen, chat: Chat, group: list[Json]) -> str:
    """One message, or one album."""
    return page("message.html", screen, chat=chat, group=group)


def row_html(screen: Screen, chat: Chat) -> str:
    """A line of the chat list."""
    return page("row.html", screen, chat=chat)


def keys_html(screen: Screen, chat: Chat) -> str:
    """The reply keyboard that lies open, or nothing."""
    return page("keys.html", screen, keyboard=chat.keyboard)


def album_of(chat: Chat, message: Json) -> list[Json]:
    """The message with the others of its album."""
    group = message.get("media_group_id")
    if not group:
        return parts_of(message)
    return [each for each in chat.messages.values() if each.get("media_group_id") == group]


def state_of(chat: Chat) -> str:
    """What stands at the bottom of a chat: a start button, an unblock button, or the message field."""
    if chat.blocked:
        return "blocked"
    return "open" if chat.started else "start"
