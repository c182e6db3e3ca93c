"""Letters for the tests of e-mail: made by hand where a program's own shape counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

from bot.channels import email_names, email_read
from bot.channels.email_names import Name
from bot.channels.email_read import Own
from inbox.content import Incoming, Receipt

KEY = "key-of-these-tests"
OWN = Own("shop@clay.example", KEY)
ANNA = "anna@mail.example"


MADE = 1_700_000_000_123
"""When the shop's letters were made."""


def ours(message_id: int = 41, *, choices: int = 0b111, chat: str = ANNA, key: str = KEY) -> str:
    """The Message-ID of a letter of the shop."""
    return email_names.write(Name(message_id, 1, choices, chat, MADE), key, "clay.example")


def source(text: str = "", page: str = "", **heads: str) -> bytes:
    """A letter of Anna's; heads are written with _ for -."""
    parts = [MIMEText(text, "plain", "utf-8")] if text or not page else []
    parts += [MIMEText(page, "html", "utf-8")] if page else []
    letter: Any = parts[0] if len(parts) == 1 else MIMEMultipart("alternative", _subparts=parts)
    given = {
        "From": f"=?utf-8?B?0JDQvdC90LA=?= <{ANNA}>",
        "To": OWN.address,
        "Message-ID": "<one@mail.example>",
        **heads,
    }
    for name, value in {name.replace("_", "-"): value for name, value in given.items()}.items():
        letter[name] = value if value.isascii() else Header(value, "utf-8").encode()
    return bytes(letter.as_bytes())


def stored(letter: bytes) -> Mapping[str, Any]:
    return {"letter": letter.decode("latin-1"), "uid": 7, "validity": 3, "size": len(letter), "at": 1_700_000_000.0}


def read(letter: bytes) -> Incoming:
    """What is said or told first; a letter that answers one of ours tells of that as well."""
    return email_read.read(stored(letter), OWN)[0]


def told(letter: bytes) -> list[Receipt]:
    """What a letter tells of letters of the shop."""
    return [each.receipt for each in email_read.read(stored(letter), OWN) if each.receipt is not None]


def report(
    named: str,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    kind: str = "delivery-status",
    heads: Sequence[str] = (),
) -> bytes:
    """What a mail server returns of the letter of this name."""
    return "\r\n".join(
        [
            "From: MAILER-DAEMON@mail.example",
            f"To: {OWN.address}",
            "Subject: Undelivered Mail Returned to Sender",
            "Message-ID: <report@mail.example>",
            *heads,
            f"Content-Type: multipart/report; report-type={kind}; boundary=edge",
            "",
            "--edge",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "The letter did not reach its reader.",
            "--edge",
            f"Content-Type: message/{kind}",
            "",
            "Reporting-MTA: dns; mx.mail.example",
            "",
            f"Final-Recipient: rfc822; {ANNA}",
            f"Action: {action}",
            f"Status: {status}",
            "",
            "--edge",
            "Content-Type: text/rfc822-headers",
            "",
            f"Message-ID: {named}",
            "Subject: Re: mugs",
            "--edge--",
            "",
        ]
    ).encode()
