"""A letter that comes back, as servers write it.

Source: https://www.rfc-editor.org/rfc/rfc3464#appendix-E
"""

from __future__ import annotations

import uuid
from email import message_from_bytes
from email.utils import formatdate

DAEMON = "MAILER-DAEMON@mail.example"


def returned(
    sender: str,
    recipient: str,
    source: bytes,
    *,
    status: str = "5.1.2",
    action: str = "failed",
    said: str = "Host or domain name not found",
) -> bytes:
    """The report for `sender` that his letter did not reach `recipient`."""
    edge = uuid.uuid4().hex
    head = "\r\n".join(
        f"{name}: {value}".replace("\n", "\n ").replace("\r\n  ", "\r\n ")
        for name, value in message_from_bytes(source).items()
    )
    return (
        f"From: Mail Delivery System <{DAEMON}>\r\n"
        f"To: {sender}\r\n"
        f"Subject: Undelivered Mail Returned to Sender\r\n"
        f"Date: {formatdate()}\r\n"
        f"Message-ID: <{uuid.uuid4().hex}@mail.example>\r\n"
        f"Auto-Submitted: auto-replied\r\n"
        f"MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{edge}"\r\n\r\n'
        f"--{edge}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"I'm sorry to have to inform you that your message could not be delivered.\r\n"
        f"<{recipient}>: {said}\r\n"
        f"--{edge}\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mail.example\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} {said}\r\n\r\n"
        f"--{edge}\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}\r\n"
        f"--{edge}--\r\n"
    ).encode()
