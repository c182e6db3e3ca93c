"""Reading letters: bytes in, our words out. Whatever a letter holds, it is read to some end and never raises.

What is stored of a letter is its source, with large attachments taken out (they are fetched from the mailbox when their
turn comes), as text in which each character is a byte: {"letter", "uid", "validity", "size", "at"}.

Source: https://www.rfc-editor.org/rfc/rfc5322
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.parser import BytesParser
from typing import Any

from bot.channels import email_names
from bot.channels.email_bounces import Failure, Letter, failure_in
from bot.channels.email_heads import by_machine, header, normal, oneline, readable, sender, values
from bot.channels.email_names import Name
from bot.channels.email_parts import Body
from inbox.content import Fate, Incoming, Press, Profile, Receipt
from inbox.reading import key_of

Raw = Mapping[str, Any]

LONGEST_CHAT = 72
"""Characters of an address that may name a conversation; a longer one is named by its digest."""

NOBODY = "unknown"
"""The conversation of letters whose writer is no address: they are kept, and nobody can be answered."""

LONGEST_TYPE = 4000
"""Bytes of a header that is read as a type. The time that its parameters take grows with their square."""

COMMAND = 40
"""Characters of a text that may be an order to the bot: a subject above it would hide that."""

_REPLY = re.compile(r"^\s*((re|ha|отв|на|aw|sv|antw|odp|r|vs)(\[\d+\])?|ответ)\s*:\s*", re.IGNORECASE)
_START = re.compile(r"^\s*/?start(?:[ _:]([\w-]{1,64}))?\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"^\W{0,2}(\d{1,2})\W{0,2}$")
_TYPES = re.compile(rb"^content-(?:type|disposition):[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_IDS = re.compile(r"<[^<>\s]{3,250}>")


@dataclass(frozen=True, slots=True)
class Own:
    """Our own mailbox: what it is called, and by what its letters are known."""

    address: str
    key: str


def parsed(source: bytes) -> Letter:
    """A letter; only its head where its parts lie too deep. Of a type with more parameters than any has, the first."""
    source = _TYPES.sub(lambda found: found[0][:LONGEST_TYPE], source)
    try:
        return message_from_bytes(source)
    except (RecursionError, ValueError, LookupError, TypeError, AssertionError):
        return BytesParser().parsebytes(source, headersonly=True)


def source_of(raw: Raw) -> bytes:
    return str(raw.get("letter", "")).encode("latin-1", "replace")


def chat_of(letter: Letter, own: Own) -> str:
    """The conversation that a letter belongs to: that of the letter of ours which it names or returns, else its
    writer's.

    "" for what nobody else has written.
    """
    failure = failure_in(letter, lambda words: email_names.read(words, own.key))
    name, address = failure.name if failure is not None else _ours(letter, own), sender(letter)[1]
    if address == normal(own.address) or email_names.read(header(letter, "Message-ID"), own.key):
        return ""
    if name is not None:
        return name.chat
    return chat_named(address) if address else NOBODY


def chat_named(address: str) -> str:
    if len(address) <= LONGEST_CHAT:
        return address
    return f"long-{hashlib.sha256(address.encode()).hexdigest()[:40]}"


def name_of(letter: Letter, source: bytes) -> str:
    """The same for a letter that comes twice or lies in a mailbox that was numbered anew."""
    said = header(letter, "Message-ID").strip()
    facts = "\n".join((said, sender(letter)[1], header(letter, "Date"))).encode("utf-8", "replace") if said else source
    return hashlib.sha256(facts).hexdigest()[:32]


def read(raw: Raw, own: Own) -> Sequence[Incoming]:
    """One stored letter, or a press by a link of one, as what somebody said; nothing for our own."""
    if "press" in raw:
        return _followed(str(raw["press"]), str(raw.get("once", "")), own)
    source = source_of(raw)
    letter = parsed(source)
    chat = chat_of(letter, own)
    if not chat:
        return ()
    name, ours = name_of(letter, source), _ours(letter, own)
    display, address = sender(letter)
    failure = failure_in(letter, lambda words: email_names.read(words, own.key))
    if failure is not None and failure.name is not None:
        return (_receipt(failure.name, name, failure),) if failure.words else ()
    body = Body(letter, str(raw.get("validity", 0)), str(raw.get("uid", 0)))
    text, files = body.words(), body.files()
    whose = address if chat == chat_named(address) else ""
    machine = failure is not None or not address or by_machine(letter, address)
    profile = Profile(
        chat,
        name=(display or readable(whose)) if whose else "",
        locale=_locale(text),
        email="" if machine else whose,
    )
    press = _press(text, ours, name)
    subject = header(letter, "Subject")
    start = _START.match(subject)
    said = Incoming(
        external_id=name,
        profile=profile,
        text=_headed(subject, text, letter) if press is None else text,
        media=files,
        press=press,
        start=(start[1] or "") if start and not (start[1] or "").startswith("staff_") and not machine else None,
        reply_to=ours.place if ours is not None else "",
        unsupported=body.unsupported(text, files, too_large=bool(raw.get("too_large"))),
        context={} if machine else _context(letter, subject, address, chat),
        by_machine=machine,
        sent_at=float(raw.get("at") or 0),
    )
    # The conversation first: whoever locks both locks it before its messages.
    return (said,) if ours is None else (said, _receipt(ours, name))


def button_of(token: str, key: str) -> tuple[Name | None, int]:
    """Which button a link of ours means: its letter and its place among the letter's buttons."""
    facts, _, index = token.rpartition(".")
    name = email_names.read_token(facts, key) if re.fullmatch(r"[0-9a-f]{1,2}", index) else None
    if name is None or not name.choices >> int(index, 16) & 1:
        return None, 0
    return name, int(index, 16)


