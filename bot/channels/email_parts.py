"""A letter's parts: the words in it and the files with it.

Source: https://www.rfc-editor.org/rfc/rfc2046, https://www.rfc-editor.org/rfc/rfc2183 (what is a file),
https://www.rfc-editor.org/rfc/rfc2392 (pictures among the words)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from email.message import Message
from typing import Any

from bot.channels import email_html, email_text
from bot.channels.email_bounces import Letter
from bot.channels.email_heads import decoded, header, letters
from inbox.content import Media, MediaKind

MOST_PARTS = 200
DEEPEST = 20
MOST_FILES = 20
LARGEST_WORDS = 2_000_000
"""Bytes of a part that is read as words."""

PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})

ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"})

FOR_PROGRAMS = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "text/calendar", "text/rfc822-headers"}
    | {"message/delivery-status", "message/disposition-notification"}
)
"""Parts that people read nothing in."""

_FORWARD = re.compile(r"^\s*(fwd?|wg|пересл|rv|enc)\s*:\s*", re.IGNORECASE)


def leaves(letter: Letter) -> Iterator[Letter]:
    """The parts that hold something, in their order: a loop over a stack, with an end however they nest.

    A letter within a letter is one part: it is a file for us.
    """
    stack, count = [(letter, 0)], 0
    while stack and count < MOST_PARTS:
        part, depth = stack.pop()
        count += 1
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            inside: Any = part.get_payload()
            if depth < DEEPEST:
                stack += [(each, depth + 1) for each in reversed(inside[:MOST_PARTS]) if isinstance(each, Message)]
        else:
            yield part


def is_file(part: Letter) -> bool:
    """An attachment, or a picture among the words."""
    kind = part.get_content_type()
    if part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
        return True
    return bool(file_name(part))


def file_name(part: Letter) -> str:
    try:
        given = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        given = ""
    name = decoded(str(given)).replace("/", "_").replace("\\", "_").strip(". ")
    return name[:150]


def content_of(part: Letter) -> bytes:
    """The bytes of a part; b"" for one that nobody can decode."""
    try:
        if part.is_multipart():
            inside: Any = part.get_payload()
            return bytes(inside[0].as_bytes()) if inside and isinstance(inside[0], Message) else b""
        content: Any = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError, AttributeError, RecursionError):
        return b""
    return content if isinstance(content, bytes) else str(content or "").encode("utf-8", "replace")


class Body:
    """The words and files of one letter."""

    def __init__(self, letter: Letter, validity: str, uid: str) -> None:
        self._letter = letter
        self._place = f"{validity} {uid}"
        self._name = "".join(re.findall(r"<[!-;=?-~]{3,250}>", header(letter, "Message-ID"))[:1])
        self._parts = list(leaves(letter))
        self._unseen: frozenset[str] = frozenset()

    def words(self) -> str:
        whole = bool(_FORWARD.match(header(self._letter, "Subject")))
        html, plain = self._first("text/html"), self._first("text/plain")
        if html is not None:
            source = self._source(html)
            text, self._unseen = email_html.of_html(source, whole=whole)
            text = text[: email_text.LONGEST_TEXT] if whole else email_text.cut(text)
            if not text:
                text = email_html.of_html(source, whole=True)[0][: email_text.LONGEST_TEXT]
            if text:
                return text
        if plain is None:
            return ""
        flowed = "format=flowed" in str(plain.get("Content-Type", "")).replace(" ", "").replace('"', "").casefold()
        text = email_text.of_plain(self._source(plain), flowed=flowed)
        return text[: email_text.LONGEST_TEXT] if whole else email_text.cut(text)

    def files(self) -> tuple[Media, ...]:
        """Attachments and pictures; not those that stand in what is quoted, nor what only programs read."""
        found = []
        for n, part in enumerate(self._parts):
            kind = part.get_content_type()
            if not is_file(part) or kind in FOR_PROGRAMS:
                continue
            if str(part.get("Content-ID") or "").strip("<> ") in self._unseen or kind in ENCRYPTED:
                continue
            found.append(
                Media(_kind(kind), remote=f"{self._place} {n} {self._name}", name=_titled(part, kind), mime=_mime(kind))
            )
        return tuple(found[:MOST_FILES])

    def unsupported(self, text: str, files: Sequence[Media], *, too_large: bool) -> str:
        """Why a person sees nothing of the letter."""
        if too_large:
            return "too large"
        kinds = {self._letter.get_content_type(), *(part.get_content_type() for part in self._parts)}
        if kinds & ENCRYPTED:
            return "encrypted"
        return "" if text or files or header(self._letter, "Subject").strip() else "empty"

    def _first(self, kind: str) -> Letter | None:
        return next((part for part in self._parts if part.get_content_type() == kind and not is_file(part)), None)

    def _source(self, part: Letter) -> str:
        try:
            charset = part.get_content_charset() or "utf-8"
        except (ValueError, LookupError, TypeError):
            charset = "utf-8"
        return letters(content_of(part)[:LARGEST_WORDS], charset).replace("\x00", "")


def _kind(mime: str) -> MediaKind:
    if mime in PICTURES:
        return MediaKind.PHOTO
    return {"video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}.get(mime.partition("/")[0], MediaKind.DOCUMENT)


def _mime(kind: str) -> str:
    """A type as letters may claim it: of plain letters, and no longer than any that there is."""
    return (
        kind if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,40}/[a-z0-9!#$&^_.+-]{1,59}", kind) else "application/octet-stream"
    )


def _titled(part: Letter, kind: str) -> str:
    if name := file_name(part):
        return name
    return {"message/rfc822": "letter.eml", "text/html": "page.html", "text/plain": "text.txt"}.get(kind, "")
