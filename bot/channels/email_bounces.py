"""What mail servers say of a letter that did not reach its reader.

Source: https://www.rfc-editor.org/rfc/rfc3464 (the report), https://www.rfc-editor.org/rfc/rfc3463 (its codes)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any

from bot.channels.email_names import Name

if TYPE_CHECKING:
    Letter = Message[Any, Any]
else:
    # In this version of Python the class takes no parameters when it runs.
    Letter = Message

LONGEST = 200_000
"""Characters of a report that are looked through for our letter's name."""

NO_MAILBOX = "there is no such mailbox"
FULL = "the mailbox is full"
REFUSED = "the mail server refuses our letters"
TOO_LARGE = "the letter is too large for that mailbox"
NOT_REACHED = "the mail server could not be reached"
NEVER = "the letter cannot be delivered"
NOT_NOW = "the letter could not be delivered for now"

REASONS: dict[str, str] = {
    "1.1": NO_MAILBOX,
    "1.2": NO_MAILBOX,
    "1.3": NO_MAILBOX,
    "1.6": NO_MAILBOX,
    "1.10": NO_MAILBOX,
    "2.1": NO_MAILBOX,
    "2.2": FULL,
    "2.3": TOO_LARGE,
    "3.1": FULL,
    "3.4": TOO_LARGE,
    "4.1": NOT_REACHED,
    "4.4": NOT_REACHED,
    "4.7": NOT_REACHED,
    "7.0": REFUSED,
    "7.1": REFUSED,
    "7.26": REFUSED,
}
"""What the last two numbers of a code mean; the first is 4 for now, 5 for ever."""

GONE = frozenset({NO_MAILBOX})

_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Failure:
    """`words` are empty for what is no failure: a letter that is late, or that did arrive."""

    name: Name | None
    words: str = ""
    gone: bool = False


def reason(code: str) -> str:
    """A code such as 5.1.1 in our words."""
    kind, _, rest = code.partition(".")
    return REASONS.get(rest, NEVER if kind == "5" else NOT_NOW)


def failure_in(letter: Letter, name_in: Callable[[str], Name | None]) -> Failure | None:
    """What a report says of a letter of ours; None for a letter that is no report.

    `name_in` finds a name of ours that is no forgery: without one, nothing is believed.
    """
    is_report = letter.get_content_type() == "multipart/report"
    if is_report and str(letter.get_param("report-type") or "").casefold() not in ("delivery-status", ""):
        return None
    if not is_report and not _is_daemons(letter):
        return None
    inside: Any = letter.get_payload()
    parts: list[Letter] = [each for each in inside if isinstance(each, Message)] if isinstance(inside, list) else []
    status = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
    # The letter that came back, or its head alone, is in the report; some servers only answer it.
    name = name_in(_text(letter)[:LONGEST])
    if status is None and not is_report:
        code = _CODE.search(_text(letter)[:LONGEST])
        return Failure(name, reason(code[0]), reason(code[0]) in GONE) if code and code[1] != "2" else None
    said = _text(status) if status is not None else _text(letter)[:LONGEST]
    action = re.search(r"(?im)^action:\s*(\w+)", said)
    if action is not None and action[1].casefold() != "failed":
        return Failure(name)
    stated = re.search(r"(?im)^status:\s*([245]\.\d{1,3}\.\d{1,3})", said)
    found = stated[1] if stated else next((each[0] for each in _CODE.finditer(said)), "")
    words = reason(found) if found else NEVER
    return Failure(name, words, words in GONE and not found.startswith("4"))


def _is_daemons(letter: Letter) -> bool:
    sender = str(letter.get("From") or "").casefold()
    return letter.get("X-Failed-Recipients") is not None or "mailer-daemon" in sender or "postmaster@" in sender


def _text(letter: Letter) -> str:
    """The source, whatever it holds."""
    try:
        return letter.as_bytes().decode("utf-8", "replace")
    except (ValueError, LookupError, TypeError, RecursionError, AttributeError, KeyError):
        return "\n".join(f"{name}: {value}" for name, value in letter.items())