def _receipt(ours: Name, name: str, failure: Failure | None = None) -> Incoming:
    """Whoever names a letter of ours proves that it went out."""
    told = Receipt(
        place=ours.place,
        fate=Fate.SENT if failure is None else Fate.FAILED,
        key=key_of(ours.message_id, ours.made_ms),
        reason=failure.words if failure is not None else "",
        gone=failure is not None and failure.gone,
    )
    return Incoming(external_id=name, profile=Profile(ours.chat), receipt=told)


def _followed(token: str, once: str, own: Own) -> Sequence[Incoming]:
    name, index = button_of(token, own.key)
    if name is None:
        return ()
    press = Press(name.message_id, index, name.version, place=name.place)
    return (Incoming(external_id=f"press-{once}", profile=Profile(name.chat), press=press),)


def _ours(letter: Letter, own: Own) -> Name | None:
    """The letter of ours that this one answers."""
    for field in ("In-Reply-To", "References"):
        words = " ".join(values(letter, field))[-20_000:]
        if found := email_names.read(words, own.key):
            return found
    return None


def _context(letter: Letter, subject: str, address: str, chat: str) -> dict[str, str]:
    """What an answer must name, so that programs put it beside what it answers."""
    named = _IDS.findall(oneline(" ".join(values(letter, "References"))))
    own = _IDS.findall(oneline(" ".join(values(letter, "Message-ID"))))[:1]
    known = {
        "subject": oneline(subject)[:200],
        "letter": own[0] if own else "",
        "thread": " ".join((named + own)[-6:]),
    }
    if chat != address and chat == chat_named(address):
        known["address"] = address
    return known


def _headed(subject: str, text: str, letter: Letter) -> str:
    """The words with the subject above them, where it says more than they do: not in an answer, not above a word or
    two, which may be an order to the bot."""
    if letter.get("In-Reply-To") or _REPLY.match(subject) or not subject.strip() or _START.match(subject):
        return text
    if text and len(text) <= COMMAND and "\n" not in text:
        return text
    return f"{subject.strip()}\n\n{text}".strip()


def _press(text: str, ours: Name | None, name: str) -> Press | None:
    """A number in answer to a letter that offered numbers."""
    found = _NUMBER.match(text)
    if found is None or ours is None:
        return None
    index = ours.index(int(found[1]))
    return None if index is None else Press(ours.message_id, index, ours.version, place=ours.place)


def _locale(text: str) -> str:
    """The language of the words, as far as their letters show it."""
    cyrillic = len(re.findall(r"[а-яё]", text, re.IGNORECASE))
    latin = len(re.findall(r"[a-z]", text, re.IGNORECASE))
    return "" if cyrillic + latin < 3 else ("ru" if cyrillic * 3 >= latin else "en")
