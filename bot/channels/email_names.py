"""What our letters are called, so that a letter which names one can be believed.

A Message-ID of ours says which message it carries, in which version, which of its buttons can be answered by a
number, and to whom it went; it is signed, so nobody makes one up. Programs repeat it in In-Reply-To and References,
mail servers in what they return. Source: https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "prilavok"

_SIGNATURE = 22
"""Characters of base64: 132 bits, which nobody guesses."""

_OURS = re.compile(
    rf"<{MARK}\.([0-9a-f]{{1,16}})\.([0-9a-f]{{1,8}})\.([0-9a-f]{{1,16}})\.([0-9a-f]{{1,16}})\.([A-Za-z0-9_-]{{1,170}})\.([A-Za-z0-9_-]{{22}})@"
)


@dataclass(frozen=True, slots=True)
class Name:
    """One letter of ours. `choices` has a bit for each button that may be answered by its number."""

    message_id: int
    version: int
    choices: int
    chat: str
    made_ms: int = 0
    """When the message was made: numbers of messages begin anew in a database that was restored, and mail servers drop
    a letter whose name they know."""

    @property
    def place(self) -> str:
        """How the message is called among those of its chat."""
        return f"m{self.message_id:x}.{self.version:x}"

    def index(self, number: int) -> int | None:
        """The button that the buyer calls by this number; None if none is called so."""
        offered = [n for n in range(self.choices.bit_length()) if self.choices >> n & 1]
        return offered[number - 1] if 0 < number <= len(offered) else None


def write(name: Name, key: str, domain: str) -> str:
    """The name as a Message-ID."""
    facts = _facts(name)
    return f"<{MARK}.{facts}.{_signed(facts, key)}@{domain}>"


def read(words: str, key: str) -> Name | None:
    """The last name of ours among these words that is no forgery."""
    for found in reversed(list(_OURS.finditer(words))):
        message_id, version, choices, made, chat, signature = found.groups()
        facts = ".".join((message_id, version, choices, made, chat))
        if not key or not hmac.compare_digest(signature, _signed(facts, key)):
            continue
        try:
            whose = base64.urlsafe_b64decode(chat + "=" * (-len(chat) % 4)).decode()
        except (ValueError, binascii.Error):
            continue
        return Name(int(message_id, 16), int(version, 16), int(choices, 16), whose, int(made, 16))
    return None


def token(name: Name, key: str) -> str:
    """The same for an address of ours on the web."""
    facts = _facts(name)
    return f"{facts}.{_signed(facts, key)}"


def read_token(text: str, key: str) -> Name | None:
    return read(f"<{MARK}.{text}@", key)


def choices(numbered: Iterable[bool]) -> int:
    """The bits of buttons, in their order, that may be answered by a number."""
    return sum(1 << n for n, may in enumerate(numbered) if may)


def _facts(name: Name) -> str:
    chat = base64.urlsafe_b64encode(name.chat.encode()).decode().rstrip("=")
    return f"{name.message_id:x}.{name.version:x}.{name.choices:x}.{name.made_ms:x}.{chat}"


def _signed(facts: str, key: str) -> str:
    digest = hmac.new(key.encode(), facts.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_SIGNATURE]
