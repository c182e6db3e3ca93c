"""A letter's heads in words, whatever letters and charsets they claim: who wrote it, and whether a program did.

Sources: https://www.rfc-editor.org/rfc/rfc2047 (words of other letters), https://www.rfc-editor.org/rfc/rfc5322,
https://www.rfc-editor.org/rfc/rfc3834 and https://www.rfc-editor.org/rfc/rfc2919 (what programs send)
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parseaddr

from bot.channels.email_bounces import Letter

LONGEST_HEADER = 2000

_MACHINES = re.compile(
    r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|noreply-.*|bounces?([+-].*)?|notifications?|daemon)$",
    re.IGNORECASE,
)


def header(letter: Letter, name: str) -> str:
    """A header in words, whatever letters and charsets it claims; "" for none."""
    found = values(letter, name)
    return decoded(found[0][:LONGEST_HEADER]) if found else ""


def values(letter: Letter, name: str) -> list[str]:
    """A header as often as it stands there, its bare bytes as letters: old programs write them as they come."""
    found = [str(value) for each, value in letter.raw_items() if each.lower() == name.lower()]
    return [value if value.isascii() else letters(value.encode("utf-8", "surrogateescape"), "utf-8") for value in found]


def sender(letter: Letter) -> tuple[str, str]:
    """(name, address) of who wrote it; ("", "") where that is no address."""
    found = values(letter, "From") or values(letter, "Sender")
    raw = oneline(found[0][:LONGEST_HEADER]) if found else ""
    try:
        name, address = parseaddr(raw)
    except RecursionError:
        return "", ""
    address = normal(address)
    if not re.fullmatch(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}", address):
        return "", ""
    shown = decoded(name).strip().strip("'\"").strip()
    return ("" if shown.casefold() == address else shown[:200]), address


def normal(address: str) -> str:
    """An address as it is compared and written to: small letters, the domain in those that every server knows."""
    local, _, domain = decoded(address).strip().rpartition("@")
    try:
        domain = domain.encode("ascii").decode()
    except UnicodeError:
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    return f"{local.lower()}@{domain.lower().rstrip('.')}" if local and domain else ""


def readable(address: str) -> str:
    """The same as people write it: кружки.рф, and not xn--."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        return address


def by_machine(letter: Letter, address: str) -> bool:
    """Whether a program wrote it: such a letter is never answered by one. Source: RFC 3834, section 2."""
    auto = header(letter, "Auto-Submitted").split(";")[0].strip().casefold()
    if auto and auto != "no":
        return True
    if header(letter, "Precedence").strip().casefold() in ("bulk", "junk", "list", "auto_reply"):
        return True
    marks = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "X-Failed-Recipients", "List-Id", "List-Post")
    if any(letter.get(mark) is not None for mark in (*marks, "List-Unsubscribe", "X-Loop", "Feedback-ID")):
        return True
    if (back := letter.get("Return-Path")) is not None and str(back).strip() == "<>":
        return True
    return letter.get_content_type() == "multipart/report" or bool(_MACHINES.match(address.partition("@")[0]))


def decoded(text: str) -> str:
    try:
        parts = decode_header(text)
    except (ValueError, LookupError, AssertionError, HeaderParseError):
        return oneline(text)
    return oneline(
        "".join(part if isinstance(part, str) else letters(part, charset or "utf-8") for part, charset in parts)
    )


def letters(content: bytes, charset: str) -> str:
    """Bytes as letters, whatever charset they claim: many say one and write another."""
    for name in (charset, "utf-8", "cp1251"):
        try:
            # UTF-7 and the escapes of programs can name halves of characters, which nothing can keep.
            return content.decode(name).encode("utf-8", "replace").decode()
        except (LookupError, ValueError, AssertionError):
            continue
    return content.decode("utf-8", "replace")


def oneline(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
