"""A person's mail program: what he writes, and what he sees of what came.

Letters are made as programs make them: text and HTML, the answered letter quoted below as Gmail quotes it, and its name
in In-Reply-To and References.
"""

from __future__ import annotations

import asyncio
import html
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import Header, decode_header, make_header
from email.message import Message
from email.mime.application import MIMEApplication
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formatdate, parseaddr
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any

from emulators.mail.world import Letter, Mailbox, World

_POLICY = compat32.clone(linesep="\r\n", max_line_length=998)


class NoSuchLetter(LookupError):
    """There is no such letter, or nothing of the kind in it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes with a letter."""

    name: str
    mime: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of a letter that can be chosen: by its number, or by following it."""

    label: str
    number: int = 0
    address: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter as its reader sees it."""

    uid: int
    sender: str
    address: str
    subject: str
    text: str
    choices: tuple[Choice, ...]
    pictures: int
    files: tuple[str, ...]
    sent: bool
    at: float
    message: Message[Any, Any] = field(repr=False)

    @property
    def labels(self) -> list[str]:
        return [choice.label for choice in self.choices]


class _Reader(HTMLParser):
    """The words of a letter and its choices, by the classes that the shop's letters give them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.choices: list[Choice] = []
        self._inside: list[tuple[str, str]] = []
        self._address = ""
        self._parts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        kind = given.get("class") or ""
        if tag == "br":
            self.handle_data("\n")
        elif tag not in ("img", "hr", "meta", "link"):
            self._inside.append((tag, kind))
        if kind == "choice":
            self._address, self._parts = given.get("href") or "", {}

    def handle_endtag(self, tag: str) -> None:
        while self._inside:
            opened, kind = self._inside.pop()
            if kind == "choice":
                number = self._parts.get("number", "0")
                self.choices.append(Choice(self._parts.get("label", ""), int(number), self._address))
            if opened == tag:
                return

    def handle_data(self, data: str) -> None:
        kinds = [kind for _, kind in self._inside]
        if "said" in kinds:
            self.text += data
        for kind in ("label", "number"):
            if kind in kinds:
                self._parts[kind] = self._parts.get(kind, "") + data


def shown(letter: Letter) -> Shown:
    message = message_from_bytes(letter.source)
    reader = _Reader()
    plain, files, pictures = "", [], 0
    for part in message.walk():
        kind = part.get_content_type()
        if part.get_content_maintype() == "image":
            pictures += 1
        elif part.get_filename():
            files.append(words(part.get_filename() or ""))
        elif kind == "text/html":
            reader.feed(content_of(part).decode("utf-8", "replace"))
        elif kind == "text/plain" and not plain:
            plain = content_of(part).decode(part.get_content_charset() or "utf-8", "replace")
    reader.close()
    name, address = parseaddr(words(str(message.get("From", ""))))
    return Shown(
        uid=letter.uid,
        sender=name or address,
        address=address,
        subject=words(str(message.get("Subject", ""))),
        text=reader.text if reader.text or reader.choices or pictures else plain,
        choices=tuple(reader.choices),
        pictures=pictures,
        files=tuple(files),
        sent=letter.sent,
        at=letter.at,
        message=message,
    )


def words(text: str) -> str:
    return str(make_header(decode_header(text)))


def content_of(part: Message[Any, Any]) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


class Program:
    """One person's mailbox, and the shop that he writes to."""

    def __init__(self, world: World, mailbox: Mailbox, shop: str) -> None:
        self.mailbox = mailbox
        self._world = world
        self._shop = shop

    @property
    def account_name(self) -> str:
        return self.mailbox.account.name

    # What he sees

    @property
    def letters(self) -> list[Shown]:
        return [shown(letter) for letter in self.mailbox.letters]

    @property
    def received(self) -> list[Shown]:
        return [shown(letter) for letter in self.mailbox.inbox]

    def letter(self, uid: int) -> Shown:
        for letter in self.mailbox.letters:
            if letter.uid == uid:
                return shown(letter)
        raise NoSuchLetter(f"no letter {uid}")

    async def wait_for(self, seen: Callable[[], Any], *, seconds: float = 10.0) -> Any:
        """What `seen` gives as soon as that is true. Raises TimeoutError with the last letters otherwise."""
        changed = asyncio.Event()
        self.mailbox.watchers.append(changed.set)
        try:
            async with asyncio.timeout(seconds):
                while not (result := seen()):
                    await changed.wait()
                    changed.clear()
                return result
        except TimeoutError:
            lines = [f"{'to' if each.sent else 'from'} shop: {each.text[:70]!r} {each.labels}" for each in self.letters]
            raise TimeoutError("not seen in time; the mailbox ends with:\n" + "\n".join(lines[-8:])) from None
        finally:
            self.mailbox.watchers.remove(changed.set)

    # What he does

    def write(
        self, text: str, *, subject: str = "", files: Sequence[Upload] = (), copies: int = 1, **heads: str
    ) -> bytes:
        """A new letter to the shop."""
        return self._send(
            _body(text, html.escape(text).replace("\n", "<br>")), subject, files, copies=copies, heads=heads
        )

    def answer(self, uid: int, text: str, *, files: Sequence[Upload] = (), copies: int = 1, sender: str = "") -> bytes:
        """An answer to a letter, which stands quoted below."""
        answered = self.letter(uid)
        lead = f"{time.strftime('%d.%m.%Y в %H:%M')}, {answered.sender} <{answered.address}>:"
        quoted = "\n".join(f"> {line}" for line in answered.text.splitlines())
        below = f'<div class="gmail_quote"><div class="gmail_attr">{html.escape(lead)}<br></div>'
        below += f'<blockquote class="gmail_quote">{html.escape(answered.text)}</blockquote></div>'
        body = _body(f"{text}\n\n{lead}\n{quoted}\n", f"{html.escape(text).replace(chr(10), '<br>')}<br>{below}")
        subject = answered.subject if re.match(r"(?i)re:", answered.subject) else f"Re: {answered.subject}"
        return self._send(body, subject, files, copies=copies, answered=answered, sender=sender)

    def choose(self, uid: int, label: str, *, copies: int = 1) -> bytes:
        """Answer a letter with the number of one of its choices."""
        letter = self.letter(uid)
        for choice in letter.choices:
            if label in choice.label and choice.number:
                return self.answer(uid, str(choice.number), copies=copies)
        raise NoSuchLetter(f"no choice {label!r} among {letter.labels}")

    def forward(self, text: str, author: str) -> bytes:
        """Pass on what somebody else wrote."""
        told = f"---------- Forwarded message ---------\nОт: {author}\nТема: Привет\n\n{text}"
        return self._send(_body(told, f'<div class="gmail_quote">{html.escape(told)}</div>'), "Fwd: Привет", ())

    def _send(
        self,
        body: MIMEBase,
        subject: str,
        files: Sequence[Upload],
        *,
        copies: int = 1,
        answered: Shown | None = None,
        sender: str = "",
        heads: Mapping[str, str] = MappingProxyType({}),
    ) -> bytes:
        account = self.mailbox.account
        letter: MIMEBase = body
        if files:
            letter = MIMEMultipart("mixed", _subparts=[body, *map(_file, files)])
        address = sender or account.address
        letter["From"] = f"{Header(account.name, 'utf-8').encode()} <{address}>" if account.name else address
        letter["To"] = self._shop
        letter["Subject"] = Header(subject, "utf-8").encode()
        letter["Date"] = formatdate(time.time(), localtime=True)
        letter["Message-ID"] = f"<{uuid.uuid4().hex}@{address.rpartition('@')[2]}>"
        if answered is not None:
            named = str(answered.message.get("Message-ID", ""))
            letter["In-Reply-To"] = named
            letter["References"] = f"{answered.message.get('References', '')} {named}".strip()
        for name, value in heads.items():
            letter[name.replace("_", "-")] = value
        source: bytes = letter.as_bytes(policy=_POLICY)
        self.mailbox.seen.update(each.uid for each in self.mailbox.letters)
        self.mailbox.add(source, sent=True)
        for _ in range(copies):
            self._world.deliver(address, [self._shop], source)
        return source


def _body(text: str, page: str) -> MIMEMultipart:
    page = f'<div dir="auto">{page}</div>'
    return MIMEMultipart("alternative", _subparts=[MIMEText(text, "plain", "utf-8"), MIMEText(page, "html", "utf-8")])


def _file(upload: Upload) -> MIMEBase:
    main, _, sub = upload.mime.partition("/")
    part: MIMEBase = MIMEApplication(upload.content, sub or "octet-stream")
    part.replace_header("Content-Type", f"{main}/{sub}" if sub else "application/octet-stream")
    part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", upload.name))
    return part
